// SPDX-License-Identifier: Apache-2.0
// The analyzer fragmentation: each verdict, from recorded maps and from maps drawn in cells of 16 bytes.
#include "heap-rows.h"

#include "fragmentation-events.h"

static Board
open_board (const char *option)
{
  return board_open ("fragmentation", (const char *const[]) { option, NULL });
}

static double
metric (Board *board, const char *name)
{
  const MfMetric *row;
  for (uint32_t i = 0; (row = MF_HARNESS_ROW (board->harness, MfMetric, i)); i++)
    if (g_str_equal (mf_harness_string_text (board->harness, row->name), name))
      return row->value;
  g_assert_not_reached ();
}

static void
board_free (Board *board)
{
  mf_harness_free (board->harness);
}

// The recording of the README: what the first screen says.
static void
test_recording (void)
{
  Board board = open_board (NULL);
  board.flags = MF_SNAPSHOT_COLLECTABLE;
  g_assert_true (dump_recording (&board, "stm32f205-fragment-1.map"));
  g_assert_true (dump_recording (&board, "stm32f205-fragment-2.map"));
  g_assert_true (refuse (&board, 38712, 1) && refuse (&board, 25808, 1) && refuse (&board, 12904, 1));
  board_finish (&board);
  assert_statement (&board, "FRAGMENTED",
      "At least 12,000 B can be allocated in one piece although 51,712 B are free.");
  assert_statement (&board, "refused", "3 requests were refused with more than that free:\n"
      "  38,712 B   25,808 B   12,904 B   (caught, after dump 2)");
  assert_statement (&board, "remedy", "To get 12,904 B in one piece, 8 blocks of 512 B in all must go: "
      "4 bytearray/array with their data, at 0x144a0..0x14820 (then 0x14420..0x17700 is one free run).");
  assert_statement (&board, "heap", "96,000 B   used 44,288 (46.1 %)   free 51,712 (53.9 %) in 322 runs");
  assert_statement (&board, "largest free", "12,000 B at 0x14820   ext_frag 76.8 %   hole_frag 76.4 %");
  assert_statement (&board, "unusable for",
      "64 B 0.4 %   256 B 76.8 %   1 KiB 76.8 %   4 KiB 76.8 %   12,904 B 100.0 %");
  assert_statement (&board, "since dump 1",
      "used -39,712   free +39,712   largest free unchanged: freed, not joined");
  assert_says (&board, "pattern", "checkerboard: 300 holes of 128 B");
  g_assert_cmpfloat (metric (&board, "free"), ==, 51712);
  g_assert_cmpfloat (metric (&board, "max_alloc"), ==, 12000);
  g_assert_cmpfloat (metric (&board, "free_runs"), ==, 322);
  g_assert_cmpfloat (metric (&board, "ext_frag"), ==, 76.8);
  g_assert_cmpuint (mf_harness_n_rows (board.harness, "fragmentation.pin"), ==, 5);
  g_assert_cmpuint (mf_harness_n_rows (board.harness, "fragmentation.snapshot"), ==, 2);
  mf_assert_peak (board.harness, 1 << 20);
  board_free (&board);
}

static void
test_histogram (void)
{
  Board board = open_board (NULL);
  uint64_t bytes = 0, runs = 0;
  const FragmentationFreeRun *row;
  g_assert_true (dump_recording (&board, "stm32f205-fragment-2.map"));
  board_finish (&board);
  for (uint32_t i = 0; (row = MF_HARNESS_ROW (board.harness, FragmentationFreeRun, i)); i++) {
    g_assert_cmpuint (row->longest.bytes, ==, 2 * row->length.bytes - 1);
    bytes += row->bytes.bytes;
    runs += row->runs;
  }
  g_assert_cmpuint (bytes, ==, 51712);
  g_assert_cmpuint (runs, ==, 322);
  board_free (&board);
}

// The rows tile the heap, so that the map can be drawn from them alone.
static void
test_change (void)
{
  static const struct { uint64_t offset, size; uint32_t state; } expected[] = {
    { 0, 32, CHANGE_USED }, { 32, 32, CHANGE_FREED }, { 64, 16, CHANGE_FREE }, { 80, 16, CHANGE_TAKEN },
  };
  Board board = open_board (NULL);
  g_assert_true (dump_text (&board, "A=h=..") && dump_text (&board, "A=...L"));
  board_finish (&board);
  g_assert_cmpuint (mf_harness_n_rows (board.harness, "fragmentation.change"), ==, G_N_ELEMENTS (expected));
  for (uint32_t i = 0; i < G_N_ELEMENTS (expected); i++) {
    const FragmentationChange *row = MF_HARNESS_ROW (board.harness, FragmentationChange, i);
    g_assert_cmpuint (row->offset.bytes, ==, expected[i].offset);
    g_assert_cmpuint (row->size.bytes, ==, expected[i].size);
    g_assert_cmpuint (row->state, ==, expected[i].state);
    g_assert_cmpuint (row->since, ==, 1);
    g_assert_cmpuint (row->ordinal, ==, 2);
  }
  board_free (&board);

  board = open_board ("change = no");
  g_assert_true (dump_text (&board, "A=h=..") && dump_text (&board, "A=...L"));
  board_finish (&board);
  g_assert_cmpuint (mf_harness_n_rows (board.harness, "fragmentation.change"), ==, 0);
  board_free (&board);
}

static const char holes[] = "A.A.A.A.A.A.A.A.A.A.";

static void
test_verdicts (void)
{
  static const struct { const char *cells, *option; uint64_t refused; const char *word, *text; } cases[] = {
    { holes, NULL, 0, "FRAGMENTED", "16 B can be allocated in one piece although 160 B are free." },
    { "A.........", NULL, 0, "HEALTHY", "144 B can be allocated in one piece; 144 B are free." },
    { "AAAAAAAAAAAAAAAAAAAAAAAAA.", NULL, 0, "NEARLY FULL", "Only 16 B (3.8 %) are free, 16 B of them in one piece." },
    { "AAAA", NULL, 0, "NEARLY FULL", "Only 0 B (0.0 %) are free, 0 B of them in one piece." },
    { holes, "question=17B", 0, "FRAGMENTED", "16 B can be allocated in one piece although 160 B are free." },
    { holes, "question=161B", 0, "OUT OF MEMORY", "161 B do not fit: only 160 B are free in all." },
    { holes, "question=16B", 0, "HEALTHY",
      "16 B would find room. 16 B can be allocated in one piece; 160 B are free." },
    { holes, NULL, 100, "FRAGMENTED", "16 B can be allocated in one piece although 160 B are free." },
    { holes, NULL, 1000, "OUT OF MEMORY", "1,000 B were asked for, but only 160 B were free in all." },
    { "A.........", NULL, 100, "STALE", "100 B were refused, but dump 1, the last before it, shows room enough: "
      "144 B in one piece. The heap was different when the request failed." },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    Board board = open_board (cases[i].option);
    g_assert_true (dump_text (&board, cases[i].cells));
    g_assert_true (cases[i].refused == 0 || refuse (&board, cases[i].refused, 0));
    board_finish (&board);
    assert_statement (&board, cases[i].word, cases[i].text);
    board_free (&board);
  }
}

static void
test_lower_bound (void)
{
  static const struct { uint32_t flags; uint64_t growable; const char *begin; } cases[] = {
    { 0, 0, "16 B" }, { MF_SNAPSHOT_COLLECTABLE, 0, "At least 16 B" }, { 0, 4096, "At least 16 B" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    Board board = open_board (NULL);
    board.flags = cases[i].flags;
    board.growable = cases[i].growable;
    g_assert_true (dump_text (&board, holes));
    board_finish (&board);
    g_autofree char *text = statement (&board, "FRAGMENTED", 0);
    g_assert_true (g_str_has_prefix (text, cases[i].begin));
    board_free (&board);
  }
}

static void
test_remedy (void)
{
  Board board = open_board ("question = 48B");
  g_assert_true (dump_text (&board, "L=A=h=.T.A=="));
  board_finish (&board);
  assert_statement (&board, "remedy",
      "To get 48 B in one piece, 1 block of 16 B in all must go: 1 tuple, at 0x00070..0x00080 "
      "(then 0x00060..0x00090 is one free run).");
  const FragmentationWindow *row = MF_HARNESS_ROW (board.harness, FragmentationWindow, 0);
  g_assert_cmpuint (row->blocks, ==, 1);
  g_assert_cmpuint (row->offset.bytes, ==, 0x60);
  g_assert_cmpuint (row->length.bytes, ==, 48);
  board_free (&board);

  board = open_board ("question = 1KiB");
  g_assert_true (dump_text (&board, "A..."));
  board_finish (&board);
  assert_says (&board, "remedy", "1,024 B can never be had in one piece");
  board_free (&board);
}

static void
test_no_map (void)
{
  Board board = open_board (NULL);
  MfStack stack = mf_harness_stack (board.harness, (MfStack) { 0 }, "read", "main.py", 12);
  g_assert_true (push_fault (&board, MF_FAULT_MEMORY, 2048, 0, stack, "MemoryError"));
  board_finish (&board);
  assert_statement (&board, "UNKNOWN", "No heap map was seen: why memory was short cannot be told.");
  assert_statement (&board, "refused", "2,048 B were refused (MemoryError, not caught, line 7) in read");
  assert_says (&board, "", "import micropython; micropython.mem_info(1)");
  const MfStatement *row = MF_HARNESS_ROW (board.harness, MfStatement, 1);
  g_assert_cmpstr (mf_harness_string_text (board.harness, row->place), ==, "main.py:12");
  board_free (&board);
}

static bool
push_totals (Board *board, uint64_t free, uint64_t largest)
{
  MfHeapStats row = { .time = MF_TIME_NONE, .total = { 1000 }, .used = { 1000 - free }, .free = { free },
    .largest_free = { largest }, .min_ever_free = MF_SIZE_NONE, .growable = MF_SIZE_NONE,
    .requested = MF_SIZE_NONE, .requested_peak = MF_SIZE_NONE, .stack_used = MF_SIZE_NONE,
    .stack_limit = MF_SIZE_NONE, .heap = mf_harness_string (board->harness, "gc"),
    .ordinal = ++board->ordinal, .free_runs = UINT32_MAX, .used_blocks = UINT32_MAX, .granule = 16 };
  return mf_harness_push (board->harness, &MfHeapStats_type, &row, 1, NULL, 0);
}

static void
test_totals_only (void)
{
  static const struct { uint64_t free, largest, refused; const char *word, *text; } cases[] = {
    { 400, 96, 0, "FRAGMENTED", "At least 96 B can be allocated in one piece although 400 B are free." },
    { 400, 96, 112, "FRAGMENTED", "At least 96 B can be allocated in one piece although 400 B are free." },
    { 400, 96, 500, "OUT OF MEMORY", "500 B were asked for, but only 400 B were free in all." },
    { 400, UINT64_MAX, 500, "OUT OF MEMORY", "500 B were asked for, but only 400 B were free in all." },
    { 400, UINT64_MAX, 100, "UNKNOWN", "400 B are free, but the dump does not tell the largest piece." },
    { 400, 400, 0, "HEALTHY", "At least 400 B can be allocated in one piece; 400 B are free." },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    Board board = open_board (NULL);
    g_assert_true (push_totals (&board, cases[i].free, cases[i].largest));
    g_assert_true (cases[i].refused == 0 || refuse (&board, cases[i].refused, 1));
    board_finish (&board);
    assert_statement (&board, cases[i].word, cases[i].text);
    g_assert_cmpuint (mf_harness_n_rows (board.harness, "fragmentation.free-run"), ==, 0);
    g_assert_cmpuint (mf_harness_n_rows (board.harness, "fragmentation.snapshot"), ==, 1);
    g_assert_true (__builtin_isnan (MF_HARNESS_ROW (board.harness, FragmentationSnapshot, 0)->hole_frag));
    board_free (&board);
  }
}

// A leak shows in the totals alone, also where the largest piece is not known.
static void
test_growing_totals (void)
{
  for (uint64_t largest = 0; largest < 2; largest++) {
    Board board = open_board (NULL);
    for (uint64_t free = 900; free >= 600; free -= 100)
      g_assert_true (push_totals (&board, free, largest ? free : UINT64_MAX));
    board_finish (&board);
    if (largest)
      assert_statement (&board, "GROWING",
          "Used memory grew by 300 B over the last 4 dumps, to 400 B: a leak, or garbage that was never collected.");
    assert_statement (&board, "since dump 1", largest
            ? "used +300   free -300   largest free -300: a leak, perhaps: used keeps growing"
            : "used +300   free -300: a leak, perhaps: used keeps growing");
    board_free (&board);
  }
}

// Totals come for every dump: with a map they are not a dump of their own.
static void
test_totals_and_map (void)
{
  Board board = open_board (NULL);
  g_assert_true (push_totals (&board, 400, 96));
  board.ordinal--;
  g_assert_true (dump_text (&board, holes));
  board_finish (&board);
  g_assert_cmpuint (mf_harness_n_rows (board.harness, "fragmentation.snapshot"), ==, 1);
  g_assert_cmpfloat (metric (&board, "dumps"), ==, 1);
  board_free (&board);
}

// A fault before a dump may arrive between the totals and the map of that dump.
static void
test_fault_between_totals_and_map (void)
{
  Board board = open_board (NULL);
  g_assert_true (push_totals (&board, 400, 96));
  board.ordinal--;
  g_assert_true (refuse (&board, 100, 0) && dump_text (&board, holes));
  board_finish (&board);
  g_assert_cmpfloat (metric (&board, "dumps"), ==, 1);
  assert_says (&board, "FRAGMENTED", "16 B can be allocated in one piece although 160 B are free.");
  assert_statement (&board, "dump after", "");  // the verdict rests on it
  board_free (&board);
}

static void
test_unknown_size (void)
{
  Board board = open_board (NULL);
  g_assert_true (dump_text (&board, "A.........") && refuse (&board, UINT64_MAX, 1));
  board_finish (&board);
  assert_statement (&board, "UNKNOWN",
      "144 B are free, 144 B of them in one piece; the device did not say how much was refused.");
  assert_statement (&board, "refused",
      "A request of unknown size was refused (MemoryError, caught, line 7, after dump 1)");
  board_free (&board);
}

// What a device did before it started again is neither compared with what came after, nor blamed for it.
static void
test_epochs (void)
{
  Board board = open_board (NULL);
  MfDeviceBoot boot = { .time = MF_TIME_NONE, .epoch = 1, .line = 40 };
  g_assert_true (dump_text (&board, "A...................") && dump_text (&board, "AA.................."));
  mf_harness_context (board.harness, "input", 1);
  g_assert_true (mf_harness_push (board.harness, &MfDeviceBoot_type, &boot, 1, NULL, 0));
  g_assert_true (refuse (&board, 100, 0));
  g_assert_true (dump_text (&board, holes));
  board_finish (&board);
  assert_says (&board, "FRAGMENTED", "16 B can be allocated in one piece");
  assert_says (&board, "restarts", "1 time, last at line 40; only dumps since then are compared");
  assert_statement (&board, "since dump 1", "");
  assert_statement (&board, "since dump 2", "");
  assert_statement (&board, "dump after", "");
  g_assert_cmpuint (mf_harness_n_rows (board.harness, "fragmentation.change"), ==, 0);
  board_free (&board);
}

// A dump of the next run does not tell why a request failed in this one.
static void
test_restart_after_failure (void)
{
  Board board = open_board (NULL);
  g_assert_true (refuse (&board, 100, 0));
  mf_harness_context (board.harness, "input", 1);
  g_assert_true (dump_text (&board, holes));
  board_finish (&board);
  assert_says (&board, "UNKNOWN", "No heap map was seen");
  assert_statement (&board, "dump after", "");
  board_free (&board);
}

static void
test_failure_after_restart (void)
{
  Board board = open_board (NULL);
  g_assert_true (dump_text (&board, "A........."));
  mf_harness_context (board.harness, "input", 1);
  g_assert_true (refuse (&board, 100, 0));
  board_finish (&board);
  assert_says (&board, "HEALTHY", "144 B");
  assert_says (&board, "UNKNOWN", "No heap map was seen between the start of the device and the failure");
  board_free (&board);
}

static void
test_dump_before_and_after (void)
{
  Board board = open_board (NULL);
  g_assert_true (dump_text (&board, holes) && refuse (&board, 100, 1) && dump_text (&board, "A........."));
  board_finish (&board);
  assert_says (&board, "FRAGMENTED", "16 B can be allocated in one piece although 160 B are free.");
  assert_says (&board, "dump after", "dump 2: 144 B free, 144 B of them in one piece");
  assert_statement (&board, "figures", "of dump 2");
  board_free (&board);
}

// Uncaught ones come first, however large; then the smallest.
static void
test_leading_refusal (void)
{
  Board board = open_board (NULL);
  g_assert_true (dump_text (&board, holes) && refuse (&board, 40, 1) && refuse (&board, 90, 0) && refuse (&board, 80, 0));
  board_finish (&board);
  assert_says (&board, "remedy", "To get 80 B in one piece");
  board_free (&board);
}

static void
test_many_refusals (void)
{
  Board board = open_board (NULL);
  g_assert_true (dump_text (&board, holes));
  for (uint64_t i = 0; i < 1000; i++)
    g_assert_true (refuse (&board, 32 + i, 1));
  g_assert_true (refuse (&board, 5000, 0));
  board_finish (&board);
  assert_says (&board, "OUT OF MEMORY", "5,000 B were asked for");
  assert_says (&board, "incomplete", "993 more MemoryErrors are not shown");
  board_free (&board);
}

static void
test_other_faults (void)
{
  static const struct { uint32_t kind; const char *message, *text; } cases[] = {
    { MF_FAULT_HEAP_LOCKED, "MemoryError: memory allocation failed, heap is locked",
      "1 allocation while the heap was locked (as in an interrupt handler): no shortage of memory; line 7: "
      "MemoryError: memory allocation failed, heap is locked" },
    { MF_FAULT_RECURSION, "RuntimeError: maximum recursion depth exceeded",
      "1 recursion too deep: the stack was full, not the heap; line 7: RuntimeError: maximum recursion depth exceeded" },
    { MF_FAULT_EXCEPTION, "ValueError: x", "1 other exception; line 7: ValueError: x" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    Board board = open_board (NULL);
    g_assert_true (dump_text (&board, "A........."));
    g_assert_true (push_fault (&board, cases[i].kind, UINT64_MAX, 0, (MfStack) { 0 }, cases[i].message));
    board_finish (&board);
    assert_says (&board, "HEALTHY", "144 B");
    assert_statement (&board, "other faults", cases[i].text);
    board_free (&board);
  }
}

static void
test_damage (void)
{
  static const char reason[] = "the map ends in the middle";
  Board board = open_board (NULL);
  MfInputDamage row = { .time = MF_TIME_NONE, .line = 3, .last_line = 9, .broke_line = 8,
    .reason = { 0, sizeof reason - 1 } };
  g_assert_true (mf_harness_push (board.harness, &MfInputDamage_type, &row, 1, reason, sizeof reason - 1));
  g_assert_true (dump_text (&board, holes));
  board_finish (&board);
  assert_statement (&board, "incomplete", "1 damaged part of the input left out; the first at line 8: the map ends in the middle");
  board_free (&board);
}

// Rows that were lost on the way make a snapshot that is not whole: no figure is taken from it.
static void
test_lost_rows (void)
{
  Board board = open_board (NULL);
  g_assert_true (dump_text (&board, "A........."));
  board.missing = 1;
  g_assert_true (dump_text (&board, holes));
  board_finish (&board);
  assert_says (&board, "incomplete", "snapshot 2 is incomplete: 19 of its 20 blocks arrived");
  assert_says (&board, "HEALTHY", "144 B");
  g_assert_nonnull (strstr (mf_harness_remarks (board.harness), "dump 2 is incomplete"));
  g_assert_cmpuint (mf_harness_n_rows (board.harness, "fragmentation.snapshot"), ==, 1);
  board_free (&board);
}

// The closing row and the blocks must agree, whichever of them is wrong.
static void
test_disagreement (void)
{
  static const struct { uint64_t total, free; const char *why; } cases[] = {
    { 48, 32, "its blocks are 32 B, its total is 48 B" }, { 32, 32, "its free runs are 16 B, its header says 32 B" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    Board board = open_board (NULL);
    const MfHeapBlock blocks[] = { { 1, 0, { 0 }, { 16 }, { 0 }, MF_BLOCK_USED }, { 1, 0, { 16 }, { 16 }, { 0 }, MF_BLOCK_FREE } };
    MfHeapSnapshot closing = { .snapshot = 1, .ordinal = 1, .blocks = 2, .total = { cases[i].total },
      .free = { cases[i].free }, .granule = 16 };
    g_assert_true (mf_harness_push (board.harness, &MfHeapBlock_type, blocks, 2, NULL, 0));
    g_assert_true (mf_harness_push (board.harness, &MfHeapSnapshot_type, &closing, 1, NULL, 0));
    board_finish (&board);
    assert_says (&board, "incomplete", cases[i].why);
    assert_statement (&board, "UNKNOWN", "No heap map was seen.");
    board_free (&board);
  }
}

static void
test_hostile_blocks (void)
{
  static const struct { MfHeapBlock block; const char *name; } cases[] = {
    { { 9, 0, { 16 }, { 16 }, { 0 }, 1 }, "gap" },
    { { 9, 0, { 0 }, { 0 }, { 0 }, 1 }, "empty" },
    { { 9, 3, { UINT64_MAX }, { UINT64_MAX }, { 0 }, 1 }, "overflow" },
    { { 9, UINT32_MAX, { 0 }, { UINT64_MAX }, { 0 }, 0 }, "huge" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    Board board = open_board ("question = 1KiB");
    MfHeapSnapshot closing = { .snapshot = 9, .ordinal = 1, .blocks = 2, .total = { 64 }, .free = { 0 }, .granule = 16 };
    g_assert_true (mf_harness_push (board.harness, &MfHeapBlock_type, &cases[i].block, 1, NULL, 0));
    g_assert_true (mf_harness_push (board.harness, &MfHeapBlock_type, &cases[i].block, 1, NULL, 0));
    g_assert_true (mf_harness_push (board.harness, &MfHeapSnapshot_type, &closing, 1, NULL, 0));
    board_finish (&board);
    g_autofree char *text = statement (&board, "incomplete", 0);
    g_assert_cmpstr (text, !=, "");
    board_free (&board);
  }
}

// A series of any length keeps two maps and sixteen samples.
static void
test_series (void)
{
  Board board = open_board (NULL);
  g_assert_true (dump_text (&board, holes) && dump_text (&board, holes) && dump_text (&board, holes));
  uint64_t peak = mf_harness_peak (board.harness);
  for (unsigned i = 0; i < 5000; i++)
    g_assert_true (dump_text (&board, i % 2 ? "A........." : holes));
  mf_assert_peak (board.harness, peak + 100000);
  board_finish (&board);
  g_assert_cmpfloat (metric (&board, "dumps"), ==, 5003);
  board_free (&board);
}

// Each heap of each input has a report of its own, published as about that input.
static void
test_heaps_and_inputs (void)
{
  Board board = open_board (NULL);
  const MfBatch *batch;
  g_assert_true (dump_text (&board, "A........."));
  board.heap = "psram";
  g_assert_true (dump_text (&board, "A....."));
  mf_harness_context (board.harness, "second.txt", 0);
  g_assert_true (dump_text (&board, holes));
  board_finish (&board);
  g_autofree char *first = statement (&board, "HEALTHY", 0), *second = statement (&board, "HEALTHY", 1);
  g_assert_true (g_str_has_prefix (first, "144 B can"));
  g_assert_true (g_str_has_prefix (second, "80 B can"));
  assert_says (&board, "FRAGMENTED", "16 B can");
  g_assert_nonnull (mf_harness_row (board.harness, "report.statement", 0, &batch));
  g_assert_cmpstr (mf_harness_string_text (board.harness, batch->input), ==, "input");
  uint32_t n = mf_harness_n_rows (board.harness, "report.statement");
  g_assert_nonnull (mf_harness_row (board.harness, "report.statement", n - 1, &batch));
  g_assert_cmpstr (mf_harness_string_text (board.harness, batch->input), ==, "second.txt");
  g_assert_cmpuint (mf_harness_n_rows (board.harness, "fragmentation.change"), ==, 0);
  board_free (&board);
}

// Heaps and inputs beyond the limits are counted and named, not kept.
static void
test_limits (void)
{
  Board board = open_board (NULL);
  for (unsigned i = 0; i < 20; i++) {
    g_autofree char *name = g_strdup_printf ("heap %u", i);
    board.heap = name;
    g_assert_true (dump_text (&board, "A..."));
  }
  board.heap = NULL;
  for (unsigned i = 0; i < 70; i++) {
    g_autofree char *name = g_strdup_printf ("input %u", i);
    mf_harness_context (board.harness, name, 0);
    g_assert_true (dump_text (&board, "A..."));
  }
  board_finish (&board);
  assert_says (&board, "incomplete", "4 dumps of further heaps are left out");
  g_assert_nonnull (strstr (mf_harness_remarks (board.harness), "more than 64 inputs"));
  board_free (&board);
}

static void
test_leak (void)
{
  Board board = open_board (NULL);
  g_assert_true (dump_text (&board, "A.........") && dump_text (&board, "AA........") && dump_text (&board, "AAA.......")
      && dump_text (&board, "AAAA......"));
  board_finish (&board);
  assert_statement (&board, "since dump 1", "used +48   free -48   largest free -48: a leak, perhaps: used keeps growing");
  board_free (&board);
}

static bool
everything (Board *board)
{
  MfHarness *harness = board->harness;
  return mf_harness_start (harness) && dump_text (board, holes) && dump_text (board, "A...A...")
      && refuse (board, 100, 0) && push_totals (board, 400, 96) && mf_harness_finish (harness);
}

// Every request for memory fails once: the run fails with a sentence, and nothing leaks.
static void
test_no_memory (void)
{
  unsigned n = 0;
  for (bool failed = true; failed;) {
    Board board = { .harness = mf_harness_open (MEMFLOW_MODULES "/fragmentation.so", NULL, NULL),
      .growable = UINT64_MAX };
    mf_harness_fail_allocation (board.harness, ++n);
    bool fine = everything (&board);
    failed = mf_harness_allocation_failed (board.harness);
    g_assert_true (fine == !failed);
    g_assert_true (!failed || *mf_harness_errors (board.harness));
    board_free (&board);
  }
  g_assert_cmpuint (n, >, 20);
}

static void
test_downstream_refuses (void)
{
  for (uint64_t n = 0; n < 20; n++) {
    Board board = open_board (NULL);
    mf_harness_refuse_after (board.harness, n);
    everything (&board);
    g_assert_cmpstr (mf_harness_errors (board.harness), ==, "");
    board_free (&board);
  }
}

int
main (int argc, char **argv)
{
  static const struct { const char *name; void (*test) (void); } tests[] = {
    { "recording", test_recording }, { "histogram", test_histogram }, { "change", test_change },
    { "verdicts", test_verdicts }, { "lower-bound", test_lower_bound }, { "remedy", test_remedy },
    { "no-map", test_no_map }, { "totals-only", test_totals_only }, { "growing-totals", test_growing_totals }, { "totals-and-map", test_totals_and_map },
    { "fault-between-totals-and-map", test_fault_between_totals_and_map }, { "unknown-size", test_unknown_size },
    { "epochs", test_epochs }, { "restart-after-failure", test_restart_after_failure },
    { "failure-after-restart", test_failure_after_restart },
    { "dump-before-and-after", test_dump_before_and_after },
    { "leading-refusal", test_leading_refusal }, { "many-refusals", test_many_refusals },
    { "other-faults", test_other_faults }, { "damage", test_damage }, { "lost-rows", test_lost_rows },
    { "disagreement", test_disagreement },
    { "hostile-blocks", test_hostile_blocks }, { "series", test_series }, { "heaps-and-inputs", test_heaps_and_inputs },
    { "limits", test_limits }, { "leak", test_leak },
    { "no-memory", test_no_memory }, { "downstream-refuses", test_downstream_refuses },
  };
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree char *path = g_strconcat ("/fragmentation/", tests[i].name, NULL);
    g_test_add_func (path, tests[i].test);
  }
  return g_test_run ();
}
