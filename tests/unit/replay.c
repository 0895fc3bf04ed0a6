// SPDX-License-Identifier: Apache-2.0
// The collector replay in a real pipeline: types of which a capture holds two versions, and memory that
// is refused at every place in turn.
#include <glib.h>
#include <glib/gstdio.h>

#include <memflow/memflow.h>

#include "wire.h"

typedef struct { uint32_t a, b; } Short;
typedef struct { uint32_t a, b; MfSize size; MfTime time; uint32_t maybe, count; } Long;
typedef struct { uint64_t other; } Other;
MF_EVENT (Short, "demo.grown", 1, MF_VIEW_TABLE, "d", MF_FIELD (Short, a, "a"), MF_FIELD (Short, b, "b"));
MF_EVENT (Long, "demo.grown", 1, MF_VIEW_TABLE, "d", MF_FIELD (Long, a, "a"), MF_FIELD (Long, b, "b"),
  MF_FIELD (Long, size, "s"), MF_FIELD (Long, time, "t"),
  MF_FIELD (Long, maybe, "m", .flags = MF_FIELD_OPTIONAL), MF_FIELD (Long, count, "c"));
MF_EVENT (Other, "demo.grown", 1, MF_VIEW_TABLE, "d", MF_FIELD (Other, other, "o"));

typedef struct { char *folder, *capture; GArray *rows; uint64_t lost; } Bench;

static const char *
no_name (void *user G_GNUC_UNUSED, MfString string G_GNUC_UNUSED, size_t *n)
{
  *n = 4;
  return "name";
}

static bool
append (void *user, const void *bytes, size_t n)
{
  g_byte_array_append (user, bytes, (guint) n);
  return true;
}

static void
put (MfWireWriter *writer, const MfType *type, const void *row)
{
  MfBatch batch = { .type = type, .rows = row, .n_rows = 1, .stride = type->row_size, .stage = { 1 } };
  g_assert_true (mf_wire_write_batch (writer, &batch));
}

// A capture of four rows: short, long, short, and one that has nothing in common with them.
static void
bench_open (Bench *bench, gconstpointer unused G_GNUC_UNUSED)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  MfWireWriting writing = { .user = bytes, .write = append, .string = no_name };
  g_autofree void *memory = g_malloc (mf_wire_writer_bytes (&writing));
  MfWireWriter *writer = mf_wire_writer_init (memory, &writing);
  put (writer, &Short_type, &(Short) { 1, 2 });
  put (writer, &Long_type, &(Long) { 3, 4, { 5 }, { 6 }, 7, 8 });
  put (writer, &Short_type, &(Short) { 9, 10 });
  put (writer, &Other_type, &(Other) { 11 });
  g_assert_true (mf_wire_write_end (writer));
  bench->folder = g_dir_make_tmp ("memflow-replay-XXXXXX", NULL);
  bench->capture = g_build_filename (bench->folder, "run.mfc", NULL);
  bench->rows = g_array_new (FALSE, FALSE, sizeof (Long));
  g_file_set_contents (bench->capture, (const char *) bytes->data, bytes->len, NULL);
}

static void
bench_close (Bench *bench, gconstpointer unused G_GNUC_UNUSED)
{
  g_autofree char *again = g_build_filename (bench->folder, "again.mfc", NULL);
  g_remove (again);
  g_remove (bench->capture);
  g_assert_cmpint (g_rmdir (bench->folder), ==, 0);  // no half file is left
  g_array_unref (bench->rows);
  g_free (bench->folder);
  g_free (bench->capture);
}

static bool
take_rows (void *user, const MfBatch *batch)
{
  Bench *bench = user;
  g_assert_cmpuint (batch->stride, ==, sizeof (Long));
  MF_EACH (batch, Long, row)
    g_array_append_val (bench->rows, *row);
  return true;
}

// Replays with the n-th allocation refused (0 = none).
static MfStatus
replay (Bench *bench, uint64_t n, char **errors)
{
  g_autofree char *text = g_strdup_printf ("[collector c]\nplugin = replay\npath = %s\n"
      "[format again]\nplugin = capture\npath = again.mfc\n", bench->capture);
  MfPipeline *pipeline = mf_pipeline_new ();
  g_array_set_size (bench->rows, 0);
  mf_pipeline_add_plugin_path (pipeline, MODULES);
  mf_pipeline_set_output (pipeline, bench->folder);
  mf_pipeline_set_deterministic (pipeline, true);
  mf_pipeline_add_sink (pipeline, "demo.*", take_rows, bench);
  mf_pipeline_fail_allocation (pipeline, n);
  MfStatus status = mf_pipeline_load_text (pipeline, text);
  if (status == MF_STATUS_OK)
    status = mf_pipeline_run (pipeline);
  bench->lost = mf_pipeline_lost (pipeline);
  *errors = g_strdup (mf_pipeline_errors (pipeline));
  mf_pipeline_free (pipeline);
  return status;
}

static void
assert_row (const Bench *bench, guint index, Long expected)
{
  g_assert_cmpmem (&g_array_index (bench->rows, Long, index), sizeof expected, &expected, sizeof expected);
}

static void
test_versions (Bench *bench, gconstpointer unused G_GNUC_UNUSED)
{
  g_autofree char *errors = NULL;
  MfStatus status = replay (bench, 0, &errors);
  g_assert_cmpstr (errors, ==, "");
  g_assert_cmpint (status, ==, MF_STATUS_OK);
  g_assert_cmpuint (bench->rows->len, ==, 3);
  assert_row (bench, 0, (Long) { 1, 2, MF_SIZE_NONE, MF_TIME_NONE, UINT32_MAX, 0 });
  assert_row (bench, 1, (Long) { 3, 4, { 5 }, { 6 }, 7, 8 });
  assert_row (bench, 2, (Long) { 9, 10, MF_SIZE_NONE, MF_TIME_NONE, UINT32_MAX, 0 });
  g_assert_cmpuint (bench->lost, ==, 1);
}

// The first allocations are over when the pipeline exists, the last are fewer than 60.
static void
test_memory (Bench *bench, gconstpointer unused G_GNUC_UNUSED)
{
  int failures = 0;
  for (uint64_t n = 1; n <= 60; n++) {
    g_autofree char *errors = NULL;
    MfStatus status = replay (bench, n, &errors);
    g_assert_true (status == MF_STATUS_OK ? bench->rows->len == 3 : strstr (errors, "memory") != NULL);
    failures += status != MF_STATUS_OK;
  }
  g_assert_cmpint (failures, >=, 10);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/replay/versions-of-a-type", Bench, NULL, bench_open, test_versions, bench_close);
  g_test_add ("/replay/refused-memory", Bench, NULL, bench_open, test_memory, bench_close);
  return g_test_run ();
}
