// SPDX-License-Identifier: Apache-2.0
// The difference of two heap maps and the trend of a series.
#include "heap-change.h"
#include "heap-fixture.h"

static void
assert_total (const char *before_text, const char *after_text, const uint64_t cells[MF_N_DIFFS])
{
  MfHeapMap before, after;
  MfDiffCell total;

  map_from_text (&before, before_text);
  map_from_text (&after, after_text);
  g_assert_true (mf_heap_diff_total (&before, &after, &total));
  for (unsigned i = 0; i < MF_N_DIFFS; i++)
    g_assert_cmpuint (total.bytes[i], ==, cells[i] * CELL);
  g_assert_cmpuint (total.size, ==, before.capacity);
  mf_heap_map_clear (&before);
  mf_heap_map_clear (&after);
}

static void
test_total_by_hand (void)
{
  assert_total ("", "", (uint64_t[]){ 0, 0, 0, 0 });
  assert_total ("A==..B", "A.C.EF", (uint64_t[]){ 1, 1, 1, 3 });
  assert_total ("A=.|..B", "..A|.AA", (uint64_t[]){ 1, 2, 2, 1 });
}

static void
test_different_regions (void)
{
  static const char *const pairs[][2] = { { "A..", "A...." }, { "A..", "A..|.." },
    { "A..|..", "A.." }, { "", "A" }, { "..|....", "...|..." } };

  for (size_t i = 0; i < G_N_ELEMENTS (pairs); i++) {
    MfHeapMap before, after;
    MfDiffCell total;

    map_from_text (&before, pairs[i][0]);
    map_from_text (&after, pairs[i][1]);
    g_assert_false (mf_heap_diff_total (&before, &after, &total));
    mf_heap_map_clear (&before);
    mf_heap_map_clear (&after);
  }
}

static char *
draw (const char *before_text, const char *after_text, uint64_t cell_bytes)
{
  GString *picture = g_string_new (NULL);
  MfHeapMap before, after;
  MfDiffCell cell;
  MfHeapDiff diff;

  map_from_text (&before, before_text);
  map_from_text (&after, after_text);
  g_assert_true (mf_heap_diff_init (&diff, &before, &after));
  while (mf_heap_diff_next (&diff, cell_bytes, &cell)) {
    if (cell.offset == 0 && picture->len > 0)
      g_string_append_c (picture, '|');
    g_string_append_c (picture, mf_diff_cell_symbol (&cell));
  }
  mf_heap_map_clear (&before);
  mf_heap_map_clear (&after);
  return g_string_free (picture, FALSE);
}

static void
test_drawing (void)
{
  g_autofree char *fine = draw ("A==..B|.C", "A.C.EF|D.", CELL);
  g_autofree char *coarse = draw ("A==..B|.C", "A.C.EF|D.", 2 * CELL);
  g_autofree char *whole = draw ("A==..B|.C", "A.C.EF|D.", 0x1000);

  g_assert_cmpstr (fine, ==, "#-#.+#|+-");
  g_assert_cmpstr (coarse, ==, "-#+|+");
  g_assert_cmpstr (whole, ==, "#|+");
}

// Two random maps of the same regions, compared cell by cell of their texts.
static void
test_drawing_by_brute_force (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (5);

  for (int round = 0; round < 500; round++) {
    g_autofree char *before = random_text (random, g_rand_int_range (random, 2, 150));
    g_autofree char *after = g_strdup (before);
    g_autoptr (GString) expected = g_string_new (NULL);

    for (char *cell = after; *cell != '\0'; cell++)
      if (*cell != '|' && g_rand_int_range (random, 0, 3) == 0)
        *cell = g_rand_boolean (random) ? '.' : 'A';
    for (size_t i = 0; before[i] != '\0'; i++) {
      bool used = before[i] != '.', used_after = after[i] != '.';
      g_string_append_c (expected, before[i] == '|' ? '|' : ".-+#"[used + 2 * used_after]);
    }
    // a '=' behind a '.' that came by chance would be a free block going on
    for (char *cell = after + 1; *cell != '\0'; cell++)
      if (*cell == '=' && (cell[-1] == '.' || cell[-1] == '|'))
        *cell = 'A';
    g_autofree char *picture = draw (before, after, CELL);
    g_assert_cmpstr (picture, ==, expected->str);
  }
}

static void
test_recording (void)
{
  MfHeapMap before, after;
  MfDiffCell total;

  map_from_recording (&before, "stm32f205-fragment-1.map");
  map_from_recording (&after, "stm32f205-fragment-2.map");
  g_assert_true (mf_heap_diff_total (&before, &after, &total));
  g_assert_cmpuint (total.bytes[MF_DIFF_USED], ==, 44288);
  g_assert_cmpuint (total.bytes[MF_DIFF_FREED], ==, 39712);
  g_assert_cmpuint (total.bytes[MF_DIFF_TAKEN], ==, 0);
  g_assert_cmpuint (total.bytes[MF_DIFF_FREE], ==, 12000);
  mf_heap_map_clear (&before);
  mf_heap_map_clear (&after);
}

typedef struct {
  uint64_t used;
  uint64_t largest;
} Point;

// A heap of 10,000 B, so that 100 B are flat.
static MfHeapTrend
trend_of (const Point *points)
{
  MfHeapSeries series = { 0 };
  MfHeapTrend trend;

  for (; points->used > 0; points++)
    mf_heap_series_add (
        &series, &(MfHeapSample){ 10000, points->used, 10000 - points->used, points->largest });
  mf_heap_series_trend (&series, &trend);
  return trend;
}

static void
test_trends (void)
{
  static const struct {
    Point points[24];
    MfTrendName name;
    size_t snapshots;
    int64_t used, largest;
  } cases[] = {
    { { { 0 } }, MF_TREND_UNKNOWN, 0, 0, 0 },
    { { { 5000, 4000 } }, MF_TREND_UNKNOWN, 1, 0, 0 },
    { { { 5000, 4000 }, { 5000, 4000 } }, MF_TREND_STABLE, 2, 0, 0 },
    { { { 5000, 4000 }, { 5100, 3900 } }, MF_TREND_STABLE, 2, 100, -100 },
    { { { 5000, 4000 }, { 5101, 3899 } }, MF_TREND_GREW, 2, 101, -101 },
    { { { 5000, 4000 }, { 3000, 6000 } }, MF_TREND_SHRANK, 2, -2000, 2000 },
    { { { 8000, 1000 }, { 4000, 1000 } }, MF_TREND_FREED_NOT_JOINED, 2, -4000, 0 },
    { { { 8000, 1000 }, { 4000, 1249 } }, MF_TREND_FREED_NOT_JOINED, 2, -4000, 249 },
    { { { 8000, 1000 }, { 4000, 1250 } }, MF_TREND_SHRANK, 2, -4000, 250 },
    { { { 5000, 4000 }, { 5000, 3000 } }, MF_TREND_FRAGMENTATION, 2, 0, -1000 },
    { { { 5000, 4000 }, { 5020, 3000 }, { 4900, 2500 }, { 4950, 2500 } }, MF_TREND_FRAGMENTATION, 4,
        -50, -1500 },
    { { { 2000, 8000 }, { 5000, 4000 }, { 5000, 3000 } }, MF_TREND_FRAGMENTATION, 2, 0, -1000 },
    { { { 5000, 4000 }, { 5010, 3990 }, { 5020, 3980 } }, MF_TREND_LEAK_SUSPECT, 3, 20, -20 },
    { { { 5000, 4000 }, { 5010, 3990 }, { 5010, 3990 }, { 5020, 3980 } }, MF_TREND_STABLE, 4, 20,
        -20 },
    { { { 5000, 4000 }, { 5000, 4000 }, { 4000, 5000 } }, MF_TREND_SHRANK, 2, -1000, 1000 },
    { { { 5000, 4000 }, { 4000, 5000 }, { 4100, 4900 }, { 4200, 4800 }, { 4300, 4700 } },
        MF_TREND_LEAK_SUSPECT, 4, 300, -300 },
    { { { 5000, 4000 }, { 6000, 3000 }, { 5000, 4000 } }, MF_TREND_GARBAGE, 3, 0, 0 },
    { { { 5000, 4000 }, { 6000, 3000 }, { 5000, 4000 }, { 6000, 3000 }, { 7000, 2000 } },
        MF_TREND_GARBAGE, 5, 2000, -2000 },
    { { { 5000, 4000 }, { 6000, 3000 }, { 5100, 3900 }, { 6000, 3000 }, { 5200, 3800 },
          { 6000, 3000 }, { 5300, 3700 }, { 5900, 3100 } },
        MF_TREND_LEAK_SUSPECT, 6, 800, -800 },
    { { { 5000, 4000 }, { 6000, 3000 }, { 5100, 3900 }, { 6000, 3000 }, { 5100, 3900 },
          { 6000, 3000 }, { 5300, 3700 } },
        MF_TREND_GARBAGE, 7, 300, -300 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    MfHeapTrend trend = trend_of (cases[i].points);
    g_test_message ("case %zu", i);
    g_assert_cmpint (trend.name, ==, cases[i].name);
    g_assert_cmpuint (trend.snapshots, ==, cases[i].snapshots);
    g_assert_cmpint (trend.used, ==, cases[i].used);
    g_assert_cmpint (trend.free, ==, -cases[i].used);
    g_assert_cmpint (trend.largest, ==, cases[i].largest);
  }
}

// Only the last samples count: what left the ring is forgotten.
static void
test_ring (void)
{
  MfHeapSeries series = { 0 };
  MfHeapTrend trend;

  for (uint64_t i = 0; i < 1000; i++)
    mf_heap_series_add (&series, &(MfHeapSample){ 10000, 1000 + i, 9000 - i, i % 2 ? 3000 : 3010 });
  mf_heap_series_trend (&series, &trend);
  g_assert_cmpint (trend.name, ==, MF_TREND_LEAK_SUSPECT);
  g_assert_cmpuint (trend.snapshots, ==, MF_SERIES_LENGTH);
  g_assert_cmpint (trend.used, ==, MF_SERIES_LENGTH - 1);
}

// A new region adds free bytes, but nothing was freed.
static void
test_grown_heap (void)
{
  MfHeapSeries series = { 0 };
  MfHeapTrend trend;

  mf_heap_series_add (&series, &(MfHeapSample){ 10000, 9000, 1000, 1000 });
  mf_heap_series_add (&series, &(MfHeapSample){ 11000, 9000, 2000, 1000 });
  mf_heap_series_trend (&series, &trend);
  g_assert_cmpint (trend.name, ==, MF_TREND_STABLE);
  g_assert_cmpint (trend.free, ==, 1000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/heap-change/total-by-hand", test_total_by_hand);
  g_test_add_func ("/heap-change/different-regions", test_different_regions);
  g_test_add_func ("/heap-change/drawing", test_drawing);
  g_test_add_func ("/heap-change/drawing-by-brute-force", test_drawing_by_brute_force);
  g_test_add_func ("/heap-change/recording", test_recording);
  g_test_add_func ("/heap-change/trends", test_trends);
  g_test_add_func ("/heap-change/ring", test_ring);
  g_test_add_func ("/heap-change/grown-heap", test_grown_heap);
  return g_test_run ();
}
