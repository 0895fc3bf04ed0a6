// SPDX-License-Identifier: Apache-2.0
// Displays of lists, tuples, dicts, sets and texts, and what comprehensions and unpacking put into them.
#include "machine-step.h"

#include <string.h>

// ---- displays

MfGo
mf_do_tuple (Step *s)
{
  MfThing **items = top_items (s, s->op->a);
  if (!items)
    return MF_GO_STOP;
  bool unpriced = s->heap->unpriced;
  s->a->top -= s->op->a;
  s->heap->unpriced |= s->op->b;
  push (s, mf_thing_tuple (s->heap, items, s->op->a));
  s->heap->unpriced = unpriced;
  return MF_GO_ON;
}

MfGo
mf_do_list (Step *s)
{
  MfThing **items = top_items (s, s->op->a);
  if (!items)
    return MF_GO_STOP;
  s->a->top -= s->op->a;
  push (s, mf_thing_list (s->heap, items, s->op->a, s->op->a));
  return MF_GO_ON;
}

MfGo
mf_do_set (Step *s)
{
  MfThing **items = top_items (s, s->op->a);
  if (!items)
    return MF_GO_STOP;
  MfThing *set = mf_thing_map (s->heap, MF_PY_SET, s->op->a); // CPython makes no room
  for (uint32_t i = 0; i < s->op->a; i++)
    mf_map_set (s->heap, set->map, set, items[i], mf_thing_none (s->heap));
  s->a->top -= s->op->a;
  push (s, set);
  return MF_GO_ON;
}

MfGo
mf_do_map (Step *s)
{
  uint32_t n = s->op->a;
  MfThing **items = n < 1u << 20 ? top_items (s, 2 * n) : NULL;
  if (!items)
    return MF_GO_STOP;
  MfThing *map = mf_thing_map (s->heap, MF_PY_DICT, n + (uint64_t) s->op->b);
  for (uint32_t i = 0; i < n; i++)
    mf_map_set (s->heap, map->map, map, items[2 * i], items[2 * i + 1]);
  s->a->top -= 2 * n;
  push (s, map);
  return MF_GO_ON;
}

MfGo
mf_do_const_key_map (Step *s)
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
MfGo
mf_do_string (Step *s)
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

MfGo
mf_do_slice (Step *s)
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

MfGo
mf_do_unpacked (Step *s)
{
  unsigned type = s->op->sub == 't' ? MF_PY_TUPLE : s->op->sub == 'l' ? MF_PY_LIST : s->op->sub == 's' ? MF_PY_SET : MF_PY_DICT;
  if (!top_items (s, s->op->a))
    return MF_GO_STOP;
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

// As a call of a method with one argument, which is taken over.
static void
call_method_of (Step *s, MfThing *of, const char *method, MfThing *argument)
{
  bool known;
  MfThing name = { .kind = MF_V_TEXT, .type = MF_PY_STR, .refs = 1 };
  name.text.bytes = method;
  name.text.n = (uint32_t) strlen (method);
  mf_thing_unref (s->heap, mf_method_call (s->m, of, &name, &argument, 1, NULL, &known));
}

MfGo
mf_do_list_append (Step *s)
{
  MfThing *item = pop (s), *list = peek (s, s->op->a);
  if (is_open (s, list, MF_V_LIST))
    mf_list_append (s->heap, list, item);
  else
    call_method_of (s, list, "append", item);
  return MF_GO_ON;
}

MfGo
mf_do_list_extend (Step *s)
{
  MfThing *of = pop (s);
  call_method_of (s, peek (s, s->op->a), "extend", of);
  return MF_GO_ON;
}

MfGo
mf_do_set_add (Step *s)
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

MfGo
mf_do_map_add (Step *s)
{
  MfThing *value = pop (s), *key = pop (s), *map = peek (s, s->op->a);
  if (is_open (s, map, MF_V_MAP)) {
    mf_map_set (s->heap, map->map, map, key, value);
    return MF_GO_ON;
  }
  mf_machine_set_item (s->m, map, key, value);
  return MF_GO_ON;
}

MfGo
mf_do_update (Step *s)
{
  MfThing *of = pop (s);
  call_method_of (s, peek (s, s->op->a), "update", of);
  return MF_GO_ON;
}

MfGo
mf_do_to_tuple (Step *s)
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

MfGo
mf_do_format (Step *s)
{
  MfThing *spec = s->op->b ? pop (s) : NULL, *value = pop (s);
  MfThing *text = mf_machine_format (s->m, value, s->op->a, spec);
  mf_thing_unref (s->heap, value);
  mf_thing_unref (s->heap, spec);
  return push_result (s, text);
}

MfGo
mf_do_convert (Step *s)
{
  MfThing *value = pop (s);
  MfThing *text = mf_machine_text_of (s->m, value, s->op->a != 1);
  mf_thing_unref (s->heap, value);
  return push_result (s, text);
}
