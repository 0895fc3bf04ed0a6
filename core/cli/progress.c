// SPDX-License-Identifier: Apache-2.0
// Progress of a long run, on a terminal: bytes, events, rate, time left.
#include "cli/cli.h"

#include <stdio.h>
#include <unistd.h>

#include "base/units.h"

enum { FIRST_MS = 500, EVERY_MS = 200 };

struct MfProgress {
  const MfPipeline *pipeline;
  GThread *thread;
  GMutex lock;
  GCond changed;
  bool over;
  gint64 started;
};

static void
print_line (const MfProgress *progress)
{
  uint64_t done, total, rows;
  mf_pipeline_progress (progress->pipeline, &done, &total, &rows);
  double seconds = (double) (g_get_monotonic_time () - progress->started) / G_USEC_PER_SEC;
  g_autoptr (GString) text = g_string_new ("\r\033[K");
  g_string_append_printf (text, "%s", mf_size_print ((MfSize){ done }).text);
  if (total)
    g_string_append_printf (
        text, " of %s (%s)", mf_size_print ((MfSize){ total }).text, mf_percent (done, total).text);
  g_string_append_printf (text, "  %s events", mf_grouped (rows).text);
  if (seconds > 0)
    g_string_append_printf (
        text, "  %s/s", mf_size_print ((MfSize){ (uint64_t) ((double) done / seconds) }).text);
  if (total > done && done)
    g_string_append_printf (
        text, "  %.0f s left", seconds * (double) (total - done) / (double) done);
  fputs (text->str, stderr);
  fflush (stderr);
}

static gpointer
show (gpointer data)
{
  MfProgress *progress = data;
  bool shown = false;
  gint64 next = progress->started + FIRST_MS * 1000;
  g_mutex_lock (&progress->lock);
  while (!progress->over) {
    if (g_cond_wait_until (&progress->changed, &progress->lock, next))
      continue;
    print_line (progress);
    shown = true;
    next = g_get_monotonic_time () + EVERY_MS * 1000;
  }
  g_mutex_unlock (&progress->lock);
  if (shown)
    fputs ("\r\033[K", stderr);
  return NULL;
}

MfProgress *
mf_progress_start (const MfPipeline *pipeline)
{
  if (!isatty (STDERR_FILENO))
    return NULL;
  MfProgress *progress = g_new0 (MfProgress, 1);
  progress->pipeline = pipeline;
  progress->started = g_get_monotonic_time ();
  g_mutex_init (&progress->lock);
  g_cond_init (&progress->changed);
  progress->thread = g_thread_new ("progress", show, progress);
  return progress;
}

void
mf_progress_stop (MfProgress *progress)
{
  if (!progress)
    return;
  g_mutex_lock (&progress->lock);
  progress->over = true;
  g_cond_signal (&progress->changed);
  g_mutex_unlock (&progress->lock);
  g_thread_join (progress->thread);
  g_mutex_clear (&progress->lock);
  g_cond_clear (&progress->changed);
  g_free (progress);
}
