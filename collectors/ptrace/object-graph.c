// SPDX-License-Identifier: Apache-2.0
// The dict of all modules is found by what is in it: its first key is 'sys', and the value a module.
#include "object-graph.h"

#include <string.h>

enum { MOST_VALUES = 256, LONGEST_NAME = 60, MOST_FRAMES = 1 << 14, FEWEST_MODULES = 10, DEEPEST_WAY = 64, HEAP_TYPE = 1 << 9, TYPE = 1 << 31 };

// ---- growing

static void
found (void *user, const MfEdge *edge)
{
  MfObjectGraph *graph = user;
  MfGraphNode node = { edge->to, edge->where, edge->type, graph->nodes->len - 1, edge->at, (uint8_t) edge->kind };
  if (graph->nodes->len >= MF_MOST_NODES) {
    graph->full = true;
    return;
  }
  if (g_hash_table_add (graph->known, GSIZE_TO_POINTER (edge->to)))
    g_array_append_val (graph->nodes, node);
}

typedef struct {
  MfObjectGraph *graph;
  uint32_t parent;
} Growth;

static void
found_below (void *user, const MfEdge *edge)
{
  Growth *growth = user;
  MfObjectGraph *graph = growth->graph;
  guint before = graph->nodes->len;
  found (graph, edge);
  if (graph->nodes->len > before)
    g_array_index (graph->nodes, MfGraphNode, before).parent = growth->parent;
}

static void
grow (MfObjectGraph *graph, guint from)
{
  for (guint i = from; i < graph->nodes->len && !graph->full; i++) {
    const MfGraphNode node = g_array_index (graph->nodes, MfGraphNode, i);
    Growth growth = { graph, i };
    mf_object_edges (graph->memory, node.address, node.type, found_below, &growth);
  }
}

// ---- roots: modules

static bool
is_modules (MfObjectGraph *graph, uint64_t dict)
{
  if (mf_dict_used (graph->memory, dict) < FEWEST_MODULES)
    return false;
  g_autofree char *first = mf_graph_text (graph->memory, mf_dict_key (graph->memory, dict, 0), 8);
  g_autofree char *second = mf_graph_text (graph->memory, mf_dict_key (graph->memory, dict, 1), 16);
  return !g_strcmp0 (first, "sys") && !g_strcmp0 (second, "builtins");
}

static void
look_for_modules (MfObjectGraph *graph, const MfPymallocHeap *heap)
{
  for (guint i = 0; i < heap->pools->len && !graph->modules; i++) {
    const MfPool *pool = &g_array_index (heap->pools, MfPool, i);
    uint64_t at = pool->address + heap->pool_header + heap->front;
    for (uint32_t k = 0; pool->state == MF_POOL_USED && k < pool->capacity; k++, at += pool->block_size) {
      MfPlace place = mf_graph_place (graph->memory, at);
      if (place.kind == MF_PLACE_OBJECT && !strcmp (place.type->name, "dict") && is_modules (graph, place.object)) {
        graph->modules = place.object;
        found (graph, &(MfEdge) { place.object, 0, MF_EDGE_ROOT, UINT32_MAX, place.type });
        g_array_index (graph->nodes, MfGraphNode, 0).parent = UINT32_MAX;
        break;
      }
    }
  }
}

// ---- roots: frames

// The tuples with the names of variables: up to 3.10 of local ones, cells and free ones, then of all. `which` from 0 on; 0 = no more.
static uint64_t
names_of (const MfObjectGraph *graph, uint64_t code, unsigned which, uint64_t *n)
{
  static const uint8_t before_11[] = { 4, 2, 3 }, since_11[] = { 2 };  // words in front of co_filename
  const MfPythonOffsets *offsets = mf_graph_offsets (graph->memory);
  bool recent = offsets->version >= 0x030b;
  uint64_t word = (uint64_t) offsets->pointer;
  if (which >= (recent ? G_N_ELEMENTS (since_11) : G_N_ELEMENTS (before_11)))
    return 0;
  uint64_t names = mf_graph_pointer (graph->memory, code + (uint64_t) offsets->file - (recent ? since_11[which] : before_11[which]) * word);
  *n = names ? mf_graph_pointer (graph->memory, names + 2 * word) : 0;
  return names;
}

static uint64_t
count_variables (const MfObjectGraph *graph, uint64_t code)
{
  uint64_t all = 0, n = 0;
  for (unsigned i = 0; names_of (graph, code, i, &n); i++)
    all += MIN (n, MOST_VALUES);
  return MIN (all, MOST_VALUES);
}

// NULL = it is a value that the function works on.
static char *
variable_of (const MfObjectGraph *graph, const MfGraphFrame *frame, uint64_t where)
{
  const MfPythonOffsets *offsets = mf_graph_offsets (graph->memory);
  uint64_t word = (uint64_t) offsets->pointer, i = (where - frame->values) / word, n = 0, names;
  uint64_t items = (offsets->version >= 0x030e ? 4 : 3) * word;
  for (unsigned k = 0; (names = names_of (graph, frame->code, k, &n)); k++) {
    if (i < n)
      return mf_graph_text (graph->memory, mf_graph_pointer (graph->memory, names + items + i * word), LONGEST_NAME);
    i -= n;
  }
  return NULL;
}

static uint64_t
innermost_frame (MfObjectGraph *graph, uint64_t thread)
{
  const MfPythonOffsets *offsets = mf_graph_offsets (graph->memory);
  if (offsets->c_frame >= 0 && offsets->c_frame_current >= 0) {
    uint64_t c_frame = mf_graph_pointer (graph->memory, thread + (uint64_t) offsets->c_frame);
    return c_frame ? mf_graph_pointer (graph->memory, c_frame + (uint64_t) offsets->c_frame_current) : 0;
  }
  return mf_graph_pointer (graph->memory, thread + (uint64_t) offsets->frame);
}

// Up to 3.10 a frame is an object that ends with its values; later one lies behind its caller's, the last one ends where the stack of
// the thread does.
static MfGraphFrame
make_frame (MfObjectGraph *graph, uint64_t at, uint64_t code, uint64_t top)
{
  const MfPythonOffsets *offsets = mf_graph_offsets (graph->memory);
  uint64_t word = (uint64_t) offsets->pointer, room = MOST_VALUES * word;
  MfGraphFrame frame = { .address = at, .code = code };
  if (offsets->version < 0x030b) {
    MfPlace place = mf_graph_place (graph->memory, at);
    uint64_t head = place.kind == MF_PLACE_OBJECT ? (uint64_t) place.type->basic_size - word : 0;
    frame.values = frame.end = at + head;
    frame.end += head ? MIN (mf_graph_pointer (graph->memory, at + 2 * word), MOST_VALUES) * word : 0;
  } else {
    frame.values = at + (uint64_t) offsets->frame_size - word;
    frame.end = top > at && top - at < room ? top : frame.values + room;
  }
  return frame;
}

static void
add_frames (MfObjectGraph *graph, uint64_t thread)
{
  const MfPythonOffsets *offsets = mf_graph_offsets (graph->memory);
  uint64_t at = innermost_frame (graph, thread);
  uint64_t top = offsets->chunk_top >= 0 ? mf_graph_pointer (graph->memory, thread + (uint64_t) offsets->chunk_top) : 0;
  for (int i = 0; at && i < MOST_FRAMES; i++, at = mf_graph_pointer (graph->memory, at + (uint64_t) offsets->frame_back)) {
    uint64_t code = mf_graph_pointer (graph->memory, at + (uint64_t) offsets->frame_code) & ~UINT64_C (3);
    char *function = code ? mf_graph_text (graph->memory, mf_graph_pointer (graph->memory, code + (uint64_t) offsets->name), 120) : NULL;
    MfGraphFrame frame = make_frame (graph, at, code, top);
    frame.function = function;
    if (function)
      g_array_append_val (graph->frames, frame);
    top = at;
  }
}

static void
look_for_frames (MfObjectGraph *graph, const MfProcess *process, const MfPythonRuntime *runtime)
{
  const MfPythonOffsets *offsets = &runtime->offsets;
  uint64_t interpreter = 0;
  for (int i = 0; i < 256 && (interpreter = mf_python_next_interpreter (process, runtime, interpreter)); i++) {
    uint64_t thread = mf_graph_pointer (graph->memory, interpreter + (uint64_t) offsets->threads);
    for (int k = 0; thread && k < 4096; k++, thread = mf_graph_pointer (graph->memory, thread + (uint64_t) offsets->thread_next))
      add_frames (graph, thread);
  }
}

static void
found_in_frame (void *user, const MfEdge *edge)
{
  Growth *growth = user;
  guint before = growth->graph->nodes->len;
  MfEdge root = *edge;
  root.kind = MF_EDGE_ROOT;
  root.at = growth->parent;
  found (growth->graph, &root);
  if (growth->graph->nodes->len > before)
    g_array_index (growth->graph->nodes, MfGraphNode, before).parent = UINT32_MAX;
}

// Variables first, and what they lead to: on the stack there may be remains of values that the function has done with. The lowest
// bits of values are tags since 3.14.
static void
open_frames (MfObjectGraph *graph, bool stacks)
{
  guint before = graph->nodes->len;
  for (guint i = 0; i < graph->frames->len; i++) {
    const MfGraphFrame *frame = &g_array_index (graph->frames, MfGraphFrame, i);
    uint64_t word = (uint64_t) mf_graph_offsets (graph->memory)->pointer;
    uint64_t middle = MIN (frame->values + count_variables (graph, frame->code) * word, frame->end);
    Growth growth = { graph, i };
    mf_memory_edges (graph->memory, stacks ? middle : frame->values, stacks ? frame->end : middle, ~UINT64_C (3), found_in_frame, &growth);
  }
  grow (graph, before);
}

// ---- life

static void
clear_frame (void *pointer)
{
  g_free (((MfGraphFrame *) pointer)->function);
}

void
mf_object_graph_take (MfObjectGraph *graph, MfGraphMemory *memory, const MfProcess *process, const MfPythonRuntime *runtime,
    const MfPymallocHeap *heap)
{
  *graph = (MfObjectGraph) { .memory = memory, .nodes = g_array_new (FALSE, FALSE, sizeof (MfGraphNode)),
    .known = g_hash_table_new (NULL, NULL), .frames = g_array_new (FALSE, FALSE, sizeof (MfGraphFrame)) };
  g_array_set_clear_func (graph->frames, clear_frame);
  look_for_modules (graph, heap);
  grow (graph, 0);
  look_for_frames (graph, process, runtime);
  open_frames (graph, false);
  open_frames (graph, true);
}

void
mf_object_graph_clear (MfObjectGraph *graph)
{
  g_clear_pointer (&graph->nodes, g_array_unref);
  g_clear_pointer (&graph->known, g_hash_table_unref);
  g_clear_pointer (&graph->frames, g_array_unref);
}

// ---- ways

static const MfGraphNode *
node_at (const MfObjectGraph *graph, uint32_t i)
{
  return &g_array_index (graph->nodes, MfGraphNode, i);
}

// From the root to the node. How many.
static uint32_t
trace (const MfObjectGraph *graph, uint32_t node, uint32_t *way)
{
  uint32_t n = 0;
  for (uint32_t at = node; at != UINT32_MAX && n < DEEPEST_WAY; at = node_at (graph, at)->parent)
    way[n++] = at;
  for (uint32_t i = 0; i < n / 2; i++) {
    uint32_t other = way[i];
    way[i] = way[n - 1 - i];
    way[n - 1 - i] = other;
  }
  return n;
}

// Up to 2^30; beyond that and for other kinds of keys only the type is told.
static bool
read_int (const MfObjectGraph *graph, uint64_t at, int64_t *number)
{
  const MfPythonOffsets *offsets = mf_graph_offsets (graph->memory);
  uint64_t word = (uint64_t) offsets->pointer, head = mf_graph_pointer (graph->memory, at + 2 * word);
  uint32_t digit = 0;
  bool recent = offsets->version >= 0x030c;
  int64_t signed_head = word == 8 ? (int64_t) head : (int32_t) (uint32_t) head;
  int64_t digits = recent ? (int64_t) (head >> 3) : ABS (signed_head);
  if (digits > 1 || (digits && !mf_graph_read (graph->memory, at + 3 * word, &digit, sizeof digit)))
    return false;
  *number = (recent ? (head & 3) == 2 : signed_head < 0) ? -(int64_t) digit : (int64_t) digit;
  return true;
}

static void
say_key (const MfObjectGraph *graph, uint64_t key, GString *to)
{
  enum { LONGEST = 40 };
  int64_t number;
  MfPlace place = mf_graph_place (graph->memory, key);
  g_autofree char *text = place.type && !strcmp (place.type->name, "str") ? mf_graph_text (graph->memory, key, LONGEST + 1) : NULL;
  if (text)
    g_string_append_printf (to, "['%.*s%s']", (int) (g_utf8_offset_to_pointer (text, MIN (g_utf8_strlen (text, -1), LONGEST)) - text), text,
        g_utf8_strlen (text, -1) > LONGEST ? "…" : "");
  else if (place.type && !strcmp (place.type->name, "int") && read_int (graph, key, &number))
    g_string_append_printf (to, "[%" G_GINT64_FORMAT "]", number);
  else
    g_string_append_printf (to, "[<%s>]", place.type ? place.type->name : "?");
}

static bool
has_attributes (const MfRemoteType *type)
{
  return type->flags & HEAP_TYPE || type->flags & (uint32_t) TYPE || !strcmp (type->name, "module");
}

// The value of an attribute: what is in the dict of an instance, a module or a class is an attribute of that.
static bool
is_attribute (const MfObjectGraph *graph, const uint32_t *way, uint32_t i)
{
  const MfGraphNode *owner = i >= 2 ? node_at (graph, way[i - 2]) : NULL;
  const MfGraphNode *dict = node_at (graph, way[i - 1]);
  return owner && dict->kind == MF_EDGE_WORD && !strcmp (dict->type->name, "dict") && has_attributes (owner->type);
}

static void
say_frame (const MfObjectGraph *graph, const MfGraphNode *root, GString *to)
{
  const MfGraphFrame *frame = &g_array_index (graph->frames, MfGraphFrame, root->at);
  g_autofree char *name = variable_of (graph, frame, root->where);
  if (name)
    g_string_append_printf (to, "%s().%s", frame->function, name);
  else
    g_string_append_printf (to, "%s().<%s on its stack>", frame->function, root->type->name);
}

static void
say_attribute (const MfObjectGraph *graph, const MfGraphNode *node, const MfGraphNode *parent, GString *to)
{
  const MfPythonOffsets *offsets = mf_graph_offsets (graph->memory);
  uint64_t word = (uint64_t) offsets->pointer;
  int64_t first = offsets->version >= 0x030d ? parent->type->basic_size + (int64_t) word : INT64_MAX;  // value in the object
  g_autofree char *name = NULL;
  if (node->kind == MF_EDGE_PLAIN && has_attributes (parent->type) && offsets->version >= 0x030b && offsets->version < 0x030d)
    name = mf_inline_name (graph->memory, parent->type, node->at / (uint32_t) word);
  else if (node->kind == MF_EDGE_WORD && node->at >= first && has_attributes (parent->type))
    name = mf_inline_name (graph->memory, parent->type, (uint32_t) ((node->at - first) / (int64_t) word));
  if (!name && node->kind == MF_EDGE_WORD && parent->type->flags & HEAP_TYPE)
    name = mf_slot_name (graph->memory, parent->type, node->at);
  if (name)
    g_string_append_printf (to, ".%s", name);
  else
    g_string_append_printf (to, ".<%s at +%u>", node->type->name, node->at);
}

static void
say_step (const MfObjectGraph *graph, const uint32_t *way, uint32_t n, uint32_t i, GString *to)
{
  const MfGraphNode *node = node_at (graph, way[i]), *parent = node_at (graph, way[i - 1]);
  switch ((MfEdgeKind) node->kind) {
  case MF_EDGE_ITEM:
    g_string_append_printf (to, "[%u]", node->at);
    break;
  case MF_EDGE_KEY:
    g_string_append (to, ".<key>");
    break;
  case MF_EDGE_MEMBER:
    g_string_append (to, ".<member>");
    break;
  case MF_EDGE_VALUE: {
    uint64_t key = mf_dict_key (graph->memory, parent->address, node->at);
    g_autofree char *name = is_attribute (graph, way, i) || parent->address == graph->modules ? mf_graph_text (graph->memory, key, LONGEST_NAME) : NULL;
    if (name)
      g_string_append_printf (to, "%s%s", parent->address == graph->modules ? "" : ".", name);
    else
      say_key (graph, key, to);
    break;
  }
  default:
    // the dict of an object is told with what is in it
    if (i + 1 < n && is_attribute (graph, way, i + 1) && node_at (graph, way[i + 1])->kind == MF_EDGE_VALUE)
      break;
    if (!strcmp (parent->type->name, "cell"))
      break; // of a variable that an inner function uses, too
    say_attribute (graph, node, parent, to);
  }
}

char *
mf_object_graph_way (const MfObjectGraph *graph, uint32_t node, bool *holds)
{
  uint32_t way[DEEPEST_WAY], n = trace (graph, node, way);
  const MfGraphNode *root = node_at (graph, way[0]);
  GString *text = g_string_new (NULL);
  uint64_t tags = mf_graph_offsets (graph->memory)->version >= 0x030e ? 3 : 0;
  *holds = root->parent == UINT32_MAX;
  if (root->parent != UINT32_MAX)
    g_string_append (text, "…");
  else if (root->at != UINT32_MAX)
    say_frame (graph, root, text);
  else if (n == 1)
    g_string_append (text, "sys.modules");
  for (uint32_t i = 0; i < n; i++) {
    const MfGraphNode *at = node_at (graph, way[i]);
    *holds = *holds && (!at->where || (mf_graph_pointer_now (graph->memory, at->where) & ~tags) == at->address);
    if (i)
      say_step (graph, way, n, i, text);
  }
  return g_string_free (text, FALSE);
}

char *
mf_object_graph_shape (const MfObjectGraph *graph, uint32_t node)
{
  uint32_t way[DEEPEST_WAY], n = trace (graph, node, way);
  GString *text = g_string_new (NULL);
  for (uint32_t i = 0; i < n; i++) {
    const MfGraphNode *at = node_at (graph, way[i]);
    bool listed = at->kind == MF_EDGE_ITEM || at->kind == MF_EDGE_KEY || at->kind == MF_EDGE_MEMBER;
    // values of a dict are alike, attributes are not
    bool alike = listed || (at->kind == MF_EDGE_VALUE && i && !is_attribute (graph, way, i) && node_at (graph, way[i - 1])->address != graph->modules);
    g_string_append_printf (text, "%d %s", at->kind, at->type->name);
    if (!alike)
      g_string_append_printf (text, " %u %" G_GINT64_MODIFIER "x", at->at, at->kind == MF_EDGE_ROOT ? at->where : 0);
    g_string_append_c (text, '\n');
  }
  return g_string_free (text, FALSE);
}
