// SPDX-License-Identifier: Apache-2.0
// The analyzer size-classes: blocks of recorded maps, calls one by one, and what is not whole.
#include "heap-rows.h"

#include "size-classes-events.h"

static Board
open_board (const char *option)
{
  Board board = board_open ("size-classes", (const char *const[]) { option, NULL });
  board.blocks_only = true;
  return board;
}

static void
board_free (Board *board)
{
  mf_harness_free (board->harness);
}

typedef struct { const char *name; uint64_t blocks, bytes, waste_low, waste_high; } Expected;

static void
assert_classes (Board *board, const Expected *expected, gsize n)
{
  g_assert_cmpuint (mf_harness_n_rows (board->harness, "size-class.class"), ==, n);
  for (gsize i = 0; i < n; i++) {
    const SizeClassRow *row = MF_HARNESS_ROW (board->harness, SizeClassRow, (uint32_t) i);
    g_assert_cmpstr (mf_harness_string_text (board->harness, row->class_name), ==, expected[i].name);
    g_assert_cmpuint (row->blocks, ==, expected[i].blocks);
    g_assert_cmpuint (row->bytes.bytes, ==, expected[i].bytes);
    g_assert_cmpuint (row->waste_low.bytes, ==, expected[i].waste_low);
    g_assert_cmpuint (row->waste_high.bytes, ==, expected[i].waste_high);
  }
}

static void
test_recording (void)
{
  static const Expected expected[] = {
    { "tiny", 334, 5552, 0, 334 * 15 }, { "small", 315, 35504, 0, 315 * 15 },
    { "medium", 2, 3232, 0, 2 * 15 }, { "large", 0, 0, 0, 0 },
  };
  Board board = open_board (NULL);
  g_assert_true (dump_recording (&board, "stm32f205-fragment-1.map"));
  g_assert_true (dump_recording (&board, "stm32f205-fragment-2.map"));
  board_finish (&board);
  assert_classes (&board, expected, G_N_ELEMENTS (expected));
  assert_statement (&board, "size classes", "44,288 B in 651 used blocks; edges: tiny 64, small 512, medium 4,096 B");
  mf_assert_peak (board.harness, 1 << 20);
  board_free (&board);
}

// The listed sizes and the rest add up to all used bytes.
static void
test_exact (void)
{
  Board board = open_board ("exact = 3");
  const ExactSizeRow *row;
  uint64_t bytes = 0, blocks = 0;
  g_assert_true (dump_recording (&board, "stm32f205-fragment-2.map"));
  board_finish (&board);
  g_assert_cmpuint (mf_harness_n_rows (board.harness, "size-class.exact"), ==, 4);
  for (uint32_t i = 0; (row = MF_HARNESS_ROW (board.harness, ExactSizeRow, i)); i++) {
    g_assert_cmpuint (row->others, ==, i == 3);
    bytes += row->bytes.bytes;
    blocks += row->blocks;
  }
  row = MF_HARNESS_ROW (board.harness, ExactSizeRow, 0);
  g_assert_cmpuint (row->size.bytes, ==, 112);
  g_assert_cmpuint (row->blocks, ==, 310);
  g_assert_cmpuint (MF_HARNESS_ROW (board.harness, ExactSizeRow, 3)->size.bytes, ==, UINT64_MAX);
  g_assert_cmpuint (bytes, ==, 44288);
  g_assert_cmpuint (blocks, ==, 651);
  board_free (&board);
}

static void
test_edges (void)
{
  static const Expected expected[] = {
    { "to 16 B", 2, 32, 0, 30 }, { "above 16 B", 1, 48, 0, 15 },
  };
  Board board = open_board ("edges = 16B");
  g_assert_true (dump_text (&board, "A.h.L=="));
  board_finish (&board);
  assert_classes (&board, expected, G_N_ELEMENTS (expected));
  assert_statement (&board, "size classes", "80 B in 3 used blocks; edges: 16 B");
  board_free (&board);
}

static void
test_bad_edges (void)
{
  static const char *const bad[] = { "edges = 64B, 64B", "edges = 0", "edges =",
    "edges = 1B, 2B, 3B, 4B, 5B, 6B, 7B, 8B, 9B" };
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    Board board = open_board (bad[i]);
    g_assert_nonnull (strstr (mf_harness_errors (board.harness), "give 1 to 8 edges"));
    board_free (&board);
  }
}

static void
test_lost_rows (void)
{
  static const Expected expected[] = {
    { "tiny", 1, 16, 0, 15 }, { "small", 0, 0, 0, 0 }, { "medium", 0, 0, 0, 0 }, { "large", 0, 0, 0, 0 },
  };
  Board board = open_board (NULL);
  g_assert_true (dump_text (&board, "A..."));
  board.missing = 1;
  g_assert_true (dump_text (&board, "A.h.L==."));
  board_finish (&board);
  assert_classes (&board, expected, G_N_ELEMENTS (expected));
  assert_says (&board, "incomplete", "1 snapshot was not whole and is not counted");
  board_free (&board);
}

static bool
push_call (Board *board, uint16_t op, uint64_t size, uint64_t granted)
{
  MfAlloc row = { .size = { size }, .granted = { granted }, .op = op };
  return mf_harness_push (board->harness, &MfAlloc_type, &row, 1, NULL, 0);
}

static void
test_calls (void)
{
  static const Expected expected[] = {
    { "tiny", 2, 80, 21, 21 }, { "small", 1, 112, 12, 12 }, { "medium", 0, 0, 0, 0 }, { "large", 0, 0, 0, 0 },
  };
  Board board = open_board (NULL);
  g_assert_true (push_call (&board, MF_OP_ALLOC, 10, 16) && push_call (&board, MF_OP_ALLOC, 49, 64)
      && push_call (&board, MF_OP_REALLOC, 100, 112) && push_call (&board, MF_OP_FREE, UINT64_MAX, UINT64_MAX)
      && push_call (&board, MF_OP_FAILED, 5000, UINT64_MAX) && push_call (&board, MF_OP_ALLOC, UINT64_MAX, 16));
  board_finish (&board);
  assert_classes (&board, expected, G_N_ELEMENTS (expected));
  assert_statement (&board, "calls", "counts are of calls, not of live blocks; besides: 1 free, 1 failed call, "
      "1 call of unknown size or for nothing");
  board_free (&board);
}

// Address space is no block; and what was sampled is said to be.
static void
test_sampled_calls (void)
{
  static const Expected expected[] = {
    { "tiny", 1, 16, 6, 6 }, { "small", 0, 0, 0, 0 }, { "medium", 0, 0, 0, 0 }, { "large", 0, 0, 0, 0 },
  };
  Board board = open_board (NULL);
  MfProgramStart start = { .process = 1, .sampling = { 65536 } };
  MfAlloc map = { .op = MF_OP_ALLOC, .address = { 4096 }, .size = { 8192 }, .granted = { 8192 }, .domain = MF_DOMAIN_MAP };
  g_assert_true (mf_harness_push (board.harness, &MfProgramStart_type, &start, 1, NULL, 0)
      && mf_harness_push (board.harness, &MfAlloc_type, &map, 1, NULL, 0) && push_call (&board, MF_OP_ALLOC, 10, 16));
  board_finish (&board);
  assert_classes (&board, expected, G_N_ELEMENTS (expected));
  assert_says (&board, "sampled", "one call in about 65,536 requested bytes was recorded");
  board_free (&board);
}

// Without the granted size there is no waste to tell: unknown, not 0.
static void
test_calls_without_grant (void)
{
  static const Expected expected[] = {
    { "tiny", 2, 26, 0, UINT64_MAX }, { "small", 0, 0, 0, UINT64_MAX }, { "medium", 0, 0, 0, UINT64_MAX },
    { "large", 0, 0, 0, UINT64_MAX },
  };
  Board board = open_board (NULL);
  g_assert_true (push_call (&board, MF_OP_ALLOC, 10, UINT64_MAX) && push_call (&board, MF_OP_ALLOC, 16, 16));
  board_finish (&board);
  assert_classes (&board, expected, G_N_ELEMENTS (expected));
  board_free (&board);
}

static void
test_hostile_sizes (void)
{
  Board board = open_board (NULL);
  MfHeapBlock block = { .snapshot = 1, .size = { UINT64_MAX }, .state = MF_BLOCK_USED };
  MfHeapSnapshot closing = { .snapshot = 1, .ordinal = 1, .blocks = 2, .used = MF_SIZE_NONE, .granule = 16 };
  g_assert_true (mf_harness_push (board.harness, &MfHeapBlock_type, &block, 1, NULL, 0));
  g_assert_true (mf_harness_push (board.harness, &MfHeapBlock_type, &block, 1, NULL, 0));
  g_assert_true (mf_harness_push (board.harness, &MfHeapSnapshot_type, &closing, 1, NULL, 0));
  board_finish (&board);
  g_assert_cmpuint (mf_harness_n_rows (board.harness, "size-class.class"), ==, 0);
  assert_says (&board, "incomplete", "1 snapshot was not whole");
  board_free (&board);
}

static void
test_no_memory (void)
{
  unsigned n = 0;
  for (bool failed = true; failed;) {
    Board board = { .harness = mf_harness_open (MEMFLOW_MODULES "/size-classes.so", NULL, NULL),
      .blocks_only = true };
    mf_harness_fail_allocation (board.harness, ++n);
    bool fine = mf_harness_start (board.harness) && dump_text (&board, "A.h.L==")
        && push_call (&board, MF_OP_ALLOC, 10, 16) && mf_harness_finish (board.harness);
    failed = mf_harness_allocation_failed (board.harness);
    g_assert_true (fine == !failed);
    g_assert_true (!failed || *mf_harness_errors (board.harness));
    board_free (&board);
  }
  g_assert_cmpuint (n, >, 10);
}

int
main (int argc, char **argv)
{
  static const struct { const char *name; void (*test) (void); } tests[] = {
    { "recording", test_recording }, { "exact", test_exact }, { "edges", test_edges },
    { "bad-edges", test_bad_edges }, { "lost-rows", test_lost_rows }, { "calls", test_calls },
    { "sampled-calls", test_sampled_calls },
    { "calls-without-grant", test_calls_without_grant }, { "hostile-sizes", test_hostile_sizes },
    { "no-memory", test_no_memory },
  };
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree char *path = g_strconcat ("/size-classes/", tests[i].name, NULL);
    g_test_add_func (path, tests[i].test);
  }
  return g_test_run ();
}
