// SPDX-License-Identifier: Apache-2.0
// What flows through a pipeline is delivered in order or counted as lost; a format that stops taking fails alone;
// memory that runs out is an error and never half a file.
#include "pipeline-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static MfStageStats
stats_of (const MfPipeline *pipeline, uint32_t index)
{
  MfStageStats stats;
  MfDuration busy;
  g_assert_true (mf_pipeline_stage (pipeline, index, &stats, &busy));
  return stats;
}

// ---- losses

enum { ROWS = 60000 };

typedef struct { unsigned long long received, lost, disordered; } Report;

static Report
read_report (const Fixture *fixture, const char *name)
{
  Report report;
  g_autofree char *text = fixture_text (fixture, name);
  g_assert_nonnull (text);
  g_assert_cmpint (sscanf (text, "%llu received %llu lost %llu disordered", &report.received, &report.lost,
      &report.disordered), ==, 3);
  return report;
}

static Report
run_policies (const Fixture *fixture, const char *first, const char *second, const char *of_format, const char *pause)
{
  g_autofree char *text = g_strdup_printf (
      "[collector a]\nplugin = ticker\nrows = %d\nqueue = 64KiB\nwhen-full = %s\n"
      "[collector b]\nplugin = ticker\nrows = %d\nqueue = 64KiB\nwhen-full = %s\n"
      "[format slow]\nqueue = 64KiB\nwhen-full = %s\npause = %s\n", ROWS, first, ROWS, second, of_format, pause);
  MfPipeline *pipeline = fixture_load (fixture, text);
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
  Report report = read_report (fixture, "slow.txt");
  g_assert_cmpuint (report.disordered, ==, 0);
  g_assert_cmpuint (stats_of (pipeline, 0).rows_out + stats_of (pipeline, 1).rows_out, ==, 4 * ROWS);
  g_assert_cmpuint (report.received + mf_pipeline_lost (pipeline), ==, 4 * ROWS);
  g_assert_cmpuint (mf_pipeline_lost (pipeline), ==,
      stats_of (pipeline, 0).lost + stats_of (pipeline, 1).lost + stats_of (pipeline, 2).lost);
  g_assert_cmpuint (report.lost, ==, mf_pipeline_lost (pipeline));  // all of it was told to the format
  mf_pipeline_free (pipeline);
  return report;
}

static void
test_block (Fixture *fixture, gconstpointer data)
{
  (void) data;
  g_assert_cmpuint (run_policies (fixture, "block", "block", "block", "1ms").lost, ==, 0);
}

static void
test_format_drops_oldest (Fixture *fixture, gconstpointer data)
{
  (void) data;
  g_assert_cmpuint (run_policies (fixture, "block", "block", "drop-oldest", "5ms").lost, >, 0);
}

static void
test_format_drops_newest (Fixture *fixture, gconstpointer data)
{
  (void) data;
  g_assert_cmpuint (run_policies (fixture, "block", "block", "drop-newest", "5ms").lost, >, 0);
}

static void
test_collectors_drop (Fixture *fixture, gconstpointer data)
{
  (void) data;
  g_assert_cmpuint (run_policies (fixture, "drop-oldest", "drop-newest", "block", "5ms").lost, >, 0);
}

static void
test_everyone_drops (Fixture *fixture, gconstpointer data)
{
  (void) data;
  g_assert_cmpuint (run_policies (fixture, "drop-newest", "drop-oldest", "drop-oldest", "5ms").lost, >, 0);
}

static void
test_fail_on_loss (Fixture *fixture, gconstpointer data)
{
  (void) data;
  MfPipeline *pipeline = fixture_pipeline (fixture);
  mf_pipeline_set_fail_on_loss (pipeline, true);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, "[collector a]\nplugin = ticker\nrows = 100000\n"
      "[format slow]\nqueue = 64KiB\nwhen-full = drop-oldest\npause = 5ms\n"), ==, MF_STATUS_OK);
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_LOST);
  mf_pipeline_free (pipeline);
}

// ---- streams

#define STALLED "accepted nothing for 200.0 ms (stall-timeout) and was left behind\n"

static void
run_beside_a_pipe (Fixture *fixture, const char *rows, MfStatus expected_status)
{
  g_autofree char *pipe = g_build_filename (fixture->folder, "pipe", NULL);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_autofree char *text = g_strdup_printf ("[collector a]\nplugin = ticker\nrows = %s\n"
      "[format pipe]\nplugin = json\nmode = lines\npath = pipe\nstall-timeout = 200ms\nqueue = 64KiB\n[format slow]\n", rows);
  MfPipeline *pipeline = fixture_load (fixture, text);
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, expected_status);
  const char *errors = mf_pipeline_errors (pipeline);
  g_assert_true (g_str_has_prefix (errors, "pipeline:4:2: error: format 'pipe': " STALLED));
  g_assert_nonnull (strstr (errors, "\n1 error\n"));
  g_assert_cmpuint (read_report (fixture, "slow.txt").received, ==, 2 * g_ascii_strtoull (rows, NULL, 10));
  mf_pipeline_free (pipeline);
}

// Nobody reads the pipe: it fails by name, whether it has little to write or more than its queue takes.
static void
test_nobody_reads_much (Fixture *fixture, gconstpointer data)
{
  (void) data;
  run_beside_a_pipe (fixture, "300000", MF_STATUS_FAILED);
}

static void
test_nobody_reads_little (Fixture *fixture, gconstpointer data)
{
  (void) data;
  run_beside_a_pipe (fixture, "10", MF_STATUS_FAILED);
}

static void *
read_a_little (void *path)
{
  char bytes[1000];
  int reader = open (path, O_RDONLY);
  g_assert_cmpint (read (reader, bytes, sizeof bytes), >, 0);
  close (reader);
  return NULL;
}

// A reader that goes away ends the format, not the run, and is no error.
static void
test_reader_leaves (Fixture *fixture, gconstpointer data)
{
  (void) data;
  g_autofree char *pipe = g_build_filename (fixture->folder, "pipe", NULL);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  GThread *reader = g_thread_new ("reader", read_a_little, pipe);
  MfPipeline *pipeline = fixture_load (fixture, "[collector a]\nplugin = ticker\nrows = 100000\n"
      "[format pipe]\nplugin = json\nmode = lines\npath = pipe\n[format slow]\n");
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
  g_thread_join (reader);
  g_assert_cmpstr (mf_pipeline_errors (pipeline), ==, "");
  g_assert_cmpuint (read_report (fixture, "slow.txt").received, ==, 200000);
  mf_pipeline_free (pipeline);
}

// ---- memory

// The stages of configs/stm32.ini, and JSON Lines.
#define WRITES "[collector board]\nplugin = serial\ndevice = " RECORDING "\n" \
  "[analyzer fragmentation]\n[analyzer size-classes]\n[format text]\npath = report.txt\n[format csv]\n[format json]\n" \
  "[format lines]\nplugin = json\nmode = lines\npath = lines.json\n"
static const char *const written[] = {
  "report.txt", "pipeline.json", "lines.json", "pipeline-heap.block.csv",
};

static MfStatus
run_short_of_memory (const Fixture *fixture, uint64_t n, char **errors)
{
  MfPipeline *pipeline = fixture_pipeline (fixture);
  mf_pipeline_set_deterministic (pipeline, true);
  mf_pipeline_fail_allocation (pipeline, n);
  MfStatus status = mf_pipeline_load_text (pipeline, WRITES);
  if (status == MF_STATUS_OK)
    status = mf_pipeline_run (pipeline);
  *errors = g_strdup (mf_pipeline_errors (pipeline));
  mf_pipeline_free (pipeline);
  return status;
}

static void
remove_all (const Fixture *fixture)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir));) {
    g_assert_false (g_str_has_suffix (name, ".partial"));
    g_autofree char *path = g_build_filename (fixture->folder, name, NULL);
    g_assert_cmpint (g_remove (path), ==, 0);
  }
}

// A document that stands under its final name has its end, though it may tell of a run that failed.
static void
assert_failed_whole (const Fixture *fixture, const char *errors)
{
  g_autofree char *document = fixture_text (fixture, "pipeline.json");
  g_assert_true (!document || g_str_has_suffix (document, "}}\n"));
  g_assert_nonnull (strstr (errors, "memory"));
}

// Some memory is done without (caches): then nothing may differ.
static void
assert_unharmed (const Fixture *fixture, char **whole)
{
  for (guint i = 0; i < G_N_ELEMENTS (written); i++) {
    g_autofree char *text = fixture_text (fixture, written[i]);
    g_assert_cmpstr (text, ==, whole[i]);
  }
}

// Ends when so many runs in a row were unharmed that no allocation can have been left to fail.
static void
test_each_allocation_fails (Fixture *fixture, gconstpointer data)
{
  (void) data;
  enum { UNHARMED = 16 };
  char *whole[G_N_ELEMENTS (written)] = { 0 };
  uint64_t failed = 0;
  for (uint64_t n = 0, unharmed = 0; unharmed < UNHARMED; n++) {
    g_autofree char *errors = NULL;
    MfStatus status = run_short_of_memory (fixture, n, &errors);
    for (guint i = 0; n == 0 && i < G_N_ELEMENTS (written); i++)
      g_assert_nonnull (whole[i] = fixture_text (fixture, written[i]));
    if (status == MF_STATUS_OK)
      assert_unharmed (fixture, whole);
    else {
      g_test_message ("%lu: %s", (unsigned long) n, errors);
      g_assert_cmpint (status, ==, MF_STATUS_FAILED);
      assert_failed_whole (fixture, errors);
      failed++;
    }
    unharmed = status == MF_STATUS_OK ? unharmed + 1 : 0;
    remove_all (fixture);
  }
  g_assert_cmpuint (failed, >, 8);
  printf ("# measured failed-allocations %lu runs\n", (unsigned long) failed);
  for (guint i = 0; i < G_N_ELEMENTS (written); i++)
    g_free (whole[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  FIXTURE_TEST ("/flow/block", test_block);
  FIXTURE_TEST ("/flow/format-drops-oldest", test_format_drops_oldest);
  FIXTURE_TEST ("/flow/format-drops-newest", test_format_drops_newest);
  FIXTURE_TEST ("/flow/collectors-drop", test_collectors_drop);
  FIXTURE_TEST ("/flow/everyone-drops", test_everyone_drops);
  FIXTURE_TEST ("/flow/fail-on-loss", test_fail_on_loss);
  FIXTURE_TEST ("/flow/nobody-reads-much", test_nobody_reads_much);
  FIXTURE_TEST ("/flow/nobody-reads-little", test_nobody_reads_little);
  FIXTURE_TEST ("/flow/reader-leaves", test_reader_leaves);
  FIXTURE_TEST ("/flow/each-allocation-fails", test_each_allocation_fails);
  return g_test_run ();
}
