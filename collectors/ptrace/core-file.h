// SPDX-License-Identifier: Apache-2.0
// A core file: which memory is in it, and its notes. Of the kernel (core(5)), of gdb's gcore, of qemu-user; 32 and 64 bits, little-endian.
#pragma once

#include "core-notes.h"

typedef struct {
  uint64_t from, to;     // addresses
  uint64_t dumped;       // bytes from `from` on that were written to the core
  uint64_t there;        // of these: that are in the file; fewer = it is truncated
  uint64_t offset;       // in the core, bytes
  uint32_t flags;        // PF_* of elf.h
} MfCoreSegment;

typedef struct {
  int fd;
  uint16_t machine;      // EM_* of elf.h
  unsigned word;         // bytes of a pointer
  GArray *segments;      // of MfCoreSegment, by address, none over another
  MfCoreNotes notes;
  uint64_t missing;      // bytes by which the file is truncated
  bool notes_missing;    // of these: all or some of its notes
} MfCoreFile;

// False = the error says why, without the name of the file. Clear in any case. A file that is truncated is read as far as it goes.
bool mf_core_file_open (MfCoreFile *core, const char *path, GError **error);
void mf_core_file_clear (MfCoreFile *core);

// The segment with an address; NULL = there is none.
const MfCoreSegment *mf_core_file_segment (const MfCoreFile *core, uint64_t at);
// Copies what the core itself has from `at` on, at most `n` bytes. Returns how many, 0 = none.
size_t mf_core_file_read (const MfCoreFile *core, uint64_t at, void *to, size_t n);
