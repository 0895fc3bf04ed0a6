// SPDX-License-Identifier: Apache-2.0
// Methods of Python's own types: what they make, and how they change what they are called on.
#include "machine.h"

#include <string.h>

typedef struct {
  MfMachine *m;
  MfThing *self;
  MfThing **arguments;
  uint32_t n; // positional ones
  const MfThing *kwnames;
} Call;

typedef MfThing *(*Method) (Call *c);

static MfThing *
none (Call *c)
{
  return mf_thing_none (&c->m->heap);
}

static MfThing *
unknown (Call *c)
{
  return mf_thing_unknown (&c->m->heap, MF_V_NO_TYPE);
}

static bool
is_open (const Call *c)
{
  return !c->m->flow && !(c->self->flags & MF_V_IMMORTAL);
}

// ---- lists

// In flow mode a list grows by a slot and an eighth for each item.
static MfThing *
list_append (Call *c)
{
  if (c->n != 1)
    return unknown (c);
  if (is_open (c) && c->self->kind == MF_V_LIST) {
    mf_list_append (&c->m->heap, c->self, mf_thing_ref (c->arguments[0]));
    return none (c);
  }
  uint64_t word = c->m->heap.target->pointer;
  mf_thing_hold (&c->m->heap, c->self, c->self->bytes + (c->self->flags & MF_V_IMMORTAL ? 0 : word + word / 8), false);
  if (!(c->arguments[0]->flags & MF_V_IMMORTAL))
    c->arguments[0]->flags |= MF_V_ESCAPED;
  mf_machine_doubt (c->m, MF_DOUBT_LENGTH, 4 * word, "a list that grows");
  return none (c);
}

static MfThing *
list_extend (Call *c)
{
  uint32_t n;
  MfThing **items = c->n == 1 && is_open (c) && c->self->kind == MF_V_LIST ? mf_machine_items (c->m, c->arguments[0], &n) : NULL;
  if (!items) {
    mf_machine_forget (c->m, c->self);
    mf_machine_doubt (c->m, MF_DOUBT_LENGTH, 256, "a list that is extended");
    return none (c);
  }
  MfThing *list = c->self;
  uint64_t slots = list->list.n ? mf_list_resize (c->m->heap.target, list->list.slots, list->list.n, list->list.n + (uint64_t) n)
                                : mf_list_extended (c->m->heap.target, n);
  if (slots > list->list.slots) {
    MfShape shape = { .type = MF_PY_LIST, .made = MF_MADE_CAPACITY, .capacity = slots };
    list->list.slots = slots;
    mf_thing_hold (&c->m->heap, list, mf_heap_shape (&c->m->heap, &shape), false);
  }
  for (uint32_t i = 0; i < n; i++)
    mf_list_append (&c->m->heap, list, items[i]);
  mf_heap_array_free (&c->m->heap, items, (n + 1ull) * sizeof *items);
  return none (c);
}

static MfThing *
list_pop (Call *c)
{
  int64_t at = -1;
  MfThing *list = c->self;
  if (!is_open (c) || list->kind != MF_V_LIST || !list->list.n || (c->n && !mf_thing_is_int (c->arguments[0], &at)))
    return unknown (c);
  at += at < 0 ? list->list.n : 0;
  if (at < 0 || (uint64_t) at >= list->list.n)
    return mf_machine_raise (c->m, "IndexError");
  MfThing *item = list->list.items[at];
  list->list.n--;
  memmove (list->list.items + at, list->list.items + at + 1, (list->list.n - (size_t) at) * sizeof *list->list.items);
  uint64_t slots = mf_list_popped (c->m->heap.target, list->list.slots, list->list.n);
  if (slots != list->list.slots) {
    MfShape shape = { .type = MF_PY_LIST, .made = MF_MADE_CAPACITY, .capacity = slots };
    list->list.slots = slots;
    mf_thing_hold (&c->m->heap, list, mf_heap_shape (&c->m->heap, &shape), false);
  }
  return item;
}

static MfThing *
list_insert (Call *c)
{
  int64_t at;
  MfThing *list = c->self;
  if (c->n != 2 || !is_open (c) || list->kind != MF_V_LIST || !mf_thing_is_int (c->arguments[0], &at))
    return none (c);
  mf_list_append (&c->m->heap, list, mf_thing_ref (c->arguments[1]));
  at = at < 0 ? at + list->list.n - 1 : at;
  at = at < 0 ? 0 : at >= list->list.n ? list->list.n - 1 : at;
  MfThing *item = list->list.items[list->list.n - 1];
  memmove (list->list.items + at + 1, list->list.items + at, (list->list.n - 1 - (size_t) at) * sizeof item);
  list->list.items[at] = item;
  return none (c);
}

static MfThing *
list_clear (Call *c)
{
  if (!is_open (c) || c->self->kind != MF_V_LIST)
    return none (c);
  MfShape shape = { .type = MF_PY_LIST };
  mf_drop_all (&c->m->heap, c->self->list.items, c->self->list.n);
  c->self->list.n = 0;
  c->self->list.slots = 0;
  mf_thing_hold (&c->m->heap, c->self, mf_heap_shape (&c->m->heap, &shape), false);
  return none (c);
}

static MfThing *
sequence_copy (Call *c)
{
  MfThing *nothing = &c->m->heap.none;
  return mf_machine_slice (c->m, c->self, nothing, nothing, nothing);
}

static MfThing *
sequence_index (Call *c)
{
  return mf_thing_unknown (&c->m->heap, MF_PY_INT);
}

// ---- dicts

static MfThing *
dict_get (Call *c)
{
  if (c->n < 1 || c->self->kind != MF_V_MAP || c->m->flow)
    return unknown (c);
  MfEntry *entry = mf_map_find (c->self->map, c->arguments[0]);
  if (entry)
    return mf_thing_ref (entry->value);
  if (c->self->flags & MF_V_VAGUE || c->arguments[0]->kind == MF_V_UNKNOWN)
    return unknown (c);
  return c->n > 1 ? mf_thing_ref (c->arguments[1]) : none (c);
}

static MfThing *
dict_setdefault (Call *c)
{
  if (c->n < 1 || !is_open (c) || c->self->kind != MF_V_MAP)
    return unknown (c);
  MfEntry *entry = mf_map_find (c->self->map, c->arguments[0]);
  if (entry)
    return mf_thing_ref (entry->value);
  MfThing *value = c->n > 1 ? mf_thing_ref (c->arguments[1]) : none (c);
  mf_map_set (&c->m->heap, c->self->map, c->self, mf_thing_ref (c->arguments[0]), mf_thing_ref (value));
  return value;
}

static MfThing *
dict_pop (Call *c)
{
  if (c->n < 1 || !is_open (c) || c->self->kind != MF_V_MAP)
    return unknown (c);
  MfEntry *entry = mf_map_find (c->self->map, c->arguments[0]);
  if (!entry)
    return c->n > 1 ? mf_thing_ref (c->arguments[1]) : unknown (c);
  MfThing *value = mf_thing_ref (entry->value);
  mf_map_remove (&c->m->heap, c->self->map, c->arguments[0]);
  return value;
}

static MfThing *
view (Call *c, unsigned type, int what)
{
  MfShape shape = { .type = (MfPyType) type };
  MfThing *iterator = mf_thing_new (&c->m->heap, MF_V_ITERATOR, type);
  mf_thing_hold (&c->m->heap, iterator, mf_heap_shape (&c->m->heap, &shape), false);
  iterator->parts.a = mf_thing_ref (c->self);
  iterator->sub = (uint8_t) what;
  return iterator;
}

static MfThing *
dict_keys (Call *c)
{
  return view (c, MF_PY_DICT_KEYS, 0);
}

static MfThing *
dict_values (Call *c)
{
  return view (c, MF_PY_DICT_VALUES, 'v');
}

static MfThing *
dict_items (Call *c)
{
  return view (c, MF_PY_DICT_ITEMS, 'i');
}

static void
take_entries (Call *c, const MfMap *from)
{
  for (uint32_t i = 0; i < from->n; i++)
    if (from->entries[i].key)
      mf_map_set (&c->m->heap, c->self->map, c->self, mf_thing_ref (from->entries[i].key),
          mf_thing_ref (from->entries[i].value));
}

// Of dicts and sets.
static MfThing *
map_update (Call *c)
{
  uint32_t n;
  if (!is_open (c) || c->self->kind != MF_V_MAP || c->n != 1) {
    mf_machine_forget (c->m, c->self);
    mf_machine_doubt (c->m, MF_DOUBT_LENGTH, 512, "a container that is filled");
    return none (c);
  }
  bool dict = c->self->type == MF_PY_DICT;
  if (c->arguments[0]->kind == MF_V_MAP) {
    take_entries (c, c->arguments[0]->map);
    return none (c);
  }
  MfThing **items = mf_machine_items (c->m, c->arguments[0], &n);
  if (!items) {
    mf_machine_forget (c->m, c->self);
    mf_machine_doubt (c->m, MF_DOUBT_LENGTH, 512, "a container that is filled");
    return none (c);
  }
  for (uint32_t i = 0; i < n; i++) {
    bool pair = dict && items[i]->kind == MF_V_LIST && items[i]->list.n == 2;
    if (!dict)
      mf_map_set (&c->m->heap, c->self->map, c->self, mf_thing_ref (items[i]), none (c));
    else if (pair)
      mf_map_set (&c->m->heap, c->self->map, c->self, mf_thing_ref (items[i]->list.items[0]),
          mf_thing_ref (items[i]->list.items[1]));
    else
      mf_map_vague (&c->m->heap, c->self->map, c->self);
  }
  mf_drop_all (&c->m->heap, items, n);
  mf_heap_array_free (&c->m->heap, items, (n + 1ull) * sizeof *items);
  return none (c);
}

static MfThing *
set_add (Call *c)
{
  if (c->n == 1 && is_open (c) && c->self->kind == MF_V_MAP)
    mf_map_set (&c->m->heap, c->self->map, c->self, mf_thing_ref (c->arguments[0]), none (c));
  else {
    mf_machine_forget (c->m, c->self);
    mf_machine_doubt (c->m, MF_DOUBT_LENGTH, 64, "a set that grows");
  }
  return none (c);
}

// ---- texts

static MfThing *
text_same_length (Call *c)
{
  const MfThing *self = c->self;
  MfThing *text = mf_thing_text_length (&c->m->heap, self->type, self->kind == MF_V_TEXT ? self->text.length : 16, self->sub);
  text->flags |= self->kind == MF_V_TEXT ? self->flags & MF_V_VAGUE : MF_V_VAGUE;
  return text;
}

static bool
has_content (const MfThing *thing)
{
  return thing->kind == MF_V_TEXT && thing->text.bytes && thing->sub == MF_TEXT_ASCII;
}

static MfThing *
text_cased (Call *c, bool upper)
{
  char text[256];
  if (!has_content (c->self) || c->self->text.n > sizeof text)
    return text_same_length (c);
  for (uint32_t i = 0; i < c->self->text.n; i++) {
    char letter = c->self->text.bytes[i];
    bool lower = letter >= 'a' && letter <= 'z', capital = letter >= 'A' && letter <= 'Z';
    text[i] = upper && lower ? (char) (letter - 32) : !upper && capital ? (char) (letter + 32) : letter;
  }
  return mf_thing_text (&c->m->heap, c->self->type, text, c->self->text.n);
}

static MfThing *
text_upper (Call *c)
{
  return text_cased (c, true);
}

static MfThing *
text_lower (Call *c)
{
  return text_cased (c, false);
}

static MfThing *
text_strip (Call *c)
{
  if (!has_content (c->self) || c->n)
    return text_same_length (c);
  const char *from = c->self->text.bytes, *to = from + c->self->text.n;
  while (from < to && strchr (" \t\r\n\f\v", *from))
    from++;
  while (to > from && strchr (" \t\r\n\f\v", to[-1]))
    to--;
  if ((size_t) (to - from) == c->self->text.n)
    return mf_thing_ref (c->self);
  return mf_thing_text (&c->m->heap, c->self->type, from, (uint64_t) (to - from));
}

static MfThing *
vague_list (Call *c)
{
  MfThing *list = mf_thing_list (&c->m->heap, NULL, 0, 4);
  list->flags |= MF_V_VAGUE;
  mf_machine_doubt (c->m, MF_DOUBT_LENGTH, c->m->flow ? 256 : UINT64_MAX, "a list of unknown length");
  return list;
}

// By a separator, or by blanks when there is none.
static MfThing *
text_split (Call *c)
{
  bool known = has_content (c->self) && c->n <= 1 && (!c->n || (has_content (c->arguments[0]) && c->arguments[0]->text.n));
  if (!known)
    return vague_list (c);
  MfHeap *heap = &c->m->heap;
  MfThing *list = mf_thing_list (heap, NULL, 0, 0);
  const char *at = c->self->text.bytes, *end = at + c->self->text.n;
  const char *by = c->n ? c->arguments[0]->text.bytes : NULL;
  size_t by_n = c->n ? c->arguments[0]->text.n : 0;
  // stringlib/split.h: room for twelve in front
  const uint32_t preallocated = mf_target_is_micropython (heap->target) ? 0 : 12;
  while (by || at < end) {
    while (!by && at < end && strchr (" \t\r\n\f\v", *at))
      at++;
    if (!by && at == end)
      break;
    const char *stop = by ? memmem (at, (size_t) (end - at), by, by_n) : at;
    while (!by && stop < end && !strchr (" \t\r\n\f\v", *stop))
      stop++;
    const char *last = stop ? stop : end;
    MfThing *part = last - at == end - c->self->text.bytes ? mf_thing_ref (c->self)
                                                            : mf_thing_text (heap, c->self->type, at, (uint64_t) (last - at));
    list->list.slots = list->list.n < preallocated ? preallocated : list->list.slots;
    if (list->list.n < preallocated)
      mf_list_put (heap, list, part);
    else
      mf_list_append (heap, list, part);
    if (!stop)
      break;
    at = stop + by_n;
  }
  MfShape shape = { .type = MF_PY_LIST, .made = MF_MADE_CAPACITY, .capacity = list->list.slots };
  mf_thing_hold (heap, list, mf_heap_shape (heap, &shape), false);
  return list;
}

static MfThing *
text_partition (Call *c)
{
  MfHeap *heap = &c->m->heap;
  if (!has_content (c->self) || c->n != 1 || !has_content (c->arguments[0])) {
    MfThing *parts[] = { text_same_length (c), text_same_length (c), text_same_length (c) };
    return mf_thing_tuple (heap, parts, 3);
  }
  const MfThing *by = c->arguments[0];
  const char *from = c->self->text.bytes, *end = from + c->self->text.n;
  const char *at = memmem (from, c->self->text.n, by->text.bytes, by->text.n);
  if (!at) {
    MfThing *parts[] = { mf_thing_ref (c->self), mf_thing_text (heap, c->self->type, "", 0), mf_thing_text (heap, c->self->type, "", 0) };
    return mf_thing_tuple (heap, parts, 3);
  }
  MfThing *parts[] = { mf_thing_text (heap, c->self->type, from, (uint64_t) (at - from)), mf_thing_ref (c->arguments[0]),
    mf_thing_text (heap, c->self->type, at + by->text.n, (uint64_t) (end - at - by->text.n)) };
  return mf_thing_tuple (heap, parts, 3);
}

static char *
copy_joined (Call *c, MfThing **items, uint32_t n, uint64_t length)
{
  char *text = mf_heap_array (&c->m->heap, length + 1), *to = text;
  for (uint32_t i = 0; i < n; i++) {
    if (i) {
      memcpy (to, c->self->text.bytes, c->self->text.n);
      to += c->self->text.n;
    }
    memcpy (to, items[i]->text.bytes, items[i]->text.n);
    to += items[i]->text.n;
  }
  return text;
}

static MfThing *
text_join (Call *c)
{
  uint32_t n = 0;
  MfHeap *heap = &c->m->heap;
  MfThing **items = c->n == 1 && c->self->kind == MF_V_TEXT ? mf_machine_items (c->m, c->arguments[0], &n) : NULL, *result;
  uint64_t bytes = 0, length = 0;
  bool known = items != NULL && c->self->text.bytes, vague = !items;
  MfTextKind kind = c->self->kind == MF_V_TEXT ? c->self->sub : MF_TEXT_ASCII;
  for (uint32_t i = 0; items && i < n; i++) {
    bool text = items[i]->kind == MF_V_TEXT;
    known = known && text && items[i]->text.bytes;
    vague |= !text || items[i]->flags & MF_V_VAGUE;
    bytes += text ? items[i]->text.n : 8;
    length += text ? items[i]->text.length : 8;
    kind = text && items[i]->sub > kind ? items[i]->sub : kind;
  }
  if (items && n) {
    bytes += (uint64_t) (n - 1) * c->self->text.n;
    length += (uint64_t) (n - 1) * c->self->text.length;
  }
  if (items && n == 1)
    result = mf_thing_ref (items[0]);
  else if (known && bytes < 65536) {
    char *text = copy_joined (c, items, n, bytes);
    result = mf_thing_text (heap, c->self->type, text, bytes);
    mf_heap_array_free (heap, text, bytes + 1);
  } else {
    result = mf_thing_text_length (heap, c->self->kind == MF_V_TEXT ? c->self->type : MF_PY_STR, items ? length : 32, kind);
    result->flags |= vague ? MF_V_VAGUE : 0;
    if (vague)
      mf_machine_doubt (c->m, MF_DOUBT_LENGTH, c->m->flow ? 256 : UINT64_MAX, "text that is joined");
  }
  if (items) {
    mf_drop_all (heap, items, n);
    mf_heap_array_free (heap, items, (n + 1ull) * sizeof *items);
  }
  return result;
}

static MfThing *
text_all (Call *c, const char *from_to)
{
  if (!has_content (c->self))
    return mf_thing_unknown (&c->m->heap, MF_PY_BOOL);
  for (uint32_t i = 0; i < c->self->text.n; i++) {
    bool inside = false;
    for (const char *range = from_to; *range; range += 2)
      inside |= c->self->text.bytes[i] >= range[0] && c->self->text.bytes[i] <= range[1];
    if (!inside)
      return mf_thing_bool (&c->m->heap, false);
  }
  return mf_thing_bool (&c->m->heap, c->self->text.n != 0);
}

static MfThing *
text_isdigit (Call *c)
{
  return text_all (c, "09");
}

static MfThing *
text_isalpha (Call *c)
{
  return text_all (c, "azAZ");
}

static MfThing *
text_isalnum (Call *c)
{
  return text_all (c, "azAZ09");
}

static MfThing *
text_isspace (Call *c)
{
  return text_all (c, "  \t\r");
}

static MfThing *
text_starts (Call *c, bool end)
{
  if (!has_content (c->self) || c->n != 1 || !has_content (c->arguments[0]))
    return mf_thing_unknown (&c->m->heap, MF_PY_BOOL);
  const MfThing *part = c->arguments[0];
  bool fits = part->text.n <= c->self->text.n;
  const char *at = c->self->text.bytes + (end && fits ? c->self->text.n - part->text.n : 0);
  return mf_thing_bool (&c->m->heap, fits && !memcmp (at, part->text.bytes, part->text.n));
}

static MfThing *
text_startswith (Call *c)
{
  return text_starts (c, false);
}

static MfThing *
text_endswith (Call *c)
{
  return text_starts (c, true);
}

static MfThing *
text_encode (Call *c)
{
  if (c->self->kind != MF_V_TEXT)
    return unknown (c);
  unsigned type = c->self->type == MF_PY_STR ? MF_PY_BYTES : MF_PY_STR;
  if (c->self->text.bytes)
    return mf_thing_text (&c->m->heap, type, c->self->text.bytes, c->self->text.n);
  return mf_thing_text_length (&c->m->heap, type, c->self->text.length, c->self->sub);
}

static MfThing *
text_format (Call *c)
{
  return mf_machine_format_fields (c->m, c->self, c->arguments, c->n, c->kwnames);
}

// ---- iterators

static MfThing *
generator_send (Call *c)
{
  bool ended, known;
  MfThing *item = mf_machine_next (c->m, c->self, &ended, &known);
  return item ? item : ended ? mf_machine_raise (c->m, "StopIteration") : NULL;
}

// ---- properties: x.setter makes a new one

static MfThing *
property_setter (Call *c)
{
  MfShape shape = { .type = MF_PY_PROPERTY };
  MfThing *property = mf_thing_new (&c->m->heap, MF_V_DESCRIPTOR, MF_PY_PROPERTY);
  mf_thing_hold (&c->m->heap, property, mf_heap_shape (&c->m->heap, &shape), false);
  property->parts.a = c->self->parts.a ? mf_thing_ref (c->self->parts.a) : NULL;
  property->parts.b = c->n ? mf_thing_ref (c->arguments[0]) : NULL;
  return property;
}

typedef struct {
  uint8_t kind;
  uint8_t type; // 0: any
  const char *name;
  Method method;
} Row;

static const Row rows[] = {
  { MF_V_LIST, MF_PY_LIST, "append", list_append }, { MF_V_LIST, MF_PY_LIST, "extend", list_extend },
  { MF_V_LIST, MF_PY_LIST, "pop", list_pop }, { MF_V_LIST, MF_PY_LIST, "insert", list_insert },
  { MF_V_LIST, MF_PY_LIST, "clear", list_clear }, { MF_V_LIST, MF_PY_LIST, "copy", sequence_copy },
  { MF_V_LIST, MF_PY_LIST, "sort", none }, { MF_V_LIST, MF_PY_LIST, "reverse", none }, { MF_V_LIST, MF_PY_LIST, "remove", none },
  { MF_V_LIST, 0, "index", sequence_index }, { MF_V_LIST, 0, "count", sequence_index },
  { MF_V_MAP, MF_PY_DICT, "get", dict_get }, { MF_V_MAP, MF_PY_DICT, "setdefault", dict_setdefault },
  { MF_V_MAP, MF_PY_DICT, "pop", dict_pop }, { MF_V_MAP, MF_PY_DICT, "keys", dict_keys },
  { MF_V_MAP, MF_PY_DICT, "values", dict_values }, { MF_V_MAP, MF_PY_DICT, "items", dict_items },
  { MF_V_MAP, 0, "update", map_update }, { MF_V_MAP, MF_PY_SET, "add", set_add }, { MF_V_MAP, MF_PY_SET, "discard", none },
  { MF_V_TEXT, 0, "upper", text_upper }, { MF_V_TEXT, 0, "lower", text_lower }, { MF_V_TEXT, 0, "casefold", text_lower },
  { MF_V_TEXT, 0, "strip", text_strip }, { MF_V_TEXT, 0, "lstrip", text_same_length }, { MF_V_TEXT, 0, "rstrip", text_same_length },
  { MF_V_TEXT, 0, "replace", text_same_length }, { MF_V_TEXT, 0, "translate", text_same_length },
  { MF_V_TEXT, 0, "title", text_same_length }, { MF_V_TEXT, 0, "capitalize", text_same_length },
  { MF_V_TEXT, 0, "split", text_split }, { MF_V_TEXT, 0, "rsplit", vague_list }, { MF_V_TEXT, 0, "splitlines", vague_list },
  { MF_V_TEXT, 0, "partition", text_partition }, { MF_V_TEXT, 0, "join", text_join }, { MF_V_TEXT, 0, "isdigit", text_isdigit },
  { MF_V_TEXT, 0, "isalpha", text_isalpha }, { MF_V_TEXT, 0, "isalnum", text_isalnum }, { MF_V_TEXT, 0, "isspace", text_isspace },
  { MF_V_TEXT, 0, "startswith", text_startswith }, { MF_V_TEXT, 0, "endswith", text_endswith },
  { MF_V_TEXT, 0, "encode", text_encode }, { MF_V_TEXT, 0, "decode", text_encode }, { MF_V_TEXT, 0, "format", text_format },
  { MF_V_TEXT, 0, "find", sequence_index }, { MF_V_TEXT, 0, "index", sequence_index }, { MF_V_TEXT, 0, "count", sequence_index },
  { MF_V_GENERATOR, 0, "send", generator_send }, { MF_V_GENERATOR, 0, "close", none },
  { MF_V_DESCRIPTOR, 0, "setter", property_setter }, { MF_V_DESCRIPTOR, 0, "getter", property_setter },
  { MF_V_DESCRIPTOR, 0, "deleter", property_setter },
};

static Method
find (const MfThing *self, const MfThing *name)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].kind == self->kind && (!rows[i].type || rows[i].type == self->type) && rows[i].name[0] == name->text.bytes[0]
        && strlen (rows[i].name) == name->text.n && !memcmp (rows[i].name, name->text.bytes, name->text.n))
      return rows[i].method;
  return NULL;
}

MfThing *
mf_method_call (MfMachine *machine, MfThing *self, const MfThing *name, MfThing **arguments, uint32_t n,
    MfThing *kwnames, bool *known)
{
  Method method = name->text.bytes && name->text.n ? find (self, name) : NULL;
  bool named = kwnames && kwnames->list.n <= n;
  Call call = { machine, self, arguments, named ? n - kwnames->list.n : n, named ? kwnames : NULL };
  *known = method != NULL;
  if (!method)
    return NULL;
  MfThing *result = method (&call);
  mf_drop_all (&machine->heap, arguments, n);
  return result;
}
