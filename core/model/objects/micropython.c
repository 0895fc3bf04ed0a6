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
  { MF_PY_CELL, "Po", 0, 0, false },               // py/objcell.h
  { MF_PY_MODULE, "PPPP", 0, 0, false },           // py/bc.h mp_module_context_t, without its globals
  { MF_PY_PROPERTY, "P3o", 0, 0, false },          // py/objproperty.c
  { MF_PY_STATICMETHOD, "Po", 0, 0, false },       // py/objtype.h mp_obj_static_class_method_t
  { MF_PY_CLASSMETHOD, "Po", 0, 0, false },
  { MF_PY_LIST_ITERATOR, "PPon", 0, 0, false },    // py/objlist.c; all of them fit into mp_obj_iter_buf_t
  { MF_PY_TUPLE_ITERATOR, "PPon", 0, 0, false },
  { MF_PY_STR_ITERATOR, "PPon", 0, 0, false },
  { MF_PY_BYTES_ITERATOR, "PPon", 0, 0, false },
  { MF_PY_SET_ITERATOR, "PPon", 0, 0, false },
  { MF_PY_DICT_KEY_ITERATOR, "PPon", 0, 0, false },
  { MF_PY_RANGE_ITERATOR, "P3n", 0, 0, false },    // py/objrange.c
  { MF_PY_METHOD, "Poo", 0, 0, false },            // py/objboundmeth.c
  { MF_PY_SLICE, "Pooo", 0, 0, false },            // py/objslice.c
  { MF_PY_RANGE, "P3n", 0, 0, false },             // py/objrange.c
  { MF_PY_MEMORYVIEW, "PnnP", 0, 0, false },       // py/objarray.h
  { MF_PY_FUNCTION, "P3P", 1, 0, false },          // py/objfun.h mp_obj_fun_bc_t, defaults inside
  { MF_PY_GENERATOR, "Po PPPHHP", 1, 0, false },   // py/objgenerator.c with mp_code_state_t, state inside;
                                                   // `capacity` handlers of exceptions behind it
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

// py/objlist.c: four at least; append doubles
static uint64_t
list_cells (const MfShape *shape)
{
  uint64_t cells = 4;
  if (shape->made == MF_MADE_CAPACITY)
    return shape->capacity > cells ? shape->capacity : cells;
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
  if (shape->made == MF_MADE_CAPACITY)
    return shape->capacity;
  // a display of n items is made for n
  return shape->type == MF_PY_DICT && shape->made == MF_MADE_EXACT ? shape->length
                                                                   : mf_micropython_cells (shape->length);
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
  uint64_t handlers = shape->type == MF_PY_GENERATOR ? shape->capacity * size_of_fields (target, "PPP") : 0;
  size->getsizeof = size_of_fields (target, row->object) + items + handlers;
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

// py/objfun.c: what a call needs is on the C stack up to eleven words (VM_MAX_STATE_ON_STACK)
static bool
add_frame (const MfTarget *target, const MfShape *shape, MfObjectSize *size)
{
  enum { ON_STACK = 11 };
  uint64_t state = shape->length * object_word (target) + shape->capacity * size_of_fields (target, "PPP");
  size->getsizeof = size_of_fields (target, "PPPHHP") + state;
  return mf_blocks_add (target, size->getsizeof, state > ON_STACK * (uint64_t) target->pointer, size);
}

// py/objtype.c mp_obj_new_type: ten slots, one more with a base; the dict of the body stays
static bool
add_class (const MfTarget *target, const MfShape *shape, MfObjectSize *size)
{
  enum { ITSELF_AND_OBJECT = 2, SLOTS = 10 };
  bool base = shape->mro > ITSELF_AND_OBJECT;
  MfShape names = { .type = MF_PY_DICT, .made = MF_MADE_APPENDED, .length = shape->length };
  size->getsizeof = size_of_fields (target, "P2H12B") + (SLOTS + base) * (uint64_t) target->pointer;
  return mf_blocks_add (target, size->getsizeof, 1, size) && mf_object_add (target, &names, 1, size);
}

// py/objtype.h: attributes are a map inside; a built-in base is an object of its own
static bool
add_instance (const MfTarget *target, const MfShape *shape, MfObjectSize *size)
{
  bool base = shape->base != MF_PY_OBJECT;
  MfShape native = { .type = shape->base, .length = shape->capacity };
  size->getsizeof = size_of_fields (target, "PnnP") + (base ? object_word (target) : 0);
  uint64_t attributes = mf_micropython_cells (shape->length) * 2 * object_word (target);
  return mf_blocks_add (target, size->getsizeof, 1, size) && mf_blocks_add (target, attributes, attributes != 0, size)
         && (!base || mf_object_add (target, &native, 1, size));
}

bool
mf_micropython_size (const MfTarget *target, const MfShape *shape, MfObjectSize *size)
{
  const Row *row = row_of (shape->type);
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
  case MF_PY_FRAME:
    return add_frame (target, shape, size);
  case MF_PY_CLASS:
    return add_class (target, shape, size);
  case MF_PY_INSTANCE:
    return !shape->slots && add_instance (target, shape, size);
  default:
    return shape->type >= MF_PY_BASE_EXCEPTION && shape->type <= MF_PY_VALUE_ERROR
           && add_exception (target, shape, size);
  }
}
