// SPDX-License-Identifier: Apache-2.0
// The analyzer import-closure: which modules an entry point drags in, and what each adds.
#include "import-closure.h"

#include <string.h>

enum { FIRST_ROOM = 64 };

static const char help[] = "Follows the imports of compiled modules from the entry points on, in "
                           "the order in which Python would load\n"
                           "them: what is loaded at the start, and what only when a function is "
                           "called. Each module stands below the one\n"
                           "that imports it first, with the bytes that stay of it and of all below "
                           "(code.cost, of an analyzer before this\n"
                           "one). `saved` is what would not be needed at all without a module: "
                           "what other modules lead to as well does\n"
                           "not count.\n"
                           "\n"
                           "Entry points are the modules that no other one imports, or those named "
                           "by `entry`. What is not in the input is\n"
                           "part of the interpreter or of the target's firmware, of the standard "
                           "library (the collector pyc reads what is\n"
                           "needed of it with `library = /usr/lib/python3.11`), or missing. What a "
                           "CPython imports before the first line\n"
                           "of a program costs nothing more.\n"
                           "\n"
                           "Every import counts, also one behind a condition.";

bool
closure_keep (ImportClosure *self, Rows *rows, const void *row, size_t size)
{
  if (rows->n == rows->room) {
    uint32_t room = rows->room ? 2 * rows->room : FIRST_ROOM;
    void *larger = room > rows->room ? mf_resize (self, rows->rows, room * size) : NULL;
    if (!larger)
      return mf_fail (self, "no memory for the imports of this program");
    rows->rows = larger;
    rows->room = room;
  }
  memcpy ((char *) rows->rows + rows->n++ * size, row, size);
  return true;
}

static bool
on_units (void *stage, const MfBatch *batch)
{
  ImportClosure *self = stage;
  self->input = batch->input;
  self->epoch = batch->epoch;
  MF_EACH (batch, MfCodeUnit, row)
    if (!row->parent) {
      const ReadRow kept = { row->module, row->origin == MF_UNIT_OF_LIBRARY };
      if (!closure_keep (self, &self->read, &kept, sizeof kept))
        return false;
    }
  return true;
}

static bool
on_imports (void *stage, const MfBatch *batch)
{
  ImportClosure *self = stage;
  MF_EACH (batch, MfModuleImport, row) {
    const ImportRow kept
        = { row->module, row->importer, row->names, row->line, row->when == MF_IMPORT_IN_A_CALL };
    if (!closure_keep (self, &self->imports, &kept, sizeof kept))
      return false;
  }
  return true;
}

// Of modules as such; what single functions cost does not come with an import.
static bool
on_costs (void *stage, const MfBatch *batch)
{
  ImportClosure *self = stage;
  MF_EACH (batch, MfCodeCost, row) {
    const CostRow kept = { row->target, row->module, row->quantity, row->likely };
    bool of_module = row->name.id == row->module.id;
    bool needed = row->quantity == MF_COST_RESIDENT || row->quantity == MF_COST_IMPORT
                  || row->quantity == MF_COST_FILE;
    if (of_module && needed && !closure_keep (self, &self->costs, &kept, sizeof kept))
      return false;
  }
  return true;
}

static bool
finish (void *stage)
{
  ImportClosure *self = stage;
  if (!self->read.n)
    return true;
  mf_context (self, self->input, self->epoch);
  return closure_build (self) && closure_report (self);
}

static void *
resize (void *user, void *old, size_t bytes)
{
  return mf_resize (user, old, bytes);
}

static bool
start (void *stage)
{
  ImportClosure *self = stage;
  mf_import_graph_init (&self->graph, (MfGraphMemory){ self, resize });
  return true;
}

static void
stop (void *stage)
{
  ImportClosure *self = stage;
  void *all[]
      = { self->read.rows, self->imports.rows, self->costs.rows, self->is_read, self->entries };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i])
      mf_resize (self, all[i], 0);
  if (self->graph.memory.resize)
    mf_import_graph_clear (&self->graph);
}

// clang-format off
MF_PLUGIN (ImportClosure, "import-closure", .kind = MF_ANALYZER,
  .summary = "which modules an entry point drags in, and what each adds", .help = help,
  MF_OPTIONS (
    MF_OPTION (ImportClosure, entry, NULL, "modules where the program begins; by default those that no other one imports"),
    MF_OPTION (ImportClosure, target, NULL, "targets whose built-in modules are known; by default [pipeline] says it"),
    MF_OPTION (ImportClosure, most, "16", "savings to list, the largest", .low = 0, .high = 1000)),
  MF_CONSUMES (MF_INPUT (MfCodeUnit, on_units), MF_INPUT (MfModuleImport, on_imports), MF_INPUT (MfCodeCost, on_costs)),
  MF_PUBLISHES (MF_OUTPUT (ImportClosure, modules, ImportedModule), MF_OUTPUT (ImportClosure, savings, ImportSaving),
    MF_OUTPUT (ImportClosure, statements, MfStatement)),
  .start = start, .finish = finish, .stop = stop);
// clang-format on
