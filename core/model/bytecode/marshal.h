// SPDX-License-Identifier: Apache-2.0
// Inside of the .pyc reader: marshal.c reads objects, code-fields.c says in which order a code
// object has its fields.
#pragma once

#include "arena.h"
#include "reading.h"

// ---- the fields of a code object

typedef enum {
  MF_FIELD_INT,
  MF_FIELD_BYTES,
  MF_FIELD_TEXT,
  MF_FIELD_TEXTS,
  MF_FIELD_TUPLE
} MfCodeFieldKind;

typedef struct {
  const char *name;  // as Python calls it
  const char *items; // what one of its items is called; NULL = it is none that has items
  uint16_t offset;   // in MfPyCode
  uint8_t kind;      // MfCodeFieldKind
} MfCodeField;

// In the order of the file; a field without a name ends them.
const MfCodeField *mf_code_fields (uint16_t version);
// Whether the fields, each of which has its type, go together; completes what is counted from them.
bool mf_code_check (MfPyCode *code, MfCodeError *error);

// ---- objects

typedef struct {
  const uint8_t *bytes;
  size_t n, at;
  uint16_t version;
  MfArena *arena;
  MfCodeError *error;
  const MfPyModule *module;
  MfVector references; // MfPyValue *, NULL while the object is being read
  MfVector values;     // MfPyValue *: items of the open containers
  MfVector open;       // containers, the innermost last
  MfVector codes;      // MfPyCode *
  uint32_t n_values;
} MfMarshal;

// Reads one object from `at`. NULL = the error says why. The caller frees the vectors with
// mf_marshal_end.
const MfPyValue *mf_marshal_read (MfMarshal *m);
void mf_marshal_end (MfMarshal *m);
