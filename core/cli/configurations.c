// SPDX-License-Identifier: Apache-2.0
// Configurations by name: an argument that names no file is looked up among the installed ones.
#include "cli/cli.h"

#include "pipeline/installed.h"

char *
mf_cli_find_configuration (const char *argument)
{
  return mf_installed_find (argument, ".");
}

char **
mf_cli_configurations (void)
{
  return mf_installed_names (".");
}

char *
mf_cli_find_target (const char *argument)
{
  return mf_installed_find (argument, "targets");
}

char **
mf_cli_targets_installed (void)
{
  return mf_installed_names ("targets");
}
