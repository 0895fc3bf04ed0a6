// SPDX-License-Identifier: Apache-2.0
// The format `capture`: what the collectors published, for the collector `replay`. Glue only; the
// bytes are made in core/wire.
#include <memflow/plugin.h>

#include <fnmatch.h>
#include <inttypes.h>

#include "wire.h"

typedef struct {
  MfStage stage;
  MfOutputName path;
  uint32_t compression;
  MfDuration resolution;
  bool derived;
  MfTexts types;

  MfOutput *output;
  MfWireWriter *writer;
} Capture;

static const char SUFFIX[] = ".mfc";

// ---- what the writer asks for

static bool
write_bytes (void *user, const void *bytes, size_t n)
{
  Capture *capture = user;
  return mf_write (capture, capture->output, bytes, n);
}

static const char *
name_of (void *user, MfString string, size_t *n)
{
  const char *text = mf_string_text (user, string);
  *n = strlen (text);
  return text;
}

static bool
frame_of (void *user, MfStack stack, MfFrame *frame, MfStack *caller)
{
  return mf_stack_frame (user, stack, frame, caller);
}

// ---- the life of the stage

static bool
open_output (Capture *capture)
{
  const char *name = capture->path.name ? capture->path.name : mf_run (capture)->name;
  size_t n = strlen (name);
  char *full = mf_resize (capture, NULL, n + sizeof SUFFIX);
  if (!full)
    return mf_fail (capture, "cannot write the capture %s: out of memory", name);
  memcpy (full, name, n);
  strcpy (full + n, capture->path.name ? "" : SUFFIX);
  capture->output = mf_output (capture, full);
  mf_resize (capture, full, 0);
  return capture->output;
}

static bool
capture_start (void *stage)
{
  Capture *capture = stage;
  MfWireWriting writing = { .user = capture,
    .write = write_bytes,
    .string = name_of,
    .frame = frame_of,
    .level = (int) capture->compression,
    .resolution = (uint32_t) capture->resolution.ns };
  size_t n = mf_wire_writer_bytes (&writing);
  void *memory = mf_resize (capture, NULL, n);
  if (!memory)
    return mf_fail_option (capture, "compression",
        "cannot write a capture with compression %u: "
        "out of memory, %zu bytes are needed",
        capture->compression, n);
  capture->writer = mf_wire_writer_init (memory, &writing);
  const MfRunFacts *run = mf_run (capture);
  return open_output (capture) && mf_wire_write_fact (capture->writer, "pipeline", run->name)
         && mf_wire_write_fact (capture->writer, "configuration", run->configuration)
         && mf_wire_write_fact (capture->writer, "version", run->version);
}

static bool
is_wanted (const Capture *capture, const MfBatch *batch)
{
  const char *name = batch->type->name;
  if (batch->flags & MF_BATCH_DERIVED && !capture->derived)
    return false;
  if (!strncmp (name, "core.", 5) && strcmp (name, MfLog_type.name))
    return false;
  for (uint32_t i = 0; i < capture->types.n; i++)
    if (!fnmatch (capture->types.items[i], name, 0))
      return true;
  return !capture->types.n;
}

static bool
capture_take (void *stage, const MfBatch *batch)
{
  Capture *capture = stage;
  return !is_wanted (capture, batch) || mf_wire_write_batch (capture->writer, batch);
}

// Losses are part of what was recorded, whatever `types` says.
static bool
capture_take_lost (void *stage, const MfBatch *batch)
{
  Capture *capture = stage;
  MF_EACH (batch, MfLost, row) {
    MfWireLoss loss = { mf_string_text (capture, row->type), mf_string_text (capture, row->stage),
      mf_string_text (capture, row->consumer), row->count, row->reason };
    if (!mf_wire_write_loss (capture->writer, &loss))
      return false;
  }
  return true;
}

static bool
capture_finish (void *stage)
{
  Capture *capture = stage;
  uint64_t refused = mf_wire_writer_refused (capture->writer);
  if (refused)
    mf_log (capture, MF_LOG_WARNING,
        "%" PRIu64 " rows are not in the capture: their names do not fit "
        "into a block, or the schema is not valid",
        refused);
  if (!mf_wire_write_end (capture->writer))
    return false;
  mf_output_count (capture, capture->output, mf_wire_writer_rows (capture->writer));
  return true;
}

static void
capture_stop (void *stage)
{
  Capture *capture = stage;
  if (capture->writer)
    mf_resize (capture, capture->writer, 0);
  capture->writer = NULL;
}

static const char help[] = "Records the run in one file that the collector replay reads again: "
                           "`memflow run CONFIG FILE.mfc` gives\n"
                           "the same report as the run itself. By default it holds what collectors "
                           "published; what analyzers\n"
                           "conclude is concluded again at replay. Rows that were lost while "
                           "recording are noted in it.\n\n"
                           "The format is described in docs/wire-format.md. A capture that was cut "
                           "off or damaged can be read up to\n"
                           "the damage and after it; what is missing is told.";

// clang-format off
MF_PLUGIN (Capture, "capture", .kind = MF_FORMAT,
  .summary = "everything that was collected, to be replayed later",
  .help = help,
  MF_OPTIONS (
    MF_OPTION (Capture, path, NULL, "file to write; the name of the run with .mfc when not set"),
    MF_OPTION (Capture, compression, "1", "level of zstd; 0 = none", .low = 0, .high = 19),
    MF_OPTION (Capture, resolution, "1ns",
      "to which the times of single allocations are rounded down; 1us makes captures smaller",
      .low = 1, .high = 1e9),
    MF_OPTION (Capture, derived, "no", "also what analyzers published and what was logged"),
    MF_OPTION (Capture, types, NULL, "event types to write, as globs; all when not given")),
  MF_CONSUMES (MF_INPUT (MfLost, capture_take_lost), MF_INPUT_ANY ("**", capture_take)),
  .start = capture_start, .finish = capture_finish, .stop = capture_stop);
// clang-format on
