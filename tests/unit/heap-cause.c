// SPDX-License-Identifier: Apache-2.0
// The cheapest window, pins and patterns: by hand, by brute force, and on a recording.
#include "heap-cause.h"
#include "heap-fixture.h"

static void
assert_window (const char *text, uint64_t need, uint64_t offset, uint64_t length, uint64_t blocks,
    uint64_t bytes)
{
  MfHeapWindow window;
  MfHeapMap map;

  map_from_text (&map, text);
  g_assert_true (mf_heap_map_find_window (&map, need, &window));
  g_assert_cmpuint (window.offset, ==, offset);
  g_assert_cmpuint (window.length, ==, length);
  g_assert_cmpuint (window.used_blocks, ==, blocks);
  g_assert_cmpuint (window.used_bytes, ==, bytes);
  g_assert_cmpuint (map.blocks[window.first].offset, ==, offset);
  mf_heap_map_clear (&map);
}

static void
test_window_by_hand (void)
{
  MfHeapWindow window;
  MfHeapMap map;

  assert_window ("A..B....C", 48, 64, 64, 0, 0);     // a free run fits
  assert_window ("A..B..CC...D", 80, 16, 80, 1, 16); // one block joins two runs
  assert_window ("A.B=.C.D.E", 48, 64, 48, 1, 16);   // fewest bytes: C, not B
  assert_window ("A..BC..D=..E", 80, 80, 96, 1, 32); // a tie in bytes: fewest blocks
  assert_window ("A.B.C.D", 48, 16, 48, 1, 16);      // a tie: the lowest
  assert_window ("A..|..B...", 64, 0, 96, 1, 16);    // runs of two regions do not meet
  assert_window ("ABC", 0, 0, 16, 1, 16);

  map_from_text (&map, "A..|..B...");
  g_assert_false (mf_heap_map_find_window (&map, 97, &window));
  g_assert_false (mf_heap_map_find_window (&map, UINT64_MAX, &window));
  mf_heap_map_clear (&map);
}

// All stretches of blocks that are long enough; returns the cheapest as (bytes, blocks, offset).
static bool
brute_force_window (const MfHeapMap *map, uint64_t need, uint64_t cheapest[3])
{
  bool found = false;

  for (size_t i = 0; i < map->n_blocks; i++) {
    uint64_t span = 0, bytes = 0, blocks = 0;
    for (size_t j = i; j < map->n_blocks && map->blocks[j].region == map->blocks[i].region; j++) {
      bool used = !mf_heap_block_is_free (&map->blocks[j]);
      span += map->blocks[j].size;
      bytes += used ? map->blocks[j].size : 0;
      blocks += used;
      if (span < need || (found && bytes > cheapest[0])
          || (found && bytes == cheapest[0] && blocks >= cheapest[1]))
        continue;
      found = true;
      cheapest[0] = bytes, cheapest[1] = blocks, cheapest[2] = map->blocks[i].offset;
    }
  }
  return found;
}

static void
test_window_by_brute_force (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  int hits = 0;

  for (int round = 0; round < 2000; round++) {
    g_autofree char *text = random_text (random, g_rand_int_range (random, 2, 120));
    uint64_t need = (uint64_t)g_rand_int_range (random, 1, 600), cheapest[3];
    MfHeapWindow window;
    MfHeapMap map;

    map_from_text (&map, text);
    bool found = brute_force_window (&map, need, cheapest);
    g_assert_cmpint (mf_heap_map_find_window (&map, need, &window), ==, found);
    if (found) {
      g_assert_cmpuint (window.used_bytes, ==, cheapest[0]);
      g_assert_cmpuint (window.used_blocks, ==, cheapest[1]);
      g_assert_cmpuint (window.offset, ==, cheapest[2]);
      g_assert_cmpuint (window.length, >=, need);
      hits += window.used_blocks > 0;
    }
    mf_heap_map_clear (&map);
  }
  g_assert_cmpint (hits, >, 500);
}

// To get 12,904 B in one piece, four bytearrays and their four buffers must go.
static void
test_window_of_recording (void)
{
  MfHeapWindow window;
  MfKindTally kinds;
  MfHeapMap map;

  map_from_recording (&map, "stm32f205-fragment-2.map");
  g_assert_true (mf_heap_map_find_window (&map, 12912, &window));
  g_assert_cmpuint (window.used_blocks, ==, 8);
  g_assert_cmpuint (window.used_bytes, ==, 512);
  g_assert_cmphex (window.offset, ==, 0x14420);
  g_assert_cmphex (window.offset + window.length, ==, 0x17700);

  mf_heap_map_tally_kinds (&map, window.first, window.end, &kinds);
  g_assert_cmpuint (kinds.n_rows, ==, 2);
  g_assert_cmpint (kinds.rows[0].kind, ==, 'h');
  g_assert_cmpuint (kinds.rows[0].blocks, ==, 4);
  g_assert_cmpuint (kinds.rows[0].bytes, ==, 448);
  g_assert_cmpint (kinds.rows[1].kind, ==, 'A');
  g_assert_cmpuint (kinds.rows[1].blocks, ==, 4);
  g_assert_cmpuint (kinds.rows[1].bytes, ==, 64);

  g_assert_true (mf_heap_map_find_window (&map, 38720, &window));
  g_assert_cmpuint (window.used_blocks, ==, 209);
  g_assert_cmpuint (window.used_bytes, ==, 13424);
  mf_heap_map_clear (&map);
}

static void
test_kinds_overflow (void)
{
  MfKindTally kinds = { 0 };

  for (uint32_t kind = 0; kind < MF_KIND_ROWS + 3; kind++)
    mf_kind_tally_add (&kinds, kind, 10 + kind);
  mf_kind_tally_add (&kinds, 0, 90);
  mf_kind_tally_sort (&kinds);
  g_assert_cmpuint (kinds.n_rows, ==, MF_KIND_ROWS);
  g_assert_cmpuint (kinds.rows[0].kind, ==, 0);
  g_assert_cmpuint (kinds.rows[0].blocks, ==, 2);
  g_assert_cmpuint (kinds.rows[1].kind, ==, MF_KIND_ROWS - 1);
  g_assert_cmpuint (kinds.other.blocks, ==, 3);
  g_assert_cmpuint (kinds.other.bytes, ==, 3 * (10 + MF_KIND_ROWS) + 3);
}

static void
test_pins_by_hand (void)
{
  MfHeapPin pins[8];
  MfHeapMap map;

  // A takes the run below it and half of the next; B the other half; C nothing; D the last run
  map_from_text (&map, ".A==..B=CD....");
  size_t n = mf_heap_map_top_pins (&map, pins, G_N_ELEMENTS (pins));
  g_assert_cmpuint (n, ==, 3);
  g_assert_cmpint (map.blocks[pins[0].block].kind, ==, 'D');
  g_assert_cmpuint (pins[0].pinned, ==, 64);
  g_assert_cmpuint (pins[0].bridge, ==, 0);
  g_assert_cmpuint (pins[0].gain, ==, 80);
  g_assert_cmpint (map.blocks[pins[1].block].kind, ==, 'A');
  g_assert_cmpuint (pins[1].pinned, ==, 32);
  g_assert_cmpuint (pins[1].bridge, ==, 48);
  g_assert_cmpuint (pins[1].gain, ==, 96);
  g_assert_cmpint (map.blocks[pins[2].block].kind, ==, 'B');
  g_assert_cmpuint (pins[2].pinned, ==, 16);
  g_assert_cmpuint (pins[2].bridge, ==, 0);

  g_assert_cmpuint (mf_heap_map_top_pins (&map, pins, 1), ==, 1);
  g_assert_cmpint (map.blocks[pins[0].block].kind, ==, 'D');
  g_assert_cmpuint (mf_heap_map_top_pins (&map, pins, 0), ==, 0);
  mf_heap_map_clear (&map);
}

static void
test_pin_of_odd_run (void)
{
  static const MfMapBlock blocks[]
      = { { 0, 4, 0, 'A' }, { 4, 7, 0, MF_HEAP_FREE }, { 11, 4, 0, 'B' } };
  Memory memory = { .refuse = -1 };
  MfHeapPin pin;
  MfHeapMap map;

  mf_heap_map_init (&map, memory_resize, &memory);
  for (size_t i = 0; i < G_N_ELEMENTS (blocks); i++)
    g_assert_cmpint (mf_heap_map_append (&map, &blocks[i]), ==, MF_HEAP_MAP_OK);
  g_assert_true (mf_heap_map_next_pin (&map, 0, &pin));
  g_assert_cmpuint (pin.pinned, ==, 4);
  g_assert_true (mf_heap_map_next_pin (&map, pin.block + 1, &pin));
  g_assert_cmpuint (pin.pinned, ==, 3);
  g_assert_false (mf_heap_map_next_pin (&map, pin.block + 1, &pin));
  mf_heap_map_clear (&map);
}

static bool
is_wholly_free (const MfHeapMap *map, size_t i)
{
  const MfMapBlock *block = &map->blocks[i];

  return mf_heap_block_is_free (block) && block->offset == 0
         && (i + 1 == map->n_blocks || block[1].region != block->region);
}

// Every hole byte is charged exactly once, and the top is the head of the full order.
static void
test_pins_by_brute_force (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (4);

  for (int round = 0; round < 500; round++) {
    g_autofree char *text = random_text (random, g_rand_int_range (random, 2, 150));
    uint64_t free_bytes = 0, pinned = 0;
    MfHeapPin all[150], top[3];
    MfHeapMap map;

    map_from_text (&map, text);
    for (size_t i = 0; i < map.n_blocks; i++)
      if (mf_heap_block_is_free (&map.blocks[i]) && !is_wholly_free (&map, i))
        free_bytes += map.blocks[i].size;
    size_t n = mf_heap_map_top_pins (&map, all, G_N_ELEMENTS (all));
    for (size_t i = 0; i < n; i++) {
      pinned += all[i].pinned;
      if (i > 0)
        g_assert_cmpuint (all[i - 1].pinned, >=, all[i].pinned);
    }
    g_assert_cmpuint (pinned, ==, free_bytes);
    size_t n_top = mf_heap_map_top_pins (&map, top, 3);
    for (size_t i = 0; i < n_top; i++)
      g_assert_cmpuint (top[i].block, ==, all[i].block);
    mf_heap_map_clear (&map);
  }
}

static void
test_pins_of_recording (void)
{
  MfKindTally kinds;
  MfHeapMap map;

  map_from_recording (&map, "stm32f205-fragment-2.map");
  mf_heap_map_tally_pins (&map, &kinds);
  g_assert_cmpuint (kinds.n_rows, ==, 6);
  g_assert_cmpint (kinds.rows[0].kind, ==, 'h');
  g_assert_cmpuint (kinds.rows[0].bytes, ==, 32200);
  g_assert_cmpint (kinds.rows[1].kind, ==, 'A');
  g_assert_cmpuint (kinds.rows[1].bytes, ==, 19392);
  mf_heap_map_clear (&map);
}

static MfHeapPattern
recognise (MfHeapMap *map)
{
  const MfHeapRule rule = { .granule = CELL };
  MfHeapFigures figures;
  MfHeapPattern pattern;

  mf_heap_map_measure (map, &rule, &figures);
  mf_heap_map_recognise (map, &figures, &pattern);
  mf_heap_map_clear (map);
  return pattern;
}

static void
test_patterns (void)
{
  static const struct {
    const char *text;
    MfHeapPatternName name;
  } cases[] = {
    { "", MF_PATTERN_FULL },
    { "A==", MF_PATTERN_FULL },
    { "A============================.", MF_PATTERN_FULL },
    { "A===================.", MF_PATTERN_FULL },
    { "A==================.", MF_PATTERN_COMPACT },
    { "A.B...................", MF_PATTERN_COMPACT },
    { "A.B.C.D..................E.", MF_PATTERN_RUN_AND_DUST },
    { "A.B.C.D..................E", MF_PATTERN_RUN_AND_DUST },
    // 16 runs, and 15
    { "A.A..A.A..A.A..A.A..A.A..A.A..A.A..A.A..", MF_PATTERN_SCATTERED },
    { "A.A..A.A..A.A..A.A..A.A..A.A..A.A..A.", MF_PATTERN_NONE },
    // 8 holes of 32 B among 16 runs, and among 15
    { "A.A...A.A...A.A...A.A...A..A..A..A..A..A..A..A..", MF_PATTERN_SCATTERED },
    { "A.A...A.A...A.A...A.A..A..A..A..A..A..A..A..", MF_PATTERN_CHECKERBOARD },
    // holes of one size with the lesser and with the greater part of the free bytes
    { "A.A.A.A.A.A.A.A.A.A....................A..................", MF_PATTERN_NONE },
    { "A.A.A.A.A.A.A.A.A.A.A.........", MF_PATTERN_CHECKERBOARD },
    { "A.B........C...", MF_PATTERN_NONE },
    { "A.B.C.D.E.F.G.H.", MF_PATTERN_CHECKERBOARD },
    { "A.B.C.D.E.F.G.", MF_PATTERN_NONE }, // 7 holes
    { "A.A.A.A.A..A...A....A.....A.A..A...A....A.....A..A..A...A....A.....", MF_PATTERN_SCATTERED },
    { "A..B...C..D...", MF_PATTERN_NONE },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    MfHeapMap map;
    map_from_text (&map, cases[i].text);
    g_test_message ("%s", cases[i].text);
    g_assert_cmpint (recognise (&map).name, ==, cases[i].name);
  }
}

static void
test_checkerboard (void)
{
  MfHeapMap map;

  map_from_text (&map, "AB..AB..AB..A=..AB..CB..AB..AB..h....");
  MfHeapPattern pattern = recognise (&map);
  g_assert_cmpint (pattern.name, ==, MF_PATTERN_CHECKERBOARD);
  g_assert_cmpuint (pattern.holes, ==, 8);
  g_assert_cmpuint (pattern.hole_size, ==, 32);
  g_assert_cmpuint (pattern.groups, ==, 7);
  g_assert_cmpint (pattern.kind, ==, 'A');
  g_assert_cmpuint (pattern.kind_groups, ==, 6);

  // groups that begin with different kinds are not given a common one
  map_from_text (&map, "A.B.C.D.E.F.G.H.I.J.");
  pattern = recognise (&map);
  g_assert_cmpint (pattern.name, ==, MF_PATTERN_CHECKERBOARD);
  g_assert_cmpuint (pattern.kind, ==, MF_HEAP_FREE);
  g_assert_cmpuint (pattern.kind_groups, ==, 0);

  map_from_text (&map, "A.B.A.B.A.B.A.B.A."); // half of them is not most
  g_assert_cmpuint (recognise (&map).kind, ==, MF_HEAP_FREE);
}

static void
test_pattern_of_recording (void)
{
  MfHeapMap map;

  map_from_recording (&map, "stm32f205-fragment-2.map");
  MfHeapPattern pattern = recognise (&map);
  g_assert_cmpint (pattern.name, ==, MF_PATTERN_CHECKERBOARD);
  g_assert_cmpuint (pattern.holes, ==, 300);
  g_assert_cmpuint (pattern.hole_size, ==, 128);
  g_assert_cmpuint (pattern.groups, ==, 297);
  g_assert_cmpint (pattern.kind, ==, 'A');
  g_assert_cmpuint (pattern.kind_groups, ==, 297);

  map_from_recording (&map, "stm32f205-fragment-1.map");
  g_assert_cmpint (recognise (&map).name, ==, MF_PATTERN_COMPACT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/heap-cause/window-by-hand", test_window_by_hand);
  g_test_add_func ("/heap-cause/window-by-brute-force", test_window_by_brute_force);
  g_test_add_func ("/heap-cause/window-of-recording", test_window_of_recording);
  g_test_add_func ("/heap-cause/kinds-overflow", test_kinds_overflow);
  g_test_add_func ("/heap-cause/pins-by-hand", test_pins_by_hand);
  g_test_add_func ("/heap-cause/pin-of-odd-run", test_pin_of_odd_run);
  g_test_add_func ("/heap-cause/pins-by-brute-force", test_pins_by_brute_force);
  g_test_add_func ("/heap-cause/pins-of-recording", test_pins_of_recording);
  g_test_add_func ("/heap-cause/patterns", test_patterns);
  g_test_add_func ("/heap-cause/checkerboard", test_checkerboard);
  g_test_add_func ("/heap-cause/pattern-of-recording", test_pattern_of_recording);
  return g_test_run ();
}
