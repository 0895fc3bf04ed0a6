// SPDX-License-Identifier: Apache-2.0
// What each operation does to variables, value stack and heap: the simple ones, and the table of all.
#include "machine-step.h"

#include <string.h>

typedef MfGo (*Do) (Step *s);

// ---- the stack

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

MfGo
mf_do_push_null (Step *s)
{
  push (s, mf_thing_ref (&s->heap->null));
  return MF_GO_ON;
}

MfGo
mf_do_const (Step *s)
{
  const MfPyValue *consts = s->a->body->code->consts;
  push (s, mf_thing_ref (mf_machine_constant (s->m, consts->items[s->op->a])));
  return MF_GO_ON;
}

static MfGo
do_int (Step *s)
{
  enum { NEGATIVE = 1, BITS = 2 };
  int64_t value = s->op->a;
  push (s, s->op->b == BITS ? mf_thing_big (s->heap, s->op->a) : mf_thing_int (s->heap, s->op->b == NEGATIVE ? -value : value));
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
    mf_do_push_null (s);
  push (s, find_name (s, name_of (s, s->op->a), false));
  if (s->op->b == 2)
    mf_do_push_null (s);
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

// ---- all operations

static const Do does[MF_DO_N] = { [MF_DO_EFFECT] = do_effect,
  [MF_DO_NOTHING] = do_nothing,
  [MF_DO_POP] = do_pop,
  [MF_DO_COPY] = do_copy,
  [MF_DO_SWAP] = do_swap,
  [MF_DO_ROTATE] = do_rotate,
  [MF_DO_PUSH_NULL] = mf_do_push_null,
  [MF_DO_CONST] = mf_do_const,
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
  [MF_DO_TUPLE] = mf_do_tuple,
  [MF_DO_LIST] = mf_do_list,
  [MF_DO_SET] = mf_do_set,
  [MF_DO_MAP] = mf_do_map,
  [MF_DO_CONST_KEY_MAP] = mf_do_const_key_map,
  [MF_DO_STRING] = mf_do_string,
  [MF_DO_SLICE] = mf_do_slice,
  [MF_DO_UNPACKED] = mf_do_unpacked,
  [MF_DO_LIST_EXTEND] = mf_do_list_extend,
  [MF_DO_SET_UPDATE] = mf_do_update,
  [MF_DO_MAP_UPDATE] = mf_do_update,
  [MF_DO_LIST_APPEND] = mf_do_list_append,
  [MF_DO_SET_ADD] = mf_do_set_add,
  [MF_DO_MAP_ADD] = mf_do_map_add,
  [MF_DO_TO_TUPLE] = mf_do_to_tuple,
  [MF_DO_FORMAT] = mf_do_format,
  [MF_DO_CONVERT] = mf_do_convert,
  [MF_DO_CALL] = mf_do_call,
  [MF_DO_CALL_PLAIN] = mf_do_call_plain,
  [MF_DO_CALL_NAMED] = mf_do_call_named,
  [MF_DO_NAMES] = mf_do_names,
  [MF_DO_CALL_PAIRS] = mf_do_call_pairs,
  [MF_DO_CALL_STARRED] = mf_do_call_starred,
  [MF_DO_CALL_ANY] = mf_do_call_any,
  [MF_DO_FUNCTION] = mf_do_function,
  [MF_DO_FUNCTION_PART] = mf_do_function_part,
  [MF_DO_BUILD_CLASS] = mf_do_build_class,
  [MF_DO_IMPORT] = mf_do_import,
  [MF_DO_IMPORT_FROM] = mf_do_import_from,
  [MF_DO_IMPORT_STAR] = mf_do_import_star,
  [MF_DO_ITERATE] = mf_do_iterate,
  [MF_DO_NEXT] = mf_do_next,
  [MF_DO_UNPACK] = mf_do_unpack,
  [MF_DO_UNPACK_EX] = mf_do_unpack_ex,
  [MF_DO_WITH] = mf_do_with,
  [MF_DO_HANDLER] = mf_do_handler,
  [MF_DO_HANDLER_END] = mf_do_handler_end,
  [MF_DO_JUMP] = mf_do_jump,
  [MF_DO_BRANCH] = mf_do_branch,
  [MF_DO_BRANCH_MATCH] = mf_do_branch_match,
  [MF_DO_SEND] = mf_do_send,
  [MF_DO_RETURN] = mf_do_return,
  [MF_DO_YIELD] = mf_do_yield,
  [MF_DO_RAISE] = mf_do_raise,
  [MF_DO_RERAISE] = mf_do_reraise,
  [MF_DO_UNKNOWN] = mf_do_unknown };

MfGo
mf_machine_do (MfMachine *machine, MfActivation *activation, const MfOperation *operation)
{
  Step step = { machine, &machine->heap, activation, operation };
  return does[operation->what](&step);
}
