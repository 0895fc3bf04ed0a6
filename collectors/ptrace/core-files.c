// SPDX-License-Identifier: Apache-2.0
// The same file is mapped several times: it is opened once.
#include "core-files.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build-id.h"

enum { PAGE = 4096 };

struct MfCoreFiles {
  const MfCoreFile *core;
  GArray *named;        // of MfNamedFile
  GHashTable *by_path;  // path -> index in it
};

// ---- what the core has of a file

typedef struct {
  const MfCoreFile *core;
  const char *path;
} Within;

// Bytes at an offset of the file as the core itself has them.
static bool
core_bytes_at (void *user, uint64_t offset, void *to, size_t n)
{
  const Within *within = user;
  const GArray *mapped = within->core->notes.files;
  for (guint i = 0; i < mapped->len; i++) {
    const MfCoreMapped *its = &g_array_index (mapped, MfCoreMapped, i);
    if (offset >= its->offset && offset - its->offset < its->to - its->from && strcmp (its->path, within->path) == 0
        && mf_core_file_read (within->core, its->from + (offset - its->offset), to, n) == n)
      return true;
  }
  return false;
}

static bool
file_bytes_at (void *user, uint64_t offset, void *to, size_t n)
{
  return offset <= INT64_MAX && pread (*(int *) user, to, n, (off_t) offset) == (ssize_t) n;
}

// By the first page, as far as the core has it.
static MfNamedState
compare_pages (Within *within, int fd)
{
  enum { STEP = 16 };
  uint8_t of_core[STEP], of_file[PAGE];
  ssize_t n = pread (fd, of_file, PAGE, 0);
  for (ssize_t at = 0; at < n; at += STEP) {
    size_t now = MIN (STEP, (size_t) (n - at));
    if (!core_bytes_at (within, (uint64_t) at, of_core, now))
      return MF_NAMED_UNCHECKED;
    if (memcmp (of_core, of_file + at, now) != 0)
      return MF_NAMED_OTHER;
  }
  return n > 0 ? MF_NAMED_SAME : MF_NAMED_OTHER;
}

// ---- one file

static int
open_named (const char *root, const char *path)
{
  struct stat about;
  g_autofree char *full = g_strconcat (root ? root : "", path, NULL);
  int fd = *path == '/' ? open (full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
  if (fd < 0 || (fstat (fd, &about) == 0 && S_ISREG (about.st_mode)))
    return fd;
  close (fd);
  return -1;
}

// Whether the core has it as a program: by what it has of it, or as it was mapped to be executed.
static bool
was_program (Within *within, MfElfReading of_core)
{
  char byte;
  const GArray *mapped = within->core->notes.files;
  if (of_core != MF_ELF_NONE)
    return true;
  if (core_bytes_at (within, 0, &byte, 1))
    return false;
  for (guint i = 0; i < mapped->len; i++) {
    const MfCoreMapped *its = &g_array_index (mapped, MfCoreMapped, i);
    const MfCoreSegment *segment = strcmp (its->path, within->path) == 0 ? mf_core_file_segment (within->core, its->from) : NULL;
    if (segment && segment->flags & PF_X)
      return true;
  }
  return false;
}

static MfNamedState
compare (Within *within, int fd)
{
  MfBuildId here, there;
  MfElfReading of_file = fd >= 0 ? mf_build_id_read (file_bytes_at, &fd, &here) : MF_ELF_NONE;
  MfElfReading of_core = mf_build_id_read (core_bytes_at, within, &there);
  char byte;
  if (fd < 0)
    return was_program (within, of_core) ? MF_NAMED_MISSING : MF_NAMED_NO_PROGRAM;
  if (of_file == MF_ELF_NONE)
    return of_core == MF_ELF_NONE ? MF_NAMED_NO_PROGRAM : MF_NAMED_OTHER;
  if (here.machine != within->core->machine || here.word != within->core->word)
    return MF_NAMED_OTHER;
  if (of_core == MF_ELF_NONE)
    return core_bytes_at (within, 0, &byte, 1) ? MF_NAMED_OTHER : MF_NAMED_UNCHECKED;
  if (of_core == MF_ELF_READ && (here.size || there.size))
    return here.size == there.size && memcmp (here.bytes, there.bytes, here.size) == 0 ? MF_NAMED_SAME : MF_NAMED_OTHER;
  return compare_pages (within, fd);
}

static void
add_named (MfCoreFiles *files, const char *root, const MfCoreMapped *mapped)
{
  Within within = { files->core, mapped->path };
  MfNamedFile named = { .path = g_strdup (mapped->path), .fd = open_named (root, mapped->path) };
  named.state = mapped->other ? MF_NAMED_OTHER : compare (&within, named.fd);
  if (named.fd >= 0 && named.state != MF_NAMED_SAME && named.state != MF_NAMED_UNCHECKED) {
    close (named.fd);
    named.fd = -1;
  }
  g_hash_table_insert (files->by_path, named.path, GUINT_TO_POINTER (files->named->len));
  g_array_append_val (files->named, named);
}

// ---- all of them

static void
clear_named (void *pointer)
{
  MfNamedFile *named = pointer;
  g_free (named->path);
  if (named->fd >= 0)
    close (named->fd);
}

MfCoreFiles *
mf_core_files_new (const MfCoreFile *core, const char *root)
{
  MfCoreFiles *files = g_new0 (MfCoreFiles, 1);
  files->core = core;
  files->named = g_array_new (FALSE, FALSE, sizeof (MfNamedFile));
  g_array_set_clear_func (files->named, clear_named);
  files->by_path = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < core->notes.files->len; i++) {
    const MfCoreMapped *mapped = &g_array_index (core->notes.files, MfCoreMapped, i);
    if (!g_hash_table_contains (files->by_path, mapped->path))
      add_named (files, root, mapped);
  }
  return files;
}

void
mf_core_files_free (MfCoreFiles *files)
{
  if (!files)
    return;
  g_hash_table_unref (files->by_path);
  g_array_unref (files->named);
  g_free (files);
}

const GArray *
mf_core_files_all (const MfCoreFiles *files)
{
  return files->named;
}

const MfCoreMapped *
mf_core_files_at (const MfCoreFiles *files, uint64_t at, const MfNamedFile **named)
{
  const GArray *mapped = files->core->notes.files;
  guint low = 0, high = mapped->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (g_array_index (mapped, MfCoreMapped, middle).to <= at)
      low = middle + 1;
    else
      high = middle;
  }
  const MfCoreMapped *found = low < mapped->len ? &g_array_index (mapped, MfCoreMapped, low) : NULL;
  if (!found || found->from > at)
    return NULL;
  guint index = GPOINTER_TO_UINT (g_hash_table_lookup (files->by_path, found->path));
  *named = &g_array_index (files->named, MfNamedFile, index);
  return found;
}

// Beyond the end of a file, a mapping has zeros up to the end of the page.
size_t
mf_core_files_read (const MfCoreFiles *files, uint64_t at, void *to, size_t n)
{
  const MfNamedFile *named;
  const MfCoreMapped *mapped = mf_core_files_at (files, at, &named);
  if (!mapped || named->fd < 0)
    return 0;
  uint64_t offset = mapped->offset + (at - mapped->from);
  size_t wanted = MIN (n, mapped->to - at);
  ssize_t done = offset <= INT64_MAX ? pread (named->fd, to, wanted, (off_t) offset) : 0;
  if (done < 0 || (done == 0 && offset % PAGE == 0))
    return 0;
  size_t zeros = MIN (wanted - (size_t) done, (PAGE - (offset + (uint64_t) done) % PAGE) % PAGE);
  memset ((uint8_t *) to + done, 0, zeros);
  return (size_t) done + zeros;
}
