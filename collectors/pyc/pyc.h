// SPDX-License-Identifier: Apache-2.0
// The instance of the collector pyc.
#pragma once

#include "bytecode/instructions.h"
#include "bytecode/mpy.h"
#include "library.h"
#include "source.h"

#include <memflow/plugin.h>

typedef struct {
  MfStage stage;
  MfPath path;
  uint32_t compile; // PycCompile
  const char *compiler;
  MfPaths library;
  MfSize file_limit, module_limit;
  MF_OUT (MfCodeUnit) units;
  MF_OUT (MfModuleImport) imports;
  MF_OUT (MfCodeContent) contents;
  MF_OUT (MfInputDamage) damage;
  uint32_t n_units, n_modules, n_unreadable, n_damages;
  PycLibrary *on_demand; // NULL: there is no library
  bool in_library;       // what is read now was not asked for
} Pyc;

// A row of input.damage: a part of `input` cannot be used. False = the run is to stop.
bool pyc_tell_damage (Pyc *self, const char *input, const char *why);
// The rows of one module of CPython, or of MicroPython. False = the run is to stop.
bool pyc_publish_module (Pyc *self, const PycSource *source, const MfPyModule *module);
bool pyc_publish_mpy (Pyc *self, const PycSource *source, const MfMpyModule *module);

// Rows of code.content: the whole module, whose `units` code objects have numbers from `first` on.
// Nothing when nobody wants them.
bool pyc_publish_content (
    Pyc *self, const PycSource *source, const char *module, uint32_t first, uint32_t units);

// A row of module.import. `name` is as the bytecode has it, `dots` says how many packages up;
// `names` may be NULL.
typedef struct {
  const char *importer; // dotted name
  bool is_package;
  const char *name, *names;
  guint dots;
  uint32_t unit, line;
  bool at_once;
} PycImport;
bool pyc_publish_import (Pyc *self, const PycImport *import);
// Tells of instructions that make no sense; `first` describes the first of them. Nothing when there
// are none.
bool pyc_tell_problems (Pyc *self, const char *input, uint32_t problems, const char *first);
