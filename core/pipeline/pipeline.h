// SPDX-License-Identifier: Apache-2.0
// The inside of a pipeline: stages, the links between them, and who may touch what.
#pragma once

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>

#include <memflow/memflow.h>
#include <memflow/plugin.h>

#include "base/intern.h"
#include "base/memory.h"
#include "bus/lane.h"
#include "config/config.h"
#include "config/options.h"
#include "event/batch.h"
#include "event/schema.h"
#include "plugin/registry.h"

typedef struct MfNode MfNode;

// A receiver of one link.
typedef struct {
  MfNode *node;
  MfBatchCallback process;
} MfSubscriber;

// One output type of a node and who receives it. The port is filled by the node's thread only.
typedef struct {
  MfNode *node;
  const MfType *type;
  MfPort *port;
  MfPort declared_port; // the port of types that are declared at run time
  MfOpenBatch *open;
  GArray *subscribers; // of MfSubscriber, in file order
} MfLink;

// Keys that every stage understands; an option table of core itself.
typedef struct {
  MfTexts from, types;
  uint32_t when_full;
  MfSize queue;
  MfDuration stall_timeout;
} MfNodeSettings;
extern const MfOption mf_node_options[];

// Keys of [pipeline].
typedef struct {
  const char *name;
  MfOutputName output;
  MfTexts target;
} MfPipelineSettings;
extern const MfOption mf_pipeline_options[];

// A stage of the graph: an instance of a plugin, a sink of the embedding program, or core itself.
struct MfNode {
  MfPipeline *pipeline;
  uint32_t index; // place in the file
  unsigned kind;  // MfStageKind; 0 = core itself
  char *name;
  MfString name_id;
  const MfPlugin *plugin; // NULL for sinks and core
  const MfConfigGroup *group;
  MfConfigGroup *merged; // `group` over the target's defaults; what options were read from
  MfStage *instance;
  MfNodeSettings settings;
  char *input_override;

  MfSink sink;
  void *sink_user;
  char *sink_glob;

  GPtrArray *links;    // of MfLink
  GPtrArray *upstream; // of MfNode
  GPtrArray *outputs;  // of MfOutput

  // context of what is published next
  MfString input;
  uint32_t epoch;
  bool incomplete;

  MfLane *lane;   // collectors: to the analysis thread; formats: from it
  MfInbox *inbox; // formats
  pthread_t thread;
  bool threaded;

  bool declared, started, finished;
  bool live;        // a collector whose source does not wait
  bool reader_gone; // its reader closed the pipe: no failure
  _Atomic bool failed, give_up;
  _Atomic uint64_t batches_in, rows_in, batches_out, rows_out, lost;
  _Atomic uint64_t progress_done, progress_total;
  _Atomic int64_t busy_ns;
};

struct MfPipeline {
  // settings
  GPtrArray *plugin_path, *sets; // of char *
  char *output, *input;
  GPtrArray *command; // of char *
  bool deterministic, fail_on_loss, ascii, colour, batch;
  MfDuration duration; // negative = not limited
  MfLogFunction log;
  void *log_user;
  GPtrArray *sinks; // of MfNode, appended to nodes at load

  // what was loaded
  MfMemory memory;
  MfIntern *strings, *stacks;
  MfRegistry *registry;
  MfConfig *config, *target;
  GHashTable *targets; // of MfTargetFacts by path
  GPtrArray *arena;
  MfPipelineSettings settings;
  MfRunFacts facts;
  GPtrArray *nodes; // of MfNode, in file order, without core
  MfNode *core;
  bool loaded, ran;

  // the run
  MfInbox *inbox;            // of the analysis thread
  GQueue pending;            // of MfOpenBatch from analyzers and core, to be dispatched
  int stop_fd;               // eventfd: readable once the run is to stop
  _Atomic int stop_requests; // 1 = finish, 2 = abort
  _Atomic bool timed_out;    // stopped by the duration
  int64_t start_ns;
  _Atomic uint64_t lost;
  _Atomic int program_status; // of the studied program; -1 = none was run
  bool budget_exceeded, stuck;
  MfStatus load_status;

  pthread_mutex_t lock; // guards what follows: told from any thread
  MfDiagnostics *diagnostics;
  GString *errors;
  GQueue remarks;   // of MfRemark, for core.log
  GPtrArray *files; // of MfWritten
};

typedef struct {
  char *path;
  uint64_t rows;
} MfWritten;
typedef struct {
  MfString stage;
  uint32_t severity;
  char *text;
} MfRemark;

// ---- nodes (node.c)
MfNode *mf_node_new (MfPipeline *pipeline, unsigned kind, const char *name);
void mf_node_free (MfNode *node);
MfLink *mf_node_add_link (MfNode *node, const MfType *type, MfPort *port);
MfLink *mf_node_link (const MfNode *node, const char *type);
// Publishes the open batch of a link, or of all links of a node, unless it has no rows.
void mf_link_close (MfLink *link);
void mf_node_flush (MfNode *node);
// Runs a callback and turns false into a failure of the node. NULL callbacks succeed.
bool mf_node_call (MfNode *node, MfCallback callback, const char *doing);
bool mf_node_fail (MfNode *node, const char *option, const char *format, ...) G_GNUC_PRINTF (3, 4);
// A format that takes nothing any more has failed; the others go on. Any thread.
void mf_node_give_up (MfNode *node);
// Lets the instances free what they hold; the later ones first. Harmless when called again.
void mf_nodes_stop (MfPipeline *pipeline);
// Also between the moment when a format is given up and the one when its failure is recorded.
static inline bool
mf_node_has_failed (const MfNode *node)
{
  return atomic_load (&node->failed) || atomic_load (&node->give_up);
}
static inline MfNode *
mf_node_of (const MfStage *stage)
{
  return stage->core;
}

// ---- loading (load.c, graph.c)
bool mf_graph_wire (MfPipeline *pipeline);

// ---- targets (targets.c)
MfTargetSource mf_pipeline_targets (MfPipeline *pipeline);
// The file of a target: a path relative to `folder`, or the name of one that is installed. NULL =
// there is none, as mf_target_missing says; it returns false. Transfer full.
char *mf_target_path (const char *name, const char *folder);
bool mf_target_missing (const char *name, MfLiteralError *error);

// ---- the host functions that nodes call (host.c)
extern const MfHost mf_host;
void mf_pipeline_remark (
    MfPipeline *pipeline, const MfNode *node, uint32_t severity, const char *text);
int64_t mf_monotonic_ns (void);
bool mf_pipeline_stopping (MfPipeline *pipeline);

// ---- output files (output.c)
MfOutput *mf_output_open (MfStage *stage, const char *name);
bool mf_output_write (MfOutput *output, const void *bytes, size_t n);
bool mf_output_flush_now (MfOutput *output);
bool mf_output_on_terminal (const MfOutput *output);
void mf_output_set_rows (MfOutput *output, uint64_t rows);
void mf_output_free (MfOutput *output);
bool mf_outputs_commit (MfNode *node); // flushes and renames; false = failed, reported
void mf_outputs_discard (MfNode *node);

// ---- the end of a run (run.c)
void mf_pipeline_report_refused_names (MfPipeline *pipeline);

// ---- dispatch (router.c), on the analysis thread
void mf_router_arrival (MfPipeline *pipeline, MfArrival *arrival); // takes what is in it
void mf_router_publish (MfLink *link, MfOpenBatch *batch);         // from any node's flush
void mf_router_deliver_losses (MfPipeline *pipeline, MfNode *from, const MfLoss *losses);
void mf_router_drain (MfPipeline *pipeline);
void mf_router_finish_ready (MfPipeline *pipeline);
bool mf_router_process (MfNode *node, MfBatchCallback process, const MfOpenBatch *batch);

// ---- what core tells (tell.c), on the analysis thread
MfNode *mf_core_node_new (MfPipeline *pipeline);
void mf_tell_lost (MfPipeline *pipeline, MfString stage, MfString consumer, const MfLoss *losses);
void mf_tell_remarks (MfPipeline *pipeline);
void mf_tell_end (MfPipeline *pipeline);
