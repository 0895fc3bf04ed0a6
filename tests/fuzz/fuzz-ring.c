// SPDX-License-Identifier: Apache-2.0
// Any bytes as the region that a hostile program shares: its rings are read to the end, every row and name that comes out
// is touched, and all ways to take events give the same ones.
#include <stdlib.h>

#include "ring-reader.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

enum { SLOTS = 2, RING = 4096 };

typedef struct {
  uint64_t sum, rows;
  uint32_t strings, stacks;
  MfAlloc row;
  bool has_row;  // has been given out, and is written by now
} Seen;

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
  const uint8_t *bytes = (const uint8_t *) event;
  for (size_t i = 0; i < sizeof *event; i++)
    seen->rows = (seen->rows ^ bytes[i]) * 0x100000001b3;
  return true;
}

static void
take_written (Seen *seen)
{
  if (seen->has_row)
    take (seen, &seen->row);
  seen->has_row = false;
}

static bool
take_many (void *user, const MfAlloc *events, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    take (user, &events[i]);
  return true;
}

static bool
take_after_row (void *user, const MfAlloc *event)
{
  take_written (user);
  return take (user, event);
}

static MfAlloc *
next_row (void *user)
{
  Seen *seen = user;
  take_written (seen);
  seen->has_row = true;
  return &seen->row;
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

static bool
note_start (void *user, const MfProgramStart *start)
{
  if (start->how > MF_PROGRAM_ATTACHED || start->executable.id > ((Seen *) user)->strings)
    abort ();
  return true;
}

static bool
note_mark (void *user, const MfProgramMark *mark)
{
  if (mark->kind > MF_MARK_PAUSE || mark->name.id > ((Seen *) user)->strings)
    abort ();
  return true;
}

static bool
note_cost (void *user, const MfHooksCost *cost)
{
  if (cost->basis.id > ((Seen *) user)->strings || cost->program.id > ((Seen *) user)->strings)
    abort ();
  return true;
}

static uint64_t
read_all (MfRingRegion *region, MfRingSink ways)
{
  Seen seen = { 0 };
  const MfRingSink sink = { .user = &seen, .resize = resize, .string = intern, .stack = stack, .event = ways.event,
    .program = note_program, .lost = note_loss, .row = ways.row, .events = ways.events, .start = note_start,
    .mark = note_mark, .cost = note_cost };
  MfRingReader *reader = mf_ring_reader_new (region, SLOTS, RING, (MfRingInstant) { 1, 1 }, &sink);
  bool going = true;
  if (!reader)
    abort ();
  mf_ring_reader_drain (reader, (MfRingInstant) { 1 << 20, 2000000 }, &going);
  mf_ring_reader_finish (reader, (MfRingInstant) { 1 << 21, 4000000 }, &going);
  mf_ring_reader_free (reader);
  take_written (&seen);
  return seen.rows;
}

// The first bytes say how far each ring has been written; the rest stands in the rings.
static void
fill (MfRingRegion *region, const uint8_t *bytes, size_t n)
{
  static const size_t head = SLOTS * sizeof (uint64_t);
  memset (region, 0, mf_ring_region_size (SLOTS, RING));
  region->used = SLOTS;
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
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  MfRingRegion *region = aligned_alloc (MF_RING_PAGE, mf_ring_region_size (SLOTS, RING));
  static const MfRingSink others[] = { { .event = take_after_row, .row = next_row }, { .event = take, .events = take_many } };
  fill (region, bytes, n);
  uint64_t events = read_all (region, (MfRingSink) { .event = take });
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    fill (region, bytes, n);
    if (read_all (region, others[i]) != events)
      abort ();
  }
  free (region);
  return 0;
}
