// SPDX-License-Identifier: Apache-2.0
// Functions and classes of Python's own library that modules call while they are imported.
#pragma once

#include "machine.h"
#include "model/code-cost/library-cost.h"

// Each takes the arguments over, as functions of the table in builtins.c do.
typedef MfThing *(*MfLibraryCall) (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames);

typedef struct {
  const char *name; // "collections.namedtuple"
  MfLibraryCall call;
} MfLibraryRow;

extern const MfLibraryRow mf_library_rows[];
extern const uint32_t mf_library_n_rows;

// Bytes of what the library makes, in the heap's measure; what is uncertain is noted.
uint64_t mf_library_bytes (MfMachine *machine, MfMaking making, uint32_t n);
// A thing of so many bytes that keeps `of` (a reference that is taken over, or NULL).
MfThing *mf_library_thing (MfMachine *machine, unsigned type, uint64_t bytes, MfThing *of);

// What a metaclass of the library adds to a class statement, by its bases and arguments.
typedef enum { MF_META_NONE, MF_META_ABC, MF_META_ENUM, MF_META_INT_ENUM } MfMeta;
MfMeta mf_library_meta (MfThing *const *bases, uint32_t n, const MfThing *metaclass);
