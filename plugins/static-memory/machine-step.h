// SPDX-License-Identifier: Apache-2.0
// One operation of the abstract machine and what it does to the value stack.
#pragma once

#include "machine.h"

typedef struct {
  MfMachine *m;
  MfHeap *heap;
  MfActivation *a;
  const MfOperation *op;
} Step;

static inline MfThing *
pop (Step *s)
{
  if (s->a->top <= s->a->n_variables)
    return mf_thing_unknown (s->heap, MF_V_NO_TYPE);
  return s->a->slots[--s->a->top];
}

static inline void
push (Step *s, MfThing *thing)
{
  if (s->a->top < s->a->room)
    s->a->slots[s->a->top++] = thing;
  else
    mf_thing_unref (s->heap, thing);
}

static inline void
drop (Step *s)
{
  mf_thing_unref (s->heap, pop (s));
}

// The n-th from the top, 1 = the top; borrowed.
static inline MfThing *
peek (Step *s, uint32_t n)
{
  bool there = n && s->a->top - s->a->n_variables >= n;
  return there ? s->a->slots[s->a->top - n] : &s->heap->unknown;
}

// Of n things on top; they stay there until they are taken by mf_drop or are moved.
static inline MfThing **
top_items (Step *s, uint32_t n)
{
  return s->a->top - s->a->n_variables >= n ? &s->a->slots[s->a->top - n] : NULL;
}

static inline MfGo
push_unknown (Step *s, unsigned type)
{
  push (s, mf_thing_unknown (s->heap, type));
  return MF_GO_ON;
}

// NULL: it raised.
static inline MfGo
push_result (Step *s, MfThing *result)
{
  if (!result)
    return s->m->stopped ? MF_GO_STOP : MF_GO_RAISE;
  push (s, result);
  return MF_GO_ON;
}

static inline MfThing *
name_of (Step *s, uint32_t index)
{
  const MfPyValue *names = s->a->body->code->names;
  return mf_machine_constant (s->m, names->items[index < names->n ? index : 0]);
}

// Containers: displays and what fills them (machine-containers.c); calls, functions, classes, iterating and the flow of control
// (machine-flow.c). The last two are simple ones that others end in.
MfGo mf_do_tuple (Step *s);
MfGo mf_do_list (Step *s);
MfGo mf_do_set (Step *s);
MfGo mf_do_map (Step *s);
MfGo mf_do_const_key_map (Step *s);
MfGo mf_do_string (Step *s);
MfGo mf_do_slice (Step *s);
MfGo mf_do_unpacked (Step *s);
MfGo mf_do_list_append (Step *s);
MfGo mf_do_list_extend (Step *s);
MfGo mf_do_set_add (Step *s);
MfGo mf_do_map_add (Step *s);
MfGo mf_do_update (Step *s);
MfGo mf_do_to_tuple (Step *s);
MfGo mf_do_format (Step *s);
MfGo mf_do_convert (Step *s);
MfGo mf_do_call (Step *s);
MfGo mf_do_call_plain (Step *s);
MfGo mf_do_call_named (Step *s);
MfGo mf_do_names (Step *s);
MfGo mf_do_call_pairs (Step *s);
MfGo mf_do_call_starred (Step *s);
MfGo mf_do_call_any (Step *s);
MfGo mf_do_function (Step *s);
MfGo mf_do_function_part (Step *s);
MfGo mf_do_build_class (Step *s);
MfGo mf_do_import (Step *s);
MfGo mf_do_import_from (Step *s);
MfGo mf_do_import_star (Step *s);
MfGo mf_do_iterate (Step *s);
MfGo mf_do_next (Step *s);
MfGo mf_do_unpack (Step *s);
MfGo mf_do_unpack_ex (Step *s);
MfGo mf_do_with (Step *s);
MfGo mf_do_handler (Step *s);
MfGo mf_do_handler_end (Step *s);
MfGo mf_do_jump (Step *s);
MfGo mf_do_branch (Step *s);
MfGo mf_do_branch_match (Step *s);
MfGo mf_do_send (Step *s);
MfGo mf_do_return (Step *s);
MfGo mf_do_yield (Step *s);
MfGo mf_do_raise (Step *s);
MfGo mf_do_reraise (Step *s);
MfGo mf_do_unknown (Step *s);
MfGo mf_do_push_null (Step *s);
MfGo mf_do_const (Step *s);
