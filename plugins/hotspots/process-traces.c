// SPDX-License-Identifier: Apache-2.0
// A list: batches come mostly from one process, and there are few.
#include "process-traces.h"

#include <string.h>

void
mf_process_traces_init (MfProcessTraces *traces, MfTraceMemory memory, uint32_t between)
{
  *traces = (MfProcessTraces){ .memory = memory, .between = between };
}

static void
free_process (const MfTraceMemory *memory, MfProcessTrace *process)
{
  mf_allocation_trace_free (&process->trace);
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

static bool
is_of (const MfProcessTrace *process, const MfBatch *batch, uint32_t number)
{
  return process->process == number && process->epoch == batch->epoch
         && process->input.id == batch->input.id && process->stage.id == batch->stage.id;
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

static bool
find_process (MfProcessTraces *traces, const MfBatch *batch, uint32_t number)
{
  MfProcessTrace *process = traces->current;
  if (process && is_of (process, batch, number))
    return true;
  process = traces->first;
  while (process && !is_of (process, batch, number))
    process = process->next;
  if (!process && traces->n < MF_PROCESSES_MAX) {
    process = add_process (traces, batch, number);
    if (!process)
      traces->failure = "there is no memory for another process";
  }
  traces->current = process;
  return process || !traces->failure;
}

static const MfAlloc *
row_at (const MfBatch *batch, uint32_t i)
{
  return (const void *) (batch->rows + (size_t) i * batch->stride);
}

static uint32_t
rows_of_one_process (const MfBatch *batch, uint32_t from)
{
  uint32_t end = from + 1, number = row_at (batch, from)->process;
  while (end < batch->n_rows && row_at (batch, end)->process == number)
    end++;
  return end - from;
}

static bool
take_rows (MfProcessTraces *traces, const MfBatch *batch, uint32_t from, uint32_t n)
{
  MfProcessTrace *process = traces->current;
  if (!process) {
    traces->left_out += n;
    return true;
  }
  process->incomplete |= (batch->flags & MF_BATCH_INCOMPLETE) != 0;
  if (mf_allocation_trace_take (&process->trace, row_at (batch, from), n, batch->stride))
    return true;
  traces->failure = process->trace.failure;
  return false;
}

bool
mf_process_traces_take (MfProcessTraces *traces, const MfBatch *batch)
{
  for (uint32_t i = 0, n; i < batch->n_rows; i += n) {
    n = rows_of_one_process (batch, i);
    if (!find_process (traces, batch, row_at (batch, i)->process)
        || !take_rows (traces, batch, i, n))
      return false;
  }
  return true;
}
