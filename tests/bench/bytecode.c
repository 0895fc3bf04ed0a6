// SPDX-License-Identifier: Apache-2.0
// Reads compiled modules, named on standard input, and decodes them to instructions and lines.
// Prints the best time of several rounds in seconds, then how many instructions there were.
#include "bytecode/instructions.h"

#include <glib.h>
#include <stdio.h>

static void *
resize (void *user __attribute__ ((unused)), void *old, size_t bytes)
{
  if (bytes)
    return g_try_realloc (old, bytes);
  g_free (old);
  return NULL;
}

typedef struct {
  guint64 instructions, lines, problems;
} Totals;

static void
decode (const MfPyCode *code, Totals *totals)
{
  MfPyWalk walk;
  MfPyInstruction instruction;
  mf_py_walk_begin (&walk, code);
  while (mf_py_walk_next (&walk, &instruction)) {
    totals->instructions++;
    totals->lines += (guint64) (instruction.location.line > 0);
    totals->problems += instruction.problem;
  }
}

static void
read_file (const char *path, Totals *totals)
{
  const MfCodeMemory memory = { .resize = resize };
  MfCodeError error;
  g_autofree char *bytes = NULL;
  gsize n;
  if (!g_file_get_contents (path, &bytes, &n, NULL))
    g_error ("cannot read %s", path);
  MfPyModule *module = mf_pyc_read ((const uint8_t *) bytes, n, &memory, &error);
  if (!module)
    g_error ("cannot read %s: %s", path, error.text);
  for (uint32_t i = 0; i < module->n_codes; i++)
    decode (module->codes[i], totals);
  mf_py_module_free (module);
}

int
main (void)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  char line[4096];
  while (fgets (line, sizeof line, stdin))
    g_ptr_array_add (paths, g_strdup (g_strchomp (line)));
  gint64 best = G_MAXINT64;
  Totals totals = { 0 };
  for (guint round = 0; round < 5; round++) {
    totals = (Totals){ 0 };
    gint64 start = g_get_monotonic_time ();
    for (guint i = 0; i < paths->len; i++)
      read_file (paths->pdata[i], &totals);
    best = MIN (best, g_get_monotonic_time () - start);
  }
  g_print ("%.4f %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n", (double) best / 1e6,
      totals.instructions, totals.problems);
  return 0;
}
