// SPDX-License-Identifier: Apache-2.0
// The C API: creating, setting up and asking a pipeline.
#include "pipeline/pipeline.h"

#include <sys/eventfd.h>
#include <unistd.h>

enum { MOST_STRINGS = 1 << 20, MOST_STACKS = 1 << 22 };

const char *
mf_version (void)
{
  return MEMFLOW_VERSION;
}

static void
written_free (gpointer data)
{
  g_free (((MfWritten *) data)->path);
  g_free (data);
}

MfPipeline *
mf_pipeline_new (void)
{
  MfPipeline *pipeline = g_new0 (MfPipeline, 1);
  pipeline->plugin_path = g_ptr_array_new_with_free_func (g_free);
  pipeline->sets = g_ptr_array_new_with_free_func (g_free);
  pipeline->command = g_ptr_array_new_with_free_func (g_free);
  pipeline->arena = g_ptr_array_new_with_free_func (g_free);
  pipeline->targets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  pipeline->files = g_ptr_array_new_with_free_func (written_free);
  pipeline->nodes = g_ptr_array_new ();
  pipeline->sinks = g_ptr_array_new ();
  pipeline->duration.ns = -1;
  atomic_store (&pipeline->program_status, -1);
  pipeline->strings = mf_intern_new (&pipeline->memory, MOST_STRINGS);
  pipeline->stacks = mf_intern_new (&pipeline->memory, MOST_STACKS);
  pipeline->diagnostics = mf_diagnostics_new ();
  pipeline->errors = g_string_new (NULL);
  pipeline->stop_fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  pipeline->core = mf_core_node_new (pipeline);
  pthread_mutex_init (&pipeline->lock, NULL);
  return pipeline;
}

static void
free_remarks (MfPipeline *pipeline)
{
  for (MfRemark *remark; (remark = g_queue_pop_head (&pipeline->remarks)); g_free (remark))
    g_free (remark->text);
}

void
mf_pipeline_free (MfPipeline *pipeline)
{
  if (!pipeline || pipeline->stuck)
    return;
  mf_nodes_stop (pipeline); // of a load that failed half-way, or that was never run
  for (guint i = 0; i < pipeline->nodes->len; i++)
    mf_node_free (g_ptr_array_index (pipeline->nodes, i));
  for (guint i = 0; i < pipeline->sinks->len; i++)
    mf_node_free (g_ptr_array_index (pipeline->sinks, i));
  mf_node_free (pipeline->core);
  mf_inbox_free (pipeline->inbox);
  free_remarks (pipeline);
  g_ptr_array_free (pipeline->nodes, TRUE);
  g_ptr_array_free (pipeline->sinks, TRUE);
  g_ptr_array_free (pipeline->plugin_path, TRUE);
  g_ptr_array_free (pipeline->sets, TRUE);
  g_ptr_array_free (pipeline->command, TRUE);
  g_ptr_array_free (pipeline->files, TRUE);
  g_hash_table_unref (pipeline->targets);
  g_ptr_array_free (pipeline->arena, TRUE);
  mf_diagnostics_free (pipeline->diagnostics);
  mf_config_free (pipeline->config);
  mf_config_free (pipeline->target);
  mf_registry_free (pipeline->registry);
  mf_intern_free (pipeline->strings);
  mf_intern_free (pipeline->stacks);
  g_string_free (pipeline->errors, TRUE);
  g_free (pipeline->output);
  g_free (pipeline->input);
  close (pipeline->stop_fd);
  pthread_mutex_destroy (&pipeline->lock);
  g_free (pipeline);
}

void
mf_pipeline_add_plugin_path (MfPipeline *pipeline, const char *folder)
{
  g_ptr_array_add (pipeline->plugin_path, g_strdup (folder));
}

void
mf_pipeline_set_output (MfPipeline *pipeline, const char *folder)
{
  g_free (pipeline->output);
  pipeline->output = g_strdup (folder);
}

void
mf_pipeline_set (MfPipeline *pipeline, const char *stage_dot_key, const char *value)
{
  g_ptr_array_add (pipeline->sets, g_strconcat (stage_dot_key, "=", value, NULL));
}

void
mf_pipeline_set_input (MfPipeline *pipeline, const char *path)
{
  g_free (pipeline->input);
  pipeline->input = g_strdup (path);
}

void
mf_pipeline_set_command (MfPipeline *pipeline, const char *const *words)
{
  g_ptr_array_set_size (pipeline->command, 0);
  for (; words && *words; words++)
    g_ptr_array_add (pipeline->command, g_strdup (*words));
}

void
mf_pipeline_set_deterministic (MfPipeline *pipeline, bool on)
{
  pipeline->deterministic = on;
}

void
mf_pipeline_set_fail_on_loss (MfPipeline *pipeline, bool on)
{
  pipeline->fail_on_loss = on;
}

void
mf_pipeline_set_ascii (MfPipeline *pipeline, bool on)
{
  pipeline->ascii = on;
}

void
mf_pipeline_set_colour (MfPipeline *pipeline, bool on)
{
  pipeline->colour = on;
}

void
mf_pipeline_set_batch (MfPipeline *pipeline, bool on)
{
  pipeline->batch = on;
}

void
mf_pipeline_set_duration (MfPipeline *pipeline, MfDuration length)
{
  pipeline->duration = length;
}

void
mf_pipeline_set_log (MfPipeline *pipeline, MfLogFunction log, void *user)
{
  pipeline->log = log;
  pipeline->log_user = user;
}

void
mf_pipeline_add_sink (MfPipeline *pipeline, const char *glob, MfSink sink, void *user)
{
  g_autofree char *name = g_strdup_printf ("sink %u", pipeline->sinks->len + 1);
  MfNode *node = mf_node_new (pipeline, MF_ANALYZER, name);
  node->sink = sink;
  node->sink_user = user;
  node->sink_glob = g_strdup (glob);
  g_ptr_array_add (pipeline->sinks, node);
}

const char *
mf_pipeline_errors (const MfPipeline *pipeline)
{
  g_string_truncate (pipeline->errors, 0);
  mf_diagnostics_print (pipeline->diagnostics, pipeline->errors);
  return pipeline->errors->str;
}

bool
mf_pipeline_file (const MfPipeline *pipeline, uint32_t index, const char **path, uint64_t *rows)
{
  if (index >= pipeline->files->len)
    return false;
  const MfWritten *written = g_ptr_array_index (pipeline->files, index);
  *path = written->path;
  *rows = written->rows;
  return true;
}

void
mf_pipeline_progress (const MfPipeline *pipeline, uint64_t *done, uint64_t *total, uint64_t *rows)
{
  *done = *total = *rows = 0;
  for (guint i = 0; i < pipeline->nodes->len; i++) {
    const MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    if (node->kind != MF_COLLECTOR)
      continue;
    *done += atomic_load_explicit (&node->progress_done, memory_order_relaxed);
    *total += atomic_load_explicit (&node->progress_total, memory_order_relaxed);
    *rows += atomic_load_explicit (&node->rows_out, memory_order_relaxed);
  }
}

bool
mf_pipeline_stage (
    const MfPipeline *pipeline, uint32_t index, MfStageStats *stats, MfDuration *busy)
{
  if (index >= pipeline->nodes->len)
    return false;
  const MfNode *node = g_ptr_array_index (pipeline->nodes, index);
  const char *plugin = node->plugin ? node->plugin->descriptor->id : "";
  *stats = (MfStageStats){
    .stage = node->name_id,
    .plugin = { mf_intern_add (pipeline->strings, plugin, strlen (plugin)) },
    .kind = node->kind,
    .failed = atomic_load (&node->failed),
    .batches_in = node->batches_in,
    .rows_in = node->rows_in,
    .batches_out = node->batches_out,
    .rows_out = node->rows_out,
    .lost = node->lost,
  };
  busy->ns = atomic_load (&node->busy_ns);
  return true;
}

uint64_t
mf_pipeline_lost (const MfPipeline *pipeline)
{
  return atomic_load (&pipeline->lost);
}

int
mf_pipeline_program_status (const MfPipeline *pipeline)
{
  return atomic_load (&pipeline->program_status);
}

const char *
mf_pipeline_string (const MfPipeline *pipeline, MfString string)
{
  return mf_intern_get (pipeline->strings, string.id, NULL);
}

void
mf_pipeline_fail_allocation (MfPipeline *pipeline, uint64_t n)
{
  pipeline->memory.fail_at = n ? atomic_load (&pipeline->memory.requests) + n : 0;
}
