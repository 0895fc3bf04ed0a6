// SPDX-License-Identifier: Apache-2.0
// What the kinds of fields are in memory.
#include "rows.h"

// The widths that a kind may have (a sum of powers of two) and the number in it that is swapped as
// one.
// clang-format off
static const struct { uint8_t widths, unit; } KINDS[MF_N_KINDS] = {
  [MF_BOOL] = { 1, 0 }, [MF_U8] = { 1, 0 }, [MF_U16] = { 2, 0 }, [MF_U32] = { 4, 0 },
  [MF_U64] = { 8, 0 }, [MF_I8] = { 1, 0 }, [MF_I16] = { 2, 0 }, [MF_I32] = { 4, 0 },
  [MF_I64] = { 8, 0 }, [MF_F64] = { 8, 0 }, [MF_ENUM] = { 1 + 2 + 4, 0 },
  [MF_FLAGS] = { 1 + 2 + 4, 0 }, [MF_TIME] = { 8, 0 }, [MF_DURATION] = { 8, 0 },
  [MF_ADDRESS] = { 8, 0 }, [MF_SIZE] = { 8, 0 }, [MF_STRING] = { 4, 0 }, [MF_STACK] = { 4, 0 },
  [MF_TEXT] = { 8, 4 },  // offset, length
};
// clang-format on

_Static_assert(sizeof (bool) == 1 && sizeof (double) == 8, "rows hold them as one and eight bytes");
_Static_assert(sizeof (MfText) == 8 && offsetof (MfText, length) == 4, "a text is two numbers");

bool
mf_row_kind_fits (uint32_t kind, uint32_t width)
{
  bool power = width && !(width & (width - 1));
  return kind < MF_N_KINDS && power && (KINDS[kind].widths & width);
}

uint32_t
mf_row_alignment (uint32_t kind, uint32_t width)
{
  return KINDS[kind].unit ? KINDS[kind].unit : width;
}

uint32_t
mf_row_fields_of (const MfType *type, uint32_t kinds, uint16_t *fields)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < type->n_fields; i++)
    if (kinds >> type->fields[i].kind & 1)
      fields[n++] = (uint16_t) i;
  return n;
}

static void
reverse (uint8_t *at, uint32_t n)
{
  for (uint32_t i = 0; i < n / 2; i++) {
    uint8_t byte = at[i];
    at[i] = at[n - 1 - i];
    at[n - 1 - i] = byte;
  }
}

static void
swap_field (const MfField *field, uint8_t *at)
{
  uint32_t unit = mf_row_alignment (field->kind, field->width);
  for (uint32_t i = 0; i < field->width; i += unit)
    reverse (at + i, unit);
}

void
mf_row_swap (const MfType *type, uint8_t *rows, uint32_t n)
{
  for (; n; n--, rows += type->row_size)
    for (uint32_t i = 0; i < type->n_fields; i++)
      swap_field (&type->fields[i], rows + type->fields[i].offset);
}
