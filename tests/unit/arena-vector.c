// SPDX-License-Identifier: Apache-2.0
// The list of arenas of a program without symbols: the word that points to its beginning, not those that point into it.
#include <elf.h>
#include <glib/gstdio.h>

#include "process-fixture.h"
#include "pymalloc.h"

enum { RECORD = 48, RECORDS = 16, ROOM = 32, WORDS = 64, VARIABLES_AT = 0x400000, VECTOR_AT = 0x500000, ARENA = 1 << 20 };
enum { RW = MF_MAPPING_READ | MF_MAPPING_WRITE };

static uint64_t variables[WORDS];
static uint64_t records[ROOM][RECORD / 8];  // zeros behind the vector: a vector that begins later looks whole

// A program whose writable part lies at VARIABLES_AT.
static char *
made_program (void)
{
  struct {
    Elf64_Ehdr header;
    Elf64_Phdr part;
  } file = {
    { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_EXEC, .e_machine = EM_X86_64,
      .e_version = EV_CURRENT, .e_phoff = sizeof (Elf64_Ehdr), .e_ehsize = sizeof (Elf64_Ehdr), .e_phentsize = sizeof (Elf64_Phdr),
      .e_phnum = 1 },
    { .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = VARIABLES_AT, .p_memsz = sizeof variables },
  };
  char *path = NULL;
  int fd = g_file_open_tmp ("memflow-program-XXXXXX", &path, NULL);
  g_assert_cmpint (fd, >=, 0);
  g_assert_true (g_close (fd, NULL));
  g_assert_true (g_file_set_contents (path, (const char *) &file, sizeof file, NULL));
  return path;
}

static void
made_arena (unsigned i)
{
  records[i][0] = 0x7f0000000000 + (uint64_t) i * ARENA;
  records[i][1] = records[i][0] + ARENA;
  records[i][2] = UINT64_C (64) << 32;  // none free of 64 pools
}

// usable_arenas, unused_arena_objects, maxarenas, arenas: in the order of most builds, and the other way round.
static void
test_beginning (gconstpointer backwards)
{
  const uint64_t found[] = { VECTOR_AT + 2 * RECORD, VECTOR_AT + 3 * RECORD, RECORDS, VECTOR_AT };
  MadeProcess *made;
  MfArenaVector vector;
  g_autofree char *path = made_program ();
  g_autoptr (MfProcess) process = made_process (8, &made);
  MfPythonRuntime runtime = { .offsets = { .pointer = 8, .version = 0x030b, .obmalloc = -1 } };
  runtime.image = mf_elf_image_open (path, VARIABLES_AT, NULL);
  g_assert_nonnull (runtime.image);
  for (unsigned i = 0; i < 3; i++)
    made_arena (i);
  for (unsigned i = 0; i < 4; i++)
    variables[20 + i] = found[GPOINTER_TO_INT (backwards) ? 3 - i : i];
  made_area (made, VARIABLES_AT, variables, sizeof variables, RW, path);
  made_area (made, VECTOR_AT, records, sizeof records, RW, NULL);
  g_assert_true (mf_pymalloc_find (process, &runtime, 0, &vector, NULL));
  g_assert_cmphex (vector.arenas, ==, VECTOR_AT);
  g_assert_cmpuint (vector.n, ==, RECORDS);
  g_assert_true (vector.guessed);
  mf_python_runtime_clear (&runtime);
  g_remove (path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/arena-vector/beginning", GINT_TO_POINTER (0), test_beginning);
  g_test_add_data_func ("/arena-vector/backwards", GINT_TO_POINTER (1), test_beginning);
  return g_test_run ();
}
