// SPDX-License-Identifier: Apache-2.0
// Size classes, exact sizes and waste: by hand, by brute force, and on a recording.
#include "heap-fixture.h"
#include "size-tally.h"

static void
assert_sum (const MfSizeSum *sum, uint64_t blocks, uint64_t bytes, uint64_t low, uint64_t high)
{
  g_assert_cmpuint (sum->blocks, ==, blocks);
  g_assert_cmpuint (sum->bytes, ==, bytes);
  g_assert_cmpuint (sum->waste_low, ==, low);
  g_assert_cmpuint (sum->waste_high, ==, high);
}

static void
test_class_edges (void)
{
  static const uint64_t sizes[] = { 1, 64, 65, 512, 513, 4096, 4097, 1 << 30 };
  static const char *const names[] = { "tiny", "small", "medium", "large" };
  MfSizeTally tally;

  mf_size_tally_init (&tally, 1);
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    g_assert_true (mf_size_tally_add (&tally, sizes[i]));
  for (size_t class = 0; class < G_N_ELEMENTS (names); class ++) {
    assert_sum (&tally.classes[class], 2, sizes[2 * class] + sizes[2 * class + 1], 0, 0);
    g_assert_cmpstr (mf_size_tally_class_name (&tally, class), ==, names[class]);
  }
  g_assert_null (mf_size_tally_class_name (&tally, 4));
}

static void
test_own_edges (void)
{
  const uint64_t edges[] = { 32, 1000 }, equal[] = { 32, 32 }, zero[] = { 0, 32 };
  const uint64_t many[MF_SIZE_EDGES + 1] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
  MfSizeTally tally;

  mf_size_tally_init (&tally, 16);
  g_assert_false (mf_size_tally_set_edges (&tally, equal, 2));
  g_assert_false (mf_size_tally_set_edges (&tally, zero, 2));
  g_assert_false (mf_size_tally_set_edges (&tally, edges, 0));
  g_assert_false (mf_size_tally_set_edges (&tally, many, MF_SIZE_EDGES + 1));
  g_assert_cmpuint (tally.edges[0], ==, 64);
  g_assert_true (mf_size_tally_set_edges (&tally, many, MF_SIZE_EDGES));
  g_assert_true (mf_size_tally_set_edges (&tally, edges, 2));
  g_assert_null (mf_size_tally_class_name (&tally, 0));
  g_assert_true (mf_size_tally_add (&tally, 1008));
  assert_sum (&tally.classes[2], 1, 1008, 0, 15);
  g_assert_false (mf_size_tally_set_edges (&tally, edges, 2)); // blocks are counted already
  mf_size_tally_reset (&tally);
  assert_sum (&tally.classes[2], 0, 0, 0, 0);
  g_assert_cmpuint (tally.edges[1], ==, 1000);
}

static void
test_waste (void)
{
  MfSizeTally tally;
  MfExactSize top;

  mf_size_tally_init (&tally, 16);
  g_assert_true (mf_size_tally_add (&tally, 112));
  g_assert_true (mf_size_tally_add_request (&tally, 100, 112));
  g_assert_true (mf_size_tally_add_request (&tally, 112, 112));
  assert_sum (&tally.total, 3, 336, 12, 27);
  g_assert_cmpuint (mf_size_tally_top (&tally, &top, 1), ==, 1);
  assert_sum (&top.sum, 3, 336, 12, 27);
  // no request is negative, however coarse the granule
  g_assert_true (mf_size_tally_add (&tally, 4));
  assert_sum (&tally.total, 4, 340, 12, 30);
}

static void
test_refusals (void)
{
  MfSizeTally tally;

  mf_size_tally_init (&tally, 0);
  g_assert_false (mf_size_tally_add (&tally, 0));
  g_assert_false (mf_size_tally_add_request (&tally, 0, 0));
  g_assert_false (mf_size_tally_add_request (&tally, 17, 16));
  g_assert_true (mf_size_tally_add (&tally, UINT64_MAX - 1));
  g_assert_false (mf_size_tally_add (&tally, 2));
  g_assert_cmpuint (tally.n_exact, ==, 1);
  assert_sum (&tally.total, 1, UINT64_MAX - 1, 0, 0);
}

static void
test_table_overflow (void)
{
  static MfExactSize all[MF_EXACT_PLACES];
  const uint64_t n_sizes = MF_EXACT_SIZES + 10;
  uint64_t bytes = 0;
  MfSizeTally tally;

  mf_size_tally_init (&tally, 16);
  for (uint64_t i = 1; i <= n_sizes; i++)
    g_assert_true (mf_size_tally_add (&tally, MF_SMALL_SIZE + i));
  g_assert_true (mf_size_tally_add (&tally, MF_SMALL_SIZE + 1)); // a known size still finds its place
  g_assert_cmpuint (tally.n_exact, ==, MF_EXACT_SIZES);
  g_assert_cmpuint (tally.other.blocks, ==, 10);
  size_t n = mf_size_tally_top (&tally, all, MF_EXACT_PLACES);
  g_assert_cmpuint (n, ==, MF_EXACT_SIZES);
  for (size_t i = 0; i < n; i++)
    bytes += all[i].sum.bytes;
  g_assert_cmpuint (bytes + tally.other.bytes, ==, tally.total.bytes);
  g_assert_cmpuint (all[0].size, ==, MF_SMALL_SIZE + 1); // it was seen twice
  g_assert_cmpuint (all[n - 1].size, ==, MF_SMALL_SIZE + 2);
  for (uint64_t i = 1; i <= MF_SMALL_SIZE; i++) // small ones never need a place
    g_assert_true (mf_size_tally_add (&tally, i));
  g_assert_cmpuint (tally.other.blocks, ==, 10);
}

// Against a table indexed by size; and the classes add up to the total.
static void
test_brute_force (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (6);
  MfExactSize top[300], head[5];
  uint64_t blocks[300] = { 0 }, in_classes = 0;
  MfSizeTally tally;

  mf_size_tally_init (&tally, 16);
  for (int i = 0; i < 20000; i++) {
    size_t granules = (size_t)(g_rand_double (random) * g_rand_double (random) * 299) + 1;
    g_assert_true (mf_size_tally_add (&tally, granules * 16));
    blocks[granules]++;
  }
  size_t n = mf_size_tally_top (&tally, top, G_N_ELEMENTS (top));
  g_assert_cmpuint (n, >, 200);
  for (size_t i = 0; i < n; i++) {
    g_assert_cmpuint (top[i].sum.blocks, ==, blocks[top[i].size / 16]);
    g_assert_cmpuint (top[i].sum.bytes, ==, top[i].sum.blocks * top[i].size);
    if (i > 0)
      g_assert_cmpuint (top[i - 1].sum.bytes, >=, top[i].sum.bytes);
  }
  g_assert_cmpuint (mf_size_tally_top (&tally, head, G_N_ELEMENTS (head)), ==, 5);
  g_assert_cmpmem (head, sizeof head, top, sizeof head);
  g_assert_cmpuint (mf_size_tally_top (&tally, head, 0), ==, 0);
  for (size_t class = 0; class <= tally.n_edges; class ++)
    in_classes += tally.classes[class].bytes;
  g_assert_cmpuint (in_classes, ==, tally.total.bytes);
}

static void
test_recording (void)
{
  MfExactSize top[3], all[32];
  MfSizeTally tally;
  MfHeapMap map;

  map_from_recording (&map, "stm32f205-fragment-2.map");
  mf_size_tally_init (&tally, CELL);
  for (size_t i = 0; i < map.n_blocks; i++)
    if (!mf_heap_block_is_free (&map.blocks[i]))
      g_assert_true (mf_size_tally_add (&tally, map.blocks[i].size));
  mf_heap_map_clear (&map);

  assert_sum (&tally.total, 651, 44288, 0, 651 * 15);
  assert_sum (&tally.classes[0], 334, 5552, 0, 334 * 15);
  assert_sum (&tally.classes[1], 315, 35504, 0, 315 * 15);
  assert_sum (&tally.classes[2], 2, 3232, 0, 2 * 15);
  assert_sum (&tally.classes[3], 0, 0, 0, 0);
  g_assert_cmpuint (mf_size_tally_top (&tally, all, G_N_ELEMENTS (all)), ==, 12);
  g_assert_cmpuint (mf_size_tally_top (&tally, top, 3), ==, 3);
  g_assert_cmpuint (top[0].size, ==, 112);
  g_assert_cmpuint (top[0].sum.blocks, ==, 310);
  g_assert_cmpuint (top[1].size, ==, 16);
  g_assert_cmpuint (top[1].sum.blocks, ==, 325);
  g_assert_cmpuint (top[2].size, ==, 2480);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/size-tally/class-edges", test_class_edges);
  g_test_add_func ("/size-tally/own-edges", test_own_edges);
  g_test_add_func ("/size-tally/waste", test_waste);
  g_test_add_func ("/size-tally/refusals", test_refusals);
  g_test_add_func ("/size-tally/table-overflow", test_table_overflow);
  g_test_add_func ("/size-tally/brute-force", test_brute_force);
  g_test_add_func ("/size-tally/recording", test_recording);
  return g_test_run ();
}
