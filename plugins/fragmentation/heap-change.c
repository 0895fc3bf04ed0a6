// SPDX-License-Identifier: Apache-2.0
// What changed between heap snapshots: the difference of two maps, and the trend of a series.
#include "heap-change.h"

// The index behind the last block of the region of block `first`.
static size_t
region_end (const MfHeapMap *map, size_t first)
{
  size_t end = first;

  while (end < map->n_blocks && map->blocks[end].region == map->blocks[first].region)
    end++;
  return end;
}

static uint64_t
end_of (const MfMapBlock *block)
{
  return block->offset + block->size;
}

bool
mf_heap_diff_init (MfHeapDiff *diff, const MfHeapMap *before, const MfHeapMap *after)
{
  size_t i = 0, j = 0;

  *diff = (MfHeapDiff){ .before = before, .after = after };
  while (i < before->n_blocks && j < after->n_blocks) {
    i = region_end (before, i);
    j = region_end (after, j);
    if (before->blocks[i - 1].region != after->blocks[j - 1].region
        || end_of (&before->blocks[i - 1]) != end_of (&after->blocks[j - 1]))
      return false;
  }
  return i == before->n_blocks && j == after->n_blocks;
}

static uint64_t
min_u64 (uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

// Steps to the next block of `before`, which may be the first of another region.
static void
leave_block (MfHeapDiff *diff)
{
  const MfHeapMap *before = diff->before;

  diff->i++;
  diff->offset = diff->i < before->n_blocks ? before->blocks[diff->i].offset : 0;
}

// Counts the bytes up to the next border of either map or `limit`, and steps behind them.
static void
take_stretch (MfHeapDiff *diff, uint64_t limit, MfDiffCell *cell)
{
  const MfMapBlock *before = &diff->before->blocks[diff->i], *after = &diff->after->blocks[diff->j];
  uint64_t stop = min_u64 (limit, min_u64 (end_of (before), end_of (after)));
  unsigned class = (mf_heap_block_is_free (before) ? 0 : MF_DIFF_FREED)
                   | (mf_heap_block_is_free (after) ? 0 : MF_DIFF_TAKEN);

  cell->bytes[class] += stop - diff->offset;
  cell->size += stop - diff->offset;
  diff->offset = stop;
  if (stop == end_of (after))
    diff->j++;
  if (stop == end_of (before))
    leave_block (diff);
}

_Static_assert(MF_DIFF_FREE == 0 && (MF_DIFF_FREED | MF_DIFF_TAKEN) == MF_DIFF_USED,
    "a class is one bit for used before and one for used after");

bool
mf_heap_diff_next (MfHeapDiff *diff, uint64_t cell_bytes, MfDiffCell *cell)
{
  const MfHeapMap *before = diff->before;
  uint64_t limit;

  if (diff->i == before->n_blocks)
    return false;
  *cell = (MfDiffCell){ .region = before->blocks[diff->i].region, .offset = diff->offset };
  if (__builtin_add_overflow (diff->offset, cell_bytes > 0 ? cell_bytes : 1, &limit))
    limit = UINT64_MAX;
  while (diff->offset < limit && diff->i < before->n_blocks
         && before->blocks[diff->i].region == cell->region)
    take_stretch (diff, limit, cell);
  return true;
}

bool
mf_heap_diff_total (const MfHeapMap *before, const MfHeapMap *after, MfDiffCell *total)
{
  MfHeapDiff diff;
  MfDiffCell region;

  *total = (MfDiffCell){ 0 };
  if (!mf_heap_diff_init (&diff, before, after))
    return false;
  while (mf_heap_diff_next (&diff, UINT64_MAX, &region)) {
    total->size += region.size;
    for (unsigned i = 0; i < MF_N_DIFFS; i++)
      total->bytes[i] += region.bytes[i];
  }
  return true;
}

char
mf_diff_cell_symbol (const MfDiffCell *cell)
{
  static const struct {
    MfDiffClass class;
    char symbol;
  } order[] = { { MF_DIFF_TAKEN, '+' }, { MF_DIFF_FREED, '-' }, { MF_DIFF_USED, '#' },
    { MF_DIFF_FREE, '.' } };
  unsigned best = 0;

  for (unsigned i = 1; i < MF_N_DIFFS; i++)
    if (cell->bytes[order[i].class] > cell->bytes[order[best].class])
      best = i;
  return order[best].symbol;
}

void
mf_heap_series_add (MfHeapSeries *series, const MfHeapSample *sample)
{
  series->ring[series->n_seen++ % MF_SERIES_LENGTH] = *sample;
}

static size_t
n_kept (const MfHeapSeries *series)
{
  return series->n_seen < MF_SERIES_LENGTH ? (size_t) series->n_seen : MF_SERIES_LENGTH;
}

// The kept sample `i` (0 = the oldest).
static const MfHeapSample *
sample_at (const MfHeapSeries *series, size_t i)
{
  return &series->ring[(series->n_seen - n_kept (series) + i) % MF_SERIES_LENGTH];
}

static const MfHeapSample *
last_sample (const MfHeapSeries *series)
{
  return sample_at (series, n_kept (series) - 1);
}

static uint64_t
slack (const MfHeapSeries *series)
{
  return last_sample (series)->capacity / 100;
}

static bool
rose (uint64_t from, uint64_t to, uint64_t by_more_than)
{
  return to > from && to - from > by_more_than;
}

static bool
has_largest (const MfHeapSample *sample)
{
  return sample->largest != UINT64_MAX;
}

// By the used bytes, since free ones also come from a heap that was given another region.
static size_t
freed_not_joined (const MfHeapSeries *series)
{
  const MfHeapSample *now = last_sample (series), *then = sample_at (series, n_kept (series) - 2);

  if (!has_largest (now) || !has_largest (then))
    return 0;
  if (!rose (now->used, then->used, slack (series)) || now->largest < then->largest)
    return 0;
  return now->largest - then->largest < (then->used - now->used) / 16 ? 2 : 0;
}

static size_t
fragmentation (const MfHeapSeries *series)
{
  size_t n = n_kept (series), rests_on = 0;
  const MfHeapSample *now = last_sample (series);

  if (!has_largest (now))
    return 0;
  for (size_t i = n - 1; i-- > 0;) {
    const MfHeapSample *then = sample_at (series, i);
    if (!has_largest (then) || then->largest < sample_at (series, i + 1)->largest)
      break;
    if (rose (now->largest, then->largest, slack (series))
        && !rose (now->free, then->free, slack (series)))
      rests_on = n - i;
  }
  return rests_on;
}

// A collection is seen as a fall of the used bytes after they had grown. Returns the index of the
// first sample that shows one at or after `from`; n_kept() if there is none.
static size_t
next_collection (const MfHeapSeries *series, size_t from)
{
  for (size_t i = from < 2 ? 2 : from; i < n_kept (series); i++)
    if (rose (sample_at (series, i)->used, sample_at (series, i - 1)->used, slack (series))
        && sample_at (series, i - 1)->used > sample_at (series, i - 2)->used)
      return i;
  return n_kept (series);
}

static size_t
grows_over_collections (const MfHeapSeries *series)
{
  size_t n = n_kept (series), first = next_collection (series, 0), collections = 0;
  uint64_t remained = 0;

  for (size_t i = first; i < n; i = next_collection (series, i + 1)) {
    if (sample_at (series, i)->used <= remained)
      return 0;
    remained = sample_at (series, i)->used;
    collections++;
  }
  return collections >= 3 ? n - first : 0;
}

static size_t
leak_suspect (const MfHeapSeries *series)
{
  size_t n = n_kept (series), first = n - 1;

  if (next_collection (series, 0) < n)
    return grows_over_collections (series);
  while (first > 0 && sample_at (series, first - 1)->used < sample_at (series, first)->used)
    first--;
  return n - first >= 3 ? n - first : 0;
}

static size_t
garbage (const MfHeapSeries *series)
{
  size_t n = n_kept (series);

  return next_collection (series, 0) < n ? n : 0;
}

static size_t
grew (const MfHeapSeries *series)
{
  uint64_t then = sample_at (series, n_kept (series) - 2)->used;

  return rose (then, last_sample (series)->used, slack (series)) ? 2 : 0;
}

static size_t
shrank (const MfHeapSeries *series)
{
  uint64_t then = sample_at (series, n_kept (series) - 2)->used;

  return rose (last_sample (series)->used, then, slack (series)) ? 2 : 0;
}

static size_t
always (const MfHeapSeries *series)
{
  return n_kept (series);
}

// Each rule returns the number of last snapshots on which it rests, 0 if it does not hold.
// clang-format off
static const struct {
  MfTrendName name;
  size_t (*rests_on) (const MfHeapSeries *series);
} rules[] = {
  { MF_TREND_FREED_NOT_JOINED, freed_not_joined },
  { MF_TREND_FRAGMENTATION, fragmentation },
  { MF_TREND_LEAK_SUSPECT, leak_suspect },
  { MF_TREND_GARBAGE, garbage },
  { MF_TREND_GREW, grew },
  { MF_TREND_SHRANK, shrank },
  { MF_TREND_STABLE, always },
};
// clang-format on

void
mf_heap_series_trend (const MfHeapSeries *series, MfHeapTrend *trend)
{
  size_t n = n_kept (series), rule = 0;

  *trend = (MfHeapTrend){ .name = MF_TREND_UNKNOWN, .snapshots = n };
  if (n < 2)
    return;
  while ((trend->snapshots = rules[rule].rests_on (series)) == 0)
    rule++;
  trend->name = rules[rule].name;

  const MfHeapSample *first = sample_at (series, n - trend->snapshots), *now = last_sample (series);
  trend->used = (int64_t) (now->used - first->used);
  trend->free = (int64_t) (now->free - first->free);
  trend->has_largest = has_largest (now) && has_largest (first);
  trend->largest = trend->has_largest ? (int64_t) (now->largest - first->largest) : 0;
}
