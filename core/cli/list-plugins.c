// SPDX-License-Identifier: Apache-2.0
// memflow list-plugins: every module on the search path, sound or not.
#include "cli/cli.h"

#include <json-glib/json-glib.h>
#include <stdio.h>

#include "plugin/module.h"
#include "plugin/registry.h"

static const char *const states[] = { "OK", "BROKEN", "SHADOWED", "CRASHED" };

static char *
origin (const MfRegistry *registry, const MfFound *found)
{
  char *folder = g_path_get_dirname (found->path);
  if (!mf_registry_folder_is_system (registry, folder))
    return folder;
  g_free (folder);
  return g_strdup ("built-in");
}

static void
print_line (const MfRegistry *registry, const MfFound *found)
{
  if (found->state == MF_FOUND_OK) {
    g_autofree char *where = origin (registry, found);
    printf ("%-10s %-16s %-8s %-46s %s\n", mf_stage_kind_name (found->kind), found->id,
        found->version, found->summary, where);
    return;
  }
  g_autofree char *base = g_path_get_basename (found->path);
  const char *kind = found->kind ? mf_stage_kind_name (found->kind) : "-";
  printf ("%-10s %-16s %-8s %s: %s\n%36s %s\n", kind, *found->id ? found->id : base,
      *found->version ? found->version : "-", states[found->state], found->reason, "", found->path);
}

static void
add_text (JsonBuilder *builder, const char *name, const char *text)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, text);
}

static void
print_json (const GPtrArray *all)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_array (builder);
  for (guint i = 0; i < all->len; i++) {
    const MfFound *found = g_ptr_array_index (all, i);
    json_builder_begin_object (builder);
    add_text (builder, "state", states[found->state]);
    add_text (builder, "kind", found->kind ? mf_stage_kind_name (found->kind) : "");
    add_text (builder, "id", found->id);
    add_text (builder, "version", found->version);
    add_text (builder, "licence", found->licence);
    add_text (builder, "summary", found->summary);
    add_text (builder, "path", found->path);
    add_text (builder, "reason", found->reason);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, TRUE);
  printf ("%s\n", text);
}

int
mf_cli_list_plugins (MfCommandLine *line)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = { { "json", 0, 0, G_OPTION_ARG_NONE, &json, "as JSON", NULL },
    MF_CLI_PLUGIN_PATH, { NULL } };
  if (!mf_cli_parse (line, entries, "",
          "Shows every plugin on the search path. Modules are opened in child processes,\n"
          "so that broken ones are shown and do no harm.",
          "Search path: --plugin-path, MEMFLOW_PLUGIN_PATH, the user's data folder\n"
          "(~/.local/share/memflow/plugins), the system's.\n"))
    return MF_STATUS_CONFIGURATION;
  MfRegistry *registry = mf_registry_new ((const char *const *) mf_cli_plugin_path);
  g_autoptr (GPtrArray) all = mf_registry_scan (registry);
  if (json)
    print_json (all);
  for (guint i = 0; i < all->len && !json; i++)
    print_line (registry, g_ptr_array_index (all, i));
  if (!all->len)
    g_printerr ("no plugin was found; the system folder is %s\n",
        (char *) g_ptr_array_index (
            mf_registry_folders (registry), mf_registry_folders (registry)->len - 1));
  mf_registry_free (registry);
  return MF_STATUS_OK;
}
