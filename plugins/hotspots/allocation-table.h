// SPDX-License-Identifier: Apache-2.0
// The live blocks of one address space by address. What is known of a block takes 32 bytes in a
// list that reuses the place of the last block that was freed; a hash table of 8 bytes a place
// finds it. One thread at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trace-memory.h"

#define MF_BLOCK_SIZE_MAX ((UINT64_C (1) << 48) - 1)  // beyond the user space of a 48-bit machine
#define MF_BLOCK_EVENT_MAX ((UINT64_C (1) << 40) - 1) // ten hours at 30 million a second

typedef struct {
  uint64_t address; // of a place that is vacant: the next such place; 0 = there is none
  uint64_t size : 48, thread : 16;
  int64_t time;                   // of the allocation, ns
  uint64_t event : 40, site : 24; // number of the allocation; index of its stack
} MfLiveBlock;
_Static_assert(sizeof (MfLiveBlock) == 32, "two in a cache line");

// `tag` tells where a block stands in a table of any size.
typedef struct {
  uint32_t tag, block; // block 0 = an empty place
} MfBlockPlace;

typedef struct {
  MfTraceMemory memory;
  void *place_bytes, *block_bytes; // hold `places` and `blocks`, which begin at a cache line
  MfBlockPlace *places;
  MfLiveBlock *blocks; // number 0 is not used
  uint64_t n, mask, seed;
  uint32_t used, room, vacant; // of `blocks`
  unsigned shift;
} MfAllocationTable;

// An empty table. False = there is no memory. Free also after a failure.
bool mf_allocation_table_init (MfAllocationTable *table, MfTraceMemory memory);
void mf_allocation_table_free (MfAllocationTable *table);

// Adds the blocks of another table that are not there yet. False = there is no memory.
bool mf_allocation_table_add_all (MfAllocationTable *table, const MfAllocationTable *from);

enum { MF_WINDOW_BITS = 4, MF_GRANULE_BITS = 4, MF_WINDOW_PLACES = 1 << MF_WINDOW_BITS };

// The blocks of one window of 256 B stand side by side, as they do in memory: what a program uses
// together is together in the cache here too. The windows are spread by a seed that differs in each
// run, so that no trace can be written that makes all of them collide. What is found does not
// depend on it.
static inline uint32_t
mf_block_tag (const MfAllocationTable *table, uint64_t address)
{
  uint64_t window = (address >> (MF_WINDOW_BITS + MF_GRANULE_BITS)) * table->seed;
  window = (window ^ window >> 32) * UINT64_C (0x9e3779b97f4a7c15); // any seed spreads neighbours
  uint64_t granule = (address >> MF_GRANULE_BITS) % MF_WINDOW_PLACES;
  return (uint32_t) (window >> 32 ^ granule); // in any order: objects of one size begin alike
}

// Where a block stands if nothing else is there.
static inline uint64_t
mf_block_home (const MfAllocationTable *table, uint32_t tag)
{
  return (tag >> table->shift) * MF_WINDOW_PLACES + tag % MF_WINDOW_PLACES;
}

static inline void
mf_allocation_table_prefetch (const MfAllocationTable *table, uint64_t home)
{
  __builtin_prefetch (&table->places[home], 1);
}

// The place of an address, or the empty one where it would stand. There always is one.
static inline MfBlockPlace *
mf_allocation_table_find (
    const MfAllocationTable *table, uint64_t address, uint32_t tag, uint64_t home)
{
  uint64_t i = home;
  for (; table->places[i].block; i = (i + 1) & table->mask)
    if (table->places[i].tag == tag && table->blocks[table->places[i].block].address == address)
      break;
  return &table->places[i];
}

// Makes room for `more` blocks. Blocks and places move: look for them afterwards. False = there is
// no memory.
bool mf_allocation_table_grow (MfAllocationTable *table, uint32_t more);

static inline bool
mf_allocation_table_reserve (MfAllocationTable *table, uint32_t more)
{
  bool room = table->n + more <= table->mask / 4 && table->room - table->used > more;
  return room || mf_allocation_table_grow (table, more);
}

// A block for an empty place; there must be room for it.
static inline MfLiveBlock *
mf_allocation_table_put (MfAllocationTable *table, MfBlockPlace *place, uint32_t tag)
{
  uint32_t block = table->vacant;
  if (block)
    table->vacant = (uint32_t) table->blocks[block].address;
  else
    block = table->used++;
  *place = (MfBlockPlace){ tag, block };
  table->n++;
  return &table->blocks[block];
}

// Closes the gap at a place that was emptied; other places may move.
void mf_allocation_table_close_gap (MfAllocationTable *table, uint64_t gap);

// Empties a place.
static inline void
mf_allocation_table_remove (MfAllocationTable *table, MfBlockPlace *place)
{
  uint64_t gap = (uint64_t) (place - table->places);
  table->blocks[place->block].address = table->vacant;
  table->vacant = place->block;
  place->block = 0;
  table->n--;
  if (table->places[(gap + 1) & table->mask].block)
    mf_allocation_table_close_gap (table, gap);
}
