// SPDX-License-Identifier: Apache-2.0
// What the import system keeps of an empty module, and what is refused. The figures were measured
// with tracemalloc's traces before and after the import of /tmp/acc/many/e050.py, when free lists
// were empty: the sum of the blocks that stand for objects of the module.
#include <glib.h>

#include "model/code-cost/import-cost.h"
#include "model/code-cost/library-cost.h"
#include "model/code-cost/load-cost.h"

static void
test_empty_module (void)
{
  static const struct {
    guint minor, bytes;
  } rows[] = { { 8, 940 }, { 9, 940 }, { 10, 941 }, { 11, 805 }, { 12, 773 }, { 13, 789 } };
  const MfImportShape shape = { .path = 21 };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    MfTarget target = mf_target_cpython (3, rows[i].minor, 0, 8);
    MfBytes kept;
    g_assert_true (mf_import_cost (&target, &shape, &kept));
    g_assert_cmpuint (kept.requested, ==, rows[i].bytes);
    g_assert_cmpuint (kept.granted, >=, kept.requested);
  }
}

static void
test_package (void)
{
  MfTarget target = mf_target_cpython (3, 11, 2, 8);
  const MfImportShape module = { .path = 30, .name = 8, .names = 2 };
  const MfImportShape package = { .path = 30, .name = 8, .names = 1, .package = TRUE };
  MfBytes of_module, of_package;
  g_assert_true (mf_import_cost (&target, &module, &of_module));
  g_assert_true (mf_import_cost (&target, &package, &of_package));
  g_assert_cmpuint (of_package.requested, ==, of_module.requested + 88 + 49 + 18); // [folder]
}

static void
test_folder (void)
{
  MfTarget target = mf_target_cpython (3, 11, 2, 8);
  MfBytes few, many;
  g_assert_true (mf_folder_cost (&target, 20, 4, 40, &few));
  g_assert_true (mf_folder_cost (&target, 20, 5, 50, &many));
  g_assert_cmpuint (many.requested, ==, few.requested + 512 + 49 + 10); // the set grows to 32
  g_assert_true (mf_folder_cost (&target, 20, 0, 0, &few));
}

// Measured with names that the lines were not made of: fields "x", "y", "width", "height"; members
// of an Enum that are texts.
static void
test_library (void)
{
  static const struct {
    guint minor, pointer, n, bytes;
    MfMaking making;
  } rows[] = {
    { 8, 8, 4, 5218, MF_MAKES_NAMEDTUPLE },
    { 8, 8, 4, 3136, MF_MAKES_ENUM },
    { 8, 8, 4, 3184, MF_MAKES_INT_ENUM },
    { 8, 8, 4, 4849, MF_MAKES_DATACLASS },
    { 8, 8, 4, 696, MF_MAKES_LRU_CACHE },
    { 10, 8, 4, 5669, MF_MAKES_NAMEDTUPLE },
    { 10, 8, 4, 3144, MF_MAKES_ENUM },
    { 10, 8, 4, 3192, MF_MAKES_INT_ENUM },
    { 10, 8, 4, 5002, MF_MAKES_DATACLASS },
    { 10, 8, 4, 1000, MF_MAKES_LRU_CACHE },
    { 11, 8, 4, 5535, MF_MAKES_NAMEDTUPLE },
    { 11, 8, 4, 4528, MF_MAKES_ENUM },
    { 11, 8, 4, 3552, MF_MAKES_INT_ENUM },
    { 11, 8, 4, 5286, MF_MAKES_DATACLASS },
    { 11, 8, 4, 920, MF_MAKES_LRU_CACHE },
    { 13, 8, 4, 5502, MF_MAKES_NAMEDTUPLE },
    { 13, 8, 4, 4880, MF_MAKES_ENUM },
    { 13, 8, 4, 5312, MF_MAKES_INT_ENUM },
    { 13, 8, 4, 5456, MF_MAKES_DATACLASS },
    { 13, 8, 4, 928, MF_MAKES_LRU_CACHE },
    { 11, 4, 4, 3059, MF_MAKES_NAMEDTUPLE },
    { 11, 4, 4, 2424, MF_MAKES_ENUM },
    { 11, 4, 4, 1904, MF_MAKES_INT_ENUM },
    { 11, 4, 4, 3126, MF_MAKES_DATACLASS },
    { 11, 4, 4, 488, MF_MAKES_LRU_CACHE },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    MfTarget target = mf_target_cpython (3, rows[i].minor, 0, rows[i].pointer);
    MfEstimate estimate;
    g_assert_true (mf_library_cost (&target, rows[i].making, rows[i].n, &estimate));
    g_assert_cmpuint (estimate.low, <=, rows[i].bytes);
    g_assert_cmpuint (estimate.high, >=, rows[i].bytes);
    g_assert_cmpuint (estimate.likely, >=, estimate.low);
    g_assert_cmpuint (estimate.likely, <=, estimate.high);
  }
}

static void
test_not_known (void)
{
  MfEstimate estimate;
  MfTarget target = mf_target_cpython (3, 11, 2, 8);
  const MfImportShape shape = { .path = 21 };
  MfBytes kept;
  target.version = MF_PYTHON_VERSION (3, 7);
  g_assert_false (mf_import_cost (&target, &shape, &kept));
  g_assert_false (mf_folder_cost (&target, 20, 4, 40, &kept));
  g_assert_false (mf_library_cost (&target, MF_MAKES_ENUM, 3, &estimate));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/code-cost/empty-module", test_empty_module);
  g_test_add_func ("/code-cost/package", test_package);
  g_test_add_func ("/code-cost/folder", test_folder);
  g_test_add_func ("/code-cost/library", test_library);
  g_test_add_func ("/code-cost/not-known", test_not_known);
  return g_test_run ();
}
