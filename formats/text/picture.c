// SPDX-License-Identifier: Apache-2.0
// What all pictures share.
#include "picture.h"

#include <math.h>

#include "cells/digits.h"

// ---- values for readers

static char *
text_of_number (const MfField *field, const uint8_t *row)
{
  GString *text = g_string_new (NULL);
  if (field->kind == MF_F64)
    mf_put_grouped_real (text, mf_field_real (field, row), field->unit == MF_UNIT_PERCENT ? 1 : 3);
  else if (mf_kind_is_signed (field->kind))
    mf_put_grouped_signed (text, mf_field_signed (field, row));
  else
    mf_put_grouped (text, mf_field_bits (field, row));
  return g_string_free (text, FALSE);
}

static char *
text_of_enum (const MfPage *page, const MfField *field, const uint8_t *row)
{
  uint64_t value = mf_field_bits (field, row);
  const char *label = mf_field_label (field, value);
  return label ? mf_page_clean (page, label, strlen (label), 64)
               : g_strdup_printf ("%" G_GUINT64_FORMAT, value);
}

static char *
text_of_flags (const MfPage *page, const MfField *field, const uint8_t *row)
{
  GString *text = g_string_new (NULL);
  uint64_t bits = mf_field_bits (field, row);
  for (unsigned bit = 0; bit < 32; bit++) {
    const char *label = bits >> bit & 1 ? mf_field_label (field, bit) : NULL;
    if (label)
      g_string_append_printf (text, "%s%s", text->len ? "|" : "", label);
    else if (bits >> bit & 1)
      g_string_append_printf (text, "%s0x%x", text->len ? "|" : "", 1u << bit);
  }
  char *clean = mf_page_clean (page, text->str, text->len, 256);
  g_string_free (text, TRUE);
  return clean;
}

static char *
text_of_stack (const MfPage *page, const MfField *field, const uint8_t *row)
{
  MfBuffer line;
  mf_buffer_init (&line, mf_memory_heap ());
  mf_put_stack_line (&line, page->names, (MfStack){ (uint32_t) mf_field_bits (field, row) });
  char *clean = mf_page_clean (page, line.length ? line.bytes : "", line.length, 256);
  mf_buffer_free (&line);
  return clean;
}

static char *
text_of_text (const MfPage *page, const MfField *field, const MfBatch *batch, const uint8_t *row)
{
  MfText text;
  memcpy (&text, row + field->offset, sizeof text);
  return mf_page_clean (page, mf_batch_text (batch, text),
      mf_text_inside (batch, text) ? text.length : 0, MF_KEPT_TEXT);
}

static char *
text_of_address (const MfField *field, const uint8_t *row)
{
  char digits[MF_DIGITS_MAX];
  char *end = mf_put_hex (digits, mf_field_bits (field, row));
  return g_strndup (digits, (gsize) (end - digits));
}

char *
mf_cell_text (const MfPage *page, const MfField *field, const MfBatch *batch, const uint8_t *row)
{
  if (!mf_field_fits (batch->type, field) || mf_field_unknown (field, row))
    return g_strdup ("");
  if (mf_kind_is_number (field->kind))
    return text_of_number (field, row);
  switch (field->kind) {
  case MF_BOOL:
    return g_strdup (mf_field_bits (field, row) ? "yes" : "no");
  case MF_ENUM:
    return text_of_enum (page, field, row);
  case MF_FLAGS:
    return text_of_flags (page, field, row);
  case MF_ADDRESS:
    return text_of_address (field, row);
  case MF_STRING:
    return mf_page_clean_name (page, (MfString){ (uint32_t) mf_field_bits (field, row) });
  case MF_STACK:
    return text_of_stack (page, field, row);
  case MF_TEXT:
    return text_of_text (page, field, batch, row);
  default:
    return g_strdup ("");
  }
}

// ---- classes

// clang-format off
static const struct {
  const MfPictureClass *class;
  uint8_t needs[4];  // roles, without which a table is drawn
} views[MF_N_VIEWS] = {
  [MF_VIEW_TABLE] = { &mf_picture_table, { 0 } },
  [MF_VIEW_MAP] = { &mf_picture_map, { MF_ROLE_AT, MF_ROLE_EXTENT, MF_ROLE_STATE } },
  [MF_VIEW_HISTOGRAM] = { &mf_picture_histogram, { MF_ROLE_AT, MF_ROLE_BAR } },
  [MF_VIEW_SERIES] = { &mf_picture_series, { MF_ROLE_BAR } },
  [MF_VIEW_TREE] = { &mf_picture_tree, { MF_ROLE_PARENT, MF_ROLE_LABEL } },
  [MF_VIEW_NONE] = { &mf_picture_table, { 0 } },
  [MF_VIEW_BULK] = { &mf_picture_table, { 0 } },
};
// clang-format on

// A position or a height has to be a number, a state must not be wider than its labels can be.
static bool
role_can_be_drawn (const MfField *field)
{
  if (field->role == MF_ROLE_AT || field->role == MF_ROLE_EXTENT || field->role == MF_ROLE_BAR)
    return mf_kind_is_number (field->kind) || field->kind == MF_ADDRESS;
  return true;
}

const MfPictureClass *
mf_picture_class_for (const MfType *type)
{
  unsigned view = type->view < MF_N_VIEWS ? type->view : MF_VIEW_TABLE;
  for (const uint8_t *role = views[view].needs; *role; role++) {
    const MfField *field = mf_field_by_role (type, *role);
    if (!field || !role_can_be_drawn (field))
      return &mf_picture_table;
  }
  return views[view].class;
}

MfPicture *
mf_picture_new (const MfPictureClass *class, const MfType *type, const MfBatch *first,
    const MfPictureOptions *options, const MfPage *page, MfMemory memory)
{
  MfPicture *picture = g_malloc0 (class->size);
  *picture = (MfPicture){ .class = class,
    .type = type,
    .options = options,
    .memory = memory,
    .stage = first->stage,
    .input = first->input,
    .page = page };
  for (unsigned role = MF_ROLE_NONE + 1; role < MF_N_ROLES; role++)
    picture->roles[role] = mf_field_by_role (type, role);
  if (class->open)
    class->open (picture);
  return picture;
}

void
mf_picture_free (MfPicture *picture)
{
  picture->class->free (picture);
  g_free (picture);
}

bool
mf_picture_take (MfPicture *picture, const MfBatch *batch)
{
  const uint8_t *row = batch->rows;
  if (batch->stride < picture->type->row_size)
    return true;
  for (uint32_t i = 0; i < batch->n_rows; i++, row += batch->stride)
    if (!picture->class->add (picture, batch, row))
      return false;
  picture->rows += batch->n_rows;
  return true;
}

uint64_t
mf_picture_bits (const MfField *field, const uint8_t *row)
{
  return field ? mf_field_bits (field, row) : 0;
}

void
mf_picture_heading (const MfPicture *picture, MfPage *page, const char *more)
{
  const char *doc = picture->type->doc ? picture->type->doc : "";
  g_autofree char *name
      = mf_page_clean (page, picture->type->name, strlen (picture->type->name), 60);
  g_autofree char *stage = mf_page_clean_name (page, picture->stage);
  g_autofree char *input = mf_page_clean_name (page, picture->input);
  g_autofree char *title = mf_page_clean (page, doc, strlen (doc), 200);
  g_autoptr (GString) heading = g_string_new (title);
  g_string_append_printf (heading, "   (%s", name);
  if (picture->name_source && *stage)
    g_string_append_printf (heading, " of %s", stage);
  if (picture->name_source && *input)
    g_string_append_printf (heading, ": %s", input);
  g_string_append_printf (heading, "%s%s)", *more ? ", " : "", more);
  mf_page_blank (page);
  mf_page_wrap (page, heading->str, 2);
}

char *
mf_picture_key_text (const MfPicture *picture, const MfPage *page, uint64_t key)
{
  const MfField *field = picture->roles[MF_ROLE_KEY];
  if (!field)
    return g_strdup ("");
  g_autofree char *name = mf_page_clean (page, field->name, strlen (field->name), 40);
  if (field->kind != MF_STRING)
    return g_strdup_printf ("%s %" G_GUINT64_FORMAT, name, key);
  g_autofree char *value = mf_page_clean_name (page, (MfString){ (uint32_t) key });
  return g_strdup_printf ("%s %s", name, value);
}
