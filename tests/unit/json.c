// SPDX-License-Identifier: Apache-2.0
// The format json: what json-glib reads back, and documents against the published schema.
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>

#include "format-host.h"

static JsonNode *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = json_from_string (text, &error);
  g_assert_no_error (error);
  g_assert_nonnull (node);
  return node;
}

static JsonObject *
member (JsonObject *object, const char *name)
{
  g_assert_true (json_object_has_member (object, name));
  return json_object_get_object_member (object, name);
}

// A type with names that the envelope uses too, and one of each odd kind.
typedef struct {
  MfString type, stage;
  MfStack stack;
  uint32_t bits;
  MfAddress address;
  double ratio;
  uint64_t big;
  MfText text;
} Odd;
MF_EVENT (Odd, "stranger.odd", 3, MF_VIEW_TABLE, "A stranger's \"type\"",
  MF_FIELD (Odd, type, "t", .role = MF_ROLE_LABEL), MF_FIELD (Odd, stage, "s"), MF_FIELD (Odd, stack, "k"),
  MF_FIELD_FLAGS (Odd, bits, "b", MF_LABELS ("one", "two")), MF_FIELD (Odd, address, "a"),
  MF_FIELD (Odd, ratio, "r", .unit = MF_UNIT_PERCENT, .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (Odd, big, "g"), MF_FIELD (Odd, text, "x"));

static Odd
odd_row (FormatHost *host)
{
  MfStack caller = format_host_stack (host, "main", "main.py", 3, (MfStack) { 0 });
  return (Odd) { format_host_string (host, "a\"b\\\n"), { 0 },
    format_host_stack (host, "inner", "", 0, caller), 5, { 0xfff }, 0.1, G_MAXINT64, { 0, 5 } };
}

static const char odd_text[] = "\x01\xff\xc3\xbc!";

static void
check_odd (JsonObject *event)
{
  g_assert_cmpstr (json_object_get_string_member (event, "type"), ==, "stranger.odd");
  g_assert_cmpint (json_object_get_int_member (event, "major"), ==, 3);
  g_assert_cmpstr (json_object_get_string_member (event, "input"), ==, "dump.txt");
  g_assert_cmpstr (json_object_get_string_member (event, "stage"), ==, "board");
  JsonObject *row = member (event, "row");
  g_assert_cmpstr (json_object_get_string_member (row, "type"), ==, "a\"b\\\n");
  g_assert_true (json_object_get_null_member (row, "stage"));
  g_assert_cmpstr (json_object_get_string_member (row, "address"), ==, "0xfff");
  g_assert_cmpfloat (json_object_get_double_member (row, "ratio"), ==, 0.1);
  g_assert_cmpint (json_object_get_int_member (row, "big"), ==, G_MAXINT64);
  g_assert_cmpstr (json_object_get_string_member (row, "text"), ==, "\x01\xef\xbf\xbd\xc3\xbc!");
  JsonArray *bits = json_object_get_array_member (row, "bits");
  g_assert_cmpuint (json_array_get_length (bits), ==, 2);
  g_assert_cmpstr (json_array_get_string_element (bits, 0), ==, "one");
  g_assert_cmpstr (json_array_get_string_element (bits, 1), ==, "0x4");
  JsonArray *stack = json_object_get_array_member (row, "stack");
  g_assert_cmpuint (json_array_get_length (stack), ==, 2);
  g_assert_true (json_object_get_null_member (json_array_get_object_element (stack, 0), "line"));
  g_assert_cmpint (
      json_object_get_int_member (json_array_get_object_element (stack, 1), "line"), ==, 3);
}

static void
test_lines (void)
{
  FormatHost *host = format_host_new ();
  format_host_set (host, "mode", "lines");
  g_assert_true (format_host_start (host));
  Odd row = odd_row (host);
  g_assert_true (format_host_text_rows (host, &Odd_type, &row, 1, odd_text));
  g_assert_true (format_host_text_rows (host, &Odd_type, &row, 1, odd_text));
  g_assert_true (format_host_finish (host));
  g_auto (GStrv) lines = g_strsplit (format_host_output (host, "stm32.jsonl"), "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 3);
  g_assert_cmpstr (lines[2], ==, "");
  g_assert_cmpuint (format_host_count (host, "stm32.jsonl"), ==, 2);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (JsonNode) node = parse (lines[i]);
    check_odd (json_node_get_object (node));
  }
  format_host_free (host);
}

// ---- documents

static void
check_against_schema (const char *text)
{
  g_autofree char *path = NULL, *printed = NULL, *errors = NULL;
  int status, file = g_file_open_tmp ("XXXXXX.json", &path, NULL);
  g_assert_cmpint (file, >=, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  const char *arguments[] = { MEMFLOW_PYTHON, "tests/unit/validate-report.py", path, NULL };
  g_assert_true (g_spawn_sync (NULL, (char **)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
      &printed, &errors, &status, NULL));
  if (status != 0)
    g_error ("%s%s", printed, errors);
  g_close (file, NULL);
  g_unlink (path);
}

static void
send_end (FormatHost *host, guint32 outcome, guint64 lost)
{
  MfStageStats stats[] = { { format_host_string (host, "board"),
                               format_host_string (host, "serial"), 1, 0, 0, 0, 2, 3, 0 },
    { format_host_string (host, "report"), format_host_string (host, "json"), 3, 0, 2, 3, 0, 0,
        lost } };
  MfRunEnd end = { format_host_string (host, "stm32"), { 0 }, { 0 }, outcome, lost, -1, 0 };
  g_assert_true (format_host_rows (host, &MfStageStats_type, stats, 2));
  g_assert_true (format_host_rows (host, &MfRunEnd_type, &end, 1));
}

static void
test_document (void)
{
  FormatHost *host = format_host_new ();
  g_assert_true (format_host_start (host));
  Odd rows[] = { odd_row (host), odd_row (host) };
  g_assert_true (format_host_text_rows (host, &Odd_type, rows, 2, odd_text));
  send_end (host, 0, 0);
  g_assert_true (format_host_finish (host));
  const char *text = format_host_output (host, "stm32.json");
  g_autoptr (JsonNode) node = parse (text);
  JsonObject *document = json_node_get_object (node);
  JsonArray *events = json_object_get_array_member (document, "events");
  g_assert_cmpuint (json_array_get_length (events), ==, 3);
  check_odd (json_array_get_object_element (events, 0));
  check_odd (json_array_get_object_element (events, 1));
  g_assert_true (json_object_get_boolean_member (member (document, "outcome"), "complete"));
  g_assert_cmpuint (
      json_array_get_length (json_object_get_array_member (document, "stages")), ==, 2);
  JsonObject *schema = member (member (document, "schemas"), "stranger.odd@3");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (schema, "fields")), ==, 8);
  check_against_schema (text);
  format_host_free (host);
}

static void
test_losses (void)
{
  FormatHost *host = format_host_new ();
  g_assert_true (format_host_start (host));
  for (guint i = 0; i < 200; i++) {
    MfLost lost = { format_host_string (host, "board"), { i % 100 },
      format_host_string (host, "heap.block"), MF_LOST_QUEUE_FULL, 10, { 5 }, { 9 } };
    g_assert_true (format_host_rows (host, &MfLost_type, &lost, 1));
  }
  send_end (host, 1, 2000);
  g_assert_true (format_host_finish (host));
  const char *text = format_host_output (host, "stm32.json");
  g_autoptr (JsonNode) node = parse (text);
  JsonObject *document = json_node_get_object (node), *outcome = member (document, "outcome");
  JsonArray *losses = json_object_get_array_member (document, "losses");
  gint64 sum = 0;
  for (guint i = 0; i < json_array_get_length (losses); i++)
    sum += json_object_get_int_member (json_array_get_object_element (losses, i), "count");
  g_assert_cmpuint (json_array_get_length (losses), ==, 64);
  g_assert_cmpint (sum, ==, 2000);
  g_assert_false (json_object_get_boolean_member (outcome, "complete"));
  g_assert_cmpstr (json_object_get_string_member (outcome, "outcome"), ==, "incomplete");
  g_assert_cmpint (json_object_get_int_member (outcome, "rows_lost"), ==, 2000);
  check_against_schema (text);
  format_host_free (host);
}

// A run of nothing is a document too; without the last event it is not called complete.
static void
test_empty (void)
{
  FormatHost *host = format_host_new ();
  g_assert_true (format_host_start (host));
  g_assert_true (format_host_finish (host));
  const char *text = format_host_output (host, "stm32.json");
  g_autoptr (JsonNode) node = parse (text);
  g_assert_false (json_object_get_boolean_member (member (json_node_get_object (node), "outcome"),
    "complete"));
  check_against_schema (text);
  format_host_free (host);
}

static void
test_no_memory (void)
{
  bool written = false;
  for (gint64 allowed = 0; !written; allowed++) {
    FormatHost *host = format_host_new ();
    Odd row = odd_row (host);
    host->resizes_left = allowed;
    written = format_host_start (host) && format_host_text_rows (host, &Odd_type, &row, 1, odd_text)
      && host->descriptor->finish (host->stage);
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
  g_test_add_func ("/json/lines", test_lines);
  g_test_add_func ("/json/document", test_document);
  g_test_add_func ("/json/losses", test_losses);
  g_test_add_func ("/json/empty", test_empty);
  g_test_add_func ("/json/no-memory", test_no_memory);
  return g_test_run ();
}
