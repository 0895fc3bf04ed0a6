// SPDX-License-Identifier: Apache-2.0
// Heap maps as the rows that a collector publishes: 16-byte cells written as text, or recorded ones.
#pragma once

#include <memflow/harness.h>

#include "../unit/heap-fixture.h"

typedef struct {
  MfHarness *harness;
  uint32_t snapshot, ordinal;  // of the last dump
  uint32_t flags;
  uint64_t growable;
  uint32_t missing;            // blocks that the closing row counts but that do not arrive
  const char *heap;            // NULL = "gc"
  bool blocks_only;            // the plugin does not consume heap.region
} Board;

// The letters of a map as kinds, as the collector names them.
static inline MfString
kind_of (Board *board, uint32_t letter)
{
  static const struct { uint32_t letter; const char *kind; } kinds[] = {
    { 'A', "bytearray/array" }, { 'h', "data" }, { 'L', "list" }, { 'T', "tuple" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i].letter == letter)
      return mf_harness_string (board->harness, kinds[i].kind);
  return (MfString) { 0 };
}

static inline bool
push_blocks (Board *board, const MfHeapMap *map, MfHeapSnapshot *closing)
{
  bool fine = true;
  for (size_t i = 0; i < map->n_blocks; i++) {
    const MfMapBlock *block = &map->blocks[i];
    bool free = mf_heap_block_is_free (block);
    MfHeapBlock row = { board->snapshot, block->region, { block->offset }, { block->size },
      free ? (MfString) { 0 } : kind_of (board, block->kind), free ? MF_BLOCK_FREE : MF_BLOCK_USED };
    closing->total.bytes += block->size;
    closing->free.bytes += free ? block->size : 0;
    closing->used.bytes += free ? 0 : block->size;
    if (i + board->missing < map->n_blocks)
      fine = mf_harness_push (board->harness, &MfHeapBlock_type, &row, 1, NULL, 0);
  }
  return fine;
}

static inline bool
push_map (Board *board, const MfHeapMap *map)
{
  MfHeapRegion region = { .snapshot = ++board->snapshot, .address = { 0x20000c10 } };
  MfHeapSnapshot closing = { .time = MF_TIME_NONE, .growable = { board->growable },
    .heap = mf_harness_string (board->harness, board->heap ? board->heap : "gc"), .snapshot = board->snapshot,
    .ordinal = ++board->ordinal, .regions = 1, .blocks = (uint32_t) map->n_blocks, .granule = 16,
    .flags = board->flags };
  return (board->blocks_only || mf_harness_push (board->harness, &MfHeapRegion_type, &region, 1, NULL, 0))
      && push_blocks (board, map, &closing)
      && mf_harness_push (board->harness, &MfHeapSnapshot_type, &closing, 1, NULL, 0);
}

static inline bool
dump_text (Board *board, const char *cells)
{
  MfHeapMap map;
  map_from_text (&map, cells);
  bool fine = push_map (board, &map);
  mf_heap_map_clear (&map);
  return fine;
}

static inline bool
dump_recording (Board *board, const char *name)
{
  MfHeapMap map;
  map_from_recording (&map, name);
  bool fine = push_map (board, &map);
  mf_heap_map_clear (&map);
  return fine;
}

static inline Board
board_open (const char *plugin, const char *const *options)
{
  g_autofree char *path = g_strconcat (MEMFLOW_MODULES "/", plugin, ".so", NULL);
  Board board = { .harness = mf_harness_open (path, NULL, options), .growable = UINT64_MAX };
  if (!mf_harness_start (board.harness))
    g_test_message ("%s", mf_harness_errors (board.harness));
  return board;
}

// The statement with that subject, "" if there is none. The n-th of them; free it.
static inline char *
statement (Board *board, const char *subject, unsigned n)
{
  const MfBatch *batch;
  const MfStatement *row;
  for (uint32_t i = 0; (row = mf_harness_row (board->harness, "report.statement", i, &batch)); i++)
    if (g_str_equal (mf_harness_string_text (board->harness, row->subject), subject) && n-- == 0)
      return g_strndup (mf_batch_text (batch, row->text), row->text.length);
  return g_strdup ("");
}

static inline void
assert_statement (Board *board, const char *subject, const char *text)
{
  g_autofree char *found = statement (board, subject, 0);
  g_assert_cmpstr (found, ==, text);
}

static inline void
assert_says (Board *board, const char *subject, const char *part)
{
  g_autofree char *found = statement (board, subject, 0);
  if (!strstr (found, part))
    g_test_message ("'%s' says: %s", subject, found);
  g_assert_nonnull (strstr (found, part));
}

static inline void
board_finish (Board *board)
{
  if (!mf_harness_finish (board->harness))
    g_test_message ("%s", mf_harness_errors (board->harness));
  g_assert_cmpstr (mf_harness_errors (board->harness), ==, "");
}

static inline bool
push_fault (Board *board, uint32_t kind, uint64_t bytes, uint32_t caught, MfStack stack, const char *message)
{
  MfDeviceFault row = { .time = MF_TIME_NONE, .requested = { bytes }, .stack = stack, .kind = kind,
    .caught = caught, .after_ordinal = board->ordinal, .line = 7, .message = { 0, (uint32_t) strlen (message) } };
  return mf_harness_push (board->harness, &MfDeviceFault_type, &row, 1, message, (uint32_t) strlen (message));
}

static inline bool
refuse (Board *board, uint64_t bytes, uint32_t caught)
{
  return push_fault (board, MF_FAULT_MEMORY, bytes, caught, (MfStack) { 0 }, "MemoryError");
}
