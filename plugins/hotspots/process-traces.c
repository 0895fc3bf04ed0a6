// SPDX-License-Identifier: Apache-2.0
// A list: batches come mostly from one process, and there are few.
#include "process-traces.h"

#include <string.h>

static const char no_process_memory[] = "there is no memory for another process";

void
mf_process_traces_init (MfProcessTraces *traces, MfTraceMemory memory, uint32_t between)
{
  *traces = (MfProcessTraces){ .memory = memory, .between = between };
}

static bool
fail (MfProcessTraces *traces, const char *why)
{
  traces->failure = why;
  return false;
}

static void
free_process (const MfTraceMemory *memory, MfProcessTrace *process)
{
  mf_allocation_trace_free (&process->trace);
  if (process->pages)
    mf_allocation_trace_free (process->pages);
  mf_trace_release (memory, process->pages);
  mf_trace_release (memory, process);
}

void
mf_process_traces_free (MfProcessTraces *traces)
{
  while (traces->first) {
    MfProcessTrace *process = traces->first;
    traces->first = process->next;
    free_process (&traces->memory, process);
  }
  traces->last = traces->current = NULL;
}

// ---- which process

static bool
is_of (const MfProcessTrace *process, const MfBatch *batch, uint32_t number)
{
  return process->process == number && process->epoch == batch->epoch
         && process->input.id == batch->input.id && process->stage.id == batch->stage.id;
}

static uint32_t
count_programs (const MfProcessTraces *traces, const MfBatch *batch, uint32_t number)
{
  uint32_t n = 0;
  for (const MfProcessTrace *process = traces->first; process; process = process->next)
    n += process->process == number && process->input.id == batch->input.id
         && process->stage.id == batch->stage.id;
  return n;
}

static MfProcessTrace *
add_process (MfProcessTraces *traces, const MfBatch *batch, uint32_t number)
{
  MfProcessTrace *process = mf_trace_resize (&traces->memory, NULL, sizeof *process);
  if (!process)
    return NULL;
  *process = (MfProcessTrace){ .stage = batch->stage,
    .input = batch->input,
    .epoch = batch->epoch,
    .process = number,
    .looked = INT64_MIN,
    .program = count_programs (traces, batch, number) + 1,
    .number = traces->n + 1 };
  if (!mf_allocation_trace_init (&process->trace, traces->memory, traces->between)) {
    free_process (&traces->memory, process);
    return NULL;
  }
  traces->n++;
  if (traces->last)
    traces->last->next = process;
  else
    traces->first = process;
  return traces->last = process;
}

// The program that runs in a process, or NULL.
static MfProcessTrace *
running (const MfProcessTraces *traces, const MfBatch *batch, uint32_t number)
{
  MfProcessTrace *process = traces->first;
  while (process && (process->state != MF_PROGRAM_RUNS || !is_of (process, batch, number)))
    process = process->next;
  return process;
}

// Sets `current`: NULL for a process that is one too many.
static bool
find_process (MfProcessTraces *traces, const MfBatch *batch, uint32_t number)
{
  MfProcessTrace *process = traces->current;
  if (process && process->state == MF_PROGRAM_RUNS && is_of (process, batch, number))
    return true;
  traces->current = running (traces, batch, number);
  if (traces->current || traces->n == MF_PROCESSES_MAX)
    return true;
  traces->current = add_process (traces, batch, number);
  return traces->current || fail (traces, no_process_memory);
}

static const void *
row_at (const MfBatch *batch, uint32_t i)
{
  return batch->rows + (size_t) i * batch->stride;
}

// ---- events

static bool
is_of_pages (const MfAlloc *row)
{
  return row->domain == MF_DOMAIN_MAP || row->domain == MF_DOMAIN_BREAK;
}

// Rows of one process, either of pages or of blocks; not more than are taken at once, so that they
// are read while they are in the cache.
static uint32_t
rows_alike (const MfBatch *batch, uint32_t from)
{
  const MfAlloc *first = row_at (batch, from), *row;
  uint32_t most = batch->n_rows - from;
  most = most < MF_TRACE_CHUNK ? most : MF_TRACE_CHUNK;
  for (uint32_t i = 1; i < most; i++) {
    row = row_at (batch, from + i);
    if (row->process != first->process || is_of_pages (row) != is_of_pages (first))
      return i;
  }
  return most;
}

static bool
have_pages (MfProcessTraces *traces, MfProcessTrace *process)
{
  if (process->pages)
    return true;
  process->pages = mf_trace_resize (&traces->memory, NULL, sizeof *process->pages);
  if (!process->pages)
    return fail (traces, no_process_memory);
  if (!mf_allocation_trace_init (process->pages, traces->memory, 0))
    return fail (traces, process->pages->failure);
  process->pages->is_unnumbered = true;
  return true;
}

// The calls of a thread are numbered over all domains.
static bool
take_pages (MfProcessTraces *traces, MfProcessTrace *process, const MfAlloc *rows, uint32_t n,
    uint32_t stride)
{
  if (!have_pages (traces, process))
    return false;
  if (!mf_allocation_trace_number (&process->trace, rows, n, stride))
    return fail (traces, process->trace.failure);
  return mf_allocation_trace_take (process->pages, rows, n, stride)
         || fail (traces, process->pages->failure);
}

static bool
take_rows (MfProcessTraces *traces, const MfBatch *batch, uint32_t from, uint32_t n)
{
  MfProcessTrace *process = traces->current;
  const MfAlloc *rows = row_at (batch, from);
  if (!process) {
    traces->left_out += n;
    return true;
  }
  process->incomplete |= (batch->flags & MF_BATCH_INCOMPLETE) != 0;
  if (is_of_pages (rows))
    return take_pages (traces, process, rows, n, batch->stride);
  return mf_allocation_trace_take (&process->trace, rows, n, batch->stride)
         || fail (traces, process->trace.failure);
}

bool
mf_process_traces_take (MfProcessTraces *traces, const MfBatch *batch)
{
  for (uint32_t i = 0, n; i < batch->n_rows; i += n) {
    n = rows_alike (batch, i);
    if (!find_process (traces, batch, ((const MfAlloc *) row_at (batch, i))->process)
        || !take_rows (traces, batch, i, n))
      return false;
  }
  return true;
}

// ---- programs

static bool
has_done_nothing (const MfProcessTrace *process)
{
  return process->trace.totals.events + process->trace.totals.snapshots == 0 && !process->pages;
}

static bool
inherit (MfProcessTraces *traces, const MfBatch *batch, const MfProgramStart *row)
{
  const MfProcessTrace *parent = running (traces, batch, row->parent);
  traces->current->parent = row->parent;
  if (!parent || parent == traces->current || !has_done_nothing (traces->current))
    return true;
  return mf_allocation_trace_inherit (&traces->current->trace, &parent->trace)
         || fail (traces, traces->current->trace.failure);
}

// What ran in the process until now is gone; what has done nothing yet is the same program.
static void
end_programs (MfProcessTraces *traces, const MfBatch *batch, const MfProgramStart *row)
{
  bool executed = row->how == MF_PROGRAM_REPLACED;
  for (MfProcessTrace *process = traces->first; process; process = process->next)
    if (process->state == MF_PROGRAM_RUNS && process->process == row->process
        && process->input.id == batch->input.id && process->stage.id == batch->stage.id
        && !has_done_nothing (process))
      process->state = executed ? MF_PROGRAM_EXECUTED : MF_PROGRAM_OVER;
}

static bool
start_program (MfProcessTraces *traces, const MfBatch *batch, const MfProgramStart *row)
{
  end_programs (traces, batch, row);
  if (!find_process (traces, batch, row->process))
    return false;
  MfProcessTrace *process = traces->current;
  if (!process)
    return true;
  process->executable = row->executable;
  process->incomplete |= (batch->flags & MF_BATCH_INCOMPLETE) != 0;
  bool sampled = row->sampling.bytes != MF_SIZE_NONE.bytes && row->sampling.bytes > 1;
  if (sampled && !mf_allocation_trace_sample (&process->trace, row->sampling.bytes))
    return fail (traces, process->trace.failure);
  return row->how != MF_PROGRAM_FORKED || inherit (traces, batch, row);
}

bool
mf_process_traces_start (MfProcessTraces *traces, const MfBatch *batch)
{
  MF_EACH (batch, MfProgramStart, row)
    if (!start_program (traces, batch, row))
      return false;
  return true;
}

bool
mf_process_traces_mark (MfProcessTraces *traces, const MfBatch *batch)
{
  MF_EACH (batch, MfProgramMark, row) {
    if (!find_process (traces, batch, row->process))
      return false;
    if (traces->current && !mf_allocation_trace_mark (&traces->current->trace, row))
      return fail (traces, traces->current->trace.failure);
  }
  return true;
}

// ---- snapshots

// The pages of a process are in no total.
static MfAllocationTrace *
trace_of_site (MfProcessTraces *traces, const MfAllocSite *row)
{
  bool pages = row->domain == MF_DOMAIN_MAP || row->domain == MF_DOMAIN_BREAK;
  if (!pages)
    return &traces->current->trace;
  return have_pages (traces, traces->current) ? traces->current->pages : NULL;
}

bool
mf_process_traces_take_sites (MfProcessTraces *traces, const MfBatch *batch)
{
  MF_EACH (batch, MfAllocSite, row) {
    if (!find_process (traces, batch, row->process))
      return false;
    MfAllocationTrace *trace = traces->current ? trace_of_site (traces, row) : NULL;
    traces->left_out += !traces->current;
    if (traces->failure || (trace && !mf_allocation_trace_take_site (trace, row)))
      return fail (traces, traces->failure ? traces->failure : trace->failure);
  }
  return true;
}

bool
mf_process_traces_take_totals (MfProcessTraces *traces, const MfBatch *batch)
{
  MF_EACH (batch, MfAllocTotal, row) {
    if (!find_process (traces, batch, row->process))
      return false;
    if (!traces->current)
      continue;
    traces->current->incomplete |= (batch->flags & MF_BATCH_INCOMPLETE) != 0;
    mf_allocation_trace_take_total (&traces->current->trace, row);
  }
  return true;
}
