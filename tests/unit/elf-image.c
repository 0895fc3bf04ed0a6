// SPDX-License-Identifier: Apache-2.0
// Programs as files: what is refused, and which of their words the loader writes.
#include "elf-image.h"

#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>

enum { DYNAMIC_AT = 0x1000, DYNAMIC = 0x200, SECTIONS = 0x300, LOADED_AT = 0x7f0000000000 };

static char *path;

static void
write_file (const void *bytes, size_t n)
{
  g_assert_true (g_file_set_contents (path, bytes, (gssize) n, NULL));
}

// A library with a dynamic section alone.
static void
write_library (uint8_t byte_order)
{
  uint8_t file[1024] = { 0 };
  const Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, byte_order, EV_CURRENT }, .e_type = ET_DYN,
    .e_machine = EM_AARCH64, .e_version = EV_CURRENT, .e_phoff = sizeof header, .e_shoff = SECTIONS, .e_ehsize = sizeof header,
    .e_phentsize = sizeof (Elf64_Phdr), .e_phnum = 1, .e_shentsize = sizeof (Elf64_Shdr), .e_shnum = 2 };
  const Elf64_Phdr part = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_memsz = 0x2000, .p_filesz = sizeof file };
  const Elf64_Dyn dynamic[] = { { DT_STRTAB, { 0x400 } }, { DT_STRSZ, { 0x40 } }, { DT_SYMTAB, { 0x500 } }, { DT_NULL, { 0 } } };
  const Elf64_Shdr section = { .sh_type = SHT_DYNAMIC, .sh_addr = DYNAMIC_AT, .sh_offset = DYNAMIC, .sh_size = sizeof dynamic,
    .sh_entsize = sizeof dynamic[0], .sh_flags = SHF_ALLOC };
  memcpy (file, &header, sizeof header);
  memcpy (file + sizeof header, &part, sizeof part);
  memcpy (file + DYNAMIC, dynamic, sizeof dynamic);
  memcpy (file + SECTIONS + sizeof section, &section, sizeof section);
  write_file (file, sizeof file);
}

static void
check_refused (const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MfElfImage) image = mf_elf_image_open (path, 0, &error);
  g_assert_null (image);
  g_assert_nonnull (strstr (error->message, expected));
}

static void
test_refused (void)
{
  write_file ("no", 2);
  check_refused ("is not an ELF file");
  write_library (ELFDATA2MSB);
  check_refused ("big-endian");
  g_remove (path);
  check_refused ("cannot open");
}

static void
test_pointers (void)
{
  MfElfPointer pointers[8];
  uint64_t at;
  write_library (ELFDATA2LSB);
  g_autoptr (MfElfImage) image = mf_elf_image_open (path, LOADED_AT, NULL);
  g_assert_nonnull (image);
  g_assert_cmpuint (mf_elf_image_word (image), ==, 8);
  g_assert_false (mf_elf_image_fixed (image, &at));
  g_assert_cmpuint (mf_elf_image_pointers (image, pointers, G_N_ELEMENTS (pointers)), ==, 2);
  g_assert_cmphex (pointers[0].at, ==, LOADED_AT + DYNAMIC_AT + 8);
  g_assert_cmphex (pointers[0].to, ==, LOADED_AT + 0x400);
  g_assert_cmphex (pointers[1].at, ==, LOADED_AT + DYNAMIC_AT + 2 * sizeof (Elf64_Dyn) + 8);
  g_assert_cmphex (pointers[1].to, ==, LOADED_AT + 0x500);
  g_assert_cmpuint (mf_elf_image_pointers (image, pointers, 1), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_autofree char *folder = g_dir_make_tmp ("memflow-elf-XXXXXX", NULL);
  path = g_build_filename (folder, "library.so", NULL);
  g_test_add_func ("/elf-image/refused", test_refused);
  g_test_add_func ("/elf-image/pointers", test_pointers);
  int status = g_test_run ();
  g_remove (path);
  g_rmdir (folder);
  g_free (path);
  return status;
}
