// SPDX-License-Identifier: Apache-2.0
// Open addressing with linear probing; a removal closes its gap, so that there are no tombstones.
#include "allocation-table.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

enum { FIRST_PLACES = 128, CACHE_LINE = 64, SMALL_PAGE = 4096, LARGE_PAGE = 2 << 20 };

// A large table is read at random: with small pages most reads would miss the TLB. Only a hint.
static void
ask_for_large_pages (void *memory, size_t bytes)
{
  uintptr_t from = ((uintptr_t) memory + SMALL_PAGE - 1) & ~(uintptr_t) (SMALL_PAGE - 1);
  uintptr_t end = ((uintptr_t) memory + bytes) & ~(uintptr_t) (SMALL_PAGE - 1);
  if (bytes >= 2 * LARGE_PAGE)
    madvise ((void *) from, end - from, MADV_HUGEPAGE);
}

static bool
make_places (MfAllocationTable *table, uint64_t n)
{
  size_t bytes;
  if (__builtin_mul_overflow (n, sizeof (MfLiveBlock), &bytes)
      || __builtin_add_overflow (bytes, (size_t) CACHE_LINE, &bytes))
    return false;
  void *memory = mf_trace_resize (&table->memory, NULL, bytes);
  if (!memory)
    return false;
  ask_for_large_pages (memory, bytes);
  uintptr_t at = ((uintptr_t) memory + CACHE_LINE - 1) & ~(uintptr_t) (CACHE_LINE - 1);
  table->bytes = memory;
  table->places = memset ((void *) at, 0, n * sizeof (MfLiveBlock));
  table->mask = n - 1;
  return true;
}

static uint64_t
random_seed (void)
{
  uint64_t seed = 0;
  if (getrandom (&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t) sizeof seed)
    seed = UINT64_C (0xd6e8feb86659fd93);
  return seed | 1;
}

bool
mf_allocation_table_init (MfAllocationTable *table, MfTraceMemory memory)
{
  *table = (MfAllocationTable){ .memory = memory, .seed = random_seed () };
  return make_places (table, FIRST_PLACES);
}

void
mf_allocation_table_free (MfAllocationTable *table)
{
  mf_trace_release (&table->memory, table->bytes);
  table->bytes = NULL;
}

bool
mf_allocation_table_grow (MfAllocationTable *table)
{
  MfAllocationTable old = *table;
  if (!make_places (table, (old.mask + 1) * 2))
    return false;
  for (uint64_t i = 0; i <= old.mask; i++) {
    const MfLiveBlock *block = &old.places[i];
    if (block->address)
      *mf_allocation_table_place (table, block->address, mf_allocation_hash (table, block->address))
          = *block;
  }
  mf_trace_release (&old.memory, old.bytes);
  return true;
}

// How far a block stands from where it would stand in an empty table.
static uint64_t
distance (const MfAllocationTable *table, uint64_t i)
{
  return (i - mf_allocation_hash (table, table->places[i].address)) & table->mask;
}

void
mf_allocation_table_remove (MfAllocationTable *table, MfLiveBlock *block)
{
  uint64_t mask = table->mask, gap = (uint64_t) (block - table->places);
  for (uint64_t i = (gap + 1) & mask; table->places[i].address; i = (i + 1) & mask)
    if (distance (table, i) >= ((i - gap) & mask)) {
      table->places[gap] = table->places[i];
      gap = i;
    }
  table->places[gap].address = 0;
  table->n--;
}
