// SPDX-License-Identifier: Apache-2.0
// memflow events: the types of events and their fields, the built-in ones and those of all plugins.
#include "cli/cli.h"

#include <stdio.h>

#include "event/schema.h"
#include "plugin/registry.h"

static gint
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const MfType *const *) a)->name, (*(const MfType *const *) b)->name);
}

static void
add_types (GPtrArray *types, const MfDescriptor *plugin)
{
  for (const MfOutputPort *out = plugin->publishes; out && out->type; out++)
    if (!mf_builtin_type (out->type->name))
      g_ptr_array_add (types, (gpointer) out->type);
}

// The built-in types, then those that the plugins on the path add; sorted by name.
static GPtrArray *
all_types (MfRegistry *registry)
{
  GPtrArray *types = g_ptr_array_new ();
  for (const MfType *const *type = mf_builtin_types; *type; type++)
    g_ptr_array_add (types, (gpointer) *type);
  g_autoptr (GPtrArray) all = mf_registry_scan (registry);
  for (guint i = 0; i < all->len; i++) {
    const MfFound *found = g_ptr_array_index (all, i);
    g_autoptr (GString) why = g_string_new (NULL);
    bool broken;
    const MfPlugin *plugin = found->state == MF_FOUND_OK
                                 ? mf_registry_find (registry, found->kind, found->id, why, &broken)
                                 : NULL;
    if (plugin)
      add_types (types, plugin->descriptor);
  }
  g_ptr_array_sort (types, by_name);
  return types;
}

static char *
labels_of (const MfField *field)
{
  return field->labels ? g_strjoinv (", ", (char **) field->labels) : NULL;
}

static void
print_type (const MfType *type)
{
  printf ("%s@%u  %s (view: %s, %u bytes a row)\n", type->name, type->major, type->doc,
      mf_view_name (type->view), type->row_size);
  for (uint32_t i = 0; i < type->n_fields; i++) {
    const MfField *field = &type->fields[i];
    g_autofree char *labels = labels_of (field);
    printf ("  %-16s %-9s %-6s %s%s%s\n", field->name, mf_kind_name (field->kind),
        mf_unit_symbol (field->unit), field->doc, labels ? ": " : "", labels ? labels : "");
  }
}

static void
print_markdown (const GPtrArray *types)
{
  printf ("# Event types\n\nWritten by `memflow events --markdown` from the schemas of the "
          "built-in types and of the plugins; do not edit.\n");
  for (guint k = 0; k < types->len; k++) {
    const MfType *type = g_ptr_array_index (types, k);
    printf ("\n## `%s@%u`\n\n%s. View: %s. %u bytes a row.\n\n| field | kind | unit | role | "
            "meaning |\n| --- | --- | --- | --- | --- |\n",
        type->name, type->major, type->doc, mf_view_name (type->view), type->row_size);
    for (uint32_t i = 0; i < type->n_fields; i++) {
      const MfField *field = &type->fields[i];
      g_autofree char *labels = labels_of (field);
      printf ("| `%s` | %s%s | %s | %s | %s%s%s |\n", field->name, mf_kind_name (field->kind),
          field->flags & MF_FIELD_OPTIONAL ? ", may be unknown" : "", mf_unit_symbol (field->unit),
          mf_role_name (field->role), field->doc, labels ? ": " : "", labels ? labels : "");
    }
  }
}

static int
print_one (const GPtrArray *types, const char *glob)
{
  guint printed = 0;
  for (guint i = 0; i < types->len; i++) {
    const MfType *type = g_ptr_array_index (types, i);
    if (!mf_type_matches (glob, type->name))
      continue;
    print_type (type);
    printed++;
  }
  return printed ? MF_STATUS_OK
                 : mf_cli_usage ("there is no event type '%s' (memflow events)", glob);
}

int
mf_cli_events (MfCommandLine *line)
{
  gboolean markdown = FALSE;
  const GOptionEntry entries[] = { { "markdown", 0, 0, G_OPTION_ARG_NONE, &markdown,
                                       "the reference page of all types", NULL },
    MF_CLI_PLUGIN_PATH, { NULL } };
  if (!mf_cli_parse (line, entries, "[TYPE]",
          "Shows the event types, or the fields of one (globs such as heap.* too).", NULL))
    return MF_STATUS_CONFIGURATION;
  MfRegistry *registry = mf_registry_new ((const char *const *) mf_cli_plugin_path);
  g_autoptr (GPtrArray) types = all_types (registry);
  int status = MF_STATUS_OK;
  if (markdown)
    print_markdown (types);
  else if (line->argc > 1)
    status = print_one (types, line->argv[1]);
  for (guint i = 0; i < types->len && line->argc < 2 && !markdown; i++) {
    const MfType *type = g_ptr_array_index (types, i);
    printf ("%-22s %-10s %s\n", type->name, mf_view_name (type->view), type->doc);
  }
  mf_registry_free (registry);
  return status;
}
