// SPDX-License-Identifier: Apache-2.0
// Objects that grow: what stands in the object and what in a block beside it.
#include "model/objects/parts.h"

static uint64_t
list_slots (const MfTarget *target, const MfShape *shape)
{
  uint64_t n = shape->length;
  switch (shape->made) {
  case MF_MADE_APPENDED:
    return mf_list_appended (target, n);
  case MF_MADE_FROM_SIZED:
    return mf_list_constructed (target, n);
  case MF_MADE_EXTENDED:
    return mf_list_extended (target, n);
  case MF_MADE_FROM_ITERATOR:
    return mf_list_iterated (target, n);
  case MF_MADE_CAPACITY:
    return shape->capacity;
  default:
    return n;
  }
}

// Free-threaded lists keep their capacity in front of the items (Objects/listobject.c
// list_allocate_array), which list___sizeof___impl does not count. An empty list that was cut back
// from an iterator keeps an empty block (list_resize to 0, up to 3.13).
bool
mf_size_of_list (const MfPart *part, MfObjectSize *size)
{
  uint64_t slots = list_slots (part->target, part->shape);
  uint64_t front = part->target->free_threaded ? part->word : 0;
  uint64_t object = part->type.prefix + part->type.basic;
  bool cut = part->shape->made == MF_MADE_FROM_ITERATOR && !mf_target_from (part->target, 14);
  size->getsizeof = object + slots * part->word;
  return mf_blocks_add (part->target, object, 1, size)
         && mf_blocks_add (part->target, front + slots * part->word, slots || cut, size);
}

// () is a singleton, but up to 3.10 not the one that comes of an empty iterator.
bool
mf_size_of_tuple (const MfPart *part, MfObjectSize *size)
{
  const MfShape *shape = part->shape;
  bool apart = shape->flags & MF_SHAPE_NOT_SHARED
               || (shape->made == MF_MADE_FROM_ITERATOR && !mf_target_from (part->target, 11));
  size->getsizeof = part->type.prefix + part->type.basic + shape->length * part->type.item;
  return (shape->length == 0 && !apart) || mf_blocks_add (part->target, size->getsizeof, 1, size);
}

// Objects/dictobject.c, Include/internal/pycore_dict.h PyDictKeysObject: header, indices, entries.
// From 3.11 on entries of exact str keys have no hash.
uint64_t
mf_dict_table (const MfTarget *target, uint64_t slots, MfKeyKind keys)
{
  bool recent = mf_target_from (target, 11);
  uint64_t word = target->pointer;
  uint64_t header = recent ? mf_sizeof (target, "n4BI2n") : 5 * word;
  uint64_t wide = word == 8 ? 8 : 4;
  uint64_t index = slots < 256 ? 1 : slots < 65536 ? 2 : slots <= UINT32_MAX ? 4 : wide;
  uint64_t entry = (recent && keys == MF_KEYS_TEXT ? 2 : 3) * word;
  return slots ? header + slots * index + mf_dict_entries (slots) * entry : 0;
}

// dict_new took a table of eight up to 3.9, where {} takes none.
uint64_t
mf_dict_shape_slots (const MfTarget *target, const MfShape *shape)
{
  if (shape->made == MF_MADE_CAPACITY)
    return shape->capacity;
  bool early = shape->made == MF_MADE_CALLED && !mf_target_from (target, 10);
  return shape->length || early ? mf_dict_slots (shape->length) : 0;
}

static bool
is_table_size (uint64_t slots)
{
  return slots == 0 || (slots >= 8 && (slots & (slots - 1)) == 0);
}

bool
mf_size_of_dict (const MfPart *part, MfObjectSize *size)
{
  uint64_t slots = mf_dict_shape_slots (part->target, part->shape);
  uint64_t object = part->type.prefix + part->type.basic;
  if (!is_table_size (slots))
    return false;
  uint64_t table = mf_dict_table (part->target, slots, part->shape->keys);
  size->getsizeof = object + table;
  return mf_blocks_add (part->target, object, 1, size)
         && mf_blocks_add (part->target, table, slots != 0, size);
}

// Objects/odictobject.c: a node of four words for each item, and a pointer for each slot.
bool
mf_size_of_ordered_dict (const MfPart *part, MfObjectSize *size)
{
  uint64_t n = part->shape->length;
  uint64_t slots = mf_dict_shape_slots (part->target, part->shape);
  if (!mf_size_of_dict (part, size))
    return false;
  size->getsizeof += n * 4 * part->word + (n ? slots * part->word : 0);
  return mf_blocks_add (part->target, 4 * part->word, n, size)
         && mf_blocks_add (part->target, slots * part->word, n != 0, size);
}

// Eight entries of two words stand in the object. frozenset () was a singleton up to 3.9.
bool
mf_size_of_set (const MfPart *part, MfObjectSize *size)
{
  const MfShape *shape = part->shape;
  uint64_t slots = shape->made == MF_MADE_CAPACITY ? shape->capacity
                   : shape->made == MF_MADE_COPIED ? mf_set_merged (shape->length)
                                                   : mf_set_added (shape->length);
  uint64_t object = part->type.prefix + part->type.basic;
  uint64_t table = slots > 8 ? slots * 2 * part->word : 0;
  bool shared
      = shape->type == MF_PY_FROZENSET && shape->length == 0 && !mf_target_from (part->target, 10);
  if (!is_table_size (slots))
    return false;
  size->getsizeof = object + table;
  return shared
         || (mf_blocks_add (part->target, object, 1, size)
             && mf_blocks_add (part->target, table, table != 0, size));
}

static uint64_t
bytearray_bytes (const MfTarget *target, const MfShape *shape)
{
  uint64_t bytes = 0;
  if (shape->made == MF_MADE_CAPACITY)
    return shape->capacity;
  if (shape->made != MF_MADE_APPENDED)
    return shape->length ? mf_bytearray_resize (target, 0, shape->length) : 0;
  uint64_t nul = mf_target_from (target, 15) ? 0 : 1;
  while (shape->length && bytes < shape->length + nul)
    bytes = mf_bytearray_resize (target, bytes, bytes ? bytes + 1 - nul : 1);
  return bytes;
}

// From 3.15 on the bytes are those of a bytes object.
bool
mf_size_of_bytearray (const MfPart *part, MfObjectSize *size)
{
  MfPyTypeSize bytes;
  uint64_t allocated = bytearray_bytes (part->target, part->shape);
  if (!mf_py_type_size (part->target, MF_PY_BYTES, &bytes))
    return false;
  uint64_t block = allocated + (mf_target_from (part->target, 15) ? bytes.basic : 0);
  size->getsizeof = part->type.basic + (allocated ? block : 0);
  return mf_blocks_add (part->target, part->type.basic, 1, size)
         && mf_blocks_add (part->target, block, allocated != 0, size);
}

static uint64_t
array_slots (const MfShape *shape)
{
  uint64_t slots = 0;
  if (shape->made == MF_MADE_CAPACITY)
    return shape->capacity;
  if (shape->made == MF_MADE_EXTENDED) // frombytes
    return mf_array_resize (0, 0, shape->length);
  if (shape->made != MF_MADE_APPENDED)
    return shape->length;
  while (slots < shape->length)
    slots = mf_array_resize (slots, slots, slots + 1);
  return slots;
}

bool
mf_size_of_array (const MfPart *part, MfObjectSize *size)
{
  uint64_t object = part->type.prefix + part->type.basic, slots = array_slots (part->shape);
  uint32_t item = part->shape->item;
  if (item == 0 || item > 8)
    return false;
  size->getsizeof = object + slots * item;
  return mf_blocks_add (part->target, object, 1, size)
         && mf_blocks_add (part->target, slots * item, slots != 0, size);
}

bool
mf_size_of_deque (const MfPart *part, MfObjectSize *size)
{
  enum { BLOCK = 64, LINKS = 2 };
  uint64_t object = part->type.prefix + part->type.basic;
  uint64_t blocks = mf_deque_blocks (part->shape->length, part->shape->capacity);
  uint64_t block = (BLOCK + LINKS) * part->word;
  size->getsizeof = object + blocks * block;
  return mf_blocks_add (part->target, object, 1, size)
         && mf_blocks_add (part->target, block, blocks, size);
}
