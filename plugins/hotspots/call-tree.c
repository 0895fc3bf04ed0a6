// SPDX-License-Identifier: Apache-2.0
// The tree of calls at the peak. Interned stacks are a tree already; bytes flow from its leaves to
// its roots, each node once, so that deep recursion costs no more than its frames.
#include <stdlib.h>
#include <string.h>

#include "call-sites.h"

enum { FIRST_ROOM = 64 };

// ---- nodes by stack

static uint32_t
find_place (const MfCallTree *tree, uint32_t stack)
{
  uint32_t i = mf_site_hash (stack) & tree->mask;
  while (tree->places[i] && tree->nodes[tree->places[i] - 1].stack != stack)
    i = (i + 1) & tree->mask;
  return i;
}

static bool
grow (MfCallTree *tree)
{
  if (tree->room > UINT32_MAX / 4)
    return false;
  uint32_t room = tree->room ? tree->room * 2 : FIRST_ROOM;
  MfCallNode *nodes = mf_trace_resize (&tree->memory, tree->nodes, (size_t) room * sizeof *nodes);
  if (!nodes)
    return false;
  tree->nodes = nodes;
  tree->room = room;
  uint32_t *places
      = mf_trace_resize (&tree->memory, tree->places, (size_t) room * 2 * sizeof *places);
  if (!places)
    return false;
  tree->places = memset (places, 0, (size_t) room * 2 * sizeof *places);
  tree->mask = room * 2 - 1;
  for (uint32_t i = 0; i < tree->n; i++)
    tree->places[find_place (tree, tree->nodes[i].stack)] = i + 1;
  return true;
}

// The node of a stack; *added tells whether it is new. MF_NO_NODE = there is no memory.
static uint32_t
node_of (MfCallTree *tree, uint32_t stack, bool *added)
{
  if (tree->n == tree->room && !grow (tree))
    return MF_NO_NODE;
  uint32_t place = find_place (tree, stack);
  *added = tree->places[place] == 0;
  if (*added) {
    tree->nodes[tree->n] = (MfCallNode){ .stack = stack, .parent = MF_NO_NODE };
    tree->places[place] = ++tree->n;
  }
  return tree->places[place] - 1;
}

static MfStack
caller_of (const MfTraceNames *names, uint32_t stack)
{
  MfStack caller = { 0 };
  MfFrame frame;
  if (stack && !names->frame (names->user, (MfStack){ stack }, &frame, &caller))
    return (MfStack){ 0 };
  return caller;
}

// Adds a stack and those of its callers that are not there yet.
static bool
add_stack (MfCallTree *tree, const MfTraceNames *names, uint32_t stack, uint64_t bytes)
{
  bool added;
  uint32_t node = node_of (tree, stack, &added);
  if (node == MF_NO_NODE)
    return false;
  tree->nodes[node].own += bytes;
  tree->nodes[node].bytes += bytes;
  while (added) {
    MfStack caller = caller_of (names, tree->nodes[node].stack);
    if (!caller.id)
      return true;
    uint32_t parent = node_of (tree, caller.id, &added);
    if (parent == MF_NO_NODE)
      return false;
    tree->nodes[node].parent = parent;
    tree->nodes[parent].children++;
    node = parent;
  }
  return true;
}

// ---- sums and depths

// Gives a leaf's bytes to its callers as far as they wait for no other child.
static void
pour (MfCallTree *tree, uint32_t node)
{
  for (uint32_t parent; (parent = tree->nodes[node].parent) != MF_NO_NODE; node = parent) {
    tree->nodes[parent].bytes += tree->nodes[node].bytes;
    if (--tree->nodes[parent].children > 0)
      return;
  }
}

static void
sum_up (MfCallTree *tree)
{
  for (uint32_t i = 0; i < tree->n; i++) // `depth` marks those that were leaves at first
    tree->nodes[i].depth = tree->nodes[i].children == 0;
  for (uint32_t i = 0; i < tree->n; i++)
    if (tree->nodes[i].depth)
      pour (tree, i);
  for (uint32_t i = 0; i < tree->n; i++)
    tree->nodes[i].depth = 0;
}

// Roots are at depth 1. A path is walked up to the first known depth, then down again by its
// length.
static void
measure_depth (MfCallTree *tree, uint32_t node)
{
  uint32_t length = 0, at = node;
  for (; at != MF_NO_NODE && tree->nodes[at].depth == 0; at = tree->nodes[at].parent)
    length++;
  uint32_t depth = (at == MF_NO_NODE ? 0 : tree->nodes[at].depth) + length;
  for (at = node; length > 0; at = tree->nodes[at].parent, length--)
    tree->nodes[at].depth = depth--;
}

bool
mf_call_tree_init (MfCallTree *tree, const MfAllocationTrace *trace, const MfTraceNames *names)
{
  *tree = (MfCallTree){ .memory = trace->memory };
  for (uint32_t i = 0; i < trace->sites.n; i++) {
    uint64_t bytes = mf_tally_peak (&trace->sites.tallies[i], &trace->water);
    if (bytes && !add_stack (tree, names, trace->sites.histories[i].stack, bytes))
      return false;
  }
  sum_up (tree);
  for (uint32_t i = 0; i < tree->n; i++)
    measure_depth (tree, i);
  return true;
}

void
mf_call_tree_free (MfCallTree *tree)
{
  mf_trace_release (&tree->memory, tree->nodes);
  mf_trace_release (&tree->memory, tree->places);
  *tree = (MfCallTree){ .memory = tree->memory };
}

// ---- pruning

static int
by_bytes (const void *a, const void *b)
{
  const MfCallNode *first = a, *second = b;
  if (first->bytes != second->bytes)
    return first->bytes < second->bytes ? 1 : -1;
  if (first->depth != second->depth)
    return first->depth < second->depth ? -1 : 1;
  return first->stack < second->stack ? -1 : first->stack > second->stack;
}

// The nodes are sorted by bytes: the first child found is the largest. `children` becomes the index
// of the next sibling, `places` that of the first child, so that reading order needs no search.
static void
link_siblings (MfCallTree *tree, uint32_t *first_root)
{
  *first_root = MF_NO_NODE;
  for (uint32_t i = 0; i < tree->n; i++)
    tree->places[i] = MF_NO_NODE;
  for (uint32_t i = tree->n; i-- > 0;) {
    uint32_t parent = tree->nodes[i].parent;
    uint32_t *first = parent == MF_NO_NODE ? first_root : &tree->places[parent];
    tree->nodes[i].children = *first;
    *first = i;
  }
}

static uint32_t
next_in_reading (const MfCallTree *tree, uint32_t node)
{
  if (tree->places[node] != MF_NO_NODE)
    return tree->places[node];
  while (node != MF_NO_NODE && tree->nodes[node].children == MF_NO_NODE)
    node = tree->nodes[node].parent;
  return node == MF_NO_NODE ? MF_NO_NODE : tree->nodes[node].children;
}

// Parents are named by stack while nodes move; 0 is never the caller of anything.
static void
name_parents_by_stack (MfCallTree *tree)
{
  for (uint32_t i = 0; i < tree->n; i++)
    tree->nodes[i].children
        = tree->nodes[i].parent == MF_NO_NODE ? 0 : tree->nodes[tree->nodes[i].parent].stack;
}

static void
find_parents_by_stack (MfCallTree *tree)
{
  memset (tree->places, 0, ((size_t) tree->mask + 1) * sizeof *tree->places);
  for (uint32_t i = 0; i < tree->n; i++)
    tree->places[find_place (tree, tree->nodes[i].stack)] = i + 1;
  for (uint32_t i = 0; i < tree->n; i++) {
    uint32_t stack = tree->nodes[i].children;
    tree->nodes[i].parent = stack ? tree->places[find_place (tree, stack)] - 1 : MF_NO_NODE;
  }
}

bool
mf_call_tree_prune (MfCallTree *tree, uint32_t most)
{
  if (tree->n == 0)
    return true;
  name_parents_by_stack (tree);
  qsort (tree->nodes, tree->n, sizeof *tree->nodes, by_bytes);
  tree->n = tree->n < most ? tree->n : most;
  find_parents_by_stack (tree);
  MfCallNode *read = mf_trace_resize (&tree->memory, NULL, tree->n * sizeof *read + 1);
  if (!read)
    return false;
  uint32_t at, n = 0;
  for (link_siblings (tree, &at); at != MF_NO_NODE; at = next_in_reading (tree, at)) {
    MfCallNode *node = &tree->nodes[at];
    read[n] = *node;
    if (node->parent != MF_NO_NODE)
      read[n].parent = tree->nodes[node->parent].depth;
    node->depth = n++; // from here on where it went: a caller goes before what it called
  }
  mf_trace_release (&tree->memory, tree->nodes);
  tree->nodes = read;
  tree->room = n;
  return true;
}
