// SPDX-License-Identifier: Apache-2.0
// Output files: beside their name while they are written, under it when their stage has succeeded, or not at all.
#include "pipeline-fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICKER "[collector t]\nplugin = ticker\nrows = 10\n"

static void
write_text (const Fixture *fixture, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (fixture->folder, name, NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
assert_text (const Fixture *fixture, const char *name, const char *expected)
{
  g_autofree char *text = fixture_text (fixture, name);
  g_assert_cmpstr (text, ==, expected);
}

static bool
look (void *user, const MfBatch *batch)
{
  const Fixture *fixture = user;
  (void) batch;
  g_assert_true (fixture_has (fixture, "slow.txt.partial"));
  assert_text (fixture, "slow.txt", "from yesterday");
  return true;
}

static void
test_beside_its_name (Fixture *fixture, gconstpointer data)
{
  (void) data;
  write_text (fixture, "slow.txt", "from yesterday");
  MfPipeline *pipeline = fixture_pipeline (fixture);
  mf_pipeline_add_sink (pipeline, "ticker.tick", look, fixture);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, TICKER "[format slow]\n"), ==, MF_STATUS_OK);
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
  assert_text (fixture, "slow.txt", "20 received 0 lost 0 disordered\n");
  g_assert_false (fixture_has (fixture, "slow.txt.partial"));
  struct stat status;
  g_autofree char *path = g_build_filename (fixture->folder, "slow.txt", NULL);
  g_assert_cmpint (stat (path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
  mf_pipeline_free (pipeline);
}

static void
test_failure_leaves_what_was_there (Fixture *fixture, gconstpointer data)
{
  (void) data;
  write_text (fixture, "slow.txt", "from yesterday");
  MfPipeline *pipeline = fixture_load (fixture, TICKER "[format slow]\nfail = yes\n[format other]\nplugin = slow\n"
      "path = other.txt\n");
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_FAILED);
  g_assert_cmpstr (mf_pipeline_errors (pipeline), ==,
      "pipeline:5:8: error: format 'slow': as asked\n    5 | fail = yes\n      |        ^~~\n1 error\n");
  assert_text (fixture, "slow.txt", "from yesterday");
  assert_text (fixture, "other.txt", "20 received 0 lost 0 disordered\n");
  g_assert_false (fixture_has (fixture, "slow.txt.partial"));
  mf_pipeline_free (pipeline);
}

// What somebody put where the file is written is replaced, never followed.
static void
test_link_in_the_way (Fixture *fixture, gconstpointer data)
{
  (void) data;
  write_text (fixture, "victim", "precious");
  g_autofree char *victim = g_build_filename (fixture->folder, "victim", NULL);
  g_autofree char *partial = g_build_filename (fixture->folder, "slow.txt.partial", NULL);
  g_assert_cmpint (symlink (victim, partial), ==, 0);
  MfPipeline *pipeline = fixture_load (fixture, TICKER "[format slow]\n");
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_OK);
  assert_text (fixture, "victim", "precious");
  assert_text (fixture, "slow.txt", "20 received 0 lost 0 disordered\n");
  mf_pipeline_free (pipeline);
}

static void
test_folder_that_is_a_file (Fixture *fixture, gconstpointer data)
{
  (void) data;
  write_text (fixture, "taken", "");
  MfPipeline *pipeline = fixture_load (fixture, TICKER "[format slow]\npath = taken/slow.txt\n");
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_FAILED);
  g_autofree char *expected = g_strdup_printf ("pipeline:4:2: error: format 'slow': cannot make the folder %s/taken: "
      "Not a directory\n    4 | [format slow]\n      |  ^~~~~~~~~~~\n1 error\n", fixture->folder);
  g_assert_cmpstr (mf_pipeline_errors (pipeline), ==, expected);
  mf_pipeline_free (pipeline);
}

static void
test_full_device (Fixture *fixture, gconstpointer data)
{
  (void) data;
  MfPipeline *pipeline = fixture_load (fixture, TICKER "[format slow]\npath = /dev/full\n");
  g_assert_cmpint (mf_pipeline_run (pipeline), ==, MF_STATUS_FAILED);
  g_assert_cmpstr (mf_pipeline_errors (pipeline), ==, "pipeline:4:2: error: format 'slow': cannot write /dev/full: "
      "No space left on device\n    4 | [format slow]\n      |  ^~~~~~~~~~~\n1 error\n");
  mf_pipeline_free (pipeline);
}

static void
test_one_writer_for_each_file (Fixture *fixture, gconstpointer data)
{
  (void) data;
  MfPipeline *pipeline = fixture_pipeline (fixture);
  g_assert_cmpint (mf_pipeline_load_text (pipeline, TICKER "[format slow]\npath = -\n[format again]\nplugin = slow\npath = -\n"),
      ==, MF_STATUS_CONFIGURATION);
  g_assert_cmpstr (mf_pipeline_errors (pipeline), ==, "pipeline:8:8: error: 'slow' already writes to '-': only one stage can "
      "have the standard output\n    8 | path = -\n      |        ^\n1 error\n");
  mf_pipeline_free (pipeline);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  FIXTURE_TEST ("/output/beside-its-name", test_beside_its_name);
  FIXTURE_TEST ("/output/failure-leaves-what-was-there", test_failure_leaves_what_was_there);
  FIXTURE_TEST ("/output/link-in-the-way", test_link_in_the_way);
  FIXTURE_TEST ("/output/folder-that-is-a-file", test_folder_that_is_a_file);
  FIXTURE_TEST ("/output/full-device", test_full_device);
  FIXTURE_TEST ("/output/one-writer-for-each-file", test_one_writer_for_each_file);
  return g_test_run ();
}
