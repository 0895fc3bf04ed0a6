// SPDX-License-Identifier: Apache-2.0
// Stages of the graph: their links, flushing, and how a failure is recorded.
#include "pipeline/pipeline.h"

#include <stdarg.h>

#include "plugin/module.h"

// clang-format off
const MfOption mf_node_options[] = {
  MF_OPTION (MfNodeSettings, from, NULL, "stages to receive from; all earlier ones when not given"),
  MF_OPTION (MfNodeSettings, types, NULL, "event types to receive, as globs; all when not given"),
  MF_CHOICE (MfNodeSettings, when_full, "auto",
    "what a full queue does; auto = drop-oldest for live sources, else block",
    "auto", "block", "drop-oldest", "drop-newest"),
  MF_OPTION (MfNodeSettings, queue, "512KiB", "size of the queue", .low = 65536, .high = 1e12),
  MF_OPTION (MfNodeSettings, stall_timeout, "10s",
    "a format that accepts nothing for so long has failed", .low = 1e6, .high = 1e15),
  { 0 }
};
// clang-format on

MfNode *
mf_node_new (MfPipeline *pipeline, unsigned kind, const char *name)
{
  MfNode *node = g_new0 (MfNode, 1);
  node->pipeline = pipeline;
  node->kind = kind;
  node->name = g_strdup (name);
  node->name_id.id = mf_intern_add (pipeline->strings, name, strlen (name));
  node->links = g_ptr_array_new ();
  node->upstream = g_ptr_array_new ();
  node->outputs = g_ptr_array_new ();
  return node;
}

static void
link_free (MfLink *link)
{
  mf_open_batch_unref (link->open);
  g_array_free (link->subscribers, TRUE);
  g_free (link);
}

void
mf_node_free (MfNode *node)
{
  if (!node)
    return;
  for (guint i = 0; i < node->links->len; i++)
    link_free (g_ptr_array_index (node->links, i));
  for (guint i = 0; i < node->outputs->len; i++)
    mf_output_free (g_ptr_array_index (node->outputs, i));
  g_ptr_array_free (node->links, TRUE);
  g_ptr_array_free (node->outputs, TRUE);
  g_ptr_array_free (node->upstream, TRUE);
  if (node->merged)
    g_ptr_array_free (node->merged->entries, TRUE);
  g_free (node->merged);
  mf_inbox_free (node->inbox);
  g_free (node->instance);
  g_free (node->sink_glob);
  g_free (node->input_override);
  g_free (node->name);
  g_free (node);
}

MfLink *
mf_node_add_link (MfNode *node, const MfType *type, MfPort *port)
{
  MfLink *link = g_new0 (MfLink, 1);
  link->node = node;
  link->type = type;
  link->port = port ? port : &link->declared_port;
  link->subscribers = g_array_new (FALSE, FALSE, sizeof (MfSubscriber));
  *link->port = (MfPort){ .stride = type->row_size, .link = link, .host = &mf_host };
  g_ptr_array_add (node->links, link);
  return link;
}

MfLink *
mf_node_link (const MfNode *node, const char *type)
{
  for (guint i = 0; i < node->links->len; i++) {
    MfLink *link = g_ptr_array_index (node->links, i);
    if (g_str_equal (link->type->name, type))
      return link;
  }
  return NULL;
}

void
mf_link_close (MfLink *link)
{
  size_t bytes = (size_t) (link->port->next - link->open->rows);
  link->open->batch.n_rows = (uint32_t) (bytes / link->port->stride);
  if (!link->open->batch.n_rows)
    return;
  link->port->next = link->port->end = NULL;
  mf_router_publish (link, g_steal_pointer (&link->open));
}

void
mf_node_flush (MfNode *node)
{
  for (guint i = 0; i < node->links->len; i++) {
    MfLink *link = g_ptr_array_index (node->links, i);
    if (link->open)
      mf_link_close (link);
  }
}

// What the user can edit: the value that is to blame, the input that the command line gave, or the
// stage.
static const MfPlace *
place_to_blame (const MfNode *node, const char *option, MfPlace *argument)
{
  const char *input_option = node->plugin ? node->plugin->descriptor->input_option : NULL;
  if (option && input_option && node->input_override && g_str_equal (option, input_option)) {
    *argument = (MfPlace){ .kind = MF_PLACE_SET, .file = node->input_override };
    return argument;
  }
  if (!node->group)
    return NULL;
  return option ? mf_option_place (node->group, option) : &node->group->place;
}

bool
mf_node_fail (MfNode *node, const char *option, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  MfPipeline *pipeline = node->pipeline;
  g_autofree char *who
      = node->plugin ? g_strdup_printf ("%s '%s'", mf_stage_kind_name (node->kind), node->name)
                     : g_strdup (node->name);
  MfPlace argument;
  const MfPlace *place = place_to_blame (node, option, &argument);
  pthread_mutex_lock (&pipeline->lock);
  mf_diagnostics_error (pipeline->diagnostics, place, NULL, "%s: %s", who, text);
  pthread_mutex_unlock (&pipeline->lock);
  atomic_store (&node->failed, true);
  return false;
}

bool
mf_node_call (MfNode *node, MfCallback callback, const char *doing)
{
  if (!callback)
    return true;
  int64_t start = mf_monotonic_ns ();
  bool fine = callback (node->instance);
  atomic_fetch_add (&node->busy_ns, mf_monotonic_ns () - start);
  bool stopped = atomic_load (&node->pipeline->stop_requests) > 0 || node->reader_gone;
  if (!fine && !mf_node_has_failed (node) && !stopped)
    mf_node_fail (node, NULL, "%s failed without giving a reason", doing);
  return !mf_node_has_failed (node);
}

void
mf_node_give_up (MfNode *node)
{
  if (atomic_exchange (&node->give_up, true))
    return;
  g_autofree char *after = g_strdup (mf_duration_print (node->settings.stall_timeout).text);
  mf_node_fail (node, NULL, "accepted nothing for %s (stall-timeout) and was left behind", after);
  if (node->lane)
    mf_lane_abandon (node->lane);
}

void
mf_nodes_stop (MfPipeline *pipeline)
{
  for (guint i = pipeline->nodes->len; i-- > 0;) {
    MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    if (node->declared && node->plugin && node->plugin->descriptor->stop)
      node->plugin->descriptor->stop (node->instance);
    node->declared = false;
  }
}
