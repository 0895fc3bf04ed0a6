// SPDX-License-Identifier: Apache-2.0
// Names of native code: this very program, whose addresses and lines the compiler knows, and files that are not it.
#include "native-symbols.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <link.h>

static char *self;

__attribute__ ((noinline)) static int known_function (int n) { return n * 7 + 1; } enum { KNOWN_LINE = __LINE__ };

static uint64_t
address_in_file (const void *function)
{
  return (uint64_t) (uintptr_t) function - _r_debug.r_map->l_addr;
}

static void
test_found (void)
{
  MfNativeSymbols *symbols = mf_native_symbols_new (NULL);
  MfNativePlace place;
  uint64_t at = address_in_file ((const void *) known_function);
  g_assert_cmpint (mf_native_symbols_find (symbols, self, "", at, &place), ==, MF_NATIVE_FOUND);
  g_assert_cmpstr (place.function, ==, "known_function");
  g_assert_true (g_str_has_suffix (place.file, "native-symbols.c"));
  g_assert_cmpuint (place.line, ==, KNOWN_LINE);
  mf_native_symbols_free (symbols);
}

static void
test_not_found (void)
{
  MfNativeSymbols *symbols = mf_native_symbols_new (NULL);
  MfNativePlace place;
  g_assert_cmpint (mf_native_symbols_find (symbols, "/nonexistent", "", 0, &place), ==, MF_NATIVE_NO_FILE);
  g_assert_cmpint (mf_native_symbols_find (symbols, "/etc/passwd", "", 0, &place), ==, MF_NATIVE_NO_FILE);
  g_assert_cmpint (mf_native_symbols_find (symbols, self, "00ff00ff", 0, &place), ==, MF_NATIVE_OTHER_FILE);
  g_assert_cmpint (mf_native_symbols_find (symbols, self, "", 3, &place), ==, MF_NATIVE_NO_SYMBOL);
  g_assert_cmpint (mf_native_symbols_find (symbols, self, "", UINT64_MAX, &place), ==, MF_NATIVE_NO_SYMBOL);
  g_assert_null (place.function);
  mf_native_symbols_free (symbols);
}

// The same program in the copy of a device's file system.
static void
test_sysroot (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *root = g_dir_make_tmp ("memflow-sysroot-XXXXXX", &error), *copy = g_build_filename (root, "app", NULL);
  g_autofree char *bytes = NULL;
  gsize n;
  g_assert_true (g_file_get_contents (self, &bytes, &n, &error) && g_file_set_contents (copy, bytes, (gssize) n, &error));
  MfNativeSymbols *symbols = mf_native_symbols_new (root);
  MfNativePlace place;
  uint64_t at = address_in_file ((const void *) known_function);
  g_assert_cmpint (mf_native_symbols_find (symbols, "/app", "", at, &place), ==, MF_NATIVE_FOUND);
  g_assert_cmpstr (place.function, ==, "known_function");
  g_assert_cmpint (mf_native_symbols_find (symbols, self, "", at, &place), ==, MF_NATIVE_NO_FILE);
  mf_native_symbols_free (symbols);
  g_unlink (copy);
  g_rmdir (root);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  self = g_file_read_link ("/proc/self/exe", NULL);
  g_assert_cmpint (known_function (1), ==, 8);
  g_test_add_func ("/native-symbols/found", test_found);
  g_test_add_func ("/native-symbols/not-found", test_not_found);
  g_test_add_func ("/native-symbols/sysroot", test_sysroot);
  int status = g_test_run ();
  g_free (self);
  return status;
}
