// SPDX-License-Identifier: Apache-2.0
// Open addressing with linear probing; a removal closes its gap, so that there are no tombstones.
#include "allocation-table.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

enum { FIRST_BITS = 9, MOST_BITS = 32, FIRST_ROOM = 64 };
enum { CACHE_LINE = 64, SMALL_PAGE = 4096, LARGE_PAGE = 2 << 20 };

// A large table is read at random: with small pages most reads would miss the TLB. Only a hint.
static void
ask_for_large_pages (void *memory, size_t bytes)
{
  uintptr_t from = ((uintptr_t) memory + SMALL_PAGE - 1) & ~(uintptr_t) (SMALL_PAGE - 1);
  uintptr_t end = ((uintptr_t) memory + bytes) & ~(uintptr_t) (SMALL_PAGE - 1);
  if (bytes >= 2 * LARGE_PAGE)
    madvise ((void *) from, end - from, MADV_HUGEPAGE);
}

// Memory that begins at a cache line; *bytes is what is to be released.
static void *
make_lines (const MfTraceMemory *memory, uint64_t n, size_t size, void **bytes)
{
  size_t length;
  if (__builtin_mul_overflow (n, size, &length)
      || __builtin_add_overflow (length, (size_t) CACHE_LINE, &length))
    return NULL;
  void *lines = mf_trace_resize (memory, NULL, length);
  if (!lines)
    return NULL;
  ask_for_large_pages (lines, length);
  *bytes = lines;
  return (void *) (((uintptr_t) lines + CACHE_LINE - 1) & ~(uintptr_t) (CACHE_LINE - 1));
}

// ---- places

static bool
make_places (MfAllocationTable *table, unsigned bits)
{
  uint64_t n = UINT64_C (1) << bits;
  void *bytes;
  MfBlockPlace *places = make_lines (&table->memory, n, sizeof *places, &bytes);
  if (!places)
    return false;
  table->place_bytes = bytes;
  table->places = memset (places, 0, n * sizeof *places);
  table->mask = n - 1;
  table->shift = 32 - (bits - MF_WINDOW_BITS);
  return true;
}

static void
move_places (MfAllocationTable *to, const MfAllocationTable *from)
{
  for (uint64_t i = 0; i <= from->mask; i++) {
    if (!from->places[i].block)
      continue;
    uint64_t place = mf_block_home (to, from->places[i].tag);
    while (to->places[place].block)
      place = (place + 1) & to->mask;
    to->places[place] = from->places[i];
  }
}

static bool
grow_places (MfAllocationTable *table, uint64_t n)
{
  MfAllocationTable old = *table;
  unsigned bits = 64 - (unsigned) __builtin_clzll (old.mask);
  while (bits <= MOST_BITS && n > ((UINT64_C (1) << bits) - 1) / 4)
    bits++;
  if (bits > MOST_BITS || !make_places (table, bits))
    return false;
  move_places (table, &old);
  mf_trace_release (&old.memory, old.place_bytes);
  return true;
}

// ---- blocks

static bool
grow_blocks (MfAllocationTable *table, uint32_t more)
{
  uint64_t room = table->room + table->room / 2 + more;
  void *bytes;
  if (room > UINT32_MAX)
    return false;
  MfLiveBlock *blocks = make_lines (&table->memory, room, sizeof *blocks, &bytes);
  if (!blocks)
    return false;
  if (table->blocks)
    memcpy (blocks, table->blocks, table->used * sizeof *blocks);
  else
    blocks[0] = (MfLiveBlock){ 0 };
  mf_trace_release (&table->memory, table->block_bytes);
  table->block_bytes = bytes;
  table->blocks = blocks;
  table->room = (uint32_t) room;
  return true;
}

// ---- both

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
  *table = (MfAllocationTable){ .memory = memory, .seed = random_seed (), .used = 1 };
  return make_places (table, FIRST_BITS) && grow_blocks (table, FIRST_ROOM);
}

void
mf_allocation_table_free (MfAllocationTable *table)
{
  mf_trace_release (&table->memory, table->place_bytes);
  mf_trace_release (&table->memory, table->block_bytes);
  table->place_bytes = table->block_bytes = NULL;
}

bool
mf_allocation_table_grow (MfAllocationTable *table, uint32_t more)
{
  if (table->n + more > table->mask / 4 && !grow_places (table, table->n + more))
    return false;
  return table->room - table->used > more || grow_blocks (table, more);
}

// How far a block stands from where it would stand in an empty table.
static uint64_t
distance (const MfAllocationTable *table, uint64_t i)
{
  return (i - mf_block_home (table, table->places[i].tag)) & table->mask;
}

void
mf_allocation_table_close_gap (MfAllocationTable *table, uint64_t gap)
{
  uint64_t mask = table->mask;
  for (uint64_t i = (gap + 1) & mask; table->places[i].block; i = (i + 1) & mask)
    if (distance (table, i) >= ((i - gap) & mask)) {
      table->places[gap] = table->places[i];
      gap = i;
    }
  table->places[gap].block = 0;
}

static void
add_block (MfAllocationTable *table, const MfLiveBlock *block)
{
  uint32_t tag = mf_block_tag (table, block->address);
  MfBlockPlace *place
      = mf_allocation_table_find (table, block->address, tag, mf_block_home (table, tag));
  if (!place->block)
    *mf_allocation_table_put (table, place, tag) = *block;
}

bool
mf_allocation_table_add_all (MfAllocationTable *table, const MfAllocationTable *from)
{
  if (from->n > UINT32_MAX || !mf_allocation_table_reserve (table, (uint32_t) from->n))
    return false;
  for (uint64_t i = 0; i <= from->mask; i++)
    if (from->places[i].block)
      add_block (table, &from->blocks[from->places[i].block]);
  return true;
}
