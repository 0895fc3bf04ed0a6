// SPDX-License-Identifier: Apache-2.0
// The traces of all processes of a run: addresses mean something only within one address space,
// that is, one input, one process, and one program in it. A fork begins an empty trace of its own.
#pragma once

#include "allocation-trace.h"

enum { MF_PROCESSES_MAX = 4096 };

typedef struct MfProcessTrace MfProcessTrace;
struct MfProcessTrace {
  MfProcessTrace *next;
  MfString stage, input;
  uint32_t epoch, process, number; // number: in the order in which they came, from 1
  bool incomplete;                 // the batches said that rows were lost
  MfAllocationTrace trace;
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

// Takes a batch of alloc.event rows. False = it cannot go on, see `failure`.
bool mf_process_traces_take (MfProcessTraces *traces, const MfBatch *batch);
