// SPDX-License-Identifier: Apache-2.0
// Inside of the import graph: walks over it, with their own stack because chains may be long.
#pragma once

#include "import-graph.h"

typedef struct {
  uint32_t node, edge; // the next edge to follow
} MfPathStep;

typedef struct {
  MfImportGraph *graph;
  MfPathStep *steps; // room for every node
  uint32_t *marks;   // one for each node
} MfPaths;

void *mf_graph_resize (MfImportGraph *graph, void *old, size_t n, size_t width);
// Fills reached, loader, line, order, returns and graph->loaded.
void mf_paths_load (MfPaths *paths, const uint32_t *entries, uint32_t n_entries);
// Returns how many; graph->ranked is scratch.
uint32_t mf_paths_sources (
    MfPaths *paths, const uint32_t *candidates, uint32_t n, uint32_t *sources);
// Fills dominator and graph->ranked.
void mf_paths_dominate (MfPaths *paths, const uint32_t *entries, uint32_t n_entries);
