// SPDX-License-Identifier: Apache-2.0
// Names of modules (PEP 3147: __pycache__/NAME.TAG[.opt-N].pyc).
#include "module-name.h"

#include <string.h>

char *
pyc_source_path (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *base = g_path_get_basename (path);
  bool cached = g_str_has_suffix (folder, "/__pycache__") || g_str_equal (folder, "__pycache__");
  char *dot = cached ? strchr (base, '.') : strrchr (base, '.');
  if (dot)
    *dot = 0;
  g_autofree char *source = g_strconcat (base, ".py", NULL);
  if (cached) {
    g_autofree char *package = g_path_get_dirname (folder);
    return g_build_filename (g_str_equal (package, ".") ? "" : package, source, NULL);
  }
  return g_build_filename (g_str_equal (folder, ".") ? "" : folder, source, NULL);
}

bool
pyc_is_package (const char *path)
{
  g_autofree char *source = pyc_source_path (path);
  return g_str_equal (source, "__init__.py") || g_str_has_suffix (source, "/__init__.py");
}

char *
pyc_module_name (const char *path)
{
  g_autofree char *source = pyc_source_path (path);
  bool package = pyc_is_package (path);
  source[strlen (source) - strlen (package ? "__init__.py" : ".py")] = 0;
  g_strdelimit (source, "/", '.');
  gsize n = strlen (source);
  if (n && source[n - 1] == '.')
    source[n - 1] = 0;
  return g_strdup (*source || !package ? source : "__init__");
}

char *
pyc_absolute_name (const char *importer, bool is_package, guint level, const char *name)
{
  if (!level)
    return g_strdup (name);
  g_autofree char *base = g_strdup (importer);
  bool inside = true;
  for (guint up = is_package ? 1 : 0; up < level && inside; up++) {
    char *dot = strrchr (base, '.');
    inside = dot || (*base && up + 1 == level);
    *(dot ? dot : base) = 0;
  }
  if (inside && *base)
    return *name ? g_strconcat (base, ".", name, NULL) : g_strdup (base);
  g_autofree char *dots = g_strnfill (MIN (level, 16), '.');
  return g_strconcat (dots, name, NULL);
}
