// SPDX-License-Identifier: Apache-2.0
// MicroPython py/qstr.c qstr_add, qstr_from_strn: pools of 20 entries, 40, 80 …; chunks of 128
// bytes, which grow where they are.
#include "model/code-cost/name-pool.h"

#include "model/code-cost/known-names.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_POOL = 20, CHUNK = 128, FEWEST = 64 };
// Measured on 1.25 for Unix where a program imports its first module: its own path, sys.path, a few
// variables.
enum { BOOT_NAMES = 8, BOOT_CHARACTERS = 64 };

void
mf_name_pool_init (MfNamePool *pool, const MfTarget *target)
{
  *pool = (MfNamePool){ .target = target,
    .room = FIRST_POOL,
    .left = FIRST_POOL - BOOT_NAMES,
    .chunk = CHUNK,
    .chunk_left = CHUNK - BOOT_CHARACTERS };
}

void
mf_name_pool_end (MfNamePool *pool)
{
  for (uint64_t i = 0; pool->names && i <= pool->mask; i++)
    free (pool->names[i]);
  free (pool->names);
  pool->names = NULL;
}

// ---- the set of names

static MfPooledName **
place_of (MfPooledName **names, uint32_t mask, uint32_t hash, const uint8_t *bytes, uint32_t n)
{
  uint32_t at = hash & mask;
  for (; names[at]; at = (at + 1) & mask)
    if (names[at]->hash == hash && names[at]->n == n && !memcmp (names[at]->bytes, bytes, n))
      break;
  return &names[at];
}

static bool
make_room (MfNamePool *pool)
{
  uint32_t room = pool->names ? (pool->mask + 1) * 2 : FEWEST;
  if (pool->names && pool->n < pool->mask / 2)
    return true;
  MfPooledName **names = room ? calloc (room, sizeof (MfPooledName *)) : NULL;
  if (!names)
    return false;
  for (uint64_t i = 0; pool->names && i <= pool->mask; i++) {
    MfPooledName *name = pool->names[i];
    if (name)
      *place_of (names, room - 1, name->hash, name->bytes, name->n) = name;
  }
  free (pool->names);
  pool->names = names;
  pool->mask = room - 1;
  return true;
}

// ---- what names take

static MfBytes
price (const MfNamePool *pool, uint64_t bytes)
{
  return (MfBytes){ bytes, mf_granted (pool->target, bytes) };
}

static MfBytes
price_entries (const MfNamePool *pool, uint64_t entries)
{
  enum { HASH = 2, LENGTH = 1 };
  return price (
      pool, mf_sizeof (pool->target, "PnnnPP") + entries * (pool->target->pointer + HASH + LENGTH));
}

static void
take_entry (MfNamePool *pool, MfNamesCost *cost)
{
  if (!pool->left) {
    pool->room *= 2;
    pool->left = pool->room;
    MfBytes entries = price_entries (pool, pool->room);
    mf_bytes_add (&cost->likely, entries);
    mf_bytes_add (&cost->pools, entries);
  }
  pool->left--;
}

// A chunk that is too small grows by what is asked for where it is.
static void
take_characters (MfNamePool *pool, uint64_t bytes, MfNamesCost *cost)
{
  if (bytes <= pool->chunk_left) {
    pool->chunk_left -= bytes;
    return;
  }
  MfBytes before = price (pool, pool->chunk), after = price (pool, pool->chunk += bytes);
  mf_bytes_add (&cost->likely,
      (MfBytes){ after.requested - before.requested, after.granted - before.granted });
}

static bool
add (MfNamePool *pool, const uint8_t *bytes, uint32_t n, MfNamesCost *cost)
{
  if (!make_room (pool))
    return false;
  uint32_t hash = (uint32_t) mf_bytes_hash (bytes, n);
  MfPooledName **place = place_of (pool->names, pool->mask, hash, bytes, n);
  if (*place)
    return true;
  *place = malloc (sizeof **place + n);
  if (!*place)
    return false;
  **place = (MfPooledName){ hash, n };
  memcpy ((*place)->bytes, bytes, n);
  pool->n++;
  cost->n++;
  take_characters (pool, n + 1ull, cost);
  take_entry (pool, cost);
  return true;
}

bool
mf_name_pool_add (MfNamePool *pool, const uint8_t *bytes, uint32_t n, MfNamesCost *cost)
{
  if (!n)
    return true;
  if (!mf_firmware_has_name (bytes, n))
    return add (pool, bytes, n, cost);
  cost->n_firmware++;
  cost->firmware_characters += n + 1ull;
  return true;
}

bool
mf_name_pool_has (const MfNamePool *pool, const uint8_t *bytes, uint32_t n)
{
  if (!n || mf_firmware_has_name (bytes, n))
    return true;
  return pool->names && *place_of (pool->names, pool->mask, (uint32_t) mf_bytes_hash (bytes, n), bytes, n);
}

// Other firmware has fewer names, and before the first import there were a few more or less.
void
mf_name_pool_bound (const MfNamePool *pool, const MfNamesCost *cost, MfBytes *least, MfBytes *most)
{
  enum { DOUBT = 12, DOUBT_CHARACTERS = 64 };
  bool just_made = cost->pools.requested && pool->room - pool->left <= DOUBT;
  bool nearly_full = pool->left < cost->n_firmware + DOUBT;
  *least = cost->likely;
  if (just_made) {
    least->requested -= cost->pools.requested;
    least->granted -= cost->pools.granted;
  }
  MfBytes room = price (pool, DOUBT_CHARACTERS);
  least->requested -= room.requested < least->requested ? room.requested : least->requested;
  least->granted -= room.granted < least->granted ? room.granted : least->granted;
  *most = cost->likely;
  mf_bytes_add (most, price (pool, cost->firmware_characters + CHUNK));
  if (nearly_full)
    mf_bytes_add (most, price_entries (pool, pool->room * 2));
}
