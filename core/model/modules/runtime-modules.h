// SPDX-License-Identifier: Apache-2.0
// Which modules belong to a CPython itself, and whether they are there before a program begins.
// Plain C11, any thread.
#pragma once

#include "model/objects/target.h"

typedef enum {
  MF_MODULE_STRANGE, // none of CPython's own
  MF_MODULE_LOADED,  // imported before the first line of a program: an import costs nothing more
  MF_MODULE_NATIVE,  // no bytecode: built in, or an extension module
  MF_MODULE_PYTHON   // of the standard library, with bytecode that can be read
} MfModuleKind;

// Of the module with this dotted name; a submodule that is not listed is as its package. Versions
// behind the newest measured one count as that one.
MfModuleKind mf_runtime_module (const MfTarget *target, const char *name);
