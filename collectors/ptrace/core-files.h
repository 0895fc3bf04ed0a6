// SPDX-License-Identifier: Apache-2.0
// The files that a core names: dumps leave out pages that the file has as well. Each file is opened and compared with what
// the core has of it before anything is read from it.
#pragma once

#include "core-file.h"

typedef enum {
  MF_NAMED_SAME,          // by its build-id, or where it has none by its first page
  MF_NAMED_UNCHECKED,     // the core has nothing of it that could be compared
  MF_NAMED_OTHER,
  MF_NAMED_MISSING,
  MF_NAMED_NO_PROGRAM     // neither a program nor a library: it is not read
} MfNamedState;

typedef struct {
  char *path;             // as the core has it
  MfNamedState state;
  int fd;                 // -1 = it is not read
} MfNamedFile;

typedef struct MfCoreFiles MfCoreFiles;

// `root` is the folder that stands for the root of the machine of the core; NULL = this machine. The core stays the caller's and has
// to live as long. Never NULL.
MfCoreFiles *mf_core_files_new (const MfCoreFile *core, const char *root);
void mf_core_files_free (MfCoreFiles *files);

// All of them, of MfNamedFile.
const GArray *mf_core_files_all (const MfCoreFiles *files);
// The mapping of a file at an address, and the file; NULL = none is there.
const MfCoreMapped *mf_core_files_at (const MfCoreFiles *files, uint64_t at, const MfNamedFile **named);
// Copies what a file has for the addresses from `at` on, at most `n` bytes. Returns how many, 0 = none.
size_t mf_core_files_read (const MfCoreFiles *files, uint64_t at, void *to, size_t n);
