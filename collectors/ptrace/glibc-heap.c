// SPDX-License-Identifier: Apache-2.0
// The main arena is known by what it holds: no symbol of the C library is needed. Chunks lead from one to the next; a chunk
// is free if the next one says so; those in fast bins and caches of threads look used and are found through their lists.
#include "glibc-heap.h"

#include <elf.h>
#include <string.h>

#include "remote-number.h"

#include "elf-image.h"

G_DEFINE_QUARK (memflow-glibc-error, mf_glibc_error)

enum { PAGE = 4096, PREVIOUS_USED = 1, FLAGS = 7 };
enum { N_BINS = 127, N_MMAPS_MAX = 65536, MOST_CACHE_BINS = 76, SMALL_CACHE_BINS = 64 };
enum { MOST_ARENAS = 4096, MOST_HEAPS = 1 << 16 };

// By the width of a pointer and the alignment of blocks; 2.43 did away with fast bins.
//  chunks: the smallest one; the header, which is also the size of a fence at the end of an area.
//  struct malloc_state: fast bins, top, bins, next, system_mem, all of it.
//  struct heap_info: one for each piece of an arena that is not the main one, at multiples of heap_alignment; previous, size, and where
//    the state may stand behind it: 2.35 added a word.
//  struct malloc_par, from sbrk_base backwards: n_mmaps_max, behind n_mmaps; 2.35 moved both by padding; mmapped_mem.
//  struct tcache_perthread_struct: the size of its chunk, of both kinds.
typedef struct MfGlibcLayout {
  uint32_t word, alignment, least_chunk, chunk_header;
  uint32_t fast_bins, n_fast_bins, top, bins, next, system_mem, state;
  uint64_t heap_alignment;
  uint32_t heap_previous, heap_size, states[2];
  uint32_t n_mmaps_max_back[2], mapped_back;
  uint32_t cache_chunks[2];
} Layout;

static const Layout layouts[] = {
  { 8, 16, 32, 16, 16, 10, 96, 112, 2160, 2184, 2200, UINT64_C (64) << 20, 8, 16, { 0x20, 0x30 }, { 28, 32 }, 16, { 0x290, 0x300 } },
  { 4, 16, 16, 8, 12, 11, 56, 64, 1096, 1108, 1116, UINT64_C (1) << 20, 4, 8, { 0x18, 0x18 }, { 20, 20 }, 8, { 0x190, 0x1d0 } },
  { 4, 8, 16, 8, 12, 10, 52, 60, 1092, 1104, 1112, UINT64_C (1) << 20, 4, 8, { 0x10, 0x18 }, { 20, 20 }, 8, { 0x188, 0x1d0 } },
  { 8, 16, 32, 16, 0, 0, 8, 24, 2072, 2096, 2112, UINT64_C (64) << 20, 8, 16, { 0x30, 0x30 }, { 32, 32 }, 16, { 0, 0x300 } },
  { 4, 16, 16, 8, 0, 0, 8, 16, 1048, 1060, 1068, UINT64_C (1) << 20, 4, 8, { 0x18, 0x18 }, { 20, 20 }, 8, { 0, 0x1d0 } },
  { 4, 8, 16, 8, 0, 0, 8, 16, 1048, 1060, 1068, UINT64_C (1) << 20, 4, 8, { 0x18, 0x18 }, { 20, 20 }, 8, { 0, 0x1d0 } },
};

// A cache counts the chunks in each bin, since 2.42 those that it still has room for. Large bins have chunks of several sizes.
typedef struct {
  unsigned bins;
  bool counts_room;
} CacheKind;
static const CacheKind cache_kinds[] = { { SMALL_CACHE_BINS, false }, { MOST_CACHE_BINS, true } };

// Of 32-bit machines, those with 16-byte long doubles or vectors align blocks to 16.
static bool
is_layout_of (const Layout *layout, unsigned word, uint16_t machine)
{
  return layout->word == word && layout->alignment == (word == 8 || machine == EM_386 ? 16 : 8);
}

static uint64_t
word_in (const Layout *layout, const uint8_t *bytes, uint64_t at)
{
  return mf_number_in (bytes, at, layout->word);
}

// What programs get is aligned: it begins behind the header of the chunk.
static uint64_t
first_chunk_at (const Layout *layout, uint64_t at)
{
  uint64_t block = at + layout->chunk_header;
  return (block + layout->alignment - 1) / layout->alignment * layout->alignment - layout->chunk_header;
}

// ---- finding the records

typedef struct {
  const MfProcess *process;
  const GArray *mappings;
  const Layout *layout;
  MfGlibcPlace *place;
} Search;

static const MfMapping *
find_library (const GArray *mappings)
{
  for (guint i = 0; i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    g_autofree char *name = g_path_get_basename (mapping->path);
    if (!mapping->offset && mapping->inode && (g_str_equal (name, "libc.so.6") || g_str_has_prefix (name, "libc-2.")))
      return mapping;
  }
  return NULL;
}

// The area that grows by brk goes on to the end of its mappings.
static uint64_t
area_end (const GArray *mappings, uint64_t from)
{
  uint64_t end = 0;
  for (guint i = 0; i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    bool written = mapping->flags & MF_MAPPING_WRITE && !mapping->inode;
    if (written && ((from >= mapping->from && from < mapping->to) || mapping->from == end))
      end = mapping->to;
  }
  return end;
}

// Empty bins point to themselves; most are empty.
static bool
has_empty_bins (const Layout *layout, const uint8_t *state, uint64_t at)
{
  enum { LEAST = 20 };
  unsigned empty = 0;
  for (unsigned i = 0; i < N_BINS; i++) {
    uint64_t bin = layout->bins + 2 * layout->word * i, self = at + bin - 2 * layout->word;
    empty += word_in (layout, state, bin) == self && word_in (layout, state, bin + layout->word) == self;
  }
  return empty >= LEAST;
}

// The records of another arena begin behind those of its first heap.
static bool
may_be_next (const Layout *layout, uint64_t next, uint64_t at)
{
  uint64_t low = next % layout->heap_alignment;
  return next == at || low == layout->states[0] || low == layout->states[1];
}

// Arenas form a ring.
static bool
leads_back (const Search *search, uint64_t at, uint64_t next)
{
  for (int i = 0; i < MOST_ARENAS && next != at; i++)
    if (!may_be_next (search->layout, next, at) || !mf_process_pointer (search->process, next + search->layout->next, &next))
      return false;
  return next == at;
}

static bool
is_main_arena (const Search *search, const uint8_t *state, uint64_t at)
{
  const MfGlibcPlace *place = search->place;
  const Layout *layout = search->layout;
  uint64_t top = word_in (layout, state, layout->top);
  return top >= place->heap_from && top < place->heap_to
      && word_in (layout, state, layout->system_mem) <= place->heap_to - place->heap_from && has_empty_bins (layout, state, at)
      && leads_back (search, at, word_in (layout, state, layout->next));
}

static bool
find_main_arena (const Search *search, const uint8_t *bytes, const MfElfPart *part)
{
  const Layout *layout = search->layout;
  for (uint64_t i = 0; i + layout->state <= part->size; i += layout->word)
    if (is_main_arena (search, bytes + i, part->at + i)) {
      search->place->main_arena = part->at + i;
      return true;
    }
  return false;
}

// The address at which the area that grows by brk began stands behind a number that hardly anybody changes. The main arena has to be in
// the same part and lie in that area.
static bool
is_parameters (const Search *search, const uint8_t *bytes, const MfElfPart *part, uint64_t i, uint64_t back)
{
  const Layout *layout = search->layout;
  MfGlibcPlace *place = search->place;
  if (i < back + 4 || mf_number_in (bytes, i - back, 4) != N_MMAPS_MAX)
    return false;
  place->heap_from = word_in (layout, bytes, i);
  place->heap_to = area_end (search->mappings, place->heap_from);
  place->n_mmaps = part->at + i - back - 4;
  place->mapped = part->at + i - layout->mapped_back;
  return place->heap_to && find_main_arena (search, bytes, part);
}

static bool
search_part (const Search *search, const MfElfPart *part)
{
  enum { LARGEST = 1 << 20 };
  const Layout *layout = search->layout;
  if (part->size > LARGEST || part->size < layout->state)
    return false;
  g_autofree uint8_t *bytes = g_malloc (part->size);
  if (!mf_process_read_touched (search->process, part->at, bytes, part->size))
    return false;
  for (uint64_t i = 0; i + layout->word <= part->size; i += layout->word)
    for (unsigned k = 0; k < G_N_ELEMENTS (layout->n_mmaps_max_back); k++)
      if (is_parameters (search, bytes, part, i, layout->n_mmaps_max_back[k]))
        return true;
  return false;
}

static bool
search_image (const Search *search, const MfElfImage *image)
{
  MfElfPart part;
  search->place->layout = search->layout;
  for (unsigned i = 0; mf_elf_image_writable (image, i, &part); i++)
    if (search_part (search, &part))
      return true;
  return false;
}

bool
mf_glibc_find (MfProcess *process, MfGlibcPlace *place, GError **error)
{
  const GArray *mappings = mf_process_mappings (process, error);
  if (!mappings)
    return false;
  *place = (MfGlibcPlace) { 0 };
  const MfMapping *library = find_library (mappings);
  g_autofree char *path = library ? mf_process_open_path (process, library) : NULL;
  g_autoptr (MfElfImage) image = path ? mf_elf_image_open (path, library->from, NULL) : NULL;
  for (size_t i = 0; image && i < G_N_ELEMENTS (layouts); i++) {
    const Search search = { process, mappings, &layouts[i], place };
    if (is_layout_of (&layouts[i], mf_process_word (process), mf_elf_image_machine (image)) && search_image (&search, image))
      return true;
  }
  g_set_error (error, MF_GLIBC_ERROR, image ? MF_GLIBC_ERROR_LAYOUT : MF_GLIBC_ERROR_NONE, "process %d: %s", mf_process_id (process),
      image ? "the records of its C library's heap were not found: nothing is on a heap that grows by brk, or it is newer than 2.43"
            : "no glibc is loaded, or its file cannot be read: the heap of another C library is not known");
  return false;
}

// ---- copying

static void
free_area (void *area)
{
  g_free (((MfGlibcArea *) area)->copy);
}

static bool
copy_area (const MfProcess *process, MfGlibcHeap *heap, uint64_t from, uint64_t size, uint32_t arena)
{
  enum { LARGEST = 1 << 30 };
  for (guint i = 0; i < heap->areas->len; i++)
    if (g_array_index (heap->areas, MfGlibcArea, i).from == from)  // damaged: it leads in a circle
      return false;
  const MfGlibcArea area = { from, size, arena, size && size <= LARGEST ? g_try_malloc (size) : NULL };
  if (!area.copy)
    return false;
  g_array_append_val (heap->areas, area);
  return mf_process_read_touched (process, from, area.copy, size);
}

// The pieces of an arena, from the newest one, which holds its top, to the first one, which holds its records.
static bool
copy_arena (const MfProcess *process, const Layout *layout, MfGlibcHeap *heap, uint64_t state, uint32_t arena)
{
  uint64_t top, size;
  if (!mf_process_pointer (process, state + layout->top, &top))
    return false;
  uint64_t piece = top & ~(layout->heap_alignment - 1);
  for (int i = 0; i < MOST_HEAPS && piece; i++) {
    if (!mf_process_pointer (process, piece + layout->heap_size, &size) || size > layout->heap_alignment
        || !copy_area (process, heap, piece, size, arena) || !mf_process_pointer (process, piece + layout->heap_previous, &piece))
      return false;
  }
  return piece == 0;
}

static int
by_address (const void *a, const void *b)
{
  uint64_t x = ((const MfGlibcArea *) a)->from, y = ((const MfGlibcArea *) b)->from;
  return (x > y) - (x < y);
}

bool
mf_glibc_copy (MfProcess *process, const MfGlibcPlace *place, MfGlibcHeap *heap, GError **error)
{
  *heap = (MfGlibcHeap) { g_array_new (FALSE, FALSE, sizeof (MfGlibcArea)), g_array_new (FALSE, FALSE, sizeof (MfChunk)),
    { 0 }, 0, 0, 0, place->layout->alignment, place->layout->word, false };
  g_array_set_clear_func (heap->areas, free_area);
  const Layout *layout = place->layout;
  uint64_t size, at = place->main_arena;
  bool copied = mf_process_pointer (process, at + layout->system_mem, &size) && copy_area (process, heap, place->heap_from, size, 0);
  for (heap->arenas = 1; copied && heap->arenas < MOST_ARENAS; heap->arenas++) {
    copied = mf_process_pointer (process, at + layout->next, &at);
    if (at == place->main_arena)
      break;
    copied = copied && copy_arena (process, layout, heap, at, heap->arenas);
  }
  if (!copied)
    g_set_error (error, MF_GLIBC_ERROR, MF_GLIBC_ERROR_LAYOUT, "process %d: the areas of its C library's heap cannot be read",
        mf_process_id (process));
  g_array_sort (heap->areas, by_address);
  return copied;
}

// ---- reading the copy

typedef struct {
  const MfProcess *process;
  const MfGlibcPlace *place;
  const Layout *layout;
  MfGlibcHeap *heap;
} Reader;

static MfGlibcArea *
area_of (const Reader *reader, uint64_t at, uint64_t n)
{
  for (guint i = 0; i < reader->heap->areas->len; i++) {
    MfGlibcArea *area = &g_array_index (reader->heap->areas, MfGlibcArea, i);
    if (at >= area->from && at - area->from < area->size && n <= area->size - (at - area->from))
      return area;
  }
  return NULL;
}

static bool
load (const Reader *reader, uint64_t at, uint64_t *word)
{
  const MfGlibcArea *area = area_of (reader, at, reader->layout->word);
  if (!area)
    return mf_process_pointer (reader->process, at, word);
  *word = word_in (reader->layout, area->copy, at - area->from);
  return true;
}

// The chunk that begins at an address; NULL = none does.
static MfChunk *
chunk_at (const Reader *reader, uint64_t at)
{
  GArray *chunks = reader->heap->chunks;
  guint low = 0, high = chunks->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (g_array_index (chunks, MfChunk, middle).at < at)
      low = middle + 1;
    else
      high = middle;
  }
  MfChunk *chunk = low < chunks->len ? &g_array_index (chunks, MfChunk, low) : NULL;
  return chunk && chunk->at == at ? chunk : NULL;
}

static void
add_chunk (Reader *reader, uint32_t area, uint64_t at, uint64_t size, MfChunkState state)
{
  const MfChunk chunk = { at, size, area, state };
  if (size)
    g_array_append_val (reader->heap->chunks, chunk);
}

// Where the chunks of an area begin: behind the records of the piece, and behind those of the arena in its first piece. What stands in
// front of a piece is too short for its records if they are damaged.
static uint64_t
first_chunk (const Reader *reader, const MfGlibcArea *area)
{
  const Layout *layout = reader->layout;
  if (!area->arena)
    return first_chunk_at (layout, area->from) - area->from;
  uint64_t state = area->size >= layout->word ? word_in (layout, area->copy, 0) : 0;
  if (state - area->from < PAGE)
    return first_chunk_at (layout, state + layout->state) - area->from;
  // A later piece: as large as the records in front of the arena in the first one.
  return state % layout->heap_alignment;
}

static uint64_t
top_of (const Reader *reader, const MfGlibcArea *area)
{
  uint64_t top = 0, state = area->arena ? word_in (reader->layout, area->copy, 0) : reader->place->main_arena;
  load (reader, state + reader->layout->top, &top);
  return top - area->from;
}

// A piece that another one follows ends with two headers that are no chunks: the second one has no size.
static bool
is_last_fence (const Layout *layout, const MfGlibcArea *area, uint64_t at, uint64_t size)
{
  return !size && area->arena && area->size - at <= layout->least_chunk;
}

static bool
walk_area (Reader *reader, uint32_t index)
{
  const Layout *layout = reader->layout;
  const MfGlibcArea *area = &g_array_index (reader->heap->areas, MfGlibcArea, index);
  if (area->size < PAGE)
    return false;
  uint64_t at = first_chunk (reader, area), top = top_of (reader, area);
  add_chunk (reader, index, area->from, at, MF_CHUNK_HEADER);
  while (at < area->size && area->size - at >= layout->chunk_header) {
    uint64_t size = word_in (layout, area->copy, at + layout->word) & ~(uint64_t) FLAGS, left = area->size - at;
    if (at == top || is_last_fence (layout, area, at, size)) {
      add_chunk (reader, index, area->from + at, left, at == top ? MF_CHUNK_TOP : MF_CHUNK_HEADER);
      return at != top || size == left;
    }
    if (size < layout->chunk_header || size % layout->chunk_header || size > left)
      return false;
    bool last = left - size < layout->chunk_header;
    bool used = last || word_in (layout, area->copy, at + size + layout->word) & PREVIOUS_USED;
    add_chunk (reader, index, area->from + at, size,
        size < layout->least_chunk ? MF_CHUNK_HEADER : used ? MF_CHUNK_USED : MF_CHUNK_FREE);
    at += size;
  }
  return at == area->size;
}

// ---- lists of freed chunks that look used

// Since 2.32 a list keeps each pointer mixed with where it stands.
static uint64_t
plain (uint64_t at, uint64_t pointer)
{
  return pointer ^ at >> 12;
}

static bool
follow (Reader *reader, uint64_t first, uint64_t link, MfChunkState state, bool mixed, unsigned most, unsigned *n)
{
  *n = 0;
  for (uint64_t at = first; at; ++*n) {
    MfChunk *chunk = chunk_at (reader, at);
    uint64_t next;
    if (!chunk || *n >= most || (chunk->state != MF_CHUNK_USED && chunk->state != (uint32_t) state) || !load (reader, at + link, &next))
      return false;
    chunk->state = (uint32_t) state;
    at = mixed ? plain (at + link, next) : next;
    at -= at && state == MF_CHUNK_CACHED ? reader->layout->chunk_header : 0;
  }
  return true;
}

static bool
mark_fast_bins (Reader *reader, uint64_t state)
{
  const Layout *layout = reader->layout;
  for (unsigned i = 0; i < layout->n_fast_bins; i++) {
    uint64_t first, link = layout->chunk_header;
    unsigned n, most = reader->heap->chunks->len;
    if (!load (reader, state + layout->fast_bins + i * layout->word, &first))
      return false;
    if (!follow (reader, first, link, MF_CHUNK_FAST, true, most, &n) && !follow (reader, first, link, MF_CHUNK_FAST, false, most, &n))
      return false;
  }
  return true;
}

// A bin of a cache: how many chunks are in its list, and the first one. Those of a small bin have one size.
typedef struct {
  uint32_t count, size;  // size 0 = several
  uint64_t first;        // chunk; 0 = none
} CacheBin;

static uint32_t
count_in (const uint8_t *cache, unsigned i)
{
  uint16_t count;
  memcpy (&count, cache + sizeof count * i, sizeof count);
  return GUINT16_FROM_LE (count);
}

// False = the chunk is no cache of that kind.
static bool
read_cache (const Reader *reader, const MfChunk *chunk, const CacheKind *kind, CacheBin bins[MOST_CACHE_BINS])
{
  const Layout *layout = reader->layout;
  const MfGlibcArea *area = &g_array_index (reader->heap->areas, MfGlibcArea, chunk->area);
  const uint8_t *cache = area->copy + (chunk->at - area->from) + layout->chunk_header;
  uint32_t room = 0;
  for (unsigned i = 0; i < kind->bins; i++) {
    uint64_t block = word_in (layout, cache, 2 * kind->bins + i * layout->word);
    bins[i] = (CacheBin) { count_in (cache, i), i < SMALL_CACHE_BINS ? layout->least_chunk + layout->alignment * i : 0,
      block ? block - layout->chunk_header : 0 };
    room = MAX (room, bins[i].count);
  }
  for (unsigned i = 0; i < kind->bins && kind->counts_room; i++)  // large bins may be switched off: then they have room for none
    bins[i].count = bins[i].size || bins[i].count || bins[i].first ? room - bins[i].count : 0;
  return room || !kind->counts_room;
}

// Whether a used chunk is the cache of a thread: each count is the length of its list. First only looked at, then marked.
static bool
is_cache (const Reader *reader, const MfChunk *chunk, const CacheKind *kind, CacheBin bins[MOST_CACHE_BINS])
{
  if (chunk->state != MF_CHUNK_USED || chunk->size != reader->layout->cache_chunks[kind->counts_room]
      || !read_cache (reader, chunk, kind, bins))
    return false;
  for (unsigned i = 0; i < kind->bins; i++) {
    const MfChunk *entry = bins[i].first ? chunk_at (reader, bins[i].first) : NULL;
    if ((bins[i].count == 0) != (bins[i].first == 0) || (bins[i].first && (!entry || (bins[i].size && entry->size != bins[i].size))))
      return false;
  }
  return true;
}

static bool
mark_cache (Reader *reader, const CacheKind *kind, const CacheBin bins[MOST_CACHE_BINS])
{
  uint64_t link = reader->layout->chunk_header;
  for (unsigned i = 0; i < kind->bins; i++) {
    const CacheBin *bin = &bins[i];
    unsigned n;
    if (bin->first && (!follow (reader, bin->first, link, MF_CHUNK_CACHED, true, bin->count, &n) || n != bin->count)
        && (!follow (reader, bin->first, link, MF_CHUNK_CACHED, false, bin->count, &n) || n != bin->count))
      return false;
  }
  return true;
}

static void
mark_caches (Reader *reader)
{
  CacheBin bins[MOST_CACHE_BINS];
  reader->heap->caches_known = false;
  for (guint i = 0; i < reader->heap->chunks->len; i++) {
    const MfChunk *chunk = &g_array_index (reader->heap->chunks, MfChunk, i);
    for (size_t k = 0; k < G_N_ELEMENTS (cache_kinds); k++)
      if (is_cache (reader, chunk, &cache_kinds[k], bins) && mark_cache (reader, &cache_kinds[k], bins))
        reader->heap->caches_known = true;
  }
}

// ---- figures

static void
count_chunks (MfGlibcHeap *heap)
{
  MfMallinfo *figures = &heap->figures;
  for (guint i = 0; i < heap->chunks->len; i++) {
    const MfChunk *chunk = &g_array_index (heap->chunks, MfChunk, i);
    const MfGlibcArea *area = &g_array_index (heap->areas, MfGlibcArea, chunk->area);
    bool binned = chunk->state == MF_CHUNK_FREE || chunk->state == MF_CHUNK_TOP, fast = chunk->state == MF_CHUNK_FAST;
    figures->ordblks += binned;
    figures->smblks += fast;
    figures->fsmblks += fast ? chunk->size : 0;
    figures->fordblks += binned || fast ? chunk->size : 0;
    figures->keepcost += chunk->state == MF_CHUNK_TOP && !area->arena ? chunk->size : 0;
    heap->cached += chunk->state == MF_CHUNK_CACHED;
    heap->cached_bytes += chunk->state == MF_CHUNK_CACHED ? chunk->size : 0;
  }
  for (guint i = 0; i < heap->areas->len; i++)
    figures->arena += g_array_index (heap->areas, MfGlibcArea, i).size;
  figures->uordblks = figures->arena - figures->fordblks;
}

static bool
read_parameters (Reader *reader)
{
  uint64_t n = 0;
  MfMallinfo *figures = &reader->heap->figures;
  bool read = mf_process_number (reader->process, reader->place->n_mmaps, 4, &n)
      && mf_process_pointer (reader->process, reader->place->mapped, &figures->hblkhd);
  figures->hblks = n;
  return read;
}

static bool
mark_all_fast_bins (Reader *reader)
{
  uint64_t at = reader->place->main_arena;
  for (uint32_t i = 0; i < reader->heap->arenas; i++)
    if (!mark_fast_bins (reader, at) || !load (reader, at + reader->layout->next, &at))
      return false;
  return true;
}

bool
mf_glibc_read (const MfProcess *process, const MfGlibcPlace *place, MfGlibcHeap *heap, GError **error)
{
  Reader reader = { process, place, place->layout, heap };
  bool whole = true;
  for (uint32_t i = 0; i < heap->areas->len && whole; i++)
    whole = walk_area (&reader, i);
  if (!whole || !mark_all_fast_bins (&reader) || !read_parameters (&reader)) {
    g_set_error (error, MF_GLIBC_ERROR, MF_GLIBC_ERROR_BROKEN,
        "process %d: the chunks of its C library's heap do not lead from one to the next: it was changed while it was copied, or is damaged",
        mf_process_id (process));
    return false;
  }
  mark_caches (&reader);
  count_chunks (heap);
  return true;
}

void
mf_glibc_heap_clear (MfGlibcHeap *heap)
{
  g_clear_pointer (&heap->areas, g_array_unref);
  g_clear_pointer (&heap->chunks, g_array_unref);
}
