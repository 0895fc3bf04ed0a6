// SPDX-License-Identifier: Apache-2.0
// A batch: several pipelines, a folder for each, one summary row each.
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"

typedef struct {
  const MfRunSettings *settings;
  GPtrArray *jobs;
  guint next;
  GMutex lock;
} Batch;

static const char *
status_name (MfStatus status)
{
  static const struct { MfStatus status; const char *name; } names[] = {
    { MF_STATUS_OK, "ok" }, { MF_STATUS_FAILED, "failed" }, { MF_STATUS_CONFIGURATION, "configuration" },
    { MF_STATUS_PLUGIN, "plugin" }, { MF_STATUS_LOST, "lost" }, { MF_STATUS_BUDGET, "over budget" },
    { MF_STATUS_INTERRUPTED, "interrupted" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].status == status)
      return names[i].name;
  return "?";
}

static char *
stem (const char *path)
{
  g_autofree char *base = g_path_get_basename (path);
  char *dot = strrchr (base, '.');
  return dot && dot != base ? g_strndup (base, (gsize) (dot - base)) : g_strdup (base);
}

// A folder of its own for each job: the names of its configuration and input, numbered when they collide.
static void
name_folders (const MfRunSettings *settings, GPtrArray *jobs)
{
  g_autoptr (GHashTable) taken = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < jobs->len; i++) {
    MfJob *job = g_ptr_array_index (jobs, i);
    g_autofree char *config = stem (job->configuration), *input = job->input ? stem (job->input) : NULL;
    g_autofree char *name = input ? g_strconcat (config, "-", input, NULL) : g_strdup (config);
    const char *under = settings->output ? settings->output : "reports";
    g_free (job->folder);
    job->folder = g_build_filename (under, name, NULL);
    for (guint n = 2; g_hash_table_contains (taken, job->folder); n++) {
      g_autofree char *numbered = g_strdup_printf ("%s-%u", name, n);
      g_free (job->folder);
      job->folder = g_build_filename (under, numbered, NULL);
    }
    g_hash_table_add (taken, job->folder);
  }
}

static gpointer
worker (gpointer data)
{
  Batch *batch = data;
  for (;;) {
    g_mutex_lock (&batch->lock);
    MfJob *job = batch->next < batch->jobs->len ? g_ptr_array_index (batch->jobs, batch->next++) : NULL;
    g_mutex_unlock (&batch->lock);
    if (!job)
      return NULL;
    mf_cli_run_job (batch->settings, job);
  }
}

static void
print_summary (const GPtrArray *jobs)
{
  int width = 5;
  for (guint i = 0; i < jobs->len; i++) {
    const MfJob *job = g_ptr_array_index (jobs, i);
    width = MAX (width, (int) strlen (job->input ? job->input : job->configuration));
  }
  width = MIN (width, 40);
  printf ("%-*s  %-13s %12s %8s  %s\n", width, "input", "status", "rows", "lost", "verdict");
  for (guint i = 0; i < jobs->len; i++) {
    const MfJob *job = g_ptr_array_index (jobs, i);
    const char *label = job->input ? job->input : job->configuration;
    size_t length = strlen (label);
    const char *headline = job->headline ? job->headline : job->status == MF_STATUS_OK ? "-" : "see the message above";
    printf ("%-*s  %-13s %12s %8s  %s\n", width, length > (size_t) width ? label + length - (size_t) width : label,
        status_name (job->status), mf_grouped (job->rows).text, mf_grouped (job->lost).text, headline);
  }
}

// The worst of all: any status but 0 is passed on, the first one that occurred.
static MfStatus
overall (const GPtrArray *jobs)
{
  for (guint i = 0; i < jobs->len; i++) {
    const MfJob *job = g_ptr_array_index (jobs, i);
    if (job->status != MF_STATUS_OK)
      return job->status;
  }
  return MF_STATUS_OK;
}

MfStatus
mf_cli_run_batch (const MfRunSettings *settings, GPtrArray *jobs)
{
  Batch batch = { settings, jobs, 0 };
  g_mutex_init (&batch.lock);
  name_folders (settings, jobs);
  guint n = MIN ((guint) settings->jobs, jobs->len);
  g_autofree GThread **threads = g_new0 (GThread *, n);
  for (guint i = 1; i < n; i++)
    threads[i] = g_thread_new ("job", worker, &batch);
  worker (&batch);
  for (guint i = 1; i < n; i++)
    g_thread_join (threads[i]);
  g_mutex_clear (&batch.lock);
  print_summary (jobs);
  return overall (jobs);
}
