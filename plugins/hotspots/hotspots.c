// SPDX-License-Identifier: Apache-2.0
// The analyzer hotspots: where the bytes go, line by line. Glue only; the algorithms stand in
// allocation-trace.c, call-sites.c and call-tree.c.
#include "hotspots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SAID = 8 }; // processes that get sentences; all get tables

static const char help[]
    = "Follows every allocation of every process in one pass: who held the bytes when most were "
      "live\n"
      "(exact, not sampled), who requested the most, which blocks were freed at once, how long "
      "blocks\n"
      "lived, what was live at the end and whether it had grown.\n\n"
      "A call counts for its innermost Python line, or for its innermost frame where there is no\n"
      "Python; what a module needs while it is imported counts for the line that imports it, as "
      "far\n"
      "as no line of the module itself asked. A realloc moves the bytes to the line that asked for "
      "it; the block keeps its "
      "birth.\n"
      "Frees of blocks that are older than the recording are counted apart, and so are those of\n"
      "blocks that a forked child has from its parent. A program that exec replaced ends there.\n"
      "mmap and brk give address space, which is reported apart. Of a sampled recording each "
      "figure\n"
      "is an estimate with its error. every = 5s publishes hotspots.now: live bytes, the peak, "
      "the\n"
      "rate and who holds the most, while the program runs.\n\n"
      "Memory grows with live blocks (64 to 128 bytes each) and stacks.";

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
taken (Hotspots *self, const MfBatch *batch, bool taken)
{
  return taken
         || mf_fail (self, "cannot follow the allocations of %s: %s",
             mf_string_text (self, batch->input), self->traces.failure);
}

static bool
take_events (void *stage, const MfBatch *batch)
{
  Hotspots *self = stage;
  return taken (self, batch, mf_process_traces_take (&self->traces, batch))
         && mf_hot_look (self, batch);
}

static bool
take_starts (void *stage, const MfBatch *batch)
{
  Hotspots *self = stage;
  return taken (self, batch, mf_process_traces_start (&self->traces, batch));
}

static bool
take_marks (void *stage, const MfBatch *batch)
{
  Hotspots *self = stage;
  return taken (self, batch, mf_process_traces_mark (&self->traces, batch));
}

static bool
take_sites (void *stage, const MfBatch *batch)
{
  Hotspots *self = stage;
  return taken (self, batch, mf_process_traces_take_sites (&self->traces, batch));
}

static bool
take_totals (void *stage, const MfBatch *batch)
{
  Hotspots *self = stage;
  return taken (self, batch, mf_process_traces_take_totals (&self->traces, batch))
         && mf_hot_look (self, batch);
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

static bool
has_several_programs (const Hotspots *self, const MfProcessTrace *process)
{
  uint32_t n = 0;
  for (const MfProcessTrace *other = self->traces.first; other; other = other->next)
    n += other->process == process->process && other->input.id == process->input.id;
  return n > 1;
}

MfString
mf_hot_process_name (Hotspots *self, const MfProcessTrace *process)
{
  char text[256];
  const char *executable = mf_string_text (self, process->executable);
  const char *slash = strrchr (executable, '/');
  int n = snprintf (text, sizeof text, "process %u", process->process);
  if (has_several_programs (self, process))
    n += snprintf (text + n, sizeof text - (size_t) n, ", program %u", process->program);
  if (*executable)
    n += snprintf (text + n, sizeof text - (size_t) n, ", %.60s", slash ? slash + 1 : executable);
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

static void
sum_up (HotReport *report)
{
  for (uint32_t i = 0; i < report->trace->sites.n; i++) {
    MfSiteSum sum = mf_site_sum (report->trace, i);
    mf_site_sum_add (&report->sum, &sum);
  }
}

static bool
report (Hotspots *self, MfProcessTrace *process, bool said)
{
  MfTraceNames names = mf_hot_names (self);
  MfCallSites sites;
  HotReport of_process = { .process = process,
    .trace = &process->trace,
    .sites = &sites,
    .of = mf_hot_process_name (self, process) };
  mf_context (self, process->input, process->epoch);
  mf_allocation_trace_close (&process->trace);
  sum_up (&of_process);
  bool done = mf_call_sites_init (&sites, &process->trace, &names, MF_BY_LINE)
                  ? publish (self, &of_process, said)
                  : mf_fail (self, "cannot report on %s: there is no memory for its call sites",
                      mf_string_text (self, of_process.of));
  mf_call_sites_free (&sites);
  return done;
}

// The process with the highest peak comes last: of tables with several keys the last is shown. Of
// trees the first is.
static bool
report_all (Hotspots *self, MfProcessTrace **processes)
{
  uint32_t n = 0;
  for (MfProcessTrace *process = self->traces.first; process; process = process->next)
    processes[n++] = process;
  qsort (processes, n, sizeof *processes, by_peak);
  self->highest_peak = processes[n - 1]->trace.water.peak;
  for (uint32_t i = 0; i < n; i++) {
    self->order = (n - i) * 100;
    if (!report (self, processes[i], n - i <= MOST_SAID))
      return false;
  }
  for (uint32_t i = n; i-- > 0;)
    if (!mf_hot_publish_tree (self, processes[i]))
      return false;
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
    MF_OPTION (Hotspots, tree, "200", "most nodes of the tree of calls", .low = 1, .high = 1000000),
    MF_OPTION (Hotspots, every, NULL, "how often to publish hotspots.now while the program runs, in time of the "
      "events; not set = never", .low = 1e6, .high = 1e15)),
  MF_CONSUMES (MF_INPUT (MfAlloc, take_events), MF_INPUT (MfProgramStart, take_starts),
    MF_INPUT (MfProgramMark, take_marks), MF_INPUT (MfAllocSite, take_sites),
    MF_INPUT (MfAllocTotal, take_totals)),
  MF_PUBLISHES (MF_OUTPUT (Hotspots, statements, MfStatement), MF_OUTPUT (Hotspots, metrics, MfMetric),
    MF_OUTPUT (Hotspots, by_peak, HotSite), MF_OUTPUT (Hotspots, by_bytes, HotTraffic),
    MF_OUTPUT (Hotspots, by_calls, HotCalls), MF_OUTPUT (Hotspots, modules, HotModule),
    MF_OUTPUT (Hotspots, threads, HotThread), MF_OUTPUT (Hotspots, leaks, HotLeak),
    MF_OUTPUT (Hotspots, timeline, HotTimeline), MF_OUTPUT (Hotspots, lifetimes, HotLifetime),
    MF_OUTPUT (Hotspots, ages, HotAge), MF_OUTPUT (Hotspots, calls, HotCallTree),
    MF_OUTPUT (Hotspots, types, HotType), MF_OUTPUT (Hotspots, phases, HotPhase),
    MF_OUTPUT (Hotspots, marks, HotMark), MF_OUTPUT (Hotspots, pages, HotPages),
    MF_OUTPUT (Hotspots, now, HotNow)),
  .start = start, .finish = finish, .stop = stop);
// clang-format on
