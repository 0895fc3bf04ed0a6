// SPDX-License-Identifier: Apache-2.0
// The C API as another program uses it: loading, running, stopping, sinks, files and messages.
#include "pipeline-fixture.h"

#include <pthread.h>
#include <string.h>

#define BOARD "[collector board]\nplugin = serial\ndevice = " RECORDING "\n"
enum { BLOCKS = 2247 };  // heap.block rows of both dumps of the recording

typedef struct { MfPipeline *pipeline; uint64_t rows, batches; MfSize largest; bool stop_now, refuse; } Seen;

static bool
see (void *user, const MfBatch *batch)
{
  Seen *seen = user;
  seen->rows += batch->n_rows;
  seen->batches++;
  if (seen->stop_now)
    mf_pipeline_stop (seen->pipeline);
  return !seen->refuse;
}

static bool
see_blocks (void *user, const MfBatch *batch)
{
  Seen *seen = user;
  seen->rows += batch->n_rows;
  MF_EACH (batch, MfHeapBlock, row)
    if (row->state == MF_BLOCK_FREE && row->size.bytes > seen->largest.bytes)
      seen->largest = row->size;
  return true;
}

static void
assert_errors (const MfPipeline *pipeline, const char *expected)
{
  g_assert_cmpstr (mf_pipeline_errors (pipeline), ==, expected);
}

// ---- running

static void
test_sink (Fixture *fixture, gconstpointer data)
{
  (void) data;
  Seen seen = { 0 };
  MfPipeline *pipeline = fixture_pipeline (fixture);
  mf_pipeline_add_sink (pipeline, "heap.block", see_blocks, &seen);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, BOARD), ==, MF_STATUS_OK);
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
  g_assert_cmpuint (seen.rows, ==, BLOCKS);
  g_assert_cmpuint (seen.largest.bytes, ==, 12000);
  MfStageStats stats;
  MfDuration busy;
  g_assert_true (mf_pipeline_stage (pipeline, 0, &stats, &busy));
  g_assert_cmpstr (mf_pipeline_string (pipeline, stats.stage), ==, "board");
  g_assert_cmpstr (mf_pipeline_string (pipeline, stats.plugin), ==, "serial");
  g_assert_cmpuint (stats.rows_out, >, seen.rows);
  g_assert_true (mf_pipeline_stage (pipeline, 1, &stats, &busy));
  g_assert_cmpstr (mf_pipeline_string (pipeline, stats.stage), ==, "sink 1");
  g_assert_cmpuint (stats.rows_in, ==, seen.rows);
  g_assert_false (mf_pipeline_stage (pipeline, 2, &stats, &busy));
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_CONFIGURATION);  // once per pipeline
  mf_pipeline_free (pipeline);
}

// Classes that size-classes counts on the recording; `own` is a line of its own section.
static uint64_t
classes_with (const Fixture *fixture, const char *target, const char *own)
{
  Seen seen = { 0 };
  g_autofree char *path = g_build_filename (fixture->folder, "target.ini", NULL);
  g_assert_true (g_file_set_contents (path, target, -1, NULL));
  g_autofree char *text = g_strdup_printf (
      "[pipeline]\ntarget = %s\n" BOARD "[analyzer size-classes]\n%s", path, own);
  MfPipeline *pipeline = fixture_pipeline (fixture);
  mf_pipeline_add_sink (pipeline, "size-class.class", see, &seen);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, text), ==, MF_STATUS_OK);
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
  mf_pipeline_free (pipeline);
  return seen.rows;
}

// What a target says of a plugin stands behind the keys of its stages.
static void
test_target_defaults (Fixture *fixture, gconstpointer data)
{
  (void) data;
  const char *two = "[target]\n[defaults size-classes]\nedges = 16B, 64B\n";
  g_assert_cmpuint (classes_with (fixture, "[target]\n", ""), ==, 4);
  g_assert_cmpuint (classes_with (fixture, two, ""), ==, 3);
  g_assert_cmpuint (classes_with (fixture, two, "edges = 64B\n"), ==, 2);
}

static void
test_sink_that_refuses (Fixture *fixture, gconstpointer data)
{
  (void) data;
  Seen seen = { .refuse = true };
  MfPipeline *pipeline = fixture_pipeline (fixture);
  mf_pipeline_add_sink (pipeline, "heap.*", see, &seen);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, BOARD), ==, MF_STATUS_OK);
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_FAILED);
  g_assert_cmpuint (seen.batches, ==, 1);
  assert_errors (pipeline, "error: sink 1: refused a batch of heap.stats without giving a reason\n1 error\n");
  mf_pipeline_free (pipeline);
}

static void
test_files (Fixture *fixture, gconstpointer data)
{
  (void) data;
  MfPipeline *pipeline = fixture_load (fixture, BOARD "[format csv]\ntypes = heap.block, heap.snapshot\n[format json]\n");
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
  const char *path;
  uint64_t rows, total = 0;
  uint32_t n = 0;
  for (; mf_pipeline_file (pipeline, n, &path, &rows); n++) {
    g_assert_true (g_str_has_prefix (path, fixture->folder));
    g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR));
    if (g_str_has_suffix (path, "heap.block.csv"))
      total = rows;
  }
  g_assert_cmpuint (n, ==, 3);
  g_assert_cmpuint (total, ==, BLOCKS);
  mf_pipeline_free (pipeline);
}

// ---- loading

static void
test_errors_of_a_configuration (Fixture *fixture, gconstpointer data)
{
  (void) data;
  MfPipeline *pipeline = fixture_pipeline (fixture);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, "[collector t]\nplugin = tickr\n[collector u]\nplugin = ticker\n"
      "pause = 5\n[format slow]\nfrom = v\nqueu = 1MiB\n"), ==, MF_STATUS_CONFIGURATION);
  assert_errors (pipeline,
      "pipeline:2:10: error: there is no collector plugin 'tickr'\n"
      "    2 | plugin = tickr\n"
      "      |          ^~~~~ did you mean 'ticker'?   (memflow list-plugins)\n"
      "pipeline:5:9: error: '5' has no unit\n"
      "    5 | pause = 5\n"
      "      |         ^ write 5s\n"
      "pipeline:8:1: error: format 'slow' has no option 'queu'\n"
      "    8 | queu = 1MiB\n"
      "      | ^~~~ did you mean 'queue'?   (memflow inspect slow)\n"
      "3 errors\n");
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_CONFIGURATION);
  mf_pipeline_free (pipeline);
}

static void
test_settings (Fixture *fixture, gconstpointer data)
{
  (void) data;
  Seen seen = { 0 };
  MfPipeline *pipeline = fixture_pipeline (fixture);
  mf_pipeline_set (pipeline, "t.rows", "7");
  mf_pipeline_add_sink (pipeline, "ticker.tick", see, &seen);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, "[collector t]\nplugin = ticker\n"), ==, MF_STATUS_OK);
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
  g_assert_cmpuint (seen.rows, ==, 7);
  mf_pipeline_free (pipeline);
}

// The input of the caller replaces that of the file; the collector that recognises it replaces the file's.
static void
test_input (Fixture *fixture, gconstpointer data)
{
  (void) data;
  static const char *const configurations[] = {
    "[collector board]\nplugin = serial\ndevice = /nonexistent\n", "[collector board]\nplugin = ticker\nrows = 1\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS (configurations); i++) {
    Seen seen = { 0 };
    MfPipeline *pipeline = fixture_pipeline (fixture);
    mf_pipeline_set_input (pipeline, RECORDING);
    mf_pipeline_add_sink (pipeline, "heap.block", see_blocks, &seen);
    g_assert_cmpint (mf_pipeline_load_text (pipeline, configurations[i]), ==, MF_STATUS_OK);
    g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
    g_assert_cmpuint (seen.rows, ==, BLOCKS);
    mf_pipeline_free (pipeline);
  }
}

static void
test_input_that_nobody_reads (Fixture *fixture, gconstpointer data)
{
  (void) data;
  g_autofree char *path = g_build_filename (fixture->folder, "noise", NULL);
  g_assert_true (g_file_set_contents (path, "\0\1\2\3\377\376", 6, NULL));
  MfPipeline *pipeline = fixture_pipeline (fixture);
  mf_pipeline_set_input (pipeline, path);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, "[collector t]\nplugin = ticker\n"), ==, MF_STATUS_CONFIGURATION);
  g_autofree char *expected = g_strdup_printf (
      "error: %s: no collector recognises this input (memflow list-plugins shows what there is)\n1 error\n", path);
  assert_errors (pipeline, expected);
  mf_pipeline_free (pipeline);
}

// ---- ending

static void
test_a_collector_that_fails (Fixture *fixture, gconstpointer data)
{
  (void) data;
  MfPipeline *pipeline = fixture_load (fixture, "[collector t]\nplugin = ticker\nfail-at = 3\n[format slow]\n");
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_FAILED);
  assert_errors (pipeline, "pipeline:3:11: error: collector 't': the number 3 is too much\n"
      "    3 | fail-at = 3\n      |           ^\n1 error\n");
  g_autofree char *text = fixture_text (fixture, "slow.txt");
  g_assert_cmpstr (text, ==, "6 received 0 lost 0 disordered\n");
  mf_pipeline_free (pipeline);
}

static void
test_duration (Fixture *fixture, gconstpointer data)
{
  (void) data;
  Seen seen = { 0 };
  MfPipeline *pipeline = fixture_pipeline (fixture);
  mf_pipeline_set_duration (pipeline, (MfDuration) { 50 * 1000000 });
  mf_pipeline_add_sink (pipeline, "ticker.tick", see, &seen);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, "[collector t]\nplugin = ticker\npause = 1ms\n"), ==, MF_STATUS_OK);
  gint64 start = g_get_monotonic_time ();
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 50 * 1000);
  g_assert_cmpuint (seen.rows, >=, 1);
  mf_pipeline_free (pipeline);
}

// What had been published when the run was stopped arrives.
static void
test_stop (Fixture *fixture, gconstpointer data)
{
  (void) data;
  MfPipeline *pipeline = fixture_pipeline (fixture);
  Seen seen = { .pipeline = pipeline, .stop_now = true };
  mf_pipeline_add_sink (pipeline, "ticker.tick", see, &seen);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, "[collector t]\nplugin = ticker\npause = 1ms\n"
      "[collector waits]\nplugin = ticker\npause = 1h\n"), ==, MF_STATUS_OK);
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_INTERRUPTED);
  MfStageStats stats;
  MfDuration busy;
  uint64_t published = 0;
  for (uint32_t i = 0; i < 2 && mf_pipeline_stage (pipeline, i, &stats, &busy); i++)
    published += stats.rows_out;
  g_assert_cmpuint (2 * seen.rows, ==, published);
  mf_pipeline_free (pipeline);
}

static void *
stop_later (void *pipeline)
{
  uint64_t done, total, rows = 0;
  while (!rows)
    mf_pipeline_progress (pipeline, &done, &total, &rows);
  mf_pipeline_stop (pipeline);
  return NULL;
}

static void
test_stop_from_another_thread (Fixture *fixture, gconstpointer data)
{
  (void) data;
  MfPipeline *pipeline = fixture_load (fixture, "[collector t]\nplugin = ticker\n[format slow]\n");
  pthread_t thread;
  g_assert_cmpint (pthread_create (&thread, NULL, stop_later, pipeline), ==, 0);
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_INTERRUPTED);
  pthread_join (thread, NULL);
  g_assert_true (fixture_has (fixture, "slow.txt"));
  mf_pipeline_free (pipeline);
}

// ---- several at once

static void *
run_one (void *data)
{
  Fixture *fixture = data;
  Seen seen = { 0 };
  g_autofree char *name = g_strdup_printf ("%p.json", (void *) &seen);
  for (guint i = 0; i < 5; i++) {
    MfPipeline *pipeline = fixture_pipeline (fixture);
    mf_pipeline_add_sink (pipeline, "heap.block", see_blocks, &seen);
    mf_pipeline_set (pipeline, "json.path", name);
    g_assert_cmpint (mf_pipeline_load_text (pipeline, BOARD "[format json]\n"
        "[collector t]\nplugin = ticker\nrows = 1\n"), ==, MF_STATUS_OK);
    g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
    mf_pipeline_free (pipeline);
  }
  return GUINT_TO_POINTER (seen.rows);
}

static void
test_two_threads (Fixture *fixture, gconstpointer data)
{
  (void) data;
  pthread_t threads[2];
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_cmpint (pthread_create (&threads[i], NULL, run_one, fixture), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++) {
    void *rows;
    pthread_join (threads[i], &rows);
    g_assert_cmpuint (GPOINTER_TO_UINT (rows), ==, 5 * BLOCKS);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  FIXTURE_TEST ("/pipeline/target-defaults", test_target_defaults);
  FIXTURE_TEST ("/pipeline/sink", test_sink);
  FIXTURE_TEST ("/pipeline/sink-that-refuses", test_sink_that_refuses);
  FIXTURE_TEST ("/pipeline/files", test_files);
  FIXTURE_TEST ("/pipeline/errors-of-a-configuration", test_errors_of_a_configuration);
  FIXTURE_TEST ("/pipeline/settings", test_settings);
  FIXTURE_TEST ("/pipeline/input", test_input);
  FIXTURE_TEST ("/pipeline/input-that-nobody-reads", test_input_that_nobody_reads);
  FIXTURE_TEST ("/pipeline/a-collector-that-fails", test_a_collector_that_fails);
  FIXTURE_TEST ("/pipeline/duration", test_duration);
  FIXTURE_TEST ("/pipeline/stop", test_stop);
  FIXTURE_TEST ("/pipeline/stop-from-another-thread", test_stop_from_another_thread);
  FIXTURE_TEST ("/pipeline/two-threads", test_two_threads);
  return g_test_run ();
}
