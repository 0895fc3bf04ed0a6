// SPDX-License-Identifier: Apache-2.0
// What changed between heap snapshots: the difference of two maps, and the trend of a series.
// Nothing here allocates. Sizes in bytes. One thread at a time.
#pragma once

#include "heap-map.h"

typedef enum {
  MF_DIFF_FREE,  // in both maps
  MF_DIFF_FREED, // used before only
  MF_DIFF_TAKEN, // used after only
  MF_DIFF_USED,  // in both maps, though perhaps by another block
  MF_N_DIFFS
} MfDiffClass;

// One cell of the map of differences: `bytes` by class add up to `size`.
typedef struct {
  uint32_t region;
  uint64_t offset;
  uint64_t size;
  uint64_t bytes[MF_N_DIFFS];
} MfDiffCell;

// A walk over two maps side by side. The maps are borrowed and must not change under it.
typedef struct {
  const MfHeapMap *before;
  const MfHeapMap *after;
  size_t i;
  size_t j;
  uint64_t offset;
} MfHeapDiff;

// Returns false if the maps do not have the same regions of the same sizes, as when a heap has
// grown between them: such maps cannot be laid over one another.
bool mf_heap_diff_init (MfHeapDiff *diff, const MfHeapMap *before, const MfHeapMap *after);

// The next cell of `cell_bytes`; the last one of a region may be shorter. Returns false at the end.
bool mf_heap_diff_next (MfHeapDiff *diff, uint64_t cell_bytes, MfDiffCell *cell);

// The sums over both maps (`region` and `offset` are 0). False as in mf_heap_diff_init().
bool mf_heap_diff_total (const MfHeapMap *before, const MfHeapMap *after, MfDiffCell *total);

// What a map shows for a cell: '+' taken, '-' freed, '#' used, '.' free, whichever has the most
// bytes. At a tie a change is shown rather than what stayed.
char mf_diff_cell_symbol (const MfDiffCell *cell);

#define MF_SERIES_LENGTH 16

typedef struct {
  uint64_t capacity;
  uint64_t used;
  uint64_t free;
  uint64_t largest; // UINT64_MAX = not known: only the rules about used bytes hold
} MfHeapSample;

// The last snapshots of one heap in one epoch; zeroed at first.
typedef struct {
  MfHeapSample ring[MF_SERIES_LENGTH];
  uint64_t n_seen;
} MfHeapSeries;

void mf_heap_series_add (MfHeapSeries *series, const MfHeapSample *sample);

// "Flat" means within 1 % of the capacity. The first rule that holds names the trend.
typedef enum {
  MF_TREND_UNKNOWN,          // fewer than two snapshots
  MF_TREND_FREED_NOT_JOINED, // used fell in the last step; the largest run grew by less than 1/16
                             // of that
  MF_TREND_FRAGMENTATION,    // the largest run decays while free is flat or rises
  MF_TREND_LEAK_SUSPECT,     // used grows in each of three snapshots; if collections are seen:
                             // what remains after them does
  MF_TREND_GARBAGE,          // used grew and fell again: garbage, collected from time to time
  MF_TREND_GREW,             // the last step: more is used
  MF_TREND_SHRANK,           // the last step: less is used
  MF_TREND_STABLE,
} MfTrendName;

// The changes are those from the first to the last of the `snapshots` on which the name rests.
typedef struct {
  MfTrendName name;
  size_t snapshots;
  int64_t used;
  int64_t free;
  int64_t largest;
  bool has_largest;
} MfHeapTrend;

void mf_heap_series_trend (const MfHeapSeries *series, MfHeapTrend *trend);
