// SPDX-License-Identifier: Apache-2.0
// One function for each group of rows; most are a shape each. What Python's own library consists of
// (Event, Thread) is put together from instances.
#include "object-rows.h"

#include <glib.h>
#include <string.h>

typedef struct {
  const MfTarget *target;
  const MfMeasuredRow *row;
  MfObjectSize *size;
  bool known;
} Sum;

static bool
from (const Sum *sum, unsigned minor)
{
  return mf_target_from (sum->target, minor);
}

// The object whose getsizeof counts.
static void
object (Sum *sum, MfShape shape)
{
  MfObjectSize others = *sum->size, own;
  sum->known = sum->known && mf_object_size (sum->target, &shape, &own)
               && mf_object_add (sum->target, &shape, 1, &others);
  others.getsizeof = sum->known ? own.getsizeof : 0;
  *sum->size = others;
}

static void
beside (Sum *sum, uint64_t count, MfShape shape)
{
  sum->known = sum->known && mf_object_add (sum->target, &shape, count, sum->size);
}

static void
block (Sum *sum, uint64_t bytes, uint64_t count)
{
  sum->known = sum->known && mf_blocks_add (sum->target, bytes, count, sum->size);
}

static void
drop_blocks (Sum *sum)
{
  *sum->size = (MfObjectSize){ .getsizeof = sum->size->getsizeof };
}

#define SHAPE(name, ...) ((MfShape){ .type = MF_PY_##name, __VA_ARGS__ })
#define TEXT(n) SHAPE (STR, .length = (n), .flags = MF_SHAPE_NOT_SHARED)

static uint64_t
words (const Sum *sum, uint64_t n)
{
  return n * sum->target->pointer;
}

// ---- numbers

static uint64_t
digits (const Sum *sum, uint64_t bits)
{
  return mf_int_digits (sum->target, bits);
}

// An int of `bits` bits that asked for `asked` digits; 0 = as small ints do.
static void
number (Sum *sum, uint64_t bits, uint64_t asked)
{
  object (sum, SHAPE (INT, .length = digits (sum, bits), .capacity = asked,
                   .made = asked ? MF_MADE_CAPACITY : MF_MADE_EXACT));
}

static uint64_t
decimal_digits (uint64_t bits)
{
  return (uint64_t) ((double) bits * 0.30102999566398120) + 1;
}

// Whether 2^n + more is cached.
static bool
cached (const Sum *sum, uint64_t n, int64_t more)
{
  return n < 40 && (1ll << n) + more <= mf_int_cached_until (sum->target);
}

static uint64_t
asked_for (const Sum *sum, MfIntOperation operation, uint64_t a, uint64_t b)
{
  return mf_int_asked (sum->target, operation, a, b);
}

static void
from_bytes (Sum *sum, uint64_t k)
{
  number (sum, k, asked_for (sum, MF_INT_FROM_BYTES, (k + 7) / 8, 0));
  if (k == 0 && !from (sum, 11)) {
    drop_blocks (sum);
    MfPyTypeSize type;
    sum->known = mf_py_type_size (sum->target, MF_PY_INT, &type);
    block (sum, type.basic, 1);
  } else if (cached (sum, k, -1) && from (sum, 11))
    drop_blocks (sum);
}

static void
marshalled (Sum *sum, uint64_t k)
{
  uint64_t n = digits (sum, k);
  number (sum, k, n > 1 ? n : 0);
  if (cached (sum, k, -1))
    drop_blocks (sum);
}

static void
added (Sum *sum, uint64_t k)
{
  number (sum, k + 1, asked_for (sum, MF_INT_ADD, digits (sum, k), 1));
  if (cached (sum, k, 1))
    drop_blocks (sum);
}

static void
subtracted (Sum *sum, uint64_t k)
{
  number (sum, k, asked_for (sum, MF_INT_SUBTRACT, digits (sum, k), 1));
  if (cached (sum, k, -3))
    drop_blocks (sum);
}

static void
tripled (Sum *sum, uint64_t k)
{
  number (sum, k + 2, asked_for (sum, MF_INT_MULTIPLY, digits (sum, k), 1));
  if (cached (sum, k + 1, 1ll << (k < 40 ? k : 0)))
    drop_blocks (sum);
}

static void
squared (Sum *sum, uint64_t k)
{
  number (sum, 2 * k, asked_for (sum, MF_INT_MULTIPLY, digits (sum, k), digits (sum, k)));
}

static void
kept (Sum *sum, uint64_t k)
{
  number (sum, k, asked_for (sum, MF_INT_KEEP, digits (sum, k), 0));
}

static void
masked (Sum *sum, uint64_t k)
{
  kept (sum, k);
  if (cached (sum, k, -1))
    drop_blocks (sum);
}

// From 3.11 on a small int shifted by less than a digit is made as small ints are.
static void
shifted (Sum *sum, uint64_t k)
{
  bool small = from (sum, 11) && k < sum->target->digit_bits;
  number (sum, k + 1, small ? 0 : asked_for (sum, MF_INT_SHIFT_LEFT, 1, k));
  if (cached (sum, k, 0))
    drop_blocks (sum);
}

static void
halved (Sum *sum, uint64_t k)
{
  number (sum, k - 1, asked_for (sum, MF_INT_KEEP, digits (sum, k), 0));
  if (cached (sum, k - 1, -1))
    drop_blocks (sum);
}

// (2^k - 1) % 1000003; a smaller dividend of several digits is the result itself.
static void
remainder_of (Sum *sum, uint64_t k)
{
  const uint64_t divisor = 1000003;
  uint64_t power = 1, bits = 0;
  for (uint64_t i = 0; i < k; i++)
    power = power * 2 % divisor;
  uint64_t rest = (power + divisor - 1) % divisor;
  while (rest >> bits)
    bits++;
  uint64_t n = digits (sum, bits);
  bool itself = k < 20 && digits (sum, k) > 1;
  number (sum, bits, n > 1 ? n : 0);
  if (itself || rest <= (uint64_t) mf_int_cached_until (sum->target))
    drop_blocks (sum);
}

static void
parsed (Sum *sum, uint64_t k)
{
  number (sum, k, asked_for (sum, MF_INT_PARSE, decimal_digits (k), 0));
  if (cached (sum, k, -1))
    drop_blocks (sum);
}

static void
fixed (Sum *sum, uint64_t n)
{
  (void) n;
  const char *category = sum->row->category;
  object (sum, (MfShape){ .type = mf_py_type_find (category) });
}

static void
nothing_new (Sum *sum, uint64_t n)
{
  (void) n;
  object (sum, SHAPE (NONE));
}

// ---- text

static void
text_slice (Sum *sum, uint64_t n)
{
  static const char *const kinds[] = { "str.ascii", "str.latin1", "str.ucs2", "str.ucs4" };
  for (unsigned i = 0; i < 4; i++)
    if (g_str_has_prefix (sum->row->id, kinds[i]))
      object (sum, SHAPE (STR, .length = n, .text = (MfTextKind) i));
}

static void
ascii (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (STR, .length = n));
}

static void
ascii_more (Sum *sum, uint64_t n)
{
  ascii (sum, n + 1);
}

static void
ascii_two_more (Sum *sum, uint64_t n)
{
  ascii (sum, n + 2);
}

static void
ascii_itself (Sum *sum, uint64_t n)
{
  ascii (sum, n);
  drop_blocks (sum);
}

static void
ascii_twice (Sum *sum, uint64_t n)
{
  ascii (sum, 2 * n);
  if (n == 1) // 'ab' * 1 is 'ab'
    drop_blocks (sum);
}

static void
replaced (Sum *sum, uint64_t n)
{
  ascii (sum, n + (n + 15) / 16);
}

static void
upper (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (STR, .length = n, .flags = n ? MF_SHAPE_NOT_SHARED : 0));
}

static void
encoded (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (BYTES, .length = strstr (sum->row->id, "encode2") ? 3 * n : n));
}

static void
decoded (Sum *sum, uint64_t n)
{
  bool wide = strstr (sum->row->id, "decode2");
  object (sum, SHAPE (STR, .length = n, .text = wide ? MF_TEXT_UCS2 : MF_TEXT_ASCII));
}

// str.split prepares 12 slots; from 3.12 on no more than the text can have
// (Objects/stringlib/split.h)
static void
split (Sum *sum, uint64_t n)
{
  uint64_t most = (4 * n + 1) / 2;
  uint64_t slots = from (sum, 12) && n == 0 ? 2 : from (sum, 12) && most + 1 < 12 ? most + 1 : 12;
  while (slots < n)
    slots = mf_list_resize (sum->target, slots, slots, slots + 1);
  object (sum, SHAPE (LIST, .made = MF_MADE_CAPACITY, .capacity = slots, .length = n));
  beside (sum, n, TEXT (3));
}

static void
text_sample (Sum *sum, uint64_t n)
{
  static const struct {
    const char *id;
    uint64_t length;
  } samples[] = { { "str.of_int", 6 }, { "str.of_float", 4 }, { "str.hex", 6 }, { "str.repr", 8 },
    { "str.fmt_float", 4 }, { "str.fmt_pad", 10 }, { "str.iadd", 32 } };
  (void) n;
  for (gsize i = 0; i < G_N_ELEMENTS (samples); i++)
    if (g_str_equal (samples[i].id, sum->row->id))
      ascii (sum, samples[i].length);
  if (g_str_equal (sum->row->id, "str.utf8cache"))
    object (sum, SHAPE (STR, .length = 10, .text = MF_TEXT_LATIN1));
}

static void
bytes_of (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (BYTES, .length = n));
}

static void
zeros (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (BYTES, .length = n, .flags = n ? MF_SHAPE_NOT_SHARED : 0));
}

static void
bytes_joined (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (BYTES, .length = n + 2));
  if (n == 0)
    drop_blocks (sum);
}

static void
bytearray_of (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (BYTEARRAY, .length = n));
}

static void
bytearray_appended (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (BYTEARRAY, .length = n, .made = MF_MADE_APPENDED));
}

static void
bytearray_extended (Sum *sum, uint64_t n)
{
  uint64_t bytes = 0;
  for (uint64_t i = 1; i <= n; i++)
    bytes = mf_bytearray_resize (sum->target, bytes, 8 * i);
  object (sum, SHAPE (BYTEARRAY, .made = MF_MADE_CAPACITY, .capacity = bytes));
}

static void
bytearray_shrunk (Sum *sum, uint64_t n)
{
  (void) n;
  uint64_t left = g_str_has_suffix (sum->row->id, "pop") ? 50 : 40;
  uint64_t full = mf_bytearray_resize (sum->target, 0, 100);
  uint64_t bytes = mf_bytearray_resize (sum->target, full, left);
  object (sum, SHAPE (BYTEARRAY, .made = MF_MADE_CAPACITY, .capacity = bytes));
}

// ---- sequences

static void
tuple_of (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (TUPLE, .length = n));
}

static void
tuple_iterated (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (TUPLE, .length = n, .made = MF_MADE_FROM_ITERATOR));
}

// A tuple of an iterator begins with ten items and is cut; when freed it goes to the free list of
// its length, from which nobody takes it; lists for 20 items exist from 3.11 on. 3.14 cuts nothing,
// and has a list of 100 ints that the twenty calls fill.
static void
tuple_mapped (Sum *sum, uint64_t n)
{
  tuple_iterated (sum, n);
  if (from (sum, 14)) {
    beside (sum, n > 100 ? 5 : 0, SHAPE (INT, .length = 1));
    return;
  }
  uint64_t longest = from (sum, 11) ? 20 : 19;
  if (n && n != 10 && n <= longest)
    beside (sum, 1, SHAPE (TUPLE, .length = n));
}

static void
list_made (Sum *sum, uint64_t n, MfMade made)
{
  object (sum, SHAPE (LIST, .length = n, .made = made));
}

static void
list_exact (Sum *sum, uint64_t n)
{
  list_made (sum, n, MF_MADE_EXACT);
}

static void
list_from_sized (Sum *sum, uint64_t n)
{
  list_made (sum, n, MF_MADE_FROM_SIZED);
}

static void
list_from_iterator (Sum *sum, uint64_t n)
{
  list_made (sum, n, MF_MADE_FROM_ITERATOR);
}

static void
list_extended (Sum *sum, uint64_t n)
{
  list_made (sum, n, MF_MADE_EXTENDED);
}

static void
list_appended (Sum *sum, uint64_t n)
{
  list_made (sum, n, MF_MADE_APPENDED);
}

static void
list_capacity (Sum *sum, uint64_t slots)
{
  object (sum, SHAPE (LIST, .made = MF_MADE_CAPACITY, .capacity = slots));
}

// 257 ints and more are new.
static void
list_from_range (Sum *sum, uint64_t n)
{
  uint64_t old = (uint64_t) mf_int_cached_until (sum->target) + 1;
  list_from_sized (sum, n);
  beside (sum, n > old ? n - old : 0, SHAPE (INT, .length = 1));
}

static void
list_from_dict (Sum *sum, uint64_t n)
{
  if (from (sum, 13))
    list_capacity (sum, mf_list_resize (sum->target, 0, 0, n));
  else
    list_from_sized (sum, n);
}

static void
list_extended_by (Sum *sum, uint64_t n)
{
  list_capacity (sum, mf_list_resize (sum->target, 1, 1, 1 + n));
}

static void
list_added (Sum *sum, uint64_t n)
{
  list_exact (sum, n + 1);
}

static void
list_display (Sum *sum, uint64_t n)
{
  list_made (sum, n, n > 30 && from (sum, 10) ? MF_MADE_APPENDED : MF_MADE_EXACT);
}

static void
list_constants (Sum *sum, uint64_t n)
{
  bool appended = n > 30 && from (sum, 14), extended = n >= 3 && from (sum, 9);
  list_made (sum, n, appended ? MF_MADE_APPENDED : extended ? MF_MADE_EXTENDED : MF_MADE_EXACT);
}

static void
list_filtered (Sum *sum, uint64_t n)
{
  (void) n;
  list_appended (sum, 50);
}

static void
list_inserted (Sum *sum, uint64_t n)
{
  (void) n;
  list_appended (sum, 10);
}

static void
list_shrunk (Sum *sum, uint64_t n)
{
  if (g_str_equal (sum->row->id, "list.clear")) {
    list_exact (sum, 0);
    return;
  }
  if (g_str_equal (sum->row->id, "list.del")) {
    list_capacity (sum, mf_list_resize (sum->target, 100, 100, 10));
    return;
  }
  uint64_t slots = mf_list_appended (sum->target, 100);
  for (uint64_t left = 99; left >= 100 - n; left--)
    slots = mf_list_popped (sum->target, slots, left);
  list_capacity (sum, slots);
}

// ---- dicts and sets

static MfKeyKind
keys_of (const Sum *sum)
{
  const char *id = sum->row->id;
  bool any = strstr (id, "_int") || strstr (id, "_i.") || strstr (id, "liti")
             || strstr (id, "odict") || strstr (id, "defaultdict") || strstr (id, "Counter");
  return any ? MF_KEYS_ANY : MF_KEYS_TEXT;
}

static void
dict_appended (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (DICT, .length = n, .made = MF_MADE_APPENDED, .keys = keys_of (sum)));
}

static void
dict_called (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (DICT, .length = n, .made = MF_MADE_CALLED, .keys = keys_of (sum)));
}

// More than 15 keyword arguments travel in a dict and come out as a tuple of names. 3.11 and 3.12
// put a tuple of 20 into a free list that they never take from (Objects/tupleobject.c
// maybe_freelist_push).
static void
dict_called_by_name (Sum *sum, uint64_t n)
{
  dict_called (sum, n);
  if (n == 20 && from (sum, 11) && !from (sum, 13))
    beside (sum, 1, SHAPE (TUPLE, .length = 20));
}

static void
dict_slots (Sum *sum, uint64_t slots)
{
  object (sum, SHAPE (DICT, .made = MF_MADE_CAPACITY, .capacity = slots, .keys = MF_KEYS_ANY));
}

static void
dict_shrunk (Sum *sum, uint64_t n)
{
  (void) n;
  dict_slots (sum, g_str_equal (sum->row->id, "dict.clear") ? 0 : mf_dict_slots (100));
}

// A thousand items in and out, `keep` of which stay: entries of the dead are not used again.
static void
dict_churned (Sum *sum, uint64_t n)
{
  (void) n;
  uint64_t keep = g_str_has_suffix (sum->row->id, "lru8") ? 8 : 3;
  uint64_t slots = 0, entries = 0, used = 0;
  for (unsigned i = 0; i < 1000; i++, entries++) {
    if (entries == mf_dict_entries (slots)) {
      slots = used ? mf_dict_resized (used) : 8;
      entries = used;
    }
    used += used < keep; // one comes, one goes
  }
  dict_slots (sum, slots); // its keys are 999 and before
  beside (sum, mf_int_cached_until (sum->target) < 999 ? keep : 0, SHAPE (INT, .length = 1));
}

static void
dict_mixed (Sum *sum, uint64_t n)
{
  (void) n;
  dict_slots (sum, from (sum, 11) ? mf_dict_resized (3) : 8);
}

static void
dict_updated (Sum *sum, uint64_t n)
{
  dict_appended (sum, n ? n : 20);
}

static void
set_added (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (SET, .length = n));
}

static void
set_merged (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (SET, .length = n, .made = MF_MADE_COPIED));
}

static void
set_constants (Sum *sum, uint64_t n)
{
  object (sum,
      SHAPE (SET, .length = n, .made = n > 2 && from (sum, 9) ? MF_MADE_COPIED : MF_MADE_EXACT));
}

static void
frozen (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (FROZENSET, .length = n));
}

static void
set_cleared (Sum *sum, uint64_t n)
{
  (void) n;
  set_added (sum, 0);
}

static void
ordered (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (ORDERED_DICT, .length = n, .made = MF_MADE_CALLED, .keys = MF_KEYS_ANY));
}

static void
with_default (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (DEFAULT_DICT, .length = n, .made = MF_MADE_CALLED, .keys = MF_KEYS_ANY));
}

#define PLAIN (MF_SHAPE_HAS_DICT | MF_SHAPE_HAS_WEAKREF)

static void
counter (Sum *sum, uint64_t n)
{
  object (sum,
      SHAPE (INSTANCE, .base = MF_PY_DICT, .capacity = n, .keys = MF_KEYS_ANY, .flags = PLAIN));
}

static void
array_of (Sum *sum, uint64_t n)
{
  static const struct {
    char code;
    const char *field;
  } items[] = { { 'b', "b" }, { 'B', "b" }, { 'h', "h" }, { 'H', "h" }, { 'i', "i" }, { 'I', "i" },
    { 'l', "l" }, { 'L', "l" }, { 'q', "q" }, { 'Q', "q" }, { 'f', "f" }, { 'd', "d" } };
  const char *id = sum->row->id;
  bool append = g_str_has_prefix (id, "array.append.");
  char code = id[strlen (append ? "array.append." : "array.")];
  for (gsize i = 0; i < G_N_ELEMENTS (items); i++)
    if (items[i].code == code) {
      MfLayout layout;
      sum->known = sum->known && mf_layout (sum->target, items[i].field, &layout);
      object (sum, SHAPE (ARRAY, .length = n, .item = (uint32_t) layout.size,
                       .made = append ? MF_MADE_APPENDED : MF_MADE_EXACT));
    }
}

static void
array_of_bytes (Sum *sum, uint64_t n)
{
  (void) n;
  object (sum, SHAPE (ARRAY, .length = 100, .item = 1, .made = MF_MADE_EXTENDED));
}

static void
array_repeated (Sum *sum, uint64_t n)
{
  (void) n;
  object (sum, SHAPE (ARRAY, .length = 100, .item = 4));
}

static void
deque_of (Sum *sum, uint64_t n)
{
  uint64_t most = g_str_equal (sum->row->id, "deque.max")     ? 16
                  : g_str_equal (sum->row->id, "deque.max64") ? 64
                                                              : 0;
  object (
      sum, SHAPE (DEQUE, .length = most ? 1000 : n, .capacity = most, .made = MF_MADE_APPENDED));
}

// ---- instances

static void
instance (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (INSTANCE, .length = n, .flags = PLAIN));
}

static void
instance_read (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (INSTANCE, .length = n, .flags = PLAIN | MF_SHAPE_DICT_READ));
}

static void
instance_late (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (INSTANCE, .length = n, .flags = PLAIN | MF_SHAPE_NOT_STATIC));
}

// inst.nth.ATTRIBUTES.NTH
static void
instance_nth (Sum *sum, uint64_t n)
{
  uint64_t attributes = g_ascii_strtoull (sum->row->id + strlen ("inst.nth."), NULL, 10);
  object (sum, SHAPE (INSTANCE, .length = attributes, .nth = (uint32_t) n, .flags = PLAIN));
}

static void
instance_inherited (Sum *sum, uint64_t n)
{
  instance (sum, n + 1);
}

static void
slotted (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (INSTANCE, .slots = (uint32_t) n));
}

static void
slotted_weakly (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (INSTANCE, .slots = (uint32_t) n, .flags = MF_SHAPE_HAS_WEAKREF));
}

static void
slotted_with_dict (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (INSTANCE, .slots = (uint32_t) n, .flags = MF_SHAPE_HAS_DICT));
}

static MfPyType
base_of (const Sum *sum)
{
  g_auto (GStrv) words = g_strsplit_set (sum->row->id, "._", -1);
  for (char **word = words; *word; word++)
    if (mf_py_type_find (*word) < MF_PY_N_TYPES)
      return mf_py_type_find (*word);
  return MF_PY_OBJECT;
}

static void
derived (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (INSTANCE, .base = base_of (sum), .length = n, .flags = PLAIN));
}

static void
derived_passing (Sum *sum, uint64_t n)
{
  (void) n;
  derived (sum, 0);
}

static void
derived_slotted (Sum *sum, uint64_t n)
{
  (void) n;
  MfPyType base = base_of (sum);
  bool none = base == MF_PY_TUPLE || base == MF_PY_INT || base == MF_PY_BYTES;
  object (sum, SHAPE (INSTANCE, .base = base, .slots = !none));
}

// Without its first attribute an instance has a dict of its own up to 3.10.
static void
attribute_deleted (Sum *sum, uint64_t n)
{
  (void) n;
  uint32_t lost = from (sum, 11) ? 0 : MF_SHAPE_ORDER_LOST;
  object (sum, SHAPE (INSTANCE, .length = 3, .flags = PLAIN | lost));
}

static void
dict_assigned (Sum *sum, uint64_t n)
{
  (void) n;
  object (sum, SHAPE (INSTANCE, .length = 3, .flags = PLAIN | MF_SHAPE_DICT_NEW));
}

static void
weakly_referenced (Sum *sum, uint64_t n)
{
  (void) n;
  instance (sum, 2);
  beside (sum, 1, SHAPE (WEAKREF));
}

static void
named_tuple (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (INSTANCE, .base = MF_PY_TUPLE, .capacity = n));
}

// SimpleNamespace (**kw): from 3.10 on the table of the keyword arguments is cloned past the free
// list that it ends in (Objects/dictobject.c dict_merge).
static void
namespace_of (Sum *sum, uint64_t n)
{
  object (sum, SHAPE (SIMPLE_NAMESPACE, .length = n));
  if (n >= 1 && n <= 5 && from (sum, 10))
    block (sum, mf_dict_table (sum->target, 8, MF_KEYS_TEXT), 1);
}

// ---- functions

static void
function (Sum *sum, uint64_t n)
{
  (void) n;
  object (sum, SHAPE (FUNCTION));
}

static void
with_tuple (Sum *sum, uint64_t n)
{
  function (sum, 0);
  beside (sum, 1, SHAPE (TUPLE, .length = n));
}

static void
with_dict (Sum *sum, uint64_t n)
{
  function (sum, 0);
  beside (sum, 1, SHAPE (DICT, .length = n ? n : 1));
}

static void
with_closure (Sum *sum, uint64_t n)
{
  with_tuple (sum, n);
  beside (sum, n, SHAPE (CELL));
}

// A dict up to 3.9, a tuple of names and values up to 3.13, then a function that makes them,
// in 3.14 with a name of its own.
static void
with_annotations (Sum *sum, uint64_t n)
{
  if (!from (sum, 10))
    with_dict (sum, n);
  else if (!from (sum, 14))
    with_tuple (sum, 2 * n);
  else {
    function (sum, 0);
    beside (sum, 1, SHAPE (FUNCTION));
    beside (sum, !from (sum, 15), TEXT (strlen ("f.<locals>.g.__annotate__")));
  }
}

static void
partial (Sum *sum, uint64_t n)
{
  (void) n;
  bool keywords = g_str_has_suffix (sum->row->id, "kw");
  object (sum, SHAPE (PARTIAL));
  beside (sum, 1, SHAPE (DICT, .length = keywords));
  if (!keywords)
    beside (sum, 1, SHAPE (TUPLE, .length = 1));
}

// The docstring of len is a new str for each.
static const char len_doc[] = "Return the number of items in a container.";

static void
property (Sum *sum, uint64_t n)
{
  (void) n;
  object (sum, SHAPE (PROPERTY));
  beside (sum, 1, TEXT (strlen (len_doc)));
}

// From 3.10 on they copy names and docstring of what they wrap into their dict.
static void
wrapper (Sum *sum, uint64_t n)
{
  (void) n;
  object (sum, (MfShape){ .type = mf_py_type_find (sum->row->category) });
  if (!from (sum, 10))
    return;
  beside (sum, 1, SHAPE (DICT, .length = 4));
  if (g_str_has_suffix (sum->row->id, ".py"))
    return;
  beside (sum, 2, TEXT (strlen ("len")));
  beside (sum, 1, TEXT (strlen (len_doc)));
}

static uint64_t
stack_size (const Sum *sum)
{
  const char *stack = strstr (sum->row->params, "stacksize=");
  return stack ? g_ascii_strtoull (stack + strlen ("stacksize="), NULL, 10) : 0;
}

static MfPyType
generator_type (const Sum *sum)
{
  const char *id = sum->row->id;
  return g_str_has_prefix (id, "coro")       ? MF_PY_COROUTINE
         : g_str_has_prefix (id, "asyncgen") ? MF_PY_ASYNC_GENERATOR
                                             : MF_PY_GENERATOR;
}

static void
generator (Sum *sum, uint64_t n)
{
  enum { DEEP_STACK = 13 };
  bool deep = g_str_equal (sum->row->id, "gen.stack");
  object (sum, (MfShape){ .type = generator_type (sum),
                   .length = deep ? DEEP_STACK : n + stack_size (sum) });
}

// (x for x in l): .0 and x, a stack of two, the list's iterator; from 3.11 on the frame keeps the
// function. 3.15 keeps the list and an index on the stack instead of an iterator.
static void
generator_expression (Sum *sum, uint64_t n)
{
  (void) n;
  bool indexed = from (sum, 15);
  object (sum, SHAPE (GENERATOR, .length = indexed ? 6 : 4));
  beside (sum, !indexed, SHAPE (LIST_ITERATOR));
  if (from (sum, 11))
    beside (sum, 1, SHAPE (FUNCTION));
}

// A call with nothing on the stack but the function, from 3.11 on with a NULL beside.
static void
frame (Sum *sum, uint64_t n)
{
  uint64_t locals = n ? n : 2;
  object (sum, SHAPE (FRAME, .length = locals + (from (sum, 11) ? 2 : 1)));
}

static void
exception (Sum *sum, uint64_t n)
{
  static const struct {
    const char *id;
    MfPyType type;
    uint64_t arguments;
  } samples[] = { { "exc.plain", MF_PY_VALUE_ERROR, 1 }, { "exc.noarg", MF_PY_VALUE_ERROR, 0 },
    { "exc.key", MF_PY_KEY_ERROR, 1 }, { "exc.os", MF_PY_OS_ERROR, 2 },
    { "exc.raised", MF_PY_VALUE_ERROR, 1 }, { "exc.raised2", MF_PY_VALUE_ERROR, 1 } };
  (void) n;
  for (gsize i = 0; i < G_N_ELEMENTS (samples); i++)
    if (g_str_equal (samples[i].id, sum->row->id)) {
      object (sum, (MfShape){ .type = samples[i].type });
      beside (sum, 1, SHAPE (TUPLE, .length = samples[i].arguments));
    }
  if (g_str_equal (sum->row->id, "exc.raised")) { // locals e and r; a try up to 3.10 reserves ten
    beside (sum, 1, SHAPE (TRACEBACK));
    beside (sum, 1, SHAPE (FRAME, .length = from (sum, 11) ? 6 : 12));
  }
}

// ---- code objects

typedef struct {
  unsigned minor;
  char *module;
  uint64_t code, lines, exceptions, constants, names, locals;
} CodeRow;

static GPtrArray *code_rows;

void
mf_expect_read_code (const char *path)
{
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  code_rows = g_ptr_array_new ();
  for (char **line = lines + 1; *line && **line; line++) {
    g_auto (GStrv) cells = g_strsplit (*line, ",", -1);
    CodeRow *row = g_new0 (CodeRow, 1);
    row->minor = (unsigned) g_ascii_strtoull (cells[0] + 2, NULL, 10);
    row->module = g_strdup (cells[1]);
    uint64_t *lengths[]
        = { &row->code, &row->lines, &row->exceptions, &row->constants, &row->names, &row->locals };
    for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
      *lengths[i] = g_ascii_strtoull (cells[2 + i], NULL, 10);
    g_ptr_array_add (code_rows, row);
  }
}

// Bytes of length 1 are new up to 3.13.
static void
loaded_bytes (Sum *sum, uint64_t n)
{
  beside (
      sum, 1, SHAPE (BYTES, .length = n, .flags = n && !from (sum, 14) ? MF_SHAPE_NOT_SHARED : 0));
}

static void
loaded_code (Sum *sum, const CodeRow *row, bool first)
{
  MfShape code = SHAPE (CODE, .length = row->code);
  if (first)
    object (sum, code);
  else
    beside (sum, 1, code);
  if (!from (sum, 11))
    loaded_bytes (sum, row->code);
  else
    loaded_bytes (sum, row->locals);
  loaded_bytes (sum, row->lines);
  loaded_bytes (sum, row->exceptions);
  beside (sum, 1, SHAPE (TUPLE, .length = row->constants));
  beside (sum, 1, SHAPE (TUPLE, .length = row->names));
  beside (sum, 1, SHAPE (TUPLE, .length = row->locals));
}

// What is no identifier was not interned up to 3.12: the file's name, '<module>', 'A.m'.
static void
loaded (Sum *sum, uint64_t n)
{
  (void) n;
  const char *module = sum->row->id + strlen ("code.load.");
  bool first = true;
  for (guint i = 0; i < code_rows->len; i++) {
    const CodeRow *row = g_ptr_array_index (code_rows, i);
    if (row->minor != (sum->target->version & 0xff) || !g_str_equal (row->module, module))
      continue;
    loaded_code (sum, row, first);
    first = false;
  }
  sum->known = sum->known && !first;
  if (!from (sum, 13))
    beside (sum, 1, TEXT (strlen ("x.py")));
  if (from (sum, 11) && !from (sum, 13))
    beside (sum, 1, TEXT (strlen ("<module>")));
  if (g_str_equal (module, "class") && !from (sum, 13))
    beside (sum, 1, TEXT (strlen ("A.m")));
  if (g_str_equal (module, "ten")) // 1000, 2000, … 9000
    beside (sum, mf_int_cached_until (sum->target) < 1000 ? 9 : 8, SHAPE (INT, .length = 1));
}

// ---- classes

// Names that every class body defines: __module__ and __qualname__; from 3.13 on __firstlineno__
// and
// __static_attributes__, from 3.14 on also __classdictcell__ where functions are. The second and
// the last are taken out again.
static void
class_of (Sum *sum, uint64_t names, uint64_t methods, MfShape shape)
{
  bool cell = methods && from (sum, 14);
  shape.type = MF_PY_CLASS;
  shape.length = 2 + (from (sum, 13) ? 2 : 0) + names + methods + cell;
  shape.dropped = 1 + cell;
  shape.flags |= MF_SHAPE_FREE_LISTS;
  object (sum, shape);
  beside (sum, methods, SHAPE (FUNCTION));
}

static void
class_sample (Sum *sum, uint64_t n)
{
  (void) n;
  const char *id = sum->row->id;
  if (g_str_equal (id, "class.empty"))
    class_of (sum, 0, 0, (MfShape){ .flags = PLAIN });
  else if (g_str_equal (id, "class.slots0"))
    class_of (sum, 1, 0, (MfShape){ 0 });
  else if (g_str_equal (id, "class.init"))
    class_of (sum, 0, 1, (MfShape){ .flags = PLAIN });
  else if (g_str_equal (id, "class.called"))
    class_of (sum, 0, 2, (MfShape){ .flags = PLAIN });
  else if (g_str_equal (id, "class.exc"))
    class_of (sum, 0, 0, (MfShape){ .flags = PLAIN, .base = MF_PY_EXCEPTION, .mro = 4 });
}

static void
class_methods (Sum *sum, uint64_t n)
{
  class_of (sum, 0, n, (MfShape){ .flags = PLAIN });
}

static void
class_attributes (Sum *sum, uint64_t n)
{
  class_of (sum, n, 0, (MfShape){ .flags = PLAIN });
}

static void
class_slots (Sum *sum, uint64_t n)
{
  class_of (sum, 1, 0, (MfShape){ .slots = (uint32_t) n });
}

static void
module (Sum *sum, uint64_t n)
{
  (void) n;
  object (sum, SHAPE (MODULE, .length = g_str_has_suffix (sum->row->id, "attr") ? 8 : 5));
}

// ---- the library's small things

typedef struct {
  const char *id;
  MfPyType type;
  MfPyType beside;
  uint64_t count;
  uint64_t length; // of what is beside
} Pair;

// clang-format off
static const Pair pairs[] = {
  { "range", MF_PY_RANGE, MF_PY_INT, 0, 0 }, { "range.big", MF_PY_RANGE, MF_PY_INT, 1, 16 },
  { "iter.list", MF_PY_LIST_ITERATOR, 0, 0, 0 }, { "iter.tuple", MF_PY_TUPLE_ITERATOR, 0, 0, 0 },
  { "iter.dict", MF_PY_DICT_KEY_ITERATOR, 0, 0, 0 }, { "iter.dict_values", MF_PY_DICT_VALUE_ITERATOR, 0, 0, 0 },
  { "iter.dict_items", MF_PY_DICT_ITEM_ITERATOR, MF_PY_TUPLE, 1, 2 }, { "iter.set", MF_PY_SET_ITERATOR, 0, 0, 0 },
  { "iter.str", MF_PY_STR_ITERATOR, 0, 0, 0 }, { "iter.str_ucs2", MF_PY_STR_ITERATOR, 0, 0, 0 },
  { "iter.bytes", MF_PY_BYTES_ITERATOR, 0, 0, 0 }, { "iter.range", MF_PY_RANGE_ITERATOR, 0, 0, 0 },
  { "iter.range_big", MF_PY_LONGRANGE_ITERATOR, 0, 0, 0 }, { "iter.reversed_list", MF_PY_LIST_REVERSE_ITERATOR, 0, 0, 0 },
  { "iter.callable", MF_PY_CALLABLE_ITERATOR, 0, 0, 0 }, { "builtin.filter", MF_PY_FILTER, MF_PY_LIST_ITERATOR, 1, 0 },
  { "builtin.dict_keys", MF_PY_DICT_KEYS, 0, 0, 0 }, { "builtin.dict_values", MF_PY_DICT_VALUES, 0, 0, 0 },
  { "builtin.dict_items", MF_PY_DICT_ITEMS, 0, 0, 0 }, { "builtin.super", MF_PY_SUPER, 0, 0, 0 },
  { "builtin.count", MF_PY_COUNT, 0, 0, 0 }, { "builtin.islice", MF_PY_ISLICE, MF_PY_LIST_ITERATOR, 1, 0 },
  { "builtin.repeat", MF_PY_REPEAT, 0, 0, 0 }, { "builtin.mappingproxy", MF_PY_MAPPING_PROXY, 0, 0, 0 },
  { "builtin.itemgetter", MF_PY_ITEMGETTER, 0, 0, 0 }, { "builtin.attrgetter", MF_PY_ATTRGETTER, MF_PY_TUPLE, 1, 1 },
  { "slice", MF_PY_SLICE, 0, 0, 0 }, { "method.bound", MF_PY_METHOD, 0, 0, 0 },
  { "method.builtin", MF_PY_BUILTIN_FUNCTION, 0, 0, 0 }, { "method.wrapper", MF_PY_METHOD_WRAPPER, 0, 0, 0 },
  { "cell", MF_PY_CELL, 0, 0, 0 }, { "weakref.cb", MF_PY_WEAKREF, 0, 0, 0 }, { "memoryview.slice", MF_PY_MEMORYVIEW, 0, 0, 0 },
  { "dt.date", MF_PY_DATE, 0, 0, 0 }, { "dt.time", MF_PY_TIME, 0, 0, 0 }, { "dt.datetime", MF_PY_DATETIME, 0, 0, 0 },
  { "dt.timedelta", MF_PY_TIMEDELTA, 0, 0, 0 }, { "dt.timezone", MF_PY_TIMEZONE, 0, 0, 0 },
  { "decimal", MF_PY_DECIMAL, 0, 0, 0 }, { "contextvar", MF_PY_CONTEXT_VAR, 0, 0, 0 }, { "context", MF_PY_CONTEXT, 0, 0, 0 },
  { "random", MF_PY_RANDOM, 0, 0, 0 }, { "simplequeue", MF_PY_SIMPLE_QUEUE, 0, 0, 0 },
  { "lock", MF_PY_LOCK, 0, 0, 0 }, { "rlock", MF_PY_RLOCK, 0, 0, 0 }, { "io.BytesIO", MF_PY_BYTES_IO, 0, 0, 0 },
  { "io.BytesIO100", MF_PY_BYTES_IO, 0, 0, 0 }, { "io.StringIO", MF_PY_STRING_IO, 0, 0, 0 },
  { "typealias", MF_PY_TYPE_ALIAS, MF_PY_FUNCTION, 1, 0 },
};
// clang-format on

// Shapes of one row each that have lengths.
static const struct {
  const char *id;
  MfShape shape;
} shaped[] = {
  { "memoryview", { .type = MF_PY_MEMORYVIEW, .length = 1, .made = MF_MADE_FROM_SIZED } },
  { "memoryview.slice", { .type = MF_PY_MEMORYVIEW, .length = 1 } },
  { "dt.timetz", { .type = MF_PY_TIME, .length = 1 } },
  { "dt.datetimetz", { .type = MF_PY_DATETIME, .length = 1 } },
  { "decimal.big", { .type = MF_PY_DECIMAL, .length = 60 } },
  { "fraction", { .type = MF_PY_INSTANCE, .slots = 2 } },
  { "re.match", { .type = MF_PY_MATCH, .length = 6 } },
  { "re.pattern", { .type = MF_PY_PATTERN, .length = 24 } },
  { "re.pattern2", { .type = MF_PY_PATTERN, .length = 40 } },
  { "struct.<I", { .type = MF_PY_STRUCT, .length = 1, .capacity = 2 } },
  { "struct.<IHB", { .type = MF_PY_STRUCT, .length = 3, .capacity = 4 } },
  { "struct.>4s10f", { .type = MF_PY_STRUCT, .length = 2, .capacity = 6 } },
  { "io.BytesIOw", { .type = MF_PY_BYTES_IO, .length = 100 } },
  { "io.StringIOw", { .type = MF_PY_STRING_IO, .length = 100 } },
};

static void
small_thing (Sum *sum, uint64_t n)
{
  (void) n;
  const char *id = sum->row->id;
  for (gsize i = 0; i < G_N_ELEMENTS (shaped); i++)
    if (g_str_equal (shaped[i].id, id)) {
      object (sum, shaped[i].shape);
      return;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    if (g_str_equal (pairs[i].id, id)) {
      object (sum, (MfShape){ .type = pairs[i].type });
      MfShape other = { .type = pairs[i].beside, .length = pairs[i].length };
      if (other.type == MF_PY_INT) { // the length of a range, as a sum
        other.length = digits (sum, other.length);
        other.capacity = asked_for (sum, MF_INT_ADD, other.length, 1);
        other.made = other.capacity ? MF_MADE_CAPACITY : MF_MADE_EXACT;
      }
      beside (sum, pairs[i].count, other);
    }
  if (g_str_equal (id, "dt.timedelta")
      && from (sum, 14)) // an int of two digits goes to a free list
    beside (sum, 1, SHAPE (INT, .length = 2, .made = MF_MADE_CAPACITY, .capacity = 2));
}

static void
iterators (Sum *sum, uint64_t n)
{
  (void) n;
  const char *id = sum->row->id;
  if (g_str_equal (id, "builtin.enumerate")) {
    object (sum, SHAPE (ENUMERATE));
    beside (sum, 1, SHAPE (LIST_ITERATOR));
    beside (sum, 1, SHAPE (TUPLE, .length = 2));
  } else if (g_str_equal (id, "builtin.zip")) {
    object (sum, SHAPE (ZIP));
    beside (sum, 2, SHAPE (LIST_ITERATOR));
    beside (sum, 2, SHAPE (TUPLE, .length = 2));
  } else if (g_str_equal (id, "builtin.map")) {
    object (sum, SHAPE (MAP));
    beside (sum, 1, SHAPE (LIST_ITERATOR));
    beside (sum, 1, SHAPE (TUPLE, .length = 1));
  } else if (g_str_equal (id, "builtin.chain")) {
    object (sum, SHAPE (CHAIN));
    beside (sum, 1, SHAPE (TUPLE_ITERATOR));
    beside (sum, 1, SHAPE (TUPLE, .length = 2));
  } else if (g_str_equal (id, "builtin.cycle")) {
    object (sum, SHAPE (CYCLE));
    beside (sum, 1, SHAPE (LIST_ITERATOR));
    beside (sum, 1, SHAPE (LIST));
  } else if (g_str_equal (id, "builtin.lru_cache")) {
    // Lib/functools.py: a cache, names of the wrapped, and from 3.9 on cache_parameters
    object (sum, SHAPE (LRU_CACHE));
    beside (sum, 1, SHAPE (DICT));
    beside (sum, 1, SHAPE (DICT, .length = 6));
    if (from (sum, 9)) {
      beside (sum, 1, SHAPE (FUNCTION));
      beside (sum, 1, SHAPE (TUPLE, .length = 2));
      beside (sum, 2, SHAPE (CELL));
    }
  } else
    small_thing (sum, 0);
}

static void
weakref (Sum *sum, uint64_t n)
{
  (void) n;
  if (!g_str_equal (sum->row->id, "weakref.proxy")) {
    small_thing (sum, 0);
    return;
  }
  object (sum, SHAPE (TUPLE, .length = 2));
  beside (sum, 1, SHAPE (INSTANCE, .length = 2, .flags = PLAIN));
  beside (sum, 1, SHAPE (WEAKREF));
}

// struct stat in glibc: of x86-64, powerpc and s390x; the generic one of 64 bits; of 32 bits with
// 64-bit time, and of i386, which kept 32 bits (bits/struct_stat.h).
static uint32_t
stat_size (const Sum *sum)
{
  const char *machine = sum->row->machine;
  bool generic = g_str_has_prefix (machine, "aarch64") || g_str_has_prefix (machine, "riscv64")
                 || g_str_has_prefix (machine, "loongarch64");
  if (sum->target->pointer == 8)
    return generic ? 128 : 144;
  return g_str_has_prefix (machine, "i386") ? 96 : 112;
}

static void
file (Sum *sum, uint64_t n)
{
  (void) n;
  const char *id = sum->row->id;
  MfShape raw = SHAPE (FILE_IO, .item = stat_size (sum));
  uint64_t buffer = from (sum, 14) ? 131072 : 4096;
  if (g_str_equal (id, "io.raw"))
    object (sum, raw);
  else if (g_str_equal (id, "io.bin")) {
    object (sum, SHAPE (BUFFERED_READER, .capacity = buffer));
    beside (sum, 1, raw);
  } else
    small_thing (sum, 0);
}

// ---- threading, in Lib/threading.py

static uint32_t
attributes (const Sum *sum, uint32_t before, uint32_t static_ones)
{
  return from (sum, 14) ? static_ones : before;
}

// Condition (Lock ()): acquire and release are bound methods of the lock; from 3.14 on locked too.
static void
add_condition (Sum *sum)
{
  beside (sum, 1, SHAPE (INSTANCE, .length = attributes (sum, 4, 8), .flags = PLAIN));
  beside (sum, 1, SHAPE (LOCK));
  beside (sum, from (sum, 14) ? 3 : 2, SHAPE (BUILTIN_FUNCTION));
  beside (sum, 1, SHAPE (DEQUE));
}

static void
event (Sum *sum)
{
  beside (sum, 1, SHAPE (INSTANCE, .length = 2, .flags = PLAIN));
  add_condition (sum);
}

// Condition () on an RLock has three methods more. Events came first, so its attributes are not in
// the order of the shared keys, of which there are as many as an Event's Condition has; up to 3.13.
static void
condition (Sum *sum)
{
  bool late = from (sum, 14);
  object (sum, SHAPE (INSTANCE, .length = late ? 8 : 4, .flags = PLAIN));
  if (!late) {
    MfObjectSize *size = sum->size;
    MfShape dict = SHAPE (DICT, .length = 7);
    if (from (sum, 13))
      beside (sum, 1, dict);
    else {
      *size = (MfObjectSize){ 0 };
      object (sum, SHAPE (INSTANCE, .length = 7, .flags = PLAIN | MF_SHAPE_ORDER_LOST));
    }
  }
  beside (sum, 1, SHAPE (RLOCK));
  beside (sum, late ? 6 : 5, SHAPE (BUILTIN_FUNCTION));
  beside (sum, 1, SHAPE (DEQUE));
}

// Emscripten's threads have no native_id.
static uint32_t
thread_attributes (const Sum *sum)
{
  return (from (sum, 14) ? 15 : from (sum, 13) ? 12 : 13) - (sum->row->emscripten ? 1 : 0);
}

// A Thread that was not started: an Event, its name, keyword arguments, a closure over five cells
// that reports exceptions, and a weak reference in _dangling; from 3.13 on a handle.
static void
thread (Sum *sum)
{
  object (sum, SHAPE (INSTANCE, .length = thread_attributes (sum), .flags = PLAIN));
  event (sum);
  beside (sum, 1, TEXT (strlen ("Thread-99")));
  beside (sum, 1, SHAPE (DICT));
  beside (sum, 1, SHAPE (FUNCTION));
  beside (sum, 1, SHAPE (TUPLE, .length = 5));
  beside (sum, 5, SHAPE (CELL));
  beside (sum, 1, SHAPE (WEAKREF));
  if (from (sum, 13)) {
    uint64_t gc = words (sum, sum->target->free_threaded ? 0 : 2);
    block (sum, gc + mf_sizeof (sum->target, "OP"), 1);
    block (sum, mf_sizeof (sum->target, "2P2Q5P"), 1);
  }
}

static void
threading (Sum *sum, uint64_t n)
{
  (void) n;
  const char *id = sum->row->id;
  if (g_str_equal (id, "event")) {
    object (sum, SHAPE (INSTANCE, .length = 2, .flags = PLAIN));
    add_condition (sum);
  } else if (g_str_equal (id, "thread"))
    thread (sum);
  else if (g_str_equal (id, "condition"))
    condition (sum);
  else
    small_thing (sum, 0);
}

// ---- composites

static void
json (Sum *sum, uint64_t n)
{
  static const uint64_t texts[] = { 2, 4, 3 }; // id, name, 'abc'; v and f are single characters
  (void) n;
  object (sum, SHAPE (DICT, .length = 4));
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    beside (sum, 1, SHAPE (STR, .length = texts[i]));
  beside (sum, 1, SHAPE (FLOAT));
  beside (sum, 1, SHAPE (LIST, .length = 3, .made = MF_MADE_APPENDED));
}

static void
composite (Sum *sum, uint64_t n)
{
  const char *id = sum->row->id;
  (void) n;
  if (g_str_equal (id, "int_list1000")) {
    uint64_t old = sum->target->version >= MF_PYTHON_VERSION (3, 15) ? 25 : 0;
    list_from_sized (sum, 1000);
    beside (sum, 1000 - old, SHAPE (INT, .length = 1));
    return;
  }
  list_appended (sum, 10);
  if (g_str_equal (id, "matrix"))
    beside (sum, 10, SHAPE (LIST, .length = 10));
  else {
    beside (sum, 10, SHAPE (FLOAT));
    beside (sum, 10,
        g_str_equal (id, "records.dict") ? SHAPE (DICT, .length = 3) : SHAPE (TUPLE, .length = 3));
  }
}

// def g[T](x: T) -> T: a tuple of one TypeVar, whose dict and weak references stand in front, and
// annotations: a tuple of four; from 3.14 on the TypeVar has inline values, and a function with a
// closure over T makes the annotations.
static void
type_parameters (Sum *sum, uint64_t n)
{
  (void) n;
  if (!g_str_equal (sum->row->id, "genfunc")) {
    small_thing (sum, 0);
    return;
  }
  const char *fields = from (sum, 13) ? "O7P3b" : "O5P3b";
  uint64_t front = words (sum, sum->target->free_threaded ? 2 : 4);
  function (sum, 0);
  beside (sum, 1, SHAPE (TUPLE, .length = 1));
  if (from (sum, 14)) {
    block (sum, front + mf_sizeof (sum->target, fields) + words (sum, 3), 1);
    beside (sum, 1, SHAPE (FUNCTION));
    beside (sum, 1, SHAPE (TUPLE, .length = 1));
    beside (sum, 1, SHAPE (CELL));
    beside (sum, !from (sum, 15), TEXT (strlen ("f.<locals>.g.__annotate__")));
  } else {
    block (sum, front + mf_sizeof (sum->target, fields), 1);
    beside (sum, 1, SHAPE (TUPLE, .length = 4));
  }
}

// t'a{x}b': a Template of two tuples, one of which exists
static void
template_string (Sum *sum, uint64_t n)
{
  (void) n;
  object (sum, SHAPE (TEMPLATE));
  beside (sum, 1, SHAPE (INTERPOLATION));
  beside (sum, 1, SHAPE (TUPLE, .length = 1));
}

typedef struct {
  const char *category;
  void (*expect) (Sum *sum, uint64_t n);
} Expectation;

// clang-format off
static const Expectation expectations[] = {
  { "baseline", nothing_new }, { "object", fixed }, { "float", fixed }, { "complex", fixed }, { "bool", fixed },
  { "int", from_bytes }, { "int.marshal", marshalled }, { "int.add", added }, { "int.sub", subtracted },
  { "int.mul", tripled }, { "int.sq", squared }, { "int.neg", kept }, { "int.and", masked }, { "int.or", masked },
  { "int.shl", shifted }, { "int.shr", halved }, { "int.floordiv", halved }, { "int.mod", remainder_of },
  { "int.fromstr", parsed },
  { "str", text_slice }, { "str.concat", ascii_more }, { "str.join", ascii }, { "str.format", ascii_two_more },
  { "str.fstring", ascii_two_more }, { "str.fstring1", ascii_itself }, { "str.formatmethod", ascii_two_more },
  { "str.repeat", ascii_twice }, { "str.replace", replaced }, { "str.upper", upper }, { "str.strip", ascii },
  { "str.encode", encoded }, { "bytes.decode", decoded }, { "str.split", split }, { "str.marshal", ascii },
  { "str.int", text_sample }, { "str.float", text_sample }, { "str.hex", text_sample }, { "str.repr", text_sample },
  { "str.fmtfloat", text_sample }, { "str.fmtpad", text_sample }, { "str.iadd", text_sample },
  { "str.utf8cache", text_sample },
  { "bytes", bytes_of }, { "bytes.zeros", zeros }, { "bytes.join", bytes_of }, { "bytes.concat", bytes_joined },
  { "bytes.fromlist", bytes_of }, { "bytes.fromiter", bytes_of }, { "bytearray", bytearray_of },
  { "bytearray.frombytes", bytearray_of }, { "bytearray.append", bytearray_appended },
  { "bytearray.iadd", bytearray_extended }, { "bytearray.shrink", bytearray_shrunk },
  { "tuple", tuple_of }, { "tuple.literal", tuple_of }, { "tuple.slice", tuple_of }, { "tuple.fromiter", tuple_iterated },
  { "tuple.frommap", tuple_mapped },
  { "list.repeat", list_exact }, { "list.copy", list_from_sized }, { "list.slice", list_exact },
  { "list.fromrange", list_from_range }, { "list.fromiter", list_from_iterator }, { "list.fromtuple", list_from_sized },
  { "list.fromdict", list_from_dict }, { "list.extend", list_extended }, { "list.extend1", list_extended_by },
  { "list.add", list_added }, { "list.sorted", list_extended }, { "list.comp", list_appended },
  { "list.compfilter", list_filtered }, { "list.literal", list_display }, { "list.literal_const", list_constants },
  { "list.star", list_extended }, { "list.append", list_appended }, { "list.shrink", list_shrunk },
  { "list.insert", list_inserted },
  { "dict.insert_int", dict_appended }, { "dict.insert_str", dict_appended }, { "dict.literal_str", dict_appended },
  { "dict.literal_int", dict_appended }, { "dict.literal_var", dict_appended }, { "dict.call", dict_called_by_name },
  { "dict.comp_int", dict_appended }, { "dict.comp_str", dict_appended }, { "dict.fromkeys_list", dict_called },
  { "dict.zip", dict_called }, { "dict.copy_int", dict_appended }, { "dict.copy_str", dict_appended },
  { "dict.dict_int", dict_called }, { "dict.dict_str", dict_called }, { "dict.star", dict_appended },
  { "dict.shrink", dict_shrunk }, { "dict.churn", dict_churned }, { "dict.mixed", dict_mixed },
  { "dict.update", dict_updated },
  { "set.add_int", set_added }, { "set.add_str", set_added }, { "set.fromlist", set_added }, { "set.comp", set_added },
  { "set.literal", set_added }, { "set.literal_const", set_constants }, { "set.copy", set_merged }, { "set.or", set_merged },
  { "set.shrink", set_cleared }, { "frozenset.fromlist", frozen }, { "OrderedDict", ordered },
  { "defaultdict", with_default }, { "Counter", counter }, { "array", array_of }, { "array.append", array_of },
  { "array.frombytes", array_of_bytes }, { "array.repeat", array_repeated }, { "deque", deque_of },
  { "instance", instance }, { "instance.mat", instance_read }, { "instance.late", instance_late },
  { "instance.nth", instance_nth }, { "instance.inherit", instance_inherited }, { "instance.slots", slotted },
  { "instance.slots_weakref", slotted_weakly }, { "instance.slots_dict", slotted_with_dict },
  { "instance.sub_object", derived }, { "instance.sub_list", derived }, { "instance.sub_dict", derived },
  { "instance.sub_tuple", derived }, { "instance.sub_int", derived }, { "instance.sub_str", derived },
  { "instance.sub_Exception", derived }, { "instance.sub_set", derived }, { "instance.sub_float", derived },
  { "instance.sub_bytes", derived }, { "instance.subslots", derived_slotted }, { "instance.subpass", derived_passing },
  { "instance.delattr", attribute_deleted }, { "instance.dictassign", dict_assigned },
  { "instance.weakref", weakly_referenced }, { "namedtuple", named_tuple }, { "dataclass", instance },
  { "dataclass.slots", slotted }, { "dataclass.frozen", instance }, { "simplenamespace", namespace_of },
  { "function", function }, { "function.defaults", function }, { "function.defaults_var", with_tuple },
  { "function.kwdefaults", with_dict }, { "function.annotations", with_annotations }, { "function.closure", with_closure },
  { "function.attr", with_dict }, { "partial", partial }, { "property", property }, { "staticmethod", wrapper },
  { "classmethod", wrapper }, { "generator", generator }, { "generator.started", generator },
  { "coroutine", generator }, { "async_generator", generator }, { "genexp", generator_expression }, { "frame", frame },
  { "exception", exception }, { "exception.raised", exception }, { "code.load", loaded },
  { "class", class_sample }, { "class.methods", class_methods }, { "class.attrs", class_attributes },
  { "class.slots", class_slots }, { "module", module },
  { "method", small_thing }, { "builtin_method", small_thing }, { "method-wrapper", small_thing }, { "cell", small_thing },
  { "slice", small_thing }, { "range", small_thing }, { "iterator", small_thing }, { "builtin", iterators },
  { "memoryview", small_thing }, { "weakref", weakref }, { "datetime", small_thing }, { "decimal", small_thing },
  { "fraction", small_thing }, { "re", small_thing }, { "struct", small_thing }, { "io", file },
  { "threading", threading }, { "contextvars", small_thing }, { "queue", small_thing }, { "random", small_thing },
  { "json", json }, { "composite", composite }, { "pep695", type_parameters }, { "tstring", template_string },
};
// clang-format on

bool
mf_expect_row (const MfTarget *target, const MfMeasuredRow *row, MfObjectSize *size)
{
  *size = (MfObjectSize){ 0 };
  Sum sum = { .target = target, .row = row, .size = size, .known = true };
  for (gsize i = 0; i < G_N_ELEMENTS (expectations); i++)
    if (g_str_equal (expectations[i].category, row->category))
      expectations[i].expect (&sum, row->n);
  return sum.known && size->getsizeof;
}
