// SPDX-License-Identifier: Apache-2.0
// The flow graph of a code object: basic blocks, where each goes on, where its exceptions go, and its loops.
#pragma once

#include "bytecode/operations.h"

enum { MF_NO_BLOCK = UINT32_MAX };

typedef struct {
  uint32_t first, end;   // operations [first, end)
  uint32_t next[2];      // MF_NO_BLOCK: none; next[0] is the one behind it, next[1] the target of a jump
  uint32_t handler;      // where an exception goes; MF_NO_BLOCK: out of the function
  uint32_t handler_depth; // of the value stack there, from 3.11 on
  uint32_t position;     // in reverse postorder; MF_NO_BLOCK: never reached
  uint32_t loop;         // innermost, MF_NO_BLOCK: none
  bool handler_lasti;
  bool is_handler;       // begins with an exception
} MfFlowBlock;

typedef struct {
  uint32_t header; // block
  uint32_t parent; // loop around it, MF_NO_BLOCK: none
  uint32_t depth;  // 1 = outermost
  uint32_t line;
  bool irreducible; // it is entered elsewhere than at its header
} MfFlowLoop;

typedef struct {
  MfFlowBlock *blocks;
  MfFlowLoop *loops;
  uint32_t *order; // blocks that can be reached, in reverse postorder
  uint32_t n, n_loops, n_order;
} MfFlowGraph;

// False: there is no memory. The graph lives in `arena`; `operations` are those of mf_lower.
bool mf_flow_graph (const MfPyCode *code, const MfOperation *operations, uint32_t n, MfArena *arena, MfFlowGraph *graph);
// The block that begins at an operation, MF_NO_BLOCK when none does.
uint32_t mf_flow_block_at (const MfFlowGraph *graph, uint32_t operation);
static inline bool
mf_flow_is_back_edge (const MfFlowGraph *graph, uint32_t from, uint32_t to)
{
  return graph->blocks[to].position <= graph->blocks[from].position;
}
bool mf_flow_loop_contains (const MfFlowGraph *graph, uint32_t loop, uint32_t block);
