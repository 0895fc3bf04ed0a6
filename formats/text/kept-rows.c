// SPDX-License-Identifier: Apache-2.0
// Rows that outlive their batch.
#include "kept-rows.h"

#include <glib.h>

typedef struct {
  uint8_t *bytes; // the row, and behind it its texts
  uint32_t text_size;
} Slot;

struct MfKeptRows {
  const MfType *type;
  MfMemory memory;
  Slot *slots; // a ring of `limit`, allocated with the first row
  uint32_t limit, n, first;
  bool last;
  uint64_t seen;
};

MfKeptRows *
mf_kept_rows_new (const MfType *type, uint32_t limit, bool last, MfMemory memory)
{
  MfKeptRows *kept = g_new0 (MfKeptRows, 1);
  *kept = (MfKeptRows){ .type = type, .memory = memory, .limit = limit, .last = last };
  return kept;
}

void
mf_kept_rows_clear (MfKeptRows *kept)
{
  kept->n = kept->first = 0;
  kept->seen = 0;
}

void
mf_kept_rows_free (MfKeptRows *kept)
{
  for (uint32_t i = 0; kept->slots && i < kept->limit; i++)
    if (kept->slots[i].bytes)
      kept->memory.resize (kept->memory.user, kept->slots[i].bytes, 0);
  if (kept->slots)
    kept->memory.resize (kept->memory.user, kept->slots, 0);
  g_free (kept);
}

static bool
have_slots (MfKeptRows *kept)
{
  if (kept->slots)
    return true;
  size_t bytes = kept->limit * sizeof (Slot);
  kept->slots = kept->memory.resize (kept->memory.user, NULL, bytes);
  if (kept->slots)
    memset (kept->slots, 0, bytes);
  return kept->slots != NULL;
}

static bool
is_text (const MfType *type, const MfField *field)
{
  return field->kind == MF_TEXT && mf_field_fits (type, field);
}

static MfText
text_at (const uint8_t *row, const MfField *field)
{
  MfText text;
  memcpy (&text, row + field->offset, sizeof text);
  return text;
}

static uint32_t
kept_length (const MfBatch *batch, MfText text)
{
  return mf_text_inside (batch, text) ? MIN (text.length, (uint32_t) MF_KEPT_TEXT) : 0;
}

static uint32_t
texts_size (const MfType *type, const MfBatch *batch, const uint8_t *row)
{
  uint32_t size = 0;
  for (uint32_t i = 0; i < type->n_fields; i++)
    if (is_text (type, &type->fields[i]))
      size += kept_length (batch, text_at (row, &type->fields[i]));
  return size;
}

// Copies the texts behind the row and lets the copy's fields refer to them. A text outside its
// arena keeps its offset, so that it stays unknown.
static void
copy_texts (Slot *slot, const MfType *type, const MfBatch *batch, const uint8_t *row)
{
  uint32_t at = 0;
  for (uint32_t i = 0; i < type->n_fields; i++) {
    const MfField *field = &type->fields[i];
    if (!is_text (type, field))
      continue;
    MfText text = text_at (row, field), copy = { at, kept_length (batch, text) };
    if (!mf_text_inside (batch, text))
      copy = (MfText){ UINT32_MAX, 1 };
    else
      memcpy (slot->bytes + type->row_size + at, mf_batch_text (batch, text), copy.length);
    memcpy (slot->bytes + field->offset, &copy, sizeof copy);
    at += mf_text_inside (batch, text) ? copy.length : 0;
  }
}

static bool
fill_slot (MfKeptRows *kept, Slot *slot, const MfBatch *batch, const uint8_t *row)
{
  uint32_t text_size = texts_size (kept->type, batch, row);
  uint8_t *bytes = kept->memory.resize (
      kept->memory.user, slot->bytes, (size_t) kept->type->row_size + text_size + 1);
  if (!bytes)
    return false;
  *slot = (Slot){ bytes, text_size };
  memcpy (bytes, row, kept->type->row_size);
  copy_texts (slot, kept->type, batch, row);
  return true;
}

bool
mf_kept_rows_add (MfKeptRows *kept, const MfBatch *batch, const uint8_t *row)
{
  kept->seen++;
  if (kept->limit == 0 || (kept->n == kept->limit && !kept->last))
    return true;
  if (!have_slots (kept))
    return false;
  Slot *slot = &kept->slots[(kept->first + kept->n) % kept->limit];
  if (!fill_slot (kept, slot, batch, row))
    return false;
  if (kept->n == kept->limit)
    kept->first = (kept->first + 1) % kept->limit;
  else
    kept->n++;
  return true;
}

uint32_t
mf_kept_rows_n (const MfKeptRows *kept)
{
  return kept->n;
}

uint64_t
mf_kept_rows_seen (const MfKeptRows *kept)
{
  return kept->seen;
}

MfBatch
mf_kept_rows_get (const MfKeptRows *kept, uint32_t i)
{
  const Slot *slot = &kept->slots[(kept->first + i) % kept->limit];
  return (MfBatch){ .type = kept->type,
    .rows = slot->bytes,
    .n_rows = 1,
    .stride = kept->type->row_size,
    .text = (const char *) slot->bytes + kept->type->row_size,
    .text_size = slot->text_size };
}
