// SPDX-License-Identifier: Apache-2.0
// The address-ordered map of one heap snapshot, and the figures which follow from it.
#include "heap-map.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum {
  FIRST_BLOCKS = 64,
};

void
mf_heap_map_init (MfHeapMap *map, MfResize resize, void *user)
{
  *map = (MfHeapMap){ .resize = resize, .user = user };
}

void
mf_heap_map_reset (MfHeapMap *map)
{
  map->n_blocks = 0;
  map->capacity = 0;
}

void
mf_heap_map_clear (MfHeapMap *map)
{
  if (map->blocks != NULL)
    map->resize (map->user, map->blocks, 0);
  mf_heap_map_init (map, map->resize, map->user);
}

static const MfMapBlock *
last_block (const MfHeapMap *map)
{
  return map->n_blocks > 0 ? &map->blocks[map->n_blocks - 1] : NULL;
}

// Where a block of `region` has to begin.
static uint64_t
expected_offset (const MfHeapMap *map, uint32_t region)
{
  const MfMapBlock *last = last_block (map);

  return last != NULL && last->region == region ? last->offset + last->size : 0;
}

// With ends and capacity below 2^63, no sum of parts of a map can overflow.
static bool
is_too_large (const MfHeapMap *map, const MfMapBlock *block)
{
  uint64_t end, capacity;

  return __builtin_add_overflow (block->offset, block->size, &end) || end > INT64_MAX
         || __builtin_add_overflow (map->capacity, block->size, &capacity) || capacity > INT64_MAX;
}

static MfHeapMapStatus
validate (const MfHeapMap *map, const MfMapBlock *block)
{
  const MfMapBlock *last = last_block (map);
  uint64_t expected = expected_offset (map, block->region);

  if (block->size == 0)
    return MF_HEAP_MAP_EMPTY_BLOCK;
  if (is_too_large (map, block))
    return MF_HEAP_MAP_TOO_LARGE;
  if (last != NULL && block->region < last->region)
    return MF_HEAP_MAP_REGION_ORDER;
  if (block->offset > expected)
    return MF_HEAP_MAP_GAP;
  return block->offset < expected ? MF_HEAP_MAP_OVERLAP : MF_HEAP_MAP_OK;
}

static bool
make_room (MfHeapMap *map)
{
  size_t wanted = FIRST_BLOCKS, bytes;

  if (map->n_blocks < map->n_allocated)
    return true;
  if (map->n_allocated > 0 && __builtin_mul_overflow (map->n_allocated, 2, &wanted))
    return false;
  if (__builtin_mul_overflow (wanted, sizeof *map->blocks, &bytes))
    return false;

  MfMapBlock *blocks = map->resize (map->user, map->blocks, bytes);
  if (blocks == NULL)
    return false;
  map->blocks = blocks;
  map->n_allocated = wanted;
  return true;
}

static bool
continues_run (const MfHeapMap *map, const MfMapBlock *block)
{
  const MfMapBlock *last = last_block (map);

  return last != NULL && last->region == block->region && mf_heap_block_is_free (last)
         && mf_heap_block_is_free (block);
}

MfHeapMapStatus
mf_heap_map_append (MfHeapMap *map, const MfMapBlock *block)
{
  MfHeapMapStatus status = validate (map, block);

  if (status != MF_HEAP_MAP_OK)
    return status;
  if (continues_run (map, block))
    map->blocks[map->n_blocks - 1].size += block->size;
  else if (make_room (map))
    map->blocks[map->n_blocks++] = *block;
  else
    return MF_HEAP_MAP_NO_MEMORY;
  map->capacity += block->size;
  return MF_HEAP_MAP_OK;
}

int
mf_heap_map_explain (const MfHeapMap *map, MfHeapMapStatus status, const MfMapBlock *block,
    char *text, size_t text_bytes)
{
  static const char *const reasons[] = {
    [MF_HEAP_MAP_OK] = "nothing is wrong",
    [MF_HEAP_MAP_EMPTY_BLOCK] = "a block cannot have 0 bytes",
    [MF_HEAP_MAP_TOO_LARGE] = "the heap would exceed 63 bits of bytes",
    [MF_HEAP_MAP_REGION_ORDER] = "a later region was begun already",
    [MF_HEAP_MAP_GAP] = "there is a gap, so part of the snapshot is missing",
    [MF_HEAP_MAP_OVERLAP] = "it overlaps the block before it",
    [MF_HEAP_MAP_NO_MEMORY] = "there is no memory to hold the map",
  };

  return snprintf (text, text_bytes,
      "block of %" PRIu64 " B at 0x%" PRIx64 " of region %" PRIu32 " (expected at 0x%" PRIx64
      ", block %zu): %s",
      block->size, block->offset, block->region, expected_offset (map, block->region),
      map->n_blocks, reasons[status]);
}

size_t
mf_heap_map_next_run (const MfHeapMap *map, size_t from)
{
  while (from < map->n_blocks && !mf_heap_block_is_free (&map->blocks[from]))
    from++;
  return from < map->n_blocks ? from : map->n_blocks;
}

static uint64_t
granule_of (const MfHeapRule *rule)
{
  return rule->granule > 0 ? rule->granule : 1;
}

uint64_t
mf_heap_need (const MfHeapRule *rule, uint64_t request)
{
  uint64_t granule = granule_of (rule), need;

  if (__builtin_add_overflow (request, rule->header, &need))
    return UINT64_MAX;
  if (need % granule != 0 && __builtin_add_overflow (need, granule - need % granule, &need))
    return UINT64_MAX;
  return need > rule->minimum ? need : rule->minimum;
}

static uint64_t
max_alloc (const MfHeapRule *rule, uint64_t largest)
{
  uint64_t usable = largest - largest % granule_of (rule);

  return largest >= rule->minimum && usable > rule->header ? usable - rule->header : 0;
}

unsigned
mf_permille (uint64_t part, uint64_t whole)
{
  uint64_t scaled;

  while (__builtin_mul_overflow (part, 1000, &scaled)
         || __builtin_add_overflow (scaled, whole / 2, &scaled))
    part >>= 1, whole >>= 1;
  return whole > 0 ? (unsigned) (scaled / whole) : 0;
}

static uint64_t
count_runs_up_to (const MfHeapMap *map, uint64_t size)
{
  uint64_t runs = 0;

  for (size_t i = 0; i < map->n_blocks; i++)
    runs += mf_heap_block_is_free (&map->blocks[i]) && map->blocks[i].size <= size;
  return runs;
}

// The run size of rank `rank` (0 = the smallest). Bisecting the value needs no sorted copy.
static uint64_t
run_of_rank (const MfHeapMap *map, uint64_t rank, uint64_t largest)
{
  uint64_t low = 1, high = largest;

  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (count_runs_up_to (map, middle) > rank)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static uint64_t
median_run (const MfHeapMap *map, const MfHeapFigures *figures)
{
  if (figures->runs == 0)
    return 0;

  uint64_t low = run_of_rank (map, (figures->runs - 1) / 2, figures->largest);
  uint64_t high = run_of_rank (map, figures->runs / 2, figures->largest);
  return low + (high - low) / 2;
}

static void
count_block (MfHeapFigures *figures, const MfMapBlock *block)
{
  if (!mf_heap_block_is_free (block)) {
    figures->used += block->size;
    figures->used_blocks++;
    return;
  }
  figures->free += block->size;
  figures->runs++;
  if (block->size <= figures->largest)
    return;
  figures->largest = block->size;
  figures->largest_offset = block->offset;
  figures->largest_region = block->region;
}

static unsigned
hole_frag (const MfHeapMap *map, uint64_t free_bytes)
{
  double squares = 0;

  for (size_t i = mf_heap_map_next_run (map, 0); i < map->n_blocks;
       i = mf_heap_map_next_run (map, i + 1))
    squares += (double) map->blocks[i].size * (double) map->blocks[i].size;
  if (free_bytes == 0)
    return 0;
  return (unsigned) (1000 * (1 - sqrt (squares) / (double) free_bytes) + 0.5);
}

void
mf_heap_map_measure (const MfHeapMap *map, const MfHeapRule *rule, MfHeapFigures *figures)
{
  *figures = (MfHeapFigures){ .capacity = map->capacity };
  for (size_t i = 0; i < map->n_blocks; i++)
    count_block (figures, &map->blocks[i]);

  figures->mean_run = figures->runs > 0 ? figures->free / figures->runs : 0;
  figures->median_run = median_run (map, figures);
  figures->max_alloc = max_alloc (rule, figures->largest);
  figures->ext_frag = mf_permille (figures->free - figures->largest, figures->free);
  figures->hole_frag = hole_frag (map, figures->free);
}

uint64_t
mf_heap_map_unusable (const MfHeapMap *map, uint64_t need)
{
  uint64_t bytes = 0;

  for (size_t i = mf_heap_map_next_run (map, 0); i < map->n_blocks;
       i = mf_heap_map_next_run (map, i + 1))
    bytes += map->blocks[i].size < need ? map->blocks[i].size : 0;
  return bytes;
}

static unsigned
floor_log2 (uint64_t value)
{
  return 63 - (unsigned) __builtin_clzll (value);
}

void
mf_heap_map_histogram (const MfHeapMap *map, MfRunHistogram *histogram)
{
  *histogram = (MfRunHistogram){ 0 };
  for (size_t i = mf_heap_map_next_run (map, 0); i < map->n_blocks;
       i = mf_heap_map_next_run (map, i + 1)) {
    unsigned bin = floor_log2 (map->blocks[i].size);
    histogram->runs[bin]++;
    histogram->bytes[bin] += map->blocks[i].size;
  }
}

static int
linux_index (const MfHeapFigures *figures, uint64_t need)
{
  if (figures->runs == 0)
    return 0;
  if (figures->largest >= need)
    return -1000;

  double pieces = (double) figures->free / (double) need;
  return (int) lround (1000 * (1 - (1 + pieces) / (double) figures->runs));
}

MfOomClass
mf_heap_classify_oom (const MfHeapFigures *figures, uint64_t need, int *index)
{
  *index = linux_index (figures, need);
  if (figures->free < need)
    return MF_OOM_OUT_OF_MEMORY;
  return figures->largest < need ? MF_OOM_FRAGMENTED : MF_OOM_STALE;
}

// The nth harmonic number: summed while short, else by Euler's expansion (error below 1e-9).
static double
harmonic (uint64_t n)
{
  const double euler_gamma = 0.57721566490153286;
  double sum = 0, x = (double) n;

  if (n > 64)
    return log (x) + euler_gamma + 1 / (2 * x) - 1 / (12 * x * x);
  for (uint64_t i = 1; i <= n; i++)
    sum += 1 / (double) i;
  return sum;
}

static uint64_t
granules (const MfHeapRule *rule, uint64_t bytes)
{
  uint64_t granule = granule_of (rule);

  return bytes / granule + (bytes % granule != 0);
}

bool
mf_heap_robson (const MfHeapRule *rule, uint64_t live, uint64_t largest, MfRobson *robson)
{
  const double ln_2 = 0.69314718055994531;
  uint64_t m = granules (rule, live), n = granules (rule, largest), any;

  if (m == 0 || n == 0 || m > INT64_MAX || n > INT64_MAX / 2)
    return false;
  unsigned log_n = n > 1 ? floor_log2 (n - 1) + 1 : 0;
  n = UINT64_C (1) << log_n;
  m = m > n ? m : n;

  double first_fit = ceil (harmonic (n) * (double) m / ln_2);
  if (__builtin_mul_overflow (m, log_n, &any)
      || __builtin_add_overflow (any / 2 + any % 2, m - n + 1, &any) || any > INT64_MAX
      || first_fit >= 0x1p63)
    return false;
  *robson = (MfRobson){ m, n, any, (uint64_t) first_fit };
  return true;
}
