// SPDX-License-Identifier: Apache-2.0
// Blocks begin where a jump ends, behind a jump, and where another handler of exceptions holds.
#include "flow-graph.h"

#include <string.h>

typedef struct {
  const MfPyCode *code;
  const MfOperation *operations;
  uint32_t n;
  MfArena *arena;
  MfFlowGraph *graph;
  uint8_t *leaders;
} Making;

static uint32_t
operation_at (const Making *m, uint32_t offset)
{
  uint32_t low = 0, high = m->n;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (m->operations[middle].offset < offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool
ends_block (const MfOperation *operation)
{
  switch (operation->what) {
  case MF_DO_JUMP:
  case MF_DO_BRANCH:
  case MF_DO_BRANCH_MATCH:
  case MF_DO_NEXT:
  case MF_DO_SEND:
  case MF_DO_RETURN:
  case MF_DO_RAISE:
  case MF_DO_UNKNOWN:
  case MF_DO_HANDLER:
  case MF_DO_HANDLER_END:
    return true;
  default:
    return operation->what == MF_DO_WITH && operation->target != MF_PY_NO_TARGET;
  }
}

static bool
goes_on (const MfOperation *operation)
{
  return operation->what != MF_DO_JUMP && operation->what != MF_DO_RETURN && operation->what != MF_DO_RAISE
         && operation->what != MF_DO_UNKNOWN;
}

static void
mark_leaders (Making *m)
{
  MfPyHandlers handlers;
  MfPyHandler handler;
  m->leaders[0] = 1;
  for (uint32_t i = 0; i < m->n; i++) {
    if (!ends_block (&m->operations[i]))
      continue;
    m->leaders[i + 1] = 1;
    if (m->operations[i].target != MF_PY_NO_TARGET)
      m->leaders[m->operations[i].target] = 1;
  }
  if (!m->code->exceptiontable)
    return;
  mf_py_handlers_begin (&handlers, m->code);
  while (mf_py_handlers_next (&handlers, &handler)) {
    m->leaders[operation_at (m, handler.start)] = 1;
    m->leaders[operation_at (m, handler.end)] = 1;
    m->leaders[operation_at (m, handler.target)] = 1;
  }
}

static bool
make_blocks (Making *m)
{
  MfFlowGraph *graph = m->graph;
  graph->n = 0;
  for (uint32_t i = 0; i < m->n; i++)
    graph->n += m->leaders[i];
  graph->blocks = mf_arena_take (m->arena, (graph->n + 1ull) * sizeof *graph->blocks);
  if (!graph->blocks)
    return false;
  uint32_t block = 0;
  for (uint32_t i = 0; i < m->n; i++) {
    if (!m->leaders[i])
      continue;
    if (block)
      graph->blocks[block - 1].end = i;
    graph->blocks[block++] = (MfFlowBlock){ .first = i,
      .end = m->n,
      .next = { MF_NO_BLOCK, MF_NO_BLOCK },
      .handler = MF_NO_BLOCK,
      .position = MF_NO_BLOCK,
      .loop = MF_NO_BLOCK };
  }
  return true;
}

uint32_t
mf_flow_block_at (const MfFlowGraph *graph, uint32_t operation)
{
  uint32_t low = 0, high = graph->n;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (graph->blocks[middle].first < operation)
      low = middle + 1;
    else
      high = middle;
  }
  return low < graph->n && graph->blocks[low].first == operation ? low : MF_NO_BLOCK;
}

static void
link_blocks (Making *m)
{
  MfFlowGraph *graph = m->graph;
  for (uint32_t i = 0; i < graph->n; i++) {
    MfFlowBlock *block = &graph->blocks[i];
    const MfOperation *last = &m->operations[block->end - 1];
    if (goes_on (last) && i + 1 < graph->n)
      block->next[0] = i + 1;
    bool marks = last->what == MF_DO_HANDLER || last->what == MF_DO_WITH;
    uint32_t target = last->target != MF_PY_NO_TARGET && ends_block (last) ? mf_flow_block_at (graph, last->target) : MF_NO_BLOCK;
    if (!marks)
      block->next[1] = target;
    else if (target != MF_NO_BLOCK)
      graph->blocks[target].is_handler = true;
  }
}

// From 3.11 on a table has the handlers; the innermost stands first.
static void
link_handlers (Making *m)
{
  MfPyHandlers handlers;
  MfPyHandler handler;
  MfFlowGraph *graph = m->graph;
  if (!m->code->exceptiontable)
    return;
  mf_py_handlers_begin (&handlers, m->code);
  while (mf_py_handlers_next (&handlers, &handler)) {
    uint32_t target = mf_flow_block_at (graph, operation_at (m, handler.target));
    uint32_t from = mf_flow_block_at (graph, operation_at (m, handler.start));
    for (uint32_t i = from; target != MF_NO_BLOCK && i < graph->n && m->operations[graph->blocks[i].first].offset < handler.end; i++) {
      MfFlowBlock *block = &graph->blocks[i];
      if (block->handler != MF_NO_BLOCK)
        continue;
      block->handler = target;
      block->handler_depth = handler.depth;
      block->handler_lasti = handler.lasti;
      graph->blocks[target].is_handler = true;
    }
  }
}

// ---- order and loops

typedef struct {
  uint32_t block, edge;
} Visit;

static uint32_t
edge_of (const MfFlowBlock *block, uint32_t edge)
{
  return edge < 2 ? block->next[edge] : block->handler;
}

// The way that goes on is followed last, so that it comes right behind in reverse postorder.
static bool
order_blocks (Making *m)
{
  enum { EDGES = 3 };
  MfFlowGraph *graph = m->graph;
  Visit *stack = mf_arena_take (m->arena, (graph->n + 1ull) * sizeof *stack);
  uint8_t *seen = mf_arena_take (m->arena, graph->n + 1ull);
  graph->order = mf_arena_take (m->arena, (graph->n + 1ull) * sizeof *graph->order);
  if (!stack || !seen || !graph->order)
    return false;
  memset (seen, 0, graph->n + 1ull);
  uint32_t depth = 0, post = graph->n;
  if (graph->n) {
    stack[depth++] = (Visit){ 0, EDGES };
    seen[0] = 1;
  }
  while (depth) {
    Visit *visit = &stack[depth - 1];
    if (visit->edge == 0) {
      graph->order[--post] = visit->block;
      depth--;
      continue;
    }
    uint32_t to = edge_of (&graph->blocks[visit->block], --visit->edge);
    if (to == MF_NO_BLOCK || seen[to])
      continue;
    seen[to] = 1;
    stack[depth++] = (Visit){ to, EDGES };
  }
  graph->n_order = graph->n - post;
  memmove (graph->order, graph->order + post, graph->n_order * sizeof *graph->order);
  for (uint32_t i = 0; i < graph->n_order; i++)
    graph->blocks[graph->order[i]].position = i;
  return true;
}

typedef struct {
  uint32_t *from, *first; // predecessors by block
} Predecessors;

static bool
find_predecessors (Making *m, Predecessors *p)
{
  MfFlowGraph *graph = m->graph;
  p->first = mf_arena_take (m->arena, (graph->n + 2ull) * sizeof *p->first);
  p->from = mf_arena_take (m->arena, (3ull * graph->n + 1) * sizeof *p->from);
  if (!p->first || !p->from)
    return false;
  memset (p->first, 0, (graph->n + 2ull) * sizeof *p->first);
  for (uint32_t i = 0; i < graph->n_order; i++)
    for (uint32_t edge = 0; edge < 3; edge++) {
      uint32_t to = edge_of (&graph->blocks[graph->order[i]], edge);
      if (to != MF_NO_BLOCK)
        p->first[to + 1]++;
    }
  for (uint32_t i = 0; i < graph->n; i++)
    p->first[i + 1] += p->first[i];
  uint32_t *at = mf_arena_take (m->arena, (graph->n + 1ull) * sizeof *at);
  if (!at)
    return false;
  memcpy (at, p->first, (graph->n + 1ull) * sizeof *at);
  for (uint32_t i = 0; i < graph->n_order; i++)
    for (uint32_t edge = 0; edge < 3; edge++) {
      uint32_t to = edge_of (&graph->blocks[graph->order[i]], edge);
      if (to != MF_NO_BLOCK)
        p->from[at[to]++] = graph->order[i];
    }
  return true;
}

// Marks what reaches the header from its back edges. Loops are met from the innermost, whose headers come last in
// reverse postorder, so that a block keeps the first loop that takes it.
static void
fill_loop (const Making *m, const Predecessors *p, uint32_t loop, uint32_t *waiting, uint32_t *mark)
{
  MfFlowGraph *graph = m->graph;
  uint32_t header = graph->loops[loop].header, n = 0;
  mark[header] = loop + 1;
  for (uint32_t i = p->first[header]; i < p->first[header + 1]; i++)
    if (mf_flow_is_back_edge (graph, p->from[i], header) && mark[p->from[i]] != loop + 1) {
      mark[p->from[i]] = loop + 1;
      waiting[n++] = p->from[i];
    }
  if (graph->blocks[header].loop == MF_NO_BLOCK)
    graph->blocks[header].loop = loop;
  while (n) {
    uint32_t block = waiting[--n];
    if (graph->blocks[block].position < graph->blocks[header].position) {
      graph->loops[loop].irreducible = true;
      continue;
    }
    if (graph->blocks[block].loop == MF_NO_BLOCK)
      graph->blocks[block].loop = loop;
    else if (graph->blocks[block].loop != loop) {
      uint32_t outer = graph->blocks[block].loop;
      while (graph->loops[outer].parent != MF_NO_BLOCK && outer != loop)
        outer = graph->loops[outer].parent;
      if (outer != loop)
        graph->loops[outer].parent = loop;
    }
    for (uint32_t i = p->first[block]; i < p->first[block + 1]; i++)
      if (mark[p->from[i]] != loop + 1) {
        mark[p->from[i]] = loop + 1;
        waiting[n++] = p->from[i];
      }
  }
}

static bool
is_header (const MfFlowGraph *graph, const Predecessors *p, uint32_t block)
{
  for (uint32_t i = p->first[block]; i < p->first[block + 1]; i++)
    if (mf_flow_is_back_edge (graph, p->from[i], block))
      return true;
  return false;
}

static bool
find_loops (Making *m)
{
  MfFlowGraph *graph = m->graph;
  Predecessors p;
  if (!find_predecessors (m, &p))
    return false;
  graph->n_loops = 0;
  for (uint32_t i = 0; i < graph->n_order; i++)
    graph->n_loops += is_header (graph, &p, graph->order[i]);
  if (!graph->n_loops)
    return true;
  graph->loops = mf_arena_take (m->arena, graph->n_loops * sizeof *graph->loops);
  uint32_t *waiting = mf_arena_take (m->arena, (graph->n + 1ull) * sizeof *waiting);
  uint32_t *mark = mf_arena_take (m->arena, (graph->n + 1ull) * sizeof *mark);
  if (!graph->loops || !waiting || !mark)
    return false;
  memset (mark, 0, (graph->n + 1ull) * sizeof *mark);
  uint32_t loop = 0;
  for (uint32_t i = graph->n_order; i-- > 0;) {
    uint32_t block = graph->order[i];
    if (!is_header (graph, &p, block))
      continue;
    graph->loops[loop] = (MfFlowLoop){ .header = block,
      .parent = MF_NO_BLOCK,
      .line = m->operations[graph->blocks[block].first].line };
    fill_loop (m, &p, loop++, waiting, mark);
  }
  for (uint32_t i = graph->n_loops; i-- > 0;) {
    uint32_t parent = graph->loops[i].parent;
    graph->loops[i].depth = parent == MF_NO_BLOCK ? 1 : graph->loops[parent].depth + 1;
  }
  return true;
}

bool
mf_flow_loop_contains (const MfFlowGraph *graph, uint32_t loop, uint32_t block)
{
  uint32_t at = graph->blocks[block].loop;
  while (at != MF_NO_BLOCK && at != loop)
    at = graph->loops[at].parent;
  return at == loop && loop != MF_NO_BLOCK;
}

bool
mf_flow_graph (const MfPyCode *code, const MfOperation *operations, uint32_t n, MfArena *arena, MfFlowGraph *graph)
{
  Making m = { code, operations, n, arena, graph, NULL };
  *graph = (MfFlowGraph){ 0 };
  m.leaders = mf_arena_take (arena, n + 2ull);
  if (!m.leaders)
    return false;
  memset (m.leaders, 0, n + 2ull);
  mark_leaders (&m);
  if (!make_blocks (&m))
    return false;
  link_blocks (&m);
  link_handlers (&m);
  return order_blocks (&m) && find_loops (&m);
}
