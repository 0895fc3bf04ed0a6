// SPDX-License-Identifier: Apache-2.0
// Questions about abstract objects, and constants of a module as such objects.
#include "abstract-values.h"

#include <string.h>

__int128
mf_thing_integer (const MfThing *thing)
{
  if (thing->kind == MF_V_SINGLETON)
    return thing->sub == MF_IS_TRUE;
  return (__int128) ((unsigned __int128) thing->integer.high << 64 | thing->integer.low);
}

bool
mf_thing_is_int (const MfThing *thing, int64_t *value)
{
  bool boolean = thing->kind == MF_V_SINGLETON && thing->type == MF_PY_BOOL;
  if (thing->kind != MF_V_INT && !boolean)
    return false;
  __int128 integer = mf_thing_integer (thing);
  *value = (int64_t) integer;
  return *value == integer;
}

static uint64_t
range_length (const MfThing *range)
{
  __int128 distance = (__int128) range->range.to - range->range.from, step = range->range.step;
  if (step < 0) {
    distance = -distance;
    step = -step;
  }
  return distance > 0 && step > 0 ? (uint64_t) ((distance + step - 1) / step) : 0;
}

bool
mf_thing_length (const MfThing *thing, uint64_t *length)
{
  *length = 0;
  switch (thing->kind) {
  case MF_V_TEXT:
    *length = thing->text.length;
    return !(thing->flags & MF_V_VAGUE);
  case MF_V_LIST:
    *length = thing->list.n;
    return !(thing->flags & MF_V_VAGUE);
  case MF_V_MAP:
    *length = mf_map_length (thing->map);
    return !(thing->flags & MF_V_VAGUE);
  case MF_V_BUFFER:
    *length = thing->buffer.length;
    return true;
  case MF_V_RANGE:
    *length = range_length (thing);
    return true;
  default:
    return false;
  }
}

int
mf_thing_truth (const MfThing *thing)
{
  uint64_t length;
  if (mf_thing_length (thing, &length))
    return length != 0;
  switch (thing->kind) {
  case MF_V_SINGLETON:
    return thing->sub != MF_IS_NONE && thing->sub != MF_IS_FALSE;
  case MF_V_INT:
    return mf_thing_integer (thing) != 0;
  case MF_V_FLOAT:
    return thing->real != 0;
  case MF_V_FUNCTION:
  case MF_V_CLASS:
  case MF_V_MODULE:
  case MF_V_BUILTIN:
    return 1;
  default:
    return -1;
  }
}

bool
mf_text_is (const MfThing *thing, const char *text)
{
  return thing->kind == MF_V_TEXT && thing->text.bytes && thing->text.n == strlen (text)
         && !memcmp (thing->text.bytes, text, thing->text.n);
}

// ---- constants: they were paid for when the module was loaded

static MfThing *
for_ever (MfHeap *heap, MfThing *thing)
{
  (void) heap;
  thing->flags |= MF_V_IMMORTAL;
  thing->refs = MF_IMMORTAL_REFS;
  return thing;
}

static MfThing *
constant_text (MfHeap *heap, const MfPyValue *value)
{
  unsigned type = value->kind == MF_CONST_TEXT ? MF_PY_STR : MF_PY_BYTES;
  if (value->kind == MF_CONST_TEXT && value->flags & MF_PY_LATIN1) {
    uint32_t highest;
    uint32_t length = mf_py_text_length (value, &highest);
    if (highest >= 0x80)
      return mf_thing_text_length (heap, type, length, MF_TEXT_LATIN1);
  }
  return mf_thing_text (heap, type, (const char *) value->bytes, value->n);
}

static MfThing *constant (MfHeap *heap, const MfPyValue *value, unsigned depth);

static MfThing *
constant_items (MfHeap *heap, const MfPyValue *value, unsigned depth)
{
  enum { DEEPEST = 20, MOST = 4096 };
  if (depth > DEEPEST || value->n > MOST || heap->exhausted)
    return mf_thing_unknown (heap, MF_PY_TUPLE);
  MfThing *tuple = mf_thing_tuple (heap, NULL, 0);
  MfThing **items = value->n ? mf_heap_array (heap, value->n * sizeof *items) : NULL;
  for (uint32_t i = 0; i < value->n; i++)
    items[i] = constant (heap, value->items[i], depth + 1);
  tuple->list.items = items;
  tuple->list.n = tuple->list.room = value->n;
  return tuple;
}

static MfThing *
constant_set (MfHeap *heap, const MfPyValue *value, unsigned depth)
{
  MfThing *set = mf_thing_map (heap, MF_PY_FROZENSET, 0);
  for (uint32_t i = 0; i < value->n && depth < 20; i++)
    mf_map_set (heap, set->map, set, constant (heap, value->items[i], depth + 1), mf_thing_none (heap));
  return set;
}

static MfThing *
constant_code (MfHeap *heap, const MfPyValue *value)
{
  MfThing *thing = mf_thing_new (heap, MF_V_CODE, MF_PY_CODE);
  thing->code = value->code;
  return thing;
}

static MfThing *
constant (MfHeap *heap, const MfPyValue *value, unsigned depth)
{
  static const uint8_t singletons[] = { [MF_CONST_NONE] = 1, [MF_CONST_FALSE] = 2, [MF_CONST_TRUE] = 3 };
  MfThing *fixed[] = { &heap->unknown, &heap->none, &heap->no, &heap->yes };
  switch (value->kind) {
  case MF_CONST_NONE:
  case MF_CONST_FALSE:
  case MF_CONST_TRUE:
    return fixed[singletons[value->kind]];
  case MF_CONST_ELLIPSIS:
    return &heap->ellipsis;
  case MF_CONST_INT:
    return for_ever (heap, mf_thing_int (heap, value->integer));
  case MF_CONST_LONG:
    return for_ever (heap, mf_thing_big (heap, mf_py_int_bits (value)));
  case MF_CONST_FLOAT:
    return for_ever (heap, mf_thing_float (heap, value->real));
  case MF_CONST_TEXT:
  case MF_CONST_BYTES:
    return for_ever (heap, constant_text (heap, value));
  case MF_CONST_TUPLE:
    return for_ever (heap, constant_items (heap, value, depth));
  case MF_CONST_SET:
  case MF_CONST_FROZENSET:
    return for_ever (heap, constant_set (heap, value, depth));
  case MF_CONST_CODE:
    return for_ever (heap, constant_code (heap, value));
  default:
    return for_ever (heap, mf_thing_new (heap, MF_V_UNKNOWN, MF_V_NO_TYPE));
  }
}

MfThing *
mf_thing_constant (MfHeap *heap, const MfPyValue *value)
{
  heap->unpriced = true;
  MfThing *thing = constant (heap, value, 0);
  heap->unpriced = false;
  return thing;
}
