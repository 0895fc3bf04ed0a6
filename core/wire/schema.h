// SPDX-License-Identifier: Apache-2.0
// Schemas as bytes: everything of an MfType and its MfFields, checked in both directions.
#pragma once

#include <memflow/event.h>

// NULL when rows of this type can be captured, otherwise what is wrong with it.
const char *mf_schema_fault (const MfType *type);

// Do both describe the same rows in the same words?
bool mf_schema_equal (const MfType *a, const MfType *b);

// Bytes of the encoded schema; mf_schema_store writes them.
size_t mf_schema_bytes (const MfType *type);
void mf_schema_store (const MfType *type, uint8_t *to);

// Bytes of memory that the decoded schema needs; 0 = malformed. `newer`: the capture's minor
// version is newer than ours, and units, roles and views that we do not know become none.
size_t mf_schema_measure (const uint8_t *bytes, size_t n, bool newer);

// Decodes what was measured, into memory aligned for pointers. The type lives in that memory.
const MfType *mf_schema_load (const uint8_t *bytes, size_t n, bool newer, void *memory);
