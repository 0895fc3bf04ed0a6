// SPDX-License-Identifier: Apache-2.0
// Two phases: the headers of all pools, then the bodies of those that are partly free.
#include "pymalloc.h"

#include <string.h>

#include "remote-number.h"

enum {
  BATCH = 64, MOST_TRIES = 5, MOST_ARENAS = 1 << 20, LARGEST_HEADER = 48, LARGEST_RECORD = 48,
  BODIES_BYTES = 256 << 10  // that are read at once: they are looked at while they are still in the processor's cache
};

// By the size of a pointer; 3.10 made arenas and pools larger on 64 bits.
typedef struct {
  uint32_t arena_size, pool_size, header, alignment, record;
  uint8_t free_block, arena_index, size_index, next_offset, last_offset;  // in the header of a pool
  uint8_t pool_address, free_pools, all_pools;                            // in an arena object
} Geometry;

static const Geometry geometries[] = {
  { 256 << 10, 4 << 10, 32, 8, 28, 4, 16, 20, 24, 28, 4, 8, 12 },
  { 256 << 10, 4 << 10, 48, 16, 48, 8, 32, 36, 40, 44, 8, 16, 20 },
  { 1 << 20, 16 << 10, 48, 16, 48, 8, 32, 36, 40, 44, 8, 16, 20 },
};

static const Geometry *
geometry_of (const MfPythonRuntime *runtime)
{
  if (runtime->offsets.pointer == 4)
    return &geometries[0];
  return &geometries[runtime->offsets.version < 0x030a ? 1 : 2];
}

// ---- arena objects

static bool
is_unused (const uint8_t *record, unsigned word)
{
  return mf_number_in (record, 0, word) == 0;
}

static bool
is_arena (const Geometry *geometry, const uint8_t *record, unsigned word)
{
  uint64_t address = mf_number_in (record, 0, word), pool = mf_number_in (record, geometry->pool_address, word);
  uint32_t n = geometry->arena_size / geometry->pool_size;
  uint32_t free_pools = (uint32_t) mf_number_in (record, geometry->free_pools, 4), all = (uint32_t) mf_number_in (record, geometry->all_pools, 4);
  return address % 4096 == 0 && pool >= address && pool <= address + geometry->arena_size && (all == n || all == n - 1)
      && free_pools <= all;
}

// How many of the records are arenas; 0 = one of them is neither an arena nor unused.
static uint32_t
count_arenas (const Geometry *geometry, const uint8_t *records, uint32_t n, unsigned word)
{
  uint32_t arenas = 0;
  for (uint32_t i = 0; i < n; i++) {
    const uint8_t *record = records + (size_t) i * geometry->record;
    if (is_unused (record, word))
      continue;
    if (!is_arena (geometry, record, word))
      return 0;
    arenas++;
  }
  return arenas;
}

// ---- the vector, by what it holds: before 3.12 it is a static variable without a symbol in stripped files

typedef struct {
  const MfProcess *process;
  const Geometry *geometry;
  const GArray *mappings;
  unsigned word;
} Search;

static bool
is_writable (const Search *search, uint64_t at)
{
  guint low = 0, high = search->mappings->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    const MfMapping *mapping = &g_array_index (search->mappings, MfMapping, middle);
    if (at >= mapping->from && at < mapping->to)
      return (mapping->flags & MF_MAPPING_WRITE) != 0;
    if (at < mapping->from)
      high = middle;
    else
      low = middle + 1;
  }
  return false;
}

static bool
is_vector (const Search *search, uint64_t at, uint32_t n)
{
  enum { LEAST = 16 };
  uint8_t first[LARGEST_RECORD];
  if (n < LEAST || n > MOST_ARENAS || n & (n - 1) || !mf_process_read_touched (search->process, at, first, search->geometry->record)
      || (!is_unused (first, search->word) && !is_arena (search->geometry, first, search->word)))
    return false;
  g_autofree uint8_t *records = g_malloc ((size_t) n * search->geometry->record);
  return mf_process_read_touched (search->process, at, records, (size_t) n * search->geometry->record)
      && count_arenas (search->geometry, records, n, search->word) > 0;
}

enum { NEAR = 4 };  // words between the pointer to the records and their number

// Pointers to later records stand beside the one to the first, too: those that are unused, those with room.
static uint64_t
first_record (const Search *search, const uint8_t *words, size_t n_words, size_t i, uint64_t at, uint32_t n)
{
  uint64_t first = at;
  for (size_t j = i > NEAR ? i - NEAR : 0; j <= i + NEAR && j < n_words; j++) {
    uint64_t other = mf_number_in (words, (uint32_t) (j * search->word), search->word);
    if (other < first && (at - other) % search->geometry->record == 0 && (at - other) / search->geometry->record < n
        && is_vector (search, other, n))
      first = other;
  }
  return first;
}

// The number of records stands within a few words of the pointer to them.
static bool
find_beside (const Search *search, const uint8_t *words, size_t n_words, size_t i, MfArenaVector *vector)
{
  uint64_t at = mf_number_in (words, (uint32_t) (i * search->word), search->word);
  if (at % search->word || !is_writable (search, at))
    return false;
  for (size_t j = i > NEAR ? i - NEAR : 0; j <= i + NEAR && j < n_words; j++) {
    uint32_t n = (uint32_t) mf_number_in (words, (uint32_t) (j * search->word), 4);
    if (j == i || !is_vector (search, at, n))
      continue;
    *vector = (MfArenaVector) { first_record (search, words, n_words, i, at, n), n, true };
    return true;
  }
  return false;
}

static bool
find_in_part (const Search *search, const MfElfPart *part, MfArenaVector *vector)
{
  enum { LARGEST = 64 << 20 };
  if (part->size > LARGEST)
    return false;
  g_autofree uint8_t *words = g_malloc (part->size);
  if (!mf_process_read_touched (search->process, part->at, words, part->size))
    return false;
  size_t n = part->size / search->word;
  for (size_t i = 0; i < n; i++)
    if (find_beside (search, words, n, i, vector))
      return true;
  return false;
}

static bool
find_by_contents (MfProcess *process, const MfPythonRuntime *runtime, MfArenaVector *vector)
{
  const Search search = { process, geometry_of (runtime), mf_process_mappings (process, NULL), mf_process_word (process) };
  MfElfPart part;
  for (unsigned i = 0; search.mappings && mf_elf_image_writable (runtime->image, i, &part); i++)
    if (find_in_part (&search, &part, vector))
      return true;
  return false;
}

static bool
find_by_symbol (MfProcess *process, const MfPythonRuntime *runtime, MfArenaVector *vector)
{
  MfElfPart arenas, n;
  uint64_t count = 0;
  if (!mf_elf_image_symbol (runtime->image, "arenas", &arenas) || !mf_elf_image_symbol (runtime->image, "maxarenas", &n)
      || !mf_process_pointer (process, arenas.at, &vector->arenas) || !mf_process_number (process, n.at, 4, &count))
    return false;
  vector->n = (uint32_t) count;
  return vector->arenas && vector->n && vector->n <= MOST_ARENAS;
}

// 3.12 keeps the state of the allocator in the interpreter, later versions beside it.
static bool
find_in_interpreter (const MfProcess *process, const MfPythonRuntime *runtime, uint64_t interpreter, MfArenaVector *vector)
{
  const MfPythonOffsets *offsets = &runtime->offsets;
  uint64_t state = interpreter + (uint64_t) offsets->obmalloc, count = 0;
  if (offsets->version > 0x030c && !mf_process_pointer (process, state, &state))
    return false;
  if (!state || !mf_process_pointer (process, state + (uint64_t) offsets->arenas, &vector->arenas)
      || !mf_process_number (process, state + (uint64_t) offsets->max_arenas, 4, &count))
    return false;
  vector->n = (uint32_t) count;
  return vector->arenas && vector->n && vector->n <= MOST_ARENAS;
}

bool
mf_pymalloc_find (MfProcess *process, const MfPythonRuntime *runtime, uint64_t interpreter, MfArenaVector *vector, GError **error)
{
  *vector = (MfArenaVector) { 0 };
  bool found = runtime->offsets.obmalloc >= 0 ? find_in_interpreter (process, runtime, interpreter, vector)
      : find_by_symbol (process, runtime, vector) || find_by_contents (process, runtime, vector);
  if (!found)
    g_set_error (error, MF_PYTHON_ERROR, MF_PYTHON_ERROR_LAYOUT,
        "pymalloc has no arenas in process %d: it is not used (PYTHONMALLOC=malloc, a build without it), or nothing was allocated yet",
        mf_process_id (process));
  return found;
}

// ---- pools

typedef struct {
  const MfProcess *process;
  const Geometry *geometry;
  unsigned word;
  MfPymallocHeap *heap;
  uint8_t *bodies, *headers;  // of pools that are read at once, and their headers as they were behind them
  uint32_t inverse[MF_PYMALLOC_CLASSES];  // 2^32 / size of a block, rounded up
} Walk;

typedef struct {
  uint32_t used, arena, size_index, next_offset, last_offset;
  uint64_t free_block;
} Header;

static Header
header_of (const Walk *walk, const uint8_t *bytes)
{
  const Geometry *geometry = walk->geometry;
  return (Header) { (uint32_t) mf_number_in (bytes, 0, 4), (uint32_t) mf_number_in (bytes, geometry->arena_index, 4),
    (uint32_t) mf_number_in (bytes, geometry->size_index, 4), (uint32_t) mf_number_in (bytes, geometry->next_offset, 4),
    (uint32_t) mf_number_in (bytes, geometry->last_offset, 4), mf_number_in (bytes, geometry->free_block, walk->word) };
}

// Whether a header is one of a pool in use in this arena.
static bool
is_sane (const Walk *walk, const Header *header, uint32_t arena_index)
{
  const Geometry *geometry = walk->geometry;
  uint32_t classes = 512 / geometry->alignment, size = (header->size_index + 1) * geometry->alignment;
  if (header->size_index >= classes || header->arena != arena_index)
    return false;
  uint32_t capacity = (geometry->pool_size - geometry->header) / size;
  return header->used <= capacity && header->last_offset == geometry->pool_size - size && header->next_offset >= geometry->header
      && header->next_offset <= geometry->pool_size + size;
}

static void
set_free (MfPymallocHeap *heap, uint32_t bit)
{
  heap->bits->data[bit / 8] |= (uint8_t) (1 << bit % 8);
}

static bool
is_set (const MfPymallocHeap *heap, uint32_t bit)
{
  return heap->bits->data[bit / 8] >> bit % 8 & 1;
}

// Which block of a pool begins at an offset behind the header, by multiplication: exact below 2^16. UINT32_MAX = none does.
static inline uint32_t
block_at (const Walk *walk, const MfPool *pool, uint32_t offset)
{
  uint32_t block = (uint32_t) ((uint64_t) offset * walk->inverse[pool->block_size / walk->geometry->alignment - 1] >> 32);
  return block * pool->block_size == offset && block < pool->capacity ? block : UINT32_MAX;
}

// Marks the blocks of the list of freed ones. False = the list does not hold together.
static bool
mark_freed (Walk *walk, const MfPool *pool, const uint8_t *body, uint64_t at, uint32_t *n)
{
  const Geometry *geometry = walk->geometry;
  for (*n = 0; at; ++*n) {
    uint64_t offset = at - pool->address - geometry->header;
    uint32_t block = offset < pool->reached - geometry->header ? block_at (walk, pool, (uint32_t) offset) : UINT32_MAX;
    if (block == UINT32_MAX || is_set (walk->heap, pool->free_bits + block))
      return false;
    set_free (walk->heap, pool->free_bits + block);
    at = mf_number_in (body, geometry->header + (uint32_t) offset, walk->word);
  }
  return true;
}

// Blocks behind the next offset were never handed out.
static uint32_t
mark_never_used (Walk *walk, const MfPool *pool, const Header *header)
{
  uint32_t n = 0;
  for (uint32_t offset = header->next_offset; offset <= header->last_offset; offset += pool->block_size, n++) {
    uint32_t bit = pool->free_bits + (offset - walk->geometry->header) / pool->block_size;
    if (bit < pool->free_bits + pool->capacity)
      set_free (walk->heap, bit);
  }
  return n;
}

// Bits for the blocks of a pool. Those of an attempt that failed stay unused: its capacity may have been another.
static void
add_bits (Walk *walk, MfPool *pool)
{
  GByteArray *bits = walk->heap->bits;
  pool->free_bits = bits->len * 8;
  g_byte_array_set_size (bits, bits->len + (pool->capacity + 7) / 8);
  memset (bits->data + pool->free_bits / 8, 0, bits->len - pool->free_bits / 8);
}

static uint32_t
reached_by (const Walk *walk, const Header *header)
{
  return MIN (header->next_offset, walk->geometry->pool_size);
}

static void
take_header (const Walk *walk, MfPool *pool, const Header *header)
{
  pool->block_size = (header->size_index + 1) * walk->geometry->alignment;
  pool->capacity = (walk->geometry->pool_size - walk->geometry->header) / pool->block_size;
  pool->used = header->used;
  pool->reached = reached_by (walk, header);
  pool->state = header->used ? MF_POOL_USED : MF_POOL_EMPTY;
}

// Each block that is handed out or freed changes the header.
static bool
is_same (const Header *a, const Header *b)
{
  return a->used == b->used && a->free_block == b->free_block && a->next_offset == b->next_offset && a->size_index == b->size_index;
}

// Takes a pool from a copy of what was handed out of it, and of its header behind that. False = it was changing.
static bool
take_pool (Walk *walk, MfPool *pool, const uint8_t *bytes, const uint8_t *again, uint32_t arena_index)
{
  Header header = header_of (walk, bytes), behind = header_of (walk, again);
  uint32_t freed, fresh;
  uint32_t copied = pool->reached;
  if (!is_same (&header, &behind) || !is_sane (walk, &header, arena_index))
    return false;
  take_header (walk, pool, &header);
  if (pool->state == MF_POOL_EMPTY)
    return true;
  if (pool->reached > copied)
    return false;
  add_bits (walk, pool);
  if (!mark_freed (walk, pool, bytes, header.free_block, &freed))
    return false;
  fresh = mark_never_used (walk, pool, &header);
  return freed + fresh == pool->capacity - pool->used;
}

// Copies pools into the walk's room, each as far as blocks were handed out, with its header once more behind it.
static bool
copy_pools (const Walk *walk, const guint *pools, uint32_t n)
{
  MfRemoteSpan spans[2 * BATCH];
  size_t size = walk->geometry->pool_size, header = walk->geometry->header;
  for (uint32_t i = 0; i < n; i++) {
    const MfPool *pool = &g_array_index (walk->heap->pools, MfPool, pools[i]);
    spans[2 * i] = (MfRemoteSpan) { pool->address, walk->bodies + i * size, pool->reached };
    spans[2 * i + 1] = (MfRemoteSpan) { pool->address, walk->headers + i * LARGEST_HEADER, header };
    walk->heap->bytes_read += pool->reached + header;
  }
  return mf_process_gather (walk->process, spans, 2 * n);
}

static bool
take_copied (Walk *walk, guint pool, uint32_t i, uint32_t arena_index)
{
  return take_pool (walk, &g_array_index (walk->heap->pools, MfPool, pool), walk->bodies + (size_t) i * walk->geometry->pool_size,
      walk->headers + i * LARGEST_HEADER, arena_index);
}

static void
read_again (Walk *walk, guint pool, uint32_t arena_index)
{
  walk->heap->retried++;
  for (int i = 1; i < MOST_TRIES; i++)
    if (copy_pools (walk, &pool, 1) && take_copied (walk, pool, 0, arena_index))
      return;
  g_array_index (walk->heap->pools, MfPool, pool).state = MF_POOL_INCONSISTENT;
  walk->heap->inconsistent++;
}

// Those that were changing are read again when all others have been taken from the room.
static void
take_bodies (Walk *walk, const guint *pools, uint32_t n, uint32_t arena_index)
{
  uint32_t most = MIN (BODIES_BYTES / walk->geometry->pool_size, BATCH);
  for (uint32_t from = 0, now; from < n; from += now) {
    guint changing[BATCH];
    uint32_t n_changing = 0;
    now = MIN (n - from, most);
    bool copied = copy_pools (walk, pools + from, now);
    for (uint32_t i = 0; i < now; i++)
      if (!copied || !take_copied (walk, pools[from + i], i, arena_index))
        changing[n_changing++] = pools[from + i];
    for (uint32_t i = 0; i < n_changing; i++)
      read_again (walk, changing[i], arena_index);
  }
}

// Takes what the header says. True = that is not all: some blocks are free, or it was changing.
static bool
take_quick (const Walk *walk, MfPool *pool, const uint8_t *bytes, uint32_t arena_index)
{
  Header header = header_of (walk, bytes);
  pool->free_bits = UINT32_MAX;
  pool->reached = walk->geometry->header;
  if (!header.used)  // free as a whole: nothing else in its header counts
    return false;
  bool sane = is_sane (walk, &header, arena_index);
  if (sane)
    take_header (walk, pool, &header);
  return !sane || pool->used < pool->capacity;
}

// ---- the debug mode of the allocator (PYTHONMALLOC=debug, -X dev)

// In front of what was asked for stand its size, a letter for who asked and forbidden bytes, in two words (Objects/obmalloc.c,
// _PyMem_DebugRawAlloc).
static bool
has_notes (const Walk *walk, uint64_t block)
{
  uint8_t bytes[2 * sizeof (uint64_t)];
  unsigned word = walk->word;
  if (!mf_process_read (walk->process, block, bytes, 2 * word) || !memchr ("rmo", bytes[word], 3))
    return false;
  for (unsigned i = word + 1; i < 2 * word; i++)
    if (bytes[i] != 0xfd)
      return false;
  return true;
}

// The first block of a pool that is full is in use.
static uint32_t
find_front (const Walk *walk)
{
  enum { ENOUGH = 16 };
  uint32_t seen = 0, with_notes = 0;
  for (guint i = 0; i < walk->heap->pools->len && seen < ENOUGH; i++) {
    const MfPool *pool = &g_array_index (walk->heap->pools, MfPool, i);
    if (pool->state != MF_POOL_USED || pool->used < pool->capacity || pool->block_size < 4 * walk->word)
      continue;
    seen++;
    with_notes += has_notes (walk, pool->address + walk->geometry->header);
  }
  return with_notes * 2 > seen ? 2 * walk->word : 0;
}

// ---- arenas

static bool
read_headers (Walk *walk, const uint64_t *addresses, uint32_t n, uint8_t *headers)
{
  MfRemoteSpan spans[BATCH];
  for (uint32_t i = 0; i < n; i++)
    spans[i] = (MfRemoteSpan) { addresses[i], headers + (size_t) i * LARGEST_HEADER, walk->geometry->header };
  walk->heap->bytes_read += (uint64_t) n * walk->geometry->header;
  return mf_process_gather (walk->process, spans, n);
}

// A core that is truncated has some pools and lacks others.
static void
miss_pool (Walk *walk, uint32_t arena, uint64_t address)
{
  const MfPool pool = { .address = address, .arena = arena, .free_bits = UINT32_MAX, .state = MF_POOL_INCONSISTENT };
  g_array_append_val (walk->heap->pools, pool);
  walk->heap->inconsistent++;
}

// False = they cannot be read.
static bool
take_pools (Walk *walk, uint32_t arena, const uint64_t *addresses, uint32_t n)
{
  const MfArena *its = &g_array_index (walk->heap->arenas, MfArena, arena);
  uint8_t headers[BATCH * LARGEST_HEADER];
  guint partial[BATCH];
  uint32_t n_partial = 0;
  if (!read_headers (walk, addresses, n, headers))
    return false;
  for (uint32_t i = 0; i < n; i++) {
    MfPool pool = { .address = addresses[i], .arena = arena };
    if (take_quick (walk, &pool, headers + (size_t) i * LARGEST_HEADER, its->index))
      partial[n_partial++] = walk->heap->pools->len;
    g_array_append_val (walk->heap->pools, pool);
  }
  take_bodies (walk, partial, n_partial, its->index);
  return true;
}

static void
take_arena (Walk *walk, uint32_t arena)
{
  const MfArena *its = &g_array_index (walk->heap->arenas, MfArena, arena);
  uint64_t size = walk->geometry->pool_size, at = (its->address + size - 1) / size * size;
  while (at < its->pool_address) {
    uint64_t addresses[BATCH];
    uint32_t n = 0;
    for (; n < BATCH && at < its->pool_address; at += size)
      addresses[n++] = at;
    if (take_pools (walk, arena, addresses, n))
      continue;
    if (mf_process_is_live (walk->process))
      return;  // the arena was given back meanwhile
    for (uint32_t i = 0; i < n; i++)
      if (!take_pools (walk, arena, &addresses[i], 1))
        miss_pool (walk, arena, addresses[i]);
  }
}

static int
by_address (const void *a, const void *b)
{
  uint64_t x = ((const MfArena *) a)->address, y = ((const MfArena *) b)->address;
  return (x > y) - (x < y);
}

static bool
list_arenas (Walk *walk, const MfArenaVector *vector)
{
  const Geometry *geometry = walk->geometry;
  g_autofree uint8_t *records = g_malloc ((size_t) vector->n * geometry->record);
  if (!mf_process_read (walk->process, vector->arenas, records, (size_t) vector->n * geometry->record))
    return false;
  for (uint32_t i = 0; i < vector->n; i++) {
    const uint8_t *record = records + (size_t) i * geometry->record;
    if (is_unused (record, walk->word) || !is_arena (geometry, record, walk->word))
      continue;
    const MfArena arena = { mf_number_in (record, 0, walk->word), mf_number_in (record, geometry->pool_address, walk->word), i,
      (uint32_t) mf_number_in (record, geometry->free_pools, 4), (uint32_t) mf_number_in (record, geometry->all_pools, 4) };
    g_array_append_val (walk->heap->arenas, arena);
  }
  g_array_sort (walk->heap->arenas, by_address);
  return true;
}

bool
mf_pymalloc_walk (const MfProcess *process, const MfPythonRuntime *runtime, const MfArenaVector *vector, MfPymallocHeap *heap,
    GError **error)
{
  const Geometry *geometry = geometry_of (runtime);
  *heap = (MfPymallocHeap) { geometry->arena_size, geometry->pool_size, geometry->header, geometry->alignment,
    g_array_new (FALSE, FALSE, sizeof (MfArena)), g_array_new (FALSE, FALSE, sizeof (MfPool)), g_byte_array_new (), 0, 0, 0, 0 };
  Walk walk = { .process = process, .geometry = geometry, .word = mf_process_word (process), .heap = heap };
  for (uint32_t i = 0; i < MF_PYMALLOC_CLASSES; i++)
    walk.inverse[i] = (uint32_t) ((UINT64_C (1) << 32) / ((i + 1) * geometry->alignment)) + 1;
  if (!list_arenas (&walk, vector)) {
    g_set_error (error, MF_PYTHON_ERROR, MF_PYTHON_ERROR_NOT_READY, "cannot read the arenas of process %d", mf_process_id (process));
    return false;
  }
  walk.bodies = g_malloc (BODIES_BYTES);
  walk.headers = g_malloc (BATCH * LARGEST_HEADER);
  for (uint32_t i = 0; i < heap->arenas->len; i++)
    take_arena (&walk, i);
  heap->front = find_front (&walk);
  g_free (walk.bodies);
  g_free (walk.headers);
  return true;
}

uint32_t
mf_pymalloc_arena_at (const MfPymallocHeap *heap, uint64_t address)
{
  guint low = 0, high = heap->arenas->len;
  while (low < high) {
    guint middle = (low + high) / 2;
    if (g_array_index (heap->arenas, MfArena, middle).address <= address)
      low = middle + 1;
    else
      high = middle;
  }
  bool inside = low && address - g_array_index (heap->arenas, MfArena, low - 1).address < heap->arena_size;
  return inside ? low - 1 : UINT32_MAX;
}

void
mf_pymalloc_heap_clear (MfPymallocHeap *heap)
{
  g_clear_pointer (&heap->arenas, g_array_unref);
  g_clear_pointer (&heap->pools, g_array_unref);
  g_clear_pointer (&heap->bits, g_byte_array_unref);
}

// ---- figures

static void
count_pool (const MfPymallocHeap *heap, const MfPool *pool, MfPymallocStats *stats)
{
  if (pool->state != MF_POOL_USED)
    return;
  MfPymallocClass *class = &stats->classes[pool->block_size / heap->alignment - 1];
  class->pools++;
  class->used += pool->used;
  class->available += pool->capacity - pool->used;
  stats->used_bytes += (uint64_t) pool->used * pool->block_size;
  stats->available_bytes += (uint64_t) (pool->capacity - pool->used) * pool->block_size;
  stats->header_bytes += heap->pool_header;
  stats->quantization_bytes += heap->pool_size - heap->pool_header - pool->capacity * pool->block_size;
}

void
mf_pymalloc_stats (const MfPymallocHeap *heap, MfPymallocStats *stats)
{
  *stats = (MfPymallocStats) { .n_classes = 512 / heap->alignment, .arenas = heap->arenas->len };
  for (guint i = 0; i < heap->arenas->len; i++) {
    const MfArena *arena = &g_array_index (heap->arenas, MfArena, i);
    stats->empty_pools += arena->free_pools;
    stats->alignment_bytes += arena->address % heap->pool_size ? heap->pool_size : 0;
  }
  for (guint i = 0; i < heap->pools->len; i++)
    count_pool (heap, &g_array_index (heap->pools, MfPool, i), stats);
  stats->empty_bytes = stats->empty_pools * heap->pool_size;
}
