// SPDX-License-Identifier: Apache-2.0
// Names of modules from the places of their files, and what relative imports mean.
#pragma once

#include <glib.h>
#include <stdbool.h>

// "pkg/__pycache__/mod.cpython-311.opt-1.pyc" -> "pkg.mod", "pkg/__init__.py" -> "pkg". `path` is
// relative to what stands on the import path. New; free it.
char *pyc_module_name (const char *path);
bool pyc_is_package (const char *path);
// What `from ..name import` with `level` dots means in `importer`; with its dots when it leads out
// of all packages. New.
char *pyc_absolute_name (const char *importer, bool is_package, guint level, const char *name);
// The source of a compiled file, without its folder __pycache__ and its tags: "pkg/mod.py". New.
char *pyc_source_path (const char *path);
