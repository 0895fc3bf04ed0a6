// SPDX-License-Identifier: Apache-2.0
// One record for each call of an allocator. A free is written before the real one and an allocation after it, so
// that an address never seems to be in use twice.
#include "agent.h"

static bool
recording (void)
{
  return !atomic_load_explicit (&mf_agent.region->detached, memory_order_relaxed);
}

// Tells, in front of the next event, how many are missing there.
static bool
tell_lost (MfThread *thread)
{
  if (MF_LIKELY (thread->dropped == thread->told))
    return true;
  MfLostRecord *record = mf_stream_room (thread, sizeof *record);
  if (!record)
    return false;
  *record = (MfLostRecord) { { .kind = MF_RECORD_LOST }, thread->dropped - thread->told };
  thread->told = thread->dropped;
  thread->gave_up = false;
  mf_stream_add (thread, sizeof *record);
  return true;
}

static void *
open_event (MfThread *thread, uint32_t n)
{
  void *room = tell_lost (thread) ? mf_stream_room (thread, n) : NULL;
  if (MF_UNLIKELY (!room))
    mf_stream_drop (thread);
  return room;
}

static void
close_event (MfThread *thread, uint32_t n)
{
  mf_stream_add (thread, n);
  atomic_store_explicit (&thread->ring->events, ++thread->events, memory_order_relaxed);
  atomic_store_explicit (&thread->ring->head, thread->head, memory_order_release);
}

static uint32_t
slot_for (MfThread *thread, unsigned domain, uint32_t option)
{
  return mf_agent.options & option ? mf_stack_slot (thread, domain) : MF_NO_SLOT;
}

void
mf_record_alloc (unsigned domain, uintptr_t address, uint64_t size)
{
  MfThread *thread = &mf_thread;
  if (MF_UNLIKELY (!recording ()) || MF_UNLIKELY (!mf_stream_ready (thread)))
    return;
  uint32_t slot = slot_for (thread, domain, MF_RING_STACKS);
  MfAllocRecord *record = open_event (thread, sizeof *record);
  if (MF_UNLIKELY (!record))
    return;
  uint8_t kind = address ? MF_RECORD_ALLOC : MF_RECORD_FAILED;
  *record = (MfAllocRecord) { { .kind = kind, .domain = domain, .value = slot }, mf_now (), address, size };
  close_event (thread, sizeof *record);
}

void
mf_record_free (unsigned domain, uintptr_t address)
{
  MfThread *thread = &mf_thread;
  if (MF_UNLIKELY (!recording ()) || MF_UNLIKELY (!mf_stream_ready (thread)))
    return;
  uint32_t slot = slot_for (thread, domain, MF_RING_FREE_STACKS);
  MfFreeRecord *record = open_event (thread, sizeof *record);
  if (MF_UNLIKELY (!record))
    return;
  *record = (MfFreeRecord) { { .kind = MF_RECORD_FREE, .domain = domain, .value = slot }, mf_now (), address };
  close_event (thread, sizeof *record);
}

static void
record_failed_realloc (MfThread *thread, unsigned domain, uint32_t slot, uintptr_t old, uint64_t size)
{
  MfAllocRecord *record = open_event (thread, sizeof *record);
  if (!record)
    return;
  *record = (MfAllocRecord) { { .kind = MF_RECORD_FAILED, .domain = domain, .value = slot }, mf_now (), old, size };
  close_event (thread, sizeof *record);
}

void
mf_record_realloc (unsigned domain, uintptr_t old, uintptr_t address, uint64_t size)
{
  MfThread *thread = &mf_thread;
  if (MF_UNLIKELY (!recording ()) || MF_UNLIKELY (!mf_stream_ready (thread)))
    return;
  uint32_t slot = slot_for (thread, domain, MF_RING_STACKS);
  if (MF_UNLIKELY (!address)) {
    record_failed_realloc (thread, domain, slot, old, size);
    return;
  }
  MfReallocRecord *record = open_event (thread, sizeof *record);
  if (MF_UNLIKELY (!record))
    return;
  *record = (MfReallocRecord) { { .kind = MF_RECORD_REALLOC, .domain = domain, .value = slot }, mf_now (), address, size, old };
  close_event (thread, sizeof *record);
}
