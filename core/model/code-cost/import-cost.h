// SPDX-License-Identifier: Apache-2.0
// What the import system of CPython keeps of a module besides the module's own objects: the module,
// its namespace, its spec and loader, the texts of its paths. Pure, any thread.
#pragma once

#include "model/code-cost/price.h"

// Names that stand in a namespace before the module's first statement: __name__, __doc__,
// __package__, __loader__, __spec__, __file__, __cached__, __builtins__; a package has __path__
// too.
enum { MF_MODULE_NAMES = 8 };

typedef struct {
  uint32_t path; // characters of the file's path, as sys.path makes it, ending in ".py"
  uint32_t name; // characters of the name, if the text is made for this import: that of a submodule
  bool package;
  uint32_t names; // in the namespace when the import has ended, without the above
} MfImportShape;

// False: not known of this target.
bool mf_import_cost (const MfTarget *target, const MfImportShape *shape, MfBytes *kept);

// The first module of a folder: what is kept of the folder itself, which has `entries` names of
// `characters` in all, and whose own path has `path` characters.
bool mf_folder_cost (
    const MfTarget *target, uint32_t path, uint32_t entries, uint32_t characters, MfBytes *kept);
