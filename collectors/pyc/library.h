// SPDX-License-Identifier: Apache-2.0
// Folders of which only those modules are read that something imports: a standard library, or
// site-packages. Knows no pipeline.
#pragma once

#include "source.h"

typedef struct PycLibrary PycLibrary;

PycLibrary *pyc_library_new (const char *const *folders, guint n);
void pyc_library_free (PycLibrary *library);

// This module was read: it is not looked for.
void pyc_library_has (PycLibrary *library, const char *module);
// This module, and the packages that it is in, are imported: they are looked for.
void pyc_library_wants (PycLibrary *library, const char *module);
// Of several compiled files of a module take those of this version ("cpython-311"). The first call
// counts.
void pyc_library_prefer (PycLibrary *library, const char *tag);
// Reads all that is wanted, and what that wants in turn. FALSE = the caller ended it.
gboolean pyc_library_read (PycLibrary *library, const PycReading *reading);
