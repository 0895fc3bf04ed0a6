// SPDX-License-Identifier: Apache-2.0
// What is kept of inputs and heaps: a tally that is filled, and the last whole one of each heap.
#include "size-classes.h"

static void *
new_zeroed (SizeClasses *self, size_t bytes)
{
  void *memory = mf_resize (self, NULL, bytes);

  return memory ? memset (memory, 0, bytes) : NULL;
}

// ---- tallies with the edges of the option

static size_t
copy_edges (const MfSizes *from, uint64_t *edges)
{
  size_t n = from->n <= MF_SIZE_EDGES ? from->n : 0;

  for (size_t i = 0; i < n; i++)
    edges[i] = from->items[i].bytes;
  return n;
}

static bool
begin_tally (MfSizeTally *tally, const MfSizes *from)
{
  uint64_t edges[MF_SIZE_EDGES];
  size_t n = copy_edges (from, edges);

  mf_size_tally_init (tally, 1);
  return mf_size_tally_set_edges (tally, edges, n);
}

bool
mf_size_edges_are_sane (const MfSizes *edges)
{
  MfSizeTally tally;

  return begin_tally (&tally, edges);
}

// ---- sources and heaps

static Source *
add_source (SizeClasses *self, const MfBatch *batch)
{
  Source *source = new_zeroed (self, sizeof *source), **end = &self->sources;

  if (!source) {
    mf_fail (
        self, "not enough memory to count the blocks of %s", mf_string_text (self, batch->input));
    return NULL;
  }
  source->stage = batch->stage;
  source->input = batch->input;
  begin_tally (&source->building, &self->edges);
  while (*end)
    end = &(*end)->next;
  *end = source;
  self->n_sources++;
  return source;
}

Source *
mf_size_source_of (SizeClasses *self, const MfBatch *batch, bool *failed)
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

void
mf_size_source_free (SizeClasses *self, Source *source)
{
  while (source->heaps) {
    Heap *next = source->heaps->next;
    mf_resize (self, source->heaps, 0);
    source->heaps = next;
  }
  if (source->calls)
    mf_resize (self, source->calls, 0);
  mf_resize (self, source, 0);
}

static Heap *
heap_called (SizeClasses *self, Source *source, MfString name)
{
  Heap **end = &source->heaps, *heap;

  while (*end && (*end)->name.id != name.id)
    end = &(*end)->next;
  if (*end || source->n_heaps == MOST_HEAPS)
    return *end;
  heap = new_zeroed (self, sizeof *heap);
  if (!heap) {
    mf_fail (self, "not enough memory to count the blocks of heap %s of %s",
        mf_string_text (self, name), mf_string_text (self, source->input));
    return NULL;
  }
  heap->name = name;
  source->n_heaps++;
  return *end = heap;
}

// ---- snapshots

static void
begin_snapshot (Source *source, uint32_t snapshot)
{
  if (source->is_building && source->snapshot == snapshot)
    return;
  source->incomplete += source->is_building; // it was never closed
  source->is_building = true;
  source->is_damaged = false;
  source->snapshot = snapshot;
  source->n_rows = 0;
  mf_size_tally_reset (&source->building);
}

void
mf_size_source_take_block (SizeClasses *self, Source *source, const MfHeapBlock *row)
{
  (void) self;
  begin_snapshot (source, row->snapshot);
  source->n_rows++;
  if (row->state != MF_BLOCK_FREE)
    source->is_damaged |= !mf_size_tally_add (&source->building, row->size.bytes);
}

static bool
is_whole (const Source *source, const MfHeapSnapshot *row)
{
  bool told = row->used.bytes != MF_SIZE_NONE.bytes;

  return source->is_building && source->snapshot == row->snapshot && !source->is_damaged
         && source->n_rows == row->blocks
         && (!told || row->used.bytes == source->building.total.bytes);
}

bool
mf_size_source_close_snapshot (
    SizeClasses *self, Source *source, const MfHeapSnapshot *row, uint32_t epoch)
{
  bool whole = is_whole (source, row), room = source->n_heaps < MOST_HEAPS;
  Heap *heap;

  source->is_building = false;
  source->incomplete += !whole;
  if (!whole)
    return true;
  heap = heap_called (self, source, row->heap);
  source->left_out += !heap && !room;
  if (!heap)
    return !room;
  heap->tally = source->building;
  heap->granule = row->granule > 0 ? row->granule : 1;
  heap->ordinal = row->ordinal;
  heap->epoch = epoch;
  return true;
}

// ---- calls, one by one

static bool
begin_calls (SizeClasses *self, Source *source)
{
  if (source->calls)
    return true;
  source->calls = mf_resize (self, NULL, sizeof *source->calls);
  if (!source->calls)
    return mf_fail (
        self, "not enough memory to count the calls of %s", mf_string_text (self, source->input));
  return begin_tally (source->calls, &self->edges);
}

static bool
count_call (Source *source, const MfAlloc *row)
{
  bool known = row->granted.bytes != MF_SIZE_NONE.bytes && row->granted.bytes >= row->size.bytes;

  if (row->size.bytes == MF_SIZE_NONE.bytes)
    return false;
  source->calls_without_grant += !known;
  return known ? mf_size_tally_add_request (source->calls, row->size.bytes, row->granted.bytes)
               : mf_size_tally_add (source->calls, row->size.bytes);
}

void
mf_size_source_begin_program (Source *source, const MfProgramStart *row)
{
  if (row->sampling.bytes != MF_SIZE_NONE.bytes && row->sampling.bytes > 1)
    source->sampling = row->sampling.bytes;
}

static bool
is_of_pages (const MfAlloc *row)
{
  return row->domain == MF_DOMAIN_MAP || row->domain == MF_DOMAIN_BREAK;
}

bool
mf_size_source_take_calls (SizeClasses *self, Source *source, const MfBatch *batch)
{
  if (!begin_calls (self, source))
    return false;
  MF_EACH (batch, MfAlloc, row) {
    if (is_of_pages (row))
      continue;
    if (row->op == MF_OP_FREE)
      source->frees++;
    else if (row->op == MF_OP_FAILED)
      source->failed_calls++;
    else
      source->uncounted += !count_call (source, row);
  }
  return true;
}
