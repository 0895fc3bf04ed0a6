// SPDX-License-Identifier: Apache-2.0
// Types of objects, read when their blocks are freed: the pointer to the type still stands in them
// (CPython 3.8 to 3.14, Include/object.h). What looks like one is trusted only after it was looked
// at through the kernel.
#include "agent.h"

#include <errno.h>

enum { WORD = sizeof (uintptr_t), GC_HEAD = 2 * WORD, PLACES = 4096, NOT_A_TYPE = 1, PAGE = 4096 };
// The name of a PyTypeObject stands behind the head of a variable object.
enum { NAME_AT = 3 * WORD, NAME_MOST = 256, NAME_STEP = 32 };

static uintptr_t type_type;
// Addresses that are types, or NOT_A_TYPE + those that are none; and what changes when a type is
// freed.
static _Atomic uintptr_t seen[PLACES];
static _Atomic uint32_t generations[PLACES];

// What was seen by an earlier recording may have become anything.
void
mf_types_start (void *(*find) (const char *name))
{
  for (uint32_t i = 0; i < PLACES; i++)
    atomic_store_explicit (&seen[i], 0, memory_order_relaxed);
  type_type = (uintptr_t) find ("PyType_Type");
}

static uint32_t
place_of (uintptr_t type)
{
  return (uint32_t) ((type >> 3) * UINT64_C (0x9e3779b97f4a7c15) >> 52);
}

// ---- looking at what may be a type, through the kernel

// The type of a type is `type`, or another one that says of itself that it is one of types.
static bool
has_metatype (uintptr_t type)
{
  enum { FLAGS_AT = 21 * WORD };
  // Py_TPFLAGS_TYPE_SUBCLASS, Py_TPFLAGS_READY
  const unsigned long of_types = 1UL << 31 | 1UL << 12;
  uintptr_t metatype, its;
  unsigned long flags;
  if (!mf_safe_load (type + WORD, &metatype, sizeof metatype))
    return false;
  return metatype == type_type
         || (metatype % WORD == 0 && mf_safe_load (metatype + WORD, &its, sizeof its)
             && its == type_type && mf_safe_load (metatype + FLAGS_AT, &flags, sizeof flags)
             && (flags & of_types) == of_types);
}

// Its name, at most NAME_MOST bytes, without terminator; `to` has room for a step more. 0 = it has
// none that can be read.
static uint32_t
name_of (uintptr_t type, char *to)
{
  uintptr_t name;
  uint32_t n = 0, step = NAME_STEP;
  if (!mf_safe_load (type + NAME_AT, &name, sizeof name))
    return 0;
  while (n < NAME_MOST) {
    if (!mf_safe_load (name + n, to + n, step)) { // the memory ends behind the name
      if (step == 1)
        return 0;
      step = 1;
      continue;
    }
    const char *end = memchr (to + n, 0, step);
    if (end)
      return (uint32_t) (end - to);
    n += step;
  }
  return NAME_MOST;
}

static bool
is_known (uintptr_t type)
{
  return type && atomic_load_explicit (&seen[place_of (type)], memory_order_relaxed) == type;
}

// What was no type may have become one: it is looked at again now and then.
static MF_COLD bool
look_at (uintptr_t type)
{
  enum { LOWEST = 1 << 16, AGAIN = 256 };
  static _Atomic uint32_t doubts;
  _Atomic uintptr_t *there = &seen[place_of (type)];
  if (type < LOWEST || type % WORD
      || (atomic_load_explicit (there, memory_order_relaxed) == type + NOT_A_TYPE
          && atomic_fetch_add_explicit (&doubts, 1, memory_order_relaxed) % AGAIN))
    return false;
  int error = errno;
  bool is_type = has_metatype (type);
  errno = error;
  atomic_store_explicit (there, is_type ? type : type + NOT_A_TYPE, memory_order_relaxed);
  return is_type;
}

// ---- objects

// An object lies at the start of its block, behind the head of the collector, or behind that and
// two more words. Nothing beyond the page of the block's start is read: only that is known to be
// there.
static uintptr_t
type_in (uintptr_t block)
{
  static const uint8_t heads[] = { 0, GC_HEAD, GC_HEAD + 2 * WORD };
  enum { HEADS = sizeof heads };
  uintptr_t found[HEADS] = { 0 }, left = PAGE - block % PAGE;
  for (size_t i = 0; i < HEADS && left >= heads[i] + 2u * WORD; i++) {
    const uintptr_t *object = (const uintptr_t *) (block + heads[i]);
    found[i] = (uint32_t) object[0] ? 0 : object[1]; // nobody refers to it any more
    if (is_known (found[i]))
      return found[i];
  }
  for (size_t i = 0; i < HEADS; i++)
    if (look_at (found[i]))
      return found[i];
  return 0;
}

// The block of a type is given back: its address may become that of anything. Types have a head of
// the collector.
static void
forget (uintptr_t type)
{
  uintptr_t there = type;
  if (MF_LIKELY (!is_known (type)))
    return;
  atomic_compare_exchange_strong (&seen[place_of (type)], &there, 0);
  atomic_fetch_add (&generations[place_of (type)], 1);
}

// ---- telling the ring

static bool
define (MfThread *thread, uint32_t slot, uintptr_t type)
{
  char name[NAME_MOST + NAME_STEP];
  uint32_t n = name_of (type, name), whole = (uint32_t) (sizeof (MfTypeRecord) + n + 7) & ~7u;
  MfTypeRecord *record = n ? mf_stream_room (thread, whole) : NULL;
  if (!record)
    return false;
  *record = (MfTypeRecord){
    .head = { .kind = MF_RECORD_TYPE, .value = whole }, .slot = slot, .length = n
  };
  memcpy (record + 1, name, n);
  mf_stream_add (thread, whole);
  mf_stream_publish (thread);
  return true;
}

static uint32_t
slot_of (MfThread *thread, uintptr_t type)
{
  if (!thread->defined)
    return MF_NO_SLOT;
  uint32_t place = place_of (type), slot = place % MF_TYPE_SLOTS;
  uint32_t generation = atomic_load_explicit (&generations[place], memory_order_relaxed);
  MfToldType *told = &thread->defined->types[slot];
  if (MF_LIKELY (told->type == type && told->generation == generation))
    return slot;
  if (!define (thread, slot, type))
    return MF_NO_SLOT;
  *told = (MfToldType){ type, generation };
  return slot;
}

static uint32_t
read_type (MfThread *thread, uintptr_t block)
{
  uintptr_t type = type_in (block);
  forget (block + GC_HEAD);
  return type && !(mf_agent.options & MF_RING_PAUSED) ? slot_of (thread, type) : MF_NO_SLOT;
}

void
mf_types_free (uintptr_t block)
{
  MfThread *thread = &mf_thread;
  uint32_t slot = mf_cost_is_due () ? mf_cost_type (block, read_type) : read_type (thread, block);
  if (slot == MF_NO_SLOT)
    mf_tell_free (MF_OBJ, block);
  else
    mf_record_typed_free (block, slot);
}
