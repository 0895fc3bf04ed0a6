// SPDX-License-Identifier: Apache-2.0
// Bounded queues of batches between threads. Plain pthread primitives: ThreadSanitizer understands
// them.
#include "bus/lane.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <memflow/events.h>

typedef struct {
  void *tag;
  MfOpenBatch *batch;
  MfLoss *losses;
  bool kept;
} Entry;

struct MfLane {
  MfInbox *inbox;
  void *owner;
  MfLaneLimits limits;
  pthread_cond_t room;
  Entry *ring; // most_batches entries
  uint32_t first, count;
  size_t bytes;
  MfLoss *after; // losses behind the last entry
  uint64_t lost, taken;
  bool closed, abandoned, end_told;
};

struct MfInbox {
  pthread_mutex_t lock;
  pthread_cond_t arrived;
  GPtrArray *lanes;
  uint32_t turn;
};

void
mf_loss_free (MfLoss *loss)
{
  while (loss) {
    MfLoss *next = loss->next;
    g_free (loss);
    loss = next;
  }
}

// INT64_MIN = not known.
static int64_t
earlier (int64_t a, int64_t b)
{
  return a == INT64_MIN ? b : b == INT64_MIN ? a : MIN (a, b);
}

static void
loss_add (
    MfLoss **losses, const char *type, uint64_t count, uint32_t reason, int64_t from, int64_t to)
{
  for (; *losses; losses = &(*losses)->next)
    if ((*losses)->reason == reason && !strcmp ((*losses)->type, type)) {
      (*losses)->count += count;
      (*losses)->from = earlier ((*losses)->from, from);
      (*losses)->to = MAX ((*losses)->to, to);
      return;
    }
  size_t n = strlen (type) + 1;
  MfLoss *loss = g_malloc (sizeof *loss + n);
  *loss = (MfLoss){ NULL, count, from, to, reason };
  memcpy (loss->type, type, n);
  *losses = loss;
}

// Moves `from` in front of what stands in `to`.
static void
losses_join (MfLoss **to, MfLoss *from)
{
  for (MfLoss *loss = from; loss; loss = loss->next)
    loss_add (to, loss->type, loss->count, loss->reason, loss->from, loss->to);
  mf_loss_free (from);
}

static const MfField *
time_field (const MfType *type)
{
  for (uint32_t i = 0; i < type->n_fields; i++)
    if (type->fields[i].kind == MF_TIME)
      return &type->fields[i];
  return NULL;
}

static int64_t
row_time (const MfBatch *batch, uint32_t row)
{
  const MfField *field = time_field (batch->type);
  int64_t ns = INT64_MIN;
  if (field && row < batch->n_rows)
    memcpy (&ns, batch->rows + (size_t) row * batch->stride + field->offset, sizeof ns);
  return ns;
}

static void
lose_batch (MfLane *lane, MfLoss **losses, MfOpenBatch *open, uint32_t reason)
{
  const MfBatch *batch = &open->batch;
  loss_add (losses, batch->type->name, batch->n_rows, reason, row_time (batch, 0),
      row_time (batch, batch->n_rows - 1));
  lane->lost += batch->n_rows;
  mf_open_batch_unref (open);
}

static struct timespec
deadline_in (int64_t ns)
{
  struct timespec at;
  clock_gettime (CLOCK_MONOTONIC, &at);
  at.tv_sec += ns / G_GINT64_CONSTANT (1000000000);
  at.tv_nsec += ns % G_GINT64_CONSTANT (1000000000);
  if (at.tv_nsec >= 1000000000) {
    at.tv_sec++;
    at.tv_nsec -= 1000000000;
  }
  return at;
}

// Waits on `cond`; `at` NULL = for ever. False when the time is over.
static bool
wait_until (pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *at)
{
  if (at)
    return pthread_cond_timedwait (cond, lock, at) != ETIMEDOUT;
  pthread_cond_wait (cond, lock);
  return true;
}

static void
monotonic_cond (pthread_cond_t *cond)
{
  pthread_condattr_t attributes;
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (cond, &attributes);
  pthread_condattr_destroy (&attributes);
}

MfInbox *
mf_inbox_new (void)
{
  MfInbox *inbox = g_new0 (MfInbox, 1);
  pthread_mutex_init (&inbox->lock, NULL);
  monotonic_cond (&inbox->arrived);
  inbox->lanes = g_ptr_array_new ();
  return inbox;
}

static Entry
pop (MfLane *lane)
{
  Entry entry = lane->ring[lane->first];
  lane->first = (lane->first + 1) % lane->limits.most_batches;
  lane->count--;
  lane->bytes -= mf_open_batch_bytes (entry.batch);
  return entry;
}

static void
lane_free (MfLane *lane)
{
  while (lane->count) {
    Entry entry = pop (lane);
    mf_open_batch_unref (entry.batch);
    mf_loss_free (entry.losses);
  }
  mf_loss_free (lane->after);
  pthread_cond_destroy (&lane->room);
  g_free (lane->ring);
  g_free (lane);
}

void
mf_inbox_free (MfInbox *inbox)
{
  if (!inbox)
    return;
  for (uint32_t i = 0; i < inbox->lanes->len; i++)
    lane_free (g_ptr_array_index (inbox->lanes, i));
  g_ptr_array_free (inbox->lanes, TRUE);
  pthread_cond_destroy (&inbox->arrived);
  pthread_mutex_destroy (&inbox->lock);
  g_free (inbox);
}

MfLane *
mf_inbox_add_lane (MfInbox *inbox, MfLaneLimits limits, void *owner)
{
  MfLane *lane = g_new0 (MfLane, 1);
  limits.most_batches = MAX (limits.most_batches, 1);
  *lane = (MfLane){ .inbox = inbox, .owner = owner, .limits = limits };
  lane->ring = g_new0 (Entry, limits.most_batches);
  monotonic_cond (&lane->room);
  g_ptr_array_add (inbox->lanes, lane);
  return lane;
}

void *
mf_lane_owner (const MfLane *lane)
{
  return lane->owner;
}

static bool
fits (const MfLane *lane, size_t bytes)
{
  // A single batch always fits: otherwise one larger than the limit could never pass.
  return lane->count == 0
         || (lane->count < lane->limits.most_batches
             && lane->bytes + bytes <= lane->limits.most_bytes);
}

// Waits for room. Any progress of the reader starts the time anew: slow is not stalled.
static MfPush
wait_for_room (MfLane *lane, size_t bytes)
{
  while (!fits (lane, bytes) && !lane->abandoned) {
    uint64_t taken = lane->taken;
    struct timespec at = deadline_in (MAX (lane->limits.stall_ns, 0));
    bool in_time
        = wait_until (&lane->room, &lane->inbox->lock, lane->limits.stall_ns < 0 ? NULL : &at);
    if (!in_time && taken == lane->taken && !fits (lane, bytes))
      return MF_PUSH_STALLED;
  }
  return lane->abandoned ? MF_PUSH_CLOSED : MF_PUSH_OK;
}

static Entry *
entry_at (MfLane *lane, uint32_t i)
{
  return &lane->ring[(lane->first + i) % lane->limits.most_batches];
}

// What core tells of the run is never dropped: without it nobody would know of the loss.
static bool
is_kept (const MfOpenBatch *batch)
{
  return strncmp (batch->batch.type->name, "core.", strlen ("core.")) == 0;
}

// The oldest that may be dropped; those before it move up, so that the order stays. Its losses go
// to what follows it.
static bool
drop_one (MfLane *lane)
{
  uint32_t i = 0;
  while (i < lane->count && entry_at (lane, i)->kept)
    i++;
  if (i == lane->count)
    return false;
  Entry dropped = *entry_at (lane, i);
  for (uint32_t k = i; k > 0; k--)
    *entry_at (lane, k) = *entry_at (lane, k - 1);
  *entry_at (lane, 0) = dropped;
  pop (lane);
  MfLoss **next = i < lane->count ? &entry_at (lane, i)->losses : &lane->after;
  lose_batch (lane, &dropped.losses, dropped.batch, MF_LOST_QUEUE_FULL);
  losses_join (&dropped.losses, *next);
  *next = dropped.losses;
  return true;
}

static MfPush
make_room (MfLane *lane, size_t bytes, bool kept)
{
  if (lane->abandoned)
    return MF_PUSH_CLOSED;
  if (lane->limits.policy == MF_FULL_BLOCK)
    return wait_for_room (lane, bytes);
  bool drops = kept || lane->limits.policy == MF_FULL_DROP_OLDEST;
  while (drops && !fits (lane, bytes) && drop_one (lane))
    continue;
  return MF_PUSH_OK;
}

MfPush
mf_lane_push (MfLane *lane, void *tag, MfOpenBatch *batch)
{
  MfInbox *inbox = lane->inbox;
  size_t bytes = mf_open_batch_bytes (batch);
  pthread_mutex_lock (&inbox->lock);
  bool kept = is_kept (batch);
  MfPush result = make_room (lane, bytes, kept);
  if (result != MF_PUSH_OK || !fits (lane, bytes)) {
    lose_batch (lane, &lane->after, batch,
        result == MF_PUSH_STALLED ? MF_LOST_STALLED : MF_LOST_QUEUE_FULL);
  } else {
    *entry_at (lane, lane->count++) = (Entry){ tag, batch, lane->after, kept };
    lane->after = NULL;
    lane->bytes += bytes;
    if (lane->count == 1)
      pthread_cond_signal (&inbox->arrived);
  }
  pthread_mutex_unlock (&inbox->lock);
  return result;
}

void
mf_lane_lose (MfLane *lane, const char *type, uint64_t count, uint32_t reason)
{
  pthread_mutex_lock (&lane->inbox->lock);
  loss_add (&lane->after, type, count, reason, INT64_MIN, INT64_MIN);
  lane->lost += count;
  pthread_mutex_unlock (&lane->inbox->lock);
}

void
mf_lane_close (MfLane *lane)
{
  pthread_mutex_lock (&lane->inbox->lock);
  lane->closed = true;
  pthread_cond_signal (&lane->inbox->arrived);
  pthread_mutex_unlock (&lane->inbox->lock);
}

void
mf_lane_abandon (MfLane *lane)
{
  pthread_mutex_lock (&lane->inbox->lock);
  lane->abandoned = true;
  while (lane->count) {
    Entry entry = pop (lane);
    losses_join (&lane->after, entry.losses);
    lose_batch (lane, &lane->after, entry.batch, MF_LOST_STALLED);
  }
  pthread_cond_broadcast (&lane->room);
  pthread_cond_signal (&lane->inbox->arrived);
  pthread_mutex_unlock (&lane->inbox->lock);
}

// The next arrival of one lane, if it has any.
static bool
take_from (MfLane *lane, MfArrival *arrival)
{
  *arrival = (MfArrival){ .lane = lane };
  if (lane->count) {
    Entry entry = pop (lane);
    arrival->tag = entry.tag;
    arrival->batch = entry.batch;
    arrival->losses = entry.losses;
    lane->taken++;
    pthread_cond_signal (&lane->room);
    return true;
  }
  if (!lane->closed || lane->end_told)
    return false;
  lane->end_told = arrival->ended = true;
  arrival->losses = g_steal_pointer (&lane->after);
  return true;
}

static bool
take_any (MfInbox *inbox, MfArrival *arrival)
{
  for (uint32_t i = 0; i < inbox->lanes->len; i++) {
    uint32_t at = (inbox->turn + i) % inbox->lanes->len;
    if (take_from (g_ptr_array_index (inbox->lanes, at), arrival)) {
      inbox->turn = at + 1;
      return true;
    }
  }
  return false;
}

bool
mf_inbox_take (MfInbox *inbox, int64_t timeout_ns, MfArrival *arrival)
{
  struct timespec at = deadline_in (MAX (timeout_ns, 0));
  bool in_time = true;
  pthread_mutex_lock (&inbox->lock);
  bool taken = take_any (inbox, arrival);
  while (!taken && in_time) {
    in_time = wait_until (&inbox->arrived, &inbox->lock, timeout_ns < 0 ? NULL : &at);
    taken = take_any (inbox, arrival);
  }
  pthread_mutex_unlock (&inbox->lock);
  return taken;
}

uint64_t
mf_lane_lost (MfLane *lane)
{
  pthread_mutex_lock (&lane->inbox->lock);
  uint64_t lost = lane->lost;
  pthread_mutex_unlock (&lane->inbox->lock);
  return lost;
}
