// SPDX-License-Identifier: Apache-2.0
// The one pass over the events, in chunks: first what can be told of each row alone, which asks for
// the places of all of them (a table of many live blocks is not in the cache), then what depends on
// the rows before.
#include "allocation-trace.h"

#include <string.h>

enum { FIRST_MARK = 1024 };

static const char no_phase_memory[] = "there is no memory for the phases of the program";
static const char no_type_memory[] = "there is no memory for the types of freed objects";
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
grow_thread_spreads (MfAllocationTrace *trace, uint32_t from, uint32_t n)
{
  MfSpread *spreads = mf_trace_resize (&trace->memory, trace->thread_spreads, n * sizeof *spreads);
  if (!spreads)
    return fail (trace, no_thread_memory);
  memset (spreads + from, 0, (n - from) * sizeof *spreads);
  trace->thread_spreads = spreads;
  return true;
}

static bool
grow_threads (MfAllocationTrace *trace, uint32_t n)
{
  if (trace->sampling && !grow_thread_spreads (trace, trace->n_threads, n))
    return false;
  MfTraceThread *threads = mf_trace_resize (&trace->memory, trace->threads, n * sizeof *threads);
  if (!threads)
    return fail (trace, no_thread_memory);
  for (uint32_t i = trace->n_threads; i < n; i++)
    threads[i] = (MfTraceThread){ .expected = MF_ANY_SEQUENCE };
  trace->threads = threads;
  trace->n_threads = n;
  return true;
}

static inline bool
thread_index (MfAllocationTrace *trace, uint32_t thread, uint32_t *index)
{
  *index = thread;
  if (__builtin_expect (thread < trace->n_threads, 1))
    return true;
  *index = thread < MF_TRACE_THREADS_MAX ? thread : 0;
  uint32_t n = *index < MF_TRACE_THREADS_MAX / 2 ? *index * 2 : MF_TRACE_THREADS_MAX;
  return *index < trace->n_threads || grow_threads (trace, n);
}

// A source that does not number its calls repeats one number; one that goes back was merged out of
// order. Neither is a loss.
static void
leap (MfAllocationTrace *trace, MfTraceThread *thread, uint32_t sequence)
{
  uint32_t skipped = sequence - (uint32_t) thread->expected;
  bool first = thread->expected == MF_ANY_SEQUENCE, ahead = skipped < UINT32_MAX / 2;
  if (ahead && !first) {
    thread->lost += skipped;
    trace->totals.lost += skipped;
  }
  if (ahead || first)
    thread->expected = (uint32_t) (sequence + 1);
}

static inline void
follow_sequence (MfAllocationTrace *trace, MfTraceThread *thread, uint32_t sequence)
{
  if (__builtin_expect (sequence == thread->expected, 1))
    thread->expected = (uint32_t) (sequence + 1);
  else
    leap (trace, thread, sequence);
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
  if (__builtin_expect (trace->first_time == INT64_MIN, 0))
    trace->first_time = time;
  if (time > trace->last_time)
    trace->last_time = time;
}

static inline void
look_for_peak (MfAllocationTrace *trace, uint64_t live, int64_t time)
{
  MfHighWater *water = &trace->water;
  if (live > water->peak) {
    water->peak = live;
    water->peak_blocks = water->blocks;
    water->time = time;
    water->call = trace->totals.allocs + trace->totals.reallocs;
    water->number++;
  }
  trace->highest = live > trace->highest ? live : trace->highest;
}

// Tells what was highest until now to the interval and to the phases that are open.
static void
tell_highest (MfAllocationTrace *trace)
{
  mf_timeline_see (&trace->timeline, trace->highest);
  if (trace->phases)
    mf_phases_see (trace->phases, trace->highest);
  trace->highest = trace->water.live;
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
  uint32_t tag, home; // of its address
  uint32_t site, thread;
} Call;

static bool
is_address (uint64_t at)
{
  return at - 1 < MF_ADDRESS_NONE.at - 1; // neither 0 nor unknown
}

// Who holds a block: the stack that asked, and the thread that made it.
typedef struct {
  MfTally *site, *thread;
} Holders;

static inline Holders
holders_of (const MfAllocationTrace *trace, uint32_t site, uint32_t thread)
{
  return (Holders){ &trace->sites.tallies[site], &trace->threads[thread].tally };
}

static inline void
drop (MfAllocationTrace *trace, Holders holders, const MfWeight *weight)
{
  uint64_t number = trace->water.number;
  mf_tally_drop (holders.site, number, weight->bytes, weight->blocks);
  mf_tally_drop (holders.thread, number, weight->bytes, weight->blocks);
  trace->water.live -= weight->bytes;
  trace->water.blocks -= weight->blocks;
}

static inline void
hold (MfAllocationTrace *trace, Holders holders, const MfWeight *weight, int64_t time)
{
  uint64_t number = trace->water.number;
  mf_tally_hold (holders.site, number, weight->bytes, weight->blocks);
  mf_tally_hold (holders.thread, number, weight->bytes, weight->blocks);
  trace->water.blocks += weight->blocks;
  look_for_peak (trace, trace->water.live += weight->bytes, time);
}

// Counts a call: also its bytes as some of all.
static inline bool
count_call (MfAllocationTrace *trace, Holders callers, const MfWeight *weight)
{
  callers.site->total += weight->bytes;
  callers.thread->total += weight->bytes;
  callers.site->calls += weight->blocks;
  callers.thread->calls += weight->blocks;
  return !__builtin_add_overflow (trace->totals.bytes, weight->bytes, &trace->totals.bytes)
         || fail (trace, too_many_bytes);
}

// ---- estimates: a block stands for others that were not recorded

// What is known of a block: all of it, or what it stands for. The number of the allocation is of no
// use where most are not recorded: it is the size by which the block was chosen.
static inline MfWeight
weight_of (const MfAllocationTrace *trace, uint64_t size, uint64_t recorded, bool sampled)
{
  return sampled ? mf_weight_of_sample (size, recorded, trace->sampling)
                 : mf_weight_of_block (size);
}

static void
spread (
    MfAllocationTrace *trace, uint32_t site, uint32_t thread, const MfWeight *weight, double sign)
{
  mf_spread_change (&trace->sites.spreads[site], trace->water.number, weight, sign);
  mf_spread_change (&trace->thread_spreads[thread], trace->water.number, weight, sign);
}

static void
spread_call (MfAllocationTrace *trace, uint32_t site, uint32_t thread, const MfWeight *weight)
{
  MfSpread *both[] = { &trace->sites.spreads[site], &trace->thread_spreads[thread] };
  for (int i = 0; i < 2; i++) {
    both[i]->total += weight->byte_spread;
    both[i]->calls += weight->block_spread;
  }
}

// ---- calls

// A block goes that counts for somebody.
static inline void
let_go (MfAllocationTrace *trace, const MfLiveBlock *block, const MfWeight *weight, bool sampled)
{
  if (sampled)
    spread (trace, block->site, block->thread, weight, -1);
  drop (trace, holders_of (trace, block->site, block->thread), weight);
}

static bool
is_inherited (const MfLiveBlock *block)
{
  return block->event == 0;
}

// The bytes of a call; 0 where they are not known.
static inline uint64_t
size_of (MfAllocationTrace *trace, const Call *call)
{
  uint64_t size = call->row->size.bytes;
  if (__builtin_expect (size <= MF_BLOCK_SIZE_MAX, 1))
    return size;
  trace->totals.unsized++;
  return 0;
}

static void
displace (MfAllocationTrace *trace, const MfLiveBlock *block, bool sampled)
{
  if (is_inherited (block)) {
    trace->totals.freed_unseen++;
    return;
  }
  MfWeight weight = weight_of (trace, block->size, block->event, sampled);
  let_go (trace, block, &weight, sampled);
  if (!sampled && block->event <= trace->unsure_until)
    trace->totals.freed_unseen++;
  else
    trace->totals.overwritten++;
}

// The block at the address of a call. One that stands there was freed unseen.
static inline MfLiveBlock *
settle (MfAllocationTrace *trace, const Call *call, bool sampled)
{
  MfBlockPlace *place
      = mf_allocation_table_find (&trace->blocks, call->row->address.at, call->tag, call->home);
  if (__builtin_expect (place->block == 0, 1))
    return mf_allocation_table_put (&trace->blocks, place, call->tag);
  MfLiveBlock *there = &trace->blocks.blocks[place->block];
  displace (trace, there, sampled);
  return there;
}

static inline void
remember (const MfAllocationTrace *trace, MfTraceThread *thread, uint64_t event)
{
  thread->recent[thread->cursor] = event;
  thread->cursor = (thread->cursor + 1) * (thread->cursor != trace->between);
}

static inline __attribute__ ((always_inline)) bool
take_new (MfAllocationTrace *trace, const Call *call, bool sampled)
{
  if (__builtin_expect (!is_address (call->row->address.at), 0)) {
    trace->totals.unusable++;
    return true;
  }
  uint64_t event = ++trace->totals.allocs, size = size_of (trace, call);
  int64_t time = call->row->time.ns;
  Holders holders = holders_of (trace, call->site, call->thread);
  if (__builtin_expect (event > MF_BLOCK_EVENT_MAX, 0))
    return fail (trace, too_many_events);
  if (sampled)
    event = size == 0 ? 1 : size < MF_BLOCK_EVENT_MAX ? size : MF_BLOCK_EVENT_MAX;
  MfWeight weight = weight_of (trace, size, event, sampled);
  if (__builtin_expect (!count_call (trace, holders, &weight), 0))
    return false;
  remember (trace, &trace->threads[call->thread], event);
  *settle (trace, call, sampled) = (MfLiveBlock){ call->row->address.at, size,
    (uint16_t) call->thread, time, event, call->site };
  if (sampled) {
    spread_call (trace, call->site, call->thread, &weight);
    spread (trace, call->site, call->thread, &weight, 1);
  }
  hold (trace, holders, &weight, time);
  return true;
}

// ---- frees

static inline void
count_lifetime (MfAllocationTrace *trace, const MfLiveBlock *block, int64_t time,
    const MfWeight *weight, bool sampled)
{
  if (!sampled)
    mf_lifetimes_add (
        &trace->by_calls, trace->totals.allocs - block->event, weight->bytes, weight->blocks);
  if (__builtin_expect ((block->time == INT64_MIN) | (time == INT64_MIN), 0))
    return;
  uint64_t length = time > block->time ? (uint64_t) time - (uint64_t) block->time : 0;
  mf_lifetimes_add (
      &trace->by_time, length > INT64_MAX ? INT64_MAX : length, weight->bytes, weight->blocks);
}

static inline bool
is_temporary (const MfTraceThread *own, const MfLiveBlock *block, uint32_t thread)
{
  return (thread != 0) & (block->thread == thread) & (block->event >= own->recent[own->cursor]);
}

static bool
have_types (MfAllocationTrace *trace)
{
  if (trace->types)
    return true;
  trace->types = mf_trace_resize (&trace->memory, NULL, sizeof *trace->types);
  if (!trace->types)
    return fail (trace, no_type_memory);
  memset (trace->types, 0, sizeof *trace->types);
  return true;
}

static bool
count_type (
    MfAllocationTrace *trace, const Call *call, const MfLiveBlock *block, const MfWeight *weight)
{
  int64_t time = call->row->time.ns;
  bool timed = time != INT64_MIN && block->time != INT64_MIN && time >= block->time;
  uint64_t life = timed ? (uint64_t) time - (uint64_t) block->time : UINT64_MAX;
  if (!have_types (trace))
    return false;
  mf_freed_types_add (trace->types, call->row->object_type.id, weight->blocks, weight->bytes, life);
  return true;
}

static void
free_inherited (MfAllocationTrace *trace, MfBlockPlace *place)
{
  trace->totals.inherited_frees++;
  mf_allocation_table_remove (&trace->blocks, place);
}

static inline __attribute__ ((always_inline)) bool
take_free (MfAllocationTrace *trace, const Call *call, uint64_t address, uint32_t tag,
    uint64_t home, bool sampled)
{
  if (!is_address (address))
    return true;
  MfTraceThread *thread = &trace->threads[call->thread];
  trace->totals.frees++;
  thread->frees++;
  MfBlockPlace *place = mf_allocation_table_find (&trace->blocks, address, tag, home);
  const MfLiveBlock *block
      = &trace->blocks.blocks[place->block]; // number 0 is like an inherited one
  if (__builtin_expect (is_inherited (block), 0)) {
    if (place->block)
      free_inherited (trace, place);
    else
      trace->totals.unknown_frees++;
    return true;
  }
  MfWeight weight = weight_of (trace, block->size, block->event, sampled);
  bool temporary = !sampled && is_temporary (thread, block, call->thread);
  trace->totals.temporaries += temporary;
  trace->sites.tallies[block->site].temporaries += temporary;
  thread->tally.temporaries += temporary;
  count_lifetime (trace, block, call->row->time.ns, &weight, sampled);
  let_go (trace, block, &weight, sampled);
  bool counted = __builtin_expect (!call->row->object_type.id, 1)
                 || count_type (trace, call, block, &weight);
  mf_allocation_table_remove (&trace->blocks, place);
  return counted;
}

// ---- reallocs and failures

static bool
move_block (MfAllocationTrace *trace, const Call *call, MfBlockPlace *place, bool sampled)
{
  MfLiveBlock block = trace->blocks.blocks[place->block];
  uint64_t size = size_of (trace, call);
  MfWeight before = weight_of (trace, block.size, block.event, sampled),
           after = weight_of (trace, size, block.event, sampled);
  if (!count_call (trace, holders_of (trace, call->site, call->thread), &after))
    return false;
  trace->totals.reallocs++;
  let_go (trace, &block, &before, sampled);
  mf_allocation_table_remove (&trace->blocks, place);
  block.address = call->row->address.at;
  block.size = size;
  block.site = call->site;
  *settle (trace, call, sampled) = block;
  if (sampled) {
    spread_call (trace, call->site, call->thread, &after);
    spread (trace, call->site, block.thread, &after, 1);
  }
  hold (trace, holders_of (trace, call->site, block.thread), &after, call->row->time.ns);
  return true;
}

static bool
take_realloc (MfAllocationTrace *trace, const Call *call, bool sampled)
{
  uint64_t from = call->row->old_address.at;
  uint32_t tag = mf_block_tag (&trace->blocks, from);
  uint64_t home = mf_block_home (&trace->blocks, tag);
  if (!is_address (call->row->address.at)) // realloc to nothing frees
    return take_free (trace, call, from, tag, home, sampled);
  if (!is_address (from))
    return take_new (trace, call, sampled);
  MfBlockPlace *place = mf_allocation_table_find (&trace->blocks, from, tag, home);
  if (!is_inherited (&trace->blocks.blocks[place->block]))
    return move_block (trace, call, place, sampled);
  if (place->block)
    free_inherited (trace, place);
  else
    trace->totals.unknown_reallocs++;
  return take_new (trace, call, sampled);
}

static void
take_failed (MfAllocationTrace *trace, const Call *call)
{
  uint64_t size = call->row->size.bytes;
  trace->sites.histories[call->site].failed++;
  trace->threads[call->thread].failed++;
  trace->totals.failed++;
  if (size != MF_SIZE_NONE.bytes && size > trace->totals.largest_failed)
    trace->totals.largest_failed = size;
}

// ---- rows

// Whether a row names the stack that asks. A free may carry one too, but holds nothing by it.
static inline bool
asks (const MfAlloc *row)
{
  static const uint8_t without_address[] = { [MF_OP_FAILED] = 1 },
                       with_address[]
                       = { [MF_OP_ALLOC] = 1, [MF_OP_REALLOC] = 1, [MF_OP_FAILED] = 1 };
  return row->op <= MF_OP_FAILED
         && (is_address (row->address.at) ? with_address : without_address)[row->op];
}

// What can be told of a row alone.
static inline bool
look_at (MfAllocationTrace *trace, const MfAlloc *row, Call *call)
{
  call->row = row;
  call->tag = mf_block_tag (&trace->blocks, row->address.at);
  call->home = (uint32_t) mf_block_home (&trace->blocks, call->tag);
  mf_allocation_table_prefetch (&trace->blocks, call->home);
  if (!thread_index (trace, row->thread, &call->thread))
    return false;
  if (call->thread && !trace->is_unnumbered)
    follow_sequence (trace, &trace->threads[call->thread], row->sequence);
  follow_time (trace, row->time.ns);
  if (mf_site_table_find (&trace->sites, row->stack.id, &call->site) || !asks (row))
    return true;
  return mf_site_table_add (&trace->sites, row->stack.id, &call->site)
         || fail (trace, too_many_stacks);
}

// Whether an interval of time ends, or the sites are to be marked, within the next `n` rows.
static bool
is_eventful (const MfAllocationTrace *trace, uint32_t n)
{
  bool timed = trace->last_time != INT64_MIN;
  return (timed && mf_timeline_is_over (&trace->timeline, trace->last_time))
         || trace->totals.allocs + trace->totals.reallocs + n >= trace->next_mark;
}

static void
keep_time (MfAllocationTrace *trace, int64_t time)
{
  if (time != INT64_MIN && mf_timeline_is_over (&trace->timeline, time)) {
    tell_highest (trace);
    MfInterval now = interval_now (trace);
    mf_timeline_turn (&trace->timeline, time, &now);
  }
  if (trace->totals.allocs + trace->totals.reallocs >= trace->next_mark)
    mark_sites (trace);
}

static inline __attribute__ ((always_inline)) bool
take_row (MfAllocationTrace *trace, const Call *call, bool sampled)
{
  if (call->row->op == MF_OP_ALLOC)
    return take_new (trace, call, sampled);
  if (__builtin_expect (call->row->op == MF_OP_REALLOC, 0))
    return take_realloc (trace, call, sampled);
  if (__builtin_expect (call->row->op != MF_OP_FAILED, 1))
    return take_free (trace, call, call->row->address.at, call->tag, call->home, sampled);
  take_failed (trace, call);
  return true;
}

static inline __attribute__ ((always_inline)) bool
take_calls (MfAllocationTrace *trace, const Call *calls, uint32_t n, bool sampled)
{
  bool eventful = is_eventful (trace, n);
  for (uint32_t i = 0; i < n; i++) {
    if (__builtin_expect (eventful, 0))
      keep_time (trace, calls[i].row->time.ns);
    if (__builtin_expect (!take_row (trace, &calls[i], sampled), 0))
      return false;
  }
  return true;
}

static bool
take_exact (MfAllocationTrace *trace, const Call *calls, uint32_t n)
{
  return take_calls (trace, calls, n, false);
}

static bool
take_sampled (MfAllocationTrace *trace, const Call *calls, uint32_t n)
{
  return take_calls (trace, calls, n, true);
}

static bool
take_chunk (MfAllocationTrace *trace, const uint8_t *rows, uint32_t n, uint32_t stride)
{
  Call calls[MF_TRACE_CHUNK];
  if (!mf_allocation_table_reserve (&trace->blocks, n))
    return fail (trace, no_memory);
  for (uint32_t i = 0; i < n; i++)
    if (!look_at (trace, (const void *) (rows + (size_t) i * stride), &calls[i]))
      return false;
  trace->totals.events += n;
  return trace->sampling ? take_sampled (trace, calls, n) : take_exact (trace, calls, n);
}

bool
mf_allocation_trace_take (
    MfAllocationTrace *trace, const MfAlloc *rows, uint32_t n, uint32_t stride)
{
  const uint8_t *from = (const uint8_t *) rows;
  for (uint32_t i = 0, chunk; i < n; i += chunk) {
    chunk = n - i < MF_TRACE_CHUNK ? n - i : MF_TRACE_CHUNK;
    if (!take_chunk (trace, from + (size_t) i * stride, chunk, stride))
      return false;
  }
  return true;
}

bool
mf_allocation_trace_number (
    MfAllocationTrace *trace, const MfAlloc *rows, uint32_t n, uint32_t stride)
{
  for (uint32_t i = 0, thread; i < n; i++) {
    const MfAlloc *row = (const void *) ((const uint8_t *) rows + (size_t) i * stride);
    if (!thread_index (trace, row->thread, &thread))
      return false;
    if (thread)
      follow_sequence (trace, &trace->threads[thread], row->sequence);
  }
  return true;
}

// ---- marks of the program

static MfMoment
moment_of (const MfAllocationTrace *trace, int64_t time)
{
  return (MfMoment){ time, trace->water.live, trace->totals.bytes,
    trace->totals.allocs + trace->totals.reallocs };
}

static bool
have_phases (MfAllocationTrace *trace)
{
  if (trace->phases)
    return true;
  trace->phases = mf_trace_resize (&trace->memory, NULL, sizeof *trace->phases);
  if (!trace->phases)
    return fail (trace, no_phase_memory);
  memset (trace->phases, 0, sizeof *trace->phases);
  return true;
}

static void
pause_recording (MfAllocationTrace *trace, int64_t time)
{
  if (trace->paused_since != INT64_MIN)
    return;
  trace->paused_since = time == INT64_MIN ? 0 : time;
  trace->totals.pauses++;
}

static void
resume_recording (MfAllocationTrace *trace, int64_t time)
{
  trace->unsure_until = trace->totals.allocs;
  if (trace->paused_since != INT64_MIN && time > trace->paused_since)
    trace->totals.paused += (uint64_t) time - (uint64_t) trace->paused_since;
  trace->paused_since = INT64_MIN;
}

bool
mf_allocation_trace_mark (MfAllocationTrace *trace, const MfProgramMark *mark)
{
  MfMoment now = moment_of (trace, mark->time.ns);
  if (!have_phases (trace))
    return false;
  tell_highest (trace);
  if (mark->kind == MF_MARK_BEGIN)
    mf_phases_begin (trace->phases, mark->name.id, mark->thread, &now);
  else if (mark->kind == MF_MARK_END)
    mf_phases_end (trace->phases, mark->name.id, mark->thread, &now);
  else
    mf_phases_point (trace->phases, mark->name.id, mark->kind, &now);
  if (mark->kind == MF_MARK_PAUSE)
    pause_recording (trace, mark->time.ns);
  else if (mark->kind == MF_MARK_RESUME)
    resume_recording (trace, mark->time.ns);
  return true;
}

// ---- snapshots

// The first row of a snapshot: what it does not name holds nothing. What was held at each power of
// two of snapshots is remembered before.
static void
begin_snapshot (MfAllocationTrace *trace, uint32_t snapshot)
{
  uint64_t n = trace->totals.snapshots;
  if (trace->snapshot == snapshot)
    return;
  trace->snapshot = snapshot;
  if (n && (n & (n - 1)) == 0)
    mark_sites (trace);
  for (uint32_t i = 0; i < trace->sites.n; i++) {
    MfTally *tally = &trace->sites.tallies[i];
    *tally = (MfTally){ .total = tally->total, .calls = tally->calls, .seen = trace->water.number };
  }
}

// A stack may have a row for each domain: the first one of a snapshot replaces what it had.
bool
mf_allocation_trace_take_site (MfAllocationTrace *trace, const MfAllocSite *row)
{
  uint32_t site;
  begin_snapshot (trace, row->snapshot);
  if (!mf_site_table_find (&trace->sites, row->stack.id, &site)
      && !mf_site_table_add (&trace->sites, row->stack.id, &site))
    return fail (trace, too_many_stacks);
  MfTally *tally = &trace->sites.tallies[site];
  MfSiteHistory *history = &trace->sites.histories[site];
  if (history->snapshot != row->snapshot) {
    tally->total = tally->calls = history->failed = 0;
    history->snapshot = row->snapshot;
  }
  tally->seen = trace->water.number;
  tally->live += row->live.bytes;
  tally->blocks += row->live_blocks;
  tally->kept_live += row->at_peak.bytes;
  tally->kept_blocks += row->peak_blocks;
  tally->total += row->allocated.bytes;
  tally->calls += row->calls;
  history->failed += row->failed;
  return true;
}

static void
keep_snapshot (MfAllocationTrace *trace, const MfAllocTotal *row)
{
  MfInterval now = interval_now (trace);
  follow_time (trace, row->time.ns);
  if (row->time.ns != INT64_MIN && mf_timeline_is_over (&trace->timeline, row->time.ns))
    mf_timeline_turn (&trace->timeline, row->time.ns, &now);
}

void
mf_allocation_trace_take_total (MfAllocationTrace *trace, const MfAllocTotal *row)
{
  keep_snapshot (trace, row);
  uint64_t failed = 0, peak_blocks = 0;
  for (uint32_t i = 0; i < trace->sites.n; i++) {
    failed += trace->sites.histories[i].failed;
    peak_blocks += mf_tally_peak_blocks (&trace->sites.tallies[i], &trace->water);
  }
  trace->water.live = row->live.bytes;
  trace->water.blocks = row->live_blocks;
  trace->water.peak = row->peak.bytes;
  trace->water.peak_blocks = peak_blocks;
  trace->water.time = row->peak_time.ns;
  trace->totals.allocs = row->calls;
  trace->totals.frees = row->frees;
  trace->totals.unknown_frees = row->unknown_frees;
  trace->totals.bytes = row->allocated.bytes;
  trace->totals.untracked = row->untracked;
  trace->totals.failed = failed;
  trace->totals.snapshots++;
  mf_timeline_see (&trace->timeline, row->live.bytes);
}

// ---- life

bool
mf_allocation_trace_sample (MfAllocationTrace *trace, uint64_t mean)
{
  if (!mf_site_table_sample (&trace->sites))
    return fail (trace, too_many_stacks);
  trace->sampling = mean;
  return trace->thread_spreads || grow_thread_spreads (trace, 0, trace->n_threads);
}

bool
mf_allocation_trace_inherit (MfAllocationTrace *trace, const MfAllocationTrace *parent)
{
  if (!mf_allocation_table_add_all (&trace->blocks, &parent->blocks))
    return fail (trace, no_memory);
  for (uint32_t i = 1; i < trace->blocks.used; i++)
    trace->blocks.blocks[i].event = 0;
  return true;
}

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
  trace->paused_since = INT64_MIN;
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
  mf_trace_release (&trace->memory, trace->thread_spreads);
  mf_trace_release (&trace->memory, trace->phases);
  mf_trace_release (&trace->memory, trace->types);
  trace->threads = NULL;
  trace->thread_spreads = NULL;
  trace->phases = NULL;
  trace->types = NULL;
  trace->n_threads = 0;
}

// Where the recording was off, a block that was live before may have been freed meanwhile.
static void
find_unsure (MfAllocationTrace *trace)
{
  for (uint64_t i = 0; i <= trace->blocks.mask; i++) {
    const MfLiveBlock *block = &trace->blocks.blocks[trace->blocks.places[i].block];
    bool unsure = block->event > 0 && block->event <= trace->unsure_until;
    if (!trace->blocks.places[i].block || !unsure)
      continue;
    trace->sites.histories[block->site].unsure += block->size;
    trace->sites.histories[block->site].unsure_blocks++;
  }
}

void
mf_allocation_trace_close (MfAllocationTrace *trace)
{
  MfInterval now = interval_now (trace);
  tell_highest (trace);
  mf_timeline_close (&trace->timeline, &now);
  if (trace->paused_since != INT64_MIN)
    resume_recording (trace, trace->last_time);
  if (trace->phases) {
    MfMoment end = moment_of (trace, trace->last_time);
    mf_phases_close (trace->phases, &end);
  }
  for (uint32_t i = 0; i < trace->sites.n; i++)
    trace->sites.histories[i].unsure = trace->sites.histories[i].unsure_blocks = 0;
  if (trace->unsure_until && !trace->sampling)
    find_unsure (trace);
}
