// SPDX-License-Identifier: Apache-2.0
// Through the program headers: sections are not loaded, so that cores have none of them.
#include "build-id.h"

#include <elf.h>
#include <string.h>

#include "core-notes.h"

enum { MOST_HEADERS = 256, NOTES_MOST = 4096 };

typedef struct {
  uint64_t offset, size;
} Place;

static bool
take_id (const uint8_t *bytes, size_t n, MfBuildId *id)
{
  MfElfNote note;
  size_t at = 0;
  while (mf_elf_note_next (bytes, n, &at, &note)) {
    if (note.type != NT_GNU_BUILD_ID || note.owner_size != sizeof "GNU" || memcmp (note.owner, "GNU", sizeof "GNU") != 0
        || !note.size || note.size > MF_BUILD_ID_MOST)
      continue;
    memcpy (id->bytes, note.bytes, note.size);
    id->size = note.size;
    return true;
  }
  return false;
}

// Where the notes of a program header are; false = it is of another kind.
static bool
notes_of (bool wide, const uint8_t *header, Place *notes)
{
  Elf64_Phdr wide_one;
  Elf32_Phdr narrow;
  if (wide) {
    memcpy (&wide_one, header, sizeof wide_one);
    *notes = (Place) { wide_one.p_offset, wide_one.p_filesz };
    return wide_one.p_type == PT_NOTE;
  }
  memcpy (&narrow, header, sizeof narrow);
  *notes = (Place) { narrow.p_offset, narrow.p_filesz };
  return narrow.p_type == PT_NOTE;
}

static bool
read_header (MfBytesAt bytes_at, void *user, MfBuildId *id, Place *headers, unsigned *n)
{
  union {
    uint8_t ident[EI_NIDENT];
    Elf32_Ehdr narrow;
    Elf64_Ehdr wide;
  } header;
  if (!bytes_at (user, 0, &header, sizeof header.narrow) || memcmp (header.ident, ELFMAG, SELFMAG) != 0
      || header.ident[EI_DATA] != ELFDATA2LSB)
    return false;
  bool wide = header.ident[EI_CLASS] == ELFCLASS64;
  if (wide && !bytes_at (user, 0, &header, sizeof header))
    return false;
  id->machine = header.narrow.e_machine;  // where it stands in both
  id->word = wide ? 8 : 4;
  *headers = wide ? (Place) { header.wide.e_phoff, header.wide.e_phentsize } : (Place) { header.narrow.e_phoff, header.narrow.e_phentsize };
  *n = wide ? header.wide.e_phnum : header.narrow.e_phnum;
  return headers->size == (wide ? sizeof (Elf64_Phdr) : sizeof (Elf32_Phdr));
}

MfElfReading
mf_build_id_read (MfBytesAt bytes_at, void *user, MfBuildId *id)
{
  bool readable = true;
  Place headers, notes;
  unsigned n;
  *id = (MfBuildId) { .size = 0 };
  if (!read_header (bytes_at, user, id, &headers, &n))
    return MF_ELF_NONE;
  for (unsigned i = 0; i < n && i < MOST_HEADERS; i++) {
    uint8_t header[sizeof (Elf64_Phdr)], bytes[NOTES_MOST];
    if (!bytes_at (user, headers.offset + i * headers.size, header, headers.size))
      return MF_ELF_UNREADABLE;
    if (!notes_of (id->word == 8, header, &notes) || notes.size > sizeof bytes)
      continue;
    if (!bytes_at (user, notes.offset, bytes, notes.size))
      readable = false;
    else if (take_id (bytes, notes.size, id))
      return MF_ELF_READ;
  }
  return readable ? MF_ELF_READ : MF_ELF_UNREADABLE;
}
