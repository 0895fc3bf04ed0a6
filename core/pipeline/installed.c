// SPDX-License-Identifier: Apache-2.0
// Finds what is installed beside the command: configurations, and the targets below them.
#include "pipeline/installed.h"

#include <string.h>

#include "plugin/registry.h"

static char *
installed_folder (void)
{
  const char *here = mf_installation_folder ();
  char *beside = g_build_filename (here, "share", "configs", NULL);
  char *installed = g_build_filename (here, "..", MEMFLOW_DATADIR, "memflow", "configs", NULL);
  char *fixed = g_build_filename (MEMFLOW_PREFIX, MEMFLOW_DATADIR, "memflow", "configs", NULL);
  char *candidates[] = { beside, installed, fixed }, *found = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (candidates); i++)
    if (!found && g_file_test (candidates[i], G_FILE_TEST_IS_DIR))
      found = candidates[i];
    else
      g_free (candidates[i]);
  return found;
}

char *
mf_installed_find (const char *argument, const char *below)
{
  if (g_file_test (argument, G_FILE_TEST_EXISTS))
    return g_strdup (argument);
  g_autofree char *root = installed_folder ();
  g_autofree char *folder = root ? g_build_filename (root, below, NULL) : NULL;
  if (!folder || strchr (argument, '/'))
    return NULL;
  g_autofree char *name = g_str_has_suffix (argument, ".ini")
                              ? g_strdup (argument)
                              : g_strconcat (argument, ".ini", NULL);
  char *path = g_build_filename (folder, name, NULL);
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return path;
  g_free (path);
  return NULL;
}

static gint
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

char **
mf_installed_names (const char *below)
{
  GPtrArray *names = g_ptr_array_new ();
  g_autofree char *root = installed_folder ();
  g_autofree char *folder = root ? g_build_filename (root, below, NULL) : NULL;
  g_autoptr (GDir) dir = folder ? g_dir_open (folder, 0, NULL) : NULL;
  for (const char *name; dir && (name = g_dir_read_name (dir));)
    if (g_str_has_suffix (name, ".ini"))
      g_ptr_array_add (names, g_strndup (name, strlen (name) - strlen (".ini")));
  g_ptr_array_sort (names, by_name);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}
