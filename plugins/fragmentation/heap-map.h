// SPDX-License-Identifier: Apache-2.0
// The address-ordered map of one heap snapshot, and the figures which follow from it.
// Sizes and offsets are bytes, shares are per mille. One thread at a time; no GLib.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MF_HEAP_FREE UINT32_MAX // the kind of a free block; no interned id is that high

typedef struct {
  uint64_t offset; // from the start of the region
  uint64_t size;
  uint32_t region;
  uint32_t kind; // interned id of what the block holds, or MF_HEAP_FREE
} MfMapBlock;

_Static_assert(sizeof (MfMapBlock) == 24, "a map of a large heap must stay compact");

// Gives, resizes and (bytes == 0) frees a buffer; returns NULL if there is no memory, and then
// leaves `old` as it was.
typedef void *(*MfResize) (void *user, void *old, size_t bytes);

// Adjacent free blocks of a region are joined as they are appended: every free block of a map
// is a maximal free run, and no run spans regions.
typedef struct {
  MfMapBlock *blocks; // owned
  size_t n_blocks;
  size_t n_allocated;
  uint64_t capacity;
  MfResize resize;
  void *user; // borrowed
} MfHeapMap;

typedef enum {
  MF_HEAP_MAP_OK,
  MF_HEAP_MAP_EMPTY_BLOCK,
  MF_HEAP_MAP_TOO_LARGE,
  MF_HEAP_MAP_REGION_ORDER,
  MF_HEAP_MAP_GAP,
  MF_HEAP_MAP_OVERLAP,
  MF_HEAP_MAP_NO_MEMORY,
} MfHeapMapStatus;

void mf_heap_map_init (MfHeapMap *map, MfResize resize, void *user);

// Forgets the blocks and keeps the buffer for the next snapshot.
void mf_heap_map_reset (MfHeapMap *map);

// Frees the buffer; the map may be used again.
void mf_heap_map_clear (MfHeapMap *map);

// Appends a copy of `block`. Regions ascend, each begins at offset 0, and its blocks follow one
// another without a gap. If the status is not OK, the map is as it was before.
MfHeapMapStatus mf_heap_map_append (MfHeapMap *map, const MfMapBlock *block);

// Writes why `block` was refused, as a clause to stand behind a place; to be called before the map
// changes again. Returns the length which the whole text needs, like snprintf.
int mf_heap_map_explain (const MfHeapMap *map, MfHeapMapStatus status, const MfMapBlock *block,
    char *text, size_t text_bytes);

static inline bool
mf_heap_block_is_free (const MfMapBlock *block)
{
  return block->kind == MF_HEAP_FREE;
}

// The index of the first free run at or after block `from`; n_blocks if there is none.
size_t mf_heap_map_next_run (const MfHeapMap *map, size_t from);

// How an allocator rounds: a request takes `header` bytes more, then a multiple of `granule`, and
// at least `minimum`. MicroPython: {16 or 32, 0, 0} (py/gc.c). A granule of 0 counts as 1.
typedef struct {
  uint64_t granule;
  uint64_t header;
  uint64_t minimum;
} MfHeapRule;

// The contiguous bytes which a request takes; UINT64_MAX (never available) if that overflows.
uint64_t mf_heap_need (const MfHeapRule *rule, uint64_t request);

// part / whole in tenths of a percent, rounded half up; 0 / 0 = 0.
unsigned mf_permille (uint64_t part, uint64_t whole);

typedef struct {
  uint64_t capacity;
  uint64_t used;
  uint64_t used_blocks;
  uint64_t free;
  uint64_t runs;
  uint64_t mean_run;   // rounded down
  uint64_t median_run; // of an even number of runs: the mean of the middle two, rounded down
  uint64_t largest;    // 0 if nothing is free
  uint64_t largest_offset;
  uint32_t largest_region;
  uint64_t max_alloc; // the largest request which succeeds now
  unsigned ext_frag;  // 1 - largest / free
  unsigned hole_frag; // 1 - sqrt (sum of the squared runs) / free: umm_malloc's umm_info.c
} MfHeapFigures;

void mf_heap_map_measure (const MfHeapMap *map, const MfHeapRule *rule, MfHeapFigures *figures);

// The free bytes in runs shorter than `need` (Gorman's unusable index is their share of all free).
uint64_t mf_heap_map_unusable (const MfHeapMap *map, uint64_t need);

#define MF_RUN_BINS 64

// Bin i counts the free runs of 2^i to 2^(i+1) - 1 bytes.
typedef struct {
  uint64_t runs[MF_RUN_BINS];
  uint64_t bytes[MF_RUN_BINS];
} MfRunHistogram;

void mf_heap_map_histogram (const MfHeapMap *map, MfRunHistogram *histogram);

typedef enum {
  MF_OOM_OUT_OF_MEMORY, // less is free than the request needs
  MF_OOM_FRAGMENTED,    // enough is free, but not in one piece
  MF_OOM_STALE,         // the snapshot has room enough: it does not show the heap that refused
} MfOomClass;

// Classifies a refused request by a snapshot. `index` receives Linux's fragmentation index in per
// mille: -1000 a run fits, 0 nothing is free, towards 1000 fragmentation. Its practical lower bound
// for a fragmented heap is about 500, so print the class and use the index for comparison only.
MfOomClass mf_heap_classify_oom (const MfHeapFigures *figures, uint64_t need, int *index);

// Robson's worst cases, in granules. With at most `live` granules live at once in blocks of 1 to
// `largest` granules: `any` is what a hostile program can force out of every allocator that does
// not move blocks (M/2 log2 n + M - n + 1; sizes are powers of two), and `first_fit` is enough for
// address-ordered first fit, always (H_n M / ln 2). Robson 1971 and 1977, Knuth TAOCP 2.5.
typedef struct {
  uint64_t live;
  uint64_t largest;
  uint64_t any;
  uint64_t first_fit;
} MfRobson;

// Bytes as the heap holds them, headers included. Assumed: the program never holds more than
// `live` bytes and never asks for a block above `largest`; so pass the peaks of a whole series if
// there is one. `largest` is rounded up to a power of two granules, and `live` up to at least that.
// Returns false if either is 0 or a bound exceeds 63 bits.
bool mf_heap_robson (const MfHeapRule *rule, uint64_t live, uint64_t largest, MfRobson *robson);
