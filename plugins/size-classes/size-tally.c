// SPDX-License-Identifier: Apache-2.0
// Counts used blocks by size class and by exact size, and the bytes lost to rounding.
#include "size-tally.h"

#include <string.h>

static const uint64_t default_edges[] = { 64, 512, 4096 };
static const char *const default_names[] = { "tiny", "small", "medium", "large" };

enum {
  N_DEFAULT_EDGES = sizeof default_edges / sizeof default_edges[0],
};

_Static_assert((MF_EXACT_PLACES & (MF_EXACT_PLACES - 1)) == 0, "places wrap by a mask");

static size_t
search_class (const MfSizeTally *tally, uint64_t size)
{
  size_t class = 0;

  while (class < tally->n_edges && size > tally->edges[class])
    class ++;
  return class;
}

static void
take_edges (MfSizeTally *tally, const uint64_t *edges, size_t n_edges)
{
  memcpy (tally->edges, edges, n_edges * sizeof *edges);
  tally->n_edges = n_edges;
  for (uint64_t size = 0; size <= MF_SMALL_SIZE; size++)
    tally->small_class[size] = (uint8_t) search_class (tally, size);
}

void
mf_size_tally_init (MfSizeTally *tally, uint64_t granule)
{
  memset (tally, 0, sizeof *tally);
  tally->granule = granule > 0 ? granule : 1;
  take_edges (tally, default_edges, N_DEFAULT_EDGES);
}

void
mf_size_tally_reset (MfSizeTally *tally)
{
  tally->total = tally->other = (MfSizeSum){ 0 };
  tally->n_exact = 0;
  memset (tally->classes, 0, sizeof tally->classes);
  memset (tally->small, 0, sizeof tally->small);
  memset (tally->exact, 0, sizeof tally->exact);
}

bool
mf_size_tally_set_edges (MfSizeTally *tally, const uint64_t *edges, size_t n_edges)
{
  if (n_edges == 0 || n_edges > MF_SIZE_EDGES || tally->total.blocks > 0)
    return false;
  for (size_t i = 0; i < n_edges; i++)
    if (edges[i] <= (i > 0 ? edges[i - 1] : 0))
      return false;
  take_edges (tally, edges, n_edges);
  return true;
}

const char *
mf_size_tally_class_name (const MfSizeTally *tally, size_t class)
{
  return tally->n_edges == N_DEFAULT_EDGES && class <= N_DEFAULT_EDGES ? default_names[class]
                                                                       : NULL;
}

static inline size_t
class_of (const MfSizeTally *tally, uint64_t size)
{
  return size <= MF_SMALL_SIZE ? tally->small_class[size] : search_class (tally, size);
}

// Fibonacci hashing: sizes are multiples of a granule, so that their low bits say little.
static size_t
place_of (uint64_t size)
{
  return (size_t) ((size * UINT64_C (0x9e3779b97f4a7c15)) >> 32) & (MF_EXACT_PLACES - 1);
}

static MfSizeSum *
large_sum (MfSizeTally *tally, uint64_t size)
{
  size_t place = place_of (size);

  while (tally->exact[place].size != 0 && tally->exact[place].size != size)
    place = (place + 1) & (MF_EXACT_PLACES - 1);
  if (tally->exact[place].size == size)
    return &tally->exact[place].sum;
  if (tally->n_exact == MF_EXACT_SIZES)
    return &tally->other;
  tally->exact[place].size = size;
  tally->n_exact++;
  return &tally->exact[place].sum;
}

static inline MfSizeSum *
exact_sum (MfSizeTally *tally, uint64_t size)
{
  return size <= MF_SMALL_SIZE ? &tally->small[size] : large_sum (tally, size);
}

static inline void
add_sum (MfSizeSum *sum, uint64_t granted, uint64_t waste_low, uint64_t waste_high)
{
  sum->blocks++;
  sum->bytes += granted;
  sum->waste_low += waste_low;
  sum->waste_high += waste_high;
}

// No waste exceeds its block's size, so only the sum of bytes needs a check.
static inline bool
count (MfSizeTally *tally, uint64_t granted, uint64_t waste_low, uint64_t waste_high)
{
  uint64_t bytes;

  if (granted == 0 || __builtin_add_overflow (tally->total.bytes, granted, &bytes))
    return false;
  add_sum (&tally->total, granted, waste_low, waste_high);
  add_sum (&tally->classes[class_of (tally, granted)], granted, waste_low, waste_high);
  add_sum (exact_sum (tally, granted), granted, waste_low, waste_high);
  return true;
}

bool
mf_size_tally_add (MfSizeTally *tally, uint64_t granted)
{
  uint64_t most = granted < tally->granule ? granted : tally->granule;

  return count (tally, granted, 0, most > 0 ? most - 1 : 0);
}

bool
mf_size_tally_add_request (MfSizeTally *tally, uint64_t requested, uint64_t granted)
{
  if (requested > granted)
    return false;
  return count (tally, granted, granted - requested, granted - requested);
}

static bool
precedes (const MfExactSize *a, const MfExactSize *b)
{
  return a->sum.bytes != b->sum.bytes ? a->sum.bytes > b->sum.bytes : a->size < b->size;
}

// Puts a size where it belongs among the `n` largest; returns how many there are now.
static size_t
rank (MfExactSize *sizes, size_t n, size_t n_sizes, const MfExactSize *exact)
{
  size_t place = n;

  while (place > 0 && precedes (exact, &sizes[place - 1]))
    place--;
  if (exact->sum.blocks == 0 || place == n_sizes)
    return n;
  n += n < n_sizes;
  memmove (&sizes[place + 1], &sizes[place], (n - 1 - place) * sizeof *sizes);
  sizes[place] = *exact;
  return n;
}

size_t
mf_size_tally_top (const MfSizeTally *tally, MfExactSize *sizes, size_t n_sizes)
{
  size_t n = 0;

  for (uint64_t size = 1; size <= MF_SMALL_SIZE; size++)
    n = rank (sizes, n, n_sizes, &(MfExactSize){ size, tally->small[size] });
  for (size_t i = 0; i < MF_EXACT_PLACES; i++)
    n = rank (sizes, n, n_sizes, &tally->exact[i]);
  return n;
}
