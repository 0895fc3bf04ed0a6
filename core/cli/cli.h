// SPDX-License-Identifier: Apache-2.0
// The memflow command: one file per subcommand.
#pragma once

#include <glib.h>

#include <memflow/memflow.h>

// A subcommand gets the words from its own name on. Words after `--` are in `rest`.
typedef struct {
  int argc;
  char **argv;
  char **rest; // NULL-terminated; empty without `--`
  bool has_rest;
} MfCommandLine;

typedef struct {
  const char *name, *arguments, *summary;
  int (*run) (MfCommandLine *line);
} MfCommand;

int mf_cli_run (MfCommandLine *line);
int mf_cli_check (MfCommandLine *line);
int mf_cli_diff (MfCommandLine *line);
int mf_cli_record (MfCommandLine *line);
int mf_cli_list_plugins (MfCommandLine *line);
int mf_cli_inspect (MfCommandLine *line);
int mf_cli_events (MfCommandLine *line);
int mf_cli_scan (MfCommandLine *line);
int mf_cli_new_plugin (MfCommandLine *line);
int mf_cli_targets (MfCommandLine *line);

// Parses the options of a subcommand with help of its own; false: said what is wrong, exit
// status 2.
bool mf_cli_parse (MfCommandLine *line, const GOptionEntry *entries, const char *parameters,
    const char *summary, const char *description);

// One sentence to stderr; returns the exit status 2.
int mf_cli_usage (const char *format, ...) G_GNUC_PRINTF (1, 2);

// --plugin-path, shared by all commands that load plugins.
extern char **mf_cli_plugin_path;
#define MF_CLI_PLUGIN_PATH                                                                         \
  {                                                                                                \
    "plugin-path", 'P', 0, G_OPTION_ARG_FILENAME_ARRAY, &mf_cli_plugin_path,                       \
        "look for plugins here first", "FOLDER"                                                    \
  }

// The file that a configuration argument means: itself, or one of the installed configurations
// ("stm32"). Transfer full; NULL when there is none.
char *mf_cli_find_configuration (const char *argument);
// Names of the installed configurations, NULL-terminated. Transfer full.
char **mf_cli_configurations (void);
// The same for targets: configs/targets.
char *mf_cli_find_target (const char *argument);
char **mf_cli_targets_installed (void);

// One pipeline of a run: a configuration and perhaps an input.
typedef struct {
  char *configuration, *input;
  char *folder; // where its reports go; NULL = as the configuration says
  MfStatus status;
  char *headline;   // the first verdict
  GString *metrics; // rows for metrics.csv
  uint64_t rows, lost;
  int program_status; // of the studied program; -1 = none was run
  char *errors;
} MfJob;
void mf_job_free (MfJob *job);

enum { MF_MOST_JOBS = 64 }; // at once

// Settings of a run that hold for each job.
typedef struct {
  char **sets;
  char *output;
  int jobs;
  bool stats, deterministic, fail_on_loss, ascii, quiet, batch;
  MfDuration duration;
  char **command;
} MfRunSettings;

MfStatus mf_cli_run_job (const MfRunSettings *settings, MfJob *job);
MfStatus mf_cli_run_batch (const MfRunSettings *settings, GPtrArray *jobs);

// True once ^C was pressed: no further jobs are begun.
bool mf_cli_interrupted (void);

// Appends a cell of text by RFC 4180. What a spreadsheet would run as a formula gets an apostrophe
// in front.
void mf_csv_add_cell (GString *row, const char *text);

// Shows the progress of a run on stderr, when that is a terminal, until stopped.
typedef struct MfProgress MfProgress;
MfProgress *mf_progress_start (const MfPipeline *pipeline);
void mf_progress_stop (MfProgress *progress);
