// SPDX-License-Identifier: Apache-2.0
// Inside of the reading of sources: source.c walks, compile.c runs compilers.
#pragma once

#include "source.h"

typedef struct {
  char *path;   // the source
  char *module; // its place below what is read
} PycUncompiled;

void pyc_uncompiled_free (PycUncompiled *source);
// Compiles sources (of PycUncompiled) in a temporary folder and hands over what comes out. FALSE =
// the caller ended it.
gboolean pyc_compile (const PycReading *reading, GPtrArray *sources);
// Hands over one file, or says why not.
gboolean pyc_read_file (
    const PycReading *reading, const char *path, const char *input, const char *module);
