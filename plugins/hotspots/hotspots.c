// SPDX-License-Identifier: Apache-2.0
// The analyzer hotspots: where the bytes go, line by line. Glue only; the algorithms stand in
// allocation-trace.c, call-sites.c and call-tree.c.
#include "hotspots.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_SAID = 8 }; // processes that get sentences; all get tables

static const char help[]
    = "Follows every allocation of every process in one pass: who held the bytes when most were "
      "live\n"
      "(exact, not sampled), who requested the most, which blocks were freed at once, how long "
      "blocks\n"
      "lived, what was live at the end and whether it had grown.\n\n"
      "A call counts for its innermost Python line, or for its innermost frame where there is no\n"
      "Python. A realloc moves the bytes to the line that asked for it; the block keeps its "
      "birth.\n"
      "Frees of blocks that are older than the recording are counted apart. A forked child begins\n"
      "with an empty trace. Memory grows with live blocks (64 to 128 bytes each) and stacks.";

static void *
resize (void *stage, void *old, size_t bytes)
{
  return mf_resize (stage, old, bytes);
}

static const char *
text_of (void *stage, MfString string)
{
  return mf_string_text (stage, string);
}

static bool
frame_of (void *stage, MfStack stack, MfFrame *frame, MfStack *caller)
{
  return mf_stack_frame (stage, stack, frame, caller);
}

MfTraceNames
mf_hot_names (Hotspots *self)
{
  return (MfTraceNames){ self, text_of, frame_of };
}

static bool
start (void *stage)
{
  Hotspots *self = stage;
  mf_process_traces_init (&self->traces, (MfTraceMemory){ self, resize }, self->between);
  return true;
}

static bool
take (void *stage, const MfBatch *batch)
{
  Hotspots *self = stage;
  return mf_process_traces_take (&self->traces, batch)
         || mf_fail (self, "cannot follow the allocations of %s: %s",
             mf_string_text (self, batch->input), self->traces.failure);
}

// ---- the report

static int
by_peak (const void *a, const void *b)
{
  const MfProcessTrace *first = *(MfProcessTrace *const *) a,
                       *second = *(MfProcessTrace *const *) b;
  if (first->trace.water.peak != second->trace.water.peak)
    return first->trace.water.peak < second->trace.water.peak ? -1 : 1;
  return first->number < second->number ? 1 : -1;
}

static bool
has_several_inputs (const Hotspots *self)
{
  const MfProcessTrace *first = self->traces.first, *process = first;
  while (process && process->input.id == first->input.id)
    process = process->next;
  return process != NULL;
}

static MfString
name_of (Hotspots *self, const MfProcessTrace *process)
{
  char text[256];
  int n = snprintf (text, sizeof text, "process %u", process->process);
  if (process->epoch)
    n += snprintf (text + n, sizeof text - (size_t) n, ", program %u", process->epoch + 1);
  if (has_several_inputs (self))
    snprintf (text + n, sizeof text - (size_t) n, " of %s", mf_string_text (self, process->input));
  return mf_string (self, text);
}

static bool
publish (Hotspots *self, const HotReport *report, bool said)
{
  return mf_hot_publish_tables (self, report) && mf_hot_publish_pictures (self, report)
         && (!said || mf_hot_say (self, report)) && mf_hot_publish_metrics (self, report);
}

static bool
report (Hotspots *self, MfProcessTrace *process, bool said)
{
  MfTraceNames names = mf_hot_names (self);
  MfCallSites sites;
  HotReport of_process = { process, &process->trace, &sites, name_of (self, process) };
  mf_context (self, process->input, process->epoch);
  mf_allocation_trace_close (&process->trace);
  bool done = mf_call_sites_init (&sites, &process->trace, &names, MF_BY_LINE)
                  ? publish (self, &of_process, said)
                  : mf_fail (self, "cannot report on %s: there is no memory for its call sites",
                      mf_string_text (self, of_process.of));
  mf_call_sites_free (&sites);
  return done;
}

// The process with the highest peak comes last: of tables with several keys the last is shown.
static bool
report_all (Hotspots *self, MfProcessTrace **processes)
{
  uint32_t n = 0;
  for (MfProcessTrace *process = self->traces.first; process; process = process->next)
    processes[n++] = process;
  qsort (processes, n, sizeof *processes, by_peak);
  for (uint32_t i = 0; i < n; i++) {
    self->order = (n - i) * 100;
    if (!report (self, processes[i], n - i <= MOST_SAID))
      return false;
  }
  return mf_hot_say_left_out (self, n > MOST_SAID ? n - MOST_SAID : 0);
}

static bool
finish (void *stage)
{
  Hotspots *self = stage;
  if (self->traces.n == 0)
    return true;
  MfProcessTrace **processes = mf_resize (self, NULL, self->traces.n * sizeof *processes);
  if (!processes)
    return mf_fail (self, "there is no memory to report on %u processes", self->traces.n);
  bool done = report_all (self, processes);
  mf_resize (self, processes, 0);
  return done;
}

static void
stop (void *stage)
{
  Hotspots *self = stage;
  mf_process_traces_free (&self->traces);
}

// clang-format off
MF_PLUGIN (Hotspots, "hotspots", .kind = MF_ANALYZER,
  .summary = "which lines of a program hold and request its memory", .help = help,
  MF_OPTIONS (
    MF_OPTION (Hotspots, between, "1", "a block is temporary if its thread freed it after at most so "
      "many other allocations", .low = 0, .high = MF_BETWEEN_MAX),
    MF_OPTION (Hotspots, sites, "1000", "most rows of each table of a process; 0 = all"),
    MF_OPTION (Hotspots, tree, "200", "most nodes of the tree of calls", .low = 1, .high = 1000000)),
  MF_CONSUMES (MF_INPUT (MfAlloc, take)),
  MF_PUBLISHES (MF_OUTPUT (Hotspots, statements, MfStatement), MF_OUTPUT (Hotspots, metrics, MfMetric),
    MF_OUTPUT (Hotspots, by_peak, HotSite), MF_OUTPUT (Hotspots, by_bytes, HotTraffic),
    MF_OUTPUT (Hotspots, by_calls, HotCalls), MF_OUTPUT (Hotspots, modules, HotModule),
    MF_OUTPUT (Hotspots, threads, HotThread), MF_OUTPUT (Hotspots, leaks, HotLeak),
    MF_OUTPUT (Hotspots, timeline, HotTimeline), MF_OUTPUT (Hotspots, lifetimes, HotLifetime),
    MF_OUTPUT (Hotspots, ages, HotAge), MF_OUTPUT (Hotspots, calls, HotCallTree)),
  .start = start, .finish = finish, .stop = stop);
// clang-format on
