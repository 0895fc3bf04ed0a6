// SPDX-License-Identifier: Apache-2.0
// The three forms of line tables (CPython Objects/lnotab_notes.txt, PEP 626, Objects/locations.md)
// and the exception table (Objects/exception_handling_notes.txt). Lines are counted modulo 2^32:
// strange tables give strange lines.
#include "instructions.h"

enum { UNIT = 2 }; // bytes of a code unit

static int32_t
add_line (int32_t line, int32_t delta)
{
  return (int32_t) ((uint32_t) line + (uint32_t) delta);
}

// The range from what was reached up to `to`, which is cut at the end of the code.
static void
set_range (MfPyLines *lines, MfPyLocation *location, uint32_t to, int32_t line)
{
  to = to > lines->size ? lines->size : to;
  *location = (MfPyLocation){ lines->address, to, line, line, MF_PY_NO_COLUMN, MF_PY_NO_COLUMN };
  lines->address = to;
}

// ---- 3.8, 3.9: the byte delta comes before its line delta; what is behind the last pair has the
// last line

static bool
next_of_lnotab (MfPyLines *lines, MfPyLocation *location)
{
  uint32_t to = lines->address;
  int32_t line = lines->line;
  while (lines->end - lines->at >= 2 && to == lines->address) {
    to += lines->at[0];
    lines->line = add_line (lines->line, (int8_t) lines->at[1]);
    line = to == lines->address ? lines->line : line;
    lines->at += 2;
  }
  lines->malformed |= lines->end - lines->at == 1;
  set_range (lines, location, to == lines->address ? lines->size : to, line);
  return location->start < location->end;
}

// ---- 3.10: the line delta holds for the span of bytes before it; a line of -128 is none

static bool
next_of_linetable (MfPyLines *lines, MfPyLocation *location)
{
  enum { NONE = -128 };
  while (lines->end - lines->at >= 2) {
    uint32_t span = lines->at[0];
    int8_t delta = (int8_t) lines->at[1];
    lines->at += 2;
    if (delta != NONE)
      lines->line = add_line (lines->line, delta);
    if (!span)
      continue;
    set_range (lines, location, lines->address + span, delta == NONE ? MF_PY_NO_LINE : lines->line);
    return location->start < location->end;
  }
  lines->malformed |= lines->end != lines->at;
  return false;
}

// ---- since 3.11: entries of one to eight code units

// Six bits a byte, the lowest first.
static uint32_t
take_number (MfPyLines *lines)
{
  enum { BITS = 6, MORE = 0x40, LONGEST = 6 };
  uint32_t number = 0;
  for (uint32_t i = 0; i < LONGEST && lines->at < lines->end && !(*lines->at & 0x80); i++) {
    uint8_t byte = *lines->at++;
    number |= (uint32_t) (byte & (MORE - 1)) << i * BITS;
    if (!(byte & MORE))
      return number;
  }
  lines->malformed = true;
  return 0;
}

static int32_t
take_signed (MfPyLines *lines)
{
  uint32_t number = take_number (lines);
  return number & 1 ? -(int32_t) (number >> 1) : (int32_t) (number >> 1);
}

static uint32_t
take_byte (MfPyLines *lines)
{
  if (lines->at < lines->end)
    return *lines->at++;
  lines->malformed = true;
  return 0;
}

// A number one higher than what it means: 0 = not known.
static int32_t
take_column (MfPyLines *lines)
{
  return (int32_t) take_number (lines) - 1;
}

static void
take_position (MfPyLines *lines, uint32_t form, MfPyLocation *location)
{
  enum { ONE_LINE_0 = 10, NO_COLUMNS = 13, LONG = 14, SHORT_STEP = 8 };
  if (form < ONE_LINE_0) {
    uint32_t byte = take_byte (lines);
    location->column = (int32_t) (form * SHORT_STEP + (byte >> 4 & 7));
    location->end_column = location->column + (int32_t) (byte & 15);
  } else if (form < NO_COLUMNS) {
    location->column = (int32_t) take_byte (lines);
    location->end_column = (int32_t) take_byte (lines);
  } else if (form == LONG) {
    location->end_line = add_line (location->line, (int32_t) take_number (lines));
    location->column = take_column (lines);
    location->end_column = take_column (lines);
  }
}

static bool
next_of_locations (MfPyLines *lines, MfPyLocation *location)
{
  enum { ONE_LINE_0 = 10, NO_COLUMNS = 13, LONG = 14, NO_LOCATION = 15 };
  if (lines->at == lines->end || lines->malformed)
    return false;
  uint32_t head = *lines->at++, form = head >> 3 & 15;
  if (!(head & 0x80)) {
    lines->malformed = true;
    return false;
  }
  if (form == LONG || form == NO_COLUMNS)
    lines->line = add_line (lines->line, take_signed (lines));
  else if (form >= ONE_LINE_0 && form < NO_COLUMNS)
    lines->line = add_line (lines->line, (int32_t) (form - ONE_LINE_0));
  set_range (lines, location, lines->address + ((head & 7) + 1) * UNIT,
      form == NO_LOCATION ? MF_PY_NO_LINE : lines->line);
  take_position (lines, form, location);
  return location->start < location->end;
}

// ---- all forms

void
mf_py_lines_begin (MfPyLines *lines, const MfPyCode *code)
{
  mf_py_lines_begin_table (lines, code->module->header.version, code->firstlineno,
      code->linetable->bytes, code->linetable->n, code->bytecode->n);
}

void
mf_py_lines_begin_table (MfPyLines *lines, uint16_t version, int32_t first_line,
    const uint8_t *table, uint32_t n, uint32_t size)
{
  *lines = (MfPyLines){ .at = table, .end = table + n, .size = size, .line = first_line };
  lines->next = version >= 0x030b   ? next_of_locations
                : version == 0x030a ? next_of_linetable
                                    : next_of_lnotab;
}

bool
mf_py_lines_next (MfPyLines *lines, MfPyLocation *location)
{
  return lines->address < lines->size && lines->next (lines, location);
}

// ---- exception handlers

// Six bits a byte, the highest first; bit 7 marks the first byte of an entry.
static uint32_t
take_handler_number (MfPyHandlers *handlers, bool first)
{
  enum { BITS = 6, MORE = 0x40, START = 0x80, LONGEST = 5 };
  uint32_t number = 0;
  for (uint32_t i = 0; i < LONGEST && handlers->at < handlers->end; i++) {
    uint8_t byte = *handlers->at;
    if (!!(byte & START) != (first && !i))
      break;
    handlers->at++;
    number = number << BITS | (byte & (MORE - 1));
    if (!(byte & MORE))
      return number;
  }
  handlers->malformed = true;
  return 0;
}

void
mf_py_handlers_begin (MfPyHandlers *handlers, const MfPyCode *code)
{
  const MfPyValue *table = code->exceptiontable;
  *handlers = (MfPyHandlers){ 0 };
  if (table)
    *handlers = (MfPyHandlers){ table->bytes, table->bytes + table->n, false };
}

bool
mf_py_handlers_next (MfPyHandlers *handlers, MfPyHandler *handler)
{
  if (handlers->at == handlers->end || handlers->malformed)
    return false;
  uint32_t start = take_handler_number (handlers, true),
           length = take_handler_number (handlers, false);
  uint32_t target = take_handler_number (handlers, false),
           depth = take_handler_number (handlers, false);
  *handler = (MfPyHandler){ start * UNIT, (start + length) * UNIT, target * UNIT, depth >> 1,
    depth & 1 };
  return !handlers->malformed;
}
