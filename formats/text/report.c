// SPDX-License-Identifier: Apache-2.0
// The whole report.
#include "report.h"

#include "statements.h"

enum { PICTURES = 64, INPUTS = 8 };

// What a collector read, and what the device said of itself last.
typedef struct {
  MfString stage, input;
  MfString version, board, mcu;
  uint32_t dumps;
} Source;

struct MfReport {
  const MfReportOptions *options;
  const MfPage *page;
  MfMemory memory;
  GPtrArray *pictures; // in the order of their first rows
  MfStatements *statements;
  MfLosses losses;
  MfPlaces places;
  Source sources[INPUTS];
  guint n_sources;
  uint64_t left_out; // rows of types that no picture could be opened for
};

static void
free_picture (void *picture)
{
  mf_picture_free (picture);
}

MfReport *
mf_report_new (const MfReportOptions *options, const MfPage *page, MfMemory memory)
{
  MfReport *report = g_new0 (MfReport, 1);
  report->options = options;
  report->page = page;
  report->memory = memory;
  report->pictures = g_ptr_array_new_with_free_func (free_picture);
  report->statements = mf_statements_new (page, memory);
  return report;
}

void
mf_report_free (MfReport *report)
{
  g_ptr_array_unref (report->pictures);
  mf_statements_free (report->statements);
  g_free (report);
}

// ---- taking batches

static bool
is_drawn (const MfReport *report, const MfType *type)
{
  if (strcmp (type->name, MfLost_type.name) == 0)
    return false; // stands at the top, summed
  for (uint32_t i = 0; i < report->options->n_also; i++)
    if (g_pattern_match_simple (report->options->also[i], type->name))
      return true;
  return type->view != MF_VIEW_NONE && type->view != MF_VIEW_BULK;
}

static bool
same_type (const MfType *a, const MfType *b)
{
  return a == b
         || (strcmp (a->name, b->name) == 0 && a->major == b->major && a->n_fields == b->n_fields
             && a->row_size == b->row_size);
}

static MfPicture *
picture_for (MfReport *report, const MfBatch *batch)
{
  for (guint i = 0; i < report->pictures->len; i++) {
    MfPicture *picture = g_ptr_array_index (report->pictures, i);
    if (same_type (picture->type, batch->type) && picture->stage.id == batch->stage.id
        && picture->input.id == batch->input.id)
      return picture;
  }
  if (report->pictures->len == PICTURES)
    return NULL;
  MfPicture *picture = mf_picture_new (mf_picture_class_for (batch->type), batch->type, batch,
      &report->options->pictures, report->page, report->memory);
  picture->places = &report->places;
  g_ptr_array_add (report->pictures, picture);
  return picture;
}

// NULL for rows that no collector read, and for further sources.
static Source *
source_of (MfReport *report, const MfBatch *batch)
{
  if (batch->input.id == 0 || batch->flags & MF_BATCH_DERIVED)
    return NULL;
  for (guint i = 0; i < report->n_sources; i++)
    if (report->sources[i].stage.id == batch->stage.id
        && report->sources[i].input.id == batch->input.id)
      return &report->sources[i];
  if (report->n_sources == INPUTS)
    return NULL;
  Source *source = &report->sources[report->n_sources++];
  *source = (Source){ .stage = batch->stage, .input = batch->input };
  return source;
}

static bool
is_of (const MfBatch *batch, const MfType *type)
{
  return strcmp (batch->type->name, type->name) == 0 && batch->type->major == type->major
         && batch->type->row_size >= type->row_size && batch->stride >= type->row_size;
}

static void
note_source (MfReport *report, const MfBatch *batch)
{
  Source *source = source_of (report, batch);
  if (source && is_of (batch, &MfDeviceBoot_type))
    MF_EACH (batch, MfDeviceBoot, row)
      if (row->version.id) {
        source->version = row->version;
        source->board = row->board;
        source->mcu = row->mcu;
      }
  if (source && is_of (batch, &MfHeapStats_type))
    MF_EACH (batch, MfHeapStats, row)
      source->dumps = MAX (source->dumps, row->ordinal);
}

// A row that has the key of a map but no part speaks of the whole map: it says that it is all
// there.
static bool
closes (const MfPicture *picture, const MfBatch *batch, const MfField *key)
{
  const MfField *own = picture->roles[MF_ROLE_KEY];
  return picture->class->close_key && own && strcmp (own->name, key->name) == 0
         && picture->stage.id == batch->stage.id && picture->input.id == batch->input.id;
}

static void
close_keys (MfReport *report, const MfBatch *batch)
{
  const MfField *key = mf_field_by_role (batch->type, MF_ROLE_KEY);
  if (!key || mf_field_by_role (batch->type, MF_ROLE_PART) || batch->stride < batch->type->row_size)
    return;
  for (guint i = 0; i < report->pictures->len; i++) {
    MfPicture *picture = g_ptr_array_index (report->pictures, i);
    for (uint32_t row = 0; row < batch->n_rows && closes (picture, batch, key); row++)
      picture->class->close_key (
          picture, mf_field_bits (key, batch->rows + (size_t) row * batch->stride));
  }
}

bool
mf_report_take (MfReport *report, const MfBatch *batch)
{
  mf_losses_see (&report->losses, batch);
  note_source (report, batch);
  mf_places_take (&report->places, batch);
  if (strcmp (batch->type->name, MfStatement_type.name) == 0 && batch->type->major == 1)
    return mf_statements_take (report->statements, batch);
  close_keys (report, batch);
  if (!is_drawn (report, batch->type))
    return true;
  MfPicture *picture = picture_for (report, batch);
  if (picture)
    return mf_picture_take (picture, batch);
  report->left_out += batch->n_rows;
  return true;
}

// ---- what was lost

static char *
loss_text (const MfPage *page, const MfLost *lost)
{
  static const char *const reasons[]
      = { "queue full", "stalled", "damaged", "truncated", "refused" };
  g_autofree char *type = mf_page_clean_name (page, lost->type);
  g_autofree char *stage = mf_page_clean_name (page, lost->stage);
  g_autofree char *consumer = mf_page_clean_name (page, lost->consumer);
  GString *text = g_string_new (NULL);
  mf_put_grouped (text, lost->count);
  g_string_append (text, lost->count == 1 ? " row" : " rows");
  if (*type)
    g_string_append_printf (text, " of %s", type);
  if (*stage)
    g_string_append_printf (text, " from '%s'", stage);
  g_string_append (text, " did not arrive");
  if (*consumer)
    g_string_append_printf (text, " at '%s'", consumer);
  if (lost->reason < G_N_ELEMENTS (reasons))
    g_string_append_printf (text, " (%s)", reasons[lost->reason]);
  return g_string_free (text, FALSE);
}

static bool
anything_lost (const MfLosses *losses)
{
  return losses->n > 0 || losses->incomplete || losses->end.lost > 0
         || (losses->ended && losses->end.outcome == 1);
}

static void
draw_losses (const MfReport *report, MfPage *page)
{
  const MfLosses *losses = &report->losses;
  for (uint32_t i = 0; i < losses->n; i++) {
    g_autofree char *text = loss_text (page, &losses->entries[i]);
    mf_page_paragraph (page, MF_INK_ALARM, i == 0 ? "INCOMPLETE" : "", text);
  }
  if (losses->n == 0 && anything_lost (losses))
    mf_page_paragraph (
        page, MF_INK_ALARM, "INCOMPLETE", "something upstream of these figures was lost");
}

static void
draw_outcome (const MfReport *report, MfPage *page)
{
  static const char *const sentences[]
      = { NULL, NULL, "a stage failed: what it would have found is missing",
          "the run was interrupted: this is what was received until then" };
  uint32_t outcome = report->losses.end.outcome;
  if (report->losses.ended && outcome < G_N_ELEMENTS (sentences) && sentences[outcome])
    mf_page_paragraph (
        page, MF_INK_ALARM, outcome == 2 ? "FAILED" : "INTERRUPTED", sentences[outcome]);
}

static bool
anything_wrong (const MfReport *report)
{
  const MfLosses *losses = &report->losses;
  return anything_lost (losses) || (losses->ended && losses->end.outcome > 1);
}

// ---- drawing

// "MicroPython 1.28.0, netduino2 with STM32"; "" when the device did not say.
static char *
device_text (const MfPage *page, const Source *source)
{
  g_autofree char *version = mf_page_clean_name (page, source->version);
  g_autofree char *board = mf_page_clean_name (page, source->board);
  g_autofree char *mcu = mf_page_clean_name (page, source->mcu);
  return g_strconcat (version, *board ? ", " : "", board, *mcu ? " with " : "", mcu, NULL);
}

static void
append_source (GString *to, const MfPage *page, const Source *source)
{
  g_autofree char *device = device_text (page, source);
  g_autofree char *input = mf_page_clean_name (page, source->input);
  g_autoptr (GString) dumps = g_string_new (NULL);
  if (source->dumps) {
    mf_put_grouped (dumps, source->dumps);
    g_string_append (dumps, source->dumps == 1 ? " dump" : " dumps");
  }
  if (*device)
    g_string_append_printf (to, "%s (%s%s%s)", device, input, dumps->len ? ", " : "", dumps->str);
  else
    g_string_append_printf (
        to, "%s%s%s%s", input, dumps->len ? " (" : "", dumps->str, dumps->len ? ")" : "");
}

static void
draw_title (const MfReport *report, MfPage *page)
{
  g_autofree char *name
      = mf_page_clean (page, report->options->run_name, strlen (report->options->run_name), 80);
  g_autoptr (GString) line = g_string_new (name);
  for (guint i = 0; i < report->n_sources; i++) {
    g_autofree char *stage = mf_page_clean_name (page, report->sources[i].stage);
    g_string_append_printf (
        line, "%s%s: ", i == 0 ? mf_page_sign (page, " · ", " - ") : ", ", stage);
    append_source (line, page, &report->sources[i]);
  }
  mf_page_wrap (page, line->str, 2);
}

static void
draw_statements (const MfReport *report, MfPage *page)
{
  static const uint32_t order[] = { MF_SAY_VERDICT, MF_SAY_WARNING, MF_SAY_EVIDENCE };
  for (guint i = 0; i < G_N_ELEMENTS (order); i++) {
    gsize before = page->out->length;
    mf_page_blank (page);
    if (mf_statements_draw (report->statements, order[i], page) == 0 && !page->out->failed)
      page->out->length = before;
  }
}

static bool
has_sibling (const MfReport *report, const MfPicture *picture)
{
  for (guint i = 0; i < report->pictures->len; i++) {
    const MfPicture *other = g_ptr_array_index (report->pictures, i);
    if (other != picture && same_type (other->type, picture->type))
      return true;
  }
  return false;
}

static bool
is_one_of (const MfPicture *picture, const MfPictureClass *const *classes)
{
  while (*classes && *classes != picture->class)
    classes++;
  return *classes != NULL;
}

// By what they show; of one rank in the order in which they came.
static void
draw_pictures (const MfReport *report, MfPage *page)
{
  static const MfPictureClass *const ranks[][3] = { { &mf_picture_map },
    { &mf_picture_histogram, &mf_picture_table }, { &mf_picture_series }, { &mf_picture_tree } };
  bool told = mf_statements_n (report->statements) > 0;
  for (guint rank = 0; rank < G_N_ELEMENTS (ranks); rank++)
    for (guint i = 0; i < report->pictures->len; i++) {
      MfPicture *picture = g_ptr_array_index (report->pictures, i);
      if (!is_one_of (picture, ranks[rank]))
        continue;
      picture->name_source = has_sibling (report, picture);
      picture->told = told;
      picture->class->draw (picture, page);
    }
}

void
mf_report_draw (MfReport *report, MfPage *page)
{
  draw_title (report, page);
  if (anything_wrong (report)) {
    mf_page_blank (page);
    draw_losses (report, page);
    draw_outcome (report, page);
  }
  draw_statements (report, page);
  draw_pictures (report, page);
  if (report->left_out > 0)
    mf_page_printf (page, "%s %" G_GUINT64_FORMAT " rows of further types are not shown",
        mf_page_sign (page, "…", "..."), report->left_out);
  gsize before = page->out->length;
  mf_page_blank (page);
  if (mf_statements_draw (report->statements, MF_SAY_NEXT, page) == 0 && !page->out->failed)
    page->out->length = before;
}
