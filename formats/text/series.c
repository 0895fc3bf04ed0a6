// SPDX-License-Identifier: Apache-2.0
// The view `series`: a curve for each bar field of each part, in a bounded number of buckets. A
// bucket shows the highest value in it, never the mean: peaks must survive.
#include "picture.h"

#include <math.h>

enum { BUCKETS = 64, CURVES = 24, FIGURES = 4 };
enum { CURVE_LEAST = 3 }; // values; the first and the last of fewer say it all

typedef struct {
  const MfField *field;
  uint64_t part;
  char *part_name;        // clean, "" when the type has no parts
  uint64_t n, per_bucket; // values seen; values in a bucket
  double first, last, lowest, highest;
  double buckets[BUCKETS];
} Curve;

typedef struct {
  MfPicture picture;
  Curve *curves; // CURVES of them, allocated with the first row
  guint n_curves;
  uint64_t left_out; // values of further parts
} Series;

// ---- taking values

static void
halve (Curve *curve)
{
  for (guint i = 0; i < BUCKETS / 2; i++)
    curve->buckets[i] = fmax (curve->buckets[2 * i], curve->buckets[2 * i + 1]);
  curve->per_bucket *= 2;
}

static void
take (Curve *curve, double value)
{
  if (curve->n == 0)
    curve->first = curve->lowest = curve->highest = value;
  if (curve->n / curve->per_bucket == BUCKETS)
    halve (curve);
  double *bucket = &curve->buckets[curve->n / curve->per_bucket];
  *bucket = curve->n % curve->per_bucket == 0 ? value : fmax (*bucket, value);
  curve->last = value;
  curve->lowest = fmin (curve->lowest, value);
  curve->highest = fmax (curve->highest, value);
  curve->n++;
}

static Curve *
curve_for (Series *series, const MfField *field, const MfBatch *batch, const uint8_t *row)
{
  const MfField *part = series->picture.roles[MF_ROLE_PART];
  uint64_t bits = mf_picture_bits (part, row);
  for (guint i = 0; i < series->n_curves; i++)
    if (series->curves[i].field == field && series->curves[i].part == bits)
      return &series->curves[i];
  if (series->n_curves == CURVES)
    return NULL;
  Curve *curve = &series->curves[series->n_curves++];
  *curve = (Curve){ .field = field, .part = bits, .per_bucket = 1 };
  curve->part_name = part ? mf_cell_text (series->picture.page, part, batch, row) : g_strdup ("");
  return curve;
}

static bool
have_curves (Series *series)
{
  if (!series->curves)
    series->curves = series->picture.memory.resize (
        series->picture.memory.user, NULL, CURVES * sizeof (Curve));
  return series->curves != NULL;
}

static bool
series_add (MfPicture *picture, const MfBatch *batch, const uint8_t *row)
{
  Series *series = (Series *) picture;
  if (!have_curves (series))
    return false;
  for (uint32_t i = 0; i < picture->type->n_fields; i++) {
    const MfField *field = &picture->type->fields[i];
    if (field->role != MF_ROLE_BAR || !mf_field_fits (picture->type, field))
      continue;
    double value = mf_field_real (field, row);
    Curve *curve = isnan (value) ? NULL : curve_for (series, field, batch, row);
    if (curve)
      take (curve, value);
    else
      series->left_out += !isnan (value);
  }
  return true;
}

// ---- drawing

static double
highest_of (const double *buckets, guint n)
{
  double highest = buckets[0];
  for (guint i = 1; i < n; i++)
    highest = fmax (highest, buckets[i]);
  return highest;
}

static void
put_height (GString *to, const MfPage *page, double height)
{
  static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
  static const char ramp[] = " .:-=+*#%@";
  guint levels = page->ascii ? (guint) strlen (ramp) : (guint) G_N_ELEMENTS (blocks);
  guint level = MIN ((guint) (height * levels), levels - 1);
  if (page->ascii)
    g_string_append_c (to, ramp[level]);
  else
    g_string_append (to, blocks[level]);
}

// From zero, or from the lowest value where that is negative, up to the highest.
static void
put_curve (GString *to, const MfPage *page, const Curve *curve)
{
  guint n = (guint) ((curve->n - 1) / curve->per_bucket) + 1, step = 1;
  double low = MIN (curve->lowest, 0), span = curve->highest - low;
  while (n / step + 4 > page->width)
    step *= 2;
  for (guint i = 0; i < n; i += step) {
    double highest = highest_of (curve->buckets + i, MIN (step, n - i));
    put_height (to, page, span > 0 && isfinite (span) ? (highest - low) / span : 0);
  }
}

static unsigned
decimals_of (const Curve *curve)
{
  return curve->field->kind == MF_F64 ? 2 : 0;
}

static char *
number_of (const Curve *curve, guint figure)
{
  const double figures[FIGURES] = { curve->first, curve->last, curve->lowest, curve->highest };
  GString *number = g_string_new (NULL);
  mf_put_grouped_real (number, figures[figure], decimals_of (curve));
  return g_string_free (number, FALSE);
}

static char *
name_of (const MfPage *page, const Curve *curve)
{
  const char *unit = mf_field_unit (curve->field);
  g_autofree char *field
      = mf_page_clean (page, curve->field->name, strlen (curve->field->name), 40);
  g_strdelimit (field, "_", ' ');
  return g_strdup_printf ("%s%s%s%s%s%s", curve->part_name, *curve->part_name ? " " : "", field,
      *unit ? " (" : "", unit, *unit ? ")" : "");
}

static const char *const titles[FIGURES] = { "first", "last", "lowest", "highest" };

typedef struct {
  unsigned name, figures[FIGURES];
} Widths;

// The name takes what the figures leave.
static Widths
measure (const Series *series, const MfPage *page)
{
  Widths widths = { 0 };
  unsigned room = page->width;
  for (guint i = 0; i < series->n_curves; i++) {
    g_autofree char *name = name_of (page, &series->curves[i]);
    widths.name = MAX (widths.name, mf_columns (name));
  }
  for (guint figure = 0; figure < FIGURES; figure++) {
    widths.figures[figure] = mf_columns (titles[figure]);
    for (guint i = 0; i < series->n_curves; i++) {
      g_autofree char *number = number_of (&series->curves[i], figure);
      widths.figures[figure] = MAX (widths.figures[figure], mf_columns (number));
    }
    room -= MIN (room, widths.figures[figure] + 2);
  }
  widths.name = MIN (widths.name, MAX (room, 8));
  return widths;
}

// NULL draws the titles.
static void
draw_figures (const Curve *curve, MfPage *page, const Widths *widths)
{
  g_autoptr (GString) line = g_string_new (NULL);
  g_autofree char *name = curve ? name_of (page, curve) : g_strdup ("");
  mf_put_padded (line, page, name, widths->name, false);
  for (guint figure = 0; figure < FIGURES; figure++) {
    g_autofree char *number = curve ? number_of (curve, figure) : g_strdup (titles[figure]);
    g_string_append (line, "  ");
    mf_put_padded (line, page, number, widths->figures[figure], true);
  }
  mf_page_line (page, line->str);
}

static void
draw_curve (const Curve *curve, MfPage *page)
{
  g_autoptr (GString) line = g_string_new (NULL);
  if (curve->n < CURVE_LEAST)
    return;
  g_string_append (line, " |");
  put_curve (line, page, curve);
  g_string_append_c (line, '|');
  mf_page_line (page, line->str);
}

static bool
has_course (const Series *series)
{
  for (guint i = 0; i < series->n_curves; i++)
    if (series->curves[i].n > 1)
      return true;
  return false;
}

static void
series_draw (MfPicture *picture, MfPage *page)
{
  const Series *series = (const Series *) picture;
  Widths widths = measure (series, page);
  if (picture->told && !has_course (series))
    return;
  mf_picture_heading (picture, page, "");
  if (series->n_curves > 0)
    draw_figures (NULL, page, &widths);
  for (guint i = 0; i < series->n_curves; i++) {
    draw_figures (&series->curves[i], page, &widths);
    draw_curve (&series->curves[i], page);
  }
  if (series->left_out > 0)
    mf_page_printf (page, "%s %" G_GUINT64_FORMAT " values of further curves",
        mf_page_sign (page, "…", "..."), series->left_out);
}

static void
series_free (MfPicture *picture)
{
  Series *series = (Series *) picture;
  for (guint i = 0; i < series->n_curves; i++)
    g_free (series->curves[i].part_name);
  if (series->curves)
    picture->memory.resize (picture->memory.user, series->curves, 0);
}

const MfPictureClass mf_picture_series
    = { sizeof (Series), NULL, series_add, NULL, series_draw, series_free };
