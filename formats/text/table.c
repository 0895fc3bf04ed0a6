// SPDX-License-Identifier: Apache-2.0
// The view `table`: a column for each field, numbers to the right. What is too wide is left out
// from the right and named below. A key starts a new table; without one the last rows are shown.
#include "picture.h"

enum { GAP = 2, TEXT_LEAST = 12, LABEL_LEAST = 24, LINES = 4 }; // lines of one text at most

typedef struct {
  MfPicture picture;
  MfKeptRows *kept;
  uint64_t key;
} Table;

static void
table_open (MfPicture *picture)
{
  Table *table = (Table *) picture;
  table->kept = mf_kept_rows_new (
      picture->type, picture->options->rows, picture->roles[MF_ROLE_KEY] == NULL, picture->memory);
}

static bool
table_add (MfPicture *picture, const MfBatch *batch, const uint8_t *row)
{
  Table *table = (Table *) picture;
  uint64_t key = mf_picture_bits (picture->roles[MF_ROLE_KEY], row);
  if (key != table->key)
    mf_kept_rows_clear (table->kept);
  table->key = key;
  return mf_kept_rows_add (table->kept, batch, row);
}

// ---- columns

typedef struct {
  const MfField *field;
  char *title;
  char **cells; // one for each row
  unsigned natural, width;
  bool number, dropped;
} Column;

// An offset is written like those in front of the lines of a map.
static bool
is_offset (const MfField *field)
{
  return field->role == MF_ROLE_AT && field->kind == MF_SIZE;
}

static char *
title_of (const MfPage *page, const MfField *field)
{
  const char *unit = is_offset (field) ? "" : mf_field_unit (field);
  g_autofree char *name = mf_page_clean (page, field->name, strlen (field->name), 60);
  g_strdelimit (name, "_", ' ');
  return *unit ? g_strdup_printf ("%s (%s)", name, unit) : g_steal_pointer (&name);
}

static char *
text_of (const MfPage *page, const MfField *field, const MfBatch *batch)
{
  if (is_offset (field) && !mf_field_unknown (field, batch->rows))
    return g_strdup_printf (
        "0x%05" G_GINT64_MODIFIER "x", (guint64) mf_field_bits (field, batch->rows));
  return mf_cell_text (page, field, batch, batch->rows);
}

// Where all rows are of one part, none needs to say so.
static bool
is_one_part (const Column *column, uint32_t n)
{
  for (uint32_t i = 1; i < n; i++)
    if (strcmp (column->cells[i], column->cells[0]) != 0)
      return false;
  return column->field->role == MF_ROLE_PART;
}

static bool
any_cell (const Column *column, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    if (*column->cells[i])
      return true;
  return false;
}

// Renders the cells of a field. Columns without any value are dropped; they stay in JSON and CSV.
static Column
make_column (const Table *table, const MfPage *page, const MfField *field)
{
  uint32_t n = mf_kept_rows_n (table->kept);
  Column column = { .field = field,
    .title = title_of (page, field),
    .cells = g_new0 (char *, n + 1),
    .number = mf_kind_is_number (field->kind) };
  column.natural = mf_columns (column.title);
  for (uint32_t i = 0; i < n; i++) {
    MfBatch batch = mf_kept_rows_get (table->kept, i);
    column.cells[i] = text_of (page, field, &batch);
    column.natural = MAX (column.natural, mf_columns (column.cells[i]));
  }
  column.dropped = !any_cell (&column, n) || is_one_part (&column, n);
  return column;
}

static void
clear_column (void *data)
{
  Column *column = data;
  g_strfreev (column->cells);
  g_free (column->title);
}

static bool
is_shown (const MfType *type, const MfField *field)
{
  return mf_field_fits (type, field) && field->role != MF_ROLE_HIDDEN && field->role != MF_ROLE_KEY;
}

static GArray *
make_columns (const Table *table, const MfPage *page)
{
  const MfType *type = table->picture.type;
  GArray *columns = g_array_new (FALSE, FALSE, sizeof (Column));
  g_array_set_clear_func (columns, clear_column);
  for (uint32_t i = 0; i < type->n_fields; i++)
    if (is_shown (type, &type->fields[i])) {
      Column column = make_column (table, page, &type->fields[i]);
      g_array_append_val (columns, column);
    }
  return columns;
}

static Column *
column_at (GArray *columns, guint i)
{
  return &g_array_index (columns, Column, i);
}

// The least that a column can be: numbers whole, texts shortened.
static unsigned
least_width (const Column *column)
{
  unsigned least = column->field->role == MF_ROLE_LABEL ? LABEL_LEAST : TEXT_LEAST;
  return column->number ? column->natural : MIN (column->natural, least);
}

static unsigned
total_width (GArray *columns)
{
  unsigned total = 0;
  for (guint i = 0; i < columns->len; i++)
    if (!column_at (columns, i)->dropped)
      total += column_at (columns, i)->width + GAP;
  return total > 0 ? total - GAP : 0;
}

// Drops from the right until the rest fits, the label last. Appends the names of what went.
static void
drop_columns (GArray *columns, unsigned width, GString *dropped)
{
  for (guint pass = 0; pass < 2; pass++)
    for (guint i = columns->len; i > 0 && total_width (columns) > width; i--) {
      Column *column = column_at (columns, i - 1);
      if (column->dropped || (pass == 0 && column->field->role == MF_ROLE_LABEL))
        continue;
      column->dropped = true;
      g_autofree char *before = g_strdup (dropped->str);
      g_string_printf (dropped, "%s%s%s", column->title, *before ? ", " : "", before);
    }
}

static bool
is_brief (const Column *column)
{
  return column->field->flags & MF_FIELD_BRIEF;
}

// Brief texts give way before any other is shortened.
static void
drop_briefs (GArray *columns, unsigned width, GString *dropped)
{
  for (guint i = 0; i < columns->len; i++) {
    Column *column = column_at (columns, i);
    column->width = is_brief (column) ? MIN (column->natural, LABEL_LEAST) : column->natural;
  }
  for (guint i = 0; i < columns->len && total_width (columns) > width; i++)
    if (is_brief (column_at (columns, i)) && !column_at (columns, i)->dropped) {
      column_at (columns, i)->dropped = true;
      g_string_append_printf (
          dropped, "%s%s", dropped->len ? ", " : "", column_at (columns, i)->title);
    }
}

static void
fit_columns (GArray *columns, unsigned width, GString *dropped)
{
  drop_briefs (columns, width, dropped);
  for (guint i = 0; i < columns->len; i++)
    column_at (columns, i)->width = least_width (column_at (columns, i));
  drop_columns (columns, width, dropped);
  for (guint i = 0; i < columns->len; i++) {
    Column *column = column_at (columns, i);
    unsigned total = total_width (columns);
    if (!column->dropped && total < width)
      column->width += MIN (width - total, column->natural - column->width);
  }
}

// ---- drawing

// Ends a line by as much of a text as it holds; up to LINES lines hold more of it.
static void
put_rest (MfPage *page, GString *line, const char *rest, unsigned width)
{
  unsigned indent = mf_columns (line->str);
  for (guint i = 1;; i++) {
    const char *end = i == LINES ? rest + strlen (rest) : mf_break_line (rest, width);
    g_autofree char *piece = g_strndup (rest, (gsize) (end - rest));
    mf_put_padded (line, page, piece, width, false);
    mf_page_line (page, line->str);
    rest = end + strspn (end, " ");
    if (!*rest)
      return;
    g_string_printf (line, "%*s", (int) indent, "");
  }
}

static Column *
last_shown (GArray *columns)
{
  Column *last = NULL;
  for (guint i = 0; i < columns->len; i++)
    if (!column_at (columns, i)->dropped)
      last = column_at (columns, i);
  return last;
}

// Row number -1 is the titles. A text in the last column goes on below itself, unless it is brief.
static void
draw_row (MfPage *page, GArray *columns, int row)
{
  g_autoptr (GString) line = g_string_new (NULL);
  const Column *last = last_shown (columns);
  const char *rest = "";
  for (guint i = 0; i < columns->len; i++) {
    const Column *column = column_at (columns, i);
    const char *cell = row < 0 ? column->title : column->cells[row];
    if (column->dropped)
      continue;
    if (line->len > 0)
      g_string_append_printf (line, "%*s", GAP, "");
    if (column == last && !column->number && !is_brief (column))
      rest = cell;
    else
      mf_put_padded (line, page, cell, column->width, column->number);
  }
  put_rest (page, line, rest, last ? last->width : 0);
}

static void
draw_more (const Table *table, MfPage *page, uint32_t shown)
{
  uint64_t seen = mf_kept_rows_seen (table->kept);
  g_autoptr (GString) number = g_string_new (NULL);
  if (seen <= shown)
    return;
  mf_put_grouped (number, seen - shown);
  mf_page_printf (page, "%s %s %s rows", mf_page_sign (page, "…", "..."), number->str,
      table->picture.roles[MF_ROLE_KEY] ? "more" : "earlier");
}

static void
table_draw (MfPicture *picture, MfPage *page)
{
  const Table *table = (const Table *) picture;
  uint32_t n = mf_kept_rows_n (table->kept);
  g_autoptr (GString) dropped = g_string_new (NULL);
  g_autoptr (GArray) columns = make_columns (table, page);
  const MfField *key = picture->roles[MF_ROLE_KEY];
  g_autofree char *more = mf_picture_key_text (picture, page, table->key);
  fit_columns (columns, page->width, dropped);
  mf_picture_heading (picture, page, more);
  if (!key)
    draw_more (table, page, n);
  if (n > 0)
    draw_row (page, columns, -1);
  for (uint32_t i = 0; i < n; i++)
    draw_row (page, columns, (int) i);
  if (key)
    draw_more (table, page, n);
  if (dropped->len > 0)
    mf_page_paragraph (page, MF_INK_PLAIN, "not shown", dropped->str);
}

static void
table_free (MfPicture *picture)
{
  mf_kept_rows_free (((Table *) picture)->kept);
}

const MfPictureClass mf_picture_table
    = { sizeof (Table), table_open, table_add, NULL, table_draw, table_free };
