// SPDX-License-Identifier: Apache-2.0
// Sampling: points lie in the stream of requested bytes of each thread as the events of a Poisson
// process do, and a block that holds one is recorded. Blocks that were recorded are found again
// when they are freed.
#include "agent.h"

#include <unistd.h>

// ---- how far it is to the next point

// SplitMix64 (Steele, Lea, Flood: OOPSLA 2014).
static uint64_t
next_random (MfThread *thread)
{
  uint64_t word = thread->random += UINT64_C (0x9e3779b97f4a7c15);
  word = (word ^ word >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  word = (word ^ word >> 27) * UINT64_C (0x94d049bb133111eb);
  return word ^ word >> 31;
}

// -ln (word / 2^64), without libm: the series of artanh on the upper half of (0, 1]. Its error is
// below 10^-8.
static double
negative_log (uint64_t word)
{
  static const double ln_2 = 0.69314718055994531;
  word |= 1;
  int zeros = __builtin_clzll (word);
  double part = (double) (word << zeros) * 0x1p-64, step = (part - 1) / (part + 1),
         square = step * step, sum = 0;
  for (int i = 15; i > 0; i -= 2)
    sum = sum * square + 1.0 / i;
  return zeros * ln_2 - 2 * step * sum;
}

static int64_t
draw (MfThread *thread)
{
  return (int64_t) (negative_log (next_random (thread)) * (double) mf_agent.sampling);
}

// Called when the distance to the next point is used up, by this request. The first distance of a
// thread is drawn late.
static bool
point_was_reached (MfThread *thread)
{
  if (!thread->random) {
    thread->random
        = mf_clock_counter () ^ (uint64_t) (uintptr_t) thread << 20 ^ (uint64_t) mf_agent.process;
    thread->left += draw (thread);
    if (thread->left >= 0)
      return false;
  }
  thread->left = draw (thread);
  return true;
}

bool
mf_sample_takes (MfThread *thread, uint64_t size)
{
  if (size > INT64_MAX)
    return true;
  thread->left -= (int64_t) size;
  return MF_UNLIKELY (thread->left < 0) && point_was_reached (thread);
}

// ---- the blocks that were recorded: two places of eight for each, and a filter that knows nearly
// all others at one look

// An address leaves its lowest bits for the domain.
enum { BUCKETS = 8192, EACH = 8, FILTER = 8192, DOMAINS = 7 };

typedef struct {
  _Atomic uint16_t filter[FILTER];
  _Atomic uintptr_t blocks[BUCKETS][EACH];
} Samples;

static Samples *samples;

static uint64_t
hash_of (uintptr_t block)
{
  return (block >> 3) * UINT64_C (0x9e3779b97f4a7c15);
}

static _Atomic uint16_t *
filter_of (uint64_t hash)
{
  return &samples->filter[hash >> 51];
}

static _Atomic uintptr_t *
bucket_of (uint64_t hash, int i)
{
  return samples->blocks[(i ? hash >> 38 : hash >> 25) % BUCKETS];
}

static bool
insert (uintptr_t block, unsigned domain)
{
  uint64_t hash = hash_of (block);
  for (int i = 0; i < 2; i++)
    for (int k = 0; k < EACH; k++) {
      uintptr_t nobody = 0;
      if (!atomic_compare_exchange_strong (&bucket_of (hash, i)[k], &nobody, block | domain))
        continue;
      atomic_fetch_add (filter_of (hash), 1);
      return true;
    }
  return false;
}

// Takes a block out. False = it is none that was recorded: NULL, which realloc may be given, looks like a place that is free.
static bool
take_out (uintptr_t block, unsigned *domain)
{
  uint64_t hash = hash_of (block);
  if (!block)
    return false;
  if (MF_LIKELY (!atomic_load_explicit (filter_of (hash), memory_order_relaxed)))
    return false;
  for (int i = 0; i < 2; i++)
    for (int k = 0; k < EACH; k++) {
      _Atomic uintptr_t *there = &bucket_of (hash, i)[k];
      uintptr_t found = atomic_load_explicit (there, memory_order_relaxed);
      if ((found & ~(uintptr_t) DOMAINS) != block
          || !atomic_compare_exchange_strong (there, &found, 0))
        continue;
      atomic_fetch_sub (filter_of (hash), 1);
      *domain = found & DOMAINS;
      return true;
    }
  return false;
}

// Blocks of an earlier recording are not of this one.
bool
mf_sample_start (void)
{
  if (samples)
    memset (samples, 0, sizeof *samples);
  else
    samples = mf_own_map (sizeof *samples);
  mf_agent.own += samples ? sizeof *samples : 0;
  return samples;
}

// The child draws other points.
void
mf_sample_after_fork (void)
{
  mf_thread.random = 0;
}

// ---- calls

// Records a block that holds a point. One that there is no place for is lost, and told so.
void
mf_sample_record (unsigned domain, uintptr_t address, uint64_t size)
{
  if (mf_agent.options & MF_RING_PAUSED)
    return;
  if (address && !insert (address, domain))
    mf_stream_drop (&mf_thread);
  else
    mf_cost_alloc (domain, address, size);
}

// A failed request is no block, and recorded in any case.
void
mf_sample_alloc (unsigned domain, uintptr_t address, uint64_t size)
{
  if (mf_sample_takes (&mf_thread, size) || MF_UNLIKELY (!address))
    mf_sample_record (domain, address, size);
}

void
mf_sample_free (uintptr_t address)
{
  unsigned domain;
  if (MF_UNLIKELY (take_out (address, &domain)))
    mf_cost_free (domain, address);
}

// A block that was moved or resized is a new request: it stays recorded, becomes so, or is let go,
// by its own size.
void
mf_sample_realloc (unsigned domain, uintptr_t old, uintptr_t address, uint64_t size, bool taken)
{
  bool was = take_out (old, &domain);
  if (!address) {
    if (was)
      insert (old, domain);
    mf_record_realloc (domain, old, 0, size);
  } else if (was && taken && insert (address, domain)) {
    mf_cost_realloc (domain, old, address, size);
  } else {
    if (was)
      mf_cost_free (domain, old);
    if (taken)
      mf_sample_record (domain, address, size);
  }
}
