// SPDX-License-Identifier: Apache-2.0
// Memory of one module.
#include "arena.h"

enum { ALIGNMENT = 16, BLOCK_MIN = 16 * 1024, BLOCK_MAX = 256 * 1024, VECTOR_MIN = 64 };

struct MfArenaBlock {
  MfArenaBlock *before;
  size_t bytes;
};
_Static_assert(sizeof (MfArenaBlock) <= ALIGNMENT, "the first item of a block is aligned");

static void *
resize (MfArena *arena, void *old, size_t before, size_t bytes)
{
  if (bytes > before && bytes - before > arena->from.limit - arena->held)
    return NULL;
  void *new = arena->from.resize (arena->from.user, old, bytes);
  if (new || !bytes)
    arena->held += bytes - before;
  return new;
}

void
mf_arena_init (MfArena *arena, const MfCodeMemory *memory)
{
  *arena = (MfArena){ .from = *memory };
  if (!arena->from.limit)
    arena->from.limit = MF_CODE_MEMORY;
}

// Blocks grow with what is held already, so that small files need little and large ones few.
static bool
open_block (MfArena *arena, size_t bytes)
{
  size_t size = arena->held / 2;
  size = size < BLOCK_MIN ? BLOCK_MIN : size > BLOCK_MAX ? BLOCK_MAX : size;
  if (size < bytes + ALIGNMENT)
    size = bytes + ALIGNMENT;
  MfArenaBlock *block = resize (arena, NULL, 0, size);
  if (!block)
    return false;
  *block = (MfArenaBlock){ arena->blocks, size };
  arena->blocks = block;
  arena->next = (uint8_t *) block + ALIGNMENT;
  arena->end = (uint8_t *) block + size;
  return true;
}

void *
mf_arena_take (MfArena *arena, size_t bytes)
{
  if (bytes > arena->from.limit)
    return NULL;
  bytes = (bytes + ALIGNMENT - 1) & ~(size_t) (ALIGNMENT - 1);
  if ((size_t) (arena->end - arena->next) < bytes && !open_block (arena, bytes))
    return NULL;
  void *taken = arena->next;
  arena->next += bytes;
  return taken;
}

void
mf_arena_free (MfArena *arena)
{
  MfArena held = *arena; // it may stand in one of its own blocks
  for (MfArenaBlock *block = held.blocks, *before; block; block = before) {
    before = block->before;
    resize (&held, block, block->bytes, 0);
  }
}

bool
mf_vector_grow (MfArena *arena, MfVector *vector, size_t item_bytes)
{
  if (vector->n < vector->room)
    return true;
  uint32_t room = vector->room ? vector->room * 2 : VECTOR_MIN;
  if (room > UINT32_MAX / 2 || room > SIZE_MAX / item_bytes)
    return false;
  void *items = resize (arena, vector->items, vector->room * item_bytes, room * item_bytes);
  if (!items)
    return false;
  vector->items = items;
  vector->room = room;
  return true;
}

void
mf_vector_free (MfArena *arena, MfVector *vector, size_t item_bytes)
{
  if (vector->items)
    resize (arena, vector->items, vector->room * item_bytes, 0);
  *vector = (MfVector){ 0 };
}
