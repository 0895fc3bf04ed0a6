// SPDX-License-Identifier: Apache-2.0
// What calls into Python's own library make, priced by measurements where the library builds classes itself.
#include "library.h"

#include <string.h>

// What stays of the first use for good; returns how much more it may be. In flow mode somebody has called it before.
static uint64_t
use_first (MfMachine *machine, MfMaking making, uint32_t n)
{
  MfEstimate first;
  if (machine->flow || machine->library_used & 1u << making)
    return 0;
  machine->library_used |= 1u << making;
  if (!mf_library_first (machine->heap.target, making, n, &first))
    return 0;
  mf_heap_take (&machine->heap, first.likely);
  machine->vague_low += first.likely;
  return first.high - first.likely;
}

uint64_t
mf_library_bytes (MfMachine *machine, MfMaking making, uint32_t n)
{
  MfEstimate estimate;
  if (machine->heap.unpriced || !mf_library_cost (machine->heap.target, making, n, &estimate))
    return 0;
  // rounding adds about a tenth to objects of this size
  uint64_t rounding = machine->heap.requested ? 0 : estimate.likely / 10;
  machine->vague_low += estimate.likely - estimate.low;
  mf_machine_doubt (machine, MF_DOUBT_CALL, estimate.high - estimate.likely + rounding + use_first (machine, making, n),
      "what Python's library makes");
  return estimate.likely + rounding;
}

MfThing *
mf_library_thing (MfMachine *machine, unsigned type, uint64_t bytes, MfThing *of)
{
  MfThing *thing = mf_thing_new (&machine->heap, MF_V_METHOD, type);
  thing->parts.a = of;
  thing->parts.b = mf_thing_ref (&machine->heap.unknown);
  mf_thing_hold (&machine->heap, thing, bytes, false);
  return thing;
}

static uint32_t
plain (uint32_t n, const MfThing *kwnames)
{
  return kwnames && kwnames->list.n <= n ? n - kwnames->list.n : n;
}

static MfThing *
finish (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *result)
{
  mf_drop_all (&machine->heap, arguments, n);
  return result;
}

// ---- classes

// "a b c", "a, b, c" or a sequence of names.
static uint32_t
count_fields (const MfThing *fields)
{
  uint64_t length;
  uint32_t n = 0;
  if (fields->kind == MF_V_TEXT && fields->text.bytes) {
    for (uint32_t i = 0; i < fields->text.n; i++) {
      bool separates = strchr (" ,\n\t", fields->text.bytes[i]) != NULL;
      bool before = i == 0 || strchr (" ,\n\t", fields->text.bytes[i - 1]) != NULL;
      n += !separates && before;
    }
    return n;
  }
  return mf_thing_length (fields, &length) && length < 1000 ? (uint32_t) length : 4;
}

static MfThing *
make_namedtuple (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  uint32_t fields = n > 1 ? count_fields (arguments[1]) : 4;
  MfThing *class = mf_thing_new (&machine->heap, MF_V_CLASS, MF_PY_CLASS);
  class->class = mf_heap_array (&machine->heap, sizeof *class->class);
  *class->class = (MfClassValue){ .names = mf_map_new (&machine->heap, false), .base = MF_PY_TUPLE, .mro = 3 };
  mf_thing_hold (&machine->heap, class, mf_library_bytes (machine, MF_MAKES_NAMEDTUPLE, fields), false);
  return finish (machine, arguments, n, class);
}

static uint32_t
count_annotations (const MfThing *class)
{
  uint64_t length;
  MfEntry *entry = mf_map_find_text (class->class->names, "__annotations__", 15);
  return entry && mf_thing_length (entry->value, &length) && length < 1000 ? (uint32_t) length : 4;
}

// As a decorator with arguments it makes itself; with a class it adds methods to that.
static MfThing *
make_dataclass (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  if (plain (n, kwnames) == 0)
    return finish (machine, arguments, n, mf_builtin_find (machine, "dataclasses.dataclass", 21));
  MfThing *class = mf_thing_ref (arguments[0]);
  if (class->kind == MF_V_CLASS) {
    uint64_t added = mf_library_bytes (machine, MF_MAKES_DATACLASS, count_annotations (class));
    mf_thing_hold (&machine->heap, class, class->bytes + added, false);
  }
  return finish (machine, arguments, n, class);
}

// ---- functions around functions

static MfThing *
wrap (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames, MfMaking making, const char *name)
{
  if (plain (n, kwnames) == 0 || arguments[0]->kind != MF_V_FUNCTION)
    return finish (machine, arguments, n, mf_builtin_find (machine, name, strlen (name)));
  MfThing *wrapper = mf_library_thing (machine, MF_PY_LRU_CACHE, mf_library_bytes (machine, making, 1), mf_thing_ref (arguments[0]));
  return finish (machine, arguments, n, wrapper);
}

static MfThing *
make_lru_cache (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  return wrap (machine, arguments, n, kwnames, MF_MAKES_LRU_CACHE, "functools.lru_cache");
}

static MfThing *
make_contextmanager (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  return wrap (machine, arguments, n, kwnames, MF_MAKES_CONTEXTMANAGER, "contextlib.contextmanager");
}

// @wraps (f): the function stays what it is, with a __dict__.
static MfThing *
make_wraps (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  if (n == 1 && arguments[0]->kind == MF_V_FUNCTION) {
    MfThing *function = mf_thing_ref (arguments[0]);
    mf_thing_hold (&machine->heap, function, function->bytes + mf_library_bytes (machine, MF_MAKES_WRAPS, 1), false);
    return finish (machine, arguments, n, function);
  }
  return finish (machine, arguments, n, mf_builtin_find (machine, "functools.wraps", 15));
}

// Marks the function by an attribute: it gets a __dict__.
static MfThing *
make_abstract (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  if (!n)
    return mf_thing_unknown (&machine->heap, MF_V_NO_TYPE);
  MfThing *function = mf_thing_ref (arguments[0]);
  MfShape dict = { .type = MF_PY_DICT, .length = 1 };
  if (function->kind == MF_V_FUNCTION && !(function->sub & 1)) {
    function->sub |= 1;
    mf_thing_hold (&machine->heap, function, function->bytes + mf_heap_shape (&machine->heap, &dict), false);
  }
  return finish (machine, arguments, n, function);
}

static MfThing *
make_pattern (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  enum { USUAL = 30 };
  const MfThing *pattern = n ? arguments[0] : &machine->heap.unknown;
  uint32_t length = pattern->kind == MF_V_TEXT ? pattern->text.length : USUAL;
  MfThing *made = mf_library_thing (machine, MF_PY_PATTERN, mf_library_bytes (machine, MF_MAKES_PATTERN, length), NULL);
  return finish (machine, arguments, n, made);
}

// ---- objects of one shape

static MfThing *
of_type (MfMachine *machine, MfThing **arguments, uint32_t n, MfPyType type)
{
  MfShape shape = { .type = type, .length = type == MF_PY_STRUCT ? 2 : 0, .capacity = type == MF_PY_STRUCT ? 4 : 0 };
  return finish (machine, arguments, n, mf_thing_of_shape (&machine->heap, &shape));
}

#define OF_TYPE(name, type)                                                                        \
  static MfThing *make_##name (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames) \
  {                                                                                                \
    (void) kwnames;                                                                                \
    return of_type (machine, arguments, n, type);                                                  \
  }
OF_TYPE (ordered_dict, MF_PY_ORDERED_DICT)
OF_TYPE (default_dict, MF_PY_DEFAULT_DICT)
OF_TYPE (deque, MF_PY_DEQUE)
OF_TYPE (lock, MF_PY_LOCK)
OF_TYPE (rlock, MF_PY_RLOCK)
OF_TYPE (struct, MF_PY_STRUCT)
OF_TYPE (partial, MF_PY_PARTIAL)
OF_TYPE (count, MF_PY_COUNT)
OF_TYPE (itemgetter, MF_PY_ITEMGETTER)
OF_TYPE (attrgetter, MF_PY_ATTRGETTER)

// Of the first argument nothing but itself comes back: register, final, overload.
static MfThing *
give_back (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  MfThing *first = n ? mf_thing_ref (arguments[n - 1]) : mf_thing_none (&machine->heap);
  return finish (machine, arguments, n, first);
}

static MfThing *
no_result (MfMachine *machine, MfThing **arguments, uint32_t n, MfThing *kwnames)
{
  (void) kwnames;
  return finish (machine, arguments, n, mf_thing_none (&machine->heap));
}

const MfLibraryRow mf_library_rows[] = {
  { "abc.abstractmethod", make_abstract }, { "abc.ABC", NULL }, { "abc.ABCMeta", NULL },
  { "atexit.register", give_back }, { "collections.OrderedDict", make_ordered_dict },
  { "collections.defaultdict", make_default_dict }, { "collections.deque", make_deque },
  { "collections.namedtuple", make_namedtuple }, { "contextlib.contextmanager", make_contextmanager },
  { "dataclasses.dataclass", make_dataclass }, { "enum.Enum", NULL }, { "enum.Flag", NULL }, { "enum.IntEnum", NULL },
  { "enum.IntFlag", NULL }, { "functools.lru_cache", make_lru_cache }, { "functools.cache", make_lru_cache },
  { "functools.partial", make_partial }, { "functools.wraps", make_wraps }, { "itertools.count", make_count },
  { "_thread.allocate_lock", make_lock }, { "threading.Lock", make_lock }, { "threading.RLock", make_rlock },
  { "operator.itemgetter", make_itemgetter }, { "operator.attrgetter", make_attrgetter }, { "re.compile", make_pattern },
  { "struct.Struct", make_struct }, { "sys.intern", give_back }, { "typing.final", give_back }, { "typing.overload", give_back },
  { "warnings.warn", no_result }, { "warnings._deprecated", no_result },
};
const uint32_t mf_library_n_rows = sizeof mf_library_rows / sizeof *mf_library_rows;

// ---- metaclasses

static bool
is_named (const MfThing *thing, const char *name)
{
  return thing->kind == MF_V_BUILTIN && thing->builtin.n == strlen (name) && !memcmp (thing->builtin.name, name, thing->builtin.n);
}

MfMeta
mf_library_meta (MfThing *const *bases, uint32_t n, const MfThing *metaclass)
{
  static const struct {
    const char *name;
    MfMeta meta;
  } rows[] = { { "enum.Enum", MF_META_ENUM }, { "enum.Flag", MF_META_ENUM }, { "enum.IntEnum", MF_META_INT_ENUM },
    { "enum.IntFlag", MF_META_INT_ENUM }, { "abc.ABC", MF_META_ABC }, { "abc.ABCMeta", MF_META_ABC } };
  MfMeta meta = MF_META_NONE;
  for (uint32_t i = 0; i < n; i++) {
    if (bases[i]->kind == MF_V_CLASS && bases[i]->class->meta > (uint8_t) meta)
      meta = (MfMeta) bases[i]->class->meta;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
      if (is_named (bases[i], rows[k].name))
        meta = rows[k].meta;
  }
  return metaclass && is_named (metaclass, "abc.ABCMeta") ? MF_META_ABC : meta;
}
