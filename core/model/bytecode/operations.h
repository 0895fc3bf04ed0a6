// SPDX-License-Identifier: Apache-2.0
// What instructions do to the value stack, independent of version and implementation: the form that the
// flow graph and the abstract interpreter work on.
#pragma once

#include "bytecode/arena.h"
#include "bytecode/instructions.h"

typedef enum {
  MF_DO_EFFECT, // pops `pops`, pushes `pushes` values that nothing is known of
  MF_DO_NOTHING,
  MF_DO_POP,
  MF_DO_COPY,       // pushes the a-th from the top, 1 = the top itself
  MF_DO_SWAP,       // exchanges the top with the a-th
  MF_DO_ROTATE,     // moves the top below a - 1 others
  MF_DO_PUSH_NULL,  // the empty slot of a call
  MF_DO_CONST,      // a: index of the constant
  MF_DO_INT,        // a: the value; b: 1 = negative, 2 = one of a bits
  MF_DO_COMMON,     // a: LOAD_COMMON_CONSTANT; ~0u: AssertionError
  MF_DO_LOAD_LOCAL, // a: index of the variable
  MF_DO_TAKE_LOCAL, // the same, and the variable is unbound
  MF_DO_STORE_LOCAL,
  MF_DO_DELETE_LOCAL,
  MF_DO_MAKE_CELL,
  MF_DO_LOAD_CELL, // what is in the cell
  MF_DO_STORE_CELL,
  MF_DO_CLOSURE,     // the cell itself
  MF_DO_LOAD_GLOBAL, // a: index of the name; b: 1 = an empty slot below, 2 = above
  MF_DO_LOAD_NAME,
  MF_DO_LOAD_NAME_IN, // pops a mapping that is asked first; b: 1 = a cell
  MF_DO_STORE_NAME,
  MF_DO_STORE_GLOBAL,
  MF_DO_DELETE_NAME,
  MF_DO_ANNOTATIONS, // a dict of that name, if there is none
  MF_DO_LOCALS,
  MF_DO_LOAD_ATTR,
  MF_DO_LOAD_METHOD, // pushes two: function and self, or an empty slot and the attribute
  MF_DO_LOAD_SUPER,  // pops super, class, self; b: 1 = as a method
  MF_DO_STORE_ATTR,
  MF_DO_DELETE_ATTR,
  MF_DO_LOAD_ITEM,
  MF_DO_STORE_ITEM,
  MF_DO_DELETE_ITEM,
  MF_DO_LOAD_SLICE,
  MF_DO_STORE_SLICE,
  MF_DO_UNARY,   // sub: '-', '+', '~', '!', '?' (to bool)
  MF_DO_BINARY,  // sub: index of mf_py_binary_name without the in-place form; b: in place
  MF_DO_COMPARE, // a: index of mf_py_compare_name
  MF_DO_CONTAINS,
  MF_DO_IS,
  MF_DO_TUPLE, // a items; b: 1 = something else pays for it
  MF_DO_LIST,
  MF_DO_SET,
  MF_DO_MAP, // a pairs; b: room for so many more
  MF_DO_CONST_KEY_MAP,
  MF_DO_STRING,
  MF_DO_SLICE,
  MF_DO_UNPACKED, // sub: 't', 'l', 's', 'm': a container of a iterables
  MF_DO_LIST_EXTEND,
  MF_DO_SET_UPDATE,
  MF_DO_MAP_UPDATE,
  MF_DO_LIST_APPEND,
  MF_DO_SET_ADD,
  MF_DO_MAP_ADD,
  MF_DO_TO_TUPLE,
  MF_DO_FORMAT,     // b: 1 = with a specification on top
  MF_DO_CONVERT,    // a: 1 str, 2 repr, 3 ascii
  MF_DO_CALL,       // a arguments over two slots, of which one is empty or self
  MF_DO_CALL_PLAIN, // a arguments over the function
  MF_DO_CALL_NAMED, // as either, under a tuple of names; b: 1 = two slots
  MF_DO_NAMES,      // a: constant with the names of arguments of the next call
  MF_DO_CALL_PAIRS, // a arguments and b pairs of name and value over the function; sub: 1 = over two slots
  MF_DO_CALL_STARRED, // the same, and a number on top says which arguments are sequences
  MF_DO_CALL_ANY,   // pops `pops`, among which a sequence and a mapping
  MF_DO_FUNCTION,   // a: parts on the stack; b: 1 = a name on top
  MF_DO_FUNCTION_PART,
  MF_DO_BUILD_CLASS,
  MF_DO_IMPORT,
  MF_DO_IMPORT_FROM,
  MF_DO_IMPORT_STAR,
  MF_DO_ITERATE, // pushes 1; 2: an empty slot above; 4: one below and two above
  MF_DO_NEXT, // pushes an item, or goes to the target: b = 0 without the `pops` slots of the iterator, 1 with a value more
  MF_DO_UNPACK,    // a values
  MF_DO_UNPACK_EX, // a before, b behind the list
  MF_DO_WITH,      // pops a manager, pushes `pushes`; with a target: a handler begins below the last
  MF_DO_HANDLER,   // up to 3.10: exceptions go to the target from now on
  MF_DO_HANDLER_END, // of a handlers; 0 = 1
  MF_DO_JUMP,
  MF_DO_BRANCH, // sub: 'f', 't', 'n' (None), 's' (some): when it jumps; b: 1 = keeps the value then
  MF_DO_BRANCH_MATCH, // pops two, jumps unless an exception matches
  MF_DO_SEND,         // b = 1: one less at the target
  MF_DO_RETURN,       // b: 1 = constant a
  MF_DO_YIELD,
  MF_DO_RAISE, // pops `pops`
  MF_DO_RERAISE, // pops an exception and raises it, or None
  MF_DO_UNKNOWN, // nothing is known behind it
  MF_DO_N
} MfDo;

typedef struct {
  uint8_t what, sub; // MfDo
  uint8_t pops, pushes;
  uint32_t a, b;
  uint32_t target; // byte offset, or MF_PY_NO_TARGET; later the index of an operation
  uint32_t offset, line;
} MfOperation;

// How opcodes of one version are lowered: made once, read by all threads.
typedef struct {
  uint16_t version;
  uint8_t rows[256];
} MfLowering;

void mf_lowering_init (MfLowering *lowering, uint16_t version);
// The operations of a code object, in `arena`, jumps as indices of operations. NULL: no memory.
// An instruction that makes no sense becomes MF_DO_UNKNOWN.
MfOperation *mf_lower (
    const MfLowering *lowering, const MfPyCode *code, MfArena *arena, uint32_t *n_operations);
// Values that an exception leaves on the stack where its handler begins; of code without a table of handlers.
uint32_t mf_raised_values (const MfPyCode *code);
// The same for a function of MicroPython; mf_lower calls it.
MfOperation *mf_mpy_lower (const MfPyCode *code, MfArena *arena, uint32_t *n_operations);
// Makes byte offsets of jumps indices of operations: `at` has the first operation of each unit of `unit` bytes.
void mf_resolve_targets (MfOperation *operations, uint32_t n, const uint32_t *at, uint32_t units, uint32_t unit);
// For people: "builds a list" …
const char *mf_do_text (MfDo what);
