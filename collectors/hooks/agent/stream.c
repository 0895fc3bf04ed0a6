// SPDX-License-Identifier: Apache-2.0
// The writing end of a ring: a thread takes a slot, writes behind its head, and gives the slot back when it ends.
#include "agent.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined __x86_64__
#include <x86intrin.h>
#endif

__thread MfThread mf_thread __attribute__ ((tls_model ("initial-exec")));

static uint64_t
monotonic_ns (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

uint64_t
mf_now (void)
{
#if defined __x86_64__
  if (MF_LIKELY (mf_agent.options & MF_RING_TSC))
    return __rdtsc ();
#endif
  return monotonic_ns ();
}

// ---- waiting for the reader

static void
futex_wake (_Atomic uint32_t *word)
{
  syscall (SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void
ring_bell (void)
{
  MfRingRegion *region = mf_agent.region;
  // Only the first one rings: a system call costs more than many events.
  if (!atomic_load_explicit (&region->asleep, memory_order_relaxed) || !atomic_exchange (&region->asleep, 0))
    return;
  int error = errno;
  atomic_fetch_add (&region->bell, 1);
  futex_wake (&region->bell);
  errno = error;
}

static bool
reader_has_gone (void)
{
  MfRingRegion *region = mf_agent.region;
  if (atomic_load (&region->detached))
    return true;
  if (kill (region->reader, 0) == 0 || errno != ESRCH)
    return false;
  atomic_store (&region->detached, 1);
  return true;
}

// Sleeps until the reader has made room somewhere, at most a few ms. False = it is time to give up.
static bool
wait_for_reader (uint64_t since)
{
  MfRingRegion *region = mf_agent.region;
  const struct timespec while_ = { 0, 2000000 };
  uint32_t freed = atomic_load (&region->freed);
  ring_bell ();
  atomic_fetch_add (&region->waiting, 1);
  syscall (SYS_futex, &region->freed, FUTEX_WAIT, freed, &while_, NULL, 0);
  atomic_fetch_sub (&region->waiting, 1);
  return !reader_has_gone () && monotonic_ns () - since < mf_agent.patience;
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
  uint64_t since = monotonic_ns ();
  bool waiting = !reader_has_gone (), room = false;
  while (waiting && !room) {
    waiting = wait_for_reader (since);
    room = has_room (thread, n);
  }
  thread->gave_up = !room;
  errno = error;
  return room;
}

void *
mf_stream_room (MfThread *thread, uint32_t n)
{
  uint32_t at = (uint32_t) thread->head & (mf_agent.ring_size - 1), left = mf_agent.ring_size - at;
  uint32_t whole = n <= left ? n : n + left;
  if (MF_UNLIKELY (thread->head + whole - thread->tail > mf_agent.ring_size / 2)
      && !has_room (thread, whole + mf_agent.ring_size / 2)) {
    ring_bell ();
    if (!wait_for_room (thread, whole))
      return NULL;
  }
  if (MF_LIKELY (whole == n))
    return thread->bytes + at;
  *(MfRecordHead *) (thread->bytes + at) = (MfRecordHead) { .kind = MF_RECORD_SKIP, .value = left };
  thread->head += left;
  return thread->bytes;
}

void
mf_stream_drop (MfThread *thread)
{
  thread->dropped++;
  atomic_store_explicit (&thread->ring->dropped, thread->dropped, memory_order_relaxed);
}

// ---- taking and giving back a slot

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
  uint64_t since = monotonic_ns ();
  bool waiting = !(mf_agent.options & MF_RING_DROP);
  while (!take_slot (thread)) {
    if (!waiting)
      return false;
    waiting = wait_for_reader (since);
  }
  return true;
}

static void
introduce (MfThread *thread)
{
  MfProgramRecord *record = mf_stream_room (thread, sizeof *record);
  *record = (MfProgramRecord) { .head.kind = MF_RECORD_PROGRAM, .version = mf_agent.version,
    .stacks = mf_frames_verdict () };
  mf_stream_add (thread, sizeof *record);
  atomic_store_explicit (&thread->ring->head, thread->head, memory_order_release);
  atomic_store_explicit (&thread->ring->state, MF_SLOT_LIVE, memory_order_release);
}

static bool
start_stream (MfThread *thread)
{
  thread->events = thread->dropped = thread->told = 0;
  if (!wait_for_slot (thread))
    return false;
  void *defined = mmap (NULL, sizeof (MfDefined), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  thread->defined = defined == MAP_FAILED ? NULL : defined;
  introduce (thread);
  pthread_setspecific (mf_agent.at_exit, thread);
  return true;
}

// Whether the thread has a ring; it gets one when it has none.
bool
mf_stream_ready (MfThread *thread)
{
  if (MF_LIKELY (thread->ring))
    return true;
  if (thread->closings <= PTHREAD_DESTRUCTOR_ITERATIONS - 1 && !atomic_load (&mf_agent.region->detached)) {
    int error = errno;
    bool started = start_stream (thread);
    errno = error;
    if (started)
      return true;
  }
  atomic_fetch_add (&mf_agent.region->homeless, 1);
  return false;
}

static void
forget_defined (MfThread *thread)
{
  if (thread->defined)
    munmap (thread->defined, sizeof *thread->defined);
  thread->defined = NULL;
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
  if (!thread->ring)
    return;
  atomic_store_explicit (&thread->ring->state, MF_SLOT_CLOSED, memory_order_release);
  thread->ring = NULL;
  forget_defined (thread);
  ring_bell ();
}

// In a child: the ring is the parent's.
void
mf_stream_after_fork (void)
{
  MfThread *thread = &mf_thread;
  mf_agent.process = (int32_t) getpid ();
  thread->ring = NULL;
  thread->gave_up = false;
  forget_defined (thread);
}

// Rings of this process from before an exec have no writer any more.
void
mf_stream_start (void)
{
  for (uint32_t i = 0; i < mf_agent.n_slots; i++) {
    MfRing *ring = mf_ring_at (mf_agent.region, i);
    uint32_t live = MF_SLOT_LIVE;
    if (atomic_load (&ring->state) == MF_SLOT_LIVE && ring->process == mf_agent.process)
      atomic_compare_exchange_strong (&ring->state, &live, MF_SLOT_CLOSED);
  }
}
