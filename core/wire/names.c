// SPDX-License-Identifier: Apache-2.0
// Open addressing, at most half full.
#include "names.h"

#include <string.h>

uint32_t
mf_names_slots (uint32_t n)
{
  uint32_t slots = 16;
  while (slots < 2 * n)
    slots *= 2;
  return slots;
}

void
mf_names_open (MfNames *names, uint32_t n)
{
  names->mask = mf_names_slots (n) - 1;
  memset (names->slots, 0, sizeof (MfName) * (names->mask + 1));
}

static MfName *
slot_of (const MfNames *names, uint32_t id)
{
  uint32_t i = id * 2654435769u >> 7 & names->mask;
  while (names->slots[i].id && names->slots[i].id != id)
    i = (i + 1) & names->mask;
  return &names->slots[i];
}

bool
mf_names_add (MfNames *names, uint32_t id, uint32_t here)
{
  MfName *slot = slot_of (names, id);
  if (!id || slot->id)
    return false;
  *slot = (MfName) { id, here };
  return true;
}

bool
mf_names_find (const MfNames *names, uint32_t *id)
{
  if (!*id)
    return true;
  const MfName *slot = slot_of (names, *id);
  *id = slot->here;
  return slot->id;
}
