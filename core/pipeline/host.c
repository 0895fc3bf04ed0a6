// SPDX-License-Identifier: Apache-2.0
// The table of functions that plugins call.
#include "pipeline/pipeline.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <time.h>

#include "base/clean-text.h"

enum { TEXT_PER_BATCH = 64 * 1024 };

typedef struct {
  uint32_t caller, function, file, line;
} StackNode;

int64_t
mf_monotonic_ns (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

bool
mf_pipeline_stopping (MfPipeline *pipeline)
{
  if (pipeline->duration.ns >= 0 && !atomic_load (&pipeline->stop_requests)
      && mf_monotonic_ns () - pipeline->start_ns >= pipeline->duration.ns) {
    atomic_store (&pipeline->timed_out, true);
    mf_pipeline_stop (pipeline);
  }
  return atomic_load_explicit (&pipeline->stop_requests, memory_order_relaxed) > 0;
}

// ---- events

static bool
open_port (MfLink *link)
{
  link->open = mf_open_batch_new (&link->node->pipeline->memory, link->type);
  if (!link->open)
    return mf_node_fail (link->node, NULL, "not enough memory for a batch of %s", link->type->name);
  link->port->next = link->open->rows;
  link->port->end = link->open->rows + (size_t) link->open->capacity * link->port->stride;
  return true;
}

static bool
host_port_turn (MfPort *port)
{
  MfLink *link = port->link;
  MfNode *node = link->node;
  if (link->open)
    mf_link_close (link);
  if (atomic_load (&node->failed) || atomic_load (&node->pipeline->stop_requests) > 1)
    return false;
  return open_port (link);
}

static bool
host_flush (MfStage *stage)
{
  MfNode *node = mf_node_of (stage);
  mf_node_flush (node);
  return !atomic_load (&node->failed) && atomic_load (&node->pipeline->stop_requests) < 2;
}

static MfText
host_text (MfPort *port, const char *bytes, size_t n)
{
  MfLink *link = port->link;
  MfText text = { 0, 0 };
  if (port->next == port->end && !host_port_turn (port))
    return text;
  if (!mf_open_batch_text (link->open, bytes, n, &text))
    mf_node_fail (
        link->node, NULL, "not enough memory for a text of %zu bytes in %s", n, link->type->name);
  if (link->open->batch.text_size >= TEXT_PER_BATCH)
    port->end = port->next + port->stride; // the row of this text is the batch's last
  return text;
}

static MfPort *
host_declare (MfStage *stage, const MfType *type)
{
  MfNode *node = mf_node_of (stage);
  g_autoptr (GString) why = g_string_new (NULL);
  if (node->pipeline->loaded || node->kind == MF_FORMAT)
    mf_node_fail (node, NULL,
        "types can be declared only by the declare callback of collectors and analyzers");
  else if (!mf_type_check (type, why))
    mf_node_fail (node, NULL, "%s", why->str);
  else if (mf_node_link (node, type->name))
    mf_node_fail (node, NULL, "the type '%s' is declared twice", type->name);
  else
    return mf_node_add_link (node, type, NULL)->port;
  return NULL;
}

static void
host_context (MfStage *stage, MfString input, uint32_t epoch)
{
  MfNode *node = mf_node_of (stage);
  if (node->input.id == input.id && node->epoch == epoch)
    return;
  mf_node_flush (node);
  node->input = input;
  node->epoch = epoch;
}

static void
host_lost (MfStage *stage, const char *type, uint64_t count, uint32_t reason)
{
  MfNode *node = mf_node_of (stage);
  mf_node_flush (node);
  if (node->lane && node->kind == MF_COLLECTOR) {
    mf_lane_lose (node->lane, type, count, reason);
    return;
  }
  g_autofree MfLoss *loss = g_malloc0 (sizeof *loss + strlen (type) + 1);
  *loss = (MfLoss){ NULL, count, INT64_MIN, INT64_MIN, reason };
  strcpy (loss->type, type);
  mf_router_deliver_losses (node->pipeline, node, loss);
}

static bool
host_port_wanted (const MfPort *port)
{
  const MfLink *link = port->link;
  return link->subscribers->len > 0;
}

// ---- names

static MfString
host_string (MfStage *stage, const char *text, size_t n)
{
  return (MfString){ mf_intern_add (mf_node_of (stage)->pipeline->strings, text, n) };
}

static const char *
host_string_text (MfStage *stage, MfString string)
{
  return mf_intern_get (mf_node_of (stage)->pipeline->strings, string.id, NULL);
}

static MfStack
host_stack (MfStage *stage, MfStack caller, MfFrame frame)
{
  StackNode node = { caller.id, frame.function.id, frame.file.id, frame.line };
  return (MfStack){ mf_intern_add (mf_node_of (stage)->pipeline->stacks, &node, sizeof node) };
}

static bool
host_stack_frame (MfStage *stage, MfStack stack, MfFrame *frame, MfStack *caller)
{
  StackNode node;
  size_t length;
  const char *bytes = mf_intern_get (mf_node_of (stage)->pipeline->stacks, stack.id, &length);
  if (length != sizeof node)
    return false;
  memcpy (&node, bytes, sizeof node);
  *frame = (MfFrame){ { node.function }, { node.file }, node.line, 0 };
  *caller = (MfStack){ node.caller };
  return true;
}

// ---- failing and speaking

// What a module says may hold bytes of what it looks at.
static char *
speakable (const char *format, va_list arguments)
{
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  return mf_clean_text (text);
}

static bool
host_fail (MfStage *stage, const char *option, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = speakable (format, arguments);
  va_end (arguments);
  return mf_node_fail (mf_node_of (stage), option, "%s", text);
}

void
mf_pipeline_remark (MfPipeline *pipeline, const MfNode *node, uint32_t severity, const char *text)
{
  MfRemark *remark = g_new0 (MfRemark, 1);
  *remark = (MfRemark){ node->name_id, severity, g_strdup (text) };
  pthread_mutex_lock (&pipeline->lock);
  g_queue_push_tail (&pipeline->remarks, remark);
  if (pipeline->log)
    pipeline->log (pipeline->log_user, severity, node->name, text);
  pthread_mutex_unlock (&pipeline->lock);
}

static void
host_log (MfStage *stage, uint32_t severity, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = speakable (format, arguments);
  va_end (arguments);
  mf_pipeline_remark (mf_node_of (stage)->pipeline, mf_node_of (stage), severity, text);
}

static void
host_progress (MfStage *stage, uint64_t done, uint64_t total)
{
  MfNode *node = mf_node_of (stage);
  atomic_store_explicit (&node->progress_done, done, memory_order_relaxed);
  atomic_store_explicit (&node->progress_total, total, memory_order_relaxed);
}

// ---- waiting

// The shorter of the wanted time and what is left of the run, in ms for poll; -1 = for ever.
static int
poll_time (const MfPipeline *pipeline, int64_t timeout_ns)
{
  if (pipeline->duration.ns >= 0) {
    int64_t left = MAX (pipeline->duration.ns - (mf_monotonic_ns () - pipeline->start_ns), 0);
    timeout_ns = timeout_ns < 0 ? left : MIN (timeout_ns, left);
  }
  return timeout_ns < 0 ? -1 : (int) MIN ((timeout_ns + 999999) / 1000000, G_MAXINT);
}

static MfWait
host_wait (MfStage *stage, int fd, MfDuration timeout)
{
  MfNode *node = mf_node_of (stage);
  MfPipeline *pipeline = node->pipeline;
  mf_node_flush (node);
  struct pollfd waits[2] = { { pipeline->stop_fd, POLLIN, 0 }, { fd, POLLIN, 0 } };
  int ready;
  do {
    if (mf_pipeline_stopping (pipeline) || atomic_load (&node->failed))
      return MF_WAIT_STOP;
    ready = poll (waits, fd >= 0 ? 2 : 1, poll_time (pipeline, timeout.ns));
  } while (ready < 0 && errno == EINTR);
  if (mf_pipeline_stopping (pipeline))
    return MF_WAIT_STOP;
  return fd >= 0 && waits[1].revents ? MF_WAIT_READY : MF_WAIT_TIMEOUT;
}

static bool
host_stopping (MfStage *stage)
{
  return mf_pipeline_stopping (mf_node_of (stage)->pipeline);
}

static MfTime
host_now (MfStage *stage)
{
  return (MfTime){ mf_monotonic_ns () - mf_node_of (stage)->pipeline->start_ns };
}

static void *
host_resize (MfStage *stage, void *old, size_t bytes)
{
  return mf_memory_resize (&mf_node_of (stage)->pipeline->memory, old, bytes);
}

static const MfRunFacts *
host_run (MfStage *stage)
{
  return &mf_node_of (stage)->pipeline->facts;
}

static bool
host_live (MfStage *stage)
{
  MfNode *node = mf_node_of (stage);
  if (node->pipeline->deterministic)
    return mf_node_fail (node, node->plugin->descriptor->input_option,
        "a live source never gives the same twice: run it without --deterministic");
  node->live = true;
  return true;
}

static void
host_program_status (MfStage *stage, int status)
{
  atomic_store (&mf_node_of (stage)->pipeline->program_status, status);
}

// clang-format off
const MfHost mf_host = {
  .size = sizeof (MfHost), .abi_minor = MF_ABI_MINOR,
  .port_turn = host_port_turn, .flush = host_flush, .text = host_text, .declare = host_declare,
  .context = host_context, .lost = host_lost,
  .string = host_string, .string_text = host_string_text,
  .stack = host_stack, .stack_frame = host_stack_frame,
  .fail = host_fail, .log = host_log, .progress = host_progress,
  .wait = host_wait, .stopping = host_stopping, .now = host_now, .resize = host_resize,
  .output = mf_output_open, .write = mf_output_write, .output_flush = mf_output_flush_now,
  .output_is_terminal = mf_output_on_terminal, .output_count = mf_output_set_rows,
  .run = host_run, .live = host_live, .program_status = host_program_status,
  .port_wanted = host_port_wanted,
};
// clang-format on
