// SPDX-License-Identifier: Apache-2.0
// MicroPython's objects (1.20 to 1.29): structs of words and of object words, which have 8 bytes in
// representation D. Small ints and qstrs live in the word; in C and D floats do too.
#include "model/objects/parts.h"

// What an object consists of: a struct, items inside it, and a block of cells beside it.
typedef struct {
  MfPyType type;
  const char *object; // fields; o = an object word
  uint8_t inside;     // object words for each of `length` items
  uint8_t beside;     // the same in the block, for each cell
  bool floating;      // nothing at all in representations C and D
} Row;

// clang-format off
static const Row rows[] = {
  { MF_PY_FLOAT, "Pf", 0, 0, true },               // py/objfloat.c
  { MF_PY_COMPLEX, "P2f", 0, 0, false },           // py/objcomplex.c
  { MF_PY_TUPLE, "Pn", 1, 0, false },              // py/objtuple.h
  { MF_PY_LIST, "PnnP", 0, 1, false },             // py/objlist.h
  { MF_PY_DICT, "PnnP", 0, 2, false },             // py/obj.h mp_map_t
  { MF_PY_SET, "PnnP", 0, 1, false },              // py/obj.h mp_set_t
  { MF_PY_FROZENSET, "PnnP", 0, 1, false },
  { MF_PY_INSTANCE, "PnnP", 0, 2, false },         // py/objtype.h
  { MF_PY_CELL, "Po", 0, 0, false },               // py/objcell.h
  { MF_PY_METHOD, "Poo", 0, 0, false },            // py/objboundmeth.c
  { MF_PY_SLICE, "Pooo", 0, 0, false },            // py/objslice.c
  { MF_PY_RANGE, "P3n", 0, 0, false },             // py/objrange.c
  { MF_PY_MEMORYVIEW, "PnnP", 0, 0, false },       // py/objarray.h
  { MF_PY_FUNCTION, "P3P", 1, 0, false },          // py/objfun.h mp_obj_fun_bc_t, defaults inside
  { MF_PY_GENERATOR, "Po PPPHHP", 1, 0, false },   // py/objgenerator.c with mp_code_state_t, state inside
};
// clang-format on

static const Row *
row_of (MfPyType type)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].type == type)
      return &rows[i];
  return NULL;
}

static uint64_t
object_word (const MfTarget *target)
{
  return target->representation == MF_REPR_D ? 8 : target->pointer;
}

// Object words are pointers or 8-byte integers. On 64-bit machines mp_float_t is a double.
static uint64_t
size_of_fields (const MfTarget *target, const char *fields)
{
  char text[16];
  size_t n = 0;
  for (; fields[n] && n < sizeof text - 1; n++)
    text[n] = fields[n] == 'o' ? (target->representation == MF_REPR_D ? 'Q' : 'P')
              : fields[n] == 'f' && target->pointer == 8 ? 'd'
                                                         : fields[n];
  text[n] = 0;
  return mf_sizeof (target, text);
}

// py/map.c hash_allocation_sizes: a full table moves to the next of these
static uint64_t
table_cells (uint64_t n)
{
  static const uint16_t sizes[]
      = { 0, 2, 4, 6, 8, 10, 12, 17, 23, 29, 37, 47, 59, 73, 97, 127, 167, 223, 293, 389, 521, 691,
          919, 1223, 1627, 2161, 3229, 4831, 7243, 10861, 16273, 24407, 36607, 54907 };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    if (sizes[i] >= n)
      return sizes[i];
  return (n + n / 2) | 1;
}

// py/objlist.c: four at least; append doubles
static uint64_t
list_cells (const MfShape *shape)
{
  uint64_t cells = 4;
  if (shape->made == MF_MADE_CAPACITY)
    return shape->capacity;
  if (shape->made != MF_MADE_APPENDED)
    return shape->length > cells ? shape->length : cells;
  while (cells < shape->length)
    cells *= 2;
  return cells;
}

static uint64_t
cells_of (const MfShape *shape)
{
  if (shape->type == MF_PY_LIST)
    return list_cells (shape);
  // a display of n items is made for n
  return shape->type == MF_PY_DICT && shape->made == MF_MADE_EXACT ? shape->length
                                                                   : table_cells (shape->length);
}

// A function over `capacity` cells has a closure in front of it (py/objclosure.c).
static bool
add_object (const MfTarget *target, const MfShape *shape, const Row *row, MfObjectSize *size)
{
  uint64_t word = object_word (target);
  bool in_word = row->floating && target->representation >= MF_REPR_C;
  bool empty_tuple = shape->type == MF_PY_TUPLE && shape->length == 0;
  if (in_word || empty_tuple)
    return true;
  uint64_t items = (uint64_t) row->inside * word * shape->length;
  size->getsizeof = size_of_fields (target, row->object) + items;
  uint64_t beside = row->beside ? row->beside * word * cells_of (shape) : 0;
  if (shape->type == MF_PY_FUNCTION && shape->capacity)
    beside = size_of_fields (target, "PPn") + shape->capacity * word;
  return mf_blocks_add (target, size->getsizeof, 1, size)
         && mf_blocks_add (target, beside, beside != 0, size);
}

// str, bytes, bytearray, array: an object of four words and the bytes, strings with a NUL.
static bool
add_bytes (const MfTarget *target, const MfShape *shape, MfObjectSize *size)
{
  bool text = shape->type == MF_PY_STR || shape->type == MF_PY_BYTES;
  uint64_t bytes = text ? shape->length + 1 : shape->length * (shape->item ? shape->item : 1);
  if (shape->text > MF_TEXT_ASCII) // UTF-8: the length in bytes is needed
    return false;
  if (text && shape->length == 0 && !(shape->flags & MF_SHAPE_NOT_SHARED))
    return true;
  size->getsizeof = size_of_fields (target, "PnnP");
  return mf_blocks_add (target, size->getsizeof, 1, size)
         && mf_blocks_add (target, bytes, bytes != 0, size);
}

// Small ints have 31 bits, 47 in representation D, 63 on 64-bit machines, one of them the sign.
static uint64_t
small_bits (const MfTarget *target)
{
  return target->pointer == 8 ? 62 : target->representation == MF_REPR_D ? 46 : 30;
}

// py/mpz.h: an int beyond the small ones; digits of 16 bits, two at least. `capacity` are its bits;
// without, all bits of its digits count.
static bool
add_int (const MfTarget *target, const MfShape *shape, MfObjectSize *size)
{
  uint64_t digits = shape->length < 2 ? 2 : shape->length;
  if ((shape->capacity ? shape->capacity : shape->length * 16) <= small_bits (target))
    return true;
  size->getsizeof = size_of_fields (target, "PInP");
  return mf_blocks_add (target, size->getsizeof, 1, size)
         && mf_blocks_add (target, digits * 2, 1, size);
}

// py/objexcept.h: a struct of four words; its arguments are a tuple of `length`
static bool
add_exception (const MfTarget *target, const MfShape *shape, MfObjectSize *size)
{
  MfShape arguments = { .type = MF_PY_TUPLE, .length = shape->length };
  size->getsizeof = size_of_fields (target, "PnPP");
  return mf_blocks_add (target, size->getsizeof, 1, size)
         && mf_object_add (target, &arguments, 1, size);
}

bool
mf_micropython_size (const MfTarget *target, const MfShape *shape, MfObjectSize *size)
{
  const Row *row = row_of (shape->type);
  if (shape->type == MF_PY_INSTANCE && (shape->base != MF_PY_OBJECT || shape->slots))
    return false;
  if (row)
    return add_object (target, shape, row, size);
  switch (shape->type) {
  case MF_PY_NONE:
  case MF_PY_BOOL:
  case MF_PY_ELLIPSIS:
  case MF_PY_NOT_IMPLEMENTED:
    return true;
  case MF_PY_STR:
  case MF_PY_BYTES:
  case MF_PY_BYTEARRAY:
  case MF_PY_ARRAY:
    return add_bytes (target, shape, size);
  case MF_PY_INT:
    return add_int (target, shape, size);
  default:
    return shape->type >= MF_PY_BASE_EXCEPTION && shape->type <= MF_PY_VALUE_ERROR
           && add_exception (target, shape, size);
  }
}
