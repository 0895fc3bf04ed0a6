// SPDX-License-Identifier: Apache-2.0
// Lowering of MicroPython's instructions (py/vm.c of 1.12 to 1.29). An iterator takes four places
// of the value stack (MP_OBJ_ITER_BUF_NSLOTS): nothing, the iterator, and two that are free.
#include "bytecode/mpy-module.h"
#include "bytecode/operations.h"

#include <string.h>

enum { ITERATOR_SLOTS = 4, MOST_FOR_ONE = 4 };

// How the argument is taken.
typedef enum {
  NONE,
  NAME,
  TEXT,
  CONSTANT,
  OBJECT,
  CHILD,
  SMALL_INT,
  LOCAL,
  NUMBER,
  A1,
  A2,
  A3,
  JUMP,
  KEEP,
  TWICE,
  OPERATOR,
  COMPREHENSION,
  PAIR,
  CALL,
  CLOSURE,
  UNWIND,
  PRESIZED,
  UNPACK_EX,
  WITH_SELF
} How;

typedef struct {
  const char *opcode;
  uint8_t what, sub, pops, pushes, how;
} Row;

// clang-format off
static const Row rows[] = {
  { "LOAD_CONST_STRING", MF_DO_CONST, 0, 0, 1, TEXT },
  { "LOAD_NAME", MF_DO_LOAD_NAME, 0, 0, 1, NAME },
  { "LOAD_GLOBAL", MF_DO_LOAD_GLOBAL, 0, 0, 1, NAME },
  { "LOAD_ATTR", MF_DO_LOAD_ATTR, 0, 1, 1, NAME },
  { "LOAD_METHOD", MF_DO_LOAD_METHOD, 0, 1, 2, NAME },
  { "LOAD_SUPER_METHOD", MF_DO_LOAD_SUPER, 0, 3, 2, WITH_SELF },
  { "STORE_NAME", MF_DO_STORE_NAME, 0, 1, 0, NAME },
  { "STORE_GLOBAL", MF_DO_STORE_GLOBAL, 0, 1, 0, NAME },
  { "STORE_ATTR", MF_DO_STORE_ATTR, 0, 2, 0, NAME },
  { "DELETE_NAME", MF_DO_DELETE_NAME, 0, 0, 0, NAME },
  { "DELETE_GLOBAL", MF_DO_DELETE_NAME, 0, 0, 0, NAME },
  { "IMPORT_NAME", MF_DO_IMPORT, 0, 2, 1, NAME },
  { "IMPORT_FROM", MF_DO_IMPORT_FROM, 0, 0, 1, NAME },
  { "MAKE_CLOSURE", MF_DO_FUNCTION, 0, 0, 1, CLOSURE },
  { "MAKE_CLOSURE_DEFARGS", MF_DO_FUNCTION, 3, 0, 1, CLOSURE },
  { "LOAD_CONST_SMALL_INT", MF_DO_INT, 0, 0, 1, SMALL_INT },
  { "LOAD_CONST_OBJ", MF_DO_CONST, 0, 0, 1, OBJECT },
  { "LOAD_FAST_N", MF_DO_LOAD_LOCAL, 0, 0, 1, LOCAL },
  { "LOAD_FAST", MF_DO_LOAD_LOCAL, 0, 0, 1, LOCAL },
  { "LOAD_DEREF", MF_DO_LOAD_CELL, 0, 0, 1, LOCAL },
  { "STORE_FAST_N", MF_DO_STORE_LOCAL, 0, 1, 0, LOCAL },
  { "STORE_FAST", MF_DO_STORE_LOCAL, 0, 1, 0, LOCAL },
  { "STORE_DEREF", MF_DO_STORE_CELL, 0, 1, 0, LOCAL },
  { "DELETE_FAST", MF_DO_DELETE_LOCAL, 0, 0, 0, LOCAL },
  { "DELETE_DEREF", MF_DO_NOTHING, 0, 0, 0, NONE },
  { "BUILD_TUPLE", MF_DO_TUPLE, 0, 0, 1, NUMBER },
  { "BUILD_LIST", MF_DO_LIST, 0, 0, 1, NUMBER },
  { "BUILD_MAP", MF_DO_MAP, 0, 0, 1, PRESIZED },
  { "BUILD_SET", MF_DO_SET, 0, 0, 1, NUMBER },
  { "BUILD_SLICE", MF_DO_SLICE, 0, 0, 1, NUMBER },
  { "STORE_COMP", MF_DO_LIST_APPEND, 0, 0, 0, COMPREHENSION },
  { "UNPACK_SEQUENCE", MF_DO_UNPACK, 0, 1, 0, NUMBER },
  { "UNPACK_EX", MF_DO_UNPACK_EX, 0, 1, 0, UNPACK_EX },
  { "MAKE_FUNCTION", MF_DO_FUNCTION, 0, 0, 1, CHILD },
  { "MAKE_FUNCTION_DEFARGS", MF_DO_FUNCTION, 3, 0, 1, CHILD },
  { "CALL_FUNCTION", MF_DO_CALL_PAIRS, 0, 0, 1, CALL },
  { "CALL_METHOD", MF_DO_CALL_PAIRS, 1, 0, 1, CALL },
  { "CALL_FUNCTION_VAR_KW", MF_DO_CALL_STARRED, 0, 0, 1, CALL },
  { "CALL_METHOD_VAR_KW", MF_DO_CALL_STARRED, 1, 0, 1, CALL },
  { "UNWIND_JUMP", MF_DO_JUMP, 0, 0, 0, UNWIND },
  { "JUMP", MF_DO_JUMP, 0, 0, 0, JUMP },
  { "POP_JUMP_IF_TRUE", MF_DO_BRANCH, 't', 1, 0, JUMP },
  { "POP_JUMP_IF_FALSE", MF_DO_BRANCH, 'f', 1, 0, JUMP },
  { "JUMP_IF_TRUE_OR_POP", MF_DO_BRANCH, 't', 1, 0, KEEP },
  { "JUMP_IF_FALSE_OR_POP", MF_DO_BRANCH, 'f', 1, 0, KEEP },
  { "SETUP_WITH", MF_DO_WITH, 0, 1, 3, JUMP },
  { "SETUP_EXCEPT", MF_DO_HANDLER, 0, 0, 0, JUMP },
  { "SETUP_FINALLY", MF_DO_HANDLER, 0, 0, 0, JUMP },
  { "POP_EXCEPT_JUMP", MF_DO_HANDLER_END, 0, 0, 0, PAIR },
  { "FOR_ITER", MF_DO_NEXT, 0, ITERATOR_SLOTS, 1, JUMP },
  { "LOAD_CONST_NONE", MF_DO_CONST, 0, 0, 1, CONSTANT },
  { "LOAD_CONST_FALSE", MF_DO_CONST, 1, 0, 1, CONSTANT },
  { "LOAD_CONST_TRUE", MF_DO_CONST, 2, 0, 1, CONSTANT },
  { "LOAD_NULL", MF_DO_PUSH_NULL, 0, 0, 1, NONE },
  { "LOAD_BUILD_CLASS", MF_DO_BUILD_CLASS, 0, 0, 1, NONE },
  { "LOAD_SUBSCR", MF_DO_LOAD_ITEM, 0, 2, 1, NONE },
  { "STORE_SUBSCR", MF_DO_STORE_ITEM, 0, 3, 0, NONE },
  { "DUP_TOP", MF_DO_COPY, 0, 0, 1, A1 },
  { "DUP_TOP_TWO", MF_DO_COPY, 0, 0, 1, TWICE },
  { "POP_TOP", MF_DO_POP, 0, 1, 0, NONE },
  { "ROT_TWO", MF_DO_ROTATE, 0, 0, 0, A2 },
  { "ROT_THREE", MF_DO_ROTATE, 0, 0, 0, A3 },
  { "WITH_CLEANUP", MF_DO_EFFECT, 0, 3, 1, NONE },
  { "END_FINALLY", MF_DO_HANDLER_END, 0, 0, 0, PAIR },
  { "GET_ITER", MF_DO_ITERATE, 0, 1, 1, NONE },
  { "GET_ITER_STACK", MF_DO_ITERATE, 0, 1, ITERATOR_SLOTS, NONE },
  { "STORE_MAP", MF_DO_SWAP, 0, 0, 0, PAIR },
  { "RETURN_VALUE", MF_DO_RETURN, 0, 1, 0, NONE },
  { "RAISE_LAST", MF_DO_RAISE, 0, 0, 0, NONE },
  { "RAISE_OBJ", MF_DO_RAISE, 0, 1, 0, NONE },
  { "RAISE_FROM", MF_DO_RAISE, 0, 2, 0, NONE },
  { "YIELD_VALUE", MF_DO_YIELD, 0, 1, 1, NONE },
  { "YIELD_FROM", MF_DO_EFFECT, 0, 2, 1, NONE },
  { "IMPORT_STAR", MF_DO_IMPORT_STAR, 0, 1, 0, NONE },
  { "UNARY_OP", MF_DO_UNARY, 0, 1, 1, OPERATOR },
  { "BINARY_OP", MF_DO_BINARY, 0, 2, 1, OPERATOR },
};
// clang-format on

enum { N_ROWS = sizeof rows / sizeof rows[0], NOT_SOUGHT = 0 };

// Which row an opcode has, one more than its number, found when it is first met.
typedef struct {
  uint8_t numbers[256];
} Rows;

static const Row *
row_of (Rows *found, const MfMpyInstruction *in)
{
  uint8_t *number = &found->numbers[in->number];
  if (in->bad)
    return NULL;
  for (uint8_t i = 0; *number == NOT_SOUGHT && i < N_ROWS; i++)
    if (!strcmp (rows[i].opcode, in->opcode))
      *number = (uint8_t) (i + 1);
  return *number ? &rows[*number - 1] : NULL;
}

_Static_assert(N_ROWS < 255, "rows are numbered in a byte");

// ---- operators (py/runtime0.h)

static void
lower_unary (const MfMpyInstruction *in, MfOperation *op)
{
  static const char signs[] = "+-~!";
  op->sub = in->argument < 4 ? (uint8_t) signs[in->argument] : '?';
}

static void
lower_compare (int64_t operator, MfOperation * op)
{
  enum { IN = 6, IS = 7 };
  static const uint8_t numbers[] = { 0, 4, 2, 1, 5, 3, 6, 8, 10 }; // as mf_py_compare_name has them
  op->what = operator== IN ? MF_DO_CONTAINS : operator== IS ? MF_DO_IS : MF_DO_COMPARE;
  op->a = op->what == MF_DO_COMPARE ? numbers[operator] : 0;
}

static void
lower_operator (const MfMpyInstruction *in, MfOperation *op)
{
  enum { COMPARISONS = 9, OPERATORS = 13 };
  static const uint8_t numbers[OPERATORS]
      = { 7, 12, 1, 3, 9, 0, 10, 5, 4, 2, 11, 6, 8 }; // as mf_py_binary_name has them
  if (op->what == MF_DO_UNARY)
    lower_unary (in, op);
  else if (in->argument < COMPARISONS)
    lower_compare (in->argument, op);
  else {
    op->sub = numbers[(in->argument - COMPARISONS) % OPERATORS];
    op->b = in->argument < COMPARISONS + OPERATORS;
  }
}

// ---- what becomes several operations. Each returns how many.

typedef struct {
  const MfPyCode *code;
  const MfMpyInstruction *in;
  const Row *row;
  MfOperation *to;
} Lowering;

static MfOperation
like (const Lowering *l, MfDo what)
{
  MfOperation op = l->to[0];
  op.what = (uint8_t) what;
  op.sub = op.pops = op.pushes = 0;
  op.a = op.b = 0;
  op.target = MF_PY_NO_TARGET;
  return op;
}

// The function's code, under it its cells as a tuple, and under that defaults, which may be
// missing.
static uint32_t
lower_function (Lowering *l, uint32_t n_closed, bool closure)
{
  enum { DEFAULTS = 3, CELLS = 8 };
  uint32_t n = 0;
  MfOperation function = l->to[0], cells = like (l, MF_DO_TUPLE), constant = like (l, MF_DO_CONST);
  cells.a = n_closed;
  cells.b = 1; // the closure has them, not a tuple
  cells.pushes = constant.pushes = 1;
  constant.a = mf_mpy_const_child (l->code, (uint32_t) l->in->argument);
  function.a = (l->row->sub ? DEFAULTS : 0) | (closure ? CELLS : 0);
  function.sub = 0;
  function.pops = (uint8_t) (1 + (l->row->sub ? 2 : 0) + closure);
  if (closure)
    l->to[n++] = cells;
  l->to[n++] = constant;
  l->to[n++] = function;
  return n;
}

// The number of handlers that are left, and whether an iterator is, stand behind the target.
static uint32_t
lower_unwind (Lowering *l)
{
  enum { HANDLERS = 0x7f, ITERATOR = 0x80 };
  uint32_t n = 0;
  MfOperation jump = l->to[0], end = like (l, MF_DO_HANDLER_END), pop = like (l, MF_DO_EFFECT);
  end.a = l->in->extra & HANDLERS;
  pop.pops = ITERATOR_SLOTS;
  if (end.a)
    l->to[n++] = end;
  if (l->in->extra & ITERATOR)
    l->to[n++] = pop;
  l->to[n++] = jump;
  return n;
}

static uint32_t
lower_pair (Lowering *l)
{
  MfOperation second = like (l, MF_DO_JUMP);
  if (l->row->what == MF_DO_HANDLER_END && l->in->kind == MF_MPY_ARG_JUMP)
    second.target = (uint32_t) l->in->argument;
  else if (l->row->what == MF_DO_HANDLER_END) {
    second.what = MF_DO_RERAISE;
    second.pops = 1;
  } else {
    l->to[0].a = 2; // key and value change places
    second.what = MF_DO_MAP_ADD;
    second.pops = 2;
    second.a = 1;
  }
  l->to[1] = second;
  return 2;
}

// How far below the item the container is: places of the value stack, counted before the item is
// taken.
static uint32_t
lower_comprehension (Lowering *l)
{
  enum { LIST, MAP, SET };
  uint32_t kind = l->in->argument & 3, depth = (uint32_t) (l->in->argument >> 2);
  MfOperation swap = l->to[0], add = l->to[0];
  add.what = kind == LIST ? MF_DO_LIST_APPEND : kind == MAP ? MF_DO_MAP_ADD : MF_DO_SET_ADD;
  add.pops = kind == MAP ? 2 : 1;
  add.a = depth + 1 - add.pops;
  swap.what = MF_DO_SWAP;
  swap.a = 2;
  uint32_t n = 0;
  if (kind == MAP)
    l->to[n++] = swap;
  l->to[n++] = add;
  return n;
}

static uint32_t
lower_twice (Lowering *l)
{
  l->to[0].a = 2;
  l->to[1] = l->to[0];
  return 2;
}

static void
lower_small_int (const MfMpyInstruction *in, MfOperation *op)
{
  enum { NEGATIVE = 1, BITS = 2 };
  uint64_t magnitude = in->argument < 0 ? 0 - (uint64_t) in->argument : (uint64_t) in->argument;
  bool wide = magnitude > UINT32_MAX;
  op->a = wide ? 64 - (uint32_t) __builtin_clzll (magnitude) : (uint32_t) magnitude;
  op->b = wide ? BITS : in->argument < 0 ? NEGATIVE : 0;
}

static void
lower_argument (const Lowering *l)
{
  MfOperation *op = l->to;
  uint32_t argument = (uint32_t) l->in->argument;
  switch ((How) l->row->how) {
  case NAME:
  case LOCAL:
  case NUMBER:
    op->a = argument;
    break;
  case WITH_SELF:
    op->a = argument;
    op->b = 1;
    break;
  case TEXT:
    op->a = mf_mpy_const_name (l->code, argument);
    break;
  case OBJECT:
    op->a = mf_mpy_const_object (l->code, argument);
    break;
  case CONSTANT:
    op->a = l->row->sub;
    break;
  case SMALL_INT:
    lower_small_int (l->in, op);
    break;
  case A1:
  case A2:
  case A3:
    op->a = 1u + l->row->how - A1;
    break;
  case PRESIZED:
    op->b = argument;
    break;
  case CALL: // positional arguments, and pairs of name and value
  case UNPACK_EX:
    op->a = argument & 0xff;
    op->b = argument >> 8 & 0xff;
    break;
  case JUMP:
  case UNWIND:
  case KEEP:
    op->target = argument;
    op->b = l->row->how == KEEP;
    break;
  case OPERATOR:
    lower_operator (l->in, op);
    break;
  default:
    break;
  }
}

static uint32_t
lower_one (const MfPyCode *code, Rows *found, const MfMpyInstruction *in, MfOperation *to)
{
  const Row *row = row_of (found, in);
  to[0] = (MfOperation){ .what = row ? row->what : MF_DO_UNKNOWN,
    .target = MF_PY_NO_TARGET,
    .offset = in->offset,
    .line = in->line };
  if (!row)
    return 1;
  to[0].sub = row->sub;
  to[0].pops = row->pops;
  to[0].pushes = row->pushes;
  Lowering l = { code, in, row, to };
  lower_argument (&l);
  switch ((How) row->how) {
  case CHILD:
    return lower_function (&l, 0, false);
  case CLOSURE:
    return lower_function (&l, in->extra, true);
  case UNWIND:
    return lower_unwind (&l);
  case PAIR:
    return lower_pair (&l);
  case COMPREHENSION:
    return lower_comprehension (&l);
  case TWICE:
    return lower_twice (&l);
  default:
    return 1;
  }
}

// ---- a function

// Variables that others refer to move into cells when a call begins.
static uint32_t
lower_cells (const MfMpyCode *code, MfOperation *to)
{
  const uint8_t *cells = code->function + code->opcodes - code->n_cells;
  for (uint32_t i = 0; i < code->n_cells; i++)
    to[i] = (MfOperation){ .what = cells[i] < code->n_state ? MF_DO_MAKE_CELL : MF_DO_UNKNOWN,
      .a = cells[i],
      .target = MF_PY_NO_TARGET };
  return code->n_cells;
}

static uint32_t
count_instructions (const MfMpyCode *mpy)
{
  MfMpyWalk walk;
  MfMpyInstruction in;
  uint32_t n = 0;
  mf_mpy_walk_begin (&walk, mpy);
  while (mf_mpy_walk_next (&walk, &in))
    n++;
  return n;
}

MfOperation *
mf_mpy_lower (const MfPyCode *code, MfArena *arena, uint32_t *n_operations)
{
  const MfMpyCode *mpy = code->mpy;
  uint32_t bytes = mpy->function_n - mpy->opcodes, n_cells = bytes ? mpy->n_cells : 0;
  size_t room = MOST_FOR_ONE * (size_t) count_instructions (mpy) + n_cells + 1;
  MfOperation *operations = mf_arena_take (arena, room * sizeof *operations);
  uint32_t *at = mf_arena_take (arena, (bytes + 1ull) * sizeof *at);
  *n_operations = 0;
  if (!operations || !at)
    return NULL;
  memset (at, 0xff, (bytes + 1ull) * sizeof *at);
  MfMpyWalk walk;
  MfMpyInstruction in;
  Rows found = { { NOT_SOUGHT } };
  uint32_t n = n_cells ? lower_cells (mpy, operations) : 0;
  mf_mpy_walk_begin (&walk, mpy);
  while (mf_mpy_walk_next (&walk, &in)) {
    at[in.offset] = n;
    n += lower_one (code, &found, &in, operations + n);
  }
  mf_resolve_targets (operations, n, at, bytes, 1);
  // machine code has no operations: nothing is known of it
  operations[n]
      = (MfOperation){ .what = MF_DO_UNKNOWN, .target = MF_PY_NO_TARGET, .offset = bytes };
  *n_operations = n;
  return operations;
}
