// SPDX-License-Identifier: Apache-2.0
// CSV by RFC 4180.
#include "csv-cells.h"

#include <csv.h>
#include <glib.h>

#include "cells/digits.h"
#include "cells/escape.h"

static const char *const leading[] = { "input", "stage", "epoch" };

static bool
is_leading (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (leading); i++)
    if (strcmp (leading[i], name) == 0)
      return true;
  return false;
}

// Both separators are quoted, so that a file survives a change of separator by hand.
static bool
needs_quotes (const char *bytes, size_t n)
{
  if (n == 0 || bytes[0] == ' ' || bytes[n - 1] == ' ')
    return true;
  for (size_t i = 0; i < n; i++)
    if (bytes[i] == '"' || bytes[i] == ',' || bytes[i] == ';')
      return true;
  return false;
}

// Puts what stands behind `start` in quotes.
static void
quote_tail (MfBuffer *to, size_t start)
{
  size_t n = to->length - start;
  if (n > SIZE_MAX / 4 || !mf_buffer_reserve (to, 2 * n + 2))
    return;
  char *plain = to->bytes + start;
  size_t quoted = csv_write (plain + n, 2 * n + 2, plain, n);
  memmove (plain, plain + n, quoted);
  to->length = start + quoted;
}

static void
put_text (MfBuffer *to, const char *bytes, size_t n)
{
  size_t start = to->length;
  if (n > 0 && memchr ("=+-@\t\r\n", bytes[0], 7))
    mf_buffer_put_char (to, '\'');
  mf_escape (to, MF_ESCAPE_PLAIN, bytes, n);
  if (!to->failed && needs_quotes (to->bytes + start, to->length - start))
    quote_tail (to, start);
}

static void
put_stack (MfBuffer *to, const MfNames *names, MfStack stack)
{
  MfBuffer line;
  mf_buffer_init (&line, to->memory);
  mf_put_stack_line (&line, names, stack);
  to->failed |= line.failed;
  put_text (to, line.bytes ? line.bytes : "", line.length);
  mf_buffer_free (&line);
}

// Labels joined by |, unknown bits as one number behind them; 0 when none is set.
static void
put_flags (MfBuffer *to, const MfField *field, uint32_t bits)
{
  MfBuffer joined;
  mf_buffer_init (&joined, to->memory);
  uint32_t unnamed = bits;
  for (unsigned bit = 0; bit < 32; bit++) {
    const char *label = bits >> bit & 1 ? mf_field_label (field, bit) : NULL;
    if (!label)
      continue;
    unnamed &= ~(1u << bit);
    mf_buffer_printf (&joined, "%s%s", joined.length ? "|" : "", label);
  }
  if (unnamed != 0)
    mf_buffer_printf (&joined, "%s0x%x", joined.length ? "|" : "", unnamed);
  to->failed |= joined.failed;
  if (joined.length)
    put_text (to, joined.bytes, joined.length);
  else
    mf_buffer_put_char (to, '0');
  mf_buffer_free (&joined);
}

static void
put_prefix (const MfCellStyle *style, const MfType *type, uint32_t field, MfBuffer *to)
{
  (void) type, (void) field;
  mf_buffer_put_char (to, style->separator);
}

MfCellStyle
mf_csv_style (char separator, const char *row_end)
{
  return (MfCellStyle){ .unknown = "",
    .row_end = row_end,
    .separator = separator,
    .prefix = put_prefix,
    .text = put_text,
    .stack = put_stack,
    .flags = put_flags };
}

static void
put_column (MfBuffer *to, const MfField *field)
{
  const char *unit = mf_field_unit (field), *name = field->name ? field->name : "?";
  g_autofree char *column = g_strdup_printf ("%s%s%s%s%s", is_leading (name) ? "row." : "", name,
      *unit ? " (" : "", unit, *unit ? ")" : "");
  put_text (to, column, strlen (column));
}

void
mf_csv_header (MfBuffer *to, const MfCellStyle *style, const MfType *type)
{
  for (size_t i = 0; i < G_N_ELEMENTS (leading); i++) {
    if (i > 0)
      mf_buffer_put_char (to, style->separator);
    mf_buffer_put_text (to, leading[i]);
  }
  for (uint32_t i = 0; i < type->n_fields; i++) {
    mf_buffer_put_char (to, style->separator);
    put_column (to, &type->fields[i]);
  }
  mf_buffer_put_text (to, style->row_end);
}

static void
put_name (MfBuffer *to, const MfNames *names, MfString name)
{
  const char *text = mf_names_string (names, name);
  if (name.id != 0)
    put_text (to, text, strlen (text));
}

void
mf_csv_lead (MfBuffer *to, const MfCellStyle *style, const MfNames *names, const MfBatch *batch)
{
  put_name (to, names, batch->input);
  mf_buffer_put_char (to, style->separator);
  put_name (to, names, batch->stage);
  mf_buffer_put_char (to, style->separator);
  mf_buffer_printf (to, "%u", batch->epoch);
}

char *
mf_csv_file_name (const char *prefix, const MfType *type, bool fields)
{
  GString *name = g_string_new (prefix);
  g_string_append_c (name, '-');
  for (const char *c = type->name; *c; c++)
    if (g_ascii_isalnum (*c) || strchr (".-_", *c))
      g_string_append_c (name, *c);
    else
      g_string_append_printf (name, "%%%02x", (unsigned char) *c);
  if (type->major != 1)
    g_string_append_printf (name, "@%u", type->major);
  if (fields)
    g_string_append_printf (name, "+%u", type->n_fields);
  g_string_append (name, ".csv");
  return g_string_free (name, FALSE);
}

bool
mf_csv_names_type (const char *const *globs, uint32_t n, const char *type)
{
  bool hidden = g_str_has_prefix (type, "core.");
  if (strcmp (type, "core.lost") == 0)
    return true;
  for (uint32_t i = 0; i < n; i++)
    if ((!hidden || g_str_has_prefix (globs[i], "core."))
        && g_pattern_match_simple (globs[i], type))
      return true;
  return false;
}
