// SPDX-License-Identifier: Apache-2.0
// The format `json`: one document for each run, or one object for each row. Glue only, the
// algorithms are in json-cells.c and json-document.c.
#include <memflow/plugin.h>

#include <glib.h>

#include "cells/services.h"
#include "json-document.h"

enum { DOCUMENT, LINES };

typedef struct {
  MfStage stage;
  uint32_t mode;
  MfOutputName path;

  MfOutput *output;
  GHashTable *writers; // const MfType * -> MfCellWriter
  GPtrArray *types;    // const MfType *, borrowed
  MfCellStyle style, stage_style;
  MfNames names;
  MfNameCache cache;
  MfBuffer out, lead, stages;
  MfLosses losses;
  bool any_event;
  uint64_t rows;
} Json;

static void
free_writer (void *writer)
{
  mf_cell_writer_free (writer);
}

static bool
open_output (Json *json)
{
  g_autofree char *usual
      = g_strconcat (mf_run (json)->name, json->mode == LINES ? ".jsonl" : ".json", NULL);
  json->output = mf_output (json, json->path.name ? json->path.name : usual);
  return json->output != NULL;
}

static bool
write_out (Json *json)
{
  if (json->out.failed)
    return mf_fail (json, "cannot write the report: out of memory");
  bool written = mf_write (json, json->output, json->out.bytes, json->out.length);
  json->out.length = 0;
  return written;
}

static bool
json_start (void *stage)
{
  Json *json = stage;
  const MfRunFacts *run = mf_run (json);
  json->writers = g_hash_table_new_full (NULL, NULL, NULL, free_writer);
  json->types = g_ptr_array_new ();
  json->style = mf_json_style (json->mode == LINES ? "}}\n" : "}}");
  json->stage_style = mf_json_style ("}");
  json->names = mf_names_of_stage (json);
  mf_buffer_init (&json->out, mf_memory_of_stage (json));
  mf_buffer_init (&json->lead, mf_memory_of_stage (json));
  mf_buffer_init (&json->stages, mf_memory_of_stage (json));
  if (!open_output (json))
    return false;
  if (json->mode == LINES)
    return true;
  mf_json_head (&json->out, run->version, run->name, run->configuration, run->deterministic);
  return write_out (json);
}

// In a document the statistics of stages stand behind the events, as plain objects.
static bool
stands_apart (const Json *json, const MfType *type)
{
  return json->mode == DOCUMENT && strcmp (type->name, MfStageStats_type.name) == 0;
}

static MfCellWriter *
writer_for (Json *json, const MfType *type)
{
  MfCellWriter *writer = g_hash_table_lookup (json->writers, type);
  if (writer)
    return writer;
  writer = mf_cell_writer_new (type, stands_apart (json, type) ? &json->stage_style : &json->style);
  g_hash_table_insert (json->writers, (gpointer) type, writer);
  g_ptr_array_add (json->types, (gpointer) type);
  return writer;
}

static bool
write_rows (void *user, const char *bytes, size_t n)
{
  Json *json = user;
  return mf_write (json, json->output, bytes, n);
}

// In a document each row begins with a comma; that of the very first one is dropped.
static bool
write_events (void *user, const char *bytes, size_t n)
{
  Json *json = user;
  size_t comma = json->any_event ? 0 : 1;
  json->any_event = true;
  return mf_write (json, json->output, bytes + comma, n - comma);
}

// There are as many rows of statistics as stages.
static bool
keep_stages (void *user, const char *bytes, size_t n)
{
  Json *json = user;
  size_t comma = json->stages.length > 0 ? 0 : 1;
  mf_buffer_put (&json->stages, bytes + comma, n - comma);
  return !json->stages.failed || mf_fail (json, "not enough memory for the statistics of stages");
}

static bool
take_rows (Json *json, const MfBatch *batch, const char *lead, size_t n,
    bool (*write) (void *, const char *, size_t))
{
  MfRowJob job = { &json->names, &json->cache, &json->out, lead, n, { json, write } };
  return mf_rows_check (
      json, batch, mf_cell_writer_rows (writer_for (json, batch->type), batch, &job));
}

static bool
json_take (void *stage, const MfBatch *batch)
{
  Json *json = stage;
  if (batch->n_rows == 0)
    return true;
  mf_losses_see (&json->losses, batch);
  if (stands_apart (json, batch->type))
    return take_rows (json, batch, ",\n {", 4, keep_stages);
  json->rows += batch->n_rows;
  mf_output_count (json, json->output, json->rows);
  json->lead.length = 0;
  if (json->mode == DOCUMENT)
    mf_buffer_put_text (&json->lead, ",\n");
  mf_json_lead (&json->lead, &json->names, batch);
  if (json->lead.failed)
    return mf_rows_check (json, batch, MF_ROWS_NO_MEMORY);
  if (json->mode == DOCUMENT)
    return take_rows (json, batch, json->lead.bytes, json->lead.length, write_events);
  return take_rows (json, batch, json->lead.bytes, json->lead.length, write_rows)
         && mf_output_flush (json, json->output);
}

static bool
json_finish (void *stage)
{
  Json *json = stage;
  if (json->mode == LINES)
    return true;
  mf_json_tail (&json->out, &json->names, (const MfType *const *) json->types->pdata,
      json->types->len, &json->losses, &json->stages);
  return write_out (json);
}

static void
json_stop (void *stage)
{
  Json *json = stage;
  g_clear_pointer (&json->writers, g_hash_table_unref);
  g_clear_pointer (&json->types, g_ptr_array_unref);
  if (json->out.memory.resize) {
    mf_name_cache_free (&json->cache, json->out.memory);
    mf_buffer_free (&json->out);
    mf_buffer_free (&json->lead);
    mf_buffer_free (&json->stages);
  }
}

static const char help[]
    = "mode = document writes one JSON document for the run, in constant memory: what\n"
      "was run, the events in the order of their arrival, the schema of every type\n"
      "that occurs, what was lost, what each stage did and how the run ended.\n"
      "docs/report.schema.json describes it. mode = lines writes one object for each\n"
      "event as it comes, for jq, tail -f and data frames.\n\n"
      "An event is {\"type\", \"major\", \"input\", \"stage\", \"epoch\", \"row\":\n"
      "{its fields}}. Unknown values are null, addresses and bits are text (0x...),\n"
      "flags an array of labels, stacks an array of frames, innermost first. Integers\n"
      "are exact up to 64 bits. A byte that is no UTF-8 becomes U+FFFD.";

// clang-format off
MF_PLUGIN (Json, "json", .kind = MF_FORMAT,
  .summary = "a JSON document of the run, or JSON Lines of every event",
  .help = help,
  MF_OPTIONS (
    MF_CHOICE (Json, mode, "document", "one document, or one object a line", "document", "lines"),
    MF_OPTION (Json, path, NULL,
      "output file, - for stdout; NAME.json or NAME.jsonl when not set")),
  MF_CONSUMES (MF_INPUT_ANY ("*", json_take)),
  .start = json_start, .finish = json_finish, .stop = json_stop);
// clang-format on
