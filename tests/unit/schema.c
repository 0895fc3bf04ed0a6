// SPDX-License-Identifier: Apache-2.0
// Rules of event types: each kind of bad schema is refused in a sentence of its own.
#include "event/schema.h"

#include <memflow/events.h>

typedef struct { MfSize size; uint32_t state, part; } Row;
static const char *const labels[] = { "free", "used", NULL };

// A sound type whose fields a test may change.
typedef struct { MfField fields[3]; MfType type; } Sample;

static void
sample_init (Sample *sample)
{
  *sample = (Sample) { .fields = {
    MF_FIELD (Row, size, "bytes"),
    { .name = "state", .doc = "which", .offset = 8, .kind = MF_ENUM, .width = 4, .labels = labels },
    MF_FIELD (Row, part, "where"),
  } };
  sample->type = (MfType) { .name = "test.row", .doc = "A row", .fields = sample->fields, .n_fields = 3,
    .row_size = sizeof (Row), .major = 1 };
}

static void spoil_nothing (Sample *s) { (void) s; }
static void spoil_name (Sample *s) { s->type.name = "Test row"; }
static void spoil_no_name (Sample *s) { s->type.name = NULL; }
static void spoil_doc (Sample *s) { s->type.doc = NULL; }
static void spoil_no_fields (Sample *s) { s->type.n_fields = 0; }
static void spoil_many_fields (Sample *s) { s->type.n_fields = 257; }
static void spoil_size (Sample *s) { s->type.row_size = 12; }
static void spoil_huge (Sample *s) { s->type.row_size = 1 << 20; }
static void spoil_view (Sample *s) { s->type.view = 99; }
static void spoil_field_name (Sample *s) { s->fields[1].name = "1st"; }
static void spoil_kind (Sample *s) { s->fields[1].kind = 77; }
static void spoil_width (Sample *s) { s->fields[0].width = 4; }
static void spoil_enum_width (Sample *s) { s->fields[1].width = 3; }
static void spoil_unit (Sample *s) { s->fields[0].unit = 99; }
static void spoil_role (Sample *s) { s->fields[0].role = 99; }
static void spoil_field_doc (Sample *s) { s->fields[0].doc = NULL; }
static void spoil_labels (Sample *s) { s->fields[1].labels = NULL; }
static void spoil_twice (Sample *s) { s->fields[2].name = "size"; }
static void spoil_hole (Sample *s) { s->fields[1].offset = 12; }
static void spoil_overlap (Sample *s) { s->fields[2].offset = 8; }
static void spoil_end (Sample *s) { s->type.row_size = 24; }

static const struct { const char *name; void (*spoil) (Sample *sample); const char *sentence; } cases[] = {
  { "sound", spoil_nothing, "" },
  { "name", spoil_name, "event type 'Test row': a name has lower-case letters, digits, dots and dashes only" },
  { "no-name", spoil_no_name, "event type '?': a name has lower-case letters, digits, dots and dashes only" },
  { "doc", spoil_doc, "event type 'test.row': it needs a doc and 1 to 256 fields" },
  { "no-fields", spoil_no_fields, "event type 'test.row': it needs a doc and 1 to 256 fields" },
  { "many-fields", spoil_many_fields, "event type 'test.row': it needs a doc and 1 to 256 fields" },
  { "size", spoil_size, "event type 'test.row': a row of 12 bytes is not a multiple of 8 up to 65536" },
  { "huge", spoil_huge, "event type 'test.row': a row of 1048576 bytes is not a multiple of 8 up to 65536" },
  { "view", spoil_view, "event type 'test.row': the view 99 is not known" },
  { "field-name", spoil_field_name, "event type 'test.row': field 1 has no proper name (a-z, 0-9, _)" },
  { "kind", spoil_kind, "event type 'test.row': field 'state' has the unknown kind 77" },
  { "width", spoil_width, "event type 'test.row': field 'size' of kind size is 4 bytes wide" },
  { "enum-width", spoil_enum_width, "event type 'test.row': field 'state' of kind enum is 3 bytes wide" },
  { "unit", spoil_unit, "event type 'test.row': field 'size' has an unknown unit or role, or no doc" },
  { "role", spoil_role, "event type 'test.row': field 'size' has an unknown unit or role, or no doc" },
  { "field-doc", spoil_field_doc, "event type 'test.row': field 'size' has an unknown unit or role, or no doc" },
  { "labels", spoil_labels, "event type 'test.row': field 'state' has no labels" },
  { "twice", spoil_twice, "event type 'test.row': two fields are called 'size'" },
  { "hole", spoil_hole, "event type 'test.row': a hole before field 'state' at offset 12: rows must have no padding" },
  { "overlap", spoil_overlap,
    "event type 'test.row': an overlap before field 'part' at offset 8: rows must have no padding" },
  { "end", spoil_end, "event type 'test.row': its fields end at byte 16 of 24: rows must have no padding" },
};

static void
test_check (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (GString) why = g_string_new (NULL);
  Sample sample;
  sample_init (&sample);
  cases[i].spoil (&sample);
  g_assert_cmpint (mf_type_check (&sample.type, why), ==, *cases[i].sentence == '\0');
  g_assert_cmpstr (why->str, ==, cases[i].sentence);
}

static void
test_builtin_types (void)
{
  guint n = 0;
  for (const MfType *const *type = mf_builtin_types; *type; type++, n++) {
    g_autoptr (GString) why = g_string_new (NULL);
    mf_type_check (*type, why);
    g_assert_cmpstr (why->str, ==, "");
    g_assert_true (mf_builtin_type ((*type)->name) == *type);
  }
  g_assert_cmpuint (n, >=, 20);
  g_assert_null (mf_builtin_type ("heap.blocks"));
}

static void
test_prefix (void)
{
  Sample longer, shorter;
  sample_init (&longer);
  sample_init (&shorter);
  shorter.type.n_fields = 1;
  shorter.type.row_size = 8;
  g_assert_true (mf_type_is_prefix (&shorter.type, &longer.type));
  g_assert_false (mf_type_is_prefix (&longer.type, &shorter.type));
  g_assert_true (mf_type_is_prefix (&longer.type, &longer.type));
  shorter.fields[0].unit = MF_UNIT_BLOCKS;
  g_assert_false (mf_type_is_prefix (&shorter.type, &longer.type));
  sample_init (&shorter);
  shorter.type.major = 2;
  g_assert_false (mf_type_is_prefix (&shorter.type, &longer.type));
  sample_init (&shorter);
  shorter.fields[2].name = "place";
  g_assert_false (mf_type_is_prefix (&shorter.type, &longer.type));
}

static void
test_globs (void)
{
  g_assert_true (mf_type_matches ("heap.*", "heap.block"));
  g_assert_true (mf_type_matches ("*", "heap.block"));
  g_assert_true (mf_type_matches ("heap.block", "heap.block"));
  g_assert_false (mf_type_matches ("heap.block", "heap.blocks"));
  g_assert_false (mf_type_matches ("heap.*", "heaps.block"));
  g_assert_false (mf_type_matches ("*.block", "heap.block"));
  g_assert_false (mf_type_matches ("", "heap.block"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strconcat ("/schema/check/", cases[i].name, NULL);
    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_check);
  }
  g_test_add_func ("/schema/builtin-types", test_builtin_types);
  g_test_add_func ("/schema/prefix", test_prefix);
  g_test_add_func ("/schema/globs", test_globs);
  return g_test_run ();
}
