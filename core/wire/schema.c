// SPDX-License-Identifier: Apache-2.0
// Encodes a schema as numbers and counted texts; decodes it in two passes, one that counts the
// memory and one that fills it.
#include "schema.h"

#include "bytes.h"
#include "rows.h"
#include "wire.h"

enum { HEAD_SIZE_AT = 0, HEAD_FIELDS_AT = 4, HEAD_MAJOR_AT = 8, HEAD_VIEW_AT = 10, HEAD_BODY = 12 };
enum {
  FIELD_OFFSET_AT = 0,
  FIELD_KIND_AT = 4,
  FIELD_WIDTH_AT = 6,
  FIELD_UNIT_AT = 8,
  FIELD_ROLE_AT = 9,
  FIELD_FLAGS_AT = 10,
  FIELD_LABELS_AT = 12,
  FIELD_BODY = 16
};

static const char *
text_of (const char *text)
{
  return text ? text : "";
}

static uint32_t
n_labels (const MfField *field)
{
  uint32_t n = 0;
  while (field->labels && field->labels[n])
    n++;
  return n;
}

// ---- checking

static bool
is_name (const char *name, const char *others)
{
  size_t n = 0;
  for (; name[n]; n++) {
    char c = name[n];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    bool later = n && ((c >= '0' && c <= '9') || strchr (others, c));
    if (!letter && !later)
      return false;
  }
  return n && n <= MF_WIRE_NAME_MAX && !strchr (others + 1, name[n - 1]);
}

static const char *
field_fault (const MfField *field, uint32_t expected_offset)
{
  if (!field->name || !is_name (field->name, "_"))
    return "the name of a field is not a C name of at most 127 characters";
  if (!mf_row_kind_fits (field->kind, field->width))
    return "kind and width of a field do not match";
  if (field->offset != expected_offset)
    return "the fields do not tile the row";
  if (field->offset % mf_row_alignment (field->kind, field->width))
    return "a field is not aligned";
  if (field->unit >= MF_N_UNITS || field->role >= MF_N_ROLES)
    return "unit or role of a field does not exist";
  return NULL;
}

const char *
mf_schema_fault (const MfType *type)
{
  if (!type->name || !is_name (type->name, "_.-"))
    return "the name of the type is not a dotted name of at most 127 characters";
  if (!type->n_fields || type->n_fields > MF_WIRE_FIELDS_MAX)
    return "the type does not have 1 to 4096 fields";
  if (!type->row_size || type->row_size % 8 || type->row_size > MF_WIRE_ROW_MAX)
    return "the size of a row is not a multiple of 8 up to 65536";
  if (type->view >= MF_N_VIEWS)
    return "the view of the type does not exist";
  uint32_t offset = 0;
  for (uint32_t i = 0; i < type->n_fields; i++) {
    const char *fault = field_fault (&type->fields[i], offset);
    if (fault)
      return fault;
    offset += type->fields[i].width;
  }
  return offset == type->row_size ? NULL : "the fields do not tile the row";
}

static bool
same_text (const char *a, const char *b)
{
  return !strcmp (text_of (a), text_of (b));
}

static bool
same_field (const MfField *a, const MfField *b)
{
  uint32_t n = n_labels (a);
  if (n != n_labels (b) || !same_text (a->name, b->name) || !same_text (a->doc, b->doc))
    return false;
  for (uint32_t i = 0; i < n; i++)
    if (strcmp (a->labels[i], b->labels[i]))
      return false;
  return a->offset == b->offset && a->kind == b->kind && a->width == b->width && a->unit == b->unit
         && a->role == b->role && a->flags == b->flags;
}

bool
mf_schema_equal (const MfType *a, const MfType *b)
{
  if (!same_text (a->name, b->name) || !same_text (a->doc, b->doc) || a->n_fields != b->n_fields
      || a->row_size != b->row_size || a->major != b->major || a->view != b->view)
    return false;
  for (uint32_t i = 0; i < a->n_fields; i++)
    if (!same_field (&a->fields[i], &b->fields[i]))
      return false;
  return true;
}

// ---- encoding

static size_t
text_bytes (const char *text)
{
  return 4 + strlen (text_of (text));
}

static uint8_t *
put_text (uint8_t *to, const char *text)
{
  size_t n = strlen (text_of (text));
  mf_store32 (to, (uint32_t) n);
  memcpy (to + 4, text_of (text), n);
  return to + 4 + n;
}

size_t
mf_schema_bytes (const MfType *type)
{
  size_t n = HEAD_BODY + text_bytes (type->name) + text_bytes (type->doc);
  for (uint32_t i = 0; i < type->n_fields; i++) {
    const MfField *field = &type->fields[i];
    n += FIELD_BODY + text_bytes (field->name) + text_bytes (field->doc);
    for (uint32_t k = 0; field->labels && field->labels[k]; k++)
      n += text_bytes (field->labels[k]);
  }
  return n;
}

static uint8_t *
put_field (uint8_t *to, const MfField *field)
{
  uint32_t n = n_labels (field);
  mf_store32 (to + FIELD_OFFSET_AT, field->offset);
  mf_store16 (to + FIELD_KIND_AT, field->kind);
  mf_store16 (to + FIELD_WIDTH_AT, field->width);
  to[FIELD_UNIT_AT] = field->unit;
  to[FIELD_ROLE_AT] = field->role;
  mf_store16 (to + FIELD_FLAGS_AT, field->flags);
  mf_store32 (to + FIELD_LABELS_AT, n);
  to = put_text (to + FIELD_BODY, field->name);
  to = put_text (to, field->doc);
  for (uint32_t i = 0; i < n; i++)
    to = put_text (to, field->labels[i]);
  return to;
}

void
mf_schema_store (const MfType *type, uint8_t *to)
{
  mf_store32 (to + HEAD_SIZE_AT, type->row_size);
  mf_store32 (to + HEAD_FIELDS_AT, type->n_fields);
  mf_store16 (to + HEAD_MAJOR_AT, type->major);
  mf_store16 (to + HEAD_VIEW_AT, type->view);
  to = put_text (to + HEAD_BODY, type->name);
  to = put_text (to, type->doc);
  for (uint32_t i = 0; i < type->n_fields; i++)
    to = put_field (to, &type->fields[i]);
}

// ---- decoding

// `fields`, `labels` and `text` are NULL in the pass that counts.
typedef struct {
  const uint8_t *at, *end;
  bool ok, newer;
  MfField *fields;
  const char **labels;
  char *text;
  size_t n_labels, n_text;
} Decoder;

static const uint8_t *
take (Decoder *d, size_t n)
{
  static const uint8_t nothing[FIELD_BODY];
  if (!d->ok || (size_t) (d->end - d->at) < n) {
    d->ok = false;
    return nothing;
  }
  d->at += n;
  return d->at - n;
}

static const char *
take_text (Decoder *d)
{
  uint32_t n = mf_load32 (take (d, 4));
  const uint8_t *from = take (d, n);
  if (!d->ok || memchr (from, 0, n)) {
    d->ok = false;
    return "";
  }
  char *to = d->text ? d->text + d->n_text : NULL;
  d->n_text += n + 1;
  if (!to)
    return "";
  memcpy (to, from, n);
  to[n] = 0;
  return to;
}

static const char *const *
take_labels (Decoder *d, uint32_t n)
{
  if (!n)
    return NULL;
  const char **to = d->labels ? d->labels + d->n_labels : NULL;
  d->n_labels += (size_t) n + 1;
  for (uint32_t i = 0; i < n && d->ok; i++) {
    const char *label = take_text (d);
    if (to)
      to[i] = label;
  }
  if (to)
    to[n] = NULL;
  return to;
}

// A value that a newer version may have added means nothing to us.
static uint16_t
known (const Decoder *d, uint16_t value, uint16_t end)
{
  return d->newer && value >= end ? 0 : value;
}

static void
take_field (Decoder *d, uint32_t index)
{
  const uint8_t *head = take (d, FIELD_BODY);
  uint32_t n = mf_load32 (head + FIELD_LABELS_AT);
  MfField field = {
    .offset = mf_load32 (head + FIELD_OFFSET_AT),
    .kind = mf_load16 (head + FIELD_KIND_AT),
    .width = mf_load16 (head + FIELD_WIDTH_AT),
    .unit = (uint8_t) known (d, head[FIELD_UNIT_AT], MF_N_UNITS),
    .role = (uint8_t) known (d, head[FIELD_ROLE_AT], MF_N_ROLES),
    .flags = mf_load16 (head + FIELD_FLAGS_AT),
  };
  field.name = take_text (d);
  field.doc = take_text (d);
  field.labels = take_labels (d, n);
  if (d->fields)
    d->fields[index] = field;
}

static MfType
take_type (Decoder *d)
{
  const uint8_t *head = take (d, HEAD_BODY);
  MfType type = {
    .row_size = mf_load32 (head + HEAD_SIZE_AT),
    .n_fields = mf_load32 (head + HEAD_FIELDS_AT),
    .major = mf_load16 (head + HEAD_MAJOR_AT),
    .view = known (d, mf_load16 (head + HEAD_VIEW_AT), MF_N_VIEWS),
    .fields = d->fields,
  };
  type.name = take_text (d);
  type.doc = take_text (d);
  d->ok &= type.n_fields <= MF_WIRE_FIELDS_MAX;
  for (uint32_t i = 0; i < type.n_fields && d->ok; i++)
    take_field (d, i);
  return type;
}

size_t
mf_schema_measure (const uint8_t *bytes, size_t n, bool newer)
{
  Decoder d = { .at = bytes, .end = bytes + n, .ok = true, .newer = newer };
  MfType type = take_type (&d);
  if (!d.ok || d.at != d.end)
    return 0;
  return sizeof type + type.n_fields * sizeof (MfField) + d.n_labels * sizeof (char *) + d.n_text;
}

const MfType *
mf_schema_load (const uint8_t *bytes, size_t n, bool newer, void *memory)
{
  Decoder count = { .at = bytes, .end = bytes + n, .ok = true, .newer = newer };
  uint32_t n_fields = take_type (&count).n_fields;
  MfType *type = memory;
  Decoder d = { .at = bytes, .end = bytes + n, .ok = true, .newer = newer };
  d.fields = (MfField *) (type + 1);
  d.labels = (const char **) (d.fields + n_fields);
  d.text = (char *) (d.labels + count.n_labels);
  *type = take_type (&d);
  return type;
}
