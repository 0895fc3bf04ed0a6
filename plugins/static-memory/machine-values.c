// SPDX-License-Identifier: Apache-2.0
// Operators on abstract objects, and items of containers.
#include "machine.h"

#include <math.h>
#include <string.h>

enum { ADD, AND, FLOOR_DIVIDE, SHIFT_LEFT, MATRIX, MULTIPLY, REMAINDER, OR, POWER, SHIFT_RIGHT, SUBTRACT, DIVIDE, XOR };

static bool
is_real (const MfThing *thing)
{
  return thing->kind == MF_V_FLOAT;
}

static bool
is_integer (const MfThing *thing)
{
  return thing->kind == MF_V_INT || (thing->kind == MF_V_SINGLETON && thing->type == MF_PY_BOOL);
}

static double
real_of (const MfThing *thing)
{
  return is_real (thing) ? thing->real : (double) mf_thing_integer (thing);
}

static MfThing *
unknown (MfMachine *machine, unsigned type)
{
  return mf_thing_unknown (&machine->heap, type);
}

// A new object of a type, when its value is not known: an int of one digit, a float.
static MfThing *
some_number (MfMachine *machine, unsigned type)
{
  MfShape shape = { .type = (MfPyType) type, .length = 1 };
  return mf_thing_of_shape (&machine->heap, &shape);
}

static __int128
floor_divide (__int128 a, __int128 b)
{
  __int128 quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

static bool
integer_power (__int128 a, __int128 b, __int128 *result)
{
  enum { MOST = 126 };
  *result = 1;
  for (__int128 i = 0; i < b; i++)
    if (i > MOST || __builtin_mul_overflow (*result, a, result))
      return false;
  return b >= 0;
}

static bool
on_integers (unsigned operator, __int128 a, __int128 b, __int128 *result)
{
  switch (operator) {
  case ADD:
    return !__builtin_add_overflow (a, b, result);
  case SUBTRACT:
    return !__builtin_sub_overflow (a, b, result);
  case MULTIPLY:
    return !__builtin_mul_overflow (a, b, result);
  case AND:
    *result = a & b;
    return true;
  case OR:
    *result = a | b;
    return true;
  case XOR:
    *result = a ^ b;
    return true;
  case FLOOR_DIVIDE:
    *result = b ? floor_divide (a, b) : 0;
    return b != 0 && b != -1;
  case REMAINDER:
    *result = b && b != -1 ? a - floor_divide (a, b) * b : 0;
    return b != 0;
  case SHIFT_LEFT:
    if (b < 0 || b > 100 || a > ((__int128) 1 << 24) || a < 0)
      return false;
    *result = a << b;
    return true;
  case SHIFT_RIGHT:
    *result = b >= 0 && b < 127 ? a >> b : 0;
    return b >= 0 && b < 127;
  case POWER:
    return integer_power (a, b, result);
  default:
    return false;
  }
}

// An int gets as many digits as the operation asks for, which may be more than the result needs.
static MfThing *
sized_integer (MfMachine *machine, unsigned operator, const MfThing *a, const MfThing *b, __int128 value)
{
  static const int8_t operations[] = { [ADD] = MF_INT_ADD, [SUBTRACT] = MF_INT_SUBTRACT, [MULTIPLY] = MF_INT_MULTIPLY };
  MfThing *thing = mf_thing_int (&machine->heap, value);
  bool grows = operator== ADD || operator== SUBTRACT || operator== MULTIPLY;
  if (!grows || thing->flags & MF_V_IMMORTAL)
    return thing;
  MfPyTypeSize size;
  const MfTarget *target = machine->heap.target;
  uint64_t digits[2];
  const MfThing *operands[] = { a, b };
  for (int i = 0; i < 2; i++) {
    __int128 n = mf_thing_integer (operands[i]);
    unsigned __int128 magnitude = n < 0 ? -(unsigned __int128) n : (unsigned __int128) n;
    uint64_t bits = 0;
    for (; magnitude; magnitude >>= 1)
      bits++;
    digits[i] = mf_int_digits (target, bits);
  }
  uint64_t asked = mf_int_asked (target, (MfIntOperation) operations[operator], digits[0], digits[1]);
  if (asked && mf_py_type_size (target, MF_PY_INT, &size)) {
    MfShape shape = { .type = MF_PY_INT, .made = MF_MADE_CAPACITY, .length = asked, .capacity = asked };
    mf_thing_hold (&machine->heap, thing, mf_heap_shape (&machine->heap, &shape), false);
  }
  return thing;
}

static MfThing *
on_reals (MfMachine *machine, unsigned operator, double a, double b)
{
  double result;
  switch (operator) {
  case ADD:
    result = a + b;
    break;
  case SUBTRACT:
    result = a - b;
    break;
  case MULTIPLY:
    result = a * b;
    break;
  case DIVIDE:
    result = b != 0 ? a / b : NAN;
    break;
  case FLOOR_DIVIDE:
    result = b != 0 ? floor (a / b) : NAN;
    break;
  case REMAINDER:
    result = b != 0 ? a - floor (a / b) * b : NAN;
    break;
  case POWER:
    result = pow (a, b);
    break;
  default:
    return unknown (machine, MF_V_NO_TYPE);
  }
  return isnan (result) ? some_number (machine, MF_PY_FLOAT) : mf_thing_float (&machine->heap, result);
}

// ---- sequences

static MfThing *
join_texts (MfMachine *machine, const MfThing *a, const MfThing *b)
{
  uint64_t n = (uint64_t) a->text.n + b->text.n;
  MfTextKind kind = a->sub > b->sub ? a->sub : b->sub;
  if (!a->text.bytes || !b->text.bytes || n > 65536) {
    MfThing *text = mf_thing_text_length (&machine->heap, a->type, (uint64_t) a->text.length + b->text.length, kind);
    text->flags |= (a->flags | b->flags) & MF_V_VAGUE;
    return text;
  }
  char *both = mf_heap_array (&machine->heap, n + 1);
  memcpy (both, a->text.bytes, a->text.n);
  memcpy (both + a->text.n, b->text.bytes, b->text.n);
  MfThing *text = mf_thing_text (&machine->heap, a->type, both, n);
  mf_heap_array_free (&machine->heap, both, n + 1);
  return text;
}

static MfThing *
list_of (MfMachine *machine, unsigned type, MfThing **items, uint32_t n)
{
  return type == MF_PY_TUPLE ? mf_thing_tuple (&machine->heap, items, n) : mf_thing_list (&machine->heap, items, n, n);
}

static MfThing *
join_lists (MfMachine *machine, const MfThing *a, const MfThing *b)
{
  uint32_t n = a->list.n + b->list.n;
  MfThing **items = mf_heap_array (&machine->heap, (n + 1ull) * sizeof *items);
  for (uint32_t i = 0; i < n; i++)
    items[i] = mf_thing_ref (i < a->list.n ? a->list.items[i] : b->list.items[i - a->list.n]);
  MfThing *list = list_of (machine, a->type, items, n);
  mf_heap_array_free (&machine->heap, items, (n + 1ull) * sizeof *items);
  list->flags |= (a->flags | b->flags) & MF_V_VAGUE;
  return list;
}

static MfThing *
repeat_list (MfMachine *machine, const MfThing *list, uint64_t times)
{
  enum { MOST = 1 << 20 };
  uint64_t n = times * list->list.n;
  if (times > MOST || n > MOST || machine->flow) {
    MfShape shape = { .type = (MfPyType) list->type, .length = n < MF_MOST_LENGTH ? n : 0 };
    return mf_thing_of_shape (&machine->heap, &shape);
  }
  MfThing **items = mf_heap_array (&machine->heap, (n + 1) * sizeof *items);
  for (uint64_t i = 0; i < n; i++)
    items[i] = mf_thing_ref (list->list.items[i % list->list.n]);
  MfThing *result = list_of (machine, list->type, items, (uint32_t) n);
  mf_heap_array_free (&machine->heap, items, (n + 1) * sizeof *items);
  return result;
}

static MfThing *
repeat (MfMachine *machine, const MfThing *of, const MfThing *times)
{
  int64_t n;
  uint64_t length;
  if (!mf_thing_is_int (times, &n)) {
    mf_machine_doubt (machine, MF_DOUBT_LENGTH, UINT64_MAX, "something that is repeated");
    MfShape shape = { .type = (MfPyType) of->type, .length = 1 };
    return mf_thing_of_shape (&machine->heap, &shape);
  }
  n = n < 0 ? 0 : n;
  if (of->kind == MF_V_LIST)
    return repeat_list (machine, of, (uint64_t) n);
  mf_thing_length (of, &length);
  if (length && (uint64_t) n > MF_MOST_LENGTH / length)
    n = 0;
  if (of->kind == MF_V_TEXT && of->text.bytes && (uint64_t) n * of->text.n < 4096) {
    char text[4096];
    for (int64_t i = 0; i < n; i++)
      memcpy (text + (size_t) i * of->text.n, of->text.bytes, of->text.n);
    return mf_thing_text (&machine->heap, of->type, text, (uint64_t) n * of->text.n);
  }
  return mf_thing_text_length (&machine->heap, of->type, length * (uint64_t) n, of->sub);
}

static bool
is_sequence (const MfThing *thing)
{
  return thing->kind == MF_V_LIST || thing->kind == MF_V_TEXT;
}

static MfThing *
on_sequences (MfMachine *machine, unsigned operator, bool in_place, MfThing *a, MfThing *b)
{
  if (operator== REMAINDER && a->kind == MF_V_TEXT)
    return mf_machine_percent (machine, a, b);
  if (operator== MULTIPLY && is_sequence (a))
    return repeat (machine, a, b);
  if (operator== MULTIPLY)
    return repeat (machine, b, a);
  if (operator!= ADD || a->kind != b->kind || a->type != b->type)
    return operator== ADD && is_sequence (a) ? unknown (machine, a->type) : unknown (machine, MF_V_NO_TYPE);
  if (a->kind == MF_V_TEXT)
    return join_texts (machine, a, b);
  if (!in_place || a->type == MF_PY_TUPLE || machine->flow)
    return join_lists (machine, a, b);
  for (uint32_t i = 0; i < b->list.n; i++)
    mf_list_append (&machine->heap, a, mf_thing_ref (b->list.items[i]));
  return mf_thing_ref (a);
}

static MfThing *
merge_sets (MfMachine *machine, MfThing *a, MfThing *b)
{
  MfThing *set = mf_thing_map (&machine->heap, a->type, 0);
  for (int side = 0; side < 2; side++) {
    const MfMap *from = side ? b->map : a->map;
    for (uint32_t i = 0; i < from->n; i++)
      if (from->entries[i].key)
        mf_map_set (&machine->heap, set->map, set, mf_thing_ref (from->entries[i].key),
            mf_thing_ref (from->entries[i].value));
  }
  return set;
}

MfThing *
mf_machine_binary (MfMachine *machine, unsigned operator, bool in_place, MfThing *a, MfThing *b)
{
  __int128 result;
  if (is_integer (a) && is_integer (b) && operator!= DIVIDE) {
    if (on_integers (operator, mf_thing_integer (a), mf_thing_integer (b), &result))
      return sized_integer (machine, operator, a, b, result);
    return some_number (machine, MF_PY_INT);
  }
  if ((is_real (a) || is_integer (a)) && (is_real (b) || is_integer (b)))
    return on_reals (machine, operator, real_of (a), real_of (b));
  if (is_sequence (a) || is_sequence (b))
    return on_sequences (machine, operator, in_place, a, b);
  if (operator== OR && a->kind == MF_V_MAP && b->kind == MF_V_MAP && !machine->flow)
    return merge_sets (machine, a, b);
  bool real = a->type == MF_PY_FLOAT || b->type == MF_PY_FLOAT;
  bool integers = a->type == MF_PY_INT && b->type == MF_PY_INT && operator!= DIVIDE;
  if (real || integers)
    return some_number (machine, real ? MF_PY_FLOAT : MF_PY_INT);
  return unknown (machine, MF_V_NO_TYPE);
}

MfThing *
mf_machine_unary (MfMachine *machine, unsigned operator, MfThing *a)
{
  int truth = mf_thing_truth (a);
  if (operator== '!' || operator== '?') {
    if (truth < 0)
      return unknown (machine, MF_PY_BOOL);
    return mf_thing_bool (&machine->heap, (truth == 1) == (operator== '?'));
  }
  if (is_integer (a)) {
    __int128 n = mf_thing_integer (a);
    return mf_thing_int (&machine->heap, operator== '-' ? -n : operator== '~' ? ~n : n);
  }
  if (is_real (a))
    return mf_thing_float (&machine->heap, operator== '-' ? -a->real : a->real);
  bool number = a->type == MF_PY_INT || a->type == MF_PY_FLOAT;
  return number ? some_number (machine, a->type) : unknown (machine, MF_V_NO_TYPE);
}

// ---- comparing

// -1, 0, 1; 2: not known.
static int
order (const MfThing *a, const MfThing *b)
{
  bool numbers = (is_integer (a) || is_real (a)) && (is_integer (b) || is_real (b));
  if (numbers && is_integer (a) && is_integer (b))
    return (mf_thing_integer (a) > mf_thing_integer (b)) - (mf_thing_integer (a) < mf_thing_integer (b));
  if (numbers)
    return (real_of (a) > real_of (b)) - (real_of (a) < real_of (b));
  if (a->kind == MF_V_TEXT && b->kind == MF_V_TEXT && a->text.bytes && b->text.bytes) {
    uint32_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
    int by = memcmp (a->text.bytes, b->text.bytes, n);
    return by ? (by > 0) - (by < 0) : (a->text.n > b->text.n) - (a->text.n < b->text.n);
  }
  if (a->kind != MF_V_LIST || b->kind != MF_V_LIST)
    return 2;
  for (uint32_t i = 0; i < a->list.n && i < b->list.n; i++) {
    int by = order (a->list.items[i], b->list.items[i]);
    if (by)
      return by;
  }
  return (a->list.n > b->list.n) - (a->list.n < b->list.n);
}

MfThing *
mf_machine_compare (MfMachine *machine, unsigned operator, MfThing *a, MfThing *b)
{
  enum { LESS, LESS_EQUAL, EQUAL, UNEQUAL, GREATER, GREATER_EQUAL, IN, NOT_IN, IS, IS_NOT, MATCH };
  bool known = true, result = false;
  if (operator== IN || operator== NOT_IN)
    return mf_machine_contains (machine, a, b, operator== NOT_IN);
  if (operator== IS || operator== IS_NOT) {
    known = a->kind != MF_V_UNKNOWN && b->kind != MF_V_UNKNOWN;
    if (a->kind == MF_V_UNKNOWN && a->type != MF_V_NO_TYPE && b == &machine->heap.none)
      known = true;
    result = a == b;
  } else if (operator== EQUAL || operator== UNEQUAL)
    result = mf_thing_equal (a, b, &known);
  else if (operator<= GREATER_EQUAL) {
    int by = order (a, b);
    known = by != 2;
    result = operator== LESS ? by < 0 : operator== LESS_EQUAL ? by <= 0 : operator== GREATER ? by > 0 : by >= 0;
  } else
    known = false;
  if (!known)
    return unknown (machine, MF_PY_BOOL);
  return mf_thing_bool (&machine->heap, result != (operator== UNEQUAL || operator== IS_NOT));
}

static int
has_item (const MfThing *item, const MfThing *in)
{
  bool known = true;
  if (in->flags & MF_V_VAGUE)
    return -1;
  if (in->kind == MF_V_MAP)
    return item->kind == MF_V_UNKNOWN ? -1 : mf_map_find (in->map, item) != NULL;
  if (in->kind == MF_V_TEXT && item->kind == MF_V_TEXT && in->text.bytes && item->text.bytes)
    return memmem (in->text.bytes, in->text.n, item->text.bytes, item->text.n) != NULL;
  if (in->kind != MF_V_LIST)
    return -1;
  for (uint32_t i = 0; i < in->list.n; i++) {
    bool this_known;
    if (mf_thing_equal (item, in->list.items[i], &this_known))
      return 1;
    known &= this_known;
  }
  return known ? 0 : -1;
}

MfThing *
mf_machine_contains (MfMachine *machine, MfThing *item, MfThing *in, bool invert)
{
  bool mutable = in->type == MF_PY_LIST || in->type == MF_PY_DICT || in->type == MF_PY_SET;
  int there = machine->flow && mutable ? -1 : has_item (item, in);
  return there < 0 ? unknown (machine, MF_PY_BOOL) : mf_thing_bool (&machine->heap, (there == 1) != invert);
}

// ---- items

static MfThing *
item_of_text (MfMachine *machine, const MfThing *text, int64_t at)
{
  if (text->type == MF_PY_BYTES)
    return text->text.bytes ? mf_thing_int (&machine->heap, (uint8_t) text->text.bytes[at])
                            : unknown (machine, MF_PY_INT);
  if (!text->text.bytes || text->sub != MF_TEXT_ASCII)
    return mf_thing_text_length (&machine->heap, MF_PY_STR, 1, text->sub);
  return mf_thing_text (&machine->heap, MF_PY_STR, text->text.bytes + at, 1);
}

static MfThing *
item_at (MfMachine *machine, MfThing *of, MfThing *index)
{
  int64_t at;
  uint64_t length;
  if (!mf_thing_is_int (index, &at) || !mf_thing_length (of, &length))
    return of->kind == MF_V_TEXT ? mf_thing_text_length (&machine->heap, MF_PY_STR, 1, of->sub) : unknown (machine, MF_V_NO_TYPE);
  at += at < 0 ? (int64_t) length : 0;
  if (at < 0 || (uint64_t) at >= length)
    return mf_machine_raise (machine, "IndexError");
  if (of->kind == MF_V_LIST)
    return mf_thing_ref (of->list.items[at]);
  if (of->kind == MF_V_TEXT)
    return item_of_text (machine, of, at);
  if (of->kind == MF_V_RANGE)
    return mf_thing_int (&machine->heap, (__int128) of->range.from + (__int128) of->range.step * at);
  return unknown (machine, MF_PY_INT);
}

MfThing *
mf_machine_item (MfMachine *machine, MfThing *of, MfThing *index)
{
  if (index->kind == MF_V_SLICE)
    return mf_machine_slice (machine, of, index->parts.a, index->parts.b, index->parts.c ? index->parts.c : &machine->heap.none);
  bool mutable = of->type == MF_PY_LIST || of->type == MF_PY_DICT;
  if ((machine->flow && mutable) || of->kind == MF_V_UNKNOWN)
    return unknown (machine, MF_V_NO_TYPE);
  if (of->kind == MF_V_MAP) {
    MfEntry *entry = mf_map_find (of->map, index);
    if (entry)
      return mf_thing_ref (entry->value);
    bool known = index->kind != MF_V_UNKNOWN && !(of->flags & MF_V_VAGUE) && of->type == MF_PY_DICT;
    return known ? mf_machine_raise (machine, "KeyError") : unknown (machine, MF_V_NO_TYPE);
  }
  bool sequence = is_sequence (of) || of->kind == MF_V_RANGE || of->kind == MF_V_BUFFER;
  return sequence ? item_at (machine, of, index) : unknown (machine, MF_V_NO_TYPE);
}

void
mf_machine_set_item (MfMachine *machine, MfThing *of, MfThing *index, MfThing *value)
{
  MfHeap *heap = &machine->heap;
  int64_t at;
  if (machine->flow || (of->kind != MF_V_MAP && of->kind != MF_V_LIST) || of->flags & MF_V_IMMORTAL) {
    bool local = of->kind != MF_V_UNKNOWN && !(of->flags & MF_V_ESCAPED);
    if (!(value->flags & MF_V_IMMORTAL) && !local)
      value->flags |= MF_V_ESCAPED;
    if (of->type == MF_PY_DICT && machine->flow)
      mf_machine_doubt (machine, MF_DOUBT_LENGTH, 0, "a dict that grows");
    mf_machine_forget (machine, of);
    mf_thing_unref (heap, index);
    mf_thing_unref (heap, value);
    return;
  }
  if (of->kind == MF_V_MAP) {
    mf_map_set (heap, of->map, of, index, value);
    return;
  }
  bool known = mf_thing_is_int (index, &at);
  at += known && at < 0 ? of->list.n : 0;
  mf_thing_unref (heap, index);
  if (!known || at < 0 || (uint64_t) at >= of->list.n) {
    mf_thing_unref (heap, value);
    return;
  }
  MfThing *old = of->list.items[at];
  of->list.items[at] = value;
  mf_thing_unref (heap, old);
}

// ---- slices

static int64_t
bound (const MfThing *thing, int64_t otherwise, int64_t length, bool *known)
{
  int64_t at;
  if (thing->kind == MF_V_SINGLETON && thing->sub == MF_IS_NONE)
    return otherwise;
  if (!mf_thing_is_int (thing, &at)) {
    *known = false;
    return otherwise;
  }
  at = at < 0 ? at + length : at;
  return at < 0 ? 0 : at > length ? length : at;
}

static MfThing *
slice_of_list (MfMachine *machine, const MfThing *list, int64_t from, int64_t n, int64_t step)
{
  MfThing **items = mf_heap_array (&machine->heap, ((uint64_t) n + 1) * sizeof *items);
  for (int64_t i = 0; i < n; i++)
    items[i] = mf_thing_ref (list->list.items[from + i * step]);
  MfThing *result = list_of (machine, list->type, items, (uint32_t) n);
  mf_heap_array_free (&machine->heap, items, ((uint64_t) n + 1) * sizeof *items);
  return result;
}

static MfThing *
slice_of_text (MfMachine *machine, const MfThing *text, int64_t from, int64_t n, int64_t step)
{
  bool plain = text->text.bytes && step == 1 && (text->type == MF_PY_BYTES || text->sub == MF_TEXT_ASCII);
  if (plain)
    return mf_thing_text (&machine->heap, text->type, text->text.bytes + from, (uint64_t) n);
  return mf_thing_text_length (&machine->heap, text->type, (uint64_t) n, text->sub);
}

MfThing *
mf_machine_slice (MfMachine *machine, MfThing *of, MfThing *from, MfThing *to, MfThing *step)
{
  uint64_t length;
  int64_t by = 1;
  bool known = mf_thing_length (of, &length) && is_sequence (of) && length < INT32_MAX;
  known = known && !(machine->flow && of->type == MF_PY_LIST);
  if (step->kind != MF_V_SINGLETON)
    known = mf_thing_is_int (step, &by) && by > 0 && known;
  int64_t start = known ? bound (from, 0, (int64_t) length, &known) : 0;
  int64_t end = known ? bound (to, (int64_t) length, (int64_t) length, &known) : 0;
  if (!known) {
    if (!is_sequence (of))
      return unknown (machine, of->kind == MF_V_UNKNOWN ? of->type : MF_V_NO_TYPE);
    MfShape shape = { .type = (MfPyType) of->type, .length = length / 2 };
    mf_machine_doubt (machine, MF_DOUBT_LENGTH, mf_heap_price (&machine->heap, length * 8), "a slice of unknown length");
    return mf_thing_of_shape (&machine->heap, &shape);
  }
  int64_t n = end > start ? (end - start + by - 1) / by : 0;
  if (n == (int64_t) length && of->type != MF_PY_LIST && by == 1)
    return mf_thing_ref (of);
  return of->kind == MF_V_LIST ? slice_of_list (machine, of, start, n, by) : slice_of_text (machine, of, start, n, by);
}
