// SPDX-License-Identifier: Apache-2.0
// Any bytes as the region that a hostile program shares: its rings are read to the end, and every row and name that
// comes out is touched.
#include <stdlib.h>

#include "ring-reader.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

enum { SLOTS = 2, RING = 4096 };

typedef struct { uint64_t sum; uint32_t strings, stacks; } Seen;

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
  Seen *seen = user;
  for (size_t i = 0; i < n; i++)
    seen->sum += (uint8_t) text[i];
  return (MfString) { ++seen->strings };
}

static MfStack
stack (void *user, MfStack caller, MfFrame frame)
{
  Seen *seen = user;
  if (caller.id > seen->stacks || frame.function.id > seen->strings)
    abort ();
  return (MfStack) { ++seen->stacks };
}

static bool
take (void *user, const MfAlloc *event)
{
  Seen *seen = user;
  if (event->op > MF_OP_FAILED || event->domain > MF_DOMAIN_BREAK || event->stack.id > seen->stacks)
    abort ();
  return true;
}

static void
note_program (void *user, int32_t process, uint32_t version, uint32_t stacks)
{
  ((Seen *) user)->sum += (uint32_t) process + version + stacks;
}

static void
note_loss (void *user, MfRingLoss reason, uint64_t count, const char *why)
{
  ((Seen *) user)->sum += reason + count + (why ? (uint8_t) *why : 0);
}

static void
read_all (MfRingRegion *region)
{
  Seen seen = { 0 };
  const MfRingSink sink = { &seen, resize, intern, stack, take, note_program, note_loss };
  MfRingReader *reader = mf_ring_reader_new (region, SLOTS, RING, (MfRingInstant) { 1, 1 }, &sink);
  bool going = true;
  if (!reader)
    abort ();
  mf_ring_reader_drain (reader, (MfRingInstant) { 1 << 20, 2000000 }, &going);
  mf_ring_reader_finish (reader, (MfRingInstant) { 1 << 21, 4000000 }, &going);
  mf_ring_reader_free (reader);
}

// The first bytes say how far each ring has been written; the rest stands in the rings.
int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  static const size_t head = SLOTS * sizeof (uint64_t);
  size_t size = mf_ring_region_size (SLOTS, RING);
  MfRingRegion *region = aligned_alloc (MF_RING_PAGE, size);
  memset (region, 0, size);
  for (uint32_t i = 0; i < SLOTS; i++) {
    MfRing *ring = mf_ring_at (region, i);
    uint64_t end = RING;
    if (n >= head)
      memcpy (&end, bytes + i * sizeof end, sizeof end);
    ring->state = MF_SLOT_LIVE;
    ring->head = end;
    size_t from = head + (size_t) i * RING, left = n > from ? n - from : 0;
    if (left)
      memcpy (mf_ring_bytes (region, SLOTS, RING, i), bytes + from, left < RING ? left : RING);
  }
  read_all (region);
  free (region);
  return 0;
}
