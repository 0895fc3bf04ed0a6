// SPDX-License-Identifier: Apache-2.0
// A run: a thread for each collector and each format, one for all analyzers; or everything on the
// caller's thread, sources in file order.
#include "pipeline/pipeline.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { QUEUE_BATCHES = 256, STUCK_SECONDS = 2 };

// ---- stages

static bool
start_node (MfNode *node)
{
  node->started = true;
  return mf_node_call (node, node->plugin ? node->plugin->descriptor->start : NULL, "start");
}

static void
collect (MfNode *node)
{
  mf_node_call (node, node->plugin->descriptor->collect, "collect");
  // Collectors that end something at the end of their input (a summary, an open dump) do it in
  // finish.
  if (!atomic_load (&node->failed))
    mf_node_call (node, node->plugin->descriptor->finish, "finish");
  mf_node_flush (node);
}

// All files of a format appear together, once it has succeeded.
static void
finish_format (MfNode *node)
{
  bool fine = !atomic_load (&node->failed)
              && mf_node_call (node, node->plugin->descriptor->finish, "finish");
  if (fine && mf_outputs_commit (node))
    return;
  mf_outputs_discard (node);
}

static bool
is_quiet (const MfNode *node)
{
  return atomic_load (&node->failed) || node->reader_gone;
}

// ---- threads

static void *
collector_thread (void *data)
{
  MfNode *node = data;
  collect (node);
  mf_lane_close (node->lane);
  return NULL;
}

static void *
analysis_thread (void *data)
{
  MfPipeline *pipeline = data;
  guint open = 0;
  for (guint i = 0; i < pipeline->nodes->len; i++)
    open += ((MfNode *) g_ptr_array_index (pipeline->nodes, i))->kind == MF_COLLECTOR;
  mf_router_finish_ready (pipeline);
  while (open) {
    MfArrival arrival;
    if (!mf_inbox_take (pipeline->inbox, -1, &arrival))
      continue;
    open -= arrival.ended;
    mf_router_arrival (pipeline, &arrival);
  }
  mf_tell_end (pipeline);
  for (guint i = 0; i < pipeline->nodes->len; i++) {
    MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    if (node->kind == MF_FORMAT && node->lane)
      mf_lane_close (node->lane);
  }
  return NULL;
}

static MfBatchCallback
handler_for (const MfNode *node, const MfLink *link)
{
  for (guint i = 0; i < link->subscribers->len; i++) {
    const MfSubscriber *subscriber = &g_array_index (link->subscribers, MfSubscriber, i);
    if (subscriber->node == node)
      return subscriber->process;
  }
  return NULL;
}

// What a format's own queue lost is told to it in place, and counted for the run.
static void
tell_format (MfNode *node, const MfLoss *losses)
{
  MfPipeline *pipeline = node->pipeline;
  const MfLink *link = mf_node_link (pipeline->core, MfLost_type.name);
  MfBatchCallback process = handler_for (node, link);
  for (; losses; losses = losses->next) {
    atomic_fetch_add (&node->lost, losses->count);
    atomic_fetch_add (&pipeline->lost, losses->count);
    MfOpenBatch *open
        = process && !is_quiet (node) ? mf_open_batch_new (&pipeline->memory, &MfLost_type) : NULL;
    if (!open)
      continue;
    MfLost row = {
      .consumer = node->name_id,
      .reason = losses->reason,
      .count = losses->count,
      .type = { mf_intern_add (pipeline->strings, losses->type, strlen (losses->type)) },
      .from = { losses->from },
      .to = { losses->to },
    };
    memcpy (open->rows, &row, sizeof row);
    open->batch.n_rows = 1;
    open->batch.stage = pipeline->core->name_id;
    open->batch.flags = MF_BATCH_DERIVED | MF_BATCH_INCOMPLETE;
    mf_router_process (node, process, open);
    mf_open_batch_unref (open);
  }
}

// A reader that goes away is told by write: the signal would end the embedding program.
static void
block_sigpipe (void)
{
  sigset_t signals;
  sigemptyset (&signals);
  sigaddset (&signals, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &signals, NULL);
}

static void *
format_thread (void *data)
{
  MfNode *node = data;
  block_sigpipe ();
  for (bool ended = false; !ended;) {
    MfArrival arrival;
    if (!mf_inbox_take (node->inbox, -1, &arrival))
      continue;
    ended = arrival.ended;
    if (!node->reader_gone)
      tell_format (node, arrival.losses);
    mf_loss_free (arrival.losses);
    if (arrival.batch && !is_quiet (node))
      mf_router_process (node, handler_for (node, arrival.tag), arrival.batch);
    mf_open_batch_unref (arrival.batch);
    if (is_quiet (node) && !ended)
      mf_lane_abandon (node->lane);
  }
  finish_format (node);
  return NULL;
}

static bool
writes_to_stdout (const MfNode *node)
{
  for (const MfOption *option = node->plugin->descriptor->options; option && option->name; option++)
    if (option->kind == MF_OPTION_OUTPUT) {
      const MfOutputName *name = (const void *) ((const char *) node->instance + option->offset);
      if (name->name && g_str_equal (name->name, "-"))
        return true;
    }
  return false;
}

static MfFullPolicy
policy_of (const MfNode *node)
{
  enum { AUTO };
  if (node->settings.when_full != AUTO)
    return (MfFullPolicy) (node->settings.when_full - 1);
  return node->live ? MF_FULL_DROP_OLDEST : MF_FULL_BLOCK;
}

static void
make_lane (MfNode *node)
{
  MfLaneLimits limits = {
    .most_bytes = node->settings.queue.bytes,
    .most_batches = QUEUE_BATCHES,
    .policy = policy_of (node),
    .stall_ns = -1,
  };
  if (node->kind == MF_FORMAT) {
    limits.stall_ns = writes_to_stdout (node) ? -1 : node->settings.stall_timeout.ns;
    node->inbox = mf_inbox_new ();
  }
  node->lane = mf_inbox_add_lane (
      node->kind == MF_FORMAT ? node->inbox : node->pipeline->inbox, limits, node);
}

static void
spawn (MfNode *node, void *(*body) (void *) )
{
  int error = pthread_create (&node->thread, NULL, body, node);
  node->threaded = error == 0;
  if (error) {
    mf_node_fail (node, NULL, "cannot start a thread: %s", g_strerror (error));
    mf_lane_close (node->lane);
  }
}

// A plugin that hangs in its own code cannot be ended: it is left behind, and nothing of the run is
// freed.
static void
join (MfNode *node)
{
  if (!node->threaded)
    return;
  struct timespec at;
  clock_gettime (CLOCK_REALTIME, &at);
  at.tv_sec += STUCK_SECONDS;
  int error = atomic_load (&node->give_up) ? pthread_timedjoin_np (node->thread, NULL, &at)
                                           : pthread_join (node->thread, NULL);
  if (error) {
    pthread_detach (node->thread);
    node->pipeline->stuck = true;
  }
}

static void
for_each_node (MfPipeline *pipeline, unsigned kind, void (*action) (MfNode *))
{
  for (guint i = 0; i < pipeline->nodes->len; i++) {
    MfNode *node = g_ptr_array_index (pipeline->nodes, i);
    if (node->kind == kind && node->plugin)
      action (node);
  }
}

static void
spawn_collector (MfNode *node)
{
  spawn (node, collector_thread);
}
static void
spawn_format (MfNode *node)
{
  spawn (node, format_thread);
}

static void
run_threads (MfPipeline *pipeline)
{
  pipeline->inbox = mf_inbox_new ();
  for_each_node (pipeline, MF_COLLECTOR, make_lane);
  for_each_node (pipeline, MF_FORMAT, make_lane);
  for_each_node (pipeline, MF_FORMAT, spawn_format);
  for_each_node (pipeline, MF_COLLECTOR, spawn_collector);
  // The analysis thread is this one: it has nothing else to do.
  analysis_thread (pipeline);
  for_each_node (pipeline, MF_COLLECTOR, join);
  for_each_node (pipeline, MF_FORMAT, join);
}

static void
collect_in_place (MfNode *node)
{
  if (!mf_pipeline_stopping (node->pipeline))
    collect (node);
  node->finished = true;
}

static void
run_in_place (MfPipeline *pipeline)
{
  for_each_node (pipeline, MF_COLLECTOR, collect_in_place);
  mf_router_drain (pipeline);
  mf_router_finish_ready (pipeline);
  mf_tell_end (pipeline);
  for_each_node (pipeline, MF_FORMAT, finish_format);
}

// ---- the whole

static bool
start_all (MfPipeline *pipeline)
{
  for (guint i = 0; i < pipeline->nodes->len; i++)
    if (!start_node (g_ptr_array_index (pipeline->nodes, i)))
      return false;
  return true;
}

void
mf_pipeline_report_refused_names (MfPipeline *pipeline)
{
  uint64_t refused = mf_intern_refused (pipeline->strings) + mf_intern_refused (pipeline->stacks);
  if (refused)
    mf_diagnostics_error (pipeline->diagnostics, NULL, NULL,
        "%" G_GUINT64_FORMAT " names or stacks were not kept: the table is full or memory is short",
        refused);
}

static MfStatus
status_of (const MfPipeline *pipeline)
{
  if (mf_diagnostics_errors (pipeline->diagnostics))
    return MF_STATUS_FAILED;
  if (atomic_load (&pipeline->stop_requests) && !atomic_load (&pipeline->timed_out))
    return MF_STATUS_INTERRUPTED;
  if (pipeline->budget_exceeded)
    return MF_STATUS_BUDGET;
  return pipeline->fail_on_loss && atomic_load (&pipeline->lost) ? MF_STATUS_LOST : MF_STATUS_OK;
}

MfStatus
mf_pipeline_run (MfPipeline *pipeline)
{
  if (!pipeline->loaded || pipeline->ran)
    return pipeline->load_status ? pipeline->load_status : MF_STATUS_CONFIGURATION;
  pipeline->ran = true;
  pipeline->start_ns = mf_monotonic_ns ();
  if (!start_all (pipeline)) {
    for_each_node (pipeline, MF_FORMAT, mf_outputs_discard);
    mf_nodes_stop (pipeline);
    return MF_STATUS_FAILED;
  }
  if (pipeline->deterministic)
    run_in_place (pipeline);
  else
    run_threads (pipeline);
  if (!pipeline->stuck)
    mf_nodes_stop (pipeline);
  mf_pipeline_report_refused_names (pipeline);
  return status_of (pipeline);
}

void
mf_pipeline_stop (MfPipeline *pipeline)
{
  uint64_t one = 1;
  int error = errno;
  atomic_fetch_add (&pipeline->stop_requests, 1);
  ssize_t written
      = write (pipeline->stop_fd, &one, sizeof one); // fails only when it is readable already
  (void) written;
  errno = error;
}
