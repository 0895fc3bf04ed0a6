// SPDX-License-Identifier: Apache-2.0
// Executables of several machines, scripts, and what is no executable at all, with the agent that each of them gets.
#include "agent-file.h"

#include <elf.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

typedef struct { uint16_t machine; uint8_t class, order; const char *loader, *triplet; } Case;

static const Case cases[] = {
  { EM_X86_64, ELFCLASS64, ELFDATA2LSB, "/lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu" },
  { EM_X86_64, ELFCLASS64, ELFDATA2LSB, "/lib/ld-musl-x86_64.so.1", "x86_64-linux-musl" },
  { EM_386, ELFCLASS32, ELFDATA2LSB, "/lib/ld-linux.so.2", "i386-linux-gnu" },
  { EM_ARM, ELFCLASS32, ELFDATA2LSB, "/lib/ld-linux-armhf.so.3", "arm-linux-gnueabihf" },
  { EM_ARM, ELFCLASS32, ELFDATA2LSB, "/lib/ld-musl-armhf.so.1", "arm-linux-musleabihf" },
  { EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "/lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu" },
  { EM_S390, ELFCLASS64, ELFDATA2MSB, "/lib/ld64.so.1", "s390x-linux-gnu" },
  { EM_X86_64, ELFCLASS32, ELFDATA2LSB, "/libx32/ld-linux-x32.so.2", NULL },
  { EM_MIPS, ELFCLASS32, ELFDATA2MSB, "/lib/ld.so.1", NULL },
};

typedef union { Elf64_Ehdr wide; Elf32_Ehdr narrow; } Ehdr;

// The members that are looked at stand at the same places up to e_machine; beyond, each class has its own.
#define PUT(to, big, value) (*(to) = (__typeof__ (*(to))) ((big) ? swapped (value, sizeof *(to)) : (value)))

static uint64_t
swapped (uint64_t value, size_t n)
{
  return GUINT64_SWAP_LE_BE (value) >> (64 - 8 * n);
}

static int
executable (const char *path, const Case *c)
{
  Ehdr file = { .wide.e_ident = { 0x7f, 'E', 'L', 'F', c->class, c->order, EV_CURRENT } };
  bool big = c->order == ELFDATA2MSB, wide = c->class == ELFCLASS64;
  Elf64_Phdr segment = { 0 };
  Elf32_Phdr narrow = { 0 };
  size_t loader = strlen (c->loader) + 1, header = wide ? sizeof file.wide : sizeof file.narrow;
  size_t text = header + (wide ? sizeof segment : sizeof narrow);
  PUT (&file.wide.e_type, big, ET_EXEC);
  PUT (&file.wide.e_machine, big, c->machine);
  if (wide) {
    PUT (&file.wide.e_phoff, big, header);
    PUT (&file.wide.e_phnum, big, 1);
    PUT (&segment.p_type, big, PT_INTERP);
    PUT (&segment.p_offset, big, text);
    PUT (&segment.p_filesz, big, loader);
  } else {
    PUT (&file.narrow.e_phoff, big, header);
    PUT (&file.narrow.e_phnum, big, 1);
    PUT (&narrow.p_type, big, PT_INTERP);
    PUT (&narrow.p_offset, big, text);
    PUT (&narrow.p_filesz, big, loader);
  }
  int fd = open (path, O_RDWR | O_CREAT | O_TRUNC, 0755);
  g_assert_cmpint (write (fd, &file, header), ==, header);
  g_assert_cmpint (write (fd, wide ? (void *) &segment : &narrow, text - header), ==, text - header);
  g_assert_cmpint (write (fd, c->loader, loader), ==, loader);
  return fd;
}

static void
test_kinds (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    MfElfKind kind;
    int fd = executable ("agent-file-test", &cases[i]);
    g_assert_null (mf_elf_kind (fd, &kind));
    g_assert_cmpstr (mf_elf_triplet (&kind), ==, cases[i].triplet);
    g_assert_false (kind.is_static);
    g_assert_cmpint (ftruncate (fd, 60), ==, 0);  // the segments are gone
    if (cases[i].class == ELFCLASS32)
      g_assert_true (!mf_elf_kind (fd, &kind) && kind.is_static);
    close (fd);
  }
  g_unlink ("agent-file-test");
}

static const char *
path_for (const char *program)
{
  static MfAgentFile agent;
  g_assert_true (mf_agent_file (&agent, "agents", program));
  return agent.path;
}

// What was built for this machine by name goes before what was built with this program.
static void
test_own_triplet (void)
{
  MfAgentFile agent;
  g_assert_true (mf_agent_file (&agent, "agents", "sh"));
  if (!agent.triplet)
    return;
  g_autofree char *folder = g_build_filename ("agents", agent.triplet, NULL);
  g_autofree char *path = g_build_filename (folder, "libmemflow-agent.so", NULL);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  g_assert_cmpstr (path_for ("sh"), ==, path);
  g_unlink (path);
  g_rmdir (folder);
  g_rmdir ("agents");
}

static void
test_choice (void)
{
  static const Case foreign = { EM_S390, ELFCLASS64, ELFDATA2MSB, "/lib/ld64.so.1", NULL };
  const char *own = "agents/libmemflow-agent.so", *other = "agents/s390x-linux-gnu/libmemflow-agent.so";
  close (executable ("agent-file-test", &foreign));
  g_assert_cmpstr (path_for ("./agent-file-test"), ==, other);
  g_assert_cmpstr (path_for ("sh"), ==, own);
  g_assert_cmpstr (path_for ("no-such-program"), ==, own);
  g_assert_true (g_file_set_contents_full ("agent-file-script", "#!  ./agent-file-test -B\nprint ()\n", -1, 0, 0755, NULL));
  g_assert_cmpstr (path_for ("./agent-file-script"), ==, other);
  g_assert_true (g_file_set_contents_full ("agent-file-script", "#!./agent-file-script\n", -1, 0, 0755, NULL));
  g_assert_cmpstr (path_for ("./agent-file-script"), ==, own);
  g_assert_cmpstr (path_for ("/"), ==, own);
  test_own_triplet ();
  g_unlink ("agent-file-script");
  g_unlink ("agent-file-test");
}

static void
test_too_long (void)
{
  MfAgentFile agent;
  g_autofree char *folder = g_strnfill (5000, 'a');
  g_assert_false (mf_agent_file (&agent, folder, "sh"));
  g_assert_false (mf_agent_file_named (&agent, folder));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_autofree char *folder = g_dir_make_tmp ("memflow-XXXXXX", NULL);
  g_assert_cmpint (chdir (folder), ==, 0);
  g_test_add_func ("/agent-file/kinds", test_kinds);
  g_test_add_func ("/agent-file/choice", test_choice);
  g_test_add_func ("/agent-file/too-long", test_too_long);
  int status = g_test_run ();
  g_rmdir (folder);
  return status;
}
