// SPDX-License-Identifier: Apache-2.0
// The shared memory between the agent inside a program and the reader outside of it: one sealed memfd with a
// header and a ring for each thread. What is in the rings survives the program. C11, no GLib.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// The environment variable that carries the descriptor of the region to the agent.
#define MF_RING_VARIABLE "MEMFLOW_RING"
#define MF_RING_MAGIC UINT64_C (0x31676e6972666d)  // "mfring1"

enum { MF_RING_PAGE = 4096, MF_RING_MOST_SLOTS = 4096 };

enum {  // options of the region
  MF_RING_STACKS = 1,       // walk the Python stack of each allocation
  MF_RING_FREE_STACKS = 2,  // and of each free
  MF_RING_MALLOC = 4,       // record the malloc family, too
  MF_RING_DROP = 8,         // a full ring drops and counts; otherwise the program waits
  MF_RING_TSC = 16,         // times are of the processor's time stamp counter; otherwise ns of CLOCK_MONOTONIC
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
  uint32_t reserved;
  _Atomic uint64_t homeless;      // events of threads that got no ring: lost
} MfRingRegion;

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
  _Alignas (64) uint8_t padding[64];
} MfRing;

_Static_assert (sizeof (MfRingRegion) == 64, "layout of the region");
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
  MF_N_RECORDS
};

// Slots of code objects and stacks belong to one thread and are taken again and again: a slot means what the
// latest record before it said.
enum { MF_CODE_SLOTS = 512, MF_STACK_SLOTS = 4096, MF_NO_SLOT = 0xffffff };

typedef struct {
  uint32_t kind : 8, domain : 8, reserved : 16;
  uint32_t value;      // events: stack slot or MF_NO_SLOT; variable records: their length
} MfRecordHead;

typedef struct { MfRecordHead head; uint64_t time, address; } MfFreeRecord;
typedef struct { MfRecordHead head; uint64_t time, address, size; } MfAllocRecord;  // FAILED: address = old block or 0
typedef struct { MfRecordHead head; uint64_t time, address, size, old; } MfReallocRecord;
typedef struct { MfRecordHead head; uint64_t count; } MfLostRecord;

enum { MF_STACKS_OFF, MF_STACKS_ON, MF_STACKS_NO_PYTHON, MF_STACKS_VERSION, MF_STACKS_LAYOUT, MF_STACKS_SYMBOLS };

typedef struct {
  MfRecordHead head;
  uint32_t version;    // of Python, 0x030b = 3.11; 0 = none
  uint32_t stacks;     // MF_STACKS_*
} MfProgramRecord;

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

_Static_assert (sizeof (MfRecordHead) == 8 && sizeof (MfFreeRecord) == 24 && sizeof (MfAllocRecord) == 32
    && sizeof (MfReallocRecord) == 40 && sizeof (MfLostRecord) == 16 && sizeof (MfProgramRecord) == 16
    && sizeof (MfCodeRecord) == 32 && sizeof (MfNodeRecord) == 24, "layout of records");

// The longest record is a quarter of a ring, so that it fits beside what is being read.
static inline uint32_t
mf_ring_longest (uint32_t ring_size)
{
  return ring_size / 4;
}

static inline size_t
mf_ring_region_size (uint32_t n_slots, uint32_t ring_size)
{
  size_t rings = ((size_t) n_slots * sizeof (MfRing) + sizeof (MfRing) + MF_RING_PAGE - 1)
      / MF_RING_PAGE * MF_RING_PAGE;
  return rings + (size_t) n_slots * ring_size;
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
