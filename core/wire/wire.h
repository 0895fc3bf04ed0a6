// SPDX-License-Identifier: Apache-2.0
// The capture format: batches of rows with their schemas and names as bytes, and back.
// C11 and libc only (zstd is a compile-time option), no heap of its own. docs/wire-format.md is the
// format.
#pragma once

#include <memflow/events.h>

enum { MF_WIRE_MAJOR = 1, MF_WIRE_MINOR = 1 };

// Limits of the format. A reader refuses what exceeds them, a writer does not write it.
enum {
  MF_WIRE_BLOCK_TARGET
  = 256 * 1024,                  // a block is closed before it exceeds this, one large row excepted
  MF_WIRE_BLOCK_MIN = 16 * 1024, // the smallest buffer of a writer
  MF_WIRE_BLOCK_MAX = 1024 * 1024,
  MF_WIRE_STRING_MAX = 64 * 1024,
  MF_WIRE_SCHEMAS_MAX = 1024,
  MF_WIRE_FIELDS_MAX = 4096,
  MF_WIRE_ROW_MAX = 64 * 1024,
  MF_WIRE_NAME_MAX = 127,                     // of a type, a field
  MF_WIRE_SCHEMA_BYTES_MAX = 16 * 1024 * 1024 // of all schemas of one capture, decoded
};

// Rows that are known to be lost. reason: MF_LOST_*. Consumer "" = nobody got them.
typedef struct {
  const char *type, *stage, *consumer;
  uint64_t count;
  uint32_t reason;
} MfWireLoss;

// ---- writing

typedef struct MfWireWriter MfWireWriter;

typedef struct {
  void *user;
  // Takes the next bytes of the capture; false = they cannot be written, the writer gives up.
  bool (*write) (void *user, const void *bytes, size_t n);
  // The text of an interned string and its length; NULL = unknown id.
  const char *(*string) (void *user, MfString string, size_t *n);
  // The innermost call site of a stack and the rest of it; false = unknown id.
  bool (*frame) (void *user, MfStack stack, MfFrame *frame, MfStack *caller);
  uint32_t block_bytes; // size of the block buffer: MF_WIRE_BLOCK_MIN to MF_WIRE_BLOCK_MAX; 0 = the
                        // latter
  int level;            // of zstd; 0 = not compressed
  bool swapped;         // rows are in the byte order that this host does not have
  uint32_t resolution;  // ns to which times of alloc.event rows are rounded down; 0 = not at all
  uint32_t types;       // most event types that it writes; 0 = MF_WIRE_SCHEMAS_MAX
} MfWireWriting;

// Bytes of memory that a writer of this kind needs; aligned for any type. Everything that it will
// ever use.
size_t mf_wire_writer_bytes (const MfWireWriting *writing);

// Makes a writer in the caller's memory, which the caller frees when he is done; nothing is to be
// closed.
MfWireWriter *mf_wire_writer_init (void *memory, const MfWireWriting *writing);

// Each returns false when `write` has failed; nothing is written any more then.
// A row that the format cannot carry (its names exceed a block, an id is unknown) is recorded as a
// loss.
// Rows of alloc.event with the members of MfAlloc are coded.
bool mf_wire_write_batch (MfWireWriter *writer, const MfBatch *batch);

// The same for alloc.event rows one by one, without a batch: where the following ones are from
// (without which they are from nowhere), and one row, in the byte order of the host.
void mf_wire_write_context (MfWireWriter *writer, MfString stage, MfString input, uint32_t epoch);
bool mf_wire_write_alloc (MfWireWriter *writer, const MfAlloc *row);
// Many of them. Each is counted in *written when it has been written: what `write` gets meanwhile
// does not hold it.
bool mf_wire_write_allocs (
    MfWireWriter *writer, const MfAlloc *rows, uint32_t n, uint64_t *written);

bool mf_wire_write_loss (MfWireWriter *writer, const MfWireLoss *loss);
bool mf_wire_write_fact (MfWireWriter *writer, const char *key, const char *value);
bool mf_wire_write_flush (MfWireWriter *writer); // closes the open block
bool mf_wire_write_end (MfWireWriter *writer);   // totals: proves that a capture is complete

// Rows written, and rows refused.
uint64_t mf_wire_writer_rows (const MfWireWriter *writer);
uint64_t mf_wire_writer_refused (const MfWireWriter *writer);

// ---- reading

typedef struct MfWireReader MfWireReader;

typedef struct {
  void *user;
  // Up to n bytes of the capture: how many; 0 = its end; negative = they cannot be read.
  int64_t (*read) (void *user, void *bytes, size_t n);
  // NULL = no memory. resize (…, old, 0) frees.
  void *(*resize) (void *user, void *old, size_t bytes);
  // Called for each definition of a block: rows are delivered with the ids that these return.
  // Both NULL = rows keep the ids of the capture.
  MfString (*string) (void *user, const char *text, size_t n);
  MfStack (*stack) (void *user, MfStack caller, MfFrame frame);
  bool swapped; // deliver rows in the byte order that this host does not have
  bool no_rows; // deliver no batches: to learn quickly which types there are
} MfWireReading;

typedef enum {
  MF_WIRE_SCHEMA,  // item.type: seen for the first time; lives as long as the reader
  MF_WIRE_BATCH,   // item.batch, until the next call
  MF_WIRE_LOSS,    // item.loss: recorded when the capture was written
  MF_WIRE_FACT,    // item.key, item.value: of the run that was captured
  MF_WIRE_MISSING, // item.loss: rows that are not in the capture although they were written
  MF_WIRE_DAMAGE,  // item.damage: bytes that could not be used
  MF_WIRE_END,     // the capture is whole up to here and was ended by its writer
  MF_WIRE_DONE,    // nothing follows
  MF_WIRE_FAILED   // mf_wire_reader_error says why
} MfWireItemKind;

typedef struct {
  uint64_t offset, length; // bytes of the capture; length 0 = something should stand there
  uint64_t blocks;         // numbered blocks that are missing here
  const char *reason;
} MfWireDamage;

typedef struct {
  MfWireItemKind kind;
  const MfType *type;
  MfBatch batch;
  MfWireLoss loss;
  MfWireDamage damage;
  const char *key, *value;
} MfWireItem;

// NULL = no memory. Free with mf_wire_reader_free, which frees all types that it delivered.
MfWireReader *mf_wire_reader_new (const MfWireReading *reading);
void mf_wire_reader_free (MfWireReader *reader);

// The next item in the order of the capture. Returns item->kind.
MfWireItemKind mf_wire_read (MfWireReader *reader, MfWireItem *item);

// Bytes of the capture that are done with.
uint64_t mf_wire_reader_offset (const MfWireReader *reader);

// A sentence without a subject: "is in format 2.0, ..."
const char *mf_wire_reader_error (const MfWireReader *reader);

// Records of kinds that this version does not know; they were skipped.
uint64_t mf_wire_reader_skipped (const MfWireReader *reader);

// Is this the beginning of a capture? 0 = no … 100 = certainly.
int mf_wire_probe (const uint8_t *head, size_t n);
