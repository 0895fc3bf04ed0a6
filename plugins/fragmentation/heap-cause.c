// SPDX-License-Identifier: Apache-2.0
// Why a heap is fragmented: what stands in the way of a run, who pins which hole, and the pattern.
#include "heap-cause.h"

// The bytes of the free run directly before or after a block; 0 if there is none.
static uint64_t
free_before (const MfHeapMap *map, size_t block)
{
  const MfMapBlock *b = &map->blocks[block];

  return b->offset > 0 && mf_heap_block_is_free (b - 1) ? b[-1].size : 0;
}

static bool
ends_region (const MfHeapMap *map, size_t block)
{
  return block + 1 == map->n_blocks || map->blocks[block + 1].region != map->blocks[block].region;
}

static uint64_t
free_after (const MfHeapMap *map, size_t block)
{
  const MfMapBlock *b = &map->blocks[block];

  return !ends_region (map, block) && mf_heap_block_is_free (b + 1) ? b[1].size : 0;
}

typedef struct {
  size_t first;
  size_t end;
  uint64_t span;
  uint64_t used_bytes;
  uint64_t used_blocks;
} Slide;

static void
slide_take (Slide *slide, const MfMapBlock *block)
{
  bool used = !mf_heap_block_is_free (block);

  slide->end++;
  slide->span += block->size;
  slide->used_bytes += used ? block->size : 0;
  slide->used_blocks += used;
}

static void
slide_drop (Slide *slide, const MfMapBlock *block)
{
  bool used = !mf_heap_block_is_free (block);

  slide->first++;
  slide->span -= block->size;
  slide->used_bytes -= used ? block->size : 0;
  slide->used_blocks -= used;
}

static bool
is_cheaper (const Slide *a, const Slide *b)
{
  if (b->span == 0 || a->used_bytes != b->used_bytes)
    return b->span == 0 || a->used_bytes < b->used_bytes;
  return a->used_blocks < b->used_blocks;
}

// Free neighbours cost nothing: the run that appears includes them.
static void
describe_window (const MfHeapMap *map, const Slide *slide, MfHeapWindow *window)
{
  bool lower = free_before (map, slide->first) > 0;
  bool upper = free_after (map, slide->end - 1) > 0;

  *window = (MfHeapWindow){
    .first = slide->first - lower,
    .end = slide->end + upper,
    .used_blocks = slide->used_blocks,
    .used_bytes = slide->used_bytes,
  };

  const MfMapBlock *first = &map->blocks[window->first], *last = &map->blocks[window->end - 1];
  window->region = first->region;
  window->offset = first->offset;
  window->length = last->offset + last->size - first->offset;
}

// For each last block, the shortest stretch that is long enough is also the cheapest, since blocks
// only add to the cost. A run of no used blocks is found in the same way.
bool
mf_heap_map_find_window (const MfHeapMap *map, uint64_t need, MfHeapWindow *window)
{
  Slide slide = { 0 }, best = { 0 };

  need = need > 0 ? need : 1;
  for (size_t i = 0; i < map->n_blocks; i++) {
    if (map->blocks[i].offset == 0)
      slide = (Slide){ .first = i, .end = i };
    slide_take (&slide, &map->blocks[i]);
    while (slide.span - map->blocks[slide.first].size >= need)
      slide_drop (&slide, &map->blocks[slide.first]);
    if (slide.span >= need && is_cheaper (&slide, &best))
      best = slide;
  }
  if (best.span == 0)
    return false;
  describe_window (map, &best, window);
  return true;
}

static MfKindRow *
row_of_kind (MfKindTally *tally, uint32_t kind)
{
  for (size_t i = 0; i < tally->n_rows; i++)
    if (tally->rows[i].kind == kind)
      return &tally->rows[i];
  if (tally->n_rows == MF_KIND_ROWS)
    return &tally->other;
  tally->rows[tally->n_rows] = (MfKindRow){ .kind = kind };
  return &tally->rows[tally->n_rows++];
}

void
mf_kind_tally_add (MfKindTally *tally, uint32_t kind, uint64_t bytes)
{
  MfKindRow *row = row_of_kind (tally, kind);

  row->blocks++;
  row->bytes += bytes;
}

static bool
row_precedes (const MfKindRow *a, const MfKindRow *b)
{
  if (a->bytes != b->bytes)
    return a->bytes > b->bytes;
  return a->blocks != b->blocks ? a->blocks > b->blocks : a->kind < b->kind;
}

void
mf_kind_tally_sort (MfKindTally *tally)
{
  for (size_t i = 1; i < tally->n_rows; i++) {
    MfKindRow row = tally->rows[i];
    size_t place = i;
    for (; place > 0 && row_precedes (&row, &tally->rows[place - 1]); place--)
      tally->rows[place] = tally->rows[place - 1];
    tally->rows[place] = row;
  }
}

void
mf_heap_map_tally_kinds (const MfHeapMap *map, size_t first, size_t end, MfKindTally *tally)
{
  *tally = (MfKindTally){ 0 };
  for (size_t i = first; i < end; i++)
    if (!mf_heap_block_is_free (&map->blocks[i]))
      mf_kind_tally_add (tally, map->blocks[i].kind, map->blocks[i].size);
  mf_kind_tally_sort (tally);
}

static uint64_t
pinned_bytes (const MfHeapMap *map, size_t block, uint64_t before, uint64_t after)
{
  uint64_t lower = before, upper = after;

  if (before > 0 && map->blocks[block - 1].offset > 0)
    lower = before / 2;
  if (after > 0 && !ends_region (map, block + 1))
    upper = after - after / 2;
  return lower + upper;
}

bool
mf_heap_map_next_pin (const MfHeapMap *map, size_t from, MfHeapPin *pin)
{
  for (size_t i = from; i < map->n_blocks; i++) {
    uint64_t before = free_before (map, i), after = free_after (map, i);
    if (mf_heap_block_is_free (&map->blocks[i]) || before + after == 0)
      continue;
    *pin = (MfHeapPin){
      .block = i,
      .bridge = before > 0 && after > 0 ? before + after : 0,
      .gain = before + map->blocks[i].size + after,
      .pinned = pinned_bytes (map, i, before, after),
    };
    return true;
  }
  return false;
}

static bool
pins_more (const MfHeapPin *a, const MfHeapPin *b)
{
  return a->pinned != b->pinned ? a->pinned > b->pinned : a->gain > b->gain;
}

size_t
mf_heap_map_top_pins (const MfHeapMap *map, MfHeapPin *pins, size_t n_pins)
{
  MfHeapPin pin;
  size_t n = 0;

  for (size_t from = 0; mf_heap_map_next_pin (map, from, &pin); from = pin.block + 1) {
    size_t place = n;
    while (place > 0 && pins_more (&pin, &pins[place - 1]))
      place--;
    if (place == n_pins)
      continue;
    n += n < n_pins;
    for (size_t i = n - 1; i > place; i--)
      pins[i] = pins[i - 1];
    pins[place] = pin;
  }
  return n;
}

void
mf_heap_map_tally_pins (const MfHeapMap *map, MfKindTally *tally)
{
  MfHeapPin pin;

  *tally = (MfKindTally){ 0 };
  for (size_t from = 0; mf_heap_map_next_pin (map, from, &pin); from = pin.block + 1)
    mf_kind_tally_add (tally, map->blocks[pin.block].kind, pin.pinned);
  mf_kind_tally_sort (tally);
}

// Boyer and Moore's vote: a value held by more than half of all votes is the winner; whether the
// winner has that many is for the caller to count.
typedef struct {
  uint64_t winner;
  uint64_t lead;
} Vote;

static void
vote (Vote *vote, uint64_t value)
{
  if (vote->lead == 0)
    vote->winner = value;
  if (vote->winner == value)
    vote->lead++;
  else
    vote->lead--;
}

static uint64_t
commonest_run (const MfHeapMap *map)
{
  Vote sizes = { 0 };

  for (size_t i = mf_heap_map_next_run (map, 0); i < map->n_blocks;
       i = mf_heap_map_next_run (map, i + 1))
    vote (&sizes, map->blocks[i].size);
  return sizes.winner;
}

// The next hole of `size` at or after `from` whose following free run is such a hole too, so that
// a group of used blocks begins behind it; n_blocks if there is none.
static size_t
next_group (const MfHeapMap *map, size_t from, uint64_t size)
{
  for (size_t i = mf_heap_map_next_run (map, from), next; i < map->n_blocks; i = next) {
    next = mf_heap_map_next_run (map, i + 1);
    if (next < map->n_blocks && map->blocks[i].size == size && map->blocks[next].size == size
        && map->blocks[i].region == map->blocks[next].region)
      return i;
  }
  return map->n_blocks;
}

static void
count_holes (const MfHeapMap *map, MfHeapPattern *pattern)
{
  for (size_t i = 0; i < map->n_blocks; i++)
    pattern->holes
        += mf_heap_block_is_free (&map->blocks[i]) && map->blocks[i].size == pattern->hole_size;
}

static void
count_groups (const MfHeapMap *map, MfHeapPattern *pattern)
{
  uint64_t size = pattern->hole_size;
  Vote kinds = { 0 };

  for (size_t i = next_group (map, 0, size); i < map->n_blocks; i = next_group (map, i + 1, size)) {
    pattern->groups++;
    vote (&kinds, map->blocks[i + 1].kind);
  }
  for (size_t i = next_group (map, 0, size); i < map->n_blocks; i = next_group (map, i + 1, size))
    pattern->kind_groups += map->blocks[i + 1].kind == kinds.winner;
  pattern->kind = (uint32_t) kinds.winner;
  if (pattern->kind_groups > pattern->groups / 2)
    return;
  pattern->kind = MF_HEAP_FREE;
  pattern->kind_groups = 0;
}

static bool
is_checkerboard (const MfHeapFigures *figures, const MfHeapPattern *pattern)
{
  return pattern->holes >= 8 && pattern->holes > figures->runs / 2
         && pattern->holes * pattern->hole_size > (figures->free - figures->largest) / 2
         && pattern->groups >= pattern->holes - pattern->holes / 4;
}

static uint64_t
second_largest (const MfHeapMap *map, const MfHeapFigures *figures)
{
  uint64_t second = 0;

  for (size_t i = 0; i < map->n_blocks; i++) {
    const MfMapBlock *block = &map->blocks[i];
    bool is_largest
        = block->region == figures->largest_region && block->offset == figures->largest_offset;
    if (mf_heap_block_is_free (block) && !is_largest && block->size > second)
      second = block->size;
  }
  return second;
}

// Exactly: `part` is less than one nth of `whole`.
static bool
is_below (uint64_t part, uint64_t whole, uint64_t nth)
{
  return part < whole / nth + (whole % nth != 0);
}

void
mf_heap_map_recognise (const MfHeapMap *map, const MfHeapFigures *figures, MfHeapPattern *pattern)
{
  MfHeapPattern board = { .name = MF_PATTERN_CHECKERBOARD, .hole_size = commonest_run (map) };
  uint64_t largest = figures->largest, all = figures->free;

  *pattern = (MfHeapPattern){ .kind = MF_HEAP_FREE };
  count_holes (map, &board);
  count_groups (map, &board);
  if (all == 0 || is_below (all, figures->capacity, 20))
    pattern->name = MF_PATTERN_FULL;
  else if (largest >= all - all / 20)
    pattern->name = MF_PATTERN_COMPACT;
  else if (largest >= all - all / 2 && is_below (second_largest (map, figures), largest, 8))
    pattern->name = MF_PATTERN_RUN_AND_DUST;
  else if (is_checkerboard (figures, &board))
    *pattern = board;
  else if (figures->runs >= 16 && is_below (largest, all, 4))
    pattern->name = MF_PATTERN_SCATTERED;
}
