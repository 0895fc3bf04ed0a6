// SPDX-License-Identifier: Apache-2.0
// Option tables: values in the instance, what unset means, which tables are refused, and their texts.
#include <math.h>

#include "config/options.h"

typedef struct {
  MfStage stage;
  MfPath path, unset_path;
  MfOutputName output;
  MfTexts texts, unset_texts;
  MfPaths paths;
  MfSizes sizes;
  MfArgv command;
  MfSize size, unset_size;
  MfDuration duration, unset_duration;
  MfAddress address;
  double number, unset_number;
  uint64_t u64;
  int64_t i64;
  const char *text, *unset_text;
  uint32_t u32, unset_u32, choice, unset_choice;
  int32_t i32;
  uint16_t u16, at_least;
  int16_t i16;
  uint8_t u8, unset_u8;
  int8_t i8;
  bool flag;
} Everything;

static const MfOption options[] = {
  MF_OPTION (Everything, path, "a/b.txt", "a path"),
  MF_OPTION (Everything, unset_path, NULL, "a path"),
  MF_OPTION (Everything, output, "-", "an output"),
  MF_OPTION (Everything, texts, "a, b c", "texts"),
  MF_OPTION (Everything, unset_texts, NULL, "texts"),
  MF_OPTION (Everything, paths, NULL, "paths"),
  MF_OPTION (Everything, sizes, "64B, 4KiB", "sizes", .low = 16, .high = 1 << 20),
  MF_OPTION (Everything, command, NULL, "a command"),
  MF_OPTION (Everything, size, "12KiB", "a size", .low = 1024, .high = 1 << 20),
  MF_OPTION (Everything, unset_size, NULL, "a size"),
  MF_OPTION (Everything, duration, "250ms", "a duration", .low = 1e6, .high = 1e30),
  MF_OPTION (Everything, unset_duration, NULL, "a duration"),
  MF_OPTION (Everything, address, "0x20000000", "an address"),
  MF_OPTION (Everything, number, "0.25", "a number", .low = 0, .high = 1),
  MF_OPTION (Everything, unset_number, NULL, "a number"),
  MF_OPTION (Everything, u64, "18446744073709551615", "a number"),
  MF_OPTION (Everything, i64, "-9223372036854775808", "a number", .low = -1e30, .high = 100),
  MF_OPTION (Everything, text, "costs $5", "a text"),
  MF_OPTION (Everything, unset_text, NULL, "a text"),
  MF_OPTION (Everything, u32, "4294967295", "a number"),
  MF_OPTION (Everything, unset_u32, NULL, "a number"),
  MF_CHOICE (Everything, choice, "two", "a choice", "one", "two", "three"),
  MF_CHOICE (Everything, unset_choice, NULL, "a choice", "one"),
  MF_OPTION (Everything, i32, "-2147483648", "a number"),
  MF_OPTION (Everything, u16, "65535", "a number"),
  MF_OPTION (Everything, at_least, "1", "a number"),
  MF_OPTION (Everything, i16, "-32768", "a number"),
  MF_OPTION (Everything, u8, "255", "a number"),
  MF_OPTION (Everything, unset_u8, NULL, "a number"),
  MF_OPTION (Everything, i8, "-128", "a number"),
  MF_OPTION (Everything, flag, "yes", "yes or no"),
  { 0 }
};

typedef struct {
  Everything values;
  MfConfig *config;
  MfDiagnostics *diagnostics;
  GPtrArray *arena;
  bool applied;
} Applied;

static void
applied_free (Applied *applied)
{
  mf_config_free (applied->config);
  mf_diagnostics_free (applied->diagnostics);
  g_ptr_array_unref (applied->arena);
  g_free (applied);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Applied, applied_free)

static Applied *
apply (const char *text, const char *const *argv)
{
  Applied *applied = g_new0 (Applied, 1);
  applied->diagnostics = mf_diagnostics_new ();
  applied->arena = g_ptr_array_new_with_free_func (g_free);
  applied->config = mf_config_parse (text, strlen (text), "test.ini", "/folder", applied->diagnostics);
  MfOptionContext context = { .kind = "analyzer", .plugin = "everything", .arena = applied->arena,
    .argv = argv, .n_argv = argv ? g_strv_length ((char **) argv) : 0 };
  applied->applied = mf_options_apply (options, mf_config_group (applied->config, "a"), &applied->values,
    &context, applied->diagnostics);
  return applied;
}

static void
test_fallbacks (void)
{
  g_autoptr (Applied) applied = apply ("[analyzer a]\n", NULL);
  const Everything *v = &applied->values;
  g_assert_true (applied->applied);
  g_assert_cmpstr (v->path.path, ==, "a/b.txt");
  g_assert_cmpstr (v->output.name, ==, "-");
  g_assert_cmpuint (v->texts.n, ==, 2);
  g_assert_cmpstr (v->texts.items[1], ==, "b c");
  g_assert_cmpuint (v->sizes.n, ==, 2);
  g_assert_cmpuint (v->sizes.items[1].bytes, ==, 4096);
  g_assert_cmpuint (v->size.bytes, ==, 12288);
  g_assert_cmpint (v->duration.ns, ==, 250000000);
  g_assert_cmpuint (v->address.at, ==, 0x20000000);
  g_assert_cmpfloat (v->number, ==, 0.25);
  g_assert_cmpuint (v->u64, ==, UINT64_MAX);
  g_assert_cmpint (v->i64, ==, INT64_MIN);
  g_assert_cmpstr (v->text, ==, "costs $5");
  g_assert_cmpuint (v->u32, ==, UINT32_MAX);
  g_assert_cmpuint (v->choice, ==, 1);
  g_assert_cmpint (v->i32, ==, INT32_MIN);
  g_assert_cmpint (v->i16, ==, INT16_MIN);
  g_assert_cmpint (v->i8, ==, INT8_MIN);
  g_assert_cmpuint (v->u16 + v->u8, ==, 65535 + 255);
  g_assert_true (v->flag);
}

static void
test_unset (void)
{
  g_autoptr (Applied) applied = apply ("[analyzer a]\n", NULL);
  const Everything *v = &applied->values;
  g_assert_null (v->unset_path.path);
  g_assert_null (v->unset_text);
  g_assert_true (!v->unset_texts.items && v->unset_texts.n == 0);
  g_assert_true (!v->command.words && v->command.n == 0);
  g_assert_cmpuint (v->unset_size.bytes, ==, MF_SIZE_NONE.bytes);
  g_assert_cmpint (v->unset_duration.ns, ==, INT64_MIN);
  g_assert_true (isnan (v->unset_number));
  g_assert_cmpuint (v->unset_u32, ==, UINT32_MAX);
  g_assert_cmpuint (v->unset_choice, ==, UINT32_MAX);
  g_assert_cmpuint (v->unset_u8, ==, UINT8_MAX);
}

static void
test_values (void)
{
  g_autoptr (Applied) applied = apply ("[analyzer a]\nat_least = 7\nunset-path = x/y\npaths = p/q, /r\npath = /abs\nsizes =\n"
    "texts = only\ni8 = 127\ni64 = -1\nflag = off\nunset-choice = one\nnumber = 1\n", NULL);
  const Everything *v = &applied->values;
  g_assert_true (applied->applied);
  g_assert_cmpuint (v->at_least, ==, 7);
  g_assert_cmpstr (v->unset_path.path, ==, "/folder/x/y");
  g_assert_cmpstr (v->path.path, ==, "/abs");
  g_assert_cmpuint (v->paths.n, ==, 2);
  g_assert_cmpstr (v->paths.items[0], ==, "/folder/p/q");
  g_assert_cmpstr (v->paths.items[1], ==, "/r");
  g_assert_cmpuint (v->sizes.n, ==, 0);
  g_assert_cmpuint (v->texts.n, ==, 1);
  g_assert_cmpint (v->i8, ==, 127);
  g_assert_cmpint (v->i64, ==, -1);
  g_assert_false (v->flag);
  g_assert_cmpuint (v->unset_choice, ==, 0);
}

static void
test_command (void)
{
  static const char *const words[] = { "python3", "-X", "dev", NULL };
  g_autoptr (Applied) applied = apply ("[analyzer a]\n", words);
  g_assert_cmpuint (applied->values.command.n, ==, 3);
  g_assert_cmpstr (applied->values.command.words[2], ==, "dev");
}

static void
test_paths (void)
{
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) config = mf_config_parse ("[analyzer a]\npath = -\n", 22, "x", "/folder", diagnostics);
  g_assert_true (mf_config_set (config, "a.unset_path=rel/x", diagnostics));
  g_autoptr (GPtrArray) arena = g_ptr_array_new_with_free_func (g_free);
  MfOptionContext context = { .kind = "analyzer", .plugin = "p", .arena = arena };
  Everything values;
  const MfConfigGroup *group = mf_config_group (config, "a");
  g_assert_true (mf_options_apply (options, group, &values, &context, diagnostics));
  g_assert_cmpstr (values.path.path, ==, "-");
  g_assert_cmpstr (values.unset_path.path, ==, "rel/x");
}

static void
test_places (void)
{
  g_autoptr (Applied) applied = apply ("[analyzer a]\nat-least = 7\n", NULL);
  const MfConfigGroup *group = mf_config_group (applied->config, "a");
  g_autofree char *value = mf_place_name (mf_option_place (group, "at_least"));
  g_autofree char *missing = mf_place_name (mf_option_place (group, "size"));
  g_assert_cmpstr (value, ==, "test.ini:2:12");
  g_assert_cmpstr (missing, ==, "test.ini:1:2");
}

// What `inspect --ini` prints reads back without an error and gives the very same instance.
static void
test_print_ini (void)
{
  g_autoptr (GString) text = g_string_new ("[analyzer a]\n");
  mf_options_print_ini (options, text);
  g_autoptr (Applied) printed = apply (text->str, NULL);
  g_autoptr (Applied) fallbacks = apply ("[analyzer a]\n", NULL);
  g_assert_true (printed->applied);
  g_assert_cmpuint (mf_config_group (printed->config, "a")->entries->len, ==, 20);
  g_assert_cmpuint (printed->values.size.bytes, ==, fallbacks->values.size.bytes);
  g_assert_cmpstr (printed->values.text, ==, fallbacks->values.text);
  g_assert_nonnull (strstr (text->str, "\n# a size (size: 1KiB to 1MiB)\nsize = 12KiB\n"));
  g_assert_nonnull (strstr (text->str, "\n# a choice (choice: one, two or three)\nchoice = two\n"));
  g_assert_nonnull (strstr (text->str, "\n# a size (size)\n# unset-size =\n"));
  g_assert_nonnull (strstr (text->str, "\n# a duration (duration: at least 1ms)\nduration = 250ms\n"));
  g_assert_nonnull (strstr (text->str, "\n# a number (whole number: at most 100)\ni64 ="));
  g_assert_nonnull (strstr (text->str, "\ntext = costs $$5\n"));
}

static void
test_print_default (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  MfOption required = { .name = "x", .kind = MF_SIZE, .flags = MF_OPTION_REQUIRED };
  MfOption unset = { .name = "x", .kind = MF_SIZE };
  mf_option_print_default (&required, text);
  mf_option_print_default (&unset, text);
  mf_option_print_default (&options[0], text);
  g_assert_cmpstr (text->str, ==, "requiredunseta/b.txt");
  g_assert_cmpstr (mf_option_kind_name (MF_STACK), ==, "unknown kind");
}

// ---- targets and limits

typedef struct {
  MfTargets target;
  MfLimits limit;
} Judged;

static const MfOption judged_options[] = {
  MF_OPTION (Judged, target, NULL, "targets"),
  MF_OPTION (Judged, limit, NULL, "limits"),
  { 0 }
};

static const MfTargetFacts *
find_target (void *user, const char *name, const char *folder, MfLiteralError *error, MfDiagnostics *diagnostics)
{
  const MfTargetFacts *facts = user;
  g_assert_cmpstr (folder, ==, "/folder");
  g_assert_nonnull (diagnostics);
  for (; facts->name; facts++)
    if (g_str_equal (facts->name, name))
      return facts;
  g_snprintf (error->text, sizeof error->text, "no '%s'", name);
  return NULL;
}

static char **
installed_targets (void *user)
{
  const MfTargetFacts *facts = user;
  const char *const names[] = { facts[0].name, facts[1].name, facts[2].name, NULL };
  return g_strdupv ((char **) names);
}

static char *
judge (const char *text, Judged *judged, GPtrArray *arena)
{
  static const MfTargetFacts facts[] = { { .name = "arm-1" }, { .name = "arm-2" }, { .name = "x86" }, { 0 } };
  static const char *const inherited[] = { "target", NULL };
  const MfTargetSource source = { (void *) facts, find_target, installed_targets };
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) config = mf_config_parse (text, strlen (text), "t.ini", "/folder", diagnostics);
  MfOptionContext context = { .plugin = "judged", .arena = arena, .targets = &source, .inherited = inherited,
    .parent = mf_config_group (config, "pipeline") };
  GString *out = g_string_new (NULL);
  bool fine = mf_options_apply (judged_options, mf_config_group (config, "a"), judged, &context, diagnostics);
  mf_diagnostics_print (diagnostics, out);
  g_assert_true (fine == (out->len == 0));
  return g_string_free (out, FALSE);
}

static void
test_targets_and_limits (void)
{
  static const struct { const char *text, *targets, *error; } rows[] = {
    { "[analyzer a]\n", "", "" },
    { "[analyzer a]\ntarget = x86, arm-1\n", "x86 arm-1 ", "" },
    { "[analyzer a]\ntarget = arm-*, arm-1\n", "arm-1 arm-2 ", "" },
    { "[pipeline]\ntarget = arm-2\n[analyzer a]\n", "arm-2 ", "" },
    { "[pipeline]\ntarget = arm-2\n[analyzer a]\ntarget = x86\n", "x86 ", "" },
    { "[analyzer a]\ntarget = x86, mips\n", "", "t.ini:2:15: error: no 'mips'" },
    { "[analyzer a]\ntarget = mips-*\n", "", "t.ini:2:10: error: no target matches 'mips-*'" },
    { "[analyzer a]\nlimit = app <= 12KiB, app.net<=1B\n", "", "" },
    { "[analyzer a]\nlimit = app, b <= 1B\n", "", "t.ini:2:9: error: 'app' is no limit" },
    { "[analyzer a]\nlimit = <= 1B\n", "", "t.ini:2:9: error: '<= 1B' is no limit" },
    { "[analyzer a]\nlimit = app <=\n", "", "t.ini:2:9: error: 'app' has no limit" },
    { "[analyzer a]\nlimit = a <= 1KiB, b <= 12K\n", "", "t.ini:2:20: error: '12K' is ambiguous" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GPtrArray) arena = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GString) names = g_string_new (NULL);
    Judged judged;
    g_autofree char *error = judge (rows[i].text, &judged, arena);
    g_assert_true (*rows[i].error ? g_str_has_prefix (error, rows[i].error) : !*error);
    for (uint32_t k = 0; !*error && k < judged.target.n; k++)
      g_string_append_printf (names, "%s ", judged.target.items[k]->name);
    g_assert_cmpstr (names->str, ==, rows[i].targets);
    if (*error || !strstr (rows[i].text, "limit"))
      continue;
    g_assert_cmpuint (judged.limit.n, ==, 2);
    g_assert_cmpstr (judged.limit.items[0].what, ==, "app");
    g_assert_cmpuint (judged.limit.items[0].at_most.bytes, ==, 12288);
    g_assert_cmpstr (judged.limit.items[1].what, ==, "app.net");
  }
}

typedef struct { const char *why; MfOption option; } Refusal;

#define NAME_RULE "' has a bad name: at most 40 of a-z, 0-9 and _, a letter first"

static const Refusal refusals[] = {
  { "option 'X" NAME_RULE,
    { .doc = "doc", .kind = MF_U32, .fallback = "1", .name = "X" } },
  { "option '1" NAME_RULE,
    { .doc = "doc", .kind = MF_U32, .fallback = "1", .name = "1" } },
  { "option '" NAME_RULE,
    { .doc = "doc", .kind = MF_U32, .fallback = "1", .name = "" } },
  { "option 'at-least" NAME_RULE,
    { .doc = "doc", .kind = MF_U32, .fallback = "1", .name = "at-least" } },
  { "option 'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddx" NAME_RULE,
    { .doc = "doc", .kind = MF_U32, .fallback = "1", .name = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddx" } },
  { "option 'x' is of an unknown kind",
    { .name = "x", .doc = "doc", .fallback = "1", .kind = 0 } },
  { "option 'x' is of an unknown kind",
    { .name = "x", .doc = "doc", .fallback = "1", .kind = MF_STACK } },
  { "option 'x' is of an unknown kind",
    { .name = "x", .doc = "doc", .fallback = "1", .kind = 999 } },
  { "option 'x' has no doc of one line",
    { .name = "x", .kind = MF_U32, .fallback = "1", .doc = NULL } },
  { "option 'x' has no doc of one line",
    { .name = "x", .kind = MF_U32, .fallback = "1", .doc = "" } },
  { "option 'x' has no doc of one line",
    { .name = "x", .kind = MF_U32, .fallback = "1", .doc = "two\nlines" } },
  { "option 'x' has a range that is not a number",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "1", .low = NAN } },
  { "option 'x' lies outside the instance",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "1", .offset = 64 } },
  { "option 'x' lies outside the instance",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "1", .offset = 61 } },
  { "option 'x' lies outside the instance",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "1", .offset = UINT32_MAX } },
  { "option 'x' lies outside the instance",
    { .name = "x", .doc = "doc", .offset = 56, .kind = MF_OPTION_TEXTS, .fallback = NULL } },
  { "option 'x' is not aligned in the instance",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "1", .offset = 2 } },
  { "option 'x' is a choice without labels",
    { .name = "x", .doc = "doc", .fallback = "1", .kind = MF_OPTION_CHOICE } },
  { "option 'x' is a choice without labels",
    { .name = "x", .doc = "doc", .fallback = "1", .kind = MF_OPTION_CHOICE, .labels = (const char *const[]) { NULL } } },
  { "option 'x' has a label that cannot be written in a configuration",
    { .name = "x", .doc = "doc", .fallback = "1", .kind = MF_OPTION_CHOICE, .labels = (const char *const[]) { "a", " b", NULL } } },
  { "option 'x' is a yes or no and needs a default",
    { .name = "x", .doc = "doc", .kind = MF_BOOL, .fallback = NULL } },
  { "option 'x' is required and has a default",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "1", .flags = MF_OPTION_REQUIRED } },
  { "option 'x' has a default that cannot be written in a configuration",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "1 # one" } },
  { "option 'x' has a default that cannot be written in a configuration",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = " 1" } },
  { "option 'x' has an empty default; NULL means unset",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "" } },
  { "option 'x' has a bad default: '-1' is not a whole number",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "-1" } },
  { "option 'x' has a bad default: '1' is out of the range of 'x'",
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "1", .low = 2, .high = 3 } },
  { "option 'x' has a bad default: '64K' is ambiguous",
    { .name = "x", .doc = "doc", .kind = MF_SIZE, .fallback = "64K" } },
  { "option 'x' has a bad default: 'c' is none of the choices of 'x'",
    { .name = "x", .doc = "doc", .kind = MF_OPTION_CHOICE, .fallback = "c", .labels = (const char *const[]) { "a", "b", NULL } } },
  { "option 'x' has a bad default: 'x' cannot be written into a configuration",
    { .name = "x", .doc = "doc", .fallback = "1", .kind = MF_OPTION_ARGV } },
};

static void
test_tables_refused (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (refusals); i++) {
    MfOption table[] = { refusals[i].option, { 0 } };
    g_autoptr (GString) why = g_string_new (NULL);
    g_assert_false (mf_options_check_table (table, 64, why));
    g_assert_cmpstr (why->str, ==, refusals[i].why);
  }
}

static void
check_pair (uint32_t offset, const char *name, const char *expected)
{
  MfOption table[] = {
    { .name = "x", .doc = "doc", .kind = MF_U32, .fallback = "1", .offset = 16 },
    { .name = name, .doc = "doc", .kind = MF_U64, .fallback = "1", .offset = offset }, { 0 }
  };
  g_autoptr (GString) why = g_string_new (NULL);
  g_assert_true (mf_options_check_table (table, 64, why) == !*expected);
  g_assert_cmpstr (why->str, ==, expected);
}

static void
test_tables_of_two (void)
{
  check_pair (24, "y", "");
  check_pair (8, "y", "");
  check_pair (24, "x", "option 'x' stands in the table twice");
  check_pair (16, "y", "options 'x' and 'y' share bytes of the instance");
}

static void
test_table_without_end (void)
{
  g_autofree MfOption *table = g_new0 (MfOption, 130);
  char names[130][8];
  for (unsigned i = 0; i < 129; i++) {
    g_snprintf (names[i], sizeof names[i], "x%u", i);
    table[i] = (MfOption) { .name = names[i], .doc = "doc", .kind = MF_U8, .fallback = "1", .offset = i };
  }
  g_autoptr (GString) why = g_string_new (NULL);
  g_assert_false (mf_options_check_table (table, 4096, why));
  g_assert_cmpstr (why->str, ==, "more than 128 options, or a table without an end");
}

static void
test_tables_fine (void)
{
  g_autoptr (GString) why = g_string_new (NULL);
  g_assert_true (mf_options_check_table (options, sizeof (Everything), why));
  g_assert_true (mf_options_check_table (NULL, 0, why));
  g_assert_cmpstr (why->str, ==, "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/options/fallbacks", test_fallbacks);
  g_test_add_func ("/options/unset", test_unset);
  g_test_add_func ("/options/targets-and-limits", test_targets_and_limits);
  g_test_add_func ("/options/values", test_values);
  g_test_add_func ("/options/command", test_command);
  g_test_add_func ("/options/paths", test_paths);
  g_test_add_func ("/options/places", test_places);
  g_test_add_func ("/options/print-ini", test_print_ini);
  g_test_add_func ("/options/print-default", test_print_default);
  g_test_add_func ("/options/tables-refused", test_tables_refused);
  g_test_add_func ("/options/tables-of-two", test_tables_of_two);
  g_test_add_func ("/options/table-without-end", test_table_without_end);
  g_test_add_func ("/options/tables-fine", test_tables_fine);
  return g_test_run ();
}
