// SPDX-License-Identifier: Apache-2.0
// One record for each call of an allocator. A free is written before the real one and an allocation after it, so
// that an address never seems to be in use twice.
#include "agent.h"

enum { LONGEST = sizeof (MfRemapRecord) + sizeof (MfTimeRecord) };

static MF_COLD bool
is_dropped (MfThread *thread)
{
  mf_stream_drop (thread);
  return true;
}

// Makes room for an event; there is none when it has to be dropped.
static inline bool
has_room (MfThread *thread)
{
  return MF_LIKELY (mf_stream_has_room (thread, LONGEST)) || mf_stream_make_room (thread, LONGEST)
      || !is_dropped (thread);
}

static MF_COLD void
tell_time (MfThread *thread, uint64_t now)
{
  *(MfTimeRecord *) mf_stream_at (thread) = (MfTimeRecord) { { .kind = MF_RECORD_TIME }, now };
  mf_stream_add (thread, sizeof (MfTimeRecord));
  thread->era = (uint32_t) (now >> 32);
}

static inline void
write_head (MfRecordHead *to, unsigned kind, unsigned domain, uint32_t stack, uint32_t time)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint64_t head = (uint64_t) time << 32 | stack << 16 | domain << 8 | kind;  // one store instead of four
  memcpy (to, &head, sizeof head);
#else
  *to = (MfRecordHead) { .kind = kind, .domain = domain, .stack = stack & MF_NO_STACK, .value = time };
#endif
}

// Where the record of an event goes, its head being written; NULL = nowhere. Room is asked for again behind the stack,
// whose definition may have taken it.
static MF_HOT void *
open_event (MfThread *thread, unsigned kind, unsigned domain, uint32_t option)
{
  uint32_t stack = MF_NO_STACK;
  if (MF_UNLIKELY (mf_agent.options & MF_RING_PAUSED) || MF_UNLIKELY (!has_room (thread)))
    return NULL;
  if (mf_agent.options & option) {
    stack = mf_stack_slot (thread, domain);
    if ((MF_UNLIKELY (stack > MF_NO_STACK) && is_dropped (thread)) || MF_UNLIKELY (!has_room (thread)))
      return NULL;
  }
  uint64_t now = mf_now ();
  if (MF_UNLIKELY (now >> 32 != thread->era))
    tell_time (thread, now);
  MfRecordHead *head = mf_stream_at (thread);
  write_head (head, kind, domain, stack, (uint32_t) now);
  return head;
}

// Counts the event, then publishes it.
static inline void
close_event (MfThread *thread, uint32_t n)
{
  MfRing *ring = thread->ring;
  uint64_t head = thread->head + n, events = thread->events + 1;
  thread->head = head;
  thread->events = events;
  atomic_store_explicit (&ring->events, events, memory_order_relaxed);
  atomic_store_explicit (&ring->head, head, memory_order_release);
}

void
mf_record_alloc (unsigned domain, uintptr_t address, uint64_t size)
{
  MfThread *thread = &mf_thread;
  MfAllocRecord *record = open_event (thread, address ? MF_RECORD_ALLOC : MF_RECORD_FAILED, domain, MF_RING_STACKS);
  if (MF_UNLIKELY (!record))
    return;
  record->address = address;
  record->size = size;
  close_event (thread, sizeof *record);
}

void
mf_record_free (unsigned domain, uintptr_t address)
{
  MfThread *thread = &mf_thread;
  MfFreeRecord *record = open_event (thread, MF_RECORD_FREE, domain, MF_RING_FREE_STACKS);
  if (MF_UNLIKELY (!record))
    return;
  record->address = address;
  close_event (thread, sizeof *record);
}

void
mf_record_typed_free (uintptr_t address, uint32_t type)
{
  MfThread *thread = &mf_thread;
  MfTypedFreeRecord *record = open_event (thread, MF_RECORD_TYPED_FREE, MF_OBJ, MF_RING_FREE_STACKS);
  if (MF_UNLIKELY (!record))
    return;
  record->address = address;
  record->type = type;
  record->reserved = 0;
  close_event (thread, sizeof *record);
}

static void
record_failed_realloc (MfThread *thread, unsigned domain, uintptr_t old, uint64_t size)
{
  MfAllocRecord *record = open_event (thread, MF_RECORD_FAILED, domain, MF_RING_STACKS);
  if (!record)
    return;
  record->address = old;
  record->size = size;
  close_event (thread, sizeof *record);
}

void
mf_record_realloc (unsigned domain, uintptr_t old, uintptr_t address, uint64_t size)
{
  MfThread *thread = &mf_thread;
  if (MF_UNLIKELY (!address)) {
    record_failed_realloc (thread, domain, old, size);
    return;
  }
  MfReallocRecord *record = open_event (thread, MF_RECORD_REALLOC, domain, MF_RING_STACKS);
  if (MF_UNLIKELY (!record))
    return;
  record->address = address;
  record->size = size;
  record->old = old;
  close_event (thread, sizeof *record);
}

void
mf_record_unmap (unsigned domain, uintptr_t address, uint64_t size)
{
  MfThread *thread = &mf_thread;
  MfUnmapRecord *record = open_event (thread, MF_RECORD_UNMAP, domain, MF_RING_FREE_STACKS);
  if (!record)
    return;
  record->address = address;
  record->size = size;
  close_event (thread, sizeof *record);
}

void
mf_record_remap (unsigned domain, uintptr_t old, uint64_t old_size, uintptr_t address, uint64_t size)
{
  MfThread *thread = &mf_thread;
  if (!address) {
    record_failed_realloc (thread, domain, old, size);
    return;
  }
  MfRemapRecord *record = open_event (thread, MF_RECORD_REMAP, domain, MF_RING_STACKS);
  if (!record)
    return;
  record->address = address;
  record->size = size;
  record->old = old;
  record->old_size = old_size;
  close_event (thread, sizeof *record);
}

// Of a pause, too. The stack is not of interest.
bool
mf_record_mark (MfThread *thread, unsigned kind, const char *name, uint32_t n)
{
  uint32_t whole = (uint32_t) (sizeof (MfMarkRecord) + n + 7) & ~7u;
  MfMarkRecord *record = mf_stream_room (thread, whole);
  if (!record) {
    mf_stream_drop (thread);
    return false;
  }
  *record = (MfMarkRecord) { .head = { .kind = MF_RECORD_MARK, .domain = kind, .value = whole }, .time = mf_now (),
    .length = n };
  memcpy (record + 1, name, n);
  close_event (thread, whole);
  return true;
}
