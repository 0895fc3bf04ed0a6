// SPDX-License-Identifier: Apache-2.0
// memflow record: becomes memflow-record, which has the options and the help.
#include "cli/cli.h"

#include <errno.h>
#include <unistd.h>

#include "plugin/registry.h"

// It lies with the agent, beside the folder of memflow's own plugins.
static char *
find_recorder (void)
{
  MfRegistry *registry = mf_registry_new (NULL);
  const GPtrArray *folders = mf_registry_folders (registry);
  const char *plugins = g_ptr_array_index (folders, folders->len - 1);
  char *path = g_build_filename (plugins, "..", "agent", "memflow-record", NULL);
  mf_registry_free (registry);
  return path;
}

int
mf_cli_record (MfCommandLine *line)
{
  g_autofree char *path = find_recorder ();
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_ptr_array_add (words, "memflow record");
  for (int i = 1; i < line->argc; i++)
    g_ptr_array_add (words, line->argv[i]);
  if (line->has_rest)
    g_ptr_array_add (words, "--");
  for (char **word = line->rest; *word; word++)
    g_ptr_array_add (words, *word);
  g_ptr_array_add (words, NULL);
  execv (path, (char **) words->pdata);
  mf_cli_usage ("cannot run %s: %s", path, g_strerror (errno));
  return MF_STATUS_FAILED;
}
