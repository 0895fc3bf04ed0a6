// SPDX-License-Identifier: Apache-2.0
// The clock of the rings as their reader sees it.
#pragma once

#include "clock.h"
#include "ring-reader.h"

// CLOCK_MONOTONIC, ns.
static inline int64_t
mf_ring_ns (void)
{
  return (int64_t) mf_clock_ns ();
}

// Now, in ticks of the region's clock (`counter`: of the processor) and in ns.
static inline MfRingInstant
mf_ring_instant (bool counter)
{
  MfRingInstant now = { .ns = mf_ring_ns () };
  now.ticks = counter ? mf_clock_counter () : (uint64_t) now.ns;
  return now;
}
