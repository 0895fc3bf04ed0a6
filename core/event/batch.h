// SPDX-License-Identifier: Apache-2.0
// A batch under its owner's hands: filled by one stage, then immutable and shared by reference.
#pragma once

#include <glib.h>

#include <memflow/event.h>

#include "base/memory.h"

typedef struct {
  MfBatch batch; // what consumers see
  _Atomic uint32_t refs;
  uint32_t capacity;  // rows
  uint32_t text_room; // bytes allocated for the arena
  MfMemory *memory;
  uint8_t *rows;
  char *text;
} MfOpenBatch;

enum { MF_TEXT_MAX = 1 << 20 }; // bytes of one text; longer ones are cut

// An empty batch with room for MF_BATCH_MAX_ROWS or MF_BATCH_MAX_BYTES; NULL without memory.
MfOpenBatch *mf_open_batch_new (MfMemory *memory, const MfType *type);
MfOpenBatch *mf_open_batch_ref (MfOpenBatch *open);
void mf_open_batch_unref (MfOpenBatch *open);

// Copies bytes to the arena. False without memory: then `*text` is empty.
bool mf_open_batch_text (MfOpenBatch *open, const char *bytes, size_t n, MfText *text);

// Bytes of rows and arena: what a queue counts.
size_t mf_open_batch_bytes (const MfOpenBatch *open);
