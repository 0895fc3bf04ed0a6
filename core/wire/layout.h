// SPDX-License-Identifier: Apache-2.0
// Where everything stands in a capture: docs/wire-format.md in numbers.
#pragma once

#include "wire.h"

#define FILE_MAGIC "\x89MFC\r\n\x1a\n" // a transfer that changes bytes or line ends breaks it
#define BLOCK_MAGIC "MFB1" // 1 = the major version: a block is known without the file header

enum { FILE_MAJOR_AT = 8, FILE_MINOR_AT = 10, FILE_CRC_AT = 28, FILE_HEADER = 32 };

enum {
  BLOCK_KIND_AT = 4,
  BLOCK_FLAGS_AT = 5,
  BLOCK_STORED_AT = 8,
  BLOCK_RAW_AT = 12,
  BLOCK_CRC_AT = 16,
  BLOCK_SEQUENCE_AT = 20,
  BLOCK_HEADER_CRC_AT = 28,
  BLOCK_HEADER = 32
};
enum { BLOCK_RECORDS = 1 }; // kinds of blocks
enum { BLOCK_ZSTD = 1 };    // flags of blocks

enum { RECORD_KIND_AT = 0, RECORD_LENGTH_AT = 4, RECORD_HEADER = 8 };
enum {
  RECORD_SCHEMA = 1,
  RECORD_STRING,
  RECORD_FRAME,
  RECORD_BATCH,
  RECORD_LOSS,
  RECORD_FACT,
  RECORD_END,
  RECORD_SEAL,
  RECORD_CODED
};

enum {
  FRAME_ID_AT = 0,
  FRAME_CALLER_AT = 4,
  FRAME_FUNCTION_AT = 8,
  FRAME_FILE_AT = 12,
  FRAME_LINE_AT = 16,
  FRAME_BODY = 24
};
enum {
  BATCH_SCHEMA_AT = 0,
  BATCH_STAGE_AT = 4,
  BATCH_INPUT_AT = 8,
  BATCH_EPOCH_AT = 12,
  BATCH_FLAGS_AT = 16,
  BATCH_ROWS_AT = 20,
  BATCH_FIRST_AT = 24,
  BATCH_TEXT_AT = 32,
  BATCH_BODY = 40
};
// A coded batch: what a batch has, but instead of the texts the coding and its streams.
enum { STREAM_TOKENS, STREAM_ADDRESSES, STREAM_SHAPES, STREAM_TIMES, CODED_STREAMS };
enum {
  CODED_CODING_AT = 32,
  CODED_RESOLUTION_AT = 36,
  CODED_STREAMS_AT = 40, // their lengths; then a bit for each row, then the streams
  CODED_BODY = CODED_STREAMS_AT + 4 * CODED_STREAMS
};
enum { CODING_ALLOC = 1 };
enum { LOSS_COUNT_AT = 0, LOSS_REASON_AT = 8, LOSS_BODY = 16 };
enum { END_TOTALS_AT = 0, END_BODY = 8, TOTAL_SCHEMA_AT = 0, TOTAL_ROWS_AT = 8, TOTAL_BODY = 16 };
enum { SEAL_CRC_AT = 0, SEAL_BODY = 8 };

_Static_assert(sizeof FILE_MAGIC - 1 == FILE_MAJOR_AT, "the magic is followed by the version");
_Static_assert(sizeof BLOCK_MAGIC - 1 == BLOCK_KIND_AT, "the magic is followed by the kind");
_Static_assert((RECORD_HEADER + BATCH_BODY) % 8 == 0, "rows start at a multiple of 8 bytes");
_Static_assert(BLOCK_HEADER_CRC_AT + 4 == BLOCK_HEADER, "a header ends in its checksum");
_Static_assert(FILE_CRC_AT + 4 == FILE_HEADER, "a header ends in its checksum");

// Records start at multiples of 8 bytes.
static inline size_t
padded (size_t n)
{
  return (n + 7) & ~(size_t) 7;
}
