// SPDX-License-Identifier: Apache-2.0
// What core itself publishes: losses, remarks, statistics, and how the run ended.
#include "pipeline/pipeline.h"

MfNode *
mf_core_node_new (MfPipeline *pipeline)
{
  MfNode *core = mf_node_new (pipeline, 0, "core");
  mf_node_add_link (core, &MfLost_type, NULL);
  mf_node_add_link (core, &MfLog_type, NULL);
  mf_node_add_link (core, &MfStageStats_type, NULL);
  mf_node_add_link (core, &MfRunEnd_type, NULL);
  return core;
}

static void
emit (MfPipeline *pipeline, const MfType *type, const void *row)
{
  mf_port_put (mf_node_link (pipeline->core, type->name)->port, row, type->row_size);
}

void
mf_tell_lost (MfPipeline *pipeline, MfString stage, MfString consumer, const MfLoss *losses)
{
  for (; losses; losses = losses->next) {
    MfLost row = {
      .stage = stage,
      .consumer = consumer,
      .reason = losses->reason,
      .count = losses->count,
      .type = { mf_intern_add (pipeline->strings, losses->type, strlen (losses->type)) },
      .from = { losses->from },
      .to = { losses->to },
    };
    emit (pipeline, &MfLost_type, &row);
  }
  mf_node_flush (pipeline->core);
}

static GQueue
take_remarks (MfPipeline *pipeline)
{
  pthread_mutex_lock (&pipeline->lock);
  GQueue remarks = pipeline->remarks;
  g_queue_init (&pipeline->remarks);
  pthread_mutex_unlock (&pipeline->lock);
  return remarks;
}

void
mf_tell_remarks (MfPipeline *pipeline)
{
  GQueue remarks = take_remarks (pipeline);
  MfPort *port = mf_node_link (pipeline->core, MfLog_type.name)->port;
  for (MfRemark *remark; (remark = g_queue_pop_head (&remarks));) {
    MfText text = port->host->text (port, remark->text, strlen (remark->text));
    MfLog row = { remark->stage, remark->severity, text };
    emit (pipeline, &MfLog_type, &row);
    g_free (remark->text);
    g_free (remark);
  }
  mf_node_flush (pipeline->core);
}

static void
tell_stage (MfPipeline *pipeline, MfNode *node)
{
  const char *plugin = node->plugin ? node->plugin->descriptor->id : "";
  MfStageStats row = {
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
  emit (pipeline, &MfStageStats_type, &row);
}

static uint32_t
outcome (const MfPipeline *pipeline)
{
  for (guint i = 0; i < pipeline->nodes->len; i++)
    if (atomic_load (&((MfNode *) g_ptr_array_index (pipeline->nodes, i))->failed))
      return 2;
  if (atomic_load (&pipeline->stop_requests) && !atomic_load (&pipeline->timed_out))
    return 3;
  return atomic_load (&pipeline->lost) ? 1 : 0;
}

// Formats are still at work and count for themselves: only what is final is told.
void
mf_tell_end (MfPipeline *pipeline)
{
  for (guint i = 0; i < pipeline->nodes->len; i++) {
    MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    if (node->plugin && node->kind != MF_FORMAT)
      tell_stage (pipeline, node);
  }
  mf_node_flush (pipeline->core);
  MfRunEnd end = {
    .name
    = { mf_intern_add (pipeline->strings, pipeline->facts.name, strlen (pipeline->facts.name)) },
    .configuration = { mf_intern_add (
        pipeline->strings, pipeline->facts.configuration, strlen (pipeline->facts.configuration)) },
    .version = { mf_intern_add (pipeline->strings, mf_version (), strlen (mf_version ())) },
    .outcome = outcome (pipeline),
    .lost = atomic_load (&pipeline->lost),
    .program_status = atomic_load (&pipeline->program_status),
  };
  emit (pipeline, &MfRunEnd_type, &end);
  mf_node_flush (pipeline->core);
  mf_router_drain (pipeline);
}
