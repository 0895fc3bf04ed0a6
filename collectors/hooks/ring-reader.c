// SPDX-License-Identifier: Apache-2.0
// Rings to rows. A stream is what one thread writes from taking its ring to giving it back.
#include "ring-reader.h"

#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "code-lines.h"

typedef struct {
  MfString function, file;
  uint32_t first_line, table_length;
  uint8_t *table;
  uint16_t version;
  bool has_lines;
} Code;

typedef struct {
  int32_t process;
  uint32_t number;            // of the thread, from 1
  uint32_t sequence;
  bool broken;                // holds what cannot be true: not read any more
  bool at_event;
  uint64_t tail, freed, end;  // read up to; given back up to; whole up to
  uint64_t events, dropped;   // read; told as lost
  uint64_t ticks;             // of the event that comes next
  uint32_t length;            // of its record
  MfAlloc event;
  MfStack stacks[MF_STACK_SLOTS];
  Code codes[MF_CODE_SLOTS];
} Stream;

struct MfRingReader {
  MfRingRegion *region;
  uint32_t n_slots, ring_size;
  MfRingSink sink;
  MfRingInstant before, now;  // the clock of the region at the last and at this pass
  int64_t zero_ns;
  uint8_t *copy;              // of a record of variable length
  uint64_t events;
  uint32_t threads;
  uint32_t n_live;
  Stream *streams[];          // by slot; NULL = nobody writes there
};

// ---- a stream begins and ends

static MfRing *
ring_of (const MfRingReader *reader, uint32_t slot)
{
  return mf_ring_at (reader->region, slot);
}

static void
forget_codes (MfRingReader *reader, Stream *stream)
{
  for (uint32_t i = 0; i < MF_CODE_SLOTS; i++)
    if (stream->codes[i].table)
      reader->sink.resize (reader->sink.user, stream->codes[i].table, 0);
}

static void
forget_stream (MfRingReader *reader, uint32_t slot)
{
  Stream *stream = reader->streams[slot];
  if (!stream)
    return;
  forget_codes (reader, stream);
  reader->sink.resize (reader->sink.user, stream, 0);
  reader->streams[slot] = NULL;
  reader->n_live--;
}

static void
wake_writers (const MfRingReader *reader)
{
  MfRingRegion *region = reader->region;
  atomic_fetch_add (&region->freed, 1);
  if (atomic_load (&region->waiting))
    syscall (SYS_futex, &region->freed, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static Stream *
open_stream (MfRingReader *reader, uint32_t slot)
{
  Stream *stream = reader->sink.resize (reader->sink.user, NULL, sizeof *stream);
  if (!stream)
    return NULL;
  memset (stream, 0, sizeof *stream);
  MfRing *ring = ring_of (reader, slot);
  stream->process = ring->process;
  stream->number = ++reader->threads;
  stream->tail = stream->freed = stream->end = atomic_load (&ring->tail);
  reader->n_live++;
  return reader->streams[slot] = stream;
}

static void
lose (MfRingReader *reader, MfRingLoss reason, uint64_t count, const char *why)
{
  if (count || why)
    reader->sink.lost (reader->sink.user, reason, count, why);
}

// What the writer counted and the reader did not see is lost; both numbers are of this stream only.
static void
account (MfRingReader *reader, Stream *stream, const MfRing *ring)
{
  uint64_t events = atomic_load (&ring->events), dropped = atomic_load (&ring->dropped);
  if (stream->broken || events < stream->events || dropped < stream->dropped) {
    uint64_t missing = events > stream->events ? events - stream->events : 0;
    lose (reader, MF_RING_DAMAGED, missing, missing ? NULL : "its counters run backwards");
    return;
  }
  lose (reader, MF_RING_DROPPED, dropped - stream->dropped, NULL);
  lose (reader, MF_RING_CUT_SHORT, events - stream->events, NULL);
}

static void
close_stream (MfRingReader *reader, uint32_t slot)
{
  MfRing *ring = ring_of (reader, slot);
  Stream *stream = reader->streams[slot];
  account (reader, stream, ring);
  atomic_store (&ring->tail, stream->tail);
  atomic_store (&ring->head, stream->tail);
  atomic_store_explicit (&ring->state, MF_SLOT_FREE, memory_order_release);
  forget_stream (reader, slot);
  wake_writers (reader);
}

// ---- records

static const uint8_t lengths[MF_N_RECORDS] = {
  [MF_RECORD_ALLOC] = sizeof (MfAllocRecord), [MF_RECORD_FREE] = sizeof (MfFreeRecord),
  [MF_RECORD_REALLOC] = sizeof (MfReallocRecord), [MF_RECORD_FAILED] = sizeof (MfAllocRecord),
  [MF_RECORD_LOST] = sizeof (MfLostRecord), [MF_RECORD_PROGRAM] = sizeof (MfProgramRecord),
  [MF_RECORD_NODE] = sizeof (MfNodeRecord),
};

static bool
damage (MfRingReader *reader, Stream *stream, const char *why)
{
  stream->broken = true;
  lose (reader, MF_RING_DAMAGED, 0, why);
  return false;
}

// Bytes of the record at the tail, from its head; 0 = it cannot be one.
static uint32_t
length_of (const MfRingReader *reader, const Stream *stream, MfRecordHead head)
{
  uint32_t at = (uint32_t) stream->tail & (reader->ring_size - 1), left = reader->ring_size - at;
  uint32_t length = head.kind < MF_N_RECORDS ? lengths[head.kind] : 0;
  if (head.kind == MF_RECORD_SKIP)
    length = head.value == left ? left : 0;
  if (head.kind == MF_RECORD_CODE && head.value >= sizeof (MfCodeRecord) && head.value % 8 == 0
      && head.value <= mf_ring_longest (reader->ring_size))
    length = head.value;
  return length <= left && length <= stream->end - stream->tail ? length : 0;
}

static bool
take_lost (MfRingReader *reader, Stream *stream, const MfLostRecord *record)
{
  stream->dropped += record->count;
  stream->sequence += (uint32_t) record->count;
  lose (reader, MF_RING_DROPPED, record->count, NULL);
  return true;
}

static bool
take_program (MfRingReader *reader, Stream *stream, const MfProgramRecord *record)
{
  reader->sink.program (reader->sink.user, stream->process, record->version, record->stacks);
  return true;
}

static bool
take_node (MfRingReader *reader, Stream *stream, const MfNodeRecord *record)
{
  bool is_root = record->caller == MF_NO_SLOT, is_cut = record->code == MF_NO_SLOT;
  if (record->head.value >= MF_STACK_SLOTS || (!is_root && record->caller >= MF_STACK_SLOTS)
      || (!is_cut && record->code >= MF_CODE_SLOTS))
    return damage (reader, stream, "a frame names a slot that does not exist");
  const MfRingSink *sink = &reader->sink;
  MfFrame frame = { 0 };
  if (is_cut) {
    frame.function = sink->string (sink->user, "[more frames]", 13);
  } else {
    const Code *code = &stream->codes[record->code];
    frame = (MfFrame) { code->function, code->file,
      code->has_lines ? mf_code_line (code->version, code->first_line, code->table, code->table_length,
          record->instruction) : 0, 0 };
  }
  MfStack caller = is_root ? (MfStack) { 0 } : stream->stacks[record->caller];
  stream->stacks[record->head.value] = sink->stack (sink->user, caller, frame);
  return true;
}

static bool
take_code (MfRingReader *reader, Stream *stream, const MfCodeRecord *record)
{
  const MfRingSink *sink = &reader->sink;
  uint64_t needed = sizeof *record + (uint64_t) record->name_length + record->file_length + record->table_length;
  if (record->slot >= MF_CODE_SLOTS || needed > record->head.value)
    return damage (reader, stream, "a code object is longer than its record");
  const char *name = (const char *) (record + 1), *file = name + record->name_length;
  Code *code = &stream->codes[record->slot];
  if (code->table)
    sink->resize (sink->user, code->table, 0);
  *code = (Code) { .function = sink->string (sink->user, name, record->name_length),
    .file = sink->string (sink->user, file, record->file_length), .first_line = record->first_line,
    .version = record->version, .has_lines = !record->no_lines && !record->table_length };
  code->table = record->table_length ? sink->resize (sink->user, NULL, record->table_length) : NULL;
  if (code->table) {
    memcpy (code->table, file + record->file_length, record->table_length);
    code->table_length = record->table_length;
    code->has_lines = true;
  }
  return true;
}

static bool
take_event (MfRingReader *reader, Stream *stream, const MfReallocRecord *record)
{
  static const uint8_t ops[] = { [MF_RECORD_ALLOC] = MF_OP_ALLOC, [MF_RECORD_FREE] = MF_OP_FREE,
    [MF_RECORD_REALLOC] = MF_OP_REALLOC, [MF_RECORD_FAILED] = MF_OP_FAILED };
  unsigned kind = record->head.kind;
  uint32_t slot = record->head.value;
  if (record->head.domain > MF_DOMAIN_BREAK || (slot != MF_NO_SLOT && slot >= MF_STACK_SLOTS))
    return damage (reader, stream, "an event names a domain or a stack that does not exist");
  bool failed = kind == MF_RECORD_FAILED;
  stream->ticks = record->time;
  stream->event = (MfAlloc) {
    .address = failed ? MF_ADDRESS_NONE : (MfAddress) { record->address },
    .old_address = kind == MF_RECORD_REALLOC ? (MfAddress) { record->old }
        : failed && record->address ? (MfAddress) { record->address } : MF_ADDRESS_NONE,
    .size = kind == MF_RECORD_FREE ? MF_SIZE_NONE : (MfSize) { record->size }, .granted = MF_SIZE_NONE,
    .stack = slot == MF_NO_SLOT ? (MfStack) { 0 } : stream->stacks[slot],
    .process = (uint32_t) stream->process, .thread = stream->number, .op = ops[kind],
    .domain = record->head.domain,
  };
  return stream->at_event = true;
}

static bool
take_record (MfRingReader *reader, Stream *stream, const uint8_t *copy)
{
  switch (((const MfRecordHead *) copy)->kind) {
  case MF_RECORD_SKIP: return true;
  case MF_RECORD_LOST: return take_lost (reader, stream, (const void *) copy);
  case MF_RECORD_PROGRAM: return take_program (reader, stream, (const void *) copy);
  case MF_RECORD_CODE: return take_code (reader, stream, (const void *) copy);
  case MF_RECORD_NODE: return take_node (reader, stream, (const void *) copy);
  default: return take_event (reader, stream, (const void *) copy);
  }
}

// Reads up to the next event of a stream. False = there is none.
static bool
advance (MfRingReader *reader, Stream *stream, uint32_t slot)
{
  const uint8_t *bytes = mf_ring_bytes (reader->region, reader->n_slots, reader->ring_size, slot);
  while (!stream->at_event && !stream->broken && stream->end - stream->tail >= sizeof (MfRecordHead)) {
    const uint8_t *at = bytes + (stream->tail & (reader->ring_size - 1));
    MfRecordHead head;
    memcpy (&head, at, sizeof head);
    uint32_t length = length_of (reader, stream, head);
    if (!length)
      return damage (reader, stream, "a record has an impossible length");
    if (head.kind != MF_RECORD_SKIP)
      memcpy (reader->copy, at, length);
    memcpy (reader->copy, &head, sizeof head);  // the one that was checked
    if (!take_record (reader, stream, reader->copy))
      return false;
    if (stream->at_event)
      stream->length = length;
    else
      stream->tail += length;
  }
  return stream->at_event;
}

static void
give_back (MfRingReader *reader, Stream *stream, uint32_t slot)
{
  if (stream->tail == stream->freed)
    return;
  atomic_store_explicit (&ring_of (reader, slot)->tail, stream->tail, memory_order_release);
  stream->freed = stream->tail;
  wake_writers (reader);
}

// ---- time

static int64_t
ns_of (const MfRingReader *reader, uint64_t ticks)
{
  const MfRingInstant *a = &reader->before, *b = &reader->now;
  int64_t delta = (int64_t) (ticks - a->ticks), span = (int64_t) (b->ticks - a->ticks);
  if (span <= 0)
    return b->ns - reader->zero_ns;
  return a->ns - reader->zero_ns + (int64_t) ((__int128) delta * (b->ns - a->ns) / span);
}

static void
set_now (MfRingReader *reader, MfRingInstant now)
{
  enum { LEAST_SPAN = 1000000 };  // ns: below it, the slope would be noise
  if (now.ns - reader->now.ns >= LEAST_SPAN)
    reader->before = reader->now;
  reader->now = now;
}

// ---- a pass over all rings

static void
look_at_slot (MfRingReader *reader, uint32_t slot)
{
  MfRing *ring = ring_of (reader, slot);
  Stream *stream = reader->streams[slot];
  if (!stream) {
    uint32_t state = atomic_load_explicit (&ring->state, memory_order_acquire);
    if (state == MF_SLOT_LIVE || state == MF_SLOT_CLOSED)
      stream = open_stream (reader, slot);
  }
  if (!stream || stream->broken)
    return;
  uint64_t head = atomic_load_explicit (&ring->head, memory_order_acquire);
  if (head - stream->tail > reader->ring_size || head % 8 || head < stream->end)
    damage (reader, stream, "its write position is impossible");
  else
    stream->end = head;
}

// The stream whose next event is the oldest, and the time of the second oldest.
static Stream *
oldest (MfRingReader *reader, uint32_t *slot, uint64_t *second)
{
  Stream *first = NULL;
  *second = UINT64_MAX;
  for (uint32_t i = 0, seen = 0; i < reader->n_slots && seen < reader->n_live; i++) {
    Stream *stream = reader->streams[i];
    if (!stream)
      continue;
    seen++;
    if (!advance (reader, stream, i))
      continue;
    uint64_t other = stream->ticks;
    if (!first || stream->ticks < first->ticks) {
      other = first ? first->ticks : UINT64_MAX;
      first = stream;
      *slot = i;
    }
    *second = other < *second ? other : *second;
  }
  return first;
}

static bool
publish (MfRingReader *reader, Stream *stream)
{
  stream->event.time.ns = ns_of (reader, stream->ticks);
  stream->event.sequence = ++stream->sequence;
  stream->events++;
  reader->events++;
  stream->tail += stream->length;
  stream->at_event = false;
  return reader->sink.event (reader->sink.user, &stream->event);
}

// Publishes events of one stream up to a time, and gives its room back now and then.
static bool
publish_until (MfRingReader *reader, Stream *stream, uint32_t slot, uint64_t until)
{
  do {
    if (!publish (reader, stream))
      return false;
    if (stream->tail - stream->freed >= reader->ring_size / 8)
      give_back (reader, stream, slot);
  } while (advance (reader, stream, slot) && stream->ticks <= until);
  return true;
}

static uint64_t
read_until (MfRingReader *reader, uint64_t horizon, bool *going)
{
  uint64_t before = reader->events, second;
  uint32_t slot = 0;
  for (uint32_t i = 0; i < reader->n_slots; i++)
    look_at_slot (reader, i);
  Stream *stream;
  while (*going && (stream = oldest (reader, &slot, &second)) && stream->ticks <= horizon)
    *going = publish_until (reader, stream, slot, second < horizon ? second : horizon);
  for (uint32_t i = 0; i < reader->n_slots; i++)
    if (reader->streams[i])
      give_back (reader, reader->streams[i], i);
  return reader->events - before;
}

// A ring that was given back and has been read to its end.
static bool
is_over (const MfRingReader *reader, uint32_t slot)
{
  const Stream *stream = reader->streams[slot];
  const MfRing *ring = ring_of (reader, slot);
  return stream && atomic_load_explicit (&ring->state, memory_order_acquire) == MF_SLOT_CLOSED
      && (stream->broken || atomic_load_explicit (&ring->head, memory_order_acquire) == stream->tail);
}

uint64_t
mf_ring_reader_drain (MfRingReader *reader, MfRingInstant now, bool *going)
{
  set_now (reader, now);
  uint64_t n = read_until (reader, now.ticks, going);
  for (uint32_t i = 0; i < reader->n_slots; i++)
    if (is_over (reader, i))
      close_stream (reader, i);
  return n;
}

uint64_t
mf_ring_reader_finish (MfRingReader *reader, MfRingInstant now, bool *going)
{
  set_now (reader, now);
  uint64_t n = read_until (reader, UINT64_MAX, going);
  for (uint32_t i = 0; i < reader->n_slots; i++)
    if (reader->streams[i])
      close_stream (reader, i);
  lose (reader, MF_RING_HOMELESS, atomic_exchange (&reader->region->homeless, 0), NULL);
  return n;
}

void
mf_ring_reader_reap (MfRingReader *reader, bool (*is_gone) (int32_t process))
{
  for (uint32_t i = 0; i < reader->n_slots; i++) {
    const Stream *stream = reader->streams[i];
    uint32_t live = MF_SLOT_LIVE;
    if (stream && is_gone (stream->process))
      atomic_compare_exchange_strong (&ring_of (reader, i)->state, &live, MF_SLOT_CLOSED);
  }
}

// ---- the reader

MfRingReader *
mf_ring_reader_new (MfRingRegion *region, uint32_t n_slots, uint32_t ring_size, MfRingInstant start,
    const MfRingSink *sink)
{
  size_t size = sizeof (MfRingReader) + n_slots * sizeof (Stream *);
  MfRingReader *reader = sink->resize (sink->user, NULL, size);
  if (!reader)
    return NULL;
  memset (reader, 0, size);
  *reader = (MfRingReader) { .region = region, .n_slots = n_slots, .ring_size = ring_size, .sink = *sink,
    .before = start, .now = start, .zero_ns = start.ns };
  reader->copy = sink->resize (sink->user, NULL, mf_ring_longest (ring_size));
  if (reader->copy)
    return reader;
  mf_ring_reader_free (reader);
  return NULL;
}

void
mf_ring_reader_free (MfRingReader *reader)
{
  if (!reader)
    return;
  MfRingSink sink = reader->sink;
  for (uint32_t i = 0; i < reader->n_slots; i++)
    forget_stream (reader, i);
  if (reader->copy)
    sink.resize (sink.user, reader->copy, 0);
  sink.resize (sink.user, reader, 0);
}

uint64_t
mf_ring_reader_events (const MfRingReader *reader)
{
  return reader->events;
}

uint32_t
mf_ring_reader_threads (const MfRingReader *reader)
{
  return reader->threads;
}

uint32_t
mf_ring_reader_others (const MfRingReader *reader, int32_t process)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < reader->n_slots; i++)
    n += reader->streams[i] && reader->streams[i]->process != process;
  return n;
}
