// SPDX-License-Identifier: Apache-2.0
// Core files as processes: what is in them, what is cut off, what they leave to files.
#include "core-process.h"

#include <glib/gstdio.h>
#include <unistd.h>

#include "core-file.h"
#include "made-core.h"

static char *folder;

static char *
write_core (const GByteArray *core)
{
  char *path = g_build_filename (folder, "core", NULL);
  g_assert_true (g_file_set_contents (path, (const char *) core->data, (gssize) core->len, NULL));
  return path;
}

static MfProcess *
open_core (const GByteArray *core, MfCoreSummary *summary, GError **error)
{
  g_autofree char *path = write_core (core);
  return mf_process_open_core (path, NULL, summary, error);
}

static const char *
remark (const MfCoreSummary *summary, guint i)
{
  return i < summary->remarks->len ? g_ptr_array_index (summary->remarks, i) : "";
}

// ---- what is in it

static void
test_contents (gconstpointer word)
{
  g_autoptr (GByteArray) core = made_core (GPOINTER_TO_UINT (word), "/nowhere/python3");
  MfCoreSummary summary;
  uint8_t bytes[MADE_BYTES];
  g_autoptr (MfProcess) process = open_core (core, &summary, NULL);
  g_assert_nonnull (process);
  g_assert_cmpint (mf_process_id (process), ==, MADE_PID);
  g_assert_cmpuint (mf_process_word (process), ==, GPOINTER_TO_UINT (word));
  g_assert_false (mf_process_is_live (process));
  g_assert_cmpstr (summary.program, ==, "python3");
  g_assert_cmpint (summary.signal, ==, MADE_SIGNAL);
  g_assert_cmpint (summary.first_thread, ==, MADE_THREAD);
  g_assert_cmpuint (summary.threads, ==, 2);
  g_assert_true (mf_process_read (process, MADE_AT, bytes, sizeof bytes));
  for (unsigned i = 0; i < sizeof bytes; i++)
    g_assert_cmpuint (bytes[i], ==, i);
  g_assert_true (mf_process_read (process, MADE_PARTIAL_AT, bytes, sizeof bytes / 2));
  g_assert_false (mf_process_read (process, MADE_PARTIAL_AT, bytes, sizeof bytes / 2 + 1));
  g_assert_false (mf_process_read (process, MADE_AT - 1, bytes, 2));
  g_assert_false (mf_process_read (process, MADE_AT + MADE_BYTES - 1, bytes, 2));
  g_assert_false (mf_process_read (process, UINT64_MAX, bytes, 2));
  const GArray *mappings = mf_process_mappings (process, NULL);
  g_assert_cmpuint (mappings->len, ==, 3);
  g_assert_cmpstr (g_array_index (mappings, MfMapping, 2).path, ==, "/nowhere/python3");
  g_assert_cmpstr (g_array_index (mappings, MfMapping, 0).path, ==, "");
  mf_core_summary_clear (&summary);
}

// ---- files: a library without a build-id, whose first page the core has or has not

static GByteArray *
made_library (uint32_t build_id)
{
  GByteArray *library = made_room (4096);
  const Elf64_Phdr notes = { .p_type = PT_NOTE, .p_offset = 128, .p_filesz = 20 };
  const uint32_t note[] = { 4, 4, NT_GNU_BUILD_ID, 0x554e47, build_id };
  Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_DYN,
    .e_machine = EM_X86_64, .e_phoff = 64, .e_phentsize = sizeof notes, .e_phnum = build_id ? 1 : 0 };
  memcpy (library->data, &header, sizeof header);
  memcpy (library->data + 64, &notes, sizeof notes);
  memcpy (library->data + 128, note, sizeof note);
  library->data[4000] = 42;
  return library;
}

// A core that has `there` bytes of a library, which is now another one.
static void
check_library (const GByteArray *then, const GByteArray *now, unsigned there, bool read, const char *expected)
{
  g_autofree char *path = g_build_filename (folder, "library.so", NULL);
  g_autoptr (GByteArray) core = made_core (8, path);
  Elf64_Phdr *segment = (Elf64_Phdr *) (void *) (core->data + sizeof (Elf64_Ehdr)) + 3;
  MfCoreSummary summary;
  uint8_t byte = 0;
  if (now)
    g_assert_true (g_file_set_contents (path, (const char *) now->data, now->len, NULL));
  else
    g_remove (path);
  segment->p_flags = PF_R | PF_X;
  segment->p_offset = core->len;
  segment->p_filesz = there;
  g_byte_array_append (core, then->data, there);
  g_autoptr (MfProcess) process = open_core (core, &summary, NULL);
  g_assert_nonnull (process);
  g_assert_cmpint (mf_process_read (process, MADE_FILE_AT + 4000, &byte, 1), ==, read);
  g_assert_cmpuint (byte, ==, read ? 42 : 0);
  if (*expected)
    g_assert_nonnull (strstr (remark (&summary, 0), expected));
  else
    g_assert_cmpstr (remark (&summary, 0), ==, "");
  mf_core_summary_clear (&summary);
}

static void
test_files (void)
{
  g_autoptr (GByteArray) first = made_library (1), second = made_library (2), without = made_library (0);
  check_library (first, first, 512, true, "");
  check_library (first, second, 512, false, "is not the file that the process had mapped");
  check_library (first, without, 512, false, "is not the file");
  check_library (first, NULL, 512, false, "is not there");
  check_library (first, first, 0, true, "nothing of");
  check_library (without, without, 4096, true, "");
  check_library (without, first, 4096, true, "is not the file");  // the core has that page itself
  check_library (first, first, 140, true, "nothing of");
  g_autoptr (GByteArray) foreign = made_library (1);
  ((Elf64_Ehdr *) (void *) foreign->data)->e_machine = EM_AARCH64;
  check_library (first, foreign, 0, false, "is not the file");
}

// ---- which files, by the loader's list

static void
test_list (gconstpointer word)
{
  g_autoptr (GByteArray) core = made_list_core (GPOINTER_TO_UINT (word), "/nowhere/library.so");
  MfCoreSummary summary;
  g_autoptr (MfProcess) process = open_core (core, &summary, NULL);
  g_assert_nonnull (process);
  const GArray *mappings = mf_process_mappings (process, NULL);
  g_assert_cmpstr (g_array_index (mappings, MfMapping, 0).path, ==, "/nowhere/library.so");
  g_assert_cmphex (g_array_index (mappings, MfMapping, 0).from, ==, MADE_AT);
  mf_core_summary_clear (&summary);
}

// ---- what is cut off

static void
test_truncated (gconstpointer word)
{
  g_autoptr (GByteArray) core = made_core (GPOINTER_TO_UINT (word), "/nowhere/python3");
  g_autofree char *path = write_core (core);
  guint opened = 0;
  for (gsize n = core->len; n-- > 0;) {
    g_autoptr (GError) error = NULL;
    MfCoreSummary summary;
    uint8_t bytes[MADE_BYTES];
    g_assert_cmpint (truncate (path, (off_t) n), ==, 0);
    g_autoptr (MfProcess) process = mf_process_open_core (path, NULL, &summary, &error);
    g_assert_true ((process != NULL) == (error == NULL));
    if (process) {
      gsize left = core->len - n;
      opened++;
      g_assert_nonnull (strstr (remark (&summary, 0), "truncated"));
      g_assert_false (mf_process_read (process, MADE_AT, bytes, sizeof bytes));
      g_assert_cmpint (mf_process_read (process, MADE_AT, bytes, left < MADE_BYTES ? MADE_BYTES - left : 1), ==, left < MADE_BYTES);
      g_assert_cmpint (strstr (remark (&summary, 0), "notes") != NULL, ==, left > MADE_BYTES);
    }
    mf_core_summary_clear (&summary);
  }
  g_assert_cmpuint (opened, >, MADE_BYTES);
}

// ---- what is no core

static void
check_refused (const GByteArray *core, const char *expected)
{
  g_autoptr (GError) error = NULL;
  MfCoreSummary summary;
  g_autoptr (MfProcess) process = open_core (core, &summary, &error);
  g_assert_null (process);
  g_assert_nonnull (error);
  if (!strstr (error->message, expected))
    g_error ("'%s' does not say '%s'", error->message, expected);
  mf_core_summary_clear (&summary);
}

static void
check_changed (size_t at, uint64_t number, unsigned width, const char *expected)
{
  g_autoptr (GByteArray) core = made_core (8, "/nowhere/python3");
  memcpy (core->data + at, &number, width);
  check_refused (core, expected);
}

static void
test_refused (void)
{
  size_t segment = sizeof (Elf64_Ehdr) + sizeof (Elf64_Phdr), notes = sizeof (Elf64_Ehdr) + 4 * sizeof (Elf64_Phdr);
  check_changed (0, 'x', 1, "no core file");
  check_changed (0, 0xfd2fb528, 4, "compressed");
  check_changed (EI_DATA, ELFDATA2MSB, 1, "big-endian");
  check_changed (EI_CLASS, 3, 1, "neither of 32 nor of 64 bits");
  check_changed (offsetof (Elf64_Ehdr, e_type), ET_EXEC, 2, "a program or a library");
  check_changed (offsetof (Elf64_Ehdr, e_phentsize), 8, 2, "cannot be counted");
  check_changed (offsetof (Elf64_Ehdr, e_phnum), PN_XNUM, 2, "cannot be counted");
  check_changed (offsetof (Elf64_Ehdr, e_phoff), UINT64_MAX - 8, 8, "ends within the table");
  check_changed (segment + offsetof (Elf64_Phdr, p_vaddr), MADE_PARTIAL_AT - 1, 8, "one over the other");
  check_changed (segment + offsetof (Elf64_Phdr, p_memsz), UINT64_MAX, 8, "beyond all addresses");
  check_changed (notes + 4, 8, 4, "too short");
  check_changed (notes + 4, UINT32_MAX, 4, "cut off");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("memflow-core-XXXXXX", NULL);
  g_test_add_data_func ("/core-process/contents/64", GUINT_TO_POINTER (8), test_contents);
  g_test_add_data_func ("/core-process/contents/32", GUINT_TO_POINTER (4), test_contents);
  g_test_add_func ("/core-process/files", test_files);
  g_test_add_data_func ("/core-process/list/64", GUINT_TO_POINTER (8), test_list);
  g_test_add_data_func ("/core-process/list/32", GUINT_TO_POINTER (4), test_list);
  g_test_add_data_func ("/core-process/truncated/64", GUINT_TO_POINTER (8), test_truncated);
  g_test_add_data_func ("/core-process/truncated/32", GUINT_TO_POINTER (4), test_truncated);
  g_test_add_func ("/core-process/refused", test_refused);
  int status = g_test_run ();
  g_autofree char *core = g_build_filename (folder, "core", NULL), *library = g_build_filename (folder, "library.so", NULL);
  g_remove (core);
  g_remove (library);
  g_rmdir (folder);
  g_free (folder);
  return status;
}
