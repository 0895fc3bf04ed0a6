// SPDX-License-Identifier: Apache-2.0
// Finds modules by name in folders, in the order in which an import does.
#include "library.h"

#include "reading.h"

#include <string.h>

struct PycLibrary {
  const char *const *folders;
  guint n_folders;
  GHashTable *known; // names that were read, or looked for
  GQueue wanted;     // of char *
  char *tag;
};

// A file of a module, on its way to the reader.
typedef struct {
  const PycLibrary *library;
  const PycReading *reading;
  GPtrArray *uncompiled; // PycUncompiled
} Search;

PycLibrary *
pyc_library_new (const char *const *folders, guint n)
{
  PycLibrary *library = g_new0 (PycLibrary, 1);
  library->folders = folders;
  library->n_folders = n;
  library->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return library;
}

void
pyc_library_free (PycLibrary *library)
{
  if (!library)
    return;
  g_hash_table_unref (library->known);
  g_queue_clear_full (&library->wanted, g_free);
  g_free (library->tag);
  g_free (library);
}

void
pyc_library_has (PycLibrary *library, const char *module)
{
  g_hash_table_add (library->known, g_strdup (module));
}

// Names come from files: a path must not be made of one that leads elsewhere.
static gboolean
is_module_name (const char *name)
{
  return *name && *name != '.' && !strchr (name, '/') && !strstr (name, "..")
         && !g_str_has_suffix (name, ".");
}

void
pyc_library_wants (PycLibrary *library, const char *module)
{
  if (!is_module_name (module))
    return;
  for (const char *dot = module; dot; dot = *dot ? strchr (dot + 1, '.') : NULL) {
    gsize n = dot == module ? strlen (module) : (gsize) (dot - module);
    char *name = g_strndup (module, n);
    if (g_hash_table_contains (library->known, name))
      g_free (name);
    else
      g_queue_push_tail (&library->wanted, name);
  }
}

void
pyc_library_prefer (PycLibrary *library, const char *tag)
{
  if (!library->tag)
    library->tag = g_strdup (tag);
}

// ---- files of a module

// "json.cpython-311.pyc" of json: the preferred version, else the first by name; none that was
// optimised.
static char *
find_cached (const PycLibrary *library, const char *folder, const char *base)
{
  g_autofree char *cache = g_build_filename (folder, "__pycache__", NULL);
  g_autofree char *prefix = g_strconcat (base, ".", NULL), *best = NULL;
  g_autofree char *wanted = library->tag ? g_strconcat (prefix, library->tag, ".pyc", NULL) : NULL;
  g_autoptr (GDir) dir = g_dir_open (cache, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    if (!g_str_has_prefix (name, prefix) || !g_str_has_suffix (name, ".pyc")
        || strstr (name, ".opt-"))
      continue;
    gboolean better = !best || !g_strcmp0 (name, wanted)
                      || (g_strcmp0 (best, wanted) && strcmp (name, best) < 0);
    if (better) {
      g_free (best);
      best = g_strdup (name);
    }
  }
  return best ? g_build_filename (cache, best, NULL) : NULL;
}

static char *
find_beside (const char *folder, const char *base, const char *suffix)
{
  g_autofree char *name = g_strconcat (base, suffix, NULL);
  char *path = g_build_filename (folder, name, NULL);
  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return path;
  g_free (path);
  return NULL;
}

static gboolean
use_compiled (const Search *search, const char *root, char *path)
{
  const char *below = path + strlen (root);
  gboolean on = pyc_read_file (search->reading, path, path, below + (*below == '/'));
  g_free (path);
  return on;
}

static void
keep_source (const Search *search, const char *root, char *path)
{
  const char *below = path + strlen (root);
  PycUncompiled *source = g_new (PycUncompiled, 1);
  *source = (PycUncompiled){ path, g_strdup (below + (*below == '/')) };
  g_ptr_array_add (search->uncompiled, source);
}

// `base` in `folder`, compiled or as a source. *found is set; FALSE = the caller ended it.
static gboolean
look_in (
    const Search *search, const char *root, const char *folder, const char *base, gboolean *found)
{
  PycCompile compile = search->reading->compile;
  gboolean sources_first = compile == PYC_COMPILE_PYTHON || compile == PYC_COMPILE_MPY_CROSS;
  char *source = compile == PYC_COMPILE_NEVER ? NULL : find_beside (folder, base, ".py"),
       *path = NULL;
  if (!source || !sources_first) {
    path = find_cached (search->library, folder, base);
    path = path ? path : find_beside (folder, base, ".pyc");
    path = path ? path : find_beside (folder, base, ".mpy");
  }
  *found = path || source;
  if (!path && source)
    keep_source (search, root, g_steal_pointer (&source));
  g_free (source);
  return !path || use_compiled (search, root, path);
}

// A package comes before a module of the same name.
static gboolean
look_for (const Search *search, const char *name)
{
  const PycLibrary *library = search->library;
  g_autofree char *below = g_strdelimit (g_strdup (name), ".", '/');
  for (guint i = 0; i < library->n_folders; i++) {
    const char *root = library->folders[i];
    g_autofree char *package = g_build_filename (root, below, NULL);
    g_autofree char *folder = g_path_get_dirname (package), *base = g_path_get_basename (package);
    gboolean found;
    if (!look_in (search, root, package, "__init__", &found))
      return FALSE;
    if (!found && !look_in (search, root, folder, base, &found))
      return FALSE;
    if (found)
      return TRUE;
  }
  return TRUE;
}

// One round: what is wanted now. Sources are compiled together.
static gboolean
read_round (PycLibrary *library, const PycReading *reading)
{
  g_autoptr (GPtrArray) uncompiled
      = g_ptr_array_new_with_free_func ((GDestroyNotify) pyc_uncompiled_free);
  const Search search = { library, reading, uncompiled };
  for (char *name; (name = g_queue_pop_head (&library->wanted));) {
    g_autofree char *wanted = name;
    if (!g_hash_table_contains (library->known, wanted)) {
      pyc_library_has (library, wanted);
      if (!look_for (&search, wanted))
        return FALSE;
    }
  }
  return !uncompiled->len || pyc_compile (reading, uncompiled);
}

gboolean
pyc_library_read (PycLibrary *library, const PycReading *reading)
{
  while (!g_queue_is_empty (&library->wanted))
    if (!read_round (library, reading))
      return FALSE;
  return TRUE;
}
