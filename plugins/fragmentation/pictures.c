// SPDX-License-Identifier: Apache-2.0
// The rows that people see as curves, tables and maps, and the figures for machines.
#include "fragmentation.h"

#include <math.h>

// Bounds the rows of the map of changes, whatever the size of the heap.
enum { MOST_CELLS = 65536, MOST_PINS = 64 };

static double
percent (uint64_t part, uint64_t whole)
{
  return whole ? 100.0 * (double) part / (double) whole : 0.0;
}

bool
mf_publish_snapshot (Fragmentation *self, const Heap *heap, const Dump *dump)
{
  const MfHeapFigures *figures = &dump->figures;
  FragmentationSnapshot row = {
    .time = dump->time,
    .total = { figures->capacity },
    .used = { figures->used },
    .free = { figures->free },
    .largest_free = dump->has_largest ? (MfSize){ figures->largest } : MF_SIZE_NONE,
    .max_alloc = dump->has_largest ? (MfSize){ figures->max_alloc } : MF_SIZE_NONE,
    .ext_frag = dump->has_largest ? figures->ext_frag / 10.0 : NAN,
    .hole_frag = dump->has_map ? figures->hole_frag / 10.0 : NAN,
    .heap = heap->name,
    .ordinal = dump->ordinal,
    .free_runs = dump->has_map ? (uint32_t) figures->runs : UINT32_MAX,
    .used_blocks = dump->has_map ? (uint32_t) figures->used_blocks : UINT32_MAX,
  };

  return mf_emit (&self->snapshots, &row);
}

// ---- free runs by length

static bool
publish_histogram (Fragmentation *self, const Heap *heap)
{
  const MappedDump *last = &heap->last;
  MfRunHistogram histogram;

  mf_heap_map_histogram (&last->map, &histogram);
  for (unsigned i = 0; i < MF_RUN_BINS; i++) {
    uint64_t low = UINT64_C (1) << i;
    FragmentationFreeRun row = {
      .length = { low },
      .longest = { low - 1 + low },
      .runs = histogram.runs[i],
      .bytes = { histogram.bytes[i] },
      .share = percent (histogram.bytes[i], last->dump.figures.free),
      .heap = heap->name,
      .ordinal = last->dump.ordinal,
    };
    if (row.runs > 0 && !mf_emit (&self->free_runs, &row))
      return false;
  }
  return true;
}

static bool
publish_unusable (Fragmentation *self, const Heap *heap, uint64_t request)
{
  const MappedDump *last = &heap->last;
  uint64_t free = mf_heap_map_unusable (&last->map, mf_heap_need (&last->dump.rule, request));
  FragmentationUnusable row = {
    .request = { request },
    .free = { free },
    .unusable = percent (free, last->dump.figures.free),
    .heap = heap->name,
    .ordinal = last->dump.ordinal,
  };

  return mf_emit (&self->unusables, &row);
}

static bool
publish_unusables (Fragmentation *self, const Heap *heap, uint64_t asked)
{
  static const uint64_t requests[] = { 64, 256, 1024, 4096 };

  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
    if (!publish_unusable (self, heap, requests[i]))
      return false;
  return asked == MF_SIZE_NONE.bytes || publish_unusable (self, heap, asked);
}

// ---- what stands in the way

static bool
publish_window (Fragmentation *self, const Heap *heap, const Window *window)
{
  for (size_t i = 0; i < window->n_kinds; i++) {
    FragmentationWindow row = {
      .request = { window->request },
      .blocks = window->kinds[i].blocks,
      .bytes = { window->kinds[i].bytes },
      .offset = { window->at.offset },
      .length = { window->at.length },
      .heap = heap->name,
      .kind = { window->kinds[i].kind },
      .region = window->at.region,
      .ordinal = window->ordinal,
    };
    if (!mf_emit (&self->windows, &row))
      return false;
  }
  return true;
}

static bool
publish_pins (Fragmentation *self, const Heap *heap)
{
  const MappedDump *last = &heap->last;
  MfHeapPin pins[MOST_PINS];
  size_t n = mf_heap_map_top_pins (&last->map, pins, self->top);

  for (size_t i = 0; i < n; i++) {
    const MfMapBlock *block = &last->map.blocks[pins[i].block];
    FragmentationPin row = {
      .offset = { block->offset },
      .size = { block->size },
      .pinned = { pins[i].pinned },
      .gain = { pins[i].gain },
      .bridge = { pins[i].bridge },
      .heap = heap->name,
      .kind = { block->kind },
      .region = block->region,
      .ordinal = last->dump.ordinal,
    };
    if (!mf_emit (&self->pins, &row))
      return false;
  }
  return true;
}

// ---- the difference of the last two maps

// clang-format off
static const struct {
  char symbol;
  uint32_t state;
} states[]
    // clang-format on
    = { { '.', CHANGE_FREE }, { '#', CHANGE_USED }, { '-', CHANGE_FREED }, { '+', CHANGE_TAKEN } };

static uint32_t
state_of (const MfDiffCell *cell)
{
  char symbol = mf_diff_cell_symbol (cell);
  size_t i = 0;

  while (states[i].symbol != symbol)
    i++;
  return states[i].state;
}

static uint64_t
cell_bytes (const Dump *dump)
{
  uint64_t granule = dump->rule.granule ? dump->rule.granule : 1;
  uint64_t bytes = dump->figures.capacity / MOST_CELLS;

  return bytes / granule * granule + granule;
}

static bool
joins (const FragmentationChange *row, const MfDiffCell *cell, uint32_t state)
{
  return row->size.bytes > 0 && row->state == state && row->region == cell->region;
}

// Neighbouring cells of one state are one row.
static bool
publish_stretches (Fragmentation *self, const Heap *heap, MfHeapDiff *diff)
{
  const Dump *dump = &heap->last.dump;
  FragmentationChange row = { .since = heap->before.dump.ordinal,
    .ordinal = dump->ordinal,
    .heap = heap->name,
    .epoch = dump->epoch };
  MfDiffCell cell;

  while (mf_heap_diff_next (diff, cell_bytes (dump), &cell)) {
    uint32_t state = state_of (&cell);
    if (!joins (&row, &cell, state)) {
      if (row.size.bytes > 0 && !mf_emit (&self->changes, &row))
        return false;
      row.region = cell.region;
      row.offset.bytes = cell.offset;
      row.size.bytes = 0;
      row.state = state;
    }
    row.size.bytes += cell.size;
  }
  return row.size.bytes == 0 || mf_emit (&self->changes, &row);
}

static bool
publish_change (Fragmentation *self, const Heap *heap)
{
  const MappedDump *last = &heap->last, *before = &heap->before;
  MfHeapDiff diff;

  if (!self->change || before->dump.ordinal == 0 || before->dump.epoch != last->dump.epoch
      || !mf_heap_diff_init (&diff, &before->map, &last->map))
    return true;
  return publish_stretches (self, heap, &diff);
}

// ---- figures for machines

static bool
publish_metric (
    Fragmentation *self, const Heap *heap, const char *name, double value, const char *unit)
{
  bool has_map = mf_heap_last_dump (heap)->has_map;
  MfMetric row = { heap->name, mf_string (self, name), value, mf_string (self, unit),
    mf_string (self, has_map ? "map of the last dump" : "totals of the last dump") };

  return mf_emit (&self->metrics, &row);
}

static bool
publish_robson (Fragmentation *self, const Heap *heap)
{
  MfRobson robson;

  if (!mf_heap_worst_case (heap, &robson))
    return true;
  uint64_t granule = heap->last.dump.rule.granule ? heap->last.dump.rule.granule : 1;
  return publish_metric (self, heap, "robson_any", (double) robson.any * (double) granule, "B")
         && publish_metric (
             self, heap, "robson_first_fit", (double) robson.first_fit * (double) granule, "B");
}

static bool
publish_metrics (Fragmentation *self, const Heap *heap)
{
  const Dump *dump = mf_heap_last_dump (heap);
  const MfHeapFigures *figures = &dump->figures;
  const struct {
    const char *name, *unit;
    double value;
    bool known;
  } metrics[] = {
    { "total", "B", (double) figures->capacity, true },
    { "used", "B", (double) figures->used, true },
    { "free", "B", (double) figures->free, true },
    { "largest_free", "B", (double) figures->largest, dump->has_largest },
    { "max_alloc", "B", (double) figures->max_alloc, dump->has_largest },
    { "ext_frag", "%", figures->ext_frag / 10.0, dump->has_largest },
    { "hole_frag", "%", figures->hole_frag / 10.0, dump->has_map },
    { "free_runs", "", (double) figures->runs, dump->has_map },
    { "used_blocks", "", (double) figures->used_blocks, dump->has_map },
    { "mean_run", "B", (double) figures->mean_run, dump->has_map },
    { "median_run", "B", (double) figures->median_run, dump->has_map },
    { "dumps", "", (double) heap->n_dumps, true },
  };

  for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
    if (metrics[i].known
        && !publish_metric (self, heap, metrics[i].name, metrics[i].value, metrics[i].unit))
      return false;
  return publish_robson (self, heap);
}

bool
mf_publish_pictures (Fragmentation *self, const Heap *heap, const Window *window)
{
  if (!publish_metrics (self, heap))
    return false;
  if (heap->last.dump.ordinal == 0)
    return true;
  return publish_change (self, heap) && publish_histogram (self, heap)
         && publish_unusables (self, heap, window ? window->request : MF_SIZE_NONE.bytes)
         && (!window || publish_window (self, heap, window)) && publish_pins (self, heap);
}
