// SPDX-License-Identifier: Apache-2.0
// The format `stacks`: allocations by call stack for existing viewers. Glue only, the algorithms
// are in stack-profile.c and, shared with hotspots, in allocation-trace.c.
#include <memflow/plugin.h>

#include <glib.h>

#include "call-sites.h"
#include "cells/services.h"
#include "process-traces.h"
#include "sampled-stacks.h"
#include "stack-profile.h"

enum { CHUNK = 65536 };

// How a stack is weighed, by the label of the option.
typedef struct {
  const char *name, *unit;
  size_t value; // in MfSiteSum
} Weight;

enum { MOST_ALLOCATION_WEIGHT = 4, BY_GROWTH = 7 };  // labels of the option: 5 and 6 are looks

// clang-format off
static const Weight sampled_weights[MF_N_SAMPLED] = {
  { "looks", "none", MF_SAMPLED_LOOKS }, { "looks at running threads", "none", MF_SAMPLED_RUNNING },
  { "growth of the resident set", "bytes", MF_SAMPLED_GROWTH },
};
static const Weight weights[] = {
  { "bytes at the peak", "bytes", offsetof (MfSiteSum, peak) },
  { "bytes requested", "bytes", offsetof (MfSiteSum, total) },
  { "calls", "none", offsetof (MfSiteSum, calls) },
  { "bytes live at the end", "bytes", offsetof (MfSiteSum, kept) },
  { "blocks freed at once", "none", offsetof (MfSiteSum, temporaries) },
};
// clang-format on

typedef struct {
  MfStage stage;
  MfOutputName path;
  uint32_t style, weight;
  MfOutput *output;
  MfProcessTraces traces;
  MfSampledStacks sampled;
  MfNames names;
  MfBuffer out;
  uint64_t lines;
} Stacks;

// Of allocations, where the option asks for something of looks: what it asks for when it is not set.
static const Weight *
allocation_weight (const Stacks *stacks)
{
  return &weights[stacks->weight > MOST_ALLOCATION_WEIGHT ? 0 : stacks->weight];
}

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
  mf_sampled_stacks_init (&stacks->sampled);
  stacks->names = mf_names_of_stage (stacks);
  stacks->output = mf_output (stacks, stacks->path.name ? stacks->path.name : usual);
  return stacks->output != NULL;
}

static bool
taken (Stacks *stacks, const MfBatch *batch, bool taken)
{
  return taken
         || mf_fail (stacks, "cannot follow the allocations of %s: %s",
             mf_string_text (stacks, batch->input), stacks->traces.failure);
}

static bool
stacks_take (void *stage, const MfBatch *batch)
{
  Stacks *stacks = stage;
  return taken (stacks, batch, mf_process_traces_take (&stacks->traces, batch));
}

static bool
stacks_take_starts (void *stage, const MfBatch *batch)
{
  Stacks *stacks = stage;
  return taken (stacks, batch, mf_process_traces_start (&stacks->traces, batch));
}

static bool
stacks_take_marks (void *stage, const MfBatch *batch)
{
  Stacks *stacks = stage;
  return taken (stacks, batch, mf_process_traces_mark (&stacks->traces, batch));
}

static bool
stacks_take_sites (void *stage, const MfBatch *batch)
{
  Stacks *stacks = stage;
  return taken (stacks, batch, mf_process_traces_take_sites (&stacks->traces, batch));
}

static bool
stacks_take_totals (void *stage, const MfBatch *batch)
{
  Stacks *stacks = stage;
  return taken (stacks, batch, mf_process_traces_take_totals (&stacks->traces, batch));
}

static bool
stacks_take_looks (void *stage, const MfBatch *batch)
{
  Stacks *stacks = stage;
  mf_sampled_stacks_take_looks (&stacks->sampled, batch);
  return true;
}

static bool
stacks_take_growth (void *stage, const MfBatch *batch)
{
  Stacks *stacks = stage;
  return mf_sampled_stacks_take_growth (&stacks->sampled, batch)
         || mf_fail (stacks, "growth.stack has no fields stack, bytes and running");
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
write_process (Stacks *stacks, MfStackProfile *profile, MfProcessTrace *process)
{
  MfAllocationTrace *trace = &process->trace;
  g_autofree char *program
      = process->program > 1 ? g_strdup_printf (", program %u", process->program) : g_strdup ("");
  g_autofree char *name = g_strdup_printf ("process %u%s%s", process->process, program,
      trace->sampling ? ", estimated from a sample" : "");
  mf_allocation_trace_close (trace);
  mf_stack_profile_process (profile, name);
  for (uint32_t i = 0; i < trace->sites.n; i++) {
    MfSiteSum sum = mf_site_sum (trace, i);
    uint64_t weight = mf_site_value (&sum, allocation_weight (stacks)->value);
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
write_sampled (Stacks *stacks, MfStackProfile *profile, const MfSampledProgram *program, MfSampledWeight weight)
{
  const char *input = mf_string_text (stacks, program->input);
  g_autofree char *name = program->epoch ? g_strdup_printf ("%s, program %u", input, program->epoch + 1) : g_strdup (input);
  mf_stack_profile_weigh (profile, sampled_weights[weight].name, sampled_weights[weight].unit);
  mf_stack_profile_process (profile, name);
  for (guint i = 0; i < program->stacks->len; i++) {
    const MfSampledStack *stack = &g_array_index (program->stacks, MfSampledStack, i);
    if (!stack->weights[weight])
      continue;
    mf_stack_profile_add (profile, stack->stack, stack->weights[weight]);
    stacks->lines++;
    if (!write_out (stacks, CHUNK))
      return false;
  }
  return true;
}

// Looks unless growth is asked for; of running threads, where that is known. A document of speedscope holds both.
static bool
write_program (Stacks *stacks, MfStackProfile *profile, const MfSampledProgram *program)
{
  bool all = stacks->weight == MOST_ALLOCATION_WEIGHT + 1 || !program->judged, growth = stacks->weight == BY_GROWTH;
  bool both = stacks->style == MF_PROFILE_SPEEDSCOPE && program->judged;
  return ((growth && !both) || write_sampled (stacks, profile, program, all ? MF_SAMPLED_LOOKS : MF_SAMPLED_RUNNING))
         && ((!growth && !both) || write_sampled (stacks, profile, program, MF_SAMPLED_GROWTH));
}

static bool
write_all (Stacks *stacks, MfStackProfile *profile)
{
  for (MfProcessTrace *process = stacks->traces.first; process; process = process->next)
    if (!write_process (stacks, profile, process))
      return false;
  for (guint i = 0; i < stacks->sampled.programs->len; i++)
    if (!write_program (stacks, profile, g_ptr_array_index (stacks->sampled.programs, i)))
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
  const Weight *weight = allocation_weight (stacks);
  MfProfileOptions options = { (MfProfileStyle) stacks->style, run->name, exporter, weight->unit,
    weight->name, stacks->traces.n + stacks->sampled.programs->len > 1 };
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
  mf_sampled_stacks_clear (&stacks->sampled);
  mf_buffer_free (&stacks->out);
}

static const char help[]
    = "Writes one number for each call stack that allocated. style = folded is text for\n"
      "flame graphs: frames from the outermost on, joined by semicolons, a blank, the\n"
      "number. style = speedscope is a file for https://www.speedscope.app, with one\n"
      "profile for each process. Stacks of weight 0 are left out; those of several\n"
      "processes begin with the process. Of a sampled recording all weights are\n"
      "estimates; address space (mmap, brk) is in none of them.\n\n"
      "Of a running process that was looked at (process.sample) the number is that of the\n"
      "looks at a stack; with the analyzer growth in the run, of looks at running threads,\n"
      "and weight = growth gives the bytes that the resident set grew by meanwhile. A file\n"
      "for speedscope has both.";

// clang-format off
MF_PLUGIN (Stacks, "stacks", .kind = MF_FORMAT,
  .summary = "allocations or looks by call stack, for flame graphs",
  .help = help,
  MF_OPTIONS (
    MF_OPTION (Stacks, path, NULL, "output file, - for stdout; NAME.folded or NAME.speedscope.json when not set"),
    MF_CHOICE (Stacks, style, "folded", "what is written", "folded", "speedscope"),
    MF_CHOICE (Stacks, weight, "bytes-at-peak", "the number of a stack: bytes live at the peak, all bytes "
      "requested, calls, bytes live at the end, blocks freed at once; of a process that was looked at: all looks, looks at "
      "running threads, growth of the resident set",
      "bytes-at-peak", "total-bytes", "count", "leaked", "temporaries", "looks", "running", "growth")),
  MF_CONSUMES (MF_INPUT (MfAlloc, stacks_take), MF_INPUT (MfProgramStart, stacks_take_starts),
    MF_INPUT (MfProgramMark, stacks_take_marks), MF_INPUT (MfAllocSite, stacks_take_sites),
    MF_INPUT (MfAllocTotal, stacks_take_totals), MF_INPUT (MfProcessSample, stacks_take_looks),
    MF_INPUT_ANY ("growth.stack", stacks_take_growth)),
  .start = stacks_start, .finish = stacks_finish, .stop = stacks_stop);
// clang-format on
