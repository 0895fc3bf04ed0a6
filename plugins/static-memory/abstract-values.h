// SPDX-License-Identifier: Apache-2.0
// Abstract objects: what is known of the objects that a program makes, counted by reference as CPython does, and
// priced for a target. One heap holds the objects of one module while it is analysed.
#pragma once

#include "bytecode/operations.h"
#include "model/code-cost/price.h"

typedef enum {
  MF_V_UNKNOWN, // at most its type
  MF_V_NULL,    // the empty slot of a call, an unbound variable
  MF_V_SINGLETON,
  MF_V_INT,
  MF_V_FLOAT,
  MF_V_TEXT, // str and bytes
  MF_V_LIST, // list and tuple
  MF_V_MAP,  // dict, set, frozenset
  MF_V_BUFFER,
  MF_V_RANGE,
  MF_V_SLICE,
  MF_V_ITERATOR,
  MF_V_GENERATOR,
  MF_V_CODE,
  MF_V_FUNCTION,
  MF_V_CLASS,
  MF_V_INSTANCE,
  MF_V_METHOD,
  MF_V_DESCRIPTOR,
  MF_V_BUILTIN,
  MF_V_MODULE,
  MF_V_CELL,
  MF_V_SUPER,
  MF_V_N
} MfValueKind;

enum {
  MF_V_IMMORTAL = 1, // exists already: costs nothing, is never freed
  MF_V_VAGUE = 2,    // its contents are known in part only
  MF_V_ESCAPED = 4,  // something that outlives the function refers to it
  MF_V_TRUE = 8      // of singletons
};

typedef enum { MF_IS_NONE, MF_IS_FALSE, MF_IS_TRUE, MF_IS_OTHER } MfSingleton;

enum { MF_V_NO_TYPE = MF_PY_N_TYPES }; // of a value that nothing is known of

typedef struct MfThing MfThing;
typedef struct MfHeap MfHeap;
typedef struct MfActivation MfActivation;

typedef struct {
  MfThing *key, *value; // key NULL: taken out
  uint64_t hash;
} MfEntry;

// A dict, a set, or the names of a namespace: in order of insertion.
typedef struct {
  MfEntry *entries;
  uint32_t *index; // open addressing; NULL while there are few
  uint32_t n, used, room, mask;
  uint64_t slots; // of the table on the target; UINT64_MAX: not priced
  uint64_t filled; // entries of it, deleted ones included
  uint64_t vague; // entries more, of which no key is known
  bool any_keys;
} MfMap;

typedef struct {
  const MfPyCode *code;
  MfThing *code_thing; // lives as long as a function of it does
  MfMap *globals;
  MfThing *parts[5]; // defaults, keyword defaults, annotations, closure, annotate
  MfThing *wrapped;
} MfFunctionValue;

typedef struct {
  MfMap *names;
  MfThing *bases; // tuple
  const char *name;
  uint32_t name_n;
  uint32_t instances, subclasses, slots, mro;
  MfPyType base; // the built-in type below
  uint8_t meta;           // MfMeta
  bool has_dict, foreign; // a base is not known
} MfClassValue;

typedef struct {
  MfThing *class;
  MfMap *names;
  uint32_t nth;
} MfInstanceValue;

struct MfThing {
  uint32_t refs;
  uint8_t kind, type;
  uint8_t flags, sub;
  uint64_t bytes; // that it holds now
  union {
    struct {
      uint64_t low;
      int64_t high;
    } integer;
    double real;
    struct {
      const char *bytes; // NULL: only its length is known
      uint32_t n, length;
      uint64_t hash;
    } text;
    struct {
      MfThing **items;
      uint32_t n, room;
      uint64_t slots;
    } list;
    MfMap *map;
    struct {
      uint64_t length, slots;
    } buffer;
    struct {
      int64_t from, to, step;
    } range;
    struct {
      MfThing *a, *b, *c;
      int64_t at;
    } parts; // slices, iterators, methods, descriptors, cells, super
    const MfPyCode *code;
    MfFunctionValue *function;
    MfClassValue *class;
    MfInstanceValue *instance;
    MfActivation *activation;
    struct {
      const char *name;
      uint32_t n;
      int32_t id;
    } builtin; // also modules: their dotted name
    MfThing *next;
  };
};

// What was asked for, in bytes of the chosen measure.
typedef struct {
  uint64_t allocated, live, peak;
} MfHeapCount;

struct MfHeap {
  const MfTarget *target;
  bool requested; // count what is asked for, not what the allocator takes
  bool unpriced;  // what is made now is paid for elsewhere
  bool exhausted; // of the memory for the analysis itself
  bool escaping; // while something that escapes is taken apart
  bool flow;         // things that escape are kept for good
  MfHeapCount count;
  uint64_t escaped; // bytes of these
  MfThing *free_things;
  uint8_t *next, *end;
  void *chunks;
  size_t held, limit;
  MfThing **doomed;
  uint32_t n_doomed, room_doomed, depth;
  void *bins[24]; // freed arrays by the power of two of their bytes
  MfThing none, no, yes, ellipsis, unknown, null;
  MfThing *small[1030];
};

bool mf_heap_init (MfHeap *heap, const MfTarget *target, bool requested, size_t limit);
void mf_heap_end (MfHeap *heap);
// Not cleared, from bins of freed arrays; never NULL: when the limit is reached the process's last reserve is used
// and `exhausted` is set, upon which the caller stops soon.
void *mf_heap_array (MfHeap *heap, size_t bytes);
void mf_heap_array_free (MfHeap *heap, void *array, size_t bytes);

// ---- bytes on the target

uint64_t mf_heap_price (const MfHeap *heap, uint64_t block);
uint64_t mf_heap_shape (MfHeap *heap, const MfShape *shape); // 0 when it is not known
void mf_heap_take (MfHeap *heap, uint64_t bytes);
void mf_heap_give (MfHeap *heap, uint64_t bytes);
// From now on the thing holds `bytes`; the old block was there while the new one was filled if `copied`.
void mf_thing_hold (MfHeap *heap, MfThing *thing, uint64_t bytes, bool copied);

// ---- things: all makers return a new reference

MfThing *mf_thing_new (MfHeap *heap, MfValueKind kind, unsigned type);
static inline MfThing *
mf_thing_ref (MfThing *thing)
{
  thing->refs++;
  return thing;
}
void mf_thing_free (MfHeap *heap, MfThing *thing);
static inline void
mf_thing_unref (MfHeap *heap, MfThing *thing)
{
  if (thing && --thing->refs == 0)
    mf_thing_free (heap, thing);
}

MfThing *mf_thing_unknown (MfHeap *heap, unsigned type); // exists already, or nobody knows
// A new object of a type that is priced by its shape alone.
MfThing *mf_thing_of_shape (MfHeap *heap, const MfShape *shape);
MfThing *mf_thing_int (MfHeap *heap, __int128 value);
MfThing *mf_thing_big (MfHeap *heap, uint64_t bits); // an int of so many bits
MfThing *mf_thing_float (MfHeap *heap, double value);
MfThing *mf_thing_bool (MfHeap *heap, bool value);
MfThing *mf_thing_none (MfHeap *heap);
// Copies the bytes; NULL: only the length is known. Of a str in UTF-8, `type` MF_PY_STR or MF_PY_BYTES.
MfThing *mf_thing_text (MfHeap *heap, unsigned type, const char *bytes, uint64_t n);
MfThing *mf_thing_text_length (MfHeap *heap, unsigned type, uint64_t length, MfTextKind kind);
// `items` references are taken over.
MfThing *mf_thing_tuple (MfHeap *heap, MfThing *const *items, uint32_t n);
MfThing *mf_thing_list (MfHeap *heap, MfThing *const *items, uint32_t n, uint64_t slots);
MfThing *mf_thing_map (MfHeap *heap, unsigned type, uint64_t presized);
MfThing *mf_thing_constant (MfHeap *heap, const MfPyValue *value);
// Of a constant: whether something that is alive refers to it.
enum { MF_IMMORTAL_REFS = 1 << 30 };
static inline bool
mf_thing_is_used (const MfThing *constant)
{
  return constant->refs > MF_IMMORTAL_REFS;
}

bool mf_thing_is_int (const MfThing *thing, int64_t *value); // known, in 64 bits; bools too
__int128 mf_thing_integer (const MfThing *thing);
// What len () would say. False: not known.
bool mf_thing_length (const MfThing *thing, uint64_t *length);
// 1 true, 0 false, -1 not known.
int mf_thing_truth (const MfThing *thing);
bool mf_thing_equal (const MfThing *a, const MfThing *b, bool *known);
bool mf_text_is (const MfThing *thing, const char *text);

// The same into a slot that is there already.
void mf_list_put (MfHeap *heap, MfThing *list, MfThing *item);
void mf_list_append (MfHeap *heap, MfThing *list, MfThing *item); // takes the reference over

// ---- maps

MfMap *mf_map_new (MfHeap *heap, bool priced);
void mf_map_free (MfHeap *heap, MfMap *map);
MfEntry *mf_map_find (const MfMap *map, const MfThing *key);
MfEntry *mf_map_find_text (const MfMap *map, const char *text, size_t n);
// Takes both references over. `owner` holds the table, or is NULL when it is not priced.
void mf_map_set (MfHeap *heap, MfMap *map, MfThing *owner, MfThing *key, MfThing *value);
bool mf_map_remove (MfHeap *heap, MfMap *map, const MfThing *key);
static inline uint64_t
mf_map_length (const MfMap *map)
{
  return map->used + map->vague;
}
// A key that nothing is known of, or may be there already.
void mf_map_vague (MfHeap *heap, MfMap *map, MfThing *owner);

uint64_t mf_text_hash (const char *text, size_t n);
