// SPDX-License-Identifier: Apache-2.0
// Nodes and edges of imports, and the order in which Python loads them.
#include "import-graph.h"

#include <string.h>

#include "import-paths.h"

enum { FIRST_ROOM = 64 };

void
mf_import_graph_init (MfImportGraph *graph, MfGraphMemory memory)
{
  *graph = (MfImportGraph){ .memory = memory };
}

void *
mf_graph_resize (MfImportGraph *graph, void *old, size_t n, size_t width)
{
  size_t bytes;
  if (__builtin_mul_overflow (n, width, &bytes))
    return NULL;
  return graph->memory.resize (graph->memory.user, old, bytes);
}

void
mf_import_graph_clear (MfImportGraph *graph)
{
  void *all[] = { graph->nodes, graph->edges, graph->places, graph->first_edge, graph->loaded,
    graph->ranked };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i])
      graph->memory.resize (graph->memory.user, all[i], 0);
  mf_import_graph_init (graph, graph->memory);
}

// ---- nodes by key: open addressing, at most half full

static uint32_t *
place_of (const MfImportGraph *graph, uint32_t key)
{
  uint32_t at = key * UINT32_C (2654435761) & (graph->n_places - 1);
  while (graph->places[at] != MF_NO_NODE && graph->nodes[graph->places[at]].key != key)
    at = (at + 1) & (graph->n_places - 1);
  return &graph->places[at];
}

static bool
make_room_for_node (MfImportGraph *graph)
{
  if (graph->n_nodes < graph->nodes_room)
    return true;
  uint32_t room = graph->nodes_room ? 2 * graph->nodes_room : FIRST_ROOM;
  if (room > MF_MOST_MODULES)
    return false;
  MfImportNode *nodes = mf_graph_resize (graph, graph->nodes, room, sizeof *nodes);
  if (!nodes)
    return false;
  graph->nodes = nodes;
  uint32_t *places = mf_graph_resize (graph, graph->places, 2 * (size_t) room, sizeof *places);
  if (!places)
    return false;
  graph->places = places;
  graph->n_places = 2 * room;
  graph->nodes_room = room;
  memset (places, 0xff, 2 * (size_t) room * sizeof *places);
  for (uint32_t i = 0; i < graph->n_nodes; i++)
    *place_of (graph, graph->nodes[i].key) = i;
  return true;
}

uint32_t
mf_import_graph_find (const MfImportGraph *graph, uint32_t key)
{
  return graph->n_places ? *place_of (graph, key) : MF_NO_NODE;
}

uint32_t
mf_import_graph_node (MfImportGraph *graph, uint32_t key)
{
  uint32_t found = mf_import_graph_find (graph, key);
  if (found != MF_NO_NODE)
    return found;
  if (!make_room_for_node (graph))
    return MF_NO_NODE;
  graph->nodes[graph->n_nodes] = (MfImportNode){
    .key = key, .loader = MF_NO_NODE, .dominator = MF_NO_NODE, .returns = MF_NO_NODE
  };
  *place_of (graph, key) = graph->n_nodes;
  return graph->n_nodes++;
}

bool
mf_import_graph_edge (MfImportGraph *graph, const MfImportEdge *edge)
{
  if (graph->n_edges == graph->edges_room) {
    uint32_t room = graph->edges_room ? 2 * graph->edges_room : FIRST_ROOM;
    MfImportEdge *edges = room > graph->edges_room
                              ? mf_graph_resize (graph, graph->edges, room, sizeof *edges)
                              : NULL;
    if (!edges)
      return false;
    graph->edges = edges;
    graph->edges_room = room;
  }
  graph->edges[graph->n_edges++] = *edge;
  return true;
}

// Edges by the node that they leave, each node's in their order.
static bool
sort_edges (MfImportGraph *graph)
{
  uint32_t *first = mf_graph_resize (graph, NULL, (size_t) graph->n_nodes + 1, sizeof *first);
  MfImportEdge *sorted = mf_graph_resize (graph, NULL, (size_t) graph->n_edges + 1, sizeof *sorted);
  graph->first_edge = first;
  if (!first || !sorted) {
    if (sorted)
      mf_graph_resize (graph, sorted, 0, 0);
    return false;
  }
  memset (first, 0, ((size_t) graph->n_nodes + 1) * sizeof *first);
  for (uint32_t i = 0; i < graph->n_edges; i++)
    first[graph->edges[i].from + 1]++;
  for (uint32_t i = 0; i < graph->n_nodes; i++)
    first[i + 1] += first[i];
  for (uint32_t i = graph->n_edges; i-- > 0;) // from behind: the ends move to the beginnings
    sorted[--first[graph->edges[i].from + 1]] = graph->edges[i];
  for (uint32_t i = 0; i < graph->n_nodes; i++)
    first[i] = first[i + 1];
  first[graph->n_nodes] = graph->n_edges;
  if (graph->edges)
    mf_graph_resize (graph, graph->edges, 0, 0);
  graph->edges = sorted;
  return true;
}

// A module that imports another one several times counts once.
static void
count_importers (MfImportGraph *graph, uint32_t *last)
{
  memset (last, 0xff, (size_t) graph->n_nodes * sizeof *last);
  for (uint32_t i = 0; i < graph->n_edges; i++) {
    const MfImportEdge *edge = &graph->edges[i];
    if (edge->implied || last[edge->to] == edge->from || edge->to == edge->from
        || graph->nodes[edge->from].reached == MF_REACHED_NEVER)
      continue;
    last[edge->to] = edge->from;
    graph->nodes[edge->to].importers++;
  }
}

// Runs a part of the work with room for its walks. False: no memory.
typedef struct {
  const uint32_t *entries;
  uint32_t n_entries;
  uint32_t *sources, *n_sources;
} Walking;

static bool
with_paths (MfImportGraph *graph, void (*walk) (MfPaths *, const Walking *), const Walking *walking)
{
  size_t n = (size_t) graph->n_nodes + 1;
  if (!graph->first_edge && !sort_edges (graph))
    return false;
  MfPathStep *steps = mf_graph_resize (graph, NULL, n, sizeof *steps);
  uint32_t *marks = mf_graph_resize (graph, NULL, n, sizeof *marks);
  if (!graph->ranked)
    graph->ranked = mf_graph_resize (graph, NULL, n, sizeof *graph->ranked);
  if (!graph->loaded)
    graph->loaded = mf_graph_resize (graph, NULL, n, sizeof *graph->loaded);
  bool fine = steps && marks && graph->ranked && graph->loaded;
  if (fine)
    walk (&(MfPaths){ graph, steps, marks }, walking);
  if (steps)
    mf_graph_resize (graph, steps, 0, 0);
  if (marks)
    mf_graph_resize (graph, marks, 0, 0);
  return fine;
}

static void
find_sources (MfPaths *paths, const Walking *walking)
{
  *walking->n_sources
      = mf_paths_sources (paths, walking->entries, walking->n_entries, walking->sources);
}

bool
mf_import_graph_sources (MfImportGraph *graph, const uint32_t *candidates, uint32_t n,
    uint32_t *sources, uint32_t *n_sources)
{
  return with_paths (graph, find_sources, &(Walking){ candidates, n, sources, n_sources });
}

static void
close_all (MfPaths *paths, const Walking *walking)
{
  mf_paths_load (paths, walking->entries, walking->n_entries);
  mf_paths_dominate (paths, walking->entries, walking->n_entries);
  count_importers (paths->graph, paths->marks);
}

bool
mf_import_graph_close (MfImportGraph *graph, const uint32_t *entries, uint32_t n_entries)
{
  return with_paths (graph, close_all, &(Walking){ entries, n_entries, NULL, NULL });
}

// ---- sums

static void
add (uint64_t *to, uint64_t bytes)
{
  if (__builtin_add_overflow (*to, bytes, to))
    *to = UINT64_MAX;
}

void
mf_import_graph_sum (
    const MfImportGraph *graph, const uint64_t *own, uint64_t *with, uint64_t *saved)
{
  for (uint32_t i = 0; i < graph->n_nodes; i++)
    with[i] = saved[i] = graph->nodes[i].reached == MF_REACHED_NEVER ? 0 : own[i];
  for (uint32_t i = graph->n_loaded; i-- > 0;) {
    uint32_t node = graph->loaded[i], loader = graph->nodes[node].loader;
    if (loader != MF_NO_NODE)
      add (&with[loader], with[node]);
  }
  for (uint32_t i = graph->n_ranked; i-- > 0;) {
    uint32_t node = graph->ranked[i], dominator = graph->nodes[node].dominator;
    if (dominator != MF_NO_NODE)
      add (&saved[dominator], saved[node]);
  }
}
