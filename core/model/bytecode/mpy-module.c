// SPDX-License-Identifier: Apache-2.0
// Names, constants and functions of a .mpy as typed constants and code objects.
#include "bytecode/mpy-module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIMIZED = 1, VARARGS = 4, VARKEYWORDS = 8, GENERATOR = 0x20 }; // co_flags
enum { SINGLETONS = 3 }; // None, False, True begin the constants

// Where the parts of `consts` begin: names, functions, and the objects of each function, which all
// functions share since version 6.
typedef struct {
  MfPyModule module; // first: what the caller holds
  uint32_t names, codes;
  uint32_t *objects; // by function
} Held;

typedef struct {
  const MfMpyModule *from;
  MfArena *arena;
  Held *held;
  const MfPyValue **consts;
  uint32_t n_consts, n_values;
  MfPyValue *texts; // of the names
  const MfPyValue *nothing, *empty;
} Making;

static const Held *
held_of (const MfPyCode *code)
{
  return (const Held *) code->module;
}

uint32_t
mf_mpy_const_name (const MfPyCode *code, uint32_t name)
{
  return held_of (code)->names + name;
}

uint32_t
mf_mpy_const_child (const MfPyCode *code, uint32_t child)
{
  return held_of (code)->codes + code->mpy->children[child]->number;
}

uint32_t
mf_mpy_const_object (const MfPyCode *code, uint32_t object)
{
  return held_of (code)->objects[code->number] + object;
}

// ---- values

static MfPyValue *
take_values (Making *m, size_t n)
{
  MfPyValue *values = mf_arena_take (m->arena, (n + 1) * sizeof *values);
  if (!values || n > UINT32_MAX - m->n_values)
    return NULL;
  memset (values, 0, n * sizeof *values);
  for (size_t i = 0; i < n; i++)
    values[i].number = m->n_values++;
  return values;
}

static MfPyValue *
take_value (Making *m, MfPyKind kind)
{
  MfPyValue *value = take_values (m, 1);
  if (value)
    value->kind = (uint8_t) kind;
  return value;
}

static MfPyValue *
take_text (Making *m, const uint8_t *bytes, uint32_t n)
{
  MfPyValue *text = take_value (m, MF_CONST_TEXT);
  if (text) {
    text->bytes = bytes;
    text->n = n;
  }
  return text;
}

static MfPyValue *
take_tuple (Making *m, const MfPyValue *const *items, uint32_t n)
{
  MfPyValue *tuple = take_value (m, MF_CONST_TUPLE);
  if (tuple) {
    tuple->items = items;
    tuple->n = n;
  }
  return tuple;
}

// ---- numbers, which stand there as decimal text

static bool
set_small (MfPyValue *value, const char *text)
{
  char *end;
  value->kind = MF_CONST_INT;
  value->integer = strtoll (text, &end, 10);
  return !*end && value->integer != INT64_MAX && value->integer != INT64_MIN;
}

// Digits of 15 bits, the lowest first.
static bool
set_long (Making *m, MfPyValue *value, const uint8_t *text, uint32_t n)
{
  enum { DIGIT_BITS = 15, DIGIT_MASK = 0x7fff, BITS_OF_DECIMAL = 4, MOST = 10000 };
  n = n < MOST ? n : MOST;
  uint32_t room = n * BITS_OF_DECIMAL / DIGIT_BITS + 1, used = 0;
  uint8_t *digits = mf_arena_take (m->arena, 2 * (size_t) room);
  if (!digits)
    return false;
  for (uint32_t i = 0; i < n; i++) {
    if (text[i] < '0' || text[i] > '9')
      continue;
    uint32_t carry = text[i] - '0';
    for (uint32_t k = 0; k < used; k++) {
      carry += (uint32_t) (digits[2 * k] | digits[2 * k + 1] << 8) * 10;
      digits[2 * k] = (uint8_t) carry;
      digits[2 * k + 1] = (uint8_t) ((carry & DIGIT_MASK) >> 8);
      carry >>= DIGIT_BITS;
    }
    if (carry && used < room) {
      digits[2 * used] = (uint8_t) carry;
      digits[2 * used++ + 1] = (uint8_t) (carry >> 8);
    }
  }
  *value = (MfPyValue){ .kind = used ? MF_CONST_LONG : MF_CONST_INT,
    .number = value->number,
    .flags = n && text[0] == '-' ? MF_PY_NEGATIVE : 0,
    .n = used };
  if (used)
    value->digits = digits;
  return true;
}

static bool
set_number (Making *m, MfPyValue *value, const MfMpyObject *object)
{
  char text[64];
  uint32_t n = object->n < sizeof text - 1 ? object->n : sizeof text - 1;
  memcpy (text, object->bytes, n);
  text[n] = 0;
  if (object->kind == MF_MPY_INT)
    return (n == object->n && set_small (value, text))
           || set_long (m, value, object->bytes, object->n);
  value->kind = object->kind == MF_MPY_FLOAT ? MF_CONST_FLOAT : MF_CONST_COMPLEX;
  value->real = strtod (text, NULL);
  return true;
}

// ---- objects

static bool set_object (Making *m, MfPyValue *value, const MfMpyObject *object);

static bool
set_tuple (Making *m, MfPyValue *value, const MfMpyObject *object)
{
  MfPyValue *items = take_values (m, object->n);
  const MfPyValue **pointers = mf_arena_take (m->arena, (object->n + 1ull) * sizeof *pointers);
  if (!items || !pointers)
    return false;
  value->kind = MF_CONST_TUPLE;
  value->n = object->n;
  value->items = pointers;
  for (uint32_t i = 0; i < object->n; i++) {
    pointers[i] = &items[i];
    if (!set_object (m, &items[i], &object->items[i]))
      return false;
  }
  return true;
}

static bool
set_object (Making *m, MfPyValue *value, const MfMpyObject *object)
{
  static const uint8_t kinds[MF_MPY_N_OBJECTS] = { [MF_MPY_FUN_TABLE] = MF_CONST_NONE,
    [MF_MPY_NONE] = MF_CONST_NONE,
    [MF_MPY_FALSE] = MF_CONST_FALSE,
    [MF_MPY_TRUE] = MF_CONST_TRUE,
    [MF_MPY_ELLIPSIS] = MF_CONST_ELLIPSIS,
    [MF_MPY_STR] = MF_CONST_TEXT,
    [MF_MPY_BYTES] = MF_CONST_BYTES };
  value->offset = object->offset;
  if (object->kind == MF_MPY_TUPLE)
    return set_tuple (m, value, object);
  if (object->kind > MF_MPY_BYTES)
    return set_number (m, value, object);
  value->kind = kinds[object->kind];
  if (object->kind >= MF_MPY_STR) {
    value->bytes = object->bytes;
    value->n = object->n;
  }
  return true;
}

// ---- constants

static bool
add_objects (Making *m, const MfMpyCode *code)
{
  MfPyValue *values = take_values (m, code->n_objects);
  m->held->objects[code->number] = m->n_consts;
  for (uint32_t i = 0; values && i < code->n_objects; i++) {
    if (!set_object (m, &values[i], &code->objects[i]))
      return false;
    m->consts[m->n_consts++] = &values[i];
  }
  return values;
}

static bool
share_objects (const MfMpyModule *module)
{
  return module->header.version >= 6;
}

static bool
add_all_objects (Making *m)
{
  for (uint32_t i = 0; i < m->from->n_codes; i++) {
    if (i && share_objects (m->from))
      m->held->objects[i] = m->held->objects[0];
    else if (!add_objects (m, m->from->codes[i]))
      return false;
  }
  return true;
}

static bool
add_singletons (Making *m)
{
  static const uint8_t kinds[SINGLETONS] = { MF_CONST_NONE, MF_CONST_FALSE, MF_CONST_TRUE };
  MfPyValue *values = take_values (m, SINGLETONS);
  for (uint32_t i = 0; values && i < SINGLETONS; i++) {
    values[i].kind = kinds[i];
    m->consts[m->n_consts++] = &values[i];
  }
  return values;
}

static bool
add_names (Making *m)
{
  m->texts = take_values (m, m->from->n_names);
  m->held->names = m->n_consts;
  for (uint32_t i = 0; m->texts && i < m->from->n_names; i++) {
    m->texts[i] = (MfPyValue){ .kind = MF_CONST_TEXT,
      .flags = MF_PY_INTERNED,
      .number = m->texts[i].number,
      .offset = m->from->names[i].offset,
      .n = m->from->names[i].n };
    m->texts[i].bytes = m->from->names[i].bytes;
    m->consts[m->n_consts++] = &m->texts[i];
  }
  return m->texts;
}

static bool
add_codes (Making *m, MfPyCode *codes)
{
  MfPyValue *values = take_values (m, m->from->n_codes);
  m->held->codes = m->n_consts;
  for (uint32_t i = 0; values && i < m->from->n_codes; i++) {
    values[i].kind = MF_CONST_CODE;
    values[i].code = &codes[i];
    m->consts[m->n_consts++] = &values[i];
  }
  return values;
}

static uint64_t
count_constants (const MfMpyModule *module)
{
  uint64_t n = SINGLETONS + (uint64_t) module->n_names + module->n_codes;
  for (uint32_t i = 0; i < (share_objects (module) ? 1 : module->n_codes); i++)
    n += module->codes[i]->n_objects;
  return n;
}

// ---- code objects

static const MfPyValue *
name_at (const Making *m, uint32_t index)
{
  return index < m->from->n_names ? &m->texts[index] : m->nothing;
}

// "Logger.average" of the function average in the class Logger.
static const MfPyValue *
full_name (Making *m, const MfPyCode *parent, const MfPyValue *name)
{
  enum { MOST = 4096 };
  if (!parent || !parent->parent || parent->qualname->n + name->n > MOST)
    return name;
  uint32_t before = parent->qualname->n, n = before + 1 + name->n;
  uint8_t *bytes = mf_arena_take (m->arena, n);
  if (!bytes)
    return NULL;
  memcpy (bytes, parent->qualname->bytes, before);
  bytes[before] = '.';
  if (name->n)
    memcpy (bytes + before + 1, name->bytes, name->n);
  return take_text (m, bytes, n);
}

// All of MicroPython's state: arguments first; other variables have no names, and the value stack
// is there too.
static const MfPyValue *
variables_of (Making *m, const MfMpyCode *code)
{
  const MfPyValue **names = mf_arena_take (m->arena, (code->n_state + 1ull) * sizeof *names);
  if (!names)
    return NULL;
  for (uint32_t i = 0; i < code->n_state; i++)
    names[i]
        = i < code->n_arguments && code->arguments ? name_at (m, code->arguments[i]) : m->nothing;
  return take_tuple (m, names, code->n_state);
}

// Bodies of classes begin by naming their module; only they and modules read names without saying
// where from.
static bool
is_namespace (const MfMpyCode *code)
{
  MfMpyWalk walk;
  MfMpyInstruction first;
  mf_mpy_walk_begin (&walk, code);
  return !code->parent || (mf_mpy_walk_next (&walk, &first) && !strcmp (first.opcode, "LOAD_NAME"));
}

static uint32_t
flags_of (const MfMpyCode *code)
{
  return (is_namespace (code) ? 0 : OPTIMIZED)
         | (code->scope_flags & MF_MPY_GENERATOR ? GENERATOR : 0)
         | (code->scope_flags & MF_MPY_VARARGS ? VARARGS : 0)
         | (code->scope_flags & MF_MPY_VARKEYWORDS ? VARKEYWORDS : 0);
}

static int32_t
first_line (const MfMpyCode *code)
{
  MfMpyWalk walk;
  MfMpyInstruction instruction;
  mf_mpy_walk_begin (&walk, code);
  bool there = mf_mpy_walk_next (&walk, &instruction) && instruction.line <= INT32_MAX;
  return there ? (int32_t) instruction.line : 1;
}

static bool
set_code (Making *m, MfPyCode *codes, uint32_t i, const MfPyValue *consts, const MfPyValue *names)
{
  const MfMpyCode *from = m->from->codes[i];
  const MfPyCode *parent = from->parent ? &codes[from->parent->number] : NULL;
  MfPyValue *bytecode = take_value (m, MF_CONST_BYTES);
  const MfPyValue *name = name_at (m, from->name), *variables = variables_of (m, from);
  if (!bytecode || !variables)
    return false;
  bytecode->bytes = from->function;
  bytecode->n = from->function_n;
  codes[i] = (MfPyCode){ .module = &m->held->module,
    .parent = parent,
    .mpy = from,
    .number = i,
    .offset = from->offset,
    .argcount = from->n_pos_args,
    .kwonlyargcount = from->n_kwonly_args,
    .nlocals = from->n_state,
    .stacksize = from->n_state,
    .flags = flags_of (from),
    .firstlineno = first_line (from),
    .bytecode = bytecode,
    .consts = consts,
    .names = names,
    .filename = name_at (m, from->file),
    .name = name,
    .varnames = variables,
    .freevars = m->empty,
    .cellvars = m->empty,
    .qualname = full_name (m, parent, name) };
  bool fits = from->n_pos_args + (uint64_t) from->n_kwonly_args <= from->n_state;
  if (!fits)
    codes[i].argcount = codes[i].kwonlyargcount = 0;
  return codes[i].qualname;
}

static bool
set_codes (Making *m, MfPyCode *codes)
{
  MfPyModule *module = &m->held->module;
  const MfPyCode **pointers = mf_arena_take (m->arena, m->from->n_codes * sizeof *pointers);
  const MfPyValue *consts = take_tuple (m, m->consts, m->n_consts);
  const MfPyValue *names = take_tuple (m, m->consts + m->held->names, m->from->n_names);
  if (!pointers || !consts || !names)
    return false;
  for (uint32_t i = 0; i < m->from->n_codes; i++) {
    pointers[i] = &codes[i];
    if (!set_code (m, codes, i, consts, names))
      return false;
  }
  module->code = codes;
  module->codes = pointers;
  module->n_codes = m->from->n_codes;
  module->n_values = m->n_values;
  return true;
}

MfPyModule *
mf_mpy_as_py (const MfMpyModule *from, MfArena *arena)
{
  uint64_t n = count_constants (from);
  Held *held = n < UINT32_MAX ? mf_arena_take (arena, sizeof *held) : NULL;
  MfPyCode *codes = mf_arena_take (arena, from->n_codes * sizeof *codes);
  Making m = { .from = from, .arena = arena, .held = held };
  if (!held || !codes)
    return NULL;
  memset (held, 0, sizeof *held);
  memset (codes, 0, from->n_codes * sizeof *codes);
  held->objects = mf_arena_take (arena, from->n_codes * sizeof *held->objects);
  m.consts = mf_arena_take (arena, (n + 1) * sizeof *m.consts);
  m.nothing = take_text (&m, (const uint8_t *) "", 0);
  m.empty = take_tuple (&m, NULL, 0);
  bool fine = held->objects && m.consts && m.nothing && m.empty && add_singletons (&m)
              && add_names (&m) && add_codes (&m, codes) && add_all_objects (&m)
              && set_codes (&m, codes);
  return fine ? &held->module : NULL;
}
