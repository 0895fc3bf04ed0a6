// SPDX-License-Identifier: Apache-2.0
// Rules of event types.
#include "event/schema.h"

#include <memflow/events.h>

// Width 0: one of 1, 2 or 4.
// clang-format off
static const struct { const char *name; uint16_t width; } kinds[MF_N_KINDS] = {
  [MF_BOOL] = { "bool", 1 },
  [MF_U8] = { "u8", 1 }, [MF_U16] = { "u16", 2 }, [MF_U32] = { "u32", 4 },
  [MF_U64] = { "u64", 8 }, [MF_I8] = { "i8", 1 }, [MF_I16] = { "i16", 2 }, [MF_I32] = { "i32", 4 },
  [MF_I64] = { "i64", 8 }, [MF_F64] = { "f64", 8 }, [MF_ENUM] = { "enum", 0 },
  [MF_FLAGS] = { "flags", 0 }, [MF_TIME] = { "time", 8 }, [MF_DURATION] = { "duration", 8 },
  [MF_ADDRESS] = { "address", 8 }, [MF_SIZE] = { "size", 8 }, [MF_STRING] = { "string", 4 },
  [MF_STACK] = { "stack", 4 }, [MF_TEXT] = { "text", 8 },
};
// clang-format on
static const char *const units[MF_N_UNITS]
    = { "", "B", "ns", "%", "ratio", "blocks", "rows", "calls", "1/s" };
static const char *const views[MF_N_VIEWS]
    = { "table", "map", "histogram", "series", "tree", "none", "bulk" };
// clang-format off
static const char *const roles[MF_N_ROLES] = {
  "", "key", "part", "at", "extent", "state", "label", "bar", "parent", "hidden"
};
// clang-format on

// clang-format off
const MfType *const mf_builtin_types[] = {
  &MfAlloc_type, &MfProgramStart_type, &MfProgramMark_type, &MfAllocSite_type, &MfAllocTotal_type,
  &MfHeapStats_type, &MfHeapBlock_type, &MfHeapRegion_type, &MfHeapSnapshot_type,
  &MfDeviceFault_type, &MfDeviceBoot_type, &MfInputDamage_type, &MfProcessSample_type,
  &MfProcessMemory_type, &MfObjectCensus_type,
  &MfPymallocArena_type, &MfCodeUnit_type, &MfCodeContent_type, &MfCodeSite_type, &MfCodeCost_type,
  &MfModuleImport_type,
  &MfMetric_type,
  &MfFinding_type, &MfPrediction_type, &MfVerdict_type, &MfStatement_type, &MfLost_type,
  &MfStageStats_type, &MfLog_type, &MfRunEnd_type, NULL
};
// clang-format on

const char *
mf_kind_name (unsigned kind)
{
  return kind < MF_N_KINDS ? kinds[kind].name : NULL;
}

const char *
mf_unit_symbol (unsigned unit)
{
  return unit < MF_N_UNITS ? units[unit] : NULL;
}

const char *
mf_view_name (unsigned view)
{
  return view < MF_N_VIEWS ? views[view] : NULL;
}

const char *
mf_role_name (unsigned role)
{
  return role < MF_N_ROLES ? roles[role] : NULL;
}

const MfType *
mf_builtin_type (const char *name)
{
  for (const MfType *const *type = mf_builtin_types; *type; type++)
    if (g_str_equal ((*type)->name, name))
      return *type;
  return NULL;
}

static bool
name_is_sane (const char *name, const char *also)
{
  if (!name || !g_ascii_islower (name[0]) || strlen (name) > MF_TYPE_MAX_NAME)
    return false;
  for (const char *c = name; *c; c++)
    if (!g_ascii_islower (*c) && !g_ascii_isdigit (*c) && !strchr (also, *c))
      return false;
  return true;
}

static bool
width_fits (const MfField *field)
{
  uint16_t width = kinds[field->kind].width;
  return width ? field->width == width
               : field->width == 1 || field->width == 2 || field->width == 4;
}

static bool refuse (GString *why, const MfType *type, const char *format, ...) G_GNUC_PRINTF (3, 4);

static bool
refuse (GString *why, const MfType *type, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_string_append_printf (why, "event type '%s': ", type->name ? type->name : "?");
  g_string_append_vprintf (why, format, arguments);
  va_end (arguments);
  return false;
}

static bool
field_check (const MfType *type, uint32_t i, GString *why)
{
  const MfField *field = &type->fields[i];
  if (!name_is_sane (field->name, "_"))
    return refuse (why, type, "field %u has no proper name (a-z, 0-9, _)", i);
  if (field->kind == MF_NONE || field->kind >= MF_N_KINDS)
    return refuse (why, type, "field '%s' has the unknown kind %u", field->name, field->kind);
  if (!width_fits (field))
    return refuse (why, type, "field '%s' of kind %s is %u bytes wide", field->name,
        kinds[field->kind].name, field->width);
  if (field->unit >= MF_N_UNITS || field->role >= MF_N_ROLES || !field->doc)
    return refuse (why, type, "field '%s' has an unknown unit or role, or no doc", field->name);
  if ((field->kind == MF_ENUM || field->kind == MF_FLAGS) && !field->labels)
    return refuse (why, type, "field '%s' has no labels", field->name);
  for (uint32_t k = 0; k < i; k++)
    if (g_str_equal (type->fields[k].name, field->name))
      return refuse (why, type, "two fields are called '%s'", field->name);
  return true;
}

static bool
fields_tile (const MfType *type, GString *why)
{
  uint64_t at = 0;
  for (uint32_t i = 0; i < type->n_fields; i++) {
    const MfField *field = &type->fields[i];
    if (field->offset != at)
      return refuse (why, type, "%s before field '%s' at offset %u: rows must have no padding",
          field->offset > at ? "a hole" : "an overlap", field->name, field->offset);
    at += field->width;
  }
  if (at != type->row_size)
    return refuse (why, type,
        "its fields end at byte %" G_GUINT64_FORMAT " of %u: rows must have no padding", at,
        type->row_size);
  return true;
}

bool
mf_type_check (const MfType *type, GString *why)
{
  if (!name_is_sane (type->name, ".-"))
    return refuse (why, type, "a name has lower-case letters, digits, dots and dashes only");
  if (!type->doc || !type->fields || type->n_fields == 0 || type->n_fields > MF_TYPE_MAX_FIELDS)
    return refuse (why, type, "it needs a doc and 1 to %d fields", MF_TYPE_MAX_FIELDS);
  if (type->row_size == 0 || type->row_size % 8 || type->row_size > MF_BATCH_MAX_BYTES)
    return refuse (why, type, "a row of %u bytes is not a multiple of 8 up to %d", type->row_size,
        MF_BATCH_MAX_BYTES);
  if (type->view >= MF_N_VIEWS)
    return refuse (why, type, "the view %u is not known", type->view);
  for (uint32_t i = 0; i < type->n_fields; i++)
    if (!field_check (type, i, why))
      return false;
  return fields_tile (type, why);
}

bool
mf_type_is_prefix (const MfType *shorter, const MfType *longer)
{
  if (shorter == longer)
    return true;
  if (!g_str_equal (shorter->name, longer->name) || shorter->major != longer->major
      || shorter->n_fields > longer->n_fields)
    return false;
  for (uint32_t i = 0; i < shorter->n_fields; i++) {
    const MfField *a = &shorter->fields[i], *b = &longer->fields[i];
    if (!g_str_equal (a->name, b->name) || a->kind != b->kind || a->width != b->width
        || a->offset != b->offset || a->unit != b->unit)
      return false;
  }
  return true;
}

bool
mf_type_matches (const char *glob, const char *name)
{
  size_t n = strlen (glob), stars = 0;
  while (stars < n && glob[n - 1 - stars] == '*')
    stars++;
  return stars ? !strncmp (glob, name, n - stars) : g_str_equal (glob, name);
}
