// SPDX-License-Identifier: Apache-2.0
// The trace against a model so naive that it is right: at each peak it copies what every stack holds,
// and it counts the allocations between by going through all of them.
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call-sites.h"
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
  mf_lifetimes_add (&model->by_time, (uint64_t) MAX (row->time.ns - block->time, 0), block->size, 1);
  mf_lifetimes_add (&model->by_calls, model->births->len - block->event, block->size, 1);
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

// Addresses that are neighbours, that differ in the highest bits only, and that share a granule of 16 B.
static uint64_t
table_address (uint64_t key)
{
  return key % 3 == 0 ? (key + 1) << 36 : key % 3 == 1 ? 0x7f0000000000 + key * 16 : 0x10000 + key;
}

static void
test_table (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (3);
  MfAllocationTable table;
  uint64_t there[512] = { 0 }, n = 0;
  g_assert_true (mf_allocation_table_init (&table, heap));
  for (guint i = 0; i < 200000; i++) {
    uint64_t key = (uint64_t) g_rand_int_range (random, 0, 512), address = table_address (key);
    uint32_t tag = mf_block_tag (&table, address);
    g_assert_true (mf_allocation_table_reserve (&table, 1));
    MfBlockPlace *place = mf_allocation_table_find (&table, address, tag, mf_block_home (&table, tag));
    g_assert_cmpuint (place->block ? table.blocks[place->block].size : 0, ==, there[key]);
    n += there[key] ? -1 : 1;
    if (there[key]) {
      mf_allocation_table_remove (&table, place);
      there[key] = 0;
    } else
      *mf_allocation_table_put (&table, place, tag)
        = (MfLiveBlock) { .address = address, .size = there[key] = i + 1 };
    g_assert_cmpuint (table.n, ==, n);
  }
  g_assert_cmpuint (table.used, <=, 513);  // places of freed blocks are used again
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

// ---- programs: fork, exec, pages, marks, samples, snapshots

static MfBatch
batch_of (const MfType *type, const void *rows, uint32_t n)
{
  return (MfBatch) { .type = type, .rows = rows, .n_rows = n, .stride = type->row_size, .input = { 1 } };
}

static void
take_batch (MfProcessTraces *traces, const MfAlloc *rows, uint32_t n)
{
  MfBatch batch = batch_of (&MfAlloc_type, rows, n);
  g_assert_true (mf_process_traces_take (traces, &batch));
}

static void
start_program (MfProcessTraces *traces, uint32_t process, uint32_t how, uint32_t parent, uint64_t sampling)
{
  MfProgramStart row = { .process = process, .how = how, .parent = parent,
    .sampling = { sampling ? sampling : MF_SIZE_NONE.bytes } };
  MfBatch batch = batch_of (&MfProgramStart_type, &row, 1);
  g_assert_true (mf_process_traces_start (traces, &batch));
}

static void
set_mark (MfProcessTraces *traces, uint32_t kind, uint32_t name, int64_t time)
{
  MfProgramMark row = { .process = 1, .thread = 1, .kind = kind, .name = { name }, .time = { time } };
  MfBatch batch = batch_of (&MfProgramMark_type, &row, 1);
  g_assert_true (mf_process_traces_mark (traces, &batch));
}

static void
test_fork (void)
{
  MfAlloc parent[] = { event (MF_OP_ALLOC, 64, 10), event (MF_OP_ALLOC, 128, 20), event (MF_OP_FREE, 64, 0) };
  MfAlloc child[] = { event (MF_OP_FREE, 128, 0), event (MF_OP_FREE, 64, 0), event (MF_OP_ALLOC, 128, 7) };
  for (int i = 0; i < 3; i++)
    child[i].process = 2;
  MfProcessTraces traces;
  mf_process_traces_init (&traces, heap, 1);
  start_program (&traces, 1, MF_PROGRAM_STARTED, 0, 0);
  take_batch (&traces, parent, 3);
  start_program (&traces, 2, MF_PROGRAM_FORKED, 1, 0);
  take_batch (&traces, child, 3);
  const MfAllocationTrace *forked = &traces.last->trace;
  g_assert_cmpuint (traces.n, ==, 2);
  g_assert_cmpuint (forked->totals.inherited_frees, ==, 1);
  g_assert_cmpuint (forked->totals.unknown_frees, ==, 1);  // the parent had freed it before
  g_assert_cmpuint (forked->water.peak, ==, 7);
  g_assert_cmpuint (traces.first->trace.water.live, ==, 20);
  mf_process_traces_free (&traces);
}

static void
test_exec (void)
{
  MfAlloc rows[] = { event (MF_OP_ALLOC, 64, 10), event (MF_OP_FREE, 64, 0) };
  MfProcessTraces traces;
  mf_process_traces_init (&traces, heap, 1);
  start_program (&traces, 1, MF_PROGRAM_STARTED, 0, 0);
  take_batch (&traces, rows, 1);
  start_program (&traces, 1, MF_PROGRAM_REPLACED, 0, 0);
  take_batch (&traces, rows + 1, 1);
  g_assert_cmpuint (traces.n, ==, 2);
  g_assert_cmpint (traces.first->state, ==, MF_PROGRAM_EXECUTED);
  g_assert_cmpuint (traces.first->trace.water.live, ==, 10);
  g_assert_cmpuint (traces.last->program, ==, 2);
  g_assert_cmpuint (traces.last->trace.totals.unknown_frees, ==, 1);
  mf_process_traces_free (&traces);
}

// A map at the address of a block is not that block, and its bytes are in no other sum. The numbering goes over both.
static void
test_pages (void)
{
  MfAlloc rows[] = { event (MF_OP_ALLOC, 4096, 8192), event (MF_OP_ALLOC, 4096, 10), event (MF_OP_ALLOC, 8192, 4096),
    event (MF_OP_FREE, 4096, 8192), event (MF_OP_FREE, 4096, 0) };
  static const uint16_t domains[] = { MF_DOMAIN_MAP, MF_DOMAIN_OBJ, MF_DOMAIN_BREAK, MF_DOMAIN_MAP, MF_DOMAIN_OBJ };
  MfProcessTraces traces;
  mf_process_traces_init (&traces, heap, 1);
  for (uint32_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    rows[i].domain = domains[i];
    rows[i].sequence = i + (i > 3 ? 2 : 0);  // two calls are missing before the last one
  }
  take_batch (&traces, rows, G_N_ELEMENTS (rows));
  const MfAllocationTrace *trace = &traces.first->trace, *pages = traces.first->pages;
  g_assert_cmpuint (trace->water.peak, ==, 10);
  g_assert_cmpuint (trace->water.live, ==, 0);
  g_assert_cmpuint (trace->totals.overwritten + trace->totals.unknown_frees, ==, 0);
  g_assert_cmpuint (trace->totals.lost, ==, 2);
  g_assert_cmpuint (pages->water.peak, ==, 12288);
  g_assert_cmpuint (pages->water.live, ==, 4096);
  g_assert_cmpuint (pages->totals.lost, ==, 0);
  mf_process_traces_free (&traces);
}

// load 0 to 4 s {parse 1 to 3 s}: the peak of 150 B is in both, the 1,000 B before are in neither.
static void
test_phases (void)
{
  MfProcessTraces traces;
  mf_process_traces_init (&traces, heap, 1);
  MfAlloc before[] = { event (MF_OP_ALLOC, 16, 1000), event (MF_OP_FREE, 16, 0), event (MF_OP_ALLOC, 32, 50) };
  MfAlloc inside[] = { event (MF_OP_ALLOC, 64, 100), event (MF_OP_FREE, 64, 0) };
  take_batch (&traces, before, 3);
  set_mark (&traces, MF_MARK_BEGIN, 7, 2000);
  set_mark (&traces, MF_MARK_BEGIN, 8, 3000);
  take_batch (&traces, inside, 2);
  set_mark (&traces, MF_MARK_END, 8, 5000);
  take_batch (&traces, inside, 1);
  set_mark (&traces, MF_MARK_POINT, 9, 5500);
  set_mark (&traces, MF_MARK_END, 7, 6000);
  set_mark (&traces, MF_MARK_END, 7, 6000);
  mf_allocation_trace_close (&traces.first->trace);
  const MfPhases *phases = traces.first->trace.phases;
  g_assert_cmpuint (phases->n, ==, 2);
  const MfPhase *load = &phases->phases[0], *parse = &phases->phases[1];
  g_assert_cmpuint (load->name, ==, 7);
  g_assert_cmpuint (load->total, ==, 200);
  g_assert_cmpint ((int64_t) load->growth, ==, 100);
  g_assert_cmpuint (load->highest, ==, 150);
  g_assert_cmpuint (load->duration, ==, 4000);
  g_assert_cmpuint (parse->total, ==, 100);
  g_assert_cmpint ((int64_t) parse->growth, ==, 0);
  g_assert_cmpuint (parse->highest, ==, 150);
  g_assert_cmpuint (phases->n_points, ==, 1);
  g_assert_cmpuint (phases->points[0].live, ==, 150);
  g_assert_cmpuint (phases->left_out, ==, 1);  // an end without a beginning
  g_assert_cmpuint (traces.first->trace.water.peak, ==, 1000);
  mf_process_traces_free (&traces);
}

static void
test_pause (void)
{
  MfProcessTraces traces;
  mf_process_traces_init (&traces, heap, 1);
  MfAlloc before[] = { event (MF_OP_ALLOC, 16, 10), event (MF_OP_ALLOC, 32, 20) };
  MfAlloc after[] = { event (MF_OP_ALLOC, 16, 5), event (MF_OP_ALLOC, 64, 7), event (MF_OP_FREE, 128, 0) };
  take_batch (&traces, before, 2);
  set_mark (&traces, MF_MARK_PAUSE, 0, 2000);
  set_mark (&traces, MF_MARK_RESUME, 0, 5000);
  take_batch (&traces, after, 3);
  MfAllocationTrace *trace = &traces.first->trace;
  mf_allocation_trace_close (trace);
  g_assert_cmpuint (trace->totals.freed_unseen, ==, 1);
  g_assert_cmpuint (trace->totals.overwritten, ==, 0);
  g_assert_cmpuint (trace->totals.paused, ==, 3000);
  g_assert_cmpuint (trace->sites.histories[0].unsure, ==, 20);
  g_assert_cmpuint (trace->sites.tallies[0].live, ==, 32);
  mf_process_traces_free (&traces);
}

typedef struct { double live, peak, calls, variance, true_live, true_calls; } Estimate;

// A program of 4,000 blocks, a third of which is freed, of which one in about `mean` bytes is recorded.
static Estimate
estimate_once (GRand *random, uint64_t mean)
{
  Estimate estimate = { 0 };
  MfProcessTraces traces;
  mf_process_traces_init (&traces, heap, 1);
  start_program (&traces, 1, MF_PROGRAM_STARTED, 0, mean);
  for (uint32_t i = 0; i < 4000; i++) {
    uint64_t size = 16 + i % 10 * 90;
    MfAlloc row = event (MF_OP_ALLOC, 4096 + i * 1024, size);
    bool recorded = g_rand_double (random) < -expm1 (-(double) size / (double) mean), freed = i % 3 == 0;
    estimate.true_live += freed ? 0 : (double) size;
    estimate.true_calls++;
    if (recorded)
      take_batch (&traces, &row, 1);
    row.op = MF_OP_FREE;
    if (recorded && freed)
      take_batch (&traces, &row, 1);
  }
  if (traces.first->trace.sites.n) {
    MfSiteSum sum = mf_site_sum (&traces.first->trace, 0);
    estimate.live = (double) sum.live;
    estimate.calls = (double) sum.calls;
    estimate.variance = sum.variance.live;
  }
  mf_process_traces_free (&traces);
  return estimate;
}

// Over many recordings the mean is the truth, within four of its own errors, and 95 of 100 errors hold it.
static void
test_sampling (void)
{
  enum { ROUNDS = 300 };
  g_autoptr (GRand) random = g_rand_new_with_seed (11);
  double live = 0, calls = 0, squares = 0, truth = 0, true_calls = 0;
  guint held = 0;
  for (guint i = 0; i < ROUNDS; i++) {
    Estimate one = estimate_once (random, 8192);
    double off = one.live - one.true_live;
    truth = one.true_live;
    true_calls = one.true_calls;
    live += one.live / ROUNDS;
    calls += one.calls / ROUNDS;
    squares += off * off / ROUNDS;
    held += fabs (off) <= mf_spread_error (one.variance);
  }
  g_assert_cmpfloat (fabs (live - truth), <, 4 * sqrt (squares / ROUNDS));
  g_assert_cmpfloat (fabs (calls - true_calls) / true_calls, <, 0.03);
  g_assert_cmpuint (held, >, ROUNDS * 91 / 100);
  g_assert_cmpuint (held, <, ROUNDS * 99 / 100);
  g_assert_cmpfloat (sqrt (squares) / truth, <, 0.2);
}

// A mean that no recorder would choose, and a block that grows beyond all measure: a refusal, no nonsense.
static void
test_hostile_sample (void)
{
  MfAllocationTrace trace;
  begin (&trace);
  g_assert_true (mf_allocation_trace_sample (&trace, UINT64_MAX - 1));
  MfAlloc row = event (MF_OP_ALLOC, 64, 1);
  take (&trace, row);
  g_assert_cmpuint (trace.water.live, ==, UINT64_C (1) << 63);
  row = (MfAlloc) { .op = MF_OP_REALLOC, .address = { 128 }, .old_address = { 64 }, .size = { MF_BLOCK_SIZE_MAX }, .thread = 1 };
  g_assert_false (mf_allocation_trace_take (&trace, &row, 1, sizeof row));
  g_assert_nonnull (strstr (trace.failure, "2^64"));
  mf_allocation_trace_free (&trace);
}

static void
take_snapshot (MfProcessTraces *traces, uint32_t number, const MfAllocSite *sites, uint32_t n, MfAllocTotal total)
{
  MfBatch rows = batch_of (&MfAllocSite_type, sites, n), last = batch_of (&MfAllocTotal_type, &total, 1);
  total.snapshot = number;
  g_assert_true (mf_process_traces_take_sites (traces, &rows));
  g_assert_true (mf_process_traces_take_totals (traces, &last));
}

static void
test_snapshots (void)
{
  MfProcessTraces traces;
  mf_process_traces_init (&traces, heap, 1);
  for (uint32_t i = 1; i <= 4; i++) {
    MfAllocSite sites[] = {
      { .stack = { 5 }, .process = 1, .snapshot = i, .live = { i * 100 }, .live_blocks = i, .at_peak = { 300 },
        .allocated = { i * 1000 }, .calls = i * 10, .domain = MF_DOMAIN_OBJ },
      { .stack = { 5 }, .process = 1, .snapshot = i, .live = { 1 }, .live_blocks = 1, .at_peak = { 2 },
        .allocated = { 3 }, .calls = 1, .domain = MF_DOMAIN_RAW },
      { .stack = { 6 }, .process = 1, .snapshot = i, .live = { 70 }, .live_blocks = 1, .calls = 1, .failed = 2 } };
    take_snapshot (&traces, i, sites, i == 4 ? 2 : 3, (MfAllocTotal) { .process = 1, .time = { i * 1000000000 },
      .live = { i * 100 + 1 }, .live_blocks = i + 1, .peak = { 302 }, .peak_time = { 2500000000 }, .calls = i * 12,
      .allocated = { i * 1000 + 3 } });
  }
  const MfAllocationTrace *trace = &traces.first->trace;
  MfSiteSum first = mf_site_sum (trace, 0), second = mf_site_sum (trace, 1);
  g_assert_cmpuint (first.live, ==, 401);
  g_assert_cmpuint (first.peak, ==, 302);
  g_assert_cmpuint (first.total, ==, 4003);
  g_assert_cmpuint (first.calls, ==, 41);
  g_assert_cmpuint (first.middle, ==, 201);
  g_assert_cmpuint (first.earlier, ==, 101);
  g_assert_cmpuint (second.live, ==, 0);  // the last snapshot does not name it
  g_assert_cmpuint (second.failed, ==, 2);
  g_assert_cmpuint (trace->water.peak, ==, 302);
  g_assert_cmpuint (trace->totals.snapshots, ==, 4);
  g_assert_cmpuint (trace->timeline.n, >, 1);
  mf_process_traces_free (&traces);
}

// Types of freed objects: the life of those with a clock, and more types than there is room for.
static void
test_types (void)
{
  MfAllocationTrace trace;
  begin (&trace);
  for (uint32_t i = 1; i <= MF_FREED_TYPES_MAX + 5; i++) {
    MfAlloc row = event (MF_OP_ALLOC, 16, i);
    take (&trace, row);
    row.op = MF_OP_FREE;
    row.time.ns += 50;
    row.object_type.id = i;
    take (&trace, row);
  }
  const MfFreedTypes *types = trace.types;
  uint64_t bytes = 0, lives = 0;
  for (uint32_t i = 0; i < MF_FREED_PLACES; i++) {
    bytes += types->places[i].bytes;
    lives += (uint64_t) types->places[i].lives;
    g_assert_true (types->places[i].type == types->places[i].bytes);
  }
  g_assert_cmpuint (types->others.blocks, ==, 5);
  g_assert_cmpuint (bytes + types->others.bytes, ==, trace.totals.bytes);
  g_assert_cmpuint (lives, ==, MF_FREED_TYPES_MAX * 50);
  mf_allocation_trace_free (&trace);
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
  g_test_add_func ("/allocation-trace/fork", test_fork);
  g_test_add_func ("/allocation-trace/exec", test_exec);
  g_test_add_func ("/allocation-trace/pages", test_pages);
  g_test_add_func ("/allocation-trace/phases", test_phases);
  g_test_add_func ("/allocation-trace/pause", test_pause);
  g_test_add_func ("/allocation-trace/sampling", test_sampling);
  g_test_add_func ("/allocation-trace/hostile-sample", test_hostile_sample);
  g_test_add_func ("/allocation-trace/snapshots", test_snapshots);
  g_test_add_func ("/allocation-trace/types", test_types);
  g_test_add_func ("/allocation-trace/no-memory", test_no_memory);
  return g_test_run ();
}
