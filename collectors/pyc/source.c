// SPDX-License-Identifier: Apache-2.0
// Finds compiled modules in folders and archives.
#include "module-name.h"
#include "reading.h"
#include "zip.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 64 };      // folders inside of each other
enum { UNPACKED_MAX = 16 }; // members of one archive together, in units of the limit of one

typedef struct {
  const PycReading *reading;
  GPtrArray *uncompiled; // PycUncompiled
} Walk;

typedef gboolean (*UseFile) (Walk *walk, const char *path, const char *module);

void
pyc_uncompiled_free (PycUncompiled *source)
{
  g_free (source->path);
  g_free (source->module);
  g_free (source);
}

static gboolean
unreadable (const PycReading *reading, const char *input, const char *why)
{
  return reading->unreadable (reading->user, input, why);
}

static gboolean
too_large (const PycReading *reading, const char *input, guint64 n)
{
  g_autofree char *why
      = g_strdup_printf ("it has %" G_GUINT64_FORMAT " bytes, more than file-limit allows", n);
  return unreadable (reading, input, why);
}

// ---- files

// Regular files only: a pipe would be waited for, a device never ends. *why is new when FALSE.
static gboolean
load (const PycReading *reading, const char *path, char **bytes, gsize *n, char **why)
{
  struct stat about;
  g_autoptr (GError) error = NULL;
  if (stat (path, &about))
    *why = g_strdup (g_strerror (errno));
  else if (!S_ISREG (about.st_mode))
    *why = g_strdup ("it is neither a file nor a folder");
  else if ((guint64) about.st_size > reading->limit)
    *why = g_strdup_printf (
        "it has %" G_GINT64_FORMAT " bytes, more than file-limit allows", (gint64) about.st_size);
  else if (!g_file_get_contents (path, bytes, n, &error))
    *why = g_strdup (error->message);
  return !*why;
}

gboolean
pyc_read_file (const PycReading *reading, const char *path, const char *input, const char *module)
{
  g_autofree char *bytes = NULL, *why = NULL;
  gsize n;
  if (!load (reading, path, &bytes, &n, &why))
    return unreadable (reading, input, why);
  const PycSource source = { input, module, (const guint8 *) bytes, n };
  return reading->found (reading->user, &source);
}

static gboolean
use_compiled (Walk *walk, const char *path, const char *module)
{
  return pyc_read_file (walk->reading, path, path, module);
}

static gboolean
keep_uncompiled (Walk *walk, const char *path, const char *module)
{
  PycUncompiled *source = g_new (PycUncompiled, 1);
  *source = (PycUncompiled){ g_strdup (path), g_strdup (module) };
  g_ptr_array_add (walk->uncompiled, source);
  return TRUE;
}

// "mod.py" where "mod.pyc", "mod.mpy" or "__pycache__/mod.TAG.pyc" is.
static gboolean
has_compiled (const char *path)
{
  gsize stem = strlen (path) - strlen (".py");
  g_autofree char *beside = g_strdup_printf ("%.*s.pyc", (int) stem, path);
  g_autofree char *device = g_strdup_printf ("%.*s.mpy", (int) stem, path);
  if (g_file_test (beside, G_FILE_TEST_EXISTS) || g_file_test (device, G_FILE_TEST_EXISTS))
    return TRUE;
  g_autofree char *folder = g_path_get_dirname (path), *base = g_path_get_basename (path);
  g_autofree char *cache = g_build_filename (folder, "__pycache__", NULL);
  g_autoptr (GDir) dir = g_dir_open (cache, 0, NULL);
  base[strlen (base) - strlen ("py")] = 0;
  for (const char *name; dir && (name = g_dir_read_name (dir));)
    if (g_str_has_prefix (name, base) && g_str_has_suffix (name, ".pyc"))
      return TRUE;
  return FALSE;
}

static gboolean
use_source (Walk *walk, const char *path, const char *module)
{
  PycCompile compile = walk->reading->compile;
  if (compile == PYC_COMPILE_NEVER || (compile == PYC_COMPILE_AUTO && has_compiled (path)))
    return TRUE;
  return keep_uncompiled (walk, path, module);
}

// ---- archives

typedef struct {
  const char *suffix;
  UseFile use;
  gboolean in_archives; // a member of this kind is read
} FileKind;

static gboolean use_archive (Walk *walk, const char *path, const char *module);

static const FileKind file_kinds[] = {
  { ".pyc", use_compiled, TRUE },
  { ".mpy", use_compiled, TRUE },
  { ".py", use_source, FALSE },
  { ".whl", use_archive, FALSE },
  { ".zip", use_archive, FALSE },
};

static const FileKind *
kind_of (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (file_kinds); i++)
    if (g_str_has_suffix (name, file_kinds[i].suffix))
      return &file_kinds[i];
  return NULL;
}

static gboolean
use_entry (
    const PycReading *reading, const PycZipEntry *entry, const char *input, const char *module)
{
  if (entry->n > reading->limit)
    return too_large (reading, input, entry->n);
  g_autofree guint8 *bytes = g_try_malloc (entry->n + 1);
  if (!bytes)
    return unreadable (reading, input, "there is no memory for it");
  const char *why = pyc_zip_unpack (entry, bytes);
  if (why)
    return unreadable (reading, input, why);
  const PycSource source = { input, module, bytes, entry->n };
  return reading->found (reading->user, &source);
}

static gboolean
use_entries (const PycReading *reading, const char *path, PycZip *zip)
{
  PycZipEntry entry;
  guint64 unpacked = 0;
  while (pyc_zip_next (zip, &entry)) {
    g_autofree char *module = g_strndup (entry.name, entry.name_n);
    g_autofree char *input = g_strdup_printf ("%s: %s", path, module);
    const FileKind *kind = kind_of (module);
    if (!kind || !kind->in_archives)
      continue;
    unpacked += entry.n;
    if (unpacked / UNPACKED_MAX > reading->limit)
      return unreadable (
          reading, path, "its members together are many times what file-limit allows");
    if (!use_entry (reading, &entry, input, module))
      return FALSE;
  }
  return !zip->error || unreadable (reading, path, zip->error);
}

static gboolean
use_archive (Walk *walk, const char *path, const char *module G_GNUC_UNUSED)
{
  g_autofree char *bytes = NULL, *why = NULL;
  gsize n;
  PycZip zip;
  if (!load (walk->reading, path, &bytes, &n, &why))
    return unreadable (walk->reading, path, why);
  if (!pyc_zip_open (&zip, (const guint8 *) bytes, n))
    return unreadable (walk->reading, path, zip.error);
  return use_entries (walk->reading, path, &zip);
}

// ---- folders

static int
by_name (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static GPtrArray *
names_in (const char *path, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, error);
  if (!dir)
    return NULL;
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  for (const char *name; (name = g_dir_read_name (dir));)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, by_name);
  return names;
}

// A compiled file whose source is there, when sources are to be compiled.
static gboolean
is_superseded (const Walk *walk, const FileKind *kind, const char *path)
{
  PycCompile compile = walk->reading->compile;
  if (kind->use != use_compiled || compile == PYC_COMPILE_AUTO || compile == PYC_COMPILE_NEVER)
    return FALSE;
  g_autofree char *source = pyc_source_path (path);
  return g_file_test (source, G_FILE_TEST_EXISTS);
}

static gboolean walk_folder (Walk *walk, const char *path, const char *module, guint depth);

// Links to folders are not followed: they may lead round in a circle.
static gboolean
walk_entry (Walk *walk, const char *path, const char *module, const char *name, guint depth)
{
  g_autofree char *inside = g_build_filename (path, name, NULL);
  g_autofree char *below = *module ? g_build_filename (module, name, NULL) : g_strdup (name);
  if (g_file_test (inside, G_FILE_TEST_IS_DIR)) {
    gboolean hidden = *name == '.' || g_file_test (inside, G_FILE_TEST_IS_SYMLINK);
    return hidden || walk_folder (walk, inside, below, depth + 1);
  }
  const FileKind *kind = kind_of (name);
  return !kind || is_superseded (walk, kind, inside) || kind->use (walk, inside, below);
}

static gboolean
walk_folder (Walk *walk, const char *path, const char *module, guint depth)
{
  g_autoptr (GError) error = NULL;
  if (depth > DEEPEST)
    return unreadable (walk->reading, path, "its folders are nested too deep");
  g_autoptr (GPtrArray) names = names_in (path, &error);
  if (!names)
    return unreadable (walk->reading, path, error->message);
  for (guint i = 0; i < names->len; i++)
    if (!walk_entry (walk, path, module, names->pdata[i], depth))
      return FALSE;
  return TRUE;
}

// ---- what was asked for

static gboolean
is_archive (const char *path)
{
  guint8 head[4] = { 0 };
  FILE *file = g_file_test (path, G_FILE_TEST_IS_REGULAR) ? fopen (path, "rb") : NULL;
  gsize n = file ? fread (head, 1, sizeof head, file) : 0;
  if (file)
    fclose (file);
  return n == sizeof head && !memcmp (head, "PK\003\004", 4);
}

static gboolean
use_named_file (Walk *walk, const char *path)
{
  g_autofree char *module = g_path_get_basename (path);
  const FileKind *kind = kind_of (path);
  if (kind && kind->use == use_source)
    return walk->reading->compile == PYC_COMPILE_NEVER
               ? unreadable (walk->reading, path, "it is a source, and compile = never")
               : keep_uncompiled (walk, path, module);
  if (!kind)
    return is_archive (path) ? use_archive (walk, path, module) : use_compiled (walk, path, module);
  return kind->use (walk, path, module);
}

gboolean
pyc_read_sources (const char *path, const PycReading *reading)
{
  g_autoptr (GPtrArray) uncompiled
      = g_ptr_array_new_with_free_func ((GDestroyNotify) pyc_uncompiled_free);
  Walk walk = { reading, uncompiled };
  gboolean on = g_file_test (path, G_FILE_TEST_IS_DIR) ? walk_folder (&walk, path, "", 0)
                                                       : use_named_file (&walk, path);
  return on && (!uncompiled->len || pyc_compile (reading, uncompiled));
}
