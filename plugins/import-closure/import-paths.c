// SPDX-License-Identifier: Apache-2.0
// The order in which Python loads modules, and dominators by the algorithm of Cooper, Harvey and
// Kennedy ("A Simple, Fast Dominance Algorithm", 2001).
#include "import-paths.h"

#include <string.h>

enum { LOADING = 1 }; // mark of a node whose body still runs

// ---- loading

static void
enter (MfPaths *paths, uint32_t node, MfReach reach, const MfImportEdge *by, uint32_t *depth)
{
  MfImportGraph *graph = paths->graph;
  MfImportNode *entered = &graph->nodes[node];
  entered->reached = reach;
  entered->loader = by ? by->from : MF_NO_NODE;
  entered->line = by ? by->line : 0;
  entered->order = graph->n_loaded;
  graph->loaded[graph->n_loaded++] = node;
  paths->marks[node] = LOADING;
  paths->steps[(*depth)++] = (MfPathStep){ node, graph->first_edge[node] };
}

static void
follow (MfPaths *paths, const MfImportEdge *edge, MfReach reach, uint32_t *depth)
{
  MfImportGraph *graph = paths->graph;
  if (edge->in_call)
    return;
  if (graph->nodes[edge->to].reached == MF_REACHED_NEVER)
    enter (paths, edge->to, reach, edge, depth);
  else if (paths->marks[edge->to] == LOADING && !edge->implied && edge->to != edge->from)
    graph->nodes[edge->from].returns = edge->to;
}

// Loads `node` and all that it imports at once.
static void
load (MfPaths *paths, uint32_t node, MfReach reach, const MfImportEdge *by)
{
  const MfImportGraph *graph = paths->graph;
  uint32_t depth = 0;
  if (graph->nodes[node].reached != MF_REACHED_NEVER)
    return;
  enter (paths, node, reach, by, &depth);
  while (depth) {
    MfPathStep *step = &paths->steps[depth - 1];
    if (step->edge < graph->first_edge[step->node + 1])
      follow (paths, &graph->edges[step->edge++], reach, &depth);
    else {
      paths->marks[step->node] = 0;
      depth--;
    }
  }
}

static void
load_in_calls (MfPaths *paths, uint32_t node)
{
  const MfImportGraph *graph = paths->graph;
  for (uint32_t i = graph->first_edge[node]; i < graph->first_edge[node + 1]; i++)
    if (graph->edges[i].in_call)
      load (paths, graph->edges[i].to, MF_REACHED_IN_A_CALL, &graph->edges[i]);
}

// First all that is loaded at the start, then what calls of any loaded module load.
void
mf_paths_load (MfPaths *paths, const uint32_t *entries, uint32_t n_entries)
{
  MfImportGraph *graph = paths->graph;
  memset (paths->marks, 0, (size_t) graph->n_nodes * sizeof *paths->marks);
  for (uint32_t i = 0; i < n_entries; i++)
    load (paths, entries[i], MF_REACHED_AT_ONCE, NULL);
  for (uint32_t i = 0; i < graph->n_loaded; i++)
    load_in_calls (paths, graph->loaded[i]);
}

// ---- walking

typedef bool (*Follows) (const MfImportGraph *graph, const MfImportEdge *edge);

// Appends the unmarked nodes below `node` to graph->ranked, in postorder, and marks them.
static void
walk (MfPaths *paths, uint32_t node, Follows follows)
{
  MfImportGraph *graph = paths->graph;
  uint32_t depth = 0;
  if (paths->marks[node])
    return;
  paths->marks[node] = 1;
  paths->steps[depth++] = (MfPathStep){ node, graph->first_edge[node] };
  while (depth) {
    MfPathStep *step = &paths->steps[depth - 1];
    if (step->edge == graph->first_edge[step->node + 1]) {
      graph->ranked[graph->n_ranked++] = step->node;
      depth--;
      continue;
    }
    const MfImportEdge *edge = &graph->edges[step->edge++];
    if (!follows (graph, edge) || paths->marks[edge->to])
      continue;
    paths->marks[edge->to] = 1;
    paths->steps[depth++] = (MfPathStep){ edge->to, graph->first_edge[edge->to] };
  }
}

static void
forget_walks (MfPaths *paths)
{
  paths->graph->n_ranked = 0;
  memset (paths->marks, 0, (size_t) paths->graph->n_nodes * sizeof *paths->marks);
}

static void
reverse (uint32_t *nodes, uint32_t n)
{
  for (uint32_t i = 0, j = n; i + 1 < j; i++) {
    uint32_t swap = nodes[i];
    nodes[i] = nodes[--j];
    nodes[j] = swap;
  }
}

// ---- sources: what a walk finishes last, nothing but its own circle leads to (Kosaraju)

static bool
always (const MfImportGraph *graph, const MfImportEdge *edge)
{
  (void) graph;
  (void) edge;
  return true;
}

uint32_t
mf_paths_sources (MfPaths *paths, const uint32_t *candidates, uint32_t n, uint32_t *sources)
{
  MfImportGraph *graph = paths->graph;
  uint32_t n_sources = 0;
  forget_walks (paths);
  for (uint32_t i = 0; i < n; i++)
    walk (paths, candidates[i], always);
  uint32_t n_finished = graph->n_ranked;
  memcpy (graph->loaded, graph->ranked, n_finished * sizeof *graph->loaded);
  forget_walks (paths);
  for (uint32_t i = n_finished; i-- > 0;) {
    uint32_t node = graph->loaded[i];
    if (!paths->marks[node])
      sources[n_sources++] = node;
    walk (paths, node, always);
  }
  graph->n_ranked = 0;
  reverse (sources, n_sources);
  return n_sources;
}

// ---- dominators: `marks` are ranks in reverse postorder from 1; 0 is the root above all entries

// What is loaded at the start is loaded by nothing that comes later.
static bool
counts (const MfImportGraph *graph, const MfImportEdge *edge)
{
  bool at_start = !edge->in_call && graph->nodes[edge->from].reached == MF_REACHED_AT_ONCE;
  return at_start || graph->nodes[edge->to].reached == MF_REACHED_IN_A_CALL;
}

static void
rank_all (MfPaths *paths, const uint32_t *entries, uint32_t n_entries)
{
  MfImportGraph *graph = paths->graph;
  forget_walks (paths);
  for (uint32_t i = n_entries; i-- > 0;)
    walk (paths, entries[i], counts);
  reverse (graph->ranked, graph->n_ranked);
  for (uint32_t i = 0; i < graph->n_ranked; i++)
    paths->marks[graph->ranked[i]] = i + 1;
}

// steps[rank].node is the rank of the immediate dominator while it is computed; UINT32_MAX = none.
static uint32_t
meet (const MfPaths *paths, uint32_t a, uint32_t b)
{
  while (a != b)
    if (a > b)
      a = paths->steps[a].node;
    else
      b = paths->steps[b].node;
  return a;
}

static bool
improve (MfPaths *paths, const MfImportEdge *edge)
{
  uint32_t from = paths->marks[edge->from], to = paths->marks[edge->to];
  uint32_t old = paths->steps[to].node;
  if (!counts (paths->graph, edge) || paths->steps[from].node == MF_NO_NODE)
    return false;
  uint32_t better = old == MF_NO_NODE ? from : meet (paths, old, from);
  paths->steps[to].node = better;
  return better != old;
}

void
mf_paths_dominate (MfPaths *paths, const uint32_t *entries, uint32_t n_entries)
{
  MfImportGraph *graph = paths->graph;
  rank_all (paths, entries, n_entries);
  for (uint32_t i = 1; i <= graph->n_ranked; i++)
    paths->steps[i].node = MF_NO_NODE;
  paths->steps[0].node = 0;
  for (uint32_t i = 0; i < n_entries; i++)
    paths->steps[paths->marks[entries[i]]].node = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = 0; i < graph->n_ranked; i++) {
      uint32_t node = graph->ranked[i];
      for (uint32_t e = graph->first_edge[node]; e < graph->first_edge[node + 1]; e++)
        changed |= improve (paths, &graph->edges[e]);
    }
  }
  for (uint32_t i = 0; i < graph->n_ranked; i++) {
    uint32_t dominator = paths->steps[i + 1].node;
    graph->nodes[graph->ranked[i]].dominator
        = dominator ? graph->ranked[dominator - 1] : MF_NO_NODE;
  }
}
