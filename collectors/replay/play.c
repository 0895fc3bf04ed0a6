// SPDX-License-Identifier: Apache-2.0
// Publishes rows as they were recorded: their order within a type and across types, their input and
// epoch.
#include "replay.h"

#include "rows.h"

// What a field holds that the capture did not have yet: not known, or nothing.
static void
fill_missing (const MfType *type, uint32_t from, uint8_t *row)
{
  for (uint32_t i = from; i < type->n_fields; i++) {
    const MfField *field = &type->fields[i];
    bool unknown
        = field->kind == MF_ADDRESS || field->kind == MF_SIZE || field->flags & MF_FIELD_OPTIONAL;
    memset (row + field->offset, unknown ? 0xff : 0, field->width);
    if (field->kind == MF_TIME)
      memcpy (row + field->offset, &MF_TIME_NONE, field->width);
  }
}

static bool
put_row (Replay *replay, const Output *output, const MfBatch *batch, const uint8_t *from,
    uint32_t n_texts)
{
  uint8_t *row = replay->row;
  memcpy (row, from, batch->type->row_size);
  fill_missing (output->type, batch->type->n_fields, row);
  for (uint32_t i = 0; i < n_texts; i++) {
    uint8_t *at = row + batch->type->fields[replay->texts[i]].offset;
    MfText text;
    memcpy (&text, at, sizeof text);
    text = output->port->host->text (output->port, mf_batch_text (batch, text), text.length);
    memcpy (at, &text, sizeof text);
  }
  return mf_port_put (output->port, row, output->type->row_size);
}

// Rows that need no change, as many at once as the open batch takes.
static bool
put_rows (const Output *output, const MfBatch *batch)
{
  const uint8_t *from = batch->rows, *end = from + (size_t) batch->n_rows * batch->stride;
  while (from < end) {
    uint8_t *to = mf_port_reserve (output->port);
    if (!to)
      return false;
    size_t room = (size_t) (output->port->end - to), n = (size_t) (end - from);
    n = n < room ? n : room;
    memcpy (to, from, n);
    output->port->next += n;
    from += n;
  }
  return true;
}

static bool
replay_log (Replay *replay, const MfBatch *batch)
{
  for (uint32_t i = 0; i < batch->n_rows && batch->type->row_size == sizeof (MfLog); i++) {
    const MfLog *row = (const void *) (batch->rows + (size_t) i * batch->stride);
    uint32_t severity = row->severity <= MF_LOG_ERROR ? row->severity : MF_LOG_ERROR;
    mf_log (replay, severity, "recorded: %s: %.*s", mf_string_text (replay, row->stage),
        (int) row->text.length, mf_batch_text (batch, row->text));
  }
  return true;
}

bool
replay_batch (Replay *replay, const MfBatch *batch)
{
  if (!strncmp (batch->type->name, "core.", 5))
    return strcmp (batch->type->name, MfLog_type.name) || replay_log (replay, batch);
  const Output *output = replay_output_for (replay, batch->type);
  if (!output) {
    mf_lost (replay, batch->type->name, batch->n_rows, MF_LOST_REFUSED);
    return true;
  }
  if (replay->last && output != replay->last && !mf_flush (replay))
    return false;
  replay->last = output;
  replay->epoch = batch->epoch;
  mf_context (replay, batch->input, batch->epoch);
  uint32_t n_texts = mf_row_fields_of (batch->type, 1u << MF_TEXT, replay->texts);
  if (!n_texts && batch->type->n_fields == output->type->n_fields)
    return put_rows (output, batch);
  for (uint32_t i = 0; i < batch->n_rows; i++)
    if (!put_row (replay, output, batch, batch->rows + (size_t) i * batch->stride, n_texts))
      return false;
  return true;
}
