// SPDX-License-Identifier: Apache-2.0
// What the agent costs: one event in 1,024 is timed between two readings of the clock.
#include "agent.h"

static uint64_t reading; // ticks between two readings with nothing between them

void
mf_cost_start (void)
{
  enum { TRIES = 16 };
  reading = UINT64_MAX;
  for (int i = 0; i < TRIES; i++) {
    uint64_t from = mf_now (), ticks = mf_now () - from;
    reading = ticks < reading ? ticks : reading;
  }
}

typedef struct {
  MfRing *ring;
  uint64_t from, waited;
} Timing;

static Timing
begin (void)
{
  MfRing *ring = mf_thread.ring;
  uint64_t waited = ring ? atomic_load_explicit (&ring->waited, memory_order_relaxed) : 0;
  return (Timing){ ring, mf_now (), waited };
}

// Ticks since then. 0 = not usable: the event made the ring; it waited, which is told by itself and
// in full; or the thread was not running, which is no cost.
static uint64_t
ticks_since (const Timing *timing)
{
  enum { NOT_RUNNING = 1 << 18 }; // about 0.1 ms
  uint64_t ticks = mf_now () - timing->from;
  if (!timing->ring || ticks > NOT_RUNNING
      || atomic_load_explicit (&timing->ring->waited, memory_order_relaxed) != timing->waited)
    return 0;
  return ticks > reading ? ticks - reading : 1;
}

static void
end (const Timing *timing)
{
  uint64_t ticks = ticks_since (timing);
  if (!ticks)
    return;
  atomic_fetch_add_explicit (&timing->ring->timed, 1, memory_order_relaxed);
  atomic_fetch_add_explicit (&timing->ring->cost, ticks, memory_order_relaxed);
}

static bool
is_paused (void)
{
  return mf_agent.options & MF_RING_PAUSED;
}

void
mf_cost_alloc (unsigned domain, uintptr_t address, uint64_t size)
{
  Timing timing = begin ();
  mf_record_alloc (domain, address, size);
  if (!is_paused ())
    end (&timing);
}

void
mf_cost_free (unsigned domain, uintptr_t address)
{
  Timing timing = begin ();
  mf_record_free (domain, address);
  if (!is_paused ())
    end (&timing);
}

void
mf_cost_realloc (unsigned domain, uintptr_t old, uintptr_t address, uint64_t size)
{
  Timing timing = begin ();
  mf_record_realloc (domain, old, address, size);
  if (!is_paused ())
    end (&timing);
}

// Frees count as events, so this is one of 1,024 events, too.
uint32_t
mf_cost_type (uintptr_t block, uint32_t (*read_type) (MfThread *thread, uintptr_t block))
{
  Timing timing = begin ();
  uint32_t slot = read_type (&mf_thread, block);
  if (timing.ring && !is_paused ())
    atomic_fetch_add_explicit (
        &timing.ring->types_cost, ticks_since (&timing), memory_order_relaxed);
  return slot;
}
