// SPDX-License-Identifier: Apache-2.0
// Activations of code objects: how they begin, run, unwind and end.
#include "machine.h"

#include <string.h>

enum { GENERATOR = 0x20, COROUTINE = 0x80, ASYNC_GENERATOR = 0x200, VARARGS = 4, VARKEYWORDS = 8, OPTIMIZED = 1 };

MfThing *
mf_machine_constant (MfMachine *machine, const MfPyValue *value)
{
  MfThing **place = &machine->constants[value->number];
  if (!*place) {
    *place = mf_thing_constant (&machine->heap, value);
    machine->values[value->number] = value;
  }
  return *place;
}

MfBody *
mf_machine_body (MfMachine *machine, const MfPyCode *code)
{
  MfBody *body = &machine->bodies[code->number];
  if (!body->operations) {
    body->code = code;
    body->operations = mf_lower (machine->lowering, code, machine->arena, &body->n);
  }
  return body->operations ? body : NULL;
}

void
mf_drop_all (MfHeap *heap, MfThing **things, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    mf_thing_unref (heap, things[i]);
}

void
mf_machine_doubt (MfMachine *machine, MfDoubt why, uint64_t bytes, const char *what)
{
  if (bytes == UINT64_MAX)
    machine->unbounded = true;
  else
    machine->vague_high += bytes;
  for (uint32_t i = 0; i < machine->n_notes; i++) {
    MfDoubtNote *note = &machine->notes[i];
    if (note->line != machine->at_line || note->code != machine->at_code || note->why != why)
      continue;
    note->count++;
    note->bytes = bytes == UINT64_MAX || note->bytes == UINT64_MAX ? UINT64_MAX : note->bytes + bytes;
    return;
  }
  if (machine->n_notes == MF_MOST_NOTES) {
    machine->more_notes++;
    return;
  }
  MfDoubtNote *note = &machine->notes[machine->n_notes++];
  *note = (MfDoubtNote){ machine->at_line, 1, machine->at_code, why, bytes, "" };
  strncpy (note->what, what ? what : "", sizeof note->what - 1);
}

// ---- beginning

static uint32_t
variables_of (const MfPyCode *code)
{
  return mf_py_variables (code);
}

MfActivation *
mf_activation_plain (MfMachine *machine, const MfPyCode *code, MfMap *globals, MfMap *names)
{
  enum { MOST_SLOTS = 60000 };
  MfBody *body = mf_machine_body (machine, code);
  uint32_t n = variables_of (code), room = n + code->stacksize + 8;
  if (!body || room > MOST_SLOTS)
    return NULL;
  MfActivation *a = mf_heap_array (&machine->heap, sizeof *a);
  memset (a, 0, offsetof (MfActivation, handlers));
  a->body = body;
  a->slots = mf_heap_array (&machine->heap, room * sizeof *a->slots);
  for (uint32_t i = 0; i < n; i++)
    a->slots[i] = &machine->heap.null;
  a->n_variables = a->top = n;
  a->room = room;
  a->globals = globals;
  a->names = names;
  a->n_handlers = a->block = 0;
  a->frame_bytes = 0;
  return a;
}

void
mf_activation_free (MfHeap *heap, MfActivation *a)
{
  for (uint32_t i = a->top; i-- > 0;)
    if (a->slots[i] != &heap->null)
      mf_thing_unref (heap, a->slots[i]);
  mf_thing_unref (heap, a->function);
  mf_thing_unref (heap, a->result);
  mf_heap_array_free (heap, a->slots, a->room * sizeof *a->slots);
  mf_heap_array_free (heap, a, sizeof *a);
}

static void
set_variable (MfMachine *machine, MfActivation *a, uint32_t i, MfThing *value)
{
  if (a->slots[i] != &machine->heap.null)
    mf_thing_unref (&machine->heap, a->slots[i]);
  a->slots[i] = value;
}

static uint32_t
variable_named (const MfPyCode *code, const MfThing *name, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    const MfPyValue *variable = mf_py_variable (code, i).name;
    if (name->text.bytes && variable->n == name->text.n && !memcmp (variable->bytes, name->text.bytes, variable->n))
      return i;
  }
  return UINT32_MAX;
}

// Positional arguments that have no parameter become *args.
static void
put_rest (MfMachine *machine, MfActivation *a, uint32_t place, MfThing **rest, uint32_t n)
{
  set_variable (machine, a, place, mf_thing_tuple (&machine->heap, rest, n));
}

static void
put_keywords (MfMachine *machine, MfActivation *a, MfThing **values, const MfThing *names, MfThing *others)
{
  const MfPyCode *code = a->body->code;
  for (uint32_t i = 0; i < names->list.n; i++) {
    uint32_t place = variable_named (code, names->list.items[i], code->argcount + code->kwonlyargcount);
    if (place != UINT32_MAX)
      set_variable (machine, a, place, values[i]);
    else if (others)
      mf_map_set (&machine->heap, others->map, others, mf_thing_ref (names->list.items[i]), values[i]);
    else
      mf_thing_unref (&machine->heap, values[i]);
  }
}

static void
put_defaults (MfMachine *machine, MfActivation *a, const MfFunctionValue *function)
{
  const MfPyCode *code = a->body->code;
  const MfThing *defaults = function->parts[0], *named = function->parts[1];
  for (uint32_t i = 0; i < code->argcount + code->kwonlyargcount; i++) {
    if (a->slots[i] != &machine->heap.null)
      continue;
    MfThing *value = NULL;
    uint32_t n = defaults && defaults->kind == MF_V_LIST ? defaults->list.n : 0;
    if (i < code->argcount && i + n >= code->argcount && n <= code->argcount)
      value = defaults->list.items[i + n - code->argcount];
    else if (i >= code->argcount && named && named->kind == MF_V_MAP) {
      const MfPyValue *name = mf_py_variable (code, i).name;
      MfEntry *entry = mf_map_find_text (named->map, (const char *) name->bytes, name->n);
      value = entry ? entry->value : NULL;
    }
    a->slots[i] = value ? mf_thing_ref (value) : mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  }
}

static MfThing *
new_cell (MfMachine *machine, MfThing *content)
{
  MfShape shape = { .type = MF_PY_CELL };
  MfThing *cell = mf_thing_new (&machine->heap, MF_V_CELL, MF_PY_CELL);
  mf_thing_hold (&machine->heap, cell, mf_heap_shape (&machine->heap, &shape), false);
  cell->parts.a = content;
  return cell;
}

// Up to 3.10 cells are made when a call begins, and arguments move into theirs.
static void
put_cells (MfMachine *machine, MfActivation *a, const MfThing *closure)
{
  const MfPyCode *code = a->body->code;
  uint32_t n = a->n_variables, free_ones = mf_py_count_variables (code, MF_VARIABLE_FREE);
  for (uint32_t i = 0; !code->localsplusnames && i < code->cellvars->n; i++) {
    const MfPyValue *name = code->cellvars->items[i];
    MfThing key = { .kind = MF_V_TEXT };
    key.text.bytes = (const char *) name->bytes;
    key.text.n = name->n;
    uint32_t argument = variable_named (code, &key, code->argcount + code->kwonlyargcount);
    MfThing *content = argument == UINT32_MAX ? NULL : a->slots[argument];
    if (content)
      a->slots[argument] = &machine->heap.null;
    a->slots[code->varnames->n + i] = new_cell (machine, content == &machine->heap.null ? NULL : content);
  }
  for (uint32_t i = 0; i < free_ones; i++) {
    bool there = closure && closure->kind == MF_V_LIST && i < closure->list.n;
    a->slots[n - free_ones + i] = there ? mf_thing_ref (closure->list.items[i])
                                        : mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  }
}

// MicroPython calls a closure with its cells in front of the arguments (py/objclosure.c).
static MfThing **
with_cells (MfMachine *machine, const MfFunctionValue *function, MfThing **arguments, uint32_t *n)
{
  const MfThing *cells = function->parts[3];
  uint32_t more = cells && cells->kind == MF_V_LIST && function->code->mpy ? cells->list.n : 0;
  if (!more)
    return arguments;
  MfThing **all = mf_heap_array (&machine->heap, (*n + (size_t) more) * sizeof *all);
  for (uint32_t i = 0; i < more; i++)
    all[i] = mf_thing_ref (cells->list.items[i]);
  if (*n)
    memcpy (all + more, arguments, *n * sizeof *all);
  *n += more;
  return all;
}

MfActivation *
mf_activation_new (MfMachine *machine, MfThing *function, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  const MfFunctionValue *f = function->function;
  MfActivation *a = mf_activation_plain (machine, f->code, f->globals, NULL);
  uint32_t named = kwnames ? kwnames->list.n : 0, plain = n - named, positional = f->code->argcount;
  if (!a || named > n) {
    mf_drop_all (&machine->heap, arguments, n);
    return NULL;
  }
  a->function = mf_thing_ref (function);
  uint32_t given = n;
  arguments = with_cells (machine, f, arguments, &n);
  plain = n - named;
  uint32_t place = positional + f->code->kwonlyargcount, taken = plain < positional ? plain : positional;
  for (uint32_t i = 0; i < taken; i++)
    a->slots[i] = arguments[i];
  MfThing **rest = plain > taken ? arguments + taken : NULL;
  if (f->code->flags & VARARGS && place < a->n_variables)
    put_rest (machine, a, place++, rest, plain - taken);
  else
    mf_drop_all (&machine->heap, rest, plain - taken);
  MfThing *others = f->code->flags & VARKEYWORDS && place < a->n_variables ? mf_thing_map (&machine->heap, MF_PY_DICT, 0) : NULL;
  if (others)
    set_variable (machine, a, place, others);
  if (named)
    put_keywords (machine, a, arguments + plain, kwnames, others);
  put_defaults (machine, a, f);
  put_cells (machine, a, f->code->mpy ? NULL : f->parts[3]);
  if (n != given)
    mf_heap_array_free (&machine->heap, arguments, n * sizeof *arguments);
  return a;
}

// ---- exceptions

static bool
unwind_to_mark (MfMachine *machine, MfActivation *a)
{
  bool stays = a->body->code->mpy; // MicroPython's handlers end by an instruction of their own
  uint32_t values = mf_raised_values (a->body->code);
  while (stays && a->n_handlers && a->handlers[a->n_handlers - 1].target < a->at)
    a->n_handlers--;
  if (!a->n_handlers)
    return false;
  MfHandlerMark mark = a->handlers[a->n_handlers - 1];
  a->n_handlers -= !stays;
  while (a->top > mark.depth)
    mf_thing_unref (&machine->heap, a->slots[--a->top]);
  for (uint32_t i = 0; i < values && a->top < a->room; i++) {
    bool is_value = values == 1 || i % 3 == 1;
    a->slots[a->top++] = is_value && machine->raised ? mf_thing_ref (machine->raised) : mf_thing_none (&machine->heap);
  }
  mf_thing_unref (&machine->heap, machine->raised);
  machine->raised = NULL;
  a->at = mark.target;
  return true;
}

static bool
find_handler (const MfPyCode *code, uint32_t offset, MfPyHandler *found)
{
  MfPyHandlers handlers;
  mf_py_handlers_begin (&handlers, code);
  while (mf_py_handlers_next (&handlers, found))
    if (offset >= found->start && offset < found->end)
      return true;
  return false;
}

static uint32_t
operation_at (const MfBody *body, uint32_t offset)
{
  uint32_t low = 0, high = body->n;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (body->operations[middle].offset < offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool
mf_machine_is_guarded (const MfActivation *a)
{
  MfPyHandler handler;
  if (!a->body->code->exceptiontable)
    return a->n_handlers > 0;
  return find_handler (a->body->code, a->body->operations[a->at ? a->at - 1 : 0].offset, &handler);
}

bool
mf_machine_unwind (MfMachine *machine, MfActivation *a)
{
  MfPyHandler handler;
  if (!a->body->code->exceptiontable)
    return unwind_to_mark (machine, a);
  uint32_t at = a->at ? a->at - 1 : 0;
  if (!find_handler (a->body->code, a->body->operations[at].offset, &handler))
    return false;
  uint32_t depth = a->n_variables + handler.depth;
  if (depth > a->top || depth + 2 > a->room)
    return false;
  while (a->top > depth)
    mf_thing_unref (&machine->heap, a->slots[--a->top]);
  if (handler.lasti)
    a->slots[a->top++] = mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  a->slots[a->top++] = machine->raised ? machine->raised : mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  machine->raised = NULL;
  a->at = operation_at (a->body, handler.target);
  return a->at < a->body->n;
}

// ---- running

static MfSiteCost *
sites_of (MfMachine *machine, MfBody *body)
{
  if (!body->sites) {
    body->sites = mf_arena_take (machine->arena, (body->n + 1) * sizeof *body->sites);
    if (body->sites)
      memset (body->sites, 0, (body->n + 1) * sizeof *body->sites);
  }
  return body->sites;
}

// Whether the way that goes on here ends in an exception before anything is decided.
static bool
leads_to_raise (const MfActivation *a, uint32_t at)
{
  enum { NEAR = 24 };
  for (uint32_t i = at; i < a->body->n && i < at + NEAR; i++) {
    switch (a->body->operations[i].what) {
    case MF_DO_RAISE:
      return true;
    case MF_DO_BRANCH:
    case MF_DO_JUMP:
    case MF_DO_NEXT:
    case MF_DO_RETURN:
      return false;
    default:
      break;
    }
  }
  return false;
}

// A way that is not known: the one that goes on is taken unless it fails, and the other is a doubt.
static void
choose (MfMachine *machine, MfActivation *a, const MfOperation *operation)
{
  if (!operation->b && leads_to_raise (a, a->at))
    a->at = operation->target;
  mf_machine_doubt (machine, MF_DOUBT_BRANCH, 0, "a condition that is not known");
}

// A module that is in use can be imported: an exception that would end its top level comes of what is not known here,
// unless the module raises it itself.
static bool
ignore (MfMachine *machine, MfActivation *a, const MfOperation *operation)
{
  if (machine->depth > 1 || operation->what == MF_DO_RAISE || a->top >= a->room)
    return false;
  mf_thing_unref (&machine->heap, machine->raised);
  machine->raised = NULL;
  for (uint32_t i = 0; i < operation->pushes; i++)
    a->slots[a->top++] = mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  mf_machine_doubt (machine, MF_DOUBT_RAISE, 1024, "an exception that cannot be, after what is not known");
  return true;
}

MfGo
mf_machine_run (MfMachine *machine, MfActivation *a)
{
  MfBody *body = a->body;
  MfSiteCost *sites = sites_of (machine, body);
  MfGo go = MF_GO_ON;
  if (!sites)
    return MF_GO_STOP;
  while (go == MF_GO_ON) {
    if (a->at >= body->n || machine->steps++ > machine->most_steps || machine->heap.exhausted) {
      mf_machine_doubt (machine, MF_DOUBT_STEPS, UINT64_MAX, "the analysis was ended here");
      machine->stopped = true;
      return MF_GO_STOP;
    }
    uint32_t at = a->at++;
    const MfOperation *operation = &body->operations[at];
    uint64_t before = machine->heap.count.allocated, inside = machine->attributed;
    machine->activation = a;
    machine->at_code = body->code;
    machine->at_line = operation->line;
    go = mf_machine_do (machine, a, operation);
    uint64_t own = machine->heap.count.allocated - before - (machine->attributed - inside);
    machine->attributed += own;
    sites[at].bytes += own;
    sites[at].times++;
    if (go == MF_GO_BRANCH) {
      choose (machine, a, operation);
      go = MF_GO_ON;
    }
    if (go == MF_GO_RAISE && (mf_machine_unwind (machine, a) || ignore (machine, a, operation)))
      go = MF_GO_ON;
  }
  return go;
}
