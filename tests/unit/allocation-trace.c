// SPDX-License-Identifier: Apache-2.0
// The trace against a model so naive that it is right: at each peak it copies what every stack holds,
// and it counts the allocations between by going through all of them.
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "process-traces.h"

enum { STACKS = 12, THREADS = 4, ADDRESSES = 300, EVENTS = 20000 };

static void *
heap_resize (void *user, void *old, size_t bytes)
{
  (void) user;
  if (bytes)
    return realloc (old, bytes);
  free (old);
  return NULL;
}

static const MfTraceMemory heap = { NULL, heap_resize };

// ---- the model

typedef struct { uint64_t address, size, event; int64_t time; uint32_t stack, thread; } Block;
typedef struct { uint64_t event; uint32_t thread; } Birth;
typedef struct { uint64_t live, blocks, peak, peak_blocks, total, calls, temporaries; } Held;

typedef struct {
  GArray *blocks, *births;
  Held stacks[STACKS], threads[THREADS];
  uint64_t live, peak, peak_blocks, unknown_frees, unknown_reallocs, overwritten, frees;
  int64_t peak_time;
  MfLifetimes by_time, by_calls;
  uint32_t between;
} Model;

static void
snapshot (Held *held, guint n)
{
  for (guint i = 0; i < n; i++) {
    held[i].peak = held[i].live;
    held[i].peak_blocks = held[i].blocks;
  }
}

static void
sum_up (Model *model, int64_t time)
{
  for (guint i = 0; i < STACKS; i++)
    model->stacks[i].live = model->stacks[i].blocks = 0;
  for (guint i = 0; i < THREADS; i++)
    model->threads[i].live = model->threads[i].blocks = 0;
  model->live = 0;
  for (guint i = 0; i < model->blocks->len; i++) {
    const Block *block = &g_array_index (model->blocks, Block, i);
    model->stacks[block->stack].live += block->size;
    model->stacks[block->stack].blocks++;
    model->threads[block->thread].live += block->size;
    model->threads[block->thread].blocks++;
    model->live += block->size;
  }
  if (model->live <= model->peak)
    return;
  model->peak = model->live;
  model->peak_blocks = model->blocks->len;
  model->peak_time = time;
  snapshot (model->stacks, STACKS);
  snapshot (model->threads, THREADS);
}

static Block *
find (const Model *model, uint64_t address, guint *index)
{
  for (*index = 0; *index < model->blocks->len; ++*index)
    if (g_array_index (model->blocks, Block, *index).address == address)
      return &g_array_index (model->blocks, Block, *index);
  return NULL;
}

static void
put (Model *model, const Block *block)
{
  guint index;
  if (find (model, block->address, &index)) {
    model->overwritten++;
    g_array_remove_index (model->blocks, index);
  }
  g_array_append_val (model->blocks, *block);
}

static void
count_call (Model *model, const MfAlloc *row)
{
  Held *both[] = { &model->stacks[row->stack.id], &model->threads[row->thread] };
  for (guint i = 0; i < 2; i++) {
    both[i]->total += row->size.bytes;
    both[i]->calls++;
  }
}

static void
model_new (Model *model, const MfAlloc *row)
{
  Birth birth = { model->births->len + 1, row->thread };
  g_array_append_val (model->births, birth);
  Block block = { row->address.at, row->size.bytes, birth.event, row->time.ns, row->stack.id, row->thread };
  count_call (model, row);
  put (model, &block);
}

static bool
is_temporary (const Model *model, const Block *block, uint32_t thread)
{
  guint others = 0;
  for (guint i = 0; i < model->births->len; i++) {
    const Birth *birth = &g_array_index (model->births, Birth, i);
    others += birth->thread == thread && birth->event > block->event;
  }
  return block->thread == thread && thread != 0 && others <= model->between;
}

static void
model_free_block (Model *model, const MfAlloc *row)
{
  guint index;
  const Block *block = find (model, row->address.at, &index);
  model->frees++;
  if (!block) {
    model->unknown_frees++;
    return;
  }
  if (is_temporary (model, block, row->thread)) {
    model->stacks[block->stack].temporaries++;
    model->threads[row->thread].temporaries++;
  }
  mf_lifetimes_add (&model->by_time, (uint64_t) MAX (row->time.ns - block->time, 0), block->size);
  mf_lifetimes_add (&model->by_calls, model->births->len - block->event, block->size);
  g_array_remove_index (model->blocks, index);
}

static void
model_realloc (Model *model, const MfAlloc *row)
{
  guint index;
  const Block *old = find (model, row->old_address.at, &index);
  if (!old) {
    model->unknown_reallocs++;
    model_new (model, row);
    return;
  }
  Block block = *old;
  g_array_remove_index (model->blocks, index);
  block.address = row->address.at;
  block.size = row->size.bytes;
  block.stack = row->stack.id;
  count_call (model, row);
  put (model, &block);
}

static void
model_take (Model *model, const MfAlloc *row)
{
  if (row->op == MF_OP_ALLOC)
    model_new (model, row);
  else if (row->op == MF_OP_FREE)
    model_free_block (model, row);
  else if (row->op == MF_OP_REALLOC)
    model_realloc (model, row);
  sum_up (model, row->time.ns);
}

// ---- events

static MfAlloc
random_event (GRand *random, uint32_t i)
{
  static const uint16_t ops[] = { MF_OP_ALLOC, MF_OP_ALLOC, MF_OP_ALLOC, MF_OP_FREE, MF_OP_FREE,
    MF_OP_FREE, MF_OP_REALLOC, MF_OP_FAILED };
  MfAlloc row = { .op = ops[g_rand_int_range (random, 0, G_N_ELEMENTS (ops))] };
  uint64_t page = UINT64_C (0x7f0000000000);
  row.time.ns = (int64_t) i * 700 + g_rand_int_range (random, 0, 2000);
  row.address.at = page + (uint64_t) g_rand_int_range (random, 0, ADDRESSES) * 16;
  row.old_address.at = page + (uint64_t) g_rand_int_range (random, 0, ADDRESSES) * 16;
  row.size.bytes = (uint64_t) g_rand_int_range (random, 0, 1 << g_rand_int_range (random, 1, 16));
  row.stack.id = (uint32_t) g_rand_int_range (random, 0, STACKS);
  row.thread = (uint32_t) g_rand_int_range (random, 0, THREADS);
  row.process = 7;
  row.sequence = 5;
  return row;
}

static void
assert_tally (const MfAllocationTrace *trace, const MfTally *tally, const Held *held)
{
  g_assert_cmpuint (tally->live, ==, held->live);
  g_assert_cmpuint (tally->blocks, ==, held->blocks);
  g_assert_cmpuint (mf_tally_peak (tally, &trace->water), ==, held->peak);
  g_assert_cmpuint (mf_tally_peak_blocks (tally, &trace->water), ==, held->peak_blocks);
  g_assert_cmpuint (tally->total, ==, held->total);
  g_assert_cmpuint (tally->calls, ==, held->calls);
  g_assert_cmpuint (tally->temporaries, ==, held->temporaries);
}

static void
assert_equal (const MfAllocationTrace *trace, const Model *model)
{
  g_assert_cmpuint (trace->water.live, ==, model->live);
  g_assert_cmpuint (trace->water.peak, ==, model->peak);
  g_assert_cmpuint (trace->water.peak_blocks, ==, model->peak_blocks);
  g_assert_cmpint (trace->water.time, ==, model->peak_time);
  g_assert_cmpuint (trace->blocks.n, ==, model->blocks->len);
  g_assert_cmpuint (trace->totals.allocs, ==, model->births->len);
  g_assert_cmpuint (trace->totals.frees, ==, model->frees);
  g_assert_cmpuint (trace->totals.unknown_frees, ==, model->unknown_frees);
  g_assert_cmpuint (trace->totals.unknown_reallocs, ==, model->unknown_reallocs);
  g_assert_cmpuint (trace->totals.overwritten, ==, model->overwritten);
  g_assert_cmpmem (&trace->by_time, sizeof trace->by_time, &model->by_time, sizeof model->by_time);
  g_assert_cmpmem (&trace->by_calls, sizeof trace->by_calls, &model->by_calls, sizeof model->by_calls);
  for (uint32_t i = 0; i < trace->sites.n; i++)
    assert_tally (trace, &trace->sites.tallies[i], &model->stacks[trace->sites.histories[i].stack]);
  for (uint32_t i = 0; i < THREADS; i++)
    assert_tally (trace, &trace->threads[i].tally, &model->threads[i]);
}

static void
run_model (uint32_t seed, uint32_t between)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  g_autofree MfAlloc *rows = g_new (MfAlloc, EVENTS);
  MfAllocationTrace trace;
  Model model = { .blocks = g_array_new (FALSE, FALSE, sizeof (Block)),
    .births = g_array_new (FALSE, FALSE, sizeof (Birth)), .between = between };
  g_assert_true (mf_allocation_trace_init (&trace, heap, between));
  for (uint32_t i = 0, done = 0; i < 2000; i++) {
    rows[i] = random_event (random, i);
    model_take (&model, &rows[i]);
    if (i % 97 != 96 && i != 1999)
      continue;
    g_assert_true (mf_allocation_trace_take (&trace, rows + done, i + 1 - done, sizeof *rows));
    done = i + 1;
    assert_equal (&trace, &model);
  }
  mf_allocation_trace_free (&trace);
  g_array_unref (model.blocks);
  g_array_unref (model.births);
}

static void
test_model (void)
{
  for (uint32_t seed = 1; seed <= 12; seed++)
    run_model (seed, seed % 4);
}

// ---- the table alone

static void
test_table (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (3);
  MfAllocationTable table;
  uint64_t there[512] = { 0 };
  g_assert_true (mf_allocation_table_init (&table, heap));
  for (guint i = 0; i < 200000; i++) {
    uint64_t key = (uint64_t) g_rand_int_range (random, 0, 512), address = (key + 1) << 36;
    uint64_t hash = mf_allocation_hash (&table, address);
    g_assert_true (mf_allocation_table_reserve (&table));
    MfLiveBlock *block = mf_allocation_table_place (&table, address, hash);
    g_assert_cmpuint (block->address != 0 ? block->size : 0, ==, there[key]);
    if (there[key]) {
      mf_allocation_table_remove (&table, block);
      there[key] = 0;
      continue;
    }
    *block = (MfLiveBlock) { .address = address, .size = there[key] = i + 1 };
    table.n++;
  }
  mf_allocation_table_free (&table);
}

// ---- single cases

static MfAlloc
event (uint16_t op, uint64_t address, uint64_t size)
{
  return (MfAlloc) { .op = op, .address = { address }, .old_address = MF_ADDRESS_NONE, .size = { size },
    .granted = MF_SIZE_NONE, .stack = { 1 }, .thread = 1, .process = 1, .time = { 1000 } };
}

static void
take (MfAllocationTrace *trace, MfAlloc row)
{
  g_assert_true (mf_allocation_trace_take (trace, &row, 1, sizeof row));
}

static void
begin (MfAllocationTrace *trace)
{
  g_assert_true (mf_allocation_trace_init (trace, heap, 1));
}

static void
test_hostile_rows (void)
{
  MfAllocationTrace trace;
  begin (&trace);
  take (&trace, event (MF_OP_ALLOC, 0, 10));
  take (&trace, event (MF_OP_ALLOC, UINT64_MAX, 10));
  g_assert_cmpuint (trace.totals.unusable, ==, 2);
  take (&trace, event (MF_OP_FREE, 0, 0));
  g_assert_cmpuint (trace.totals.frees, ==, 0);
  take (&trace, event (MF_OP_ALLOC, 16, UINT64_MAX));
  g_assert_cmpuint (trace.totals.unsized, ==, 1);
  MfAlloc row = event (MF_OP_ALLOC, 32, 8);
  row.time = MF_TIME_NONE;
  row.thread = UINT32_MAX;
  take (&trace, row);
  row.time.ns = INT64_MAX;
  row.address.at = 48;
  take (&trace, row);
  row.time.ns = INT64_MIN + 1;
  row.op = MF_OP_FREE;
  take (&trace, row);
  row.op = 99;  // what is not known is taken as a free
  row.address.at = 32;
  take (&trace, row);
  g_assert_cmpuint (trace.water.live, ==, 0);
  g_assert_cmpuint (trace.water.peak, ==, 16);
  g_assert_cmpuint (trace.threads[0].tally.calls, ==, 2);
  g_assert_cmpuint (trace.n_threads, <, 16);
  mf_allocation_trace_free (&trace);
}

static void
test_overflow (void)
{
  MfAllocationTrace trace;
  begin (&trace);
  bool good = true;
  uint32_t n = 0;
  for (; good && n < 70000; n++) {
    MfAlloc row = event (MF_OP_ALLOC, 16, MF_BLOCK_SIZE_MAX);
    good = mf_allocation_trace_take (&trace, &row, 1, sizeof row);
  }
  g_assert_false (good);
  g_assert_cmpuint (n, ==, 65537);
  g_assert_nonnull (strstr (trace.failure, "2^64"));
  mf_allocation_trace_free (&trace);
}

static void
test_sequence (void)
{
  static const uint32_t numbers[] = { 10, 11, 12, 15, 15, 14, 16, 17 };
  MfAllocationTrace trace;
  begin (&trace);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    MfAlloc row = event (MF_OP_FREE, 64, 0);
    row.sequence = numbers[i];
    take (&trace, row);
  }
  g_assert_cmpuint (trace.totals.lost, ==, 2);
  g_assert_cmpuint (trace.threads[1].lost, ==, 2);
  mf_allocation_trace_free (&trace);
}

static void
test_growth (void)
{
  MfAllocationTrace trace;
  begin (&trace);
  for (uint32_t i = 1; i <= 5000; i++) {
    MfAlloc kept = event (MF_OP_ALLOC, i * 64, 10);
    take (&trace, kept);
  }
  g_assert_cmpuint (trace.marks, ==, 3);
  g_assert_cmpuint (trace.sites.histories[0].earlier, ==, 20480);
  g_assert_cmpuint (trace.sites.histories[0].middle, ==, 40960);
  g_assert_cmpuint (trace.sites.tallies[0].live, ==, 50000);
  mf_allocation_trace_free (&trace);
}

// The highest of all intervals is the peak, whatever the times are, and the last one ends as the trace.
static void
test_timeline (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (9);
  for (guint round = 0; round < 50; round++) {
    MfAllocationTrace trace;
    uint64_t highest = 0;
    begin (&trace);
    for (uint32_t i = 0; i < 3000; i++) {
      MfAlloc row = random_event (random, i);
      row.time.ns = (int64_t) ((uint64_t) row.time.ns << (round % 40));
      take (&trace, row);
    }
    mf_allocation_trace_close (&trace);
    for (uint32_t i = 0; i < trace.timeline.n; i++)
      highest = MAX (highest, trace.timeline.intervals[i].highest);
    g_assert_cmpuint (highest, ==, trace.water.peak);
    g_assert_cmpuint (trace.timeline.n, <=, MF_TIMELINE_MAX);
    g_assert_cmpuint (trace.timeline.intervals[trace.timeline.n - 1].live, ==, trace.water.live);
    g_assert_cmpuint (trace.timeline.intervals[trace.timeline.n - 1].total, ==, trace.totals.bytes);
    mf_allocation_trace_free (&trace);
  }
}

// ---- processes

static void
test_processes (void)
{
  MfAlloc rows[3] = { event (MF_OP_ALLOC, 64, 10), event (MF_OP_ALLOC, 64, 20), event (MF_OP_FREE, 64, 0) };
  rows[1].process = 2;
  MfBatch batch = { .type = &MfAlloc_type, .rows = (const uint8_t *) rows, .n_rows = 3,
    .stride = sizeof *rows, .input = { 1 } };
  MfProcessTraces traces;
  mf_process_traces_init (&traces, heap, 1);
  g_assert_true (mf_process_traces_take (&traces, &batch));
  g_assert_cmpuint (traces.n, ==, 2);
  g_assert_cmpuint (traces.first->trace.water.live, ==, 0);
  g_assert_cmpuint (traces.last->trace.water.live, ==, 20);
  batch.epoch = 1;
  batch.flags = MF_BATCH_INCOMPLETE;
  g_assert_true (mf_process_traces_take (&traces, &batch));
  g_assert_cmpuint (traces.n, ==, 4);
  g_assert_true (traces.last->incomplete);
  g_assert_false (traces.first->incomplete);
  mf_process_traces_free (&traces);
}

// ---- memory that is refused

static void *
failing_resize (void *user, void *old, size_t bytes)
{
  guint *left = user;
  if (bytes == 0)
    return heap_resize (NULL, old, 0);
  return *left > 0 && --*left == 0 ? NULL : heap_resize (NULL, old, bytes);
}

static void
test_no_memory (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (4);
  MfAlloc rows[512];
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    rows[i] = random_event (random, i);
    rows[i].stack.id = i;
    rows[i].thread = i % 40;
  }
  guint failures = 0;
  for (guint n = 1; n < 60; n++) {
    guint left = n;
    MfAllocationTrace trace;
    bool good = mf_allocation_trace_init (&trace, (MfTraceMemory) { &left, failing_resize }, 1)
      && mf_allocation_trace_take (&trace, rows, G_N_ELEMENTS (rows), sizeof *rows);
    g_assert_true (good == (left > 0));
    g_assert_true (good || trace.failure);
    failures += !good;
    mf_allocation_trace_free (&trace);
  }
  g_assert_cmpuint (failures, >, 10);
  g_assert_cmpuint (failures, <, 59);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/allocation-trace/model", test_model);
  g_test_add_func ("/allocation-trace/table", test_table);
  g_test_add_func ("/allocation-trace/hostile-rows", test_hostile_rows);
  g_test_add_func ("/allocation-trace/overflow", test_overflow);
  g_test_add_func ("/allocation-trace/sequence", test_sequence);
  g_test_add_func ("/allocation-trace/growth", test_growth);
  g_test_add_func ("/allocation-trace/timeline", test_timeline);
  g_test_add_func ("/allocation-trace/processes", test_processes);
  g_test_add_func ("/allocation-trace/no-memory", test_no_memory);
  return g_test_run ();
}
