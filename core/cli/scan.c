// SPDX-License-Identifier: Apache-2.0
// memflow scan: what the collectors could read on this machine.
#include "cli/cli.h"

#include <stdio.h>

#include "plugin/registry.h"

typedef struct {
  MfScan scan;
  const char *collector;
  unsigned count;
} Listing;

static void
print_found (MfScan *scan, const char *input, const char *what)
{
  Listing *listing = scan->user;
  printf ("%-12s %-24s %s\n", listing->collector, input, what ? what : "");
  listing->count++;
}

int
mf_cli_scan (MfCommandLine *line)
{
  const GOptionEntry entries[] = { MF_CLI_PLUGIN_PATH, { NULL } };
  if (!mf_cli_parse (line, entries, "",
          "Shows what the collectors could read on this machine: serial ports, processes.", NULL))
    return MF_STATUS_CONFIGURATION;
  MfRegistry *registry = mf_registry_new ((const char *const *) mf_cli_plugin_path);
  g_autoptr (GPtrArray) all = mf_registry_scan (registry);
  Listing listing = { .scan = { .user = &listing, .found = print_found } };
  for (guint i = 0; i < all->len; i++) {
    const MfFound *found = g_ptr_array_index (all, i);
    g_autoptr (GString) why = g_string_new (NULL);
    bool broken;
    const MfPlugin *plugin
        = found->state != MF_FOUND_OK || found->kind != MF_COLLECTOR
              ? NULL
              : mf_registry_find (registry, MF_COLLECTOR, found->id, why, &broken);
    if (!plugin || !plugin->descriptor->scan)
      continue;
    listing.collector = found->id;
    plugin->descriptor->scan (&listing.scan);
  }
  if (!listing.count)
    g_printerr ("nothing was found: connect a board, or give a recording to memflow run\n");
  mf_registry_free (registry);
  return MF_STATUS_OK;
}
