// SPDX-License-Identifier: Apache-2.0
// Counts used blocks by size class and by exact size, and the bytes lost to rounding.
// Constant memory, no allocation, no GLib. Sizes in bytes. One thread at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MF_SIZE_EDGES 8    // at most
#define MF_SMALL_SIZE 1024 // sizes up to this one are all told apart
#define MF_EXACT_SIZES 384 // different sizes above it which are told apart

// What is known of a set of blocks. The waste is exact (low == high) where each request was known;
// a block of which only the granted size is known adds 0 to granule - 1.
typedef struct {
  uint64_t blocks;
  uint64_t bytes; // as granted
  uint64_t waste_low;
  uint64_t waste_high;
} MfSizeSum;

typedef struct {
  uint64_t size; // 0: an unused place in the table
  MfSizeSum sum;
} MfExactSize;

#define MF_EXACT_PLACES 512 // a power of two; never full, so that a search always ends

_Static_assert(MF_EXACT_SIZES < MF_EXACT_PLACES, "a search ends at an unused place");

// About 54 KiB: part of an instance, not for the stack.
typedef struct {
  uint64_t granule;
  uint64_t edges[MF_SIZE_EDGES];
  size_t n_edges;
  MfSizeSum total;
  MfSizeSum classes[MF_SIZE_EDGES + 1]; // class i holds sizes <= edges[i], the last one the rest
  uint8_t small_class[MF_SMALL_SIZE + 1];
  MfSizeSum small[MF_SMALL_SIZE + 1];
  MfExactSize exact[MF_EXACT_PLACES]; // by hash
  size_t n_exact;
  MfSizeSum other; // blocks of sizes that came when the table of exact sizes was full
} MfSizeTally;

// Begins with no blocks and the default edges 64, 512 and 4,096. A `granule` of 0 counts as 1.
void mf_size_tally_init (MfSizeTally *tally, uint64_t granule);

// Forgets the blocks; keeps the granule and the edges.
void mf_size_tally_reset (MfSizeTally *tally);

// Replaces the edges (largest size of each class but the last) of a tally without blocks. Returns
// false and changes nothing unless 1 to MF_SIZE_EDGES edges ascend from above 0 and nothing was
// counted.
bool mf_size_tally_set_edges (MfSizeTally *tally, const uint64_t *edges, size_t n_edges);

// The name of a class ("tiny", "small", "medium", "large"); with another number of edges than
// three no class has a name: NULL.
const char *mf_size_tally_class_name (const MfSizeTally *tally, size_t class);

// Counts a block of which only the size as granted is known. Returns false and counts nothing if
// it is 0 or the sum of bytes would overflow.
bool mf_size_tally_add (MfSizeTally *tally, uint64_t granted);

// The same with the size as requested, which must not exceed the granted one.
bool mf_size_tally_add_request (MfSizeTally *tally, uint64_t requested, uint64_t granted);

// Writes the up to `n_sizes` exact sizes with the most bytes (then the smallest size first), apart
// from `other`; returns how many. Independent of the order in which blocks came, unless the table
// overflowed (other.blocks > 0).
size_t mf_size_tally_top (const MfSizeTally *tally, MfExactSize *sizes, size_t n_sizes);
