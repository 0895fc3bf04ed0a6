// SPDX-License-Identifier: Apache-2.0
// Literals and figures: what is accepted, what is refused and how that is said.
#include <glib.h>
#include <math.h>

#include "base/glyph.h"
#include "base/units.h"

static void
test_sizes (void)
{
  static const struct { const char *text; uint64_t bytes; } cases[] = {
    { "0", 0 }, { "0B", 0 }, { "0.0", 0 }, { "12B", 12 }, { "64KiB", 65536 }, { "64kB", 64000 }, { "64 KiB", 65536 },
    { "1.5KiB", 1536 }, { "0.5KiB", 512 }, { "1MiB", 1048576 }, { "1MB", 1000000 }, { "2GiB", 2147483648 },
    { "2GB", 2000000000 }, { "3TB", 3000000000000 }, { "1TiB", 1099511627776 }, { "007B", 7 },
    { "1.50000000000000000000000000KiB", 1536 }, { "18446744073709551614B", UINT64_MAX - 1 }
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    MfSize size = MF_SIZE_NONE;
    g_assert_true (mf_size_parse (cases[i].text, strlen (cases[i].text), &size, NULL));
    g_assert_cmpuint (size.bytes, ==, cases[i].bytes);
  }
}

typedef struct { const char *text, *error, *hint; } Refusal;

static void
check_sizes_refused (const Refusal *cases, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    MfSize size = { 77 };
    MfLiteralError error;
    g_assert_false (mf_size_parse (cases[i].text, strlen (cases[i].text), &size, &error));
    g_assert_cmpuint (size.bytes, ==, 77);
    g_assert_cmpstr (error.text, ==, cases[i].error);
    g_assert_cmpstr (error.hint, ==, cases[i].hint);
  }
}

static void
test_sizes_refused (void)
{
#define UNITS "the units are B, kB, KiB, MB, MiB, GB, GiB, TB and TiB"
  static const Refusal cases[] = {
    { "64K", "'64K' is ambiguous", "write 64KiB (65,536 bytes) or 64kB (64,000 bytes)" },
    { "64k", "'64k' is ambiguous", "write 64KiB (65,536 bytes) or 64kB (64,000 bytes)" },
    { "64M", "'64M' is ambiguous", "write 64MiB (67,108,864 bytes) or 64MB (64,000,000 bytes)" },
    { "64KB", "'64KB' is ambiguous", "write 64KiB (65,536 bytes) or 64kB (64,000 bytes)" },
    { "1.0001K", "'1.0001K' is ambiguous", "write 1.0001KiB or 1.0001kB" },
    { "99999999T", "'99999999T' is ambiguous", "write 99999999TiB or 99999999TB" },
    { "64", "'64' has no unit", "write 64B" },
    { "64kib", "'64kib' has the unknown unit 'kib'", "write 64KiB" },
    { "64b", "'64b' has the unknown unit 'b'", "write 64B" },
    { "64XB", "'64XB' has the unknown unit 'XB'", UNITS },
    { "64 ", "'64 ' has the unknown unit ' '", UNITS },
    { "64  B", "'64  B' has the unknown unit ' B'", UNITS },
    { "1,024B", "'1,024B' has the unknown unit ',024B'", UNITS },
    { "", "'' is not a size", "write for example 64KiB" },
    { "-1B", "'-1B' is not a size", "write for example 64KiB" },
    { "1.B", "'1.B' is not a size", "write for example 64KiB" },
    { ".5KiB", "'.5KiB' is not a size", "write for example 64KiB" },
    { "0.3B", "'0.3B' is not a whole number of bytes", "" },
    { "18446744073709551615B", "'18446744073709551615B' is too large for a size", "" },
    { "18446744073709551616B", "'18446744073709551616B' is too large for a size", "" },
    { "99999999TiB", "'99999999TiB' is too large for a size", "" },
    { "0000000000000000000000000007", "'0000000000000000000000000007' is too long for a size", "" },
    { "\033[31m", "'\\x1b[31m' is not a size", "write for example 64KiB" },
    { "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is not a size",
      "write for example 64KiB" }
  };
  check_sizes_refused (cases, G_N_ELEMENTS (cases));
}

static void
test_bounds (void)
{
  MfSize size;
  g_assert_true (mf_size_parse ("64KiBxx", 5, &size, NULL));
  g_assert_cmpuint (size.bytes, ==, 65536);
  g_assert_false (mf_size_parse ("64KiB", 3, &size, NULL));
  g_assert_false (mf_size_parse ("64\0B", 4, &size, NULL));
}

static void
test_durations (void)
{
  static const struct { const char *text; int64_t ns; } cases[] = {
    { "0", 0 }, { "100ns", 100 }, { "10us", 10000 }, { "250ms", 250000000 }, { "5s", 5000000000 },
    { "2min", 120000000000 }, { "1h", 3600000000000 }, { "0.5s", 500000000 }, { "1.5 h", 5400000000000 },
    { "9223372036854775807ns", INT64_MAX }
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    MfDuration duration;
    g_assert_true (mf_duration_parse (cases[i].text, strlen (cases[i].text), &duration, NULL));
    g_assert_cmpint (duration.ns, ==, cases[i].ns);
  }
}

static void
test_durations_refused (void)
{
  static const Refusal cases[] = {
    { "5", "'5' has no unit", "write 5s" },
    { "5m", "'5m' is ambiguous", "write 5min or 5ms" },
    { "5sec", "'5sec' has the unknown unit 'sec'", "the units are ns, us, ms, s, min and h" },
    { "5S", "'5S' has the unknown unit 'S'", "write 5s" },
    { "-5s", "'-5s' is not a duration", "write for example 250ms" },
    { "0.1ns", "'0.1ns' is not a whole number of nanoseconds", "" },
    { "9223372036854775808ns", "'9223372036854775808ns' is too large for a duration", "" }
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    MfDuration duration = { 77 };
    MfLiteralError error;
    g_assert_false (mf_duration_parse (cases[i].text, strlen (cases[i].text), &duration, &error));
    g_assert_cmpint (duration.ns, ==, 77);
    g_assert_cmpstr (error.text, ==, cases[i].error);
    g_assert_cmpstr (error.hint, ==, cases[i].hint);
  }
}

static void
test_integers (void)
{
  uint64_t natural;
  int64_t integer;
  g_assert_true (mf_natural_parse ("18446744073709551615", 20, &natural, NULL));
  g_assert_cmpuint (natural, ==, UINT64_MAX);
  g_assert_true (mf_natural_parse ("0xDEADbeef", 10, &natural, NULL));
  g_assert_cmpuint (natural, ==, 0xdeadbeef);
  g_assert_true (mf_integer_parse ("-9223372036854775808", 20, &integer, NULL));
  g_assert_cmpint (integer, ==, INT64_MIN);
  static const char *const bad[] = { "", "-", "+1", "0x", "0xg", "1.0", "1e3", " 1", "18446744073709551616",
    "0x10000000000000000", "1_000" };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_assert_false (mf_natural_parse (bad[i], strlen (bad[i]), &natural, NULL));
    g_assert_false (mf_integer_parse (bad[i], strlen (bad[i]), &integer, NULL));
  }
  g_assert_false (mf_natural_parse ("-1", 2, &natural, NULL));
  g_assert_false (mf_integer_parse ("--1", 3, &integer, NULL));
  g_assert_false (mf_integer_parse ("9223372036854775808", 19, &integer, NULL));
  g_assert_false (mf_integer_parse ("-9223372036854775809", 20, &integer, NULL));
}

static void
test_numbers (void)
{
  static const struct { const char *text; double value; } cases[] = {
    { "0", 0 }, { "0.25", 0.25 }, { "-1e6", -1e6 }, { "1.5E-3", 0.0015 }, { "2e+1", 20 }
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    double value;
    g_assert_true (mf_number_parse (cases[i].text, strlen (cases[i].text), &value, NULL));
    g_assert_cmpfloat (value, ==, cases[i].value);
  }
  static const char *const bad[] = { "", "-", ".5", "5.", "1e", "1e+", "inf", "nan", "0x1p3", "1e999", "1,5",
    "1 ", "0.00000000000000000000000000000000000000000000000000000000000000001" };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (mf_number_parse (bad[i], strlen (bad[i]), &(double) { 0 }, NULL));
}

static void
test_bools (void)
{
  static const char *const yes[] = { "yes", "true", "on", "1", "YES" };
  static const char *const no[] = { "no", "false", "off", "0", "No" };
  for (size_t i = 0; i < G_N_ELEMENTS (yes); i++) {
    bool value = false;
    g_assert_true (mf_bool_parse (yes[i], strlen (yes[i]), &value, NULL) && value);
    g_assert_true (mf_bool_parse (no[i], strlen (no[i]), &value, NULL) && !value);
  }
  g_assert_false (mf_bool_parse ("y", 1, &(bool) { 0 }, NULL));
}

static void
test_literals (void)
{
  g_assert_cmpstr (mf_size_literal ((MfSize) { 0 }).text, ==, "0B");
  g_assert_cmpstr (mf_size_literal ((MfSize) { 65536 }).text, ==, "64KiB");
  g_assert_cmpstr (mf_size_literal ((MfSize) { 96000 }).text, ==, "96kB");
  g_assert_cmpstr (mf_size_literal ((MfSize) { 12904 }).text, ==, "12904B");
  g_assert_cmpstr (mf_size_literal (MF_SIZE_NONE).text, ==, "");
  g_assert_cmpstr (mf_duration_literal ((MfDuration) { 250000000 }).text, ==, "250ms");
  g_assert_cmpstr (mf_duration_literal ((MfDuration) { 90000000000 }).text, ==, "90s");
  g_assert_cmpstr (mf_duration_literal ((MfDuration) { INT64_MIN }).text, ==, "");
  g_assert_cmpstr (mf_number_literal (0.1).text, ==, "0.1");
  g_assert_cmpstr (mf_number_literal (1.0 / 3).text, ==, "0.3333333333333333");
  g_assert_cmpstr (mf_number_literal (4000000).text, ==, "4000000");
  g_assert_cmpstr (mf_number_literal (NAN).text, ==, "");
}

static void
test_print (void)
{
  static const struct { uint64_t bytes; const char *text; } cases[] = {
    { 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" }, { 12000, "11.7 KiB" }, { 12288, "12.0 KiB" },
    { 1048575, "1.0 MiB" }, { 1048524, "1023.9 KiB" }, { 1ull << 40, "1.0 TiB" }, { UINT64_MAX - 1, "16.0 EiB" },
    { UINT64_MAX, "?" }
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpstr (mf_size_print ((MfSize) { cases[i].bytes }).text, ==, cases[i].text);
  static const struct { int64_t ns; const char *text; } times[] = {
    { 0, "0 ns" }, { 999, "999 ns" }, { 1000, "1.0 us" }, { 9200000, "9.2 ms" }, { 999949, "999.9 us" },
    { 999950, "1.0 ms" }, { 59949999999, "59.9 s" }, { 59960000000, "1 min 0 s" }, { 125000000000, "2 min 5 s" },
    { 3599600000000, "1 h 0 min" }, { 7500000000000, "2 h 5 min" }, { -9200000, "-9.2 ms" }, { INT64_MIN, "?" },
    { INT64_MAX, "2562047 h 47 min" }
  };
  for (size_t i = 0; i < G_N_ELEMENTS (times); i++)
    g_assert_cmpstr (mf_duration_print ((MfDuration) { times[i].ns }).text, ==, times[i].text);
}

static void
test_figures (void)
{
  g_assert_cmpstr (mf_grouped (0).text, ==, "0");
  g_assert_cmpstr (mf_grouped (999).text, ==, "999");
  g_assert_cmpstr (mf_grouped (12904).text, ==, "12,904");
  g_assert_cmpstr (mf_grouped (UINT64_MAX).text, ==, "18,446,744,073,709,551,615");
  g_assert_cmpstr (mf_grouped_signed (-39712).text, ==, "-39,712");
  g_assert_cmpstr (mf_grouped_signed (INT64_MIN).text, ==, "-9,223,372,036,854,775,808");
  g_assert_cmpstr (mf_percent (44288, 96000).text, ==, "46.1 %");
  g_assert_cmpstr (mf_percent (0, 5).text, ==, "0 %");
  g_assert_cmpstr (mf_percent (5, 5).text, ==, "100 %");
  g_assert_cmpstr (mf_percent (1, 100000).text, ==, "<0.1 %");
  g_assert_cmpstr (mf_percent (99999, 100000).text, ==, ">99.9 %");
  g_assert_cmpstr (mf_percent (3, 2).text, ==, "150.0 %");
  g_assert_cmpstr (mf_percent (3, 0).text, ==, "- %");
  g_assert_cmpstr (mf_percent (UINT64_MAX - 1, UINT64_MAX).text, ==, ">99.9 %");
}

static void
test_glyphs (void)
{
  static const struct { const char *text; size_t n; const char *shown; unsigned bytes, columns; } cases[] = {
    { "a", 1, "a", 1, 1 }, { "\xc3\xa4", 2, "\xc3\xa4", 2, 1 }, { "\xe6\xbc\xa2", 3, "\xe6\xbc\xa2", 3, 2 },
    { "\x1b[", 2, "\\x1b", 1, 4 }, { "\0", 1, "\\x00", 1, 4 }, { "\xc3", 1, "\\xc3", 1, 4 },
    { "\xc3\xa4", 1, "\\xc3", 1, 4 }, { "\xe2\x80\xae", 3, "\\u202e", 3, 6 }, { "\xc2\x9b", 2, "\\u009b", 2, 6 },
    { "\xff\xff", 2, "\\xff", 1, 4 }
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    MfGlyph glyph = mf_glyph (cases[i].text, cases[i].n);
    g_assert_cmpstr (glyph.text, ==, cases[i].shown);
    g_assert_cmpuint (glyph.bytes, ==, cases[i].bytes);
    g_assert_cmpuint (glyph.columns, ==, cases[i].columns);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/units/sizes", test_sizes);
  g_test_add_func ("/units/sizes-refused", test_sizes_refused);
  g_test_add_func ("/units/bounds", test_bounds);
  g_test_add_func ("/units/durations", test_durations);
  g_test_add_func ("/units/durations-refused", test_durations_refused);
  g_test_add_func ("/units/integers", test_integers);
  g_test_add_func ("/units/numbers", test_numbers);
  g_test_add_func ("/units/bools", test_bools);
  g_test_add_func ("/units/literals", test_literals);
  g_test_add_func ("/units/print", test_print);
  g_test_add_func ("/units/figures", test_figures);
  g_test_add_func ("/units/glyphs", test_glyphs);
  return g_test_run ();
}
