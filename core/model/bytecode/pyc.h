// SPDX-License-Identifier: Apache-2.0
// Compiled modules of CPython 3.8 to 3.15 (.pyc) as an immutable tree of code objects and typed
// constants. Plain C11; byte order and word size of the host do not matter. Input is hostile.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_PYC_HEADER = 16 };        // bytes before the code object
enum { MF_CODE_DEPTH = 2000 };      // nested objects: CPython's own limit (Python/marshal.c)
enum { MF_CODE_MEMORY = 16 << 20 }; // bytes for one module, unless the caller says otherwise
enum { MF_PY_NO_LINE = -1, MF_PY_NO_COLUMN = -1 };

// Where memory comes from: `resize` works as realloc, and with 0 bytes frees; NULL = refused.
// `limit` is the most that one module may hold, also while it is read; 0 = MF_CODE_MEMORY.
typedef struct {
  void *user;
  void *(*resize) (void *user, void *old, size_t bytes);
  size_t limit;
} MfCodeMemory;

// Why bytes could not be read: the rest of a sentence that begins with "cannot read FILE: ".
typedef struct {
  uint32_t offset; // in the file
  char text[240];
} MfCodeError;

// ---- the header (PEP 552)

typedef struct {
  uint16_t magic;   // the number that stands for the version of the bytecode
  uint16_t version; // 0x030b for 3.11; 0 = not one that is known
  uint32_t flags;
  bool hash_based, check_source;
  uint32_t source_time, source_size; // modulo 2^32; 0 when hash_based
  uint8_t source_hash[8];            // all 0 unless hash_based
} MfPycHeader;

// False = `error` says why; what could be told of the header is there nevertheless (version 0 when
// it is not known).
bool mf_pyc_read_header (const uint8_t *bytes, size_t n, MfPycHeader *header, MfCodeError *error);
// 0 … 100: how sure it is that these are the first bytes of a .pyc, of whatever version.
int mf_pyc_probe (const uint8_t *head, size_t n);

// ---- constants

typedef enum {
  MF_CONST_NONE,
  MF_CONST_FALSE,
  MF_CONST_TRUE,
  MF_CONST_ELLIPSIS,
  MF_CONST_STOP_ITERATION,
  MF_CONST_INT,
  MF_CONST_LONG,
  MF_CONST_FLOAT,
  MF_CONST_COMPLEX,
  MF_CONST_BYTES,
  MF_CONST_TEXT,
  MF_CONST_TUPLE,
  MF_CONST_LIST,
  MF_CONST_SET,
  MF_CONST_FROZENSET,
  MF_CONST_DICT,
  MF_CONST_FROZENDICT,
  MF_CONST_SLICE,
  MF_CONST_CODE,
  MF_CONST_N_KINDS
} MfPyKind;

enum {
  MF_PY_INTERNED = 1, // text: one object for the whole process
  MF_PY_LATIN1
  = 2, // text: one byte is one character; otherwise UTF-8, in which lone surrogates are allowed
  MF_PY_NEGATIVE = 4, // long
  MF_PY_SHARED = 8,   // some other place of the module refers to the very same object
  MF_PY_NUMBERED = 16 // the file gives it a number: loading holds it until all is loaded
};

typedef struct MfPyValue MfPyValue;
typedef struct MfPyCode MfPyCode;
typedef struct MfPyModule MfPyModule;
typedef struct MfMpyCode MfMpyCode;

// Equal addresses are one object: count it once. The graph has no cycles, but may be shared so much
// that a walk without memory never ends: mark what was visited by `number`.
struct MfPyValue {
  uint8_t kind, flags;
  uint16_t reserved;
  uint32_t number; // below n_values of the module
  uint32_t offset; // in the file; 0 for singletons
  uint32_t n; // bytes of a text, digits of a long, items (keys and values in turn in a dict; 3 in a
              // slice)
  union {
    int64_t integer;
    double real;
    struct {
      double real, imaginary;
    } complex;
    const uint8_t *bytes;  // of bytes and texts, in the file; not terminated
    const uint8_t *digits; // of a long: u16, little-endian, base 2^15, the lowest first
    const MfPyValue *const *items;
    const MfPyCode *code;
  };
};

// "int", "str", "NoneType" … as type (x).__name__ gives it.
const char *mf_py_kind_name (MfPyKind kind);
// Characters of a text, and its highest code point (0 when it is empty).
uint32_t mf_py_text_length (const MfPyValue *text, uint32_t *highest);
// Bits of the magnitude of an int or long: 0 for 0.
uint32_t mf_py_int_bits (const MfPyValue *integer);
bool mf_py_text_is (const MfPyValue *text, const char *other);

// ---- code objects

enum {
  MF_VARIABLE_LOCAL = 0x20,
  MF_VARIABLE_CELL = 0x40,
  MF_VARIABLE_FREE = 0x80,
  MF_VARIABLE_HIDDEN = 0x10
}; // kinds of variables

// Fields that a version does not have are NULL: bytecode, tables, names and tuples have been
// checked for their type.
struct MfPyCode {
  const MfPyModule *module;
  const MfPyCode *parent; // that has it among its constants; NULL for the module's own
  uint32_t number;        // in the module, outer before inner
  uint32_t offset;        // in the file
  uint32_t argcount, posonlyargcount, kwonlyargcount, nlocals, stacksize, flags;
  int32_t firstlineno;
  const MfPyValue *bytecode, *consts, *names, *filename, *name;
  const MfPyValue *varnames, *freevars, *cellvars;    // up to 3.10
  const MfPyValue *localsplusnames, *localspluskinds; // since 3.11
  const MfPyValue *qualname, *exceptiontable;         // since 3.11
  const MfPyValue *linetable;                         // co_lnotab up to 3.9
  const MfMpyCode *mpy; // of a function of MicroPython, see mpy-module.h; else NULL
};

// All variables in the order of the frame: locals, cells, free ones. Up to 3.10 a cell of an
// argument counts twice.
typedef struct {
  const MfPyValue *name;
  uint32_t kind; // MF_VARIABLE_LOCAL …
} MfPyVariable;
uint32_t mf_py_variables (const MfPyCode *code);
MfPyVariable mf_py_variable (const MfPyCode *code, uint32_t i); // i < mf_py_variables
uint32_t mf_py_count_variables (const MfPyCode *code, uint32_t kind);
// co_qualname, where the version has it, otherwise co_name.
const MfPyValue *mf_py_full_name (const MfPyCode *code);

// ---- modules

// What an opcode is in one version. See opcodes.h for the kinds of arguments.
typedef struct {
  const char *name; // "unknown" = there is none with this number in a file of that version
  uint8_t argument; // MfPyArgument
  uint8_t shift;    // the index is argument >> shift
  uint8_t caches;   // code units behind it
  bool known, has_argument;
} MfPyOpcode;

struct MfPyModule {
  MfPycHeader header;
  const MfPyCode *code;
  const MfPyCode *const *codes; // all of them, outer before inner
  uint32_t n_codes, n_values;
  uint32_t n_references; // objects that the file gives numbers, so that it can refer to them
  uint32_t trailing; // bytes behind the code object, which CPython ignores
  size_t memory;     // bytes that the module holds
  MfPyOpcode opcodes[256];
};

// Reads a whole .pyc. The bytes must outlive the module, which points into them. NULL = `error`
// says why.
MfPyModule *mf_pyc_read (
    const uint8_t *bytes, size_t n, const MfCodeMemory *memory, MfCodeError *error);
void mf_py_module_free (MfPyModule *module);
