// SPDX-License-Identifier: Apache-2.0
// Freed blocks by the type of the Python object that was in them, where the recording knows it.
// A fixed number of types; what comes when the table is full is counted together.
#pragma once

#include <stdint.h>

enum { MF_FREED_PLACES = 4096, MF_FREED_TYPES_MAX = 3072 };

typedef struct {
  uint32_t type, reserved; // interned name; 0 = an unused place
  uint64_t blocks, bytes;
  uint64_t timed, longest; // blocks whose life is known; ns
  double lives;            // of these, added up; ns
} MfFreedType;

typedef struct {
  MfFreedType places[MF_FREED_PLACES]; // by hash
  MfFreedType others;
  uint32_t n;
} MfFreedTypes;

// Counts blocks of `bytes` in all. `life` in ns; UINT64_MAX = not known.
void mf_freed_types_add (
    MfFreedTypes *types, uint32_t type, uint64_t blocks, uint64_t bytes, uint64_t life);
