// SPDX-License-Identifier: Apache-2.0
// From a configuration to stages: plugins, instances, options, declared types. All errors of a file
// are reported in one go; `memflow check` is this and nothing else.
#include "pipeline/pipeline.h"

#include <stdio.h>

#include "plugin/module.h"

enum { PROBE_BYTES = 4096 };

// clang-format off
const MfOption mf_pipeline_options[] = {
  MF_OPTION (MfPipelineSettings, name, NULL, "name of the run; the file's name when not given"),
  MF_OPTION (MfPipelineSettings, output, "reports",
    "folder of the reports, relative to the working directory"),
  MF_OPTION (MfPipelineSettings, target, NULL,
    "what stages with an option 'target' predict for: names of installed targets, or files; of a "
    "single one the [defaults PLUGIN] groups stand behind the stages' own keys"),
  { 0 }
};
// clang-format on

// clang-format off
static const MfConfigKind kinds[] = {
  { "pipeline", false }, { "collector", true }, { "analyzer", true }, { "format", true }, { 0 }
};
// clang-format on
static const MfConfigKind target_kinds[] = { { "target", false }, { "defaults", true }, { 0 } };
static const char *const pipeline_skip[] = { "include", NULL };
static const char *const inherited[] = { "target", NULL };

static const char *
plugin_name (const MfConfigGroup *group)
{
  return mf_config_value (group, "plugin", group->name);
}

// ---- finding the plugin

static void
complain_about_plugin (MfPipeline *pipeline, const MfConfigGroup *group, unsigned kind)
{
  g_autoptr (GPtrArray) all = mf_registry_scan (pipeline->registry);
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  for (guint i = 0; i < all->len; i++) {
    const MfFound *found = g_ptr_array_index (all, i);
    if (found->state == MF_FOUND_OK && found->kind == kind)
      g_ptr_array_add (ids, found->id);
  }
  g_ptr_array_add (ids, NULL);
  const char *nearest = mf_nearest (plugin_name (group), (const char *const *) ids->pdata);
  g_autofree char *hint
      = nearest ? g_strdup_printf ("did you mean '%s'?   (memflow list-plugins)", nearest)
                : g_strdup ("memflow list-plugins");
  const MfPlace *place
      = mf_config_entry (group, "plugin") ? mf_option_place (group, "plugin") : &group->place;
  mf_diagnostics_error (pipeline->diagnostics, place, hint, "there is no %s plugin '%s'",
      group->kind, plugin_name (group));
}

static const MfPlugin *
find_plugin (MfPipeline *pipeline, const MfConfigGroup *group, unsigned kind)
{
  g_autoptr (GString) why = g_string_new (NULL);
  bool broken = false;
  const MfPlugin *plugin
      = mf_registry_find (pipeline->registry, kind, plugin_name (group), why, &broken);
  if (!plugin && broken) {
    const MfPlace *place
        = mf_config_entry (group, "plugin") ? mf_option_place (group, "plugin") : &group->place;
    mf_diagnostics_error (pipeline->diagnostics, place, NULL,
        "the module of plugin '%s' cannot be loaded: %s", plugin_name (group), why->str);
    pipeline->load_status = MF_STATUS_PLUGIN;
  } else if (!plugin)
    complain_about_plugin (pipeline, group, kind);
  return plugin;
}

// ---- options

// The stage's own keys over those that the target gives to every stage of this plugin.
static MfConfigGroup *
merge_defaults (const MfPipeline *pipeline, const MfConfigGroup *group, const char *plugin)
{
  MfConfigGroup *merged = g_new (MfConfigGroup, 1);
  *merged = *group;
  merged->entries = g_ptr_array_new ();
  for (guint i = 0; i < group->entries->len; i++)
    g_ptr_array_add (merged->entries, g_ptr_array_index (group->entries, i));
  const MfConfigGroup *defaults
      = pipeline->target ? mf_config_group (pipeline->target, plugin) : NULL;
  for (guint i = 0; defaults && i < defaults->entries->len; i++) {
    MfConfigEntry *entry = g_ptr_array_index (defaults->entries, i);
    if (!mf_config_entry (group, entry->key))
      g_ptr_array_add (merged->entries, entry);
  }
  return merged;
}

static bool
table_has (const MfOption *options, const char *key)
{
  for (; options && options->name; options++)
    if (g_str_equal (mf_option_name (options).text, key))
      return true;
  return false;
}

// One group is read by two tables, each skipping the keys of the other. Where both have a key, it
// is the plugin's.
static char **
keys_of_core (const MfOption *of_plugin)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_strv_builder_add (names, "plugin");
  for (const MfOption *option = mf_node_options; option->name; option++)
    if (!table_has (of_plugin, mf_option_name (option).text))
      g_strv_builder_add (names, mf_option_name (option).text);
  return g_strv_builder_end (names);
}

static char **
keys_of_plugin (const MfOption *of_plugin, const MfConfigGroup *group)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  for (guint i = 0; i < group->entries->len; i++) {
    const MfConfigEntry *entry = g_ptr_array_index (group->entries, i);
    if (!table_has (mf_node_options, entry->key) || table_has (of_plugin, entry->key))
      g_strv_builder_add (names, entry->key);
  }
  return g_strv_builder_end (names);
}

// A `target` of another kind is a plugin's own matter.
static bool
inherits_target (const MfOption *options)
{
  for (; options && options->name; options++)
    if (g_str_equal (options->name, "target"))
      return options->kind == MF_OPTION_TARGETS;
  return false;
}

static bool
apply_options (MfNode *node)
{
  MfPipeline *pipeline = node->pipeline;
  const MfDescriptor *plugin = node->plugin->descriptor;
  node->merged = merge_defaults (pipeline, node->group, plugin->id);
  g_auto (GStrv) of_core = keys_of_core (plugin->options);
  g_auto (GStrv) of_plugin = keys_of_plugin (plugin->options, node->merged);
  const MfTargetSource targets = mf_pipeline_targets (pipeline);
  MfOptionContext context = {
    .kind = node->group->kind,
    .plugin = plugin->id,
    .arena = pipeline->arena,
    .skip = (const char *const *) of_plugin,
    .argv = (const char *const *) pipeline->command->pdata,
    .n_argv = pipeline->command->len,
    .parent = mf_config_group (pipeline->config, "pipeline"),
    .inherited = inherits_target (plugin->options) ? inherited : NULL,
    .targets = &targets,
  };
  bool fine = mf_options_apply (
      mf_node_options, node->merged, &node->settings, &context, pipeline->diagnostics);
  context.skip = (const char *const *) of_core;
  return mf_options_apply (
             plugin->options, node->merged, node->instance, &context, pipeline->diagnostics)
         && fine;
}

// Inputs of the command line replace what the file says.
static void
apply_input (MfNode *node)
{
  const MfDescriptor *plugin = node->plugin->descriptor;
  for (const MfOption *option = plugin->options; node->input_override && option && option->name;
       option++)
    if (plugin->input_option && g_str_equal (mf_option_name (option).text, plugin->input_option))
      memcpy ((char *) node->instance + option->offset, &node->input_override,
          sizeof node->input_override);
}

// In a batch the standard output carries the summary.
static void
move_from_stdout (MfNode *node)
{
  for (const MfOption *option = node->plugin->descriptor->options; option && option->name;
       option++) {
    MfOutputName *output = (void *) ((char *) node->instance + option->offset);
    if (option->kind != MF_OPTION_OUTPUT || !output->name || !g_str_equal (output->name, "-"))
      continue;
    char *name = g_strconcat (node->pipeline->settings.name, ".txt", NULL);
    g_ptr_array_add (node->pipeline->arena, name);
    output->name = name;
  }
}

static void
bind_ports (MfNode *node)
{
  node->instance->host = &mf_host;
  node->instance->core = node;
  for (const MfOutputPort *out = node->plugin->descriptor->publishes; out && out->type; out++)
    mf_node_add_link (node, out->type, (MfPort *) ((char *) node->instance + out->offset));
}

// ---- inputs given on the command line

static size_t
read_head (const char *path, uint8_t *head, size_t n)
{
  FILE *file = g_file_test (path, G_FILE_TEST_IS_REGULAR) ? fopen (path, "rb") : NULL;
  size_t read = file ? fread (head, 1, n, file) : 0;
  if (file)
    fclose (file);
  return read;
}

static int
probe (const MfPlugin *plugin, const char *path, const uint8_t *head, size_t n)
{
  const MfDescriptor *descriptor = plugin ? plugin->descriptor : NULL;
  return descriptor && descriptor->probe && descriptor->input_option
             ? descriptor->probe (path, head, n)
             : 0;
}

// The collector that recognises the input best; of two equals the configuration's own.
static const MfPlugin *
recognise (MfPipeline *pipeline, const MfPlugin *own)
{
  uint8_t head[PROBE_BYTES];
  size_t n = read_head (pipeline->input, head, sizeof head);
  const MfPlugin *best = own;
  int score = probe (own, pipeline->input, head, n);
  if (n == 0)
    return own; // a device, a pipe or an empty file shows nothing
  g_autoptr (GPtrArray) all = mf_registry_scan (pipeline->registry);
  for (guint i = 0; i < all->len && score < 100; i++) {
    const MfFound *found = g_ptr_array_index (all, i);
    g_autoptr (GString) why = g_string_new (NULL);
    bool broken;
    if (found->state != MF_FOUND_OK || found->kind != MF_COLLECTOR)
      continue;
    const MfPlugin *plugin
        = mf_registry_find (pipeline->registry, MF_COLLECTOR, found->id, why, &broken);
    int other = probe (plugin, pipeline->input, head, n);
    if (other > score) {
      score = other;
      best = plugin;
    }
  }
  return score > 0 ? best : NULL;
}

static bool
take_input (MfNode *node)
{
  MfPipeline *pipeline = node->pipeline;
  const MfPlugin *plugin = recognise (pipeline, node->plugin);
  if (!plugin) {
    mf_diagnostics_error (pipeline->diagnostics, NULL, NULL,
        "%s: no collector recognises this input (memflow list-plugins shows what there is)",
        pipeline->input);
    return false;
  }
  if (!plugin->descriptor->input_option) {
    mf_diagnostics_error (pipeline->diagnostics, &node->group->place, NULL,
        "the collector '%s' takes no input from the command line", plugin->descriptor->id);
    return false;
  }
  if (plugin != node->plugin) {
    // The keys in the file are those of another plugin: only the defaults hold.
    static GPtrArray *none;
    if (g_once_init_enter (&none))
      g_once_init_leave (&none, g_ptr_array_new ());
    MfConfigGroup *bare = g_new (MfConfigGroup, 1);
    *bare = *node->group;
    bare->entries = none;
    g_ptr_array_add (pipeline->arena, bare);
    node->group = bare;
    node->plugin = plugin;
  }
  node->input_override = g_strdup (pipeline->input);
  return true;
}

// ---- stages

static bool
load_node (MfPipeline *pipeline, const MfConfigGroup *group, bool *input_taken)
{
  unsigned kind = mf_stage_kind_from (group->kind);
  MfNode *node = mf_node_new (pipeline, kind, group->name);
  node->index = pipeline->nodes->len;
  node->group = group;
  g_ptr_array_add (pipeline->nodes, node);
  node->plugin = find_plugin (pipeline, group, kind);
  if (!node->plugin)
    return false;
  if (kind == MF_COLLECTOR && pipeline->input && !*input_taken) {
    *input_taken = true;
    if (!take_input (node))
      return false;
  }
  node->instance = g_malloc0 (node->plugin->descriptor->instance_size);
  bind_ports (node);
  bool fine = apply_options (node);
  apply_input (node);
  if (fine && pipeline->batch)
    move_from_stdout (node);
  return fine;
}

static bool
load_nodes (MfPipeline *pipeline)
{
  const GPtrArray *groups = mf_config_groups (pipeline->config);
  bool fine = true, input_taken = false;
  for (guint i = 0; i < groups->len; i++) {
    const MfConfigGroup *group = g_ptr_array_index (groups, i);
    if (mf_stage_kind_from (group->kind))
      fine &= load_node (pipeline, group, &input_taken);
  }
  if (pipeline->nodes->len == 0) {
    mf_diagnostics_error (pipeline->diagnostics, NULL, NULL,
        "there is no stage: add [collector …], [analyzer …] and [format …]");
    return false;
  }
  if (pipeline->input && !input_taken)
    mf_diagnostics_error (pipeline->diagnostics, NULL, NULL,
        "%s: there is no collector that could read it", pipeline->input);
  return fine && (input_taken || !pipeline->input);
}

// Values are known once options are: two stages with the same output would mix their bytes.
static bool
outputs_are_distinct (MfPipeline *pipeline)
{
  g_autoptr (GHashTable) owners = g_hash_table_new (g_str_hash, g_str_equal);
  bool fine = true;
  for (guint i = 0; i < pipeline->nodes->len; i++) {
    MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    for (const MfOption *option = node->plugin->descriptor->options; option && option->name;
         option++) {
      if (option->kind != MF_OPTION_OUTPUT)
        continue;
      const char *name
          = ((const MfOutputName *) ((const char *) node->instance + option->offset))->name;
      const MfNode *owner = name ? g_hash_table_lookup (owners, name) : NULL;
      if (owner) {
        mf_diagnostics_error (pipeline->diagnostics, mf_option_place (node->group, option->name),
            NULL, "'%s' already writes to '%s'%s", owner->name, name,
            g_str_equal (name, "-") ? ": only one stage can have the standard output" : "");
        fine = false;
      } else if (name)
        g_hash_table_insert (owners, (gpointer) name, node);
    }
  }
  return fine;
}

static bool
declare_nodes (MfPipeline *pipeline)
{
  bool fine = true;
  for (guint i = 0; i < pipeline->nodes->len; i++) {
    MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    node->declared = true;
    fine &= mf_node_call (node, node->plugin->descriptor->declare, "declare");
  }
  return fine;
}

static void
add_sinks (MfPipeline *pipeline)
{
  for (guint i = 0; i < pipeline->sinks->len; i++) {
    MfNode *sink = g_ptr_array_index (pipeline->sinks, i);
    sink->index = pipeline->nodes->len;
    g_ptr_array_add (pipeline->nodes, sink);
  }
  g_ptr_array_set_size (pipeline->sinks, 0);
}

// ---- the pipeline as a whole

static bool
command_is_taken (MfPipeline *pipeline)
{
  guint takers = 0;
  for (guint i = 0; i < pipeline->nodes->len; i++) {
    const MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    for (const MfOption *option = node->plugin->descriptor->options; option && option->name;
         option++)
      takers += option->kind == MF_OPTION_ARGV;
  }
  if (takers > 1)
    mf_diagnostics_error (
        pipeline->diagnostics, NULL, NULL, "more than one stage wants the command after --");
  if (!takers && pipeline->command->len)
    mf_diagnostics_error (pipeline->diagnostics, NULL, NULL,
        "a command after -- was given, but no stage of this configuration runs one");
  return takers <= 1 && (takers || !pipeline->command->len);
}

// Of a single target: those of several might contradict each other.
static bool
load_defaults (MfPipeline *pipeline, const MfConfigGroup *group)
{
  const MfTexts *names = &pipeline->settings.target;
  MfLiteralError error = { 0 };
  if (names->n != 1 || strpbrk (names->items[0], "*?"))
    return true;
  const MfConfigEntry *entry = mf_config_entry (group, "target");
  g_autofree char *path = mf_target_path (names->items[0], entry->folder);
  if (!path) {
    mf_target_missing (names->items[0], &error);
    mf_diagnostics_error (
        pipeline->diagnostics, mf_option_place (group, "target"), error.hint, "%s", error.text);
    return false;
  }
  pipeline->target = mf_config_load (path, pipeline->diagnostics);
  return pipeline->target
         && mf_config_check_kinds (pipeline->target, target_kinds, pipeline->diagnostics);
}

static bool
load_settings (MfPipeline *pipeline, const char *label)
{
  const MfConfigGroup *group = mf_config_group (pipeline->config, "pipeline");
  MfOptionContext context = { .kind = "pipeline", .arena = pipeline->arena, .skip = pipeline_skip };
  bool fine = mf_options_apply (
      mf_pipeline_options, group, &pipeline->settings, &context, pipeline->diagnostics);
  if (fine && !pipeline->settings.name) {
    g_autofree char *base = g_path_get_basename (label);
    char *end = strrchr (base, '.');
    char *name = end && end > base ? g_strndup (base, (gsize) (end - base)) : g_strdup (base);
    g_ptr_array_add (pipeline->arena, name);
    pipeline->settings.name = name;
  }
  fine = fine && load_defaults (pipeline, group);
  char *configuration = g_strdup (label);
  g_ptr_array_add (pipeline->arena, configuration);
  pipeline->facts = (MfRunFacts){
    .size = sizeof (MfRunFacts),
    .deterministic = pipeline->deterministic,
    .ascii = pipeline->ascii,
    .colour = pipeline->colour,
    .name = pipeline->settings.name,
    .configuration = configuration,
    .version = mf_version (),
  };
  return fine;
}

static bool
apply_sets (MfPipeline *pipeline)
{
  bool fine = true;
  for (guint i = 0; i < pipeline->sets->len; i++)
    fine &= mf_config_set (
        pipeline->config, g_ptr_array_index (pipeline->sets, i), pipeline->diagnostics);
  return fine;
}

// Everything but the first error of each step: later steps would only repeat it.
static bool
load (MfPipeline *pipeline, const char *label)
{
  if (!pipeline->config)
    return false;
  bool fine = apply_sets (pipeline);
  fine &= mf_config_check_kinds (pipeline->config, kinds, pipeline->diagnostics);
  fine &= load_settings (pipeline, label);
  fine &= load_nodes (pipeline);
  if (!fine || mf_diagnostics_errors (pipeline->diagnostics))
    return false;
  fine = outputs_are_distinct (pipeline) && command_is_taken (pipeline) && declare_nodes (pipeline);
  add_sinks (pipeline);
  return fine && mf_graph_wire (pipeline);
}

static MfStatus
finish_load (MfPipeline *pipeline, const char *label)
{
  g_ptr_array_add (pipeline->plugin_path, NULL);
  if (!pipeline->registry)
    pipeline->registry = mf_registry_new ((const char *const *) pipeline->plugin_path->pdata);
  pipeline->loaded = load (pipeline, label);
  if (!pipeline->loaded && !pipeline->load_status)
    pipeline->load_status = MF_STATUS_CONFIGURATION;
  return pipeline->load_status;
}

MfStatus
mf_pipeline_load (MfPipeline *pipeline, const char *path)
{
  pipeline->config = mf_config_load (path, pipeline->diagnostics);
  return finish_load (pipeline, path);
}

MfStatus
mf_pipeline_load_text (MfPipeline *pipeline, const char *text)
{
  pipeline->config = mf_config_parse (text, strlen (text), "pipeline", NULL, pipeline->diagnostics);
  return finish_load (pipeline, "pipeline");
}
