// SPDX-License-Identifier: Apache-2.0
// The writing end of a ring: a thread takes a slot, writes behind its head, and gives the slot back when it ends.
#include "agent.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "futex.h"
#include "pid-space.h"

__thread MfThread mf_thread __attribute__ ((tls_model ("initial-exec")));

// ---- waiting for the reader

static void
ring_bell (void)
{
  MfRingRegion *region = mf_agent.region;
  // Only the first one rings: a system call costs more than many events.
  if (!atomic_load_explicit (&region->asleep, memory_order_relaxed) || !atomic_exchange (&region->asleep, 0))
    return;
  int error = errno;
  atomic_fetch_add (&region->bell, 1);
  mf_futex_wake (&region->bell);
  errno = error;
}

// Of a reader that has attached.
bool
mf_stream_reader_died (void)
{
  return mf_agent.life && atomic_load_explicit (mf_agent.life, memory_order_relaxed) & MF_RING_READER_DIED;
}

static bool
reader_has_gone (void)
{
  MfRingRegion *region = mf_agent.region;
  if (atomic_load (&region->detached))
    return true;
  if (mf_agent.life ? !mf_stream_reader_died () : kill (region->reader, 0) == 0 || errno != ESRCH)
    return false;
  atomic_store (&region->detached, 1);
  return true;
}

// Sleeps until the reader has made room somewhere, at most a few ms. False = it is time to give up.
static bool
wait_for_reader (uint64_t since)
{
  MfRingRegion *region = mf_agent.region;
  enum { MOST = 2000000 };  // ns
  uint32_t freed = atomic_load (&region->freed);
  ring_bell ();
  atomic_fetch_add (&region->waiting, 1);
  mf_futex_wait (&region->freed, freed, MOST);
  atomic_fetch_sub (&region->waiting, 1);
  return !reader_has_gone () && mf_clock_ns () - since < mf_agent.patience;
}

// ---- room

static bool
has_room (MfThread *thread, uint32_t n)
{
  thread->tail = atomic_load_explicit (&thread->ring->tail, memory_order_acquire);
  return thread->head + n - thread->tail <= mf_agent.ring_size;
}

static bool
wait_for_room (MfThread *thread, uint32_t n)
{
  if (has_room (thread, n))
    return true;
  ring_bell ();
  if (mf_agent.options & MF_RING_DROP || thread->gave_up)
    return false;
  int error = errno;
  uint64_t since = mf_clock_ns ();
  bool waiting = !reader_has_gone (), room = false;
  while (waiting && !room) {
    waiting = wait_for_reader (since);
    room = has_room (thread, n);
  }
  atomic_fetch_add_explicit (&thread->ring->waited, mf_clock_ns () - since, memory_order_relaxed);
  thread->gave_up = !room;
  errno = error;
  return room;
}

// Waits for n bytes, and rings the bell when the ring is half full.
static bool
get_room (MfThread *thread, uint32_t n)
{
  uint32_t half = mf_agent.ring_size / 2;
  if (thread->head + n - thread->tail <= half || has_room (thread, n + half))
    return true;
  ring_bell ();
  return wait_for_room (thread, n);
}

// Sets the place to write, and how far one may write on: to the end of the lap, but not beyond half of the ring, where
// the bell has to be rung, except in small steps.
static void
set_limit (MfThread *thread, uint32_t n)
{
  uint32_t size = mf_agent.ring_size, at = (uint32_t) thread->head & (size - 1);
  uint64_t lap = thread->head - at + size, half = thread->tail + size / 2, most = thread->tail + size;
  uint64_t limit = thread->head + n <= half ? half : thread->head + (n > size / 16 ? n : size / 16);
  limit = limit < most ? limit : most;
  thread->limit = limit < lap ? limit : lap;
  thread->origin = thread->bytes + at - thread->head;
}

// n contiguous bytes: what is left of the lap is skipped when they do not fit into it.
static bool
find_room (MfThread *thread, uint32_t n)
{
  uint32_t size = mf_agent.ring_size, at = (uint32_t) thread->head & (size - 1), left = size - at;
  bool fits = n <= left;
  if (!get_room (thread, fits ? n : n + left))
    return false;
  if (!fits) {
    *(MfRecordHead *) (thread->bytes + at) = (MfRecordHead) { .kind = MF_RECORD_SKIP, .value = left };
    thread->head += left;
  }
  set_limit (thread, n);
  return true;
}

// ---- taking and giving back a slot

// The reader looks at the slots up to the last one that was ever taken.
static void
count_used (uint32_t n)
{
  uint32_t used = atomic_load (&mf_agent.region->used);
  while (used < n && !atomic_compare_exchange_weak (&mf_agent.region->used, &used, n))
    continue;
}

static bool
take_slot (MfThread *thread)
{
  for (uint32_t i = 0; i < mf_agent.n_slots; i++) {
    MfRing *ring = mf_ring_at (mf_agent.region, i);
    uint32_t state = MF_SLOT_FREE;
    if (atomic_load_explicit (&ring->state, memory_order_relaxed) != MF_SLOT_FREE
        || !atomic_compare_exchange_strong (&ring->state, &state, MF_SLOT_TAKEN))
      continue;
    ring->process = mf_agent.process;
    ring->thread = (int32_t) syscall (SYS_gettid);
    atomic_store (&ring->events, 0);
    atomic_store (&ring->dropped, 0);
    atomic_store (&ring->waited, 0);
    atomic_store (&ring->timed, 0);
    atomic_store (&ring->cost, 0);
    atomic_store (&ring->types_cost, 0);
    count_used (i + 1);
    thread->ring = ring;
    thread->bytes = mf_ring_bytes (mf_agent.region, mf_agent.n_slots, mf_agent.ring_size, i);
    thread->head = thread->tail = atomic_load (&ring->tail);
    atomic_store (&ring->head, thread->head);
    return true;
  }
  return false;
}

static bool
wait_for_slot (MfThread *thread)
{
  uint64_t since = mf_clock_ns (), waited = 0;
  bool waiting = !(mf_agent.options & MF_RING_DROP) && !thread->gave_up;
  while (!take_slot (thread)) {
    thread->gave_up = !waiting;
    if (!waiting)
      return false;
    waiting = wait_for_reader (since);
    waited = mf_clock_ns () - since;
  }
  thread->gave_up = false;
  atomic_store (&thread->ring->waited, waited);
  return true;
}

void
mf_stream_introduce (MfThread *thread)
{
  uint32_t whole = (uint32_t) (sizeof (MfProgramRecord) + mf_agent.file_length + 7) & ~7u;
  MfProgramRecord *record = mf_stream_room (thread, whole);
  if (!record)
    return;
  *record = (MfProgramRecord) { .head = { .kind = MF_RECORD_PROGRAM, .value = whole }, .version = mf_agent.version,
    .stacks = mf_frames_verdict (), .time = mf_agent.began, .parent = mf_agent.parent,
    .how = mf_agent.forked ? MF_RING_FORKED : mf_agent.life ? MF_RING_WAS_RUNNING : MF_RING_STARTED,
    .sampling = mf_agent.sampling, .start_up = mf_agent.start_up, .own = mf_agent.own, .file_length = mf_agent.file_length };
  memcpy (record + 1, mf_agent.file, mf_agent.file_length);
  mf_stream_add (thread, whole);
}

static void
open_ring (MfThread *thread)
{
  find_room (thread, mf_ring_longest (mf_agent.ring_size));  // the ring is empty
  mf_stream_introduce (thread);
  mf_stream_publish (thread);
  atomic_store_explicit (&thread->ring->state, MF_SLOT_LIVE, memory_order_release);
}

static bool
start_stream (MfThread *thread)
{
  thread->events = thread->dropped = thread->told = thread->era = 0;
  if (!wait_for_slot (thread))
    return false;
  thread->defined = mf_own_map (sizeof (MfDefined));
  atomic_store (&thread->ring->mapped, thread->defined ? sizeof (MfDefined) : 0);
  if (thread->defined)
    mf_walk_forget (&thread->defined->walk);
  open_ring (thread);
  pthread_setspecific (mf_agent.at_exit, thread);
  return true;
}

static bool
is_read (void)
{
  return !atomic_load_explicit (&mf_agent.region->detached, memory_order_relaxed);
}

// Whether the thread has a ring; it gets one when it has none.
static bool
is_ready (MfThread *thread)
{
  if (MF_LIKELY (thread->ring))
    return true;
  if (!mf_agent.foreign && thread->closings <= PTHREAD_DESTRUCTOR_ITERATIONS - 1) {
    int error = errno;
    bool started = start_stream (thread);
    errno = error;
    if (started)
      return true;
  }
  atomic_fetch_add (&mf_agent.region->homeless, 1);
  return false;
}

// ---- what a thread has to look at now and then

// Tells, in front of what comes next, how many events are missing there.
static void
tell_lost (MfThread *thread)
{
  MfLostRecord *record = mf_stream_at (thread);
  *record = (MfLostRecord) { { .kind = MF_RECORD_LOST }, thread->dropped - thread->told };
  thread->told = thread->dropped;
  thread->gave_up = false;
  mf_stream_add (thread, sizeof *record);
}

void *
mf_stream_make_room (MfThread *thread, uint32_t n)
{
  if (!is_read () || !is_ready (thread))
    return NULL;
  uint32_t lost = thread->dropped != thread->told ? sizeof (MfLostRecord) : 0;
  if (!find_room (thread, n + lost))
    return NULL;
  if (lost)
    tell_lost (thread);
  return mf_stream_at (thread);
}

void
mf_stream_drop (MfThread *thread)
{
  if (!is_read () || !thread->ring)
    return;
  thread->dropped++;
  atomic_store_explicit (&thread->ring->dropped, thread->dropped, memory_order_relaxed);
}

// ---- the end of a thread, of a process

static void
forget_defined (MfThread *thread)
{
  if (thread->defined)
    mf_own_unmap (thread->defined, sizeof *thread->defined);
  thread->defined = NULL;
}

// Its ring is of memory that may be another one's by now, or nobody's.
void
mf_stream_renew (MfThread *thread)
{
  thread->ring = NULL;
  thread->head = thread->limit = 0;
  thread->gave_up = false;
  thread->recording = mf_agent.recording;
  forget_defined (thread);
}

// Runs when a thread ends. Destructors of others may still allocate and free, so the ring stays open for as many
// rounds of destructors as there are.
void
mf_stream_close (void *unused)
{
  MfThread *thread = &mf_thread;
  (void) unused;
  if (++thread->closings < PTHREAD_DESTRUCTOR_ITERATIONS) {
    pthread_setspecific (mf_agent.at_exit, thread);
    return;
  }
  if (mf_attach_enter (thread) && thread->recording == mf_agent.recording && thread->ring) {
    atomic_store_explicit (&thread->ring->state, MF_SLOT_CLOSED, memory_order_release);
    ring_bell ();
  }
  mf_stream_renew (thread);
  mf_attach_leave (thread);
}

// In another PID namespace the reader would take a process for another one, or for gone.
bool
mf_stream_is_foreign (void)
{
  uint64_t own = mf_pid_space (), its = mf_agent.region->space;
  return own && its && own != its;
}

// In a child: the ring is the parent's.
void
mf_stream_after_fork (void)
{
  MfThread *thread = &mf_thread;
  mf_agent.parent = mf_agent.process;
  mf_agent.process = (int32_t) getpid ();
  mf_agent.forked = true;
  mf_agent.began = mf_now ();
  mf_agent.start_up = 0;
  mf_agent.foreign = mf_stream_is_foreign ();
  thread->ring = NULL;
  thread->head = thread->limit = 0;
  thread->gave_up = false;
  forget_defined (thread);
  mf_maps_after_fork ();
  mf_sample_after_fork ();
  mf_attach_after_fork ();
}

// Rings of this process from before an exec have no writer any more.
void
mf_stream_start (void)
{
  for (uint32_t i = 0; i < mf_agent.n_slots && !mf_agent.foreign; i++) {
    MfRing *ring = mf_ring_at (mf_agent.region, i);
    uint32_t live = MF_SLOT_LIVE;
    if (atomic_load (&ring->state) == MF_SLOT_LIVE && ring->process == mf_agent.process)
      atomic_compare_exchange_strong (&ring->state, &live, MF_SLOT_CLOSED);
  }
}
