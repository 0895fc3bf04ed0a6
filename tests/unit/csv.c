// SPDX-License-Identifier: Apache-2.0
// The format csv: files, columns, and a round trip through two other parsers.
#include <csv.h>
#include <glib/gstdio.h>

#include "csv/csv-cells.h"
#include "format-host.h"

static MfHeapBlock
block (FormatHost *host, guint64 offset, guint64 size, const char *kind, guint32 state)
{
  return (MfHeapBlock) { 1, 0, { offset }, { size }, format_host_string (host, kind), state };
}

static void
test_file (void)
{
  FormatHost *host = format_host_new ();
  g_assert_true (format_host_start (host));
  MfHeapBlock rows[] = { block (host, 0, 64, "tuple", 1), block (host, 64, 160, "", 0) };
  rows[1].size = MF_SIZE_NONE;
  rows[1].kind.id = 0;
  g_assert_true (format_host_rows (host, &MfHeapBlock_type, rows, 2));
  g_assert_true (format_host_finish (host));
  g_assert_cmpstr (format_host_output (host, "stm32-heap.block.csv"), ==,
    "input,stage,epoch,snapshot,region,offset (B),size (B),kind,state\r\n"
    "dump.txt,board,0,1,0,0,64,tuple,used\r\n"
    "dump.txt,board,0,1,0,64,,,free\r\n");
  g_assert_cmpuint (format_host_count (host, "stm32-heap.block.csv"), ==, 2);
  format_host_free (host);
}

static void
test_options (void)
{
  FormatHost *host = format_host_new ();
  format_host_set (host, "separator", "semicolon");
  format_host_set (host, "line_end", "lf");
  format_host_set (host, "bom", "yes");
  format_host_set (host, "path", "out/x");
  g_assert_true (format_host_start (host));
  MfHeapBlock row = block (host, 0, 64, "a;b", 1);
  g_assert_true (format_host_rows (host, &MfHeapBlock_type, &row, 1));
  g_assert_true (format_host_finish (host));
  g_assert_cmpstr (format_host_output (host, "out/x-heap.block.csv"), ==,
    "\xef\xbb\xbfinput;stage;epoch;snapshot;region;offset (B);size (B);kind;state\n"
    "dump.txt;board;0;1;0;0;64;\"a;b\";used\n");
  format_host_free (host);
}

static void
test_stdout (void)
{
  FormatHost *host = format_host_new ();
  format_host_set (host, "path", "-");
  g_assert_false (format_host_start (host));
  g_assert_nonnull (strstr (host->error->str, "cannot write to stdout"));
  host->descriptor->stop (host->stage);
  format_host_free (host);
}

// The types of strangers: the same name in another version, and with a field more.
typedef struct { uint64_t stage; } One;
typedef struct { uint64_t stage, more; } Two;
MF_EVENT (One, "stranger.thing", 1, MF_VIEW_TABLE, "d", MF_FIELD (One, stage, "s"));
MF_EVENT (Two, "stranger.thing", 1, MF_VIEW_TABLE, "d", MF_FIELD (Two, stage, "s"),
  MF_FIELD (Two, more, "m", .unit = MF_UNIT_ROWS));

static void
test_versions (void)
{
  FormatHost *host = format_host_new ();
  MfType newer = One_type;
  const One one = { 1 };
  const Two two = { 2, 3 };
  newer.major = 2;
  g_assert_true (format_host_start (host));
  g_assert_true (format_host_rows (host, &One_type, &one, 1));
  g_assert_true (format_host_rows (host, &newer, &one, 1));
  g_assert_true (format_host_rows (host, &Two_type, &two, 1));
  g_assert_true (format_host_finish (host));
  g_assert_cmpstr (format_host_output (host, "stm32-stranger.thing.csv"), ==,
    "input,stage,epoch,row.stage\r\ndump.txt,board,0,1\r\n");
  g_assert_cmpstr (format_host_output (host, "stm32-stranger.thing@2.csv"), ==,
    "input,stage,epoch,row.stage\r\ndump.txt,board,0,1\r\n");
  g_assert_cmpstr (format_host_output (host, "stm32-stranger.thing+2.csv"), ==,
    "input,stage,epoch,row.stage,more (rows)\r\ndump.txt,board,0,2,3\r\n");
  format_host_free (host);
}

// A publisher of fewer fields writes to the file that is there already.
static void
test_narrower (void)
{
  FormatHost *host = format_host_new ();
  const One one = { 1 };
  const Two two = { 2, 3 };
  g_assert_true (format_host_start (host));
  g_assert_true (format_host_rows (host, &Two_type, &two, 1));
  g_assert_true (format_host_rows (host, &One_type, &one, 1));
  g_assert_true (format_host_finish (host));
  g_assert_cmpstr (format_host_output (host, "stm32-stranger.thing.csv"), ==,
    "input,stage,epoch,row.stage,more (rows)\r\ndump.txt,board,0,2,3\r\ndump.txt,board,0,1,\r\n");
  format_host_free (host);
}

static void
test_globs (void)
{
  static const char *const all[] = { "*" }, *const some[] = { "heap.*", "core.log" };
  g_assert_true (mf_csv_names_type (all, 1, "heap.block"));
  g_assert_false (mf_csv_names_type (all, 1, "core.log"));
  g_assert_true (mf_csv_names_type (all, 1, "core.lost"));
  g_assert_true (mf_csv_names_type (some, 2, "core.log"));
  g_assert_false (mf_csv_names_type (some, 2, "metric"));
  g_assert_true (mf_csv_names_type (some, 2, "core.lost"));
  MfType odd = One_type;
  odd.name = "../x";
  g_autofree char *name = mf_csv_file_name ("run", &odd, false);
  g_assert_cmpstr (name, ==, "run-..%2fx.csv");
}

// ---- round trip

static const char *const hostile[] = {
  "plain", "", "a,b", "say \"no\"", "semi;colon", " lead", "trail ", "=1+1", "+1", "-1", "@x", "gr\xc3\xbc",
  "\"", "\"\"", ",", "'"
};
static const char *const arrived[] = {
  "plain", "", "a,b", "say \"no\"", "semi;colon", " lead", "trail ", "'=1+1", "'+1", "'-1", "'@x",
  "gr\xc3\xbc", "\"", "\"\"", ",", "'"
};

typedef struct { guint column, row; } Place;

static void
check_cell (void *cell, size_t n, void *user)
{
  Place *place = user;
  if (place->row > 0 && place->column == 6) {
    g_assert_cmpuint (n, ==, strlen (arrived[place->row - 1]));
    g_assert_cmpmem (cell, n, arrived[place->row - 1], n);
  }
  place->column++;
}

static void
check_row (int end, void *user)
{
  Place *place = user;
  (void) end;
  g_assert_cmpuint (place->column, ==, 8);
  place->column = 0;
  place->row++;
}

static void
check_with_libcsv (const char *text)
{
  struct csv_parser parser;
  Place place = { 0, 0 };
  g_assert_cmpint (csv_init (&parser, CSV_STRICT | CSV_APPEND_NULL), ==, 0);
  csv_set_space_func (&parser, NULL);
  g_assert_cmpuint (csv_parse (&parser, text, strlen (text), check_cell, check_row, &place), ==,
    strlen (text));
  g_assert_cmpint (csv_fini (&parser, check_cell, check_row, &place), ==, 0);
  csv_free (&parser);
  g_assert_cmpuint (place.row, ==, 1 + G_N_ELEMENTS (arrived));
}

static void
check_with_python (const char *text)
{
  static const char script[] =
    "import csv, json, sys\n"
    "rows = list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))\n"
    "assert all(len(row) == 8 for row in rows), rows\n"
    "print(json.dumps([row[6] for row in rows[1:]]), end='')\n";
  g_autofree char *path = NULL, *printed = NULL, *errors = NULL;
  int status, file = g_file_open_tmp ("XXXXXX.csv", &path, NULL);
  g_assert_cmpint (file, >=, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  const char *arguments[] = { MEMFLOW_PYTHON, "-c", script, path, NULL };
  g_assert_true (g_spawn_sync (NULL, (char **)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
      &printed, &errors, &status, NULL));
  g_assert_cmpstr (errors, ==, "");
  g_assert_cmpstr (printed, ==,
    "[\"plain\", \"\", \"a,b\", \"say \\\"no\\\"\", \"semi;colon\", \" lead\", \"trail \", \"'=1+1\", \"'+1\", "
    "\"'-1\", \"'@x\", \"gr\\u00fc\", \"\\\"\", \"\\\"\\\"\", \",\", \"'\"]");
  g_close (file, NULL);
  g_unlink (path);
}

typedef struct {
  uint32_t before, hidden;
  uint64_t number;
  MfText text;
  uint64_t after;
} Cell;
MF_EVENT (Cell, "test.cell", 1, MF_VIEW_NONE, "d", MF_FIELD (Cell, before, "b"), MF_FIELD (Cell, hidden, "h"),
  MF_FIELD (Cell, number, "n"), MF_FIELD (Cell, text, "t"), MF_FIELD (Cell, after, "a"));

static void
test_parsers (void)
{
  FormatHost *host = format_host_new ();
  g_assert_true (format_host_start (host));
  for (size_t i = 0; i < G_N_ELEMENTS (hostile); i++) {
    Cell row = { 1, 2, 3, { 0, (uint32_t) strlen (hostile[i]) }, 4 };
    g_assert_true (format_host_text_rows (host, &Cell_type, &row, 1, hostile[i]));
  }
  g_assert_true (format_host_finish (host));
  check_with_libcsv (format_host_output (host, "stm32-test.cell.csv"));
  check_with_python (format_host_output (host, "stm32-test.cell.csv"));
  format_host_free (host);
}

static void
test_no_memory (void)
{
  bool written = false;
  for (gint64 allowed = 0; !written; allowed++) {
    FormatHost *host = format_host_new ();
    host->resizes_left = allowed;
    MfHeapBlock row = { 1, 0, { 0 }, { 64 }, { 0 }, 0 };
    written = format_host_start (host) && format_host_rows (host, &MfHeapBlock_type, &row, 1);
    g_assert_true (written || host->error->len > 0);
    host->descriptor->stop (host->stage);
    format_host_free (host);
    g_assert_cmpint (allowed, <, 50);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/csv/file", test_file);
  g_test_add_func ("/csv/options", test_options);
  g_test_add_func ("/csv/stdout", test_stdout);
  g_test_add_func ("/csv/versions", test_versions);
  g_test_add_func ("/csv/narrower", test_narrower);
  g_test_add_func ("/csv/globs", test_globs);
  g_test_add_func ("/csv/parsers", test_parsers);
  g_test_add_func ("/csv/no-memory", test_no_memory);
  return g_test_run ();
}
