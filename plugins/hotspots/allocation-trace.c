// SPDX-License-Identifier: Apache-2.0
// The one pass over the events. The places of the next rows are asked for while a row is worked on:
// a table of many live blocks is not in the cache.
#include "allocation-trace.h"

#include <string.h>

enum { AHEAD = 16, FIRST_MARK = 1024 };
_Static_assert((AHEAD & (AHEAD - 1)) == 0, "the ring of hashes is indexed by a mask");

static const char no_memory[] = "there is no memory for another live block";
static const char too_many_stacks[]
    = "there is no memory for another call stack, or there are more than 16,777,216";
static const char no_thread_memory[] = "there is no memory for another thread";
static const char too_many_events[] = "there are more than 1,099,511,627,775 allocations";
static const char too_many_bytes[] = "the sizes of all allocations add up to more than 2^64 bytes";

static bool
fail (MfAllocationTrace *trace, const char *why)
{
  trace->failure = why;
  return false;
}

// ---- threads

static bool
grow_threads (MfAllocationTrace *trace, uint32_t n)
{
  MfTraceThread *threads = mf_trace_resize (&trace->memory, trace->threads, n * sizeof *threads);
  if (!threads)
    return fail (trace, no_thread_memory);
  memset (threads + trace->n_threads, 0, (n - trace->n_threads) * sizeof *threads);
  trace->threads = threads;
  trace->n_threads = n;
  return true;
}

static bool
thread_index (MfAllocationTrace *trace, uint32_t thread, uint32_t *index)
{
  *index = thread < MF_TRACE_THREADS_MAX ? thread : 0;
  if (__builtin_expect (*index < trace->n_threads, 1))
    return true;
  uint32_t n = *index < MF_TRACE_THREADS_MAX / 2 ? *index * 2 : MF_TRACE_THREADS_MAX;
  return grow_threads (trace, n);
}

// A source that does not number its calls repeats one number; one that goes back was merged out of
// order. Neither is a loss.
static void
follow_sequence (MfAllocationTrace *trace, MfTraceThread *thread, uint32_t sequence)
{
  uint32_t step = sequence - thread->sequence;
  if (thread->seen && step > 1 && step < UINT32_MAX / 2) {
    thread->lost += step - 1;
    trace->totals.lost += step - 1;
  }
  if (!thread->seen || step < UINT32_MAX / 2)
    thread->sequence = sequence;
  thread->seen = true;
}

// ---- time and peaks

static MfInterval
interval_now (const MfAllocationTrace *trace)
{
  return (MfInterval){ 0, trace->water.live, trace->totals.bytes,
    trace->totals.allocs + trace->totals.reallocs };
}

static inline void
follow_time (MfAllocationTrace *trace, int64_t time)
{
  if (__builtin_expect (time == INT64_MIN, 0)) {
    trace->totals.clockless++;
    return;
  }
  if (__builtin_expect (mf_timeline_is_over (&trace->timeline, time), 0)) {
    MfInterval now = interval_now (trace);
    mf_timeline_turn (&trace->timeline, time, &now);
  }
  if (__builtin_expect (trace->first_time == INT64_MIN, 0))
    trace->first_time = time;
  if (time > trace->last_time)
    trace->last_time = time;
}

static inline void
look_for_peak (MfAllocationTrace *trace, int64_t time)
{
  MfHighWater *water = &trace->water;
  if (water->live > water->peak) {
    water->peak = water->live;
    water->peak_blocks = water->blocks;
    water->time = time;
    water->call = trace->totals.allocs + trace->totals.reallocs;
    water->number++;
  }
  mf_timeline_see (&trace->timeline, water->live);
}

static void
mark_sites (MfAllocationTrace *trace)
{
  mf_site_table_mark (&trace->sites);
  trace->next_mark *= 2;
  trace->marks++;
}

// ---- blocks

// One row, and what it means in this trace.
typedef struct {
  const MfAlloc *row;
  uint64_t size;
  uint32_t site, thread;
} Call;

static bool
is_address (uint64_t at)
{
  return at != 0 && at != MF_ADDRESS_NONE.at;
}

static inline void
drop (MfAllocationTrace *trace, const MfLiveBlock *block)
{
  mf_tally_drop (&trace->sites.tallies[block->site], &trace->water, block->size);
  mf_tally_drop (&trace->threads[block->thread].tally, &trace->water, block->size);
  trace->water.live -= block->size;
  trace->water.blocks--;
}

static inline void
hold (MfAllocationTrace *trace, const MfLiveBlock *block)
{
  mf_tally_hold (&trace->sites.tallies[block->site], &trace->water, block->size);
  mf_tally_hold (&trace->threads[block->thread].tally, &trace->water, block->size);
  trace->water.live += block->size;
  trace->water.blocks++;
}

// Finds out who calls for how much, and counts it: also as one of the bytes of all.
static inline bool
begin_call (MfAllocationTrace *trace, Call *call)
{
  uint64_t size = call->row->size.bytes;
  bool sized = size <= MF_BLOCK_SIZE_MAX;
  call->size = sized ? size : 0;
  trace->totals.unsized += !sized;
  if (!mf_site_table_index (&trace->sites, call->row->stack.id, &call->site))
    return fail (trace, too_many_stacks);
  if (__builtin_add_overflow (trace->totals.bytes, call->size, &trace->totals.bytes))
    return fail (trace, too_many_bytes);
  MfTally *site = &trace->sites.tallies[call->site];
  MfTally *thread = &trace->threads[call->thread].tally;
  site->total += call->size;
  thread->total += call->size;
  site->calls++;
  thread->calls++;
  return true;
}

// Puts a block at its address. One that stands there was freed unseen.
static inline bool
settle (MfAllocationTrace *trace, const MfLiveBlock *block, uint64_t hash)
{
  if (__builtin_expect (!mf_allocation_table_reserve (&trace->blocks), 0))
    return fail (trace, no_memory);
  MfLiveBlock *place = mf_allocation_table_place (&trace->blocks, block->address, hash);
  if (__builtin_expect (place->address != 0, 0)) {
    drop (trace, place);
    trace->totals.overwritten++;
  } else
    trace->blocks.n++;
  *place = *block;
  hold (trace, block);
  look_for_peak (trace, block->time);
  return true;
}

static inline void
remember (const MfAllocationTrace *trace, MfTraceThread *thread, uint64_t event)
{
  thread->recent[thread->cursor] = event;
  thread->cursor = thread->cursor == trace->between ? 0 : thread->cursor + 1;
}

static inline bool
take_new (MfAllocationTrace *trace, Call *call, uint64_t hash)
{
  uint64_t event = ++trace->totals.allocs;
  if (!is_address (call->row->address.at)) {
    trace->totals.allocs--;
    trace->totals.unusable++;
    return true;
  }
  if (event > MF_BLOCK_EVENT_MAX)
    return fail (trace, too_many_events);
  if (!begin_call (trace, call))
    return false;
  remember (trace, &trace->threads[call->thread], event);
  MfLiveBlock block = { call->row->address.at, call->size, (uint16_t) call->thread,
    call->row->time.ns, event, call->site };
  return settle (trace, &block, hash);
}

// ---- frees

static inline void
count_lifetime (MfAllocationTrace *trace, const MfLiveBlock *block, int64_t time)
{
  mf_lifetimes_add (&trace->by_calls, trace->totals.allocs - block->event, block->size);
  if (block->time == INT64_MIN || time == INT64_MIN)
    return;
  uint64_t length = time > block->time ? (uint64_t) time - (uint64_t) block->time : 0;
  mf_lifetimes_add (&trace->by_time, length > INT64_MAX ? INT64_MAX : length, block->size);
}

static inline bool
is_temporary (const MfAllocationTrace *trace, const MfLiveBlock *block, uint32_t thread)
{
  const MfTraceThread *own = &trace->threads[thread];
  return (thread != 0) & (block->thread == thread) & (block->event >= own->recent[own->cursor]);
}

static inline void
take_free (MfAllocationTrace *trace, const Call *call, uint64_t address, uint64_t hash)
{
  if (!is_address (address))
    return;
  trace->totals.frees++;
  trace->threads[call->thread].frees++;
  MfLiveBlock *block = mf_allocation_table_place (&trace->blocks, address, hash);
  if (!block->address) {
    trace->totals.unknown_frees++;
    return;
  }
  bool temporary = is_temporary (trace, block, call->thread);
  trace->totals.temporaries += temporary;
  trace->sites.tallies[block->site].temporaries += temporary;
  trace->threads[call->thread].tally.temporaries += temporary;
  count_lifetime (trace, block, call->row->time.ns);
  drop (trace, block);
  mf_allocation_table_remove (&trace->blocks, block);
}

// ---- reallocs and failures

static bool
move_block (MfAllocationTrace *trace, Call *call, MfLiveBlock *place, uint64_t hash)
{
  MfLiveBlock block = *place;
  if (!begin_call (trace, call))
    return false;
  trace->totals.reallocs++;
  drop (trace, place);
  mf_allocation_table_remove (&trace->blocks, place);
  block.address = call->row->address.at;
  block.size = call->size;
  block.site = call->site;
  int64_t born = block.time;
  block.time = call->row->time.ns; // a peak is reached now
  if (!settle (trace, &block, hash))
    return false;
  mf_allocation_table_place (&trace->blocks, block.address, hash)->time = born;
  return true;
}

static bool
take_realloc (MfAllocationTrace *trace, Call *call, uint64_t hash)
{
  uint64_t from = call->row->old_address.at, old_hash = mf_allocation_hash (&trace->blocks, from);
  if (!is_address (call->row->address.at)) { // realloc to nothing frees
    take_free (trace, call, from, old_hash);
    return true;
  }
  if (!is_address (from))
    return take_new (trace, call, hash);
  MfLiveBlock *place = mf_allocation_table_place (&trace->blocks, from, old_hash);
  if (place->address)
    return move_block (trace, call, place, hash);
  trace->totals.unknown_reallocs++;
  return take_new (trace, call, hash);
}

static bool
take_failed (MfAllocationTrace *trace, Call *call)
{
  uint64_t size = call->row->size.bytes;
  if (!mf_site_table_index (&trace->sites, call->row->stack.id, &call->site))
    return fail (trace, too_many_stacks);
  trace->sites.histories[call->site].failed++;
  trace->threads[call->thread].failed++;
  trace->totals.failed++;
  if (size != MF_SIZE_NONE.bytes && size > trace->totals.largest_failed)
    trace->totals.largest_failed = size;
  return true;
}

// ---- rows

static inline bool
take_row (MfAllocationTrace *trace, const MfAlloc *row, uint64_t hash)
{
  Call call = { .row = row };
  trace->totals.events++;
  if (!thread_index (trace, row->thread, &call.thread))
    return false;
  if (call.thread)
    follow_sequence (trace, &trace->threads[call.thread], row->sequence);
  follow_time (trace, row->time.ns);
  if (__builtin_expect (trace->totals.allocs + trace->totals.reallocs >= trace->next_mark, 0))
    mark_sites (trace);
  if (row->op == MF_OP_ALLOC)
    return take_new (trace, &call, hash);
  if (row->op == MF_OP_REALLOC)
    return take_realloc (trace, &call, hash);
  if (row->op == MF_OP_FAILED)
    return take_failed (trace, &call);
  take_free (trace, &call, row->address.at, hash);
  return true;
}

static inline const MfAlloc *
row_at (const MfAlloc *rows, uint32_t i, uint32_t stride)
{
  return (const void *) ((const uint8_t *) rows + (size_t) i * stride);
}

static inline uint64_t
ask_for (const MfAllocationTrace *trace, const MfAlloc *row)
{
  uint64_t hash = mf_allocation_hash (&trace->blocks, row->address.at);
  mf_allocation_table_prefetch (&trace->blocks, hash);
  if (row->op == MF_OP_REALLOC)
    mf_allocation_table_prefetch (
        &trace->blocks, mf_allocation_hash (&trace->blocks, row->old_address.at));
  return hash;
}

bool
mf_allocation_trace_take (
    MfAllocationTrace *trace, const MfAlloc *rows, uint32_t n, uint32_t stride)
{
  uint64_t hashes[AHEAD];
  for (uint32_t i = 0; i < n && i < AHEAD; i++)
    hashes[i] = ask_for (trace, row_at (rows, i, stride));
  for (uint32_t i = 0; i < n; i++) {
    uint64_t hash = hashes[i & (AHEAD - 1)];
    if (i + AHEAD < n)
      hashes[i & (AHEAD - 1)] = ask_for (trace, row_at (rows, i + AHEAD, stride));
    if (!take_row (trace, row_at (rows, i, stride), hash))
      return false;
  }
  return true;
}

// ---- life

bool
mf_allocation_trace_init (MfAllocationTrace *trace, MfTraceMemory memory, uint32_t between)
{
  *trace = (MfAllocationTrace){ .memory = memory,
    .first_time = INT64_MIN,
    .last_time = INT64_MIN,
    .next_mark = FIRST_MARK,
    .blocks = { .memory = memory },
    .sites = { .memory = memory },
    .between = between < MF_BETWEEN_MAX ? between : MF_BETWEEN_MAX };
  trace->water.number = 1;
  if (!mf_allocation_table_init (&trace->blocks, memory))
    return fail (trace, no_memory);
  if (!mf_site_table_init (&trace->sites, memory))
    return fail (trace, too_many_stacks);
  return grow_threads (trace, 4);
}

void
mf_allocation_trace_free (MfAllocationTrace *trace)
{
  mf_allocation_table_free (&trace->blocks);
  mf_site_table_free (&trace->sites);
  mf_trace_release (&trace->memory, trace->threads);
  trace->threads = NULL;
  trace->n_threads = 0;
}

void
mf_allocation_trace_close (MfAllocationTrace *trace)
{
  MfInterval now = interval_now (trace);
  mf_timeline_close (&trace->timeline, &now);
}
