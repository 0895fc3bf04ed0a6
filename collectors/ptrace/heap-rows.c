// SPDX-License-Identifier: Apache-2.0
// From arenas and pools to regions and blocks: every byte of an arena is in one block.
#include "heap-rows.h"

#include <stdio.h>

typedef struct {
  MfStage *stage;
  MfHeapPorts *ports;
  const MfPymallocHeap *heap;
  const MfHeapMoment *moment;
  uint32_t region, blocks, in_region;
  uint64_t base, used, free;
  MfString kinds[MF_PYMALLOC_CLASSES];  // "32 B", by class
  MfString header, tail, gap, empty, fresh, unsteady;
} Publisher;

static bool
put (Publisher *to, uint64_t at, uint64_t size, MfString kind, uint32_t state)
{
  const MfHeapBlock row = { .snapshot = to->moment->snapshot, .region = to->region, .offset = { at - to->base }, .size = { size },
    .kind = kind, .state = state };
  if (!size)
    return true;
  *(state == MF_BLOCK_FREE ? &to->free : &to->used) += size;
  to->blocks++;
  to->in_region++;
  return mf_emit (&to->ports->blocks, &row);
}

static bool
put_blocks (Publisher *to, const MfPool *pool)
{
  MfString kind = to->kinds[pool->block_size / to->heap->alignment - 1];
  uint64_t at = pool->address + to->heap->pool_header;
  for (uint32_t i = 0; i < pool->capacity; i++, at += pool->block_size)
    if (!put (to, at, pool->block_size, kind, mf_pool_block_is_free (to->heap, pool, i) ? MF_BLOCK_FREE : MF_BLOCK_USED))
      return false;
  return put (to, at, pool->address + to->heap->pool_size - at, to->tail, MF_BLOCK_USED);
}

static bool
put_pool (Publisher *to, const MfPool *pool)
{
  if (pool->state == MF_POOL_EMPTY)
    return put (to, pool->address, to->heap->pool_size, to->empty, MF_BLOCK_FREE);
  if (pool->state == MF_POOL_INCONSISTENT)
    return put (to, pool->address, to->heap->pool_size, to->unsteady, MF_BLOCK_USED);
  return put (to, pool->address, to->heap->pool_header, to->header, MF_BLOCK_USED) && put_blocks (to, pool);
}

// The pools of an arena are one behind the other; `pool` is the first one, and the first of the next arena afterwards.
static bool
put_arena (Publisher *to, uint32_t arena, guint *pool)
{
  const MfPymallocHeap *heap = to->heap;
  const MfArena *its = &g_array_index (heap->arenas, MfArena, arena);
  uint64_t first = (its->address + heap->pool_size - 1) / heap->pool_size * heap->pool_size, end = first;
  to->base = its->address;
  to->region = arena;
  to->in_region = 0;
  if (!put (to, its->address, first - its->address, to->gap, MF_BLOCK_USED))
    return false;
  for (; *pool < heap->pools->len && g_array_index (heap->pools, MfPool, *pool).arena == arena; ++*pool, end += heap->pool_size)
    if (!put_pool (to, &g_array_index (heap->pools, MfPool, *pool)))
      return false;
  uint64_t last = its->address + heap->arena_size, whole = first + (last - first) / heap->pool_size * heap->pool_size;
  return put (to, end, whole - end, to->fresh, MF_BLOCK_FREE) && put (to, whole, last - whole, to->gap, MF_BLOCK_USED);
}

static bool
put_region (Publisher *to, uint32_t arena)
{
  const MfArena *its = &g_array_index (to->heap->arenas, MfArena, arena);
  const MfHeapRegion row = { .snapshot = to->moment->snapshot, .region = arena, .address = { its->address },
    .size = { to->heap->arena_size }, .name = mf_string (to->stage, "arena"), .blocks = to->in_region };
  return mf_emit (&to->ports->regions, &row);
}

static bool
put_snapshot (Publisher *to)
{
  const MfHeapSnapshot row = { .time = to->moment->time, .total = { to->used + to->free }, .used = { to->used },
    .free = { to->free }, .growable = MF_SIZE_NONE, .heap = mf_string (to->stage, to->moment->name),
    .allocator = mf_string (to->stage, "pymalloc"), .snapshot = to->moment->snapshot, .ordinal = to->moment->snapshot,
    .regions = to->heap->arenas->len, .blocks = to->blocks, .granule = to->heap->alignment, .line = UINT32_MAX,
    .last_line = UINT32_MAX, .flags = to->heap->inconsistent ? MF_SNAPSHOT_UNCHECKED : 0, .sequence = to->moment->snapshot };
  return mf_emit (&to->ports->snapshots, &row);
}

static bool
put_classes (Publisher *to, const MfPymallocStats *stats)
{
  for (uint32_t i = 0; i < stats->n_classes; i++) {
    const MfPymallocClass *class = &stats->classes[i];
    uint32_t size = (i + 1) * to->heap->alignment;
    const MfPymallocClassRow row = { .heap = mf_string (to->stage, to->moment->name), .snapshot = to->moment->snapshot,
      .size = { size }, .pools = class->pools, .used = class->used, .available = class->available,
      .used_bytes = { class->used * size }, .available_bytes = { class->available * size },
      .occupancy = 100.0 * (double) class->used / (double) (class->used + class->available) };
    if (class->pools && !mf_emit (&to->ports->classes, &row))
      return false;
  }
  return true;
}

static bool
put_total (Publisher *to, const MfPymallocStats *stats)
{
  const MfPymallocTotalRow row = { .time = to->moment->time, .heap = mf_string (to->stage, to->moment->name),
    .snapshot = to->moment->snapshot, .arenas = stats->arenas, .empty_pools = stats->empty_pools,
    .used = { stats->used_bytes }, .available = { stats->available_bytes }, .empty = { stats->empty_bytes },
    .headers = { stats->header_bytes }, .quantization = { stats->quantization_bytes }, .alignment = { stats->alignment_bytes },
    .total = { stats->arenas * to->heap->arena_size }, .retried_pools = to->heap->retried,
    .inconsistent_pools = to->heap->inconsistent, .took = to->moment->took };
  return mf_emit (&to->ports->totals, &row);
}

static void
name_kinds (Publisher *to)
{
  for (uint32_t i = 0; i < 512 / to->heap->alignment; i++) {
    char text[16];
    snprintf (text, sizeof text, "%u B", (i + 1) * to->heap->alignment);
    to->kinds[i] = mf_string (to->stage, text);
  }
  to->header = mf_string (to->stage, "pool header");
  to->tail = mf_string (to->stage, "rest of a pool");
  to->gap = mf_string (to->stage, "alignment");
  to->empty = mf_string (to->stage, "empty pool");
  to->fresh = mf_string (to->stage, "never used");
  to->unsteady = mf_string (to->stage, "unsteady pool");
}

bool
mf_publish_pymalloc (MfStage *stage, MfHeapPorts *ports, const MfPymallocHeap *heap, const MfHeapMoment *moment)
{
  Publisher to = { .stage = stage, .ports = ports, .heap = heap, .moment = moment };
  MfPymallocStats stats;
  guint pool = 0;
  name_kinds (&to);
  for (uint32_t i = 0; i < heap->arenas->len; i++)
    if (!put_arena (&to, i, &pool) || !put_region (&to, i))
      return false;
  mf_pymalloc_stats (heap, &stats);
  return mf_flush (stage) && put_snapshot (&to) && put_classes (&to, &stats) && put_total (&to, &stats) && mf_flush (stage);
}

// ---- what lives in it

static MfString
name_of (MfStage *stage, const MfCensusRow *row)
{
  return mf_string (stage, row->type ? row->type->name : "(items and tables)");
}

static bool
put_tenants (MfStage *stage, MfHeapPorts *ports, const MfPymallocHeap *heap, const MfArenaTenants *tenants,
    const MfHeapMoment *moment)
{
  const MfPymallocArena row = { .heap = mf_string (stage, moment->name), .snapshot = moment->snapshot,
    .arena = { g_array_index (heap->arenas, MfArena, tenants->arena).address }, .used_blocks = tenants->used_blocks,
    .used = { tenants->used_bytes }, .occupancy = 100.0 * (double) tenants->used_bytes / heap->arena_size,
    .main_type = name_of (stage, &tenants->main), .main_count = tenants->main.count, .main_bytes = { tenants->main.bytes } };
  return mf_emit (&ports->arenas, &row);
}

bool
mf_publish_census (MfStage *stage, MfHeapPorts *ports, const MfPymallocHeap *heap, const MfCensus *census,
    const MfHeapMoment *moment)
{
  for (guint i = 0; i < census->rows->len; i++) {
    const MfCensusRow *its = &g_array_index (census->rows, MfCensusRow, i);
    const MfObjectCensus row = { .snapshot = moment->snapshot, .type = name_of (stage, its), .count = its->count,
      .bytes = { its->bytes }, .large = its->large, .tracked = its->tracked, .large_bytes = { its->large_bytes } };
    if (!mf_emit (&ports->census, &row))
      return false;
  }
  for (guint i = 0; i < census->tenants->len; i++)
    if (!put_tenants (stage, ports, heap, &g_array_index (census->tenants, MfArenaTenants, i), moment))
      return false;
  return mf_flush (stage);
}

bool
mf_publish_alive (MfStage *stage, MfHeapPorts *ports, const GArray *rows, const MfHeapMoment *moment)
{
  for (guint i = 0; i < rows->len; i++) {
    const MfAliveRow *its = &g_array_index (rows, MfAliveRow, i);
    const MfObjectChain row = { .snapshot = moment->snapshot, .type = mf_string (stage, its->type->name), .count = its->count,
      .bytes = { its->bytes }, .address = { its->address }, .way = mf_string (stage, its->way ? its->way : ""),
      .state = !its->way ? MF_CHAIN_NONE : its->holds ? MF_CHAIN_HOLDS : MF_CHAIN_CHANGED };
    if (!mf_emit (&ports->chains, &row))
      return false;
  }
  return mf_flush (stage);
}
