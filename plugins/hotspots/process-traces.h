// SPDX-License-Identifier: Apache-2.0
// The traces of all processes of a run: addresses mean something only within one address space,
// that is, one input, one process, and one program in it. Pages of the kernel have a trace of their
// own: they are address space, in which an allocator may put the very blocks of the other one.
#pragma once

#include "allocation-trace.h"

enum { MF_PROCESSES_MAX = 4096 };

// Until its end, by exec, or until another process got its number.
typedef enum { MF_PROGRAM_RUNS, MF_PROGRAM_EXECUTED, MF_PROGRAM_OVER } MfProgramState;

typedef struct MfProcessTrace MfProcessTrace;
struct MfProcessTrace {
  MfProcessTrace *next;
  MfString stage, input, executable;
  uint32_t epoch, process, number; // number: in the order in which they came, from 1
  uint32_t program, parent;        // of its process, from 1; of a fork: the process that it copies
  MfProgramState state;
  int64_t looked;        // when it was last looked at, ns; INT64_MIN = never
  uint64_t looked_bytes; // requested until then
  bool incomplete;       // the batches said that rows were lost
  MfAllocationTrace trace;
  MfAllocationTrace *pages; // of the domains map and break; NULL = there were none
};

typedef struct {
  MfTraceMemory memory;
  MfProcessTrace *first, *last, *current;
  uint32_t n, between;
  uint64_t left_out; // rows of processes beyond MF_PROCESSES_MAX
  const char *failure;
} MfProcessTraces;

void mf_process_traces_init (MfProcessTraces *traces, MfTraceMemory memory, uint32_t between);
void mf_process_traces_free (MfProcessTraces *traces);

// Each takes a batch: of alloc.event, program.start, program.mark, alloc.site or alloc.total rows.
// False = it cannot go on, see `failure`.
//
// A program that was replaced by exec ends with all its blocks; a forked one begins with those of
// its parent.
bool mf_process_traces_take (MfProcessTraces *traces, const MfBatch *batch);
bool mf_process_traces_start (MfProcessTraces *traces, const MfBatch *batch);
bool mf_process_traces_mark (MfProcessTraces *traces, const MfBatch *batch);
bool mf_process_traces_take_sites (MfProcessTraces *traces, const MfBatch *batch);
bool mf_process_traces_take_totals (MfProcessTraces *traces, const MfBatch *batch);
