// SPDX-License-Identifier: Apache-2.0
// Where modules come from that are not in the input.
#include "import-closure.h"

#include "model/modules/runtime-modules.h"

#include <string.h>

static bool
has_name (const MfTexts *modules, const char *name, size_t n)
{
  for (uint32_t i = 0; i < modules->n; i++)
    if (!strncmp (modules->items[i], name, n) && !modules->items[i][n])
      return true;
  return false;
}

// "os.path" is part of a firmware that has os; "uos" is its old name there.
static bool
has_module (const MfTexts *modules, const char *name)
{
  size_t top = strcspn (name, ".");
  return has_name (modules, name, top) || (*name == 'u' && has_name (modules, name + 1, top - 1));
}

// sys.modules is asked before any file is looked for: what is loaded already hides one of that
// name.
uint32_t
closure_origin (ImportClosure *self, uint32_t node, const MfTargetFacts *facts)
{
  static const uint32_t origins[] = { [MF_MODULE_STRANGE] = MF_ORIGIN_MISSING,
    [MF_MODULE_LOADED] = MF_ORIGIN_LOADED,
    [MF_MODULE_NATIVE] = MF_ORIGIN_BUILT_IN,
    [MF_MODULE_PYTHON] = MF_ORIGIN_STANDARD };
  const char *name = closure_name (self, node);
  uint32_t kind = facts ? mf_runtime_module (facts->model, name) : MF_MODULE_STRANGE;
  if (kind == MF_MODULE_LOADED)
    return MF_ORIGIN_LOADED;
  if (node < self->read.n && self->is_read[node])
    return MF_ORIGIN_INPUT;
  return facts && has_module (&facts->modules, name) ? MF_ORIGIN_BUILT_IN : origins[kind];
}

const char *
closure_origin_note (uint32_t origin)
{
  static const char *const notes[] = { [MF_ORIGIN_INPUT] = "",
    [MF_ORIGIN_LOADED] = "there already",
    [MF_ORIGIN_BUILT_IN] = "built in",
    [MF_ORIGIN_STANDARD] = "standard library, not read",
    [MF_ORIGIN_MISSING] = "not found" };
  return notes[origin];
}
