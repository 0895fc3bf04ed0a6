// SPDX-License-Identifier: Apache-2.0
// The inside of the analyzer: rows as they come, then the graph, then the report by target.
#pragma once

#include "import-closure-events.h"
#include "import-graph.h"

typedef struct {
  MfString module;
  bool of_library;
} ReadRow;

typedef struct {
  MfString module, importer, names;
  uint32_t line;
  bool in_call;
} ImportRow;

// What a module costs on a target, likely bytes.
typedef struct {
  MfString target, module;
  uint32_t quantity; // MF_COST_*
  MfSize bytes;
} CostRow;

// A growing array of rows.
typedef struct {
  void *rows;
  uint32_t n, room;
} Rows;

typedef struct {
  MfStage stage;
  MfTexts entry;
  MfTargets target;
  uint32_t most;
  MF_OUT (ImportedModule) modules;
  MF_OUT (ImportSaving) savings;
  MF_OUT (MfStatement) statements;

  Rows read;    // of ReadRow: modules that were read, in order
  Rows imports; // of ImportRow
  Rows costs;   // of CostRow
  MfString input;
  uint32_t epoch;

  MfImportGraph graph;
  bool *is_read, *of_library; // by node
  uint32_t *entries;
  uint32_t n_entries, n_rows, order;
} ImportClosure;

// Appends a copy of a row. False: failed, said.
bool closure_keep (ImportClosure *self, Rows *rows, const void *row, size_t size);

// From rows to a closed graph (known-modules.c). False: failed, said.
bool closure_build (ImportClosure *self);
// MF_NO_NODE: it was not read.
uint32_t closure_find_read (ImportClosure *self, const char *name, size_t n);

// Where a module comes from on a target; facts may be NULL (module-origin.c).
uint32_t closure_origin (ImportClosure *self, uint32_t node, const MfTargetFacts *facts);
// For labels: "built in", "" for what was read.
const char *closure_origin_note (uint32_t origin);

// What is published (closure-report.c).
bool closure_report (ImportClosure *self);

static inline const char *
closure_name (ImportClosure *self, uint32_t node)
{
  return mf_string_text (self, (MfString){ self->graph.nodes[node].key });
}
