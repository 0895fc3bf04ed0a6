// SPDX-License-Identifier: Apache-2.0
// The heap of the C library as rows: a region for each area, a block for each chunk.
#include "heap-rows.h"

// What mallinfo2() calls used and what can be had again are not the same: a cached chunk is free for its thread.
static const struct { const char *kind; uint32_t state; } kinds[] = {
  [MF_CHUNK_USED] = { "chunk", MF_BLOCK_USED },         [MF_CHUNK_FREE] = { "free chunk", MF_BLOCK_FREE },
  [MF_CHUNK_TOP] = { "top", MF_BLOCK_FREE },            [MF_CHUNK_FAST] = { "in a fast bin", MF_BLOCK_FREE },
  [MF_CHUNK_CACHED] = { "in a cache", MF_BLOCK_FREE },  [MF_CHUNK_MAPPED] = { "mapped", MF_BLOCK_USED },
  [MF_CHUNK_HEADER] = { "records", MF_BLOCK_USED },
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

typedef struct { uint64_t used, free; } Sums;

static bool
put_chunks (MfStage *stage, MfHeapPorts *ports, const MfGlibcHeap *heap, uint32_t snapshot, uint32_t *counts, Sums *sums)
{
  MfString names[N_KINDS];
  for (size_t i = 0; i < N_KINDS; i++)
    names[i] = mf_string (stage, kinds[i].kind);
  for (guint i = 0; i < heap->chunks->len; i++) {
    const MfChunk *chunk = &g_array_index (heap->chunks, MfChunk, i);
    const MfGlibcArea *area = &g_array_index (heap->areas, MfGlibcArea, chunk->area);
    const MfHeapBlock row = { .snapshot = snapshot, .region = chunk->area, .offset = { chunk->at - area->from },
      .size = { chunk->size }, .kind = names[chunk->state], .state = kinds[chunk->state].state };
    *(row.state == MF_BLOCK_FREE ? &sums->free : &sums->used) += chunk->size;
    counts[chunk->area]++;
    if (!mf_emit (&ports->blocks, &row))
      return false;
  }
  return true;
}

static bool
put_areas (MfStage *stage, MfHeapPorts *ports, const MfGlibcHeap *heap, uint32_t snapshot, const uint32_t *counts)
{
  for (guint i = 0; i < heap->areas->len; i++) {
    const MfGlibcArea *area = &g_array_index (heap->areas, MfGlibcArea, i);
    g_autofree char *name = area->arena ? g_strdup_printf ("arena %u", area->arena) : g_strdup ("main arena");
    const MfHeapRegion row = { .snapshot = snapshot, .region = i, .address = { area->from }, .size = { area->size },
      .name = mf_string (stage, name), .blocks = counts[i] };
    if (!mf_emit (&ports->regions, &row))
      return false;
  }
  return true;
}

static bool
put_snapshot (MfStage *stage, MfHeapPorts *ports, const MfGlibcHeap *heap, const MfHeapMoment *moment, Sums sums)
{
  const MfHeapSnapshot row = { .time = moment->time, .total = { sums.used + sums.free }, .used = { sums.used },
    .free = { sums.free }, .growable = MF_SIZE_NONE, .heap = mf_string (stage, moment->name),
    .allocator = mf_string (stage, "glibc"), .snapshot = moment->snapshot, .ordinal = moment->snapshot,
    .regions = heap->areas->len, .blocks = heap->chunks->len, .granule = heap->alignment, .block_header = heap->chunk_overhead, .line = UINT32_MAX,
    .last_line = UINT32_MAX, .sequence = moment->snapshot };
  return mf_emit (&ports->snapshots, &row);
}

static bool
put_total (MfStage *stage, MfHeapPorts *ports, const MfGlibcHeap *heap, const MfHeapMoment *moment)
{
  const MfMallinfo *figures = &heap->figures;
  const MfGlibcTotalRow row = { .time = moment->time, .heap = mf_string (stage, moment->name), .snapshot = moment->snapshot,
    .arenas = heap->arenas, .free_chunks = figures->ordblks, .fast_chunks = figures->smblks, .mapped_chunks = figures->hblks,
    .cached_chunks = heap->caches_known ? heap->cached : UINT64_MAX, .arena = { figures->arena }, .used = { figures->uordblks },
    .free = { figures->fordblks }, .fast = { figures->fsmblks },
    .cached = heap->caches_known ? (MfSize) { heap->cached_bytes } : MF_SIZE_NONE, .mapped = { figures->hblkhd },
    .top = { figures->keepcost }, .stopped = moment->took };
  return mf_emit (&ports->c_totals, &row);
}

bool
mf_publish_glibc (MfStage *stage, MfHeapPorts *ports, const MfGlibcHeap *heap, const MfHeapMoment *moment)
{
  Sums sums = { 0 };
  g_autofree uint32_t *counts = g_new0 (uint32_t, heap->areas->len + 1);
  return put_chunks (stage, ports, heap, moment->snapshot, counts, &sums)
      && put_areas (stage, ports, heap, moment->snapshot, counts) && mf_flush (stage)
      && put_snapshot (stage, ports, heap, moment, sums) && put_total (stage, ports, heap, moment) && mf_flush (stage);
}
