// SPDX-License-Identifier: Apache-2.0
// One process's allocations, event by event: who holds what, who held it at the peak, what lived
// how long, what was freed at once. Memory grows with live blocks and stacks only. One thread at a
// time.
#pragma once

#include <memflow/events.h>

#include "allocation-table.h"
#include "lifetimes.h"
#include "site-table.h"
#include "timeline.h"

enum { MF_BETWEEN_MAX = 15, MF_TRACE_THREADS_MAX = 65535 };

// A thread by its small number. Number 0 stands for all that are not told apart: unknown ones, and
// those from MF_TRACE_THREADS_MAX on.
typedef struct {
  MfTally tally;
  uint64_t frees, failed, lost;
  uint64_t recent[MF_BETWEEN_MAX + 1]; // numbers of its last allocations, a ring
  uint32_t cursor, sequence;
  bool seen;
} MfTraceThread;

// What was counted. `lost` are calls of which only the hole in the numbering is left.
typedef struct {
  uint64_t events, allocs, frees, reallocs, failed, temporaries;
  uint64_t bytes;                           // of all allocations and reallocs, as requested
  uint64_t unknown_frees, unknown_reallocs; // of blocks that are older than the trace
  uint64_t overwritten;                     // addresses given out again although no free was seen
  uint64_t unsized, unusable; // allocations of unknown size (counted as 0 B), without an address
  uint64_t lost, largest_failed, clockless;
} MfTraceTotals;

typedef struct {
  MfTraceMemory memory;
  MfAllocationTable blocks;
  MfSiteTable sites;
  MfTraceThread *threads;
  uint32_t n_threads, between;
  MfHighWater water;
  MfTraceTotals totals;
  uint64_t next_mark; // allocations at which the sites are marked again
  uint32_t marks;
  int64_t first_time, last_time; // INT64_MIN = no event with a time
  MfTimeline timeline;
  MfLifetimes by_time, by_calls;
  const char *failure; // why mf_allocation_trace_take returned false
} MfAllocationTrace;

// Begins a trace. A block is temporary if its own thread freed it after at most `between` (up to
// MF_BETWEEN_MAX) other allocations of that thread. False = there is no memory. Free in any case.
bool mf_allocation_trace_init (MfAllocationTrace *trace, MfTraceMemory memory, uint32_t between);
void mf_allocation_trace_free (MfAllocationTrace *trace);

// Takes rows of one process, `stride` bytes apart. False = it cannot go on, see `failure`.
//
// A realloc moves the bytes to the stack that asked for them, but the block keeps its birth and the
// thread that made it. A free of an unknown block is counted, not invented.
bool mf_allocation_trace_take (
    MfAllocationTrace *trace, const MfAlloc *rows, uint32_t n, uint32_t stride);

// Ends the open interval of the timeline, for reading it.
void mf_allocation_trace_close (MfAllocationTrace *trace);
