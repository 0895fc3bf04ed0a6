// SPDX-License-Identifier: Apache-2.0
// What each operation does to variables, value stack and heap.
#include "machine.h"

#include <string.h>

typedef struct {
  MfMachine *m;
  MfHeap *heap;
  MfActivation *a;
  const MfOperation *op;
} Step;

typedef MfGo (*Do) (Step *s);

// ---- the stack

static MfThing *
pop (Step *s)
{
  if (s->a->top <= s->a->n_variables)
    return mf_thing_unknown (s->heap, MF_V_NO_TYPE);
  return s->a->slots[--s->a->top];
}

static void
push (Step *s, MfThing *thing)
{
  if (s->a->top < s->a->room)
    s->a->slots[s->a->top++] = thing;
  else
    mf_thing_unref (s->heap, thing);
}

static void
drop (Step *s)
{
  mf_thing_unref (s->heap, pop (s));
}

// The n-th from the top, 1 = the top; borrowed.
static MfThing *
peek (Step *s, uint32_t n)
{
  bool there = n && s->a->top - s->a->n_variables >= n;
  return there ? s->a->slots[s->a->top - n] : &s->heap->unknown;
}

// Of n things on top; they stay there until they are taken by mf_drop or are moved.
static MfThing **
top_items (Step *s, uint32_t n)
{
  return s->a->top - s->a->n_variables >= n ? &s->a->slots[s->a->top - n] : NULL;
}

static MfGo
push_unknown (Step *s, unsigned type)
{
  push (s, mf_thing_unknown (s->heap, type));
  return MF_GO_ON;
}

// NULL: it raised.
static MfGo
push_result (Step *s, MfThing *result)
{
  if (!result)
    return s->m->stopped ? MF_GO_STOP : MF_GO_RAISE;
  push (s, result);
  return MF_GO_ON;
}

static MfThing *
name_of (Step *s, uint32_t index)
{
  const MfPyValue *names = s->a->body->code->names;
  return mf_machine_constant (s->m, names->items[index < names->n ? index : 0]);
}

static MfGo
do_effect (Step *s)
{
  for (uint32_t i = 0; i < s->op->pops; i++)
    drop (s);
  for (uint32_t i = 0; i < s->op->pushes; i++)
    push_unknown (s, MF_V_NO_TYPE);
  return MF_GO_ON;
}

static MfGo
do_nothing (Step *s)
{
  (void) s;
  return MF_GO_ON;
}

static MfGo
do_pop (Step *s)
{
  drop (s);
  return MF_GO_ON;
}

static MfGo
do_copy (Step *s)
{
  push (s, mf_thing_ref (peek (s, s->op->a)));
  return MF_GO_ON;
}

static MfGo
do_swap (Step *s)
{
  MfThing **items = s->op->a ? top_items (s, s->op->a) : NULL;
  if (!items)
    return MF_GO_ON;
  MfThing *top = items[s->op->a - 1];
  items[s->op->a - 1] = items[0];
  items[0] = top;
  return MF_GO_ON;
}

static MfGo
do_rotate (Step *s)
{
  MfThing **items = s->op->a ? top_items (s, s->op->a) : NULL;
  if (!items)
    return MF_GO_ON;
  MfThing *top = items[s->op->a - 1];
  memmove (items + 1, items, (s->op->a - 1) * sizeof *items);
  items[0] = top;
  return MF_GO_ON;
}

static MfGo
do_push_null (Step *s)
{
  push (s, mf_thing_ref (&s->heap->null));
  return MF_GO_ON;
}

static MfGo
do_const (Step *s)
{
  const MfPyValue *consts = s->a->body->code->consts;
  push (s, mf_thing_ref (mf_machine_constant (s->m, consts->items[s->op->a])));
  return MF_GO_ON;
}

static MfGo
do_int (Step *s)
{
  push (s, mf_thing_int (s->heap, s->op->a));
  return MF_GO_ON;
}

static MfGo
do_common (Step *s)
{
  static const char *const names[] = { "AssertionError", "NotImplementedError", "tuple", "all", "any", "list", "set" };
  uint32_t n = sizeof names / sizeof *names, i = s->op->a == UINT32_MAX ? 0 : s->op->a;
  if (i < n)
    push (s, mf_builtin_find (s->m, names[i], strlen (names[i])));
  else if (i == n)
    push (s, mf_thing_none (s->heap));
  else if (i == n + 1)
    push (s, mf_thing_text (s->heap, MF_PY_STR, "", 0));
  else if (i <= n + 3)
    push (s, mf_thing_bool (s->heap, i == n + 2));
  else
    push (s, mf_thing_int (s->heap, -1));
  return MF_GO_ON;
}

// ---- variables

static MfThing **
variable (Step *s)
{
  return &s->a->slots[s->op->a < s->a->n_variables ? s->op->a : 0];
}

static MfGo
do_load_local (Step *s)
{
  if (!s->a->n_variables)
    return push_unknown (s, MF_V_NO_TYPE);
  MfThing *value = *variable (s);
  push (s, value->kind == MF_V_NULL ? mf_thing_unknown (s->heap, MF_V_NO_TYPE) : mf_thing_ref (value));
  return MF_GO_ON;
}

static MfGo
do_take_local (Step *s)
{
  if (!s->a->n_variables)
    return push_unknown (s, MF_V_NO_TYPE);
  push (s, *variable (s));
  *variable (s) = &s->heap->null;
  return MF_GO_ON;
}

static void
put (Step *s, MfThing **place, MfThing *value)
{
  MfThing *old = *place;
  *place = value;
  if (old != &s->heap->null)
    mf_thing_unref (s->heap, old);
}

static MfGo
do_store_local (Step *s)
{
  MfThing *value = pop (s);
  if (s->a->n_variables)
    put (s, variable (s), value);
  return MF_GO_ON;
}

static MfGo
do_delete_local (Step *s)
{
  if (s->a->n_variables)
    put (s, variable (s), &s->heap->null);
  return MF_GO_ON;
}

static MfGo
do_make_cell (Step *s)
{
  MfShape shape = { .type = MF_PY_CELL };
  if (!s->a->n_variables)
    return MF_GO_ON;
  MfThing *cell = mf_thing_new (s->heap, MF_V_CELL, MF_PY_CELL);
  mf_thing_hold (s->heap, cell, mf_heap_shape (s->heap, &shape), false);
  cell->parts.a = *variable (s) == &s->heap->null ? NULL : *variable (s);
  *variable (s) = cell;
  return MF_GO_ON;
}

static MfGo
do_load_cell (Step *s)
{
  MfThing *cell = s->a->n_variables ? *variable (s) : &s->heap->unknown;
  bool known = cell->kind == MF_V_CELL && cell->parts.a && !s->m->flow;
  push (s, known ? mf_thing_ref (cell->parts.a) : mf_thing_unknown (s->heap, MF_V_NO_TYPE));
  return MF_GO_ON;
}

static MfGo
do_store_cell (Step *s)
{
  MfThing *value = pop (s), *cell = s->a->n_variables ? *variable (s) : &s->heap->unknown;
  if (cell->kind != MF_V_CELL) {
    value->flags |= value->flags & MF_V_IMMORTAL ? 0 : MF_V_ESCAPED;
    mf_thing_unref (s->heap, value);
    return MF_GO_ON;
  }
  MfThing *old = cell->parts.a;
  cell->parts.a = value;
  mf_thing_unref (s->heap, old);
  return MF_GO_ON;
}

static MfGo
do_closure (Step *s)
{
  push (s, s->a->n_variables ? mf_thing_ref (*variable (s)) : mf_thing_unknown (s->heap, MF_V_NO_TYPE));
  return MF_GO_ON;
}

// ---- names

static MfThing *
find_name (Step *s, const MfThing *name, bool local)
{
  MfEntry *entry = local && s->a->names ? mf_map_find (s->a->names, name) : NULL;
  entry = entry ? entry : mf_map_find (s->a->globals, name);
  if (entry && s->m->flow && entry->value->kind == MF_V_LIST && entry->value->type == MF_PY_LIST)
    return mf_thing_unknown (s->heap, MF_PY_LIST);
  if (entry)
    return mf_thing_ref (entry->value);
  MfThing *builtin = name->text.bytes ? mf_builtin_find (s->m, name->text.bytes, name->text.n) : NULL;
  return builtin ? builtin : mf_thing_unknown (s->heap, MF_V_NO_TYPE);
}

static MfGo
do_load_global (Step *s)
{
  if (s->op->b == 1)
    do_push_null (s);
  push (s, find_name (s, name_of (s, s->op->a), false));
  if (s->op->b == 2)
    do_push_null (s);
  return MF_GO_ON;
}

static MfGo
do_load_name (Step *s)
{
  push (s, find_name (s, name_of (s, s->op->a), true));
  return MF_GO_ON;
}

static MfGo
do_load_name_in (Step *s)
{
  drop (s);
  return s->op->b ? do_load_cell (s) : do_load_name (s);
}

static void
store_in (Step *s, MfMap *names, MfThing *owner, MfThing *value)
{
  if (s->m->flow) {
    value->flags |= value->flags & MF_V_IMMORTAL ? 0 : MF_V_ESCAPED;
    mf_thing_unref (s->heap, value);
    return;
  }
  mf_map_set (s->heap, names, owner, mf_thing_ref (name_of (s, s->op->a)), value);
}

static MfGo
do_store_name (Step *s)
{
  MfMap *names = s->a->names ? s->a->names : s->a->globals;
  store_in (s, names, names == s->m->globals ? s->m->globals_owner : NULL, pop (s));
  return MF_GO_ON;
}

static MfGo
do_store_global (Step *s)
{
  store_in (s, s->a->globals, s->a->globals == s->m->globals ? s->m->globals_owner : NULL, pop (s));
  return MF_GO_ON;
}

static MfGo
do_delete_name (Step *s)
{
  MfMap *names = s->a->names ? s->a->names : s->a->globals;
  if (!s->m->flow)
    mf_map_remove (s->heap, names, name_of (s, s->op->a));
  return MF_GO_ON;
}

static MfGo
do_annotations (Step *s)
{
  MfMap *names = s->a->names ? s->a->names : s->a->globals;
  if (s->m->flow || mf_map_find_text (names, "__annotations__", 15))
    return MF_GO_ON;
  bool unpriced = s->heap->unpriced;
  s->heap->unpriced = true; // the name is interned
  MfThing *key = mf_thing_text (s->heap, MF_PY_STR, "__annotations__", 15);
  s->heap->unpriced = unpriced;
  mf_map_set (s->heap, names, names == s->m->globals ? s->m->globals_owner : NULL, key, mf_thing_map (s->heap, MF_PY_DICT, 0));
  return MF_GO_ON;
}

static MfGo
do_locals (Step *s)
{
  return push_unknown (s, MF_V_NO_TYPE);
}

// ---- attributes and items

static MfGo
do_load_attr (Step *s)
{
  MfThing *of = pop (s);
  MfThing *value = mf_machine_attribute (s->m, of, name_of (s, s->op->a));
  mf_thing_unref (s->heap, of);
  return push_result (s, value);
}

// The method is looked up when it is called: below self stands its name.
static MfGo
do_load_method (Step *s)
{
  MfThing *self = pop (s);
  push (s, mf_thing_ref (name_of (s, s->op->a)));
  s->a->slots[s->a->top - 1]->flags |= 0;
  push (s, self);
  return MF_GO_ON;
}

static MfGo
do_load_super (Step *s)
{
  MfThing *self = pop (s), *class = pop (s);
  drop (s);
  MfThing *super = mf_thing_new (s->heap, MF_V_SUPER, MF_PY_SUPER);
  super->parts.a = class;
  super->parts.b = self;
  if (s->op->b) {
    push (s, mf_thing_ref (name_of (s, s->op->a)));
    push (s, super);
    return MF_GO_ON;
  }
  MfThing *value = mf_machine_attribute (s->m, super, name_of (s, s->op->a));
  mf_thing_unref (s->heap, super);
  return push_result (s, value);
}

static MfGo
do_store_attr (Step *s)
{
  MfThing *of = pop (s), *value = pop (s);
  mf_machine_set_attribute (s->m, of, name_of (s, s->op->a), value);
  mf_thing_unref (s->heap, of);
  return s->m->raised ? MF_GO_RAISE : MF_GO_ON;
}

static MfGo
do_delete_attr (Step *s)
{
  drop (s);
  return MF_GO_ON;
}

static MfGo
do_load_item (Step *s)
{
  MfThing *index = pop (s), *of = pop (s);
  MfThing *item = mf_machine_item (s->m, of, index);
  mf_thing_unref (s->heap, of);
  mf_thing_unref (s->heap, index);
  return push_result (s, item);
}

static MfGo
do_store_item (Step *s)
{
  MfThing *index = pop (s), *of = pop (s), *value = pop (s);
  mf_machine_set_item (s->m, of, index, value);
  mf_thing_unref (s->heap, of);
  return MF_GO_ON;
}

static MfGo
do_delete_item (Step *s)
{
  MfThing *index = pop (s), *of = pop (s);
  if (of->kind == MF_V_MAP && !s->m->flow)
    mf_map_remove (s->heap, of->map, index);
  else
    mf_machine_forget (s->m, of);
  mf_thing_unref (s->heap, of);
  mf_thing_unref (s->heap, index);
  return MF_GO_ON;
}

static MfGo
do_load_slice (Step *s)
{
  MfThing *to = pop (s), *from = pop (s), *of = pop (s);
  MfThing *slice = mf_machine_slice (s->m, of, from, to, &s->heap->none);
  mf_thing_unref (s->heap, of);
  mf_thing_unref (s->heap, from);
  mf_thing_unref (s->heap, to);
  return push_result (s, slice);
}

static MfGo
do_store_slice (Step *s)
{
  MfThing *to = pop (s), *from = pop (s), *of = pop (s), *value = pop (s);
  mf_machine_forget (s->m, of);
  MfThing *all[] = { to, from, of, value };
  mf_drop_all (s->heap, all, 4);
  return MF_GO_ON;
}

// ---- computing

static MfGo
do_unary (Step *s)
{
  MfThing *value = pop (s);
  MfThing *result = mf_machine_unary (s->m, s->op->sub, value);
  mf_thing_unref (s->heap, value);
  return push_result (s, result);
}

typedef MfThing *(*Binary) (Step *s, MfThing *a, MfThing *b);

static MfGo
on_two (Step *s, Binary binary)
{
  MfThing *b = pop (s), *a = pop (s);
  MfThing *result = binary (s, a, b);
  mf_thing_unref (s->heap, a);
  mf_thing_unref (s->heap, b);
  return push_result (s, result);
}

static MfThing *
binary (Step *s, MfThing *a, MfThing *b)
{
  return mf_machine_binary (s->m, s->op->sub, s->op->b, a, b);
}

static MfThing *
compare (Step *s, MfThing *a, MfThing *b)
{
  return mf_machine_compare (s->m, s->op->a, a, b);
}

static MfThing *
contains (Step *s, MfThing *a, MfThing *b)
{
  return mf_machine_contains (s->m, a, b, s->op->a & 1);
}

static MfThing *
identical (Step *s, MfThing *a, MfThing *b)
{
  enum { IS = 8 };
  (void) s;
  return mf_machine_compare (s->m, IS + (s->op->a & 1), a, b);
}

static MfGo
do_binary (Step *s)
{
  return on_two (s, binary);
}

static MfGo
do_compare (Step *s)
{
  return on_two (s, compare);
}

static MfGo
do_contains (Step *s)
{
  return on_two (s, contains);
}

static MfGo
do_is (Step *s)
{
  return on_two (s, identical);
}

// ---- displays

static MfGo
do_tuple (Step *s)
{
  MfThing **items = top_items (s, s->op->a);
  if (!items)
    return MF_GO_STOP;
  s->a->top -= s->op->a;
  push (s, mf_thing_tuple (s->heap, items, s->op->a));
  return MF_GO_ON;
}

static MfGo
do_list (Step *s)
{
  MfThing **items = top_items (s, s->op->a);
  if (!items)
    return MF_GO_STOP;
  s->a->top -= s->op->a;
  push (s, mf_thing_list (s->heap, items, s->op->a, s->op->a));
  return MF_GO_ON;
}

static MfGo
do_set (Step *s)
{
  MfThing **items = top_items (s, s->op->a);
  if (!items)
    return MF_GO_STOP;
  MfThing *set = mf_thing_map (s->heap, MF_PY_SET, 0);
  for (uint32_t i = 0; i < s->op->a; i++)
    mf_map_set (s->heap, set->map, set, items[i], mf_thing_none (s->heap));
  s->a->top -= s->op->a;
  push (s, set);
  return MF_GO_ON;
}

static MfGo
do_map (Step *s)
{
  uint32_t n = s->op->a;
  MfThing **items = n < 1u << 20 ? top_items (s, 2 * n) : NULL;
  if (!items)
    return MF_GO_STOP;
  MfThing *map = mf_thing_map (s->heap, MF_PY_DICT, n);
  for (uint32_t i = 0; i < n; i++)
    mf_map_set (s->heap, map->map, map, items[2 * i], items[2 * i + 1]);
  s->a->top -= 2 * n;
  push (s, map);
  return MF_GO_ON;
}

static MfGo
do_const_key_map (Step *s)
{
  uint32_t n = s->op->a;
  MfThing *keys = pop (s), **items = top_items (s, n);
  if (!items || keys->kind != MF_V_LIST || keys->list.n != n)
    return MF_GO_STOP;
  MfThing *map = mf_thing_map (s->heap, MF_PY_DICT, n);
  for (uint32_t i = 0; i < n; i++)
    mf_map_set (s->heap, map->map, map, mf_thing_ref (keys->list.items[i]), items[i]);
  s->a->top -= n;
  mf_thing_unref (s->heap, keys);
  push (s, map);
  return MF_GO_ON;
}

// ASCII text and the length of the rest: contents are kept when all of them are known.
static MfGo
do_string (Step *s)
{
  enum { MOST = 4096 };
  MfThing **items = top_items (s, s->op->a);
  char text[MOST];
  uint64_t n = 0, length = 0;
  bool known = true, vague = false;
  MfTextKind kind = MF_TEXT_ASCII;
  if (!items)
    return MF_GO_STOP;
  for (uint32_t i = 0; i < s->op->a; i++) {
    const MfThing *item = items[i];
    bool content = item->kind == MF_V_TEXT && item->text.bytes && n + item->text.n <= MOST;
    if (known && content)
      memcpy (text + n, item->text.bytes, item->text.n);
    known = known && content;
    n += content ? item->text.n : 0;
    length += item->kind == MF_V_TEXT ? item->text.length : 8;
    vague |= item->kind != MF_V_TEXT || item->flags & MF_V_VAGUE;
    kind = item->kind == MF_V_TEXT && item->sub > kind ? item->sub : kind;
  }
  MfThing *result = known ? mf_thing_text (s->heap, MF_PY_STR, text, n)
                          : mf_thing_text_length (s->heap, MF_PY_STR, length, kind);
  result->flags |= vague ? MF_V_VAGUE : 0;
  s->a->top -= s->op->a;
  mf_drop_all (s->heap, items, s->op->a);
  push (s, result);
  return MF_GO_ON;
}

static MfGo
do_slice (Step *s)
{
  MfShape shape = { .type = MF_PY_SLICE };
  MfThing *slice = mf_thing_new (s->heap, MF_V_SLICE, MF_PY_SLICE);
  mf_thing_hold (s->heap, slice, mf_heap_shape (s->heap, &shape), false);
  slice->parts.c = s->op->a == 3 ? pop (s) : NULL;
  slice->parts.b = pop (s);
  slice->parts.a = pop (s);
  push (s, slice);
  return MF_GO_ON;
}

static MfGo
do_unpacked (Step *s)
{
  unsigned type = s->op->sub == 't' ? MF_PY_TUPLE : s->op->sub == 'l' ? MF_PY_LIST : s->op->sub == 's' ? MF_PY_SET : MF_PY_DICT;
  for (uint32_t i = 0; i < s->op->a; i++)
    drop (s);
  MfShape shape = { .type = (MfPyType) type, .length = 3 };
  MfThing *thing = mf_thing_of_shape (s->heap, &shape);
  mf_machine_doubt (s->m, MF_DOUBT_LENGTH, 256, "items that are unpacked");
  push (s, thing);
  return MF_GO_ON;
}

// ---- filling

static bool
is_open (const Step *s, const MfThing *thing, MfValueKind kind)
{
  return thing->kind == kind && !s->m->flow;
}

static MfGo
do_list_append (Step *s)
{
  MfThing *item = pop (s), *list = peek (s, s->op->a);
  if (is_open (s, list, MF_V_LIST)) {
    mf_list_append (s->heap, list, item);
    return MF_GO_ON;
  }
  MfThing *arguments[] = { item };
  bool known;
  MfThing name = { .kind = MF_V_TEXT, .type = MF_PY_STR, .refs = 1 };
  name.text.bytes = "append";
  name.text.n = 6;
  mf_thing_unref (s->heap, mf_method_call (s->m, list, &name, arguments, 1, NULL, &known));
  return MF_GO_ON;
}

static MfGo
do_list_extend (Step *s)
{
  MfThing *of = pop (s), *list = peek (s, s->op->a);
  MfThing *arguments[] = { of };
  bool known;
  MfThing name = { .kind = MF_V_TEXT, .type = MF_PY_STR, .refs = 1 };
  name.text.bytes = "extend";
  name.text.n = 6;
  mf_thing_unref (s->heap, mf_method_call (s->m, list, &name, arguments, 1, NULL, &known));
  return MF_GO_ON;
}

static MfGo
do_set_add (Step *s)
{
  MfThing *item = pop (s), *set = peek (s, s->op->a);
  if (is_open (s, set, MF_V_MAP)) {
    mf_map_set (s->heap, set->map, set, item, mf_thing_none (s->heap));
    return MF_GO_ON;
  }
  mf_machine_forget (s->m, set);
  mf_thing_unref (s->heap, item);
  return MF_GO_ON;
}

static MfGo
do_map_add (Step *s)
{
  MfThing *value = pop (s), *key = pop (s), *map = peek (s, s->op->a);
  if (is_open (s, map, MF_V_MAP)) {
    mf_map_set (s->heap, map->map, map, key, value);
    return MF_GO_ON;
  }
  mf_machine_set_item (s->m, map, key, value);
  return MF_GO_ON;
}

static MfGo
do_update (Step *s)
{
  MfThing *of = pop (s), *map = peek (s, s->op->a);
  MfThing *arguments[] = { of };
  bool known;
  MfThing name = { .kind = MF_V_TEXT, .type = MF_PY_STR, .refs = 1 };
  name.text.bytes = "update";
  name.text.n = 6;
  mf_thing_unref (s->heap, mf_method_call (s->m, map, &name, arguments, 1, NULL, &known));
  return MF_GO_ON;
}

static MfGo
do_to_tuple (Step *s)
{
  MfThing *list = pop (s);
  uint32_t n;
  MfThing **items = mf_machine_items (s->m, list, &n);
  push (s, items ? mf_thing_tuple (s->heap, items, n) : mf_thing_unknown (s->heap, MF_PY_TUPLE));
  if (items)
    mf_heap_array_free (s->heap, items, (n + 1ull) * sizeof *items);
  mf_thing_unref (s->heap, list);
  return MF_GO_ON;
}

static MfGo
do_format (Step *s)
{
  MfThing *spec = s->op->b ? pop (s) : NULL, *value = pop (s);
  MfThing *text = mf_machine_format (s->m, value, s->op->a, spec);
  mf_thing_unref (s->heap, value);
  mf_thing_unref (s->heap, spec);
  return push_result (s, text);
}

static MfGo
do_convert (Step *s)
{
  MfThing *value = pop (s);
  MfThing *text = mf_machine_text_of (s->m, value, s->op->a != 1);
  mf_thing_unref (s->heap, value);
  return push_result (s, text);
}

// ---- calls

// What stands in the two slots below the arguments.
typedef struct {
  MfThing *low, *high;
} Callee;

static MfSiteCost *
site_of (const Step *s)
{
  MfSiteCost *sites = s->m->flow ? s->a->body->flow_sites : s->a->body->sites;
  return sites && s->a->at ? &sites[s->a->at - 1] : NULL;
}

static void
note_doing (Step *s, const char *what, const char *name, size_t n)
{
  enum { MOST = 60 };
  size_t before = strlen (what), kept = n < MOST ? n : MOST;
  char *text = mf_arena_take (s->m->arena, before + kept + 1);
  if (!text)
    return;
  memcpy (text, what, before);
  for (size_t i = 0; i < kept; i++)
    text[before + i] = name[i] < 0x20 || name[i] >= 0x7f ? '?' : name[i];
  text[before + kept] = 0;
  site_of (s)->doing = text;
}

// The name of what is called first from here stays with the site, for people.
static void
note_callee (Step *s, const MfThing *function, MfThing *const *arguments, uint32_t n)
{
  const MfSiteCost *site = site_of (s);
  if (!site || site->doing)
    return;
  if (function->kind == MF_V_METHOD)
    function = function->parts.b;
  const MfPyValue *name;
  switch (function->kind) {
  case MF_V_FUNCTION:
    name = mf_py_full_name (function->function->code);
    note_doing (s, "calls ", (const char *) name->bytes, name->n);
    break;
  case MF_V_CLASS:
    note_doing (s, "makes an instance of ", function->class->name, function->class->name_n);
    break;
  case MF_V_TEXT:
    if (function->text.bytes)
      note_doing (s, "calls ", function->text.bytes, function->text.n);
    break;
  case MF_V_BUILTIN:
    if (n > 1 && arguments[1]->kind == MF_V_TEXT && arguments[1]->text.bytes && function->builtin.n == strlen ("__build_class__")
        && !memcmp (function->builtin.name, "__build_class__", function->builtin.n))
      note_doing (s, "makes class ", arguments[1]->text.bytes, arguments[1]->text.n);
    else
      note_doing (s, "calls ", function->builtin.name, function->builtin.n);
    break;
  default:
    break;
  }
}

static MfThing *
call_slots (Step *s, Callee callee, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  if (callee.low->kind == MF_V_NULL)
    return mf_machine_call (s->m, callee.high, arguments, n, kwnames);
  if (callee.high->kind == MF_V_NULL)
    return mf_machine_call (s->m, callee.low, arguments, n, kwnames);
  if (callee.low->kind == MF_V_TEXT)
    return mf_machine_call_method (s->m, callee.high, callee.low, arguments, n, kwnames);
  return mf_machine_call_with (s->m, callee.low, callee.high, arguments, n, kwnames);
}

static MfGo
call (Step *s, bool slots, MfThing *kwnames)
{
  uint32_t n = s->op->a, below = slots ? 2 : 1;
  MfThing **arguments = top_items (s, n + below);
  if (!arguments)
    return MF_GO_STOP;
  Callee callee = { arguments[0], slots ? arguments[1] : &s->heap->null };
  s->a->top -= n + below;
  note_callee (s, callee.low->kind == MF_V_NULL ? callee.high : callee.low, arguments + below, n);
  MfThing *result = call_slots (s, callee, arguments + below, n, kwnames);
  mf_thing_unref (s->heap, callee.low);
  if (slots)
    mf_thing_unref (s->heap, callee.high);
  return push_result (s, result);
}

static MfGo
do_call (Step *s)
{
  MfThing *kwnames = s->a->kwnames;
  s->a->kwnames = NULL;
  return call (s, true, kwnames);
}

static MfGo
do_call_plain (Step *s)
{
  return call (s, false, NULL);
}

static MfGo
do_call_named (Step *s)
{
  MfThing *kwnames = pop (s);
  bool fits = kwnames->kind == MF_V_LIST && kwnames->list.n <= s->op->a;
  MfGo go = fits ? call (s, s->op->b, kwnames) : MF_GO_STOP;
  mf_thing_unref (s->heap, kwnames);
  return go;
}

static MfGo
do_names (Step *s)
{
  const MfPyValue *consts = s->a->body->code->consts;
  MfThing *names = mf_machine_constant (s->m, consts->items[s->op->a]);
  s->a->kwnames = names->kind == MF_V_LIST ? names : NULL;
  return MF_GO_ON;
}

// The function, the empty slot, and the arguments are in other orders in other versions: the lowest that is no slot
// is the function.
static MfGo
do_call_any (Step *s)
{
  MfThing **below = top_items (s, s->op->pops);
  if (!below)
    return MF_GO_STOP;
  MfThing *function = below[0]->kind == MF_V_NULL ? below[1] : below[0];
  MfThing *sequence = below[s->op->pops - 1 - (s->op->a != 0)];
  MfThing *mapping = s->op->a ? below[s->op->pops - 1] : &s->heap->null;
  uint32_t n;
  MfThing **items = mapping->kind == MF_V_NULL ? mf_machine_items (s->m, sequence, &n) : NULL, *result;
  if (items) {
    note_callee (s, function, items, n);
    result = mf_machine_call (s->m, function, items, n, NULL);
    mf_heap_array_free (s->heap, items, (n + 1ull) * sizeof *items);
  } else {
    result = mf_thing_unknown (s->heap, MF_V_NO_TYPE);
    mf_machine_doubt (s->m, MF_DOUBT_CALL, 64, "a call with arguments that are not known");
  }
  for (uint32_t i = 0; i < s->op->pops; i++)
    drop (s);
  return push_result (s, result);
}

// ---- functions and classes

static void
price_function (Step *s, MfThing *function)
{
  MfShape shape = { .type = MF_PY_FUNCTION };
  mf_thing_hold (s->heap, function, mf_heap_shape (s->heap, &shape), false);
}

static MfGo
do_function (Step *s)
{
  static const uint8_t places[] = { 3, 2, 1, 0 }; // from the top: closure, annotations, keyword defaults, defaults
  if (s->op->b)
    drop (s);
  MfThing *code = pop (s), *parts[5] = { NULL };
  for (uint32_t i = 0; i < 4; i++)
    if (s->op->a & 1u << places[i])
      parts[places[i]] = pop (s);
  if (code->kind != MF_V_CODE) {
    for (uint32_t i = 0; i < 4; i++)
      mf_thing_unref (s->heap, parts[i]);
    mf_thing_unref (s->heap, code);
    return push_unknown (s, MF_PY_FUNCTION);
  }
  MfThing *thing = mf_thing_new (s->heap, MF_V_FUNCTION, MF_PY_FUNCTION);
  thing->function = mf_heap_array (s->heap, sizeof *thing->function);
  *thing->function = (MfFunctionValue){ .code = code->code, .code_thing = code, .globals = s->a->globals };
  memcpy (thing->function->parts, parts, sizeof parts);
  price_function (s, thing);
  push (s, thing);
  return MF_GO_ON;
}

static MfGo
do_function_part (Step *s)
{
  MfThing *function = pop (s), *part = pop (s);
  uint32_t place = s->op->a ? (uint32_t) __builtin_ctz (s->op->a) : 0;
  if (function->kind == MF_V_FUNCTION && place < 5 && !function->function->parts[place])
    function->function->parts[place] = part;
  else
    mf_thing_unref (s->heap, part);
  push (s, function);
  return MF_GO_ON;
}

static MfGo
do_build_class (Step *s)
{
  push (s, mf_builtin_find (s->m, "__build_class__", strlen ("__build_class__")));
  return MF_GO_ON;
}

static MfThing *
module_named (Step *s, const MfThing *name)
{
  MfThing *module = mf_thing_new (s->heap, MF_V_MODULE, MF_PY_MODULE);
  module->builtin.name = name->kind == MF_V_TEXT && name->text.bytes ? name->text.bytes : "";
  module->builtin.n = name->kind == MF_V_TEXT && name->text.bytes ? name->text.n : 0;
  return module;
}

static MfGo
do_import (Step *s)
{
  MfThing *from = pop (s);
  drop (s);
  MfThing *name = name_of (s, s->op->a);
  push (s, module_named (s, name));
  // `import a.b` binds a
  MfThing *module = peek (s, 1);
  const char *dot = from->kind == MF_V_SINGLETON && module->builtin.n
                        ? memchr (module->builtin.name, '.', module->builtin.n)
                        : NULL;
  if (dot)
    module->builtin.n = (uint32_t) (dot - module->builtin.name);
  mf_thing_unref (s->heap, from);
  // a module that may be missing is looked for in every folder, whose names are kept
  enum { FOLDER = 8192 };
  if (!s->m->flow && mf_machine_is_guarded (s->a))
    mf_machine_doubt (s->m, MF_DOUBT_CALL, FOLDER, "an import that may fail");
  return MF_GO_ON;
}

static MfGo
do_import_from (Step *s)
{
  MfThing *module = peek (s, 1);
  MfThing *value = module->kind == MF_V_MODULE ? mf_module_attribute (s->m, module, name_of (s, s->op->a)) : NULL;
  push (s, value ? value : mf_thing_unknown (s->heap, MF_V_NO_TYPE));
  return MF_GO_ON;
}

// A module in C that has the same name with a line in front replaces functions by its own: all that are public, or those
// that are known.
static bool
is_replaced (const MfThing *module, const MfThing *name)
{
  static const char *const heapq[] = { "heappush", "heappop", "heapify", "heapreplace", "heappushpop", NULL };
  if (module->builtin.n != 6 || memcmp (module->builtin.name, "_heapq", 6))
    return name->text.bytes[0] != '_';
  for (const char *const *known = heapq; *known; known++)
    if (mf_text_is (name, *known))
      return true;
  return false;
}

static void
replace_functions (Step *s, const MfThing *module)
{
  const char *own = s->m->name;
  bool accelerates = module->kind == MF_V_MODULE && module->builtin.n == strlen (own) + 1 && module->builtin.name[0] == '_'
                     && !memcmp (module->builtin.name + 1, own, strlen (own));
  for (uint32_t i = 0; accelerates && i < s->a->globals->n; i++) {
    MfEntry *entry = &s->a->globals->entries[i];
    bool made_here = entry->key && (entry->value->kind == MF_V_FUNCTION || entry->value->kind == MF_V_CLASS);
    if (!made_here || !is_replaced (module, entry->key))
      continue;
    MfThing *old = entry->value;
    entry->value = mf_thing_unknown (s->heap, MF_V_NO_TYPE);
    mf_thing_unref (s->heap, old);
  }
}

static MfGo
do_import_star (Step *s)
{
  MfThing *module = pop (s);
  if (!s->m->flow)
    replace_functions (s, module);
  mf_thing_unref (s->heap, module);
  if (!s->m->flow)
    mf_machine_doubt (s->m, MF_DOUBT_LENGTH, 2048, "names taken from a module by *");
  return MF_GO_ON;
}

// ---- iterating and unpacking

static MfGo
do_iterate (Step *s)
{
  MfThing *of = pop (s);
  push (s, mf_machine_iterate (s->m, of));
  mf_thing_unref (s->heap, of);
  if (s->op->pushes == 2)
    do_push_null (s);
  return MF_GO_ON;
}

static MfGo
exhausted (Step *s)
{
  if (s->op->b)
    push (s, mf_thing_ref (&s->heap->null));
  else
    drop (s);
  s->a->at = s->op->target;
  return MF_GO_ON;
}

static MfGo
do_next (Step *s)
{
  bool ended, known;
  MfThing *iterator = peek (s, 1);
  if (iterator->kind == MF_V_NULL)
    iterator = peek (s, 2);
  MfThing *item = mf_machine_next (s->m, iterator, &ended, &known);
  if (s->op->target == MF_PY_NO_TARGET)
    return MF_GO_STOP;
  if (item) {
    push (s, item);
    return MF_GO_ON;
  }
  return ended ? exhausted (s) : s->m->stopped ? MF_GO_STOP : MF_GO_RAISE;
}

static MfGo
do_unpack (Step *s)
{
  MfThing *of = pop (s);
  uint32_t n;
  MfThing **items = mf_machine_items (s->m, of, &n);
  for (uint32_t i = s->op->a; i-- > 0;)
    push (s, items && n == s->op->a ? mf_thing_ref (items[i]) : mf_thing_unknown (s->heap, MF_V_NO_TYPE));
  if (items) {
    mf_drop_all (s->heap, items, n);
    mf_heap_array_free (s->heap, items, (n + 1ull) * sizeof *items);
  }
  mf_thing_unref (s->heap, of);
  return MF_GO_ON;
}

static MfGo
do_unpack_ex (Step *s)
{
  drop (s);
  for (uint32_t i = 0; i < s->op->b; i++)
    push_unknown (s, MF_V_NO_TYPE);
  MfShape shape = { .type = MF_PY_LIST, .length = 2 };
  push (s, mf_thing_of_shape (s->heap, &shape));
  mf_machine_doubt (s->m, MF_DOUBT_LENGTH, 64, "the rest of what is unpacked");
  for (uint32_t i = 0; i < s->op->a; i++)
    push_unknown (s, MF_V_NO_TYPE);
  return MF_GO_ON;
}

// ---- the flow of control

static MfGo
mark_handler (Step *s, uint32_t depth)
{
  if (s->a->n_handlers < MF_MOST_HANDLERS && s->op->target != MF_PY_NO_TARGET)
    s->a->handlers[s->a->n_handlers++] = (MfHandlerMark){ s->op->target, depth };
  return MF_GO_ON;
}

static MfGo
do_with (Step *s)
{
  drop (s);
  push_unknown (s, MF_V_NO_TYPE);
  if (s->op->target != MF_PY_NO_TARGET)
    mark_handler (s, s->a->top);
  return push_unknown (s, MF_V_NO_TYPE);
}

static MfGo
do_handler (Step *s)
{
  return mark_handler (s, s->a->top - (s->op->sub == 'a'));
}

static MfGo
do_handler_end (Step *s)
{
  s->a->n_handlers -= s->a->n_handlers > 0;
  return MF_GO_ON;
}

static MfGo
do_jump (Step *s)
{
  if (s->op->target == MF_PY_NO_TARGET)
    return MF_GO_STOP;
  s->a->at = s->op->target;
  return MF_GO_ON;
}

static int
decide (const Step *s, const MfThing *value)
{
  if (s->op->sub == 'f' || s->op->sub == 't') {
    int truth = mf_thing_truth (value);
    return truth < 0 ? -1 : truth == (s->op->sub == 't');
  }
  bool none = value->kind == MF_V_SINGLETON && value->sub == MF_IS_NONE;
  if (value->kind == MF_V_UNKNOWN && (value->type == MF_V_NO_TYPE || value->type == MF_PY_NONE))
    return -1;
  return none == (s->op->sub == 'n');
}

static MfGo
do_branch (Step *s)
{
  MfThing *value = peek (s, 1);
  int way = decide (s, value);
  if (s->op->target == MF_PY_NO_TARGET)
    return MF_GO_STOP;
  if (!(s->op->b && way == 1))
    drop (s);
  if (way == 1)
    s->a->at = s->op->target;
  return way < 0 ? MF_GO_BRANCH : MF_GO_ON;
}

static MfGo
do_branch_match (Step *s)
{
  drop (s);
  drop (s);
  return MF_GO_ON;
}

static MfGo
do_send (Step *s)
{
  drop (s);
  push_unknown (s, MF_V_NO_TYPE);
  if (s->op->target == MF_PY_NO_TARGET)
    return MF_GO_STOP;
  s->a->at = s->op->target;
  if (s->op->b) {
    drop (s);
    drop (s);
    push_unknown (s, MF_V_NO_TYPE);
  }
  return MF_GO_ON;
}

static MfGo
do_return (Step *s)
{
  if (s->op->b) {
    do_const (s);
  }
  s->a->result = pop (s);
  return MF_GO_RETURN;
}

static MfGo
do_yield (Step *s)
{
  s->a->result = pop (s);
  return MF_GO_YIELD;
}

static MfGo
do_raise (Step *s)
{
  MfThing *raised = NULL;
  for (uint32_t i = 0; i < s->op->pops; i++) {
    mf_thing_unref (s->heap, raised);
    raised = pop (s);
  }
  if (raised && raised->kind == MF_V_BUILTIN) {
    MfThing *instance = mf_machine_call (s->m, raised, NULL, 0, NULL);
    mf_thing_unref (s->heap, raised);
    raised = instance;
  }
  mf_thing_unref (s->heap, s->m->raised);
  s->m->raised = raised;
  return MF_GO_RAISE;
}

static MfGo
do_unknown (Step *s)
{
  mf_machine_doubt (s->m, MF_DOUBT_CODE, UINT64_MAX, "an instruction that is not understood");
  return MF_GO_STOP;
}

static const Do does[MF_DO_N] = { [MF_DO_EFFECT] = do_effect,
  [MF_DO_NOTHING] = do_nothing,
  [MF_DO_POP] = do_pop,
  [MF_DO_COPY] = do_copy,
  [MF_DO_SWAP] = do_swap,
  [MF_DO_ROTATE] = do_rotate,
  [MF_DO_PUSH_NULL] = do_push_null,
  [MF_DO_CONST] = do_const,
  [MF_DO_INT] = do_int,
  [MF_DO_COMMON] = do_common,
  [MF_DO_LOAD_LOCAL] = do_load_local,
  [MF_DO_TAKE_LOCAL] = do_take_local,
  [MF_DO_STORE_LOCAL] = do_store_local,
  [MF_DO_DELETE_LOCAL] = do_delete_local,
  [MF_DO_MAKE_CELL] = do_make_cell,
  [MF_DO_LOAD_CELL] = do_load_cell,
  [MF_DO_STORE_CELL] = do_store_cell,
  [MF_DO_CLOSURE] = do_closure,
  [MF_DO_LOAD_GLOBAL] = do_load_global,
  [MF_DO_LOAD_NAME] = do_load_name,
  [MF_DO_LOAD_NAME_IN] = do_load_name_in,
  [MF_DO_STORE_NAME] = do_store_name,
  [MF_DO_STORE_GLOBAL] = do_store_global,
  [MF_DO_DELETE_NAME] = do_delete_name,
  [MF_DO_ANNOTATIONS] = do_annotations,
  [MF_DO_LOCALS] = do_locals,
  [MF_DO_LOAD_ATTR] = do_load_attr,
  [MF_DO_LOAD_METHOD] = do_load_method,
  [MF_DO_LOAD_SUPER] = do_load_super,
  [MF_DO_STORE_ATTR] = do_store_attr,
  [MF_DO_DELETE_ATTR] = do_delete_attr,
  [MF_DO_LOAD_ITEM] = do_load_item,
  [MF_DO_STORE_ITEM] = do_store_item,
  [MF_DO_DELETE_ITEM] = do_delete_item,
  [MF_DO_LOAD_SLICE] = do_load_slice,
  [MF_DO_STORE_SLICE] = do_store_slice,
  [MF_DO_UNARY] = do_unary,
  [MF_DO_BINARY] = do_binary,
  [MF_DO_COMPARE] = do_compare,
  [MF_DO_CONTAINS] = do_contains,
  [MF_DO_IS] = do_is,
  [MF_DO_TUPLE] = do_tuple,
  [MF_DO_LIST] = do_list,
  [MF_DO_SET] = do_set,
  [MF_DO_MAP] = do_map,
  [MF_DO_CONST_KEY_MAP] = do_const_key_map,
  [MF_DO_STRING] = do_string,
  [MF_DO_SLICE] = do_slice,
  [MF_DO_UNPACKED] = do_unpacked,
  [MF_DO_LIST_EXTEND] = do_list_extend,
  [MF_DO_SET_UPDATE] = do_update,
  [MF_DO_MAP_UPDATE] = do_update,
  [MF_DO_LIST_APPEND] = do_list_append,
  [MF_DO_SET_ADD] = do_set_add,
  [MF_DO_MAP_ADD] = do_map_add,
  [MF_DO_TO_TUPLE] = do_to_tuple,
  [MF_DO_FORMAT] = do_format,
  [MF_DO_CONVERT] = do_convert,
  [MF_DO_CALL] = do_call,
  [MF_DO_CALL_PLAIN] = do_call_plain,
  [MF_DO_CALL_NAMED] = do_call_named,
  [MF_DO_NAMES] = do_names,
  [MF_DO_CALL_ANY] = do_call_any,
  [MF_DO_FUNCTION] = do_function,
  [MF_DO_FUNCTION_PART] = do_function_part,
  [MF_DO_BUILD_CLASS] = do_build_class,
  [MF_DO_IMPORT] = do_import,
  [MF_DO_IMPORT_FROM] = do_import_from,
  [MF_DO_IMPORT_STAR] = do_import_star,
  [MF_DO_ITERATE] = do_iterate,
  [MF_DO_NEXT] = do_next,
  [MF_DO_UNPACK] = do_unpack,
  [MF_DO_UNPACK_EX] = do_unpack_ex,
  [MF_DO_WITH] = do_with,
  [MF_DO_HANDLER] = do_handler,
  [MF_DO_HANDLER_END] = do_handler_end,
  [MF_DO_JUMP] = do_jump,
  [MF_DO_BRANCH] = do_branch,
  [MF_DO_BRANCH_MATCH] = do_branch_match,
  [MF_DO_SEND] = do_send,
  [MF_DO_RETURN] = do_return,
  [MF_DO_YIELD] = do_yield,
  [MF_DO_RAISE] = do_raise,
  [MF_DO_UNKNOWN] = do_unknown };

MfGo
mf_machine_do (MfMachine *machine, MfActivation *activation, const MfOperation *operation)
{
  Step step = { machine, &machine->heap, activation, operation };
  return does[operation->what](&step);
}
