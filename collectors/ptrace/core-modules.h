// SPDX-License-Identifier: Apache-2.0
// Which programs and libraries were loaded, for cores that do not say which files were mapped: those of qemu-user, of kernels
// before 3.7, and those whose notes are cut off. The process's own loader keeps a list for debuggers (link.h: r_debug, link_map).
#pragma once

#include "core-file.h"

// Adds to the mapped files of the notes what the loader's list says; nothing if it is not found. Where a file's parts lie is read from
// the file itself, under `root` (NULL = this machine).
void mf_core_modules_find (MfCoreFile *core, const char *root);
