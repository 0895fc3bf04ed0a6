// SPDX-License-Identifier: Apache-2.0
// Who held the bytes at the peak, exactly, at constant cost for each event. Each new peak has a
// number; a holder that changes for the first time since then keeps what it held before.
#pragma once

#include <stdint.h>

// What one stack or one thread asked for and holds.
typedef struct {
  uint64_t live, blocks;           // now
  uint64_t kept_live, kept_blocks; // at peak number `seen`, unless a later one has come
  uint64_t seen;
  uint64_t total, calls; // bytes and allocations so far, reallocs as well
  uint64_t temporaries;
} MfTally;
_Static_assert(sizeof (MfTally) == 64, "one cache line");

typedef struct {
  uint64_t live, blocks, peak, peak_blocks;
  uint64_t number; // of the peak, from 1
  int64_t time;    // of the peak, ns
  uint64_t call;   // allocations before it
} MfHighWater;

static inline void
mf_tally_keep (MfTally *tally, uint64_t number)
{
  if (tally->seen == number)
    return;
  tally->kept_live = tally->live;
  tally->kept_blocks = tally->blocks;
  tally->seen = number;
}

// `number` is that of the peak.
static inline void
mf_tally_hold (MfTally *tally, uint64_t number, uint64_t size, uint64_t blocks)
{
  mf_tally_keep (tally, number);
  tally->live += size;
  tally->blocks += blocks;
}

static inline void
mf_tally_drop (MfTally *tally, uint64_t number, uint64_t size, uint64_t blocks)
{
  mf_tally_keep (tally, number);
  tally->live -= size;
  tally->blocks -= blocks;
}

static inline uint64_t
mf_tally_peak (const MfTally *tally, const MfHighWater *water)
{
  return tally->seen == water->number ? tally->kept_live : tally->live;
}

static inline uint64_t
mf_tally_peak_blocks (const MfTally *tally, const MfHighWater *water)
{
  return tally->seen == water->number ? tally->kept_blocks : tally->blocks;
}
