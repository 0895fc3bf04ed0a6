// SPDX-License-Identifier: Apache-2.0
// What stands in a code object's tables, one after the other: instructions, lines, exception
// handlers. The iterators live on the caller's stack, need no memory and end on any bytes.
#pragma once

#include "bytecode/opcodes.h"

enum { MF_PY_NO_TARGET = UINT32_MAX };

// ---- lines: each range of bytecode [start, end) and where it comes from

typedef struct {
  uint32_t start, end; // byte offsets
  int32_t line, end_line, column,
      end_column; // MF_PY_NO_LINE, MF_PY_NO_COLUMN = not known; columns count bytes
} MfPyLocation;

typedef struct MfPyLines MfPyLines;
struct MfPyLines {
  bool (*next) (MfPyLines *lines, MfPyLocation *location);
  const uint8_t *at, *end; // of the table
  uint32_t address, size;  // reached, and of the bytecode
  int32_t line;
  bool malformed; // the table ended before its last entry did
};

void mf_py_lines_begin (MfPyLines *lines, const MfPyCode *code);
// The same for the table of `size` bytes of bytecode alone; `version` is 0x030b for 3.11.
void mf_py_lines_begin_table (MfPyLines *lines, uint16_t version, int32_t first_line,
    const uint8_t *table, uint32_t n, uint32_t size);
// In ascending order, without holes; false = there are no more.
bool mf_py_lines_next (MfPyLines *lines, MfPyLocation *location);

// ---- exception handlers (3.11 on)

typedef struct {
  uint32_t start, end, target; // byte offsets; an exception in [start, end) goes on at target
  uint32_t depth;              // of the value stack there
  bool lasti;                  // the offset of the failed instruction is pushed
} MfPyHandler;

typedef struct {
  const uint8_t *at, *end;
  bool malformed;
} MfPyHandlers;

void mf_py_handlers_begin (MfPyHandlers *handlers, const MfPyCode *code);
bool mf_py_handlers_next (MfPyHandlers *handlers, MfPyHandler *handler);

// ---- instructions

typedef enum {
  MF_PY_FINE,
  MF_PY_UNKNOWN_OPCODE, // skipped as one code unit
  MF_PY_BAD_INDEX,      // beyond the constants, names or variables
  MF_PY_BAD_JUMP,       // out of the code
  MF_PY_BAD_EXTENSION,  // more than three EXTENDED_ARG, or none behind them
  MF_PY_CACHES_CUT_OFF,
  MF_PY_N_PROBLEMS
} MfPyProblem;

typedef struct {
  uint32_t offset, first; // bytes; `first` is the first EXTENDED_ARG before it, otherwise offset
  uint32_t size;          // bytes with its inline caches, without its EXTENDED_ARGs
  uint32_t argument;      // EXTENDED_ARG applied
  uint32_t
      index; // of the constant, name, variable …: the argument without the instruction's own flags
  uint32_t target; // byte offset of a jump, or MF_PY_NO_TARGET
  const MfPyOpcode *opcode;
  uint8_t number;  // of the opcode
  uint8_t problem; // MfPyProblem
  MfPyLocation location;
} MfPyInstruction;

typedef struct {
  const MfPyCode *code;
  const uint8_t *bytes;
  uint32_t at, n, extended, extensions;
  MfPyLines lines;
  MfPyLocation location;
} MfPyWalk;

void mf_py_walk_begin (MfPyWalk *walk, const MfPyCode *code);
// EXTENDED_ARG is an instruction of its own, inline caches are not. False = the code has ended.
bool mf_py_walk_next (MfPyWalk *walk, MfPyInstruction *instruction);
// "has an unknown opcode" …; for people.
const char *mf_py_problem_text (MfPyProblem problem);
