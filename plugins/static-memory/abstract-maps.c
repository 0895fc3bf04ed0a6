// SPDX-License-Identifier: Apache-2.0
// Dicts, sets and namespaces of abstract objects, and when two of those are equal.
#include "abstract-values.h"

#include <string.h>

enum { INDEXED_FROM = 9 };

MfMap *
mf_map_new (MfHeap *heap, bool priced)
{
  MfMap *map = mf_heap_array (heap, sizeof *map);
  memset (map, 0, sizeof *map);
  map->slots = priced ? 0 : UINT64_MAX;
  return map;
}

void
mf_map_free (MfHeap *heap, MfMap *map)
{
  if (!map)
    return;
  for (uint32_t i = 0; i < map->n; i++) {
    mf_thing_unref (heap, map->entries[i].key);
    mf_thing_unref (heap, map->entries[i].value);
  }
  mf_heap_array_free (heap, map->entries, map->room * sizeof *map->entries);
  if (map->index)
    mf_heap_array_free (heap, map->index, (map->mask + 1ull) * sizeof *map->index);
  mf_heap_array_free (heap, map, sizeof *map);
}

// ---- keys

static uint64_t
mix (uint64_t hash)
{
  hash *= 0x9e3779b97f4a7c15;
  return hash ^ hash >> 32;
}

// False: the key has no value that could be compared.
static bool
hash_of (const MfThing *key, uint64_t *hash, unsigned depth)
{
  *hash = 0;
  switch (key->kind) {
  case MF_V_TEXT:
    *hash = key->text.hash;
    return key->text.bytes != NULL;
  case MF_V_INT:
    *hash = mix (key->integer.low);
    return true;
  case MF_V_FLOAT:
    *hash = key->real == (double) (int64_t) key->real ? mix ((uint64_t) (int64_t) key->real) : 77;
    return key->real > -9e18 && key->real < 9e18;
  case MF_V_LIST:
    for (uint32_t i = 0; i < key->list.n; i++) {
      uint64_t item;
      if (depth > 8 || !hash_of (key->list.items[i], &item, depth + 1))
        return false;
      *hash = mix (*hash ^ item) + 1;
    }
    return true;
  case MF_V_UNKNOWN:
    return false;
  default:
    if (key->kind == MF_V_SINGLETON && key->type == MF_PY_BOOL)
      *hash = mix (key->sub == MF_IS_TRUE);
    else
      *hash = mix ((uint64_t) (uintptr_t) key);
    return true;
  }
}

static bool
numbers_equal (const MfThing *a, const MfThing *b)
{
  double x = a->kind == MF_V_FLOAT ? a->real : (double) mf_thing_integer (a);
  double y = b->kind == MF_V_FLOAT ? b->real : (double) mf_thing_integer (b);
  return a->kind != MF_V_FLOAT && b->kind != MF_V_FLOAT ? mf_thing_integer (a) == mf_thing_integer (b) : x == y;
}

static bool
is_number (const MfThing *thing)
{
  return thing->kind == MF_V_INT || thing->kind == MF_V_FLOAT
         || (thing->kind == MF_V_SINGLETON && thing->type == MF_PY_BOOL);
}

static bool
texts_equal (const MfThing *a, const MfThing *b, bool *known)
{
  if (a->type != b->type || a->text.length != b->text.length)
    return false;
  *known = a->text.bytes && b->text.bytes;
  return *known && a->text.n == b->text.n && !memcmp (a->text.bytes, b->text.bytes, a->text.n);
}

static bool equal (const MfThing *a, const MfThing *b, bool *known, unsigned depth);

static bool
lists_equal (const MfThing *a, const MfThing *b, bool *known, unsigned depth)
{
  if (a->type != b->type || a->list.n != b->list.n)
    return false;
  for (uint32_t i = 0; i < a->list.n; i++)
    if (!equal (a->list.items[i], b->list.items[i], known, depth + 1) || !*known)
      return false;
  return true;
}

static bool
equal (const MfThing *a, const MfThing *b, bool *known, unsigned depth)
{
  *known = true;
  if (a == b && a->kind != MF_V_UNKNOWN)
    return true;
  if (is_number (a) && is_number (b))
    return numbers_equal (a, b);
  if (a->kind == MF_V_UNKNOWN || b->kind == MF_V_UNKNOWN || a->kind == MF_V_INSTANCE || b->kind == MF_V_INSTANCE
      || depth > 8 || (a->flags | b->flags) & MF_V_VAGUE) {
    *known = false;
    return false;
  }
  if (a->kind != b->kind)
    return false;
  if (a->kind == MF_V_TEXT)
    return texts_equal (a, b, known);
  if (a->kind == MF_V_LIST)
    return lists_equal (a, b, known, depth);
  *known = a->kind == MF_V_SINGLETON || a->kind == MF_V_CLASS || a->kind == MF_V_FUNCTION || a->kind == MF_V_BUILTIN;
  return false;
}

bool
mf_thing_equal (const MfThing *a, const MfThing *b, bool *known)
{
  return equal (a, b, known, 0);
}

// ---- finding

static MfEntry *
find_in_index (const MfMap *map, const MfThing *key, uint64_t hash)
{
  bool known;
  for (uint32_t i = (uint32_t) hash & map->mask; map->index[i]; i = (i + 1) & map->mask) {
    MfEntry *entry = &map->entries[map->index[i] - 1];
    if (entry->key && entry->hash == hash && mf_thing_equal (entry->key, key, &known))
      return entry;
  }
  return NULL;
}

MfEntry *
mf_map_find (const MfMap *map, const MfThing *key)
{
  uint64_t hash;
  bool known;
  if (!hash_of (key, &hash, 0))
    return NULL;
  if (map->index)
    return find_in_index (map, key, hash);
  for (uint32_t i = 0; i < map->n; i++) {
    MfEntry *entry = &map->entries[i];
    if (entry->key && entry->hash == hash && mf_thing_equal (entry->key, key, &known))
      return entry;
  }
  return NULL;
}

MfEntry *
mf_map_find_text (const MfMap *map, const char *text, size_t n)
{
  MfThing key = { .kind = MF_V_TEXT, .type = MF_PY_STR, .refs = 1 };
  MfTextKind kind = MF_TEXT_ASCII;
  key.text.bytes = text;
  key.text.n = (uint32_t) n;
  key.text.hash = mf_text_hash (text, n);
  for (size_t i = 0; i < n; i++)
    key.text.length += ((uint8_t) text[i] & 0xc0) != 0x80;
  key.sub = (uint8_t) kind;
  return mf_map_find (map, &key);
}

// ---- growing

static void
index_entry (MfMap *map, uint32_t number)
{
  uint32_t i = (uint32_t) map->entries[number].hash & map->mask;
  while (map->index[i])
    i = (i + 1) & map->mask;
  map->index[i] = number + 1;
}

static void
make_index (MfHeap *heap, MfMap *map)
{
  if (map->index)
    mf_heap_array_free (heap, map->index, (map->mask + 1ull) * sizeof *map->index);
  map->mask = map->room * 2 - 1;
  map->index = mf_heap_array (heap, (map->mask + 1ull) * sizeof *map->index);
  memset (map->index, 0, (map->mask + 1ull) * sizeof *map->index);
  for (uint32_t i = 0; i < map->n; i++)
    index_entry (map, i);
}

static void
make_room (MfHeap *heap, MfMap *map)
{
  uint32_t room = map->room ? map->room * 2 : 4;
  MfEntry *entries = mf_heap_array (heap, room * sizeof *entries);
  if (map->n)
    memcpy (entries, map->entries, map->n * sizeof *entries);
  mf_heap_array_free (heap, map->entries, map->room * sizeof *entries);
  map->entries = entries;
  map->room = room;
  if (room >= INDEXED_FROM)
    make_index (heap, map);
}

static void
price_dict (MfHeap *heap, MfMap *map, MfThing *owner)
{
  MfShape shape = { .type = owner->type,
    .made = MF_MADE_CAPACITY,
    .length = mf_map_length (map),
    .capacity = map->slots,
    .keys = map->any_keys ? MF_KEYS_ANY : MF_KEYS_TEXT };
  mf_thing_hold (heap, owner, mf_heap_shape (heap, &shape), true);
}

static void
price_set (MfHeap *heap, MfMap *map, MfThing *owner, uint64_t length)
{
  MfShape shape = { .type = owner->type, .made = MF_MADE_CAPACITY, .length = length, .capacity = map->slots };
  mf_thing_hold (heap, owner, mf_heap_shape (heap, &shape), true);
}

// One more entry in the table on the target.
static void
grow_table (MfHeap *heap, MfMap *map, MfThing *owner, bool text)
{
  uint64_t slots = map->slots;
  bool any = map->any_keys;
  if (slots == UINT64_MAX || !owner)
    return;
  if (mf_target_is_micropython (heap->target)) {
    if (map->filled == slots)
      map->slots = mf_micropython_cells (slots + 1);
    map->filled++;
    if (map->slots != slots)
      price_dict (heap, map, owner);
    return;
  }
  if (owner->type == MF_PY_SET || owner->type == MF_PY_FROZENSET) {
    uint64_t length = mf_map_length (map) + 1, wanted = mf_set_added (length);
    map->slots = wanted > slots ? wanted : slots;
    if (map->slots != slots || length == 1) // the empty frozenset is there already, up to 3.9
      price_set (heap, map, owner, length);
    return;
  }
  if (slots == 0)
    map->slots = mf_dict_slots (1);
  else if (map->filled >= mf_dict_entries (slots)) {
    map->slots = mf_dict_resized (mf_map_length (map));
    map->filled = mf_map_length (map);
  }
  map->any_keys |= !text;
  map->filled++;
  if (map->slots != slots || map->any_keys != any)
    price_dict (heap, map, owner);
}

void
mf_map_set (MfHeap *heap, MfMap *map, MfThing *owner, MfThing *key, MfThing *value)
{
  uint64_t hash;
  if (!hash_of (key, &hash, 0)) {
    mf_map_vague (heap, map, owner);
    mf_thing_unref (heap, key);
    mf_thing_unref (heap, value);
    return;
  }
  MfEntry *entry = mf_map_find (map, key);
  if (entry) {
    MfThing *old = entry->value;
    entry->value = value;
    mf_thing_unref (heap, key);
    mf_thing_unref (heap, old);
    return;
  }
  grow_table (heap, map, owner, key->type == MF_PY_STR);
  if (map->n == map->room)
    make_room (heap, map);
  map->entries[map->n++] = (MfEntry){ key, value, hash };
  map->used++;
  if (map->index)
    index_entry (map, map->n - 1);
}

void
mf_map_vague (MfHeap *heap, MfMap *map, MfThing *owner)
{
  if (owner)
    owner->flags |= MF_V_VAGUE;
  grow_table (heap, map, owner, true);
  map->vague++;
}

bool
mf_map_remove (MfHeap *heap, MfMap *map, const MfThing *key)
{
  MfEntry *entry = mf_map_find (map, key);
  if (!entry)
    return false;
  MfThing *old_key = entry->key, *old_value = entry->value;
  entry->key = entry->value = NULL;
  map->used--;
  mf_thing_unref (heap, old_key);
  mf_thing_unref (heap, old_value);
  return true;
}
