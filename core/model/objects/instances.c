// SPDX-License-Identifier: Apache-2.0
// Instances of Python classes: what stands in front of them, in them, and behind their attributes.
#include "model/objects/parts.h"

// Include/internal/pycore_dict.h SHARED_KEYS_MAX_SIZE
enum { SHARED_KEYS = 30, INSTANCES_UNTIL_STEADY = 64 };

typedef struct {
  MfPyTypeSize base;
  bool add_dict, add_weakref;
  bool managed_dict;   // linked in front of the object (3.11+)
  bool inline_values;  // attributes in the object itself (3.13+)
  bool values_at_once; // a block of values from the start (3.11, 3.12)
} Class;

// Objects/typeobject.c type_new_alloc, type_new_slots: 3.11 links dicts in front but of types with
// items; 3.12 does so for all dicts, and for weak references. Inline values: in 3.13 only right
// after a bare object, from 3.14 on behind everything that has no items.
static bool
describe (const MfTarget *target, const MfShape *shape, Class *class)
{
  if (!mf_py_type_size (target, shape->base, &class->base))
    return false;
  bool items = class->base.item != 0, plain = shape->base == MF_PY_OBJECT;
  class->add_dict = shape->flags & MF_SHAPE_HAS_DICT && !class->base.has_dict;
  class->add_weakref = shape->flags & MF_SHAPE_HAS_WEAKREF && !class->base.has_weakref && !items;
  class->managed_dict
      = class->add_dict && mf_target_from (target, 11) && (!items || mf_target_from (target, 12));
  class->inline_values = class->managed_dict && !items
                         && (mf_target_from (target, 14)
                             || (mf_target_from (target, 13) && plain && shape->slots == 0));
  class->values_at_once = class->managed_dict && plain && !mf_target_from (target, 13);
  return true;
}

bool
mf_instance_type (const MfTarget *target, const MfShape *shape, MfPyTypeSize *size)
{
  Class class;
  uint64_t word = target->pointer;
  if (!describe (target, shape, &class))
    return false;
  bool managed_weakref = class.add_weakref && mf_target_from (target, 12);
  uint64_t inside
      = (class.add_dict && !class.managed_dict) + (class.add_weakref && !managed_weakref);
  // all classes collect garbage, also where their base does not
  *size = (MfPyTypeSize){ .basic = class.base.basic + (shape->slots + inside) * word,
    .item = class.base.item,
    .prefix = (target->free_threaded ? 0 : 2 * word)
              + (class.managed_dict || managed_weakref ? 2 * word : 0),
    .gc = true,
    .has_dict = class.add_dict || class.base.has_dict,
    .has_weakref = class.add_weakref || class.base.has_weakref };
  return true;
}

// Room for attributes that instance number `nth` gets, by replaying what CPython does: keys start
// with room for 30, and each new instance takes one place from them as long as there is more than
// one (Objects/dictobject.c init_inline_values, 3.11 and 3.12 _PyObject_InitializeDict). From 3.14
// on the attributes that methods assign to self are there before (new_keys_for_class).
static uint64_t
values_of_instance (const MfTarget *target, const MfShape *shape, bool *all_fit)
{
  uint64_t attributes = shape->length, taken = 0, room = 0;
  if (mf_target_from (target, 14) && !(shape->flags & MF_SHAPE_NOT_STATIC))
    taken = attributes + shape->slots < SHARED_KEYS ? attributes + shape->slots : SHARED_KEYS;
  uint64_t usable = SHARED_KEYS - taken;
  bool size_first = mf_target_from (target, 13);
  bool early = shape->nth > 0 && shape->nth < INSTANCES_UNTIL_STEADY;
  uint32_t n = early ? shape->nth : INSTANCES_UNTIL_STEADY;
  for (uint32_t i = 0; i < n; i++) {
    room = usable + taken;
    usable -= usable > 1;
    if (!size_first)
      room = usable + taken;
    uint64_t more = attributes > taken ? attributes - taken : 0;
    more = more < usable ? more : usable;
    usable -= more;
    taken += more;
  }
  *all_fit = attributes <= taken;
  return room;
}

// Objects/dictobject.c new_values: 3.11 and 3.12 keep the order of insertion in front, with two
// bytes more; 3.13 four bytes in front and the order behind (_PyInlineValuesSize).
static uint64_t
values_block (const MfTarget *target, uint64_t room)
{
  uint64_t word = target->pointer;
  if (!mf_target_from (target, 13))
    return mf_round_up (room + 2, word) + room * word;
  return mf_round_up (4, word) + room * word + mf_round_up (room, word);
}

static uint64_t
dict_object (const MfTarget *target)
{
  MfPyTypeSize dict;
  return mf_py_type_size (target, MF_PY_DICT, &dict) ? dict.prefix + dict.basic : 0;
}

static bool
add_dict (const MfPart *part, uint64_t slots, MfObjectSize *size)
{
  return mf_blocks_add (part->target, dict_object (part->target), 1, size)
         && mf_blocks_add (
             part->target, mf_dict_table (part->target, slots, MF_KEYS_TEXT), slots != 0, size);
}

// Attributes that found no room among the shared keys moved to a table made when the first one of
// them came; the names that 3.14 knew before leave out any of them, so the table grew from small.
static uint64_t
slots_after_overflow (const MfTarget *target, const MfShape *shape)
{
  if (mf_target_from (target, 14) && !(shape->flags & MF_SHAPE_NOT_STATIC))
    return mf_dict_slots (shape->length);
  uint64_t slots = mf_dict_resized (SHARED_KEYS - 1);
  while (mf_dict_entries (slots) < shape->length)
    slots = mf_dict_resized (mf_dict_entries (slots));
  return slots;
}

// Up to 3.10: a dict with a block of values for the keys that the class shares.
static bool
add_split_dict (const MfPart *part, MfObjectSize *size)
{
  uint64_t values = mf_dict_entries (mf_dict_slots (part->shape->length)) * part->word;
  return add_dict (part, 0, size) && mf_blocks_add (part->target, values, 1, size);
}

static bool
add_attributes_old (const MfPart *part, MfObjectSize *size)
{
  const MfShape *shape = part->shape;
  if (shape->flags & MF_SHAPE_DICT_NEW)
    return add_dict (part, 0, size);
  if (shape->length == 0 && !(shape->flags & MF_SHAPE_DICT_READ))
    return true;
  if (shape->flags & MF_SHAPE_ORDER_LOST)
    return add_dict (part, mf_dict_slots (shape->length), size);
  return add_split_dict (part, size);
}

// From 3.11 on: values in the object or beside it, and a dict only where it is needed.
static bool
add_attributes_new (const MfPart *part, const Class *class, MfObjectSize *size)
{
  const MfShape *shape = part->shape;
  bool own = class->inline_values || class->values_at_once, fit = true;
  bool lost = shape->flags & MF_SHAPE_ORDER_LOST, replaced = shape->flags & MF_SHAPE_DICT_NEW;
  bool read = shape->flags & MF_SHAPE_DICT_READ, some = shape->length > 0;
  uint64_t room = values_of_instance (part->target, shape, &fit);
  bool values = !lost && !replaced && fit;
  if (class->values_at_once && values
      && !mf_blocks_add (part->target, values_block (part->target, room), 1, size))
    return false;
  if (replaced || (read && !some) || (own && read && values))
    return add_dict (part, 0, size);
  if ((own && values) || !some)
    return true;
  if (!class->managed_dict || lost)
    return add_dict (part, mf_dict_slots (shape->length), size);
  if (own || shape->length > SHARED_KEYS)
    return add_dict (part, slots_after_overflow (part->target, shape), size);
  return add_dict (part, 0, size)
         && mf_blocks_add (part->target, values_block (part->target, SHARED_KEYS), 1, size);
}

// What the built-in base keeps of `capacity` items: in the object, or in a block of its own.
static bool
add_base (const MfPart *part, const Class *class, uint64_t values, MfObjectSize *size)
{
  static const uint8_t widths[] = { 1, 1, 2, 4 };
  const MfTarget *target = part->target;
  const MfShape *shape = part->shape;
  uint64_t items = shape->capacity, beside = 0;
  bool slots_given = shape->base == MF_PY_DICT;
  if (shape->base == MF_PY_INT && items == 0 && mf_target_from (target, 11))
    items = 1;
  if (shape->base == MF_PY_STR && shape->text <= MF_TEXT_UCS4)
    beside = (items + 1) * widths[shape->text];
  if (shape->base == MF_PY_LIST)
    beside = items * part->word;
  if (slots_given) {
    MfShape dict = { .made = MF_MADE_CALLED, .length = items };
    beside = mf_dict_table (target, mf_dict_shape_slots (target, &dict), shape->keys);
  }
  // int.__sizeof__ and str.__sizeof__ count their own members only; one item more is asked for
  // (PyType_GenericAlloc)
  bool own_count = shape->base == MF_PY_INT || shape->base == MF_PY_STR;
  uint64_t counted = own_count ? class->base.basic : part->type.basic;
  size->getsizeof = part->type.prefix + counted + items * part->type.item + beside;
  uint64_t asked = part->type.basic + (part->type.item ? (items + 1) * part->type.item : 0);
  return mf_blocks_add (
             target, part->type.prefix + mf_round_up (asked, part->word) + values, 1, size)
         && mf_blocks_add (target, beside, beside != 0, size);
}

bool
mf_size_of_instance (const MfPart *part, MfObjectSize *size)
{
  Class class;
  bool fit;
  if (!describe (part->target, part->shape, &class))
    return false;
  uint64_t values = 0;
  if (class.inline_values)
    values = values_block (part->target, values_of_instance (part->target, part->shape, &fit));
  if (!add_base (part, &class, values, size))
    return false;
  if (!part->type.has_dict)
    return true;
  return mf_target_from (part->target, 11) ? add_attributes_new (part, &class, size)
                                           : add_attributes_old (part, size);
}
