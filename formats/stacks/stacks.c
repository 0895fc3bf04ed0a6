// SPDX-License-Identifier: Apache-2.0
// The format `stacks`: allocations by call stack for existing viewers. Glue only, the algorithms
// are in stack-profile.c and, shared with hotspots, in allocation-trace.c.
#include <memflow/plugin.h>

#include <glib.h>

#include "call-sites.h"
#include "cells/services.h"
#include "process-traces.h"
#include "stack-profile.h"

enum { CHUNK = 65536 };

// How a stack is weighed, by the label of the option.
typedef struct {
  const char *name, *unit;
  size_t value; // in MfSiteSum
} Weight;

// clang-format off
static const Weight weights[] = {
  { "bytes at the peak", "bytes", offsetof (MfSiteSum, peak) },
  { "bytes requested", "bytes", offsetof (MfSiteSum, total) },
  { "calls", "none", offsetof (MfSiteSum, calls) },
  { "bytes live at the end", "bytes", offsetof (MfSiteSum, live) },
};
// clang-format on

typedef struct {
  MfStage stage;
  MfOutputName path;
  uint32_t style, weight;
  MfOutput *output;
  MfProcessTraces traces;
  MfNames names;
  MfBuffer out;
  uint64_t lines;
} Stacks;

static const char *
usual_suffix (const Stacks *stacks)
{
  return stacks->style == MF_PROFILE_SPEEDSCOPE ? ".speedscope.json" : ".folded";
}

static bool
stacks_start (void *stage)
{
  Stacks *stacks = stage;
  g_autofree char *usual = g_strconcat (mf_run (stacks)->name, usual_suffix (stacks), NULL);
  mf_buffer_init (&stacks->out, mf_memory_of_stage (stacks));
  mf_process_traces_init (&stacks->traces, (MfTraceMemory){ stacks, mf_service_resize }, 1);
  stacks->names = mf_names_of_stage (stacks);
  stacks->output = mf_output (stacks, stacks->path.name ? stacks->path.name : usual);
  return stacks->output != NULL;
}

static bool
stacks_take (void *stage, const MfBatch *batch)
{
  Stacks *stacks = stage;
  return mf_process_traces_take (&stacks->traces, batch)
         || mf_fail (stacks, "cannot follow the allocations of %s: %s",
             mf_string_text (stacks, batch->input), stacks->traces.failure);
}

// ---- writing

static bool
write_out (Stacks *stacks, size_t at_least)
{
  if (stacks->out.failed)
    return mf_fail (stacks, "cannot write the stacks: there is no memory for one of them");
  if (stacks->out.length < at_least || stacks->out.length == 0)
    return true;
  bool written = mf_write (stacks, stacks->output, stacks->out.bytes, stacks->out.length);
  stacks->out.length = 0;
  return written;
}

static bool
write_process (Stacks *stacks, MfStackProfile *profile, const MfProcessTrace *process)
{
  const MfAllocationTrace *trace = &process->trace;
  g_autofree char *name = process->epoch ? g_strdup_printf (
                              "process %u, program %u", process->process, process->epoch + 1)
                                         : g_strdup_printf ("process %u", process->process);
  mf_stack_profile_process (profile, name);
  for (uint32_t i = 0; i < trace->sites.n; i++) {
    MfSiteSum sum = mf_site_sum (trace, i);
    uint64_t weight = mf_site_value (&sum, weights[stacks->weight].value);
    if (weight == 0)
      continue;
    mf_stack_profile_add (profile, (MfStack){ trace->sites.histories[i].stack }, weight);
    stacks->lines++;
    if (!write_out (stacks, CHUNK))
      return false;
  }
  return true;
}

static bool
write_all (Stacks *stacks, MfStackProfile *profile)
{
  for (MfProcessTrace *process = stacks->traces.first; process; process = process->next)
    if (!write_process (stacks, profile, process))
      return false;
  mf_stack_profile_end (profile);
  mf_output_count (stacks, stacks->output, stacks->lines);
  return write_out (stacks, 0);
}

static bool
stacks_finish (void *stage)
{
  Stacks *stacks = stage;
  const MfRunFacts *run = mf_run (stacks);
  g_autofree char *exporter = g_strconcat ("memflow ", run->version, NULL);
  const Weight *weight = &weights[stacks->weight];
  MfProfileOptions options = { (MfProfileStyle) stacks->style, run->name, exporter, weight->unit,
    weight->name, stacks->traces.n > 1 };
  MfStackProfile *profile = mf_stack_profile_new (&options, &stacks->names, &stacks->out);
  bool written = write_all (stacks, profile);
  mf_stack_profile_free (profile);
  if (written && stacks->traces.left_out)
    mf_log (stacks, MF_LOG_WARNING,
        "more than %d processes: %" G_GUINT64_FORMAT " events of further ones were left out",
        MF_PROCESSES_MAX, stacks->traces.left_out);
  return written;
}

static void
stacks_stop (void *stage)
{
  Stacks *stacks = stage;
  if (!stacks->out.memory.resize)
    return;
  mf_process_traces_free (&stacks->traces);
  mf_buffer_free (&stacks->out);
}

static const char help[]
    = "Writes one number for each call stack that allocated. style = folded is text for\n"
      "flame graphs: frames from the outermost on, joined by semicolons, a blank, the\n"
      "number. style = speedscope is a file for https://www.speedscope.app, with one\n"
      "profile for each process. Stacks of weight 0 are left out; those of several\n"
      "processes begin with the process.";

// clang-format off
MF_PLUGIN (Stacks, "stacks", .kind = MF_FORMAT,
  .summary = "allocations by call stack, for flame graphs",
  .help = help,
  MF_OPTIONS (
    MF_OPTION (Stacks, path, NULL, "output file, - for stdout; NAME.folded or NAME.speedscope.json when not set"),
    MF_CHOICE (Stacks, style, "folded", "what is written", "folded", "speedscope"),
    MF_CHOICE (Stacks, weight, "bytes-at-peak", "the number of a stack: bytes live at the peak, all bytes "
      "requested, calls, bytes live at the end", "bytes-at-peak", "total-bytes", "count", "leaked")),
  MF_CONSUMES (MF_INPUT (MfAlloc, stacks_take)),
  .start = stacks_start, .finish = stacks_finish, .stop = stacks_stop);
// clang-format on
