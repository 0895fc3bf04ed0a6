// SPDX-License-Identifier: Apache-2.0
// The same names and units as in the titles of a table.
#include "row-line.h"

#include "picture.h"

static bool
is_told (const MfType *type, const MfField *field)
{
  return mf_field_fits (type, field) && field->role != MF_ROLE_HIDDEN && field->role != MF_ROLE_KEY
         && field->role != MF_ROLE_PART;
}

static bool
needs_name (const MfField *field)
{
  return field->role != MF_ROLE_AT && field->role != MF_ROLE_LABEL;
}

// "33.7 KiB"
static char *
round_size (uint64_t bytes)
{
  static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
  double rounded = (double) bytes / 1024;
  guint unit = 0;
  if (bytes < 1000)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " B", bytes);
  for (; rounded >= 1000 && unit + 1 < G_N_ELEMENTS (units); unit++)
    rounded /= 1024;
  return g_strdup_printf ("%.1f %s", rounded, units[unit]);
}

// A value with its unit; "" when it is not known.
static char *
value_of (const MfPage *page, const MfField *field, const MfBatch *row)
{
  uint64_t bits = mf_field_bits (field, row->rows);
  if (mf_field_unknown (field, row->rows))
    return g_strdup ("");
  if (field->kind == MF_SIZE)
    return round_size (bits);
  if (field->kind == MF_TIME)
    return g_strdup_printf ("%.3f s", (double) (int64_t) bits / 1e9);
  g_autofree char *cell = mf_cell_text (page, field, row, row->rows);
  const char *unit = mf_field_unit (field);
  return g_strconcat (cell, *cell && *unit ? " " : "", unit, NULL);
}

static void
append_field (GString *line, const MfPage *page, const MfField *field, const MfBatch *row)
{
  g_autofree char *value = value_of (page, field, row);
  g_autofree char *name = mf_page_clean (page, field->name, strlen (field->name), 60);
  if (!*value)
    return;
  g_strdelimit (name, "_", ' ');
  g_string_append_printf (line, "%s%s%s%s", line->len ? "  " : "", needs_name (field) ? name : "",
      needs_name (field) ? " " : "", value);
}

void
mf_page_rows (MfPage *page, const MfBatch *batch)
{
  const MfType *type = batch->type;
  if (batch->stride < type->row_size)
    return;
  for (uint32_t i = 0; i < batch->n_rows; i++) {
    g_autoptr (GString) line = g_string_new (NULL);
    MfBatch row = *batch;
    row.rows = batch->rows + (size_t) i * batch->stride;
    for (uint32_t field = 0; field < type->n_fields; field++)
      if (is_told (type, &type->fields[field]))
        append_field (line, page, &type->fields[field], &row);
    mf_page_wrap (page, line->str, 2);
  }
}
