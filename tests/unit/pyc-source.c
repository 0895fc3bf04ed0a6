// SPDX-License-Identifier: Apache-2.0
// Names of modules, and members of archives.
#include "module-name.h"
#include "zip.h"

#include <string.h>

static void
test_names (void)
{
  static const struct {
    const char *path, *module, *source;
    gboolean package;
  } names[] = {
    { "mod.pyc", "mod", "mod.py", FALSE },
    { "pkg/mod.mpy", "pkg.mod", "pkg/mod.py", FALSE },
    { "__pycache__/mod.cpython-311.pyc", "mod", "mod.py", FALSE },
    { "pkg/sub/__pycache__/mod.cpython-313.opt-1.pyc", "pkg.sub.mod", "pkg/sub/mod.py", FALSE },
    { "pkg/__pycache__/__init__.cpython-38.pyc", "pkg", "pkg/__init__.py", TRUE },
    { "pkg/__init__.py", "pkg", "pkg/__init__.py", TRUE },
    { "__init__.pyc", "__init__", "__init__.py", TRUE },
    { "m01.opt-2.pyc", "m01.opt-2", "m01.opt-2.py", FALSE },
  };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *module = pyc_module_name (names[i].path),
                    *source = pyc_source_path (names[i].path);
    g_assert_cmpstr (module, ==, names[i].module);
    g_assert_cmpstr (source, ==, names[i].source);
    g_assert_cmpint (pyc_is_package (names[i].path), ==, names[i].package);
  }
}

static void
test_relative (void)
{
  static const struct {
    const char *importer;
    gboolean package;
    guint dots;
    const char *name, *absolute;
  } imports[] = {
    { "a.b.c", FALSE, 0, "os", "os" },
    { "a.b.c", FALSE, 1, "d", "a.b.d" },
    { "a.b.c", FALSE, 1, "", "a.b" },
    { "a.b.c", FALSE, 2, "d", "a.d" },
    { "a.b", TRUE, 1, "d", "a.b.d" },
    { "a.b", TRUE, 2, "d", "a.d" },
    { "a.b.c", FALSE, 3, "d", "...d" },
    { "a", FALSE, 1, "d", ".d" },
    { "a", TRUE, 1, "", "a" },
    { "a", FALSE, 255, "d", "................d" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (imports); i++) {
    g_autofree char *name = pyc_absolute_name (
        imports[i].importer, imports[i].package, imports[i].dots, imports[i].name);
    g_assert_cmpstr (name, ==, imports[i].absolute);
  }
}

static guint8 *
load (const char *name, gsize *n)
{
  g_autofree char *path = g_strconcat ("tests/fuzz/corpus/zip/", name, NULL);
  char *bytes;
  if (!g_file_get_contents (path, &bytes, n, NULL))
    g_error ("cannot read %s", path);
  return (guint8 *) bytes;
}

static void
test_zip (void)
{
  static const char *const files[] = { "stored.zip", "deflated.zip" };
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    gsize n;
    g_autofree guint8 *bytes = load (files[i], &n);
    guint8 to[1024];
    PycZip zip;
    PycZipEntry entry;
    g_assert_true (pyc_zip_open (&zip, bytes, n));
    g_assert_true (pyc_zip_next (&zip, &entry));
    g_assert_cmpmem (entry.name, entry.name_n, "pkg/a.pyc", 9);
    g_assert_cmpuint (entry.n, ==, 141);
    g_assert_null (pyc_zip_unpack (&entry, to));
    g_assert_cmpmem (to, 4, "\x55\x0d\r\n", 4);
    ((guint8 *) entry.packed)[20] ^= 1;
    g_assert_nonnull (pyc_zip_unpack (&entry, to));
    g_assert_true (pyc_zip_next (&zip, &entry));
    g_assert_false (pyc_zip_next (&zip, &entry));
    g_assert_null (zip.error);
  }
}

// Cut off, whatever is left, an archive has no end.
static void
test_zip_cut_off (void)
{
  gsize n;
  g_autofree guint8 *bytes = load ("deflated.zip", &n);
  for (gsize cut = 0; cut < n; cut++) {
    g_autofree guint8 *copy = g_memdup2 (bytes, cut);
    PycZip zip;
    g_assert_false (pyc_zip_open (&zip, copy, cut));
    g_assert_nonnull (zip.error);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pyc-source/names", test_names);
  g_test_add_func ("/pyc-source/relative", test_relative);
  g_test_add_func ("/pyc-source/zip", test_zip);
  g_test_add_func ("/pyc-source/zip-cut-off", test_zip_cut_off);
  return g_test_run ();
}
