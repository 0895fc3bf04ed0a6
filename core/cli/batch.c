// SPDX-License-Identifier: Apache-2.0
// A batch: several pipelines, a folder for each, one summary row each.
#include "cli/cli.h"

#include <csv.h>
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
  static const struct {
    MfStatus status;
    const char *name;
  } names[] = {
    { MF_STATUS_OK, "ok" },
    { MF_STATUS_FAILED, "failed" },
    { MF_STATUS_CONFIGURATION, "configuration" },
    { MF_STATUS_PLUGIN, "plugin" },
    { MF_STATUS_LOST, "lost" },
    { MF_STATUS_BUDGET, "over budget" },
    { MF_STATUS_INTERRUPTED, "interrupted" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].status == status)
      return names[i].name;
  return "?";
}

// The last `n` parts of a path without the ending, joined by dashes: data/board/08_leak.txt ->
// board-08_leak.
static char *
tail_of (const char *path, guint n)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  guint count = g_strv_length (parts);
  g_autofree char *tail = g_strjoinv ("-", parts + (count > n ? count - n : 0));
  char *dot = strrchr (tail, '.');
  return dot && dot != tail ? g_strndup (tail, (gsize) (dot - tail)) : g_steal_pointer (&tail);
}

static bool
name_with (const MfRunSettings *settings, GPtrArray *jobs, guint parts)
{
  g_autoptr (GHashTable) taken = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < jobs->len; i++) {
    MfJob *job = g_ptr_array_index (jobs, i);
    g_autofree char *config = tail_of (job->configuration, job->input ? 1 : parts);
    g_autofree char *input = job->input ? tail_of (job->input, parts) : NULL;
    g_autofree char *name = input ? g_strconcat (config, "-", input, NULL) : g_strdup (config);
    g_free (job->folder);
    job->folder = g_build_filename (settings->output ? settings->output : "reports", name, NULL);
    if (!g_hash_table_add (taken, job->folder))
      return false;
  }
  return true;
}

// A folder of its own for each job, named after its configuration and input by as many parts of
// their paths as it takes to tell them apart. The same input twice shares its folder: it holds the
// same reports.
static void
name_folders (const MfRunSettings *settings, GPtrArray *jobs)
{
  enum { MOST_PARTS = 16 };
  for (guint parts = 1; parts <= MOST_PARTS; parts++)
    if (name_with (settings, jobs, parts))
      return;
}

static gpointer
worker (gpointer data)
{
  Batch *batch = data;
  for (;;) {
    g_mutex_lock (&batch->lock);
    MfJob *job
        = batch->next < batch->jobs->len ? g_ptr_array_index (batch->jobs, batch->next++) : NULL;
    g_mutex_unlock (&batch->lock);
    if (!job)
      return NULL;
    job->status = MF_STATUS_INTERRUPTED;
    if (mf_cli_interrupted ())
      continue;
    mf_cli_run_job (batch->settings, job);
  }
}

static const char *
label_of (const MfJob *job)
{
  return job->input ? job->input : job->configuration;
}

// Bytes of the folders that all labels begin with.
static size_t
common_folders (const GPtrArray *jobs)
{
  const char *first = label_of (g_ptr_array_index (jobs, 0));
  const char *slash = strrchr (first, '/');
  size_t common = slash ? (size_t) (slash - first) + 1 : 0;
  for (guint i = 1; i < jobs->len; i++)
    while (common > 0 && strncmp (first, label_of (g_ptr_array_index (jobs, i)), common) != 0)
      do
        common--;
      while (common > 0 && first[common - 1] != '/');
  return common;
}

static void
print_summary_row (const MfJob *job, size_t common, int width)
{
  const char *label = label_of (job) + common;
  const char *missing = job->status == MF_STATUS_OK ? "-" : "see the message above";
  size_t length = strlen (label), room = (size_t) width;
  printf ("%-*s  %-8s %10s %6s  %s\n", width, length > room ? label + length - room : label,
      status_name (job->status), mf_grouped (job->rows).text, mf_grouped (job->lost).text,
      job->headline ? job->headline : missing);
}

static void
print_summary (const GPtrArray *jobs)
{
  int width = 5;
  size_t common = common_folders (jobs);
  for (guint i = 0; i < jobs->len; i++)
    width = MAX (width, (int) strlen (label_of (g_ptr_array_index (jobs, i)) + common));
  width = MIN (width, 40);
  printf ("%-*s  %-8s %10s %6s  %s\n", width, "input", "status", "rows", "lost", "verdict");
  for (guint i = 0; i < jobs->len; i++)
    print_summary_row (g_ptr_array_index (jobs, i), common, width);
}

void
mf_csv_add_cell (GString *row, const char *text)
{
  g_autofree char *defused
      = *text && strchr ("=+-@\t\r", *text) ? g_strconcat ("'", text, NULL) : g_strdup (text);
  size_t length = strlen (defused), room = 2 * length + 2;
  g_autofree char *cell = g_malloc (room);
  g_string_append_len (row, cell, (gssize) csv_write (cell, room, defused, length));
}

static bool
write_table (const char *folder, const char *name, const GString *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;
  g_mkdir_with_parents (folder, 0755);
  if (g_file_set_contents_full (
          path, text->str, (gssize) text->len, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error)) {
    g_printerr ("wrote %s\n", path);
    return true;
  }
  mf_cli_usage ("%s", error->message);
  return false;
}

// The batch as tables for a spreadsheet: a row for each input, and all metrics of all inputs below
// each other.
static bool
write_tables (const MfRunSettings *settings, const GPtrArray *jobs)
{
  g_autoptr (GString) summary
      = g_string_new ("input,configuration,folder,status,events (rows),lost (rows),verdict\r\n");
  g_autoptr (GString) metrics = g_string_new ("input,subject,name,value,unit,basis\r\n");
  for (guint i = 0; i < jobs->len; i++) {
    const MfJob *job = g_ptr_array_index (jobs, i);
    const char *texts[] = { job->input ? job->input : "", job->configuration, job->folder,
      status_name (job->status) };
    for (gsize k = 0; k < G_N_ELEMENTS (texts); k++) {
      mf_csv_add_cell (summary, texts[k]);
      g_string_append_c (summary, ',');
    }
    g_string_append_printf (
        summary, "%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",", job->rows, job->lost);
    mf_csv_add_cell (summary, job->headline ? job->headline : "");
    g_string_append (summary, "\r\n");
    if (job->metrics)
      g_string_append_len (metrics, job->metrics->str, (gssize) job->metrics->len);
  }
  const char *folder = settings->output ? settings->output : "reports";
  return write_table (folder, "summary.csv", summary)
         && write_table (folder, "metrics.csv", metrics);
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
  bool written = write_tables (settings, jobs);
  MfStatus status = overall (jobs);
  return status == MF_STATUS_OK && !written ? MF_STATUS_FAILED : status;
}
