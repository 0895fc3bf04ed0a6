// SPDX-License-Identifier: Apache-2.0
// The MicroPython grammar against consoles of real interpreters: every figure of the manifest, in
// any chunking, cut at any byte, without memory.
#include "serial-recorder.h"

#include <string.h>

// Columns of MANIFEST.csv, in its order. `known_true` comes last and may hold commas.
enum {
  TARGET,
  VERSION,
  ARCH,
  PTR_BYTES,
  OBJ_REPR,
  SCRIPT,
  DUMP,
  TAG,
  TOTAL,
  USED,
  FREE,
  MAX_NEW_SPLIT,
  ONE_BLOCKS,
  TWO_BLOCKS,
  MAX_BLK,
  MAX_FREE_BLK,
  BLOCK_BYTES,
  MAP_BLOCKS,
  MAP_USED_BLOCKS,
  MAP_HEADS,
  AREAS,
  GC_MEM_ALLOC,
  GC_MEM_FREE,
  N_COLUMNS
};

static char *
find_capture (const char *target, const char *script)
{
  g_autofree char *name = g_strdup_printf ("%s.txt", script);

  return g_build_filename ("tests", "data", "serial", target, name, NULL);
}

static Recorder *
read_capture (const char *path, size_t chunk)
{
  Recorder *recorder = recorder_new ();
  g_autofree char *text = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  g_assert_true (recorder_read (recorder, text, length, chunk));
  return recorder;
}

// Calls `check` with each row of the manifest.
static void
for_each_row (void (*check) (char **row, gpointer user), gpointer user)
{
  g_autofree char *path = g_build_filename ("tests", "data", "serial", "MANIFEST.csv", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  for (unsigned i = 1; lines[i]; i++) {
    g_auto (GStrv) row = g_strsplit (lines[i], ",", N_COLUMNS + 1);

    check (row, user);
  }
}

static void
expect (char **row, int column, uint64_t figure)
{
  uint64_t expected = *row[column] ? g_ascii_strtoull (row[column], NULL, 10) : MF_ABSENT;

  if (figure != expected)
    g_error ("%s/%s dump %s column %d: %" G_GUINT64_FORMAT " instead of \"%s\"", row[TARGET],
        row[SCRIPT], row[DUMP], column, figure, row[column]);
}

static unsigned
count_heads (const MfHeapDump *dump)
{
  unsigned heads = 0;

  for (size_t i = 0; i < dump->n_granules; i++)
    heads += dump->map[i] != '.' && dump->map[i] != '=';
  return heads;
}

// The blocks that the iterator yields, summed up, are the figures of the header.
static void
expect_blocks (const MfHeapDump *dump)
{
  MfDumpBlockIter iter = { 0 };
  MfDumpBlock block;
  uint64_t total = 0, used = 0, max_free = 0, ones = 0, next = 0;

  while (mf_dump_next_block (dump, &iter, &block)) {
    bool is_free = block.state == MF_DUMP_BLOCK_FREE;

    g_assert_cmpuint (block.offset, ==, block.offset == 0 ? 0 : next);
    next = block.offset + block.size;
    total += block.size;
    used += is_free ? 0 : block.size;
    ones += !is_free && block.size == dump->granule;
    max_free = MAX (max_free, is_free ? block.size : 0);
  }
  g_assert_cmpuint (total, ==, dump->figures.total);
  g_assert_cmpuint (used, ==, dump->figures.used);
  g_assert_cmpuint (ones, ==, dump->figures.one_blocks);
  g_assert_cmpuint (max_free, ==, dump->figures.max_free * dump->granule);
}

static void
expect_map (char **row, const MfHeapDump *dump)
{
  g_assert_true (dump->has_map);
  expect (row, MAP_BLOCKS, dump->n_granules);
  expect (row, MAP_USED_BLOCKS, dump->counts.used);
  expect (row, MAP_HEADS, count_heads (dump));
  expect (row, MAP_HEADS, dump->counts.blocks);
  expect (row, AREAS, dump->n_areas);
  if (*row[BLOCK_BYTES])
    expect (row, BLOCK_BYTES, dump->granule);
  g_assert_cmpuint (dump->granule * dump->n_granules, ==, dump->figures.total);
  expect_blocks (dump);
}

static void
check_row (char **row, gpointer user)
{
  unsigned *n_rows = user;
  g_autofree char *path = find_capture (row[TARGET], row[SCRIPT]);
  g_autoptr (Recorder) recorder = read_capture (path, 0);
  const MfHeapDump *dump = recorder_get_dump (recorder, (unsigned)atoi (row[DUMP]));

  g_assert_cmpuint (recorder->damages->len, ==, 0);
  expect (row, TOTAL, dump->figures.total);
  expect (row, USED, dump->figures.used);
  expect (row, FREE, dump->figures.free);
  expect (row, MAX_NEW_SPLIT, dump->figures.max_new_split);
  expect (row, ONE_BLOCKS, dump->figures.one_blocks);
  expect (row, TWO_BLOCKS, dump->figures.two_blocks);
  expect (row, MAX_BLK, dump->figures.max_block);
  expect (row, MAX_FREE_BLK, dump->figures.max_free);
  if (*row[GC_MEM_ALLOC])
    expect (row, GC_MEM_ALLOC, dump->figures.used);
  if (*row[MAP_BLOCKS])
    expect_map (row, dump);
  else
    g_assert_false (dump->has_map);
  (*n_rows)++;
}

static void
test_manifest (void)
{
  unsigned n_rows = 0;

  for_each_row (check_row, &n_rows);
  g_assert_cmpuint (n_rows, ==, 233);
}

static void
count_row (char **row, gpointer user)
{
  g_autofree char *path = find_capture (row[TARGET], row[SCRIPT]);
  unsigned n = GPOINTER_TO_UINT (g_hash_table_lookup (user, path));

  g_hash_table_insert (user, g_steal_pointer (&path), GUINT_TO_POINTER (n + 1));
}

// As many dumps as the manifest has rows: none is found where there is none (paste echo, noise).
static void
test_number_of_dumps (void)
{
  g_autoptr (GHashTable) dumps = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter iter;
  gpointer path, n;

  for_each_row (count_row, dumps);
  g_hash_table_iter_init (&iter, dumps);
  while (g_hash_table_iter_next (&iter, &path, &n)) {
    g_autoptr (Recorder) recorder = read_capture (path, 0);

    g_assert_cmpuint (recorder->dumps->len, ==, GPOINTER_TO_UINT (n));
  }
}

static void
check_chunks (char **row, gpointer user)
{
  static const size_t chunks[] = { 1, 7, 4096 };
  g_autofree char *path = find_capture (row[TARGET], row[SCRIPT]);
  g_autoptr (Recorder) whole = read_capture (path, 0);
  g_autofree char *expected = recorder_describe (whole);

  (void)user;
  if (strcmp (row[DUMP], "0") != 0)
    return;
  for (unsigned i = 0; i < G_N_ELEMENTS (chunks); i++) {
    g_autoptr (Recorder) recorder = read_capture (path, chunks[i]);
    g_autofree char *described = recorder_describe (recorder);

    g_assert_cmpstr (described, ==, expected);
  }
}

static void
test_chunks (void)
{
  for_each_row (check_chunks, NULL);
}

static const MfHeapDump *
find_dump (Recorder *recorder, uint64_t first_line)
{
  for (unsigned i = 0; i < recorder->dumps->len; i++)
    if (recorder_get_dump (recorder, i)->first_line == first_line)
      return recorder_get_dump (recorder, i);
  return NULL;
}

// A dump of a cut stream is one of the whole stream, or its header alone if the cut is between
// header and map.
static void
expect_same_dump (const MfHeapDump *dump, const MfHeapDump *whole)
{
  g_autofree char *described = describe_dump (dump);
  g_autofree char *expected = whole ? describe_dump (whole) : NULL;

  g_assert_nonnull (whole);
  if (dump->has_map || !whole->has_map)
    g_assert_cmpstr (described, ==, expected);
  else
    g_assert_cmpmem (&dump->figures, sizeof dump->figures, &whole->figures, sizeof whole->figures);
}

static void
expect_same_fault (const MfTextFault *fault, Recorder *whole)
{
  for (unsigned i = 0; i < whole->faults->len; i++) {
    const MfTextFault *expected = recorder_get_fault (whole, i);

    if (expected->first_line != fault->first_line)
      continue;
    g_assert_true (
        fault->bytes == expected->bytes || (fault->bytes == MF_ABSENT && fault->truncated));
    g_assert_cmpuint (fault->n_frames, <=, expected->n_frames);
    g_assert_cmpmem (fault->frames, fault->n_frames * sizeof *fault->frames, expected->frames,
        fault->n_frames * sizeof *fault->frames);
    return;
  }
  g_assert_not_reached ();
}

static void
check_truncation (const char *target, const char *script)
{
  g_autofree char *path = find_capture (target, script);
  g_autoptr (Recorder) whole = read_capture (path, 0);
  g_autofree char *text = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  for (gsize cut = 0; cut < length; cut++) {
    g_autoptr (Recorder) recorder = recorder_new ();

    g_assert_true (recorder_read (recorder, text, cut, 0));
    g_assert_cmpuint (recorder->damages->len, <=, 1);
    for (unsigned i = 0; i < recorder->dumps->len; i++)
      expect_same_dump (recorder_get_dump (recorder, i),
          find_dump (whole, recorder_get_dump (recorder, i)->first_line));
    for (unsigned i = 0; i < recorder->faults->len; i++)
      expect_same_fault (recorder_get_fault (recorder, i), whole);
  }
}

static void
test_truncation (void)
{
  check_truncation ("deb-microbit-1.9.2-qemu", "08_fragment");
  check_truncation ("deb-microbit-1.9.2-qemu", "09_leak");
  check_truncation ("unix-1.12-x86", "11_memerror");
  check_truncation ("wasm-1.26.0", "05_exceptions");
}

static bool
has_figures (Recorder *whole, const MfHeapDump *dump)
{
  for (unsigned i = 0; i < whole->dumps->len; i++) {
    MfDumpFigures expected = recorder_get_dump (whole, i)->figures;

    expected.stack_used = dump->figures.stack_used; // nothing in a dump contradicts these
    expected.stack_limit = dump->figures.stack_limit;
    if (memcmp (&expected, &dump->figures, sizeof expected) == 0)
      return true;
  }
  return false;
}

// Any bit of a console whose dumps all have maps: whatever is still delivered has the right
// figures.
static void
test_flipped_bits (void)
{
  g_autofree char *path = find_capture ("deb-microbit-1.9.2-qemu", "08_fragment");
  g_autoptr (Recorder) whole = read_capture (path, 0);
  g_autofree char *text = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  for (gsize bit = 0; bit < length * 8; bit++) {
    g_autoptr (Recorder) recorder = recorder_new ();

    text[bit / 8] ^= (char)(1 << bit % 8);
    g_assert_true (recorder_read (recorder, text, length, 0));
    text[bit / 8] ^= (char)(1 << bit % 8);
    for (unsigned i = 0; i < recorder->dumps->len; i++)
      if (!has_figures (whole, recorder_get_dump (recorder, i)))
        g_error ("bit %u of byte %u: wrong figures", (unsigned)(bit % 8), (unsigned)(bit / 8));
  }
}

static void
test_without_memory (void)
{
  g_autofree char *path = find_capture ("qemu-1.28.0-netduino2-stm32f205", "08_fragment");
  g_autoptr (Recorder) whole = read_capture (path, 0);
  g_autofree char *text = NULL;
  gsize length;

  g_assert_cmpuint (whole->allocations, >=, 3);
  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  for (unsigned refuse = 1; refuse <= whole->allocations; refuse++) {
    g_autoptr (Recorder) recorder = recorder_new ();

    recorder->refuse = refuse;
    g_assert_false (recorder_read (recorder, text, length, 100));
    if (refuse > 2) // the reader itself exists
      g_assert_true (g_str_has_prefix (recorder->error, "cannot expand the heap map on line "));
  }
}

static void
expect_fault (
    const char *target, const char *script, MfTextFaultKind kind, bool caught, uint64_t bytes)
{
  g_autofree char *path = find_capture (target, script);
  g_autoptr (Recorder) recorder = read_capture (path, 0);

  for (unsigned i = 0; i < recorder->faults->len; i++) {
    const MfTextFault *fault = recorder_get_fault (recorder, i);

    if (fault->kind == kind && fault->caught == caught && fault->bytes == bytes)
      return;
  }
  g_error ("%s/%s: no fault of kind %d", target, script, kind);
}

static void
test_faults (void)
{
  expect_fault (
      "qemu-1.28.0-netduino2-stm32f205", "08_fragment", MF_TEXT_FAULT_MEMORY, true, 38712);
  expect_fault ("qemu-1.28.0-netduino2-stm32f205", "11_memerror", MF_TEXT_FAULT_MEMORY, false, 400);
  expect_fault (
      "qemu-1.28.0-netduino2-stm32f205", "12_stack_lock", MF_TEXT_FAULT_RECURSION, true, MF_ABSENT);
  expect_fault (
      "qemu-1.28.0-netduino2-stm32f205", "12_stack_lock", MF_TEXT_FAULT_MEMORY, true, MF_ABSENT);
  expect_fault ("unix-1.12-x86", "12_stack_lock", MF_TEXT_FAULT_LOCKED, true, MF_ABSENT);
  expect_fault ("unix-1.12-x86", "11_memerror", MF_TEXT_FAULT_MEMORY, false, 400);
  expect_fault ("wasm-1.26.0", "12_stack_lock", MF_TEXT_FAULT_PYSTACK, true, MF_ABSENT);
}

static void
test_traceback (void)
{
  g_autofree char *path = find_capture ("unix-1.12-x86", "11_memerror");
  g_autoptr (Recorder) recorder = read_capture (path, 0);
  const MfTextFault *fault = recorder_get_fault (recorder, 0);

  g_assert_cmpuint (recorder->faults->len, ==, 1);
  g_assert_cmpuint (fault->first_line, ==, 28);
  g_assert_cmpuint (fault->last_line, ==, 30);
  g_assert_cmpuint (fault->n_frames, ==, 1);
  g_assert_cmpstr (fault->frames[0].file, ==, "<stdin>");
  g_assert_cmpuint (fault->frames[0].line, ==, 11);
  g_assert_cmpstr (fault->frames[0].function, ==, "<module>");
  g_assert_cmpstr (fault->type, ==, "MemoryError");
  g_assert_true (fault->truncated); // "allocating 400 byte"
}

static void
test_banner (void)
{
  g_autofree char *path = find_capture ("qemu-1.28.0-netduino2-stm32f205", "01_imports");
  g_autoptr (Recorder) recorder = read_capture (path, 0);
  const MfTextBoot *boot = recorder_get_boot (recorder, 0);

  g_assert_cmpuint (recorder->boots->len, ==, 1);
  g_assert_true (boot->rebooted);
  g_assert_cmpstr (boot->version, ==, "1.28.0");
  g_assert_cmpstr (boot->board, ==, "netduino2");
  g_assert_cmpstr (boot->mcu, ==, "STM32");
}

static void
test_qstr (void)
{
  g_autofree char *path = find_capture ("deb-microbit-1.9.2-qemu", "10_qstr");
  g_autoptr (Recorder) recorder = read_capture (path, 0);
  const MfQstrPools *pools = &g_array_index (recorder->pools, MfQstrPools, 1);

  g_assert_cmpuint (recorder->pools->len, ==, 2);
  g_assert_cmpuint (pools->pools, ==, 1);
  g_assert_cmpuint (pools->strings, ==, 14);
  g_assert_cmpuint (pools->string_bytes, ==, 204);
  g_assert_cmpuint (pools->total_bytes, ==, 300);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serial/manifest", test_manifest);
  g_test_add_func ("/serial/number-of-dumps", test_number_of_dumps);
  g_test_add_func ("/serial/chunks", test_chunks);
  g_test_add_func ("/serial/truncation", test_truncation);
  g_test_add_func ("/serial/flipped-bits", test_flipped_bits);
  g_test_add_func ("/serial/without-memory", test_without_memory);
  g_test_add_func ("/serial/faults", test_faults);
  g_test_add_func ("/serial/traceback", test_traceback);
  g_test_add_func ("/serial/banner", test_banner);
  g_test_add_func ("/serial/qstr", test_qstr);
  return g_test_run ();
}
