// SPDX-License-Identifier: Apache-2.0
// Classes and instances: what a class statement leaves, what attributes cost, where they are found.
#include "machine.h"

#include "library.h"

#include <string.h>

// ---- finding

// In the class, then in its bases: the order of C3 for all but diamonds.
MfEntry *
mf_class_find (const MfThing *class, const MfThing *name, bool *foreign)
{
  MfEntry *entry = mf_map_find (class->class->names, name);
  *foreign |= class->class->foreign;
  for (uint32_t i = 0; !entry && class->class->bases && i < class->class->bases->list.n; i++) {
    const MfThing *base = class->class->bases->list.items[i];
    if (base->kind == MF_V_CLASS && base != class)
      entry = mf_class_find (base, name, foreign);
  }
  return entry;
}

bool
mf_class_is (const MfThing *class, const MfThing *other, bool *known)
{
  *known = true;
  if (class == other)
    return true;
  if (class->kind == MF_V_BUILTIN && other->kind == MF_V_BUILTIN)
    return class->builtin.id == other->builtin.id && class->builtin.n == other->builtin.n
           && !memcmp (class->builtin.name, other->builtin.name, class->builtin.n);
  if (class->kind != MF_V_CLASS) {
    *known = false;
    return false;
  }
  for (uint32_t i = 0; class->class->bases && i < class->class->bases->list.n; i++)
    if (mf_class_is (class->class->bases->list.items[i], other, known))
      return true;
  return false;
}

// ---- class statements

static MfPyType
base_type (const MfThing *base, bool *foreign)
{
  if (base->kind == MF_V_CLASS) {
    *foreign |= base->class->foreign;
    return base->class->base;
  }
  if (base->kind == MF_V_BUILTIN && base->builtin.n < 40) {
    char name[48];
    memcpy (name, base->builtin.name, base->builtin.n);
    name[base->builtin.n] = 0;
    MfPyType type = mf_py_type_find (name);
    if (type != MF_PY_N_TYPES)
      return type;
    size_t n = strlen (name);
    if ((n > 5 && !strcmp (name + n - 5, "Error")) || (n > 9 && !strcmp (name + n - 9, "Exception"))
        || (n > 7 && !strcmp (name + n - 7, "Warning")))
      return MF_PY_EXCEPTION;
  }
  *foreign = true;
  return MF_PY_OBJECT;
}

static uint32_t
count_slots (const MfMap *names, bool *declared)
{
  MfEntry *entry = mf_map_find_text (names, "__slots__", 9);
  uint64_t length;
  *declared = entry != NULL;
  if (!entry)
    return 0;
  if (entry->value->kind == MF_V_TEXT)
    return 1;
  return mf_thing_length (entry->value, &length) && length < 1000 ? (uint32_t) length : 0;
}

// Names that type () takes out of the body's again.
static uint32_t
count_dropped (const MfMap *names)
{
  return (mf_map_find_text (names, "__qualname__", 12) != NULL) + (mf_map_find_text (names, "__classcell__", 13) != NULL)
         + (mf_map_find_text (names, "__classdictcell__", 17) != NULL);
}

static void
price_class (MfMachine *machine, MfThing *thing)
{
  MfClassValue *class = thing->class;
  bool declared;
  class->slots = count_slots (class->names, &declared);
  bool base_has_dict = false;
  for (uint32_t i = 0; class->bases && i < class->bases->list.n; i++) {
    const MfThing *base = class->bases->list.items[i];
    base_has_dict |= base->kind == MF_V_CLASS && base->class->has_dict;
  }
  class->has_dict = !declared || base_has_dict;
  MfShape shape = { .type = MF_PY_CLASS,
    .length = mf_map_length (class->names) + (class->meta == MF_META_ABC ? 2 : 0),
    .base = class->base,
    .slots = class->slots,
    .dropped = count_dropped (class->names),
    .mro = class->mro,
    .flags = class->has_dict && !base_has_dict ? MF_SHAPE_HAS_DICT | MF_SHAPE_HAS_WEAKREF : 0 };
  if (class->has_dict)
    shape.flags |= MF_SHAPE_HAS_DICT;
  shape.flags |= MF_SHAPE_FREE_LISTS;
  mf_thing_hold (&machine->heap, thing, mf_heap_shape (&machine->heap, &shape), false);
}

// Names of an enumeration that become members.
static uint32_t
count_members (const MfMap *names)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < names->n; i++) {
    const MfThing *key = names->entries[i].key, *value = names->entries[i].value;
    n += key && key->kind == MF_V_TEXT && key->text.bytes && key->text.bytes[0] != '_' && value->kind != MF_V_FUNCTION
         && value->kind != MF_V_DESCRIPTOR;
  }
  return n;
}

static bool
is_abstract (const MfThing *value)
{
  if (value && value->kind == MF_V_DESCRIPTOR)
    value = value->parts.a;
  return value && value->kind == MF_V_FUNCTION && value->sub & 1;
}

// Own ones, and those of bases that are still abstract here.
static uint32_t
count_abstract (const MfThing *class, const MfThing *of, unsigned depth)
{
  enum { DEEPEST = 16 };
  const MfMap *names = of->class->names;
  uint32_t n = 0;
  for (uint32_t i = 0; i < names->n; i++) {
    bool foreign = false;
    if (!names->entries[i].key || !is_abstract (names->entries[i].value))
      continue;
    const MfEntry *entry = mf_class_find (class, names->entries[i].key, &foreign);
    n += entry && entry->value == names->entries[i].value;
  }
  const MfThing *bases = of->class->bases;
  for (uint32_t i = 0; bases && depth < DEEPEST && i < bases->list.n; i++)
    if (bases->list.items[i]->kind == MF_V_CLASS)
      n += count_abstract (class, bases->list.items[i], depth + 1);
  return n;
}

// Modules/_abc.c: two names more, the set of abstract ones, and what the class remembers of its subclasses.
static uint64_t
price_abc (MfMachine *machine, const MfThing *class)
{
  MfShape set = { .type = MF_PY_FROZENSET, .length = count_abstract (class, class, 0) };
  uint64_t word = machine->heap.target->pointer;
  return mf_heap_shape (&machine->heap, &set) + mf_heap_price (&machine->heap, 6 * word);
}

static void
price_meta (MfMachine *machine, MfThing *thing)
{
  MfClassValue *class = thing->class;
  uint64_t bytes = thing->bytes;
  if (class->meta == MF_META_ABC)
    bytes += price_abc (machine, thing);
  else if (class->meta == MF_META_ENUM || class->meta == MF_META_INT_ENUM) {
    // members of these are priced with the class
    MfMaking making = class->meta == MF_META_ENUM ? MF_MAKES_ENUM : MF_MAKES_INT_ENUM;
    bytes = mf_library_bytes (machine, making, count_members (class->names));
  }
  mf_thing_hold (&machine->heap, thing, bytes, false);
}

// A class knows its subclasses by their addresses (type.__subclasses__).
static void
note_subclass (MfMachine *machine, MfThing *base)
{
  if (mf_target_is_micropython (machine->heap.target) || base->kind != MF_V_CLASS || base->flags & MF_V_IMMORTAL)
    return;
  MfShape before = { .type = MF_PY_DICT, .length = base->class->subclasses, .keys = MF_KEYS_ANY }, after = before;
  after.length = ++base->class->subclasses;
  uint64_t old = before.length ? mf_heap_shape (&machine->heap, &before) : 0;
  mf_thing_hold (&machine->heap, base, base->bytes - old + mf_heap_shape (&machine->heap, &after), false);
}

static MfThing *
class_of_body (MfMachine *machine, MfMap *names, MfThing *const *bases, uint32_t n, const MfThing *name, const MfThing *metaclass)
{
  MfThing *thing = mf_thing_new (&machine->heap, MF_V_CLASS, MF_PY_CLASS);
  MfClassValue *class = mf_heap_array (&machine->heap, sizeof *class);
  bool foreign = false;
  *class = (MfClassValue){ .names = names, .base = MF_PY_OBJECT, .mro = 2 };
  if (name->kind == MF_V_TEXT && name->text.bytes) {
    class->name = name->text.bytes;
    class->name_n = name->text.n;
  }
  for (uint32_t i = 0; i < n; i++) {
    MfPyType type = base_type (bases[i], &foreign);
    class->base = type != MF_PY_OBJECT ? type : class->base;
    uint32_t mro = bases[i]->kind == MF_V_CLASS ? bases[i]->class->mro + 1 : 3;
    class->mro = mro > class->mro ? mro : class->mro;
    mf_thing_ref (bases[i]);
    note_subclass (machine, bases[i]);
  }
  class->meta = (uint8_t) mf_library_meta (bases, n, metaclass);
  class->foreign = foreign && !class->meta;
  bool unpriced = machine->heap.unpriced; // the tuple of bases is part of the class's price
  machine->heap.unpriced = true;
  class->bases = mf_thing_tuple (&machine->heap, bases, n);
  machine->heap.unpriced = unpriced;
  thing->class = class;
  price_class (machine, thing);
  price_meta (machine, thing);
  if (class->foreign)
    mf_machine_doubt (machine, MF_DOUBT_CALL, 1024, "a base class that is not known");
  return thing;
}

// The body runs with names of its own; a class cell that it returns gets the class.
static MfMap *
run_body (MfMachine *machine, MfThing *function, MfThing **cell)
{
  MfMap *names = mf_map_new (&machine->heap, false);
  MfActivation *activation = mf_activation_new (machine, function, NULL, 0, NULL);
  MfShape shape = { .type = MF_PY_DICT, .length = 4 };
  *cell = NULL;
  if (!activation)
    return names;
  activation->names = names;
  uint64_t body = mf_heap_shape (&machine->heap, &shape);
  const MfPyCode *code = machine->at_code;
  uint32_t line = machine->at_line;
  mf_heap_take (&machine->heap, body);
  machine->depth++;
  MfGo go = mf_machine_run (machine, activation);
  machine->depth--;
  mf_heap_give (&machine->heap, body);
  if (go == MF_GO_RETURN && activation->result && activation->result->kind == MF_V_CELL)
    *cell = mf_thing_ref (activation->result);
  mf_activation_free (&machine->heap, activation);
  machine->at_code = code;
  machine->at_line = line;
  return names;
}

// __init__ of a metaclass that the module defines gets the class, its name, its bases, and a dict of which nothing is known here.
static void
init_by_metaclass (MfMachine *machine, MfThing *class, MfThing *name, const MfThing *metaclass)
{
  MfEntry *init = metaclass && metaclass->kind == MF_V_CLASS ? mf_map_find_text (metaclass->class->names, "__init__", 8) : NULL;
  if (!init || init->value->kind != MF_V_FUNCTION)
    return;
  MfThing *given[] = { mf_thing_ref (class), mf_thing_ref (name), mf_thing_ref (class->class->bases),
    mf_thing_unknown (&machine->heap, MF_PY_DICT) };
  mf_thing_unref (&machine->heap, mf_machine_call (machine, init->value, given, 4, NULL));
}

MfThing *
mf_machine_class (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  uint32_t named = kwnames ? kwnames->list.n : 0;
  MfThing *cell = NULL, *class = NULL;
  if (n < 2 + named || arguments[0]->kind != MF_V_FUNCTION || machine->flow || machine->depth >= MF_MOST_DEPTH) {
    mf_drop_all (&machine->heap, arguments, n);
    MfShape shape = { .type = MF_PY_CLASS, .length = 6, .base = MF_PY_OBJECT, .flags = MF_SHAPE_HAS_DICT | MF_SHAPE_HAS_WEAKREF };
    return mf_thing_of_shape (&machine->heap, &shape);
  }
  MfMap *names = run_body (machine, arguments[0], &cell);
  const MfThing *metaclass = named == 1 && mf_text_is (kwnames->list.items[0], "metaclass") ? arguments[n - 1] : NULL;
  if (!machine->raised && !machine->stopped)
    class = class_of_body (machine, names, arguments + 2, n - 2 - named, arguments[1], metaclass);
  else
    mf_map_free (&machine->heap, names);
  if (cell && class && !cell->parts.a)
    cell->parts.a = mf_thing_ref (class);
  if (class && metaclass)
    init_by_metaclass (machine, class, arguments[1], metaclass);
  if (named && !(class && class->class->meta))
    mf_machine_doubt (machine, MF_DOUBT_CALL, 512, "a metaclass, or other arguments of a class");
  mf_thing_unref (&machine->heap, cell);
  mf_drop_all (&machine->heap, arguments, n);
  return class;
}

// ---- instances

// What a tuple or an exception was made with is kept by it.
static bool
keeps_arguments (const MfClassValue *class)
{
  return class->base == MF_PY_TUPLE || (class->base >= MF_PY_BASE_EXCEPTION && class->base <= MF_PY_VALUE_ERROR);
}

void
mf_instance_price (MfMachine *machine, MfThing *thing)
{
  MfInstanceValue *instance = thing->instance;
  const MfClassValue *class = instance->class->class;
  uint32_t slots = class->slots, own = instance->names->used;
  for (uint32_t i = 0; class->bases && i < class->bases->list.n; i++)
    if (class->bases->list.items[i]->kind == MF_V_CLASS)
      slots += class->bases->list.items[i]->class->slots;
  bool all_in_dict = mf_target_is_micropython (machine->heap.target); // __slots__ is a name as any other
  slots = all_in_dict ? 0 : slots;
  MfShape shape = { .type = MF_PY_INSTANCE,
    .base = class->base,
    .slots = slots,
    .length = class->has_dict || all_in_dict ? (own > slots ? own - slots : 0) : 0,
    .nth = instance->nth,
    .capacity = class->base == MF_PY_TUPLE ? thing->sub : 0,
    .flags = class->has_dict ? MF_SHAPE_HAS_DICT | MF_SHAPE_HAS_WEAKREF : 0 };
  uint64_t bytes = mf_heap_shape (&machine->heap, &shape);
  if (thing->sub && class->base != MF_PY_TUPLE) { // what an exception was made with
    MfShape args = { .type = MF_PY_TUPLE, .length = thing->sub };
    bytes += mf_heap_shape (&machine->heap, &args);
  }
  mf_thing_hold (&machine->heap, thing, bytes, false);
}

// In flow mode __init__ does not run: what it assigns to attributes of its first argument will be there.
static void
expect_attributes (MfMachine *machine, MfThing *thing, const MfPyCode *code)
{
  const MfBody *body = mf_machine_body (machine, code);
  uint32_t n = body ? body->n : 0;
  for (uint32_t i = 1; i < n; i++) {
    const MfOperation *load = &body->operations[i - 1], *store = &body->operations[i];
    bool of_self = load->what == MF_DO_LOAD_LOCAL && load->a == 0 && store->what == MF_DO_STORE_ATTR && store->a < code->names->n;
    if (of_self)
      mf_map_set (&machine->heap, thing->instance->names, NULL,
          mf_thing_ref (mf_machine_constant (machine, code->names->items[store->a])), mf_thing_unknown (&machine->heap, MF_V_NO_TYPE));
  }
  mf_instance_price (machine, thing);
}

MfThing *
mf_machine_instantiate (MfMachine *machine, MfThing *class, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  MfThing *thing = mf_thing_new (&machine->heap, MF_V_INSTANCE, MF_PY_INSTANCE);
  thing->instance = mf_heap_array (&machine->heap, sizeof *thing->instance);
  *thing->instance = (MfInstanceValue){ .class = mf_thing_ref (class),
    .names = mf_map_new (&machine->heap, false),
    .nth = ++class->class->instances };
  uint32_t kept = class->class->base == MF_PY_TUPLE ? n : n - (kwnames ? kwnames->list.n : 0);
  thing->sub = keeps_arguments (class->class) ? (uint8_t) (kept < UINT8_MAX ? kept : UINT8_MAX) : 0;
  mf_instance_price (machine, thing);
  MfThing name = { .kind = MF_V_TEXT, .type = MF_PY_STR, .refs = 1 };
  name.text.bytes = "__init__";
  name.text.n = name.text.length = 8;
  name.text.hash = mf_text_hash ("__init__", 8);
  bool foreign = false;
  MfEntry *init = mf_class_find (class, &name, &foreign);
  if (!init) {
    if (foreign)
      mf_machine_doubt (machine, MF_DOUBT_CALL, 256, "an instance of a class that is known in part");
    mf_drop_all (&machine->heap, arguments, n);
    return thing;
  }
  if (machine->flow && init->value->kind == MF_V_FUNCTION)
    expect_attributes (machine, thing, init->value->function->code);
  MfThing *result = mf_machine_call_method (machine, thing, &name, arguments, n, kwnames);
  mf_thing_unref (&machine->heap, result);
  if (result)
    return thing;
  mf_thing_unref (&machine->heap, thing);
  return NULL;
}

// ---- attributes

static MfThing *
bind (MfMachine *machine, MfThing *self, MfThing *function)
{
  MfShape shape = { .type = MF_PY_METHOD };
  MfThing *method = mf_thing_new (&machine->heap, MF_V_METHOD, MF_PY_METHOD);
  mf_thing_hold (&machine->heap, method, mf_heap_shape (&machine->heap, &shape), false);
  method->parts.a = mf_thing_ref (self);
  method->parts.b = mf_thing_ref (function);
  return method;
}

static MfThing *
read_descriptor (MfMachine *machine, MfThing *self, MfThing *class, MfThing *found)
{
  if (found->kind == MF_V_FUNCTION && self)
    return bind (machine, self, found);
  if (found->kind != MF_V_DESCRIPTOR)
    return mf_thing_ref (found);
  if (found->type == MF_PY_CLASSMETHOD)
    return bind (machine, class, found->parts.a);
  if (found->type == MF_PY_STATICMETHOD)
    return mf_thing_ref (found->parts.a);
  if (!self)
    return mf_thing_ref (found);
  MfThing *arguments[] = { mf_thing_ref (self) };
  return mf_machine_call (machine, found->parts.a, arguments, 1, NULL);
}

// x.setter of a property.
static MfThing *
property_part (MfMachine *machine, MfThing *property, MfThing *name)
{
  if (mf_text_is (name, "setter") || mf_text_is (name, "getter") || mf_text_is (name, "deleter"))
    return bind (machine, property, name);
  return mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
}

MfThing *
mf_machine_attribute (MfMachine *machine, MfThing *of, MfThing *name)
{
  bool foreign = false;
  MfEntry *entry = of->kind == MF_V_INSTANCE ? mf_map_find (of->instance->names, name) : NULL;
  if (entry)
    return machine->flow ? mf_thing_unknown (&machine->heap, MF_V_NO_TYPE) : mf_thing_ref (entry->value);
  MfThing *class = of->kind == MF_V_INSTANCE ? of->instance->class : of->kind == MF_V_CLASS ? of : NULL;
  entry = class ? mf_class_find (class, name, &foreign) : NULL;
  if (entry)
    return read_descriptor (machine, of->kind == MF_V_INSTANCE ? of : NULL, class, entry->value);
  if (of->kind == MF_V_DESCRIPTOR)
    return property_part (machine, of, name);
  if (of->kind == MF_V_MODULE) {
    MfThing *value = mf_module_attribute (machine, of, name);
    return value ? value : mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  }
  bool value = of->kind == MF_V_LIST || of->kind == MF_V_MAP || of->kind == MF_V_TEXT || of->kind == MF_V_BUFFER;
  return value ? bind (machine, of, name) : mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
}

static bool
set_property (MfMachine *machine, MfThing *of, MfThing *name, MfThing *value)
{
  bool foreign = false;
  MfEntry *entry = mf_class_find (of->instance->class, name, &foreign);
  if (!entry || entry->value->kind != MF_V_DESCRIPTOR || !entry->value->parts.b)
    return false;
  MfThing *arguments[] = { mf_thing_ref (of), value };
  mf_thing_unref (&machine->heap, mf_machine_call (machine, entry->value->parts.b, arguments, 2, NULL));
  return true;
}

void
mf_machine_set_attribute (MfMachine *machine, MfThing *of, MfThing *name, MfThing *value)
{
  MfShape dict = { .type = MF_PY_DICT, .length = 1 };
  bool keeps = !mf_target_is_micropython (machine->heap.target); // MicroPython's functions have no attributes of their own
  if (keeps && of->kind == MF_V_FUNCTION && !machine->flow && !(of->sub & 2)) {
    of->sub |= 2;
    mf_thing_hold (&machine->heap, of, of->bytes + mf_heap_shape (&machine->heap, &dict), false);
  }
  if (machine->flow || (of->kind != MF_V_INSTANCE && of->kind != MF_V_CLASS)) {
    value->flags |= value->flags & MF_V_IMMORTAL ? 0 : MF_V_ESCAPED;
    mf_thing_unref (&machine->heap, value);
    return;
  }
  if (of->kind == MF_V_CLASS) {
    mf_map_set (&machine->heap, of->class->names, NULL, mf_thing_ref (name), value);
    return;
  }
  if (set_property (machine, of, name, value))
    return;
  uint32_t n = of->instance->names->used;
  mf_map_set (&machine->heap, of->instance->names, NULL, mf_thing_ref (name), value);
  if (of->instance->names->used != n)
    mf_instance_price (machine, of);
}
