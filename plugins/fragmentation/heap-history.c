// SPDX-License-Identifier: Apache-2.0
// What is kept of inputs and heaps: rows become maps, maps become figures, and only whole ones
// count.
#include "fragmentation.h"

#include <inttypes.h>
#include <stdio.h>

static void *
resize (void *user, void *old, size_t bytes)
{
  return mf_resize ((Fragmentation *) user, old, bytes);
}

static void *
new_zeroed (Fragmentation *self, size_t bytes)
{
  void *memory = mf_resize (self, NULL, bytes);

  return memory ? memset (memory, 0, bytes) : NULL;
}

// ---- sources and heaps

static Source *
add_source (Fragmentation *self, const MfBatch *batch)
{
  Source *source = new_zeroed (self, sizeof *source), **end = &self->sources;

  if (!source) {
    mf_fail (
        self, "not enough memory to follow the heaps of %s", mf_string_text (self, batch->input));
    return NULL;
  }
  source->stage = batch->stage;
  source->input = batch->input;
  source->epoch = batch->epoch;
  mf_heap_map_init (&source->building.map, resize, self);
  while (*end)
    end = &(*end)->next;
  *end = source;
  self->n_sources++;
  return source;
}

Source *
mf_source_of (Fragmentation *self, const MfBatch *batch, bool *failed)
{
  Source *source = self->sources;

  while (source && (source->stage.id != batch->stage.id || source->input.id != batch->input.id))
    source = source->next;
  if (!source && self->n_sources < MOST_SOURCES) {
    source = add_source (self, batch);
    *failed = !source;
  } else if (!source)
    self->sources_left_out += batch->n_rows;
  return source;
}

static void
heap_free (Fragmentation *self, Heap *heap)
{
  mf_heap_map_clear (&heap->last.map);
  mf_heap_map_clear (&heap->before.map);
  mf_resize (self, heap, 0);
}

void
mf_source_free (Fragmentation *self, Source *source)
{
  while (source->heaps) {
    Heap *next = source->heaps->next;
    heap_free (self, source->heaps);
    source->heaps = next;
  }
  mf_heap_map_clear (&source->building.map);
  mf_resize (self, source, 0);
}

static Heap *
add_heap (Fragmentation *self, Source *source, MfString name)
{
  Heap *heap = new_zeroed (self, sizeof *heap), **end = &source->heaps;

  if (!heap) {
    mf_fail (self, "not enough memory to follow the heap %s of %s", mf_string_text (self, name),
        mf_string_text (self, source->input));
    return NULL;
  }
  heap->name = name;
  mf_heap_map_init (&heap->last.map, resize, self);
  mf_heap_map_init (&heap->before.map, resize, self);
  while (*end)
    end = &(*end)->next;
  *end = heap;
  source->n_heaps++;
  return heap;
}

// NULL without a failure: there are too many.
static Heap *
heap_called (Fragmentation *self, Source *source, MfString name, bool *failed)
{
  Heap *heap = source->heaps;

  while (heap && heap->name.id != name.id)
    heap = heap->next;
  if (!heap && source->n_heaps < MOST_HEAPS) {
    heap = add_heap (self, source, name);
    *failed = !heap;
  } else if (!heap)
    source->heaps_left_out++;
  return heap;
}

// ---- dumps

const Dump *
mf_heap_last_dump (const Heap *heap)
{
  return heap->n_dumps ? &heap->recent[(heap->n_dumps - 1) % RECENT_DUMPS] : NULL;
}

const Dump *
mf_heap_dump_before (const Heap *heap, uint32_t ordinal, uint32_t epoch)
{
  uint64_t kept = heap->n_dumps < RECENT_DUMPS ? heap->n_dumps : RECENT_DUMPS;

  for (uint64_t i = 1; i <= kept; i++) {
    const Dump *dump = &heap->recent[(heap->n_dumps - i) % RECENT_DUMPS];
    if (dump->epoch == epoch && dump->ordinal <= ordinal)
      return dump;
  }
  return NULL;
}

bool
mf_heap_has_regions (const MappedDump *mapped)
{
  const MfHeapMap *map = &mapped->map;

  return map->n_blocks > 0 && map->blocks[map->n_blocks - 1].region > 0;
}

bool
mf_heap_worst_case (const Heap *heap, MfRobson *robson)
{
  const MappedDump *last = &heap->last;
  uint64_t largest = 0;

  if (last->dump.ordinal == 0)
    return false;
  for (size_t i = 0; i < last->map.n_blocks; i++) {
    const MfMapBlock *block = &last->map.blocks[i];
    if (!mf_heap_block_is_free (block) && block->size > largest)
      largest = block->size;
  }
  return mf_heap_robson (&last->dump.rule, last->dump.figures.used, largest, robson);
}

// Snapshots of different runs of the device say nothing about one another.
static void
follow_epoch (Heap *heap, uint32_t epoch)
{
  const Dump *last = mf_heap_last_dump (heap);

  if (!last || last->epoch == epoch)
    return;
  heap->series = (MfHeapSeries){ 0 };
}

static bool
add_dump (Fragmentation *self, Source *source, Heap *heap, const Dump *dump)
{
  const MfHeapFigures *figures = &dump->figures;
  MfHeapSample sample = { figures->capacity, figures->used, figures->free,
    dump->has_largest ? figures->largest : UINT64_MAX };

  follow_epoch (heap, dump->epoch);
  heap->recent[heap->n_dumps++ % RECENT_DUMPS] = *dump;
  heap->headers_only += !dump->has_map;
  mf_heap_series_add (&heap->series, &sample);
  source->latest = heap;
  mf_source_show_dump (source, heap, dump);
  return mf_publish_snapshot (self, heap, dump);
}

// ---- totals without a map

static bool
has_totals (const MfHeapStats *row)
{
  return row->total.bytes != MF_SIZE_NONE.bytes && row->used.bytes <= row->total.bytes
         && row->free.bytes <= row->total.bytes;
}

static Dump
dump_of_totals (const MfHeapStats *row, uint32_t epoch)
{
  bool has_largest = row->largest_free.bytes <= row->free.bytes;
  uint64_t largest = has_largest ? row->largest_free.bytes : 0;

  return (Dump){
    .figures = { .capacity = row->total.bytes,
        .used = row->used.bytes,
        .free = row->free.bytes,
        .largest = largest,
        .max_alloc = largest,
        .ext_frag = mf_permille (row->free.bytes - largest, row->free.bytes) },
    .rule = { .granule = row->granule == UINT32_MAX ? 0 : row->granule },
    .time = row->time,
    .growable = row->growable.bytes,
    .requested = row->requested.bytes,
    .ordinal = row->ordinal,
    .epoch = epoch,
    .flags = MF_SNAPSHOT_COLLECTABLE,
    .has_largest = has_largest,
  };
}

static bool
settle_heap (Fragmentation *self, Source *source, Heap *heap)
{
  Dump dump;

  if (heap->pending.ordinal == 0)
    return true;
  dump = dump_of_totals (&heap->pending, heap->pending_epoch);
  heap->pending.ordinal = 0;
  return add_dump (self, source, heap, &dump);
}

bool
mf_source_settle (Fragmentation *self, Source *source, uint32_t ordinal)
{
  for (Heap *heap = source->heaps; heap; heap = heap->next)
    if (heap->pending.ordinal <= ordinal && !settle_heap (self, source, heap))
      return false;
  return true;
}

bool
mf_source_take_stats (Fragmentation *self, Source *source, const MfHeapStats *row, uint32_t epoch)
{
  bool failed = false;
  Heap *heap = heap_called (self, source, row->heap, &failed);

  if (!heap)
    return !failed;
  if (!settle_heap (self, source, heap))
    return false;
  if (has_totals (row)) {
    heap->pending = *row;
    heap->pending_epoch = epoch;
  }
  return true;
}

// ---- the rows of a snapshot

static void
begin_snapshot (Source *source, uint32_t snapshot)
{
  if (source->is_building && source->snapshot == snapshot)
    return;
  source->incomplete += source->is_building; // it was never closed
  source->is_building = true;
  source->snapshot = snapshot;
  source->n_rows = 0;
  source->status = MF_HEAP_MAP_OK;
  mf_heap_map_reset (&source->building.map);
  for (unsigned i = 0; i < MOST_REGIONS; i++)
    source->building.addresses[i] = MF_ADDRESS_NONE;
}

void
mf_source_take_region (Source *source, const MfHeapRegion *row)
{
  begin_snapshot (source, row->snapshot);
  if (row->region < MOST_REGIONS)
    source->building.addresses[row->region] = row->address;
}

bool
mf_source_take_block (Fragmentation *self, Source *source, const MfHeapBlock *row)
{
  MfHeapMap *map = &source->building.map;
  MfMapBlock block = { row->offset.bytes, row->size.bytes, row->region,
    row->state == MF_BLOCK_FREE ? MF_HEAP_FREE : row->kind.id };

  begin_snapshot (source, row->snapshot);
  source->n_rows++;
  if (source->status != MF_HEAP_MAP_OK)
    return true;
  source->status = mf_heap_map_append (map, &block);
  if (source->status == MF_HEAP_MAP_NO_MEMORY)
    return mf_fail (self, "not enough memory for the map of a heap of %s: %zu blocks so far",
        mf_string_text (self, source->input), map->n_blocks);
  if (source->status != MF_HEAP_MAP_OK)
    mf_heap_map_explain (map, source->status, &block, source->why, sizeof source->why);
  return true;
}

static bool
differs (MfSize told, uint64_t found)
{
  return told.bytes != MF_SIZE_NONE.bytes && told.bytes != found;
}

// Why a snapshot cannot be analysed; false when it can.
static bool
find_flaw (const Source *source, const MfHeapSnapshot *row, const MfHeapFigures *figures, char *why)
{
  if (row->snapshot != source->snapshot || !source->is_building)
    return snprintf (why, QUOTE, "none of its blocks arrived") > 0;
  if (source->status != MF_HEAP_MAP_OK)
    return snprintf (why, QUOTE, "%s", source->why) >= 0;
  if (source->n_rows != row->blocks)
    return snprintf (why, QUOTE, "%" PRIu64 " of its %" PRIu32 " blocks arrived", source->n_rows,
               row->blocks)
           > 0;
  if (differs (row->total, figures->capacity))
    return snprintf (why, QUOTE, "its blocks are %" PRIu64 " B, its total is %" PRIu64 " B",
               figures->capacity, row->total.bytes)
           > 0;
  if (differs (row->free, figures->free))
    return snprintf (why, QUOTE, "its free runs are %" PRIu64 " B, its header says %" PRIu64 " B",
               figures->free, row->free.bytes)
           > 0;
  return false;
}

static bool
refuse_snapshot (Fragmentation *self, Source *source, const MfHeapSnapshot *row)
{
  source->incomplete++;
  source->incomplete_ordinal = row->ordinal;
  source->is_building = false;
  mf_log (self, MF_LOG_WARNING, "%s: dump %" PRIu32 " is incomplete and was not analysed: %s",
      mf_string_text (self, source->input), row->ordinal, source->incompleteness);
  return true;
}

static void
keep_map (Source *source, Heap *heap, const Dump *dump)
{
  MappedDump oldest = heap->before;

  heap->before = heap->last;
  heap->last = source->building;
  heap->last.dump = *dump;
  source->building = oldest;
  source->is_building = false;
}

static Dump
dump_of_map (const Source *source, const Heap *heap, const MfHeapSnapshot *row, uint32_t epoch)
{
  bool same = heap->pending.ordinal == row->ordinal && heap->pending_epoch == epoch;
  Dump dump = {
    .rule = { row->granule, row->block_header, 0 },
    .time = row->time,
    .growable = row->growable.bytes,
    .requested = same ? heap->pending.requested.bytes : MF_SIZE_NONE.bytes,
    .ordinal = row->ordinal,
    .epoch = epoch,
    .flags = row->flags,
    .has_map = true,
    .has_largest = true,
  };

  mf_heap_map_measure (&source->building.map, &dump.rule, &dump.figures);
  return dump;
}

bool
mf_source_close_snapshot (
    Fragmentation *self, Source *source, const MfHeapSnapshot *row, const MfBatch *batch)
{
  bool failed = false;
  Heap *heap = heap_called (self, source, row->heap, &failed);
  Dump dump;

  if (!heap) {
    source->is_building = false;
    return !failed;
  }
  heap->allocator = row->allocator;
  dump = dump_of_map (source, heap, row, batch->epoch);
  if (find_flaw (source, row, &dump.figures, source->incompleteness))
    return refuse_snapshot (self, source, row);
  if (heap->pending.ordinal == row->ordinal)
    heap->pending.ordinal = 0;
  else if (!settle_heap (self, source, heap))
    return false;
  keep_map (source, heap, &dump);
  return add_dump (self, source, heap, &dump);
}
