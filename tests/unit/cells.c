// SPDX-License-Identifier: Apache-2.0
// Cells: digits, escapes, unknown values, and schemas that lie.
#include "cells/cell-writer.h"
#include "cells/digits.h"
#include "cells/escape.h"
#include "csv/csv-cells.h"
#include "json/json-cells.h"

#include <glib.h>
#include <math.h>

// ---- digits

static void
check_u64 (guint64 n)
{
  char digits[MF_DIGITS_MAX + 1], expected[32];
  *mf_put_u64 (digits, n) = 0;
  g_snprintf (expected, sizeof expected, "%" G_GUINT64_FORMAT, n);
  g_assert_cmpstr (digits, ==, expected);
  *mf_put_i64 (digits, (gint64) n) = 0;
  g_snprintf (expected, sizeof expected, "%" G_GINT64_FORMAT, (gint64) n);
  g_assert_cmpstr (digits, ==, expected);
  *mf_put_hex (digits, n) = 0;
  g_snprintf (expected, sizeof expected, "0x%" G_GINT64_MODIFIER "x", n);
  g_assert_cmpstr (digits, ==, expected);
}

static void
test_digits (void)
{
  for (guint64 power = 1;; power *= 10) {
    check_u64 (power - 1);
    check_u64 (power);
    if (power > G_MAXUINT64 / 10)
      break;
  }
  for (unsigned bit = 0; bit < 64; bit++) {
    check_u64 (G_GUINT64_CONSTANT (1) << bit);
    check_u64 ((G_GUINT64_CONSTANT (1) << bit) - 1);
  }
  check_u64 (G_MAXUINT64);
}

static void
test_real (void)
{
  static const struct { double value; const char *text;
  } cases[] = {
    { 0, "0" },
    { -0.0, "-0" },
    { 0.1, "0.1" },
    { 1.0 / 3, "0.3333333333333333" },
    { 12000, "12000" },
    { 1e300, "1.0000000000000001e+300" },
    { 9007199254740993.0, "9007199254740992" },
    { -2.5, "-2.5" },
  };
  MfBuffer out;
  mf_buffer_init (&out, mf_memory_heap ());
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    out.length = 0;
    mf_put_real (&out, cases[i].value);
    mf_buffer_put_char (&out, 0);
    g_assert_true (g_ascii_strtod (out.bytes, NULL) == cases[i].value);
    if (fabs (cases[i].value) < 1e15)
      g_assert_cmpstr (out.bytes, ==, cases[i].text);
  }
  mf_buffer_free (&out);
}

// ---- escapes

static void
test_escape (void)
{
  static const struct { const char *in; MfEscape how; const char *out; } cases[] = {
    { "plain", MF_ESCAPE_PLAIN, "plain" },
    { "\x1b[31m", MF_ESCAPE_PLAIN, "\\x1b[31m" },
    { "a\nb\tc\x7f", MF_ESCAPE_PLAIN, "a\\x0ab\\x09c\\x7f" },
    { "a\nb\"c\\\x7f", MF_ESCAPE_JSON, "a\\nb\\\"c\\\\\\u007f" },
    { "gr\xc3\xbc\xc3\x9f", MF_ESCAPE_PLAIN, "gr\xc3\xbc\xc3\x9f" },
    { "gr\xc3\xbc", MF_ESCAPE_ASCII, "gr\\u00fc" },
    { "\xf0\x9f\x90\x8d", MF_ESCAPE_ASCII, "\\U0001f40d" },
    { "\xff\xc3", MF_ESCAPE_PLAIN, "\\xff\\xc3" },
    { "\xff\xc3", MF_ESCAPE_JSON, "\\ufffd\\ufffd" },
    { "\xc2\x9b" "31m", MF_ESCAPE_PLAIN, "\\u009b31m" },
    { "\xe2\x80\xae" "abc", MF_ESCAPE_JSON, "\\u202eabc" },
    { "\xed\xa0\x80", MF_ESCAPE_PLAIN, "\\xed\\xa0\\x80" },
    { "", MF_ESCAPE_JSON, "" },
  };
  MfBuffer out;
  mf_buffer_init (&out, mf_memory_heap ());
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    out.length = 0;
    mf_escape (&out, cases[i].how, cases[i].in, strlen (cases[i].in));
    mf_buffer_put_char (&out, 0);
    g_assert_cmpstr (out.bytes, ==, cases[i].out);
  }
  mf_buffer_free (&out);
}

static void
test_escape_random (void)
{
  MfBuffer out;
  mf_buffer_init (&out, mf_memory_heap ());
  for (unsigned round = 0; round < 2000; round++) {
    char bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++)
      bytes[i] = (char) g_test_rand_int ();
    out.length = 0;
    mf_escape (&out, (MfEscape) (round % 3), bytes, sizeof bytes);
    g_assert_true (g_utf8_validate_len (out.bytes, out.length, NULL));
    for (size_t i = 0; i < out.length; i++)
      g_assert_cmpint ((unsigned char) out.bytes[i], >=, 0x20);
  }
  mf_buffer_free (&out);
}

// ---- rows

typedef struct {
  MfTime time;
  MfDuration duration;
  MfAddress address;
  MfSize size;
  double real;
  MfString name;
  MfStack stack;
  MfText text;
  uint32_t count;
  int32_t change;
  uint8_t mode, bits;
  bool set;
  int8_t small;
  uint32_t more;
} Row;
MF_EVENT (Row, "test.row", 1, MF_VIEW_NONE, "One of each kind",
  MF_FIELD (Row, time, "t"), MF_FIELD (Row, duration, "d"), MF_FIELD (Row, address, "a"),
  MF_FIELD (Row, size, "s"), MF_FIELD (Row, real, "r"), MF_FIELD (Row, name, "n"),
  MF_FIELD (Row, stack, "k"), MF_FIELD (Row, text, "x"),
  MF_FIELD (Row, count, "c", .flags = MF_FIELD_OPTIONAL), MF_FIELD (Row, change, "h"),
  MF_FIELD_ENUM (Row, mode, "m", MF_LABELS ("off", "on")),
  MF_FIELD_FLAGS (Row, bits, "b", MF_LABELS ("one", "two")), MF_FIELD (Row, set, "e"),
  MF_FIELD (Row, small, "l"), MF_FIELD (Row, more, "o"));

static const char *
name_of (void *user, MfString string)
{
  static const char *const names[] = { "", "bytearray", "main.py", "=cmd()", "a \"b\", c" };
  (void) user;
  return string.id < G_N_ELEMENTS (names) ? names[string.id] : "";
}

static bool
frame_of (void *user, MfStack stack, MfFrame *frame, MfStack *caller)
{
  (void) user;
  if (stack.id == 0 || stack.id > 3)
    return false;
  *frame = (MfFrame) { { 1 }, { 2 }, stack.id, 0 };
  *caller = (MfStack) { stack.id == 3 ? 3 : stack.id - 1 };  // 3 calls itself for ever
  return true;
}

static const MfNames names = { NULL, name_of, frame_of };

static bool
collect (void *user, const char *bytes, size_t n)
{
  g_string_append_len (user, bytes, (gssize) n);
  return true;
}

static char *
written (const MfCellStyle *style, const MfBatch *batch)
{
  GString *all = g_string_new (NULL);
  MfNameCache cache = { NULL, NULL };
  MfBuffer out;
  mf_buffer_init (&out, mf_memory_heap ());
  MfCellWriter *writer = mf_cell_writer_new (batch->type, style);
  MfRowJob job = { &names, &cache, &out, "", 0, { all, collect } };
  g_assert_cmpint (mf_cell_writer_rows (writer, batch, &job), ==, MF_ROWS_WRITTEN);
  mf_cell_writer_free (writer);
  mf_name_cache_free (&cache, out.memory);
  mf_buffer_free (&out);
  return g_string_free (all, FALSE);
}

static MfBatch
batch_of (const MfType *type, const void *rows, uint32_t n, const char *text)
{
  return (MfBatch){ .type = type,
    .rows = rows,
    .n_rows = n,
    .stride = type->row_size,
    .text = text,
    .text_size = (uint32_t)strlen (text) };
}

static const Row known = { { -5 }, { 7 }, { 0x20000c10 }, { 12000 }, 0.5, { 1 }, { 2 }, { 2, 3 }, 9,
  -9, 1, 3, true, -1, UINT32_MAX };
static const Row unknown = { { INT64_MIN }, { 0 }, { UINT64_MAX }, { UINT64_MAX }, NAN, { 0 },
  { 0 }, { 99, 1 }, UINT32_MAX, 0, 9, 0x84, false, 0, 0 };

static void
test_csv_cells (void)
{
  Row rows[] = { known, unknown, known };
  MfBatch batch = batch_of (&Row_type, rows, 3, "ab+cd");
  MfCellStyle style = mf_csv_style (',', "\n");
  g_autofree char *text = written (&style, &batch);
  const char first[]
      = ",-5,7,0x20000c10,12000,0.5,bytearray,bytearray (main.py:2) < bytearray (main.py:1),"
        "'+cd,9,-9,on,one|two,true,-1,4294967295\n";
  g_autofree char *expected = g_strconcat (first, ",,0,,,,,,,,0,9,0x84,false,0,0\n", first, NULL);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_json_cells (void)
{
  Row rows[] = { known, unknown };
  MfBatch batch = batch_of (&Row_type, rows, 2, "ab+cd");
  MfCellStyle style = mf_json_style ("}\n");
  g_autofree char *text = written (&style, &batch);
  g_assert_cmpstr (text, ==,
    "\"time\":-5,\"duration\":7,\"address\":\"0x20000c10\",\"size\":12000,\"real\":0.5,\"name\":\"bytearray\","
    "\"stack\":[{\"function\":\"bytearray\",\"file\":\"main.py\",\"line\":2},"
    "{\"function\":\"bytearray\",\"file\":\"main.py\",\"line\":1}],\"text\":\"+cd\",\"count\":9,\"change\":-9,"
    "\"mode\":\"on\",\"bits\":[\"one\",\"two\"],\"set\":true,\"small\":-1,\"more\":4294967295}\n"
    "\"time\":null,\"duration\":0,\"address\":null,\"size\":null,\"real\":null,\"name\":null,\"stack\":null,"
    "\"text\":null,\"count\":null,\"change\":0,\"mode\":9,\"bits\":[\"0x84\"],\"set\":false,\"small\":0,"
    "\"more\":0}\n");
}

static void
test_endless_stack (void)
{
  Row row = known;
  row.stack.id = 3;
  MfBatch batch = batch_of (&Row_type, &row, 1, "ab+cd");
  MfCellStyle style = mf_csv_style (',', "\n");
  g_autofree char *text = written (&style, &batch);
  g_assert_nonnull (strstr (text, " < ...,"));
}

// A schema whose fields do not fit: each is written as unknown, and nothing outside the row is
// read.
static void
test_lying_schema (void)
{
  static const MfField fields[] = {
    { .name = "beyond", .kind = MF_U64, .width = 8, .offset = 4 },
    { .name = "wide", .kind = MF_U8, .width = 8, .offset = 0 },
    { .name = "kind", .kind = 77, .width = 4, .offset = 0 },
    { .name = "wraps", .kind = MF_U32, .width = 4, .offset = UINT32_MAX - 1 },
    { .name = "odd", .kind = MF_ENUM, .width = 3, .offset = 0 },
    { .name = NULL, .kind = MF_U32, .width = 4, .offset = 0 },
    { .name = "a name that is much longer than any sensible name of a field",
        .kind = MF_U32,
        .width = 4 },
  };
  static const MfType type
      = { "test.lie", "", fields, G_N_ELEMENTS (fields), 8, 1, MF_VIEW_NONE, 0 };
  const uint64_t row = 5;
  MfBatch batch = batch_of (&type, &row, 1, "");
  MfCellStyle csv = mf_csv_style (';', "\n"), json = mf_json_style ("}\n");
  g_autofree char *text = written (&csv, &batch);
  g_assert_cmpstr (text, ==, ";;;;;;;5\n");
  g_autofree char *object = written (&json, &batch);
  g_assert_true (g_str_has_suffix (object,
    "\"a name that is much longer than any sensible name of a field\":5}\n"));
}

static void
test_short_rows (void)
{
  Row row = known;
  MfBatch batch = batch_of (&Row_type, &row, 1, "");
  MfNameCache cache = { NULL, NULL };
  MfBuffer out;
  MfCellStyle style = mf_csv_style (',', "\n");
  MfCellWriter *writer = mf_cell_writer_new (&Row_type, &style);
  MfRowJob job = { &names, &cache, &out, "", 0, { NULL, collect } };
  mf_buffer_init (&out, mf_memory_heap ());
  batch.stride = 16;
  g_assert_cmpint (mf_cell_writer_rows (writer, &batch, &job), ==, MF_ROWS_MISFIT);
  mf_cell_writer_free (writer);
}

static void *
refuse (void *user, void *old, size_t bytes)
{
  unsigned *left = user;
  if (bytes == 0)
    return mf_memory_heap ().resize (NULL, old, 0);
  if (*left == 0)
    return NULL;
  *left -= 1;
  return mf_memory_heap ().resize (NULL, old, bytes);
}

// Each allocation fails in turn: the result says so, and nothing is written behind the buffer.
static void
test_no_memory (void)
{
  g_autofree char *long_text = g_strnfill (60000, '\x01');
  Row row = known;
  row.text = (MfText) { 0, 60000 };
  MfBatch batch = batch_of (&Row_type, &row, 1, long_text);
  MfCellStyle style = mf_csv_style (',', "\n");
  MfCellWriter *writer = mf_cell_writer_new (&Row_type, &style);
  bool succeeded = false;
  for (unsigned allowed = 0; !succeeded; allowed++) {
    g_autoptr (GString) all = g_string_new (NULL);
    unsigned left = allowed;
    MfNameCache cache = { NULL, NULL };
    MfBuffer out;
    mf_buffer_init (&out, (MfMemory) { &left, refuse });
    MfRowJob job = { &names, &cache, &out, "", 0, { all, collect } };
    MfRowsResult result = mf_cell_writer_rows (writer, &batch, &job);
    succeeded = result == MF_ROWS_WRITTEN;
    g_assert_true (succeeded || (result == MF_ROWS_NO_MEMORY && all->len == 0));
    g_assert_cmpint (allowed, <, 100);
    mf_name_cache_free (&cache, out.memory);
    mf_buffer_free (&out);
  }
  mf_cell_writer_free (writer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cells/digits", test_digits);
  g_test_add_func ("/cells/real", test_real);
  g_test_add_func ("/cells/escape", test_escape);
  g_test_add_func ("/cells/escape-random", test_escape_random);
  g_test_add_func ("/cells/csv", test_csv_cells);
  g_test_add_func ("/cells/json", test_json_cells);
  g_test_add_func ("/cells/endless-stack", test_endless_stack);
  g_test_add_func ("/cells/lying-schema", test_lying_schema);
  g_test_add_func ("/cells/short-rows", test_short_rows);
  g_test_add_func ("/cells/no-memory", test_no_memory);
  return g_test_run ();
}
