// SPDX-License-Identifier: Apache-2.0
// The heap of abstract objects: memory of the analysis, prices on the target, and making and freeing of things.
#include "abstract-values.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 * 1024, LEAST_SHARED = -5, LEAST_BIN = 4 };

typedef struct Chunk {
  struct Chunk *next;
} Chunk;

// ---- memory of the analysis

static void *
take (MfHeap *heap, size_t bytes)
{
  bytes = (bytes + 15) & ~(size_t) 15;
  if ((size_t) (heap->end - heap->next) < bytes) {
    size_t size = bytes + sizeof (Chunk) > CHUNK ? bytes + 16 : CHUNK;
    Chunk *chunk = malloc (size);
    if (!chunk)
      abort ();
    heap->held += size;
    heap->exhausted |= heap->held > heap->limit;
    chunk->next = heap->chunks;
    heap->chunks = chunk;
    heap->next = (uint8_t *) chunk + 16;
    heap->end = (uint8_t *) chunk + size;
  }
  void *memory = heap->next;
  heap->next += bytes;
  return memory;
}

static unsigned
bin_of (size_t bytes)
{
  unsigned bin = LEAST_BIN;
  while (((size_t) 1 << bin) < bytes)
    bin++;
  return bin - LEAST_BIN;
}

void *
mf_heap_array (MfHeap *heap, size_t bytes)
{
  unsigned bin = bin_of (bytes);
  if (bin >= sizeof heap->bins / sizeof *heap->bins) {
    heap->exhausted = true;
    return take (heap, bytes);
  }
  void *array = heap->bins[bin];
  if (!array)
    return take (heap, (size_t) 1 << (bin + LEAST_BIN));
  memcpy (&heap->bins[bin], array, sizeof (void *));
  return array;
}

void
mf_heap_array_free (MfHeap *heap, void *array, size_t bytes)
{
  unsigned bin = bin_of (bytes);
  if (!array || bin >= sizeof heap->bins / sizeof *heap->bins)
    return;
  memcpy (array, &heap->bins[bin], sizeof (void *));
  heap->bins[bin] = array;
}

// ---- prices

uint64_t
mf_heap_price (const MfHeap *heap, uint64_t block)
{
  return heap->requested ? block : mf_granted (heap->target, block);
}

uint64_t
mf_heap_shape (MfHeap *heap, const MfShape *shape)
{
  MfObjectSize size;
  if (heap->unpriced || !mf_object_size (heap->target, shape, &size))
    return 0;
  return heap->requested ? size.requested : size.granted;
}

void
mf_heap_take (MfHeap *heap, uint64_t bytes)
{
  heap->count.allocated += bytes;
  heap->count.live += bytes;
  if (heap->count.live > heap->count.peak)
    heap->count.peak = heap->count.live;
}

void
mf_heap_give (MfHeap *heap, uint64_t bytes)
{
  heap->count.live -= bytes;
}

void
mf_thing_hold (MfHeap *heap, MfThing *thing, uint64_t bytes, bool copied)
{
  if (bytes == thing->bytes)
    return;
  uint64_t old = thing->bytes;
  thing->bytes = bytes;
  if (!copied && bytes > old) {
    mf_heap_take (heap, bytes - old);
    return;
  }
  if (copied)
    mf_heap_take (heap, bytes);
  else
    heap->count.live += bytes;
  mf_heap_give (heap, old);
}

// ---- the heap

static void
immortal (MfThing *thing, MfValueKind kind, unsigned type, unsigned sub)
{
  *thing = (MfThing){ .refs = MF_IMMORTAL_REFS, .kind = kind, .type = (uint8_t) type, .flags = MF_V_IMMORTAL, .sub = (uint8_t) sub };
}

bool
mf_heap_init (MfHeap *heap, const MfTarget *target, bool requested, size_t limit)
{
  *heap = (MfHeap){ .target = target, .requested = requested, .limit = limit };
  immortal (&heap->none, MF_V_SINGLETON, MF_PY_NONE, MF_IS_NONE);
  immortal (&heap->no, MF_V_SINGLETON, MF_PY_BOOL, MF_IS_FALSE);
  immortal (&heap->yes, MF_V_SINGLETON, MF_PY_BOOL, MF_IS_TRUE);
  immortal (&heap->ellipsis, MF_V_SINGLETON, MF_PY_ELLIPSIS, MF_IS_OTHER);
  immortal (&heap->unknown, MF_V_UNKNOWN, MF_V_NO_TYPE, 0);
  immortal (&heap->null, MF_V_NULL, MF_V_NO_TYPE, 0);
  return true;
}

void
mf_heap_end (MfHeap *heap)
{
  for (Chunk *chunk = heap->chunks; chunk;) {
    Chunk *next = chunk->next;
    free (chunk);
    chunk = next;
  }
  heap->chunks = NULL;
}

// ---- things

MfThing *
mf_thing_new (MfHeap *heap, MfValueKind kind, unsigned type)
{
  MfThing *thing = heap->free_things;
  if (thing)
    heap->free_things = thing->next;
  else
    thing = take (heap, sizeof *thing);
  memset (thing, 0, sizeof *thing);
  thing->refs = 1;
  thing->kind = (uint8_t) kind;
  thing->type = (uint8_t) type;
  return thing;
}

MfThing *
mf_thing_unknown (MfHeap *heap, unsigned type)
{
  return type == MF_V_NO_TYPE ? mf_thing_ref (&heap->unknown) : mf_thing_new (heap, MF_V_UNKNOWN, type);
}

MfThing *
mf_thing_of_shape (MfHeap *heap, const MfShape *shape)
{
  MfThing *thing = mf_thing_new (heap, MF_V_UNKNOWN, shape->type);
  mf_thing_hold (heap, thing, mf_heap_shape (heap, shape), false);
  return thing;
}

MfThing *
mf_thing_none (MfHeap *heap)
{
  return mf_thing_ref (&heap->none);
}

MfThing *
mf_thing_bool (MfHeap *heap, bool value)
{
  return mf_thing_ref (value ? &heap->yes : &heap->no);
}

static uint64_t
bits_of (unsigned __int128 magnitude)
{
  uint64_t high = (uint64_t) (magnitude >> 64), low = (uint64_t) magnitude;
  return high ? 128 - (uint64_t) __builtin_clzll (high) : low ? 64 - (uint64_t) __builtin_clzll (low) : 0;
}

static void
hold_int (MfHeap *heap, MfThing *thing, uint64_t bits)
{
  MfShape shape = { .type = MF_PY_INT, .length = mf_int_digits (heap->target, bits) };
  if (mf_target_is_micropython (heap->target))
    shape.capacity = bits;
  mf_thing_hold (heap, thing, mf_heap_shape (heap, &shape), false);
}

MfThing *
mf_thing_int (MfHeap *heap, __int128 value)
{
  bool shared = value >= LEAST_SHARED && value <= mf_int_cached_until (heap->target);
  MfThing **place = shared ? &heap->small[(size_t) (value - LEAST_SHARED)] : NULL;
  if (place && *place)
    return mf_thing_ref (*place);
  MfThing *thing = mf_thing_new (heap, MF_V_INT, MF_PY_INT);
  thing->integer.low = (uint64_t) value;
  thing->integer.high = (int64_t) (value >> 64);
  if (!place) {
    hold_int (heap, thing, bits_of (value < 0 ? -(unsigned __int128) value : (unsigned __int128) value));
    return thing;
  }
  thing->flags = MF_V_IMMORTAL;
  thing->refs = MF_IMMORTAL_REFS;
  *place = thing;
  return mf_thing_ref (thing);
}

MfThing *
mf_thing_big (MfHeap *heap, uint64_t bits)
{
  MfThing *thing = mf_thing_new (heap, MF_V_UNKNOWN, MF_PY_INT);
  hold_int (heap, thing, bits);
  return thing;
}

MfThing *
mf_thing_float (MfHeap *heap, double value)
{
  MfThing *thing = mf_thing_new (heap, MF_V_FLOAT, MF_PY_FLOAT);
  MfShape shape = { .type = MF_PY_FLOAT };
  thing->real = value;
  mf_thing_hold (heap, thing, mf_heap_shape (heap, &shape), false);
  return thing;
}

uint64_t
mf_text_hash (const char *text, size_t n)
{
  return mf_bytes_hash ((const uint8_t *) text, n);
}

// Characters, and the highest lead byte decides the width.
static uint64_t
measure_utf8 (const char *bytes, uint64_t n, MfTextKind *kind)
{
  uint64_t length = 0;
  uint8_t highest = 0;
  for (uint64_t i = 0; i < n; i++) {
    uint8_t byte = (uint8_t) bytes[i];
    length += (byte & 0xc0) != 0x80;
    highest = byte > highest ? byte : highest;
  }
  *kind = highest < 0x80 ? MF_TEXT_ASCII : highest < 0xc4 ? MF_TEXT_LATIN1 : highest < 0xf0 ? MF_TEXT_UCS2 : MF_TEXT_UCS4;
  return length;
}

MfThing *
mf_thing_text_length (MfHeap *heap, unsigned type, uint64_t length, MfTextKind kind)
{
  MfThing *thing = mf_thing_new (heap, MF_V_TEXT, type);
  MfShape shape = { .type = (MfPyType) type, .length = length, .text = kind };
  thing->text.length = thing->text.n = length > UINT32_MAX ? UINT32_MAX : (uint32_t) length;
  thing->sub = (uint8_t) kind;
  mf_thing_hold (heap, thing, mf_heap_shape (heap, &shape), false);
  return thing;
}

MfThing *
mf_thing_text (MfHeap *heap, unsigned type, const char *bytes, uint64_t n)
{
  enum { MOST = 64 * 1024 };
  MfTextKind kind = MF_TEXT_ASCII;
  uint64_t length = type == MF_PY_STR ? measure_utf8 (bytes, n, &kind) : n;
  MfThing *thing = mf_thing_text_length (heap, type, length, kind);
  if (n > MOST)
    return thing;
  char *copy = mf_heap_array (heap, n + 1);
  memcpy (copy, bytes, n);
  copy[n] = 0;
  thing->text.bytes = copy;
  thing->text.n = (uint32_t) n;
  thing->text.hash = mf_text_hash (copy, n);
  return thing;
}

MfThing *
mf_thing_tuple (MfHeap *heap, MfThing *const *items, uint32_t n)
{
  MfThing *tuple = mf_thing_new (heap, MF_V_LIST, MF_PY_TUPLE);
  MfShape shape = { .type = MF_PY_TUPLE, .length = n };
  tuple->list.n = tuple->list.room = n;
  tuple->list.items = n ? mf_heap_array (heap, n * sizeof *items) : NULL;
  if (n)
    memcpy (tuple->list.items, items, n * sizeof *items);
  mf_thing_hold (heap, tuple, mf_heap_shape (heap, &shape), false);
  return tuple;
}

static uint64_t
list_bytes (MfHeap *heap, uint64_t slots)
{
  MfShape shape = { .type = MF_PY_LIST, .made = MF_MADE_CAPACITY, .capacity = slots };
  return mf_heap_shape (heap, &shape);
}

MfThing *
mf_thing_list (MfHeap *heap, MfThing *const *items, uint32_t n, uint64_t slots)
{
  MfThing *list = mf_thing_new (heap, MF_V_LIST, MF_PY_LIST);
  list->list.n = list->list.room = n;
  list->list.slots = slots;
  list->list.items = n ? mf_heap_array (heap, n * sizeof *items) : NULL;
  if (n)
    memcpy (list->list.items, items, n * sizeof *items);
  mf_thing_hold (heap, list, list_bytes (heap, slots), false);
  return list;
}

static void
make_room (MfHeap *heap, MfThing *list)
{
  uint32_t room = list->list.room ? list->list.room * 2 : 4;
  MfThing **items = mf_heap_array (heap, room * sizeof *items);
  if (list->list.n)
    memcpy (items, list->list.items, list->list.n * sizeof *items);
  mf_heap_array_free (heap, list->list.items, list->list.room * sizeof *items);
  list->list.items = items;
  list->list.room = room;
}

// Takes the reference over.
void
mf_list_append (MfHeap *heap, MfThing *list, MfThing *item)
{
  uint64_t slots = mf_list_resize (heap->target, list->list.slots, list->list.n, list->list.n + 1ull);
  if (slots != list->list.slots) {
    list->list.slots = slots;
    mf_thing_hold (heap, list, list_bytes (heap, slots), false);
  }
  mf_list_put (heap, list, item);
}

void
mf_list_put (MfHeap *heap, MfThing *list, MfThing *item)
{
  if (list->list.n == list->list.room)
    make_room (heap, list);
  list->list.items[list->list.n++] = item;
}

MfThing *
mf_thing_map (MfHeap *heap, unsigned type, uint64_t presized)
{
  MfThing *thing = mf_thing_new (heap, MF_V_MAP, type);
  MfShape shape = { .type = (MfPyType) type, .length = type == MF_PY_DICT ? presized : 0 };
  thing->map = mf_map_new (heap, true);
  thing->map->slots = shape.length ? mf_dict_slots (presized) : 0;
  if (mf_target_is_micropython (heap->target)) { // sets, too, and exactly so many
    thing->map->slots = presized;
    shape = (MfShape){ .type = (MfPyType) type, .made = MF_MADE_CAPACITY, .capacity = presized };
  }
  mf_thing_hold (heap, thing, mf_heap_shape (heap, &shape), false);
  return thing;
}

// ---- freeing

static void
free_text (MfHeap *heap, MfThing *thing)
{
  if (thing->text.bytes)
    mf_heap_array_free (heap, (void *) (uintptr_t) thing->text.bytes, thing->text.n + 1);
}

static void
free_list (MfHeap *heap, MfThing *thing)
{
  for (uint32_t i = 0; i < thing->list.n; i++)
    mf_thing_unref (heap, thing->list.items[i]);
  mf_heap_array_free (heap, thing->list.items, thing->list.room * sizeof *thing->list.items);
}

static void
free_map (MfHeap *heap, MfThing *thing)
{
  mf_map_free (heap, thing->map);
}

static void
free_parts (MfHeap *heap, MfThing *thing)
{
  mf_thing_unref (heap, thing->parts.a);
  mf_thing_unref (heap, thing->parts.b);
  mf_thing_unref (heap, thing->parts.c);
}

static void
free_function (MfHeap *heap, MfThing *thing)
{
  for (size_t i = 0; i < sizeof thing->function->parts / sizeof *thing->function->parts; i++)
    mf_thing_unref (heap, thing->function->parts[i]);
  mf_thing_unref (heap, thing->function->wrapped);
  mf_thing_unref (heap, thing->function->code_thing);
  mf_heap_array_free (heap, thing->function, sizeof *thing->function);
}

static void
free_instance (MfHeap *heap, MfThing *thing)
{
  mf_thing_unref (heap, thing->instance->class);
  mf_map_free (heap, thing->instance->names);
  mf_heap_array_free (heap, thing->instance, sizeof *thing->instance);
}

static void
free_class (MfHeap *heap, MfThing *thing)
{
  mf_thing_unref (heap, thing->class->bases);
  mf_map_free (heap, thing->class->names);
  mf_heap_array_free (heap, thing->class, sizeof *thing->class);
}

void mf_activation_free (MfHeap *heap, MfActivation *activation);

static void
free_generator (MfHeap *heap, MfThing *thing)
{
  if (thing->activation)
    mf_activation_free (heap, thing->activation);
}

static void
free_one (MfHeap *heap, MfThing *thing)
{
  static void (*const frees[MF_V_N]) (MfHeap *, MfThing *) = { [MF_V_TEXT] = free_text,
    [MF_V_LIST] = free_list,
    [MF_V_MAP] = free_map,
    [MF_V_SLICE] = free_parts,
    [MF_V_ITERATOR] = free_parts,
    [MF_V_METHOD] = free_parts,
    [MF_V_DESCRIPTOR] = free_parts,
    [MF_V_CELL] = free_parts,
    [MF_V_SUPER] = free_parts,
    [MF_V_FUNCTION] = free_function,
    [MF_V_CLASS] = free_class,
    [MF_V_INSTANCE] = free_instance,
    [MF_V_GENERATOR] = free_generator };
  bool escaped = heap->flow && (thing->flags & MF_V_ESCAPED || heap->escaping);
  bool escaping = heap->escaping;
  heap->escaping = escaped; // with all that it refers to
  if (frees[thing->kind])
    frees[thing->kind](heap, thing);
  heap->escaping = escaping;
  if (escaped)
    heap->escaped += thing->bytes;
  else
    mf_heap_give (heap, thing->bytes);
  thing->kind = MF_V_NULL;
  thing->next = heap->free_things;
  heap->free_things = thing;
}

// What hangs deep below waits for its turn, so that a long chain needs no deep stack here.
static void
put_off (MfHeap *heap, MfThing *thing)
{
  if (heap->n_doomed == heap->room_doomed) {
    uint32_t room = heap->room_doomed ? heap->room_doomed * 2 : 64;
    MfThing **doomed = mf_heap_array (heap, room * sizeof *doomed);
    if (heap->n_doomed)
      memcpy (doomed, heap->doomed, heap->n_doomed * sizeof *doomed);
    mf_heap_array_free (heap, heap->doomed, heap->room_doomed * sizeof *doomed);
    heap->doomed = doomed;
    heap->room_doomed = room;
  }
  heap->doomed[heap->n_doomed++] = thing;
}

void
mf_thing_free (MfHeap *heap, MfThing *thing)
{
  enum { DEEP = 64 };
  if (thing->flags & MF_V_IMMORTAL) {
    thing->refs = MF_IMMORTAL_REFS;
    return;
  }
  if (heap->depth >= DEEP) {
    put_off (heap, thing);
    return;
  }
  heap->depth++;
  free_one (heap, thing);
  while (heap->depth == 1 && heap->n_doomed)
    free_one (heap, heap->doomed[--heap->n_doomed]);
  heap->depth--;
}
