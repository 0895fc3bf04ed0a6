// SPDX-License-Identifier: Apache-2.0
// Compiled modules of MicroPython (.mpy, versions 5 and 6.0 to 6.3): names, constants, functions,
// instructions. Plain C11; input is hostile. Machine code is measured, not decoded.
#pragma once

#include "bytecode/pyc.h"

enum { MF_MPY_DEPTH = 100 }; // functions, or tuples, inside of each other
enum { MF_MPY_NO_NAME = UINT32_MAX };

typedef enum {
  MF_MPY_NO_ARCH,
  MF_MPY_X86,
  MF_MPY_X64,
  MF_MPY_ARMV6,
  MF_MPY_ARMV6M,
  MF_MPY_ARMV7M,
  MF_MPY_ARMV7EM,
  MF_MPY_ARMV7EMSP,
  MF_MPY_ARMV7EMDP,
  MF_MPY_XTENSA,
  MF_MPY_XTENSAWIN,
  MF_MPY_RV32IMC,
  MF_MPY_RV64IMC,
  MF_MPY_N_ARCHS
} MfMpyArch;

typedef struct {
  uint8_t version, sub_version; // 6 and 3; the sub-version of 5 is 0
  uint8_t arch;                 // MfMpyArch, of the machine code in it
  uint8_t small_int_bits;
  bool map_caches; // version 5: a byte for a cache stands behind instructions with names
  uint32_t arch_flags;
} MfMpyHeader;

// A qstr: what the firmware has anyway costs nothing.
typedef struct {
  const uint8_t *bytes; // not terminated
  uint32_t n, offset;   // in the file
  bool in_firmware;
} MfMpyName;

typedef enum {
  MF_MPY_FUN_TABLE,
  MF_MPY_NONE,
  MF_MPY_FALSE,
  MF_MPY_TRUE,
  MF_MPY_ELLIPSIS,
  MF_MPY_STR,
  MF_MPY_BYTES,
  MF_MPY_INT,
  MF_MPY_FLOAT,
  MF_MPY_COMPLEX,
  MF_MPY_TUPLE,
  MF_MPY_N_OBJECTS
} MfMpyObjectKind;

typedef struct MfMpyObject MfMpyObject;
struct MfMpyObject {
  uint32_t kind, n, offset; // n: bytes of text, or items
  union {
    const uint8_t *bytes; // also of numbers, which stand there as decimal text
    const MfMpyObject *items;
  };
};

typedef enum {
  MF_MPY_BYTECODE,
  MF_MPY_NATIVE,
  MF_MPY_VIPER,
  MF_MPY_ASM,
  MF_MPY_N_CODES
} MfMpyCodeKind;

typedef struct MfMpyModule MfMpyModule;

struct MfMpyCode {
  const MfMpyModule *module;
  const MfMpyCode *parent; // NULL for the module's own
  uint32_t number, offset; // in the module, outer before inner; in the file
  uint32_t kind;           // MfMpyCodeKind
  const uint8_t *function; // as it is in the device's memory: prelude and bytecode, or machine code
  uint32_t function_n;
  uint32_t prelude,
      opcodes; // where they begin in the function; opcodes == function_n: there is no bytecode
  uint32_t lines, lines_end; // of the table of lines in it
  uint32_t n_state, n_exc_stack, scope_flags, n_pos_args, n_kwonly_args, n_def_pos_args;
  uint32_t n_cells;          // local variables that become cells
  uint32_t name, file;       // index in the module's names; MF_MPY_NO_NAME for viper and assembler
  const uint32_t *arguments; // the same of its arguments
  uint32_t n_arguments;
  const MfMpyObject *objects; // constants: of the module since version 6, of the function before
  uint32_t n_objects;
  const MfMpyCode *const *children;
  uint32_t n_children;
  uint32_t rodata_n, bss_n; // of viper code
  uint32_t n_links;         // places that are adjusted when it is loaded: qstrs and relocations
};

struct MfMpyModule {
  MfMpyHeader header;
  const MfMpyName *names; // those that stand in the file
  uint32_t n_names;
  const MfMpyCode *code;
  const MfMpyCode *const *codes;
  uint32_t n_codes;
  uint32_t trailing;
  size_t memory;
};

// As mf_pyc_read.
MfMpyModule *mf_mpy_read (
    const uint8_t *bytes, size_t n, const MfCodeMemory *memory, MfCodeError *error);
void mf_mpy_module_free (MfMpyModule *module);
int mf_mpy_probe (const uint8_t *head, size_t n);
const char *mf_mpy_arch_name (MfMpyArch arch);

// ---- instructions

typedef enum {
  MF_MPY_ARG_NONE,
  MF_MPY_ARG_NAME,
  MF_MPY_ARG_NUMBER,
  MF_MPY_ARG_SMALL_INT,
  MF_MPY_ARG_OBJECT,
  MF_MPY_ARG_CHILD,
  MF_MPY_ARG_LOCAL,
  MF_MPY_ARG_JUMP,
  MF_MPY_ARG_OPERATOR
} MfMpyArgument;

typedef struct {
  uint32_t offset, size; // bytes, from the first opcode
  const char *opcode;    // "unknown" = there is none with this number
  uint8_t number, kind;  // MfMpyArgument
  bool bad;              // unknown, cut off, or its argument leads nowhere
  uint8_t extra;         // the byte behind the argument, where there is one
  int64_t argument;      // target of a jump, index of a local, object or child, the number itself
  const MfMpyName *name;
  uint32_t line;
} MfMpyInstruction;

typedef struct {
  const MfMpyCode *code;
  uint32_t at;
  uint32_t lines_at, lines_until, line; // the line holds before this offset
} MfMpyWalk;

void mf_mpy_walk_begin (MfMpyWalk *walk, const MfMpyCode *code);
bool mf_mpy_walk_next (MfMpyWalk *walk, MfMpyInstruction *instruction);
