// SPDX-License-Identifier: Apache-2.0
// Every configuration in ok/ and bad/ gives exactly the text of NAME.expected next to it.
// Lines `#! --set stage.key=value` stand for the command line. What others include ends in .part.
#include <glib/gstdio.h>
#include <string.h>

#include "config/options.h"

typedef struct {
  MfPath device, log;
  MfOutputName report;
  MfAddress base;
  MfSize heap, gap;
  MfSizes edges;
  MfTexts tags;
  MfDuration poll;
  double ratio;
  const char *title;
  uint64_t serial;
  int32_t shift;
  uint32_t baud, mode;
  int8_t level;
  uint8_t retries, limit;
  bool dtr;
} Board;

static const MfOption board_options[] = {
  MF_OPTION (Board, device, NULL, "what is read", .flags = MF_OPTION_REQUIRED),
  MF_OPTION (Board, log, NULL, "a copy of what is read"),
  MF_OPTION (Board, report, "-", "where the report goes"),
  MF_OPTION (Board, base, NULL, "where the heap begins"),
  MF_OPTION (Board, heap, NULL, "size of the heap", .low = 1024, .high = 1 << 20),
  MF_OPTION (Board, gap, "16B", "smallest gap"),
  MF_OPTION (Board, edges, "64B, 512B, 4KiB", "upper edges of the classes",
    .low = 16, .high = 65536),
  MF_OPTION (Board, tags, "", "words for the report"),
  MF_OPTION (Board, poll, NULL, "time between dumps", .low = 1e6, .high = 3.6e12),
  MF_OPTION (Board, ratio, "0.5", "what counts as full", .low = 0, .high = 1),
  MF_OPTION (Board, title, "", "title of the report"),
  MF_OPTION (Board, serial, NULL, "number of the board"),
  MF_OPTION (Board, shift, "-1", "bits"),
  MF_OPTION (Board, baud, "115200", "bits per second", .low = 50, .high = 4000000),
  MF_CHOICE (Board, mode, "leave", "what the line does", "leave", "on", "off", "pulse"),
  MF_OPTION (Board, level, "0", "how much to say"),
  MF_OPTION (Board, retries, "3", "attempts"),
  MF_OPTION (Board, limit, "10", "attempts in all", .low = 1, .high = 1e30),
  MF_OPTION (Board, dtr, "no", "drive DTR"),
  { 0 }
};

typedef struct { MfArgv command; MfSize at_least; } Hooks;

static const MfOption hooks_options[] = {
  MF_OPTION (Hooks, command, NULL, "what runs", .flags = MF_OPTION_REQUIRED),
  MF_OPTION (Hooks, at_least, "0B", "smallest allocation"),
  { 0 }
};

static const MfConfigKind kinds[] = {
  { "pipeline", false }, { "collector", true }, { "analyzer", true }, { NULL, false }
};

static char *
read_text (const char *path, size_t *length)
{
  char *text = NULL;
  g_assert_true (g_file_get_contents (path, &text, length, NULL));
  return text;
}

static void
apply_sets (MfConfig *config, const char *path, MfDiagnostics *diagnostics)
{
  g_autofree char *text = read_text (path, &(size_t) { 0 });
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++)
    if (g_str_has_prefix (*line, "#! --set "))
      mf_config_set (config, *line + strlen ("#! --set "), diagnostics);
}

static void
apply_group (const MfConfig *config, const MfConfigGroup *group, MfDiagnostics *diagnostics)
{
  static const char *const skip[] = { "plugin", "from", "queue", NULL };
  static const char *const inherited[] = { "heap", NULL };
  g_autoptr (GPtrArray) arena = g_ptr_array_new_with_free_func (g_free);
  bool hooks = strcmp (mf_config_value (group, "plugin", ""), "hooks") == 0;
  MfOptionContext context = { .kind = group->kind, .plugin = hooks ? "hooks" : "serial",
    .arena = arena, .skip = skip, .parent = mf_config_group (config, "pipeline"),
    .inherited = inherited };
  union { Board board; Hooks hooks; } instance;
  if (strcmp (group->kind, "collector") == 0 && group->named)
    mf_options_apply (hooks ? hooks_options : board_options, group, &instance, &context,
      diagnostics);
}

static MfConfig *
load_and_check (const char *path, MfDiagnostics *diagnostics)
{
  MfConfig *config = mf_config_load (path, diagnostics);
  if (!config)
    return NULL;
  apply_sets (config, path, diagnostics);
  mf_config_check_kinds (config, kinds, diagnostics);
  const GPtrArray *groups = mf_config_groups (config);
  for (unsigned i = 0; i < groups->len; i++)
    apply_group (config, groups->pdata[i], diagnostics);
  return config;
}

static void
print_group (const MfConfigGroup *group, GString *out)
{
  g_string_append_printf (out, "[%s %s]\n", group->kind, group->name);
  for (unsigned i = 0; i < group->entries->len; i++) {
    const MfConfigEntry *entry = group->entries->pdata[i];
    g_autofree char *place = mf_place_name (&entry->value_place);
    g_string_append_printf (out, "%s: %s = '%s'\n", place, entry->key, entry->value);
  }
}

// MEMFLOW_UPDATE_EXPECTED, an absolute path of tests/config, writes the files instead.
static void
compare (const char *path, const char *text)
{
  g_autofree char *expected_path = g_strconcat (path, ".expected", NULL);
  const char *source = g_getenv ("MEMFLOW_UPDATE_EXPECTED");
  if (source) {
    g_autofree char *to = g_build_filename (source, expected_path, NULL);
    g_assert_true (g_file_set_contents (to, text, -1, NULL));
    return;
  }
  g_assert_true (g_file_test (expected_path, G_FILE_TEST_EXISTS));
  g_autofree char *expected = read_text (expected_path, &(size_t) { 0 });
  g_assert_cmpstr (text, ==, expected);
}

static void
test_bad (const void *path)
{
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) config = load_and_check (path, diagnostics);
  g_autoptr (GString) text = g_string_new (NULL);
  mf_diagnostics_print (diagnostics, text);
  g_assert_nonnull (config);
  g_assert_cmpuint (mf_diagnostics_errors (diagnostics), >, 0);
  compare (path, text->str);
}

static void
test_ok (const void *path)
{
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) config = load_and_check (path, diagnostics);
  g_autoptr (GString) text = g_string_new (NULL);
  mf_diagnostics_print (diagnostics, text);
  g_assert_cmpstr (text->str, ==, "");
  const GPtrArray *groups = mf_config_groups (config);
  for (unsigned i = 0; i < groups->len; i++)
    print_group (groups->pdata[i], text);
  compare (path, text->str);
}

// Copies a folder to where we are: files that belong to another user would be warned about.
static unsigned
add_folder (const char *source, const char *folder, GTestDataFunc test)
{
  g_autofree char *from = g_build_filename (source, folder, NULL);
  g_autoptr (GDir) files = g_dir_open (from, 0, NULL);
  g_assert_nonnull (files);
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  unsigned added = 0;
  for (const char *name; (name = g_dir_read_name (files));) {
    size_t length;
    g_autofree char *original = g_build_filename (from, name, NULL);
    g_autofree char *text = read_text (original, &length);
    char *copy = g_build_filename (folder, name, NULL);
    g_assert_true (g_file_set_contents_full (copy, text, (gssize) length, 0, 0600, NULL));
    g_autofree char *label = g_strconcat ("/", copy, NULL);
    if (g_str_has_suffix (name, ".ini") && ++added)
      g_test_add_data_func_full (label, copy, test, g_free);
    else
      g_free (copy);
  }
  return added;
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) files = g_dir_open (folder, 0, NULL);
  for (const char *name; files && (name = g_dir_read_name (files));) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_unlink (path);
  }
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_setenv ("MEMFLOW_EMPTY", "", TRUE);
  g_setenv ("MEMFLOW_BOARD", "pyboard", TRUE);
  g_setenv ("MEMFLOW_CONTROL", "a\033b", TRUE);
  g_autofree char *here = g_get_current_dir ();
  g_autofree char *source = g_build_filename (here, "tests", "config", NULL);
  g_autofree char *work = g_dir_make_tmp ("memflow-config-XXXXXX", NULL);
  g_assert_cmpint (g_chdir (work), ==, 0);
  unsigned bad = add_folder (source, "bad", test_bad), ok = add_folder (source, "ok", test_ok);
  g_assert_cmpuint (MIN (bad, ok), >, 0);
  int status = g_test_run ();
  remove_folder ("bad");
  remove_folder ("ok");
  g_chdir (g_get_tmp_dir ());
  g_rmdir (work);
  return status;
}
