// SPDX-License-Identifier: Apache-2.0
// The heap map: what it refuses, its figures worked out by hand, and a recording.
#include "heap-fixture.h"

static const MfHeapRule micropython = { .granule = 16 };

static MfHeapFigures
measure (const MfHeapMap *map)
{
  MfHeapFigures figures;

  mf_heap_map_measure (map, &micropython, &figures);
  return figures;
}

static void
test_refusals (void)
{
  static const struct {
    MfMapBlock block;
    MfHeapMapStatus status;
    const char *reason;
  } cases[] = {
    { { 32, 0, 1, 7 }, MF_HEAP_MAP_EMPTY_BLOCK, "0 bytes" },
    { { 48, 16, 1, 7 }, MF_HEAP_MAP_GAP, "gap" },
    { { 16, 16, 1, 7 }, MF_HEAP_MAP_OVERLAP, "overlaps" },
    { { 16, 16, 2, 7 }, MF_HEAP_MAP_GAP, "gap" },
    { { 0, 16, 0, 7 }, MF_HEAP_MAP_REGION_ORDER, "later region" },
    { { 32, UINT64_MAX, 1, 7 }, MF_HEAP_MAP_TOO_LARGE, "63 bits" },
    { { 32, INT64_MAX, 1, 7 }, MF_HEAP_MAP_TOO_LARGE, "63 bits" },
    { { 0, INT64_MAX, 2, 7 }, MF_HEAP_MAP_TOO_LARGE, "63 bits" },
  };
  const MfMapBlock first = { .size = 32, .region = 1, .kind = 7 };
  Memory memory = { .refuse = -1 };
  MfHeapMap map;
  char text[256];

  mf_heap_map_init (&map, memory_resize, &memory);
  g_assert_cmpint (mf_heap_map_append (&map, &first), ==, MF_HEAP_MAP_OK);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_assert_cmpint (mf_heap_map_append (&map, &cases[i].block), ==, cases[i].status);
    mf_heap_map_explain (&map, cases[i].status, &cases[i].block, text, sizeof text);
    g_assert_nonnull (strstr (text, cases[i].reason));
    g_assert_cmpuint (map.n_blocks, ==, 1);
    g_assert_cmpuint (map.capacity, ==, 32);
  }
  mf_heap_map_clear (&map);
}

static void
test_largest_map (void)
{
  const MfMapBlock block = { .size = INT64_MAX, .kind = 7 };
  Memory memory = { .refuse = -1 };
  MfHeapMap map;

  mf_heap_map_init (&map, memory_resize, &memory);
  g_assert_cmpint (mf_heap_map_append (&map, &block), ==, MF_HEAP_MAP_OK);
  mf_heap_map_clear (&map);
}

static void
test_explanation (void)
{
  const MfMapBlock block = { .offset = 0x30, .size = 16, .kind = 7 };
  MfHeapMap map;
  char text[256];

  map_from_text (&map, "A=");
  mf_heap_map_explain (&map, mf_heap_map_append (&map, &block), &block, text, sizeof text);
  g_assert_cmpstr (text, ==,
      "block of 16 B at 0x30 of region 0 (expected at 0x20, block 1): "
      "there is a gap, so part of the snapshot is missing");
  mf_heap_map_clear (&map);
}

static void
test_joining (void)
{
  MfHeapMap map;

  map_from_text (&map, "A...|...B");
  g_assert_cmpuint (map.n_blocks, ==, 4);
  g_assert_cmpuint (map.blocks[1].size, ==, 48);
  g_assert_cmpuint (map.blocks[2].size, ==, 48);
  g_assert_cmpuint (mf_heap_map_next_run (&map, 0), ==, 1);
  g_assert_cmpuint (mf_heap_map_next_run (&map, 2), ==, 2);
  g_assert_cmpuint (mf_heap_map_next_run (&map, 3), ==, 4);
  g_assert_cmpuint (measure (&map).runs, ==, 2);
  mf_heap_map_clear (&map);
}

static void
test_allocation_failures (void)
{
  g_autofree char *text = g_strnfill (1000, 'A');
  Memory memory = { .refuse = -1 };
  MfHeapMap map;

  mf_heap_map_init (&map, memory_resize, &memory);
  g_assert_cmpint (append_text (&map, text), ==, MF_HEAP_MAP_OK);
  mf_heap_map_clear (&map);
  g_assert_cmpint (memory.calls, >, 3);
  for (int refuse = 0, n = memory.calls; refuse < n; refuse++) {
    memory = (Memory){ .refuse = refuse };
    g_assert_cmpint (append_text (&map, text), ==, MF_HEAP_MAP_NO_MEMORY);
    g_assert_cmpuint (map.capacity, ==, map.n_blocks * CELL);
    g_assert_cmpuint (measure (&map).used, ==, map.n_blocks * CELL);
    mf_heap_map_clear (&map);
    g_assert_cmpint (append_text (&map, text), ==, MF_HEAP_MAP_OK);
    mf_heap_map_clear (&map);
  }
}

static void
test_reuse (void)
{
  Memory memory = { .refuse = -1 };
  MfHeapMap map;

  mf_heap_map_init (&map, memory_resize, &memory);
  for (int snapshot = 0; snapshot < 3; snapshot++) {
    mf_heap_map_reset (&map);
    g_assert_cmpint (append_text (&map, "A=..B"), ==, MF_HEAP_MAP_OK);
    g_assert_cmpuint (map.capacity, ==, 80);
  }
  g_assert_cmpint (memory.calls, ==, 1);
  mf_heap_map_clear (&map);
}

static void
test_figures_by_hand (void)
{
  MfHeapMap map;

  // runs of 16, 32, 48 and 96 bytes: free 192
  map_from_text (&map, "A.B=..C...|D==......");
  MfHeapFigures figures = measure (&map);
  g_assert_cmpuint (figures.capacity, ==, 304);
  g_assert_cmpuint (figures.used, ==, 112);
  g_assert_cmpuint (figures.used_blocks, ==, 4);
  g_assert_cmpuint (figures.free, ==, 192);
  g_assert_cmpuint (figures.runs, ==, 4);
  g_assert_cmpuint (figures.mean_run, ==, 48);
  g_assert_cmpuint (figures.median_run, ==, 40);
  g_assert_cmpuint (figures.largest, ==, 96);
  g_assert_cmpuint (figures.largest_region, ==, 1);
  g_assert_cmpuint (figures.largest_offset, ==, 48);
  g_assert_cmpuint (figures.max_alloc, ==, 96);
  g_assert_cmpuint (figures.ext_frag, ==, 500);
  g_assert_cmpuint (figures.hole_frag, ==, 411); // sqrt (12,800) = 113.137
  g_assert_cmpuint (mf_heap_map_unusable (&map, 16), ==, 0);
  g_assert_cmpuint (mf_heap_map_unusable (&map, 48), ==, 48);
  g_assert_cmpuint (mf_heap_map_unusable (&map, 97), ==, 192);
  mf_heap_map_clear (&map);
}

static void
test_nothing_and_everything (void)
{
  MfHeapMap map;

  map_from_text (&map, "");
  g_assert_cmpuint (measure (&map).ext_frag + measure (&map).hole_frag, ==, 0);
  mf_heap_map_clear (&map);

  map_from_text (&map, "A==B");
  g_assert_cmpuint (measure (&map).largest, ==, 0);
  g_assert_cmpuint (measure (&map).max_alloc, ==, 0);
  g_assert_cmpuint (measure (&map).median_run, ==, 0);
  mf_heap_map_clear (&map);

  map_from_text (&map, "A..B..");
  g_assert_cmpuint (measure (&map).largest_offset, ==, 16); // of equal runs, the lowest
  mf_heap_map_clear (&map);

  map_from_text (&map, "....");
  g_assert_cmpuint (measure (&map).ext_frag + measure (&map).hole_frag, ==, 0);
  g_assert_cmpuint (measure (&map).median_run, ==, 64);
  mf_heap_map_clear (&map);
}

static void
test_need (void)
{
  const MfHeapRule heap_4 = { .granule = 8, .header = 8, .minimum = 16 };

  g_assert_cmpuint (mf_heap_need (&micropython, 12904), ==, 12912);
  g_assert_cmpuint (mf_heap_need (&micropython, 16), ==, 16);
  g_assert_cmpuint (mf_heap_need (&heap_4, 1), ==, 16);
  g_assert_cmpuint (mf_heap_need (&heap_4, 20), ==, 32);
  g_assert_cmpuint (mf_heap_need (&heap_4, 512), ==, 520);
  g_assert_cmpuint (mf_heap_need (&micropython, UINT64_MAX), ==, UINT64_MAX);
  g_assert_cmpuint (mf_heap_need (&heap_4, UINT64_MAX - 8), ==, UINT64_MAX);
  g_assert_cmpuint (mf_heap_need (&(MfHeapRule){ .granule = 0 }, 13), ==, 13);
}

// max_alloc is the largest request whose need fits, for whatever rule.
static void
test_max_alloc (void)
{
  for (uint64_t granule = 1; granule <= 16; granule++)
    for (uint64_t header = 0; header <= 12; header += 4)
      for (size_t cells = 1; cells < 8; cells++) {
        const MfHeapRule rule = { granule, header, 32 };
        g_autofree char *text = g_strnfill (cells, '.');
        MfHeapFigures figures;
        MfHeapMap map;

        map_from_text (&map, text);
        mf_heap_map_measure (&map, &rule, &figures);
        g_assert_cmpuint (mf_heap_need (&rule, figures.max_alloc + 1), >, figures.largest);
        g_assert_cmpint (figures.max_alloc > 0, ==, figures.largest >= 32);
        if (figures.max_alloc > 0)
          g_assert_cmpuint (mf_heap_need (&rule, figures.max_alloc), <=, figures.largest);
        mf_heap_map_clear (&map);
      }
}

static void
test_permille (void)
{
  g_assert_cmpuint (mf_permille (0, 0), ==, 0);
  g_assert_cmpuint (mf_permille (5, 0), ==, 0);
  g_assert_cmpuint (mf_permille (1, 2000), ==, 1);
  g_assert_cmpuint (mf_permille (1, 2001), ==, 0);
  g_assert_cmpuint (mf_permille (2, 3), ==, 667);
  g_assert_cmpuint (mf_permille (UINT64_MAX / 2, UINT64_MAX), ==, 500);
  g_assert_cmpuint (mf_permille (UINT64_MAX, UINT64_MAX), ==, 1000);
}

static void
test_histogram (void)
{
  MfRunHistogram histogram;
  MfHeapMap map;

  map_from_text (&map, "A.B.C..D...E....");
  mf_heap_map_histogram (&map, &histogram);
  g_assert_cmpuint (histogram.runs[4], ==, 2);
  g_assert_cmpuint (histogram.bytes[4], ==, 32);
  g_assert_cmpuint (histogram.runs[5], ==, 2);
  g_assert_cmpuint (histogram.bytes[5], ==, 80);
  g_assert_cmpuint (histogram.runs[6], ==, 1);
  g_assert_cmpuint (histogram.bytes[6], ==, 64);
  mf_heap_map_clear (&map);
}

static void
test_oom_classes (void)
{
  const MfHeapFigures halves = { .free = 2000, .runs = 2, .largest = 1000 };
  const MfHeapFigures dust = { .free = 1600, .runs = 100, .largest = 16 };
  const MfHeapFigures full = { 0 };
  int index;

  g_assert_cmpint (mf_heap_classify_oom (&full, 16, &index), ==, MF_OOM_OUT_OF_MEMORY);
  g_assert_cmpint (index, ==, 0);
  g_assert_cmpint (mf_heap_classify_oom (&halves, 2001, &index), ==, MF_OOM_OUT_OF_MEMORY);
  g_assert_cmpint (mf_heap_classify_oom (&halves, 2000, &index), ==, MF_OOM_FRAGMENTED);
  g_assert_cmpint (index, ==, 0);
  g_assert_cmpint (mf_heap_classify_oom (&halves, 1000, &index), ==, MF_OOM_STALE);
  g_assert_cmpint (index, ==, -1000);
  g_assert_cmpint (mf_heap_classify_oom (&dust, 32, &index), ==, MF_OOM_FRAGMENTED);
  g_assert_cmpint (index, ==, 490);
  g_assert_cmpint (mf_heap_classify_oom (&dust, 1600, &index), ==, MF_OOM_FRAGMENTED);
  g_assert_cmpint (index, ==, 980);
}

static void
test_robson (void)
{
  MfRobson robson;

  // M = 64 granules, n = 8: 32 * 3 + 64 - 8 + 1, and H_8 = 761/280
  g_assert_true (mf_heap_robson (&micropython, 1024, 128, &robson));
  g_assert_cmpuint (robson.live, ==, 64);
  g_assert_cmpuint (robson.largest, ==, 8);
  g_assert_cmpuint (robson.any, ==, 153);
  g_assert_cmpuint (robson.first_fit, ==, 251); // 250.95
  // blocks of one size cannot fragment: M itself is enough for any allocator
  g_assert_true (mf_heap_robson (&micropython, 1600, 16, &robson));
  g_assert_cmpuint (robson.any, ==, 100);
  // n = 5 granules counts as 8, and M is then at least that
  g_assert_true (mf_heap_robson (&micropython, 80, 80, &robson));
  g_assert_cmpuint (robson.largest, ==, 8);
  g_assert_cmpuint (robson.live, ==, 8);
  g_assert_cmpuint (robson.any, ==, 13);
  // a granule begun counts as a whole one: M = 3, n = 2, and 3 / 2 + 3 - 2 + 1 = 3.5
  g_assert_true (mf_heap_robson (&micropython, 33, 17, &robson));
  g_assert_cmpuint (robson.any, ==, 4);
  // the sum and Euler's expansion meet: H_128 = 5.43315, M = 128
  g_assert_true (mf_heap_robson (&micropython, 2048, 2048, &robson));
  g_assert_cmpuint (robson.first_fit, ==, 1004); // 1003.31
  g_assert_true (mf_heap_robson (&micropython, UINT64_C (1) << 34, 2048, &robson));
  g_assert_cmpuint (robson.first_fit, ==, 8416390390);
  g_assert_false (mf_heap_robson (&micropython, 0, 16, &robson));
  g_assert_false (mf_heap_robson (&micropython, 16, 0, &robson));
  g_assert_false (mf_heap_robson (&(MfHeapRule){ .granule = 1 }, UINT64_MAX, 16, &robson));
  g_assert_false (mf_heap_robson (&(MfHeapRule){ .granule = 1 }, INT64_MAX, 1 << 20, &robson));
}

// The same figures, one cell after the other.
static void
test_figures_by_brute_force (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (2);

  for (int round = 0; round < 300; round++) {
    g_autofree char *text = random_text (random, g_rand_int_range (random, 2, 200));
    uint64_t runs = 0, free_bytes = 0, longest = 0, unusable = 0, run = 0;
    MfHeapMap map;

    for (const char *cell = text; *cell != '\0'; cell++) {
      run = *cell == '.' ? run + CELL : 0;
      if (run == 0 || cell[1] == '.')
        continue;
      runs++;
      free_bytes += run;
      longest = MAX (longest, run);
      unusable += run < 48 ? run : 0;
    }
    map_from_text (&map, text);
    g_assert_cmpuint (measure (&map).runs, ==, runs);
    g_assert_cmpuint (measure (&map).free, ==, free_bytes);
    g_assert_cmpuint (measure (&map).largest, ==, longest);
    g_assert_cmpuint (measure (&map).used + free_bytes, ==, map.capacity);
    g_assert_cmpuint (mf_heap_map_unusable (&map, 48), ==, unusable);
    mf_heap_map_clear (&map);
  }
}

static int
compare_sizes (const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

  return (x > y) - (x < y);
}

static void
test_median_by_sorting (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (3);

  for (int round = 0; round < 300; round++) {
    g_autofree char *text = random_text (random, g_rand_int_range (random, 2, 200));
    uint64_t sizes[200];
    size_t n = 0;
    MfHeapMap map;

    map_from_text (&map, text);
    for (size_t i = 0; i < map.n_blocks; i++)
      if (mf_heap_block_is_free (&map.blocks[i]))
        sizes[n++] = map.blocks[i].size;
    qsort (sizes, n, sizeof sizes[0], compare_sizes);
    g_assert_cmpuint (
        measure (&map).median_run, ==, n == 0 ? 0 : (sizes[(n - 1) / 2] + sizes[n / 2]) / 2);
    mf_heap_map_clear (&map);
  }
}

static void
test_recording (void)
{
  static const struct {
    unsigned bin;
    uint64_t runs, bytes;
  } bins[] = { { 4, 10, 160 }, { 5, 1, 32 }, { 6, 10, 1120 }, { 7, 300, 38400 }, { 13, 1, 12000 } };
  MfRunHistogram histogram;
  uint64_t seen = 0;
  MfHeapMap map;

  map_from_recording (&map, "stm32f205-fragment-2.map");
  MfHeapFigures figures = measure (&map);
  g_assert_cmpuint (figures.capacity, ==, 96000);
  g_assert_cmpuint (figures.used, ==, 44288);
  g_assert_cmpuint (figures.used_blocks, ==, 651);
  g_assert_cmpuint (figures.free, ==, 51712);
  g_assert_cmpuint (figures.runs, ==, 322);
  g_assert_cmpuint (figures.median_run, ==, 128);
  g_assert_cmpuint (figures.largest, ==, 12000);
  g_assert_cmpuint (figures.largest_offset, ==, 0x14820);
  g_assert_cmpuint (figures.ext_frag, ==, 768);
  g_assert_cmpuint (figures.hole_frag, ==, 764);
  g_assert_cmpuint (mf_permille (figures.used, figures.capacity), ==, 461);
  g_assert_cmpuint (mf_permille (mf_heap_map_unusable (&map, 64), figures.free), ==, 4);
  g_assert_cmpuint (mf_permille (mf_heap_map_unusable (&map, 256), figures.free), ==, 768);
  g_assert_cmpuint (mf_permille (mf_heap_map_unusable (&map, 12912), figures.free), ==, 1000);

  mf_heap_map_histogram (&map, &histogram);
  for (size_t i = 0; i < G_N_ELEMENTS (bins); i++) {
    g_assert_cmpuint (histogram.runs[bins[i].bin], ==, bins[i].runs);
    g_assert_cmpuint (histogram.bytes[bins[i].bin], ==, bins[i].bytes);
    seen += bins[i].runs;
  }
  g_assert_cmpuint (seen, ==, figures.runs);
  mf_heap_map_clear (&map);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/heap-map/refusals", test_refusals);
  g_test_add_func ("/heap-map/largest-map", test_largest_map);
  g_test_add_func ("/heap-map/explanation", test_explanation);
  g_test_add_func ("/heap-map/joining", test_joining);
  g_test_add_func ("/heap-map/allocation-failures", test_allocation_failures);
  g_test_add_func ("/heap-map/reuse", test_reuse);
  g_test_add_func ("/heap-map/figures-by-hand", test_figures_by_hand);
  g_test_add_func ("/heap-map/nothing-and-everything", test_nothing_and_everything);
  g_test_add_func ("/heap-map/need", test_need);
  g_test_add_func ("/heap-map/max-alloc", test_max_alloc);
  g_test_add_func ("/heap-map/permille", test_permille);
  g_test_add_func ("/heap-map/histogram", test_histogram);
  g_test_add_func ("/heap-map/oom-classes", test_oom_classes);
  g_test_add_func ("/heap-map/robson", test_robson);
  g_test_add_func ("/heap-map/figures-by-brute-force", test_figures_by_brute_force);
  g_test_add_func ("/heap-map/median-by-sorting", test_median_by_sorting);
  g_test_add_func ("/heap-map/recording", test_recording);
  return g_test_run ();
}
