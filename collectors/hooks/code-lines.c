// SPDX-License-Identifier: Apache-2.0
// The three forms of line tables. Arithmetic is modulo 2^32: strange tables give strange lines, never more.
#include "code-lines.h"

static uint32_t
line_of_lnotab (uint32_t line, const uint8_t *table, uint32_t n, uint32_t at)
{
  uint32_t address = 0;
  for (uint32_t i = 0; i + 1 < n; i += 2) {
    address += table[i];
    if (address > at)
      break;
    line += (uint32_t) (int8_t) table[i + 1];
  }
  return line;
}

static uint32_t
line_of_linetable (uint32_t line, const uint8_t *table, uint32_t n, uint32_t at)
{
  enum { NO_LINE = -128 };
  uint32_t end = 0;
  for (uint32_t i = 0; i + 1 < n; i += 2) {
    int8_t delta = (int8_t) table[i + 1];
    end += table[i];
    if (delta != NO_LINE)
      line += (uint32_t) delta;
    if (at < end)
      return delta == NO_LINE ? 0 : line;
  }
  return 0;
}

// Six bits a byte, the lowest first; the lowest bit of the number is its sign.
static uint32_t
signed_number (const uint8_t *bytes, uint32_t n)
{
  uint32_t number = 0;
  for (uint32_t i = 0, shift = 0; i < n && shift < 32; i++, shift += 6) {
    number |= (uint32_t) (bytes[i] & 0x3f) << shift;
    if (!(bytes[i] & 0x40))
      break;
  }
  return number & 1 ? 0u - (number >> 1) : number >> 1;
}

static uint32_t
line_of_locations (uint32_t line, const uint8_t *table, uint32_t n, uint32_t at)
{
  enum { ONE_LINE_0 = 10, NO_COLUMNS = 13, LONG = 14, NO_LOCATION = 15, UNIT = 2 };
  uint32_t end = 0;
  for (uint32_t i = 0; i < n;) {
    uint32_t form = table[i] >> 3 & 15;
    end += ((table[i] & 7u) + 1) * UNIT;
    i++;
    if (form == LONG || form == NO_COLUMNS)
      line += signed_number (table + i, n - i);
    else if (form >= ONE_LINE_0 && form < NO_COLUMNS)
      line += form - ONE_LINE_0;
    if (at < end)
      return form == NO_LOCATION ? 0 : line;
    while (i < n && !(table[i] & 0x80))
      i++;
  }
  return 0;
}

uint32_t
mf_code_line (uint16_t version, uint32_t first_line, const uint8_t *table, uint32_t n, int32_t at)
{
  if (at < 0 || !n)
    return first_line;
  if (version >= 0x030b)
    return line_of_locations (first_line, table, n, (uint32_t) at);
  return (version == 0x030a ? line_of_linetable : line_of_lnotab) (first_line, table, n, (uint32_t) at);
}
