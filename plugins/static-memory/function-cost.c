// SPDX-License-Identifier: Apache-2.0
// Runs the blocks of a function in reverse postorder, each with what is known at its beginning.
#include "function-paths.h"

#include <string.h>

// What is known where a block begins.
typedef struct {
  MfThing **slots;
  uint32_t top, n_handlers;
  MfHandlerMark handlers[4];
  bool reached;
} State;

typedef struct {
  MfModuleRun *run;
  const MfFlowQuestion *question;
  const MfPyCode *code;
  MfBody *body;
  MfFlowGraph graph;
  State *states;
  MfBlockCost *costs;
  MfAmount *turns; // of loops
  bool *proven;
  MfActivation *activation;
  MfFunctionCost *cost;
  uint32_t block;
} Flow;

static MfHeap *
heap_of (Flow *f)
{
  return &f->run->machine.heap;
}

// ---- states

static void
drop_state (Flow *f, State *state)
{
  if (state->reached)
    mf_drop_all (heap_of (f), state->slots, state->top);
  state->reached = false;
}

static MfThing *
merged (Flow *f, MfThing *a, MfThing *b)
{
  bool known;
  if (a == b || (a->kind == b->kind && a->kind != MF_V_UNKNOWN && mf_thing_equal (a, b, &known) && known))
    return mf_thing_ref (a);
  bool same = a->type == b->type && a->kind != MF_V_NULL && b->kind != MF_V_NULL;
  return mf_thing_unknown (heap_of (f), same ? a->type : MF_V_NO_TYPE);
}

static bool
make_state (Flow *f, State *state)
{
  if (!state->slots)
    state->slots = mf_heap_array (heap_of (f), f->activation->room * sizeof *state->slots);
  return state->slots != NULL;
}

static void
save (Flow *f, State *state, MfThing **slots, uint32_t top)
{
  make_state (f, state);
  state->top = top;
  state->reached = true;
  for (uint32_t i = 0; i < top; i++)
    state->slots[i] = mf_thing_ref (slots[i]);
}

static void
merge (Flow *f, State *state, MfThing **slots, uint32_t top)
{
  if (top != state->top) {
    f->cost->odd = true;
    top = top < state->top ? top : state->top;
  }
  for (uint32_t i = 0; i < top; i++) {
    MfThing *both = merged (f, state->slots[i], slots[i]);
    mf_thing_unref (heap_of (f), state->slots[i]);
    state->slots[i] = both;
  }
}

static void
arrive (Flow *f, uint32_t to, MfThing **slots, uint32_t top)
{
  State *state = &f->states[to];
  if (f->graph.blocks[to].position <= f->graph.blocks[f->block].position)
    return; // a back edge: what its loop changes is unknown at the header anyway
  if (!state->reached) {
    save (f, state, slots, top);
    uint32_t n = f->activation->n_handlers < 4 ? f->activation->n_handlers : 4;
    memcpy (state->handlers, f->activation->handlers, n * sizeof *state->handlers);
    state->n_handlers = n;
  } else
    merge (f, state, slots, top);
}

// ---- loops: variables that a loop changes are unknown where it begins

static void
widen (Flow *f, uint32_t block)
{
  State *state = &f->states[block];
  uint32_t loop = f->graph.blocks[block].loop;
  if (loop == MF_NO_BLOCK || f->graph.loops[loop].header != block)
    return;
  for (uint32_t i = 0; i < f->graph.n_order; i++) {
    uint32_t inside = f->graph.order[i];
    if (!mf_flow_loop_contains (&f->graph, loop, inside))
      continue;
    for (uint32_t k = f->graph.blocks[inside].first; k < f->graph.blocks[inside].end; k++) {
      const MfOperation *op = &f->body->operations[k];
      bool changes = op->what == MF_DO_STORE_LOCAL || op->what == MF_DO_TAKE_LOCAL;
      if (!changes || op->a >= f->activation->n_variables)
        continue;
      MfThing *old = state->slots[op->a];
      bool number = old->type == MF_PY_INT || old->type == MF_PY_FLOAT || old->type == MF_PY_STR;
      state->slots[op->a] = mf_thing_unknown (heap_of (f), number ? old->type : MF_V_NO_TYPE);
      mf_thing_unref (heap_of (f), old);
    }
  }
}

static const MfLoopBound *
bound_of (const Flow *f, uint32_t line)
{
  const MfPyValue *file = f->code->filename;
  for (uint32_t i = 0; i < f->question->n_bounds; i++) {
    const MfLoopBound *bound = &f->question->bounds[i];
    size_t n = strlen (bound->file);
    if (bound->line == line && file && file->n >= n && !memcmp (file->bytes + file->n - n, bound->file, n))
      return bound;
  }
  return NULL;
}

// How often a loop turns: proven by what it goes over, given by the user, or not known.
static void
count_turns (Flow *f, uint32_t loop, const MfThing *iterator)
{
  uint64_t length;
  const MfLoopBound *bound = bound_of (f, f->graph.loops[loop].line);
  const MfThing *over = iterator && iterator->kind == MF_V_ITERATOR ? iterator->parts.a : NULL;
  bool changes = over && (over->type == MF_PY_LIST || over->type == MF_PY_DICT || over->type == MF_PY_SET);
  f->turns[loop] = (MfAmount){ 0, 1, MF_UNBOUNDED };
  if (over && !changes && mf_thing_length (over, &length)) {
    f->turns[loop] = (MfAmount){ length, length, length };
    f->proven[loop] = true;
  } else if (bound) {
    f->turns[loop] = (MfAmount){ 0, bound->at_most, bound->at_most };
    f->proven[loop] = true;
  }
}

static void
enter_loop (Flow *f, uint32_t block)
{
  const MfFlowBlock *b = &f->graph.blocks[block];
  uint32_t loop = b->loop;
  if (loop == MF_NO_BLOCK || f->graph.loops[loop].header != block)
    return;
  const MfThing *iterator = NULL;
  for (uint32_t i = b->first; i < b->end; i++)
    if (f->body->operations[i].what == MF_DO_NEXT && f->states[block].top > f->activation->n_variables)
      iterator = f->states[block].slots[f->states[block].top - 1];
  for (uint32_t below = 2; iterator && iterator->kind == MF_V_NULL && below <= 3; below++)
    iterator = f->states[block].top - f->activation->n_variables >= below ? f->states[block].slots[f->states[block].top - below] : NULL;
  count_turns (f, loop, iterator);
  f->cost->odd |= f->graph.loops[loop].irreducible;
}

static MfAmount
times_of (const Flow *f, uint32_t block)
{
  MfAmount times = mf_amount (1);
  uint32_t loop = f->graph.blocks[block].loop;
  for (; loop != MF_NO_BLOCK; loop = f->graph.loops[loop].parent)
    times = mf_amount_times (times, f->turns[loop]);
  return times;
}

// ---- one block

static void
load_state (Flow *f, const State *state)
{
  MfActivation *a = f->activation;
  while (a->top > 0)
    mf_thing_unref (heap_of (f), a->slots[--a->top]);
  for (uint32_t i = 0; i < state->top; i++)
    a->slots[i] = mf_thing_ref (state->slots[i]);
  a->top = state->top;
  memcpy (a->handlers, state->handlers, state->n_handlers * sizeof *state->handlers);
  a->n_handlers = state->n_handlers;
}

static void
to_handler (Flow *f, uint32_t block)
{
  const MfFlowBlock *b = &f->graph.blocks[block];
  MfActivation *a = f->activation;
  if (b->handler == MF_NO_BLOCK)
    return;
  uint32_t depth = a->n_variables + b->handler_depth;
  if (depth > a->top || depth + 2 > a->room)
    return;
  MfThing **slots = mf_heap_array (heap_of (f), a->room * sizeof *slots);
  memcpy (slots, a->slots, depth * sizeof *slots);
  if (b->handler_lasti)
    slots[depth++] = &heap_of (f)->unknown;
  slots[depth++] = &heap_of (f)->unknown;
  arrive (f, b->handler, slots, depth);
  mf_heap_array_free (heap_of (f), slots, a->room * sizeof *slots);
}

// Up to 3.10 and in MicroPython a handler is marked by an instruction.
static void
to_marked_handler (Flow *f, const MfOperation *last)
{
  MfActivation *a = f->activation;
  uint32_t values = mf_raised_values (f->code), ended = !f->code->mpy;
  bool marks = (last->what == MF_DO_HANDLER || last->what == MF_DO_WITH) && last->target != MF_PY_NO_TARGET;
  uint32_t to = marks ? mf_flow_block_at (&f->graph, last->target) : MF_NO_BLOCK;
  if (to == MF_NO_BLOCK || !a->n_handlers || f->states[to].reached)
    return;
  uint32_t depth = a->handlers[a->n_handlers - 1].depth;
  if (depth > a->top || depth + values > a->room)
    return;
  MfThing **slots = mf_heap_array (heap_of (f), a->room * sizeof *slots);
  memcpy (slots, a->slots, depth * sizeof *slots);
  for (uint32_t i = 0; i < values; i++)
    slots[depth + i] = &heap_of (f)->unknown;
  a->n_handlers -= ended;
  arrive (f, to, slots, depth + values);
  a->n_handlers += ended;
  mf_heap_array_free (heap_of (f), slots, a->room * sizeof *slots);
}

// Both ways of a decision: what the operation left on the stack is right for the one that goes on; the other way is
// corrected where it differs.
static void
go_on (Flow *f, uint32_t block, const MfOperation *last, MfThing *kept)
{
  const MfFlowBlock *b = &f->graph.blocks[block];
  MfActivation *a = f->activation;
  if (b->next[0] != MF_NO_BLOCK)
    arrive (f, b->next[0], a->slots, a->top);
  if (b->next[1] == MF_NO_BLOCK)
    return;
  uint32_t top = a->top;
  if (last->what == MF_DO_NEXT && top > a->n_variables) {
    top--; // the item
    if (last->b && a->top > a->n_variables) {
      arrive (f, b->next[1], a->slots, a->top);
      return;
    }
    top -= last->pops < top - a->n_variables ? last->pops : top - a->n_variables; // the iterator
  }
  if (last->what == MF_DO_BRANCH && last->b && kept && top < a->room) {
    a->slots[top] = mf_thing_ref (kept);
    a->top++;
    arrive (f, b->next[1], a->slots, a->top);
    a->top--;
    mf_thing_unref (heap_of (f), a->slots[top]);
    return;
  }
  arrive (f, b->next[1], a->slots, top);
}

static void
note_why (Flow *f, uint32_t line, const char *why)
{
  if (f->cost->why[0])
    return;
  f->cost->why_line = line;
  strncpy (f->cost->why, why, sizeof f->cost->why - 1);
}

static void
run_operations (Flow *f, uint32_t block, MfThing **kept)
{
  const MfFlowBlock *b = &f->graph.blocks[block];
  MfMachine *machine = &f->run->machine;
  MfSiteCost *sites = f->body->flow_sites;
  for (uint32_t i = b->first; i < b->end; i++) {
    const MfOperation *op = &f->body->operations[i];
    uint64_t before = machine->heap.count.allocated;
    machine->at_line = op->line;
    f->activation->at = i + 1;
    if (op->what == MF_DO_BRANCH && op->b && f->activation->top > f->activation->n_variables)
      *kept = mf_thing_ref (f->activation->slots[f->activation->top - 1]);
    uint32_t top = f->activation->top;
    MfGo go = mf_machine_do (machine, f->activation, op);
    if (op->what == MF_DO_BRANCH && op->b && f->activation->top == top && top > f->activation->n_variables)
      mf_thing_unref (&machine->heap, f->activation->slots[--f->activation->top]);
    if (sites) {
      sites[i].bytes += machine->heap.count.allocated - before;
      sites[i].times++;
    }
    if (go == MF_GO_RETURN || go == MF_GO_YIELD) {
      MfThing *result = f->activation->result;
      f->activation->result = NULL;
      if (result && !(result->flags & MF_V_IMMORTAL))
        result->flags |= MF_V_ESCAPED;
      mf_thing_unref (&machine->heap, result);
      if (go == MF_GO_YIELD && f->activation->top < f->activation->room)
        f->activation->slots[f->activation->top++] = mf_thing_ref (&machine->heap.unknown);
    }
    if (go == MF_GO_RAISE || go == MF_GO_STOP) {
      mf_thing_unref (&machine->heap, machine->raised);
      machine->raised = NULL;
      f->cost->odd |= go == MF_GO_STOP;
      f->costs[block].raises = op->what == MF_DO_RAISE;
      // the operation is taken as done: what it would have left is not known
      if (op->what != MF_DO_RAISE && go == MF_GO_RAISE && f->activation->top < f->activation->room)
        f->activation->slots[f->activation->top++] = mf_thing_ref (&machine->heap.unknown);
    }
  }
}

static void
run_block (Flow *f, uint32_t block)
{
  MfMachine *machine = &f->run->machine;
  MfBlockCost *cost = &f->costs[block];
  MfThing *kept = NULL;
  f->block = block;
  widen (f, block);
  enter_loop (f, block);
  load_state (f, &f->states[block]);
  to_handler (f, block);
  MfHeapCount before = machine->heap.count;
  uint64_t escaped = machine->heap.escaped, vague = machine->vague_high;
  machine->heap.count.peak = before.live;
  machine->unbounded = false;
  cost->times = times_of (f, block);
  run_operations (f, block, &kept);
  uint64_t gone = machine->heap.escaped - escaped, more = machine->vague_high - vague;
  uint64_t allocated = machine->heap.count.allocated - before.allocated;
  cost->allocated = (MfAmount){ allocated, allocated, machine->unbounded ? MF_UNBOUNDED : allocated + more };
  cost->kept = (MfAmount){ 0, gone, machine->unbounded ? MF_UNBOUNDED : gone + more };
  cost->peak = machine->heap.count.peak - before.live;
  uint64_t live = machine->heap.count.live > before.live ? machine->heap.count.live - before.live : 0;
  cost->survives = live > gone ? live - gone : 0;
  if (machine->unbounded)
    note_why (f, machine->n_notes ? machine->notes[machine->n_notes - 1].line : 0,
        machine->n_notes ? machine->notes[machine->n_notes - 1].what : "");
  const MfOperation *last = &f->body->operations[f->graph.blocks[block].end - 1];
  to_marked_handler (f, last);
  go_on (f, block, last, kept);
  mf_thing_unref (&machine->heap, kept);
  drop_state (f, &f->states[block]);
}

// ---- loops in the result

static void
tell_loops (Flow *f)
{
  for (uint32_t i = 0; i < f->graph.n_loops; i++) {
    MfAmount iteration = { 0 };
    uint64_t kept = 0;
    for (uint32_t k = 0; k < f->graph.n_order; k++) {
      uint32_t block = f->graph.order[k];
      if (!mf_flow_loop_contains (&f->graph, i, block))
        continue;
      iteration = mf_amount_add (iteration, f->costs[block].allocated);
      kept += f->costs[block].kept.likely;
    }
    if (!f->proven[i] && iteration.likely)
      note_why (f, f->graph.loops[i].line, "a loop whose number of turns is not known");
    if (f->cost->n_loops == MF_MOST_LOOPS || !iteration.likely)
      continue;
    f->cost->loops[f->cost->n_loops++] = (MfLoopCost){ .line = f->graph.loops[i].line,
      .turns = f->turns[i],
      .iteration = iteration,
      .kept = kept,
      .bounded = f->proven[i] };
  }
}

// ---- a function

static void
called (void *user, const MfPyCode *code)
{
  Flow *f = user;
  MfAmount times = f->costs[f->block].times;
  for (uint32_t i = 0; i < f->cost->n_edges; i++) {
    MfCallEdge *edge = &f->cost->edges[i];
    if (edge->callee != code->number)
      continue;
    edge->times = mf_amount_add (edge->times, times);
    return;
  }
  if (f->cost->n_edges < MF_MOST_EDGES)
    f->cost->edges[f->cost->n_edges++] = (MfCallEdge){ f->run->machine.at_line, code->number, times };
}

static bool
prepare (Flow *f)
{
  MfArena *arena = &f->run->arena;
  MfMachine *machine = &f->run->machine;
  f->body = mf_machine_body (machine, f->code);
  if (!f->body || !mf_flow_graph (f->code, f->body->operations, f->body->n, arena, &f->graph))
    return false;
  size_t n = f->graph.n + 1ull, loops = f->graph.n_loops + 1ull;
  f->states = mf_arena_take (arena, n * sizeof *f->states);
  f->costs = mf_arena_take (arena, n * sizeof *f->costs);
  f->turns = mf_arena_take (arena, loops * sizeof *f->turns);
  f->proven = mf_arena_take (arena, loops * sizeof *f->proven);
  f->body->flow_sites = mf_arena_take (arena, (f->body->n + 1ull) * sizeof *f->body->flow_sites);
  f->activation = mf_activation_plain (machine, f->code, machine->globals, NULL);
  if (!f->states || !f->costs || !f->turns || !f->proven || !f->activation || !f->body->flow_sites)
    return false;
  memset (f->states, 0, n * sizeof *f->states);
  memset (f->costs, 0, n * sizeof *f->costs);
  memset (f->proven, 0, loops * sizeof *f->proven);
  memset (f->body->flow_sites, 0, (f->body->n + 1ull) * sizeof *f->body->flow_sites);
  for (size_t i = 0; i < loops; i++)
    f->turns[i] = mf_amount (1);
  return true;
}

// Free variables and arguments are not known; up to 3.10 cells exist when it begins.
static void
begin_variables (Flow *f)
{
  MfActivation *a = f->activation;
  uint32_t arguments = f->code->argcount + f->code->kwonlyargcount + ((f->code->flags >> 2) & 1) + ((f->code->flags >> 3) & 1);
  for (uint32_t i = 0; i < a->n_variables; i++) {
    bool argument = i < arguments || mf_py_variable (f->code, i).kind & MF_VARIABLE_FREE;
    a->slots[i] = argument ? mf_thing_ref (&heap_of (f)->unknown) : mf_thing_ref (&heap_of (f)->null);
  }
}

bool
mf_function_cost (MfModuleRun *run, const MfFlowQuestion *question, const MfPyCode *code, MfFunctionCost *cost)
{
  enum { GENERATOR = 0x20 | 0x80 | 0x200 };
  Flow f = { .run = run, .question = question, .code = code, .cost = cost };
  MfMachine *machine = &run->machine;
  *cost = (MfFunctionCost){ .unit = code->number, .generator = (code->flags & GENERATOR) != 0 };
  if (!prepare (&f))
    return false;
  begin_variables (&f);
  machine->flow = true;
  machine->heap.flow = true;
  machine->user = &f;
  machine->called = called;
  machine->n_notes = 0;
  machine->at_code = code;
  uint64_t doubts = 0;
  if (f.graph.n_order)
    save (&f, &f.states[0], f.activation->slots, f.activation->top);
  for (uint32_t i = 0; i < f.graph.n_order && !machine->heap.exhausted; i++)
    if (f.states[f.graph.order[i]].reached)
      run_block (&f, f.graph.order[i]);
  for (uint32_t i = 0; i < machine->n_notes; i++)
    doubts += machine->notes[i].why == MF_DOUBT_CALL ? machine->notes[i].count : 0;
  tell_loops (&f);
  uint64_t frame = mf_machine_call_frame (machine, code);
  if (f.graph.n_order && !cost->generator)
    f.costs[f.graph.order[0]].allocated = mf_amount_add (f.costs[f.graph.order[0]].allocated, mf_amount (frame));
  if (!mf_function_paths (&f.graph, f.costs, f.body->operations, &run->arena, cost))
    return false;
  cost->peak = mf_amount_add (cost->peak, mf_amount (cost->generator ? 0 : frame));
  cost->unknown_calls = (uint32_t) doubts;
  cost->unbounded = cost->call.high == MF_UNBOUNDED;
  machine->flow = machine->heap.flow = false;
  machine->called = NULL;
  mf_activation_free (&machine->heap, f.activation);
  return true;
}
