// SPDX-License-Identifier: Apache-2.0
// Open addressing, at most half full.
#include "id-map.h"

#include <string.h>

uint32_t
mf_id_map_slots (uint32_t n)
{
  uint32_t slots = 16;
  while (slots < 2 * n)
    slots *= 2;
  return slots;
}

void
mf_id_map_open (MfIdMap *map, uint32_t n)
{
  map->mask = mf_id_map_slots (n) - 1;
  memset (map->slots, 0, sizeof (MfIdPair) * (map->mask + 1));
}

static MfIdPair *
slot_of (const MfIdMap *map, uint32_t id)
{
  uint32_t i = id * 2654435769u >> 7 & map->mask;
  while (map->slots[i].id && map->slots[i].id != id)
    i = (i + 1) & map->mask;
  return &map->slots[i];
}

bool
mf_id_map_add (MfIdMap *map, uint32_t id, uint32_t here)
{
  MfIdPair *slot = slot_of (map, id);
  if (!id || slot->id)
    return false;
  *slot = (MfIdPair){ id, here };
  return true;
}

bool
mf_id_map_find (const MfIdMap *map, uint32_t *id)
{
  if (!*id)
    return true;
  const MfIdPair *slot = slot_of (map, *id);
  *id = slot->here;
  return slot->id;
}
