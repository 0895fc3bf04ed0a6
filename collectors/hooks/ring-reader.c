// SPDX-License-Identifier: Apache-2.0
// Rings to rows. A stream is what one thread writes from taking its ring to giving it back.
#include "ring-reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bytecode/code-lines.h"
#include "futex.h"
#include "map-ledger.h"
#include "native-frame.h"

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
  uint64_t counted;           // by the writer, before `end`
  uint64_t era;               // upper half of the time
  uint64_t ticks;             // of the event that comes next
  int64_t ns;                 // of the latest event: time does not run backwards when the slope changes
  uint32_t length;            // of its record
  MfAlloc event;
  MfProgramStart start;       // instead of an event, as `kind` says
  uint64_t start_up, own;     // of the agent in it
  MfProgramMark mark;
  uint64_t old_size;          // of a map that became another one
  uint8_t kind;               // of the record that the event came from
  MfStack stacks[MF_STACK_SLOTS + 1];  // the last one is none
  MfString types[MF_TYPE_SLOTS];
  MfString modules[MF_MODULE_SLOTS];   // as native-frame.h writes them
  Code codes[MF_CODE_SLOTS];
} Stream;

// What must be known of a process to tell its programs and its maps one by one.
typedef struct {
  int32_t process;
  bool has_begun, sampled;
  uint64_t began;             // its program, as the agent says
  int64_t began_ns, last_ns;
  uint32_t live, most_live;   // threads
  uint64_t ticks;             // that the timed events took
  uint64_t types_ticks;       // and reading types did
  uint64_t own, mapped;       // memory of the agent: for the process, and the most for a thread
  MfHooksCost cost;
  MfMapLedger maps, pieces;   // pieces: of the break
} Process;

// ns at a tick, and for each one after it, with 32 bits behind the point.
typedef struct { uint64_t ticks; int64_t ns; uint64_t slope; } Clock;

struct MfRingReader {
  MfRingRegion *region;
  uint32_t n_slots, ring_size;
  uint32_t n_used;            // slots that have ever been taken
  MfRingSink sink;
  MfRingInstant before, now;  // the clock of the region at the last and at this pass
  int64_t zero_ns;
  Clock clock;                // between them
  uint8_t *copy;              // of a record of variable length
  uint64_t events;
  uint32_t threads;
  uint32_t n_live;
  Process *processes;
  uint32_t n_processes, process_room;
  Stream *streams[];          // by slot; NULL = nobody writes there
};

// ---- words

uint32_t
mf_ring_loss_reason (MfRingLoss loss)
{
  static const uint32_t reasons[] = { [MF_RING_DROPPED] = MF_LOST_QUEUE_FULL, [MF_RING_CUT_SHORT] = MF_LOST_TRUNCATED,
    [MF_RING_DAMAGED] = MF_LOST_DAMAGED, [MF_RING_HOMELESS] = MF_LOST_REFUSED };
  return reasons[loss];
}

const char *
mf_ring_no_stacks (uint32_t verdict)
{
  static const char *const reasons[] = {
    [MF_STACKS_VERSION] = "its version is not one whose frames are known (final releases of 3.8 to 3.14, with 32 bits of 3.9, "
      "3.11, 3.13 and 3.14); stacks = force tries it all the same",
    [MF_STACKS_FREE_THREADED] = "it is a free-threaded build, whose frames other threads may change while they are read",
    [MF_STACKS_LAYOUT] = "its frames do not lie where those of its version do",
    [MF_STACKS_SYMBOLS] = "it lacks functions that are needed to verify where its frames are",
  };
  return verdict < sizeof reasons / sizeof reasons[0] ? reasons[verdict] : NULL;
}

// ---- processes

static MfMapListener
no_listener (const MfRingReader *reader)
{
  return (MfMapListener) { .user = reader->sink.user, .resize = reader->sink.resize };
}

static Process *
known_process (const MfRingReader *reader, int32_t process)
{
  for (uint32_t i = 0; i < reader->n_processes; i++)
    if (reader->processes[i].process == process)
      return &reader->processes[i];
  return NULL;
}

// NULL = no memory.
static Process *
process_of (MfRingReader *reader, int32_t process)
{
  Process *known = known_process (reader, process);
  if (known)
    return known;
  if (reader->n_processes == reader->process_room) {
    uint32_t room = reader->process_room ? reader->process_room * 2 : 4;
    Process *processes = reader->sink.resize (reader->sink.user, reader->processes, room * sizeof *processes);
    if (!processes)
      return NULL;
    reader->processes = processes;
    reader->process_room = room;
  }
  known = &reader->processes[reader->n_processes++];
  *known = (Process) { .process = process, .maps.granule = (uint64_t) sysconf (_SC_PAGESIZE), .pieces.granule = 1 };
  return known;
}

static void
forget_maps (const MfRingReader *reader, Process *process)
{
  const MfMapListener listener = no_listener (reader);
  mf_map_ledger_clear (&process->maps, &listener);
  mf_map_ledger_clear (&process->pieces, &listener);
}

static void
forget_process (MfRingReader *reader, Process *process)
{
  forget_maps (reader, process);
  *process = reader->processes[--reader->n_processes];
}

// ---- a stream begins and ends

static MfRing *
ring_of (const MfRingReader *reader, uint32_t slot)
{
  return mf_ring_at (reader->region, slot);
}

static const uint8_t *
ring_bytes (const MfRingReader *reader, uint32_t slot)
{
  return mf_ring_bytes (reader->region, reader->n_slots, reader->ring_size, slot);
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
    mf_futex_wake (&region->freed);
}

// Durations that a program has counted: none is so long that their sum runs over.
static int64_t
longer_by (int64_t ns, uint64_t more)
{
  int64_t sum;
  return more > INT64_MAX || __builtin_add_overflow (ns, (int64_t) more, &sum) ? INT64_MAX : sum;
}

static void
count_thread (MfRingReader *reader, int32_t number)
{
  Process *process = process_of (reader, number);
  if (!process)
    return;
  process->cost.threads++;
  process->live++;
  process->most_live = process->live > process->most_live ? process->live : process->most_live;
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
  count_thread (reader, stream->process);
  return reader->streams[slot] = stream;
}

static void
lose (MfRingReader *reader, MfRingLoss reason, uint64_t count, const char *why)
{
  if (count || why)
    reader->sink.lost (reader->sink.user, reason, count, why);
}

// What the writer counted and the reader did not see is lost; both numbers are of this stream only. A writer that goes
// on has counted more by now, but not before its write position was read.
static void
account (MfRingReader *reader, Stream *stream, const MfRing *ring)
{
  uint64_t events = atomic_load (&ring->events), dropped = atomic_load (&ring->dropped);
  bool goes_on = atomic_load (&ring->state) == MF_SLOT_LIVE;
  if (stream->broken || events < stream->events || dropped < stream->dropped) {
    uint64_t missing = events > stream->events ? events - stream->events : 0;
    lose (reader, MF_RING_DAMAGED, missing, missing ? NULL : "its counters run backwards");
    return;
  }
  if (goes_on)
    events = stream->counted > stream->events ? stream->counted : stream->events;
  lose (reader, MF_RING_DROPPED, dropped - stream->dropped, NULL);
  lose (reader, MF_RING_CUT_SHORT, events - stream->events, NULL);
}

// What a thread has cost, when it is over.
static void
count_cost (const MfRingReader *reader, const Stream *stream, MfRing *ring)
{
  Process *process = known_process (reader, stream->process);
  if (!process)
    return;
  uint64_t events = atomic_load (&ring->events), mapped = atomic_load (&ring->mapped);
  process->live -= process->live > 0;
  process->cost.events += stream->events;
  process->cost.lost += atomic_load (&ring->dropped) + (events > stream->events ? events - stream->events : 0);
  process->cost.waited.ns = longer_by (process->cost.waited.ns, atomic_load (&ring->waited));
  process->cost.timed += atomic_load (&ring->timed);
  process->ticks += atomic_load (&ring->cost);
  process->types_ticks += atomic_load (&ring->types_cost);
  process->mapped = mapped > process->mapped ? mapped : process->mapped;
  process->last_ns = stream->ns > process->last_ns ? stream->ns : process->last_ns;
}

static bool
tell_cost (MfRingReader *reader, const Process *process)
{
  static const char *const bases[] = {
    "one event in 1,024 was timed between two readings of the clock, what such a reading takes left out",
    "each sample was timed between two readings of the clock; the counting of requested bytes at each call is not in it",
  };
  const char *basis = bases[process->sampled];
  const MfRingSink *sink = &reader->sink;
  MfHooksCost cost = process->cost;
  if (!sink->cost || !cost.threads)
    return true;
  double tick = (double) reader->clock.slope / 0x1p32, types = (double) process->types_ticks * tick * MF_TIMED_EACH;
  double ns = (double) process->ticks * tick * (double) cost.events / (double) cost.timed;
  bool known = cost.timed && ns < 0x1p62 && types < 0x1p62;
  cost.ran.ns = process->last_ns - process->began_ns;
  cost.in_agent = known ? (uint64_t) ns : UINT64_MAX;
  cost.for_types = known ? (uint64_t) types : UINT64_MAX;
  cost.share = known && cost.ran.ns > 0 ? 100 * (ns + types) / (double) cost.ran.ns : NAN;
  cost.memory.bytes = process->own + process->most_live * (process->mapped + reader->ring_size);
  cost.basis = known ? sink->string (sink->user, basis, strlen (basis)) : (MfString) { 0 };
  cost.process = (uint32_t) process->process;
  return sink->cost (sink->user, &cost);
}

static void
close_stream (MfRingReader *reader, uint32_t slot)
{
  MfRing *ring = ring_of (reader, slot);
  Stream *stream = reader->streams[slot];
  account (reader, stream, ring);
  count_cost (reader, stream, ring);
  atomic_store (&ring->tail, stream->tail);
  atomic_store (&ring->head, stream->tail);
  atomic_store_explicit (&ring->state, MF_SLOT_FREE, memory_order_release);
  forget_stream (reader, slot);
  wake_writers (reader);
}

// A ring that could not be opened for want of memory.
static void
lose_unopened (MfRingReader *reader, uint32_t slot)
{
  const MfRing *ring = ring_of (reader, slot);
  uint32_t state = atomic_load_explicit (&ring->state, memory_order_acquire);
  if (state == MF_SLOT_LIVE || state == MF_SLOT_CLOSED)
    lose (reader, MF_RING_HOMELESS, atomic_load (&ring->events) + atomic_load (&ring->dropped), NULL);
}

// ---- records

static const uint8_t lengths[MF_N_RECORDS] = {
  [MF_RECORD_MODULE] = sizeof (MfModuleRecord), [MF_RECORD_NATIVE] = sizeof (MfNativeRecord),
  [MF_RECORD_ALLOC] = sizeof (MfAllocRecord), [MF_RECORD_FREE] = sizeof (MfFreeRecord),
  [MF_RECORD_REALLOC] = sizeof (MfReallocRecord), [MF_RECORD_FAILED] = sizeof (MfAllocRecord),
  [MF_RECORD_LOST] = sizeof (MfLostRecord), [MF_RECORD_PROGRAM] = sizeof (MfProgramRecord),
  [MF_RECORD_CODE] = sizeof (MfCodeRecord), [MF_RECORD_MARK] = sizeof (MfMarkRecord),
  [MF_RECORD_NODE] = sizeof (MfNodeRecord), [MF_RECORD_TIME] = sizeof (MfTimeRecord),
  [MF_RECORD_UNMAP] = sizeof (MfUnmapRecord), [MF_RECORD_REMAP] = sizeof (MfRemapRecord),
  [MF_RECORD_TYPE] = sizeof (MfTypeRecord), [MF_RECORD_TYPED_FREE] = sizeof (MfTypedFreeRecord),
};

// These say themselves how long they are.
static const bool is_longer[MF_N_RECORDS] = { [MF_RECORD_PROGRAM] = true, [MF_RECORD_CODE] = true, [MF_RECORD_MARK] = true,
  [MF_RECORD_TYPE] = true, [MF_RECORD_MODULE] = true };

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
  else if (length && is_longer[head.kind])
    length = head.value >= length && head.value % 8 == 0 && head.value <= mf_ring_longest (reader->ring_size) ? head.value : 0;
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

// Programs and marks wait for their turn, as events do.
static bool
take_time (Stream *stream, const MfTimeRecord *record)
{
  stream->era = record->time & ~(uint64_t) UINT32_MAX;
  return true;
}

static bool
take_program (MfRingReader *reader, Stream *stream, const MfProgramRecord *record)
{
  static const uint8_t hows[] = { [MF_RING_STARTED] = MF_PROGRAM_STARTED, [MF_RING_FORKED] = MF_PROGRAM_FORKED,
    [MF_RING_WAS_RUNNING] = MF_PROGRAM_ATTACHED };
  const MfRingSink *sink = &reader->sink;
  char version[16];
  if (record->file_length > record->head.value - sizeof *record || record->stacks > MF_STACKS_FREE_THREADED
      || record->how >= MF_RING_N_HOW)
    return damage (reader, stream, "what a program says of itself cannot be true");
  sink->program (sink->user, stream->process, record->version, record->stacks);
  int n = snprintf (version, sizeof version, "%u.%u", record->version >> 8 & 0xff, record->version & 0xff);
  stream->start = (MfProgramStart) {
    .sampling = record->sampling ? (MfSize) { record->sampling } : MF_SIZE_NONE,
    .executable = sink->string (sink->user, (const char *) (record + 1), record->file_length),
    .python = record->version ? sink->string (sink->user, version, (size_t) n) : (MfString) { 0 },
    .process = (uint32_t) stream->process, .parent = (uint32_t) record->parent,
    .how = hows[record->how], .stacks = record->stacks,
  };
  stream->ticks = record->time;
  stream->start_up = record->start_up;
  stream->own = record->own;
  stream->kind = MF_RECORD_PROGRAM;
  return stream->at_event = true;
}

_Static_assert ((int) MF_RING_POINT == (int) MF_MARK_POINT && (int) MF_RING_END == (int) MF_MARK_END
    && (int) MF_RING_PAUSE == (int) MF_MARK_PAUSE, "kinds of marks are those of the event");

static bool
take_mark (MfRingReader *reader, Stream *stream, const MfMarkRecord *record)
{
  if (record->length > record->head.value - sizeof *record || record->head.domain > MF_MARK_PAUSE)
    return damage (reader, stream, "a mark cannot be one");
  stream->mark = (MfProgramMark) {
    .name = reader->sink.string (reader->sink.user, (const char *) (record + 1), record->length),
    .process = (uint32_t) stream->process, .thread = stream->number, .kind = record->head.domain,
  };
  stream->ticks = record->time;
  stream->kind = MF_RECORD_MARK;
  return stream->at_event = true;
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
take_module (MfRingReader *reader, Stream *stream, const MfModuleRecord *record)
{
  const MfRingSink *sink = &reader->sink;
  char text[MF_NATIVE_FILE_MOST];
  if (record->slot >= MF_MODULE_SLOTS
      || sizeof *record + (uint64_t) record->path_length + record->build_id_length > record->head.value)
    return damage (reader, stream, "a module is longer than its record");
  const char *path = (const char *) (record + 1);
  size_t n = mf_native_file (text, path, record->path_length, (const uint8_t *) path + record->path_length,
      record->build_id_length);
  stream->modules[record->slot] = sink->string (sink->user, text, n);
  return true;
}

static bool
take_native (MfRingReader *reader, Stream *stream, const MfNativeRecord *record)
{
  const MfRingSink *sink = &reader->sink;
  char text[MF_NATIVE_FUNCTION_MOST];
  bool is_root = record->caller == MF_NO_SLOT;
  if (record->head.value >= MF_STACK_SLOTS || (!is_root && record->caller >= MF_STACK_SLOTS) || record->module >= MF_MODULE_SLOTS)
    return damage (reader, stream, "a native frame names a slot that does not exist");
  size_t n = mf_native_function (text, record->address);
  const MfFrame frame = { sink->string (sink->user, text, n), stream->modules[record->module], 0, 0 };
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
take_type (MfRingReader *reader, Stream *stream, const MfTypeRecord *record)
{
  if (record->slot >= MF_TYPE_SLOTS || record->length > record->head.value - sizeof *record)
    return damage (reader, stream, "a type is longer than its record");
  stream->types[record->slot] = reader->sink.string (reader->sink.user, (const char *) (record + 1), record->length);
  return true;
}

// Blocks are freed and moved whole; pages of the kernel in any parts.
static bool
fits_domain (unsigned kind, unsigned domain)
{
  bool blocks = kind == MF_RECORD_FREE || kind == MF_RECORD_REALLOC || kind == MF_RECORD_TYPED_FREE;
  bool pages = kind == MF_RECORD_UNMAP || kind == MF_RECORD_REMAP;
  return domain <= MF_DOMAIN_BREAK && !(domain < MF_DOMAIN_MAP ? pages : blocks);
}

static bool
take_event (MfRingReader *reader, Stream *stream, const MfRemapRecord *record)
{
  static const uint8_t ops[MF_N_RECORDS] = { [MF_RECORD_ALLOC] = MF_OP_ALLOC, [MF_RECORD_FREE] = MF_OP_FREE,
    [MF_RECORD_REALLOC] = MF_OP_REALLOC, [MF_RECORD_FAILED] = MF_OP_FAILED, [MF_RECORD_UNMAP] = MF_OP_FREE,
    [MF_RECORD_REMAP] = MF_OP_REALLOC, [MF_RECORD_TYPED_FREE] = MF_OP_FREE };
  unsigned kind = record->head.kind;
  uint32_t slot = record->head.stack;
  if (!fits_domain (kind, record->head.domain) || (slot != MF_NO_STACK && slot >= MF_STACK_SLOTS))
    return damage (reader, stream, "an event names a domain or a stack that does not exist");
  bool failed = kind == MF_RECORD_FAILED, typed = kind == MF_RECORD_TYPED_FREE;
  uint32_t type = typed ? ((const MfTypedFreeRecord *) record)->type : 0;
  if (type >= MF_TYPE_SLOTS)
    return damage (reader, stream, "a free names a type that does not exist");
  stream->ticks = stream->era | record->head.value;
  stream->kind = (uint8_t) kind;
  stream->old_size = kind == MF_RECORD_REMAP ? record->old_size : 0;
  stream->event = (MfAlloc) {
    .address = failed ? MF_ADDRESS_NONE : (MfAddress) { record->address },
    .old_address = ops[kind] == MF_OP_REALLOC ? (MfAddress) { record->old }
        : failed && record->address ? (MfAddress) { record->address } : MF_ADDRESS_NONE,
    .object_type = typed ? stream->types[type] : (MfString) { 0 },
    .size = kind == MF_RECORD_FREE || typed ? MF_SIZE_NONE : (MfSize) { record->size }, .granted = MF_SIZE_NONE,
    .stack = slot == MF_NO_STACK ? (MfStack) { 0 } : stream->stacks[slot],
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
  case MF_RECORD_TYPE: return take_type (reader, stream, (const void *) copy);
  case MF_RECORD_MARK: return take_mark (reader, stream, (const void *) copy);
  case MF_RECORD_CODE: return take_code (reader, stream, (const void *) copy);
  case MF_RECORD_TIME: return take_time (stream, (const void *) copy);
  case MF_RECORD_NODE: return take_node (reader, stream, (const void *) copy);
  case MF_RECORD_MODULE: return take_module (reader, stream, (const void *) copy);
  case MF_RECORD_NATIVE: return take_native (reader, stream, (const void *) copy);
  default: return take_event (reader, stream, (const void *) copy);
  }
}

// Reads up to the next event of a stream. False = there is none.
static bool
advance (MfRingReader *reader, Stream *stream, uint32_t slot)
{
  const uint8_t *bytes = ring_bytes (reader, slot);
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

// Wraps like words of 64 bits do: ticks may be anything that a program has written.
static inline int64_t
ns_at (const Clock *clock, uint64_t ticks)
{
  int64_t after = (int64_t) (ticks - clock->ticks);
  uint64_t slope = clock->slope;
#ifdef __SIZEOF_INT128__
  uint64_t ns = (uint64_t) ((__extension__ (__int128) after * slope) >> 32);
#else
  uint64_t low = (uint32_t) after;
  uint64_t ns = (uint64_t) (after >> 32) * slope + low * (slope >> 32) + (low * (uint32_t) slope >> 32);
#endif
  return (int64_t) ((uint64_t) clock->ns + ns);
}

static inline int64_t
later (int64_t a, int64_t b)
{
  return a > b ? a : b;
}

// Rounds down, so that times of the next span are not earlier.
static uint64_t
slope_between (MfRingInstant from, MfRingInstant to)
{
  uint64_t ticks = to.ticks - from.ticks, ns = (uint64_t) (to.ns - from.ns);
  for (; ns > UINT32_MAX; ns >>= 1)
    ticks = (ticks >> 1) + (ticks & 1);
  return to.ns > from.ns && to.ticks > from.ticks ? (ns << 32) / ticks : 0;
}

static void
set_now (MfRingReader *reader, MfRingInstant now)
{
  enum { LEAST_SPAN = 1000000 };  // ns: below it, the slope would be noise
  if (now.ns - reader->now.ns >= LEAST_SPAN)
    reader->before = reader->now;
  reader->now = now;
  reader->clock = (Clock) { reader->before.ticks, reader->before.ns - reader->zero_ns,
    slope_between (reader->before, now) };
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
  stream->counted = atomic_load_explicit (&ring->events, memory_order_acquire);
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
  for (uint32_t i = 0, seen = 0; i < reader->n_used && seen < reader->n_live; i++) {
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

typedef struct { MfRingReader *reader; const MfAlloc *call; } MapCall;

static void *
resize_for_map (void *user, void *old, size_t bytes)
{
  const MfRingSink *sink = &((MapCall *) user)->reader->sink;
  return sink->resize (sink->user, old, bytes);
}

// One of the blocks that a call of the kernel was about; all of them carry the number of that call.
static bool
tell_block (void *user, const MfAlloc *block)
{
  const MapCall *map = user;
  MfAlloc event = *map->call;
  event.op = block->op;
  event.address = block->address;
  event.old_address = block->old_address;
  event.size = block->size;
  event.stack = block->stack;
  return map->reader->sink.event (map->reader->sink.user, &event);
}

static bool
publish_pages (MfRingReader *reader, const Stream *stream)
{
  const MfAlloc *call = &stream->event;
  Process *process = process_of (reader, stream->process);
  if (!process || call->op == MF_OP_FAILED)
    return reader->sink.event (reader->sink.user, call);
  MfMapLedger *ledger = call->domain == MF_DOMAIN_MAP ? &process->maps : &process->pieces;
  MapCall map = { reader, call };
  const MfMapListener listener = { &map, resize_for_map, tell_block };
  const MfMapBlock block = { .address = call->address.at, .size = call->size.bytes, .stack = call->stack };
  switch (call->op) {
  case MF_OP_ALLOC: return mf_map_ledger_map (ledger, block, &listener);
  case MF_OP_FREE: return mf_map_ledger_unmap (ledger, block, &listener);
  default: return mf_map_ledger_remap (ledger, call->old_address.at, stream->old_size, block, &listener);
  }
}

static MfTime
time_of (const MfRingReader *reader, Stream *stream)
{
  return (MfTime) { stream->ns = later (ns_at (&reader->clock, stream->ticks), stream->ns) };
}

static void
inherit_maps (MfRingReader *reader, Process *process, int32_t parent)
{
  const MfMapListener listener = no_listener (reader);
  const Process *from = known_process (reader, parent);
  if (!from)
    return;
  mf_map_ledger_copy (&process->maps, &from->maps, &listener);
  mf_map_ledger_copy (&process->pieces, &from->pieces, &listener);
}

// Each thread of a program tells of it; the first one counts.
static bool
publish_start (MfRingReader *reader, Stream *stream)
{
  MfProgramStart *start = &stream->start;
  Process *process = process_of (reader, stream->process);
  if (process && process->has_begun && process->began == stream->ticks)
    return true;
  if (process && process->has_begun && start->how == MF_PROGRAM_STARTED)
    start->how = MF_PROGRAM_REPLACED;
  start->time = time_of (reader, stream);
  if (process) {
    process->has_begun = true;
    process->began = stream->ticks;
    process->began_ns = start->time.ns;
    process->own = stream->own;
    process->sampled = start->sampling.bytes != MF_SIZE_NONE.bytes;
    process->cost.start_up.ns = longer_by (process->cost.start_up.ns, stream->start_up);
    process->cost.program = start->executable;
    forget_maps (reader, process);
    if (start->how == MF_PROGRAM_FORKED)
      inherit_maps (reader, process, (int32_t) start->parent);
  }
  return !reader->sink.start || reader->sink.start (reader->sink.user, start);
}

static bool
publish_mark (MfRingReader *reader, Stream *stream)
{
  MfProgramMark *mark = &stream->mark;
  Process *process = known_process (reader, stream->process);
  if (process && mark->kind == MF_MARK_RESUME)
    forget_maps (reader, process);
  stream->events++;
  mark->time = time_of (reader, stream);
  return !reader->sink.mark || reader->sink.mark (reader->sink.user, mark);
}

static bool
publish_event (MfRingReader *reader, Stream *stream)
{
  stream->event.time = time_of (reader, stream);
  stream->event.sequence = ++stream->sequence;
  stream->events++;
  reader->events++;
  if (__builtin_expect (stream->event.domain >= MF_DOMAIN_MAP, 0))
    return publish_pages (reader, stream);
  return reader->sink.event (reader->sink.user, &stream->event);
}

static bool
publish (MfRingReader *reader, Stream *stream)
{
  stream->tail += stream->length;
  stream->at_event = false;
  switch (stream->kind) {
  case MF_RECORD_PROGRAM: return publish_start (reader, stream);
  case MF_RECORD_MARK: return publish_mark (reader, stream);
  default: return publish_event (reader, stream);
  }
}

// ---- the way of nearly all records: an event that is written where its reader wants it

// How a row is made of the words of a record, without a branch that the processor would have to guess: what is not in
// the record is any word of it, or'ed to all ones, which means "not known".
typedef struct {
  _Alignas (32) uint64_t no_size;  // so that an index is a shift
  uint64_t no_old;
  uint16_t length, op, size_at, old_at;
} Block;
static const Block blocks[] = {
  [MF_RECORD_ALLOC] = { 0, UINT64_MAX, sizeof (MfAllocRecord), MF_OP_ALLOC, offsetof (MfAllocRecord, size),
    offsetof (MfAllocRecord, address) },
  [MF_RECORD_FREE] = { UINT64_MAX, UINT64_MAX, sizeof (MfFreeRecord), MF_OP_FREE, offsetof (MfFreeRecord, address),
    offsetof (MfFreeRecord, address) },
  [MF_RECORD_REALLOC] = { 0, 0, sizeof (MfReallocRecord), MF_OP_REALLOC, offsetof (MfReallocRecord, size),
    offsetof (MfReallocRecord, old) },
};
_Static_assert (offsetof (MfReallocRecord, address) == offsetof (MfFreeRecord, address)
    && offsetof (MfAllocRecord, address) == offsetof (MfFreeRecord, address), "an address stands in the same place");

// A word of the ring, read once: it may change at any moment.
static inline uint64_t
word_at (const uint8_t *at)
{
  return *(const volatile uint64_t *) at;
}

static inline MfRecordHead
head_at (const uint8_t *at)
{
  uint64_t word = word_at (at);
  MfRecordHead head;
  memcpy (&head, &word, sizeof head);
  return head;
}

// An event of a block that names a stack that there can be.
static inline bool
is_block (MfRecordHead head)
{
  return (head.kind | head.domain) <= MF_DOMAIN_MALLOC && head.kind != MF_RECORD_SKIP
      && (head.stack < MF_STACK_SLOTS || head.stack == MF_NO_STACK);
}
_Static_assert (MF_RECORD_ALLOC == 1 && MF_RECORD_REALLOC == 3 && (int) MF_DOMAIN_MALLOC == 3,
    "kinds and domains of blocks are those that fit in two bits");

// Two members of a row as the one word that they are written and read as: a processor cannot give a word to who reads it
// before its halves have both reached the cache.
static inline uint64_t
pair (uint32_t first, uint32_t second)
{
  bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  return little ? first | (uint64_t) second << 32 : second | (uint64_t) first << 32;
}

static inline uint32_t
short_pair (uint16_t first, uint16_t second)
{
  bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  return little ? first | (uint32_t) second << 16 : second | (uint32_t) first << 16;
}

_Static_assert (offsetof (MfAlloc, object_type) == offsetof (MfAlloc, stack) + 4 && offsetof (MfAlloc, stack) % 8 == 0
    && offsetof (MfAlloc, thread) == offsetof (MfAlloc, process) + 4 && offsetof (MfAlloc, process) % 8 == 0
    && offsetof (MfAlloc, domain) == offsetof (MfAlloc, op) + 2 && offsetof (MfAlloc, op) % 8 == 0
    && offsetof (MfAlloc, sequence) == offsetof (MfAlloc, op) + 4, "these members share words");

static inline void
put_word (MfAlloc *row, size_t at, uint64_t word)
{
  memcpy ((uint8_t *) row + at, &word, sizeof word);
}

static inline void
write_row (MfAlloc *row, const Stream *stream, const uint8_t *at, MfRecordHead head, int64_t ns, uint32_t sequence)
{
  const Block *block = &blocks[head.kind];
  uint32_t stack = head.stack < MF_STACK_SLOTS ? head.stack : MF_STACK_SLOTS;
  row->time.ns = ns;
  row->address.at = word_at (at + offsetof (MfFreeRecord, address));
  row->old_address.at = word_at (at + block->old_at) | block->no_old;
  row->size.bytes = word_at (at + block->size_at) | block->no_size;
  row->granted = MF_SIZE_NONE;
  put_word (row, offsetof (MfAlloc, stack), pair (stream->stacks[stack].id, 0));
  put_word (row, offsetof (MfAlloc, process), pair ((uint32_t) stream->process, stream->number));
  put_word (row, offsetof (MfAlloc, op), pair (short_pair (block->op, head.domain), sequence));
}

// Where a stream is read: records from `at` on that begin before `end`, events up to a time.
typedef struct {
  const uint8_t *at, *end;
  uint64_t era, until;
  int64_t ns;
  uint32_t sequence;
} Span;

// Is the next record an event of a block that is not too late?
static inline bool
is_next_event (const Span *span, MfRecordHead *head)
{
  if (span->at >= span->end)
    return false;
  *head = head_at (span->at);
  return is_block (*head) && (span->era | head->value) <= span->until;
}

static inline void
read_row (Span *span, const Stream *stream, const Clock *clock, MfRecordHead head, MfAlloc *row)
{
  span->ns = later (ns_at (clock, span->era | head.value), span->ns);
  write_row (row, stream, span->at, head, span->ns, ++span->sequence);
  span->at += blocks[head.kind].length;
}

enum { ROWS_AT_ONCE = 64 };

// How many rows were read.
static __attribute__ ((noinline)) uint32_t
read_rows (Span *to, const Stream *stream, const Clock *since, MfAlloc *rows, uint32_t most)
{
  const Clock clock = *since;
  Span span = *to;
  MfRecordHead head;
  uint32_t n = 0;
  while (n < most && is_next_event (&span, &head))
    read_row (&span, stream, &clock, head, &rows[n++]);
  *to = span;
  return n;
}

static bool
tell_rows (const MfRingReader *reader, Span *span, const Stream *stream)
{
  const MfRingSink *sink = &reader->sink;
  MfAlloc rows[ROWS_AT_ONCE];
  uint32_t n;
  bool going = true;
  while (going && (n = read_rows (span, stream, &reader->clock, rows, sink->events ? ROWS_AT_ONCE : 1)))
    going = sink->events ? sink->events (sink->user, rows, n) : sink->event (sink->user, rows);
  return going;
}

static bool
place_rows (const MfRingReader *reader, Span *to, const Stream *stream)
{
  const MfRingSink *sink = &reader->sink;
  const Clock clock = reader->clock;
  Span span = *to;
  MfRecordHead head;
  bool going = true;
  while (going && is_next_event (&span, &head)) {
    MfAlloc *row = sink->row (sink->user);
    going = row != NULL;
    if (going)
      read_row (&span, stream, &clock, head, row);
  }
  *to = span;
  return going;
}

// Reads up to `n` bytes of events up to a time; stops at records that are something else. False = stop altogether.
static bool
read_span (MfRingReader *reader, Stream *stream, const uint8_t *at, uint64_t n, uint64_t until)
{
  enum { LONGEST = sizeof (MfReallocRecord) };
  if (n < LONGEST)
    return true;
  Span span = { .at = at, .end = at + n - LONGEST + 1, .era = stream->era, .until = until, .ns = stream->ns,
    .sequence = stream->sequence };
  bool going = reader->sink.row ? place_rows (reader, &span, stream) : tell_rows (reader, &span, stream);
  uint32_t events = span.sequence - stream->sequence;
  reader->events += events;
  stream->events += events;
  stream->tail += (uint64_t) (span.at - at);
  stream->sequence = span.sequence;
  stream->ns = span.ns;
  return going;
}

// Reads what lies in one piece, but not more than is given back at once.
static bool
read_blocks (MfRingReader *reader, Stream *stream, uint32_t slot, uint64_t until)
{
  uint64_t in_lap = stream->tail & (reader->ring_size - 1), n = reader->ring_size / 8;
  uint64_t lap = reader->ring_size - in_lap, whole = stream->end - stream->tail;
  n = lap < n ? lap : n;
  n = whole < n ? whole : n;
  return read_span (reader, stream, ring_bytes (reader, slot) + in_lap, n, until);
}

// Publishes events of one stream up to a time, and gives its room back now and then.
static bool
publish_until (MfRingReader *reader, Stream *stream, uint32_t slot, uint64_t until)
{
  do {
    if (!publish (reader, stream) || !read_blocks (reader, stream, slot, until))
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
  uint32_t slot = 0, used = atomic_load_explicit (&reader->region->used, memory_order_acquire);
  if (used > reader->n_used)
    reader->n_used = used < reader->n_slots ? used : reader->n_slots;
  for (uint32_t i = 0; i < reader->n_used; i++)
    look_at_slot (reader, i);
  Stream *stream;
  while (*going && (stream = oldest (reader, &slot, &second)) && stream->ticks <= horizon)
    *going = publish_until (reader, stream, slot, second < horizon ? second : horizon);
  for (uint32_t i = 0; i < reader->n_used; i++)
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
  for (uint32_t i = 0; i < reader->n_used; i++)
    if (is_over (reader, i))
      close_stream (reader, i);
  return n;
}

uint64_t
mf_ring_reader_finish (MfRingReader *reader, MfRingInstant now, bool *going)
{
  set_now (reader, now);
  uint64_t n = read_until (reader, UINT64_MAX, going);
  for (uint32_t i = 0; i < reader->n_used; i++)
    if (reader->streams[i])
      close_stream (reader, i);
    else
      lose_unopened (reader, i);
  lose (reader, MF_RING_HOMELESS, atomic_exchange (&reader->region->homeless, 0), NULL);
  for (uint32_t i = 0; *going && i < reader->n_processes; i++)
    *going = tell_cost (reader, &reader->processes[i]);
  return n;
}

static bool
has_stream (const MfRingReader *reader, int32_t process)
{
  for (uint32_t i = 0; i < reader->n_slots; i++)
    if (reader->streams[i] && reader->streams[i]->process == process)
      return true;
  return false;
}

void
mf_ring_reader_reap (MfRingReader *reader, bool (*is_gone) (int32_t process))
{
  for (uint32_t i = 0; i < reader->n_used; i++) {
    const Stream *stream = reader->streams[i];
    uint32_t live = MF_SLOT_LIVE;
    if (stream && is_gone (stream->process))
      atomic_compare_exchange_strong (&ring_of (reader, i)->state, &live, MF_SLOT_CLOSED);
  }
  for (uint32_t i = reader->n_processes; i-- > 0;)
    if (!has_stream (reader, reader->processes[i].process) && is_gone (reader->processes[i].process)) {
      tell_cost (reader, &reader->processes[i]);
      forget_process (reader, &reader->processes[i]);
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
  for (uint32_t i = 0; i < reader->n_used; i++)
    forget_stream (reader, i);
  while (reader->n_processes)
    forget_process (reader, reader->processes);
  if (reader->processes)
    sink.resize (sink.user, reader->processes, 0);
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

bool
mf_ring_reader_has (const MfRingReader *reader, int32_t process)
{
  for (uint32_t i = 0; i < reader->n_slots; i++)
    if (reader->streams[i] && reader->streams[i]->process == process)
      return true;
  return false;
}

uint32_t
mf_ring_reader_open (const MfRingReader *reader)
{
  return reader->n_live;
}

uint32_t
mf_ring_reader_others (const MfRingReader *reader, int32_t process)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < reader->n_used; i++)
    n += reader->streams[i] && reader->streams[i]->process != process
        && atomic_load (&ring_of (reader, i)->state) == MF_SLOT_LIVE;
  return n;
}

static void
visit_stream (Stream *stream, const MfRingNames *names)
{
  const MfString pending[] = { stream->event.object_type, stream->start.executable, stream->start.python, stream->mark.name };
  for (uint32_t i = 0; i < sizeof pending / sizeof pending[0]; i++)
    names->string (names->user, pending[i]);
  for (uint32_t i = 0; i < MF_TYPE_SLOTS; i++)
    names->string (names->user, stream->types[i]);
  for (uint32_t i = 0; i < MF_MODULE_SLOTS; i++)
    names->string (names->user, stream->modules[i]);
  for (uint32_t i = 0; i < MF_CODE_SLOTS; i++) {
    names->string (names->user, stream->codes[i].function);
    names->string (names->user, stream->codes[i].file);
  }
  for (uint32_t i = 0; i < MF_STACK_SLOTS; i++)
    if (stream->stacks[i].id)
      stream->stacks[i] = names->stack (names->user, stream->stacks[i]);
  if (stream->event.stack.id)
    stream->event.stack = names->stack (names->user, stream->event.stack);
}

static void
visit_ledger (MfMapLedger *ledger, const MfRingNames *names)
{
  for (uint32_t i = 0; i < ledger->n; i++)
    if (ledger->blocks[i].stack.id)
      ledger->blocks[i].stack = names->stack (names->user, ledger->blocks[i].stack);
}

void
mf_ring_reader_visit (MfRingReader *reader, const MfRingNames *names)
{
  for (uint32_t i = 0; i < reader->n_used; i++)
    if (reader->streams[i])
      visit_stream (reader->streams[i], names);
  for (uint32_t i = 0; i < reader->n_processes; i++) {
    names->string (names->user, reader->processes[i].cost.program);
    names->string (names->user, reader->processes[i].cost.basis);
    visit_ledger (&reader->processes[i].maps, names);
    visit_ledger (&reader->processes[i].pieces, names);
  }
}

size_t
mf_ring_reader_stream_bytes (void)
{
  return sizeof (Stream);
}
