// SPDX-License-Identifier: Apache-2.0
// Which modules are loaded when an entry point is imported, by whom, and what would not be loaded
// without one of them. Plain C that knows no pipeline. One thread at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_NO_NODE = UINT32_MAX, MF_MOST_MODULES = 1 << 20 };

typedef enum { MF_REACHED_NEVER, MF_REACHED_AT_ONCE, MF_REACHED_IN_A_CALL } MfReach;

typedef struct {
  uint32_t key;       // the caller's, of the name
  uint32_t reached;   // MfReach
  uint32_t loader;    // the node whose import loads it first; MF_NO_NODE of entries
  uint32_t line;      // of that import
  uint32_t order;     // in which nodes are loaded, from 0
  uint32_t dominator; // without that node it would not be loaded; MF_NO_NODE: several lead to it,
                      // or it is an entry
  uint32_t importers; // modules that name it in an import
  uint32_t returns;   // a node that is still being loaded and that it imports; MF_NO_NODE
} MfImportNode;

typedef struct {
  uint32_t from, to, line;
  bool in_call;
  bool implied; // the package of a module that is imported
} MfImportEdge;

typedef struct {
  void *user;
  void *(*resize) (void *user, void *old, size_t bytes); // NULL = refused; bytes 0 frees
} MfGraphMemory;

typedef struct {
  MfGraphMemory memory;
  MfImportNode *nodes;
  MfImportEdge *edges; // in order of their imports; by node once the graph is closed
  uint32_t n_nodes, n_edges, nodes_room, edges_room;
  uint32_t *places; // of nodes by key
  uint32_t n_places;
  uint32_t *first_edge; // of each node, once closed, and behind the last
  uint32_t *loaded;     // nodes in the order of loading
  uint32_t n_loaded;
  uint32_t *ranked; // reached nodes, dominators first
  uint32_t n_ranked;
} MfImportGraph;

void mf_import_graph_init (MfImportGraph *graph, MfGraphMemory memory);
void mf_import_graph_clear (MfImportGraph *graph);

// The node of a key (never 0), made if need be. MF_NO_NODE: no memory, or too many.
uint32_t mf_import_graph_node (MfImportGraph *graph, uint32_t key);
// The same without making it.
uint32_t mf_import_graph_find (const MfImportGraph *graph, uint32_t key);
bool mf_import_graph_edge (MfImportGraph *graph, const MfImportEdge *edge);

// Where programs begin: the fewest of the candidates from which all of them are reached. Of several
// that import each other in a circle the first one is taken. sources has room for n, and keeps the
// order of the candidates. After all edges. False: no memory.
bool mf_import_graph_sources (MfImportGraph *graph, const uint32_t *candidates, uint32_t n,
    uint32_t *sources, uint32_t *n_sources);

// Follows all imports from the entries, in their order; once. False: no memory.
bool mf_import_graph_close (MfImportGraph *graph, const uint32_t *entries, uint32_t n_entries);

// What bytes of each node amount to: with everything that is first loaded because of it, and with
// everything that would not be loaded without it. Of nodes that are not reached: 0.
void mf_import_graph_sum (
    const MfImportGraph *graph, const uint64_t *own, uint64_t *with, uint64_t *saved);
