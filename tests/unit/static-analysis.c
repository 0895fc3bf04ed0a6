// SPDX-License-Identifier: Apache-2.0
// The parts of the static analysis by themselves: abstract objects and what they take on a target, text that is made of values, flow
// graphs, and modules of MicroPython from their bytes.
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "bytecode/mpy-module.h"
#include "module-cost.h"

enum { ROOM = 1 << 20 };

static void *
resize (void *user G_GNUC_UNUSED, void *old, size_t bytes)
{
  if (bytes)
    return realloc (old, bytes);
  free (old);
  return NULL;
}

static const MfCodeMemory memory = { .resize = resize };

// A machine without a module, for what needs no code.
typedef struct {
  MfTarget target;
  MfMachine machine;
  MfBuiltins builtins;
} Fixture;

static void
begin (Fixture *f, MfTarget target)
{
  memset (f, 0, sizeof *f);
  f->target = target;
  mf_heap_init (&f->machine.heap, &f->target, true, ROOM);
  mf_builtins_init (&f->builtins);
  f->machine.builtins = &f->builtins;
}

static void
end (Fixture *f)
{
  mf_heap_end (&f->machine.heap);
}

// ---- objects

// What `n` entries and items that come one by one take, by the growth rules of the target.
static void
test_growth (void)
{
  static const struct { uint32_t n; uint64_t dict_3_11, list_3_11, dict_micropython, list_micropython; } rows[] = {
    { 0, 64, 56, 32, 64 }, { 1, 184, 88, 64, 64 }, { 5, 184, 120, 128, 96 }, { 6, 272, 120, 128, 96 }, { 100, 3328, 920, 2064, 1056 } };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    for (int micropython = 0; micropython < 2; micropython++) {
      Fixture f;
      begin (&f, micropython ? mf_target_micropython (1, 25, 8) : mf_target_cpython (3, 11, 2, 8));
      MfHeap *heap = &f.machine.heap;
      MfThing *dict = mf_thing_map (heap, MF_PY_DICT, 0), *list = mf_thing_list (heap, NULL, 0, 0);
      uint64_t keys = 0;
      for (uint32_t k = 0; k < rows[i].n; k++) {
        char name[16];
        g_snprintf (name, sizeof name, "k%u", k);
        MfThing *key = mf_thing_text (heap, MF_PY_STR, name, strlen (name));
        keys += key->bytes;
        mf_map_set (heap, dict->map, dict, key, mf_thing_none (heap));
        mf_list_append (heap, list, mf_thing_none (heap));
      }
      uint64_t dict_bytes = dict->bytes, list_bytes = list->bytes;
      g_assert_cmpuint (heap->count.live, ==, dict_bytes + list_bytes + keys);
      if (micropython) {
        g_assert_cmpuint (dict_bytes, ==, rows[i].dict_micropython);
        g_assert_cmpuint (list_bytes, ==, rows[i].list_micropython);
      } else {
        g_assert_cmpuint (dict_bytes, ==, rows[i].dict_3_11);
        g_assert_cmpuint (list_bytes, ==, rows[i].list_3_11);
      }
      mf_thing_unref (heap, dict);
      mf_thing_unref (heap, list);
      g_assert_cmpuint (heap->count.live, ==, 0);
      end (&f);
    }
}

// A key that is there already takes nothing, one that is taken out keeps its place, a cycle of references is never freed.
static void
test_references (void)
{
  Fixture f;
  begin (&f, mf_target_cpython (3, 11, 2, 8));
  MfHeap *heap = &f.machine.heap;
  MfThing *list = mf_thing_list (heap, NULL, 0, 0);
  mf_list_append (heap, list, mf_thing_ref (list));
  uint64_t one = heap->count.live;
  mf_thing_unref (heap, list);
  g_assert_cmpuint (heap->count.live, ==, one);
  MfThing *a = mf_thing_text (heap, MF_PY_STR, "key", 3), *b = mf_thing_text (heap, MF_PY_STR, "key", 3);
  MfThing *dict = mf_thing_map (heap, MF_PY_DICT, 0);
  mf_map_set (heap, dict->map, dict, a, mf_thing_int (heap, 100000));
  uint64_t before = dict->bytes;
  mf_map_set (heap, dict->map, dict, b, mf_thing_int (heap, 5));
  g_assert_cmpuint (dict->bytes, ==, before);
  g_assert_cmpuint (mf_map_length (dict->map), ==, 1);
  g_assert_true (mf_map_remove (heap, dict->map, a));
  g_assert_null (mf_map_find_text (dict->map, "key", 3));
  mf_thing_unref (heap, dict);
  g_assert_cmpuint (heap->count.live, ==, one);
  end (&f);
}

// ---- text

static char *
formatted (const char *format, MfThing **arguments, uint32_t n, MfThing *kwnames, Fixture *f)
{
  MfHeap *heap = &f->machine.heap;
  MfThing *text = mf_thing_text (heap, MF_PY_STR, format, strlen (format));
  MfThing *result = mf_machine_format_fields (&f->machine, text, arguments, n, kwnames);
  char *copy = result->text.bytes ? g_strndup (result->text.bytes, result->text.n) : g_strdup_printf ("%u?", result->text.length);
  mf_thing_unref (heap, text);
  mf_thing_unref (heap, result);
  return copy;
}

// Lengths are what counts: padding may stand on the wrong side.
static void
test_format (void)
{
  static const struct { const char *format, *length_of; } rows[] = { { "plain", "plain" }, { "{}", "7" }, { "{:05d}", "00007" },
    { "{0}{0}", "77" }, { "{1:.2f}", "2.50" }, { "{{}}", "{}" }, { "{!r}", "7" }, { "a{}b{}c", "a7b2.5c" }, { "{2!r}", "'txt'" },
    { "{name}", "5" }, { "{name:>4}", "   5" }, { "{", "" } };
  Fixture f;
  begin (&f, mf_target_micropython (1, 25, 4));
  MfHeap *heap = &f.machine.heap;
  MfThing *name = mf_thing_text (heap, MF_PY_STR, "name", 4), *names = mf_thing_tuple (heap, &name, 1);
  MfThing *arguments[] = { mf_thing_int (heap, 7), mf_thing_float (heap, 2.5), mf_thing_text (heap, MF_PY_STR, "txt", 3), mf_thing_int (heap, 5) };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *text = formatted (rows[i].format, arguments, 3, names, &f);
    g_assert_cmpuint (strlen (text), >=, strlen (rows[i].length_of));
    if (rows[i].length_of[0])
      g_assert_cmpuint (strlen (text), ==, strlen (rows[i].length_of));
  }
  // what is not there has a length that is not known, and that is said
  g_assert_false (f.machine.unbounded);
  uint32_t notes = f.machine.n_notes;
  g_autofree char *missing = formatted ("{other}", arguments, 3, names, &f);
  g_assert_true (g_str_has_suffix (missing, "?"));
  g_assert_cmpuint (f.machine.n_notes, >, notes);
  end (&f);
}

// ---- flow graphs

typedef struct {
  MfDo what;
  uint32_t target;
} Op;

static void
graph_of (const Op *ops, uint32_t n, MfArena *arena, MfFlowGraph *graph)
{
  static const MfPyCode code;
  MfOperation *operations = mf_arena_take (arena, n * sizeof *operations);
  for (uint32_t i = 0; i < n; i++)
    operations[i] = (MfOperation){ .what = (uint8_t) ops[i].what, .target = ops[i].target, .offset = i, .line = i + 1 };
  g_assert_true (mf_flow_graph (&code, operations, n, arena, graph));
}

enum { NONE = MF_PY_NO_TARGET };

static void
test_branches (void)
{
  // if a: b else: c; return
  static const Op ops[] = { { MF_DO_LOAD_LOCAL, NONE }, { MF_DO_BRANCH, 4 }, { MF_DO_POP, NONE }, { MF_DO_JUMP, 5 }, { MF_DO_POP, NONE },
    { MF_DO_RETURN, NONE } };
  MfArena arena;
  MfFlowGraph graph;
  mf_arena_init (&arena, &memory);
  graph_of (ops, G_N_ELEMENTS (ops), &arena, &graph);
  g_assert_cmpuint (graph.n, ==, 4);
  g_assert_cmpuint (graph.n_order, ==, 4);
  g_assert_cmpuint (graph.n_loops, ==, 0);
  g_assert_cmpuint (graph.blocks[0].next[0], ==, 1);
  g_assert_cmpuint (graph.blocks[0].next[1], ==, 2);
  g_assert_cmpuint (graph.blocks[1].next[1], ==, 3);
  g_assert_cmpuint (graph.blocks[3].next[0], ==, MF_NO_BLOCK);
  mf_arena_free (&arena);
}

static void
test_loops (void)
{
  // for a in x: for b in y: pass; and code that nothing reaches
  static const Op ops[] = { { MF_DO_ITERATE, NONE }, { MF_DO_NEXT, 8 }, { MF_DO_POP, NONE }, { MF_DO_ITERATE, NONE }, { MF_DO_NEXT, 7 },
    { MF_DO_POP, NONE }, { MF_DO_JUMP, 4 }, { MF_DO_JUMP, 1 }, { MF_DO_RETURN, NONE }, { MF_DO_POP, NONE }, { MF_DO_UNKNOWN, NONE } };
  MfArena arena;
  MfFlowGraph graph;
  mf_arena_init (&arena, &memory);
  graph_of (ops, G_N_ELEMENTS (ops), &arena, &graph);
  g_assert_cmpuint (graph.n_loops, ==, 2);
  uint32_t inner = graph.blocks[mf_flow_block_at (&graph, 4)].loop, outer = graph.blocks[mf_flow_block_at (&graph, 1)].loop;
  g_assert_cmpuint (inner, !=, outer);
  g_assert_cmpuint (graph.loops[inner].parent, ==, outer);
  g_assert_cmpuint (graph.loops[inner].depth, ==, 2);
  g_assert_true (mf_flow_loop_contains (&graph, outer, mf_flow_block_at (&graph, 5)));
  g_assert_false (mf_flow_loop_contains (&graph, inner, mf_flow_block_at (&graph, 7)));
  g_assert_false (graph.loops[inner].irreducible || graph.loops[outer].irreducible);
  g_assert_cmpuint (graph.blocks[mf_flow_block_at (&graph, 9)].position, ==, MF_NO_BLOCK);
  mf_arena_free (&arena);
}

// ---- MicroPython

// def a():
//   b = 1
//   def c(): return b
//   return c
// d = a()
static const uint8_t closure[] = {
  0x4d, 0x06, 0x00, 0x1f, 0x06, 0x00, 0x0a, 0x61, 0x37, 0x2e, 0x70, 0x79, 0x00, 0x0f, 0x02, 0x61, 0x00, 0x02, 0x63,
  0x00, 0x02, 0x64, 0x00, 0x0b, 0x81, 0x0c, 0x00, 0x06, 0x01, 0x64, 0x20, 0x32, 0x00, 0x16, 0x02, 0x11, 0x02, 0x34,
  0x00, 0x16, 0x04, 0x51, 0x63, 0x01, 0x81, 0x0c, 0x10, 0x09, 0x02, 0x20, 0x23, 0x25, 0x01, 0x81, 0x27, 0x01, 0xb1,
  0x20, 0x00, 0x01, 0xc0, 0xb0, 0x63, 0x01, 0x40, 0x09, 0x06, 0x03, 0x05, 0x40, 0x25, 0x00, 0x63
};

static void
test_micropython (void)
{
  MfCodeError error;
  MfMpyModule *mpy = mf_mpy_read (closure, sizeof closure, &memory, &error);
  g_assert_nonnull (mpy);
  MfArena arena;
  mf_arena_init (&arena, &memory);
  MfPyModule *module = mf_mpy_as_py (mpy, &arena);
  g_assert_nonnull (module);
  g_assert_cmpuint (module->n_codes, ==, 3);
  g_assert_true (mf_py_text_is (mf_py_full_name (module->codes[2]), "a.c"));
  uint32_t n;
  MfOperation *operations = mf_mpy_lower (module->codes[1], &arena, &n);
  g_assert_nonnull (operations);
  static const uint8_t expected[] = { MF_DO_MAKE_CELL, MF_DO_INT, MF_DO_STORE_CELL, MF_DO_LOAD_LOCAL, MF_DO_TUPLE, MF_DO_CONST, MF_DO_FUNCTION,
    MF_DO_STORE_LOCAL, MF_DO_LOAD_LOCAL, MF_DO_RETURN };
  g_assert_cmpuint (n, ==, G_N_ELEMENTS (expected));
  for (uint32_t i = 0; i < n; i++)
    g_assert_cmpuint (operations[i].what, ==, expected[i]);
  g_assert_cmpuint (operations[6].a, ==, 8); // cells, and no defaults

  // what stays: measured on MicroPython 1.25, 64 and 32 bits
  static const struct { uint8_t pointer; uint64_t kept; } rows[] = { { 8, 416 }, { 4, 224 } };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    MfTarget target = mf_target_micropython (1, 25, rows[i].pointer);
    MfNamePool pool;
    MfModuleCost cost;
    mf_name_pool_init (&pool, &target);
    const MfModuleQuestion question = { .target = &target, .mpy = mpy, .pool = &pool, .name = "a7", .origin = "", .file = sizeof closure,
      .most_steps = 1000, .memory = ROOM };
    g_assert_true (mf_module_cost (&cost, &question, module));
    g_assert_true (cost.whole);
    g_assert_cmpuint (cost.resident.likely, ==, rows[i].kept);
    g_assert_cmpuint (cost.n_functions, ==, 2);
    mf_module_cost_end (&cost);
    mf_name_pool_end (&pool);
  }
  mf_arena_free (&arena);
  mf_mpy_module_free (mpy);
}

// Names that the firmware has or that came before take nothing; a full pool is followed by one twice as large.
static void
test_names (void)
{
  MfTarget target = mf_target_micropython (1, 25, 4);
  MfNamePool pool;
  MfNamesCost cost = { 0 };
  mf_name_pool_init (&pool, &target);
  uint64_t free_entries = pool.left;
  g_assert_true (mf_name_pool_add (&pool, (const uint8_t *) "append", 6, &cost));
  g_assert_true (mf_name_pool_add (&pool, (const uint8_t *) "", 0, &cost));
  g_assert_cmpuint (cost.n, ==, 0);
  for (uint32_t i = 0; i < 2 * free_entries; i++) {
    g_autofree char *name = g_strdup_printf ("name_%u", i % (uint32_t) free_entries);
    g_assert_true (mf_name_pool_add (&pool, (const uint8_t *) name, (uint32_t) strlen (name), &cost));
  }
  g_assert_cmpuint (cost.n, ==, free_entries);
  g_assert_cmpuint (cost.pools.requested, ==, 0);
  g_assert_true (mf_name_pool_has (&pool, (const uint8_t *) "name_0", 6));
  g_assert_false (mf_name_pool_has (&pool, (const uint8_t *) "name_", 5));
  g_assert_false (mf_name_pool_has (&pool, (const uint8_t *) "appen", 5));
  g_assert_true (mf_name_pool_add (&pool, (const uint8_t *) "last", 4, &cost));
  g_assert_cmpuint (cost.pools.requested, ==, 24 + 40 * 7);
  MfBytes least, most;
  mf_name_pool_bound (&pool, &cost, &least, &most);
  g_assert_cmpuint (least.requested, <=, cost.likely.requested - cost.pools.requested);
  g_assert_cmpuint (most.requested, >, cost.likely.requested);
  mf_name_pool_end (&pool);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/static-analysis/growth", test_growth);
  g_test_add_func ("/static-analysis/references", test_references);
  g_test_add_func ("/static-analysis/format", test_format);
  g_test_add_func ("/static-analysis/branches", test_branches);
  g_test_add_func ("/static-analysis/loops", test_loops);
  g_test_add_func ("/static-analysis/micropython", test_micropython);
  g_test_add_func ("/static-analysis/names", test_names);
  return g_test_run ();
}
