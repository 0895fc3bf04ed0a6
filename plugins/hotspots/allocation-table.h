// SPDX-License-Identifier: Apache-2.0
// The live blocks of one address space by address: open addressing, 32 bytes a place, so that a
// block is one cache line, which can be asked for before it is needed. One thread at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "trace-memory.h"

#define MF_BLOCK_SIZE_MAX ((UINT64_C (1) << 48) - 1)  // beyond the user space of a 48-bit machine
#define MF_BLOCK_EVENT_MAX ((UINT64_C (1) << 40) - 1) // ten hours at 30 million a second

typedef struct {
  uint64_t address; // 0 = an empty place
  uint64_t size : 48, thread : 16;
  int64_t time;                   // of the allocation, ns
  uint64_t event : 40, site : 24; // number of the allocation; index of its stack
} MfLiveBlock;
_Static_assert(sizeof (MfLiveBlock) == 32, "two places in a cache line");

typedef struct {
  MfTraceMemory memory;
  void *bytes; // holds `places`, which begin at a cache line
  MfLiveBlock *places;
  uint64_t n, mask, seed;
} MfAllocationTable;

// An empty table: 4 KiB. Returns false if there is no memory. Free also after a failure.
bool mf_allocation_table_init (MfAllocationTable *table, MfTraceMemory memory);
void mf_allocation_table_free (MfAllocationTable *table);

// The seed differs in each run, so that no trace can be written that makes all blocks collide. What
// is found does not depend on it.
static inline uint64_t
mf_allocation_hash (const MfAllocationTable *table, uint64_t address)
{
  uint64_t hash = address * table->seed;
  hash ^= hash >> 32;
  return (hash * UINT64_C (0x9e3779b97f4a7c15)) >> 24;
}

static inline void
mf_allocation_table_prefetch (const MfAllocationTable *table, uint64_t hash)
{
  __builtin_prefetch (&table->places[hash & table->mask], 1);
}

// The place of an address, or the empty one where it would stand. There always is one.
static inline MfLiveBlock *
mf_allocation_table_place (const MfAllocationTable *table, uint64_t address, uint64_t hash)
{
  uint64_t i = hash & table->mask;
  while (table->places[i].address != address && table->places[i].address != 0)
    i = (i + 1) & table->mask;
  return &table->places[i];
}

// Makes room for one more block. Places move: look for them afterwards. False = there is no memory.
bool mf_allocation_table_grow (MfAllocationTable *table);

static inline bool
mf_allocation_table_reserve (MfAllocationTable *table)
{
  return table->n < table->mask / 2 || mf_allocation_table_grow (table);
}

// Empties the place of a block; others may move.
void mf_allocation_table_remove (MfAllocationTable *table, MfLiveBlock *block);
