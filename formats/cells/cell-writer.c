// SPDX-License-Identifier: Apache-2.0
// Rows as text, by schema alone.
#include "cell-writer.h"

#include "digits.h"

#include <glib.h>
#include <math.h>

enum {
  SHORT = 32,       // bytes copied at once: a prefix, an unknown cell
  NUMBER_ROOM = 64, // of one cell without its prefix: digits or a short copy
  STRING_SLOTS = 512,
  STACK_SLOTS = 1024,
  DRAIN = 64 * 1024
};

// Rendered names: slot = id modulo the number of slots. A length of 0 = empty.
struct MfNameSlot {
  uint32_t id;
  uint16_t length;
  char bytes[58];
};
struct MfStackSlot {
  uint32_t id;
  uint16_t length;
  char bytes[250];
};
_Static_assert(sizeof (struct MfNameSlot) == 64, "a name slot is one cache line");
_Static_assert(sizeof (struct MfStackSlot) == 256, "a stack slot is four cache lines");

typedef struct {
  uint32_t start, length;
} Label;

typedef struct {
  const MfCellStyle *style;
  const MfRowJob *job;
  const MfBatch *batch;
  size_t row_room; // that every cell leaves behind itself
} Run;

typedef struct Cell Cell;
typedef char *(*WriteCell) (const Run *run, const Cell *cell, const uint8_t *row, char *to);

struct Cell {
  WriteCell write, known; // `known` follows when `write` has found that the value is known
  uint32_t offset, n_labels, prefix_length, unknown_length;
  char prefix[SHORT], unknown[8];
  const char *long_prefix; // when it is longer than `prefix`
  const MfField *field;
  const Label *labels;
  const char *label_bytes;
};

struct MfCellWriter {
  const MfCellStyle *style;
  uint32_t n_cells;
  size_t extent, fixed_room; // bytes of a row that are read; room of all cells but the long ones
  MfBuffer names;            // long prefixes and labels, rendered
  GArray *labels;
  Cell cells[];
};

// ---- cells of bounded length

static inline char *
put_prefix (const Cell *cell, char *to)
{
  if (G_LIKELY (cell->prefix_length <= SHORT))
    memcpy (to, cell->prefix, SHORT);
  else
    memcpy (to, cell->long_prefix, cell->prefix_length);
  return to + cell->prefix_length;
}

static inline char *
put_unknown (const Cell *cell, char *to)
{
  memcpy (to, cell->unknown, sizeof cell->unknown);
  return to + cell->unknown_length;
}

#define LOAD(Number, value)                                                                        \
  Number value;                                                                                    \
  memcpy (&value, row + cell->offset, sizeof value)

#define INTEGER_CELL(Number, put)                                                                  \
  static char *write_##Number (const Run *run, const Cell *cell, const uint8_t *row, char *to)     \
  {                                                                                                \
    (void) run;                                                                                    \
    LOAD (Number, value);                                                                          \
    return put (to, value);                                                                        \
  }
INTEGER_CELL (uint8_t, mf_put_u64)
INTEGER_CELL (uint16_t, mf_put_u64)
INTEGER_CELL (uint32_t, mf_put_u64)
INTEGER_CELL (uint64_t, mf_put_u64)
INTEGER_CELL (int8_t, mf_put_i64)
INTEGER_CELL (int16_t, mf_put_i64)
INTEGER_CELL (int32_t, mf_put_i64)
INTEGER_CELL (int64_t, mf_put_i64)

static char *
write_unknown (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  (void) run, (void) row;
  return put_unknown (cell, to);
}

static char *
write_optional (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  return mf_field_unknown (cell->field, row) ? put_unknown (cell, to)
                                             : cell->known (run, cell, row, to);
}

static char *
write_size (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  (void) run;
  LOAD (uint64_t, value);
  return value == MF_SIZE_NONE.bytes ? put_unknown (cell, to) : mf_put_u64 (to, value);
}

static char *
write_time (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  (void) run;
  LOAD (int64_t, value);
  return value == MF_TIME_NONE.ns ? put_unknown (cell, to) : mf_put_i64 (to, value);
}

static char *
write_address (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  LOAD (uint64_t, value);
  if (value == MF_ADDRESS_NONE.at)
    return put_unknown (cell, to);
  if (!run->style->quoted_addresses)
    return mf_put_hex (to, value);
  *to = '"';
  to = mf_put_hex (to + 1, value);
  *to = '"';
  return to + 1;
}

static char *
write_bool (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  (void) run;
  bool set = row[cell->offset] != 0;
  memcpy (to, set ? "true\0" : "false", 5);
  return to + (set ? 4 : 5);
}

// ---- cells without a bound

// The bytes that a style's function appends, and again the room for what follows in the row.
static inline void
open_tail (const Run *run, char *to)
{
  run->job->out->length = (size_t) (to - run->job->out->bytes);
}

static inline char *
close_tail (const Run *run)
{
  MfBuffer *out = run->job->out;
  mf_buffer_reserve (out, run->row_room);
  return out->bytes + out->length;
}

static char *
write_enum (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  uint64_t value = mf_field_bits (cell->field, row);
  if (value >= cell->n_labels)
    return mf_put_u64 (to, value);
  const Label *label = &cell->labels[value];
  if (G_LIKELY (label->length <= SHORT)) {
    memcpy (to, cell->label_bytes + label->start, SHORT);
    return to + label->length;
  }
  open_tail (run, to);
  mf_buffer_put (run->job->out, cell->label_bytes + label->start, label->length);
  return close_tail (run);
}

static char *
write_flags (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  open_tail (run, to);
  run->style->flags (run->job->out, cell->field, (uint32_t) mf_field_bits (cell->field, row));
  return close_tail (run);
}

static char *
write_real (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  LOAD (double, value);
  if (!isfinite (value))
    return put_unknown (cell, to);
  open_tail (run, to);
  mf_put_real (run->job->out, value);
  return close_tail (run);
}

static char *
write_text (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  LOAD (MfText, text);
  if (!mf_text_inside (run->batch, text))
    return put_unknown (cell, to);
  open_tail (run, to);
  run->style->text (run->job->out, mf_batch_text (run->batch, text), text.length);
  return close_tail (run);
}

// ---- interned names, rendered once

static struct MfNameSlot *
name_slot (const Run *run, uint32_t id)
{
  return run->job->cache->strings ? &run->job->cache->strings[id % STRING_SLOTS] : NULL;
}

static char *
write_string (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  LOAD (MfString, string);
  if (string.id == 0)
    return put_unknown (cell, to);
  struct MfNameSlot *slot = name_slot (run, string.id);
  if (slot && slot->id == string.id) {
    memcpy (to, slot->bytes, sizeof slot->bytes);
    return to + slot->length;
  }
  MfBuffer *out = run->job->out;
  open_tail (run, to);
  size_t start = out->length;
  const char *text = mf_names_string (run->job->names, string);
  run->style->text (out, text, strlen (text));
  size_t length = out->length - start;
  if (slot && !out->failed && length <= sizeof slot->bytes) {
    *slot = (struct MfNameSlot){ .id = string.id, .length = (uint16_t) length };
    memcpy (slot->bytes, out->bytes + start, length);
  }
  return close_tail (run);
}

static struct MfStackSlot *
stack_slot (const Run *run, uint32_t id)
{
  return run->job->cache->stacks ? &run->job->cache->stacks[id % STACK_SLOTS] : NULL;
}

static char *
write_stack (const Run *run, const Cell *cell, const uint8_t *row, char *to)
{
  LOAD (MfStack, stack);
  if (stack.id == 0)
    return put_unknown (cell, to);
  struct MfStackSlot *slot = stack_slot (run, stack.id);
  if (slot && slot->id == stack.id) {
    memcpy (to, slot->bytes, slot->length);
    return to + slot->length;
  }
  MfBuffer *out = run->job->out;
  open_tail (run, to);
  size_t start = out->length;
  run->style->stack (out, run->job->names, stack);
  size_t length = out->length - start;
  if (slot && !out->failed && length <= sizeof slot->bytes) {
    slot->id = stack.id;
    slot->length = (uint16_t) length;
    memcpy (slot->bytes, out->bytes + start, length);
  }
  return close_tail (run);
}

static void
fill_strings (MfNameCache *cache, MfMemory memory)
{
  size_t bytes = STRING_SLOTS * sizeof *cache->strings;
  cache->strings = memory.resize (memory.user, NULL, bytes);
  if (cache->strings)
    memset (cache->strings, 0, bytes);
}

static void
fill_stacks (MfNameCache *cache, MfMemory memory)
{
  cache->stacks = memory.resize (memory.user, NULL, STACK_SLOTS * sizeof *cache->stacks);
  for (size_t i = 0; cache->stacks && i < STACK_SLOTS; i++)
    cache->stacks[i].id = 0;
}

// A cache that cannot be had is done without, until the next batch.
static void
fill_cache (MfNameCache *cache, MfMemory memory)
{
  if (!cache->strings)
    fill_strings (cache, memory);
  if (!cache->stacks)
    fill_stacks (cache, memory);
}

void
mf_name_cache_free (MfNameCache *cache, MfMemory memory)
{
  if (cache->strings)
    memory.resize (memory.user, cache->strings, 0);
  if (cache->stacks)
    memory.resize (memory.user, cache->stacks, 0);
  *cache = (MfNameCache){ NULL, NULL };
}

// ---- numbers with a fraction

// Whole numbers below 2^53 are exact as integers.
static bool
put_whole (MfBuffer *to, double value)
{
  if (value != floor (value) || fabs (value) >= 9007199254740992.0
      || (value == 0 && signbit (value)))
    return false;
  if (mf_buffer_reserve (to, MF_DIGITS_MAX))
    to->length = (size_t) (mf_put_i64 (to->bytes + to->length, (int64_t) value) - to->bytes);
  return true;
}

void
mf_put_real (MfBuffer *to, double value)
{
  static const char *const precisions[] = { "%.15g", "%.16g", "%.17g" };
  if (put_whole (to, value))
    return;
  char digits[G_ASCII_DTOSTR_BUF_SIZE];
  for (size_t i = 0; i < G_N_ELEMENTS (precisions); i++) {
    g_ascii_formatd (digits, sizeof digits, precisions[i], value);
    if (g_ascii_strtod (digits, NULL) == value)
      break;
  }
  mf_buffer_put_text (to, digits);
}

// ---- choosing the functions

// clang-format off
static const WriteCell by_kind[MF_N_KINDS] = {
  [MF_NONE] = write_unknown, [MF_BOOL] = write_bool,
  [MF_U8] = write_uint8_t, [MF_U16] = write_uint16_t,
  [MF_U32] = write_uint32_t, [MF_U64] = write_uint64_t,
  [MF_I8] = write_int8_t, [MF_I16] = write_int16_t,
  [MF_I32] = write_int32_t, [MF_I64] = write_int64_t,
  [MF_F64] = write_real, [MF_ENUM] = write_enum, [MF_FLAGS] = write_flags,
  [MF_TIME] = write_time, [MF_DURATION] = write_int64_t,
  [MF_ADDRESS] = write_address, [MF_SIZE] = write_size,
  [MF_STRING] = write_string, [MF_STACK] = write_stack, [MF_TEXT] = write_text,
};
// clang-format on

static void
choose_functions (Cell *cell, const MfType *type, const MfField *field)
{
  cell->field = field;
  cell->offset = field->offset;
  if (!mf_field_fits (type, field)) {
    cell->write = write_unknown;
    return;
  }
  cell->known = by_kind[field->kind];
  cell->write = field->flags & MF_FIELD_OPTIONAL ? write_optional : cell->known;
}

// Renders the labels of an enum into `writer->names`; their places are noted in `writer->labels`.
static void
render_labels (MfCellWriter *writer, Cell *cell)
{
  const char *const *labels = cell->field->kind == MF_ENUM ? cell->field->labels : NULL;
  for (; labels && labels[cell->n_labels]; cell->n_labels++) {
    const char *label = labels[cell->n_labels];
    Label place = { .start = (uint32_t) writer->names.length };
    writer->style->text (&writer->names, label, strlen (label));
    place.length = (uint32_t) writer->names.length - place.start;
    g_array_append_val (writer->labels, place);
  }
}

// Renders the prefix; a long one stays in `writer->names`, at the place that is returned.
static size_t
render_prefix (MfCellWriter *writer, Cell *cell, const MfType *type, uint32_t field)
{
  size_t start = writer->names.length;
  writer->style->prefix (writer->style, type, field, &writer->names);
  cell->prefix_length = (uint32_t) (writer->names.length - start);
  if (cell->prefix_length > SHORT)
    return start;
  memcpy (cell->prefix, writer->names.bytes + start, cell->prefix_length);
  writer->names.length = start;
  return start;
}

static size_t
room_of (const Cell *cell)
{
  size_t value = cell->known == write_stack ? sizeof (struct MfStackSlot) : NUMBER_ROOM;
  return value + MAX (cell->prefix_length, SHORT);
}

// The names have stopped moving: turns places into addresses.
static void
settle_names (MfCellWriter *writer, const size_t *prefixes)
{
  uint32_t first_label = 0;
  static const char slack[SHORT];
  mf_buffer_put (&writer->names, slack, sizeof slack);
  for (uint32_t i = 0; i < writer->n_cells; i++) {
    Cell *cell = &writer->cells[i];
    cell->long_prefix = writer->names.bytes + prefixes[i];
    cell->label_bytes = writer->names.bytes;
    cell->labels = (const Label *) (void *) writer->labels->data + first_label;
    first_label += cell->n_labels;
  }
}

// A schema is small, and without it nothing can be written: no memory for it ends the program.
static void *
resize_schema (void *user, void *old, size_t bytes)
{
  (void) user;
  return g_realloc (old, bytes);
}

MfCellWriter *
mf_cell_writer_new (const MfType *type, const MfCellStyle *style)
{
  MfCellWriter *writer = g_malloc0 (sizeof *writer + type->n_fields * sizeof (Cell));
  g_autofree size_t *prefixes = g_new0 (size_t, type->n_fields + 1);
  writer->style = style;
  writer->n_cells = type->n_fields;
  writer->labels = g_array_new (FALSE, FALSE, sizeof (Label));
  mf_buffer_init (&writer->names, (MfMemory){ NULL, resize_schema });
  for (uint32_t i = 0; i < type->n_fields; i++) {
    Cell *cell = &writer->cells[i];
    choose_functions (cell, type, &type->fields[i]);
    cell->unknown_length = (uint32_t) strlen (style->unknown);
    memcpy (cell->unknown, style->unknown, MIN (cell->unknown_length, sizeof cell->unknown));
    prefixes[i] = render_prefix (writer, cell, type, i);
    if (cell->known)
      writer->extent = MAX (writer->extent, (size_t) cell->offset + cell->field->width);
    if (cell->known == write_enum)
      render_labels (writer, cell);
    writer->fixed_room += room_of (cell);
  }
  settle_names (writer, prefixes);
  return writer;
}

void
mf_cell_writer_free (MfCellWriter *writer)
{
  if (!writer)
    return;
  mf_buffer_free (&writer->names);
  g_array_unref (writer->labels);
  g_free (writer);
}

// ---- rows

static char *
write_row (const MfCellWriter *writer, const Run *run, const uint8_t *row, char *to)
{
  memcpy (to, run->job->lead, run->job->lead_length);
  to += run->job->lead_length;
  for (const Cell *cell = writer->cells, *end = cell + writer->n_cells; cell != end; cell++)
    to = cell->write (run, cell, row, put_prefix (cell, to));
  size_t n = strlen (run->style->row_end);
  memcpy (to, run->style->row_end, n);
  return to + n;
}

static bool
drain (const MfRowJob *job)
{
  bool taken = job->out->length == 0
               || job->sink.write (job->sink.user, job->out->bytes, job->out->length);
  job->out->length = 0;
  return taken;
}

MfRowsResult
mf_cell_writer_rows (MfCellWriter *writer, const MfBatch *batch, const MfRowJob *job)
{
  MfBuffer *out = job->out;
  Run run = { writer->style, job, batch,
    writer->fixed_room + job->lead_length + strlen (writer->style->row_end) };
  if (batch->stride < writer->extent)
    return MF_ROWS_MISFIT;
  fill_cache (job->cache, out->memory);
  const uint8_t *row = batch->rows;
  for (uint32_t i = 0; i < batch->n_rows; i++, row += batch->stride) {
    if (!mf_buffer_reserve (out, run.row_room))
      return MF_ROWS_NO_MEMORY;
    char *end = write_row (writer, &run, row, out->bytes + out->length);
    if (out->failed)
      return MF_ROWS_NO_MEMORY;
    out->length = (size_t) (end - out->bytes);
    if (out->length > DRAIN && !drain (job))
      return MF_ROWS_STOPPED;
  }
  return drain (job) ? MF_ROWS_WRITTEN : MF_ROWS_STOPPED;
}
