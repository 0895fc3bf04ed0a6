// SPDX-License-Identifier: Apache-2.0
// How fast dumps of boards are read: the grammar alone, beside a plain search for line ends in the same bytes, and
// whole runs from the file to an analyzer of its blocks.
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memflow/memflow.h>

#include "device-text.h"

enum { RUNS = 3, COPIES = 2000, CHUNK = 64 * 1024 };

static void *
resize (void *user, void *old, size_t bytes)
{
  (void) user;
  if (bytes)
    return realloc (old, bytes);
  free (old);
  return NULL;
}

static void
count_dump (void *user, const MfHeapDump *dump)
{
  *(uint64_t *) user += dump->counts.blocks;
}

static double
seconds (void)
{
  return (double) g_get_monotonic_time () / G_USEC_PER_SEC;
}

static double
find_lines (const char *text, size_t length, volatile uint64_t *lines)
{
  double start = seconds ();
  uint64_t n = 0;
  for (const char *at = text; (at = memchr (at, '\n', length - (size_t) (at - text))); at++)
    n++;
  *lines = n;
  return seconds () - start;
}

static double
read_dumps (const char *text, size_t length, uint64_t *blocks)
{
  *blocks = 0;
  MfTextSink sink = { .user = blocks, .resize = resize, .dump = count_dump };
  double start = seconds ();
  MfDeviceText *reader = mf_device_text_new (&sink);
  for (size_t at = 0; at < length; at += CHUNK)
    if (!mf_device_text_feed (reader, text + at, MIN ((size_t) CHUNK, length - at)))
      g_error ("%s", mf_device_text_get_error (reader));
  mf_device_text_end (reader, MF_END_OF_STREAM);
  mf_device_text_free (reader);
  return seconds () - start;
}

static double
run (const char *modules, const char *path)
{
  g_autofree char *text = g_strdup_printf ("[collector board]\nplugin = serial\ndevice = %s\n[analyzer size-classes]\n", path);
  MfPipeline *pipeline = mf_pipeline_new ();
  mf_pipeline_add_plugin_path (pipeline, modules);
  if (mf_pipeline_load_text (pipeline, text) != MF_STATUS_OK)
    g_error ("%s", mf_pipeline_errors (pipeline));
  double start = seconds ();
  if (mf_pipeline_run (pipeline) != MF_STATUS_OK)
    g_error ("%s", mf_pipeline_errors (pipeline));
  double took = seconds () - start;
  mf_pipeline_free (pipeline);
  return took;
}

int
main (int argc, char **argv)
{
  g_autofree char *one = NULL, *path = NULL;
  gsize length;
  g_autoptr (GError) error = NULL;
  if (argc != 3)
    return fprintf (stderr, "usage: %s MODULES RECORDING\n", argv[0]), 2;
  if (!g_file_get_contents (argv[2], &one, &length, &error))
    g_error ("%s", error->message);
  g_autoptr (GString) text = g_string_new (NULL);
  for (int i = 0; i < COPIES; i++)
    g_string_append_len (text, one, (gssize) length);
  int file = g_file_open_tmp ("dumps-XXXXXX.txt", &path, &error);
  if (file < 0 || !g_file_set_contents (path, text->str, (gssize) text->len, &error))
    g_error ("%s", error->message);
  double plain = 1e9, grammar = 1e9, whole = 1e9;
  volatile uint64_t lines;
  uint64_t blocks;
  for (int i = 0; i < RUNS; i++) {
    plain = MIN (plain, find_lines (text->str, text->len, &lines));
    grammar = MIN (grammar, read_dumps (text->str, text->len, &blocks));
    whole = MIN (whole, run (argv[1], path));
  }
  double megabytes = (double) text->len / 1e6;
  printf ("# measured dump-grammar %.0f MB/s\n# measured dump-run %.0f MB/s\n# measured line-ends-alone %.0f MB/s\n"
      "# measured dump-grammar-ratio %.3f of the search for line ends\n", megabytes / grammar, megabytes / whole, megabytes / plain,
      plain / grammar);
  remove (path);
  return blocks ? 0 : 1;
}
