// SPDX-License-Identifier: Apache-2.0
// Two moments are enough: the first one and the last one.
#include "memory-change.h"

enum { MOSTLY_EMPTY = 25 };  // percent

// ---- a moment

static MfMemoryMoment
new_moment (void)
{
  return (MfMemoryMoment) { .types = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, g_free),
    .keepers = g_hash_table_new (g_direct_hash, g_direct_equal) };
}

static void
clear_moment (MfMemoryMoment *moment)
{
  g_clear_pointer (&moment->types, g_hash_table_unref);
  g_clear_pointer (&moment->keepers, g_hash_table_unref);
  *moment = (MfMemoryMoment) { 0 };
}

void
mf_memory_change_init (MfMemoryChange *change)
{
  *change = (MfMemoryChange) { .open = new_moment () };
}

void
mf_memory_change_clear (MfMemoryChange *change)
{
  clear_moment (&change->first);
  clear_moment (&change->last);
  clear_moment (&change->open);
}

void
mf_memory_change_type (MfMemoryChange *change, const MfObjectCensus *row)
{
  gpointer key = GUINT_TO_POINTER (row->type.id);
  MfTypeSum *sum = g_hash_table_lookup (change->open.types, key);
  if (!sum)
    g_hash_table_insert (change->open.types, key, sum = g_new0 (MfTypeSum, 1));
  sum->count += row->count;
  sum->bytes += row->bytes.bytes;
}

void
mf_memory_change_arena (MfMemoryChange *change, const MfPymallocArena *row)
{
  MfMemoryMoment *moment = &change->open;
  gpointer key = GUINT_TO_POINTER (row->main_type.id);
  moment->arenas++;
  if (row->occupancy > MOSTLY_EMPTY)
    return;
  moment->empty_arenas++;
  guint so_far = GPOINTER_TO_UINT (g_hash_table_lookup (moment->keepers, key));
  g_hash_table_insert (moment->keepers, key, GUINT_TO_POINTER (so_far + 1));
}

MfString
mf_memory_moment_keeper (const MfMemoryMoment *moment, uint64_t *arenas)
{
  MfString keeper = { 0 };
  GHashTableIter each;
  gpointer key, value;
  *arenas = 0;
  g_hash_table_iter_init (&each, moment->keepers);
  while (g_hash_table_iter_next (&each, &key, &value)) {
    const MfString type = { GPOINTER_TO_UINT (key) };
    uint64_t n = GPOINTER_TO_UINT (value);
    if (n < *arenas || (n == *arenas && type.id > keeper.id))
      continue;
    keeper = type;
    *arenas = n;
  }
  return keeper;
}

static bool
knows_chunks (const MfMemoryMoment *moment)
{
  return moment->parts[MF_MEMORY_C_USED].size.bytes > 0;
}

// Only moments of which the same is known can be compared.
static void
close_moment (MfMemoryChange *change)
{
  if (change->n && knows_chunks (&change->open) != knows_chunks (&change->first)) {
    bool better = knows_chunks (&change->open);
    change->left_out += better ? change->n : 1;
    change->n = better ? 0 : change->n;
    if (!better) {
      clear_moment (&change->open);
      change->open = new_moment ();
      return;
    }
    clear_moment (&change->last);
  }
  MfMemoryMoment *kept = change->n ? &change->last : &change->first;
  clear_moment (kept);
  *kept = change->open;
  change->open = new_moment ();
  change->n++;
  change->incomplete = MAX (change->incomplete, (uint64_t) ABS (mf_memory_moment_residual (kept)));
}

void
mf_memory_change_part (MfMemoryChange *change, const MfProcessMemory *row)
{
  if (row->part > MF_MEMORY_ALL)
    return;
  change->open.parts[row->part] = *row;
  if (row->part == MF_MEMORY_ALL)
    close_moment (change);
}

// ---- from the first to the last

int64_t
mf_memory_moment_residual (const MfMemoryMoment *moment)
{
  int64_t residual = (int64_t) moment->parts[MF_MEMORY_ALL].resident.bytes;
  for (uint32_t i = 0; i < MF_MEMORY_PARTS; i++)
    residual -= (int64_t) moment->parts[i].resident.bytes;
  return residual;
}

int64_t
mf_memory_change_of (const MfMemoryChange *change, uint32_t part)
{
  if (change->n < 2)
    return 0;
  return (int64_t) (change->last.parts[part].resident.bytes - change->first.parts[part].resident.bytes);
}

static int64_t
grown (const MfTypeChange *type)
{
  return (int64_t) (type->last.bytes - type->first.bytes);
}

static int
most_grown_first (const void *a, const void *b)
{
  const MfTypeChange *x = a, *y = b;
  if (grown (x) != grown (y))
    return grown (x) < grown (y) ? 1 : -1;
  if (x->last.bytes != y->last.bytes)
    return x->last.bytes < y->last.bytes ? 1 : -1;
  return (x->type.id > y->type.id) - (x->type.id < y->type.id);
}

static void
add_types (GArray *changes, const MfMemoryChange *change, GHashTable *types, bool only_new)
{
  const MfTypeSum none = { 0 };
  GHashTableIter each;
  gpointer key;
  g_hash_table_iter_init (&each, types);
  while (g_hash_table_iter_next (&each, &key, NULL)) {
    const MfTypeSum *first = g_hash_table_lookup (change->first.types, key), *last = g_hash_table_lookup (change->last.types, key);
    const MfTypeChange row = { { GPOINTER_TO_UINT (key) }, first ? *first : none, last ? *last : none };
    if (!only_new || !first)
      g_array_append_val (changes, row);
  }
}

GArray *
mf_memory_change_types (const MfMemoryChange *change)
{
  GArray *changes = g_array_new (FALSE, FALSE, sizeof (MfTypeChange));
  if (change->n < 2)
    return changes;
  add_types (changes, change, change->first.types, false);
  add_types (changes, change, change->last.types, true);
  g_array_sort (changes, most_grown_first);
  return changes;
}
