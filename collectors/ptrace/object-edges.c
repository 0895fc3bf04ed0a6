// SPDX-License-Identifier: Apache-2.0
#include "object-edges.h"

#include <string.h>

#include "remote-number.h"

// tp_flags (Include/object.h)
enum {
  MANAGED_DICT = 1 << 4, INLINE_VALUES = 1 << 2, LIST = 1 << 25, TUPLE = 1 << 26, LONG = 1 << 24, BYTES = 1 << 27, TEXT = 1 << 28,
  DICT = 1 << 29
};
enum { MOST_ITEMS = 1 << 26, CHUNK = 512, MOST_OBJECT = 1 << 16, DEEPEST_PLAIN = 2 };

typedef struct {
  MfGraphMemory *memory;
  uint32_t word;
  uint16_t version;
  uint64_t object;
  const MfRemoteType *type;
  MfEdgeFound found;
  void *user;
} Looker;

static Looker
looker (MfGraphMemory *memory, uint64_t object, const MfRemoteType *type, MfEdgeFound found, void *user)
{
  const MfPythonOffsets *offsets = mf_graph_offsets (memory);
  return (Looker) { memory, (uint32_t) offsets->pointer, offsets->version, object, type, found, user };
}

static uint64_t
member (const Looker *l, uint64_t of, uint32_t words)
{
  return mf_graph_pointer (l->memory, of + (uint64_t) words * l->word);
}

// ---- one pointer

static void look_at_plain (const Looker *l, uint64_t block, uint32_t size, int depth);

// An object at its beginning; memory without an object belongs to whoever points into it. 3.12 marks such pointers by a 1.
static void
look_at_pointer (const Looker *l, uint64_t to, uint64_t where, MfEdgeKind kind, uint32_t at, int depth)
{
  if (to < 4096)
    return;
  MfPlace place = mf_graph_place (l->memory, to);
  if (place.kind == MF_PLACE_OBJECT && place.object == to)
    l->found (l->user, &(MfEdge) { to, where, kind, at, place.type });
  else if (place.kind == MF_PLACE_PLAIN && (kind == MF_EDGE_WORD || kind == MF_EDGE_PLAIN) && depth < DEEPEST_PLAIN)
    look_at_plain (l, place.block, place.size, depth + 1);
}

static void
look_at_words (const Looker *l, uint64_t from, uint64_t to, uint64_t base, MfEdgeKind kind, uint64_t mask, int depth)
{
  uint8_t bytes[CHUNK];
  for (uint64_t at = from; at < to; at += CHUNK) {
    size_t n = MIN (to - at, CHUNK);
    if (!mf_graph_read (l->memory, at, bytes, n))
      return;
    for (size_t i = 0; i + l->word <= n; i += l->word)
      look_at_pointer (l, mf_number_in (bytes, i, l->word) & mask, at + i, kind, (uint32_t) (at + i - base), depth);
  }
}

// What is there of an object without a reference is a rest: of a frame that its code keeps, of what waits to be used again.
static bool
is_rest (const Looker *l, uint64_t block)
{
  return !member (l, block, 0) && mf_graph_type (l->memory, mf_graph_pointer (l->memory, block + (uint64_t) mf_graph_offsets (l->memory)->type));
}

static void
look_at_plain (const Looker *l, uint64_t block, uint32_t size, int depth)
{
  if (is_rest (l, block) || is_rest (l, block + 2 * l->word))
    return;
  look_at_words (l, block, block + size, block, MF_EDGE_PLAIN, ~UINT64_C (0), depth);
}

static void
look_at_items (const Looker *l, uint64_t items, uint64_t n)
{
  uint8_t bytes[CHUNK];
  for (uint64_t i = 0; i < MIN (n, MOST_ITEMS); i += CHUNK / l->word) {
    size_t here = MIN (n - i, CHUNK / l->word);
    if (!mf_graph_read (l->memory, items + i * l->word, bytes, here * l->word))
      return;
    for (size_t k = 0; k < here; k++)
      look_at_pointer (l, mf_number_in (bytes, k * l->word, l->word), items + (i + k) * l->word, MF_EDGE_ITEM, (uint32_t) (i + k), 0);
  }
}

// ---- dicts

typedef struct {
  uint64_t entries, n;        // address of the first, and how many were ever used
  uint32_t size, key, value;  // of an entry, and where in it
} Keys;

static bool
can_be_read (const Looker *l, uint64_t at, uint32_t n)
{
  uint8_t bytes[64];
  return n <= sizeof bytes && mf_graph_read (l->memory, at, bytes, n);
}

// Up to 3.10 five words and the indices, the width of which follows from the slots; then a head of bytes that says it.
static bool
read_keys (const Looker *l, uint64_t at, Keys *keys)
{
  uint8_t head[40];
  uint32_t w = l->word;
  if (!at || !mf_graph_read (l->memory, at, head, 5 * w))
    return false;
  if (l->version < 0x030b) {
    uint64_t slots = mf_number_in (head, w, w);
    uint32_t width = slots <= 0x80 ? 1 : slots <= 0x8000 ? 2 : slots <= 0x80000000 ? 4 : 8;
    if (!slots || slots & (slots - 1) || slots > MOST_ITEMS)
      return false;
    *keys = (Keys) { at + 5 * w + slots * width, mf_number_in (head, 4 * w, w), 3 * w, w, 2 * w };
  } else {
    uint32_t slots = head[w], indices = head[w + 1], general = head[w + 2] == 0;
    if (slots > 26 || indices > slots + 3 || head[w + 2] > 2)
      return false;
    uint32_t after = (w + 8 + w - 1) / w * w;  // refcount, three bytes, version of 4 bytes
    *keys = (Keys) { at + after + 2 * w + (UINT64_C (1) << indices), 0, general ? 3 * w : 2 * w, general ? w : 0, general ? 2 * w : w };
    keys->n = mf_graph_pointer (l->memory, at + after + w);
  }
  return keys->n <= MOST_ITEMS && (!keys->n || can_be_read (l, keys->entries + (keys->n - 1) * keys->size, keys->size));
}

// ht_cached_keys of a type: among its members behind those of every type, the keys that are of the split kind. They are the names of
// the values that stand in its instances, or in front of them.
static const Keys *
inline_keys (const Looker *l)
{
  enum { SPLIT = 2, FROM = 400, TO = 1100 };
  uint32_t w = l->word;
  Keys *keys = g_hash_table_lookup (mf_graph_of_types (l->memory), l->type);
  if (keys)
    return keys;
  keys = g_new0 (Keys, 1);
  g_hash_table_insert (mf_graph_of_types (l->memory), (gpointer) l->type, keys);
  for (uint32_t at = FROM * w / 8; l->version >= 0x030b && at < TO * w / 8; at += w) {
    uint64_t keys_at = mf_graph_pointer (l->memory, l->type->address + at);
    uint8_t kind = 0;
    if (keys_at >= 4096 && keys_at % w == 0 && mf_graph_read (l->memory, keys_at + w + 2, &kind, 1) && kind == SPLIT
        && read_keys (l, keys_at, keys) && keys->n) {
      g_autofree char *first = mf_graph_text (l->memory, mf_graph_pointer (l->memory, keys->entries), 8);
      if (first && *first)
        return keys;
    }
    *keys = (Keys) { 0 };
  }
  return keys;
}

typedef struct {
  uint64_t used, keys, values;
} Dict;

// A version of 8 bytes stands between the number of entries and the keys.
static Dict
read_dict (const Looker *l, uint64_t dict)
{
  uint32_t w = l->word, version = 3 * w;
  if (w == 4 && mf_graph_offsets (l->memory)->machine == 40)  // EM_ARM aligns 8 bytes at 8
    version = 16;
  uint64_t keys = dict + version + 8;
  return (Dict) { member (l, dict, 2), mf_graph_pointer (l->memory, keys), mf_graph_pointer (l->memory, keys + w) };
}

static void
look_at_dict (const Looker *l)
{
  Dict dict = read_dict (l, l->object);
  Keys keys;
  if (!read_keys (l, dict.keys, &keys))
    return;
  for (uint64_t i = 0; i < keys.n; i++) {
    uint64_t entry = keys.entries + i * keys.size, value = dict.values ? dict.values + i * l->word : entry + keys.value;
    uint64_t to = mf_graph_pointer (l->memory, value);
    if (!to)
      continue;
    look_at_pointer (l, mf_graph_pointer (l->memory, entry + keys.key), entry + keys.key, MF_EDGE_KEY, (uint32_t) i, 0);
    look_at_pointer (l, to, value, MF_EDGE_VALUE, (uint32_t) i, 0);
  }
}

uint64_t
mf_dict_key (MfGraphMemory *memory, uint64_t object, uint32_t entry)
{
  Looker l = looker (memory, object, NULL, NULL, NULL);
  Dict dict = read_dict (&l, object);
  Keys keys;
  return read_keys (&l, dict.keys, &keys) && entry < keys.n ? mf_graph_pointer (memory, keys.entries + entry * (uint64_t) keys.size + keys.key) : 0;
}

uint64_t
mf_dict_used (MfGraphMemory *memory, uint64_t dict)
{
  Looker l = looker (memory, dict, NULL, NULL, NULL);
  return member (&l, dict, 2);
}

// ---- sets: a table of pairs of key and hash

static void
look_at_set (const Looker *l)
{
  uint64_t slots = member (l, l->object, 4) + 1, table = member (l, l->object, 5);
  if (slots > MOST_ITEMS || slots & (slots - 1) || !can_be_read (l, table + 2 * (slots - 1) * l->word, 2 * l->word))
    return;
  for (uint64_t i = 0; i < slots; i++) {
    uint64_t where = table + 2 * i * l->word;
    look_at_pointer (l, mf_graph_pointer (l->memory, where), where, MF_EDGE_MEMBER, (uint32_t) i, 0);
  }
}

// ---- any object

static bool
is_weak (const MfRemoteType *type)
{
  return g_str_has_prefix (type->name, "weak");
}

static uint64_t
size_of (const Looker *l, const MfPlace *place)
{
  uint64_t size = (uint64_t) MAX (l->type->basic_size, 0);
  if (l->type->item_size > 0)
    size += MIN (member (l, l->object, 2), MOST_ITEMS) * (uint64_t) l->type->item_size;
  if (l->type->flags & INLINE_VALUES && l->version >= 0x030d)
    size += l->word + inline_keys (l)->n * l->word; // behind a head of a word
  size = MIN (size, MOST_OBJECT);
  return MIN (size, place->size ? place->block + place->size - l->object : size);
}

// In front of the collector's two words: 3.11 has the values and the dict, 3.12 weak references and either of them, of which a 1 marks the
// values; later versions the dict and weak references.
static void
look_in_front (const Looker *l)
{
  uint64_t words = l->object - 4 * l->word, values = 0;
  if (!(l->type->flags & MANAGED_DICT) || l->version < 0x030b)
    return;
  for (uint32_t i = 0; i < 2; i++) {
    uint64_t where = words + (uint64_t) i * l->word, to = mf_graph_pointer (l->memory, where);
    if (l->version == 0x030b && i == 0)
      values = to;
    else if (to & 1)
      values = to + 1;
    else
      look_at_pointer (l, to, where, MF_EDGE_WORD, i, DEEPEST_PLAIN);
  }
  if (values)
    look_at_words (l, values, values + inline_keys (l)->n * l->word, values, MF_EDGE_PLAIN, ~UINT64_C (0), DEEPEST_PLAIN);
}

void
mf_object_edges (MfGraphMemory *memory, uint64_t object, const MfRemoteType *type, MfEdgeFound found, void *user)
{
  Looker l = looker (memory, object, type, found, user);
  MfPlace place = mf_graph_place (memory, object);
  uint32_t plain = 2 * l.word;  // behind the count of references and the type
  if (place.object != object || is_weak (type) || type->flags & (LONG | BYTES | TEXT))
    return;
  if (type->flags & LIST)
    look_at_items (&l, member (&l, object, 3), member (&l, object, 2));
  else if (type->flags & TUPLE)
    look_at_items (&l, object + (l.version >= 0x030e ? 4 : 3) * l.word, member (&l, object, 2));
  else if (type->flags & DICT)
    look_at_dict (&l);
  else if (!strcmp (type->name, "set") || !strcmp (type->name, "frozenset"))
    look_at_set (&l);
  else
    look_at_words (&l, object + plain, object + size_of (&l, &place), object, MF_EDGE_WORD, ~UINT64_C (0), 0);
  look_in_front (&l);
  // what a subclass adds stands behind its base: at least seven words
  if (type->flags & (LIST | DICT) && type->basic_size > 7 * (int64_t) l.word)
    look_at_words (&l, object + 7 * l.word, object + size_of (&l, &place), object, MF_EDGE_WORD, ~UINT64_C (0), 0);
}

void
mf_memory_edges (MfGraphMemory *memory, uint64_t from, uint64_t to, uint64_t mask, MfEdgeFound found, void *user)
{
  Looker l = looker (memory, 0, NULL, found, user);
  look_at_words (&l, from, to, from, MF_EDGE_WORD, mask, 0);
}

// ---- names of attributes in the object

char *
mf_inline_name (MfGraphMemory *memory, const MfRemoteType *type, uint32_t i)
{
  enum { LONGEST = 60 };
  Looker l = looker (memory, 0, type, NULL, NULL);
  const Keys *keys = inline_keys (&l);
  return i < keys->n ? mf_graph_text (memory, mf_graph_pointer (memory, keys->entries + (uint64_t) i * keys->size), LONGEST) : NULL;
}

typedef struct {
  const Looker *l;
  uint32_t offset;
  char *name;
} Slot;

// PyMemberDescrObject: type, name, qualified name, definition; the definition has a name, a kind and the offset.
static void
look_at_descriptor (void *user, const MfEdge *edge)
{
  Slot *slot = user;
  const Looker *l = slot->l;
  if (slot->name || strcmp (edge->type->name, "member_descriptor") != 0)
    return;
  if (mf_graph_pointer (l->memory, member (l, edge->to, 5) + 2 * l->word) == slot->offset && member (l, edge->to, 2) == l->type->address)
    slot->name = mf_graph_text (l->memory, member (l, edge->to, 3), 60);
}

static void
look_in_dict_of_type (void *user, const MfEdge *edge)
{
  if (!strcmp (edge->type->name, "dict"))
    mf_object_edges (((Slot *) user)->l->memory, edge->to, edge->type, look_at_descriptor, user);
}

char *
mf_slot_name (MfGraphMemory *memory, const MfRemoteType *type, uint32_t offset)
{
  Looker l = looker (memory, 0, type, NULL, NULL);
  Slot slot = { &l, offset, NULL };
  MfPlace place = mf_graph_place (memory, type->address);
  if (place.kind == MF_PLACE_OBJECT)
    mf_object_edges (memory, type->address, place.type, look_in_dict_of_type, &slot);
  return slot.name;
}
