// SPDX-License-Identifier: Apache-2.0
// The reader of rings on rings that a test writes: order, losses, counts, and everything a hostile program could
// put there.
#include "ring-reader.h"

#include <glib.h>
#include <stdlib.h>

enum { SLOTS = 3, RING = 4096 };

typedef struct {
  MfRingRegion *region;
  MfRingReader *reader;
  GArray *events;                // of MfAlloc
  GPtrArray *frames;             // "function:line<caller", stack n at n - 1
  GPtrArray *strings;
  uint64_t lost[4];
  GString *why;
  uint32_t threads;
  uint64_t refuse_after;
  bool going;
} Fixture;

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
  Fixture *fixture = user;
  g_ptr_array_add (fixture->strings, g_strndup (text, n));
  return (MfString) { fixture->strings->len };
}

static MfStack
stack (void *user, MfStack caller, MfFrame frame)
{
  Fixture *fixture = user;
  const char *name = frame.function.id ? g_ptr_array_index (fixture->strings, frame.function.id - 1) : "";
  const char *under = caller.id ? g_ptr_array_index (fixture->frames, caller.id - 1) : "";
  g_ptr_array_add (fixture->frames, g_strdup_printf ("%s:%u<%s", name, frame.line, under));
  return (MfStack) { fixture->frames->len };
}

static bool
take (void *user, const MfAlloc *event)
{
  Fixture *fixture = user;
  g_array_append_val (fixture->events, *event);
  return !fixture->refuse_after || fixture->events->len < fixture->refuse_after;
}

static bool
take_many (void *user, const MfAlloc *events, uint32_t n)
{
  bool going = true;
  for (uint32_t i = 0; i < n; i++)
    going = take (user, &events[i]);
  return going;
}

static void
note_program (void *user, int32_t process, uint32_t version, uint32_t stacks)
{
  (void) process, (void) version, (void) stacks;
  ((Fixture *) user)->threads++;
}

static void
note_loss (void *user, MfRingLoss reason, uint64_t count, const char *why)
{
  Fixture *fixture = user;
  fixture->lost[reason] += count;
  if (why)
    g_string_append_printf (fixture->why, "%s\n", why);
}

static void
set_up_for (Fixture *fixture, bool (*events) (void *user, const MfAlloc *events, uint32_t n))
{
  const MfRingSink sink = { fixture, resize, intern, stack, take, note_program, note_loss, .events = events };
  fixture->region = aligned_alloc (MF_RING_PAGE, mf_ring_region_size (SLOTS, RING));
  memset (fixture->region, 0, mf_ring_region_size (SLOTS, RING));
  fixture->events = g_array_new (FALSE, FALSE, sizeof (MfAlloc));
  fixture->frames = g_ptr_array_new_with_free_func (g_free);
  fixture->strings = g_ptr_array_new_with_free_func (g_free);
  fixture->why = g_string_new (NULL);
  fixture->going = true;
  fixture->reader = mf_ring_reader_new (fixture->region, SLOTS, RING, (MfRingInstant) { 0, 0 }, &sink);
}

static void
set_up (Fixture *fixture, const void *data)
{
  (void) data;
  set_up_for (fixture, NULL);
}

static void
set_up_for_many (Fixture *fixture, const void *data)
{
  (void) data;
  set_up_for (fixture, take_many);
}

static void
tear_down (Fixture *fixture, const void *data)
{
  (void) data;
  mf_ring_reader_free (fixture->reader);
  free (fixture->region);
  g_array_unref (fixture->events);
  g_ptr_array_unref (fixture->frames);
  g_ptr_array_unref (fixture->strings);
  g_string_free (fixture->why, TRUE);
}

// ---- the writing end

static void
open_ring (Fixture *fixture, uint32_t slot)
{
  MfRing *ring = mf_ring_at (fixture->region, slot);
  ring->process = 100 + (int32_t) slot;
  fixture->region->used = SLOTS;
  ring->state = MF_SLOT_LIVE;
}

static void
put (Fixture *fixture, uint32_t slot, const void *record, size_t n)
{
  MfRing *ring = mf_ring_at (fixture->region, slot);
  uint8_t *bytes = mf_ring_bytes (fixture->region, SLOTS, RING, slot);
  uint32_t at = ring->head % RING, left = RING - at;
  if (n > left) {
    *(MfRecordHead *) (bytes + at) = (MfRecordHead) { .kind = MF_RECORD_SKIP, .value = left };
    ring->head += left;
    at = 0;
  }
  memcpy (bytes + at, record, n);
  ring->head += n;
}

static void
put_alloc (Fixture *fixture, uint32_t slot, uint64_t time, uint64_t address, uint32_t stack_slot)
{
  MfAllocRecord record = { { .kind = MF_RECORD_ALLOC, .domain = MF_DOMAIN_OBJ, .stack = stack_slot & 0xffff,
      .value = (uint32_t) time }, address, 64 };
  put (fixture, slot, &record, sizeof record);
  mf_ring_at (fixture->region, slot)->events++;
}

static void
put_code (Fixture *fixture, uint32_t slot, uint32_t code_slot, const char *name, uint32_t first_line)
{
  struct { MfCodeRecord record; char name[8]; uint8_t table[8]; } code = { .record = {
      .head = { .kind = MF_RECORD_CODE, .value = sizeof code }, .slot = code_slot, .first_line = first_line,
      .version = 0x0308, .name_length = 8, .table_length = 2 }, .table = { 4, 3 } };
  memcpy (code.name, name, 8);
  put (fixture, slot, &code, sizeof code);
}

static void
put_node (Fixture *fixture, uint32_t slot, uint32_t stack_slot, uint32_t caller, uint32_t code, int32_t at)
{
  MfNodeRecord record = { { .kind = MF_RECORD_NODE, .value = stack_slot }, caller, code, at, 0 };
  put (fixture, slot, &record, sizeof record);
}

static uint64_t
drain (Fixture *fixture, uint64_t now)
{
  return mf_ring_reader_drain (fixture->reader, (MfRingInstant) { now, (int64_t) now }, &fixture->going);
}

static const MfAlloc *
event (const Fixture *fixture, guint i)
{
  g_assert_cmpuint (i, <, fixture->events->len);
  return &g_array_index (fixture->events, MfAlloc, i);
}

// ---- what comes out

static void
test_time_order (Fixture *fixture, const void *data)
{
  (void) data;
  static const uint64_t times[SLOTS][4] = { { 1, 5, 9, 10 }, { 2, 3, 4, 11 }, { 6, 7, 8, 12 } };
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    open_ring (fixture, slot);
    for (guint i = 0; i < 4; i++)
      put_alloc (fixture, slot, times[slot][i], 0x1000, MF_NO_STACK);
  }
  g_assert_cmpuint (drain (fixture, 10), ==, 10);
  g_assert_cmpuint (drain (fixture, 20), ==, 2);
  for (guint i = 0; i < 12; i++)
    g_assert_cmpint (event (fixture, i)->time.ns, ==, i + 1);
  g_assert_cmpuint (event (fixture, 11)->sequence, ==, 4);
  g_assert_cmpuint (mf_ring_reader_threads (fixture->reader), ==, SLOTS);
}

// Each kind twice: behind a record of another kind, and behind an event, from where events are read in a row.
static void
test_what_events_say (Fixture *fixture, const void *data)
{
  (void) data;
  static const struct { MfReallocRecord record; size_t n; uint16_t op; MfAddress address, old; MfSize size; } cases[] = {
    { { { .kind = MF_RECORD_ALLOC }, 0x1000, 64, 0 }, 24, MF_OP_ALLOC, { 0x1000 }, { UINT64_MAX }, { 64 } },
    { { { .kind = MF_RECORD_FREE }, 0x1000, 0, 0 }, 16, MF_OP_FREE, { 0x1000 }, { UINT64_MAX }, { UINT64_MAX } },
    { { { .kind = MF_RECORD_REALLOC }, 0x2000, 9, 0x1000 }, 32, MF_OP_REALLOC, { 0x2000 }, { 0x1000 }, { 9 } },
    { { { .kind = MF_RECORD_FAILED }, 0, 7, 0 }, 24, MF_OP_FAILED, { UINT64_MAX }, { UINT64_MAX }, { 7 } },
    { { { .kind = MF_RECORD_FAILED }, 0x1000, 7, 0 }, 24, MF_OP_FAILED, { UINT64_MAX }, { 0x1000 }, { 7 } },
  };
  open_ring (fixture, 0);
  put (fixture, 0, &(MfTimeRecord) { { .kind = MF_RECORD_TIME }, UINT64_C (5) << 32 }, sizeof (MfTimeRecord));
  for (gsize i = 0; i < 4 * G_N_ELEMENTS (cases); i++) {
    MfReallocRecord record = cases[i / 4].record;
    record.head.domain = MF_DOMAIN_MEM;
    record.head.stack = MF_NO_STACK;
    record.head.value = (uint32_t) i;
    if (i % 4 == 0)
      put (fixture, 0, &(MfLostRecord) { { .kind = MF_RECORD_LOST }, 0 }, sizeof (MfLostRecord));
    put (fixture, 0, &record, cases[i / 4].n);
  }
  g_assert_cmpuint (drain (fixture, UINT64_C (6) << 32), ==, 4 * G_N_ELEMENTS (cases));
  for (guint i = 0; i < fixture->events->len; i++) {
    const MfAlloc expected = { .time.ns = ((gint64) 5 << 32) + i, .address = cases[i / 4].address,
      .old_address = cases[i / 4].old, .size = cases[i / 4].size, .granted = MF_SIZE_NONE, .process = 100, .thread = 1,
      .op = cases[i / 4].op, .domain = MF_DOMAIN_MEM, .sequence = i + 1 };
    g_assert_cmpmem (event (fixture, i), sizeof expected, &expected, sizeof expected);
  }
}

static void
test_stacks (Fixture *fixture, const void *data)
{
  (void) data;
  open_ring (fixture, 0);
  put_code (fixture, 0, 7, "outer()", 10);
  put_code (fixture, 0, 8, "inner()", 20);
  put_node (fixture, 0, 1, MF_NO_SLOT, 7, 0);
  put_node (fixture, 0, 2, 1, 8, 6);
  put_alloc (fixture, 0, 1, 0x1000, 2);
  put_node (fixture, 0, 2, 1, 7, 6);  // the slot is taken again
  put_alloc (fixture, 0, 2, 0x2000, 2);
  g_assert_cmpuint (drain (fixture, 10), ==, 2);
  g_assert_cmpstr (g_ptr_array_index (fixture->frames, event (fixture, 0)->stack.id - 1), ==, "inner():23<outer():10<");
  g_assert_cmpstr (g_ptr_array_index (fixture->frames, event (fixture, 1)->stack.id - 1), ==, "outer():13<outer():10<");
}

static void
test_wrapping_and_room (Fixture *fixture, const void *data)
{
  (void) data;
  const MfRing *ring = mf_ring_at (fixture->region, 0);
  open_ring (fixture, 0);
  for (uint64_t i = 1; i <= 1000; i++) {
    put_alloc (fixture, 0, i, i, MF_NO_STACK);
    if (i % 3 == 0)
      put (fixture, 0, &(MfFreeRecord) { { .kind = MF_RECORD_FREE, .stack = MF_NO_STACK, .value = (uint32_t) i }, i }, sizeof (MfFreeRecord));
    drain (fixture, i);
    g_assert_cmpuint (ring->tail, ==, ring->head);
  }
  g_assert_cmpuint (fixture->events->len, ==, 1333);
  g_assert_cmpuint (fixture->why->len, ==, 0);
}

static void
test_a_slot_is_used_again (Fixture *fixture, const void *data)
{
  (void) data;
  MfRing *ring = mf_ring_at (fixture->region, 1);
  for (uint64_t i = 1; i <= 10; i++) {
    ring->events = ring->dropped = 0;
    open_ring (fixture, 1);
    put_alloc (fixture, 1, i, i, MF_NO_STACK);
    ring->state = MF_SLOT_CLOSED;
    g_assert_cmpuint (drain (fixture, i), ==, 1);
    g_assert_cmpuint (ring->state, ==, MF_SLOT_FREE);
    g_assert_cmpuint (event (fixture, (guint) i - 1)->thread, ==, i);
  }
}

// ---- what is missing

static void
test_losses_are_exact (Fixture *fixture, const void *data)
{
  (void) data;
  MfRing *ring = mf_ring_at (fixture->region, 0);
  open_ring (fixture, 0);
  put_alloc (fixture, 0, 1, 1, MF_NO_STACK);
  put (fixture, 0, &(MfLostRecord) { { .kind = MF_RECORD_LOST }, 5 }, sizeof (MfLostRecord));
  put_alloc (fixture, 0, 2, 1, MF_NO_STACK);
  ring->dropped = 8;  // three more, which no record tells
  ring->events++;     // killed while it wrote
  fixture->region->homeless = 2;
  mf_ring_reader_finish (fixture->reader, (MfRingInstant) { 10, 10 }, &fixture->going);
  g_assert_cmpuint (event (fixture, 1)->sequence, ==, 7);
  g_assert_cmpuint (fixture->lost[MF_RING_DROPPED], ==, 8);
  g_assert_cmpuint (fixture->lost[MF_RING_CUT_SHORT], ==, 1);
  g_assert_cmpuint (fixture->lost[MF_RING_HOMELESS], ==, 2);
}

static void
test_a_sink_that_stops (Fixture *fixture, const void *data)
{
  open_ring (fixture, 0);
  for (uint64_t i = 1; i <= 10; i++)
    put_alloc (fixture, 0, i, i, MF_NO_STACK);
  fixture->refuse_after = 4;
  drain (fixture, 20);
  g_assert_false (fixture->going);
  g_assert_cmpuint (fixture->events->len, ==, data ? 9 : 4);  // those that lie in one piece are told at once
  fixture->refuse_after = 0;
  fixture->going = true;
  drain (fixture, 30);
  g_assert_cmpuint (fixture->events->len, ==, 10);
}

// ---- what cannot be true: one sentence, nothing of the ring afterwards, the other rings go on

typedef struct { const char *name; void (*spoil) (Fixture *fixture, MfRing *ring); const char *why; } Spoiled;

static void
spoil_kind (Fixture *fixture, MfRing *ring __attribute__ ((unused)))
{
  put (fixture, 0, &(MfRecordHead) { .kind = 200 }, sizeof (MfRecordHead));
}

static void
spoil_skip (Fixture *fixture, MfRing *ring __attribute__ ((unused)))
{
  put (fixture, 0, &(MfRecordHead) { .kind = MF_RECORD_SKIP, .value = 8 }, sizeof (MfRecordHead));
}

static void
spoil_code_length (Fixture *fixture, MfRing *ring __attribute__ ((unused)))
{
  MfCodeRecord record = { .head = { .kind = MF_RECORD_CODE, .value = 2048 } };
  put (fixture, 0, &record, sizeof record);
}

static void
spoil_code_parts (Fixture *fixture, MfRing *ring __attribute__ ((unused)))
{
  MfCodeRecord record = { .head = { .kind = MF_RECORD_CODE, .value = sizeof record }, .table_length = UINT32_MAX };
  put (fixture, 0, &record, sizeof record);
}

static void
spoil_node (Fixture *fixture, MfRing *ring __attribute__ ((unused)))
{
  put_node (fixture, 0, MF_STACK_SLOTS, MF_NO_SLOT, 0, 0);
}

static void
spoil_caller (Fixture *fixture, MfRing *ring __attribute__ ((unused)))
{
  put_node (fixture, 0, 0, MF_STACK_SLOTS, 0, 0);
}

static void
spoil_stack (Fixture *fixture, MfRing *ring __attribute__ ((unused)))
{
  put_alloc (fixture, 0, 3, 3, MF_STACK_SLOTS);
}

static void
spoil_head (Fixture *fixture __attribute__ ((unused)), MfRing *ring)
{
  ring->head += RING + 8;
}

static void
spoil_head_backwards (Fixture *fixture __attribute__ ((unused)), MfRing *ring)
{
  ring->head -= 8;
}

static void
spoil_head_between (Fixture *fixture __attribute__ ((unused)), MfRing *ring)
{
  ring->head += 4;
}

static const Spoiled spoiled[] = {
  { "kind", spoil_kind, "impossible length" },
  { "skip", spoil_skip, "impossible length" },
  { "code-length", spoil_code_length, "impossible length" },
  { "code-parts", spoil_code_parts, "longer than its record" },
  { "node", spoil_node, "slot that does not exist" },
  { "caller", spoil_caller, "slot that does not exist" },
  { "stack", spoil_stack, "stack that does not exist" },
  { "head", spoil_head, "write position" },
  { "head-backwards", spoil_head_backwards, "write position" },
  { "head-between", spoil_head_between, "write position" },
};

static void
test_spoiled (Fixture *fixture, const void *data)
{
  const Spoiled *how = data;
  open_ring (fixture, 0);
  open_ring (fixture, 1);
  put_alloc (fixture, 0, 1, 1, MF_NO_STACK);
  drain (fixture, 2);
  how->spoil (fixture, mf_ring_at (fixture->region, 0));
  put_alloc (fixture, 1, 4, 4, MF_NO_STACK);
  drain (fixture, 5);
  g_assert_nonnull (strstr (fixture->why->str, how->why));
  g_assert_cmpuint (fixture->events->len, ==, 2);
  g_assert_cmpuint (event (fixture, 1)->address.at, ==, 4);
  put_alloc (fixture, 0, 6, 6, MF_NO_STACK);
  g_assert_cmpuint (drain (fixture, 7), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  static const struct { const char *name; void (*test) (Fixture *fixture, const void *data); } tests[] = {
    { "/ring-reader/time-order", test_time_order }, { "/ring-reader/what-events-say", test_what_events_say },
    { "/ring-reader/stacks", test_stacks },
    { "/ring-reader/wrapping-and-room", test_wrapping_and_room },
    { "/ring-reader/slot-used-again", test_a_slot_is_used_again },
    { "/ring-reader/losses-are-exact", test_losses_are_exact },
    { "/ring-reader/sink-that-stops", test_a_sink_that_stops },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].name, Fixture, NULL, set_up, tests[i].test, tear_down);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree char *path = g_strconcat (tests[i].name, "/many-at-once", NULL);
    g_test_add (path, Fixture, tests, set_up_for_many, tests[i].test, tear_down);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (spoiled); i++) {
    g_autofree char *path = g_strconcat ("/ring-reader/spoiled/", spoiled[i].name, NULL);
    g_test_add (path, Fixture, &spoiled[i], set_up, test_spoiled, tear_down);
  }
  return g_test_run ();
}
