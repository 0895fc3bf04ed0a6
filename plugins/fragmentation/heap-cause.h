// SPDX-License-Identifier: Apache-2.0
// Why a heap is fragmented: what stands in the way of a run, who pins which hole, and the pattern.
// Nothing here allocates. Block indexes are those of the map. One thread at a time.
#pragma once

#include "heap-map.h"

// The cheapest way to a contiguous run: of all runs of used and free blocks with enough bytes, the
// one with the fewest used bytes, then the fewest used blocks, then the lowest address.
typedef struct {
  uint32_t region;
  uint64_t offset; // of the free run which appears when the used blocks go
  uint64_t length; // its whole length, so at least what was asked for
  size_t first;    // the blocks [first, end)
  size_t end;
  uint64_t used_blocks; // which must go; 0 if a free run is long enough already
  uint64_t used_bytes;
} MfHeapWindow;

// O(blocks). `need` as of mf_heap_need(). Returns false if no region is that large.
bool mf_heap_map_find_window (const MfHeapMap *map, uint64_t need, MfHeapWindow *window);

#define MF_KIND_ROWS 32

typedef struct {
  uint32_t kind;
  uint64_t blocks;
  uint64_t bytes;
} MfKindRow;

// Sums by kind in constant memory: what finds no row of its own is counted in `other`.
typedef struct {
  MfKindRow rows[MF_KIND_ROWS];
  size_t n_rows;
  MfKindRow other;
} MfKindTally;

void mf_kind_tally_add (MfKindTally *tally, uint32_t kind, uint64_t bytes);

// Orders the rows: most bytes first, then most blocks, then the lowest kind.
void mf_kind_tally_sort (MfKindTally *tally);

// Groups the used blocks of [first, end) by kind; sorted.
void mf_heap_map_tally_kinds (const MfHeapMap *map, size_t first, size_t end, MfKindTally *tally);

// A used block beside at least one free run.
typedef struct {
  size_t block;
  uint64_t bridge; // bytes of the two runs which it keeps apart; 0 if it has only one
  uint64_t gain;   // bytes of the run that appears when it goes
  uint64_t pinned; // its share of the runs beside it
} MfHeapPin;

// The first pin at or after block `from`. The `pinned` of all pins add up to the free bytes (apart
// from regions that are wholly free): a run is halved between its two neighbours, the lower one
// takes the odd byte; a run at an edge of its region belongs to its only neighbour.
bool mf_heap_map_next_pin (const MfHeapMap *map, size_t from, MfHeapPin *pin);

// Writes the up to `n_pins` pins which pin most (then gain most, then lowest); returns how many.
size_t mf_heap_map_top_pins (const MfHeapMap *map, MfHeapPin *pins, size_t n_pins);

// The pinned bytes by kind of the pinning block; sorted.
void mf_heap_map_tally_pins (const MfHeapMap *map, MfKindTally *tally);

typedef enum {
  MF_PATTERN_NONE,         // none of the below
  MF_PATTERN_FULL,         // less than 5 % free
  MF_PATTERN_COMPACT,      // one run holds at least 95 % of the free bytes
  MF_PATTERN_RUN_AND_DUST, // one run holds at least half; each other is below an eighth of it
  MF_PATTERN_CHECKERBOARD, // at least 8 holes of one size alternate with used groups
  MF_PATTERN_SCATTERED,    // at least 16 runs, none holds a quarter of the free bytes
} MfHeapPatternName;

// A checkerboard has one hole size for most runs and for most free bytes outside of the largest
// run, and three of four such holes are followed by another one as the next free run.
typedef struct {
  MfHeapPatternName name;
  uint64_t holes; // the rest is for a checkerboard only
  uint64_t hole_size;
  uint64_t groups;      // of used blocks, with such a hole on both sides
  uint32_t kind;        // with which most groups begin; MF_HEAP_FREE if they begin differently
  uint64_t kind_groups; // how many groups begin with it
} MfHeapPattern;

// `figures` as measured from `map`.
void mf_heap_map_recognise (
    const MfHeapMap *map, const MfHeapFigures *figures, MfHeapPattern *pattern);
