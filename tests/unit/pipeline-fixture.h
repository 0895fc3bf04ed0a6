// SPDX-License-Identifier: Apache-2.0
// Pipelines of a few lines of text, with a folder of their own for what they write.
#pragma once

#include <glib.h>
#include <glib/gstdio.h>

#include <memflow/memflow.h>

#define RECORDING "configs/recordings/stm32f205-fragment.txt"

typedef struct { char *folder; } Fixture;

static inline void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  (void) data;
  fixture->folder = g_dir_make_tmp ("memflow-test-XXXXXX", NULL);
  g_assert_nonnull (fixture->folder);
}

// Everything is gone afterwards: fails when a file is left that fixture_text did not take.
static inline void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  (void) data;
  g_autoptr (GDir) dir = g_dir_open (fixture->folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (fixture->folder, name, NULL);
    g_assert_cmpint (g_remove (path), ==, 0);
  }
  g_assert_cmpint (g_rmdir (fixture->folder), ==, 0);
  g_free (fixture->folder);
}

// Stages of the tests themselves lie in MEMFLOW_TEST_PARTS.
static inline MfPipeline *
fixture_pipeline (const Fixture *fixture)
{
  MfPipeline *pipeline = mf_pipeline_new ();
  mf_pipeline_add_plugin_path (pipeline, MEMFLOW_TEST_PARTS);
  mf_pipeline_set_output (pipeline, fixture->folder);
  return pipeline;
}

static inline MfPipeline *
fixture_load (const Fixture *fixture, const char *text)
{
  MfPipeline *pipeline = fixture_pipeline (fixture);
  MfStatus status = mf_pipeline_load_text (pipeline, text);
  g_assert_cmpstr (mf_pipeline_errors (pipeline), ==, "");
  g_assert_cmpint (status, ==, MF_STATUS_OK);
  return pipeline;
}

static inline char *
fixture_text (const Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->folder, name, NULL);
  char *text = NULL;
  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

static inline bool
fixture_has (const Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->folder, name, NULL);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

#define FIXTURE_TEST(path, function) \
  g_test_add (path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
