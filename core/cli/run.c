// SPDX-License-Identifier: Apache-2.0
// memflow run: which configurations with which inputs, one pipeline each.
#include "cli/cli.h"

#include <glob.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/units.h"

static MfPipeline *_Atomic running[MF_MOST_JOBS]; // what ^C stops
static volatile sig_atomic_t interrupts;

void
mf_job_free (MfJob *job)
{
  g_free (job->configuration);
  g_free (job->input);
  g_free (job->folder);
  g_free (job->headline);
  g_free (job->errors);
  if (job->metrics)
    g_string_free (job->metrics, TRUE);
  g_free (job);
}

// First: finish with what there is. Second: abort. Third: at once.
static void
on_signal (int number)
{
  bool stopped = false;
  for (gsize i = 0; i < G_N_ELEMENTS (running); i++) {
    MfPipeline *pipeline = running[i];
    if (pipeline)
      mf_pipeline_stop (pipeline);
    stopped |= pipeline != NULL;
  }
  if (++interrupts > 2 || !stopped)
    _exit (128 + number);
}

bool
mf_cli_interrupted (void)
{
  return interrupts > 0;
}

// Where a pipeline stands while it runs; the number of jobs at once bounds the places.
static gsize
enter (MfPipeline *pipeline)
{
  gsize i = 0;
  for (MfPipeline *nobody = NULL; !atomic_compare_exchange_strong (&running[i], &nobody, pipeline);
       nobody = NULL)
    i = (i + 1) % G_N_ELEMENTS (running);
  return i;
}

static void
catch_signals (void)
{
  struct sigaction action = { .sa_handler = on_signal };
  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
  sigaction (SIGHUP, &action, NULL);
}

static void
print_remark (void *user, uint32_t severity, const char *stage, const char *text)
{
  static const char *const names[] = { "", "warning: ", "error: " };
  (void) user;
  g_printerr ("memflow: %s: %s%s\n", stage, names[MIN (severity, 2u)], text);
}

// ---- one job

typedef struct {
  MfPipeline *pipeline;
  MfJob *job;
} Sink;

// "FRAGMENTED: At least 12,000 B …": the first verdict, one line of it.
static bool
take_headline (void *user, const MfBatch *batch)
{
  Sink *sink = user;
  if (!g_str_equal (batch->type->name, MfStatement_type.name))
    return true;
  MF_EACH (batch, MfStatement, row)
    if (row->severity == MF_SAY_VERDICT && !sink->job->headline) {
      const char *subject = mf_pipeline_string (sink->pipeline, row->subject);
      const char *text = mf_batch_text (batch, row->text);
      const char *end = memchr (text, '\n', row->text.length);
      g_autofree char *line = g_strndup (text, end ? (gsize) (end - text) : row->text.length);
      sink->job->headline = g_strconcat (subject, *subject ? ": " : "", line, NULL);
    }
  return true;
}

static bool
take_metrics (void *user, const MfBatch *batch)
{
  Sink *sink = user;
  if (!g_str_equal (batch->type->name, MfMetric_type.name))
    return true;
  MF_EACH (batch, MfMetric, row) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    const MfString texts[] = { batch->input, row->subject, row->name, row->unit, row->basis };
    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
      if (i == 3)
        g_string_append_printf (sink->job->metrics, "%s,",
            row->value == row->value ? g_ascii_dtostr (number, sizeof number, row->value) : "");
      mf_csv_add_cell (sink->job->metrics, mf_pipeline_string (sink->pipeline, texts[i]));
      g_string_append (sink->job->metrics, i + 1 < G_N_ELEMENTS (texts) ? "," : "\r\n");
    }
  }
  return true;
}

static MfPipeline *
pipeline_for (const MfRunSettings *settings, MfJob *job)
{
  MfPipeline *pipeline = mf_pipeline_new ();
  for (char **folder = mf_cli_plugin_path; folder && *folder; folder++)
    mf_pipeline_add_plugin_path (pipeline, *folder);
  for (char **set = settings->sets; set && *set; set++) {
    g_auto (GStrv) parts = g_strsplit (*set, "=", 2);
    mf_pipeline_set (pipeline, parts[0], parts[1]);
  }
  if (job->folder)
    mf_pipeline_set_output (pipeline, job->folder);
  if (job->input)
    mf_pipeline_set_input (pipeline, job->input);
  mf_pipeline_set_command (pipeline, (const char *const *) settings->command);
  mf_pipeline_set_deterministic (pipeline, settings->deterministic);
  mf_pipeline_set_fail_on_loss (pipeline, settings->fail_on_loss);
  mf_pipeline_set_ascii (pipeline, settings->ascii);
  mf_pipeline_set_colour (
      pipeline, isatty (STDOUT_FILENO) && !g_getenv ("NO_COLOR") && !settings->batch);
  mf_pipeline_set_duration (pipeline, settings->duration);
  mf_pipeline_set_batch (pipeline, settings->batch);
  if (!settings->quiet)
    mf_pipeline_set_log (pipeline, print_remark, NULL);
  return pipeline;
}

// "wrote a.json, b.csv (12 rows), c.csv and 14 more in 9 ms"
static void
print_files (const MfPipeline *pipeline, const MfRunSettings *settings, gint64 started)
{
  enum { NAMED = 3 };
  const char *path;
  uint64_t rows;
  uint32_t n = 0;
  g_autoptr (GString) text = g_string_new ("wrote ");
  for (; mf_pipeline_file (pipeline, n, &path, &rows); n++) {
    if (n >= NAMED)
      continue;
    g_string_append_printf (text, "%s%s", n ? ", " : "", path);
    if (rows)
      g_string_append_printf (text, " (%s row%s)", mf_grouped (rows).text, rows == 1 ? "" : "s");
  }
  if (!n)
    return;
  if (n > NAMED)
    g_string_append_printf (text, " and %u more", n - NAMED);
  if (!settings->deterministic)
    g_string_append_printf (text, " in %s",
        mf_duration_print ((MfDuration){ (g_get_monotonic_time () - started) * 1000 }).text);
  g_printerr ("%s\n", text->str);
}

static void
print_stages (const MfPipeline *pipeline)
{
  MfStageStats stats;
  MfDuration busy;
  g_printerr ("%-16s %-14s %12s %14s %14s %10s %10s\n", "stage", "plugin", "batches in", "rows in",
      "rows out", "lost", "busy");
  for (uint32_t i = 0; mf_pipeline_stage (pipeline, i, &stats, &busy); i++)
    g_printerr ("%-16s %-14s %12s %14s %14s %10s %10s\n",
        mf_pipeline_string (pipeline, stats.stage), mf_pipeline_string (pipeline, stats.plugin),
        mf_grouped (stats.batches_in).text, mf_grouped (stats.rows_in).text,
        mf_grouped (stats.rows_out).text, mf_grouped (stats.lost).text,
        mf_duration_print (busy).text);
}

static void
keep_figures (const MfPipeline *pipeline, MfJob *job)
{
  uint64_t done, total;
  mf_pipeline_progress (pipeline, &done, &total, &job->rows);
  job->lost = mf_pipeline_lost (pipeline);
  job->program_status = mf_pipeline_program_status (pipeline);
  job->errors = g_strdup (mf_pipeline_errors (pipeline));
}

MfStatus
mf_cli_run_job (const MfRunSettings *settings, MfJob *job)
{
  gint64 started = g_get_monotonic_time ();
  MfPipeline *pipeline = pipeline_for (settings, job);
  Sink sink = { pipeline, job };
  job->metrics = g_string_new (NULL);
  mf_pipeline_add_sink (pipeline, "report.statement", take_headline, &sink);
  if (settings->batch)
    mf_pipeline_add_sink (pipeline, "metric", take_metrics, &sink);
  job->status = mf_pipeline_load (pipeline, job->configuration);
  if (job->status == MF_STATUS_OK) {
    const char *warnings = mf_pipeline_errors (pipeline);
    if (*warnings && !settings->quiet)
      g_printerr ("%s", warnings);
    gsize place = enter (pipeline);
    MfProgress *progress = settings->batch || settings->quiet ? NULL : mf_progress_start (pipeline);
    job->status = mf_pipeline_run (pipeline);
    mf_progress_stop (progress);
    running[place] = NULL;
  }
  keep_figures (pipeline, job);
  if (job->status != MF_STATUS_OK && *job->errors)
    g_printerr ("%s", job->errors);
  if (!settings->quiet && !settings->batch)
    print_files (pipeline, settings, started);
  if (settings->stats)
    print_stages (pipeline);
  mf_pipeline_free (pipeline);
  return job->status;
}

// ---- arguments

static void
expand (GPtrArray *inputs, const char *argument)
{
  glob_t found;
  bool is_pattern = strpbrk (argument, "*?[") && !g_file_test (argument, G_FILE_TEST_EXISTS);
  if (!is_pattern || glob (argument, 0, NULL, &found) != 0) {
    g_ptr_array_add (inputs, g_strdup (argument));
    return;
  }
  for (size_t i = 0; i < found.gl_pathc; i++)
    g_ptr_array_add (inputs, g_strdup (found.gl_pathv[i]));
  globfree (&found);
}

static int
no_configuration (const char *argument)
{
  g_auto (GStrv) names = mf_cli_configurations ();
  g_autofree char *list = g_strjoinv (", ", names);
  if (argument)
    return mf_cli_usage ("there is no configuration '%s'; installed are: %s", argument, list);
  return mf_cli_usage (
      "no configuration was given: memflow run CONFIG [INPUT...]; installed are: %s", list);
}

// The first argument is always a configuration; later ones are when they end in .ini.
static int
sort_arguments (int argc, char **argv, GPtrArray *configurations, GPtrArray *inputs)
{
  for (int i = 1; i < argc; i++) {
    if (i > 1 && !g_str_has_suffix (argv[i], ".ini")) {
      expand (inputs, argv[i]);
      continue;
    }
    char *path = mf_cli_find_configuration (argv[i]);
    if (!path)
      return no_configuration (argv[i]);
    g_ptr_array_add (configurations, path);
  }
  return configurations->len ? 0 : no_configuration (NULL);
}

static GPtrArray *
make_jobs (const GPtrArray *configurations, const GPtrArray *inputs, const char *output)
{
  GPtrArray *jobs = g_ptr_array_new_with_free_func ((GDestroyNotify) mf_job_free);
  for (guint c = 0; c < configurations->len; c++)
    for (guint i = 0; i < MAX (inputs->len, 1u); i++) {
      MfJob *job = g_new0 (MfJob, 1);
      job->configuration = g_strdup (g_ptr_array_index (configurations, c));
      job->input = inputs->len ? g_strdup (g_ptr_array_index (inputs, i)) : NULL;
      job->folder = g_strdup (output);
      g_ptr_array_add (jobs, job);
    }
  return jobs;
}

static bool
sets_are_sane (char **sets)
{
  for (; sets && *sets; sets++)
    if (!strchr (*sets, '=') || !memchr (*sets, '.', strcspn (*sets, "="))) {
      mf_cli_usage ("--set %s: write STAGE.KEY=VALUE, for example --set report.path=-", *sets);
      return false;
    }
  return true;
}

static bool
read_duration (const char *text, MfDuration *duration)
{
  MfLiteralError error;
  duration->ns = -1;
  if (!text || mf_duration_parse (text, strlen (text), duration, &error))
    return true;
  mf_cli_usage ("--for %s: %s%s%s", text, error.text, *error.hint ? ": " : "", error.hint);
  return false;
}

// The studied program's own status comes through when nothing else has failed.
static int
run_alone (const MfRunSettings *settings, MfJob *job)
{
  MfStatus status = mf_cli_run_job (settings, job);
  return status == MF_STATUS_OK && job->program_status > 0 ? job->program_status : (int) status;
}

int
mf_cli_run (MfCommandLine *line)
{
  MfRunSettings settings = { .jobs = 1, .command = line->rest };
  char *duration = NULL;
  gboolean stats = FALSE, deterministic = FALSE, fail_on_loss = FALSE, ascii = FALSE, quiet = FALSE;
  const GOptionEntry entries[] = { { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &settings.sets,
                                       "set an option of a stage; may be repeated",
                                       "STAGE.KEY=VALUE" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &settings.output, "folder of the reports",
        "FOLDER" },
    { "for", 'f', 0, G_OPTION_ARG_STRING, &duration, "end a live run after that time", "30s" },
    { "jobs", 'j', 0, G_OPTION_ARG_INT, &settings.jobs, "pipelines of a batch that run at once",
        "N" },
    { "stats", 0, 0, G_OPTION_ARG_NONE, &stats, "print what each stage did, to stderr", NULL },
    { "deterministic", 0, 0, G_OPTION_ARG_NONE, &deterministic,
        "one thread, sources in file order: same input, same bytes", NULL },
    { "fail-on-loss", 0, 0, G_OPTION_ARG_NONE, &fail_on_loss,
        "exit with status 4 when anything was lost", NULL },
    { "ascii", 0, 0, G_OPTION_ARG_NONE, &ascii, "no characters beyond ASCII in text reports",
        NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "only errors on stderr", NULL },
    MF_CLI_PLUGIN_PATH, { NULL } };
  if (!mf_cli_parse (line, entries, "CONFIG... [INPUT...] [-- COMMAND...]",
          "Runs the pipeline of each configuration, on its own source or on each INPUT.",
          "A CONFIG is a file that ends in .ini, or the name of an installed one. An INPUT is "
          "whatever a collector\n"
          "recognises: a recording of a serial console, a capture, a device. Quoted globs are "
          "expanded. Several of\n"
          "them are a batch: each gets a folder of its own and a row in the summary.\n\n"
          "  memflow run stm32\n"
          "  memflow run stm32 /dev/ttyACM0 --for 1min\n"
          "  memflow run configs/stm32.ini 'dumps/*.txt' --jobs 2\n"))
    return MF_STATUS_CONFIGURATION;
  settings.stats = stats;
  settings.deterministic = deterministic;
  settings.fail_on_loss = fail_on_loss;
  settings.ascii = ascii;
  settings.quiet = quiet;
  g_autofree char *duration_text = duration;
  if (!sets_are_sane (settings.sets) || !read_duration (duration_text, &settings.duration))
    return MF_STATUS_CONFIGURATION;
  if (settings.jobs < 1 || settings.jobs > MF_MOST_JOBS)
    return mf_cli_usage ("--jobs %d: from 1 to %d", settings.jobs, MF_MOST_JOBS);
  g_autoptr (GPtrArray) configurations = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) inputs = g_ptr_array_new_with_free_func (g_free);
  int wrong = sort_arguments (line->argc, line->argv, configurations, inputs);
  if (wrong)
    return wrong;
  catch_signals ();
  g_autoptr (GPtrArray) jobs = make_jobs (configurations, inputs, settings.output);
  settings.batch = jobs->len > 1;
  int status = settings.batch ? (int) mf_cli_run_batch (&settings, jobs)
                              : run_alone (&settings, g_ptr_array_index (jobs, 0));
  g_strfreev (settings.sets);
  g_free (settings.output);
  return status;
}
