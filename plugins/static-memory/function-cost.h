// SPDX-License-Identifier: Apache-2.0
// What one call of a function costs when its arguments are not known: blocks are run once each in the abstract, loops
// are counted where their number of turns can be known, and paths are compared by what their blocks cost.
#pragma once

#include "amounts.h"
#include "flow-graph.h"
#include "module-run.h"

// A loop of which the user knows how often it turns.
typedef struct {
  const char *file; // its end is compared with the source's name
  uint32_t line;
  uint64_t at_most;
} MfLoopBound;

typedef struct {
  const MfLoopBound *bounds;
  uint32_t n_bounds;
} MfFlowQuestion;

typedef struct {
  uint32_t line, callee; // number of a code object of the module
  MfAmount times;
} MfCallEdge;

typedef struct {
  uint32_t line;       // of the loop's header
  MfAmount turns;
  MfAmount iteration;  // bytes allocated by one turn, inner loops included once
  uint64_t kept;       // of these, bytes that one turn leaves
  bool bounded;
  char why[56];
} MfLoopCost;

enum { MF_MOST_LOOPS = 8, MF_MOST_EDGES = 64, MF_MOST_PATHS = 16 };

// Ways through the function that cost the same, or nearly so where there are too many.
typedef struct {
  MfAmount call;     // what the function itself allocates on them, without what it calls
  uint64_t count;    // how many they are; saturates
  uint32_t lines[4]; // where the first decisions lead on all of them
  uint32_t n_lines;
} MfPathCost;

typedef struct {
  uint32_t unit; // number of the code object
  MfAmount call, kept, peak; // of the function alone, without what it calls in its module
  MfAmount frame;
  uint64_t n_paths;          // saturates
  MfPathCost groups[MF_MOST_PATHS]; // from cheapest to dearest; none when there is one way only
  MfLoopCost loops[MF_MOST_LOOPS];
  MfCallEdge edges[MF_MOST_EDGES];
  uint32_t n_loops, n_edges, n_groups;
  uint32_t unknown_calls;
  uint32_t why_line; // what makes it unbounded, or a range
  char why[56];
  bool unbounded, generator, odd; // odd: instructions that are not understood, irreducible loops
} MfFunctionCost;

// Analyses code object `code` of a module that was run. False: there is no memory.
bool mf_function_cost (MfModuleRun *run, const MfFlowQuestion *question, const MfPyCode *code, MfFunctionCost *cost);
