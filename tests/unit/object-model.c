// SPDX-License-Identifier: Apache-2.0
// The object model's edges: what is not known, growth as sequences, allocators in closed form,
// MicroPython, struct layouts, targets as files.
#include <glib.h>
#include <string.h>

#include "model/objects/objects.h"
#include "model/targets/description.h"

#define CPYTHON(minor) mf_target_cpython (3, (minor), 2, 8)
#define SHAPE(name, ...) (&(MfShape){ .type = MF_PY_##name, __VA_ARGS__ })

static void
test_not_known (void)
{
  MfTarget target = CPYTHON (11), other = target;
  MfObjectSize size = { .requested = 77 };
  g_assert_false (mf_object_size (&target, SHAPE (LAZY_IMPORT), &size)); // came with 3.15
  g_assert_cmpuint (size.requested, ==, 0);
  g_assert_false (mf_object_size (&target, SHAPE (N_TYPES), &size));
  g_assert_false (mf_object_size (&target, SHAPE (TEMPLATE), &size));
  g_assert_false (mf_object_size (&target, SHAPE (LIST, .length = MF_MOST_LENGTH + 1), &size));
  g_assert_false (mf_object_size (&target, SHAPE (ARRAY, .length = 1), &size)); // of what?
  g_assert_false (mf_object_size (
      &target, SHAPE (DICT, .made = MF_MADE_CAPACITY, .capacity = 12), &size));
  other.version = MF_PYTHON_VERSION (3, 16);
  g_assert_false (mf_object_size (&other, SHAPE (LIST), &size));
  other = target;
  other.pointer = 2;
  g_assert_false (mf_object_size (&other, SHAPE (LIST), &size));
  other = target;
  other.free_threaded = true; // not before 3.13
  g_assert_cmpstr (mf_target_doubt (&other), !=, NULL);
  other = target;
  other.python = MF_PYTHON_UNKNOWN;
  g_assert_false (mf_object_size (&other, SHAPE (LIST), &size));
  g_assert_cmpuint (mf_py_type_find ("no such type"), ==, MF_PY_N_TYPES);
}

// Whatever a bytecode claims: an answer or a refusal, in bounded time, and sums that hold.
static void
test_any_shape (void)
{
  static const uint64_t lengths[] = { 0, 1, 255, 65536, MF_MOST_LENGTH, UINT64_MAX };
  for (unsigned minor = 8; minor <= 15; minor++)
    for (int type = 0; type <= MF_PY_N_TYPES; type++)
      for (gsize i = 0; i < G_N_ELEMENTS (lengths) * (MF_MADE_CAPACITY + 1); i++) {
        MfTarget target = CPYTHON (minor);
        uint64_t n = lengths[i % G_N_ELEMENTS (lengths)];
        MfShape shape = { .type = (MfPyType) type,
          .length = n,
          .capacity = n,
          .made = (MfMade) (i / G_N_ELEMENTS (lengths)),
          .item = 8,
          .slots = (uint32_t) n,
          .flags = MF_SHAPE_HAS_DICT };
        MfObjectSize size;
        uint64_t sum = 0;
        bool known = mf_object_size (&target, &shape, &size);
        for (uint32_t block = 0; block < size.n_blocks; block++)
          sum += size.blocks[block].size * size.blocks[block].count;
        g_assert_cmpuint (sum, ==, size.requested);
        g_assert_true (known || size.n_blocks == 0);
        g_assert_cmpuint (size.granted, >=, size.requested);
      }
}

typedef struct {
  uint64_t capacities[16];
  guint n;
} Steps;

static bool
note_step (uint64_t items, uint64_t capacity, void *user)
{
  Steps *steps = user;
  g_assert_cmpuint (items, <=, capacity);
  steps->capacities[steps->n++] = capacity;
  return steps->n < G_N_ELEMENTS (steps->capacities);
}

static void
check_steps (const Steps *steps, const uint64_t *expected, guint n)
{
  g_assert_cmpuint (steps->n, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpuint (steps->capacities[i], ==, expected[i]);
}

static void
test_growth (void)
{
  static const uint64_t old[] = { 4, 8, 16, 25, 35, 46, 58, 72, 88, 106 };
  static const uint64_t new[] = { 4, 8, 16, 24, 32, 40, 52, 64, 76, 92, 108 };
  static const uint64_t dict[] = { 8, 16, 32, 64, 128, 256 };
  static const uint64_t set[] = { 32, 128, 512 };
  MfTarget before = CPYTHON (8), after = CPYTHON (9);
  Steps steps = { .n = 0 };
  mf_list_growth (&before, 100, note_step, &steps);
  check_steps (&steps, old, G_N_ELEMENTS (old));
  steps.n = 0;
  mf_list_growth (&after, 100, note_step, &steps);
  check_steps (&steps, new, G_N_ELEMENTS (new));
  steps.n = 0;
  mf_dict_growth (100, note_step, &steps);
  check_steps (&steps, dict, G_N_ELEMENTS (dict));
  steps.n = 0;
  mf_set_growth (100, note_step, &steps);
  check_steps (&steps, set, G_N_ELEMENTS (set));
}

static uint64_t
granted (MfTarget target, MfAllocator allocator, uint64_t bytes)
{
  target.pymalloc = false;
  target.allocator = allocator;
  return mf_granted (&target, bytes);
}

// malloc.csv: the distance between chunks of one request. On x86-64 the threshold of mmap had moved
// beyond 200,000 when it was measured; of musl's largest groups the size depends on what is in use.
static void
test_granted (void)
{
  enum { REQUEST, X86_64, I386, ARMHF, MUSL };
  g_autofree char *text = NULL;
  MfTarget wide = CPYTHON (11), narrow = mf_target_cpython (3, 11, 2, 4), i386 = narrow;
  i386.align8 = 4;
  g_assert_true (g_file_get_contents ("tests/data/object-sizes/malloc.csv", &text, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines + 1; *line && **line; line++) {
    g_auto (GStrv) cells = g_strsplit (*line, ",", -1);
    uint64_t n = g_ascii_strtoull (cells[REQUEST], NULL, 10);
    bool moved = n >= 128 * 1024 && n < 200000;
    if (*cells[X86_64] && !moved)
      g_assert_cmpuint (granted (wide, MF_ALLOCATOR_GLIBC, n), ==, g_ascii_strtoull (cells[X86_64], NULL, 10));
    if (*cells[I386])
      g_assert_cmpuint (granted (i386, MF_ALLOCATOR_GLIBC, n), ==, g_ascii_strtoull (cells[I386], NULL, 10));
    if (*cells[ARMHF])
      g_assert_cmpuint (granted (narrow, MF_ALLOCATOR_GLIBC, n), ==, g_ascii_strtoull (cells[ARMHF], NULL, 10));
    if (*cells[MUSL] && n <= 8192)
      g_assert_cmpuint (granted (wide, MF_ALLOCATOR_MUSL, n), ==, g_ascii_strtoull (cells[MUSL], NULL, 10));
  }
}

// Effective sizes of the allocators of small devices.
static void
test_granted_small (void)
{
  static const struct { uint64_t bytes, micropython32, micropython64, nano, picolibc, pymalloc; } rows[] = {
    { 1, 16, 32, 12, 8, 16 }, { 16, 16, 32, 24, 24, 16 }, { 20, 32, 32, 28, 24, 32 },
    { 48, 48, 64, 56, 56, 48 }, { 100, 112, 128, 108, 104, 112 }, { 512, 512, 512, 520, 520, 512 } };
  MfTarget wide = CPYTHON (11), narrow = mf_target_cpython (3, 11, 2, 4);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    uint64_t n = rows[i].bytes;
    g_assert_cmpuint (granted (narrow, MF_ALLOCATOR_MICROPYTHON, n), ==, rows[i].micropython32);
    g_assert_cmpuint (granted (wide, MF_ALLOCATOR_MICROPYTHON, n), ==, rows[i].micropython64);
    g_assert_cmpuint (granted (narrow, MF_ALLOCATOR_NEWLIB_NANO, n), ==, rows[i].nano);
    g_assert_cmpuint (granted (narrow, MF_ALLOCATOR_PICOLIBC, n), ==, rows[i].picolibc);
    g_assert_cmpuint (mf_granted (&wide, n), ==, rows[i].pymalloc);
  }
  g_assert_cmpuint (mf_granted (&narrow, 20), ==, 24);
  g_assert_cmpuint (granted (wide, MF_ALLOCATOR_UNKNOWN, 20), ==, 0);
}

// Heap bytes by object as gc.mem_alloc () showed: Debian's 1.25 and 1.26 on 64 and 32 bits (A), and a
// build with representation D, some of whose figures are computed.
static void
test_micropython (void)
{
  static const struct { MfShape shape; uint64_t wide, narrow, boxed; } rows[] = {
    { { .type = MF_PY_FLOAT }, 32, 16, 0 },
    { { .type = MF_PY_INT, .length = 1 }, 0, 0, 0 },
    { { .type = MF_PY_INT, .length = 3, .capacity = 41 }, 0, 32, 0 }, // 1 << 40
    { { .type = MF_PY_TUPLE, .length = 1 }, 32, 16, 32 },
    { { .type = MF_PY_TUPLE, .length = 2 }, 32, 16, 32 },
    { { .type = MF_PY_TUPLE, .length = 10 }, 96, 48, 96 },
    { { .type = MF_PY_LIST }, 64, 32, 64 },
    { { .type = MF_PY_LIST, .length = 5 }, 96, 48, 96 },
    { { .type = MF_PY_LIST, .length = 100, .made = MF_MADE_APPENDED }, 32 + 128 * 8, 16 + 128 * 4, 32 + 128 * 8 },
    { { .type = MF_PY_DICT }, 32, 16, 32 },
    { { .type = MF_PY_DICT, .length = 1 }, 64, 32, 64 },
    { { .type = MF_PY_DICT, .length = 3 }, 96, 48, 96 },
    { { .type = MF_PY_DICT, .length = 11, .made = MF_MADE_APPENDED }, 224, 112, 224 },
    { { .type = MF_PY_DICT, .length = 100, .made = MF_MADE_APPENDED }, 2080, 1040, 2080 },
    { { .type = MF_PY_SET, .length = 3, .made = MF_MADE_APPENDED }, 64, 32, 64 },
    { { .type = MF_PY_SET, .length = 50, .made = MF_MADE_APPENDED }, 512, 256, 512 },
    { { .type = MF_PY_FUNCTION }, 32, 16, 32 },
    { { .type = MF_PY_FUNCTION, .length = 2 }, 64, 32, 32 },
    { { .type = MF_PY_FUNCTION, .capacity = 3 }, 96, 48, 96 },
    { { .type = MF_PY_CELL }, 32, 16, 32 },
    { { .type = MF_PY_METHOD }, 32, 16, 32 },
    { { .type = MF_PY_STR, .length = 10 }, 64, 32, 64 },
    { { .type = MF_PY_BYTES, .length = 100 }, 160, 128, 160 },
    { { .type = MF_PY_BYTEARRAY, .length = 100 }, 160, 128, 160 },
    { { .type = MF_PY_INSTANCE }, 32, 16, 32 },
    { { .type = MF_PY_INSTANCE, .length = 1 }, 64, 32, 64 },
    { { .type = MF_PY_INSTANCE, .length = 4 }, 96, 48, 96 },
    { { .type = MF_PY_INSTANCE, .length = 12 }, 224, 112, 224 },
    { { .type = MF_PY_GENERATOR, .length = 1 }, 64, 32, 64 },
    { { .type = MF_PY_INSTANCE, .base = MF_PY_EXCEPTION }, 96, 48, 64 },
    { { .type = MF_PY_CLASS, .length = 2 }, 128 + 32 + 32, 64 + 16 + 16, 64 + 32 + 32 },
    { { .type = MF_PY_CLASS, .length = 5, .mro = 3 }, 128 + 32 + 96, 64 + 16 + 48, 64 + 32 + 96 },
    { { .type = MF_PY_PROPERTY }, 32, 16, 32 },
    { { .type = MF_PY_LIST_ITERATOR }, 32, 16, 32 },
    { { .type = MF_PY_FRAME, .length = 11 }, 0, 0, 128 }, // on the stack up to eleven words
    { { .type = MF_PY_FRAME, .length = 11, .capacity = 1 }, 160, 80, 128 },
    { { .type = MF_PY_VALUE_ERROR }, 32, 16, 32 },
    { { .type = MF_PY_VALUE_ERROR, .length = 3 }, 96, 48, 64 },
    { { .type = MF_PY_VALUE_ERROR, .length = 1 }, 64, 32, 64 },
  };
  MfTarget wide = mf_target_micropython (1, 25, 8), narrow = mf_target_micropython (1, 25, 4);
  MfTarget boxed = narrow;
  boxed.representation = MF_REPR_D;
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    MfObjectSize size;
    g_assert_true (mf_object_size (&wide, &rows[i].shape, &size));
    g_assert_cmpuint (size.granted, ==, rows[i].wide);
    g_assert_true (mf_object_size (&narrow, &rows[i].shape, &size));
    g_assert_cmpuint (size.granted, ==, rows[i].narrow);
    g_assert_true (mf_object_size (&boxed, &rows[i].shape, &size));
    g_assert_cmpuint (size.granted, ==, rows[i].boxed);
  }
  MfObjectSize size;
  g_assert_false (mf_object_size (&narrow, SHAPE (DEQUE), &size));
  g_assert_false (mf_object_size (&narrow, SHAPE (STR, .length = 1, .text = MF_TEXT_UCS2), &size));
}

// structs.csv: struct.calcsize and ctypes.sizeof in real interpreters.
static void
test_struct (void)
{
  enum { FORMAT, HOW, FIRST };
  g_autofree char *text = NULL;
  MfTarget targets[] = { CPYTHON (11), mf_target_cpython (3, 11, 2, 4), mf_target_cpython (3, 11, 2, 4) };
  targets[1].align8 = 4; // i386
  g_assert_true (g_file_get_contents ("tests/data/object-sizes/structs.csv", &text, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines + 1; *line && **line; line++) {
    g_auto (GStrv) cells = g_strsplit (*line, ",", -1);
    for (gsize i = 0; i < G_N_ELEMENTS (targets); i++) {
      uint64_t size = mf_sizeof (&targets[i], cells[FORMAT]);
      if (g_str_equal (cells[HOW], "struct"))
        g_assert_true (mf_struct_calcsize (&targets[i], cells[FORMAT], &size));
      g_assert_cmpuint (size, ==, g_ascii_strtoull (cells[FIRST + i], NULL, 10));
    }
  }
}

static void
test_struct_refused (void)
{
  static const char *const formats[] = { "z", "<P", "99999999999999999999b", "3", "@<b", "=n" };
  MfTarget target = CPYTHON (11);
  uint64_t size = 77;
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    g_assert_false (mf_struct_calcsize (&target, formats[i], &size));
  g_assert_cmpuint (size, ==, 77);
  g_assert_true (mf_struct_calcsize (&target, "q0b", &size)); // 0b aligns to 1
  g_assert_cmpuint (size, ==, 8);
  g_assert_true (mf_struct_calcsize (&target, "b0q", &size)); // 0q aligns the end
  g_assert_cmpuint (size, ==, 8);
}

static char *
errors_of (const char *text)
{
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (GPtrArray) arena = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (MfConfig) config = mf_config_parse (text, strlen (text), "t.ini", NULL, diagnostics);
  MfTargetDescription description;
  GString *out = g_string_new (NULL);
  bool fine = mf_target_describe (config, &description, arena, diagnostics);
  mf_diagnostics_print (diagnostics, out);
  g_assert_true (fine == (out->len == 0));
  return g_string_free (out, FALSE);
}

static void
test_targets_refused (void)
{
  static const char *const rows[][2] = {
    { "[target]\ntitle = x\narchitecture = y\npointer = 4\nversion = 3.7.1\n", "t.ini:5:11: error: object sizes are known of CPython 3.8 to 3.15" },
    { "[target]\ntitle = x\narchitecture = y\npointer = 4\nversion = three\n", "t.ini:5:11: error: a version is two or three numbers" },
    { "[target]\ntitle = x\narchitecture = y\npointer = 5\nversion = 3.11.2\n", "pointers have 4 or 8 bytes" },
    { "[target]\ntitle = x\narchitecture = y\npointer = 4\nversion = 3.11.2\nhaep = 4KiB\n", "'heap'" },
    { "[target]\ntitle = x\narchitecture = y\nversion = 3.11.2\n", "t.ini:1:2: error: [target] needs the option 'pointer'" },
    { "[pipeline]\n", "there is no group [target]" } };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *errors = errors_of (rows[i][0]);
    if (!strstr (errors, rows[i][1]))
      g_test_message ("%s", errors);
    g_assert_nonnull (strstr (errors, rows[i][1]));
  }
}

// Every target that comes along can be read, and prices a list.
static void
test_targets_installed (void)
{
  g_autoptr (GDir) folder = g_dir_open ("configs/targets", 0, NULL);
  guint n = 0;
  for (const char *name; (name = g_dir_read_name (folder)); n++) {
    g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
    g_autoptr (GPtrArray) arena = g_ptr_array_new_with_free_func (g_free);
    g_autofree char *path = g_build_filename ("configs/targets", name, NULL);
    MfTargetDescription description;
    MfObjectSize size;
    g_assert_true (mf_target_load (path, &description, arena, diagnostics));
    g_assert_true (mf_object_size (&description.target, SHAPE (LIST, .length = 10), &size));
    g_assert_cmpuint (size.granted, >=, size.requested);
    g_assert_true (description.target.align8 == (strstr (name, "i386") ? 4 : 8));
  }
  g_assert_cmpuint (n, ==, 20);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/object-model/not-known", test_not_known);
  g_test_add_func ("/object-model/any-shape", test_any_shape);
  g_test_add_func ("/object-model/growth", test_growth);
  g_test_add_func ("/object-model/granted", test_granted);
  g_test_add_func ("/object-model/granted-small", test_granted_small);
  g_test_add_func ("/object-model/micropython", test_micropython);
  g_test_add_func ("/object-model/struct", test_struct);
  g_test_add_func ("/object-model/struct-refused", test_struct_refused);
  g_test_add_func ("/object-model/targets-refused", test_targets_refused);
  g_test_add_func ("/object-model/targets-installed", test_targets_installed);
  return g_test_run ();
}
