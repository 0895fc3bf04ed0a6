// SPDX-License-Identifier: Apache-2.0
// sample-stacks PID LOOKS PAUSE_NS never|brief: reads the stacks of a process again and again, and prints each different
// one with how often it was seen, outermost function first. The tests judge whether those stacks can be.
#include <memflow/event.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "python-stacks.h"
#include "standstill.h"

typedef struct {
  MfStack caller;
  MfFrame frame;
  uint64_t seen;
} Node;

typedef struct {
  GArray *nodes;       // of Node; a stack's id is its index + 1
  GHashTable *places;  // Node by value -> id
} Names;

static guint
hash_node (const void *pointer)
{
  const Node *node = pointer;
  return node->caller.id * 31 + node->frame.function.id * 1009 + node->frame.line * 65537;
}

static gboolean
same_node (const void *a, const void *b)
{
  const Node *x = a, *y = b;
  return x->caller.id == y->caller.id && x->frame.function.id == y->frame.function.id && x->frame.line == y->frame.line;
}

static MfString
intern (void *user, const char *text, size_t n)
{
  (void) user;
  g_autofree char *name = g_strndup (text, n);
  return (MfString) { g_quark_from_string (name) };
}

static MfStack
intern_stack (void *user, MfStack caller, MfFrame frame)
{
  Names *names = user;
  const Node node = { caller, frame, 0 };
  uint32_t id = GPOINTER_TO_UINT (g_hash_table_lookup (names->places, &node));
  if (id)
    return (MfStack) { id };
  g_array_append_val (names->nodes, node);
  g_hash_table_insert (names->places, g_memdup2 (&node, sizeof node), GUINT_TO_POINTER (names->nodes->len));
  return (MfStack) { names->nodes->len };
}

static void
print_stack (const Names *names, uint32_t id)
{
  const Node *node = &g_array_index (names->nodes, Node, id - 1);
  if (node->caller.id)
    print_stack (names, node->caller.id);
  printf ("%s%s:%u", node->caller.id ? ";" : "", g_quark_to_string (node->frame.function.id), node->frame.line);
}

static int64_t
clock_ns (clockid_t clock)
{
  struct timespec now;
  clock_gettime (clock, &now);
  return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool
look (const MfProcess *process, MfStackReader *reader, Names *names, bool brief)
{
  MfStandstill *standstill = brief ? mf_standstill_begin (process, NULL) : NULL;
  const GArray *stacks = mf_stack_reader_take (reader, clock_ns (CLOCK_MONOTONIC));
  if (standstill)
    mf_standstill_end (standstill);
  for (guint i = 0; stacks && i < stacks->len; i++) {
    const MfThreadStack *stack = &g_array_index (stacks, MfThreadStack, i);
    if (stack->stack.id)
      g_array_index (names->nodes, Node, stack->stack.id - 1).seen++;
  }
  return stacks != NULL;
}

static int
sample (MfProcess *process, const MfPythonRuntime *runtime, uint64_t looks, int64_t pause, bool brief)
{
  g_autoptr (GArray) nodes = g_array_new (FALSE, FALSE, sizeof (Node));
  g_autoptr (GHashTable) places = g_hash_table_new_full (hash_node, same_node, g_free, NULL);
  Names names = { nodes, places };
  const MfStackNames how = { &names, intern, intern_stack };
  g_autoptr (MfStackReader) reader = mf_stack_reader_new (process, runtime, &how);
  int64_t cpu = clock_ns (CLOCK_THREAD_CPUTIME_ID), wall = clock_ns (CLOCK_MONOTONIC);
  uint64_t i = 0;
  for (; i < looks && look (process, reader, &names, brief); i++)
    if (pause)
      clock_nanosleep (CLOCK_MONOTONIC, 0, &(struct timespec) { 0, pause }, NULL);
  cpu = clock_ns (CLOCK_THREAD_CPUTIME_ID) - cpu;
  wall = clock_ns (CLOCK_MONOTONIC) - wall;
  for (guint n = 0; n < names.nodes->len; n++)
    if (g_array_index (names.nodes, Node, n).seen) {
      printf ("%" PRIu64 " ", g_array_index (names.nodes, Node, n).seen);
      print_stack (&names, n + 1);
      printf ("\n");
    }
  MfStackCounts counts = mf_stack_reader_counts (reader);
  printf ("# looks %" PRIu64 " stacks %" PRIu64 " retried %" PRIu64 " shortened %" PRIu64 " torn %" PRIu64 " cpu_ns %" PRId64 " wall_ns %" PRId64 "\n",
      i, counts.stacks, counts.retried, counts.shortened, counts.torn, cpu, wall);
  return i ? 0 : 1;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  MfPythonRuntime runtime = { 0 };
  if (argc != 5)
    return fprintf (stderr, "usage: %s PID LOOKS PAUSE_NS never|brief\n", argv[0]), 2;
  g_autoptr (MfProcess) process = mf_process_open (atoi (argv[1]), &error);
  if (!process || !mf_python_runtime_find (process, &runtime, &error))
    return fprintf (stderr, "%s\n", error->message), 1;
  int status = sample (process, &runtime, strtoull (argv[2], NULL, 10), strtoll (argv[3], NULL, 10), strcmp (argv[4], "brief") == 0);
  mf_python_runtime_clear (&runtime);
  return status;
}
