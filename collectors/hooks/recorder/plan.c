// SPDX-License-Identifier: Apache-2.0
// Without a limit: what is comfortable. With one: a share for each purpose, and rings from what is left.
#include "plan.h"

#include "held.h"
#include "interner.h"
#include "pack.h"
#include "ring-reader.h"
#include "stream-outlet.h"
#include "wire.h"

enum { KIB = 1024, ROOMY = 4096 * KIB };  // from ROOMY on there is memory for compression

static size_t
between (size_t low, size_t n, size_t high)
{
  return n < low ? low : n > high ? high : n;
}

static size_t
writer_bytes (const Plan *plan)
{
  return mf_wire_writer_bytes (&(MfWireWriting) { .block_bytes = plan->block, .level = plan->level,
      .types = MF_RECORDED_TYPES });
}

// What the reader of the rings needs besides its streams.
static size_t
reader_bytes (const Plan *plan)
{
  return 16 * KIB + plan->threads * sizeof (void *) + mf_ring_longest (plan->ring);
}

static size_t
shared_bytes (const Plan *plan)
{
  return mf_ring_region_size (plan->threads, plan->ring);
}

static void
sum_up (Plan *plan)
{
  plan->private_most = writer_bytes (plan) + plan->names + mf_stream_outlet_bytes (plan->queue) + plan->held + plan->tables + reader_bytes (plan)
      + plan->threads * (mf_ring_reader_stream_bytes () + 16);
}

static void
plan_freely (Plan *plan, const Settings *settings, bool queued)
{
  *plan = (Plan) { .threads = settings->threads, .ring = (uint32_t) settings->ring.bytes, .level = settings->level,
    .resolution = (uint32_t) settings->resolution.ns,
    .block = queued || !settings->level ? 64 * KIB : 256 * KIB, .names = 512 * KIB, .queue = queued ? 1024 * KIB : 0, .tables = 4096 * KIB };
  plan->held = settings->mode == MF_MODE_LIVE ? (size_t) settings->live_memory.bytes : 0;
  sum_up (plan);
}

// Shorter rings first, then fewer threads: a thread without a ring has to wait.
static bool
fit_rings (Plan *plan, size_t most)
{
  enum { ENOUGH = 3 };
  uint32_t wanted = plan->threads < ENOUGH ? plan->threads : ENOUGH;
  for (;;) {
    sum_up (plan);
    if (plan->private_most <= most && shared_bytes (plan) <= most - plan->private_most)
      return true;
    if (plan->threads > wanted)
      plan->threads--;
    else if (plan->ring > MF_RING_PAGE)
      plan->ring /= 2;
    else if (plan->threads > 1)
      wanted = --plan->threads;
    else
      return false;
  }
}

bool
mf_plan_make (Plan *plan, const Settings *settings, uint64_t *least)
{
  uint64_t memory = settings->memory.bytes;
  bool queued = settings->to || !strcmp (settings->output, "-");
  plan_freely (plan, settings, queued);
  if (memory == MF_SIZE_NONE.bytes)
    return true;
  size_t most = memory < SIZE_MAX / 2 ? (size_t) memory : SIZE_MAX / 2;
  if (most < ROOMY)
    plan->level = 0;
  plan->block = (uint32_t) between (MF_WIRE_BLOCK_MIN, most / 16, plan->block);
  plan->names = between (2 * MF_INTERNER_LEAST, most / 8, plan->names);
  plan->few_stacks = most < ROOMY;
  plan->tables = between (4 * KIB, most / 16, plan->tables);
  plan->queue = queued ? between (4 * (size_t) plan->block, most / 4, 64 * (size_t) ROOMY) : 0;
  plan->held = plan->held ? between (MF_HELD_LEAST, most / 2, plan->held) : 0;
  if (fit_rings (plan, most))
    return true;
  *least = plan->private_most + shared_bytes (plan);
  return false;
}
