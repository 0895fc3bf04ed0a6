// SPDX-License-Identifier: Apache-2.0
// The readers of compiled modules where the corpus does not lead: files that are cut off, hostile
// or of other versions, memory that is refused, opcodes that do not exist.
#include "bytecode/instructions.h"
#include "bytecode/mpy.h"

#include <glib.h>
#include <malloc.h>
#include <string.h>

#define CORPUS "tests/fuzz/corpus/"
enum { MOST = 16 * 1024 * 1024 };

// ---- memory that is counted, and refused on demand

typedef struct {
  gsize held, peak;
  guint requests, refuse_at;
} Memory;

static void *
resize (void *user, void *old, size_t bytes)
{
  Memory *memory = user;
  if (bytes && ++memory->requests == memory->refuse_at)
    return NULL;
  memory->held -= malloc_usable_size (old);
  if (!bytes) {
    free (old);
    return NULL;
  }
  void *new = realloc (old, bytes);
  memory->held += malloc_usable_size (new);
  memory->peak = MAX (memory->peak, memory->held);
  return new;
}

typedef gboolean (*ReadFile) (const guint8 *bytes, gsize n, Memory *memory, MfCodeError *error);

static gboolean
read_pyc (const guint8 *bytes, gsize n, Memory *memory, MfCodeError *error)
{
  const MfCodeMemory from = { memory, resize, 0 };
  MfPyModule *module = mf_pyc_read (bytes, n, &from, error);
  mf_py_module_free (module);
  return module != NULL;
}

static gboolean
read_mpy (const guint8 *bytes, gsize n, Memory *memory, MfCodeError *error)
{
  const MfCodeMemory from = { memory, resize, 0 };
  MfMpyModule *module = mf_mpy_read (bytes, n, &from, error);
  mf_mpy_module_free (module);
  return module != NULL;
}

// Reads an exact copy, so that one byte too far is seen.
static gboolean
read_copy (ReadFile read, const guint8 *bytes, gsize n, Memory *memory, MfCodeError *error)
{
  g_autofree guint8 *copy = g_memdup2 (bytes, n);
  *error = (MfCodeError){ 0 };
  gboolean fine = read (copy, n, memory, error);
  g_assert_cmpuint (memory->held, ==, 0);
  g_assert_cmpuint (memory->peak, <=, MOST);
  g_assert_true (fine || (error->text[0] && error->offset <= n));
  return fine;
}

static guint8 *
load (const char *name, gsize *n)
{
  g_autofree char *path = g_strconcat (CORPUS, name, NULL);
  char *bytes;
  if (!g_file_get_contents (path, &bytes, n, NULL))
    g_error ("cannot read %s", path);
  return (guint8 *) bytes;
}

// ---- each byte at which a file may end

static void
cut_file (const char *name, ReadFile read)
{
  gsize n;
  g_autofree guint8 *bytes = load (name, &n);
  MfCodeError error;
  for (gsize cut = 0; cut < n; cut++) {
    Memory memory = { 0 };
    if (read_copy (read, bytes, cut, &memory, &error))
      g_error ("%s is read although it ends at %zu", name, cut);
  }
  Memory memory = { 0 };
  if (!read_copy (read, bytes, n, &memory, &error))
    g_error ("%s: %s", name, error.text);
}

static void
test_cut_off (void)
{
  static const char *const files[] = { "3.8-m33_recursion.pyc", "3.9-m33_recursion.pyc",
    "3.10-m33_recursion.pyc", "3.11-m33_recursion.pyc", "3.12-m33_recursion.pyc",
    "3.13-m33_recursion.pyc", "3.14-m33_recursion.pyc", "3.15-smallest", "3.13-constants.pyc" };
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *name = g_strconcat ("pyc/", files[i], NULL);
    cut_file (name, read_pyc);
  }
}

static void
test_mpy_cut_off (void)
{
  static const char *const files[]
      = { "5-classes.mpy", "6-classes.mpy", "6-x64.mpy", "6-armv7m.mpy" };
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *name = g_strconcat ("mpy/", files[i], NULL);
    cut_file (name, read_mpy);
  }
}

// ---- what must be refused

static void
test_hostile (void)
{
  static const struct {
    const char *name, *error;
  } files[] = {
    { "recursion-bomb", "constant 0 at offset 0xfcc is nested more than 2000 deep" },
    { "cycle-tuple", "constant 0 at offset 0x32 refers to object 0, which contains it" },
    { "cycle-list", "constant 0 at offset 0x35 refers to object 0, which contains it" },
    { "size-2-31", "consts at offset 0x2e has 2147483647 items, but only 53 bytes are left" },
    { "size-negative", "constant 0 at offset 0x31 has a size of -1" },
    { "long-2-31", "constant 0 at offset 0x30 has a size of -2147483648" },
    { "reference-beyond", "constant 0 at offset 0x30 refers to object 907, but only 0 exist" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *name = g_strconcat ("pyc/", files[i].name, NULL);
    gsize n;
    g_autofree guint8 *bytes = load (name, &n);
    Memory memory = { 0 };
    MfCodeError error;
    g_assert_false (read_copy (read_pyc, bytes, n, &memory, &error));
    g_assert_cmpstr (error.text, ==, files[i].error);
  }
}

// 2^199 paths lead through this file: reading it costs what it has bytes.
static void
test_shared_subtrees (void)
{
  gsize n;
  g_autofree guint8 *bytes = load ("pyc/shared-subtrees", &n);
  Memory memory = { 0 };
  MfCodeError error;
  g_assert_true (read_copy (read_pyc, bytes, n, &memory, &error));
  g_assert_cmpuint (memory.peak, <, 65536);
}

static void
test_other_versions (void)
{
  static const struct {
    guint16 magic;
    const char *error;
  } others[] = {
    { 3394, "it is for a Python before 3.8 (magic number 3394): compile it again" },
    { 3470, "it is for a development version of Python 3.11 (magic number 3470, the release has "
            "3495), whose layout is "
            "not certain" },
    { 3700, "it is for a Python after 3.15 (magic number 3700): a newer memflow may know it" },
    { 336, "its magic number 336 is not one of CPython 3.8 to 3.15 (another implementation?)" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    const guint8 bytes[20] = { others[i].magic & 255, others[i].magic >> 8, '\r', '\n' };
    Memory memory = { 0 };
    MfCodeError error;
    g_assert_false (read_copy (read_pyc, bytes, sizeof bytes, &memory, &error));
    g_assert_cmpstr (error.text, ==, others[i].error);
  }
}

// ---- memory

static void
refuse_each_request (const char *name, ReadFile read)
{
  gsize n;
  g_autofree guint8 *bytes = load (name, &n);
  MfCodeError error;
  Memory memory = { 0 };
  g_assert_true (read_copy (read, bytes, n, &memory, &error));
  for (guint i = 1; i <= memory.requests; i++) {
    Memory scarce = { .refuse_at = i };
    g_assert_false (read_copy (read, bytes, n, &scarce, &error));
  }
}

static void
test_no_memory (void)
{
  refuse_each_request ("pyc/3.13-m07_try_except.pyc", read_pyc);
  refuse_each_request ("mpy/5-classes.mpy", read_mpy);
  refuse_each_request ("mpy/6-classes.mpy", read_mpy);
}

static void
test_limit (void)
{
  gsize n;
  g_autofree guint8 *bytes = load ("pyc/3.13-m07_try_except.pyc", &n);
  Memory memory = { 0 };
  const MfCodeMemory little = { &memory, resize, 20000 };
  MfCodeError error;
  g_assert_null (mf_pyc_read (bytes, n, &little, &error));
  g_assert_nonnull (strstr (error.text, "20000 bytes of memory"));
  g_assert_cmpuint (memory.held, ==, 0);
  g_assert_cmpuint (memory.peak, <, 21000);
}

// ---- what can be known of a module with an opcode that does not exist

static void
test_unknown_opcode (void)
{
  enum { BYTECODE_AT = 16 + 1 + 5 * 4 + 5, NO_OPCODE = 200 };
  gsize n;
  g_autofree guint8 *bytes = load ("pyc/3.15-smallest", &n);
  Memory memory = { 0 };
  const MfCodeMemory from = { &memory, resize, 0 };
  MfCodeError error;
  bytes[BYTECODE_AT + 4] = NO_OPCODE;
  MfPyModule *module = mf_pyc_read (bytes, n, &from, &error);
  MfPyWalk walk;
  MfPyInstruction instruction;
  g_assert_nonnull (module);
  mf_py_walk_begin (&walk, module->code);
  g_assert_true (mf_py_walk_next (&walk, &instruction));
  g_assert_cmpstr (instruction.opcode->name, ==, "RESUME");
  g_assert_cmpuint (instruction.size, ==, 4);
  g_assert_true (mf_py_walk_next (&walk, &instruction));
  g_assert_cmpstr (instruction.opcode->name, ==, "unknown");
  g_assert_cmpuint (instruction.problem, ==, MF_PY_UNKNOWN_OPCODE);
  g_assert_true (mf_py_walk_next (&walk, &instruction));
  g_assert_cmpstr (instruction.opcode->name, ==, "RETURN_VALUE");
  g_assert_false (mf_py_walk_next (&walk, &instruction));
  mf_py_module_free (module);
}

static void
test_too_many_prefixes (void)
{
  gsize n;
  g_autofree guint8 *bytes = load ("pyc/extended-four", &n);
  Memory memory = { 0 };
  const MfCodeMemory from = { &memory, resize, 0 };
  MfCodeError error;
  MfPyModule *module = mf_pyc_read (bytes, n, &from, &error);
  MfPyWalk walk;
  MfPyInstruction instruction;
  guint bad = 0;
  g_assert_nonnull (module);
  for (mf_py_walk_begin (&walk, module->code); mf_py_walk_next (&walk, &instruction);)
    bad += instruction.problem == MF_PY_BAD_EXTENSION;
  g_assert_cmpuint (bad, ==, 2);
  g_assert_cmpuint (instruction.problem, ==, MF_PY_BAD_INDEX);
  mf_py_module_free (module);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bytecode/cut-off", test_cut_off);
  g_test_add_func ("/bytecode/mpy-cut-off", test_mpy_cut_off);
  g_test_add_func ("/bytecode/hostile", test_hostile);
  g_test_add_func ("/bytecode/shared-subtrees", test_shared_subtrees);
  g_test_add_func ("/bytecode/other-versions", test_other_versions);
  g_test_add_func ("/bytecode/no-memory", test_no_memory);
  g_test_add_func ("/bytecode/limit", test_limit);
  g_test_add_func ("/bytecode/unknown-opcode", test_unknown_opcode);
  g_test_add_func ("/bytecode/too-many-prefixes", test_too_many_prefixes);
  return g_test_run ();
}
