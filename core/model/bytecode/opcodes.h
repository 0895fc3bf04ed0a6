// SPDX-License-Identifier: Apache-2.0
// Opcodes of CPython 3.8 to 3.15 as they stand in files, and what their arguments mean.
#pragma once

#include "bytecode/pyc.h"

typedef enum {
  MF_PY_ARG_UNUSED,
  MF_PY_ARG_NUMBER,       // a count, a depth or flags of this instruction alone
  MF_PY_ARG_CONST,        // index in co_consts
  MF_PY_ARG_NAME,         // index in co_names; `shift` bits below it are flags of the instruction
  MF_PY_ARG_LOCAL,        // index of a variable
  MF_PY_ARG_LOCAL_PAIR,   // two of them, four bits each
  MF_PY_ARG_CELL,         // up to 3.10 index among cells and free variables, later of a variable
  MF_PY_ARG_JUMP_TO,      // from the start of the code
  MF_PY_ARG_JUMP_FORWARD, // from the end of the instruction and its caches
  MF_PY_ARG_JUMP_BACKWARD,
  MF_PY_ARG_COMPARE,   // mf_py_compare_name
  MF_PY_ARG_BINARY,    // mf_py_binary_name
  MF_PY_ARG_SMALL_INT, // the value itself
  MF_PY_ARG_INTRINSIC_1,
  MF_PY_ARG_INTRINSIC_2,
  MF_PY_ARG_COMMON_CONSTANT,
  MF_PY_ARG_SPECIAL,
  MF_PY_ARG_FUNCTION,  // parts of a function: 1 defaults, 2 keyword defaults, 4 annotations, 8
                       // closure, 16 annotate
  MF_PY_ARG_EXTENSION, // the upper bits of the next instruction's argument
  MF_PY_N_ARGUMENTS
} MfPyArgument;

// Fills the table of a known version (0x0308 … 0x030f).
void mf_py_opcodes (uint16_t version, MfPyOpcode opcodes[256]);
// "<", "in", "exception match" …; NULL = there is none.
const char *mf_py_compare_name (uint16_t version, uint32_t index);
// "+", "+=", "[]" … of BINARY_OP (3.11 on); NULL = there is none.
const char *mf_py_binary_name (uint16_t version, uint32_t index);
