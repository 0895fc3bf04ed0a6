// SPDX-License-Identifier: Apache-2.0
// Any bytes are read as a capture, and each byte of each row that comes out is touched. A second reading
// has its checksums made right, because a fuzzer does not guess them, and a third one lacks its last byte.
// The same bytes as streams of coded rows must do no harm; as rows, they must come out as they went in.
#include <stdlib.h>

#include "alloc-read.h"
#include "bytes.h"
#include "crc32c.h"
#include "layout.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

typedef struct { const uint8_t *bytes; size_t n, at; uint64_t sum; } Stream;

static int64_t
take (void *user, void *to, size_t n)
{
  Stream *stream = user;
  size_t left = stream->n - stream->at;
  n = n < left ? n : left;
  if (n)
    memcpy (to, stream->bytes + stream->at, n);
  stream->at += n;
  return (int64_t) n;
}

static void *
resize (void *user __attribute__ ((unused)), void *old, size_t n)
{
  if (n)
    return realloc (old, n);
  free (old);
  return NULL;
}

static void
repair_seals (const MfCrcTable *table, uint64_t number, uint8_t *raw, size_t n)
{
  uint8_t bytes[8];
  mf_store64 (bytes, number);
  uint32_t sum = mf_crc32c (table, bytes, sizeof bytes);
  for (size_t at = 0, sealed = 0; n - at >= RECORD_HEADER;) {
    size_t room = n - at - RECORD_HEADER, length = padded (mf_load32 (raw + at + RECORD_LENGTH_AT));
    if (length > room)
      break;
    uint8_t *body = raw + at + RECORD_HEADER;
    at += RECORD_HEADER + length;
    if (mf_load16 (body - RECORD_HEADER) != RECORD_SEAL || length != SEAL_BODY)
      continue;
    sum = mf_crc32c_more (table, sum, raw + sealed, (size_t) (body - (raw + sealed)));
    mf_store32 (body + SEAL_CRC_AT, sum);
    sealed = at;
  }
}

static uint8_t *
repair (const uint8_t *bytes, size_t n)
{
  MfCrcTable table;
  mf_crc_table_init (&table);
  uint8_t *copy = malloc (n + 1);
  memcpy (copy, bytes, n);
  if (n >= FILE_HEADER)
    mf_store32 (copy + FILE_CRC_AT, mf_crc32c (&table, copy, FILE_CRC_AT));
  for (size_t at = FILE_HEADER; at + BLOCK_HEADER <= n;) {
    size_t left = n - at - BLOCK_HEADER, stored = mf_load32 (copy + at + BLOCK_STORED_AT);
    stored = stored < left ? stored : left;
    if (!copy[at + BLOCK_FLAGS_AT])
      repair_seals (&table, mf_load64 (copy + at + BLOCK_SEQUENCE_AT), copy + at + BLOCK_HEADER, stored);
    mf_store32 (copy + at + BLOCK_CRC_AT, mf_crc32c (&table, copy + at + BLOCK_HEADER, stored));
    mf_store32 (copy + at + BLOCK_HEADER_CRC_AT, mf_crc32c (&table, copy + at, BLOCK_HEADER_CRC_AT));
    at += BLOCK_HEADER + stored;
  }
  return copy;
}

// Touches every byte of a batch by its schema, as a format would.
static void
use_batch (Stream *stream, const MfBatch *batch)
{
  for (uint32_t i = 0; i < batch->n_rows; i++)
    for (uint32_t f = 0; f < batch->type->n_fields; f++) {
      const MfField *field = &batch->type->fields[f];
      const uint8_t *at = batch->rows + (size_t) i * batch->stride + field->offset;
      for (uint32_t k = 0; k < field->width; k++)
        stream->sum += at[k];
      stream->sum += strlen (field->name) + strlen (field->doc);
    }
  for (uint32_t i = 0; i < batch->text_size; i++)
    stream->sum += (uint8_t) batch->text[i];
}

static void
read_all (const uint8_t *bytes, size_t n, bool swapped)
{
  Stream stream = { bytes, n, 0, 0 };
  MfWireReading reading = { &stream, take, resize, NULL, NULL, swapped };
  MfWireReader *reader = mf_wire_reader_new (&reading);
  if (!reader)
    abort ();
  MfWireItem item;
  while (mf_wire_read (reader, &item) < MF_WIRE_DONE)
    if (item.kind == MF_WIRE_BATCH)
      use_batch (&stream, &item.batch);
  mf_wire_reader_free (reader);
}

// ---- coded rows

// Two records of one block, whose streams are parts of the bytes.
static void
read_streams (const uint8_t *bytes, size_t n)
{
  static AllocReader reader;
  MfIdPair slots[16] = { { 1, 1 } };
  MfIdMap ids = { slots, 15 };
  mf_alloc_reader_restart (&reader);
  for (int i = 0; i < 2 && n > 8 + CODE_ROWS_MAX / 8; i++) {
    CodedRows coded = { .bytes = bytes + 8, .n_rows = 1 + mf_load16 (bytes) % CODE_ROWS_MAX,
      .resolution = 1 + mf_load16 (bytes + 2), .strings = &ids, .stacks = &ids };
    size_t left = n - 8 - (coded.n_rows + 7) / 8;
    for (int k = 0; k < CODED_STREAMS; k++)
      left -= coded.streams[k] = (uint32_t) (left * bytes[4 + k] / 256);
    mf_alloc_read (&reader, &coded);
    bytes += n - left;
    n = left;
  }
}

static bool
append (void *user, const void *bytes, size_t n)
{
  Stream *stream = user;
  stream->bytes = realloc ((uint8_t *) stream->bytes, stream->n + n);
  memcpy ((uint8_t *) stream->bytes + stream->n, bytes, n);
  stream->n += n;
  return true;
}

static const char *
name_of (void *user __attribute__ ((unused)), MfString string __attribute__ ((unused)), size_t *n)
{
  *n = 4;
  return "name";
}

static bool
frame_of (void *user __attribute__ ((unused)), MfStack stack, MfFrame *frame, MfStack *caller)
{
  *frame = (MfFrame) { { 1 }, { 0 }, stack.id, 0 };
  *caller = (MfStack) { 0 };
  return true;
}

static void
write_rows (Stream *capture, const uint8_t *bytes, size_t n)
{
  MfWireWriting writing = { .user = capture, .write = append, .string = name_of, .frame = frame_of,
    .block_bytes = MF_WIRE_BLOCK_MIN };
  void *memory = malloc (mf_wire_writer_bytes (&writing));
  MfWireWriter *writer = mf_wire_writer_init (memory, &writing);
  for (; n >= sizeof (MfAlloc); bytes += sizeof (MfAlloc), n -= sizeof (MfAlloc)) {
    MfAlloc row;
    memcpy (&row, bytes, sizeof row);
    mf_wire_write_alloc (writer, &row);
  }
  mf_wire_write_end (writer);
  if (mf_wire_writer_refused (writer))
    abort ();
  free (memory);
}

static void
check_rows (Stream *capture, const uint8_t *bytes, size_t n)
{
  MfWireReading reading = { .user = capture, .read = take, .resize = resize };
  MfWireReader *reader = mf_wire_reader_new (&reading);
  MfWireItem item;
  size_t at = 0;
  while (mf_wire_read (reader, &item) < MF_WIRE_DONE)
    if (item.kind == MF_WIRE_BATCH) {
      size_t length = item.batch.n_rows * sizeof (MfAlloc);
      if (length > n - at || memcmp (item.batch.rows, bytes + at, length))
        abort ();
      at += length;
    }
  if (at != n / sizeof (MfAlloc) * sizeof (MfAlloc))
    abort ();
  mf_wire_reader_free (reader);
}

static void
round_trip (const uint8_t *bytes, size_t n)
{
  Stream capture = { 0 };
  write_rows (&capture, bytes, n);
  check_rows (&capture, bytes, n);
  free ((uint8_t *) capture.bytes);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  read_all (bytes, n, false);
  uint8_t *repaired = repair (bytes, n);
  read_all (repaired, n, n & 1);
  read_all (repaired, n ? n - 1 : 0, n & 1);
  free (repaired);
  read_streams (bytes, n);
  round_trip (bytes, n);
  return 0;
}
