// SPDX-License-Identifier: Apache-2.0
// Configurations beyond what files can show: nearest names, owners, places in lists, lifetimes, limits.
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

static char *
print (const MfDiagnostics *diagnostics)
{
  GString *text = g_string_new (NULL);
  mf_diagnostics_print (diagnostics, text);
  return g_string_free (text, FALSE);
}

static void
test_nearest (void)
{
  static const char *const names[] = { "question", "queue", "at-least", "gap", "k", NULL };
  static const struct { const char *word, *nearest; } cases[] = {
    { "questoin", "question" }, { "Question", "question" }, { "qeueu", "queue" }, { "at_leats", "at-least" },
    { "gpa", "gap" }, { "xyz", NULL }, { "", NULL }, { "x", NULL }, { "gapgapgap", NULL }, { "quest", "question" },
    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL }
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpstr (mf_nearest (cases[i].word, names), ==, cases[i].nearest);
}

static void
test_owner (void)
{
  g_assert_null (mf_config_owner_warning (1000, 0644, 1000));
  g_assert_null (mf_config_owner_warning (0, 0664, 1000));
  g_assert_cmpstr (mf_config_owner_warning (1001, 0600, 1000), ==,
    "this file belongs to another user, who decides what it runs");
  g_assert_nonnull (mf_config_owner_warning (1000, 0644, 0));
  g_assert_cmpstr (mf_config_owner_warning (1000, 0646, 1000), ==,
    "everybody can write this file and decide what it runs");
}

static void
test_writable_file (void)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("memflow-XXXXXX.ini", &path, NULL);
  g_assert_cmpint (fchmod (fd, 0666), ==, 0);
  g_assert_cmpint (write (fd, "[pipeline]\n", 11), ==, 11);
  close (fd);
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) config = mf_config_load (path, diagnostics);
  g_unlink (path);
  g_autofree char *text = print (diagnostics);
  g_autofree char *expected = g_strconcat (path, ": warning: everybody can write this file and decide what it runs\n"
    "      | configurations are code: own it, and chmod o-w\n1 warning\n", NULL);
  g_assert_nonnull (config);
  g_assert_cmpstr (text, ==, expected);
}

static void
check_unreadable (const char *path, const char *expected)
{
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_assert_null (mf_config_load (path, diagnostics));
  g_autofree char *text = print (diagnostics);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_unreadable (void)
{
  check_unreadable ("/nowhere/x.ini",
    "/nowhere/x.ini: error: cannot read the configuration: No such file or directory\n1 error\n");
  check_unreadable ("/dev", "/dev: error: cannot read the configuration: Is a directory\n1 error\n");
  check_unreadable ("/dev/zero",
    "/dev/zero: error: cannot read the configuration: it is larger than 1 MiB\n1 error\n");
}

static void
test_large_text (void)
{
  g_autofree char *text = g_malloc (MF_CONFIG_MAX_FILE + 1);
  memset (text, '\n', MF_CONFIG_MAX_FILE + 1);
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) fits = mf_config_parse (text, MF_CONFIG_MAX_FILE, "x", NULL, diagnostics);
  g_assert_cmpuint (mf_diagnostics_errors (diagnostics), ==, 0);
  g_assert_cmpuint (mf_config_groups (fits)->len, ==, 0);
  g_autoptr (MfConfig) large = mf_config_parse (text, MF_CONFIG_MAX_FILE + 1, "x", NULL, diagnostics);
  g_assert_cmpuint (mf_diagnostics_errors (diagnostics), ==, 1);
  g_assert_cmpuint (mf_config_groups (large)->len, ==, 0);
}

static void
test_no_folder (void)
{
  static const char text[] = "[pipeline]\ninclude = a.ini\n[format f]\npath = x\n";
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) config = mf_config_parse (text, strlen (text), "built in memory", NULL, diagnostics);
  g_autofree char *printed = print (diagnostics);
  g_assert_cmpstr (printed, ==, "built in memory:2:11: error: only files can include files\n"
    "    2 | include = a.ini\n      |           ^~~~~\n1 error\n");
  const MfConfigGroup *format = mf_config_group (config, "f");
  g_assert_null (mf_config_entry (format, "path")->folder);
  g_assert_cmpstr (mf_config_value (format, "path", ""), ==, "x");
  g_assert_cmpstr (mf_config_value (format, "missing", "default"), ==, "default");
}

static void
test_words (void)
{
  static const char text[] = "[f f]\nlist =  a , b c,${MEMFLOW_NOWHERE:-d},e\nplain = x,\ty\nempty =\n";
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) config = mf_config_parse (text, strlen (text), "x.ini", NULL, diagnostics);
  const MfConfigGroup *group = mf_config_group (config, "f");
  g_autoptr (GArray) list = mf_config_words (mf_config_entry (group, "list"));
  g_autoptr (GArray) plain = mf_config_words (mf_config_entry (group, "plain"));
  g_autoptr (GArray) empty = mf_config_words (mf_config_entry (group, "empty"));
  g_assert_cmpuint (list->len, ==, 4);
  g_assert_cmpstr (g_array_index (list, MfConfigWord, 1).text, ==, "b c");
  g_assert_cmpstr (g_array_index (list, MfConfigWord, 2).text, ==, "d");
  g_assert_cmpuint (g_array_index (list, MfConfigWord, 2).place.column, ==, 9);  // of the whole value
  g_assert_cmpuint (plain->len, ==, 2);
  g_assert_cmpuint (g_array_index (plain, MfConfigWord, 1).place.column, ==, 12);
  g_assert_cmpuint (empty->len, ==, 0);
}

// Messages copy what they need: the configuration may go first.
static void
test_lifetimes (void)
{
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  MfConfig *config = mf_config_parse ("nonsense\n", 9, "x.ini", NULL, diagnostics);
  mf_config_free (config);
  mf_diagnostics_error (diagnostics, NULL, "do this", "about nothing");
  MfPlace fallback = { .kind = MF_PLACE_FALLBACK, .file = "plugin" };
  mf_diagnostics_warn (diagnostics, &fallback, NULL, "strange");
  g_autofree char *text = print (diagnostics);
  g_assert_cmpstr (text, ==, "error: about nothing\n      | do this\n"
    "x.ini:1:1: error: neither a group, a key nor a comment\n    1 | nonsense\n      | ^~~~~~~~ write key = value\n"
    "the default of plugin: warning: strange\n2 errors, 1 warning\n");
}

static void
test_set_without_pipeline (void)
{
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (MfConfig) config = mf_config_parse ("", 0, "x.ini", NULL, diagnostics);
  g_assert_true (mf_config_set (config, "pipeline.stall_timeout=5s", diagnostics));
  const MfConfigGroup *pipeline = mf_config_group (config, "pipeline");
  const MfConfigEntry *entry = mf_config_entry (pipeline, "stall-timeout");
  g_assert_cmpstr (entry->value, ==, "5s");
  g_assert_cmpint (entry->value_place.kind, ==, MF_PLACE_SET);
  g_autofree char *name = mf_place_name (&entry->value_place);
  g_assert_cmpstr (name, ==, "--set pipeline.stall_timeout=5s");
}

static void
test_no_messages (void)
{
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autofree char *text = print (diagnostics);
  g_assert_cmpstr (text, ==, "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/nearest", test_nearest);
  g_test_add_func ("/config/owner", test_owner);
  g_test_add_func ("/config/writable-file", test_writable_file);
  g_test_add_func ("/config/unreadable", test_unreadable);
  g_test_add_func ("/config/large-text", test_large_text);
  g_test_add_func ("/config/no-folder", test_no_folder);
  g_test_add_func ("/config/words", test_words);
  g_test_add_func ("/config/lifetimes", test_lifetimes);
  g_test_add_func ("/config/set-without-pipeline", test_set_without_pipeline);
  g_test_add_func ("/config/no-messages", test_no_messages);
  return g_test_run ();
}
