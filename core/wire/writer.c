// SPDX-License-Identifier: Apache-2.0
// Encodes batches into blocks. Each block defines all names and schemas that its rows use, so that
// the loss of one block loses no other rows; what is defined already stands in two small sets.
#include "writer.h"

#include "bytes.h"
#include "rows.h"
#include "schema.h"

enum { GROUP = 4 * 1024 };        // raw bytes of a compressed block that are sealed together,
enum { CODED_GROUP = 16 * 1024 }; // and of coded rows: shorter ones would be slow to compress
enum { STACK_MAX = MF_WIRE_BLOCK_MAX / (RECORD_HEADER + FRAME_BODY) };

// ---- memory

static void
id_set_clear (IdSet *set)
{
  memset (set->ids, 0, sizeof (uint32_t) * (set->mask + 1));
  set->n = 0;
}

// The checksums of a block begin with its number, so that no records of another one pass for its
// own.
static void
begin_block (MfWireWriter *w)
{
  uint8_t number[8];
  mf_store64 (number, w->sequence);
  w->sum = mf_crc32c (&w->crc, number, sizeof number);
  w->used = w->block_rows = w->sealed = 0;
  w->coded = false;
  mf_coder_restart (&w->coder);
  id_set_clear (&w->strings);
  id_set_clear (&w->stacks);
  mf_pack_begin (&w->packer, w->raw, w->stored, w->capacity);
}

static uint32_t
capacity_of (const MfWireWriting *writing)
{
  uint32_t n = writing->block_bytes;
  if (!n || n > MF_WIRE_BLOCK_MAX)
    return MF_WIRE_BLOCK_MAX;
  return n < MF_WIRE_BLOCK_MIN ? MF_WIRE_BLOCK_MIN : (uint32_t) padded (n);
}

static uint32_t
slots_of (uint32_t capacity)
{
  uint32_t n = 256;
  while (n < capacity / 64)
    n *= 2;
  return n;
}

static uint32_t
most_types (const MfWireWriting *writing)
{
  uint32_t n = writing->types;
  return n && n < MF_WIRE_SCHEMAS_MAX ? n : MF_WIRE_SCHEMAS_MAX;
}

static size_t
types_bytes (const MfWireWriting *writing)
{
  return most_types (writing) * (sizeof (Schema) + padded (sizeof (SeenType)));
}

size_t
mf_wire_writer_bytes (const MfWireWriting *writing)
{
  uint32_t capacity = capacity_of (writing);
  size_t stored = writing->level ? capacity : 0;
  return padded (sizeof (MfWireWriter)) + types_bytes (writing) + mf_coder_bytes (capacity) + capacity + BLOCK_HEADER
         + stored + mf_pack_bytes (writing->level) + 2 * sizeof (uint32_t) * slots_of (capacity);
}

MfWireWriter *
mf_wire_writer_init (void *memory, const MfWireWriting *writing)
{
  MfWireWriter *w = memory;
  memset (w, 0, sizeof *w);
  w->to = *writing;
  w->capacity = capacity_of (writing);
  w->target = w->capacity < MF_WIRE_BLOCK_TARGET ? w->capacity : MF_WIRE_BLOCK_TARGET;
  w->foreign = mf_row_foreign (writing->swapped);
  uint32_t slots = slots_of (w->capacity);
  w->most_types = most_types (writing);
  w->schemas = (Schema *) ((uint8_t *) memory + padded (sizeof *w));
  w->seen = (SeenType *) (w->schemas + w->most_types);
  uint8_t *coder = (uint8_t *) w->schemas + types_bytes (writing);
  memset (w->schemas, 0, types_bytes (writing));
  mf_coder_init (&w->coder, w->capacity, coder);
  w->coder.resolution = writing->resolution ? writing->resolution : 1;
  w->raw = coder + mf_coder_bytes (w->capacity);
  w->stored = w->raw + w->capacity + BLOCK_HEADER;
  uint8_t *packer = w->stored + (writing->level ? w->capacity : 0);
  mf_pack_init (&w->packer, packer, writing->level);
  w->strings.ids = (uint32_t *) (packer + mf_pack_bytes (writing->level));
  w->stacks.ids = w->strings.ids + slots;
  w->strings.mask = w->stacks.mask = slots - 1;
  mf_crc_table_init (&w->crc);
  begin_block (w);
  return w;
}

// ---- blocks

static bool
put_bytes (MfWireWriter *w, const void *bytes, size_t n)
{
  if (!w->failed && !w->to.write (w->to.user, bytes, n))
    w->failed = true;
  return !w->failed;
}

static bool
put_file_header (MfWireWriter *w)
{
  uint8_t header[FILE_HEADER] = FILE_MAGIC;
  mf_store16 (header + FILE_MAJOR_AT, MF_WIRE_MAJOR);
  mf_store16 (header + FILE_MINOR_AT, MF_WIRE_MINOR);
  mf_store32 (header + FILE_CRC_AT, mf_crc32c (&w->crc, header, FILE_CRC_AT));
  w->begun = true;
  return put_bytes (w, header, sizeof header);
}

static bool
put_block (MfWireWriter *w, const uint8_t *stored, size_t n, uint8_t flags)
{
  uint8_t header[BLOCK_HEADER] = BLOCK_MAGIC;
  header[BLOCK_KIND_AT] = BLOCK_RECORDS;
  header[BLOCK_FLAGS_AT] = flags;
  mf_store32 (header + BLOCK_STORED_AT, (uint32_t) n);
  mf_store32 (header + BLOCK_RAW_AT, w->used);
  mf_store32 (header + BLOCK_CRC_AT, mf_crc32c (&w->crc, stored, n));
  mf_store64 (header + BLOCK_SEQUENCE_AT, w->sequence++);
  mf_store32 (header + BLOCK_HEADER_CRC_AT, mf_crc32c (&w->crc, header, BLOCK_HEADER_CRC_AT));
  return put_bytes (w, header, sizeof header) && put_bytes (w, stored, n);
}

bool
mf_wire_close_block (MfWireWriter *w)
{
  mf_coder_flush (w);
  if (!w->used)
    return !w->failed;
  size_t n = mf_pack_end (&w->packer, w->used);
  bool written = n ? put_block (w, w->stored, n, BLOCK_ZSTD) : put_block (w, w->raw, w->used, 0);
  begin_block (w);
  return written;
}

int64_t
mf_wire_room (const MfWireWriter *w, size_t planned)
{
  bool begun = w->block_rows || w->coder.rows;
  return (int64_t) (begun ? w->target : w->capacity) - w->used - (int64_t) planned;
}

static bool
has_room (const MfWireWriter *w, size_t planned, size_t n)
{
  return mf_wire_room (w, planned) >= (int64_t) n;
}

uint8_t *
mf_wire_put_record (MfWireWriter *w, uint16_t kind, size_t length)
{
  uint8_t *at = w->raw + w->used;
  memset (at, 0, RECORD_HEADER);
  mf_store16 (at + RECORD_KIND_AT, kind);
  mf_store32 (at + RECORD_LENGTH_AT, (uint32_t) length);
  memset (at + RECORD_HEADER + length, 0, padded (length) - length);
  w->used += (uint32_t) (RECORD_HEADER + padded (length));
  return at + RECORD_HEADER;
}

// Seals the records since the last seal: a reader can use them even if the rest of the block is
// lost. Without compression that costs so little that each batch has its own.
static void
seal (MfWireWriter *w)
{
  mf_coder_flush (w);
  uint32_t n = w->used - w->sealed, group = w->coded ? CODED_GROUP : GROUP;
  if (n < (w->to.level ? group : 1) || w->used + RECORD_HEADER + SEAL_BODY > w->target)
    return;
  const uint8_t *from = w->raw + w->sealed;
  uint8_t *body = mf_wire_put_record (w, RECORD_SEAL, SEAL_BODY);
  w->sum = mf_crc32c_more (&w->crc, w->sum, from, (size_t) (body - from));
  memset (body, 0, SEAL_BODY);
  mf_store32 (body + SEAL_CRC_AT, w->sum);
  w->sealed = w->used;
  w->coded = false;
  mf_pack_flush (&w->packer, w->used);
}

// Room for a record that stands outside batches: in this block or in the next; NULL = it fits in
// none.
static uint8_t *
put_lone_record (MfWireWriter *w, uint16_t kind, size_t length)
{
  size_t n = RECORD_HEADER + padded (length);
  mf_wire_begin_rows (w);
  if (n > w->capacity - (size_t) w->used || w->used + n > w->target)
    mf_wire_close_block (w);
  return n <= w->capacity - (size_t) w->used ? mf_wire_put_record (w, kind, length) : NULL;
}

// ---- definitions

// The slot of the id, or the empty one where it belongs.
static uint32_t *
id_set_slot (const IdSet *set, uint32_t id)
{
  uint32_t i = id * 2654435769u >> 7 & set->mask;
  while (set->ids[i] && set->ids[i] != id)
    i = (i + 1) & set->mask;
  return &set->ids[i];
}

static bool
id_set_full (const IdSet *set)
{
  return set->n > set->mask / 4 * 3;
}

Fit
mf_wire_define_string (MfWireWriter *w, size_t planned, uint32_t id)
{
  uint32_t *slot = id_set_slot (&w->strings, id);
  if (!id || *slot)
    return FITS;
  size_t n = 0;
  const char *text = w->to.string (w->to.user, (MfString){ id }, &n);
  if (!text || n > MF_WIRE_STRING_MAX)
    return REFUSED;
  if (id_set_full (&w->strings) || !has_room (w, planned, RECORD_HEADER + padded (4 + n)))
    return NO_ROOM;
  *slot = id;
  w->strings.n++;
  uint8_t *body = mf_wire_put_record (w, RECORD_STRING, 4 + n);
  mf_store32 (body, id);
  memcpy (body + 4, text, n);
  return FITS;
}

static Fit
define_frame (MfWireWriter *w, size_t planned, uint32_t id)
{
  MfFrame frame;
  MfStack caller;
  if (!w->to.frame (w->to.user, (MfStack){ id }, &frame, &caller))
    return REFUSED;
  Fit fit = mf_wire_define_string (w, planned, frame.function.id);
  if (fit == FITS)
    fit = mf_wire_define_string (w, planned, frame.file.id);
  if (fit != FITS)
    return fit;
  if (id_set_full (&w->stacks) || !has_room (w, planned, RECORD_HEADER + FRAME_BODY))
    return NO_ROOM;
  *id_set_slot (&w->stacks, id) = id;
  w->stacks.n++;
  uint8_t *body = mf_wire_put_record (w, RECORD_FRAME, FRAME_BODY);
  memset (body, 0, FRAME_BODY);
  mf_store32 (body + FRAME_ID_AT, id);
  mf_store32 (body + FRAME_CALLER_AT, caller.id);
  mf_store32 (body + FRAME_FUNCTION_AT, frame.function.id);
  mf_store32 (body + FRAME_FILE_AT, frame.file.id);
  mf_store32 (body + FRAME_LINE_AT, frame.line);
  return FITS;
}

// Walks to the outermost frame and remembers the last CHAIN undefined ones: how many were met;
// more than STACK_MAX = not a stack.
static uint32_t
walk_stack (MfWireWriter *w, uint32_t id)
{
  uint32_t n = 0;
  MfFrame frame;
  MfStack caller;
  for (; id && !*id_set_slot (&w->stacks, id) && n <= STACK_MAX; id = caller.id) {
    w->chain[n++ % CHAIN] = id;
    if (!w->to.frame (w->to.user, (MfStack){ id }, &frame, &caller))
      return STACK_MAX + 1;
  }
  return n;
}

// A frame's caller is defined before it, the outermost first.
Fit
mf_wire_define_stack (MfWireWriter *w, size_t planned, uint32_t id)
{
  for (uint32_t n; (n = walk_stack (w, id));) {
    if (n > STACK_MAX)
      return REFUSED;
    for (uint32_t k = 0; k < n && k < CHAIN; k++) {
      Fit fit = define_frame (w, planned, w->chain[(n - 1 - k) % CHAIN]);
      if (fit != FITS)
        return fit;
    }
  }
  return FITS;
}

static Fit
define_schema (MfWireWriter *w, uint32_t schema)
{
  Schema *s = &w->schemas[schema];
  if (s->block == w->sequence + 1)
    return FITS;
  size_t n = 4 + mf_schema_bytes (s->type);
  if (!has_room (w, 0, RECORD_HEADER + padded (n)))
    return NO_ROOM;
  s->block = w->sequence + 1;
  uint8_t *body = mf_wire_put_record (w, RECORD_SCHEMA, n);
  mf_store32 (body, schema);
  mf_schema_store (s->type, body + 4);
  return FITS;
}

// ---- schemas of the capture

static uint32_t
add_schema (MfWireWriter *w, const MfType *type)
{
  for (uint32_t i = 0; i < w->n_schemas; i++)
    if (mf_schema_equal (w->schemas[i].type, type))
      return i;
  if (w->n_schemas == w->most_types || mf_schema_fault (type))
    return MF_WIRE_SCHEMAS_MAX;
  w->schemas[w->n_schemas] = (Schema){ .type = type, .codable = mf_alloc_is_codable (type) };
  return w->n_schemas++;
}

// The number of the type's schema; MF_WIRE_SCHEMAS_MAX = the capture cannot carry it.
uint32_t
mf_wire_schema_of (MfWireWriter *w, const MfType *type)
{
  for (uint32_t i = 0; i < w->n_seen; i++)
    if (w->seen[i].type == type)
      return w->seen[i].schema;
  uint32_t schema = add_schema (w, type);
  if (w->n_seen < w->most_types)
    w->seen[w->n_seen++] = (SeenType){ type, schema };
  return schema;
}

// ---- rows

// The number in a row, which is in the order of the rows' writer.
static uint32_t
row_number (const MfWireWriter *w, const uint8_t *at)
{
  uint32_t value;
  memcpy (&value, at, sizeof value);
  return w->to.swapped ? __builtin_bswap32 (value) : value;
}

static MfText
row_text (const MfWireWriter *w, const uint8_t *at)
{
  return (MfText){ row_number (w, at), row_number (w, at + offsetof (MfText, length)) };
}

static Fit
text_fit (const MfBatch *batch, MfText text)
{
  bool inside = text.offset <= batch->text_size && text.length <= batch->text_size - text.offset;
  return inside ? FITS : REFUSED;
}

// Defines what the row names, and adds the row and its texts to `planned`.
static Fit
plan_row (MfWireWriter *w, const MfBatch *batch, const uint8_t *row, size_t *planned)
{
  size_t need = batch->type->row_size;
  for (uint32_t i = 0; i < w->n_special; i++) {
    const MfField *field = &batch->type->fields[w->special[i]];
    const uint8_t *at = row + field->offset;
    Fit fit = field->kind == MF_STRING  ? mf_wire_define_string (w, *planned, row_number (w, at))
              : field->kind == MF_STACK ? mf_wire_define_stack (w, *planned, row_number (w, at))
                                        : text_fit (batch, row_text (w, at));
    if (fit != FITS)
      return fit;
    if (field->kind == MF_TEXT)
      need += row_text (w, at).length;
  }
  if (!has_room (w, *planned, padded (need) + 8))
    return NO_ROOM;
  *planned += need;
  return FITS;
}

// Moves the texts of a row behind the rows. The row is in the order of the wire already.
static size_t
put_row_texts (MfWireWriter *w, const MfBatch *batch, uint8_t *row, uint8_t *arena, size_t used)
{
  for (uint32_t i = 0; i < w->n_special; i++) {
    const MfField *field = &batch->type->fields[w->special[i]];
    if (field->kind != MF_TEXT)
      continue;
    uint8_t *at = row + field->offset;
    uint32_t from = mf_load32 (at), n = mf_load32 (at + 4);
    if (n)
      memcpy (arena + used, batch->text + from, n);
    mf_store32 (at, (uint32_t) used);
    used += n;
  }
  return used;
}

static void
put_rows (MfWireWriter *w, const MfBatch *batch, const uint8_t *from, uint32_t n, uint8_t *to)
{
  uint32_t size = batch->type->row_size;
  if (batch->stride == size)
    memcpy (to, from, (size_t) n * size);
  else
    for (uint32_t i = 0; i < n; i++)
      memcpy (to + (size_t) i * size, from + (size_t) i * batch->stride, size);
  if (w->foreign)
    mf_row_swap (batch->type, to, n);
  size_t used = 0;
  uint8_t *arena = to + (size_t) n * size;
  for (uint32_t i = 0; i < n && w->has_text; i++)
    used = put_row_texts (w, batch, to + (size_t) i * size, arena, used);
}

void
mf_wire_begin_rows (MfWireWriter *w)
{
  if (!w->begun)
    put_file_header (w);
  seal (w);
}

void
mf_wire_put_batch_head (
    MfWireWriter *w, uint8_t *body, const MfBatch *origin, uint32_t schema, uint32_t n)
{
  mf_store32 (body + BATCH_SCHEMA_AT, schema);
  mf_store32 (body + BATCH_STAGE_AT, origin->stage.id);
  mf_store32 (body + BATCH_INPUT_AT, origin->input.id);
  mf_store32 (body + BATCH_EPOCH_AT, origin->epoch);
  mf_store32 (body + BATCH_FLAGS_AT, origin->flags);
  mf_store32 (body + BATCH_ROWS_AT, n);
  mf_store64 (body + BATCH_FIRST_AT, w->schemas[schema].rows);
  w->schemas[schema].rows += n;
  w->rows += n;
}

static void
put_batch (MfWireWriter *w, const MfBatch *batch, uint32_t schema, const uint8_t *from, uint32_t n,
    size_t planned)
{
  uint8_t *body = mf_wire_put_record (w, RECORD_BATCH, planned - RECORD_HEADER);
  size_t rows = (size_t) n * batch->type->row_size;
  mf_wire_put_batch_head (w, body, batch, schema, n);
  mf_store32 (body + BATCH_TEXT_AT, (uint32_t) (planned - RECORD_HEADER - BATCH_BODY - rows));
  mf_store32 (body + BATCH_TEXT_AT + 4, 0);
  put_rows (w, batch, from, n, body + BATCH_BODY);
}

Fit
mf_wire_define_origin (MfWireWriter *w, const MfBatch *batch, uint32_t schema)
{
  Fit fit = define_schema (w, schema);
  if (fit == FITS)
    fit = mf_wire_define_string (w, 0, batch->stage.id);
  return fit == FITS ? mf_wire_define_string (w, 0, batch->input.id) : fit;
}

// Writes as many of the n rows as the open block can take before it is to be sealed: how many. *fit
// says whether there is room for more.
static uint32_t
put_some (MfWireWriter *w, const MfBatch *batch, uint32_t schema, const uint8_t *from, uint32_t n,
    Fit *fit)
{
  seal (w);
  *fit = mf_wire_define_origin (w, batch, schema);
  size_t planned = RECORD_HEADER + BATCH_BODY;
  uint32_t taken = 0, rows_before = w->block_rows;
  while (*fit == FITS && taken < n && (!taken || w->used - w->sealed + planned < GROUP)) {
    *fit = plan_row (w, batch, from + (size_t) taken * batch->stride, &planned);
    if (*fit != FITS)
      break;
    w->block_rows = rows_before + ++taken;
  }
  if (taken)
    put_batch (w, batch, schema, from, taken, planned);
  return taken;
}

bool
mf_wire_refuse (MfWireWriter *w, const MfType *type, MfString stage, uint64_t n)
{
  size_t length = 0;
  const char *name = stage.id ? w->to.string (w->to.user, stage, &length) : NULL;
  w->refused += n;
  return mf_wire_write_loss (w, &(MfWireLoss){ .type = type->name,
                                    .stage = name ? name : "",
                                    .consumer = "",
                                    .count = n,
                                    .reason = MF_LOST_REFUSED });
}

bool
mf_wire_write_batch (MfWireWriter *w, const MfBatch *batch)
{
  uint32_t schema = mf_wire_schema_of (w, batch->type);
  if (schema == MF_WIRE_SCHEMAS_MAX || batch->stride < batch->type->row_size)
    return mf_wire_refuse (w, batch->type, batch->stage, batch->n_rows);
  if (w->schemas[schema].codable)
    return mf_coder_write_batch (w, batch, schema);
  mf_wire_begin_rows (w);
  uint32_t kinds = 1u << MF_STRING | 1u << MF_STACK | 1u << MF_TEXT;
  w->has_text = mf_row_fields_of (batch->type, 1u << MF_TEXT, w->special);
  w->n_special = mf_row_fields_of (batch->type, kinds, w->special);
  for (uint32_t row = 0; row < batch->n_rows && !w->failed;) {
    Fit fit;
    bool fresh = !w->used;
    row += put_some (
        w, batch, schema, batch->rows + (size_t) row * batch->stride, batch->n_rows - row, &fit);
    if (fit == REFUSED || (fit == NO_ROOM && fresh && !w->block_rows)) {
      mf_wire_refuse (w, batch->type, batch->stage, 1);
      row++;
    }
    if (fit == NO_ROOM)
      mf_wire_close_block (w);
  }
  return !w->failed;
}

// ---- records without rows

static uint8_t *
put_counted (uint8_t *to, const char *text, size_t n)
{
  mf_store32 (to, (uint32_t) n);
  memcpy (to + 4, text, n);
  return to + 4 + n;
}

bool
mf_wire_write_loss (MfWireWriter *w, const MfWireLoss *loss)
{
  const char *texts[] = { loss->type, loss->stage, loss->consumer };
  size_t n[3], length = LOSS_BODY;
  for (int i = 0; i < 3; i++) {
    n[i] = strnlen (texts[i], MF_WIRE_NAME_MAX);
    length += 4 + n[i];
  }
  uint8_t *body = put_lone_record (w, RECORD_LOSS, length);
  mf_store64 (body + LOSS_COUNT_AT, loss->count);
  mf_store32 (body + LOSS_REASON_AT, loss->reason);
  mf_store32 (body + LOSS_REASON_AT + 4, 0);
  body += LOSS_BODY;
  for (int i = 0; i < 3; i++)
    body = put_counted (body, texts[i], n[i]);
  return !w->failed;
}

bool
mf_wire_write_fact (MfWireWriter *w, const char *key, const char *value)
{
  size_t n_key = strnlen (key, MF_WIRE_NAME_MAX), n_value = strnlen (value, 4096);
  uint8_t *body = put_lone_record (w, RECORD_FACT, 8 + n_key + n_value);
  put_counted (put_counted (body, key, n_key), value, n_value);
  return !w->failed;
}

bool
mf_wire_write_flush (MfWireWriter *w)
{
  if (!w->begun)
    put_file_header (w);
  return mf_wire_close_block (w);
}

static size_t
end_bytes (const MfWireWriter *w)
{
  size_t n = END_BODY;
  for (uint32_t i = 0; i < w->n_schemas; i++)
    n += TOTAL_BODY + 4 + strlen (w->schemas[i].type->name);
  return n;
}

bool
mf_wire_write_end (MfWireWriter *w)
{
  uint8_t *body = put_lone_record (w, RECORD_END, end_bytes (w));
  if (!body) // a writer with small blocks and more types than fit: its captures stay without a
             // proof
    return mf_wire_write_flush (w);
  memset (body, 0, END_BODY);
  mf_store32 (body + END_TOTALS_AT, w->n_schemas);
  body += END_BODY;
  for (uint32_t i = 0; i < w->n_schemas; i++) {
    const char *name = w->schemas[i].type->name;
    mf_store64 (body + TOTAL_SCHEMA_AT, i);
    mf_store64 (body + TOTAL_ROWS_AT, w->schemas[i].rows);
    body = put_counted (body + TOTAL_BODY, name, strlen (name));
  }
  return mf_wire_write_flush (w);
}

uint64_t
mf_wire_writer_rows (const MfWireWriter *writer)
{
  return writer->rows + writer->coder.rows;
}

uint64_t
mf_wire_writer_refused (const MfWireWriter *writer)
{
  return writer->refused;
}
