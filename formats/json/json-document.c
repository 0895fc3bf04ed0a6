// SPDX-License-Identifier: Apache-2.0
// What stands around the events of a JSON document.
#include "json-document.h"

#include <glib.h>

// ---- the head

void
mf_json_head (MfBuffer *to, const char *version, const char *name, const char *configuration,
    bool deterministic)
{
  mf_buffer_printf (to, "{\"memflow\":{\"format\":%d,\"version\":", MF_JSON_FORMAT);
  mf_json_string (to, version);
  mf_buffer_put_text (to, "},\n\"run\":{\"name\":");
  mf_json_string (to, name);
  mf_buffer_put_text (to, ",\"configuration\":");
  mf_json_string (to, configuration);
  mf_buffer_printf (to, ",\"deterministic\":%s},\n\"events\":[", deterministic ? "true" : "false");
}

// ---- schemas

static const char *
view_name (unsigned view)
{
  static const char *const names[MF_N_VIEWS]
      = { "table", "map", "histogram", "series", "tree", "none", "bulk" };
  return names[view < MF_N_VIEWS ? view : MF_VIEW_NONE];
}

static const char *
role_name (unsigned role)
{
  static const char *const names[MF_N_ROLES]
      = { NULL, "key", "part", "at", "extent", "state", "label", "bar", "parent", "hidden" };
  return role < MF_N_ROLES ? names[role] : NULL;
}

static void
put_member (MfBuffer *to, const char *name, const char *value)
{
  mf_buffer_printf (to, "\"%s\":", name);
  mf_json_string (to, value ? value : "");
}

static void
put_labels (MfBuffer *to, const char *const *labels)
{
  mf_buffer_put_text (to, ",\"labels\":[");
  for (uint32_t i = 0; labels[i]; i++) {
    if (i > 0)
      mf_buffer_put_char (to, ',');
    mf_json_string (to, labels[i]);
  }
  mf_buffer_put_char (to, ']');
}

static void
put_field (MfBuffer *to, const MfField *field)
{
  const char *unit = mf_field_unit (field), *role = role_name (field->role);
  mf_buffer_put_char (to, '{');
  put_member (to, "name", field->name ? field->name : "?");
  mf_buffer_put_char (to, ',');
  put_member (to, "kind", mf_kind_name (field->kind));
  if (*unit) {
    mf_buffer_put_char (to, ',');
    put_member (to, "unit", unit);
  }
  if (role) {
    mf_buffer_put_char (to, ',');
    put_member (to, "role", role);
  }
  if (field->flags & MF_FIELD_OPTIONAL)
    mf_buffer_put_text (to, ",\"optional\":true");
  if (field->labels)
    put_labels (to, field->labels);
  mf_buffer_put_char (to, ',');
  put_member (to, "doc", field->doc);
  mf_buffer_put_char (to, '}');
}

static void
put_schema (MfBuffer *to, const MfType *type)
{
  g_autofree char *id = g_strdup_printf ("%s@%u", type->name, type->major);
  mf_json_string (to, id);
  mf_buffer_put_text (to, ":{");
  put_member (to, "doc", type->doc);
  mf_buffer_put_char (to, ',');
  put_member (to, "view", view_name (type->view));
  mf_buffer_put_text (to, ",\"fields\":[");
  for (uint32_t i = 0; i < type->n_fields; i++) {
    mf_buffer_put_text (to, i > 0 ? ",\n  " : "\n  ");
    put_field (to, &type->fields[i]);
  }
  mf_buffer_put_text (to, "]}");
}

// By name and major version; of one type the schema with most fields first.
static int
compare_types (const void *a, const void *b)
{
  const MfType *left = *(const MfType *const *) a, *right = *(const MfType *const *) b;
  int order = strcmp (left->name, right->name);
  if (order == 0)
    order = (int) left->major - (int) right->major;
  return order ? order : (left->n_fields < right->n_fields) - (left->n_fields > right->n_fields);
}

static void
put_schemas (MfBuffer *to, const MfType *const *types, uint32_t n)
{
  g_autofree const MfType **sorted = g_memdup2 (types, n * sizeof *types);
  const MfType *last = NULL;
  if (n > 1)
    qsort (sorted, n, sizeof *sorted, compare_types);
  mf_buffer_put_text (to, ",\n\"schemas\":{");
  for (uint32_t i = 0; i < n; i++) {
    if (last && strcmp (last->name, sorted[i]->name) == 0 && last->major == sorted[i]->major)
      continue;
    mf_buffer_put_text (to, last ? ",\n " : "\n ");
    put_schema (to, sorted[i]);
    last = sorted[i];
  }
  mf_buffer_put_char (to, '}');
}

// ---- losses and the outcome

static void
put_label (MfBuffer *to, const MfType *type, const char *field, uint32_t value)
{
  for (uint32_t i = 0; i < type->n_fields; i++) {
    const MfField *candidate = &type->fields[i];
    const char *label
        = strcmp (candidate->name, field) == 0 ? mf_field_label (candidate, value) : NULL;
    if (label) {
      mf_json_string (to, label);
      return;
    }
  }
  mf_buffer_printf (to, "%u", value);
}

static void
put_time (MfBuffer *to, const char *name, MfTime time)
{
  mf_buffer_printf (to, ",\"%s\":", name);
  if (time.ns == MF_TIME_NONE.ns)
    mf_buffer_put_text (to, "null");
  else
    mf_buffer_printf (to, "%" G_GINT64_FORMAT, time.ns);
}

static void
put_loss (MfBuffer *to, const MfNames *names, const MfLost *lost)
{
  mf_buffer_put_text (to, "{\"stage\":");
  mf_json_name (to, names, lost->stage);
  mf_buffer_put_text (to, ",\"consumer\":");
  mf_json_name (to, names, lost->consumer);
  mf_buffer_put_text (to, ",\"type\":");
  mf_json_name (to, names, lost->type);
  mf_buffer_put_text (to, ",\"reason\":");
  put_label (to, &MfLost_type, "reason", lost->reason);
  mf_buffer_printf (to, ",\"count\":%" G_GUINT64_FORMAT, lost->count);
  put_time (to, "from", lost->from);
  put_time (to, "to", lost->to);
  mf_buffer_put_char (to, '}');
}

static void
put_losses (MfBuffer *to, const MfNames *names, const MfLosses *losses)
{
  mf_buffer_put_text (to, ",\n\"losses\":[");
  for (uint32_t i = 0; i < losses->n; i++) {
    if (i > 0)
      mf_buffer_put_text (to, ",\n ");
    put_loss (to, names, &losses->entries[i]);
  }
  mf_buffer_put_char (to, ']');
}

static void
put_outcome (MfBuffer *to, const MfLosses *losses)
{
  mf_buffer_printf (to,
      ",\n\"outcome\":{\"complete\":%s,\"outcome\":", mf_losses_none (losses) ? "true" : "false");
  if (losses->ended)
    put_label (to, &MfRunEnd_type, "outcome", losses->end.outcome);
  else
    mf_buffer_put_text (to, "null");
  mf_buffer_printf (to, ",\"rows_lost\":%" G_GUINT64_FORMAT ",\"program_status\":",
      MAX (losses->total, losses->end.lost));
  if (losses->ended && losses->end.program_status != -1)
    mf_buffer_printf (to, "%d", losses->end.program_status);
  else
    mf_buffer_put_text (to, "null");
  mf_buffer_put_text (to, "}}\n");
}

void
mf_json_tail (MfBuffer *to, const MfNames *names, const MfType *const *types, uint32_t n_types,
    const MfLosses *losses, const MfBuffer *stages)
{
  mf_buffer_put_text (to, "]");
  put_schemas (to, types, n_types);
  put_losses (to, names, losses);
  mf_buffer_put_text (to, ",\n\"stages\":[");
  mf_buffer_put (to, stages->bytes, stages->length);
  mf_buffer_put_char (to, ']');
  put_outcome (to, losses);
}
