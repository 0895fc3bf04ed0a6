// SPDX-License-Identifier: Apache-2.0
// One stage of a real pipeline, driven by hand: its host, its router and its checks are those of a
// run.
#include <memflow/harness.h>

#include <stdio.h>
#include <stdlib.h>

#include "pipeline/pipeline.h"
#include "plugin/module.h"

// Rows that were published, copied out of the memory that is measured.
typedef struct {
  MfBatch batch;
  uint8_t *rows;
  char *text;
} Kept;

struct MfHarness {
  MfPipeline *pipeline;
  MfNode *node; // NULL: the plugin was refused
  const MfDescriptor *descriptors[2];
  MfModule module;        // around a descriptor of this program
  GPtrArray *kept;        // of Kept
  GString *remarks, *why; // why: of a refusal before there was a pipeline
  MfString input;
  uint32_t epoch;
  bool incomplete, failed;
  uint64_t refuse_at; // number of published batches; 0 = never
};

// ---- what comes out

static void
kept_free (gpointer data)
{
  Kept *kept = data;
  g_free (kept->rows);
  g_free (kept->text);
  g_free (kept);
}

static void
keep (MfHarness *harness, const MfBatch *batch)
{
  Kept *kept = g_new0 (Kept, 1);
  kept->rows = g_memdup2 (batch->rows, (gsize) batch->n_rows * batch->stride);
  kept->text = g_memdup2 (batch->text, batch->text_size);
  kept->batch = *batch;
  kept->batch.rows = kept->rows;
  kept->batch.text = kept->text;
  g_ptr_array_add (harness->kept, kept);
}

static bool
take (void *user, const MfBatch *batch)
{
  MfHarness *harness = user;
  if (!harness->node || batch->stage.id != harness->node->name_id.id)
    return true;
  keep (harness, batch);
  if (harness->refuse_at && harness->kept->len >= harness->refuse_at)
    atomic_store (&harness->pipeline->stop_requests, 2);
  return true;
}

static void
take_remark (void *user, uint32_t severity, const char *stage, const char *text)
{
  static const char *const names[] = { "note", "warning", "error" };
  MfHarness *harness = user;
  g_string_append_printf (
      harness->remarks, "%s: %s: %s\n", stage, names[MIN (severity, MF_LOG_ERROR)], text);
}

// ---- making it

static MfHarness *
harness_new (void)
{
  MfHarness *harness = g_new0 (MfHarness, 1);
  harness->pipeline = mf_pipeline_new ();
  harness->kept = g_ptr_array_new_with_free_func (kept_free);
  harness->remarks = g_string_new (NULL);
  harness->why = g_string_new (NULL);
  harness->input = mf_harness_string (harness, "input");
  mf_pipeline_add_sink (harness->pipeline, "*", take, harness);
  mf_pipeline_set_log (harness->pipeline, take_remark, harness);
  return harness;
}

static void
set_options (MfHarness *harness, const MfDescriptor *plugin, const char *const *options)
{
  for (; options && *options; options++) {
    g_auto (GStrv) sides = g_strsplit (*options, "=", 2);
    g_autofree char *key = g_strconcat (plugin->id, ".", g_strstrip (sides[0]), NULL);
    mf_pipeline_set (harness->pipeline, key, sides[1] ? g_strstrip (sides[1]) : "");
  }
}

// A warning that nobody publishes what the plugin consumes: here that is the test's part.
static void
drop_warnings (MfPipeline *pipeline)
{
  mf_diagnostics_free (pipeline->diagnostics);
  pipeline->diagnostics = mf_diagnostics_new ();
}

static void
load (MfHarness *harness, const MfModule *module, const MfDescriptor *plugin,
    const char *const *options)
{
  MfPipeline *pipeline = harness->pipeline;
  g_autofree char *text
      = g_strdup_printf ("[%s %s]\n", mf_stage_kind_name (plugin->kind), plugin->id);
  pipeline->registry = mf_registry_new (NULL);
  mf_registry_add (pipeline->registry, module, plugin);
  set_options (harness, plugin, options);
  harness->failed = mf_pipeline_load_text (pipeline, text) != MF_STATUS_OK;
  if (harness->failed)
    return;
  harness->node = g_ptr_array_index (pipeline->nodes, 0);
  drop_warnings (pipeline);
}

static void
refuse (MfHarness *harness, const char *reason)
{
  harness->failed = true;
  g_string_append (harness->why, reason);
}

MfHarness *
mf_harness_new (const MfDescriptor *plugin, const char *const *options)
{
  MfHarness *harness = harness_new ();
  g_autoptr (GString) why = g_string_new (NULL);
  harness->descriptors[0] = plugin;
  harness->module = (MfModule){ MF_MAGIC, sizeof (MfModule), MF_ABI_MAJOR, MF_ABI_MINOR, 0,
    plugin->id, MF_PLUGIN_VERSION, MF_PLUGIN_LICENCE, harness->descriptors };
  if (mf_module_check (&harness->module, why))
    load (harness, &harness->module, plugin, options);
  else
    refuse (harness, why->str);
  return harness;
}

static const MfDescriptor *
plugin_called (const MfModule *module, const char *id)
{
  const MfDescriptor *const *plugin = module->descriptors;
  while (*plugin && id && !g_str_equal ((*plugin)->id, id))
    plugin++;
  return *plugin;
}

MfHarness *
mf_harness_open (const char *path, const char *id, const char *const *options)
{
  MfHarness *harness = harness_new ();
  g_autoptr (GString) why = g_string_new (NULL);
  const MfModule *module = mf_module_open (path, why);
  const MfDescriptor *plugin = module ? plugin_called (module, id) : NULL;
  if (plugin)
    load (harness, module, plugin, options);
  else
    refuse (harness, module ? "the module has no plugin of that name" : why->str);
  return harness;
}

void
mf_harness_free (MfHarness *harness)
{
  mf_pipeline_free (harness->pipeline);
  g_ptr_array_free (harness->kept, TRUE);
  g_string_free (harness->remarks, TRUE);
  g_string_free (harness->why, TRUE);
  g_free (harness);
}

// ---- the life of the plugin

// Delivers what the callback has published, and tells whether all is well so far.
static bool
settle (MfHarness *harness, bool fine)
{
  mf_node_flush (harness->node);
  mf_router_drain (harness->pipeline);
  harness->failed |= !fine || atomic_load (&harness->node->failed);
  return !harness->failed;
}

static bool
call (MfHarness *harness, MfCallback callback, const char *doing)
{
  return settle (harness, mf_node_call (harness->node, callback, doing));
}

bool
mf_harness_start (MfHarness *harness)
{
  if (harness->failed)
    return false;
  harness->pipeline->start_ns = mf_monotonic_ns ();
  return call (harness, harness->node->plugin->descriptor->start, "start");
}

bool
mf_harness_collect (MfHarness *harness)
{
  return !harness->failed && call (harness, harness->node->plugin->descriptor->collect, "collect");
}

bool
mf_harness_finish (MfHarness *harness)
{
  if (harness->failed)
    return false;
  bool fine = call (harness, harness->node->plugin->descriptor->finish, "finish");
  mf_pipeline_report_refused_names (harness->pipeline);
  fine &= mf_diagnostics_errors (harness->pipeline->diagnostics) == 0;
  return settle (harness, fine && mf_outputs_commit (harness->node));
}

void
mf_harness_stop (MfHarness *harness)
{
  mf_nodes_stop (harness->pipeline);
}

// ---- what goes in

void
mf_harness_context (MfHarness *harness, const char *input, uint32_t epoch)
{
  harness->input = mf_harness_string (harness, input);
  harness->epoch = epoch;
}

void
mf_harness_lose (MfHarness *harness)
{
  harness->incomplete = true;
}

static const MfInput *
input_for (const MfNode *node, const MfType *type)
{
  const MfInput *in = node->plugin->descriptor->consumes;
  for (; in && (in->type || in->glob); in++)
    if (in->type ? mf_type_is_prefix (in->type, type) : mf_type_matches (in->glob, type->name))
      return in;
  return NULL;
}

static MfOpenBatch *
batch_of (MfHarness *harness, const MfType *type, const char *text, uint32_t text_size)
{
  MfMemory *memory = &harness->pipeline->memory;
  MfOpenBatch *open = mf_open_batch_new (memory, type);
  MfText all;
  if (open && text && !mf_open_batch_text (open, text, text_size, &all))
    g_clear_pointer (&open, mf_open_batch_unref);
  if (!open)
    return NULL;
  open->batch.stage = harness->input;
  open->batch.input = harness->input;
  open->batch.epoch = harness->epoch;
  open->batch.flags = harness->incomplete ? MF_BATCH_INCOMPLETE : 0;
  return open;
}

bool
mf_harness_push (MfHarness *harness, const MfType *type, const void *rows, uint32_t n_rows,
    const char *text, uint32_t text_size)
{
  const MfInput *in = harness->failed ? NULL : input_for (harness->node, type);
  const uint8_t *next = rows;
  if (harness->failed)
    return false;
  if (!in)
    return settle (harness, mf_node_fail (harness->node, NULL, "does not consume %s", type->name));
  while (n_rows && !harness->failed) {
    MfOpenBatch *open = batch_of (harness, type, text, text_size);
    if (!open)
      return settle (harness,
          mf_node_fail (harness->node, NULL, "not enough memory for a batch of %s", type->name));
    open->batch.n_rows = MIN (n_rows, open->capacity);
    memcpy (open->rows, next, (size_t) open->batch.n_rows * type->row_size);
    next += (size_t) open->batch.n_rows * type->row_size;
    n_rows -= open->batch.n_rows;
    settle (harness, mf_router_process (harness->node, in->process, open));
    mf_open_batch_unref (open);
  }
  return !harness->failed;
}

MfString
mf_harness_string (MfHarness *harness, const char *text)
{
  return (MfString){ mf_intern_add (harness->pipeline->strings, text, strlen (text)) };
}

const char *
mf_harness_string_text (const MfHarness *harness, MfString string)
{
  return mf_pipeline_string (harness->pipeline, string);
}

MfStack
mf_harness_stack (
    MfHarness *harness, MfStack caller, const char *function, const char *file, uint32_t line)
{
  MfFrame frame
      = { mf_harness_string (harness, function), mf_harness_string (harness, file), line, 0 };
  return harness->node ? mf_host.stack (harness->node->instance, caller, frame) : caller;
}

void
mf_harness_set_output (MfHarness *harness, const char *folder)
{
  mf_pipeline_set_output (harness->pipeline, folder);
}

// ---- looking at it

uint32_t
mf_harness_n_rows (const MfHarness *harness, const char *type)
{
  uint32_t n = 0;
  for (guint i = 0; i < harness->kept->len; i++) {
    const MfBatch *batch = &((const Kept *) g_ptr_array_index (harness->kept, i))->batch;
    n += g_str_equal (batch->type->name, type) ? batch->n_rows : 0;
  }
  return n;
}

const void *
mf_harness_row (const MfHarness *harness, const char *type, uint32_t index, const MfBatch **of)
{
  for (guint i = 0; i < harness->kept->len; i++) {
    const MfBatch *batch = &((const Kept *) g_ptr_array_index (harness->kept, i))->batch;
    if (!g_str_equal (batch->type->name, type))
      continue;
    if (of)
      *of = batch;
    if (index < batch->n_rows)
      return batch->rows + (size_t) index * batch->stride;
    index -= batch->n_rows;
  }
  return NULL;
}

const char *
mf_harness_errors (MfHarness *harness)
{
  return harness->why->len ? harness->why->str : mf_pipeline_errors (harness->pipeline);
}

const char *
mf_harness_remarks (const MfHarness *harness)
{
  return harness->remarks->str;
}

// ---- what goes wrong

void
mf_harness_fail_allocation (MfHarness *harness, uint64_t n)
{
  MfMemory *memory = &harness->pipeline->memory;
  memory->fail_at = n ? atomic_load (&memory->requests) + n : 0;
}

bool
mf_harness_allocation_failed (const MfHarness *harness)
{
  const MfMemory *memory = &harness->pipeline->memory;
  return memory->fail_at && atomic_load (&memory->requests) >= memory->fail_at;
}

void
mf_harness_refuse_after (MfHarness *harness, uint64_t n)
{
  harness->refuse_at = harness->kept->len + n;
  if (n == 0)
    atomic_store (&harness->pipeline->stop_requests, 2);
}

uint64_t
mf_harness_peak (const MfHarness *harness)
{
  return atomic_load (&harness->pipeline->memory.peak);
}

void
mf_assert_peak (const MfHarness *harness, uint64_t bytes)
{
  uint64_t peak = mf_harness_peak (harness);
  if (peak <= bytes)
    return;
  fprintf (stderr,
      "peak of input-dependent memory: %" G_GUINT64_FORMAT " bytes, more than %" G_GUINT64_FORMAT
      "\n",
      peak, bytes);
  abort ();
}
