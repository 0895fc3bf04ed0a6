// SPDX-License-Identifier: Apache-2.0
// The C API: run memflow pipelines inside another program. No GLib types; link with libmemflow.
// A pipeline may be used from one thread at a time; different pipelines are independent of each
// other.
#pragma once

#include <memflow/event.h>
#include <memflow/events.h>

#pragma GCC visibility push(default)

typedef struct MfPipeline MfPipeline;

// How a run ended. The values are the exit statuses of the command.
typedef enum {
  MF_STATUS_OK = 0,
  MF_STATUS_FAILED = 1,
  MF_STATUS_CONFIGURATION = 2,
  MF_STATUS_PLUGIN = 3,
  MF_STATUS_LOST = 4,
  MF_STATUS_BUDGET = 5,
  MF_STATUS_INTERRUPTED = 130
} MfStatus;

// A pipeline without stages yet; never NULL. Free with mf_pipeline_free.
MfPipeline *mf_pipeline_new (void);
void mf_pipeline_free (MfPipeline *pipeline);

// Settings, all before mf_pipeline_load. Strings are copied.
void mf_pipeline_add_plugin_path (MfPipeline *pipeline, const char *folder);
void mf_pipeline_set_output (MfPipeline *pipeline, const char *folder);
void mf_pipeline_set (MfPipeline *pipeline, const char *stage_dot_key, const char *value);
void mf_pipeline_set_input (MfPipeline *pipeline, const char *path);
void mf_pipeline_set_command (
    MfPipeline *pipeline, const char *const *words); // for options of kind argv
void mf_pipeline_set_deterministic (MfPipeline *pipeline, bool on);
void mf_pipeline_set_fail_on_loss (MfPipeline *pipeline, bool on);
void mf_pipeline_set_ascii (MfPipeline *pipeline, bool on);
void mf_pipeline_set_colour (MfPipeline *pipeline, bool on);
void mf_pipeline_set_batch (
    MfPipeline *pipeline, bool on); // stdout is taken: what would go there goes to NAME.txt
void mf_pipeline_set_duration (
    MfPipeline *pipeline, MfDuration length); // ends the run as ^C would, status OK

// Receives batches of the types that match `glob` (as a last stage, on the analysis thread).
// Return false to end the run with status FAILED.
typedef bool (*MfSink) (void *user, const MfBatch *batch);
void mf_pipeline_add_sink (MfPipeline *pipeline, const char *glob, MfSink sink, void *user);

// Receives remarks of the stages while the run goes on (severity: MF_LOG_*), from any of its
// threads, one at a time.
typedef void (*MfLogFunction) (void *user, uint32_t severity, const char *stage, const char *text);
void mf_pipeline_set_log (MfPipeline *pipeline, MfLogFunction log, void *user);

// Reads a configuration file (or `text`, in which paths are relative to the working directory) and
// checks it completely. All errors are in mf_pipeline_errors.
MfStatus mf_pipeline_load (MfPipeline *pipeline, const char *path);
MfStatus mf_pipeline_load_text (MfPipeline *pipeline, const char *text);

// Runs to the end. Once per pipeline.
MfStatus mf_pipeline_run (MfPipeline *pipeline);

// Ends a run from another thread or a signal handler: finishes normally with what there is.
// The second call aborts.
void mf_pipeline_stop (MfPipeline *pipeline);

// All messages so far, one or more lines each, "" when there are none. Owned by the pipeline.
const char *mf_pipeline_errors (const MfPipeline *pipeline);

// Files that the run has written: `rows` events in it. Returns false past the last one.
bool mf_pipeline_file (
    const MfPipeline *pipeline, uint32_t index, const char **path, uint64_t *rows);

// How far the collectors are, in bytes (total 0 = not known) and rows published. Any thread, during
// a run.
void mf_pipeline_progress (
    const MfPipeline *pipeline, uint64_t *done, uint64_t *total, uint64_t *rows);

// Name and figures of a stage after a run, in file order. Returns false past the last one.
bool mf_pipeline_stage (
    const MfPipeline *pipeline, uint32_t index, MfStageStats *stats, MfDuration *busy);

// Rows lost on all edges.
uint64_t mf_pipeline_lost (const MfPipeline *pipeline);

// Exit status of the program that a collector has run, 128 + signal when it was killed; -1 = none
// was run.
int mf_pipeline_program_status (const MfPipeline *pipeline);

// The text of an interned string of this pipeline's events; "" for unknown ids.
const char *mf_pipeline_string (const MfPipeline *pipeline, MfString string);

// For tests: lets the n-th allocation of input-dependent size from now on fail (1 = the next; 0 =
// none).
void mf_pipeline_fail_allocation (MfPipeline *pipeline, uint64_t n);

// The version of the library: "0.1.0".
const char *mf_version (void);

#pragma GCC visibility pop
