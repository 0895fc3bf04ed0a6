// SPDX-License-Identifier: Apache-2.0
// From a constant to its shape, as Python/marshal.c r_object makes the object.
#include "model/code-cost/price.h"

#include <string.h>

void
mf_price_list_init (MfPriceList *list, const MfTarget *target)
{
  memset (list, 0, sizeof *list);
  list->target = target;
}

static bool
compute (const MfTarget *target, const MfShape *shape, MfBytes *price)
{
  MfObjectSize size;
  bool known = mf_object_size (target, shape, &size);
  *price = (MfBytes){ size.requested, size.granted };
  return known;
}

// What tells two shapes of constants apart is their type, way of making, length, text and flag.
static bool
price_of (MfPriceList *list, const MfShape *shape, MfBytes *price)
{
  enum { LENGTH_BITS = 40 };
  if (shape->length >> LENGTH_BITS)
    return false;
  uint64_t kind = (uint64_t) shape->type << 6 | (uint64_t) shape->made << 3
                  | (uint64_t) shape->text << 1 | (shape->flags != 0);
  uint64_t key = (kind << LENGTH_BITS | shape->length) + 1;
  size_t place = (key * 0x9e3779b97f4a7c15) >> 54 & (MF_PRICES - 1);
  if (list->prices[place].key != key) {
    if (!compute (list->target, shape, price))
      return false;
    list->prices[place].key = key;
    list->prices[place].price = *price;
  }
  *price = list->prices[place].price;
  return true;
}

static MfTextKind
text_kind (uint32_t highest)
{
  return highest < 0x80      ? MF_TEXT_ASCII
         : highest < 0x100   ? MF_TEXT_LATIN1
         : highest < 0x10000 ? MF_TEXT_UCS2
                             : MF_TEXT_UCS4;
}

static void
shape_of_text (
    const MfTarget *target __attribute__ ((unused)), const MfPyValue *text, MfShape *shape)
{
  uint32_t highest;
  shape->type = MF_PY_STR;
  shape->length = mf_py_text_length (text, &highest);
  shape->text = text_kind (highest);
}

// A byte alone is shared where the reader asks for it by its value, which it does from 3.14 on.
static void
shape_of_bytes (const MfTarget *target, const MfPyValue *bytes, MfShape *shape)
{
  shape->type = MF_PY_BYTES;
  shape->length = bytes->n;
  if (bytes->n && !mf_target_from (target, 14))
    shape->flags = MF_SHAPE_NOT_SHARED;
}

// -5 to mf_int_cached_until are shared (Objects/longobject.c); type "none" has no block.
static void
shape_of_int (const MfTarget *target, const MfPyValue *value, MfShape *shape)
{
  enum { LEAST_SHARED = -5 };
  bool shared = value->kind == MF_CONST_INT && value->integer >= LEAST_SHARED
                && value->integer <= mf_int_cached_until (target);
  shape->type = shared ? MF_PY_NONE : MF_PY_INT;
  shape->length = shared ? 0 : mf_int_digits (target, mf_py_int_bits (value));
}

static bool
is_text (const MfPyValue *value)
{
  return value->kind == MF_CONST_TEXT;
}

static void
shape_of_dict (
    const MfTarget *target __attribute__ ((unused)), const MfPyValue *dict, MfShape *shape)
{
  *shape = (MfShape){ .type = MF_PY_DICT, .made = MF_MADE_APPENDED, .length = dict->n / 2 };
  for (uint32_t i = 0; i < dict->n; i += 2)
    if (!is_text (dict->items[i]))
      shape->keys = MF_KEYS_ANY;
}

typedef void (*ToShape) (const MfTarget *target, const MfPyValue *value, MfShape *shape);

// Where no function makes the shape, it is `type` with as many items. Sets are filled item by item.
static const struct {
  ToShape shape;
  uint8_t type, made;
} makings[MF_CONST_N_KINDS] = {
  [MF_CONST_NONE] = { NULL, MF_PY_NONE, 0 },
  [MF_CONST_FALSE] = { NULL, MF_PY_BOOL, 0 },
  [MF_CONST_TRUE] = { NULL, MF_PY_BOOL, 0 },
  [MF_CONST_ELLIPSIS] = { NULL, MF_PY_ELLIPSIS, 0 },
  [MF_CONST_STOP_ITERATION] = { NULL, MF_PY_NONE, 0 },
  [MF_CONST_INT] = { shape_of_int, 0, 0 },
  [MF_CONST_LONG] = { shape_of_int, 0, 0 },
  [MF_CONST_FLOAT] = { NULL, MF_PY_FLOAT, 0 },
  [MF_CONST_COMPLEX] = { NULL, MF_PY_COMPLEX, 0 },
  [MF_CONST_BYTES] = { shape_of_bytes, 0, 0 },
  [MF_CONST_TEXT] = { shape_of_text, 0, 0 },
  [MF_CONST_TUPLE] = { NULL, MF_PY_TUPLE, MF_MADE_EXACT },
  [MF_CONST_LIST] = { NULL, MF_PY_LIST, MF_MADE_EXACT },
  [MF_CONST_SET] = { NULL, MF_PY_SET, MF_MADE_APPENDED },
  [MF_CONST_FROZENSET] = { NULL, MF_PY_FROZENSET, MF_MADE_APPENDED },
  [MF_CONST_DICT] = { shape_of_dict, 0, 0 },
  [MF_CONST_SLICE] = { NULL, MF_PY_SLICE, 0 },
};

static bool
has_items (const MfPyValue *value)
{
  return value->kind >= MF_CONST_TUPLE && value->kind <= MF_CONST_FROZENSET;
}

bool
mf_price_constant (MfPriceList *list, const MfPyValue *value, MfBytes *price)
{
  bool listed = value->kind < MF_CONST_FROZENDICT || value->kind == MF_CONST_SLICE;
  MfShape shape = { .type = MF_PY_NONE };
  *price = (MfBytes){ 0 };
  if (!listed)
    return false;
  shape.type = makings[value->kind].type;
  shape.made = makings[value->kind].made;
  shape.length = has_items (value) ? value->n : 0;
  if (makings[value->kind].shape)
    makings[value->kind].shape (list->target, value, &shape);
  return price_of (list, &shape, price);
}

static bool
same_text (const MfPyValue *a, const MfPyValue *b)
{
  return a == b || (a->n == b->n && !memcmp (a->bytes, b->bytes, a->n));
}

static bool
is_cell (const MfPyCode *code, const MfPyValue *name)
{
  for (uint32_t i = 0; i < code->cellvars->n; i++)
    if (same_text (code->cellvars->items[i], name))
      return true;
  return false;
}

// Up to 3.10 a code object with an argument that is a cell has an index for each cell
// (Objects/codeobject.c co_cell2arg). False: more names than anybody would compare.
static bool
add_cells_of_arguments (const MfPriceList *list, const MfPyCode *code, MfBytes *price)
{
  enum { STARRED = 0x04 | 0x08, MOST_COMPARISONS = 1 << 20 }; // CO_VARARGS, CO_VARKEYWORDS
  uint64_t arguments = (uint64_t) code->argcount + code->kwonlyargcount
                       + (uint32_t) __builtin_popcount (code->flags & STARRED);
  uint64_t cells = code->cellvars->n, bytes = cells * list->target->pointer;
  if (arguments > code->varnames->n)
    arguments = code->varnames->n;
  if (arguments * cells > MOST_COMPARISONS)
    return false;
  for (uint32_t i = 0; i < arguments; i++)
    if (is_cell (code, code->varnames->items[i]))
      return mf_bytes_add (price, (MfBytes){ bytes, mf_granted (list->target, bytes) });
  return true;
}

bool
mf_price_code (MfPriceList *list, const MfPyCode *code, MfBytes *price)
{
  MfShape shape = { .type = MF_PY_CODE, .length = code->bytecode->n };
  return price_of (list, &shape, price)
         && (!code->cellvars || add_cells_of_arguments (list, code, price));
}
