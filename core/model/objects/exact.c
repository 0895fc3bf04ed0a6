// SPDX-License-Identifier: Apache-2.0
// Objects whose size follows from one or two lengths: numbers, texts, code, frames, files.
#include "model/objects/parts.h"

uint64_t
mf_int_digits (const MfTarget *target, uint64_t bits)
{
  return target->digit_bits ? (bits + target->digit_bits - 1) / target->digit_bits : 0;
}

// Include/internal/pycore_runtime_structs.h _PY_NSMALLPOSINTS
int64_t
mf_int_cached_until (const MfTarget *target)
{
  return mf_target_from (target, 15) ? 1024 : 256;
}

// Objects/longobject.c: x_add, x_sub, x_mul, long_lshift1, long_rshift1, inplace_divrem1,
// long_from_string_base (log (10) / log (base) as a fraction), _PyLong_FromByteArray
uint64_t
mf_int_asked (const MfTarget *target, MfIntOperation operation, uint64_t a, uint64_t b)
{
  uint64_t longer = a > b ? a : b, bits = target->digit_bits;
  bool small = a <= 1 && b <= 1;
  switch (operation) {
  case MF_INT_ADD:
    return small ? 0 : longer + 1;
  case MF_INT_SUBTRACT:
    return small ? 0 : longer;
  case MF_INT_MULTIPLY:
    return small ? 0 : a + b;
  case MF_INT_SHIFT_LEFT:
    return a + b / bits + (b % bits != 0);
  case MF_INT_KEEP:
    return a <= 1 ? 0 : a;
  case MF_INT_PARSE:
    return (uint64_t) ((double) a * (3.3219280948873626 / (double) bits)) + 1;
  case MF_INT_FROM_BYTES:
    return mf_int_digits (target, a * 8);
  }
  return 0;
}

// From 3.11 on a small value is a whole PyLongObject (_PyLong_FromMedium); zero has a digit.
static bool
size_of_int (const MfPart *part, MfObjectSize *size)
{
  const MfShape *shape = part->shape;
  bool recent = mf_target_from (part->target, 11);
  uint64_t seen = shape->length == 0 && recent ? 1 : shape->length;
  bool asked = shape->made == MF_MADE_CAPACITY;
  uint64_t digits = asked ? shape->capacity : seen;
  uint64_t bytes = part->type.basic + digits * part->type.item;
  if (recent && !asked && digits == 1)
    bytes = mf_round_up (bytes, part->word);
  size->getsizeof = part->type.basic + seen * part->type.item;
  return mf_blocks_add (part->target, bytes, 1, size);
}

// Modules/_decimal: four words in the object, more beside it; 19 or 9 digits a word.
static bool
size_of_decimal (const MfPart *part, MfObjectSize *size)
{
  uint64_t digits_a_word = part->word == 8 ? 19 : 9;
  uint64_t words = (part->shape->length + digits_a_word - 1) / digits_a_word;
  uint64_t beside = words > 4 ? words * part->word : 0;
  uint64_t object = part->type.prefix + part->type.basic;
  size->getsizeof = object + beside;
  return mf_blocks_add (part->target, object, 1, size)
         && mf_blocks_add (part->target, beside, beside != 0, size);
}

bool
mf_size_of_number (const MfPart *part, MfObjectSize *size)
{
  if (part->shape->type == MF_PY_INT)
    return size_of_int (part, size);
  if (part->shape->type == MF_PY_DECIMAL)
    return size_of_decimal (part, size);
  // True and False exist; int.__sizeof__ counts a digit of True, and from 3.11 on of False
  MfPyTypeSize number;
  if (!mf_py_type_size (part->target, MF_PY_INT, &number))
    return false;
  size->getsizeof = number.basic + number.item;
  return true;
}

// Objects/unicodeobject.c PyUnicode_New; unicode___sizeof___impl
bool
mf_size_of_text (const MfPart *part, MfObjectSize *size)
{
  static const char *const headers[2][2] = { { "OnnI", "OnnI nP" }, { "OnnIP", "OnnIP nPn" } };
  static const uint8_t widths[] = { 1, 1, 2, 4 };
  const MfShape *shape = part->shape;
  bool old = !mf_target_from (part->target, 12), wide = shape->text != MF_TEXT_ASCII;
  if (shape->text > MF_TEXT_UCS4)
    return false;
  bool shared = shape->length == 0 || (shape->length == 1 && shape->text <= MF_TEXT_LATIN1);
  uint64_t bytes = mf_sizeof (part->target, headers[old][wide && shape->length])
                   + (shape->length + 1) * widths[shape->length ? shape->text : 0];
  size->getsizeof = bytes;
  if (!shared || shape->flags & MF_SHAPE_NOT_SHARED)
    return mf_blocks_add (part->target, bytes, 1, size);
  // The static single characters carry their UTF-8 form (Include/internal/pycore_runtime_init.h)
  if (!old && wide && shape->length == 1)
    size->getsizeof += 3;
  return true;
}

bool
mf_size_of_bytes (const MfPart *part, MfObjectSize *size)
{
  size->getsizeof = part->type.basic + part->shape->length;
  bool shared = part->shape->length <= 1 && !(part->shape->flags & MF_SHAPE_NOT_SHARED);
  return shared || mf_blocks_add (part->target, size->getsizeof, 1, size);
}

// Modules/_datetimemodule.c new_datetime_ex2: without a tzinfo, no room for it
bool
mf_size_of_naive (const MfPart *part, MfObjectSize *size)
{
  const char *naive = part->shape->type == MF_PY_TIME ? "Onb6bb" : "Onb10bb";
  uint64_t bytes = part->shape->length ? part->type.basic : mf_sizeof (part->target, naive);
  size->getsizeof = part->type.basic;
  return mf_blocks_add (part->target, bytes, 1, size);
}

// Up to 3.10 a generator's frame is an object of its own (Objects/frameobject.c); frame_sizeof
// leaves out one item that tp_basicsize counts already.
static bool
add_old_frame (const MfPart *part, MfObjectSize *size)
{
  MfPyTypeSize frame;
  return mf_py_type_size (part->target, MF_PY_FRAME, &frame)
         && mf_blocks_add (
             part->target, frame.prefix + frame.basic + part->shape->length * part->word, 1, size);
}

// Objects/memoryobject.c: shape, strides and suboffsets of each dimension; a view of an object that
// is not a view has a _PyManagedBuffer beside it.
static bool
size_of_view (const MfPart *part, MfObjectSize *size)
{
  uint64_t bytes = part->type.prefix + part->type.basic + 3 * part->shape->length * part->word;
  uint64_t gc = part->type.prefix;
  size->getsizeof = bytes;
  return mf_blocks_add (part->target, bytes, 1, size)
         && mf_blocks_add (part->target, gc + mf_sizeof (part->target, "Oin PPnnii5P"),
             part->shape->made == MF_MADE_FROM_SIZED, size);
}

// A module or namespace, and its dict.
static bool
size_of_namespace (const MfPart *part, MfObjectSize *size)
{
  MfShape dict = { .type = MF_PY_DICT, .length = part->shape->length };
  size->getsizeof = part->type.prefix + part->type.basic;
  return mf_blocks_add (part->target, size->getsizeof, 1, size)
         && mf_object_add (part->target, &dict, 1, size);
}

// Modules/_struct.c prepare_s: a formatcode is four words, one more ends the list; the format is
// kept as bytes of `capacity` characters, and as the str that it was from 3.15 on.
static bool
size_of_struct (const MfPart *part, MfObjectSize *size)
{
  uint64_t object = part->type.prefix + part->type.basic;
  uint64_t codes = (part->shape->length + 1) * 4 * part->word;
  MfShape format = { .type = MF_PY_BYTES, .length = part->shape->capacity };
  bool copied = !mf_target_from (part->target, 15);
  size->getsizeof = object + codes;
  return mf_blocks_add (part->target, object, 1, size)
         && mf_blocks_add (part->target, codes, 1, size)
         && mf_object_add (part->target, &format, copied, size);
}

static bool
size_of_code (const MfPart *part, MfObjectSize *size)
{
  bool inside = mf_target_from (part->target, 11); // the code units are in the object
  uint64_t bytes = part->type.basic + (inside ? part->shape->length : 0);
  size->getsizeof = mf_round_up (bytes, part->word);
  return mf_blocks_add (part->target, size->getsizeof, 1, size);
}

bool
mf_size_of_items (const MfPart *part, MfObjectSize *size)
{
  const MfShape *shape = part->shape;
  bool old = !mf_target_from (part->target, 11);
  uint64_t object = part->type.prefix + part->type.basic;
  uint64_t items = shape->length * part->type.item;
  switch (shape->type) {
  case MF_PY_MEMORYVIEW:
    return size_of_view (part, size);
  case MF_PY_CODE:
    return size_of_code (part, size);
  case MF_PY_MODULE:
  case MF_PY_SIMPLE_NAMESPACE:
    return size_of_namespace (part, size);
  case MF_PY_STRUCT:
    return size_of_struct (part, size);
  case MF_PY_FRAME:
    size->getsizeof = object + items - (old && items ? part->word : 0);
    return mf_blocks_add (part->target, object + items, 1, size);
  case MF_PY_GENERATOR:
  case MF_PY_COROUTINE:
  case MF_PY_ASYNC_GENERATOR:
    size->getsizeof = object + (old ? 0 : items);
    return mf_blocks_add (part->target, size->getsizeof, 1, size)
           && (!old || add_old_frame (part, size));
  default: // re.Pattern, re.Match
    size->getsizeof = object + items;
    return mf_blocks_add (part->target, size->getsizeof, 1, size);
  }
}

// Modules/_io/bytesio.c resize_buffer: the first write asks for what it needs and a byte more
static bool
size_of_bytes_io (const MfPart *part, MfObjectSize *size)
{
  MfShape buffer = { .type = MF_PY_BYTES, .length = part->shape->length + 1 };
  MfObjectSize bytes = { 0 };
  uint64_t object = part->type.prefix + part->type.basic;
  if (part->shape->length && !mf_object_size (part->target, &buffer, &bytes))
    return false;
  size->getsizeof = object + bytes.getsizeof;
  return mf_blocks_add (part->target, object, 1, size)
         && mf_blocks_add (part->target, bytes.getsizeof, bytes.n_blocks, size);
}

// Modules/_io/stringio.c: two characters of buffer, and what is written at first collects in a list
// (_PyAccu, up to 3.11) or in a _PyUnicodeWriter, which asks for a quarter more (from 3.14 on an
// object of its own). ASCII.
static bool
size_of_string_io (const MfPart *part, MfObjectSize *size)
{
  const MfTarget *target = part->target;
  uint64_t n = part->shape->length;
  MfShape list = { .type = MF_PY_LIST, .length = n ? 1 : 0, .made = MF_MADE_APPENDED };
  MfShape text = { .type = MF_PY_STR, .length = n + n / 4, .flags = MF_SHAPE_NOT_SHARED };
  size->getsizeof = part->type.prefix + part->type.basic;
  if (!mf_blocks_add (target, 8, 1, size) || !mf_blocks_add (target, size->getsizeof, 1, size))
    return false;
  if (!mf_target_from (target, 12))
    return mf_object_add (target, &list, 1, size);
  return (!mf_target_from (target, 14)
             || mf_blocks_add (target, mf_sizeof (target, "2PiI3nI2b"), 1, size))
         && (n == 0 || mf_object_add (target, &text, 1, size));
}

// A file by its descriptor: its name stands in a __dict__; from 3.14 on what fstat said is kept.
static bool
size_of_file (const MfPart *part, MfObjectSize *size)
{
  MfShape dict = { .type = MF_PY_DICT, .length = 1 };
  size->getsizeof = part->type.prefix + part->type.basic;
  return mf_blocks_add (part->target, size->getsizeof, 1, size)
         && mf_object_add (part->target, &dict, 1, size)
         && mf_blocks_add (
             part->target, part->shape->item, mf_target_from (part->target, 14), size);
}

// The buffer is `capacity` bytes: open () takes st_blksize, usually 4096, or 8192 where that is not
// known; from 3.14 on at least 128 KiB (Lib/_pyio.py, Modules/_io/_iomodule.h DEFAULT_BUFFER_SIZE).
// In 3.12 it gets a __dict__, which stays empty.
static bool
size_of_buffered (const MfPart *part, MfObjectSize *size)
{
  MfShape dict = { .type = MF_PY_DICT };
  bool has_dict = mf_target_from (part->target, 12) && !mf_target_from (part->target, 13);
  uint64_t object = part->type.prefix + part->type.basic, buffer = part->shape->capacity;
  size->getsizeof = object + buffer;
  return mf_blocks_add (part->target, object, 1, size)
         && mf_blocks_add (part->target, buffer, buffer != 0, size)
         && mf_object_add (part->target, &dict, has_dict, size)
         && mf_blocks_add (part->target, part->target->lock_size, 1, size);
}

// Modules/_threadmodule.c: PyThread_allocate_lock asks for a semaphore, which a mutex in the object
// replaces.
static bool
size_of_lock (const MfPart *part, MfObjectSize *size)
{
  bool apart = !mf_target_from (part->target, 14)
               && (part->shape->type == MF_PY_RLOCK || !mf_py_lock_is_mutex (part->target));
  size->getsizeof = part->type.prefix + part->type.basic;
  return mf_blocks_add (part->target, size->getsizeof, 1, size)
         && mf_blocks_add (part->target, part->target->lock_size, apart, size);
}

// Modules/_queuemodule.c: a list and a lock; from 3.13 on a ring of eight, which 3.15 counts
static bool
size_of_queue (const MfPart *part, MfObjectSize *size)
{
  MfShape list = { .type = MF_PY_LIST };
  size->getsizeof = part->type.prefix + part->type.basic;
  if (!mf_blocks_add (part->target, size->getsizeof, 1, size))
    return false;
  uint64_t ring = 8 * part->word;
  if (mf_target_from (part->target, 15))
    size->getsizeof += ring;
  if (mf_target_from (part->target, 13))
    return mf_blocks_add (part->target, ring, 1, size);
  return mf_object_add (part->target, &list, 1, size)
         && mf_blocks_add (part->target, part->target->lock_size, 1, size);
}

bool
mf_size_of_io (const MfPart *part, MfObjectSize *size)
{
  switch (part->shape->type) {
  case MF_PY_BYTES_IO:
    return size_of_bytes_io (part, size);
  case MF_PY_STRING_IO:
    return size_of_string_io (part, size);
  case MF_PY_FILE_IO:
    return size_of_file (part, size);
  case MF_PY_LOCK:
  case MF_PY_RLOCK:
    return size_of_lock (part, size);
  case MF_PY_SIMPLE_QUEUE:
    return size_of_queue (part, size);
  default:
    return size_of_buffered (part, size);
  }
}
