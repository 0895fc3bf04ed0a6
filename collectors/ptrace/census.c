// SPDX-License-Identifier: Apache-2.0
// An object begins at its block, or behind the words that the garbage collector and the instance dictionary need in front of it;
// in the allocator's debug mode all of that stands behind the notes of that mode. Objects outside of the arenas are found through the
// collector's lists, which lead from those in the arenas to them.
#include "census.h"

#include "remote-number.h"

typedef struct {
  const MfProcess *process;
  const MfPythonRuntime *runtime;
  const MfPymallocHeap *heap;
  MfRemoteTypes *types;
  GHashTable *all, *here;  // type -> MfCensusRow: of the heap, of the arena at hand
  GHashTable *large;       // addresses of the collector's words in front of objects outside of the arenas
  const MfArena *arena;    // in which the last address was that was in one
  MfCensus *census;
} Taker;

static MfCensusRow *
row_of (GHashTable *rows, const MfRemoteType *type)
{
  MfCensusRow *row = g_hash_table_lookup (rows, type);
  if (!row) {
    row = g_new0 (MfCensusRow, 1);
    row->type = type;
    g_hash_table_insert (rows, (gpointer) type, row);
  }
  return row;
}

static void
add_row (GHashTable *rows, const MfCensusRow *more)
{
  MfCensusRow *row = row_of (rows, more->type);
  row->count += more->count;
  row->bytes += more->bytes;
  row->tracked += more->tracked;
  row->large += more->large;
  row->large_bytes += more->large_bytes;
}

// ---- objects outside of the arenas

static bool
is_in_arena (Taker *taker, uint64_t at)
{
  if (taker->arena && at - taker->arena->address < taker->heap->arena_size)
    return true;
  uint32_t arena = mf_pymalloc_arena_at (taker->heap, at);
  if (arena != UINT32_MAX)
    taker->arena = &g_array_index (taker->heap->arenas, MfArena, arena);
  return arena != UINT32_MAX;
}

static uint64_t
pointer_at (const Taker *taker, uint64_t at)
{
  uint64_t pointer;
  return mf_process_pointer (taker->process, at, &pointer) ? pointer : 0;
}

static uint64_t
large_size (const Taker *taker, uint64_t object, const MfRemoteType *type)
{
  enum { MOST_ITEMS = 1 << 30 };
  int64_t n = type->item_size > 0 ? (int64_t) pointer_at (taker, object + 2 * (uint64_t) taker->runtime->offsets.pointer) : 0;
  return (uint64_t) MAX (type->basic_size, 0) + (n > 0 && n < MOST_ITEMS ? (uint64_t) (n * type->item_size) : 0);
}

// Bits of the two words that are not part of the addresses in them.
enum { COLLECTOR_FLAGS = 7 };

// From the collector's words of one object to those of the next and so on, until it leads into the arenas again; the heads of the
// lists are no objects. `back` follows the other direction.
static void
follow (Taker *taker, uint64_t at, bool back)
{
  enum { MOST_LARGE = 1 << 22 };
  uint64_t word = (uint64_t) taker->runtime->offsets.pointer;
  while ((at &= ~(uint64_t) COLLECTOR_FLAGS) && !is_in_arena (taker, at) && g_hash_table_size (taker->large) < MOST_LARGE) {
    uint64_t object = at + 2 * word;
    if (g_hash_table_contains (taker->large, GSIZE_TO_POINTER (at)))
      return;
    const MfRemoteType *type = mf_remote_type (taker->types, pointer_at (taker, object + (uint64_t) taker->runtime->offsets.type));
    if (!type || !(type->flags & MF_TYPE_HAS_GC))
      return;
    g_hash_table_add (taker->large, GSIZE_TO_POINTER (at));
    add_row (taker->all, &(MfCensusRow) { .type = type, .tracked = 1, .large = 1, .large_bytes = large_size (taker, object, type) });
    at = pointer_at (taker, at + (back ? word : 0));
  }
}

// ---- objects in blocks

// What the collector does not know has no successor in its lists.
static bool
is_tracked (Taker *taker, const uint8_t *object)
{
  unsigned word = (unsigned) taker->runtime->offsets.pointer;
  const uint8_t *words = object - 2 * word;
  uint64_t next = mf_number_in (words, 0, word);
  if (!next)
    return false;
  follow (taker, next, false);
  follow (taker, mf_number_in (words, word, word), true);
  return true;
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
  for (uint32_t i = 0; i < pool->capacity; i++, block += pool->block_size) {
    if (mf_pool_block_is_free (taker->heap, pool, i) || pool->block_size <= taker->heap->front)
      continue;
    const uint8_t *begin = block + taker->heap->front;
    const MfRemoteType *type = mf_type_in_block (look_up, taker->types, &taker->runtime->offsets, begin, pool->block_size - taker->heap->front,
        &front);
    MfCensusRow *row = row_of (taker->here, type);
    row->count++;
    row->bytes += pool->block_size;
    row->tracked += front && type && is_tracked (taker, begin + front);
  }
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
    add_row (taker->all, row);
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
  Taker taker = { .process = process, .runtime = runtime, .heap = heap, .types = types, .census = census,
    .all = g_hash_table_new_full (NULL, NULL, NULL, g_free), .here = g_hash_table_new_full (NULL, NULL, NULL, g_free),
    .large = g_hash_table_new (NULL, NULL) };
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
  g_hash_table_unref (taker.large);
}

void
mf_census_clear (MfCensus *census)
{
  g_clear_pointer (&census->rows, g_array_unref);
  g_clear_pointer (&census->tenants, g_array_unref);
}
