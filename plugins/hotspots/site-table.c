// SPDX-License-Identifier: Apache-2.0
// Stacks in the order in which they came, found by a small hash table of indices.
#include "site-table.h"

#include <string.h>

enum { FIRST_ROOM = 32 };

static bool
make_places (MfSiteTable *table, uint32_t n)
{
  MfSitePlace *places = mf_trace_resize (&table->memory, NULL, n * sizeof *places);
  if (!places)
    return false;
  memset (places, 0, n * sizeof *places);
  mf_trace_release (&table->memory, table->places);
  table->places = places;
  table->mask = n - 1;
  return true;
}

static bool
make_spreads (MfSiteTable *table, uint32_t room)
{
  MfSpread *spreads = mf_trace_resize (&table->memory, table->spreads, room * sizeof *spreads);
  if (spreads)
    table->spreads = spreads;
  return spreads != NULL;
}

static bool
make_room (MfSiteTable *table, uint32_t room)
{
  MfTally *tallies = mf_trace_resize (&table->memory, table->tallies, room * sizeof *tallies);
  if (!tallies)
    return false;
  table->tallies = tallies;
  MfSiteHistory *histories
      = mf_trace_resize (&table->memory, table->histories, room * sizeof *histories);
  if (!histories)
    return false;
  table->histories = histories;
  if (table->spreads && !make_spreads (table, room))
    return false;
  table->room = room;
  return true;
}

bool
mf_site_table_sample (MfSiteTable *table)
{
  if (table->spreads)
    return true;
  if (!make_spreads (table, table->room))
    return false;
  memset (table->spreads, 0, table->n * sizeof *table->spreads);
  return true;
}

bool
mf_site_table_init (MfSiteTable *table, MfTraceMemory memory)
{
  *table = (MfSiteTable){ .memory = memory };
  return make_places (table, FIRST_ROOM * 2) && make_room (table, FIRST_ROOM);
}

void
mf_site_table_free (MfSiteTable *table)
{
  mf_trace_release (&table->memory, table->tallies);
  mf_trace_release (&table->memory, table->histories);
  mf_trace_release (&table->memory, table->spreads);
  mf_trace_release (&table->memory, table->places);
  *table = (MfSiteTable){ .memory = table->memory };
}

static void
enter (MfSiteTable *table, uint32_t stack, uint32_t index)
{
  uint32_t i = mf_site_hash (stack) & table->mask;
  while (table->places[i].index)
    i = (i + 1) & table->mask;
  table->places[i] = (MfSitePlace){ stack, index + 1 };
}

static bool
grow (MfSiteTable *table)
{
  uint32_t room = table->room * 2;
  if (table->n >= MF_SITES_MAX || !make_room (table, room) || !make_places (table, room * 2))
    return false;
  for (uint32_t i = 0; i < table->n; i++)
    enter (table, table->histories[i].stack, i);
  return true;
}

bool
mf_site_table_add (MfSiteTable *table, uint32_t stack, uint32_t *index)
{
  if (table->n == table->room && !grow (table))
    return false;
  *index = table->n++;
  table->tallies[*index] = (MfTally){ 0 };
  table->histories[*index] = (MfSiteHistory){ .stack = stack };
  if (table->spreads)
    table->spreads[*index] = (MfSpread){ 0 };
  enter (table, stack, *index);
  return true;
}

void
mf_site_table_mark (MfSiteTable *table)
{
  for (uint32_t i = 0; i < table->n; i++) {
    table->histories[i].earlier = table->histories[i].middle;
    table->histories[i].middle = table->tallies[i].live;
  }
}
