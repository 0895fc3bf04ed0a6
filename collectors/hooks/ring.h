// SPDX-License-Identifier: Apache-2.0
// The shared memory between the agent inside a program and the reader outside of it: one sealed memfd with a
// header and a ring for each thread. What is in the rings survives the program. C11, no GLib.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// The environment variable that leads the agent to the region: "DESCRIPTOR:PROCESS:ITS DESCRIPTOR", the second one for those
// whose parent has closed the first.
#define MF_RING_VARIABLE "MEMFLOW_RING"
#define MF_RING_MAGIC UINT64_C (0x32676e6972666d)  // "mfring2"

enum { MF_RING_PAGE = 4096, MF_RING_MOST_SLOTS = 4096 };

enum {  // options of the region
  MF_RING_STACKS = 1,       // walk the Python stack of each allocation
  MF_RING_FREE_STACKS = 2,  // and of each free
  MF_RING_MALLOC = 4,       // record the malloc family, too
  MF_RING_DROP = 8,         // a full ring drops and counts; otherwise the program waits
  MF_RING_FORCE = 256,      // walk stacks of versions whose frames are not known, if they pass the verification
  MF_RING_TSC = 16,         // times are of the processor's counter (clock.h); otherwise ns of CLOCK_MONOTONIC
  MF_RING_MAPS = 32,        // record mmap, munmap, mremap, brk and sbrk, too
  MF_RING_FOLLOW = 64,      // record what a Python execs, too
  MF_RING_PAUSED = 128,     // record nothing before the program says so
  MF_RING_SAMPLE = 1024,    // record a sample of the requests only: see `sampling`
  MF_RING_FEW_STACKS = 2048,  // use MF_FEW_STACK_SLOTS: the reader has little memory
  MF_RING_TYPES = 512,      // read the type of an object when its block is freed
  MF_RING_NO_PYTHON = 8192, // do not record Python's own domains
  MF_RING_NATIVE = 4096,    // walk the native frames above the innermost Python function, too
  MF_RING_ATTACHED = 16384, // the program was running already: `life_at` tells whether there is a reader
};

// Written by the reader before the program starts; the atomic members by both sides afterwards.
typedef struct {
  uint64_t magic;
  uint32_t n_slots, ring_size;    // ring_size: bytes of records of one ring, a power of two
  uint32_t options;
  int32_t reader;                 // process id: a program waits for nobody who has gone
  uint64_t patience;              // ns that a full ring may stop a thread
  _Atomic uint32_t detached;      // nobody reads any more: record nothing
  _Atomic uint32_t bell;          // futex: rung when a ring is half full and the reader sleeps
  _Atomic uint32_t asleep;        // the reader waits for the bell
  _Atomic uint32_t freed;         // futex: a slot or room in a ring has become free
  _Atomic uint32_t waiting;       // threads that wait for it
  _Atomic uint32_t used;          // slots from here on have never been taken
  _Atomic uint64_t homeless;      // events of threads that got no ring: lost
  uint64_t sampling;              // mean bytes between the points of a sample
  uint64_t space;                 // PID namespace of the reader; 0 = it cannot be told
  // With MF_RING_ATTACHED: a robust mutex that the reader holds, as its C library makes it, and where in the region the word
  // lies that the kernel changes when its holder dies, whatever namespaces the two are in (MF_RING_READER_DIED).
  uint32_t life_at;
  _Atomic uint32_t answer;        // of memflow_attach, plus 1
  uint64_t life[8];
} MfRingRegion;

enum { MF_RING_READER_DIED = 0x40000000 };  // FUTEX_OWNER_DIED, linux/futex.h

// What memflow_attach of the agent answers.
enum { MF_ATTACHED, MF_ATTACH_NO_REGION, MF_ATTACH_RECORDED, MF_ATTACH_UNFINISHED, MF_ATTACH_NO_PYTHON, MF_ATTACH_NOT_RUNNING,
  MF_ATTACH_WRAPPED, MF_ATTACH_NO_MEMORY, MF_N_ATTACH_ANSWERS };

enum { MF_TIMED_EACH = 1024 };  // one event of so many of a thread is timed
enum { MF_SLOT_FREE, MF_SLOT_TAKEN, MF_SLOT_LIVE, MF_SLOT_CLOSED };

// One thread writes, the reader reads. Positions only grow; a record never wraps.
typedef struct {
  _Atomic uint32_t state;
  int32_t process, thread;
  uint32_t reserved;
  _Alignas (64) _Atomic uint64_t head;  // of the writer: up to here records are whole
  _Atomic uint64_t events;              // recorded, counted before they are published
  _Atomic uint64_t dropped;             // not recorded
  _Alignas (64) _Atomic uint64_t tail;  // of the reader: up to here the room is free
  _Alignas (64) _Atomic uint64_t waited;  // of the writer: ns that it has waited for the reader
  _Atomic uint64_t timed, cost;         // events that it has timed, and the ticks that they took
  _Atomic uint64_t mapped;              // bytes that it has mapped for itself
  _Atomic uint64_t types_cost;          // and the ticks that reading types took at these
  uint64_t reserved_too[3];
} MfRing;

_Static_assert (sizeof (MfRingRegion) == 152 && sizeof (MfRingRegion) <= sizeof (MfRing), "layout of the region");
_Static_assert (sizeof (MfRing) == 256 && offsetof (MfRing, head) == 64 && offsetof (MfRing, tail) == 128,
    "layout of a ring");
_Static_assert (ATOMIC_LLONG_LOCK_FREE == 2, "rings need lock-free 64-bit atomics");

// ---- records: multiples of 8 bytes, native byte order

enum {
  MF_RECORD_SKIP,      // value = bytes up to the end of the ring
  MF_RECORD_ALLOC, MF_RECORD_FREE, MF_RECORD_REALLOC, MF_RECORD_FAILED,
  MF_RECORD_LOST,      // here events are missing
  MF_RECORD_PROGRAM,   // the first one of each thread
  MF_RECORD_CODE,      // a code object takes a code slot
  MF_RECORD_NODE,      // a frame above another one takes a stack slot
  MF_RECORD_TIME,      // the clock in full: its upper half is that of the events that follow
  MF_RECORD_UNMAP,     // whole pages are given back to the kernel: of one map, a part of it, or several
  MF_RECORD_REMAP,     // such pages became others
  MF_RECORD_TYPE,      // a type of objects takes a type slot
  MF_RECORD_TYPED_FREE,
  MF_RECORD_MARK,      // the program names a place in time: counts as an event, but has no number
  MF_RECORD_MODULE,    // a program or library takes a module slot
  MF_RECORD_NATIVE,    // a native frame above another frame takes a stack slot
  MF_N_RECORDS
};

// Slots of code objects and stacks belong to one thread and are taken again and again: a slot means what the
// latest record before it said.
enum { MF_TYPE_SLOTS = 512, MF_CODE_SLOTS = 512, MF_STACK_SLOTS = 4096, MF_FEW_STACK_SLOTS = 256, MF_MODULE_SLOTS = 64,
  MF_NO_SLOT = 0xffffff, MF_NO_STACK = 0xffff };

typedef struct {
  uint32_t kind : 8, domain : 8, stack : 16;  // stack: slot of an event's stack, or MF_NO_STACK
  uint32_t value;      // events: the lower half of the time; variable records: their length
} MfRecordHead;

typedef struct { MfRecordHead head; uint64_t address; } MfFreeRecord;
typedef struct { MfRecordHead head; uint64_t address, size; } MfAllocRecord;  // FAILED: address = old block or 0
typedef struct { MfRecordHead head; uint64_t address, size, old; } MfReallocRecord;
typedef struct { MfRecordHead head; uint64_t time; } MfTimeRecord;
typedef struct { MfRecordHead head; uint64_t count; } MfLostRecord;
typedef struct { MfRecordHead head; uint64_t address; uint32_t type, reserved; } MfTypedFreeRecord;  // type: slot
typedef struct { MfRecordHead head; uint64_t address, size; } MfUnmapRecord;
typedef struct { MfRecordHead head; uint64_t address, size, old, old_size; } MfRemapRecord;

enum { MF_STACKS_OFF, MF_STACKS_ON, MF_STACKS_NO_PYTHON, MF_STACKS_VERSION, MF_STACKS_LAYOUT, MF_STACKS_SYMBOLS,
  MF_STACKS_FREE_THREADED };

enum { MF_RING_STARTED, MF_RING_FORKED, MF_RING_WAS_RUNNING, MF_RING_N_HOW };  // FORKED: it is a copy of its parent

typedef struct {
  MfRecordHead head;   // value = length of the whole record
  uint32_t version;    // of Python, 0x030b = 3.11; 0 = none
  uint32_t stacks;     // MF_STACKS_*
  uint64_t time;       // when it began in this process: another time is another program
  uint64_t sampling;   // mean bytes between samples; 0 = each call is recorded
  uint64_t start_up;   // ns that the agent took to start
  uint32_t own;        // bytes of memory of the agent in this process, beside what is mapped for threads
  uint32_t reserved;
  int32_t parent;      // process id
  uint16_t how;        // MF_RING_STARTED and so on
  uint16_t file_length;
  // the file of the program, without terminator
} MfProgramRecord;

typedef struct {
  MfRecordHead head;   // value = length of the whole record
  uint32_t slot, length;
  // the name, without terminator
} MfTypeRecord;

typedef struct {
  MfRecordHead head;   // value = length of the whole record; domain = MF_RING_POINT and so on
  uint64_t time;
  uint32_t length, reserved;
  // the name, without terminator
} MfMarkRecord;
enum { MF_RING_POINT, MF_RING_BEGIN, MF_RING_END, MF_RING_RESUME, MF_RING_PAUSE };  // MF_MARK_* of events.h
enum { MF_MARK_MOST = 1024, MF_FILE_MOST = 1024 };

typedef struct {
  MfRecordHead head;   // value = length of the whole record
  uint32_t slot, first_line;
  uint16_t version;                               // of Python: tells the kind of table
  uint16_t no_lines;                              // the table was too long for the ring and is left out
  uint16_t name_length, file_length;              // UTF-8
  uint32_t table_length, padding;                 // of the line table
  // name, file, table: without terminators
} MfCodeRecord;

typedef struct {
  MfRecordHead head;   // value = stack slot
  uint32_t caller;     // stack slot, or MF_NO_SLOT for the outermost frame
  uint32_t code;       // code slot, or MF_NO_SLOT: frames were left out here
  int32_t instruction; // byte offset in the code
  uint32_t reserved;
} MfNodeRecord;

typedef struct {
  MfRecordHead head;   // value = length of the whole record
  uint32_t slot;
  uint16_t path_length, build_id_length;
  // the path, the bytes of the build-id
} MfModuleRecord;

typedef struct {
  MfRecordHead head;   // value = stack slot
  uint32_t caller;     // stack slot, or MF_NO_SLOT for the outermost frame
  uint32_t module;     // module slot
  uint64_t address;    // of the call, as the file of the module counts
} MfNativeRecord;

_Static_assert (sizeof (MfModuleRecord) == 16 && sizeof (MfNativeRecord) == 24, "layout of native frames");
_Static_assert (sizeof (MfRecordHead) == 8 && sizeof (MfFreeRecord) == 16 && sizeof (MfAllocRecord) == 24
    && sizeof (MfReallocRecord) == 32 && sizeof (MfUnmapRecord) == 24 && sizeof (MfRemapRecord) == 40
    && sizeof (MfTimeRecord) == 16 && sizeof (MfLostRecord) == 16 && sizeof (MfProgramRecord) == 56
    && sizeof (MfMarkRecord) == 24 && sizeof (MfTypeRecord) == 16 && sizeof (MfTypedFreeRecord) == 24
    && sizeof (MfCodeRecord) == 32 && sizeof (MfNodeRecord) == 24, "layout of records");
_Static_assert (MF_STACK_SLOTS <= MF_NO_STACK, "an event names any stack slot in 16 bits");

// The longest record is a quarter of a ring, so that it fits beside what is being read.
static inline uint32_t
mf_ring_longest (uint32_t ring_size)
{
  return ring_size / 4;
}

// SIZE_MAX = it is too large for an address space of this kind.
static inline size_t
mf_ring_region_size (uint32_t n_slots, uint32_t ring_size)
{
  uint64_t rings = ((uint64_t) n_slots * sizeof (MfRing) + sizeof (MfRing) + MF_RING_PAGE - 1)
      / MF_RING_PAGE * MF_RING_PAGE, all = rings + (uint64_t) n_slots * ring_size;
  return all < SIZE_MAX ? (size_t) all : SIZE_MAX;
}

static inline MfRing *
mf_ring_at (MfRingRegion *region, uint32_t slot)
{
  return (MfRing *) ((uint8_t *) region + sizeof (MfRing)) + slot;
}

// The bytes of a ring, from the private copies of the geometry: the header may change under the reader.
static inline uint8_t *
mf_ring_bytes (MfRingRegion *region, uint32_t n_slots, uint32_t ring_size, uint32_t slot)
{
  return (uint8_t *) region + mf_ring_region_size (n_slots, ring_size) - (size_t) (n_slots - slot) * ring_size;
}
