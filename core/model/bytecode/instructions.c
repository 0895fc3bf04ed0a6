// SPDX-License-Identifier: Apache-2.0
// Instructions of any version: prefixes applied, caches skipped, indices and jumps checked.
#include "instructions.h"

enum { UNIT = 2, PREFIXES_MAX = 3 };

void
mf_py_walk_begin (MfPyWalk *walk, const MfPyCode *code)
{
  *walk = (MfPyWalk){ .code = code, .bytes = code->bytecode->bytes, .n = code->bytecode->n };
  walk->location
      = (MfPyLocation){ 0, 0, MF_PY_NO_LINE, MF_PY_NO_LINE, MF_PY_NO_COLUMN, MF_PY_NO_COLUMN };
  mf_py_lines_begin (&walk->lines, code);
}

// Bytes of one step of a jump.
static uint32_t
jump_unit (const MfPyCode *code)
{
  return code->module->header.version >= 0x030a ? UNIT : 1;
}

static uint32_t
find_target (const MfPyCode *code, const MfPyInstruction *instruction)
{
  uint64_t end = (uint64_t) instruction->offset + instruction->size;
  uint64_t distance = (uint64_t) instruction->argument * jump_unit (code);
  uint8_t kind = instruction->opcode->argument;
  uint64_t target = kind == MF_PY_ARG_JUMP_FORWARD    ? end + distance
                    : kind == MF_PY_ARG_JUMP_BACKWARD ? end - distance
                                                      : distance;
  bool inside = target < code->bytecode->n && !(target % UNIT);
  return inside ? (uint32_t) target : MF_PY_NO_TARGET;
}

// How many things there are for an index to choose from; UINT32_MAX = not an index.
static uint32_t
choices (const MfPyCode *code, uint8_t argument)
{
  switch (argument) {
  case MF_PY_ARG_CONST:
    return code->consts->n;
  case MF_PY_ARG_NAME:
    return code->names->n;
  case MF_PY_ARG_LOCAL:
    return code->varnames ? code->varnames->n : mf_py_variables (code);
  case MF_PY_ARG_CELL:
    return mf_py_variables (code);
  default:
    return UINT32_MAX;
  }
}

static bool
pair_is_inside (const MfPyCode *code, uint32_t argument)
{
  uint32_t n = mf_py_variables (code);
  return argument >> 4 < n && (argument & 15) < n;
}

static void
resolve (const MfPyCode *code, MfPyInstruction *instruction)
{
  uint8_t kind = instruction->opcode->argument;
  instruction->index = instruction->argument >> instruction->opcode->shift;
  if (kind >= MF_PY_ARG_JUMP_TO && kind <= MF_PY_ARG_JUMP_BACKWARD) {
    instruction->target = find_target (code, instruction);
    if (instruction->target == MF_PY_NO_TARGET)
      instruction->problem = MF_PY_BAD_JUMP;
    return;
  }
  if (kind == MF_PY_ARG_CELL && code->varnames)
    instruction->index += code->varnames->n;
  bool inside = kind == MF_PY_ARG_LOCAL_PAIR ? pair_is_inside (code, instruction->argument)
                                             : instruction->index < choices (code, kind);
  if (!inside)
    instruction->problem = MF_PY_BAD_INDEX;
}

static void
skip_caches (MfPyWalk *walk, MfPyInstruction *instruction)
{
  uint32_t left = walk->n - walk->at, caches = instruction->opcode->caches * (uint32_t) UNIT;
  if (caches > left) {
    instruction->problem = MF_PY_CACHES_CUT_OFF;
    caches = left;
  }
  walk->at += caches;
  instruction->size += caches;
}

static void
find_location (MfPyWalk *walk, uint32_t at)
{
  while (at >= walk->location.end)
    if (!mf_py_lines_next (&walk->lines, &walk->location)) {
      walk->location = (MfPyLocation){ at, walk->n, MF_PY_NO_LINE, MF_PY_NO_LINE, MF_PY_NO_COLUMN,
        MF_PY_NO_COLUMN };
      return;
    }
}

static void
apply_prefix (MfPyWalk *walk, MfPyInstruction *instruction)
{
  walk->extended = instruction->argument << 8;
  if (++walk->extensions > PREFIXES_MAX || walk->at == walk->n)
    instruction->problem = MF_PY_BAD_EXTENSION;
}

bool
mf_py_walk_next (MfPyWalk *walk, MfPyInstruction *instruction)
{
  if (walk->at >= walk->n)
    return false;
  uint32_t offset = walk->at;
  uint8_t number = walk->bytes[offset];
  const MfPyOpcode *opcode = &walk->code->module->opcodes[number];
  *instruction = (MfPyInstruction){ .offset = offset,
    .first = offset - walk->extensions * UNIT,
    .size = UNIT,
    .argument = walk->extended | walk->bytes[offset + 1],
    .target = MF_PY_NO_TARGET,
    .opcode = opcode,
    .number = number,
    .problem = opcode->known ? MF_PY_FINE : MF_PY_UNKNOWN_OPCODE };
  walk->at += UNIT;
  find_location (walk, offset);
  instruction->location = walk->location;
  if (opcode->argument == MF_PY_ARG_EXTENSION) {
    apply_prefix (walk, instruction);
    return true;
  }
  walk->extended = walk->extensions = 0;
  skip_caches (walk, instruction);
  resolve (walk->code, instruction);
  return true;
}

const char *
mf_py_problem_text (MfPyProblem problem)
{
  static const char *const texts[MF_PY_N_PROBLEMS]
      = { "is fine", "has an unknown opcode", "has an argument beyond what there is",
          "jumps out of its code", "has prefixes that do not fit", "lacks its inline caches" };
  return texts[problem < MF_PY_N_PROBLEMS ? problem : 0];
}
