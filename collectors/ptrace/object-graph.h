// SPDX-License-Identifier: Apache-2.0
// Why objects are alive: the shortest way to each from the modules and, of what these do not lead to, from the frames of the
// threads. What a module has outlives the call that uses it.
#pragma once

#include "object-edges.h"

typedef struct {
  uint64_t address, where;  // where the pointer stands by which it was found first
  const MfRemoteType *type;
  uint32_t parent;          // UINT32_MAX = a root
  uint32_t at;              // as in MfEdge; of a root: its number in `frames`
  uint8_t kind;             // MfEdgeKind
} MfGraphNode;

typedef struct {
  uint64_t address, code;
  uint64_t values, end;     // its variables and its stack; nothing is behind `end`
  char *function;           // that it runs
} MfGraphFrame;

typedef struct {
  MfGraphMemory *memory;
  GArray *nodes;            // of MfGraphNode, those of modules first, the nearest to a root first
  GHashTable *known;        // addresses of objects that have a node
  GArray *frames;           // of MfGraphFrame
  uint64_t modules;         // sys.modules; 0 = not found
  bool full;                // there were more objects than are looked at
} MfObjectGraph;

enum { MF_MOST_NODES = 1 << 24 };

// Both stay the caller's. Clear in any case.
void mf_object_graph_take (MfObjectGraph *graph, MfGraphMemory *memory, const MfProcess *process, const MfPythonRuntime *runtime,
    const MfPymallocHeap *heap);
void mf_object_graph_clear (MfObjectGraph *graph);

// The way from its root to a node, as an expression: app.CACHE['x'][3].user. `*holds` = each pointer of it stands in the process
// now as it was found. Free with g_free.
char *mf_object_graph_way (const MfObjectGraph *graph, uint32_t node, bool *holds);
// The same for all nodes that are reached alike: types and kinds of references instead of names. Free with g_free.
char *mf_object_graph_shape (const MfObjectGraph *graph, uint32_t node);
