// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target once over files and over the files of folders: for compilers without libFuzzer.
#include <glib.h>

int LLVMFuzzerTestOneInput (const guint8 *bytes, gsize n);

static guint
run_file (const char *path)
{
  g_autofree char *contents = NULL;
  gsize n;
  if (!g_file_get_contents (path, &contents, &n, NULL))
    g_error ("cannot read %s", path);
  g_autofree guint8 *exact = g_memdup2 (contents, n);  // no terminator behind it: an overrun is seen
  LLVMFuzzerTestOneInput (exact, n);
  return 1;
}

static guint
run_path (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  guint n = 0;
  if (!folder)
    return run_file (path);
  for (const char *name; (name = g_dir_read_name (folder));) {
    g_autofree char *inside = g_build_filename (path, name, NULL);
    n += run_path (inside);
  }
  return n;
}

int
main (int argc, char **argv)
{
  guint n = 0;
  for (int i = 1; i < argc; i++)
    n += run_path (argv[i]);
  g_print ("%u inputs\n", n);
  return n ? 0 : 1;
}
