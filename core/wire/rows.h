// SPDX-License-Identifier: Apache-2.0
// Rows field by field: widths and alignment of kinds, which fields hold ids, the other byte order.
#pragma once

#include <memflow/event.h>

// True when a field of this kind may have this width.
bool mf_row_kind_fits (uint32_t kind, uint32_t width);

// The alignment in bytes of a field: rows are read as C structs.
uint32_t mf_row_alignment (uint32_t kind, uint32_t width);

// Writes the indices of the fields of these kinds (bits 1 << MfKind) to `fields`: how many.
uint32_t mf_row_fields_of (const MfType *type, uint32_t kinds, uint16_t *fields);

// Turns n rows, of type->row_size each, into the other byte order, in place.
void mf_row_swap (const MfType *type, uint8_t *rows, uint32_t n);

// Is the order of the rows in memory not that of the wire? `swapped`: they are not in the host's.
static inline bool
mf_row_foreign (bool swapped)
{
  return swapped != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}
