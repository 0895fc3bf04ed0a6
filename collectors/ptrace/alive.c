// SPDX-License-Identifier: Apache-2.0
#include "alive.h"

#include <string.h>

typedef struct {
  const MfObjectGraph *graph;
  const char *wanted;
  uint64_t address;     // 0 = something else is wanted
  GArray *pinned;       // of uint64_t, addresses of arenas, ascending; NULL = no arenas are wanted
  uint32_t arena_size;
} Question;

static GArray *
pinned_arenas (const MfPymallocHeap *heap)
{
  GArray *pinned = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  g_autofree uint64_t *used = g_new0 (uint64_t, heap->arenas->len + 1);
  for (guint i = 0; i < heap->pools->len; i++) {
    const MfPool *pool = &g_array_index (heap->pools, MfPool, i);
    used[pool->arena] += (uint64_t) pool->used * pool->block_size;
  }
  for (guint i = 0; i < heap->arenas->len; i++)
    if (used[i] && used[i] < heap->arena_size / 4)
      g_array_append_val (pinned, g_array_index (heap->arenas, MfArena, i).address);
  return pinned;
}

static Question
question_of (const MfObjectGraph *graph, const MfPymallocHeap *heap, const char *wanted)
{
  Question question = { .graph = graph, .wanted = wanted, .arena_size = heap->arena_size };
  if (g_str_has_prefix (wanted, "0x"))
    question.address = g_ascii_strtoull (wanted + 2, NULL, 16);
  if (!strcmp (wanted, "arenas"))
    question.pinned = pinned_arenas (heap);
  return question;
}

static bool
is_in_pinned (const Question *question, uint64_t address)
{
  for (guint i = 0; i < question->pinned->len; i++)
    if (address - g_array_index (question->pinned, uint64_t, i) < question->arena_size)
      return true;
  return false;
}

static bool
matches (const Question *question, uint64_t address, const MfRemoteType *type)
{
  if (question->pinned)
    return is_in_pinned (question, address);
  if (question->address)
    return address == question->address;
  const char *last = strrchr (type->name, '.');
  return !strcmp (type->name, question->wanted) || (last && !strcmp (last + 1, question->wanted));
}

static uint64_t
bytes_of (const MfObjectGraph *graph, uint64_t address, const MfRemoteType *type)
{
  MfPlace place = mf_graph_place (graph->memory, address);
  return place.size ? place.size : (uint64_t) MAX (type->basic_size, 0);
}

static void
clear_row (void *pointer)
{
  g_free (((MfAliveRow *) pointer)->way);
}

static int
most_first (const void *a, const void *b)
{
  const MfAliveRow *x = a, *y = b;
  if (x->bytes != y->bytes)
    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
  return (x->address > y->address) - (x->address < y->address);
}

// Those that are reached alike: `node` stands for them.
typedef struct {
  uint32_t node;
  uint64_t count, bytes;
} Group;

static GHashTable *
group (const Question *question)
{
  GHashTable *groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; i < question->graph->nodes->len; i++) {
    const MfGraphNode *node = &g_array_index (question->graph->nodes, MfGraphNode, i);
    if (!matches (question, node->address, node->type))
      continue;
    char *shape = mf_object_graph_shape (question->graph, i);
    Group *its = g_hash_table_lookup (groups, shape);
    if (its)
      g_free (shape);
    else {
      its = g_new0 (Group, 1);
      its->node = i;
      g_hash_table_insert (groups, shape, its);
    }
    its->count++;
    its->bytes += bytes_of (question->graph, node->address, node->type);
  }
  return groups;
}

// Objects in the heap that no way leads to: held by C code alone, or a cycle that waits for the collector.
static MfAliveRow
unreached (const Question *question, const MfPymallocHeap *heap)
{
  MfAliveRow row = { 0 };
  for (guint i = 0; i < heap->pools->len; i++) {
    const MfPool *pool = &g_array_index (heap->pools, MfPool, i);
    uint64_t at = pool->address + heap->pool_header + heap->front;
    for (uint32_t k = 0; pool->state == MF_POOL_USED && k < pool->capacity; k++, at += pool->block_size) {
      MfPlace place = mf_graph_place (question->graph->memory, at);
      if (place.kind != MF_PLACE_OBJECT || !matches (question, place.object, place.type)
          || g_hash_table_contains (question->graph->known, GSIZE_TO_POINTER (place.object)))
        continue;
      row.type = place.type;
      row.address = row.address ? row.address : place.object;
      row.count++;
      row.bytes += place.size;
    }
  }
  return row;
}

GArray *
mf_alive_rows (const MfObjectGraph *graph, const MfPymallocHeap *heap, const char *wanted, uint32_t most, uint32_t *ways)
{
  Question question = question_of (graph, heap, wanted);
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (MfAliveRow));
  g_autoptr (GHashTable) groups = group (&question);
  GHashTableIter each;
  gpointer value;
  g_array_set_clear_func (rows, clear_row);
  g_hash_table_iter_init (&each, groups);
  while (g_hash_table_iter_next (&each, NULL, &value)) {
    const Group *its = value;
    const MfGraphNode *node = &g_array_index (graph->nodes, MfGraphNode, its->node);
    MfAliveRow row = { .type = node->type, .address = node->address, .count = its->count, .bytes = its->bytes };
    row.way = mf_object_graph_way (graph, its->node, &row.holds);
    g_array_append_val (rows, row);
  }
  g_array_sort (rows, most_first);
  *ways = rows->len;
  g_array_set_size (rows, MIN (rows->len, most));
  MfAliveRow rest = unreached (&question, heap);
  if (rest.count)
    g_array_append_val (rows, rest);
  g_clear_pointer (&question.pinned, g_array_unref);
  return rows;
}
