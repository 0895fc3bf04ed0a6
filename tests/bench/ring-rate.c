// SPDX-License-Identifier: Apache-2.0
// How fast rings are read: records of one thread, and of two whose events alternate, become rows of a batch.
#include "ring-reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLOTS = 256, RING = 1 << 18, ROWS = 512, LAPS = 400, ROUNDS = 5 };

typedef struct { MfAlloc rows[ROWS]; uint32_t n; } Batch;

static void *
resize (void *user, void *old, size_t bytes)
{
  (void) user;
  if (bytes)
    return realloc (old, bytes);
  free (old);
  return NULL;
}

static MfString
intern (void *user, const char *text, size_t n)
{
  (void) user, (void) text;
  return (MfString) { (uint32_t) n };
}

static MfStack
stack (void *user, MfStack caller, MfFrame frame)
{
  (void) user, (void) frame;
  return (MfStack) { caller.id + 1 };
}

static MfAlloc *
next_row (void *user)
{
  Batch *batch = user;
  if (batch->n == ROWS)
    batch->n = 0;
  return &batch->rows[batch->n++];
}

static bool
take (void *user, const MfAlloc *event)
{
  *next_row (user) = *event;
  return true;
}

static void
note_program (void *user, int32_t process, uint32_t version, uint32_t stacks)
{
  (void) user, (void) process, (void) version, (void) stacks;
}

static void
note_loss (void *user, MfRingLoss reason, uint64_t count, const char *why)
{
  (void) user;
  fprintf (stderr, "lost %u %llu %s\n", reason, (unsigned long long) count, why ? why : "");
  exit (1);
}

// Fills a ring with allocations and frees in turn, one each `step` ticks. Returns the number of events.
static uint64_t
fill (MfRingRegion *region, uint32_t slot, uint64_t ticks, uint32_t step)
{
  MfRing *ring = mf_ring_at (region, slot);
  uint8_t *bytes = mf_ring_bytes (region, SLOTS, RING, slot);
  uint64_t n = 0, head = ring->head, end = head + RING / 2;
  while (head < end) {
    uint8_t *at = bytes + head % RING;
    bool is_free = n % 2;
    if (RING - head % RING < sizeof (MfAllocRecord)) {
      *(MfRecordHead *) at = (MfRecordHead) { .kind = MF_RECORD_SKIP, .value = (uint32_t) (RING - head % RING) };
      head += RING - head % RING;
      continue;
    }
    *(MfAllocRecord *) at = (MfAllocRecord) { { .kind = is_free ? MF_RECORD_FREE : MF_RECORD_ALLOC,
        .domain = MF_DOMAIN_OBJ, .stack = is_free ? MF_NO_STACK : n % 64, .value = (uint32_t) ticks },
      0x7f0000000000 + n % 512 * 64, 64 };
    head += is_free ? sizeof (MfFreeRecord) : sizeof (MfAllocRecord);
    ticks += step;
    n++;
  }
  ring->events += n;
  ring->head = head;
  return n;
}

static double
seconds (void)
{
  struct timespec now;
  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

// ns for each event
static double
measure (uint32_t threads)
{
  static Batch batch;
  const MfRingSink sink = { &batch, resize, intern, stack, take, note_program, note_loss, next_row };
  MfRingRegion *region = aligned_alloc (MF_RING_PAGE, mf_ring_region_size (SLOTS, RING));
  memset (region, 0, mf_ring_region_size (SLOTS, 0));
  MfRingReader *reader = mf_ring_reader_new (region, SLOTS, RING, (MfRingInstant) { 0, 0 }, &sink);
  region->used = threads;
  for (uint32_t i = 0; i < threads; i++)
    mf_ring_at (region, i)->state = MF_SLOT_LIVE;
  double used = 0;
  uint64_t n = 0;
  bool going = true;
  for (uint64_t lap = 0; lap < LAPS; lap++) {
    uint64_t written = 0;
    for (uint32_t i = 0; i < threads; i++)
      written += fill (region, i, lap * 1000000 + i, threads);
    double from = seconds ();
    const MfRingInstant now = { lap * 1000000 + 999999, (int64_t) lap * 300000 };
    uint64_t got = mf_ring_reader_drain (reader, now, &going);
    used += seconds () - from;
    n += got;
    if (got != written)
      exit (1);
  }
  mf_ring_reader_free (reader);
  free (region);
  return used * 1e9 / (double) n;
}

static bool
report (const char *name, uint32_t threads, double limit)
{
  double best = measure (threads);
  for (int i = 1; i < ROUNDS; i++) {
    double again = measure (threads);
    best = again < best ? again : best;
  }
  printf ("# measured %s %.2f ns/event <= %.0f\n", name, best, limit);
  return best <= limit;
}

int
main (void)
{
  bool one = report ("one-thread", 1, 16), two = report ("two-threads", 2, 60);
  return one && two ? 0 : 1;
}
