// SPDX-License-Identifier: Apache-2.0
// The area of a map: whatever its size, the sums of its units are those of the bytes.
#include "text/map-area.h"

#include <glib.h>

enum { BYTES = 1 << 16 };

typedef struct {
  MfMapArea area;
  guint8 used[BYTES];  // the truth, byte by byte
  guint end;
} Heap;

// Blocks of random sizes, in order, from one end to the other.
static Heap *
random_heap (guint granule, guint largest)
{
  Heap *heap = g_new0 (Heap, 1);
  mf_map_area_init (&heap->area, 0);
  for (;;) {
    guint n = granule * (guint) g_test_rand_int_range (1, (gint) (largest / granule) + 1);
    bool used = g_test_rand_bit ();
    if (heap->end + n > BYTES)
      return heap;
    mf_map_area_add (&heap->area, heap->end, n, (MfMapBlockKind){ used, used ? 'A' : '.', 0 });
    memset (heap->used + heap->end, used, n);
    heap->end += n;
  }
}

static void
check_sums (const Heap *heap)
{
  unsigned shift = mf_map_area_cell (&heap->area, 1024);
  guint cell = 1u << shift;
  g_assert_cmpuint ((heap->end - 1) / cell, <, 1024);
  g_assert_true (cell == 1 || cell >= heap->area.granule);
  for (guint at = 0; at < heap->end; at += cell) {
    MfMapSum sum = mf_map_area_sum (&heap->area, at, shift);
    guint used = 0, covered = MIN (cell, heap->end - at);
    for (guint i = at; i < at + covered; i++)
      used += heap->used[i];
    g_assert_cmpuint (sum.used, ==, used);
    g_assert_cmpuint (sum.covered, ==, covered);
  }
}

static void
check_largest (const Heap *heap)
{
  guint longest = 0, at = 0, n = 0;
  for (guint i = 0; i < heap->end; i++) {
    n = heap->used[i] ? 0 : n + 1;
    if (n > longest) {
      longest = n;
      at = i + 1 - n;
    }
  }
  g_assert_cmpuint (heap->area.largest_bytes, ==, longest);
  if (longest > 0)
    g_assert_cmpuint (heap->area.largest_at, ==, at);
}

static void
test_sums (void)
{
  static const guint granules[] = { 1, 3, 8, 16, 24, 256 };
  for (guint round = 0; round < 60; round++) {
    guint granule = granules[round % G_N_ELEMENTS (granules)];
    g_autofree Heap *heap = random_heap (granule, granule * (1 + round));
    check_sums (heap);
    check_largest (heap);
    g_assert_cmpuint (heap->area.granule % granule, ==, 0);
    g_assert_false (mf_map_area_overlaps (&heap->area));
    g_assert_false (mf_map_area_has_holes (&heap->area));
  }
}

static const MfMapBlockKind taken = { true, 'A', 0 }, idle = { false, '.', 0 };

static void
test_edges (void)
{
  g_autofree MfMapArea *area = g_new (MfMapArea, 1);
  mf_map_area_init (area, 0);
  mf_map_area_add (area, 0, 0, taken);
  g_assert_cmpuint (area->extent, ==, 0);
  g_assert_false (mf_map_area_has_holes (area));
  mf_map_area_add (area, G_MAXUINT64, 2, taken);
  g_assert_cmpuint (area->refused, ==, 1);
  g_assert_cmpuint (area->extent, ==, 0);
  mf_map_area_add (area, 64, 64, taken);
  g_assert_true (mf_map_area_has_holes (area));
  g_assert_false (mf_map_area_overlaps (area));
  mf_map_area_add (area, 96, 64, idle);
  g_assert_true (mf_map_area_overlaps (area));
  mf_map_area_add (
      area, G_GUINT64_CONSTANT (1) << 63, (G_GUINT64_CONSTANT (1) << 63) - 1, taken);
  g_assert_cmpuint (area->extent, ==, G_MAXUINT64);
  g_assert_cmpuint (area->blocks, ==, 5);
  g_assert_cmpuint (mf_map_area_sum (area, G_GUINT64_CONSTANT (1) << 63, 63).used, ==,
    (G_GUINT64_CONSTANT (1) << 63) - 1);
}

// Of several marks in a range the one with most bytes shows, also after the units have grown.
static void
test_marks (void)
{
  g_autofree MfMapArea *area = g_new (MfMapArea, 1);
  mf_map_area_init (area, 0);
  mf_map_area_add (area, 0, 48, taken);
  mf_map_area_add (area, 48, 16, (MfMapBlockKind){ true, 'A', 2 });
  mf_map_area_add (area, 64, 32, (MfMapBlockKind){ true, 'A', 3 });
  mf_map_area_add (area, 96, 1 << 20, idle);
  g_assert_cmpuint (mf_map_area_sum (area, 0, area->shift).mark, ==, 3);
  g_assert_cmpuint (mf_map_area_sum (area, 0, area->shift).marked, ==, 32);
  g_assert_cmpuint (mf_map_area_sum (area, 1024, area->shift).mark, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text-map/sums", test_sums);
  g_test_add_func ("/text-map/edges", test_edges);
  g_test_add_func ("/text-map/marks", test_marks);
  return g_test_run ();
}
