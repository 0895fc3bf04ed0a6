// SPDX-License-Identifier: Apache-2.0
// Inside of the writer: writer.c fills blocks with records, alloc-write.c codes alloc.event rows,
// which become a record when something else is to be written.
#pragma once

#include "alloc-code.h"
#include "crc32c.h"
#include "layout.h"
#include "pack.h"

enum { CHAIN = 512 };      // frames of a stack that are defined in one walk
enum { ROW_ROOM = 128 };   // the most bytes that one coded row needs
enum { STREAM_ROOM = 64 }; // and in one of its streams

// Ids that the open block defines: open addressing, 0 = empty slot.
typedef struct {
  uint32_t *ids, mask, n;
} IdSet;

typedef struct {
  const MfType *type;
  uint32_t schema;
} SeenType;

typedef struct {
  const MfType *type;
  uint64_t rows, block; // written so far; number + 1 of the last block that defines it
  bool codable;
} Schema;

// An allocation of the open block, by its address.
typedef struct {
  uint64_t address;
  uint32_t number; // among all of the block
  uint16_t domain, list;
} Home;

typedef struct {
  uint8_t *start, *at, *end;
} Stream;

// The rows that are being coded. They are in no record yet.
typedef struct {
  Model model;
  Home *homes;
  uint32_t home_mask, resolution; // ns
  Stream streams[CODED_STREAMS];
  uint8_t changed[CODE_ROWS_MAX / 8]; // a bit for each row: its time is not that of the row before
  uint32_t rows, most_rows, rows_end; // so far; at most; as many as there certainly is room for
  bool fresh;                         // the model is as at the start of a block
  uint32_t schema;
  MfBatch origin; // stage, input, epoch and flags of the rows
} Coder;

struct MfWireWriter {
  MfWireWriting to;
  MfCrcTable crc;
  uint8_t *raw, *stored;
  MfPacker packer;
  uint32_t capacity, target, used, block_rows;
  uint32_t sealed, sum; // end of the last seal, and the checksum that it holds
  uint64_t sequence, rows, refused;
  bool begun, failed, foreign, has_text, coded; // coded: rows since the last seal are
  Coder coder;
  IdSet strings, stacks;
  uint32_t chain[CHAIN];
  uint16_t special[MF_WIRE_FIELDS_MAX];
  SeenType *seen;
  Schema *schemas;
  uint32_t most_types, n_seen, n_schemas, n_special;
};

// ---- writer.c

typedef enum { FITS, NO_ROOM, REFUSED } Fit;

// Bytes that `planned` more may have beside them; negative = they do not fit. The first row of a
// block may need all of it; later ones end it at the target.
int64_t mf_wire_room (const MfWireWriter *w, size_t planned);

// Adds a record to the open block, which has room for it: its body.
uint8_t *mf_wire_put_record (MfWireWriter *w, uint16_t kind, size_t length);

// Begins rows: writes the header of the file, seals what is to be sealed.
void mf_wire_begin_rows (MfWireWriter *w);

// Define what is not defined in this block yet, beside bytes that are planned.
Fit mf_wire_define_origin (MfWireWriter *w, const MfBatch *batch, uint32_t schema);
Fit mf_wire_define_string (MfWireWriter *w, size_t planned, uint32_t id);
Fit mf_wire_define_stack (MfWireWriter *w, size_t planned, uint32_t id);

// Fills the members that all batches begin with, and counts the n rows.
void mf_wire_put_batch_head (
    MfWireWriter *w, uint8_t *body, const MfBatch *origin, uint32_t schema, uint32_t n);

bool mf_wire_close_block (MfWireWriter *w);
bool mf_wire_refuse (MfWireWriter *w, const MfType *type, MfString stage, uint64_t n);

// The number of the type's schema; MF_WIRE_SCHEMAS_MAX = the capture cannot carry it.
uint32_t mf_wire_schema_of (MfWireWriter *w, const MfType *type);

// ---- alloc-write.c

// Bytes of memory for the coder of a writer of this capacity; `memory` is that many.
size_t mf_coder_bytes (uint32_t capacity);
void mf_coder_init (Coder *coder, uint32_t capacity, void *memory);

// A block begins: nothing is known.
void mf_coder_restart (Coder *coder);

// Makes a record of the rows that are coded, if there are any.
void mf_coder_flush (MfWireWriter *w);

// Codes the rows of a batch of this schema.
bool mf_coder_write_batch (MfWireWriter *w, const MfBatch *batch, uint32_t schema);
