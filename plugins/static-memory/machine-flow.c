// SPDX-License-Identifier: Apache-2.0
// Calls, functions and classes, iterating, and where code goes on.
#include "machine-step.h"

#include <string.h>

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

MfGo
mf_do_call (Step *s)
{
  MfThing *kwnames = s->a->kwnames;
  s->a->kwnames = NULL;
  return call (s, true, kwnames);
}

MfGo
mf_do_call_plain (Step *s)
{
  return call (s, false, NULL);
}

MfGo
mf_do_call_named (Step *s)
{
  MfThing *kwnames = pop (s);
  bool fits = kwnames->kind == MF_V_LIST && kwnames->list.n <= s->op->a;
  MfGo go = fits ? call (s, s->op->b, kwnames) : MF_GO_STOP;
  mf_thing_unref (s->heap, kwnames);
  return go;
}

MfGo
mf_do_names (Step *s)
{
  const MfPyValue *consts = s->a->body->code->consts;
  MfThing *names = mf_machine_constant (s->m, consts->items[s->op->a]);
  s->a->kwnames = names->kind == MF_V_LIST ? names : NULL;
  return MF_GO_ON;
}

// Names and values in turn become values, and a tuple of names that costs nothing.
MfGo
mf_do_call_pairs (Step *s)
{
  uint32_t plain = s->op->a, pairs = s->op->b, below = 1 + (s->op->sub != 0);
  MfThing **items = top_items (s, plain + 2 * pairs + below), *names[256];
  if (!items || pairs > 255)
    return MF_GO_STOP;
  MfThing **arguments = items + below, **named = arguments + plain;
  Callee callee = { items[0], s->op->sub ? items[1] : &s->heap->null };
  for (uint32_t i = 0; i < pairs; i++) {
    names[i] = named[2 * i];
    named[i] = named[2 * i + 1];
  }
  s->a->top -= plain + 2 * pairs + below;
  bool unpriced = s->heap->unpriced;
  s->heap->unpriced = true;
  MfThing *kwnames = pairs ? mf_thing_tuple (s->heap, names, pairs) : NULL;
  s->heap->unpriced = unpriced;
  note_callee (s, callee.low->kind == MF_V_NULL ? callee.high : callee.low, arguments, plain);
  MfThing *result = call_slots (s, callee, arguments, plain + pairs, kwnames);
  mf_thing_unref (s->heap, callee.low);
  if (s->op->sub)
    mf_thing_unref (s->heap, callee.high);
  mf_thing_unref (s->heap, kwnames);
  return push_result (s, result);
}

MfGo
mf_do_call_starred (Step *s)
{
  uint32_t all = s->op->a + 2 * s->op->b + 2 + (s->op->sub != 0);
  if (!top_items (s, all))
    return MF_GO_STOP;
  for (uint32_t i = 0; i < all; i++)
    drop (s);
  mf_machine_doubt (s->m, MF_DOUBT_CALL, 64, "a call with arguments that are not known");
  return push_unknown (s, MF_V_NO_TYPE);
}

// The function, the empty slot, and the arguments are in other orders in other versions: the lowest that is no slot
// is the function.
MfGo
mf_do_call_any (Step *s)
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
  MfThing *const *parts = function->function->parts;
  if (mf_target_is_micropython (s->heap->target)) { // its defaults are inside, its cells in a closure
    shape.length = (parts[0] && parts[0]->kind == MF_V_LIST ? parts[0]->list.n : 0) + (parts[1] && parts[1]->kind != MF_V_NULL);
    shape.capacity = parts[3] && parts[3]->kind == MF_V_LIST ? parts[3]->list.n : 0;
    if (parts[0] && parts[0]->refs == 1)
      mf_thing_hold (s->heap, parts[0], 0, false);
  }
  mf_thing_hold (s->heap, function, mf_heap_shape (s->heap, &shape), false);
}

MfGo
mf_do_function (Step *s)
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

MfGo
mf_do_function_part (Step *s)
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

MfGo
mf_do_build_class (Step *s)
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

MfGo
mf_do_import (Step *s)
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

MfGo
mf_do_import_from (Step *s)
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
    s->m->accelerated = true;
    entry->value = mf_thing_unknown (s->heap, MF_V_NO_TYPE);
    mf_thing_unref (s->heap, old);
  }
}

MfGo
mf_do_import_star (Step *s)
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

MfGo
mf_do_iterate (Step *s)
{
  enum { ON_STACK = 4 };
  MfThing *of = pop (s);
  bool unpriced = s->heap->unpriced;
  s->heap->unpriced |= s->op->pushes == ON_STACK;
  MfThing *iterator = mf_machine_iterate (s->m, of);
  s->heap->unpriced = unpriced;
  if (s->op->pushes == ON_STACK)
    mf_do_push_null (s);
  push (s, iterator);
  mf_thing_unref (s->heap, of);
  for (uint32_t i = s->op->pushes == ON_STACK ? 2 : 1; i < s->op->pushes; i++)
    mf_do_push_null (s);
  return MF_GO_ON;
}

static MfGo
exhausted (Step *s)
{
  if (s->op->b)
    mf_do_push_null (s);
  for (uint32_t i = 0; !s->op->b && i < s->op->pops; i++)
    drop (s);
  s->a->at = s->op->target;
  return MF_GO_ON;
}

MfGo
mf_do_next (Step *s)
{
  bool ended, known;
  MfThing *iterator = peek (s, 1);
  for (uint32_t i = 2; iterator->kind == MF_V_NULL && i <= 3; i++)
    iterator = peek (s, i);
  MfThing *item = mf_machine_next (s->m, iterator, &ended, &known);
  if (s->op->target == MF_PY_NO_TARGET)
    return MF_GO_STOP;
  if (item) {
    push (s, item);
    return MF_GO_ON;
  }
  return ended ? exhausted (s) : s->m->stopped ? MF_GO_STOP : MF_GO_RAISE;
}

// More values than there are places: not what a compiler makes.
static bool
has_room (Step *s, uint64_t values)
{
  s->m->steps += values;
  return values <= s->a->room;
}

MfGo
mf_do_unpack (Step *s)
{
  if (!has_room (s, s->op->a))
    return MF_GO_STOP;
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

MfGo
mf_do_unpack_ex (Step *s)
{
  if (!has_room (s, (uint64_t) s->op->a + s->op->b))
    return MF_GO_STOP;
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

MfGo
mf_do_with (Step *s)
{
  drop (s);
  for (uint32_t i = 1; i < s->op->pushes; i++)
    push_unknown (s, MF_V_NO_TYPE);
  if (s->op->target != MF_PY_NO_TARGET)
    mark_handler (s, s->a->top);
  return push_unknown (s, MF_V_NO_TYPE);
}

MfGo
mf_do_handler (Step *s)
{
  return mark_handler (s, s->a->top - (s->op->sub == 'a'));
}

MfGo
mf_do_handler_end (Step *s)
{
  uint32_t n = s->op->a ? s->op->a : 1;
  s->a->n_handlers -= n < s->a->n_handlers ? n : s->a->n_handlers;
  return MF_GO_ON;
}

MfGo
mf_do_jump (Step *s)
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

MfGo
mf_do_branch (Step *s)
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

MfGo
mf_do_branch_match (Step *s)
{
  drop (s);
  drop (s);
  return MF_GO_ON;
}

MfGo
mf_do_send (Step *s)
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

MfGo
mf_do_return (Step *s)
{
  if (s->op->b) {
    mf_do_const (s);
  }
  s->a->result = pop (s);
  return MF_GO_RETURN;
}

MfGo
mf_do_yield (Step *s)
{
  s->a->result = pop (s);
  return MF_GO_YIELD;
}

MfGo
mf_do_raise (Step *s)
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

// Which of both it is is not known in flow mode: there it goes on.
MfGo
mf_do_reraise (Step *s)
{
  MfThing *value = pop (s);
  bool exception = value->kind == MF_V_INSTANCE || value->type == MF_PY_EXCEPTION || value->type == MF_PY_BASE_EXCEPTION;
  if (s->m->flow || !exception) {
    mf_thing_unref (s->heap, value);
    return MF_GO_ON;
  }
  mf_thing_unref (s->heap, s->m->raised);
  s->m->raised = value;
  return MF_GO_RAISE;
}

MfGo
mf_do_unknown (Step *s)
{
  mf_machine_doubt (s->m, MF_DOUBT_CODE, UINT64_MAX, "an instruction that is not understood");
  return MF_GO_STOP;
}
