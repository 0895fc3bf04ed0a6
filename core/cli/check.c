// SPDX-License-Identifier: Apache-2.0
// memflow check: what `run` does before it runs.
#include "cli/cli.h"

#include <stdio.h>

int
mf_cli_check (MfCommandLine *line)
{
  char **sets = NULL;
  const GOptionEntry entries[] = { { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &sets,
                                       "set an option of a stage", "STAGE.KEY=VALUE" },
    MF_CLI_PLUGIN_PATH, { NULL } };
  if (!mf_cli_parse (line, entries, "CONFIG...",
          "Checks configurations completely without running them.", NULL))
    return MF_STATUS_CONFIGURATION;
  if (line->argc < 2)
    return mf_cli_usage ("check which configuration? memflow check CONFIG...");
  MfStatus worst = MF_STATUS_OK;
  for (int i = 1; i < line->argc; i++) {
    g_autofree char *path = mf_cli_find_configuration (line->argv[i]);
    if (!path) {
      worst = mf_cli_usage ("there is no configuration '%s'", line->argv[i]);
      continue;
    }
    MfPipeline *pipeline = mf_pipeline_new ();
    for (char **folder = mf_cli_plugin_path; folder && *folder; folder++)
      mf_pipeline_add_plugin_path (pipeline, *folder);
    for (char **set = sets; set && *set; set++) {
      g_auto (GStrv) parts = g_strsplit (*set, "=", 2);
      mf_pipeline_set (pipeline, parts[0], parts[1] ? parts[1] : "");
    }
    MfStatus status = mf_pipeline_load (pipeline, path);
    g_printerr ("%s", mf_pipeline_errors (pipeline));
    if (status == MF_STATUS_OK)
      printf ("%s: fine\n", path);
    worst = MAX (worst, status);
    mf_pipeline_free (pipeline);
  }
  g_strfreev (sets);
  return worst;
}
