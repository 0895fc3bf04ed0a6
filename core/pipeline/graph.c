// SPDX-License-Identifier: Apache-2.0
// Who receives what: every stage subscribes to the earlier stages that publish what it consumes.
#include "pipeline/pipeline.h"

typedef struct {
  const char *glob;
  const MfType *type;
  MfBatchCallback process;
} Wish;

static const MfPlace *
place_of (const MfNode *node, const char *key)
{
  return node->group ? mf_option_place (node->group, key) : NULL;
}

static MfNode *
node_called (const MfPipeline *pipeline, const char *name)
{
  for (guint i = 0; i < pipeline->nodes->len; i++) {
    MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    if (g_str_equal (node->name, name))
      return node;
  }
  return NULL;
}

static void
complain_about_source (
    MfPipeline *pipeline, const MfNode *node, const char *name, const MfNode *source)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (guint i = 0; i < node->index && i < pipeline->nodes->len; i++)
    g_ptr_array_add (names, ((MfNode *) g_ptr_array_index (pipeline->nodes, i))->name);
  g_ptr_array_add (names, NULL);
  const char *nearest = mf_nearest (name, (const char *const *) names->pdata);
  g_autofree char *hint = nearest ? g_strdup_printf ("did you mean '%s'?", nearest) : NULL;
  if (source)
    mf_diagnostics_error (pipeline->diagnostics, place_of (node, "from"),
        "move it up: a stage receives from earlier ones", "'%s' stands after '%s'", name,
        node->name);
  else
    mf_diagnostics_error (
        pipeline->diagnostics, place_of (node, "from"), hint, "there is no stage '%s'", name);
}

static bool
choose_upstream (MfPipeline *pipeline, MfNode *node)
{
  const MfTexts *from = &node->settings.from;
  for (uint32_t i = 0; i < from->n; i++) {
    MfNode *source = node_called (pipeline, from->items[i]);
    if (!source || source->index >= node->index) {
      complain_about_source (pipeline, node, from->items[i], source);
      return false;
    }
    g_ptr_array_add (node->upstream, source);
  }
  for (guint i = 0; !from->items && i < node->index; i++)
    g_ptr_array_add (node->upstream, g_ptr_array_index (pipeline->nodes, i));
  return true;
}

static bool
is_wanted (const MfNode *node, const char *type)
{
  const MfTexts *types = &node->settings.types;
  for (uint32_t i = 0; i < types->n; i++)
    if (mf_type_matches (types->items[i], type))
      return true;
  return !types->items;
}

// Bulk is not for a plugin that takes whatever comes, unless the user says which types it gets.
static bool
is_too_much (const MfNode *node, const Wish *wish, const MfType *type)
{
  bool anything = node->plugin && wish->glob && g_str_equal (wish->glob, "*");
  return type->view == MF_VIEW_BULK && anything
         && !(node->group && mf_config_entry (node->merged, "types"));
}

// False only when the type is wanted but is an incompatible version.
static bool
subscribe (MfPipeline *pipeline, MfNode *node, const Wish *wish, MfLink *link, bool *taken)
{
  const char *name = link->type->name;
  *taken = wish->type ? g_str_equal (wish->type->name, name) : mf_type_matches (wish->glob, name);
  if (!*taken || !is_wanted (node, name) || is_too_much (node, wish, link->type))
    return true;
  if (wish->type && !mf_type_is_prefix (wish->type, link->type)) {
    mf_diagnostics_error (pipeline->diagnostics, place_of (node, "plugin"),
        "build both plugins against the same headers",
        "'%s' consumes %s@%u as it was built against, but '%s' publishes other fields under that "
        "name (@%u)",
        node->name, name, wish->type->major, link->node->name, link->type->major);
    return false;
  }
  MfSubscriber subscriber = { node, wish->process };
  g_array_append_val (link->subscribers, subscriber);
  return true;
}

static bool
subscribe_to (MfPipeline *pipeline, MfNode *node, MfNode *source, guint *links)
{
  bool fine = true;
  const MfInput sink[] = { { node->sink_glob, NULL, NULL }, { 0 } };
  for (guint i = 0; i < source->links->len; i++) {
    MfLink *link = g_ptr_array_index (source->links, i);
    bool taken = false;
    for (const MfInput *in = node->plugin ? node->plugin->descriptor->consumes : sink;
         in && (in->type || in->glob) && !taken; in++)
      fine &= subscribe (pipeline, node, &(Wish){ in->glob, in->type, in->process }, link, &taken);
    *links += taken;
  }
  return fine;
}

static void
warn_of_silence (MfPipeline *pipeline, const MfNode *node)
{
  g_autoptr (GString) wanted = g_string_new (NULL);
  for (const MfInput *in = node->plugin->descriptor->consumes; in && (in->type || in->glob); in++)
    g_string_append_printf (
        wanted, "%s%s", wanted->len ? ", " : "", in->type ? in->type->name : in->glob);
  mf_diagnostics_warn (pipeline->diagnostics, place_of (node, "plugin"), NULL,
      "'%s' will receive nothing: no stage before it publishes %s", node->name, wanted->str);
}

static bool
wire_node (MfPipeline *pipeline, MfNode *node)
{
  guint links = 0;
  bool fine = choose_upstream (pipeline, node);
  for (guint i = 0; fine && i < node->upstream->len; i++)
    fine &= subscribe_to (pipeline, node, g_ptr_array_index (node->upstream, i), &links);
  if (fine && !links && node->plugin)
    warn_of_silence (pipeline, node);
  return fine && subscribe_to (pipeline, node, pipeline->core, &links);
}

// Two publishers of one type must agree: the fields of one begin the fields of the other.
static bool
publishers_agree (MfPipeline *pipeline, MfNode *node)
{
  for (guint i = 0; i < node->links->len; i++) {
    const MfLink *link = g_ptr_array_index (node->links, i);
    for (guint k = 0; k < node->index; k++) {
      MfNode *earlier = g_ptr_array_index (pipeline->nodes, k);
      const MfLink *other = mf_node_link (earlier, link->type->name);
      if (!other || mf_type_is_prefix (other->type, link->type)
          || mf_type_is_prefix (link->type, other->type))
        continue;
      mf_diagnostics_error (pipeline->diagnostics, place_of (node, "plugin"), NULL,
          "'%s' and '%s' publish %s with different fields", earlier->name, node->name,
          link->type->name);
      return false;
    }
  }
  return true;
}

bool
mf_graph_wire (MfPipeline *pipeline)
{
  bool fine = true;
  for (guint i = 0; i < pipeline->nodes->len; i++) {
    MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    fine &= publishers_agree (pipeline, node);
    if (node->kind != MF_COLLECTOR)
      fine &= wire_node (pipeline, node);
  }
  return fine;
}
