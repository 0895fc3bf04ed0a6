// SPDX-License-Identifier: Apache-2.0
// Objects as CPython's marshal writes them (Python/marshal.c, formats 2 to 6), read without
// recursion: what is open stands on a stack of its own, and nothing is allocated before its bytes
// are there.
#include "marshal.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLAG_REF = 0x80, NO_REFERENCE = -1 };
enum { LONG_DIGIT_MAX = 0x7fff };
enum { UNCOUNTED = UINT32_MAX };

typedef struct {
  MfPyValue *value;
  MfPyCode *code;           // that is being read, or NULL
  const MfCodeField *field; // of it: the next one
  uint32_t first;           // of its items among the values
  uint32_t left;            // items to come; UNCOUNTED = until a null
  int64_t reference;        // its number, or NO_REFERENCE
} Open;

typedef struct MfType MfType;
typedef const MfPyValue *(*ReadObject) (MfMarshal *m, const MfType *type, bool flagged);

// How a type code is read. `read` returns the object, or NULL: it was opened, or m->error says why
// not.
struct MfType {
  ReadObject read;
  uint8_t kind, flags; // of the value
  uint8_t size;        // bytes of a length or count before the contents
  uint16_t since;      // version that brought it
};

// ---- where in the file we are, for people

static Open *
innermost (const MfMarshal *m)
{
  return m->open.n ? (Open *) m->open.items + m->open.n - 1 : NULL;
}

static uint32_t
items_so_far (const MfMarshal *m, uint32_t level)
{
  const Open *open = m->open.items;
  uint32_t next = level + 1 < m->open.n ? open[level + 1].first : m->values.n;
  return next - open[level].first;
}

// "constant 12", "bytecode", "object": what stands here, as its code object calls it.
static void
name_place (const MfMarshal *m, char *text, size_t room)
{
  const Open *open = m->open.items;
  uint32_t level = m->open.n;
  while (level && !open[level - 1].code)
    level--;
  const MfCodeField *field = level ? open[level - 1].field : NULL;
  if (field && field->name && field->items && level < m->open.n)
    snprintf (text, room, "%s %u", field->items, items_so_far (m, level));
  else
    snprintf (text, room, "%s", field && field->name ? field->name : "object");
}

// Fails with "PLACE at offset 0x… " before the rest.
static const MfPyValue *refuse (MfMarshal *m, size_t offset, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

static const MfPyValue *
refuse (MfMarshal *m, size_t offset, const char *format, ...)
{
  char place[64], rest[160];
  va_list arguments;
  va_start (arguments, format);
  vsnprintf (rest, sizeof rest, format, arguments);
  va_end (arguments);
  name_place (m, place, sizeof place);
  mf_code_fail (m->error, offset, "%s at offset 0x%zx %s", place, offset, rest);
  return NULL;
}

static const MfPyValue *
refuse_memory (MfMarshal *m)
{
  mf_code_fail (m->error, m->at,
      "it needs more than the %zu bytes of memory that a module may have (at offset 0x%zx)",
      m->arena->from.limit, m->at);
  return NULL;
}

// ---- bytes

static size_t
left (const MfMarshal *m)
{
  return m->n - m->at;
}

// The next n bytes; NULL = cut off.
static const uint8_t *
take (MfMarshal *m, size_t n)
{
  if (n > left (m)) {
    refuse (m, m->at, "is cut off: %zu %s expected, %zu left", n, n == 1 ? "byte is" : "bytes are",
        left (m));
    return NULL;
  }
  m->at += n;
  return m->bytes + m->at - n;
}

// A length or count of 1 or 4 bytes; -1 = refused.
static int64_t
take_size (MfMarshal *m, const MfType *type)
{
  size_t from = m->at;
  const uint8_t *at = take (m, type->size);
  if (!at)
    return -1;
  uint32_t size = type->size == 1 ? at[0] : mf_code_u32 (at);
  if (size <= INT32_MAX)
    return size;
  refuse (m, from, "has a size of %d", (int32_t) size);
  return -1;
}

// ---- references, numbered in the order in which flagged objects begin

static bool
push (MfMarshal *m, MfVector *vector, const void *item)
{
  if (!mf_vector_grow (m->arena, vector, sizeof (void *)))
    return refuse_memory (m);
  ((const void **) vector->items)[vector->n++] = item;
  return true;
}

static MfPyValue *
new_value (MfMarshal *m, const MfType *type, size_t offset)
{
  MfPyValue *value = mf_arena_take (m->arena, sizeof *value);
  if (!value) {
    refuse_memory (m);
    return NULL;
  }
  *value = (MfPyValue){
    .kind = type->kind, .flags = type->flags, .number = m->n_values++, .offset = (uint32_t) offset
  };
  return value;
}

static const MfPyValue *
keep (MfMarshal *m, MfPyValue *value, bool flagged)
{
  value->flags |= flagged ? MF_PY_NUMBERED : 0;
  return !flagged || push (m, &m->references, value) ? value : NULL;
}

static const MfPyValue *
read_reference (MfMarshal *m, const MfType *type __attribute__ ((unused)),
    bool flagged __attribute__ ((unused)))
{
  size_t from = m->at - 1;
  const uint8_t *at = take (m, 4);
  if (!at)
    return NULL;
  uint32_t index = mf_code_u32 (at);
  if (index >= m->references.n)
    return refuse (m, from, "refers to object %u, but only %u exist", index, m->references.n);
  MfPyValue *value = ((MfPyValue **) m->references.items)[index];
  if (!value)
    return refuse (m, from, "refers to object %u, which contains it", index);
  value->flags |= MF_PY_SHARED;
  return value;
}

// ---- leaves

static const MfPyValue singletons[] = {
  { .kind = MF_CONST_NONE, .number = 0 },
  { .kind = MF_CONST_FALSE, .number = 1 },
  { .kind = MF_CONST_TRUE, .number = 2 },
  { .kind = MF_CONST_ELLIPSIS, .number = 3 },
  { .kind = MF_CONST_STOP_ITERATION, .number = 4 },
};
enum { N_SINGLETONS = sizeof singletons / sizeof singletons[0] };

static const MfPyValue *
read_singleton (MfMarshal *m __attribute__ ((unused)), const MfType *type,
    bool flagged __attribute__ ((unused)))
{
  return &singletons[type->kind];
}

static const MfPyValue *
read_int (MfMarshal *m, const MfType *type, bool flagged)
{
  size_t from = m->at - 1;
  const uint8_t *at = take (m, type->size);
  MfPyValue *value = at ? new_value (m, type, from) : NULL;
  if (!value)
    return NULL;
  value->integer = type->size == 8 ? (int64_t) mf_code_u64 (at) : (int32_t) mf_code_u32 (at);
  return keep (m, value, flagged);
}

static bool
check_digits (MfMarshal *m, size_t offset, const uint8_t *digits, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    if (mf_code_u16 (digits + 2 * (size_t) i) > LONG_DIGIT_MAX)
      return refuse (m, offset, "is an integer with a digit beyond its base");
  if (n && !mf_code_u16 (digits + 2 * (size_t) (n - 1)))
    return refuse (m, offset, "is an integer with a leading zero");
  return true;
}

// Up to four digits are a number of 60 bits.
static void
set_digits (MfPyValue *value, const uint8_t *digits, uint32_t n, bool negative)
{
  enum { DIGIT_BITS = 15, SMALL = 4 };
  if (n > SMALL) {
    value->n = n;
    value->digits = digits;
    value->flags |= negative ? MF_PY_NEGATIVE : 0;
    return;
  }
  int64_t number = 0;
  for (uint32_t i = n; i-- > 0;)
    number = number << DIGIT_BITS | mf_code_u16 (digits + 2 * (size_t) i);
  value->kind = MF_CONST_INT;
  value->integer = negative ? -number : number;
}

static const MfPyValue *
read_long (MfMarshal *m, const MfType *type, bool flagged)
{
  size_t from = m->at - 1;
  const uint8_t *at = take (m, type->size);
  if (!at)
    return NULL;
  bool negative = mf_code_u32 (at) > INT32_MAX;
  uint32_t n = negative ? 0u - mf_code_u32 (at) : mf_code_u32 (at);
  if (n > INT32_MAX)
    return refuse (m, from, "has a size of -2147483648");
  const uint8_t *digits = take (m, 2 * (size_t) n);
  if (!digits || !check_digits (m, from, digits, n))
    return NULL;
  MfPyValue *value = new_value (m, type, from);
  if (!value)
    return NULL;
  set_digits (value, digits, n, negative);
  return keep (m, value, flagged);
}

static double
real_at (const uint8_t *at)
{
  uint64_t bits = mf_code_u64 (at);
  double real;
  _Static_assert(sizeof real == sizeof bits, "IEEE 754 numbers of 64 bits");
  memcpy (&real, &bits, sizeof real);
  return real;
}

static const MfPyValue *
read_float (MfMarshal *m, const MfType *type, bool flagged)
{
  size_t from = m->at - 1;
  const uint8_t *at = take (m, type->size);
  MfPyValue *value = at ? new_value (m, type, from) : NULL;
  if (!value)
    return NULL;
  value->complex.real = real_at (at);
  if (type->kind == MF_CONST_COMPLEX)
    value->complex.imaginary = real_at (at + 8);
  return keep (m, value, flagged);
}

// Decimal text of formats 0 and 1: the length, then the digits.
static bool
take_decimal (MfMarshal *m, double *real)
{
  char text[256];
  size_t from = m->at;
  const uint8_t *size = take (m, 1), *at = size ? take (m, *size) : NULL;
  if (!at)
    return false;
  memcpy (text, at, *size);
  text[*size] = 0;
  locale_t plain = newlocale (LC_ALL_MASK, "C", (locale_t) 0);
  char *end;
  if (!plain)
    return refuse_memory (m);
  *real = strtod_l (text, &end, plain);
  freelocale (plain);
  return (*size && end == text + *size) || refuse (m, from, "is not a number");
}

static const MfPyValue *
read_decimal (MfMarshal *m, const MfType *type, bool flagged)
{
  size_t from = m->at - 1;
  double real, imaginary = 0;
  if (!take_decimal (m, &real) || (type->kind == MF_CONST_COMPLEX && !take_decimal (m, &imaginary)))
    return NULL;
  MfPyValue *value = new_value (m, type, from);
  if (!value)
    return NULL;
  value->complex.real = real;
  value->complex.imaginary = imaginary;
  return keep (m, value, flagged);
}

// Bytes of the character that begins here, 0 = none does. Surrogates pass, as in CPython.
static uint32_t
character (const uint8_t *at, uint32_t n)
{
  static const struct {
    uint8_t mask, lead, size;
    uint32_t least;
  } forms[] = { { 0x80, 0, 1, 0 }, { 0xe0, 0xc0, 2, 0x80 }, { 0xf0, 0xe0, 3, 0x800 },
    { 0xf8, 0xf0, 4, 0x10000 } };
  for (uint32_t i = 0; i < 4; i++) {
    if ((at[0] & forms[i].mask) != forms[i].lead)
      continue;
    uint32_t code = at[0] & (uint8_t) ~forms[i].mask, size = forms[i].size;
    if (size > n)
      return 0;
    for (uint32_t k = 1; k < size; k++) {
      if ((at[k] & 0xc0) != 0x80)
        return 0;
      code = code << 6 | (at[k] & 0x3f);
    }
    return code >= forms[i].least && code <= 0x10ffff ? size : 0;
  }
  return 0;
}

static bool
check_utf8 (MfMarshal *m, size_t offset, const uint8_t *bytes, uint32_t n)
{
  for (uint32_t i = 0, size; i < n; i += size) {
    size = character (bytes + i, n - i);
    if (!size)
      return refuse (m, offset, "is not text: byte %u of it is no UTF-8", i);
  }
  return true;
}

static const MfPyValue *
read_bytes (MfMarshal *m, const MfType *type, bool flagged)
{
  size_t from = m->at - 1;
  int64_t n = take_size (m, type);
  const uint8_t *bytes = n < 0 ? NULL : take (m, (size_t) n);
  if (!bytes)
    return NULL;
  bool utf8 = type->kind == MF_CONST_TEXT && !(type->flags & MF_PY_LATIN1);
  if (utf8 && !check_utf8 (m, from, bytes, (uint32_t) n))
    return NULL;
  MfPyValue *value = new_value (m, type, from);
  if (!value)
    return NULL;
  value->n = (uint32_t) n;
  value->bytes = bytes;
  return keep (m, value, flagged);
}

// ---- containers

static Open *
open_container (MfMarshal *m, const MfType *type, bool flagged, uint32_t items)
{
  size_t offset = m->at - 1 - type->size;
  if (m->open.n >= MF_CODE_DEPTH) {
    refuse (m, offset, "is nested more than %d deep", MF_CODE_DEPTH);
    return NULL;
  }
  if (!mf_vector_grow (m->arena, &m->open, sizeof (Open))) {
    refuse_memory (m);
    return NULL;
  }
  MfPyValue *value = new_value (m, type, offset);
  if (!value || (flagged && !push (m, &m->references, NULL)))
    return NULL;
  Open *open = (Open *) m->open.items + m->open.n++;
  *open = (Open){ .value = value,
    .first = m->values.n,
    .left = items,
    .reference = flagged ? (int64_t) m->references.n - 1 : NO_REFERENCE };
  return open;
}

// An item has at least one byte: a count beyond what is left is refused at once.
static const MfPyValue *
read_container (MfMarshal *m, const MfType *type, bool flagged)
{
  size_t from = m->at - 1;
  int64_t items = type->size ? take_size (m, type) : type->kind == MF_CONST_SLICE ? 3 : UNCOUNTED;
  if (items < 0)
    return NULL;
  if (items != UNCOUNTED && (uint64_t) items > left (m))
    return refuse (
        m, from, "has %u items, but only %zu bytes are left", (uint32_t) items, left (m));
  open_container (m, type, flagged, (uint32_t) items);
  return NULL;
}

static const MfPyCode *
outer_code (const MfMarshal *m)
{
  const Open *open = m->open.items;
  for (uint32_t level = m->open.n; level-- > 0;)
    if (open[level].code)
      return open[level].code;
  return NULL;
}

static const MfPyValue *
read_code (MfMarshal *m, const MfType *type, bool flagged)
{
  MfPyCode *code = mf_arena_take (m->arena, sizeof *code);
  if (!code)
    return refuse_memory (m);
  memset (code, 0, sizeof *code);
  code->module = m->module;
  code->parent = outer_code (m);
  code->offset = (uint32_t) (m->at - 1);
  code->number = m->codes.n;
  Open *open = push (m, &m->codes, code) ? open_container (m, type, flagged, 0) : NULL;
  if (!open)
    return NULL;
  open->code = code;
  open->value->code = code;
  open->field = mf_code_fields (m->version);
  return NULL;
}

// ---- type codes

// clang-format off
static const MfType types[FLAG_REF] = {
  ['N'] = { read_singleton, MF_CONST_NONE },
  ['F'] = { read_singleton, MF_CONST_FALSE },
  ['T'] = { read_singleton, MF_CONST_TRUE },
  ['.'] = { read_singleton, MF_CONST_ELLIPSIS },
  ['S'] = { read_singleton, MF_CONST_STOP_ITERATION },
  ['i'] = { read_int, MF_CONST_INT, 0, 4 },
  ['I'] = { read_int, MF_CONST_INT, 0, 8 },
  ['l'] = { read_long, MF_CONST_LONG, 0, 4 },
  ['g'] = { read_float, MF_CONST_FLOAT, 0, 8 },
  ['y'] = { read_float, MF_CONST_COMPLEX, 0, 16 },
  ['f'] = { read_decimal, MF_CONST_FLOAT },
  ['x'] = { read_decimal, MF_CONST_COMPLEX },
  ['s'] = { read_bytes, MF_CONST_BYTES, 0, 4 },
  ['u'] = { read_bytes, MF_CONST_TEXT, 0, 4 },
  ['t'] = { read_bytes, MF_CONST_TEXT, MF_PY_INTERNED, 4 },
  ['a'] = { read_bytes, MF_CONST_TEXT, MF_PY_LATIN1, 4 },
  ['A'] = { read_bytes, MF_CONST_TEXT, MF_PY_LATIN1 | MF_PY_INTERNED, 4 },
  ['z'] = { read_bytes, MF_CONST_TEXT, MF_PY_LATIN1, 1 },
  ['Z'] = { read_bytes, MF_CONST_TEXT, MF_PY_LATIN1 | MF_PY_INTERNED, 1 },
  ['('] = { read_container, MF_CONST_TUPLE, 0, 4 },
  [')'] = { read_container, MF_CONST_TUPLE, 0, 1 },
  ['['] = { read_container, MF_CONST_LIST, 0, 4 },
  ['<'] = { read_container, MF_CONST_SET, 0, 4 },
  ['>'] = { read_container, MF_CONST_FROZENSET, 0, 4 },
  ['{'] = { read_container, MF_CONST_DICT },
  ['}'] = { read_container, MF_CONST_FROZENDICT, .since = 0x030f },
  [':'] = { read_container, MF_CONST_SLICE, .since = 0x030e },
  ['c'] = { read_code, MF_CONST_CODE },
  ['r'] = { read_reference },
};
// clang-format on

static const MfPyValue *
refuse_type (MfMarshal *m, uint8_t code)
{
  size_t offset = m->at - 1;
  if (code == '0')
    return refuse (m, offset, "is missing: a null stands in its place");
  if (types[code].since)
    return refuse (
        m, offset, "is of type '%c', which Python 3.%u does not have", code, m->version & 255u);
  return refuse (m, offset, "has the unknown type 0x%02x", code);
}

// ---- putting objects together

static const MfPyValue *
close_container (MfMarshal *m)
{
  Open open = *innermost (m);
  uint32_t n = m->values.n - open.first;
  const MfPyValue **items = NULL;
  if (n) {
    items = mf_arena_take (m->arena, n * sizeof *items);
    if (!items)
      return refuse_memory (m);
    memcpy (items, (const MfPyValue **) m->values.items + open.first, n * sizeof *items);
  }
  if (!open.code) {
    open.value->n = n;
    open.value->items = items;
  }
  m->values.n = open.first;
  m->open.n--;
  if (open.reference != NO_REFERENCE)
    ((MfPyValue **) m->references.items)[open.reference] = open.value;
  return open.value;
}

static bool
are_texts (const MfPyValue *tuple)
{
  if (tuple->kind != MF_CONST_TUPLE)
    return false;
  for (uint32_t i = 0; i < tuple->n; i++)
    if (tuple->items[i]->kind != MF_CONST_TEXT)
      return false;
  return true;
}

static bool
fits_field (const MfPyValue *value, uint8_t kind)
{
  static const uint8_t kinds[] = { [MF_FIELD_BYTES] = MF_CONST_BYTES,
    [MF_FIELD_TEXT] = MF_CONST_TEXT,
    [MF_FIELD_TUPLE] = MF_CONST_TUPLE };
  return kind == MF_FIELD_TEXTS ? are_texts (value) : value->kind == kinds[kind];
}

static bool
set_field (MfMarshal *m, Open *open, const MfPyValue *value)
{
  static const char *const wanted[] = { [MF_FIELD_BYTES] = "bytes",
    [MF_FIELD_TEXT] = "text",
    [MF_FIELD_TEXTS] = "a tuple of texts",
    [MF_FIELD_TUPLE] = "a tuple" };
  const MfCodeField *field = open->field;
  if (!fits_field (value, field->kind))
    return refuse (m, value->offset ? value->offset : m->at - 1, "is of type %s, not %s",
        mf_py_kind_name (value->kind), wanted[field->kind]);
  *(const MfPyValue **) ((char *) open->code + field->offset) = value;
  open->field++;
  return true;
}

// Reads the numbers of a code object up to its next object. False = refused.
static bool
read_numbers (MfMarshal *m, Open *open)
{
  for (; open->field->name && open->field->kind == MF_FIELD_INT; open->field++) {
    const uint8_t *at = take (m, 4);
    if (!at)
      return false;
    *(uint32_t *) ((char *) open->code + open->field->offset) = mf_code_u32 (at);
  }
  return open->field->name || mf_code_check (open->code, m->error);
}

static bool
is_complete (MfMarshal *m, const Open *open)
{
  if (open->code)
    return !open->field->name;
  if (open->left != UNCOUNTED)
    return !open->left;
  bool ends = !(items_so_far (m, m->open.n - 1) & 1) && m->at < m->n
              && (m->bytes[m->at] & ~FLAG_REF) == '0';
  m->at += ends;
  return ends;
}

// Hands an object to the container that is open, or to the caller when none is.
static bool
deliver (MfMarshal *m, const MfPyValue *value, const MfPyValue **object)
{
  Open *open = innermost (m);
  if (!open)
    *object = value;
  else if (open->code)
    return set_field (m, open, value);
  else if (!push (m, &m->values, value))
    return false;
  else if (open->left != UNCOUNTED)
    open->left--;
  return true;
}

// Closes what is complete, from the innermost outwards. False = refused.
static bool
settle (MfMarshal *m, const MfPyValue **object)
{
  for (Open *open; (open = innermost (m));) {
    if (open->code && !read_numbers (m, open))
      return false;
    if (!is_complete (m, open))
      return true;
    const MfPyValue *closed = close_container (m);
    if (!closed || !deliver (m, closed, object))
      return false;
  }
  return true;
}

// One type code and what belongs to it. False = refused.
static bool
read_next (MfMarshal *m, const MfPyValue **object)
{
  const uint8_t *at = take (m, 1);
  if (!at)
    return false;
  const MfType *type = &types[*at & ~FLAG_REF];
  if (!type->read || type->since > m->version)
    return refuse_type (m, *at & ~FLAG_REF);
  uint32_t open = m->open.n;
  const MfPyValue *leaf = type->read (m, type, *at & FLAG_REF);
  bool fine = leaf ? deliver (m, leaf, object) : m->open.n > open;
  return fine && settle (m, object);
}

const MfPyValue *
mf_marshal_read (MfMarshal *m)
{
  const MfPyValue *object = NULL;
  m->n_values = N_SINGLETONS;
  while (!object)
    if (!read_next (m, &object))
      return NULL;
  return object;
}

void
mf_marshal_end (MfMarshal *m)
{
  mf_vector_free (m->arena, &m->references, sizeof (void *));
  mf_vector_free (m->arena, &m->values, sizeof (void *));
  mf_vector_free (m->arena, &m->open, sizeof (Open));
  mf_vector_free (m->arena, &m->codes, sizeof (void *));
}
