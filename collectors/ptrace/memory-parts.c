// SPDX-License-Identifier: Apache-2.0
// First what is known by its address (arenas, areas, stacks), then chunks that are known by their header, then the rest of
// each mapping.
#include "memory-parts.h"

#include <stdio.h>
#include <string.h>

typedef struct {
  uint64_t from, to;
} MfMemoryRange;

void
mf_memory_division_init (MfMemoryDivision *division, const MfProcess *process, MfMemoryMap *map)
{
  *division = (MfMemoryDivision) { .process = process, .map = map, .known = g_array_new (FALSE, FALSE, sizeof (MfMemoryRange)) };
}

void
mf_memory_division_clear (MfMemoryDivision *division)
{
  g_clear_pointer (&division->known, g_array_unref);
}

static void
take (MfMemoryDivision *division, uint32_t part, uint64_t from, uint64_t size)
{
  mf_memory_map_take (division->map, from, size, &division->parts.sums[part]);
}

static void
know (MfMemoryDivision *division, uint64_t from, uint64_t size)
{
  const MfMemoryRange range = { from, from + size };
  g_array_append_val (division->known, range);
}

// ---- Python's arenas

static void
take_pool (MfMemoryDivision *division, const MfPymallocHeap *heap, const MfPool *pool)
{
  uint64_t at = pool->address + heap->pool_header, end = pool->address + heap->pool_size;
  uint64_t blocks = pool->state == MF_POOL_USED ? pool->capacity : 0;
  take (division, MF_MEMORY_PYMALLOC_FREE, pool->address, heap->pool_header);
  if (pool->state == MF_POOL_INCONSISTENT) {  // it changes: it is in use
    take (division, MF_MEMORY_PYTHON_OBJECTS, at, end - at);
    return;
  }
  if (pool->free_bits == UINT32_MAX && blocks) {
    take (division, MF_MEMORY_PYTHON_OBJECTS, at, blocks * pool->block_size);
    at += blocks * pool->block_size;
    blocks = 0;
  }
  for (uint64_t i = 0; i < blocks; i++, at += pool->block_size)
    take (division, mf_pool_block_is_free (heap, pool, (uint32_t) i) ? MF_MEMORY_PYMALLOC_FREE : MF_MEMORY_PYTHON_OBJECTS, at,
        pool->block_size);
  take (division, MF_MEMORY_PYMALLOC_FREE, at, end - at);
}

// What stands before the first pool, between pools that are not listed, and behind the last one.
static uint64_t
take_gap (MfMemoryDivision *division, uint64_t from, uint64_t to)
{
  if (to > from)
    take (division, MF_MEMORY_PYMALLOC_FREE, from, to - from);
  return MAX (from, to);
}

void
mf_memory_division_pymalloc (MfMemoryDivision *division, const MfPymallocHeap *heap)
{
  guint next = 0;
  for (guint i = 0; i < heap->arenas->len; i++) {
    const MfArena *arena = &g_array_index (heap->arenas, MfArena, i);
    uint64_t at = arena->address;
    know (division, arena->address, heap->arena_size);
    for (; next < heap->pools->len && g_array_index (heap->pools, MfPool, next).arena == i; next++) {
      const MfPool *pool = &g_array_index (heap->pools, MfPool, next);
      take_gap (division, at, pool->address);
      take_pool (division, heap, pool);
      at = pool->address + heap->pool_size;
    }
    take_gap (division, at, arena->address + heap->arena_size);
  }
  division->parts.pieces[MF_MEMORY_PYTHON_OBJECTS] += heap->arenas->len;
  division->parts.pieces[MF_MEMORY_PYMALLOC_FREE] += heap->arenas->len;
}

// ---- the C library's arenas

static bool
is_used (uint32_t state)
{
  return state == MF_CHUNK_USED || state == MF_CHUNK_HEADER;
}

static void
take_areas (MfMemoryDivision *division, const MfGlibcHeap *glibc)
{
  for (guint i = 0; i < glibc->chunks->len; i++) {
    const MfChunk *chunk = &g_array_index (glibc->chunks, MfChunk, i);
    take (division, is_used (chunk->state) ? MF_MEMORY_C_USED : MF_MEMORY_C_FREE, chunk->at, chunk->size);
    division->parts.pieces[MF_MEMORY_C_USED] += chunk->state == MF_CHUNK_USED;
    division->parts.pieces[MF_MEMORY_C_FREE] += !is_used (chunk->state);
  }
  for (guint i = 0; i < glibc->areas->len; i++) {
    const MfGlibcArea *area = &g_array_index (glibc->areas, MfGlibcArea, i);
    know (division, area->from, area->size);
  }
}

// ---- stacks of threads: below each lies a page that nobody may touch

static uint64_t
usual_stack (const MfProcess *process)
{
  enum { WITHOUT_LIMIT = 2 << 20 };
  uint64_t bytes = 0;
  g_autofree char *text = mf_process_file (process, "limits");
  const char *line = text ? strstr (text, "Max stack size") : NULL;
  return line && sscanf (line, "Max stack size %" G_GINT64_MODIFIER "u", &bytes) == 1 ? bytes : WITHOUT_LIMIT;
}

// Where the stack of a thread ends now; 0 = it runs, or may not be asked.
static uint64_t
stack_pointer (const MfProcess *process, int32_t thread)
{
  uint64_t pointer = 0;
  g_autofree char *name = g_strdup_printf ("task/%d/syscall", thread), *text = mf_process_file (process, name);
  const char *behind = text ? strrchr (text, ' ') : NULL;  // "number arguments stack-pointer instruction"
  while (behind && behind > text && behind[-1] != ' ')
    behind--;
  return behind && sscanf (behind, "0x%" G_GINT64_MODIFIER "x", &pointer) == 1 ? pointer : 0;
}

static bool
is_guarded (const MfMemoryMap *map, guint i)
{
  enum { ANY = MF_MAPPING_READ | MF_MAPPING_WRITE | MF_MAPPING_EXECUTE };
  const MfMemoryMapping *mapping = &g_array_index (map->mappings, MfMemoryMapping, i);
  const MfMemoryMapping *guard = i ? mapping - 1 : NULL;
  return mapping->kind == MF_MAPPED_NOTHING && mapping->flags & MF_MAPPING_WRITE && guard && guard->to == mapping->from
      && guard->kind == MF_MAPPED_NOTHING && !(guard->flags & ANY) && guard->sum.size <= 1 << 20;
}

static void
take_stack (MfMemoryDivision *division, const MfMemoryMapping *mapping, uint64_t usual, bool certain)
{
  uint64_t guard = mapping[-1].sum.size, size = mapping->to - mapping->from;
  if (usual > guard && size >= usual - guard)
    size = usual - guard;
  else if (!certain)
    return;
  take (division, MF_MEMORY_STACKS, mapping->from, size);
  know (division, mapping->from, size);
  division->parts.pieces[MF_MEMORY_STACKS]++;
}

static bool
has_pointer (const GArray *pointers, const MfMemoryMapping *mapping)
{
  for (guint i = 0; i < pointers->len; i++) {
    uint64_t pointer = g_array_index (pointers, uint64_t, i);
    if (pointer >= mapping->from && pointer < mapping->to)
      return true;
  }
  return false;
}

static void
take_stacks (MfMemoryDivision *division)
{
  uint64_t usual = usual_stack (division->process);
  g_autoptr (GArray) threads = mf_process_threads (division->process);
  g_autoptr (GArray) pointers = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  for (guint i = 0; i < threads->len; i++) {
    uint64_t pointer = stack_pointer (division->process, g_array_index (threads, int32_t, i));
    g_array_append_val (pointers, pointer);
  }
  for (guint i = 0; i < division->map->mappings->len; i++) {
    const MfMemoryMapping *mapping = &g_array_index (division->map->mappings, MfMemoryMapping, i);
    if (is_guarded (division->map, i))
      take_stack (division, mapping, usual, has_pointer (pointers, mapping));
  }
}

// ---- chunks with a mapping of their own: their header says how long they are

typedef struct {
  MfMemoryDivision *division;
  uint64_t chunks, bytes;  // that are still to be found
  uint32_t padding;        // of the mapping, in front of the header: blocks are aligned
} Search;

static int
by_address (const void *a, const void *b)
{
  const MfMemoryRange *x = a, *y = b;
  return (x->from > y->from) - (x->from < y->from);
}

// Where something known that holds the address ends; 0 = nothing does.
static uint64_t
known_end (const GArray *known, uint64_t at)
{
  guint low = 0, high = known->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (g_array_index (known, MfMemoryRange, middle).to <= at)
      low = middle + 1;
    else
      high = middle;
  }
  const MfMemoryRange *range = low < known->len ? &g_array_index (known, MfMemoryRange, low) : NULL;
  return range && range->from <= at ? range->to : 0;
}

// How long the mapping is whose chunk has this header; 0 = it is none. Since 2.43 the size lacks the header itself, and the lowest bit in
// front says something else. Chunks that were asked for aligned begin later in their mapping and say so.
static uint64_t
mapped_size (const Search *search, const uint8_t *header, uint64_t room)
{
  enum { FLAGS = 7, IS_MAPPED = 2, HUGE = 1 };
  unsigned word = mf_process_word (search->division->process);
  uint64_t page = search->division->map->page_size, before = 0, size = 0;
  memcpy (&before, header, word);
  memcpy (&size, header + word, word);
  before = GUINT64_FROM_LE (before);
  size = GUINT64_FROM_LE (size);
  bool mapped = (size & FLAGS) == IS_MAPPED && (before & ~(uint64_t) HUGE) == search->padding;
  size &= ~(uint64_t) FLAGS;
  if (!mapped || size > search->bytes)
    return 0;
  size += search->padding;
  size += size % page ? 2 * word : 0;
  return size % page == 0 && size && size <= room && size <= search->bytes ? size : 0;
}

static uint64_t
next_candidate (const Search *search, const MfMemoryMapping *mapping, uint64_t at)
{
  const MfMemoryMap *map = search->division->map;
  while (at < mapping->to) {
    uint64_t end = known_end (search->division->known, at);
    if (end)
      at = (end + map->page_size - 1) / map->page_size * map->page_size;
    else if (!mf_memory_map_was_used (map, mapping, at))
      at += map->page_size;
    else
      return at;
  }
  return mapping->to;
}

static void
search_mapping (Search *search, const MfMemoryMapping *mapping)
{
  enum { AT_ONCE = 64, HEADER = 16 };
  uint8_t headers[AT_ONCE][HEADER];
  MfRemoteSpan spans[AT_ONCE];
  uint64_t page = search->division->map->page_size;
  for (uint64_t at = mapping->from; at < mapping->to && search->chunks;) {
    unsigned n = 0;
    for (; n < AT_ONCE && (at = next_candidate (search, mapping, at)) < mapping->to; n++, at += page)
      spans[n] = (MfRemoteSpan) { at + search->padding, headers[n], HEADER };
    if (!n || !mf_process_gather (search->division->process, spans, n))
      return;
    for (unsigned i = 0; i < n && search->chunks; i++) {
      uint64_t from = spans[i].at - search->padding, size = from < at ? mapped_size (search, headers[i], mapping->to - from) : 0;
      if (!size)
        continue;
      take (search->division, MF_MEMORY_C_MAPPED, from, size);
      search->division->parts.pieces[MF_MEMORY_C_MAPPED]++;
      search->chunks--;
      search->bytes -= size;
      at = from + size;
      break;
    }
  }
}

static bool
may_hold_chunks (const MfMemoryMapping *mapping)
{
  static const uint64_t most_blindly = UINT64_C (1) << 32;
  return mapping->kind == MF_MAPPED_NOTHING && mapping->flags & MF_MAPPING_WRITE
      && mapping->sum.resident + mapping->sum.swapped > 0
      && (mapping->page != UINT64_MAX || mapping->sum.size <= most_blindly);
}

static void
take_mapped_chunks (MfMemoryDivision *division, const MfGlibcHeap *glibc)
{
  Search search = { division, glibc->figures.hblks, glibc->figures.hblkhd, glibc->alignment - 2 * glibc->chunk_overhead };
  g_array_sort (division->known, by_address);
  for (guint i = 0; i < division->map->mappings->len; i++) {
    const MfMemoryMapping *mapping = &g_array_index (division->map->mappings, MfMemoryMapping, i);
    if (may_hold_chunks (mapping))
      search_mapping (&search, mapping);
  }
  division->parts.mapped_chunks_missed = search.chunks;
}

// ---- the rest of each mapping

void
mf_memory_division_rest (MfMemoryDivision *division, const MfGlibcHeap *glibc)
{
  static const uint32_t parts[] = { [MF_MAPPED_NOTHING] = MF_MEMORY_ANONYMOUS, [MF_MAPPED_BREAK] = MF_MEMORY_C_HEAP,
    [MF_MAPPED_STACK] = MF_MEMORY_STACKS, [MF_MAPPED_FILE] = MF_MEMORY_FILES, [MF_MAPPED_SHARED] = MF_MEMORY_SHARED };
  if (glibc)
    take_areas (division, glibc);
  take_stacks (division);
  if (glibc)
    take_mapped_chunks (division, glibc);
  for (guint i = 0; i < division->map->mappings->len; i++) {
    MfMemoryMapping *mapping = &g_array_index (division->map->mappings, MfMemoryMapping, i);
    uint32_t part = parts[mapping->kind];
    division->parts.pieces[part] += mapping->taken.size < mapping->sum.size;
    mf_memory_map_take_rest (mapping, &division->parts.sums[part]);
  }
}
