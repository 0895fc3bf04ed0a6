// SPDX-License-Identifier: Apache-2.0
// The view `histogram`: a line for each bin, with its edges, its other numbers, its share and a
// bar. A key, or an edge that is lower than the one before, starts a new histogram: the last one is
// shown.
#include "picture.h"

#include <math.h>

enum { BINS = 64, NUMBERS = 3, EDGES = 14, SHARE = 8 };

typedef struct {
  MfPicture picture;
  MfKeptRows *kept;
  uint64_t key;
  double edge;
} Histogram;

static void
histogram_open (MfPicture *picture)
{
  ((Histogram *) picture)->kept = mf_kept_rows_new (picture->type, BINS, false, picture->memory);
}

static bool
histogram_add (MfPicture *picture, const MfBatch *batch, const uint8_t *row)
{
  Histogram *histogram = (Histogram *) picture;
  uint64_t key = mf_picture_bits (picture->roles[MF_ROLE_KEY], row);
  double edge = mf_field_real (picture->roles[MF_ROLE_AT], row);
  if (key != histogram->key || edge <= histogram->edge)
    mf_kept_rows_clear (histogram->kept);
  histogram->key = key;
  histogram->edge = edge;
  return mf_kept_rows_add (histogram->kept, batch, row);
}

// ---- the parts of a line

static bool
has_bytes (const MfField *field)
{
  return field->kind == MF_SIZE || field->unit == MF_UNIT_BYTES;
}

static bool
has_time (const MfField *field)
{
  return field->kind == MF_DURATION || field->unit == MF_UNIT_NANOSECONDS;
}

// Three digits are enough for an edge: "131 us", "1.05 ms".
static void
put_time (GString *to, double ns)
{
  static const struct {
    double ns;
    const char *unit;
  } scales[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 1, "ns" } };
  guint i = 0;
  while (i + 1 < G_N_ELEMENTS (scales) && ns < scales[i].ns)
    i++;
  double value = ns / scales[i].ns;
  g_string_append_printf (to, value >= 100 ? "%.0f %s" : "%.3g %s", value, scales[i].unit);
}

static void
put_edge (GString *to, const MfField *field, const uint8_t *row)
{
  double value = mf_field_real (field, row);
  if (has_time (field))
    put_time (to, value);
  else if (has_bytes (field) && value >= 0 && value < 0x1p63)
    mf_put_size (to, (uint64_t) value);
  else
    mf_put_grouped_real (to, value, value == floor (value) ? 0 : 2);
}

// Above a KiB an upper edge of 16,383 reads as 16 KiB: "16-31 B", but "8-16 KiB".
static void
put_upper (GString *to, const MfField *field, const uint8_t *row)
{
  double value = mf_field_real (field, row);
  if (has_bytes (field) && value >= 2047 && value < 0x1p53 && fmod (value + 1, 1024) == 0)
    mf_put_size (to, (uint64_t) value + 1);
  else
    put_edge (to, field, row);
}

// "16-31 B"; "8 KiB+" without an upper edge. A unit that both have is written once.
static char *
edges_of (const MfPicture *picture, const uint8_t *row)
{
  const MfField *low = picture->roles[MF_ROLE_AT], *high = picture->roles[MF_ROLE_EXTENT];
  GString *text = g_string_new (NULL);
  g_autoptr (GString) upper = g_string_new (NULL);
  put_edge (text, low, row);
  if (!high || isnan (mf_field_real (high, row))) {
    g_string_append (text, high ? "+" : "");
    return g_string_free (text, FALSE);
  }
  put_upper (upper, high, row);
  const char *unit = strchr (text->str, ' ');
  if (unit && g_str_has_suffix (upper->str, unit))
    g_string_truncate (text, (gsize) (unit - text->str));
  g_string_append_printf (text, "-%s", upper->str);
  return g_string_free (text, FALSE);
}

static guint
number_fields (const MfPicture *picture, const MfField *fields[NUMBERS])
{
  guint n = 0;
  for (uint32_t i = 0; i < picture->type->n_fields && n < NUMBERS; i++) {
    const MfField *field = &picture->type->fields[i];
    bool special = field->role != MF_ROLE_NONE && field->role != MF_ROLE_BAR;
    if (!special && mf_field_fits (picture->type, field) && mf_kind_is_number (field->kind))
      fields[n++] = field;
  }
  return n;
}

// A bar's height: negative and unknown ones have none.
static double
height_of (const MfPicture *picture, const uint8_t *row)
{
  double value = mf_field_real (picture->roles[MF_ROLE_BAR], row);
  return value > 0 ? value : 0;
}

typedef struct {
  const Histogram *histogram;
  const MfField *fields[NUMBERS];
  guint n_fields;
  unsigned widths[NUMBERS], bar;
  double sum, highest;
} Layout;

static void
measure_row (Layout *layout, const MfPage *page, const MfBatch *batch)
{
  double height = height_of (&layout->histogram->picture, batch->rows);
  layout->sum += height;
  layout->highest = MAX (layout->highest, height);
  for (guint f = 0; f < layout->n_fields; f++) {
    g_autofree char *cell = mf_cell_text (page, layout->fields[f], batch, batch->rows);
    layout->widths[f] = MAX (layout->widths[f], mf_columns (cell));
  }
}

static char *
title_of (const MfPage *page, const MfField *field)
{
  const char *unit = mf_field_unit (field);
  g_autofree char *name = mf_page_clean (page, field->name, strlen (field->name), 24);
  bool repeats = strcmp (name, unit) == 0 || (has_bytes (field) && strcmp (name, "bytes") == 0);
  return *unit && !repeats ? g_strdup_printf ("%s (%s)", name, unit) : g_steal_pointer (&name);
}

static Layout
measure (const Histogram *histogram, const MfPage *page)
{
  Layout layout = { .histogram = histogram };
  layout.n_fields = number_fields (&histogram->picture, layout.fields);
  for (guint f = 0; f < layout.n_fields; f++) {
    g_autofree char *title = title_of (page, layout.fields[f]);
    layout.widths[f] = mf_columns (title);
  }
  for (uint32_t i = 0; i < mf_kept_rows_n (histogram->kept); i++) {
    MfBatch batch = mf_kept_rows_get (histogram->kept, i);
    measure_row (&layout, page, &batch);
  }
  unsigned used = EDGES + SHARE + 1;
  for (guint f = 0; f < layout.n_fields; f++)
    used += layout.widths[f] + 1;
  layout.bar = used + 8 < page->width ? MIN (page->width - used, 40) : 8;
  return layout;
}

static void
draw_titles (const Layout *layout, MfPage *page)
{
  g_autoptr (GString) line = g_string_new (NULL);
  const MfField *at = layout->histogram->picture.roles[MF_ROLE_AT];
  g_autofree char *edge = mf_page_clean (page, at->name, strlen (at->name), EDGES);
  mf_put_padded (line, page, edge, EDGES, true);
  for (guint f = 0; f < layout->n_fields; f++) {
    g_autofree char *title = title_of (page, layout->fields[f]);
    g_string_append_c (line, ' ');
    mf_put_padded (line, page, title, layout->widths[f], true);
  }
  mf_put_padded (line, page, "share", SHARE, true);
  mf_page_line (page, line->str);
}

static void
draw_bin (const Layout *layout, MfPage *page, const MfBatch *batch)
{
  const MfPicture *picture = &layout->histogram->picture;
  g_autoptr (GString) line = g_string_new (NULL), share = g_string_new (NULL);
  g_autofree char *edges = edges_of (picture, batch->rows);
  double height = height_of (picture, batch->rows);
  mf_put_padded (line, page, edges, EDGES, true);
  for (guint f = 0; f < layout->n_fields; f++) {
    g_autofree char *cell = mf_cell_text (page, layout->fields[f], batch, batch->rows);
    g_string_append_c (line, ' ');
    mf_put_padded (line, page, cell, layout->widths[f], true);
  }
  mf_put_grouped_real (share, layout->sum > 0 ? height / layout->sum * 100 : 0, 1);
  g_string_append (share, " %");
  mf_put_padded (line, page, share->str, SHARE, true);
  g_string_append_c (line, ' ');
  if (height > 0) // what is there shows, however small
    for (unsigned i = 0; i < MAX (1, (unsigned) (height / layout->highest * layout->bar + 0.5));
         i++)
      g_string_append_c (line, '#');
  mf_page_line (page, line->str);
}

static void
histogram_draw (MfPicture *picture, MfPage *page)
{
  const Histogram *histogram = (const Histogram *) picture;
  Layout layout = measure (histogram, page);
  uint64_t more = mf_kept_rows_seen (histogram->kept) - mf_kept_rows_n (histogram->kept);
  mf_picture_heading (picture, page, "");
  draw_titles (&layout, page);
  for (uint32_t i = 0; i < mf_kept_rows_n (histogram->kept); i++) {
    MfBatch batch = mf_kept_rows_get (histogram->kept, i);
    draw_bin (&layout, page, &batch);
  }
  if (more > 0)
    mf_page_printf (
        page, "%s %" G_GUINT64_FORMAT " more bins", mf_page_sign (page, "…", "..."), more);
}

static void
histogram_free (MfPicture *picture)
{
  mf_kept_rows_free (((Histogram *) picture)->kept);
}

const MfPictureClass mf_picture_histogram
    = { sizeof (Histogram), histogram_open, histogram_add, NULL, histogram_draw, histogram_free };
