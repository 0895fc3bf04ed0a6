// SPDX-License-Identifier: Apache-2.0
// The notes of a core file: the process and its threads when it was dumped, and which files were mapped where.
// Layout: Linux include/uapi/linux/elfcore.h (elf_prstatus, elf_prpsinfo), fs/binfmt_elf.c (fill_files_note), elf(5).
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
  MF_CORE_ERROR_UNREADABLE,  // the file is not there, or may not be read
  MF_CORE_ERROR_OTHER,       // no core file, or one of a kind that is not read
  MF_CORE_ERROR_DAMAGED      // what it says cannot be
} MfCoreErrorCode;
#define MF_CORE_ERROR (mf_core_error_quark ())
GQuark mf_core_error_quark (void);

typedef struct {
  uint64_t from, to, offset;  // addresses; offset in the file, bytes
  char *path;
  bool other;                 // what is there now under that name is another file
} MfCoreMapped;

typedef struct {
  GArray *threads;            // of int32_t: the one that was dumped first in front
  GArray *files;              // of MfCoreMapped, by address
  int32_t process, signal;    // 0 = not told
  char name[17];              // of the program, cut after 15 letters
  uint64_t program_headers;   // AT_PHDR: an address within the program; 0 = not told
  uint64_t program_name;      // AT_EXECFN: address of its path; 0 = not told
} MfCoreNotes;

// Takes the notes of one segment with `word` bytes in a pointer; several segments add up. {0} at first. False = they are damaged.
bool mf_core_notes_read (MfCoreNotes *notes, const uint8_t *bytes, size_t n, unsigned word, GError **error);
void mf_core_notes_clear (MfCoreNotes *notes);

// One note from `at` on, which moves behind it; the caller's bytes. False = there are no more, or they are cut off, which
// `at` < `n` tells.
typedef struct {
  uint32_t type;
  const char *owner;          // of `owner_size` bytes, with the zero at its end
  const uint8_t *bytes;
  uint32_t owner_size, size;
} MfElfNote;
bool mf_elf_note_next (const uint8_t *bytes, size_t n, size_t *at, MfElfNote *note);
