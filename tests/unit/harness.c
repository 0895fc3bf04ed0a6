// SPDX-License-Identifier: Apache-2.0
// The harness on plugins of this program: each thing that a test of a plugin may want, seen to work and to fail.
#include <memflow/harness.h>

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

// ---- an analyzer that adds up sizes, and remembers every block

typedef struct { MfSize sum; MfText note; } Sum;
MF_EVENT (Sum, "test.sum", 1, MF_VIEW_NONE, "Sizes of a batch",
  MF_FIELD (Sum, sum, "of all"),
  MF_FIELD (Sum, note, "first kind of the batch"));

typedef struct {
  MfStage stage;
  uint32_t factor;
  MfSize limit;
  uint64_t *remembered, n;
  MF_OUT (Sum) sums;
} Adder;

static uint64_t stops;

static bool
start (void *stage)
{
  Adder *self = stage;
  mf_log (self, MF_LOG_NOTE, "factor %u", self->factor);
  return self->factor < 100 || mf_fail_option (self, "factor", "%u is too much", self->factor);
}

static bool
on_blocks (void *stage, const MfBatch *batch)
{
  Adder *self = stage;
  Sum row = { { 0 }, { 0, 0 } };
  uint64_t *more = mf_resize (self, self->remembered, (self->n + batch->n_rows) * sizeof *more);
  if (!more)
    return mf_fail (self, "not enough memory to remember %u blocks", batch->n_rows);
  self->remembered = more;
  MF_EACH (batch, MfHeapBlock, block) {
    more[self->n++] = block->size.bytes;
    row.sum.bytes += block->size.bytes * self->factor;
  }
  const char *kind = mf_string_text (self, ((const MfHeapBlock *) (const void *) batch->rows)->kind);
  row.note = mf_text (&self->sums, kind, strlen (kind));
  return mf_emit (&self->sums, &row);
}

static bool
finish (void *stage)
{
  Adder *self = stage;
  Sum row = { { self->n }, { 0, 0 } };
  return mf_emit (&self->sums, &row);
}

static void
stop (void *stage)
{
  Adder *self = stage;
  mf_resize (self, self->remembered, 0);
  stops++;
}

MF_DESCRIPTOR (Adder, "adder", .kind = MF_ANALYZER, .summary = "adds sizes up",
  MF_OPTIONS (
    MF_OPTION (Adder, factor, "1", "to multiply by"),
    MF_OPTION (Adder, limit, "4KiB", "not used")),
  MF_CONSUMES (MF_INPUT (MfHeapBlock, on_blocks)),
  MF_PUBLISHES (MF_OUTPUT (Adder, sums, Sum)),
  .start = start, .finish = finish, .stop = stop);

// ---- a collector and a format

typedef struct { MfStage stage; MF_OUT (MfMetric) metrics; } Counter;

static bool
collect (void *stage)
{
  Counter *self = stage;
  for (uint32_t i = 0; i < 3000; i++) {
    MfMetric row = { .name = mf_string (self, "i"), .value = i };
    if (!mf_emit (&self->metrics, &row))
      return false;
  }
  return true;
}

MF_DESCRIPTOR (Counter, "counter", .kind = MF_COLLECTOR, .summary = "counts to 3000",
  MF_PUBLISHES (MF_OUTPUT (Counter, metrics, MfMetric)), .collect = collect);

typedef struct { MfStage stage; MfOutput *out; } Liner;

static bool
liner_start (void *stage)
{
  Liner *self = stage;
  self->out = mf_output (self, "lines.txt");
  return self->out != NULL;
}

static bool
liner_rows (void *stage, const MfBatch *batch)
{
  Liner *self = stage;
  return mf_write (self, self->out, batch->type->name, strlen (batch->type->name));
}

MF_DESCRIPTOR (Liner, "liner", .kind = MF_FORMAT, .summary = "writes the names of types",
  MF_CONSUMES (MF_INPUT_ANY ("*", liner_rows)), .start = liner_start);

// ---- tests

static void
push_blocks (MfHarness *harness, uint32_t n)
{
  g_autofree MfHeapBlock *blocks = g_new0 (MfHeapBlock, n);
  for (uint32_t i = 0; i < n; i++)
    blocks[i] = (MfHeapBlock) { .snapshot = 1, .size = { 16 }, .kind = mf_harness_string (harness, "list") };
  mf_harness_push (harness, &MfHeapBlock_type, blocks, n, NULL, 0);
}

static void
test_rows (void)
{
  MfHarness *harness = mf_harness_new (&Adder_descriptor, (const char *const[]) { "factor = 3", NULL });
  const MfBatch *batch;
  g_assert_true (mf_harness_start (harness));
  mf_harness_context (harness, "dump.txt", 2);
  push_blocks (harness, 5000);  // 2,048 rows fit a batch
  g_assert_cmpuint (mf_harness_n_rows (harness, "test.sum"), ==, 3);
  const Sum *row = mf_harness_row (harness, "test.sum", 0, &batch);
  g_assert_cmpuint (row->sum.bytes, ==, MF_BATCH_MAX_BYTES / sizeof (MfHeapBlock) * 16 * 3);
  g_assert_cmpuint (row->note.length, ==, 4);
  g_assert_cmpint (memcmp (mf_batch_text (batch, row->note), "list", 4), ==, 0);
  g_assert_cmpstr (mf_harness_string_text (harness, batch->input), ==, "dump.txt");
  g_assert_cmpuint (batch->epoch, ==, 2);
  g_assert_cmpuint (batch->flags, ==, MF_BATCH_DERIVED);
  g_assert_true (mf_harness_finish (harness));
  g_assert_cmpuint (MF_HARNESS_ROW (harness, Sum, 3)->sum.bytes, ==, 5000);
  g_assert_null (mf_harness_row (harness, "test.sum", 4, NULL));
  g_assert_cmpuint (mf_harness_n_rows (harness, "heap.block"), ==, 0);
  g_assert_cmpstr (mf_harness_errors (harness), ==, "");
  g_assert_cmpstr (mf_harness_remarks (harness), ==, "adder: note: factor 3\n");
  mf_harness_free (harness);
}

static void
test_stop (void)
{
  MfHarness *harness = mf_harness_new (&Adder_descriptor, NULL);
  uint64_t before = stops;
  mf_harness_stop (harness);
  mf_harness_stop (harness);
  mf_harness_free (harness);
  g_assert_cmpuint (stops, ==, before + 1);
}

static void
test_bad_options (void)
{
  static const struct { const char *option, *error; } cases[] = {
    { "factor=many", "many" }, { "faktor=1", "factor" }, { "limit=4K", "4KiB" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    MfHarness *harness = mf_harness_new (&Adder_descriptor, (const char *const[]) { cases[i].option, NULL });
    g_assert_false (mf_harness_start (harness));
    g_assert_false (mf_harness_finish (harness));
    g_assert_nonnull (strstr (mf_harness_errors (harness), cases[i].error));
    mf_harness_free (harness);
  }
}

static void
test_failing_start (void)
{
  MfHarness *harness = mf_harness_new (&Adder_descriptor, (const char *const[]) { "factor=100", NULL });
  g_assert_false (mf_harness_start (harness));
  g_assert_nonnull (strstr (mf_harness_errors (harness), "analyzer 'adder': 100 is too much"));
  push_blocks (harness, 1);
  g_assert_cmpuint (mf_harness_n_rows (harness, "test.sum"), ==, 0);
  mf_harness_free (harness);
}

static void
test_wrong_type (void)
{
  MfHarness *harness = mf_harness_new (&Adder_descriptor, NULL);
  g_assert_true (mf_harness_start (harness));
  g_assert_false (mf_harness_push_row (harness, MfMetric, { .value = 1 }));
  g_assert_nonnull (strstr (mf_harness_errors (harness), "does not consume metric"));
  mf_harness_free (harness);
}

static void
test_allocation (void)
{
  MfHarness *harness = mf_harness_new (&Adder_descriptor, NULL);
  g_assert_true (mf_harness_start (harness));
  push_blocks (harness, 1);
  mf_harness_fail_allocation (harness, 3);  // the batch takes two
  g_assert_false (mf_harness_allocation_failed (harness));
  push_blocks (harness, 10);
  g_assert_true (mf_harness_allocation_failed (harness));
  g_assert_nonnull (strstr (mf_harness_errors (harness), "not enough memory to remember 10 blocks"));
  g_assert_false (mf_harness_finish (harness));
  mf_harness_free (harness);
}

static void
test_peak (void)
{
  MfHarness *harness = mf_harness_new (&Adder_descriptor, NULL);
  g_assert_true (mf_harness_start (harness));
  push_blocks (harness, 1);
  uint64_t before = mf_harness_peak (harness);
  push_blocks (harness, 100000);
  g_assert_cmpuint (mf_harness_peak (harness), >, before + 700000);
  mf_assert_peak (harness, before + 1000000);
  if (g_test_subprocess ()) {
    mf_assert_peak (harness, 1000);
    return;
  }
  mf_harness_free (harness);
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*more than 1000*");
}

static void
test_refusal (void)
{
  MfHarness *harness = mf_harness_new (&Counter_descriptor, NULL);
  g_assert_true (mf_harness_start (harness));
  g_assert_true (mf_harness_collect (harness));
  uint32_t all = mf_harness_n_rows (harness, "metric");
  mf_harness_free (harness);
  g_assert_cmpuint (all, ==, 3000);

  harness = mf_harness_new (&Counter_descriptor, NULL);
  g_assert_true (mf_harness_start (harness));
  mf_harness_refuse_after (harness, 1);
  mf_harness_collect (harness);
  g_assert_cmpuint (mf_harness_n_rows (harness, "metric"), <, 3000);
  g_assert_cmpuint (mf_harness_n_rows (harness, "metric"), >, 0);
  g_assert_cmpstr (mf_harness_errors (harness), ==, "");
  mf_harness_free (harness);
}

static void
test_format (void)
{
  g_autofree char *folder = g_dir_make_tmp ("harness-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "lines.txt", NULL);
  g_autofree char *text = NULL;
  MfHarness *harness = mf_harness_new (&Liner_descriptor, NULL);
  mf_harness_set_output (harness, folder);
  g_assert_true (mf_harness_start (harness));
  g_assert_true (mf_harness_push_row (harness, MfMetric, { .value = 1 }));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_true (mf_harness_finish (harness));
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "metric");
  mf_harness_free (harness);
  remove (path);
  remove (folder);
}

static void
test_no_module (void)
{
  MfHarness *harness = mf_harness_open ("no/such/module.so", NULL, NULL);
  g_assert_false (mf_harness_start (harness));
  g_assert_nonnull (strstr (mf_harness_errors (harness), "cannot be opened"));
  mf_harness_free (harness);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/harness/rows", test_rows);
  g_test_add_func ("/harness/stop", test_stop);
  g_test_add_func ("/harness/bad-options", test_bad_options);
  g_test_add_func ("/harness/failing-start", test_failing_start);
  g_test_add_func ("/harness/wrong-type", test_wrong_type);
  g_test_add_func ("/harness/allocation", test_allocation);
  g_test_add_func ("/harness/peak", test_peak);
  g_test_add_func ("/harness/refusal", test_refusal);
  g_test_add_func ("/harness/format", test_format);
  g_test_add_func ("/harness/no-module", test_no_module);
  return g_test_run ();
}
