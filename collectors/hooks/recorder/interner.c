// SPDX-License-Identifier: Apache-2.0
// Two chained hash tables whose entries are numbered from 1. Texts stand one after the other in an arena and move
// together when some of them go.
#include "interner.h"

enum { NOBODY = 0, ALIGNMENT = 4 };
enum { NODE_BYTES = 6 * sizeof (uint32_t), TEXT_ENTRY_BYTES = 4 * sizeof (uint32_t) };

typedef struct {
  uint32_t next;            // of the same hash, or of the free ones
  uint32_t length : 30, used : 1, kept : 1;
  uint32_t at;              // in the arena: the number of the entry, then the text
} Text;

typedef struct {
  uint32_t next;
  uint32_t caller, function, file;
  uint32_t line : 29, used : 1, kept : 1, touched : 1;
} Node;

// Entry 0 is not used; those from `fresh` on have never been, so that their pages cost nothing.
typedef struct { uint32_t *chains, n, n_chains, free, fresh, n_used; } Table;

struct MfInterner {
  Table texts, nodes;
  Text *text;
  Node *node;
  uint8_t *arena;
  uint32_t arena_size, arena_used;
};

// ---- memory

static uint32_t
power_of_two_below (size_t n)
{
  uint32_t power = 1;
  while ((size_t) power * 2 <= n)
    power *= 2;
  return power;
}

static void *
take (uint8_t **memory, size_t bytes)
{
  uint8_t *taken = *memory;
  *memory += (bytes + 7) & ~(size_t) 7;
  return taken;
}

// A free entry, or one that has never been used; 0 = none. `next` is that of the free ones.
static uint32_t
take_entry (Table *table, uint32_t next)
{
  uint32_t number = table->free;
  if (number)
    table->free = next;
  else if (table->fresh < table->n)
    number = table->fresh++;
  table->n_used += number != 0;
  return number;
}

// Half of the memory is for frames, an eighth for the entries of texts, the rest for the texts.
MfInterner *
mf_interner_init (void *memory, size_t bytes)
{
  uint8_t *at = memory, *end = at + bytes;
  MfInterner *interner = take (&at, sizeof *interner);
  *interner = (MfInterner) { .texts.fresh = 1, .nodes.fresh = 1 };
  Table *nodes = &interner->nodes, *texts = &interner->texts;
  nodes->n_chains = power_of_two_below (bytes / 2 / NODE_BYTES);
  nodes->n = (uint32_t) ((bytes / 2 - nodes->n_chains * sizeof (uint32_t)) / sizeof (Node));
  texts->n_chains = power_of_two_below (bytes / 8 / TEXT_ENTRY_BYTES);
  texts->n = (uint32_t) ((bytes / 8 - texts->n_chains * sizeof (uint32_t)) / sizeof (Text));
  nodes->chains = take (&at, nodes->n_chains * sizeof (uint32_t));
  interner->node = take (&at, nodes->n * sizeof (Node));
  texts->chains = take (&at, texts->n_chains * sizeof (uint32_t));
  interner->text = take (&at, texts->n * sizeof (Text));
  interner->arena = at;
  interner->arena_size = (uint32_t) ((size_t) (end - at) & ~(size_t) (ALIGNMENT - 1));
  memset (nodes->chains, 0, nodes->n_chains * sizeof (uint32_t));
  memset (texts->chains, 0, texts->n_chains * sizeof (uint32_t));
  return interner;
}

// ---- texts

static uint32_t
hash_of_text (const char *text, size_t n)
{
  uint32_t hash = UINT32_C (2166136261);  // FNV-1a
  for (size_t i = 0; i < n; i++)
    hash = (hash ^ (uint8_t) text[i]) * UINT32_C (16777619);
  return hash;
}

static uint32_t
arena_bytes (uint32_t length)
{
  return (uint32_t) sizeof (uint32_t) + ((length + ALIGNMENT - 1) & ~(uint32_t) (ALIGNMENT - 1));
}

static const char *
text_at (const MfInterner *interner, const Text *entry)
{
  return (const char *) interner->arena + entry->at + sizeof (uint32_t);
}

static MfString
add_text (MfInterner *interner, uint32_t *chain, const char *text, uint32_t n)
{
  uint32_t free = interner->texts.free;
  bool fits = arena_bytes (n) <= interner->arena_size - interner->arena_used;
  uint32_t number = fits ? take_entry (&interner->texts, interner->text[free].next) : NOBODY;
  if (!number)
    return (MfString) { NOBODY };
  Text *entry = &interner->text[number];
  *entry = (Text) { .next = *chain, .length = n, .used = 1, .at = interner->arena_used };
  memcpy (interner->arena + entry->at, &number, sizeof number);
  memcpy (interner->arena + entry->at + sizeof number, text, n);
  interner->arena_used += arena_bytes (n);
  *chain = number;
  return (MfString) { number };
}

MfString
mf_interner_string (MfInterner *interner, const char *text, size_t n)
{
  if (n >= interner->arena_size)
    return (MfString) { NOBODY };
  uint32_t *chain = &interner->texts.chains[hash_of_text (text, n) & (interner->texts.n_chains - 1)];
  for (uint32_t i = *chain; i; i = interner->text[i].next)
    if (interner->text[i].length == n && !memcmp (text_at (interner, &interner->text[i]), text, n))
      return (MfString) { i };
  return add_text (interner, chain, text, (uint32_t) n);
}

const char *
mf_interner_text (const MfInterner *interner, MfString string, size_t *n)
{
  if (!string.id || string.id >= interner->texts.fresh || !interner->text[string.id].used)
    return NULL;
  *n = interner->text[string.id].length;
  return text_at (interner, &interner->text[string.id]);
}

// ---- stacks

static uint32_t
hash_of_node (const Node *node)
{
  uint64_t hash = ((uint64_t) node->caller << 32 | node->function) * UINT64_C (0x9e3779b97f4a7c15);
  hash = (hash ^ hash >> 29 ^ ((uint64_t) node->file << 32 | node->line)) * UINT64_C (0xbf58476d1ce4e5b9);
  return (uint32_t) (hash >> 32);
}

static bool
is_same (const Node *a, const Node *b)
{
  return a->caller == b->caller && a->function == b->function && a->file == b->file && a->line == b->line;
}

MfStack
mf_interner_stack (MfInterner *interner, MfStack caller, MfFrame frame)
{
  Node node = { .caller = caller.id, .function = frame.function.id, .file = frame.file.id,
    .line = frame.line & 0x1fffffff, .used = 1 };
  uint32_t *chain = &interner->nodes.chains[hash_of_node (&node) & (interner->nodes.n_chains - 1)];
  for (uint32_t i = *chain; i; i = interner->node[i].next)
    if (is_same (&interner->node[i], &node))
      return (MfStack) { i };
  uint32_t number = take_entry (&interner->nodes, interner->node[interner->nodes.free].next);
  if (!number)
    return (MfStack) { NOBODY };
  node.next = *chain;
  interner->node[number] = node;
  *chain = number;
  return (MfStack) { number };
}

static bool
is_stack (const MfInterner *interner, uint32_t id)
{
  return id && id < interner->nodes.fresh && interner->node[id].used;
}

bool
mf_interner_frame (const MfInterner *interner, MfStack stack, MfFrame *frame, MfStack *caller)
{
  if (!is_stack (interner, stack.id))
    return false;
  const Node *node = &interner->node[stack.id];
  *frame = (MfFrame) { { node->function }, { node->file }, node->line, 0 };
  *caller = (MfStack) { node->caller };
  return true;
}

// ---- collection

void
mf_interner_keep_string (MfInterner *interner, MfString string)
{
  if (string.id && string.id < interner->texts.fresh)
    interner->text[string.id].kept = 1;
}

void
mf_interner_keep_stack (MfInterner *interner, MfStack stack)
{
  for (uint32_t id = stack.id; is_stack (interner, id) && !interner->node[id].kept; id = interner->node[id].caller) {
    interner->node[id].kept = 1;
    mf_interner_keep_string (interner, (MfString) { interner->node[id].function });
    mf_interner_keep_string (interner, (MfString) { interner->node[id].file });
  }
}

void
mf_interner_touch (MfInterner *interner, MfStack stack)
{
  if (is_stack (interner, stack.id))
    interner->node[stack.id].touched = 1;
}

void
mf_interner_keep_touched (MfInterner *interner)
{
  for (uint32_t i = 1; i < interner->nodes.fresh; i++) {
    if (interner->node[i].touched)
      mf_interner_keep_stack (interner, (MfStack) { i });
    interner->node[i].touched = 0;
  }
}

bool
mf_interner_is_kept (const MfInterner *interner, MfStack stack)
{
  return is_stack (interner, stack.id) && interner->node[stack.id].kept;
}

static void
sweep_nodes (MfInterner *interner)
{
  Table *table = &interner->nodes;
  table->free = table->n_used = 0;
  memset (table->chains, 0, table->n_chains * sizeof (uint32_t));
  for (uint32_t i = table->fresh - 1; i > 0; i--) {
    Node *node = &interner->node[i];
    bool stays = node->used && node->kept;
    uint32_t *list = stays ? &table->chains[hash_of_node (node) & (table->n_chains - 1)] : &table->free;
    node->used = stays;
    node->kept = 0;
    node->next = *list;
    *list = i;
    table->n_used += stays;
  }
}

// Moves the texts that stay together, in their order.
static void
close_gaps (MfInterner *interner)
{
  uint32_t to = 0;
  for (uint32_t at = 0, bytes; at < interner->arena_used; at += bytes) {
    uint32_t number;
    memcpy (&number, interner->arena + at, sizeof number);
    Text *entry = &interner->text[number];
    bytes = arena_bytes (entry->length);
    if (!entry->kept)
      continue;
    memmove (interner->arena + to, interner->arena + at, bytes);
    entry->at = to;
    to += bytes;
  }
  interner->arena_used = to;
}

static void
sweep_texts (MfInterner *interner)
{
  Table *table = &interner->texts;
  close_gaps (interner);
  table->free = table->n_used = 0;
  memset (table->chains, 0, table->n_chains * sizeof (uint32_t));
  for (uint32_t i = table->fresh - 1; i > 0; i--) {
    Text *entry = &interner->text[i];
    bool stays = entry->used && entry->kept;
    uint32_t hash = stays ? hash_of_text (text_at (interner, entry), entry->length) : 0;
    uint32_t *list = stays ? &table->chains[hash & (table->n_chains - 1)] : &table->free;
    entry->used = stays;
    entry->kept = 0;
    entry->next = *list;
    *list = i;
    table->n_used += stays;
  }
}

bool
mf_interner_sweep (MfInterner *interner)
{
  sweep_nodes (interner);
  sweep_texts (interner);
  return interner->nodes.n_used <= interner->nodes.n / 8 * 7 && interner->texts.n_used <= interner->texts.n / 8 * 7
      && interner->arena_used <= interner->arena_size / 8 * 7;
}
