// SPDX-License-Identifier: Apache-2.0
// Memory of one module: a chain of blocks that is freed as a whole, and vectors for the time of
// reading. Both count against the caller's limit.
#pragma once

#include "bytecode/pyc.h"

typedef struct MfArenaBlock MfArenaBlock;

typedef struct {
  MfCodeMemory from;
  size_t held;          // bytes that the caller's allocator has given
  MfArenaBlock *blocks; // the open one first
  uint8_t *next, *end;
} MfArena;

void mf_arena_init (MfArena *arena, const MfCodeMemory *memory);
// Aligned for any value of this room, not cleared; NULL = refused.
void *mf_arena_take (MfArena *arena, size_t bytes);
void mf_arena_free (MfArena *arena);

// A growing vector of items of one size.
typedef struct {
  void *items;
  uint32_t n, room;
} MfVector;

// Makes room for one more item; false = refused.
bool mf_vector_grow (MfArena *arena, MfVector *vector, size_t item_bytes);
void mf_vector_free (MfArena *arena, MfVector *vector, size_t item_bytes);
