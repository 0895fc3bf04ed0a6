// SPDX-License-Identifier: Apache-2.0
// memflow new-plugin: a folder with a plugin that builds, runs and does something visible.
#include "cli/cli.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>

#include "plugin/module.h"
#include "plugin/registry.h"

static char *
template_folder (void)
{
  const char *here = mf_installation_folder ();
  char *candidates[] = {
    g_build_filename (here, "share", "docs", "plugin-template", NULL),
    g_build_filename (here, "..", MEMFLOW_DATADIR, "memflow", "plugin-template", NULL),
    g_build_filename (MEMFLOW_PREFIX, MEMFLOW_DATADIR, "memflow", "plugin-template", NULL),
  };
  char *found = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (candidates); i++)
    if (!found && g_file_test (candidates[i], G_FILE_TEST_IS_DIR))
      found = candidates[i];
    else
      g_free (candidates[i]);
  return found;
}

// leak-watch -> LeakWatch
static char *
type_name (const char *id)
{
  GString *name = g_string_new (NULL);
  bool upper = true;
  for (const char *c = id; *c; c++) {
    if (*c != '-')
      g_string_append_c (name, upper ? g_ascii_toupper (*c) : *c);
    upper = *c == '-';
  }
  return g_string_free (name, FALSE);
}

static char *
fill_in (const char *text, const char *id)
{
  g_autofree char *type = type_name (id);
  g_autofree char *function = g_strdelimit (g_strdup (id), "-", '_');
  GString *filled = g_string_new (text);
  g_string_replace (filled, "@ID@", id, 0);
  g_string_replace (filled, "@Type@", type, 0);
  g_string_replace (filled, "@function@", function, 0);
  return g_string_free (filled, FALSE);
}

static bool
write_one (const char *from, const char *name, const char *id)
{
  g_autofree char *source = g_build_filename (from, name, NULL);
  g_autofree char *text = NULL, *target = NULL;
  g_autoptr (GError) error = NULL;
  if (!g_file_get_contents (source, &text, NULL, &error))
    return mf_cli_usage ("%s", error->message), false;
  g_autofree char *filled = fill_in (text, id), *file = fill_in (name, id);
  target = g_build_filename (id, file, NULL);
  if (!g_file_set_contents (target, filled, -1, &error))
    return mf_cli_usage ("%s", error->message), false;
  printf ("  %s\n", target);
  return true;
}

static bool
id_is_sane (const char *id)
{
  return g_regex_match_simple ("^[a-z][a-z0-9-]*$", id, 0, 0);
}

static gint
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static GPtrArray *
names_in (GDir *dir)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  for (const char *name; (name = g_dir_read_name (dir));)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, by_name);
  return names;
}

// An installed memflow is found by pkg-config; the headers of the build tree have to be named.
static void
print_next (const char *id)
{
  g_autofree char *include = g_build_filename (mf_installation_folder (), "share", "include", NULL);
  g_autofree char *option = g_file_test (include, G_FILE_TEST_IS_DIR)
                                ? g_strconcat (" -DMEMFLOW_INCLUDE=", include, NULL)
                                : g_strdup ("");
  printf ("\nnext:\n  cmake -S %s -B %s/build%s && cmake --build %s/build\n"
          "  memflow run %s/%s.ini --plugin-path %s/build\n",
      id, id, option, id, id, id, id);
}

static int
write_folder (const char *kind, const char *id)
{
  g_autofree char *templates = template_folder ();
  g_autofree char *from = templates ? g_build_filename (templates, kind, NULL) : NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = from ? g_dir_open (from, 0, &error) : NULL;
  if (!dir)
    return mf_cli_usage (
        "the plugin templates are missing: %s", error ? error->message : "not installed");
  if (g_mkdir (id, 0777) != 0)
    return mf_cli_usage ("cannot make the folder %s: %s", id, g_strerror (errno));
  printf ("wrote\n");
  g_autoptr (GPtrArray) names = names_in (dir);
  for (guint i = 0; i < names->len; i++)
    if (!write_one (from, g_ptr_array_index (names, i), id))
      return MF_STATUS_FAILED;
  print_next (id);
  return MF_STATUS_OK;
}

int
mf_cli_new_plugin (MfCommandLine *line)
{
  if (!mf_cli_parse (line, NULL, "KIND NAME",
          "Writes a folder NAME with a plugin of that KIND (collector, analyzer, format),\n"
          "a build file, and a configuration that shows it at work.",
          "  memflow new-plugin analyzer leak-watch\n"))
    return MF_STATUS_CONFIGURATION;
  if (line->argc != 3)
    return mf_cli_usage (
        "write memflow new-plugin KIND NAME, for example memflow new-plugin analyzer leak-watch");
  if (!mf_stage_kind_from (line->argv[1]))
    return mf_cli_usage ("there is no kind '%s': collector, analyzer or format", line->argv[1]);
  if (!id_is_sane (line->argv[2]))
    return mf_cli_usage (
        "'%s' is no proper name: lower-case letters, digits and dashes, a letter first",
        line->argv[2]);
  return write_folder (line->argv[1], line->argv[2]);
}
