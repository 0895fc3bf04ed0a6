// SPDX-License-Identifier: Apache-2.0
// The ways through a function, compared by what their blocks cost.
#pragma once

#include "bytecode/operations.h"
#include "flow-graph.h"
#include "function-cost.h"

// What one block asks for each time it runs, and how often that is.
typedef struct {
  MfAmount allocated, kept;
  uint64_t survives, peak;
  MfAmount times; // turns of all loops around it
  bool raises;
} MfBlockCost;

// Sets call, kept, peak and the paths of `cost`, from the costs of all blocks by their number. False: there is no memory.
bool mf_function_paths (
    const MfFlowGraph *graph, const MfBlockCost *costs, const MfOperation *operations, MfArena *arena, MfFunctionCost *cost);
