// SPDX-License-Identifier: Apache-2.0
// The totals of each stack that has allocated, by its interned id. About 100 bytes a stack.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "high-water.h"
#include "sampling.h"
#include "trace-memory.h"

enum { MF_SITES_MAX = 1 << 24 }; // a live block names its stack by 24 bits

// What changes seldom. `unsure` is what may have been freed unseen: it was live before a pause of
// the recording. `snapshot` is the last one that named the stack. `earlier` and `middle` are the
// bytes that were live when half and a quarter of the next power of two of allocations had been
// made: a site that leaks grows from one to the next.
typedef struct {
  uint32_t stack, snapshot;
  uint64_t failed, earlier, middle, unsure, unsure_blocks;
} MfSiteHistory;

typedef struct {
  uint32_t stack, index;
} MfSitePlace; // index 0 = empty, else of the site, from 1

typedef struct {
  MfTraceMemory memory;
  MfTally *tallies;
  MfSiteHistory *histories;
  MfSpread *spreads; // of a sampled recording; else NULL
  MfSitePlace *places;
  uint32_t n, room, mask;
} MfSiteTable;

bool mf_site_table_init (MfSiteTable *table, MfTraceMemory memory);
void mf_site_table_free (MfSiteTable *table);

// Adds a stack that is not there yet. False = there is no memory, or there are too many.
bool mf_site_table_add (MfSiteTable *table, uint32_t stack, uint32_t *index);

static inline uint32_t
mf_site_hash (uint32_t stack)
{
  return (stack * UINT32_C (0x9e3779b1)) ^ (stack >> 15);
}

// The index of a stack. False = it is not there.
static inline bool
mf_site_table_find (const MfSiteTable *table, uint32_t stack, uint32_t *index)
{
  uint32_t i = mf_site_hash (stack) & table->mask;
  while (table->places[i].stack != stack && table->places[i].index)
    i = (i + 1) & table->mask;
  *index = table->places[i].index - 1;
  return table->places[i].index != 0;
}

// Keeps spreads, too, from now on. False = there is no memory.
bool mf_site_table_sample (MfSiteTable *table);

// Remembers what every stack holds now.
void mf_site_table_mark (MfSiteTable *table);
