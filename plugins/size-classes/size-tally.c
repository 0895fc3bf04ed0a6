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

void
mf_size_tally_init (MfSizeTally *tally, uint64_t granule)
{
  *tally = (MfSizeTally){ .granule = granule > 0 ? granule : 1, .n_edges = N_DEFAULT_EDGES };
  memcpy (tally->edges, default_edges, sizeof default_edges);
}

void
mf_size_tally_reset (MfSizeTally *tally)
{
  tally->total = tally->other = (MfSizeSum){ 0 };
  tally->n_exact = 0;
  memset (tally->classes, 0, sizeof tally->classes);
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
  memcpy (tally->edges, edges, n_edges * sizeof *edges);
  tally->n_edges = n_edges;
  return true;
}

const char *
mf_size_tally_class_name (const MfSizeTally *tally, size_t class)
{
  return tally->n_edges == N_DEFAULT_EDGES && class <= N_DEFAULT_EDGES ? default_names[class]
                                                                       : NULL;
}

static size_t
class_of (const MfSizeTally *tally, uint64_t size)
{
  size_t class = 0;

  while (class < tally->n_edges && size > tally->edges[class])
    class ++;
  return class;
}

// Fibonacci hashing: sizes are multiples of a granule, so that their low bits say little.
static size_t
place_of (uint64_t size)
{
  return (size_t) ((size * UINT64_C (0x9e3779b97f4a7c15)) >> 32) & (MF_EXACT_PLACES - 1);
}

static MfSizeSum *
exact_sum (MfSizeTally *tally, uint64_t size)
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

// No waste exceeds its block's size, so only the sum of bytes needs a check.
static bool
count (MfSizeTally *tally, uint64_t granted, uint64_t waste_low, uint64_t waste_high)
{
  uint64_t bytes;

  if (granted == 0 || __builtin_add_overflow (tally->total.bytes, granted, &bytes))
    return false;
  MfSizeSum *sums[]
      = { &tally->total, &tally->classes[class_of (tally, granted)], exact_sum (tally, granted) };
  for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
    sums[i]->blocks++;
    sums[i]->bytes += granted;
    sums[i]->waste_low += waste_low;
    sums[i]->waste_high += waste_high;
  }
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

size_t
mf_size_tally_top (const MfSizeTally *tally, MfExactSize *sizes, size_t n_sizes)
{
  size_t n = 0;

  for (size_t i = 0; i < MF_EXACT_PLACES; i++) {
    const MfExactSize *exact = &tally->exact[i];
    size_t place = n;
    while (place > 0 && precedes (exact, &sizes[place - 1]))
      place--;
    if (exact->size == 0 || place == n_sizes)
      continue;
    n += n < n_sizes;
    memmove (&sizes[place + 1], &sizes[place], (n - 1 - place) * sizeof *sizes);
    sizes[place] = *exact;
  }
  return n;
}
