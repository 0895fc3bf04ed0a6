// SPDX-License-Identifier: Apache-2.0
// Goes over the blocks from the last to the first: what is behind each is known when it is reached.
#include "function-paths.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_WAYS = 8, MOST_BLOCKS = 4096 }; // of more blocks no single paths are told

// ---- paths

typedef struct {
  MfAmount call, kept; // from here to the end: low over the cheapest way, high over the dearest
  uint64_t survives, peak, paths;
  bool ends;
} Way;

// Where a path goes on behind a block. A back edge leaves its loop by the exits of that loop.
static uint32_t
ways_of (const MfFlowGraph *graph, uint32_t block, uint32_t *to, uint32_t room, bool exceptions)
{
  const MfFlowBlock *b = &graph->blocks[block];
  uint32_t n = 0, edges[] = { b->next[0], b->next[1], exceptions ? b->handler : MF_NO_BLOCK };
  for (uint32_t i = 0; i < 3; i++) {
    uint32_t next = edges[i];
    if (next == MF_NO_BLOCK || graph->blocks[next].position == MF_NO_BLOCK)
      continue;
    if (!mf_flow_is_back_edge (graph, block, next)) {
      if (n < room)
        to[n++] = next;
      continue;
    }
    uint32_t loop = graph->blocks[next].loop;
    for (uint32_t k = graph->blocks[block].position + 1; k < graph->n_order && n < room && loop != MF_NO_BLOCK; k++) {
      uint32_t exit = graph->order[k];
      const MfFlowBlock *header = &graph->blocks[graph->loops[loop].header];
      bool leaves = !mf_flow_loop_contains (graph, loop, exit) && (header->next[0] == exit || header->next[1] == exit);
      if (leaves)
        to[n++] = exit;
    }
  }
  return n;
}

static void
join_ways (Way *way, const Way *other, uint32_t n)
{
  if (n == 0) {
    *way = *other;
    return;
  }
  way->call.low = other->call.low < way->call.low ? other->call.low : way->call.low;
  way->call.high = other->call.high > way->call.high ? other->call.high : way->call.high;
  way->call.likely = mf_more (way->call.likely / (n + 1) * n, other->call.likely / (n + 1));
  way->kept.low = other->kept.low < way->kept.low ? other->kept.low : way->kept.low;
  way->kept.high = other->kept.high > way->kept.high ? other->kept.high : way->kept.high;
  way->kept.likely = mf_more (way->kept.likely / (n + 1) * n, other->kept.likely / (n + 1));
  way->survives = other->survives > way->survives ? other->survives : way->survives;
  way->peak = other->peak > way->peak ? other->peak : way->peak;
  way->paths = mf_more (way->paths, other->paths);
}

static void
add_block (Way *way, const MfBlockCost *cost)
{
  way->call = mf_amount_add (way->call, mf_amount_times (cost->allocated, cost->times));
  way->kept = mf_amount_add (way->kept, mf_amount_times (cost->kept, cost->times));
  way->survives = mf_more (way->survives, cost->survives);
  way->peak = cost->peak > way->peak ? cost->peak : way->peak;
}

// Exceptions count for the most that is possible, not for the likely.
static void
compare_block (const MfFlowGraph *graph, const MfBlockCost *costs, uint32_t block, Way *ways)
{
  uint32_t to[MOST_WAYS], normal = ways_of (graph, block, to, MOST_WAYS, false);
  Way way = { .paths = 1 };
  for (uint32_t k = 0; k < normal; k++)
    join_ways (&way, &ways[to[k]], k);
  uint32_t handler = graph->blocks[block].handler;
  if (handler != MF_NO_BLOCK && !mf_flow_is_back_edge (graph, block, handler)) {
    const Way *other = &ways[handler];
    way.call.high = other->call.high > way.call.high ? other->call.high : way.call.high;
    way.kept.high = other->kept.high > way.kept.high ? other->kept.high : way.kept.high;
    way.survives = other->survives > way.survives ? other->survives : way.survives;
    way.peak = other->peak > way.peak ? other->peak : way.peak;
  }
  add_block (&way, &costs[block]);
  ways[block] = way;
}

// ---- single paths: those of one cost are one group

typedef struct {
  MfPathCost *groups; // by their cost
  uint32_t n;
} Paths;

static int
by_cost (const void *a, const void *b)
{
  const MfAmount *first = &((const MfPathCost *) a)->call, *second = &((const MfPathCost *) b)->call;
  if (first->likely != second->likely)
    return first->likely < second->likely ? -1 : 1;
  return first->high < second->high ? -1 : first->high > second->high;
}

// What both have in common is what they still say.
static void
join_groups (MfPathCost *group, const MfPathCost *other)
{
  uint32_t n = 0;
  while (n < group->n_lines && n < other->n_lines && group->lines[n] == other->lines[n])
    n++;
  group->n_lines = n;
  group->count = mf_more (group->count, other->count);
  group->call.low = other->call.low < group->call.low ? other->call.low : group->call.low;
  group->call.high = other->call.high > group->call.high ? other->call.high : group->call.high;
  group->call.likely = other->call.likely;
}

static uint32_t
join_equal (MfPathCost *groups, uint32_t n)
{
  uint32_t kept = 0;
  for (uint32_t i = 1; i < n; i++)
    if (by_cost (&groups[kept], &groups[i]) == 0)
      join_groups (&groups[kept], &groups[i]);
    else
      groups[++kept] = groups[i];
  return n ? kept + 1 : 0;
}

// The two neighbours that are the least apart become one; the cheapest and the dearest stay alone as long as others are there.
static uint32_t
join_nearest (MfPathCost *groups, uint32_t n)
{
  uint32_t best = 1;
  for (uint32_t i = 1; i + 2 < n; i++)
    if (groups[i + 1].call.likely - groups[i].call.likely < groups[best + 1].call.likely - groups[best].call.likely)
      best = i;
  join_groups (&groups[best], &groups[best + 1]);
  memmove (&groups[best + 1], &groups[best + 2], (n - best - 2) * sizeof *groups);
  return n - 1;
}

static void
put_decision (MfPathCost *path, uint32_t line)
{
  enum { MOST = sizeof path->lines / sizeof *path->lines };
  uint32_t n = path->n_lines < MOST ? path->n_lines : MOST - 1;
  memmove (path->lines + 1, path->lines, n * sizeof *path->lines);
  path->lines[0] = line;
  path->n_lines = n + 1;
}

static bool
tell_block (const MfFlowGraph *graph, const MfBlockCost *cost, const MfOperation *operations, uint32_t block, MfArena *arena,
    Paths *paths)
{
  MfPathCost all[MOST_WAYS * MF_MOST_PATHS] = { { .count = 1 } };
  uint32_t to[MOST_WAYS], ways = ways_of (graph, block, to, MOST_WAYS, false), n = 0;
  for (uint32_t k = 0; k < ways; k++)
    for (uint32_t i = 0; i < paths[to[k]].n; i++) {
      all[n] = paths[to[k]].groups[i];
      if (ways > 1)
        put_decision (&all[n], operations[graph->blocks[to[k]].first].line);
      n++;
    }
  if (ways > 1) {
    qsort (all, n, sizeof *all, by_cost);
    n = join_equal (all, n);
  }
  n += n == 0;
  while (n > MF_MOST_PATHS)
    n = join_nearest (all, n);
  for (uint32_t i = 0; i < n; i++)
    all[i].call = mf_amount_add (all[i].call, mf_amount_times (cost->allocated, cost->times));
  paths[block] = (Paths){ mf_arena_take (arena, n * sizeof *all), n };
  if (!paths[block].groups)
    return false;
  memcpy (paths[block].groups, all, n * sizeof *all);
  return true;
}

static bool
tell_paths (const MfFlowGraph *graph, const MfBlockCost *costs, const MfOperation *operations, MfArena *arena,
    MfFunctionCost *cost)
{
  Paths *paths = mf_arena_take (arena, (graph->n + 1ull) * sizeof *paths);
  if (!paths)
    return false;
  memset (paths, 0, (graph->n + 1ull) * sizeof *paths);
  for (uint32_t i = graph->n_order; i-- > 0;)
    if (!tell_block (graph, &costs[graph->order[i]], operations, graph->order[i], arena, paths))
      return false;
  cost->n_groups = paths[0].n;
  memcpy (cost->groups, paths[0].groups, paths[0].n * sizeof *cost->groups);
  return true;
}

bool
mf_function_paths (
    const MfFlowGraph *graph, const MfBlockCost *costs, const MfOperation *operations, MfArena *arena, MfFunctionCost *cost)
{
  Way *ways = mf_arena_take (arena, (graph->n + 1ull) * sizeof *ways);
  if (!ways)
    return false;
  memset (ways, 0, (graph->n + 1ull) * sizeof *ways);
  for (uint32_t i = graph->n_order; i-- > 0;)
    compare_block (graph, costs, graph->order[i], ways);
  const Way *whole = &ways[0];
  uint64_t peak = mf_more (whole->survives, whole->peak);
  cost->call = whole->call;
  cost->kept = whole->kept;
  cost->peak = (MfAmount){ whole->peak < whole->call.low ? whole->peak : whole->call.low, mf_more (peak, whole->kept.likely),
    mf_more (peak, whole->kept.high) };
  cost->n_paths = whole->paths;
  bool told = whole->paths > 1 && graph->n_order <= MOST_BLOCKS;
  return !told || tell_paths (graph, costs, operations, arena, cost);
}
