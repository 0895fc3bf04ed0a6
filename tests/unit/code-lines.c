// SPDX-License-Identifier: Apache-2.0
// Lines of instructions against what interpreters themselves say of the same code objects.
#include "code-lines.h"

#include <glib.h>

typedef struct { uint16_t version; uint32_t n, units; const char *table, *lines; } Case;

// The line table and, for each code unit of two bytes, the line that the interpreter names (0 = none), of
// def f(n):  with a loop, an expression of two lines, and blank lines in between.
static const Case cases[] = {
  { 0x0308, 20, 22,
    "\000\001\002\001\002\377\004\002\014\001\004\003\002\001\012\001\002\001\002\377",
    "\002\003\002\002\004\004\004\004\004\004\005\005\010\011\011\011\011\011\012\013\012\012" },
  { 0x030a, 20, 22,
    "\002\001\002\001\004\377\014\002\004\001\002\003\012\001\002\001\002\001\004\377",
    "\002\003\002\002\004\004\004\004\004\004\005\005\010\011\011\011\011\011\012\013\012\012" },
  { 0x030b, 76, 36,
    "\200\000\330\007\010\330\004\005\361\003\001\010\006\200\041\345\013\020\220\021\211\070\214"
    "\070\360\000\005\003\013\360\000\005\003\013\200\141\330\007\010\360\000\003\005\017\360\006"
    "\000\007\017\330\004\005\210\021\201\106\200\101\200\101\330\012\013\330\003\004\360\003\001"
    "\012\006\360\000\001\003\006",
    "\001\002\003\002\002\002\004\004\004\004\004\004\004\004\004\004\004\004\004\004\004\004\004"
    "\005\005\010\011\011\011\011\011\011\012\013\012\012" },
  { 0x030d, 62, 41,
    "\200\000\330\007\010\330\004\005\361\003\001\010\006\200\041\344\013\020\220\021\216\070\200"
    "\141\336\007\010\361\006\000\007\017\330\004\005\201\106\202\101\361\013\000\014\024\360\014"
    "\000\013\014\330\003\004\360\003\001\012\006\360\000\001\003\006",
    "\001\002\003\002\002\002\004\004\004\004\004\004\004\004\004\004\004\004\004\004\005\005\005"
    "\005\005\005\005\010\010\011\011\011\011\011\011\004\004\012\013\012\012" },
};

static void
test_lines (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    const Case *c = &cases[i];
    const uint8_t *table = (const uint8_t *) c->table;
    g_assert_cmpuint (mf_code_line (c->version, 1, table, c->n, -2), ==, 1);
    for (uint32_t unit = 0; unit < c->units; unit++)
      g_assert_cmpuint (mf_code_line (c->version, 1, table, c->n, (int32_t) unit * 2), ==, (uint8_t) c->lines[unit]);
  }
}

// Tables of a hostile program: any bytes end.
static void
test_any_bytes (void)
{
  static const uint16_t versions[] = { 0x0308, 0x030a, 0x030b };
  uint8_t table[64];
  for (guint i = 0; i < 30000; i++) {
    for (guint k = 0; k < sizeof table; k++)
      table[k] = (uint8_t) g_test_rand_int ();
    mf_code_line (versions[i % 3], 1, table, i % (sizeof table + 1), g_test_rand_int_range (-10, 1000));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/code-lines/interpreters", test_lines);
  g_test_add_func ("/code-lines/any-bytes", test_any_bytes);
  return g_test_run ();
}
