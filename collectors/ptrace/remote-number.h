// SPDX-License-Identifier: Apache-2.0
// Numbers in copies of another process's memory: little-endian, of any width up to 8 bytes.
#pragma once

#include <glib.h>
#include <string.h>

// Of 4 or 8 bytes it is one load.
static inline uint64_t
mf_number_in (const uint8_t *bytes, size_t at, unsigned width)
{
  uint64_t wide = 0;
  uint32_t narrow;
  switch (width) {
  case sizeof narrow:
    memcpy (&narrow, bytes + at, sizeof narrow);
    return GUINT32_FROM_LE (narrow);
  case sizeof wide:
    memcpy (&wide, bytes + at, sizeof wide);
    return GUINT64_FROM_LE (wide);
  default:
    memcpy (&wide, bytes + at, width);
    return GUINT64_FROM_LE (wide);
  }
}
