// SPDX-License-Identifier: Apache-2.0
// A batch under its owner's hands.
#include "event/batch.h"

MfOpenBatch *
mf_open_batch_new (MfMemory *memory, const MfType *type)
{
  uint32_t capacity = CLAMP (MF_BATCH_MAX_BYTES / type->row_size, 1, MF_BATCH_MAX_ROWS);
  MfOpenBatch *open = mf_memory_resize (memory, NULL, sizeof *open);
  if (!open)
    return NULL;
  *open = (MfOpenBatch){
    .batch = { .type = type, .stride = type->row_size },
    .capacity = capacity,
    .memory = memory,
    .refs = 1,
  };
  open->rows = mf_memory_resize (memory, NULL, (size_t) capacity * type->row_size);
  open->batch.rows = open->rows;
  if (!open->rows) {
    mf_open_batch_unref (open);
    return NULL;
  }
  return open;
}

MfOpenBatch *
mf_open_batch_ref (MfOpenBatch *open)
{
  atomic_fetch_add_explicit (&open->refs, 1, memory_order_relaxed);
  return open;
}

void
mf_open_batch_unref (MfOpenBatch *open)
{
  if (!open || atomic_fetch_sub_explicit (&open->refs, 1, memory_order_acq_rel) != 1)
    return;
  mf_memory_resize (open->memory, open->rows, 0);
  mf_memory_resize (open->memory, open->text, 0);
  mf_memory_resize (open->memory, open, 0);
}

static bool
reserve_text (MfOpenBatch *open, size_t n)
{
  size_t needed = open->batch.text_size + n;
  if (needed <= open->text_room)
    return true;
  if (needed > UINT32_MAX / 2)
    return false;
  uint32_t room = MAX (open->text_room * 2, 1024u);
  while (room < needed)
    room *= 2;
  char *text = mf_memory_resize (open->memory, open->text, room);
  if (!text)
    return false;
  open->text = text;
  open->batch.text = text;
  open->text_room = room;
  return true;
}

bool
mf_open_batch_text (MfOpenBatch *open, const char *bytes, size_t n, MfText *text)
{
  *text = (MfText){ 0, 0 };
  n = MIN (n, (size_t) MF_TEXT_MAX);
  if (!reserve_text (open, n))
    return false;
  if (n)
    memcpy (open->text + open->batch.text_size, bytes, n);
  *text = (MfText){ open->batch.text_size, (uint32_t) n };
  open->batch.text_size += (uint32_t) n;
  return true;
}

size_t
mf_open_batch_bytes (const MfOpenBatch *open)
{
  return sizeof *open + (size_t) open->batch.n_rows * open->batch.stride + open->batch.text_size;
}
