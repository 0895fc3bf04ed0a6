// SPDX-License-Identifier: Apache-2.0
// Calls: functions of the module run, classes make instances, methods are looked up where they are known.
#include "machine.h"

#include "bytecode/mpy.h"

#include <string.h>

enum { GENERATOR = 0x20, COROUTINE = 0x80, ASYNC_GENERATOR = 0x200, IS_GENERATOR = GENERATOR | COROUTINE | ASYNC_GENERATOR };

MfThing *
mf_machine_raise (MfMachine *machine, const char *type)
{
  MfThing *class = mf_builtin_find (machine, type, strlen (type));
  MfThing *exception = class ? mf_machine_call (machine, class, NULL, 0, NULL) : NULL;
  mf_thing_unref (&machine->heap, class);
  mf_thing_unref (&machine->heap, machine->raised);
  machine->raised = exception ? exception : mf_thing_unknown (&machine->heap, MF_PY_EXCEPTION);
  return NULL;
}

void
mf_machine_forget (MfMachine *machine, MfThing *thing)
{
  (void) machine;
  if (!(thing->flags & MF_V_IMMORTAL))
    thing->flags |= MF_V_VAGUE;
}

// ---- functions

static unsigned
generator_type (uint32_t flags)
{
  return flags & ASYNC_GENERATOR ? MF_PY_ASYNC_GENERATOR : flags & COROUTINE ? MF_PY_COROUTINE : MF_PY_GENERATOR;
}

static MfShape
frame_shape (const MfPyCode *code, MfPyType type)
{
  if (code->mpy) // variables and stack are one
    return (MfShape){ .type = type, .length = code->nlocals, .capacity = code->mpy->n_exc_stack };
  return (MfShape){ .type = type, .length = mf_py_variables (code) + code->stacksize };
}

// Without an activation it is one whose items are not known.
static MfThing *
new_generator (MfMachine *machine, const MfPyCode *code)
{
  unsigned type = generator_type (code->flags);
  MfShape shape = frame_shape (code, (MfPyType) type);
  MfThing *generator = mf_thing_new (&machine->heap, machine->flow ? MF_V_UNKNOWN : MF_V_GENERATOR, type);
  mf_thing_hold (&machine->heap, generator, mf_heap_shape (&machine->heap, &shape), false);
  return generator;
}

uint64_t
mf_machine_call_frame (MfMachine *machine, const MfPyCode *code)
{
  MfShape shape = frame_shape (code, MF_PY_FRAME);
  return mf_target_is_micropython (machine->heap.target) ? mf_heap_shape (&machine->heap, &shape) : 0;
}

static MfThing *
run (MfMachine *machine, MfActivation *activation)
{
  const MfPyCode *code = machine->at_code;
  uint32_t line = machine->at_line;
  uint64_t frame = mf_machine_call_frame (machine, activation->body->code);
  mf_heap_take (&machine->heap, frame);
  machine->depth++;
  MfGo go = mf_machine_run (machine, activation);
  machine->depth--;
  mf_heap_give (&machine->heap, frame);
  MfThing *result = go == MF_GO_RETURN ? activation->result : NULL;
  activation->result = NULL;
  mf_activation_free (&machine->heap, activation);
  machine->at_code = code;
  machine->at_line = line;
  return result;
}

// Up to 3.10 the frame of a function's first call stays with its code (co_zombieframe of Objects/frameobject.c).
static void
keep_frame (MfMachine *machine, MfBody *body)
{
  if (mf_target_from (machine->heap.target, 11) || mf_target_is_micropython (machine->heap.target))
    return;
  MfShape frame = frame_shape (body->code, MF_PY_FRAME);
  body->frame = mf_heap_shape (&machine->heap, &frame);
  mf_heap_take (&machine->heap, body->frame);
}

static MfThing *
call_function (MfMachine *machine, MfThing *function, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  const MfPyCode *code = function->function->code;
  if (machine->called)
    machine->called (machine->user, code);
  if (machine->flow || machine->depth >= MF_MOST_DEPTH) {
    mf_drop_all (&machine->heap, arguments, n);
    if (!machine->flow)
      mf_machine_doubt (machine, MF_DOUBT_STEPS, UINT64_MAX, "calls inside of calls, too deep to follow");
    return code->flags & IS_GENERATOR ? new_generator (machine, code) : mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  }
  MfActivation *activation = mf_activation_new (machine, function, arguments, n, kwnames);
  if (!activation)
    return mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  bool first = !activation->body->calls++;
  if (code->flags & IS_GENERATOR) {
    MfThing *generator = new_generator (machine, code);
    generator->activation = activation;
    return generator;
  }
  if (first)
    keep_frame (machine, activation->body);
  return run (machine, activation);
}

MfThing *
mf_machine_call_with (MfMachine *machine, MfThing *function, MfThing *self, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  MfThing **all = mf_heap_array (&machine->heap, (n + 1ull) * sizeof *all);
  all[0] = mf_thing_ref (self);
  if (n)
    memcpy (all + 1, arguments, n * sizeof *all);
  MfThing *result = mf_machine_call (machine, function, all, n + 1, kwnames);
  mf_heap_array_free (&machine->heap, all, (n + 1ull) * sizeof *all);
  return result;
}

static MfThing *
call_unknown (MfMachine *machine, const MfThing *function, MfThing **arguments, uint32_t n)
{
  char what[48] = "a call of something that is not known";
  if (function->kind == MF_V_BUILTIN && function->builtin.n && function->builtin.n < 30) {
    memcpy (what, function->builtin.name, function->builtin.n);
    strcpy (what + function->builtin.n, " ()");
  }
  MfThing *result = NULL;
  for (uint32_t i = 0; i < n; i++) {
    mf_machine_forget (machine, arguments[i]);
    bool decorated = n == 1 && (arguments[i]->kind == MF_V_FUNCTION || arguments[i]->kind == MF_V_CLASS);
    result = decorated ? mf_thing_ref (arguments[i]) : NULL;
  }
  mf_drop_all (&machine->heap, arguments, n);
  mf_machine_doubt (machine, MF_DOUBT_CALL, 256, what);
  return result ? result : mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
}

MfThing *
mf_machine_call (MfMachine *machine, MfThing *function, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  MfThing *result;
  switch (function->kind) {
  case MF_V_FUNCTION:
    return call_function (machine, function, arguments, n, kwnames);
  case MF_V_CLASS:
    return mf_machine_instantiate (machine, function, arguments, n, kwnames);
  case MF_V_METHOD:
    if (function->parts.b->kind == MF_V_TEXT)
      return mf_machine_call_method (machine, function->parts.a, function->parts.b, arguments, n, kwnames);
    return mf_machine_call_with (machine, function->parts.b, function->parts.a, arguments, n, kwnames);
  case MF_V_BUILTIN:
    result = mf_builtin_call (machine, function, arguments, n, kwnames);
    return result || machine->raised || machine->stopped ? result : call_unknown (machine, function, arguments, n);
  case MF_V_INSTANCE: {
    MfThing name = { .kind = MF_V_TEXT, .type = MF_PY_STR, .refs = 1 };
    name.text.bytes = "__call__";
    name.text.n = name.text.length = 8;
    name.text.hash = mf_text_hash ("__call__", 8);
    return mf_machine_call_method (machine, function, &name, arguments, n, kwnames);
  }
  default:
    return call_unknown (machine, function, arguments, n);
  }
}

static bool
find_method (MfThing *self, const MfThing *name, MfThing **class, MfEntry **entry, bool *foreign)
{
  *class = self->kind == MF_V_INSTANCE ? self->instance->class : self->kind == MF_V_CLASS ? self : NULL;
  *entry = *class ? mf_class_find (*class, name, foreign) : NULL;
  return *entry != NULL;
}

static MfThing *
call_super (MfMachine *machine, MfThing *super, const MfThing *name, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  MfThing *self = super->parts.b;
  const MfThing *class = super->parts.a->kind == MF_V_CLASS ? super->parts.a
                         : self->kind == MF_V_INSTANCE      ? self->instance->class
                                                            : NULL;
  bool foreign = false;
  MfEntry *entry = NULL;
  for (uint32_t i = 0; class && class->class->bases && i < class->class->bases->list.n && !entry; i++)
    if (class->class->bases->list.items[i]->kind == MF_V_CLASS)
      entry = mf_class_find (class->class->bases->list.items[i], name, &foreign);
  if (entry && entry->value->kind == MF_V_FUNCTION)
    return mf_machine_call_with (machine, entry->value, self, arguments, n, kwnames);
  bool init = mf_text_is (name, "__init__");
  if (init && self->kind == MF_V_INSTANCE && self->instance->class->class->base != MF_PY_OBJECT && n) {
    self->sub = (uint8_t) (n < UINT8_MAX ? n : UINT8_MAX); // exceptions keep these instead of what they were made with
    mf_instance_price (machine, self);
  }
  mf_drop_all (&machine->heap, arguments, n);
  return init ? mf_thing_none (&machine->heap) : mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
}

MfThing *
mf_machine_call_method (
    MfMachine *machine, MfThing *self, const MfThing *name, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  MfThing *class, *result;
  MfEntry *entry;
  bool foreign = false, known = false;
  if (self->kind == MF_V_SUPER)
    return call_super (machine, self, name, arguments, n, kwnames);
  if (self->kind == MF_V_INSTANCE && (entry = mf_map_find (self->instance->names, name)))
    return mf_machine_call (machine, entry->value, arguments, n, kwnames);
  if (self->kind == MF_V_MODULE) {
    MfThing *function = mf_module_attribute (machine, self, name);
    if (!function)
      return call_unknown (machine, self, arguments, n);
    result = mf_machine_call (machine, function, arguments, n, kwnames);
    mf_thing_unref (&machine->heap, function);
    return result;
  }
  if (find_method (self, name, &class, &entry, &foreign)) {
    MfThing *found = entry->value;
    if (found->kind == MF_V_FUNCTION && self->kind == MF_V_INSTANCE)
      return mf_machine_call_with (machine, found, self, arguments, n, kwnames);
    if (found->kind == MF_V_DESCRIPTOR && found->type == MF_PY_CLASSMETHOD)
      return mf_machine_call_with (machine, found->parts.a, class, arguments, n, kwnames);
    if (found->kind == MF_V_DESCRIPTOR && found->type == MF_PY_STATICMETHOD)
      return mf_machine_call (machine, found->parts.a, arguments, n, kwnames);
    if (found->kind != MF_V_DESCRIPTOR)
      return mf_machine_call (machine, found, arguments, n, kwnames);
  }
  result = mf_method_call (machine, self, name, arguments, n, kwnames, &known);
  return known ? result : call_unknown (machine, self, arguments, n);
}

// ---- iterating

MfThing *
mf_machine_iterate (MfMachine *machine, MfThing *of)
{
  static const struct {
    uint8_t kind, type;
    MfPyType iterator;
  } rows[] = { { MF_V_LIST, MF_PY_LIST, MF_PY_LIST_ITERATOR }, { MF_V_LIST, MF_PY_TUPLE, MF_PY_TUPLE_ITERATOR },
    { MF_V_TEXT, MF_PY_STR, MF_PY_STR_ITERATOR }, { MF_V_TEXT, MF_PY_BYTES, MF_PY_BYTES_ITERATOR },
    { MF_V_MAP, MF_PY_DICT, MF_PY_DICT_KEY_ITERATOR }, { MF_V_MAP, MF_PY_SET, MF_PY_SET_ITERATOR },
    { MF_V_MAP, MF_PY_FROZENSET, MF_PY_SET_ITERATOR }, { MF_V_RANGE, MF_PY_RANGE, MF_PY_RANGE_ITERATOR } };
  if (of->kind == MF_V_GENERATOR || of->kind == MF_V_ITERATOR)
    return mf_thing_ref (of);
  MfShape shape = { .type = MF_PY_LIST_ITERATOR };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (of->type == rows[i].type)
      shape.type = rows[i].iterator;
  MfThing *iterator = mf_thing_new (&machine->heap, MF_V_ITERATOR, shape.type);
  mf_thing_hold (&machine->heap, iterator, mf_heap_shape (&machine->heap, &shape), false);
  if (of->kind != MF_V_RANGE) {
    iterator->parts.a = mf_thing_ref (of);
    return iterator;
  }
  // it has the numbers of its range, not the range
  MfThing *copy = mf_thing_new (&machine->heap, MF_V_RANGE, MF_PY_RANGE);
  copy->range = of->range;
  iterator->parts.a = copy;
  return iterator;
}

static MfThing *
next_of_generator (MfMachine *machine, MfThing *generator, bool *ended)
{
  MfActivation *activation = generator->activation;
  if (!activation || machine->depth >= MF_MOST_DEPTH || activation->body->running) {
    *ended = true;
    return NULL;
  }
  generator->activation = NULL;
  if (activation->at && activation->top < activation->room)
    activation->slots[activation->top++] = mf_thing_none (&machine->heap); // what is sent
  machine->depth++;
  const MfPyCode *code = machine->at_code;
  uint32_t line = machine->at_line;
  MfGo go = mf_machine_run (machine, activation);
  machine->at_code = code;
  machine->at_line = line;
  machine->depth--;
  MfThing *result = activation->result;
  activation->result = NULL;
  if (go == MF_GO_YIELD) {
    generator->activation = activation;
    return result;
  }
  if (!activation->body->frame)
    keep_frame (machine, activation->body); // it was the generator's until now
  mf_activation_free (&machine->heap, activation);
  mf_thing_unref (&machine->heap, result);
  *ended = go == MF_GO_RETURN;
  return NULL;
}

static MfThing *
next_of_map (const MfThing *of, MfThing *iterator)
{
  while (iterator->parts.at < of->map->n) {
    MfEntry *entry = &of->map->entries[iterator->parts.at++];
    if (entry->key)
      return mf_thing_ref (entry->key);
  }
  return NULL;
}

// Items of a dict are pairs: a `sub` of the iterator says which view it goes over.
static MfThing *
next_of_view (MfMachine *machine, const MfThing *of, MfThing *iterator)
{
  while (iterator->parts.at < of->map->n) {
    MfEntry *entry = &of->map->entries[iterator->parts.at++];
    if (!entry->key)
      continue;
    if (iterator->sub == 'v')
      return mf_thing_ref (entry->value);
    MfThing *pair[] = { mf_thing_ref (entry->key), mf_thing_ref (entry->value) };
    return mf_thing_tuple (&machine->heap, pair, 2);
  }
  return NULL;
}

static MfThing *
next_of_text (MfMachine *machine, const MfThing *of, MfThing *iterator)
{
  int64_t at = iterator->parts.at;
  if (at >= of->text.n)
    return NULL;
  if (of->type == MF_PY_BYTES) {
    iterator->parts.at++;
    return of->text.bytes ? mf_thing_int (&machine->heap, (uint8_t) of->text.bytes[at]) : mf_thing_unknown (&machine->heap, MF_PY_INT);
  }
  if (!of->text.bytes) {
    iterator->parts.at++;
    return mf_thing_text_length (&machine->heap, MF_PY_STR, 1, MF_TEXT_ASCII);
  }
  uint32_t size = 1;
  while (at + size < of->text.n && ((uint8_t) of->text.bytes[at + size] & 0xc0) == 0x80)
    size++;
  iterator->parts.at += size;
  return mf_thing_text (&machine->heap, MF_PY_STR, of->text.bytes + at, size);
}

static MfThing *
next_of_range (MfMachine *machine, const MfThing *of, MfThing *iterator)
{
  uint64_t length;
  mf_thing_length (of, &length);
  if ((uint64_t) iterator->parts.at >= length)
    return NULL;
  return mf_thing_int (&machine->heap, (__int128) of->range.from + (__int128) of->range.step * iterator->parts.at++);
}

static MfThing *next_of_zip (MfMachine *machine, MfThing *iterator, bool *ended, bool *known);

// One item of something whose length is not known; the second time it is at its end.
static MfThing *
next_of_unknown (MfMachine *machine, MfThing *iterator, bool *known)
{
  *known = false;
  if (iterator->parts.at++) {
    mf_machine_doubt (machine, MF_DOUBT_LOOP, UINT64_MAX, "a loop over something of unknown length");
    return NULL;
  }
  return mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
}

static MfThing *
next_of_iterator (MfMachine *machine, MfThing *iterator, bool *known)
{
  MfThing *of = iterator->parts.a;
  bool vague = of->flags & MF_V_VAGUE;
  switch (of->kind) {
  case MF_V_LIST:
    if (iterator->parts.at < of->list.n)
      return mf_thing_ref (of->list.items[iterator->parts.at++]);
    return vague ? (*known = false, NULL) : NULL;
  case MF_V_MAP:
    return iterator->sub ? next_of_view (machine, of, iterator) : next_of_map (of, iterator);
  case MF_V_TEXT:
    return next_of_text (machine, of, iterator);
  case MF_V_RANGE:
    return next_of_range (machine, of, iterator);
  default:
    return next_of_unknown (machine, iterator, known);
  }
}

MfThing *
mf_machine_next (MfMachine *machine, MfThing *iterator, bool *ended, bool *known)
{
  *ended = false;
  *known = true;
  if (machine->flow) {
    *known = false;
    return mf_thing_unknown (&machine->heap, iterator->kind == MF_V_ITERATOR && iterator->parts.a
                                                     && iterator->parts.a->kind == MF_V_RANGE
                                                 ? MF_PY_INT
                                                 : MF_V_NO_TYPE);
  }
  if (iterator->kind == MF_V_GENERATOR)
    return next_of_generator (machine, iterator, ended);
  if (iterator->kind != MF_V_ITERATOR) {
    *ended = true;
    mf_machine_doubt (machine, MF_DOUBT_LOOP, UINT64_MAX, "a loop over something that is not known");
    return NULL;
  }
  MfThing *item = iterator->type == MF_PY_ENUMERATE || iterator->type == MF_PY_ZIP
                      ? next_of_zip (machine, iterator, ended, known)
                      : next_of_iterator (machine, iterator, known);
  *ended = !item && !machine->raised && !machine->stopped;
  return item;
}

// enumerate: parts.a counts from parts.at; zip: two iterators.
static MfThing *
next_of_zip (MfMachine *machine, MfThing *iterator, bool *ended, bool *known)
{
  bool counts = iterator->type == MF_PY_ENUMERATE;
  MfThing *pair[2];
  if (!counts) {
    pair[0] = mf_machine_next (machine, iterator->parts.a, ended, known);
    if (!pair[0])
      return NULL;
  }
  pair[1] = mf_machine_next (machine, counts ? iterator->parts.a : iterator->parts.b, ended, known);
  if (!pair[1]) {
    if (!counts)
      mf_thing_unref (&machine->heap, pair[0]);
    return NULL;
  }
  if (counts)
    pair[0] = mf_thing_int (&machine->heap, iterator->parts.at++);
  return mf_thing_tuple (&machine->heap, pair, 2);
}

static MfThing **
grow_items (MfMachine *machine, MfThing **items, uint32_t n, uint32_t *room)
{
  uint32_t more = *room * 2;
  MfThing **copy = mf_heap_array (&machine->heap, (more + 1ull) * sizeof *copy);
  memcpy (copy, items, n * sizeof *copy);
  mf_heap_array_free (&machine->heap, items, (*room + 1ull) * sizeof *items);
  *room = more;
  return copy;
}

MfThing **
mf_machine_items (MfMachine *machine, MfThing *of, uint32_t *n)
{
  enum { MOST = 1 << 18 };
  uint32_t room = 8;
  bool ended = false, known = true;
  *n = 0;
  if (of->kind == MF_V_UNKNOWN || (machine->flow && of->kind != MF_V_LIST) || of->flags & MF_V_VAGUE
      || of->kind == MF_V_INSTANCE)
    return NULL;
  if (machine->flow && of->type == MF_PY_LIST)
    return NULL;
  MfThing *iterator = of->kind == MF_V_GENERATOR || of->kind == MF_V_ITERATOR ? mf_thing_ref (of) : mf_thing_new (&machine->heap, MF_V_ITERATOR, MF_PY_LIST_ITERATOR);
  if (iterator != of)
    iterator->parts.a = mf_thing_ref (of);
  bool flow = machine->flow;
  machine->flow = false;
  MfThing **items = mf_heap_array (&machine->heap, (room + 1ull) * sizeof *items);
  while (!ended && known && *n < MOST && !machine->stopped) {
    machine->steps++;
    MfThing *item = mf_machine_next (machine, iterator, &ended, &known);
    if (!item)
      break;
    if (*n == room)
      items = grow_items (machine, items, *n, &room);
    items[(*n)++] = item;
  }
  machine->flow = flow;
  mf_thing_unref (&machine->heap, iterator);
  if (known && ended) {
    // the caller frees n + 1 places
    MfThing **fit = mf_heap_array (&machine->heap, (*n + 1ull) * sizeof *fit);
    memcpy (fit, items, *n * sizeof *fit);
    mf_heap_array_free (&machine->heap, items, (room + 1ull) * sizeof *items);
    return fit;
  }
  mf_drop_all (&machine->heap, items, *n);
  mf_heap_array_free (&machine->heap, items, (room + 1ull) * sizeof *items);
  return NULL;
}
