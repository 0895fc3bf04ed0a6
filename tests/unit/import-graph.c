// SPDX-License-Identifier: Apache-2.0
// The graph of imports: order of loading, circles, entry points, and savings against a search for
// what is left when a module is taken away.
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "import-graph.h"
#include "needs.h"

static void *
resize (void *user, void *old, size_t bytes)
{
  uint32_t *allowed = user;
  if (!bytes) {
    free (old);
    return NULL;
  }
  if (allowed && !*allowed)
    return NULL;
  if (allowed)
    --*allowed;
  return realloc (old, bytes);
}

// "a>b a:c a~d": a imports b at once, c in a call, d is a package. Letters are keys.
static MfImportGraph
graph_of (const char *text, uint32_t *allowed)
{
  MfImportGraph graph;
  mf_import_graph_init (&graph, (MfGraphMemory) { allowed, resize });
  for (; *text; text += text[3] ? 4 : 3) {
    uint32_t from = mf_import_graph_node (&graph, (uint32_t) text[0]), to = mf_import_graph_node (&graph, (uint32_t) text[2]);
    MfImportEdge edge = { from, to, 1, text[1] == ':', text[1] == '~' };
    g_assert_true (mf_import_graph_edge (&graph, &edge));
  }
  return graph;
}

static const MfImportNode *
node (const MfImportGraph *graph, char name)
{
  return &graph->nodes[mf_import_graph_find (graph, (uint32_t) name)];
}

static char *
loaded (const MfImportGraph *graph)
{
  GString *text = g_string_new (NULL);
  for (uint32_t i = 0; i < graph->n_loaded; i++)
    g_string_append_c (text, (char) graph->nodes[graph->loaded[i]].key);
  return g_string_free (text, FALSE);
}

static char
loader (const MfImportGraph *graph, char name)
{
  uint32_t by = node (graph, name)->loader;
  return by == MF_NO_NODE ? '-' : (char) graph->nodes[by].key;
}

static void
test_order (void)
{
  static const struct { const char *edges, *order, *loaders; } rows[] = {
    { "a>b a>c b>d c>d", "abdc", "-aab" },       // d below its first importer
    { "a:b a>c c>d", "acdb", "-aca" },           // calls come last
    { "a>b b:d d>e a>c", "abcde", "-aabd" },     // and what they load at once
    { "a>b b>a", "ab", "-a" },
    { "x>y a>b", "ab", "-a" },                   // not reached
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    MfImportGraph graph = graph_of (rows[i].edges, NULL);
    uint32_t entry = mf_import_graph_find (&graph, 'a');
    g_assert_true (mf_import_graph_close (&graph, &entry, 1));
    g_autofree char *order = loaded (&graph);
    g_assert_cmpstr (order, ==, rows[i].order);
    for (gsize k = 0; rows[i].loaders[k]; k++)
      g_assert_true (strchr (rows[i].loaders, loader (&graph, order[k])));
    mf_import_graph_clear (&graph);
  }
}

static void
test_details (void)
{
  MfImportGraph graph = graph_of ("a>b b>c c>a c~b a>d d>c a>d a:e e>f f>d", NULL);
  uint32_t entry = mf_import_graph_find (&graph, 'a');
  g_assert_true (mf_import_graph_close (&graph, &entry, 1));
  g_assert_cmpuint (node (&graph, 'c')->returns, ==, entry); // the package does not count
  g_assert_cmpuint (node (&graph, 'b')->returns, ==, MF_NO_NODE);
  g_assert_cmpuint (node (&graph, 'd')->importers, ==, 2);   // a and f; twice by a
  g_assert_cmpuint (node (&graph, 'e')->reached, ==, MF_REACHED_IN_A_CALL);
  g_assert_cmpuint (node (&graph, 'f')->reached, ==, MF_REACHED_IN_A_CALL);
  g_assert_cmpuint (node (&graph, 'd')->reached, ==, MF_REACHED_AT_ONCE);
  mf_import_graph_clear (&graph);
}

static void
test_sources (void)
{
  static const struct { const char *edges, *candidates, *sources; } rows[] = {
    { "a>b c>b", "abc", "ac" }, { "a>b b>a", "ab", "a" }, { "a>b b>a", "ba", "b" },
    { "a>b b>a c>a", "abc", "c" }, { "a>b b>c c>b d>e", "abcde", "ad" }, { "a:b", "ba", "a" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    MfImportGraph graph = graph_of (rows[i].edges, NULL);
    uint32_t candidates[8], sources[8], n_sources, n = 0;
    for (const char *c = rows[i].candidates; *c; c++)
      candidates[n++] = mf_import_graph_find (&graph, (uint32_t) *c);
    g_assert_true (mf_import_graph_sources (&graph, candidates, n, sources, &n_sources));
    g_assert_cmpuint (n_sources, ==, strlen (rows[i].sources));
    for (uint32_t k = 0; k < n_sources; k++)
      g_assert_true (strchr (rows[i].sources, (int) graph.nodes[sources[k]].key));
    mf_import_graph_clear (&graph);
  }
}

// ---- savings, by taking modules away

enum { MOST = 12 };

typedef struct { bool at_once[MOST][MOST], in_call[MOST][MOST]; } Matrix;

static void
reach (const Matrix *matrix, uint32_t n, uint32_t from, uint32_t without, bool calls, bool *seen)
{
  if (from == without || seen[from])
    return;
  seen[from] = true;
  for (uint32_t to = 0; to < n; to++)
    if (matrix->at_once[from][to] || (calls && matrix->in_call[from][to]))
      reach (matrix, n, to, without, calls, seen);
}

// What is loaded at the start is loaded by nothing that comes later.
static void
leave_out_later (Matrix *matrix, uint32_t n, const bool *start)
{
  for (uint32_t from = 0; from < n; from++)
    for (uint32_t to = 0; to < n; to++)
      if (start[to]) {
        matrix->at_once[from][to] &= start[from];
        matrix->in_call[from][to] = false;
      }
}

static void
check_savings (Matrix *matrix, uint32_t n, const MfImportGraph *graph)
{
  uint64_t own[MOST], with[MOST], saved[MOST], all = 0;
  for (uint32_t i = 0; i < n; i++)
    own[i] = 1 + (uint64_t) (i * i);
  mf_import_graph_sum (graph, own, with, saved);
  bool start[MOST] = { 0 }, ever[MOST] = { 0 };
  reach (matrix, n, 0, MOST, false, start);
  reach (matrix, n, 0, MOST, true, ever);
  leave_out_later (matrix, n, start);
  for (uint32_t gone = 0; gone < n; gone++) {
    bool left[MOST] = { 0 };
    uint64_t expected = 0;
    reach (matrix, n, 0, gone, true, left);
    for (uint32_t i = 0; i < n; i++)
      expected += ever[i] && !left[i] ? own[i] : 0;
    g_assert_cmpuint (saved[gone], ==, ever[gone] ? expected : 0);
    all += ever[gone] ? own[gone] : 0;
    g_assert_cmpuint (graph->nodes[gone].reached, ==,
      start[gone] ? MF_REACHED_AT_ONCE : ever[gone] ? MF_REACHED_IN_A_CALL : MF_REACHED_NEVER);
  }
  g_assert_cmpuint (with[0], ==, all); // nothing is counted twice, nothing is lost
}

static void
test_savings (void)
{
  for (int round = 0; round < 2000; round++) {
    MfImportGraph graph;
    Matrix matrix = { 0 };
    uint32_t n = (uint32_t) g_test_rand_int_range (1, MOST + 1), entry = 0;
    mf_import_graph_init (&graph, (MfGraphMemory) { NULL, resize });
    for (uint32_t i = 0; i < n; i++)
      g_assert_cmpuint (mf_import_graph_node (&graph, 100 + i), ==, i);
    for (int i = g_test_rand_int_range (0, 3 * MOST); i > 0; i--) {
      MfImportEdge edge = { (uint32_t) g_test_rand_int_range (0, (gint32) n), (uint32_t) g_test_rand_int_range (0, (gint32) n),
        1, g_test_rand_int_range (0, 3) == 0, false };
      (edge.in_call ? matrix.in_call : matrix.at_once)[edge.from][edge.to] = true;
      g_assert_true (mf_import_graph_edge (&graph, &edge));
    }
    g_assert_true (mf_import_graph_close (&graph, &entry, 1));
    check_savings (&matrix, n, &graph);
    mf_import_graph_clear (&graph);
  }
}

// A chain of a million would end a walk that calls itself.
static void
test_long_chain (void)
{
  enum { LONG = 500000 };
  MfImportGraph graph;
  uint32_t entry = 0;
  mf_import_graph_init (&graph, (MfGraphMemory) { NULL, resize });
  for (uint32_t i = 0; i < LONG; i++)
    g_assert_cmpuint (mf_import_graph_node (&graph, i + 1), ==, i);
  for (uint32_t i = 0; i + 1 < LONG; i++)
    g_assert_true (mf_import_graph_edge (&graph, &(MfImportEdge) { i, i + 1, 1, i == 7, false }));
  g_assert_true (mf_import_graph_close (&graph, &entry, 1));
  g_assert_cmpuint (graph.n_loaded, ==, LONG);
  g_assert_cmpuint (graph.nodes[LONG - 1].dominator, ==, LONG - 2);
  mf_import_graph_clear (&graph);
}

// Each refusal of memory in turn ends the work and leaks nothing.
static void
test_no_memory (void)
{
  bool done = false;
  for (uint32_t allowed = 4; !done; allowed++) {
    uint32_t left = allowed, entry = 0, n_sources, source;
    MfImportGraph graph = graph_of ("a>b b>c", &left);
    done = mf_import_graph_sources (&graph, &entry, 1, &source, &n_sources) && mf_import_graph_close (&graph, &entry, 1);
    mf_import_graph_clear (&graph);
    g_assert_cmpuint (allowed, <, 30);
  }
}

// ---- what a program needs

#define SAME(n) ((MfNeed) { n, n, n, false })

static void
test_needs (void)
{
  MfNeedModule modules[] = {
    { MF_NO_MODULE, false, SAME (100), SAME (150), 0 },
    { 0, false, { 10, 20, 40, false }, { 60, 80, 100, false }, 0 },
    { 1, true, SAME (1000), SAME (5000), 0 },
  };
  MfNeedOfModules needs = mf_needs_of_modules (modules, 3);
  g_assert_cmpuint (needs.start.low, ==, 110);
  g_assert_cmpuint (needs.start.high, ==, 140);
  g_assert_cmpuint (needs.later.likely, ==, 1000);
  g_assert_cmpuint (needs.start_peak.low, ==, 110 + 50);
  g_assert_cmpuint (needs.start_peak.likely, ==, 120 + 60);
  g_assert_cmpuint (needs.start_peak.high, ==, 140 + 50 + 60); // both wait
  MfNeed program = mf_needs_of_program (&needs, (MfNeed) { 5, 300, 300, true });
  g_assert_cmpuint (program.low, ==, 160);
  g_assert_cmpuint (program.likely, ==, 420);
  g_assert_cmpuint (program.high, ==, 140 + 300 + 1000);
  g_assert_true (program.unbounded);
  g_assert_cmpuint (mf_need_add (SAME (UINT64_MAX), SAME (1)).high, ==, UINT64_MAX);
  g_assert_cmpuint (mf_need_allowed (1000, 0), ==, 1000);
  g_assert_cmpuint (mf_need_allowed (1000, 12.5), ==, 875);
  g_assert_cmpuint (mf_need_allowed (UINT64_MAX, 0), ==, UINT64_MAX);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/import-graph/order", test_order);
  g_test_add_func ("/import-graph/details", test_details);
  g_test_add_func ("/import-graph/sources", test_sources);
  g_test_add_func ("/import-graph/savings", test_savings);
  g_test_add_func ("/import-graph/long-chain", test_long_chain);
  g_test_add_func ("/import-graph/no-memory", test_no_memory);
  g_test_add_func ("/import-graph/needs", test_needs);
  return g_test_run ();
}
