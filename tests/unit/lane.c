// SPDX-License-Identifier: Apache-2.0
// Lanes: order, room, what a full one does, and that nothing is lost without being counted.
#include "bus/lane.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <memflow/events.h>

typedef struct { MfTime time; uint64_t number; } Row;
MF_EVENT (Row, "test.row", 1, MF_VIEW_NONE, "A number",
  MF_FIELD (Row, time, "when"), MF_FIELD (Row, number, "which"));

static MfMemory memory;

static MfOpenBatch *
batch_of (const MfType *type, uint64_t first, uint32_t n)
{
  MfOpenBatch *open = mf_open_batch_new (&memory, type);
  Row *rows = (Row *) open->rows;
  for (uint32_t i = 0; i < n && type == &Row_type; i++)
    rows[i] = (Row) { { (int64_t) (first + i) * 10 }, first + i };
  open->batch.n_rows = n;
  return open;
}

static MfPush
push (MfLane *lane, uint64_t first, uint32_t n)
{
  return mf_lane_push (lane, NULL, batch_of (&Row_type, first, n));
}

static uint64_t
first_of (const MfArrival *arrival)
{
  return ((const Row *) arrival->batch->rows)->number;
}

static void
drop (MfArrival *arrival)
{
  mf_open_batch_unref (arrival->batch);
  mf_loss_free (arrival->losses);
}

static MfArrival
take (MfInbox *inbox)
{
  MfArrival arrival = { 0 };
  g_assert_true (mf_inbox_take (inbox, G_GINT64_CONSTANT (20000000000), &arrival));
  return arrival;
}

static void
assert_loss (const MfLoss *loss, uint64_t count, uint32_t reason, int64_t from, int64_t to)
{
  g_assert_nonnull (loss);
  g_assert_cmpstr (loss->type, ==, "test.row");
  g_assert_cmpuint (loss->count, ==, count);
  g_assert_cmpuint (loss->reason, ==, reason);
  g_assert_cmpint (loss->from, ==, from);
  g_assert_cmpint (loss->to, ==, to);
}

static const MfLaneLimits three = { .most_bytes = 1 << 20, .most_batches = 3, .policy = MF_FULL_BLOCK, .stall_ns = -1 };

static MfLaneLimits
with_policy (MfFullPolicy policy)
{
  MfLaneLimits limits = three;
  limits.policy = policy;
  return limits;
}

static void
test_order_and_end (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLane *lane = mf_inbox_add_lane (inbox, three, &memory);
  g_assert_true (mf_lane_owner (lane) == &memory);
  for (uint64_t i = 0; i < 3; i++)
    g_assert_cmpint (push (lane, i * 2, 2), ==, MF_PUSH_OK);
  mf_lane_close (lane);
  for (uint64_t i = 0; i < 3; i++) {
    MfArrival arrival = take (inbox);
    g_assert_cmpuint (first_of (&arrival), ==, i * 2);
    g_assert_null (arrival.losses);
    g_assert_false (arrival.ended);
    drop (&arrival);
  }
  MfArrival end = take (inbox);
  g_assert_true (end.ended && !end.batch && !end.losses);
  g_assert_false (mf_inbox_take (inbox, 0, &end));  // comes once
  mf_inbox_free (inbox);
}

static void
test_turns (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLane *lanes[2] = { mf_inbox_add_lane (inbox, three, NULL), mf_inbox_add_lane (inbox, three, NULL) };
  for (uint64_t i = 0; i < 3; i++) {
    push (lanes[0], i, 1);
    push (lanes[1], 100 + i, 1);
  }
  static const uint64_t expected[] = { 0, 100, 1, 101, 2, 102 };
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    MfArrival arrival = take (inbox);
    g_assert_cmpuint (first_of (&arrival), ==, expected[i]);
    drop (&arrival);
  }
  mf_inbox_free (inbox);
}

static void
test_drop_oldest (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLane *lane = mf_inbox_add_lane (inbox, with_policy (MF_FULL_DROP_OLDEST), NULL);
  for (uint64_t i = 0; i < 5; i++)
    g_assert_cmpint (push (lane, i * 10, 10), ==, MF_PUSH_OK);
  g_assert_cmpuint (mf_lane_lost (lane), ==, 20);
  MfArrival arrival = take (inbox);
  g_assert_cmpuint (first_of (&arrival), ==, 20);
  assert_loss (arrival.losses, 20, MF_LOST_QUEUE_FULL, 0, 190);  // of one type: one record, before what survived
  g_assert_null (arrival.losses->next);
  drop (&arrival);
  arrival = take (inbox);
  g_assert_null (arrival.losses);
  drop (&arrival);
  mf_inbox_free (inbox);
}

static void
test_drop_newest (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLane *lane = mf_inbox_add_lane (inbox, with_policy (MF_FULL_DROP_NEWEST), NULL);
  for (uint64_t i = 0; i < 5; i++)
    push (lane, i * 10, 10);
  g_assert_cmpuint (mf_lane_lost (lane), ==, 20);
  for (uint64_t i = 0; i < 3; i++) {
    MfArrival arrival = take (inbox);
    g_assert_cmpuint (first_of (&arrival), ==, i * 10);
    g_assert_null (arrival.losses);
    drop (&arrival);
  }
  push (lane, 70, 1);
  MfArrival arrival = take (inbox);
  g_assert_cmpuint (first_of (&arrival), ==, 70);
  assert_loss (arrival.losses, 20, MF_LOST_QUEUE_FULL, 300, 490);
  drop (&arrival);
  mf_inbox_free (inbox);
}

// What core tells stays in the queue, in its order; the rows around it go.
static void
test_core_is_kept (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLane *lane = mf_inbox_add_lane (inbox, with_policy (MF_FULL_DROP_OLDEST), NULL);
  mf_lane_push (lane, NULL, batch_of (&MfLost_type, 0, 1));
  push (lane, 0, 10);
  mf_lane_push (lane, NULL, batch_of (&MfRunEnd_type, 0, 1));
  push (lane, 10, 10);
  const MfType *const types[] = { &MfLost_type, &MfRunEnd_type, &Row_type };
  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    MfArrival arrival = take (inbox);
    g_assert_true (arrival.batch->batch.type == types[i]);
    if (i == 1)
      assert_loss (arrival.losses, 10, MF_LOST_QUEUE_FULL, 0, 90);
    else
      g_assert_null (arrival.losses);
    drop (&arrival);
  }
  mf_inbox_free (inbox);
}

static void
test_core_takes_the_place_of_the_newest_too (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLane *lane = mf_inbox_add_lane (inbox, with_policy (MF_FULL_DROP_NEWEST), NULL);
  for (uint64_t i = 0; i < 3; i++)
    push (lane, i, 1);
  mf_lane_push (lane, NULL, batch_of (&MfLost_type, 0, 1));
  g_assert_cmpuint (mf_lane_lost (lane), ==, 1);
  MfArrival arrival = take (inbox);
  g_assert_cmpuint (first_of (&arrival), ==, 1);
  assert_loss (arrival.losses, 1, MF_LOST_QUEUE_FULL, 0, 0);
  drop (&arrival);
  mf_inbox_free (inbox);
}

static void
test_losses_from_before (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLane *lane = mf_inbox_add_lane (inbox, three, NULL);
  mf_lane_lose (lane, "test.row", 5, MF_LOST_DAMAGED);
  mf_lane_lose (lane, "test.row", 2, MF_LOST_TRUNCATED);
  mf_lane_lose (lane, "test.row", 1, MF_LOST_DAMAGED);
  mf_lane_close (lane);
  MfArrival end = take (inbox);
  g_assert_true (end.ended);
  assert_loss (end.losses, 6, MF_LOST_DAMAGED, INT64_MIN, INT64_MIN);
  assert_loss (end.losses->next, 2, MF_LOST_TRUNCATED, INT64_MIN, INT64_MIN);
  g_assert_cmpuint (mf_lane_lost (lane), ==, 8);
  drop (&end);
  mf_inbox_free (inbox);
}

static void
test_bytes_count (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLaneLimits limits = with_policy (MF_FULL_DROP_NEWEST);
  limits.most_batches = 100;
  limits.most_bytes = 4096;
  MfLane *lane = mf_inbox_add_lane (inbox, limits, NULL);
  push (lane, 0, 1000);  // larger than the limit: alone it fits
  push (lane, 1000, 1);
  g_assert_cmpuint (mf_lane_lost (lane), ==, 1);
  MfArrival arrival = take (inbox);
  g_assert_cmpuint (arrival.batch->batch.n_rows, ==, 1000);
  drop (&arrival);
  mf_inbox_free (inbox);
}

static void
test_stall (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLaneLimits limits = three;
  limits.stall_ns = 20000000;
  MfLane *lane = mf_inbox_add_lane (inbox, limits, NULL);
  for (uint64_t i = 0; i < 3; i++)
    g_assert_cmpint (push (lane, i, 1), ==, MF_PUSH_OK);
  gint64 start = g_get_monotonic_time ();
  g_assert_cmpint (push (lane, 3, 1), ==, MF_PUSH_STALLED);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 20000);
  g_assert_cmpuint (mf_lane_lost (lane), ==, 1);
  mf_lane_abandon (lane);
  g_assert_cmpuint (mf_lane_lost (lane), ==, 4);
  g_assert_cmpint (push (lane, 4, 1), ==, MF_PUSH_CLOSED);
  mf_lane_close (lane);
  MfArrival end = take (inbox);
  g_assert_true (end.ended);
  assert_loss (end.losses, 4, MF_LOST_STALLED, 0, 30);
  assert_loss (end.losses->next, 1, MF_LOST_QUEUE_FULL, 40, 40);
  drop (&end);
  mf_inbox_free (inbox);
}

static void *
push_one_more (void *lane)
{
  return GINT_TO_POINTER (push (lane, 3, 1));
}

static void
test_block_until_taken (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLane *lane = mf_inbox_add_lane (inbox, three, NULL);
  for (uint64_t i = 0; i < 3; i++)
    push (lane, i, 1);
  GThread *writer = g_thread_new ("writer", push_one_more, lane);
  for (uint64_t i = 0; i < 4; i++) {
    MfArrival arrival = take (inbox);
    g_assert_cmpuint (first_of (&arrival), ==, i);
    drop (&arrival);
  }
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (writer)), ==, MF_PUSH_OK);
  g_assert_cmpuint (mf_lane_lost (lane), ==, 0);
  mf_inbox_free (inbox);
}

static void
test_abandoning_ends_the_wait (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfLane *lane = mf_inbox_add_lane (inbox, three, NULL);
  for (uint64_t i = 0; i < 3; i++)
    push (lane, i, 1);
  GThread *writer = g_thread_new ("writer", push_one_more, lane);
  mf_lane_abandon (lane);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (writer)), ==, MF_PUSH_CLOSED);
  g_assert_cmpuint (mf_lane_lost (lane), ==, 4);
  mf_inbox_free (inbox);
}

static void
test_timeout (void)
{
  MfInbox *inbox = mf_inbox_new ();
  MfArrival arrival;
  g_assert_false (mf_inbox_take (inbox, 1000000, &arrival));
  mf_inbox_free (inbox);
}

// ---- many writers

enum { WRITERS = 4, BATCHES = 500, ROWS = 16 };

static void *
write_all (void *lane)
{
  for (uint64_t i = 0; i < BATCHES; i++)
    push (lane, i * ROWS, ROWS);
  mf_lane_close (lane);
  return NULL;
}

static void
test_many_writers (void)
{
  static const MfFullPolicy policies[WRITERS] = { MF_FULL_BLOCK, MF_FULL_DROP_OLDEST, MF_FULL_DROP_NEWEST, MF_FULL_BLOCK };
  MfInbox *inbox = mf_inbox_new ();
  MfLane *lanes[WRITERS];
  GThread *writers[WRITERS];
  uint64_t received[WRITERS] = { 0 }, told[WRITERS] = { 0 }, next[WRITERS] = { 0 };
  for (guint i = 0; i < WRITERS; i++)
    lanes[i] = mf_inbox_add_lane (inbox, with_policy (policies[i]), GUINT_TO_POINTER (i));
  for (guint i = 0; i < WRITERS; i++)
    writers[i] = g_thread_new ("writer", write_all, lanes[i]);
  for (guint open = WRITERS; open;) {
    MfArrival arrival = take (inbox);
    guint i = GPOINTER_TO_UINT (mf_lane_owner (arrival.lane));
    for (const MfLoss *loss = arrival.losses; loss; loss = loss->next)
      told[i] += loss->count;
    if (arrival.batch) {
      g_assert_cmpuint (first_of (&arrival), >=, next[i]);
      next[i] = first_of (&arrival) + ROWS;
      received[i] += arrival.batch->batch.n_rows;
    }
    open -= arrival.ended;
    drop (&arrival);
  }
  for (guint i = 0; i < WRITERS; i++) {
    g_thread_join (writers[i]);
    g_assert_cmpuint (told[i], ==, mf_lane_lost (lanes[i]));
    g_assert_cmpuint (received[i] + told[i], ==, BATCHES * ROWS);
    g_assert_true (policies[i] != MF_FULL_BLOCK || told[i] == 0);
  }
  mf_inbox_free (inbox);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lane/order-and-end", test_order_and_end);
  g_test_add_func ("/lane/turns", test_turns);
  g_test_add_func ("/lane/drop-oldest", test_drop_oldest);
  g_test_add_func ("/lane/drop-newest", test_drop_newest);
  g_test_add_func ("/lane/core-is-kept", test_core_is_kept);
  g_test_add_func ("/lane/core-takes-the-place-of-the-newest-too", test_core_takes_the_place_of_the_newest_too);
  g_test_add_func ("/lane/losses-from-before", test_losses_from_before);
  g_test_add_func ("/lane/bytes-count", test_bytes_count);
  g_test_add_func ("/lane/stall", test_stall);
  g_test_add_func ("/lane/block-until-taken", test_block_until_taken);
  g_test_add_func ("/lane/abandoning-ends-the-wait", test_abandoning_ends_the_wait);
  g_test_add_func ("/lane/timeout", test_timeout);
  g_test_add_func ("/lane/many-writers", test_many_writers);
  return g_test_run ();
}
