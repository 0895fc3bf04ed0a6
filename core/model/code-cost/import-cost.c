// SPDX-License-Identifier: Apache-2.0
// Lib/importlib/_bootstrap.py module_from_spec and _init_module_attrs, _bootstrap_external.py
// spec_from_file_location and FileFinder: which objects they make.
#include "model/code-cost/import-cost.h"

#include <string.h>

static bool
add (const MfTarget *target, MfShape shape, uint32_t count, MfBytes *sum)
{
  MfObjectSize size = { 0 };
  return mf_object_add (target, &shape, count, &size)
         && mf_bytes_add (sum, (MfBytes){ size.requested, size.granted });
}

static MfShape
text (uint64_t length)
{
  return (MfShape){ .type = MF_PY_STR, .length = length };
}

static MfShape
instance (uint64_t attributes)
{
  return (MfShape){ .type = MF_PY_INSTANCE,
    .length = attributes,
    .base = MF_PY_OBJECT,
    .flags = MF_SHAPE_HAS_DICT | MF_SHAPE_HAS_WEAKREF };
}

static MfShape
list (uint64_t items)
{
  return (MfShape){ .type = MF_PY_LIST, .made = MF_MADE_APPENDED, .length = items };
}

// "DIR/__pycache__/NAME.cpython-311.pyc" of "DIR/NAME.py"
static uint64_t
cached_path (const MfTarget *target, uint64_t path)
{
  uint64_t tag = strlen (".cpython-3") + (mf_target_from (target, 10) ? 2 : 1);
  return path + strlen ("__pycache__/") + tag + strlen ("c");
}

// The spec has _initializing besides the attributes that its __init__ stores; from 3.11 on
// _uninitialized_submodules, which is a list.
static bool
add_spec (const MfTarget *target, MfBytes *sum)
{
  bool recent = mf_target_from (target, 11);
  return add (target, instance (recent ? 9 : 8), 1, sum)
         && (!recent || add (target, list (0), 1, sum));
}

static bool
add_package (const MfTarget *target, const MfImportShape *shape, MfBytes *sum)
{
  uint64_t file = strlen ("/__init__.py");
  return add (target, list (1), 1, sum)
         && add (target, text (shape->path > file ? shape->path - file : 0), 1, sum);
}

bool
mf_import_cost (const MfTarget *target, const MfImportShape *shape, MfBytes *kept)
{
  enum { LOADER_ATTRIBUTES = 2 }; // name, path
  uint64_t names = (uint64_t) shape->names + MF_MODULE_NAMES + shape->package;
  *kept = (MfBytes){ 0 };
  return add (target, (MfShape){ .type = MF_PY_MODULE, .length = names }, 1, kept)
         && add_spec (target, kept) && add (target, instance (LOADER_ATTRIBUTES), 1, kept)
         && add (target, text (shape->path), 1, kept)
         && add (target, text (cached_path (target, shape->path)), 1, kept)
         && (!shape->name || add (target, text (shape->name), 1, kept))
         && (!shape->package || add_package (target, shape, kept));
}

// A FileFinder with its loaders (a list of pairs), the time of the folder, and a set of what is in
// it; a second set, for systems that do not tell upper from lower case, is empty.
bool
mf_folder_cost (
    const MfTarget *target, uint32_t path, uint32_t entries, uint32_t characters, MfBytes *kept)
{
  enum { FINDER_ATTRIBUTES = 5, LOADERS = 5 };
  const MfShape time = { .type = MF_PY_FLOAT }, none = { .type = MF_PY_SET };
  const MfShape names = { .type = MF_PY_SET, .made = MF_MADE_FROM_SIZED, .length = entries };
  const MfShape pair = { .type = MF_PY_TUPLE, .length = 2 };
  const MfShape entry = text (entries ? characters / entries : 0);
  *kept = (MfBytes){ 0 };
  return add (target, instance (FINDER_ATTRIBUTES), 1, kept) && add (target, text (path), 1, kept)
         && add (target, list (LOADERS), 1, kept) && add (target, time, 1, kept)
         && add (target, none, 1, kept) && add (target, names, 1, kept)
         && add (target, pair, LOADERS, kept) && add (target, entry, entries, kept);
}
