// SPDX-License-Identifier: Apache-2.0
// Reading one field of a row by its schema.
#include "fields.h"

#include <math.h>

// clang-format off
static const struct {
  const char *name, *unit;
  uint8_t width;  // 0 = 1, 2 or 4
  bool is_signed, is_number;
} kinds[MF_N_KINDS] = {
  [MF_NONE] = { "?", "", 255, false, false },
  [MF_BOOL] = { "bool", "", 1, false, false },
  [MF_U8] = { "u8", "", 1, false, true },
  [MF_U16] = { "u16", "", 2, false, true },
  [MF_U32] = { "u32", "", 4, false, true },
  [MF_U64] = { "u64", "", 8, false, true },
  [MF_I8] = { "i8", "", 1, true, true },
  [MF_I16] = { "i16", "", 2, true, true },
  [MF_I32] = { "i32", "", 4, true, true },
  [MF_I64] = { "i64", "", 8, true, true },
  [MF_F64] = { "f64", "", 8, false, true },
  [MF_ENUM] = { "enum", "", 0, false, false },
  [MF_FLAGS] = { "flags", "", 0, false, false },
  [MF_TIME] = { "time", "ns", 8, true, true },
  [MF_DURATION] = { "duration", "ns", 8, true, true },
  [MF_ADDRESS] = { "address", "", 8, false, false },
  [MF_SIZE] = { "size", "B", 8, false, true },
  [MF_STRING] = { "string", "", 4, false, false },
  [MF_STACK] = { "stack", "", 4, false, false },
  [MF_TEXT] = { "text", "", 8, false, false },
};
// clang-format on

static bool
width_fits (const MfField *field)
{
  unsigned width = kinds[field->kind].width;
  return width != 0 ? field->width == width
                    : field->width == 1 || field->width == 2 || field->width == 4;
}

bool
mf_field_fits (const MfType *type, const MfField *field)
{
  return field->name && field->kind < MF_N_KINDS && width_fits (field)
         && field->offset <= type->row_size && field->width <= type->row_size - field->offset;
}

uint64_t
mf_field_bits (const MfField *field, const uint8_t *row)
{
  uint64_t bits = 0;
  uint32_t word = 0;
  uint16_t half = 0;
  switch (field->width) {
  case 8:
    memcpy (&bits, row + field->offset, 8);
    return bits;
  case 4:
    memcpy (&word, row + field->offset, 4);
    return word;
  case 2:
    memcpy (&half, row + field->offset, 2);
    return half;
  default:
    return row[field->offset];
  }
}

int64_t
mf_field_signed (const MfField *field, const uint8_t *row)
{
  unsigned shift = 64 - 8u * field->width;
  return (int64_t) (mf_field_bits (field, row) << shift) >> shift;
}

static double
field_f64 (const MfField *field, const uint8_t *row)
{
  double value;
  memcpy (&value, row + field->offset, sizeof value);
  return value;
}

static bool
all_bits_set (const MfField *field, const uint8_t *row)
{
  return mf_field_bits (field, row) == UINT64_MAX >> (64 - 8u * field->width);
}

bool
mf_field_unknown (const MfField *field, const uint8_t *row)
{
  switch (field->kind) {
  case MF_TIME:
    return mf_field_bits (field, row) == (uint64_t) MF_TIME_NONE.ns;
  case MF_SIZE:
  case MF_ADDRESS:
    return all_bits_set (field, row);
  case MF_F64:
    return !isfinite (field_f64 (field, row));
  case MF_STRING:
  case MF_STACK:
    return mf_field_bits (field, row) == 0;
  default:
    return (field->flags & MF_FIELD_OPTIONAL) && all_bits_set (field, row);
  }
}

bool
mf_kind_is_signed (unsigned kind)
{
  return kind < MF_N_KINDS && kinds[kind].is_signed;
}

bool
mf_kind_is_number (unsigned kind)
{
  return kind < MF_N_KINDS && kinds[kind].is_number;
}

double
mf_field_real (const MfField *field, const uint8_t *row)
{
  if (!mf_kind_is_number (field->kind) || mf_field_unknown (field, row))
    return NAN;
  if (field->kind == MF_F64)
    return field_f64 (field, row);
  return mf_kind_is_signed (field->kind) ? (double) mf_field_signed (field, row)
                                         : (double) mf_field_bits (field, row);
}

const char *
mf_field_unit (const MfField *field)
{
  static const char *const units[MF_N_UNITS] = {
    [MF_UNIT_NONE] = "",
    [MF_UNIT_BYTES] = "B",
    [MF_UNIT_NANOSECONDS] = "ns",
    [MF_UNIT_PERCENT] = "%",
    [MF_UNIT_RATIO] = "ratio",
    [MF_UNIT_BLOCKS] = "blocks",
    [MF_UNIT_ROWS] = "rows",
    [MF_UNIT_CALLS] = "calls",
    [MF_UNIT_PER_SECOND] = "1/s",
  };
  if (field->kind < MF_N_KINDS && kinds[field->kind].unit[0])
    return kinds[field->kind].unit;
  return field->unit < MF_N_UNITS ? units[field->unit] : "";
}

const char *
mf_kind_name (unsigned kind)
{
  return kinds[kind < MF_N_KINDS ? kind : MF_NONE].name;
}

const char *
mf_field_label (const MfField *field, uint64_t value)
{
  if (!field->labels)
    return NULL;
  for (uint64_t i = 0; field->labels[i]; i++)
    if (i == value)
      return field->labels[i];
  return NULL;
}

bool
mf_text_inside (const MfBatch *batch, MfText text)
{
  return text.offset <= batch->text_size && text.length <= batch->text_size - text.offset;
}

const MfField *
mf_field_by_role (const MfType *type, unsigned role)
{
  for (uint32_t i = 0; i < type->n_fields; i++)
    if (type->fields[i].role == role && mf_field_fits (type, &type->fields[i]))
      return &type->fields[i];
  return NULL;
}
