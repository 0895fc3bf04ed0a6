// SPDX-License-Identifier: Apache-2.0
// Configurations: places point at what they name, messages can be printed, and what was read
// without an error reads the same when it is written back.
#include <string.h>

#include "config/options.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n);

typedef struct {
  MfPath path;
  MfSize size;
  MfSizes sizes;
  MfTexts texts;
  MfDuration duration;
  double number;
  uint32_t whole, choice;
  int8_t narrow;
  bool flag;
} Instance;

static const MfOption options[] = {
  MF_OPTION (Instance, path, NULL, "a path", .flags = MF_OPTION_REQUIRED),
  MF_OPTION (Instance, size, "1KiB", "a size", .low = 16, .high = 1 << 20),
  MF_OPTION (Instance, sizes, NULL, "sizes"),
  MF_OPTION (Instance, texts, "a, b", "texts"),
  MF_OPTION (Instance, duration, NULL, "a duration"),
  MF_OPTION (Instance, number, "0.5", "a number"),
  MF_OPTION (Instance, whole, NULL, "a whole number"),
  MF_CHOICE (Instance, choice, "one", "a choice", "one", "two", "three"),
  MF_OPTION (Instance, narrow, "-1", "a small number"),
  MF_OPTION (Instance, flag, "no", "yes or no"),
  { 0 }
};

static const MfConfigKind kinds[] = { { "pipeline", false }, { "stage", true }, { NULL, false } };

static void
check_entry (const MfConfigEntry *entry)
{
  const MfPlace *place = &entry->key_place;
  g_assert_true (place->line > 0 && place->length == strlen (entry->key));
  for (uint32_t i = 0; i < place->length; i++) {
    char c = place->source[place->column - 1 + i];
    g_assert_true ((c == '_' ? '-' : c) == entry->key[i]);
  }
  g_autoptr (GArray) words = mf_config_words (entry);
  for (unsigned i = 0; i < words->len; i++)
    g_assert_null (strchr (g_array_index (words, MfConfigWord, i).text, ','));
}

static void
check_groups (const MfConfig *config)
{
  const GPtrArray *groups = mf_config_groups (config);
  for (unsigned i = 0; i < groups->len; i++) {
    const MfConfigGroup *group = groups->pdata[i];
    g_assert_true (mf_config_group (config, group->name) == group);
    for (unsigned j = 0; j < group->entries->len; j++)
      check_entry (group->entries->pdata[j]);
  }
}

static void
check_options (const MfConfig *config, MfDiagnostics *diagnostics)
{
  const GPtrArray *groups = mf_config_groups (config);
  for (unsigned i = 0; i < groups->len; i++) {
    Instance instance;
    g_autoptr (GPtrArray) arena = g_ptr_array_new_with_free_func (g_free);
    MfOptionContext context = { .kind = "stage", .plugin = "fuzz", .arena = arena };
    if (mf_options_apply (options, groups->pdata[i], &instance, &context, diagnostics))
      g_assert_true (instance.choice < 3 && instance.size.bytes >= 16 && instance.path.path);
  }
}

static void
check_messages (const MfDiagnostics *diagnostics)
{
  g_autoptr (GString) text = g_string_new (NULL);
  mf_diagnostics_print (diagnostics, text);
  g_assert_true (g_utf8_validate (text->str, (gssize) text->len, NULL));
  for (const char *c = text->str; *c; c++)
    g_assert_true (!g_ascii_iscntrl (*c) || *c == '\n' || *c == '\t');
}

// False if variables made a value that no file can hold as it is.
static bool
write_entry (const MfConfigEntry *entry, GString *out)
{
  size_t start = out->len;
  g_auto (GStrv) parts = g_strsplit (entry->value, "$", -1);
  g_autofree char *value = g_strjoinv ("$$", parts);
  g_string_append_printf (out, "%s = %s\n", entry->key, value);
  size_t n = strlen (value);
  bool blank = n > 0 && (strchr (" \t", value[0]) || strchr (" \t", value[n - 1]));
  return !blank && *value != '#' && !strstr (value, " #") && !strstr (value, "\t#")
    && out->len - start <= MF_CONFIG_MAX_LINE;
}

static bool
write_config (const MfConfig *config, GString *out)
{
  bool good = true;
  const GPtrArray *groups = mf_config_groups (config);
  for (unsigned i = 0; i < groups->len; i++) {
    const MfConfigGroup *group = groups->pdata[i];
    g_string_append_printf (out, "[%s %s]\n", group->kind, group->named ? group->name : "");
    for (unsigned j = 0; j < group->entries->len; j++)
      good &= write_entry (group->entries->pdata[j], out);
  }
  return good && out->len <= MF_CONFIG_MAX_FILE;
}

static void
check_round_trip (const MfConfig *config)
{
  g_autoptr (GString) text = g_string_new (NULL);
  if (!write_config (config, text))
    return;
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) again
    = mf_config_parse (text->str, text->len, "again.ini", NULL, diagnostics);
  g_assert_cmpuint (mf_diagnostics_errors (diagnostics), ==, 0);
  g_autoptr (GString) second = g_string_new (NULL);
  write_config (again, second);
  g_assert_cmpstr (text->str, ==, second->str);
}

// The last line as an argument of --set.
static void
set_last_line (MfConfig *config, const char *text, size_t n, MfDiagnostics *diagnostics)
{
  g_autofree char *copy = g_strndup (text, n);
  const char *line = strrchr (copy, '\n');
  mf_config_set (config, line ? line + 1 : copy, diagnostics);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  const char *text = n ? (const char *) data : "";
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) config = mf_config_parse (text, n, "fuzz.ini", NULL, diagnostics);
  check_groups (config);
  if (mf_diagnostics_errors (diagnostics) == 0)
    check_round_trip (config);
  set_last_line (config, text, n, diagnostics);
  mf_config_check_kinds (config, kinds, diagnostics);
  check_options (config, diagnostics);
  check_messages (diagnostics);
  return 0;
}
