// SPDX-License-Identifier: Apache-2.0
// From a shape to its formula, and sums of blocks.
#include "model/objects/parts.h"

#include <string.h>

// Blocks are few: a search from the start is fast.
bool
mf_blocks_add (const MfTarget *target, uint64_t bytes, uint64_t count, MfObjectSize *sum)
{
  uint32_t i = 0;
  uint64_t all;
  while (i < sum->n_blocks && sum->blocks[i].size != bytes)
    i++;
  if (count == 0)
    return true;
  // far below what 64 bits hold, so that sums and rounding stay inside
  if (i == MF_MOST_BLOCK_SIZES || __builtin_mul_overflow (bytes, count, &all)
      || all + sum->requested > MF_MOST_BYTES || count > MF_MOST_BYTES)
    return false;
  if (i == sum->n_blocks)
    sum->blocks[sum->n_blocks++] = (MfBlock){ .size = bytes };
  sum->blocks[i].count += count;
  sum->requested += all;
  sum->granted += mf_granted (target, bytes) * count;
  return true;
}

// An object of fixed size with nothing beside it.
static bool
size_of_fixed (const MfPart *part, MfObjectSize *size)
{
  size->getsizeof = part->type.prefix + part->type.basic;
  return mf_blocks_add (part->target, size->getsizeof, 1, size);
}

// None, True, NotImplemented, …: they exist already.
static bool
size_of_singleton (const MfPart *part, MfObjectSize *size)
{
  size->getsizeof = part->type.basic + part->type.item;
  return true;
}

// clang-format off
static const struct {
  MfPyType type;
  MfFormula formula;
} formulas[] = {
  { MF_PY_NONE, size_of_singleton }, { MF_PY_NOT_IMPLEMENTED, size_of_singleton },
  { MF_PY_ELLIPSIS, size_of_singleton },
  { MF_PY_INT, mf_size_of_number }, { MF_PY_BOOL, mf_size_of_number }, { MF_PY_DECIMAL, mf_size_of_number },
  { MF_PY_STR, mf_size_of_text }, { MF_PY_BYTES, mf_size_of_bytes },
  { MF_PY_LIST, mf_size_of_list }, { MF_PY_TUPLE, mf_size_of_tuple }, { MF_PY_DICT, mf_size_of_dict },
  { MF_PY_DEFAULT_DICT, mf_size_of_dict }, { MF_PY_ORDERED_DICT, mf_size_of_ordered_dict },
  { MF_PY_SET, mf_size_of_set }, { MF_PY_FROZENSET, mf_size_of_set },
  { MF_PY_BYTEARRAY, mf_size_of_bytearray }, { MF_PY_ARRAY, mf_size_of_array }, { MF_PY_DEQUE, mf_size_of_deque },
  { MF_PY_GENERATOR, mf_size_of_items }, { MF_PY_COROUTINE, mf_size_of_items },
  { MF_PY_ASYNC_GENERATOR, mf_size_of_items }, { MF_PY_FRAME, mf_size_of_items }, { MF_PY_CODE, mf_size_of_items },
  { MF_PY_PATTERN, mf_size_of_items }, { MF_PY_MATCH, mf_size_of_items }, { MF_PY_MEMORYVIEW, mf_size_of_items },
  { MF_PY_MODULE, mf_size_of_items }, { MF_PY_SIMPLE_NAMESPACE, mf_size_of_items },
  { MF_PY_STRUCT, mf_size_of_items },
  { MF_PY_TIME, mf_size_of_naive }, { MF_PY_DATETIME, mf_size_of_naive },
  { MF_PY_BYTES_IO, mf_size_of_io }, { MF_PY_STRING_IO, mf_size_of_io }, { MF_PY_FILE_IO, mf_size_of_io },
  { MF_PY_BUFFERED_READER, mf_size_of_io }, { MF_PY_BUFFERED_WRITER, mf_size_of_io },
  { MF_PY_BUFFERED_RANDOM, mf_size_of_io }, { MF_PY_LOCK, mf_size_of_io }, { MF_PY_RLOCK, mf_size_of_io },
  { MF_PY_SIMPLE_QUEUE, mf_size_of_io },
  { MF_PY_INSTANCE, mf_size_of_instance }, { MF_PY_CLASS, mf_size_of_class },
};
// clang-format on

static MfFormula
formula_of (MfPyType type)
{
  for (size_t i = 0; i < sizeof formulas / sizeof *formulas; i++)
    if (formulas[i].type == type)
      return formulas[i].formula;
  return size_of_fixed;
}

static bool
type_of (const MfTarget *target, const MfShape *shape, MfPyTypeSize *type)
{
  if (shape->type == MF_PY_INSTANCE)
    return mf_instance_type (target, shape, type);
  return mf_py_type_size (target, shape->type == MF_PY_CLASS ? MF_PY_TYPE : shape->type, type);
}

bool
mf_object_size (const MfTarget *target, const MfShape *shape, MfObjectSize *size)
{
  MfPart part = { .target = target, .shape = shape, .word = target->pointer };
  *size = (MfObjectSize){ 0 };
  bool known = !mf_target_doubt (target) && shape->length <= MF_MOST_LENGTH
               && shape->capacity <= MF_MOST_LENGTH && shape->slots <= MF_MOST_SLOTS;
  if (known && target->python == MF_PYTHON_MICROPYTHON)
    known = mf_micropython_size (target, shape, size);
  else if (known)
    known = type_of (target, shape, &part.type) && formula_of (shape->type) (&part, size);
  if (!known)
    *size = (MfObjectSize){ 0 };
  return known;
}

bool
mf_object_add (const MfTarget *target, const MfShape *shape, uint64_t count, MfObjectSize *sum)
{
  MfObjectSize one, both = *sum;
  if (!mf_object_size (target, shape, &one))
    return false;
  for (uint32_t i = 0; i < one.n_blocks; i++) {
    uint64_t many;
    if (__builtin_mul_overflow (one.blocks[i].count, count, &many)
        || !mf_blocks_add (target, one.blocks[i].size, many, &both))
      return false;
  }
  *sum = both;
  return true;
}
