// SPDX-License-Identifier: Apache-2.0
// Inside of the reader: reader.c finds sound blocks in the stream, salvage.c the sound beginnings
// of damaged ones, records.c decodes what is in them, alloc-read.c coded rows.
#pragma once

#include "alloc-read.h"
#include "crc32c.h"
#include "layout.h"
#include "id-map.h"

enum { STRINGS_MAX = MF_WIRE_BLOCK_MAX / 16 };
enum { STACKS_MAX = MF_WIRE_BLOCK_MAX / (RECORD_HEADER + FRAME_BODY) };
enum { STRING_SLOTS = 2 * STRINGS_MAX, STACK_SLOTS = 2 * STACKS_MAX };
enum { INPUT_BYTES = MF_WIRE_BLOCK_MAX + 2 * BLOCK_HEADER }; // a block and the header behind it
enum { TEXT_BYTES = 4096 };                                  // the longest value of a fact

// One schema of the capture and how many of its rows have gone by, delivered or reported missing.
typedef struct {
  MfType *type;
  uint8_t *bytes; // as in the capture: a repetition must be equal
  uint32_t n_bytes;
  uint64_t rows;
} Stream;

struct MfWireReader {
  MfWireReading from;
  MfCrcTable crc;
  uint8_t *input, *raw;
  void *unpacker;

  // the stream
  size_t input_at, input_end; // unread bytes in `input`
  uint64_t offset;            // of input_at in the capture
  bool at_eof, begun, ended, newer, foreign, told_end;
  uint64_t sequence;  // the number that the next block should have
  uint64_t damage_at; // start of the damaged bytes before `offset`, while `damaged`
  bool damaged;
  const char *damage_reason;

  // the open block
  uint64_t block_at;
  uint32_t raw_at, raw_end, block_bytes;
  const char *malformed; // what is wrong with its record
  MfIdMap strings, stacks;
  AllocReader *allocs;

  Stream streams[MF_WIRE_SCHEMAS_MAX];
  size_t schema_bytes;
  uint64_t skipped;
  uint16_t special[MF_WIRE_FIELDS_MAX];
  char text[3][TEXT_BYTES + 1];
  char error[256];
};

typedef struct {
  uint8_t kind, flags;
  uint32_t stored, raw, crc;
  uint64_t sequence;
} BlockHeader;

// Unpacks what can be had of a damaged block, of which n stored bytes are there, into r->raw: the
// length of the records whose seals are right.
uint32_t mf_wire_salvage (
    MfWireReader *r, const BlockHeader *header, const uint8_t *stored, size_t n);

// What a record came to.
typedef enum {
  RECORD_DONE,      // nothing to deliver
  RECORD_ITEM,      // *item is to be delivered, the record is done
  RECORD_AGAIN,     // *item is to be delivered, then the record is to be read once more
  RECORD_MALFORMED, // r->malformed says why
  RECORD_FAILED     // r->error says why
} RecordResult;

// Decodes the record at r->raw_at.
RecordResult mf_wire_decode (MfWireReader *r, MfWireItem *item);
