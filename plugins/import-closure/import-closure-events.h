// SPDX-License-Identifier: Apache-2.0
// The event types that the analyzer import-closure publishes: modules that an entry point loads.
#pragma once

#include <memflow/plugin.h>

enum {
  MF_ORIGIN_INPUT,    // read, so that its imports and costs are known
  MF_ORIGIN_LOADED,   // there before the program begins
  MF_ORIGIN_BUILT_IN, // part of the interpreter or of the firmware: no bytecode
  MF_ORIGIN_STANDARD, // of the standard library, and not read
  MF_ORIGIN_MISSING
};

enum { MF_LOADED_AT_START, MF_LOADED_IN_A_CALL };

typedef struct {
  uint32_t node, parent;
  MfString label, module, importer, target;
  uint32_t line, when, origin, importers;
  MfSize with, own, saved, allocated, file;
} ImportedModule;
MF_EVENT (ImportedModule, "import.module", 1, MF_VIEW_TREE,
    "What is imported by whom first, and the bytes that stay, with all below",
    MF_FIELD (ImportedModule, node, "number of the row, from 1", .role = MF_ROLE_KEY),
    MF_FIELD (ImportedModule, parent, "row of the importer; 0 = it is an entry point",
        .role = MF_ROLE_PARENT),
    MF_FIELD (ImportedModule, label, "name, and what is special", .role = MF_ROLE_LABEL),
    MF_FIELD (ImportedModule, module, "dotted name"),
    MF_FIELD (ImportedModule, importer, "module that imports it first"),
    MF_FIELD (ImportedModule, target, "on which target; empty: no costs are known"),
    MF_FIELD (ImportedModule, line, "source line of that import; 0 = not known"),
    MF_FIELD_ENUM (ImportedModule, when,
        "when the entry point is imported, or when a function is called",
        MF_LABELS ("at-start", "in-a-call")),
    MF_FIELD_ENUM (ImportedModule, origin, "where it comes from",
        MF_LABELS ("input", "loaded", "built-in", "standard", "missing")),
    MF_FIELD (ImportedModule, importers, "modules that name it in an import"),
    MF_FIELD (
        ImportedModule, with, "that stay of it and of what it loads first", .role = MF_ROLE_BAR),
    MF_FIELD (ImportedModule, own, "that stay of it alone; empty: not known"),
    MF_FIELD (ImportedModule, saved, "that would not be needed without it"),
    MF_FIELD (ImportedModule, allocated, "while it alone is imported"),
    MF_FIELD (ImportedModule, file, "of its file"));

typedef struct {
  MfString module, from, target;
  uint32_t importers;
  MfSize saved, own, with;
} ImportSaving;
MF_EVENT (ImportSaving, "import.saving", 1, MF_VIEW_TABLE,
    "What would not be needed without a module",
    MF_FIELD (ImportSaving, module, "without which", .role = MF_ROLE_LABEL),
    MF_FIELD (ImportSaving, from, "where it is imported first"),
    MF_FIELD (ImportSaving, target, "on which target", .role = MF_ROLE_KEY),
    MF_FIELD (ImportSaving, importers, "modules that import it: all of these imports have to go"),
    MF_FIELD (ImportSaving, saved, "that would be saved", .role = MF_ROLE_BAR),
    MF_FIELD (ImportSaving, own, "that stay of it alone"),
    MF_FIELD (ImportSaving, with, "that stay of it and of what it loads first"));
