// SPDX-License-Identifier: Apache-2.0
// One process's allocations, event by event: who holds what, who held it at the peak, what lived
// how long, what was freed at once. Memory grows with live blocks and stacks only. One thread at a
// time.
#pragma once

#include <memflow/events.h>

#include "allocation-table.h"
#include "freed-types.h"
#include "lifetimes.h"
#include "phases.h"
#include "site-table.h"
#include "timeline.h"

enum { MF_BETWEEN_MAX = 15, MF_TRACE_THREADS_MAX = 65535, MF_TRACE_CHUNK = 64 };

#define MF_ANY_SEQUENCE UINT64_MAX

// A thread by its small number. Number 0 stands for all that are not told apart: unknown ones, and
// those from MF_TRACE_THREADS_MAX on.
typedef struct {
  MfTally tally;
  uint64_t frees, failed, lost;
  uint64_t recent[MF_BETWEEN_MAX + 1]; // numbers of its last allocations, a ring
  uint64_t expected;                   // the next number of a call, or MF_ANY_SEQUENCE at first
  uint32_t cursor, reserved[7];
} MfTraceThread;
_Static_assert(sizeof (MfTraceThread) == 256, "an index is a shift");

// What was counted. `lost` are calls of which only the hole in the numbering is left.
typedef struct {
  uint64_t events, allocs, frees, reallocs, failed, temporaries;
  uint64_t bytes;                           // of all allocations and reallocs, as requested
  uint64_t unknown_frees, unknown_reallocs; // of blocks that are older than the trace
  uint64_t overwritten;                     // addresses given out again although no free was seen
  uint64_t unsized, unusable; // allocations of unknown size (counted as 0 B), without an address
  uint64_t lost, largest_failed, clockless;
  uint64_t inherited_frees;      // of blocks that the parent had made before the fork
  uint64_t freed_unseen;         // addresses given out again after a pause
  uint64_t pauses, paused;       // how often the recording was off; for how many ns
  uint64_t snapshots, untracked; // of a recording by call site; blocks that are in none of them
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
  uint32_t marks, snapshot;
  int64_t first_time, last_time; // INT64_MIN = no event with a time
  int64_t paused_since;          // INT64_MIN = the recording is on
  uint64_t unsure_until;         // allocations before the last pause: their frees may be unseen
  uint64_t highest;              // live bytes since the open interval began or a phase did
  uint64_t sampling;             // mean bytes between the blocks that were recorded; 0 = all were
  bool is_unnumbered;            // the numbering of its calls is followed elsewhere
  MfSpread *thread_spreads;      // of a sampled recording
  MfFreedTypes *types;           // NULL = no free has told one
  MfPhases *phases;              // NULL = the program has set no marks
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

// Follows only the numbering of the calls.
bool mf_allocation_trace_number (
    MfAllocationTrace *trace, const MfAlloc *rows, uint32_t n, uint32_t stride);

// Only some blocks are recorded, `mean` bytes apart (sampling.h): from now on all figures are
// estimates, blocks and calls in parts of one. To be called before the first row. False = no
// memory.
bool mf_allocation_trace_sample (MfAllocationTrace *trace, uint64_t mean);

// A fork: the blocks of the parent are there, but count for nobody. False = no memory.
bool mf_allocation_trace_inherit (MfAllocationTrace *trace, const MfAllocationTrace *parent);

// A mark of the program. False = no memory.
bool mf_allocation_trace_mark (MfAllocationTrace *trace, const MfProgramMark *mark);

// Recordings by call site instead of single events: the last snapshot counts. False = no memory.
bool mf_allocation_trace_take_site (MfAllocationTrace *trace, const MfAllocSite *row);
void mf_allocation_trace_take_total (MfAllocationTrace *trace, const MfAllocTotal *row);

// Ends the open interval of the timeline and finds out which blocks are unsure, for reading.
void mf_allocation_trace_close (MfAllocationTrace *trace);

// Blocks or calls of a tally.
static inline uint64_t
mf_trace_count (const MfAllocationTrace *trace, uint64_t parts)
{
  return trace->sampling ? (parts + MF_SAMPLED_PARTS / 2) / MF_SAMPLED_PARTS : parts;
}
