// SPDX-License-Identifier: Apache-2.0
// An object begins at its block, or behind the words that the garbage collector and the instance dictionary need in front of it;
// in the allocator's debug mode all of that stands behind the notes of that mode.
#include "census.h"

typedef struct {
  const MfProcess *process;
  const MfPythonRuntime *runtime;
  const MfPymallocHeap *heap;
  MfRemoteTypes *types;
  GHashTable *all, *here;  // type -> MfCensusRow: of the heap, of the arena at hand
  MfCensus *census;
} Taker;

static void
count (GHashTable *rows, const MfRemoteType *type, uint64_t n, uint64_t bytes)
{
  MfCensusRow *row = g_hash_table_lookup (rows, type);
  if (!row) {
    row = g_new0 (MfCensusRow, 1);
    row->type = type;
    g_hash_table_insert (rows, (gpointer) type, row);
  }
  row->count += n;
  row->bytes += bytes;
}

static const MfRemoteType *
look_up (void *types, uint64_t address)
{
  return mf_remote_type (types, address);
}

static void
take_pool (Taker *taker, const MfPool *pool, uint8_t *bytes)
{
  if (!mf_process_read (taker->process, pool->address, bytes, pool->reached)) {
    taker->census->unread_pools++;
    return;
  }
  const uint8_t *block = bytes + taker->heap->pool_header;
  uint32_t front;
  for (uint32_t i = 0; i < pool->capacity; i++, block += pool->block_size)
    if (!mf_pool_block_is_free (taker->heap, pool, i) && pool->block_size > taker->heap->front)
      count (taker->here, mf_type_in_block (look_up, taker->types, &taker->runtime->offsets, block + taker->heap->front,
          pool->block_size - taker->heap->front, &front), 1, pool->block_size);
}

// ---- arenas

static int
fewest_first (const void *a, const void *b)
{
  const MfArenaTenants *x = a, *y = b;
  return x->used_bytes != y->used_bytes ? (x->used_bytes > y->used_bytes) - (x->used_bytes < y->used_bytes)
      : (x->arena > y->arena) - (x->arena < y->arena);
}

static int
most_first (const void *a, const void *b)
{
  const MfCensusRow *x = a, *y = b;
  if (x->bytes != y->bytes)
    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
  return g_strcmp0 (x->type ? x->type->name : NULL, y->type ? y->type->name : NULL);
}

static void
close_arena (Taker *taker, uint32_t arena)
{
  MfArenaTenants tenants = { .arena = arena };
  GHashTableIter each;
  gpointer value;
  g_hash_table_iter_init (&each, taker->here);
  while (g_hash_table_iter_next (&each, NULL, &value)) {
    const MfCensusRow *row = value;
    tenants.used_blocks += row->count;
    tenants.used_bytes += row->bytes;
    if (!tenants.main.count || most_first (row, &tenants.main) < 0)
      tenants.main = *row;
    count (taker->all, row->type, row->count, row->bytes);
  }
  if (tenants.used_blocks)
    g_array_append_val (taker->census->tenants, tenants);
  g_hash_table_remove_all (taker->here);
}

static void
collect_rows (Taker *taker)
{
  GHashTableIter each;
  gpointer value;
  g_hash_table_iter_init (&each, taker->all);
  while (g_hash_table_iter_next (&each, NULL, &value))
    g_array_append_vals (taker->census->rows, value, 1);
  g_array_sort (taker->census->rows, most_first);
  g_array_sort (taker->census->tenants, fewest_first);
}

void
mf_census_take (const MfProcess *process, const MfPythonRuntime *runtime, const MfPymallocHeap *heap, MfRemoteTypes *types,
    MfCensus *census)
{
  *census = (MfCensus) { g_array_new (FALSE, FALSE, sizeof (MfCensusRow)), g_array_new (FALSE, FALSE, sizeof (MfArenaTenants)), 0 };
  Taker taker = { process, runtime, heap, types, g_hash_table_new_full (NULL, NULL, NULL, g_free),
    g_hash_table_new_full (NULL, NULL, NULL, g_free), census };
  g_autofree uint8_t *bytes = g_malloc (heap->pool_size);
  for (guint i = 0; i < heap->pools->len; i++) {
    const MfPool *pool = &g_array_index (heap->pools, MfPool, i);
    if (pool->state == MF_POOL_USED)
      take_pool (&taker, pool, bytes);
    if (i + 1 == heap->pools->len || g_array_index (heap->pools, MfPool, i + 1).arena != pool->arena)
      close_arena (&taker, pool->arena);
  }
  collect_rows (&taker);
  g_hash_table_unref (taker.all);
  g_hash_table_unref (taker.here);
}

void
mf_census_clear (MfCensus *census)
{
  g_clear_pointer (&census->rows, g_array_unref);
  g_clear_pointer (&census->tenants, g_array_unref);
}
