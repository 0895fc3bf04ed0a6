// SPDX-License-Identifier: Apache-2.0
// Open addressing; the table is never full, so that a search always ends.
#include "freed-types.h"

_Static_assert(MF_FREED_TYPES_MAX < MF_FREED_PLACES, "a search ends at an unused place");
_Static_assert((MF_FREED_PLACES & (MF_FREED_PLACES - 1)) == 0, "places wrap by a mask");

static MfFreedType *
place_of (MfFreedTypes *types, uint32_t type)
{
  uint32_t i = (type * UINT32_C (0x9e3779b1)) >> 20;
  while (types->places[i].type && types->places[i].type != type)
    i = (i + 1) & (MF_FREED_PLACES - 1);
  if (types->places[i].type)
    return &types->places[i];
  if (types->n == MF_FREED_TYPES_MAX)
    return &types->others;
  types->n++;
  types->places[i].type = type;
  return &types->places[i];
}

void
mf_freed_types_add (
    MfFreedTypes *types, uint32_t type, uint64_t blocks, uint64_t bytes, uint64_t life)
{
  MfFreedType *freed = place_of (types, type);
  freed->blocks += blocks;
  freed->bytes += bytes;
  if (life == UINT64_MAX)
    return;
  freed->timed++;
  freed->lives += (double) life;
  freed->longest = life > freed->longest ? life : freed->longest;
}
