// SPDX-License-Identifier: Apache-2.0
// What a block stands for of which only some were recorded: it was recorded with the probability
// p = 1 - exp (-size / T), so it stands for 1/p blocks; sums of such estimates are unbiased, and
// their variance is that of independent choices (Horvitz and Thompson).
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum { MF_SAMPLED_PARTS = 1024 }; // numbers of sampled blocks are counted in parts of one

// Bytes and blocks (in parts), and the variances of both.
typedef struct {
  uint64_t bytes, blocks;
  double byte_spread, block_spread;
} MfWeight;

// The nearest whole number; of what is too large for one, 2^63.
static inline uint64_t
mf_whole (double number)
{
  const double most = 0x1p63;
  return number < most ? (uint64_t) (number + 0.5) : UINT64_C (1) << 63;
}

// A block that has `size` bytes and had `recorded` when it was chosen. `mean` is T.
static inline MfWeight
mf_weight_of_sample (uint64_t size, uint64_t recorded, uint64_t mean)
{
  double p = recorded ? -expm1 (-(double) recorded / (double) mean) : 1.0;
  double each = 1.0 / p, bytes = (double) size, spread = each * (each - 1.0);
  return (MfWeight){ mf_whole (bytes * each), mf_whole (MF_SAMPLED_PARTS * each),
    bytes * bytes * spread, spread };
}

static inline MfWeight
mf_weight_of_block (uint64_t size)
{
  return (MfWeight){ .bytes = size, .blocks = 1 };
}

// The variances of a tally, kept at peaks as its figures are (high-water.h).
typedef struct {
  double live, blocks;
  double kept_live, kept_blocks;
  uint64_t seen;
  double total, calls;
  uint64_t reserved;
} MfSpread;
_Static_assert(sizeof (MfSpread) == 64, "one cache line");

static inline void
mf_spread_change (MfSpread *spread, uint64_t number, const MfWeight *weight, double sign)
{
  if (spread->seen != number) {
    spread->kept_live = spread->live;
    spread->kept_blocks = spread->blocks;
    spread->seen = number;
  }
  spread->live += sign * weight->byte_spread;
  spread->blocks += sign * weight->block_spread;
}

// Half the width of the interval that holds the true figure in 95 of 100 recordings. A sum from
// which parts were taken away may end a little below 0.
static inline double
mf_spread_error (double variance)
{
  return variance > 0 ? 1.959964 * sqrt (variance) : 0;
}
