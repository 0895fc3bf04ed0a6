// SPDX-License-Identifier: Apache-2.0
// Lowering of CPython's instructions: a table says what each does, a few functions read arguments that pack
// several things.
#include "bytecode/operations.h"

#include <string.h>

typedef enum {
  NONE, NUMBER, INDEX, ONE, TWO, THREE, FOUR, IN_PLACE, KEEP, BINARY_OP, INTERPOLATION, CALL_EX, INTRINSIC, PAIR_COPY,
  END_ASYNC, END_FOR, END_SEND, FORMAT_VALUE, NEXT, ATTR, TWO_LOADS, GLOBAL, SUPER, FUNCTION, MATCH_CLASS, MATCH_KEYS,
  POP_EXCEPT, POP_ITER, RAISE, RETURN_CONST, SEND, STORE_LOAD, TWO_STORES, UNPACK_EX, N_HOW
} How;

typedef struct {
  const char *opcode;
  uint8_t what, sub, pops, pushes, how;
} Row;

static const Row rows[] = {
  { "unknown", MF_DO_UNKNOWN, 0, 0, 0, NONE },
#define X(opcode, what, sub, pops, pushes, how) { #opcode, MF_DO_##what, sub, pops, pushes, how },
#include "bytecode/operations.inc"
#undef X
};

void
mf_lowering_init (MfLowering *lowering, uint16_t version)
{
  MfPyOpcode opcodes[256];
  mf_py_opcodes (version, opcodes);
  lowering->version = version;
  for (uint32_t i = 0; i < 256; i++) {
    lowering->rows[i] = 0;
    for (uint32_t k = 1; k < sizeof rows / sizeof rows[0] && !lowering->rows[i]; k++)
      if (opcodes[i].known && !strcmp (opcodes[i].name, rows[k].opcode))
        lowering->rows[i] = (uint8_t) k;
  }
}

_Static_assert (sizeof rows / sizeof rows[0] <= 256, "rows are numbered in a byte");

// ---- arguments. `next` is a second operation, used when it gets a `what` other than MF_DO_NOTHING.

typedef struct {
  uint16_t version;
  const MfPyInstruction *in;
  MfOperation *op, *next;
} Lowering;

static void
lower_number (Lowering *l)
{
  static const uint8_t fixed[N_HOW] = { [ONE] = 1, [TWO] = 2, [THREE] = 3, [FOUR] = 4 };
  uint8_t how = rows[l->op->target].how; // the row's number stands there until the target does
  l->op->a = how == NUMBER ? l->in->argument : how == INDEX ? l->in->index : fixed[how];
  l->op->b = l->op->sub;
}

static void
lower_flag (Lowering *l)
{
  l->op->b = 1;
}

static void
lower_binary (Lowering *l)
{
  enum { OPERATORS = 13, SUBSCRIPT = 26 };
  if (l->in->index == SUBSCRIPT)
    l->op->what = MF_DO_LOAD_ITEM;
  l->op->sub = (uint8_t) (l->in->index % OPERATORS);
  l->op->b = l->in->index >= OPERATORS;
}

static void
lower_interpolation (Lowering *l)
{
  l->op->pops = (uint8_t) (2 + (l->in->argument & 1));
}

// The function, a slot for self from 3.11 on, a sequence, and a mapping, which from 3.14 on is always there.
static void
lower_call_any (Lowering *l)
{
  bool mapping = l->version >= 0x030e || l->in->argument & 1;
  l->op->pops = (uint8_t) (2 + (l->version >= 0x030b) + mapping);
  l->op->a = mapping;
}

static void
lower_intrinsic (Lowering *l)
{
  enum { IMPORT_STAR = 2, POSITIVE = 5, TO_TUPLE = 6 };
  if (l->in->index == TO_TUPLE)
    l->op->what = MF_DO_TO_TUPLE;
  if (l->in->index != IMPORT_STAR)
    return;
  l->op->what = MF_DO_IMPORT_STAR; // pops the module; None is pushed
  *l->next = (MfOperation){ .what = MF_DO_EFFECT, .pushes = 1 };
}

static void
lower_pair_copy (Lowering *l)
{
  l->op->a = 2;
  *l->next = *l->op;
}

static void
lower_end_async (Lowering *l)
{
  l->op->pops = l->version < 0x030b ? 7 : 2;
  l->op->target = MF_PY_NO_TARGET;
}

static void
lower_end_for (Lowering *l)
{
  l->op->pops = l->version == 0x030c ? 2 : 1;
}

static void
lower_end_send (Lowering *l)
{
  l->op->pops = l->version >= 0x030f ? 3 : 2;
}

static void
lower_format (Lowering *l)
{
  enum { CONVERSION = 3, SPECIFICATION = 4 };
  l->op->a = l->in->argument & CONVERSION;
  l->op->b = (l->in->argument & SPECIFICATION) != 0;
  l->op->pops = (uint8_t) (1 + l->op->b);
}

static void
lower_next (Lowering *l)
{
  l->op->pops = 1;
  l->op->b = l->version >= 0x030c;
}

static void
lower_attr (Lowering *l)
{
  l->op->a = l->in->index;
  if (l->version < 0x030c || !(l->in->argument & 1))
    return;
  l->op->what = MF_DO_LOAD_METHOD;
  l->op->pushes = 2;
}

static void
lower_pair (Lowering *l)
{
  *l->next = *l->op;
  l->op->a = l->in->argument >> 4;
  l->next->a = l->in->argument & 15;
}

static void
lower_store_load (Lowering *l)
{
  lower_pair (l);
  l->next->what = MF_DO_LOAD_LOCAL;
  l->next->pops = 0;
  l->next->pushes = 1;
}

static void
lower_global (Lowering *l)
{
  l->op->a = l->in->index;
  bool slot = l->version >= 0x030b && l->in->argument & 1;
  l->op->b = slot ? (l->version < 0x030d ? 1 : 2) : 0;
  l->op->pushes = (uint8_t) (1 + slot);
}

static void
lower_super (Lowering *l)
{
  l->op->a = l->in->index;
  l->op->b = l->in->argument & 1;
  l->op->pushes = (uint8_t) (1 + l->op->b);
}

static void
lower_function (Lowering *l)
{
  l->op->a = l->version >= 0x030d ? 0 : l->in->argument & 15;
  l->op->b = l->version < 0x030b;
  l->op->pops = (uint8_t) (1 + l->op->b + (uint32_t) __builtin_popcount (l->op->a));
}

static void
lower_match_class (Lowering *l)
{
  l->op->pushes = l->version == 0x030a ? 2 : 1;
}

static void
lower_match_keys (Lowering *l)
{
  l->op->pushes = l->version == 0x030a ? 2 : 1;
}

static void
lower_pop_except (Lowering *l)
{
  l->op->pops = l->version < 0x030b ? 3 : 1;
}

static void
lower_pop_iter (Lowering *l)
{
  l->op->pops = l->version >= 0x030f ? 2 : 1;
}

static void
lower_raise (Lowering *l)
{
  l->op->pops = l->in->argument < 3 ? (uint8_t) l->in->argument : 2;
}

static void
lower_return_const (Lowering *l)
{
  l->op->a = l->in->index;
  l->op->b = 1;
}

static void
lower_send (Lowering *l)
{
  l->op->b = l->version < 0x030c;
}

static void
lower_unpack_ex (Lowering *l)
{
  l->op->a = l->in->argument & 255;
  l->op->b = l->in->argument >> 8;
}

static void (*const lowered[N_HOW]) (Lowering *l) = { [NUMBER] = lower_number,
  [INDEX] = lower_number,
  [ONE] = lower_number,
  [TWO] = lower_number,
  [THREE] = lower_number,
  [FOUR] = lower_number,
  [IN_PLACE] = lower_flag,
  [KEEP] = lower_flag,
  [BINARY_OP] = lower_binary,
  [INTERPOLATION] = lower_interpolation,
  [CALL_EX] = lower_call_any,
  [INTRINSIC] = lower_intrinsic,
  [PAIR_COPY] = lower_pair_copy,
  [END_ASYNC] = lower_end_async,
  [END_FOR] = lower_end_for,
  [END_SEND] = lower_end_send,
  [FORMAT_VALUE] = lower_format,
  [NEXT] = lower_next,
  [ATTR] = lower_attr,
  [TWO_LOADS] = lower_pair,
  [GLOBAL] = lower_global,
  [SUPER] = lower_super,
  [FUNCTION] = lower_function,
  [MATCH_CLASS] = lower_match_class,
  [MATCH_KEYS] = lower_match_keys,
  [POP_EXCEPT] = lower_pop_except,
  [POP_ITER] = lower_pop_iter,
  [RAISE] = lower_raise,
  [RETURN_CONST] = lower_return_const,
  [SEND] = lower_send,
  [STORE_LOAD] = lower_store_load,
  [TWO_STORES] = lower_pair,
  [UNPACK_EX] = lower_unpack_ex };

// Writes one or two operations; how many.
static uint32_t
lower_one (const MfLowering *lowering, const MfPyInstruction *in, MfOperation *to)
{
  uint8_t number = in->problem == MF_PY_FINE ? lowering->rows[in->number] : 0;
  const Row *row = &rows[number];
  MfOperation second = { .what = MF_DO_NOTHING };
  Lowering l = { lowering->version, in, to, &second };
  *to = (MfOperation){ .what = row->what,
    .sub = row->sub,
    .pops = row->pops,
    .pushes = row->pushes,
    .target = number };
  if (row->what == MF_DO_COMMON && row->how == NONE)
    to->a = UINT32_MAX;
  if (lowered[row->how])
    lowered[row->how](&l);
  if (row->what == MF_DO_ITERATE && lowering->version >= 0x030f)
    to->pushes = 2;
  to->target = to->target == MF_PY_NO_TARGET ? MF_PY_NO_TARGET : in->target;
  to->offset = second.offset = in->first;
  to->line = second.line = in->location.line > 0 ? (uint32_t) in->location.line : 0;
  if (second.what == MF_DO_NOTHING)
    return 1;
  second.target = MF_PY_NO_TARGET;
  to[1] = second;
  return 2;
}

// ---- a whole code object

void
mf_resolve_targets (MfOperation *operations, uint32_t n, const uint32_t *at, uint32_t units, uint32_t unit)
{
  for (uint32_t i = 0; i < n; i++)
    if (operations[i].target != MF_PY_NO_TARGET) {
      uint32_t place = operations[i].target / unit;
      operations[i].target = place < units && at[place] < n ? at[place] : MF_PY_NO_TARGET;
      if (operations[i].target == MF_PY_NO_TARGET)
        operations[i].what = MF_DO_UNKNOWN;
    }
}

// `at` gets the index of the operation for each code unit; UINT32_MAX where none begins.
static uint32_t
lower_all (const MfLowering *lowering, const MfPyCode *code, MfOperation *to, uint32_t *at)
{
  MfPyWalk walk;
  MfPyInstruction in;
  uint32_t n = 0;
  mf_py_walk_begin (&walk, code);
  while (mf_py_walk_next (&walk, &in)) {
    if (in.opcode->argument == MF_PY_ARG_EXTENSION)
      continue;
    at[in.first / 2] = at[in.offset / 2] = n;
    n += lower_one (lowering, &in, to + n);
  }
  return n;
}

uint32_t
mf_raised_values (const MfPyCode *code)
{
  enum { UP_TO_3_10 = 6, MICROPYTHON = 1 };
  return code->mpy ? MICROPYTHON : UP_TO_3_10;
}

MfOperation *
mf_lower (const MfLowering *lowering, const MfPyCode *code, MfArena *arena, uint32_t *n_operations)
{
  if (code->mpy)
    return mf_mpy_lower (code, arena, n_operations);
  uint32_t units = code->bytecode->n / 2;
  MfOperation *operations = mf_arena_take (arena, (2 * (size_t) units + 1) * sizeof *operations);
  uint32_t *at = mf_arena_take (arena, ((size_t) units + 1) * sizeof *at);
  *n_operations = 0;
  if (!operations || !at)
    return NULL;
  memset (at, 0xff, ((size_t) units + 1) * sizeof *at);
  uint32_t n = lower_all (lowering, code, operations, at);
  mf_resolve_targets (operations, n, at, units, 2);
  // behind the last instruction, so that every operation has a next one
  operations[n] = (MfOperation){ .what = MF_DO_UNKNOWN, .target = MF_PY_NO_TARGET, .offset = 2 * units };
  *n_operations = n;
  return operations;
}

const char *
mf_do_text (MfDo what)
{
  static const char *const texts[MF_DO_N] = { [MF_DO_TUPLE] = "builds a tuple",
    [MF_DO_LIST] = "builds a list",
    [MF_DO_SET] = "builds a set",
    [MF_DO_MAP] = "builds a dict",
    [MF_DO_CONST_KEY_MAP] = "builds a dict",
    [MF_DO_STRING] = "builds a string",
    [MF_DO_SLICE] = "builds a slice",
    [MF_DO_UNPACKED] = "unpacks into a container",
    [MF_DO_LIST_EXTEND] = "extends a list",
    [MF_DO_SET_UPDATE] = "fills a set",
    [MF_DO_MAP_UPDATE] = "fills a dict",
    [MF_DO_LIST_APPEND] = "appends to a list",
    [MF_DO_SET_ADD] = "adds to a set",
    [MF_DO_MAP_ADD] = "adds to a dict",
    [MF_DO_TO_TUPLE] = "makes a tuple of a list",
    [MF_DO_FORMAT] = "formats a value",
    [MF_DO_CONVERT] = "converts a value to text",
    [MF_DO_CALL] = "calls",
    [MF_DO_CALL_PLAIN] = "calls",
    [MF_DO_CALL_NAMED] = "calls",
    [MF_DO_CALL_PAIRS] = "calls",
    [MF_DO_CALL_STARRED] = "calls",
    [MF_DO_CALL_ANY] = "calls",
    [MF_DO_FUNCTION] = "makes a function",
    [MF_DO_MAKE_CELL] = "makes a cell",
    [MF_DO_IMPORT] = "imports",
    [MF_DO_ITERATE] = "makes an iterator",
    [MF_DO_NEXT] = "takes the next item",
    [MF_DO_BINARY] = "computes",
    [MF_DO_UNARY] = "computes",
    [MF_DO_LOAD_ITEM] = "takes an item",
    [MF_DO_LOAD_SLICE] = "copies a slice",
    [MF_DO_STORE_ITEM] = "stores an item",
    [MF_DO_STORE_ATTR] = "stores an attribute",
    [MF_DO_STORE_NAME] = "stores a name",
    [MF_DO_STORE_GLOBAL] = "stores a global",
    [MF_DO_LOAD_ATTR] = "reads an attribute",
    [MF_DO_LOAD_METHOD] = "reads a method",
    [MF_DO_UNPACK] = "unpacks",
    [MF_DO_UNPACK_EX] = "unpacks",
    [MF_DO_RAISE] = "raises",
    [MF_DO_YIELD] = "yields" };
  return what < MF_DO_N && texts[what] ? texts[what] : "works on the stack";
}
