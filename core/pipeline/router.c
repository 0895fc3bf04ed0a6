// SPDX-License-Identifier: Apache-2.0
// The only router: brings batches to analyzers, sinks and formats, in file order. What an analyzer
// publishes waits until the batch that caused it has reached all later stages.
#include "pipeline/pipeline.h"

typedef struct {
  MfLink *link;
  MfOpenBatch *batch;
} Pending;

static bool
process_in_place (MfNode *node)
{
  return !node->lane || node->kind != MF_FORMAT;
}

static void dispatch (MfLink *link, MfOpenBatch *batch);

void
mf_router_publish (MfLink *link, MfOpenBatch *batch)
{
  MfNode *node = link->node;
  batch->batch.stage = node->name_id;
  batch->batch.input = node->input;
  batch->batch.epoch = node->epoch;
  bool laned = node->kind == MF_COLLECTOR
               && node->lane; // marked on arrival: `incomplete` is not its thread's
  batch->batch.flags = (node->kind == MF_COLLECTOR ? 0 : MF_BATCH_DERIVED)
                       | (!laned && node->incomplete ? MF_BATCH_INCOMPLETE : 0);
  atomic_fetch_add_explicit (&node->batches_out, 1, memory_order_relaxed);
  atomic_fetch_add_explicit (&node->rows_out, batch->batch.n_rows, memory_order_relaxed);
  if (laned)
    mf_lane_push (node->lane, link, batch);
  else if (node->kind == MF_COLLECTOR) {
    dispatch (link, batch);
    mf_router_drain (node->pipeline);
  } else {
    Pending *pending = g_new (Pending, 1);
    *pending = (Pending){ link, batch };
    g_queue_push_tail (&node->pipeline->pending, pending);
  }
}

// Calls a handler in the context of the batch: what it publishes belongs to the same input and
// epoch.
bool
mf_router_process (MfNode *node, MfBatchCallback process, const MfOpenBatch *open)
{
  const MfBatch *batch = &open->batch;
  if (node->kind == MF_ANALYZER
      && (node->input.id != batch->input.id || node->epoch != batch->epoch)) {
    mf_node_flush (node);
    node->input = batch->input;
    node->epoch = batch->epoch;
  }
  node->incomplete |= (batch->flags & MF_BATCH_INCOMPLETE) != 0;
  atomic_fetch_add_explicit (&node->batches_in, 1, memory_order_relaxed);
  atomic_fetch_add_explicit (&node->rows_in, batch->n_rows, memory_order_relaxed);
  int64_t start = mf_monotonic_ns ();
  bool fine = node->sink ? node->sink (node->sink_user, batch) : process (node->instance, batch);
  atomic_fetch_add_explicit (&node->busy_ns, mf_monotonic_ns () - start, memory_order_relaxed);
  bool aborted = atomic_load (&node->pipeline->stop_requests) > 1;
  if (!fine && !mf_node_has_failed (node) && !node->reader_gone && !aborted)
    mf_node_fail (node, NULL, "refused a batch of %s without giving a reason", batch->type->name);
  return fine;
}

static void
deliver (const MfSubscriber *to, MfLink *link, MfOpenBatch *batch)
{
  MfNode *node = to->node;
  if (atomic_load (&node->failed) || node->finished)
    return;
  if (process_in_place (node)) {
    mf_router_process (node, to->process, batch);
    return;
  }
  if (mf_lane_push (node->lane, link, mf_open_batch_ref (batch)) == MF_PUSH_STALLED)
    mf_node_give_up (node);
}

// A verdict that is not kept decides the exit status, whoever published it.
static void
look_for_verdicts (MfPipeline *pipeline, const MfBatch *batch)
{
  if (!g_str_equal (batch->type->name, MfVerdict_type.name)
      || !mf_type_is_prefix (&MfVerdict_type, batch->type))
    return;
  MF_EACH (batch, MfVerdict, row)
    pipeline->budget_exceeded |= row->pass == 0;
}

static void
dispatch (MfLink *link, MfOpenBatch *batch)
{
  MfPipeline *pipeline = link->node->pipeline;
  look_for_verdicts (pipeline, &batch->batch);
  for (guint i = 0; i < link->subscribers->len; i++)
    deliver (&g_array_index (link->subscribers, MfSubscriber, i), link, batch);
  for (guint i = 0; i < link->subscribers->len; i++) {
    MfNode *node = g_array_index (link->subscribers, MfSubscriber, i).node;
    if (node->kind == MF_ANALYZER)
      mf_node_flush (node);
  }
  mf_open_batch_unref (batch);
}

void
mf_router_drain (MfPipeline *pipeline)
{
  mf_tell_remarks (pipeline);
  for (Pending *pending; (pending = g_queue_pop_head (&pipeline->pending)); g_free (pending))
    dispatch (pending->link, pending->batch);
}

void
mf_router_deliver_losses (MfPipeline *pipeline, MfNode *from, const MfLoss *losses)
{
  if (!losses)
    return;
  from->incomplete = true;
  for (const MfLoss *loss = losses; loss; loss = loss->next) {
    atomic_fetch_add (&from->lost, loss->count);
    atomic_fetch_add (&pipeline->lost, loss->count);
  }
  mf_tell_lost (pipeline, from->name_id, (MfString){ 0 }, losses);
}

static bool
upstream_is_done (const MfNode *node)
{
  for (guint i = 0; i < node->upstream->len; i++)
    if (!((const MfNode *) g_ptr_array_index (node->upstream, i))->finished)
      return false;
  return true;
}

// Analyzers end as soon as everything before them has ended, in file order.
void
mf_router_finish_ready (MfPipeline *pipeline)
{
  for (guint i = 0; i < pipeline->nodes->len; i++) {
    MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    if (node->kind != MF_ANALYZER || node->finished || !upstream_is_done (node))
      continue;
    if (node->plugin && node->started && !atomic_load (&node->failed))
      mf_node_call (node, node->plugin->descriptor->finish, "finish");
    mf_node_flush (node);
    node->finished = true;
    mf_router_drain (pipeline);
  }
}

void
mf_router_arrival (MfPipeline *pipeline, MfArrival *arrival)
{
  MfNode *from = mf_lane_owner (arrival->lane);
  mf_router_deliver_losses (pipeline, from, arrival->losses);
  mf_loss_free (arrival->losses);
  if (arrival->batch) {
    if (from->incomplete)
      arrival->batch->batch.flags |= MF_BATCH_INCOMPLETE;
    dispatch (arrival->tag, arrival->batch);
  }
  mf_router_drain (pipeline);
  if (arrival->ended) {
    from->finished = true;
    mf_router_finish_ready (pipeline);
  }
}
