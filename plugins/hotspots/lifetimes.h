// SPDX-License-Identifier: Apache-2.0
// How long blocks lived, by powers of two: of nanoseconds, and of allocations made meanwhile.
#pragma once

#include <stdint.h>

enum { MF_LIFETIME_BINS = 64 };

typedef struct {
  uint64_t blocks, bytes;
} MfLifetimeBin;
typedef struct {
  MfLifetimeBin bins[MF_LIFETIME_BINS];
} MfLifetimes;

// Bin 0 holds the value 0, bin k the values from 2^(k-1) to 2^k - 1. `length` is below 2^63.
static inline unsigned
mf_lifetime_bin (uint64_t length)
{
  return 63 - (unsigned) __builtin_clzll (length << 1 | 1);
}

static inline uint64_t
mf_lifetime_low (unsigned bin)
{
  return bin ? UINT64_C (1) << (bin - 1) : 0;
}

static inline uint64_t
mf_lifetime_high (unsigned bin)
{
  return bin ? (UINT64_C (1) << bin) - 1 : 0;
}

static inline void
mf_lifetimes_add (MfLifetimes *lifetimes, uint64_t length, uint64_t bytes, uint64_t blocks)
{
  MfLifetimeBin *bin = &lifetimes->bins[mf_lifetime_bin (length)];
  bin->blocks += blocks;
  bin->bytes += bytes;
}
