// SPDX-License-Identifier: Apache-2.0
// Failures of the device: which dump judges a refused request, and what would have made room for
// it.
#include "fragmentation.h"

// ---- the cheapest place for a request

static void
keep_kinds (Window *window, const MfHeapMap *map)
{
  MfKindTally tally = { 0 };

  mf_heap_map_tally_kinds (map, window->at.first, window->at.end, &tally);
  for (size_t i = 0; i < tally.n_rows && window->n_kinds < MOST_KINDS; i++)
    window->kinds[window->n_kinds++] = tally.rows[i];
}

static void
keep_place (Window *window, const MfHeapMap *map)
{
  size_t first = window->at.first, last = window->at.end;

  if (window->at.used_blocks == 0)
    return;
  while (mf_heap_block_is_free (&map->blocks[first]))
    first++;
  while (mf_heap_block_is_free (&map->blocks[last - 1]))
    last--;
  window->used_offset = map->blocks[first].offset;
  window->used_length
      = map->blocks[last - 1].offset + map->blocks[last - 1].size - window->used_offset;
}

Window
mf_window_find (const MappedDump *mapped, uint64_t request)
{
  Window window = { .request = request,
    .looked = true,
    .ordinal = mapped->dump.ordinal,
    .several_regions = mf_heap_has_regions (mapped) };

  window.found = mf_heap_map_find_window (
      &mapped->map, mf_heap_need (&mapped->dump.rule, request), &window.at);
  if (window.found) {
    keep_kinds (&window, &mapped->map);
    keep_place (&window, &mapped->map);
  }
  return window;
}

// ---- judging

static bool
is_same_dump (const Dump *a, const Dump *b)
{
  return a->ordinal == b->ordinal && a->epoch == b->epoch && a->ordinal != 0;
}

static void
judge (Refusal *refusal, Heap *heap, const Dump *dump, JudgedBy by)
{
  uint64_t need = mf_heap_need (&dump->rule, refusal->requested);
  int index;

  refusal->heap = heap;
  refusal->dump = *dump;
  if (refusal->requested == MF_SIZE_NONE.bytes
      || (!dump->has_largest && need <= dump->figures.free))
    return;
  refusal->judged_by = by;
  refusal->class = mf_heap_classify_oom (&dump->figures, need, &index);
  if (refusal->class != MF_OOM_STALE && is_same_dump (&heap->last.dump, dump))
    refusal->window = mf_window_find (&heap->last, refusal->requested);
}

void
mf_source_show_dump (Source *source, Heap *heap, const Dump *dump)
{
  for (uint32_t i = 0; i < source->n_refusals; i++) {
    Refusal *refusal = &source->refusals[i];
    if (refusal->epoch != dump->epoch || dump->ordinal <= refusal->after_ordinal)
      continue;
    if (!refusal->heap)
      judge (refusal, heap, dump, JUDGED_BY_DUMP_AFTER);
    if (refusal->after.ordinal == 0 && refusal->heap == heap)
      refusal->after = *dump;
  }
}

// ---- taking them

static bool
is_same_refusal (const Refusal *a, const Refusal *b)
{
  return a->requested == b->requested && a->caught == b->caught && a->stack.id == b->stack.id;
}

// Where an equal one stands, else a free place, else that of a caught one if this one is uncaught.
static Refusal *
place_for (Source *source, const Refusal *refusal)
{
  Refusal *all = source->refusals;

  for (uint32_t i = 0; i < source->n_refusals; i++)
    if (is_same_refusal (&all[i], refusal))
      return &all[i];
  if (source->n_refusals < MOST_REFUSALS)
    return &all[source->n_refusals++];
  for (uint32_t i = MOST_REFUSALS; !refusal->caught && i-- > 0;)
    if (all[i].caught) {
      source->refusals_left_out += all[i].times;
      all[i] = (Refusal){ 0 };
      return &all[i];
    }
  source->refusals_left_out++;
  return NULL;
}

static void
take_refusal (Source *source, const MfBatch *batch, const MfDeviceFault *row)
{
  Refusal refusal = { .requested = row->requested.bytes,
    .times = 1,
    .stack = row->stack,
    .caught = row->caught,
    .epoch = batch->epoch,
    .line = row->line,
    .after_ordinal = row->after_ordinal };
  Refusal *place = place_for (source, &refusal);
  const Dump *dump;

  if (!place)
    return;
  refusal.times += place->times;
  *place = refusal;
  if (!source->latest)
    return;
  dump = mf_heap_dump_before (source->latest, row->after_ordinal, batch->epoch);
  if (dump)
    judge (place, source->latest, dump, JUDGED_BY_DUMP_BEFORE);
  dump = mf_heap_last_dump (source->latest);
  if (dump->epoch == batch->epoch && dump->ordinal > row->after_ordinal)
    mf_source_show_dump (source, source->latest, dump);
}

void
mf_quote (char *quote, const MfBatch *batch, MfText text)
{
  bool inside = text.offset <= batch->text_size && text.length <= batch->text_size - text.offset;
  size_t n = inside ? text.length : 0;

  n = n < QUOTE ? n : QUOTE - 1;
  if (n > 0)
    memcpy (quote, mf_batch_text (batch, text), n);
  quote[n] = '\0';
}

static void
take_other (OtherFault *other, const MfBatch *batch, const MfDeviceFault *row)
{
  if (other->times++ > 0)
    return;
  other->stack = row->stack;
  other->line = row->line;
  mf_quote (other->message, batch, row->message);
}

void
mf_source_take_fault (Source *source, const MfBatch *batch, const MfDeviceFault *row)
{
  if (row->kind == MF_FAULT_MEMORY)
    take_refusal (source, batch, row);
  else if (row->kind <= MF_FAULT_EXCEPTION)
    take_other (&source->others[row->kind], batch, row);
}

// ---- the one that counts

static bool
leads (const Refusal *a, const Refusal *b)
{
  if (a->caught != b->caught)
    return !a->caught;
  return a->requested < b->requested;
}

const Refusal *
mf_source_leading_refusal (const Source *source, const Heap *heap)
{
  const Refusal *leading = NULL;

  for (uint32_t i = 0; i < source->n_refusals; i++) {
    const Refusal *refusal = &source->refusals[i];
    if (refusal->heap == heap && (!leading || leads (refusal, leading)))
      leading = refusal;
  }
  return leading;
}
