// SPDX-License-Identifier: Apache-2.0
// What loading compiled modules takes, named on standard input as "POINTER MICRO FILE": a line of
// "ALONE INTERNED STRINGS UNKNOWN" for each, for scripts that compare it with tracemalloc.
#include "model/code-cost/load-cost.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>

static void *
resize (void *user __attribute__ ((unused)), void *old, size_t bytes)
{
  if (bytes)
    return g_try_realloc (old, bytes);
  g_free (old);
  return NULL;
}

static void
price (unsigned pointer, unsigned micro, const char *path)
{
  const MfCodeMemory memory = { .resize = resize };
  MfCodeError error;
  MfLoadCost cost;
  g_autofree char *bytes = NULL;
  gsize n = 0;
  if (!g_file_get_contents (path, &bytes, &n, NULL))
    g_error ("%s cannot be read", path);
  MfPyModule *module = mf_pyc_read ((const guint8 *) bytes, n, &memory, &error);
  if (!module)
    g_error ("cannot read %s: %s", path, error.text);
  MfTarget target = mf_target_cpython (3, module->header.version & 0xff, micro, pointer);
  const MfLoadQuestion question = { .target = &target };
  if (!mf_load_cost (&question, module, &cost))
    g_error ("%s has no price", path);
  printf ("%" PRIu64 " %" PRIu64 " %u %u\n", mf_load_cost_alone (&cost).requested,
      cost.interned.requested, cost.n_interned, cost.n_unknown);
  mf_py_module_free (module);
}

int
main (void)
{
  unsigned pointer, micro;
  char path[4096];
  while (scanf ("%u %u %4095[^\n]", &pointer, &micro, path) == 3)
    price (pointer, micro, path);
  return 0;
}
