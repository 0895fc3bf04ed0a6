// SPDX-License-Identifier: Apache-2.0
// memflow diff: two captures, each through the configuration `diff`; the rows of its call sites are
// joined by name. What a row means stands in its schema: texts name it, the bar is its bytes, a
// unit tells its calls, and FIGURE_error is the error of a figure that is an estimate.
#include "cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "base/units.h"

enum { A, B, SIDES };

typedef struct {
  gint64 bytes, calls;
  double square; // of the error of `bytes`; errors of different sites are independent
} Figures;

typedef struct {
  char *name, *place;
  Figures sides[SIDES];
} Site;

typedef struct {
  GHashTable *sites; // name and place -> Site
  const char *by;    // name of the field; NULL = the one that is drawn as a bar
  const char *captures[SIDES];
  char *by_name; // what it turned out to be
  Figures totals[SIDES];
  bool estimated[SIDES];
} Diff;

static void
free_site (void *data)
{
  Site *site = data;
  g_free (site->name);
  g_free (site->place);
  g_free (site);
}

// ---- rows of one capture

typedef struct {
  Diff *diff;
  MfPipeline *pipeline;
  int side;
  bool too_large, no_field, any;
} Taking;

typedef struct {
  const MfField *label, *place, *bytes, *calls, *error;
} Columns;

static bool
is_number (const MfField *field)
{
  return field->kind == MF_SIZE || field->kind == MF_U64;
}

static Columns
find_columns (const MfType *type, const char *by)
{
  Columns columns = { 0 };
  for (uint32_t i = 0; i < type->n_fields; i++) {
    const MfField *field = &type->fields[i];
    if (field->kind == MF_STRING && field->role == MF_ROLE_LABEL)
      columns.label = field;
    else if (field->kind == MF_STRING && field->role == MF_ROLE_HIDDEN && !columns.place)
      columns.place = field;
    if (is_number (field) && (by ? g_str_equal (field->name, by) : field->role == MF_ROLE_BAR))
      columns.bytes = field;
    if (is_number (field) && field->unit == MF_UNIT_CALLS)
      columns.calls = columns.calls ? columns.calls : field;
  }
  g_autofree char *error = columns.bytes ? g_strconcat (columns.bytes->name, "_error", NULL) : NULL;
  for (uint32_t i = 0; error && i < type->n_fields; i++)
    if (is_number (&type->fields[i]) && g_str_equal (type->fields[i].name, error))
      columns.error = &type->fields[i];
  return columns;
}

static const char *
text_at (const Taking *taking, const MfField *field, const uint8_t *row)
{
  MfString string = { 0 };
  if (field)
    memcpy (&string, row + field->offset, sizeof string);
  return mf_pipeline_string (taking->pipeline, string);
}

static bool
add_number (gint64 *sum, const MfField *field, const uint8_t *row)
{
  uint64_t number = 0;
  if (field)
    memcpy (&number, row + field->offset, sizeof number);
  return !__builtin_add_overflow (*sum, number, sum);
}

// A figure without an error is exact.
static double
error_at (const MfField *field, const uint8_t *row)
{
  uint64_t error = UINT64_MAX;
  if (field)
    memcpy (&error, row + field->offset, sizeof error);
  return error == UINT64_MAX ? -1 : (double) error;
}

static Site *
site_for (Diff *diff, const char *name, const char *place)
{
  g_autofree char *key = g_strconcat (name, "\n", place, NULL);
  Site *site = g_hash_table_lookup (diff->sites, key);
  if (site)
    return site;
  site = g_new0 (Site, 1);
  site->name = g_strdup (name);
  site->place = g_strdup (place);
  g_hash_table_insert (diff->sites, g_steal_pointer (&key), site);
  return site;
}

static bool
add_row (Taking *taking, const Columns *columns, const uint8_t *row)
{
  Site *site = site_for (
      taking->diff, text_at (taking, columns->label, row), text_at (taking, columns->place, row));
  Figures *both[] = { &site->sides[taking->side], &taking->diff->totals[taking->side] };
  double error = error_at (columns->error, row);
  taking->diff->estimated[taking->side] |= error >= 0;
  for (gsize i = 0; i < G_N_ELEMENTS (both); i++) {
    both[i]->square += error >= 0 ? error * error : 0;
    taking->too_large |= !add_number (&both[i]->bytes, columns->bytes, row)
                         || !add_number (&both[i]->calls, columns->calls, row);
  }
  return !taking->too_large;
}

// Rows that were recorded as they are now computed again are not taken twice.
static bool
take_sites (void *user, const MfBatch *batch)
{
  Taking *taking = user;
  Columns columns = find_columns (batch->type, taking->diff->by);
  if (!(batch->flags & MF_BATCH_DERIVED) || !columns.label)
    return true;
  taking->no_field = !columns.bytes;
  if (taking->no_field)
    return false;
  g_free (taking->diff->by_name);
  taking->diff->by_name = g_strdup (columns.bytes->name);
  taking->any = true;
  for (uint32_t i = 0; i < batch->n_rows; i++)
    if (!add_row (taking, &columns, batch->rows + (gsize) i * batch->stride))
      return false;
  return true;
}

// ---- one capture

static int
explain (const Taking *taking, const char *capture, MfStatus status)
{
  if (taking->no_field)
    return mf_cli_usage ("--by %s: call sites have no such figure (memflow events hotspots.site "
                         "shows what there is)",
        taking->diff->by);
  if (taking->too_large)
    g_printerr ("memflow: cannot compare %s: its figures add up to more than 2^63\n", capture);
  else if (status != MF_STATUS_OK)
    g_printerr ("%s", mf_pipeline_errors (taking->pipeline));
  else if (!taking->any) {
    g_printerr ("memflow: cannot compare %s: there are no allocations in it\n", capture);
    return MF_STATUS_FAILED;
  }
  return status;
}

static int
read_capture (Diff *diff, int side, const char *configuration)
{
  Taking taking = { .diff = diff, .pipeline = mf_pipeline_new (), .side = side };
  for (char **folder = mf_cli_plugin_path; folder && *folder; folder++)
    mf_pipeline_add_plugin_path (taking.pipeline, *folder);
  mf_pipeline_set_input (taking.pipeline, diff->captures[side]);
  mf_pipeline_set_deterministic (taking.pipeline, true);
  mf_pipeline_add_sink (taking.pipeline, "hotspots.site", take_sites, &taking);
  MfStatus status = mf_pipeline_load (taking.pipeline, configuration);
  if (status == MF_STATUS_OK)
    status = mf_pipeline_run (taking.pipeline);
  int result = explain (&taking, diff->captures[side], status);
  mf_pipeline_free (taking.pipeline);
  return result;
}

// ---- output

static gint64
change_of (const Site *site)
{
  return site->sides[B].bytes - site->sides[A].bytes;
}

static gint64
calls_change_of (const Site *site)
{
  return site->sides[B].calls - site->sides[A].calls;
}

static int
compare_magnitude (gint64 a, gint64 b)
{
  gint64 x = a < 0 ? -a : a, y = b < 0 ? -b : b;
  return x < y ? 1 : x > y ? -1 : 0;
}

static gint
by_change (gconstpointer a, gconstpointer b)
{
  const Site *first = *(Site *const *) a, *second = *(Site *const *) b;
  int order = compare_magnitude (change_of (first), change_of (second));
  if (!order)
    order = compare_magnitude (calls_change_of (first), calls_change_of (second));
  if (!order)
    order = strcmp (first->name, second->name);
  return order ? order : strcmp (first->place, second->place);
}

// The sites that changed, the largest change first.
static GPtrArray *
changed_sites (const Diff *diff)
{
  GPtrArray *sites = g_ptr_array_new ();
  GHashTableIter each;
  gpointer site;
  g_hash_table_iter_init (&each, diff->sites);
  while (g_hash_table_iter_next (&each, NULL, &site))
    if (change_of (site) || calls_change_of (site))
      g_ptr_array_add (sites, site);
  g_ptr_array_sort (sites, by_change);
  return sites;
}

// Names come from the studied program: nothing in them may move the cursor.
static char *
clean (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *shown = g_string_new (NULL);
  for (const char *c = valid; *c; c = g_utf8_next_char (c)) {
    gunichar character = g_utf8_get_char (c);
    if (g_unichar_isprint (character))
      g_string_append_unichar (shown, character);
    else
      g_string_append_printf (shown, "\\u%04x", character);
  }
  return g_string_free (shown, FALSE);
}

static const char *
with_sign (MfWord *word, gint64 number)
{
  *word = mf_grouped_signed (number);
  if (number > 0) {
    memmove (word->text + 1, word->text, sizeof word->text - 1);
    word->text[0] = '+';
    word->text[sizeof word->text - 1] = 0;
  }
  return word->text;
}

static bool
is_estimated (const Diff *diff)
{
  return diff->estimated[A] || diff->estimated[B];
}

static double
error_of_change (const Figures *sides)
{
  return sqrt (sides[A].square + sides[B].square);
}

static void
print_row (const Diff *diff, const Figures *sides, const char *name)
{
  const Figures *a = &sides[A], *b = &sides[B];
  MfWord change, calls;
  g_autofree char *error
      = is_estimated (diff) ? g_strdup_printf (
            "+- %s  ", mf_grouped ((uint64_t) MIN (error_of_change (sides) + 0.5, 9e18)).text)
                            : g_strdup ("");
  printf ("%16s %16s %16s %14s  %s%s\n", with_sign (&change, b->bytes - a->bytes),
      mf_grouped ((uint64_t) a->bytes).text, mf_grouped ((uint64_t) b->bytes).text,
      with_sign (&calls, b->calls - a->calls), error, name);
}

// Estimates are never compared with exact figures, or with each other, unsaid.
static void
print_accuracy (const Diff *diff)
{
  if (!is_estimated (diff))
    return;
  printf ("%s: +- is the error of the change, which holds in 95 of 100 recordings\n\n",
      diff->estimated[A] && diff->estimated[B] ? "A and B are estimated from samples"
      : diff->estimated[A]                     ? "A is estimated from a sample, B is exact"
                                               : "B is estimated from a sample, A is exact");
}

static void
print_text (const Diff *diff, const GPtrArray *sites, guint rows)
{
  printf ("%s of each call site, in bytes: A = %s, B = %s\n\n", diff->by_name, diff->captures[A],
      diff->captures[B]);
  print_accuracy (diff);
  printf ("%16s %16s %16s %14s  %s\n", "change", "A", "B", "change (calls)", "site");
  print_row (diff, diff->totals, "(all sites)");
  for (guint i = 0; i < MIN (sites->len, rows); i++) {
    const Site *site = g_ptr_array_index (sites, i);
    g_autofree char *name = clean (site->name);
    print_row (diff, site->sides, name);
  }
  if (sites->len > rows)
    printf ("%s more sites changed (--rows shows more)\n", mf_grouped (sites->len - rows).text);
  if (sites->len == 0)
    printf ("no call site changed\n");
}

static void
build_figures (JsonBuilder *json, const Figures *sides)
{
  const struct {
    const char *name;
    gint64 value;
  } members[] = { { "a", sides[A].bytes }, { "b", sides[B].bytes },
    { "change", sides[B].bytes - sides[A].bytes }, { "calls_a", sides[A].calls },
    { "calls_b", sides[B].calls }, { "calls_change", sides[B].calls - sides[A].calls } };
  for (gsize i = 0; i < G_N_ELEMENTS (members); i++) {
    json_builder_set_member_name (json, members[i].name);
    json_builder_add_int_value (json, members[i].value);
  }
}

// Beside exact figures there is none.
static void
build_error (JsonBuilder *json, const Diff *diff, const Figures *sides)
{
  if (!is_estimated (diff))
    return;
  json_builder_set_member_name (json, "change_error");
  json_builder_add_double_value (json, error_of_change (sides));
}

static void
build_text (JsonBuilder *json, const char *name, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  json_builder_set_member_name (json, name);
  json_builder_add_string_value (json, valid);
}

static void
build_site (JsonBuilder *json, const Diff *diff, const Site *site)
{
  json_builder_begin_object (json);
  build_text (json, "site", site->name);
  build_text (json, "file", site->place);
  build_figures (json, site->sides);
  build_error (json, diff, site->sides);
  json_builder_end_object (json);
}

static void
print_json (const Diff *diff, const GPtrArray *sites)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  json_builder_begin_object (json);
  build_text (json, "capture_a", diff->captures[A]);
  build_text (json, "capture_b", diff->captures[B]);
  build_text (json, "by", diff->by_name);
  build_figures (json, diff->totals);
  build_error (json, diff, diff->totals);
  json_builder_set_member_name (json, "sites");
  json_builder_begin_array (json);
  for (guint i = 0; i < sites->len; i++)
    build_site (json, diff, g_ptr_array_index (sites, i));
  json_builder_end_array (json);
  json_builder_end_object (json);
  g_autoptr (JsonNode) root = json_builder_get_root (json);
  g_autofree char *text = json_to_string (root, TRUE);
  printf ("%s\n", text);
}

// ---- the command

static int
compare (Diff *diff, bool as_json, int rows)
{
  g_autofree char *configuration = mf_cli_find_configuration ("diff");
  if (!configuration)
    return mf_cli_usage (
        "the configuration 'diff' is not installed: install memflow's configs folder");
  for (int side = A; side < SIDES; side++) {
    int status = read_capture (diff, side, configuration);
    if (status != MF_STATUS_OK)
      return status;
  }
  g_autoptr (GPtrArray) sites = changed_sites (diff);
  if (as_json)
    print_json (diff, sites);
  else
    print_text (diff, sites, (guint) rows);
  return MF_STATUS_OK;
}

int
mf_cli_diff (MfCommandLine *line)
{
  gboolean as_json = FALSE;
  char *by = NULL;
  int rows = 20;
  const GOptionEntry entries[] = { { "by", 'b', 0, G_OPTION_ARG_STRING, &by,
                                       "figure to compare: at_peak, total, live ...", "FIGURE" },
    { "rows", 'r', 0, G_OPTION_ARG_INT, &rows, "most call sites to print", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "as JSON, with all sites that changed", NULL },
    MF_CLI_PLUGIN_PATH, { NULL } };
  if (!mf_cli_parse (line, entries, "A B",
          "Shows which call sites hold more or less in capture B than in capture A.",
          "Captures are written by the format capture. Processes of one capture are added up."))
    return MF_STATUS_CONFIGURATION;
  g_autofree char *by_text = by;
  if (line->argc != 3)
    return mf_cli_usage ("diff takes two captures: memflow diff before.mfc after.mfc");
  if (rows < 0)
    return mf_cli_usage ("--rows %d: 0 or more", rows);
  Diff diff = { .by = by_text,
    .captures = { line->argv[1], line->argv[2] },
    .sites = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_site) };
  int status = compare (&diff, as_json, rows);
  g_hash_table_unref (diff.sites);
  g_free (diff.by_name);
  return status;
}
