// SPDX-License-Identifier: Apache-2.0
// Base64 against the examples of RFC 4648, GLib's own, and texts that are none.
#include "bytecode/base64.h"

#include <glib.h>
#include <string.h>

static void
test_round_trip (void)
{
  uint8_t bytes[300], back[302];
  char text[404];
  for (guint i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t) g_random_int ();
  for (size_t n = 0; n <= sizeof bytes; n++) {
    size_t length = mf_base64_length (n), written;
    mf_base64_encode (bytes, n, text);
    g_autofree char *expected = n ? g_base64_encode (bytes, n) : g_strdup ("");
    g_assert_cmpmem (text, length, expected, strlen (expected));
    g_assert_true (mf_base64_decode (text, length, back, &written));
    g_assert_cmpmem (back, written, bytes, n);
  }
}

static void
test_refused (void)
{
  static const char *const texts[] = { "Zg", "Zg=", "Zg=v", "Z===", "Zh==", "Zm9=", "Zm\xc3v", "Zg==Zg==", "=Zg=" };
  uint8_t bytes[16];
  size_t written;
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    g_assert_false (mf_base64_decode (texts[i], strlen (texts[i]), bytes, &written));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base64/round-trip", test_round_trip);
  g_test_add_func ("/base64/refused", test_refused);
  return g_test_run ();
}
