// SPDX-License-Identifier: Apache-2.0
// The format stacks: what it writes of a program whose every byte is known, for each weight and style.
#include "alloc-rows.h"

#include <glib/gstdio.h>

static char *folder;

static Program
open_program (const char *style, const char *weight)
{
  MfHarness *harness = mf_harness_open (
      MEMFLOW_MODULES "/stacks.so", NULL, (const char *const[]) { "path=out", style, weight, NULL });
  g_assert_cmpstr (mf_harness_errors (harness), ==, "");
  mf_harness_set_output (harness, folder);
  g_assert_true (mf_harness_start (harness));
  return program_of (harness);
}

static char *
finish (Program *program)
{
  char *text = NULL;
  g_autofree char *path = g_build_filename (folder, "out", NULL);
  g_assert_true (mf_harness_finish (program->harness));
  g_assert_cmpstr (mf_harness_errors (program->harness), ==, "");
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  mf_harness_free (program->harness);
  g_assert_cmpint (g_unlink (path), ==, 0);
  return text;
}

#define MAIN "main (/srv/app.py:10)"
#define LOAD MAIN ";load (/srv/app.py:88)"
#define PARSE LOAD ";parse (/srv/lib/codec.py:7)"
#define NATIVE PARSE ";PyList_New (/usr/lib/libpython3.so)"

static void
test_folded (void)
{
  static const struct { const char *weight, *expected; } cases[] = {
    { "weight=bytes-at-peak", MAIN " 4000\n" LOAD " 1000000\n" PARSE " 20000\n" NATIVE " 3000\n" },
    { "weight=total-bytes", MAIN " 4000\n" LOAD " 1500000\n" PARSE " 25000\n" NATIVE " 3050\n" },
    { "weight=count", MAIN " 1\n" LOAD " 2\n" PARSE " 2\n" NATIVE " 2\n" },
    { "weight=leaked", MAIN " 4000\n" LOAD " 1000000\n" PARSE " 5000\n" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    Program program = open_program ("style=folded", cases[i].weight);
    g_assert_true (program_run (&program));
    g_autofree char *text = finish (&program);
    g_assert_cmpstr (text, ==, cases[i].expected);
  }
}

// Names from a hostile program stay one frame of one line.
static void
test_names (void)
{
  Program program = open_program ("style=folded", NULL);
  MfStack odd = mf_harness_stack (program.harness, (MfStack) { 0 }, "a;b\n\x1b[2J", "x;y.py", 3);
  g_assert_true (program_alloc (&program, odd, 0x10, 5) && program_alloc (&program, program.none, 0x20, 6));
  program.process = 43;
  g_assert_true (program_alloc (&program, program.main, 0x10, 7));
  g_autofree char *text = finish (&program);
  g_assert_cmpstr (text, ==, "process 42;a:b\\x0a\\x1b[2J (x:y.py:3) 5\nprocess 42;(no stack) 6\nprocess 43;" MAIN " 7\n");
}

static void
test_speedscope (void)
{
  Program program = open_program ("style=speedscope", NULL);
  g_assert_true (program_run (&program));
  g_autofree char *text = finish (&program);
  g_assert_cmpstr (text, ==,
    "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n\"profiles\":["
    "\n{\"type\":\"sampled\",\"name\":\"process 42: bytes at the peak\",\"unit\":\"bytes\",\"startValue\":0,"
    "\n\"samples\":[\n[0],\n[0,1],\n[0,1,2],\n[0,1,2,3]],\n\"weights\":[4000,1000000,20000,3000],\n\"endValue\":1027000}],"
    "\n\"shared\":{\"frames\":[\n{\"name\":\"main\",\"file\":\"/srv/app.py\",\"line\":10},"
    "\n{\"name\":\"load\",\"file\":\"/srv/app.py\",\"line\":88},\n{\"name\":\"parse\",\"file\":\"/srv/lib/codec.py\",\"line\":7},"
    "\n{\"name\":\"PyList_New\",\"file\":\"/usr/lib/libpython3.so\"}]},\n\"name\":\"pipeline\",\"exporter\":\"memflow 0.1.0\"}\n");
}

static void
test_empty (void)
{
  Program folded = open_program ("style=folded", NULL);
  g_autofree char *nothing = finish (&folded);
  g_assert_cmpstr (nothing, ==, "");
  Program speedscope = open_program ("style=speedscope", NULL);
  g_autofree char *text = finish (&speedscope);
  g_assert_nonnull (strstr (text, "\"profiles\":[],\n\"shared\":{\"frames\":[]}"));
}

static void
test_no_memory (void)
{
  bool failed = true;
  guint n = 0;
  while (failed) {
    Program program = open_program ("style=speedscope", NULL);
    mf_harness_fail_allocation (program.harness, ++n);
    bool done = program_run (&program) && mf_harness_finish (program.harness);
    failed = mf_harness_allocation_failed (program.harness);
    g_assert_true (done == !failed);
    g_assert_true (done == (*mf_harness_errors (program.harness) == 0));
    mf_harness_free (program.harness);
    g_assert_cmpuint (n, <, 100);
  }
  g_assert_cmpuint (n, >, 5);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("memflow-stacks-XXXXXX", NULL);
  g_test_add_func ("/stacks/folded", test_folded);
  g_test_add_func ("/stacks/names", test_names);
  g_test_add_func ("/stacks/speedscope", test_speedscope);
  g_test_add_func ("/stacks/empty", test_empty);
  g_test_add_func ("/stacks/no-memory", test_no_memory);
  int status = g_test_run ();
  g_autofree char *left = g_build_filename (folder, "out", NULL);
  g_unlink (left);
  g_rmdir (folder);
  g_free (folder);
  return status;
}
