// SPDX-License-Identifier: Apache-2.0
// Memory whose size depends on a device's text is refused at each place in turn: the run fails with
// a sentence, and what was published before is whole.
#include <memflow/memflow.h>

#include <glib.h>

static const char configuration[]
    = "[pipeline]\n"
      "name = memory\n"
      "[collector board]\n"
      "plugin = serial\n"
      "device = tests/data/serial/qemu-1.28.0-netduino2-stm32f205/08_fragment.txt\n";

enum { LAST_REFUSAL = 200 }; // beyond the last allocation of such a run

typedef struct {
  uint64_t blocks; // of the snapshot that is not closed yet
  uint32_t snapshots;
} Seen;

static bool
see (void *user, const MfBatch *batch)
{
  Seen *seen = user;

  if (g_str_equal (batch->type->name, "heap.block"))
    seen->blocks += batch->n_rows;
  if (!g_str_equal (batch->type->name, "heap.snapshot"))
    return true;
  MF_EACH (batch, MfHeapSnapshot, row)
  {
    g_assert_cmpuint (row->blocks, ==, seen->blocks);
    seen->blocks = 0;
    seen->snapshots++;
  }
  return true;
}

static MfStatus
run_with (uint64_t refused, Seen *seen)
{
  MfPipeline *pipeline = mf_pipeline_new ();
  MfStatus status;

  mf_pipeline_add_sink (pipeline, "heap.*", see, seen);
  mf_pipeline_set_deterministic (pipeline, true);
  mf_pipeline_fail_allocation (pipeline, refused);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, configuration), ==, MF_STATUS_OK);
  status = mf_pipeline_run (pipeline);
  if (status != MF_STATUS_OK)
    g_assert_nonnull (strstr (mf_pipeline_errors (pipeline), "memory"));
  mf_pipeline_free (pipeline);
  return status;
}

static void
test_each_refusal (void)
{
  Seen whole = { 0 };
  uint32_t failures = 0;

  g_assert_cmpint (run_with (0, &whole), ==, MF_STATUS_OK);
  g_assert_cmpuint (whole.snapshots, ==, 2);
  for (uint64_t n = 1; n <= LAST_REFUSAL; n++) {
    Seen seen = { 0 };
    MfStatus status = run_with (n, &seen);

    g_assert_true (status == MF_STATUS_FAILED || status == MF_STATUS_OK);
    g_assert_cmpuint (seen.snapshots, <=, whole.snapshots);
    g_assert_true (status == MF_STATUS_FAILED || seen.snapshots == whole.snapshots);
    failures += status == MF_STATUS_FAILED;
  }
  g_assert_cmpuint (failures, >=, 10);
  g_test_message ("%u of %d refused allocations ended the run", failures, LAST_REFUSAL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serial/each-refusal", test_each_refusal);
  return g_test_run ();
}
