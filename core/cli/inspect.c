// SPDX-License-Identifier: Apache-2.0
// memflow inspect: what a plugin does, its options, its events. The same text is the configuration
// reference.
#include "cli/cli.h"

#include <json-glib/json-glib.h>
#include <stdio.h>

#include "config/options.h"
#include "pipeline/pipeline.h"
#include "plugin/module.h"

typedef struct {
  gboolean ini, json, snippet, markdown;
} Wanted;

// ---- text

static void
print_options (const MfOption *options)
{
  for (; options && options->name; options++) {
    g_autoptr (GString) value = g_string_new (NULL);
    g_autoptr (GString) range = g_string_new (NULL);
    mf_option_print_default (options, value);
    mf_option_print_range (options, range);
    printf ("  %-14s %-18s %s", mf_option_name (options).text, value->str, options->doc);
    if (range->len)
      printf (" (%s)", range->str);
    printf ("\n");
  }
}

static void
print_ports (const MfDescriptor *plugin)
{
  for (const MfInput *in = plugin->consumes; in && (in->type || in->glob); in++)
    printf ("  consumes  %s\n", in->type ? in->type->name : in->glob);
  for (const MfOutputPort *out = plugin->publishes; out && out->type; out++)
    printf ("  publishes %-22s %s\n", out->type->name, out->type->doc);
}

static void
print_text (const MfPlugin *plugin)
{
  const MfDescriptor *descriptor = plugin->descriptor;
  printf ("%s %s %s: %s\n", mf_stage_kind_name (descriptor->kind), descriptor->id,
      plugin->module->version, descriptor->summary);
  if (descriptor->help)
    printf ("\n%s\n", descriptor->help);
  printf ("\nevents\n");
  print_ports (descriptor);
  if (descriptor->options && descriptor->options->name) {
    printf ("\noptions (and their defaults)\n");
    print_options (descriptor->options);
  }
  if (descriptor->snippet)
    printf ("\nmemflow inspect %s --snippet prints code for the device\n", descriptor->id);
}

static void
print_ini (const MfPlugin *plugin)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (text, "[%s %s]\nplugin = %s\n",
      mf_stage_kind_name (plugin->descriptor->kind), plugin->descriptor->id,
      plugin->descriptor->id);
  mf_options_print_ini (plugin->descriptor->options, text);
  fputs (text->str, stdout);
}

// ---- JSON

static void
add_text (JsonBuilder *builder, const char *name, const char *text)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, text ? text : "");
}

static void
add_options (JsonBuilder *builder, const MfOption *options)
{
  json_builder_set_member_name (builder, "options");
  json_builder_begin_array (builder);
  for (; options && options->name; options++) {
    g_autoptr (GString) range = g_string_new (NULL);
    mf_option_print_range (options, range);
    json_builder_begin_object (builder);
    add_text (builder, "name", mf_option_name (options).text);
    add_text (builder, "kind", mf_option_kind_name (options->kind));
    json_builder_set_member_name (builder, "default");
    if (options->fallback)
      json_builder_add_string_value (builder, options->fallback);
    else
      json_builder_add_null_value (builder);
    json_builder_set_member_name (builder, "required");
    json_builder_add_boolean_value (builder, (options->flags & MF_OPTION_REQUIRED) != 0);
    add_text (builder, "range", range->str);
    add_text (builder, "doc", options->doc);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_ports (JsonBuilder *builder, const MfDescriptor *plugin)
{
  json_builder_set_member_name (builder, "consumes");
  json_builder_begin_array (builder);
  for (const MfInput *in = plugin->consumes; in && (in->type || in->glob); in++)
    json_builder_add_string_value (builder, in->type ? in->type->name : in->glob);
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "publishes");
  json_builder_begin_array (builder);
  for (const MfOutputPort *out = plugin->publishes; out && out->type; out++)
    json_builder_add_string_value (builder, out->type->name);
  json_builder_end_array (builder);
}

static void
print_json (const MfPlugin *plugin)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  add_text (builder, "kind", mf_stage_kind_name (plugin->descriptor->kind));
  add_text (builder, "id", plugin->descriptor->id);
  add_text (builder, "version", plugin->module->version);
  add_text (builder, "licence", plugin->module->licence);
  add_text (builder, "summary", plugin->descriptor->summary);
  add_text (builder, "help", plugin->descriptor->help);
  add_text (builder, "path", plugin->path);
  add_ports (builder, plugin->descriptor);
  add_options (builder, plugin->descriptor->options);
  json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, TRUE);
  printf ("%s\n", text);
}

// ---- the reference page

static void
print_option_rows (const MfOption *options)
{
  printf ("| key | kind | default | meaning |\n| --- | --- | --- | --- |\n");
  for (; options && options->name; options++) {
    g_autoptr (GString) value = g_string_new (NULL);
    g_autoptr (GString) range = g_string_new (NULL);
    mf_option_print_default (options, value);
    mf_option_print_range (options, range);
    const char *quote = options->fallback ? "`" : "";
    printf ("| `%s` | %s | %s%s%s | %s%s%s |\n", mf_option_name (options).text,
        mf_option_kind_name (options->kind), quote, value->str, quote, options->doc,
        range->len ? "; " : "", range->str);
  }
  printf ("\n");
}

static void
print_markdown_plugin (const MfPlugin *plugin)
{
  const MfDescriptor *descriptor = plugin->descriptor;
  printf ("## %s `%s`\n\n%s.\n\n", mf_stage_kind_name (descriptor->kind), descriptor->id,
      descriptor->summary);
  if (descriptor->help)
    printf ("%s\n\n", descriptor->help);
  for (const MfInput *in = descriptor->consumes; in && (in->type || in->glob); in++)
    printf ("%s`%s`", in == descriptor->consumes ? "Consumes " : ", ",
        in->type ? in->type->name : in->glob);
  if (descriptor->consumes)
    printf (".\n\n");
  for (const MfOutputPort *out = descriptor->publishes; out && out->type; out++)
    printf ("%s`%s`", out == descriptor->publishes ? "Publishes " : ", ", out->type->name);
  if (descriptor->publishes && descriptor->publishes->type)
    printf (".\n\n");
  if (descriptor->options && descriptor->options->name)
    print_option_rows (descriptor->options);
}

static int
print_markdown (MfRegistry *registry)
{
  printf ("# Configuration reference\n\nWritten by `memflow inspect --markdown` from the option "
          "tables of the plugins; do not edit.\n\n"
          "## `[pipeline]`\n\n| key | meaning |\n| --- | --- |\n| `include` | a file whose groups "
          "stand behind this one's |\n\n");
  print_option_rows (mf_pipeline_options);
  printf ("## every stage: `[collector NAME]`, `[analyzer NAME]`, `[format NAME]`\n\n"
          "`plugin` chooses the plugin; it is the name of the stage when not given.\n\n");
  print_option_rows (mf_node_options);
  g_autoptr (GPtrArray) all = mf_registry_scan (registry);
  for (guint i = 0; i < all->len; i++) {
    const MfFound *found = g_ptr_array_index (all, i);
    g_autoptr (GString) why = g_string_new (NULL);
    bool broken;
    const MfPlugin *plugin = found->state == MF_FOUND_OK
                                 ? mf_registry_find (registry, found->kind, found->id, why, &broken)
                                 : NULL;
    if (plugin)
      print_markdown_plugin (plugin);
  }
  return MF_STATUS_OK;
}

// ---- the command

static int
not_found (MfRegistry *registry, const char *id)
{
  g_autoptr (GPtrArray) all = mf_registry_scan (registry);
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  for (guint i = 0; i < all->len; i++)
    g_ptr_array_add (ids, ((MfFound *) g_ptr_array_index (all, i))->id);
  g_ptr_array_add (ids, NULL);
  const char *nearest = mf_nearest (id, (const char *const *) ids->pdata);
  return mf_cli_usage ("there is no plugin '%s'%s%s%s (memflow list-plugins)", id,
      nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static int
print (const MfPlugin *plugin, const Wanted *wanted)
{
  if (wanted->snippet && !plugin->descriptor->snippet)
    return mf_cli_usage ("the plugin '%s' has no code for the device", plugin->descriptor->id);
  if (wanted->snippet)
    fputs (plugin->descriptor->snippet, stdout);
  else if (wanted->ini)
    print_ini (plugin);
  else if (wanted->json)
    print_json (plugin);
  else
    print_text (plugin);
  return MF_STATUS_OK;
}

static int
inspect (MfRegistry *registry, const char *id, const Wanted *wanted)
{
  for (unsigned kind = 1; kind < MF_N_STAGE_KINDS; kind++) {
    g_autoptr (GString) why = g_string_new (NULL);
    bool broken;
    const MfPlugin *plugin = mf_registry_find (registry, kind, id, why, &broken);
    if (broken) {
      mf_cli_usage ("the module of plugin '%s' cannot be loaded: %s", id, why->str);
      return MF_STATUS_PLUGIN;
    }
    if (plugin)
      return print (plugin, wanted);
  }
  return not_found (registry, id);
}

int
mf_cli_inspect (MfCommandLine *line)
{
  Wanted wanted = { 0 };
  const GOptionEntry entries[] = {
    { "ini", 0, 0, G_OPTION_ARG_NONE, &wanted.ini,
        "a section to paste into a configuration, with every default", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &wanted.json, "as JSON", NULL },
    { "snippet", 0, 0, G_OPTION_ARG_NONE, &wanted.snippet, "code to paste on the device", NULL },
    { "markdown", 0, 0, G_OPTION_ARG_NONE, &wanted.markdown, "the reference page of all plugins",
        NULL },
    MF_CLI_PLUGIN_PATH, { NULL }
  };
  if (!mf_cli_parse (line, entries, "PLUGIN",
          "Shows what a plugin does, its options with defaults, and its events.", NULL))
    return MF_STATUS_CONFIGURATION;
  if (line->argc < 2 && !wanted.markdown)
    return mf_cli_usage ("inspect which plugin? memflow list-plugins shows what there is");
  MfRegistry *registry = mf_registry_new ((const char *const *) mf_cli_plugin_path);
  int status
      = wanted.markdown ? print_markdown (registry) : inspect (registry, line->argv[1], &wanted);
  mf_registry_free (registry);
  return status;
}
