// SPDX-License-Identifier: Apache-2.0
// What a class statement leaves behind: the type, its dict, tuples, descriptors, shared keys.
#include "model/objects/parts.h"

typedef struct {
  MfPyTypeSize base, instance;
  bool dict, weakref;   // descriptors for __dict__ and __weakref__ are added
  uint64_t shared_keys; // bytes of the table that instances share; 0 = none
} Class;

// Objects/dictobject.c _PyDict_NewKeysForClass: eight slots up to 3.10, then 64 of str keys for
// classes whose instances have their dict in front.
static uint64_t
shared_keys (const MfTarget *target, const Class *class, const MfShape *shape)
{
  bool has_dict = shape->flags & MF_SHAPE_HAS_DICT;
  if (!mf_target_from (target, 11))
    return has_dict ? mf_dict_table (target, 8, MF_KEYS_ANY) : 0;
  bool managed = class->dict && (class->base.item == 0 || mf_target_from (target, 12));
  return managed ? mf_dict_table (target, 64, MF_KEYS_TEXT) : 0;
}

static bool
describe (const MfTarget *target, const MfShape *shape, Class *class)
{
  if (!mf_py_type_size (target, shape->base, &class->base))
    return false;
  class->dict = shape->flags & MF_SHAPE_HAS_DICT && !class->base.has_dict;
  class->weakref
      = shape->flags & MF_SHAPE_HAS_WEAKREF && !class->base.has_weakref && class->base.item == 0;
  class->shared_keys = shared_keys (target, class, shape);
  return true;
}

// The dict is a copy of the body's with descriptors and __doc__ added one by one. Names that were
// taken out keep their entries until the next resize.
static uint64_t
dict_slots (const Class *class, const MfShape *shape)
{
  uint64_t slots = mf_dict_slots (shape->length), entries = shape->length;
  uint64_t dropped = shape->dropped < entries ? shape->dropped : entries;
  uint64_t added = (uint64_t) class->dict + class->weakref + shape->slots + 1;
  for (; added > 0; added--, entries++)
    if (entries == mf_dict_entries (slots)) {
      entries -= dropped;
      dropped = 0;
      slots = mf_dict_resized (entries);
    }
  return slots;
}

// Tables of eight slots that end in the free list of dict keys: type () copies the body's dict once
// to keep and once to call __set_name__, past the list; freed copies go into it. Shared keys of
// eight slots are taken from it.
static uint64_t
parked_tables (const MfTarget *target, const Class *class, const MfShape *shape)
{
  bool takes = class->shared_keys && !mf_target_from (target, 11);
  return mf_dict_slots (shape->length) == 8 && !takes && shape->flags & MF_SHAPE_FREE_LISTS;
}

// From 3.15 on the descriptors for __dict__ and __weakref__ are the same for all classes.
static bool
add_descriptors (
    const MfTarget *target, const Class *class, const MfShape *shape, MfObjectSize *size)
{
  MfShape getset = { .type = MF_PY_GETSET_DESCRIPTOR },
          member = { .type = MF_PY_MEMBER_DESCRIPTOR };
  uint64_t own = mf_target_from (target, 15) ? 0 : (uint64_t) class->dict + class->weakref;
  return mf_object_add (target, &getset, own, size)
         && mf_object_add (target, &member, shape->slots, size);
}

// __bases__ of one, __mro__, the sorted __slots__, and what the base keeps to know its subclasses:
// a weak reference under the address as an int.
static bool
add_links (const MfTarget *target, const MfShape *shape, MfObjectSize *size)
{
  MfShape bases = { .type = MF_PY_TUPLE, .length = 1 };
  MfShape mro = { .type = MF_PY_TUPLE, .length = shape->mro ? shape->mro : 2 };
  MfShape slots = { .type = MF_PY_TUPLE, .length = shape->slots };
  MfShape weakref = { .type = MF_PY_WEAKREF };
  uint64_t digits = mf_int_digits (target, target->address_bits);
  MfShape key
      = { .type = MF_PY_INT, .made = MF_MADE_CAPACITY, .length = digits, .capacity = digits };
  return mf_object_add (target, &bases, 1, size) && mf_object_add (target, &mro, 1, size)
         && mf_object_add (target, &slots, 1, size) && mf_object_add (target, &weakref, 1, size)
         && mf_object_add (target, &key, 1, size);
}

// The items are member definitions, one for each slot and one that ends them; type___sizeof__
// counts the shared keys and not those.
bool
mf_size_of_class (const MfPart *part, MfObjectSize *size)
{
  const MfTarget *target = part->target;
  const MfShape *shape = part->shape;
  Class class;
  if (!describe (target, shape, &class))
    return false;
  uint64_t type = part->type.prefix + part->type.basic;
  MfShape dict
      = { .type = MF_PY_DICT, .made = MF_MADE_CAPACITY, .capacity = dict_slots (&class, shape) };
  uint64_t small = mf_dict_table (target, 8, MF_KEYS_TEXT);
  size->getsizeof = type + class.shared_keys;
  return mf_blocks_add (target, type + ((uint64_t) shape->slots + 1) * part->type.item, 1, size)
         && mf_blocks_add (target, class.shared_keys, class.shared_keys != 0, size)
         && mf_object_add (target, &dict, 1, size)
         && mf_blocks_add (target, small, parked_tables (target, &class, shape), size)
         && add_descriptors (target, &class, shape, size) && add_links (target, shape, size);
}
