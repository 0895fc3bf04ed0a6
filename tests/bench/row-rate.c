// SPDX-License-Identifier: Apache-2.0
// Rows per second through a whole pipeline, beside the same work in one plain loop without any pipeline.
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memflow/memflow.h>

enum { RUNS = 3 };

static double
seconds (void)
{
  return (double) g_get_monotonic_time () / G_USEC_PER_SEC;
}

// What the pipeline does at the least: fill rows in 64 KiB of memory, read one field of each.
static double
baseline (uint64_t rows, volatile uint64_t *result)
{
  enum { ROWS = MF_BATCH_MAX_BYTES / sizeof (MfAlloc) };
  MfAlloc *batch = calloc (ROWS, sizeof *batch), row = { .process = 1 };
  uint64_t sum = 0;
  double start = seconds ();
  for (uint64_t done = 0; done < rows;) {
    uint64_t n = MIN ((uint64_t) ROWS, rows - done);
    for (uint64_t i = 0; i < n; i++, done++) {
      row.time.ns = (int64_t) done;
      row.address.at = 0x20000000 + (done & 0xffff) * 16;
      row.size.bytes = 16 + (done & 255);
      memcpy (batch + i, &row, sizeof row);
    }
    __asm__ volatile ("" : : "r" (batch) : "memory");
    for (uint64_t i = 0; i < n; i++)
      sum += batch[i].size.bytes;
  }
  *result = sum;
  free (batch);
  return seconds () - start;
}

static double
pipeline (const char *modules, const char *stages, uint64_t rows, bool deterministic)
{
  g_autofree char *text = g_strdup_printf ("[collector rows]\nrows = %" G_GUINT64_FORMAT "\n%s", rows, stages);
  MfPipeline *pipeline = mf_pipeline_new ();
  mf_pipeline_add_plugin_path (pipeline, modules);
  mf_pipeline_set_output (pipeline, "build/bench-output");
  mf_pipeline_set_deterministic (pipeline, deterministic);
  if (mf_pipeline_load_text (pipeline, text) != MF_STATUS_OK)
    g_error ("%s", mf_pipeline_errors (pipeline));
  double start = seconds ();
  if (mf_pipeline_run (pipeline) != MF_STATUS_OK)
    g_error ("%s", mf_pipeline_errors (pipeline));
  double took = seconds () - start;
  const char *path;
  uint64_t written;
  for (uint32_t i = 0; mf_pipeline_file (pipeline, i, &path, &written); i++)
    remove (path);
  mf_pipeline_free (pipeline);
  return took;
}

int
main (int argc, char **argv)
{
  static const struct { const char *name, *stages; uint64_t rows; bool deterministic; } cases[] = {
    { "to an analyzer", "[analyzer sum]\n", 20000000, false },
    { "to an analyzer, one thread", "[analyzer sum]\n", 20000000, true },
    { "to CSV", "[format csv]\n", 2000000, false },
    { "to JSON Lines", "[format json]\nmode = lines\npath = /dev/null\n", 2000000, false },
  };
  if (argc != 2)
    return fprintf (stderr, "usage: %s MODULES\n", argv[0]), 2;
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    double best = 1e9, plain = 1e9;
    volatile uint64_t sum;
    for (int run = 0; run < RUNS; run++) {
      plain = MIN (plain, baseline (cases[i].rows, &sum));
      best = MIN (best, pipeline (argv[1], cases[i].stages, cases[i].rows, cases[i].deterministic));
    }
    printf ("# measured rows %s %.1f M/s (plain loop %.1f M/s, ratio %.2f)\n", cases[i].name, (double) cases[i].rows / best / 1e6,
        (double) cases[i].rows / plain / 1e6, plain / best);
  }
  return 0;
}
