// SPDX-License-Identifier: Apache-2.0
// Header, program headers, notes. Nothing is mapped: a file that shrinks while it is read must not end this process.
#include "core-file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_SEGMENTS = 1 << 20, MOST_NOTES = 256 << 20 };

// Where the members of headers are, by the width of a pointer.
typedef struct {
  unsigned word;
  uint16_t header, segments_at, sections_at, segment_size, n_segments;          // of the file
  uint16_t segment, type, flags, offset, address, file_size, memory_size;       // of a segment
  uint16_t section_info;                                                        // of a section
} Form;

#define FORM(n, bytes) \
  { bytes, sizeof (Elf##n##_Ehdr), offsetof (Elf##n##_Ehdr, e_phoff), offsetof (Elf##n##_Ehdr, e_shoff), \
    offsetof (Elf##n##_Ehdr, e_phentsize), offsetof (Elf##n##_Ehdr, e_phnum), sizeof (Elf##n##_Phdr), \
    offsetof (Elf##n##_Phdr, p_type), offsetof (Elf##n##_Phdr, p_flags), offsetof (Elf##n##_Phdr, p_offset), \
    offsetof (Elf##n##_Phdr, p_vaddr), offsetof (Elf##n##_Phdr, p_filesz), offsetof (Elf##n##_Phdr, p_memsz), \
    offsetof (Elf##n##_Shdr, sh_info) }
static const Form forms[] = { FORM (32, 4), FORM (64, 8) };

typedef struct {
  MfCoreFile *core;
  const Form *form;
  uint64_t size;              // of the file
  uint8_t header[sizeof (Elf64_Ehdr)];
} Reader;

static bool
refuse (GError **error, MfCoreErrorCode code, const char *why)
{
  g_set_error_literal (error, MF_CORE_ERROR, (gint) code, why);
  return false;
}

static uint64_t
number_in (const uint8_t *bytes, size_t at, unsigned width)
{
  uint64_t number = 0;
  memcpy (&number, bytes + at, width);
  return GUINT64_FROM_LE (number);
}

static bool
read_at (const Reader *reader, uint64_t at, void *to, size_t n)
{
  return at <= reader->size && n <= reader->size - at && pread (reader->core->fd, to, n, (off_t) at) == (ssize_t) n;
}

// ---- the header

// What compressed files begin with: cores are often kept so.
static bool
is_compressed (const uint8_t *head)
{
  static const struct { uint8_t n, bytes[6]; } kinds[] = {
    { 4, { 0x28, 0xb5, 0x2f, 0xfd } }, { 4, { 0x04, 0x22, 0x4d, 0x18 } }, { 2, { 0x1f, 0x8b } }, { 6, { 0xfd, '7', 'z', 'X', 'Z', 0 } },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (memcmp (head, kinds[i].bytes, kinds[i].n) == 0)
      return true;
  return false;
}

static bool
read_header (Reader *reader, GError **error)
{
  uint8_t *header = reader->header;
  if (!read_at (reader, 0, header, EI_NIDENT + 4))
    return refuse (error, MF_CORE_ERROR_OTHER, "it is too short for a core file");
  if (is_compressed (header))
    return refuse (error, MF_CORE_ERROR_OTHER, "it is compressed: unpack it first (unzstd, unlz4, gunzip, unxz; coredumpctl dump does)");
  if (memcmp (header, ELFMAG, SELFMAG) != 0)
    return refuse (error, MF_CORE_ERROR_OTHER, "it is no core file, nor any other ELF file");
  if (header[EI_DATA] != ELFDATA2LSB)
    return refuse (error, MF_CORE_ERROR_OTHER, "its byte order is big-endian: only little-endian ones are read");
  if (header[EI_CLASS] != ELFCLASS32 && header[EI_CLASS] != ELFCLASS64)
    return refuse (error, MF_CORE_ERROR_OTHER, "it is neither of 32 nor of 64 bits");
  if (number_in (header, EI_NIDENT, 2) != ET_CORE)
    return refuse (error, MF_CORE_ERROR_OTHER, "it is a program or a library, not a core file");
  reader->form = &forms[header[EI_CLASS] == ELFCLASS64];
  reader->core->machine = (uint16_t) number_in (header, EI_NIDENT + 2, 2);
  reader->core->word = reader->form->word;
  return read_at (reader, 0, header, reader->form->header) || refuse (error, MF_CORE_ERROR_DAMAGED, "it ends within its header");
}

// More segments than the header has room for are counted in the first section.
static bool
count_segments (const Reader *reader, uint32_t *n)
{
  const Form *form = reader->form;
  uint8_t section[sizeof (Elf64_Shdr)];
  *n = (uint32_t) number_in (reader->header, form->n_segments, 2);
  if (*n != PN_XNUM)
    return true;
  uint64_t at = number_in (reader->header, form->sections_at, form->word);
  if (!at || !read_at (reader, at, section, form->section_info + 4U))
    return false;
  *n = (uint32_t) number_in (section, form->section_info, 4);
  return true;
}

// ---- segments

// How much of a part of the file is there.
static uint64_t
there (const Reader *reader, uint64_t offset, uint64_t n)
{
  return offset >= reader->size ? 0 : MIN (n, reader->size - offset);
}

static bool
take_memory (Reader *reader, const uint8_t *bytes, GError **error)
{
  const Form *form = reader->form;
  uint64_t at = number_in (bytes, form->address, form->word), size = number_in (bytes, form->memory_size, form->word);
  MfCoreSegment segment = { .from = at, .to = at + size, .offset = number_in (bytes, form->offset, form->word),
    .dumped = MIN (number_in (bytes, form->file_size, form->word), size), .flags = (uint32_t) number_in (bytes, form->flags, 4) };
  if (size > UINT64_MAX - at)
    return refuse (error, MF_CORE_ERROR_DAMAGED, "one of its segments goes beyond all addresses");
  segment.there = there (reader, segment.offset, segment.dumped);
  reader->core->missing += segment.dumped - segment.there;
  if (size)
    g_array_append_val (reader->core->segments, segment);
  return true;
}

static bool
take_notes (Reader *reader, const uint8_t *bytes, GError **error)
{
  const Form *form = reader->form;
  uint64_t at = number_in (bytes, form->offset, form->word), size = number_in (bytes, form->file_size, form->word);
  uint64_t n = there (reader, at, size);
  if (n < size) {
    reader->core->notes_missing = true;
    reader->core->missing += size - n;
    return true;
  }
  g_autofree uint8_t *notes = n <= MOST_NOTES ? g_try_malloc (n + 1) : NULL;
  if (!notes)
    return refuse (error, MF_CORE_ERROR_DAMAGED, "its notes are too long");
  if (!read_at (reader, at, notes, n))
    return refuse (error, MF_CORE_ERROR_UNREADABLE, "its notes cannot be read");
  return mf_core_notes_read (&reader->core->notes, notes, n, form->word, error);
}

static int
by_address (const void *a, const void *b)
{
  uint64_t x = ((const MfCoreSegment *) a)->from, y = ((const MfCoreSegment *) b)->from;
  return (x > y) - (x < y);
}

static bool
are_apart (GArray *segments)
{
  g_array_sort (segments, by_address);
  for (guint i = 1; i < segments->len; i++)
    if (g_array_index (segments, MfCoreSegment, i).from < g_array_index (segments, MfCoreSegment, i - 1).to)
      return false;
  return true;
}

static bool
read_segments (Reader *reader, GError **error)
{
  const Form *form = reader->form;
  uint64_t at = number_in (reader->header, form->segments_at, form->word);
  uint32_t n;
  if (!count_segments (reader, &n) || n > MOST_SEGMENTS || number_in (reader->header, form->segment_size, 2) != form->segment)
    return refuse (error, MF_CORE_ERROR_DAMAGED, "its segments cannot be counted");
  for (uint32_t i = 0; i < n; i++) {
    uint8_t bytes[sizeof (Elf64_Phdr)];
    if (at > reader->size || !read_at (reader, at + (uint64_t) i * form->segment, bytes, form->segment))
      return refuse (error, MF_CORE_ERROR_DAMAGED, "it ends within the table of its segments");
    uint32_t type = (uint32_t) number_in (bytes, form->type, 4);
    if ((type == PT_LOAD && !take_memory (reader, bytes, error)) || (type == PT_NOTE && !take_notes (reader, bytes, error)))
      return false;
  }
  return are_apart (reader->core->segments) || refuse (error, MF_CORE_ERROR_DAMAGED, "some of its segments lie one over the other");
}

// ---- life

// Neither waits for a pipe that nobody writes to, nor reads from a device.
static bool
open_file (Reader *reader, const char *path, GError **error)
{
  struct stat about;
  reader->core->fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (reader->core->fd < 0)
    return refuse (error, MF_CORE_ERROR_UNREADABLE, g_strerror (errno));
  if (fstat (reader->core->fd, &about) || !S_ISREG (about.st_mode))
    return refuse (error, MF_CORE_ERROR_OTHER, "it is no file");
  reader->size = (uint64_t) about.st_size;
  return true;
}

bool
mf_core_file_open (MfCoreFile *core, const char *path, GError **error)
{
  Reader reader = { .core = core };
  *core = (MfCoreFile) { .fd = -1, .segments = g_array_new (FALSE, FALSE, sizeof (MfCoreSegment)) };
  mf_core_notes_read (&core->notes, NULL, 0, 0, NULL);
  return open_file (&reader, path, error) && read_header (&reader, error) && read_segments (&reader, error);
}

void
mf_core_file_clear (MfCoreFile *core)
{
  g_clear_pointer (&core->segments, g_array_unref);
  mf_core_notes_clear (&core->notes);
  if (core->fd >= 0)
    close (core->fd);
  core->fd = -1;
}

// ---- memory

const MfCoreSegment *
mf_core_file_segment (const MfCoreFile *core, uint64_t at)
{
  guint low = 0, high = core->segments->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (g_array_index (core->segments, MfCoreSegment, middle).to <= at)
      low = middle + 1;
    else
      high = middle;
  }
  const MfCoreSegment *segment = low < core->segments->len ? &g_array_index (core->segments, MfCoreSegment, low) : NULL;
  return segment && segment->from <= at ? segment : NULL;
}

size_t
mf_core_file_read (const MfCoreFile *core, uint64_t at, void *to, size_t n)
{
  const MfCoreSegment *segment = mf_core_file_segment (core, at);
  uint64_t into = segment ? at - segment->from : 0;
  if (!segment || into >= segment->there)
    return 0;
  ssize_t done = pread (core->fd, to, MIN (n, segment->there - into), (off_t) (segment->offset + into));
  return done > 0 ? (size_t) done : 0;
}
