// SPDX-License-Identifier: Apache-2.0
#include "graph-memory.h"

#include <string.h>

#include "python-code.h"

struct MfGraphMemory {
  MfProcess *process;
  const MfPythonRuntime *runtime;
  const MfPymallocHeap *heap;
  MfRemoteTypes *types;
  uint8_t **arenas;     // copies, by number; NULL = not needed yet
  GHashTable *of_types; // type -> what is known of it besides
  GArray *mappings;     // of MfMapping without their paths: those that may be written
};

static void
keep_mappings (MfGraphMemory *memory)
{
  const GArray *all = mf_process_mappings (memory->process, NULL);
  for (guint i = 0; all && i < all->len; i++) {
    MfMapping mapping = g_array_index (all, MfMapping, i);
    mapping.path = NULL;
    if (mapping.flags & MF_MAPPING_WRITE)
      g_array_append_val (memory->mappings, mapping);
  }
}

MfGraphMemory *
mf_graph_memory_new (MfProcess *process, const MfPythonRuntime *runtime, const MfPymallocHeap *heap, MfRemoteTypes *types)
{
  MfGraphMemory *memory = g_new0 (MfGraphMemory, 1);
  memory->process = process;
  memory->runtime = runtime;
  memory->heap = heap;
  memory->types = types;
  memory->arenas = g_new0 (uint8_t *, heap->arenas->len + 1);
  memory->of_types = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  memory->mappings = g_array_new (FALSE, FALSE, sizeof (MfMapping));
  keep_mappings (memory);
  return memory;
}

void
mf_graph_memory_free (MfGraphMemory *memory)
{
  if (!memory)
    return;
  for (guint i = 0; i < memory->heap->arenas->len; i++)
    g_free (memory->arenas[i]);
  g_free (memory->arenas);
  g_array_unref (memory->mappings);
  g_hash_table_unref (memory->of_types);
  g_free (memory);
}

const MfPythonOffsets *
mf_graph_offsets (const MfGraphMemory *memory)
{
  return &memory->runtime->offsets;
}

GHashTable *
mf_graph_of_types (const MfGraphMemory *memory)
{
  return memory->of_types;
}

// ---- reading

// An arena that went away meanwhile reads as zeros: nothing is in it any more.
static const uint8_t *
copy_of (MfGraphMemory *memory, const MfArena *arena, uint32_t number)
{
  if (!memory->arenas[number]) {
    memory->arenas[number] = g_malloc0 (memory->heap->arena_size);
    if (!mf_process_read_touched (memory->process, arena->address, memory->arenas[number], memory->heap->arena_size))
      memset (memory->arenas[number], 0, memory->heap->arena_size);
  }
  return memory->arenas[number];
}

bool
mf_graph_read (MfGraphMemory *memory, uint64_t at, void *to, size_t n)
{
  uint32_t number = mf_pymalloc_arena_at (memory->heap, at);
  const MfArena *arena = number == UINT32_MAX ? NULL : &g_array_index (memory->heap->arenas, MfArena, number);
  if (!arena || n > memory->heap->arena_size - (at - arena->address))
    return mf_process_read (memory->process, at, to, n);
  memcpy (to, copy_of (memory, arena, number) + (at - arena->address), n);
  return true;
}

uint64_t
mf_graph_pointer (MfGraphMemory *memory, uint64_t at)
{
  uint64_t pointer = 0;
  if (!mf_graph_read (memory, at, &pointer, (size_t) memory->runtime->offsets.pointer))
    return 0;
  return GUINT64_FROM_LE (pointer);
}

uint64_t
mf_graph_pointer_now (const MfGraphMemory *memory, uint64_t at)
{
  uint64_t pointer;
  return mf_process_pointer (memory->process, at, &pointer) ? pointer : 0;
}

static bool
may_be_written (const MfGraphMemory *memory, uint64_t at)
{
  guint low = 0, high = memory->mappings->len;
  while (low < high) {
    guint middle = (low + high) / 2;
    if (g_array_index (memory->mappings, MfMapping, middle).to <= at)
      low = middle + 1;
    else
      high = middle;
  }
  return low < memory->mappings->len && g_array_index (memory->mappings, MfMapping, low).from <= at;
}

// Types are not constant, and with pointers of 8 bytes larger than the blocks of pymalloc: most words are none without a look at the
// process.
static const MfRemoteType *
look_up (void *user, uint64_t address)
{
  MfGraphMemory *memory = user;
  bool in_block = memory->runtime->offsets.pointer == 8 && mf_pymalloc_arena_at (memory->heap, address) != UINT32_MAX;
  return !in_block && may_be_written (memory, address) ? mf_remote_type (memory->types, address) : NULL;
}

const MfRemoteType *
mf_graph_type (MfGraphMemory *memory, uint64_t address)
{
  return look_up (memory, address);
}

char *
mf_graph_text (MfGraphMemory *memory, uint64_t at, size_t most)
{
  return mf_remote_text (memory->process, &memory->runtime->offsets, at, most);
}

// ---- places

static const MfPool *
pool_of (const MfPymallocHeap *heap, uint64_t at)
{
  uint64_t address = at / heap->pool_size * heap->pool_size;
  guint low = 0, high = heap->pools->len;
  while (low < high) {
    guint middle = (low + high) / 2;
    if (g_array_index (heap->pools, MfPool, middle).address < address)
      low = middle + 1;
    else
      high = middle;
  }
  const MfPool *pool = low < heap->pools->len ? &g_array_index (heap->pools, MfPool, low) : NULL;
  return pool && pool->address == address && pool->state == MF_POOL_USED ? pool : NULL;
}

static MfPlace
place_in_pool (MfGraphMemory *memory, const MfPool *pool, uint64_t at)
{
  const MfPymallocHeap *heap = memory->heap;
  MfPlace place = { .kind = MF_PLACE_FREE };
  uint64_t offset = at - pool->address;
  if (offset < heap->pool_header || pool->block_size <= heap->front)
    return place;
  uint32_t i = (uint32_t) ((offset - heap->pool_header) / pool->block_size);
  if (i >= pool->capacity || mf_pool_block_is_free (heap, pool, i))
    return place;
  uint8_t bytes[512];
  uint32_t front;
  place.block = pool->address + heap->pool_header + (uint64_t) i * pool->block_size + heap->front;
  place.size = pool->block_size - heap->front;
  if (!mf_graph_read (memory, place.block, bytes, place.size))
    return place;
  place.type = mf_type_in_block (look_up, memory, &memory->runtime->offsets, bytes, place.size, &front);
  place.kind = place.type ? MF_PLACE_OBJECT : MF_PLACE_PLAIN;
  place.object = place.block + front;
  return place;
}

MfPlace
mf_graph_place (MfGraphMemory *memory, uint64_t at)
{
  const MfPool *pool = pool_of (memory->heap, at);
  if (pool)
    return place_in_pool (memory, pool, at);
  bool in_arena = mf_pymalloc_arena_at (memory->heap, at) != UINT32_MAX;
  MfPlace place = { .kind = in_arena ? MF_PLACE_FREE : MF_PLACE_OUTSIDE };
  const MfPythonOffsets *offsets = &memory->runtime->offsets;
  if (place.kind == MF_PLACE_FREE || at % (uint64_t) offsets->pointer || !may_be_written (memory, at))
    return place;
  place.type = look_up (memory, mf_graph_pointer (memory, at + (uint64_t) offsets->type));
  if (place.type && mf_graph_pointer (memory, at)) {
    place.kind = MF_PLACE_OBJECT;
    place.object = place.block = at;
  }
  return place;
}
