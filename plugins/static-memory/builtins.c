// SPDX-License-Identifier: Apache-2.0
// Python's own functions and types: what calling them makes.
#include "builtins.h"

#include "library.h"

#include <string.h>

typedef MfThing *(*Call) (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames);

// ---- shared ways: each takes the arguments over

static MfThing *
finish (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *result)
{
  mf_drop_all (&machine->heap, arguments, n);
  return result;
}

static MfThing *
nothing (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return finish (machine, arguments, n, mf_thing_none (&machine->heap));
}

static MfThing *
some_bool (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return finish (machine, arguments, n, mf_thing_unknown (&machine->heap, MF_PY_BOOL));
}

static MfThing *
some_value (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return finish (machine, arguments, n, mf_thing_unknown (&machine->heap, MF_V_NO_TYPE));
}

static MfThing *
some_int (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return finish (machine, arguments, n, mf_thing_big (&machine->heap, 30));
}

static MfThing *
some_text (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  mf_machine_doubt (machine, MF_DOUBT_LENGTH, 64, "text of unknown length");
  MfThing *text = mf_thing_text_length (&machine->heap, MF_PY_STR, 16, MF_TEXT_ASCII);
  text->flags |= MF_V_VAGUE;
  return finish (machine, arguments, n, text);
}

// ---- numbers

static MfThing *
call_int (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  MfThing *of = n ? arguments[0] : NULL, *result;
  if (!of)
    result = mf_thing_int (&machine->heap, 0);
  else if (of->kind == MF_V_INT || of->kind == MF_V_SINGLETON)
    result = of->kind == MF_V_INT ? mf_thing_ref (of) : mf_thing_int (&machine->heap, mf_thing_integer (of));
  else if (of->kind == MF_V_FLOAT && of->real > -1e30 && of->real < 1e30)
    result = mf_thing_int (&machine->heap, (__int128) of->real);
  else if (of->kind == MF_V_TEXT && of->text.bytes && n == 1 && of->text.n < 30) {
    __int128 value = 0;
    for (uint32_t i = 0; i < of->text.n; i++)
      if (of->text.bytes[i] >= '0' && of->text.bytes[i] <= '9')
        value = value * 10 + (of->text.bytes[i] - '0');
    result = mf_thing_int (&machine->heap, of->text.n && of->text.bytes[0] == '-' ? -value : value);
  } else
    result = mf_thing_big (&machine->heap, 30);
  return finish (machine, arguments, n, result);
}

static MfThing *
call_float (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  MfThing *of = n ? arguments[0] : NULL, *result;
  MfShape shape = { .type = MF_PY_FLOAT };
  if (of && of->kind == MF_V_FLOAT)
    result = mf_thing_ref (of);
  else if (of && of->kind == MF_V_INT)
    result = mf_thing_float (&machine->heap, (double) mf_thing_integer (of));
  else
    result = mf_thing_of_shape (&machine->heap, &shape);
  return finish (machine, arguments, n, result);
}

static MfThing *
call_bool (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  int truth = n ? mf_thing_truth (arguments[0]) : 0;
  return finish (machine, arguments, n,
      truth < 0 ? mf_thing_unknown (&machine->heap, MF_PY_BOOL) : mf_thing_bool (&machine->heap, truth));
}

static MfThing *
call_abs (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  MfThing *of = n ? arguments[0] : &machine->heap.unknown, *result;
  if (of->kind == MF_V_INT)
    result = mf_thing_int (&machine->heap, mf_thing_integer (of) < 0 ? -mf_thing_integer (of) : mf_thing_integer (of));
  else if (of->kind == MF_V_FLOAT)
    result = mf_thing_float (&machine->heap, of->real < 0 ? -of->real : of->real);
  else
    result = mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  return finish (machine, arguments, n, result);
}

static MfThing *
call_len (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  uint64_t length;
  bool mutable = n && (arguments[0]->type == MF_PY_LIST || arguments[0]->type == MF_PY_DICT || arguments[0]->type == MF_PY_SET);
  bool known = n && mf_thing_length (arguments[0], &length) && !(machine->flow && mutable);
  return finish (machine, arguments, n,
      known ? mf_thing_int (&machine->heap, length) : mf_thing_unknown (&machine->heap, MF_PY_INT));
}

static MfThing *
fold (MfMachine *machine, MfThing **arguments, uint32_t n, int how)
{
  uint32_t count = 0;
  MfThing **items = n == 1 || how == 's' ? (n ? mf_machine_items (machine, arguments[0], &count) : NULL) : NULL;
  MfThing **from = items ? items : n > 1 && how != 's' ? arguments : NULL, *result = NULL;
  uint32_t all = items ? count : n;
  for (uint32_t i = 0; from && i < all; i++) {
    MfThing *next;
    if (!result)
      next = how == 's' ? mf_machine_binary (machine, 0, false, mf_thing_int (&machine->heap, 0), from[i]) : mf_thing_ref (from[i]);
    else if (how == 's')
      next = mf_machine_binary (machine, 0, false, result, from[i]);
    else {
      MfThing *less = mf_machine_compare (machine, how == 'm' ? 0 : 4, from[i], result);
      next = mf_thing_ref (mf_thing_truth (less) == 1 ? from[i] : result);
      mf_thing_unref (&machine->heap, less);
    }
    mf_thing_unref (&machine->heap, result);
    result = next;
  }
  if (items) {
    mf_drop_all (&machine->heap, items, count);
    mf_heap_array_free (&machine->heap, items, (count + 1ull) * sizeof *items);
  }
  if (!result)
    result = items && how == 's' ? mf_thing_int (&machine->heap, 0) : mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  return finish (machine, arguments, n, result);
}

static MfThing *
call_sum (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return fold (machine, arguments, n, 's');
}

static MfThing *
call_min (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  return kwnames ? some_value (machine, arguments, n, kwnames) : fold (machine, arguments, n, 'm');
}

static MfThing *
call_max (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  return kwnames ? some_value (machine, arguments, n, kwnames) : fold (machine, arguments, n, 'x');
}

static MfThing *
call_ord (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  bool known = n && arguments[0]->kind == MF_V_TEXT && arguments[0]->text.bytes && arguments[0]->text.n == 1;
  return finish (machine, arguments, n,
      known ? mf_thing_int (&machine->heap, (uint8_t) arguments[0]->text.bytes[0]) : mf_thing_unknown (&machine->heap, MF_PY_INT));
}

static MfThing *
call_chr (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  int64_t code = 'a';
  bool known = n && mf_thing_is_int (arguments[0], &code) && code >= 0 && code < 128;
  char text = (char) code;
  return finish (machine, arguments, n,
      known ? mf_thing_text (&machine->heap, MF_PY_STR, &text, 1)
            : mf_thing_text_length (&machine->heap, MF_PY_STR, 1, code >= 256 ? MF_TEXT_UCS2 : MF_TEXT_LATIN1));
}

// ---- texts and buffers

static MfThing *
call_str (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  MfThing *text = n ? mf_machine_text_of (machine, arguments[0], false) : mf_thing_text (&machine->heap, MF_PY_STR, "", 0);
  return finish (machine, arguments, n, text);
}

static MfThing *
call_repr (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  MfThing *text = n ? mf_machine_text_of (machine, arguments[0], true) : mf_thing_text (&machine->heap, MF_PY_STR, "", 0);
  return finish (machine, arguments, n, text);
}

static MfThing *
call_hex (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  static const MfThing spec = { .kind = MF_V_TEXT, .type = MF_PY_STR, .text = { "#x", 2, 2, 0 } };
  MfThing *text = n ? mf_machine_format (machine, arguments[0], 0, &spec) : mf_thing_none (&machine->heap);
  return finish (machine, arguments, n, text);
}

// How many bytes bytes (x) or bytearray (x) gets.
static bool
buffer_length (MfMachine *machine, MfThing *of, uint64_t *length)
{
  int64_t number;
  if (mf_thing_is_int (of, &number)) {
    *length = number > 0 && (uint64_t) number < MF_MOST_LENGTH ? (uint64_t) number : 0;
    return true;
  }
  if (of->kind == MF_V_UNKNOWN || !mf_thing_length (of, length)) {
    mf_machine_doubt (machine, MF_DOUBT_LENGTH, UINT64_MAX, "a buffer whose length is not known");
    *length = 32;
    return false;
  }
  return true;
}

static MfThing *
call_bytes (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  uint64_t length = 0;
  if (n && arguments[0]->kind == MF_V_TEXT && arguments[0]->text.bytes)
    return finish (machine, arguments, n,
        mf_thing_text (&machine->heap, MF_PY_BYTES, arguments[0]->text.bytes, arguments[0]->text.n));
  if (n)
    buffer_length (machine, arguments[0], &length);
  return finish (machine, arguments, n, mf_thing_text_length (&machine->heap, MF_PY_BYTES, length, MF_TEXT_ASCII));
}

static MfThing *
call_bytearray (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  uint64_t length = 0;
  bool known = !n || buffer_length (machine, arguments[0], &length);
  MfThing *thing = mf_thing_new (&machine->heap, MF_V_BUFFER, MF_PY_BYTEARRAY);
  MfShape shape = { .type = MF_PY_BYTEARRAY, .length = length };
  thing->buffer.length = length;
  thing->flags |= known ? 0 : MF_V_VAGUE;
  mf_thing_hold (&machine->heap, thing, mf_heap_shape (&machine->heap, &shape), false);
  return finish (machine, arguments, n, thing);
}

// A view keeps what it looks at.
static MfThing *
call_memoryview (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  MfThing *thing = mf_thing_new (&machine->heap, MF_V_SLICE, MF_PY_MEMORYVIEW);
  MfShape shape = { .type = MF_PY_MEMORYVIEW, .made = MF_MADE_FROM_SIZED, .length = 1 };
  mf_thing_hold (&machine->heap, thing, mf_heap_shape (&machine->heap, &shape), false);
  thing->parts.a = n ? mf_thing_ref (arguments[0]) : NULL;
  return finish (machine, arguments, n, thing);
}

static MfThing *
call_array (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  static const char codes[] = "bBuhHiIlLqQfd";
  static const uint8_t sizes[] = { 1, 1, 4, 2, 2, 4, 4, 0, 0, 8, 8, 4, 8 };
  uint64_t length = 0;
  const char *code = n && arguments[0]->kind == MF_V_TEXT && arguments[0]->text.bytes && arguments[0]->text.n
                         ? strchr (codes, arguments[0]->text.bytes[0])
                         : NULL;
  uint32_t item = code ? sizes[code - codes] : 8;
  MfShape shape = { .type = MF_PY_ARRAY, .item = item ? item : machine->heap.target->long_size };
  if (n > 1 && !mf_thing_length (arguments[1], &length)) {
    mf_machine_doubt (machine, MF_DOUBT_LENGTH, UINT64_MAX, "an array whose length is not known");
    length = 8;
  }
  if (n > 1 && arguments[1]->kind == MF_V_TEXT && shape.item)
    length /= shape.item;
  shape.length = length;
  MfThing *thing = mf_thing_new (&machine->heap, MF_V_BUFFER, MF_PY_ARRAY);
  thing->buffer.length = length;
  thing->sub = (uint8_t) shape.item;
  mf_thing_hold (&machine->heap, thing, mf_heap_shape (&machine->heap, &shape), false);
  return finish (machine, arguments, n, thing);
}

// ---- containers

static MfThing *
vague_container (MfMachine *machine, unsigned type, const char *what)
{
  MfThing *thing = type == MF_PY_TUPLE ? mf_thing_tuple (&machine->heap, NULL, 0)
                   : type == MF_PY_LIST ? mf_thing_list (&machine->heap, NULL, 0, 4)
                                        : mf_thing_map (&machine->heap, type, 0);
  thing->flags |= thing->flags & MF_V_IMMORTAL ? 0 : MF_V_VAGUE;
  mf_machine_doubt (machine, MF_DOUBT_LENGTH, machine->flow ? 256 : UINT64_MAX, what);
  return thing;
}

static MfThing *
call_list (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  uint32_t count;
  if (!n)
    return mf_thing_list (&machine->heap, NULL, 0, 0);
  uint64_t length;
  bool sized = mf_thing_length (arguments[0], &length);
  MfThing **items = mf_machine_items (machine, arguments[0], &count);
  if (!items)
    return finish (machine, arguments, n, vague_container (machine, MF_PY_LIST, "a list of unknown length"));
  uint64_t slots = sized ? mf_list_constructed (machine->heap.target, count) : mf_list_iterated (machine->heap.target, count);
  MfThing *list = mf_thing_list (&machine->heap, items, count, slots);
  mf_heap_array_free (&machine->heap, items, (count + 1ull) * sizeof *items);
  return finish (machine, arguments, n, list);
}

static MfThing *
call_tuple (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  uint32_t count;
  if (!n)
    return mf_thing_tuple (&machine->heap, NULL, 0);
  if (arguments[0]->type == MF_PY_TUPLE && arguments[0]->kind == MF_V_LIST)
    return arguments[0];
  MfThing **items = mf_machine_items (machine, arguments[0], &count);
  if (!items)
    return finish (machine, arguments, n, vague_container (machine, MF_PY_TUPLE, "a tuple of unknown length"));
  MfThing *tuple = mf_thing_tuple (&machine->heap, items, count);
  mf_heap_array_free (&machine->heap, items, (count + 1ull) * sizeof *items);
  return finish (machine, arguments, n, tuple);
}

// From a set: a table that fits at once; from others: item by item.
static MfThing *
set_of (MfMachine *machine, MfThing **arguments, uint32_t n, unsigned type)
{
  uint32_t count = 0;
  MfThing **items = n ? mf_machine_items (machine, arguments[0], &count) : NULL;
  if (n && !items)
    return finish (machine, arguments, n, vague_container (machine, type, "a set of unknown length"));
  MfThing *set = mf_thing_map (&machine->heap, type, 0);
  bool merged = n && (arguments[0]->type == MF_PY_SET || arguments[0]->type == MF_PY_FROZENSET);
  if (merged && mf_set_merged (count) > 8) {
    MfShape shape = { .type = (MfPyType) type, .made = MF_MADE_COPIED, .length = count };
    set->map->slots = mf_set_merged (count);
    mf_thing_hold (&machine->heap, set, mf_heap_shape (&machine->heap, &shape), true);
  }
  for (uint32_t i = 0; i < count; i++)
    mf_map_set (&machine->heap, set->map, set, items[i], mf_thing_none (&machine->heap));
  if (items)
    mf_heap_array_free (&machine->heap, items, (count + 1ull) * sizeof *items);
  return finish (machine, arguments, n, set);
}

static MfThing *
call_set (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return set_of (machine, arguments, n, MF_PY_SET);
}

static MfThing *
call_frozenset (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return set_of (machine, arguments, n, MF_PY_FROZENSET);
}

static MfThing *
copy_dict (MfMachine *machine, const MfThing *of)
{
  MfThing *dict = mf_thing_map (&machine->heap, MF_PY_DICT, of->map->used);
  for (uint32_t i = 0; i < of->map->n; i++)
    if (of->map->entries[i].key)
      mf_map_set (&machine->heap, dict->map, dict, mf_thing_ref (of->map->entries[i].key),
          mf_thing_ref (of->map->entries[i].value));
  dict->flags |= of->flags & MF_V_VAGUE;
  return dict;
}

static void
add_pairs (MfMachine *machine, MfThing *dict, MfThing **items, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    bool pair = items[i]->kind == MF_V_LIST && items[i]->list.n == 2;
    if (pair)
      mf_map_set (&machine->heap, dict->map, dict, mf_thing_ref (items[i]->list.items[0]),
          mf_thing_ref (items[i]->list.items[1]));
    else
      mf_map_vague (&machine->heap, dict->map, dict);
    mf_thing_unref (&machine->heap, items[i]);
  }
}

static MfThing *
call_dict (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  uint32_t named = kwnames ? kwnames->list.n : 0, count = 0;
  MfThing *dict;
  if (n > named && arguments[0]->kind == MF_V_MAP && arguments[0]->type == MF_PY_DICT && !machine->flow)
    dict = copy_dict (machine, arguments[0]);
  else {
    MfThing **items = n > named ? mf_machine_items (machine, arguments[0], &count) : NULL;
    if (n > named && !items)
      return finish (machine, arguments, n, vague_container (machine, MF_PY_DICT, "a dict of unknown length"));
    dict = mf_thing_map (&machine->heap, MF_PY_DICT, n == named ? named : 0);
    if (items) {
      add_pairs (machine, dict, items, count);
      mf_heap_array_free (&machine->heap, items, (count + 1ull) * sizeof *items);
    }
  }
  for (uint32_t i = 0; i < named; i++)
    mf_map_set (&machine->heap, dict->map, dict, mf_thing_ref (kwnames->list.items[i]),
        mf_thing_ref (arguments[n - named + i]));
  return finish (machine, arguments, n, dict);
}

static MfThing *
call_sorted (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  uint32_t count;
  MfThing **items = n ? mf_machine_items (machine, arguments[0], &count) : NULL;
  if (!items)
    return finish (machine, arguments, n, vague_container (machine, MF_PY_LIST, "a list of unknown length"));
  MfThing *list = mf_thing_list (&machine->heap, items, count, mf_list_extended (machine->heap.target, count));
  mf_heap_array_free (&machine->heap, items, (count + 1ull) * sizeof *items);
  return finish (machine, arguments, n, list);
}

static MfThing *
call_range (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  int64_t numbers[3] = { 0, 0, 1 };
  bool known = n >= 1 && n <= 3;
  for (uint32_t i = 0; known && i < n; i++)
    known = mf_thing_is_int (arguments[i], &numbers[n == 1 ? 1 : i]) && known;
  MfThing *thing = mf_thing_new (&machine->heap, known && numbers[2] ? MF_V_RANGE : MF_V_UNKNOWN, MF_PY_RANGE);
  MfShape shape = { .type = MF_PY_RANGE };
  mf_thing_hold (&machine->heap, thing, mf_heap_shape (&machine->heap, &shape), false);
  if (thing->kind == MF_V_RANGE) {
    thing->range.from = numbers[0];
    thing->range.to = numbers[1];
    thing->range.step = numbers[2];
  }
  return finish (machine, arguments, n, thing);
}

static MfThing *
iterator_pair (MfMachine *machine, MfThing **arguments, uint32_t n, unsigned type)
{
  MfThing *thing = mf_thing_new (&machine->heap, MF_V_ITERATOR, type);
  MfShape shape = { .type = (MfPyType) type };
  mf_thing_hold (&machine->heap, thing, mf_heap_shape (&machine->heap, &shape), false);
  thing->parts.a = n ? mf_machine_iterate (machine, arguments[0]) : NULL;
  thing->parts.b = n > 1 && type == MF_PY_ZIP ? mf_machine_iterate (machine, arguments[1]) : NULL;
  return thing;
}

static MfThing *
call_enumerate (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  int64_t start = 0;
  if (!n)
    return mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  MfThing *thing = iterator_pair (machine, arguments, 1, MF_PY_ENUMERATE);
  if (n > 1 && mf_thing_is_int (arguments[1], &start))
    thing->parts.at = start;
  return finish (machine, arguments, n, thing);
}

static MfThing *
call_zip (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  if (n != 2 || kwnames)
    return some_value (machine, arguments, n, kwnames);
  return finish (machine, arguments, n, iterator_pair (machine, arguments, 2, MF_PY_ZIP));
}

static MfThing *
call_map (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  uint32_t count;
  MfThing **items = n == 2 && !machine->flow ? mf_machine_items (machine, arguments[1], &count) : NULL;
  if (!items) {
    MfShape shape = { .type = MF_PY_MAP };
    return finish (machine, arguments, n, mf_thing_of_shape (&machine->heap, &shape));
  }
  for (uint32_t i = 0; i < count; i++) {
    MfThing *argument[] = { items[i] };
    MfThing *value = mf_machine_call (machine, arguments[0], argument, 1, NULL);
    items[i] = value ? value : mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  }
  bool unpriced = machine->heap.unpriced;
  machine->heap.unpriced = true; // the results of a map are made one after the other
  MfThing *list = mf_thing_list (&machine->heap, items, count, count);
  machine->heap.unpriced = unpriced;
  mf_heap_array_free (&machine->heap, items, (count + 1ull) * sizeof *items);
  MfThing *iterator = iterator_pair (machine, NULL, 0, MF_PY_MAP);
  iterator->parts.a = list;
  return finish (machine, arguments, n, iterator);
}

static MfThing *
call_iter (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  if (n != 1)
    return some_value (machine, arguments, n, kwnames);
  return finish (machine, arguments, n, mf_machine_iterate (machine, arguments[0]));
}

static MfThing *
call_next (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  bool ended, known;
  if (!n)
    return some_value (machine, arguments, n, kwnames);
  MfThing *item = mf_machine_next (machine, arguments[0], &ended, &known);
  if (!item && ended)
    item = n > 1 ? mf_thing_ref (arguments[1]) : mf_machine_raise (machine, "StopIteration");
  return finish (machine, arguments, n, item);
}

// ---- classes and what goes with them

static MfThing *
descriptor (MfMachine *machine, MfThing **arguments, uint32_t n, unsigned type)
{
  MfThing *thing = mf_thing_new (&machine->heap, MF_V_DESCRIPTOR, type);
  MfShape shape = { .type = (MfPyType) type };
  mf_thing_hold (&machine->heap, thing, mf_heap_shape (&machine->heap, &shape), false);
  thing->parts.a = n ? mf_thing_ref (arguments[0]) : mf_thing_none (&machine->heap);
  thing->parts.b = n > 1 ? mf_thing_ref (arguments[1]) : NULL;
  return finish (machine, arguments, n, thing);
}

static MfThing *
call_property (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return descriptor (machine, arguments, n, MF_PY_PROPERTY);
}

static MfThing *
call_staticmethod (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return descriptor (machine, arguments, n, MF_PY_STATICMETHOD);
}

static MfThing *
call_classmethod (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return descriptor (machine, arguments, n, MF_PY_CLASSMETHOD);
}

// What super () without arguments finds in its caller: the variable __class__, and the first argument.
static MfThing *
content (MfHeap *heap, MfThing *thing)
{
  thing = thing->kind == MF_V_CELL ? thing->parts.a : thing;
  return thing && thing->kind != MF_V_NULL ? thing : &heap->unknown;
}

static void
find_class_and_self (MfMachine *machine, MfThing **class, MfThing **self)
{
  const MfActivation *a = machine->activation;
  *class = *self = &machine->heap.unknown;
  for (uint32_t i = 0; a && !machine->flow && i < a->n_variables; i++) {
    MfPyVariable variable = mf_py_variable (a->body->code, i);
    bool first = i > 0 && a->body->code->argcount && variable.name == mf_py_variable (a->body->code, 0).name;
    if (mf_py_text_is (variable.name, "__class__"))
      *class = content (&machine->heap, a->slots[i]);
    else if ((i == 0 && a->body->code->argcount) || first)
      *self = a->slots[i]->kind == MF_V_NULL ? *self : content (&machine->heap, a->slots[i]);
  }
}

static MfThing *
call_super (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  MfThing *class, *self;
  find_class_and_self (machine, &class, &self);
  MfThing *thing = mf_thing_new (&machine->heap, MF_V_SUPER, MF_PY_SUPER);
  MfShape shape = { .type = MF_PY_SUPER };
  mf_thing_hold (&machine->heap, thing, mf_heap_shape (&machine->heap, &shape), false);
  thing->parts.a = mf_thing_ref (n ? arguments[0] : class);
  thing->parts.b = mf_thing_ref (n > 1 ? arguments[1] : self);
  return finish (machine, arguments, n, thing);
}

static MfThing *
call_type (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  if (n == 1 && arguments[0]->kind == MF_V_INSTANCE)
    return finish (machine, arguments, n, mf_thing_ref (arguments[0]->instance->class));
  if (n == 3) {
    MfShape shape = { .type = MF_PY_CLASS, .length = 6, .base = MF_PY_OBJECT, .flags = MF_SHAPE_HAS_DICT | MF_SHAPE_HAS_WEAKREF };
    return finish (machine, arguments, n, mf_thing_of_shape (&machine->heap, &shape));
  }
  return some_value (machine, arguments, n, kwnames);
}

static MfThing *
call_object (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  MfShape shape = { .type = MF_PY_OBJECT };
  return finish (machine, arguments, n, mf_thing_of_shape (&machine->heap, &shape));
}

static MfThing *
call_isinstance (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  bool known = false, is = false;
  if (n == 2 && arguments[0]->kind == MF_V_INSTANCE && arguments[1]->kind == MF_V_CLASS)
    is = mf_class_is (arguments[0]->instance->class, arguments[1], &known);
  if (!known)
    return some_bool (machine, arguments, n, kwnames);
  return finish (machine, arguments, n, mf_thing_bool (&machine->heap, is));
}

static MfThing *
call_build_class (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  return mf_machine_class (machine, arguments, n, kwnames);
}

static MfThing *
call_getattr (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  if (n != 2 || arguments[1]->kind != MF_V_TEXT || !arguments[1]->text.bytes)
    return some_value (machine, arguments, n, kwnames);
  return finish (machine, arguments, n, mf_machine_attribute (machine, arguments[0], arguments[1]));
}

static MfThing *
call_setattr (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  if (n == 3 && arguments[1]->kind == MF_V_TEXT && arguments[1]->text.bytes)
    mf_machine_set_attribute (machine, arguments[0], arguments[1], mf_thing_ref (arguments[2]));
  return nothing (machine, arguments, n, kwnames);
}

// ---- files

// A buffered text file: raw file, buffer, text layer.
static MfThing *
call_open (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  bool large = mf_target_from (machine->heap.target, 14);
  MfShape buffered = { .type = MF_PY_BUFFERED_READER, .capacity = large ? 128 * 1024 : 4096 };
  MfShape raw = { .type = MF_PY_FILE_IO, .item = 144 };
  MfShape text = { .type = MF_PY_TEXT_IO };
  MfThing *file = mf_thing_new (&machine->heap, MF_V_UNKNOWN, MF_PY_TEXT_IO);
  uint64_t bytes = mf_heap_shape (&machine->heap, &buffered) + mf_heap_shape (&machine->heap, &raw)
                   + mf_heap_shape (&machine->heap, &text);
  mf_thing_hold (&machine->heap, file, bytes, false);
  mf_machine_doubt (machine, MF_DOUBT_LENGTH, 1024, "a file: its path, its encoding, what is read ahead");
  return finish (machine, arguments, n, file);
}

// ---- exceptions

static MfThing *
call_exception (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  MfThing *thing = mf_thing_new (&machine->heap, MF_V_SLICE, MF_PY_EXCEPTION);
  MfShape shape = { .type = MF_PY_EXCEPTION }, args = { .type = MF_PY_TUPLE, .length = n };
  mf_thing_hold (&machine->heap, thing, mf_heap_shape (&machine->heap, &shape) + mf_heap_shape (&machine->heap, &args), false);
  return finish (machine, arguments, n, thing);
}

// ---- the table

typedef struct {
  const char *name;
  Call call;
} Row;

static const Row rows[] = {
  { "__build_class__", call_build_class }, { "__import__", some_value }, { "abs", call_abs }, { "all", some_bool },
  { "any", some_bool }, { "array.array", call_array }, { "ascii", call_repr }, { "bin", call_hex }, { "bool", call_bool },
  { "bytearray", call_bytearray }, { "bytes", call_bytes }, { "callable", some_bool }, { "chr", call_chr },
  { "classmethod", call_classmethod }, { "delattr", nothing }, { "dict", call_dict }, { "dir", NULL }, { "divmod", NULL },
  { "enumerate", call_enumerate }, { "exec", NULL }, { "filter", NULL }, { "float", call_float }, { "format", some_text },
  { "frozenset", call_frozenset }, { "getattr", call_getattr }, { "globals", some_value }, { "hasattr", some_bool },
  { "hash", some_int }, { "hex", call_hex }, { "id", some_int }, { "input", some_text }, { "int", call_int },
  { "isinstance", call_isinstance }, { "issubclass", some_bool }, { "iter", call_iter }, { "len", call_len },
  { "list", call_list }, { "locals", some_value }, { "map", call_map }, { "max", call_max },
  { "memoryview", call_memoryview }, { "min", call_min }, { "next", call_next }, { "object", call_object },
  { "oct", call_hex }, { "open", call_open }, { "ord", call_ord }, { "pow", some_value }, { "print", nothing },
  { "property", call_property }, { "range", call_range }, { "repr", call_repr }, { "reversed", call_iter },
  { "round", some_value }, { "set", call_set }, { "setattr", call_setattr }, { "slice", NULL }, { "sorted", call_sorted },
  { "staticmethod", call_staticmethod }, { "str", call_str }, { "sum", call_sum }, { "super", call_super },
  { "tuple", call_tuple }, { "type", call_type }, { "vars", some_value }, { "zip", call_zip },
#define E(name) { name, call_exception }
  E ("ArithmeticError"), E ("AssertionError"), E ("AttributeError"), E ("BaseException"), E ("BlockingIOError"),
  E ("BrokenPipeError"), E ("BufferError"), E ("BytesWarning"), E ("ChildProcessError"), E ("ConnectionError"),
  E ("DeprecationWarning"), E ("EOFError"), E ("EnvironmentError"), E ("Exception"), E ("FileExistsError"),
  E ("FileNotFoundError"), E ("FloatingPointError"), E ("FutureWarning"), E ("GeneratorExit"), E ("IOError"),
  E ("ImportError"), E ("ImportWarning"), E ("IndexError"), E ("InterruptedError"), E ("IsADirectoryError"),
  E ("KeyError"), E ("KeyboardInterrupt"), E ("LookupError"), E ("MemoryError"), E ("ModuleNotFoundError"),
  E ("NameError"), E ("NotADirectoryError"), E ("NotImplementedError"), E ("OSError"), E ("OverflowError"),
  E ("PendingDeprecationWarning"), E ("PermissionError"), E ("ProcessLookupError"), E ("RecursionError"),
  E ("ReferenceError"), E ("ResourceWarning"), E ("RuntimeError"), E ("RuntimeWarning"), E ("StopAsyncIteration"),
  E ("StopIteration"), E ("SyntaxError"), E ("SyntaxWarning"), E ("SystemError"), E ("SystemExit"), E ("TimeoutError"),
  E ("TypeError"), E ("UnboundLocalError"), E ("UnicodeDecodeError"), E ("UnicodeEncodeError"), E ("UnicodeError"),
  E ("UnicodeWarning"), E ("UserWarning"), E ("ValueError"), E ("Warning"), E ("ZeroDivisionError"),
};

enum { N_ROWS = sizeof rows / sizeof *rows };

static const char *
name_at (uint32_t number)
{
  return number < N_ROWS ? rows[number].name : mf_library_rows[number - N_ROWS].name;
}

void
mf_builtins_init (MfBuiltins *builtins)
{
  memset (builtins, 0, sizeof *builtins);
  for (uint32_t i = 0; i < N_ROWS + mf_library_n_rows && i < MF_MOST_BUILTINS; i++) {
    uint32_t place = (uint32_t) mf_text_hash (name_at (i), strlen (name_at (i))) & (MF_BUILTIN_PLACES - 1);
    while (builtins->places[place])
      place = (place + 1) & (MF_BUILTIN_PLACES - 1);
    builtins->places[place] = (uint16_t) (i + 1);
  }
}

static MfThing *
thing_of (MfMachine *machine, uint32_t number)
{
  MfThing **place = &machine->builtins->things[number];
  if (!*place) {
    *place = mf_thing_new (&machine->heap, MF_V_BUILTIN, MF_PY_TYPE);
    (*place)->flags = MF_V_IMMORTAL;
    (*place)->refs = MF_IMMORTAL_REFS;
    (*place)->builtin.name = name_at (number);
    (*place)->builtin.n = (uint32_t) strlen (name_at (number));
    (*place)->builtin.id = (int32_t) number;
  }
  return mf_thing_ref (*place);
}

MfThing *
mf_builtin_find (MfMachine *machine, const char *name, size_t n)
{
  uint32_t place = (uint32_t) mf_text_hash (name, n) & (MF_BUILTIN_PLACES - 1);
  for (; machine->builtins->places[place]; place = (place + 1) & (MF_BUILTIN_PLACES - 1)) {
    uint32_t number = machine->builtins->places[place] - 1u;
    if (strlen (name_at (number)) == n && !memcmp (name_at (number), name, n))
      return thing_of (machine, number);
  }
  return NULL;
}

MfThing *
mf_builtin_call (MfMachine *machine, const MfThing *builtin, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  uint32_t number = (uint32_t) builtin->builtin.id;
  Call call = number < N_ROWS ? rows[number].call : mf_library_rows[number - N_ROWS].call;
  return call ? call (machine, arguments, n, kwnames) : NULL;
}

// sys.platform and the like are told by the target; functions of modules stand in the table as "module.name".
MfThing *
mf_module_attribute (MfMachine *machine, const MfThing *module, const MfThing *name)
{
  char dotted[96];
  if (!name->text.bytes || module->builtin.n + name->text.n + 2 > sizeof dotted)
    return NULL;
  memcpy (dotted, module->builtin.name, module->builtin.n);
  dotted[module->builtin.n] = '.';
  memcpy (dotted + module->builtin.n + 1, name->text.bytes, name->text.n);
  size_t n = module->builtin.n + 1ull + name->text.n;
  dotted[n] = 0;
  if (!strcmp (dotted, "sys.platform"))
    return mf_thing_text (&machine->heap, MF_PY_STR, "linux", 5);
  if (!strcmp (dotted, "os.name"))
    return mf_thing_text (&machine->heap, MF_PY_STR, "posix", 5);
  return mf_builtin_find (machine, dotted, n);
}
