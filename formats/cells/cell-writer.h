// SPDX-License-Identifier: Apache-2.0
// Rows as text, by schema alone: for a type an array of small functions is chosen once, so that a
// row is written without asking again what its fields are.
#pragma once

#include "buffer.h"
#include "fields.h"
#include "names.h"

// What makes a cell of CSV another than one of JSON. The functions append one whole cell.
typedef struct MfCellStyle MfCellStyle;
struct MfCellStyle {
  const char *unknown; // "" or null
  const char *row_end;
  char separator; // for `prefix`
  bool quoted_addresses;
  void (*prefix) (const MfCellStyle *style, const MfType *type, uint32_t field, MfBuffer *to);
  void (*text) (MfBuffer *to, const char *bytes, size_t n);
  void (*stack) (MfBuffer *to, const MfNames *names, MfStack stack);
  void (*flags) (MfBuffer *to, const MfField *field, uint32_t bits);
};

// Rendered names, so that one that repeats is looked up and escaped once. One for each output
// stage: it depends on the style. Zeroed = empty.
typedef struct {
  struct MfNameSlot *strings;
  struct MfStackSlot *stacks;
} MfNameCache;

void mf_name_cache_free (MfNameCache *cache, MfMemory memory);

// Where full buffers go. False = stop.
typedef struct {
  void *user;
  bool (*write) (void *user, const char *bytes, size_t n);
} MfSink;

typedef struct MfCellWriter MfCellWriter;

// The type and the style are borrowed. A field that does not fit its row is written as unknown.
MfCellWriter *mf_cell_writer_new (const MfType *type, const MfCellStyle *style);
void mf_cell_writer_free (MfCellWriter *writer);

// What one call of mf_cell_writer_rows needs beside the batch. `lead` begins each row.
typedef struct {
  const MfNames *names;
  MfNameCache *cache;
  MfBuffer *out; // working space; empty afterwards
  const char *lead;
  size_t lead_length;
  MfSink sink;
} MfRowJob;

typedef enum {
  MF_ROWS_WRITTEN,
  MF_ROWS_NO_MEMORY, // the buffer could not grow
  MF_ROWS_STOPPED,   // the sink said so
  MF_ROWS_MISFIT     // the batch's rows are shorter than its schema: nothing was written
} MfRowsResult;

// Writes the rows of a batch whose schema is, or begins with, the writer's type. The sink receives
// whole rows, at least once, some 64 KiB at a time.
MfRowsResult mf_cell_writer_rows (MfCellWriter *writer, const MfBatch *batch, const MfRowJob *job);

// Appends the shortest decimal form that reads back as the same number; the value must be finite.
void mf_put_real (MfBuffer *to, double value);
