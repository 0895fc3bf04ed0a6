// SPDX-License-Identifier: Apache-2.0
// Decodes the records of one sound block. Its checksums were right, but its writer may still have
// been wrong or malicious: everything is checked once more.
#include "reader.h"

#include "bytes.h"
#include "rows.h"
#include "schema.h"

typedef struct {
  uint8_t *at;
  uint32_t n;
} Body;

static RecordResult
malformed (MfWireReader *r, const char *reason)
{
  r->malformed = reason;
  return RECORD_MALFORMED;
}

static RecordResult
failed (MfWireReader *r, const char *error)
{
  strcpy (r->error, error);
  return RECORD_FAILED;
}

// Takes a counted text into one of the reader's own buffers; NULL = it is cut off or too long.
static const char *
take_text (MfWireReader *r, Body *body, int buffer)
{
  if (body->n < 4)
    return NULL;
  uint32_t n = mf_load32 (body->at);
  if (n > body->n - 4 || n > TEXT_BYTES)
    return NULL;
  memcpy (r->text[buffer], body->at + 4, n);
  r->text[buffer][n] = 0;
  body->at += 4 + n;
  body->n -= 4 + n;
  return r->text[buffer];
}

// ---- definitions

static RecordResult
keep_schema (MfWireReader *r, Stream *stream, Body body, MfWireItem *item)
{
  size_t n = mf_schema_measure (body.at, body.n, r->newer);
  if (!n)
    return malformed (r, "a schema is cut off");
  if (n + body.n > MF_WIRE_SCHEMA_BYTES_MAX - r->schema_bytes)
    return malformed (r, "the schemas need more than 16 MiB");
  uint8_t *memory = r->from.resize (r->from.user, NULL, n + body.n);
  if (!memory)
    return failed (r, "cannot be read: no memory for a schema");
  const MfType *type = mf_schema_load (body.at, body.n, r->newer, memory);
  const char *fault = mf_schema_fault (type);
  if (fault) {
    r->from.resize (r->from.user, memory, 0);
    return malformed (r, fault);
  }
  r->schema_bytes += n + body.n;
  stream->type = (MfType *) memory;
  stream->bytes = memcpy (memory + n, body.at, body.n);
  stream->n_bytes = body.n;
  *item = (MfWireItem){ .kind = MF_WIRE_SCHEMA, .type = stream->type };
  return RECORD_ITEM;
}

static RecordResult
decode_schema (MfWireReader *r, Body body, MfWireItem *item)
{
  if (body.n < 4 || mf_load32 (body.at) >= MF_WIRE_SCHEMAS_MAX)
    return malformed (r, "a schema has a number above 1023");
  Stream *stream = &r->streams[mf_load32 (body.at)];
  body = (Body){ body.at + 4, body.n - 4 };
  if (!stream->type)
    return keep_schema (r, stream, body, item);
  if (stream->n_bytes != body.n || memcmp (stream->bytes, body.at, body.n))
    return malformed (r, "a schema is repeated with another meaning");
  return RECORD_DONE;
}

static RecordResult
decode_string (MfWireReader *r, Body body, MfWireItem *item __attribute__ ((unused)))
{
  if (body.n < 4 || body.n - 4 > MF_WIRE_STRING_MAX)
    return malformed (r, "a string is longer than 64 KiB");
  uint32_t id = mf_load32 (body.at), here = id;
  if (r->from.string)
    here = r->from.string (r->from.user, (const char *) body.at + 4, body.n - 4).id;
  return mf_id_map_add (&r->strings, id, here) ? RECORD_DONE
                                               : malformed (r, "a string is defined twice");
}

static RecordResult
decode_frame (MfWireReader *r, Body body, MfWireItem *item __attribute__ ((unused)))
{
  if (body.n < FRAME_BODY)
    return malformed (r, "a frame is cut off");
  uint32_t id = mf_load32 (body.at + FRAME_ID_AT), here = id;
  uint32_t caller = mf_load32 (body.at + FRAME_CALLER_AT);
  MfFrame frame = { { mf_load32 (body.at + FRAME_FUNCTION_AT) },
    { mf_load32 (body.at + FRAME_FILE_AT) }, mf_load32 (body.at + FRAME_LINE_AT), 0 };
  if (!mf_id_map_find (&r->stacks, &caller) || !mf_id_map_find (&r->strings, &frame.function.id)
      || !mf_id_map_find (&r->strings, &frame.file.id))
    return malformed (r, "a frame refers to something that its block does not define");
  if (r->from.stack)
    here = r->from.stack (r->from.user, (MfStack){ caller }, frame).id;
  return mf_id_map_add (&r->stacks, id, here) ? RECORD_DONE
                                              : malformed (r, "a frame is defined twice");
}

// ---- batches

// Turns the ids of a row into those of the run; NULL, or what is wrong with the row.
static const char *
rename_row (
    const MfWireReader *r, const MfType *type, uint32_t n_special, uint8_t *row, uint32_t text_size)
{
  for (uint32_t i = 0; i < n_special; i++) {
    const MfField *field = &type->fields[r->special[i]];
    uint8_t *at = row + field->offset;
    if (field->kind == MF_BOOL) {
      if (*at > 1)
        return "a truth value is neither 0 nor 1";
      continue;
    }
    uint32_t value = mf_load32 (at);
    if (field->kind == MF_TEXT) {
      if (value > text_size || mf_load32 (at + 4) > text_size - value)
        return "a text lies outside of its batch";
      continue;
    }
    if (!mf_id_map_find (field->kind == MF_STRING ? &r->strings : &r->stacks, &value))
      return "a row refers to a name that its block does not define";
    mf_store32 (at, value);
  }
  return NULL;
}

static const char *
rename_rows (MfWireReader *r, const MfType *type, uint8_t *rows, uint32_t n, uint32_t text_size)
{
  uint32_t kinds = 1u << MF_BOOL | 1u << MF_STRING | 1u << MF_STACK | 1u << MF_TEXT;
  uint32_t n_special = mf_row_fields_of (type, kinds, r->special);
  for (uint32_t i = 0; i < n && n_special; i++) {
    const char *fault
        = rename_row (r, type, n_special, rows + (size_t) i * type->row_size, text_size);
    if (fault)
      return fault;
  }
  return NULL;
}

static RecordResult
missing (const MfType *type, const char *name, uint64_t count, MfWireItem *item)
{
  *item = (MfWireItem){ .kind = MF_WIRE_MISSING,
    .type = type,
    .loss
    = { .type = name, .stage = "", .consumer = "", .count = count, .reason = MF_LOST_DAMAGED } };
  return RECORD_AGAIN;
}

// The rows of a batch, wherever they were decoded to.
static RecordResult
deliver_rows (
    MfWireReader *r, Body body, Stream *stream, uint8_t *rows, uint32_t text_size, MfWireItem *item)
{
  const MfType *type = stream->type;
  uint32_t n = mf_load32 (body.at + BATCH_ROWS_AT);
  MfString stage = { mf_load32 (body.at + BATCH_STAGE_AT) },
           input = { mf_load32 (body.at + BATCH_INPUT_AT) };
  if (!mf_id_map_find (&r->strings, &stage.id) || !mf_id_map_find (&r->strings, &input.id))
    return malformed (r, "a batch refers to a name that its block does not define");
  stream->rows += n;
  *item = (MfWireItem){ .kind = MF_WIRE_BATCH,
    .type = type,
    .batch = { .type = type,
        .rows = rows,
        .text = (const char *) rows + (size_t) n * type->row_size,
        .n_rows = n,
        .stride = type->row_size,
        .text_size = text_size,
        .epoch = mf_load32 (body.at + BATCH_EPOCH_AT),
        .stage = stage,
        .input = input,
        .flags
        = mf_load32 (body.at + BATCH_FLAGS_AT) & (MF_BATCH_INCOMPLETE | MF_BATCH_DERIVED) } };
  return RECORD_ITEM;
}

static RecordResult
deliver_plain (MfWireReader *r, Body body, Stream *stream, MfWireItem *item)
{
  const MfType *type = stream->type;
  uint32_t n = mf_load32 (body.at + BATCH_ROWS_AT), text_size = mf_load32 (body.at + BATCH_TEXT_AT);
  uint8_t *rows = body.at + BATCH_BODY;
  if (!n || n > MF_BATCH_MAX_ROWS
      || BATCH_BODY + (uint64_t) n * type->row_size + text_size != body.n)
    return malformed (r, "the length of a batch does not match its rows");
  const char *fault = rename_rows (r, type, rows, n, text_size);
  if (fault)
    return malformed (r, fault);
  if (r->foreign)
    mf_row_swap (type, rows, n);
  return deliver_rows (r, body, stream, rows, text_size, item);
}

static bool
coded_is_whole (Body body, const CodedRows *coded)
{
  uint64_t n = CODED_BODY + (coded->n_rows + 7) / 8;
  for (int i = 0; i < CODED_STREAMS; i++)
    n += coded->streams[i];
  return coded->n_rows && coded->n_rows <= CODE_ROWS_MAX && coded->resolution && n == body.n;
}

static RecordResult
deliver_coded (MfWireReader *r, Body body, Stream *stream, MfWireItem *item)
{
  CodedRows coded = { .bytes = body.at + CODED_BODY,
    .n_rows = mf_load32 (body.at + BATCH_ROWS_AT),
    .strings = &r->strings,
    .stacks = &r->stacks };
  if (body.n < CODED_BODY || !mf_alloc_is_codable (stream->type))
    return malformed (r, "a coded batch is not of alloc.event rows");
  coded.resolution = mf_load32 (body.at + CODED_RESOLUTION_AT);
  for (int i = 0; i < CODED_STREAMS; i++)
    coded.streams[i] = mf_load32 (body.at + CODED_STREAMS_AT + 4 * i);
  if (!coded_is_whole (body, &coded))
    return malformed (r, "the length of a coded batch does not match its streams");
  const char *fault = mf_alloc_read (r->allocs, &coded);
  if (fault)
    return malformed (r, fault);
  uint8_t *rows = (uint8_t *) r->allocs->rows;
  if (r->from.swapped)
    mf_row_swap (stream->type, rows, coded.n_rows);
  return deliver_rows (r, body, stream, rows, 0, item);
}

typedef RecordResult (*Deliver) (MfWireReader *r, Body body, Stream *stream, MfWireItem *item);

// What both kinds of batches have in common: whose rows they are, and how many were before them.
static RecordResult
decode_rows (MfWireReader *r, Body body, Deliver deliver, MfWireItem *item)
{
  uint32_t schema
      = body.n < BATCH_BODY ? MF_WIRE_SCHEMAS_MAX : mf_load32 (body.at + BATCH_SCHEMA_AT);
  if (schema >= MF_WIRE_SCHEMAS_MAX || !r->streams[schema].type)
    return malformed (r, "a batch has a schema that was not defined");
  Stream *stream = &r->streams[schema];
  if (r->from.no_rows)
    return RECORD_DONE;
  uint64_t first = mf_load64 (body.at + BATCH_FIRST_AT);
  if (first < stream->rows || first > UINT64_MAX - MF_BATCH_MAX_ROWS)
    return malformed (r, "the row numbers of a batch run backwards");
  uint64_t gap = first - stream->rows;
  stream->rows = first;
  return gap ? missing (stream->type, stream->type->name, gap, item)
             : deliver (r, body, stream, item);
}

static RecordResult
decode_batch (MfWireReader *r, Body body, MfWireItem *item)
{
  return decode_rows (r, body, deliver_plain, item);
}

// Rows in a coding that is newer than ours are skipped as records of unknown kinds are; what
// follows says that they are missing.
static RecordResult
decode_coded (MfWireReader *r, Body body, MfWireItem *item)
{
  if (body.n >= BATCH_BODY && mf_load32 (body.at + CODED_CODING_AT) != CODING_ALLOC) {
    r->skipped++;
    return RECORD_DONE;
  }
  return decode_rows (r, body, deliver_coded, item);
}

// ---- records without rows

static RecordResult
decode_loss (MfWireReader *r, Body body, MfWireItem *item)
{
  if (body.n < LOSS_BODY)
    return malformed (r, "a loss is cut off");
  MfWireLoss loss = { .count = mf_load64 (body.at + LOSS_COUNT_AT),
    .reason = mf_load32 (body.at + LOSS_REASON_AT) };
  body = (Body){ body.at + LOSS_BODY, body.n - LOSS_BODY };
  loss.type = take_text (r, &body, 0);
  loss.stage = take_text (r, &body, 1);
  loss.consumer = take_text (r, &body, 2);
  if (!loss.type || !loss.stage || !loss.consumer)
    return malformed (r, "a loss is cut off");
  *item = (MfWireItem){ .kind = MF_WIRE_LOSS, .loss = loss };
  return RECORD_ITEM;
}

static RecordResult
decode_fact (MfWireReader *r, Body body, MfWireItem *item)
{
  const char *key = take_text (r, &body, 0), *value = take_text (r, &body, 1);
  if (!key || !value)
    return malformed (r, "a fact of the run is cut off");
  *item = (MfWireItem){ .kind = MF_WIRE_FACT, .key = key, .value = value };
  return RECORD_ITEM;
}

// The totals prove that nothing is missing, or say how much.
static RecordResult
decode_end (MfWireReader *r, Body body, MfWireItem *item)
{
  uint32_t n = body.n < END_BODY ? UINT32_MAX : mf_load32 (body.at + END_TOTALS_AT);
  body = (Body){ body.at + END_BODY, body.n - END_BODY };
  for (uint32_t i = 0; i < n; i++) {
    uint32_t schema = n == UINT32_MAX || body.n < TOTAL_BODY
                          ? MF_WIRE_SCHEMAS_MAX
                          : mf_load32 (body.at + TOTAL_SCHEMA_AT);
    if (schema >= MF_WIRE_SCHEMAS_MAX)
      return malformed (r, "the totals are cut off");
    Stream *stream = &r->streams[schema];
    uint64_t rows = mf_load64 (body.at + TOTAL_ROWS_AT), gap = rows - stream->rows;
    body = (Body){ body.at + TOTAL_BODY, body.n - TOTAL_BODY };
    const char *name = take_text (r, &body, 0);
    if (!name || rows < stream->rows)
      return malformed (
          r, name ? "a total is less than the rows before it" : "the totals are cut off");
    stream->rows = rows;
    if (gap && !r->from.no_rows)
      return missing (stream->type, name, gap, item);
  }
  r->ended = true;
  *item = (MfWireItem){ .kind = MF_WIRE_END };
  return RECORD_ITEM;
}

// The checksum of the whole block was right, or salvage.c has looked at this seal already.
static RecordResult
decode_seal (MfWireReader *r __attribute__ ((unused)), Body body __attribute__ ((unused)),
    MfWireItem *item __attribute__ ((unused)))
{
  return RECORD_DONE;
}

typedef RecordResult (*Decode) (MfWireReader *r, Body body, MfWireItem *item);

// clang-format off
static const Decode DECODERS[] = {
  [RECORD_SCHEMA] = decode_schema, [RECORD_STRING] = decode_string, [RECORD_FRAME] = decode_frame,
  [RECORD_BATCH] = decode_batch,   [RECORD_LOSS] = decode_loss,     [RECORD_FACT] = decode_fact,
  [RECORD_END] = decode_end,       [RECORD_SEAL] = decode_seal,
  [RECORD_CODED] = decode_coded,
};
// clang-format on

RecordResult
mf_wire_decode (MfWireReader *r, MfWireItem *item)
{
  uint32_t left = r->raw_end - r->raw_at;
  uint8_t *at = r->raw + r->raw_at;
  if (r->ended)
    return malformed (r, "records follow the totals");
  if (left < RECORD_HEADER || mf_load32 (at + RECORD_LENGTH_AT) > left - RECORD_HEADER)
    return malformed (r, "a record is longer than its block");
  Body body = { at + RECORD_HEADER, mf_load32 (at + RECORD_LENGTH_AT) };
  size_t whole = RECORD_HEADER + padded (body.n);
  uint16_t kind = mf_load16 (at + RECORD_KIND_AT);
  Decode decode = kind < sizeof DECODERS / sizeof DECODERS[0] ? DECODERS[kind] : NULL;
  r->skipped += !decode;
  RecordResult result = decode ? decode (r, body, item) : RECORD_DONE;
  if (result == RECORD_DONE || result == RECORD_ITEM)
    r->raw_at += (uint32_t) (whole < left ? whole : left);
  return result;
}
