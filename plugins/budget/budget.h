// SPDX-License-Identifier: Apache-2.0
// The inside of the analyzer: rows as they come, what they amount to on one target, and the report.
#pragma once

#include "budget-events.h"
#include "import-closure-events.h"
#include "needs.h"

typedef struct {
  MfString target, module, name, basis;
  uint32_t line, quantity; // MF_COST_*
  MfNeed need;
} CostRow;

typedef struct {
  MfString target, module, importer;
  uint32_t node, parent, when, origin, line, importers;
  MfSize saved;
} LoadedRow;

// A growing array of rows.
typedef struct {
  void *rows;
  uint32_t n, room;
} Rows;

enum { JUDGE_LIKELY, JUDGE_HIGH };

typedef struct {
  MfStage stage;
  MfTargets target, targets;
  MfSize heap, ram, flash, stack;
  MfLimits limit;
  const char *headroom;
  uint32_t judge;
  bool strict;
  MF_OUT (MfVerdict) verdicts;
  MF_OUT (MfStatement) statements;
  MF_OUT (BudgetNeed) needs;
  MF_OUT (BudgetTarget) table;
  MF_OUT (NotJudged) not_judged;

  double headroom_percent;
  Rows costs;  // of CostRow
  Rows loaded; // of LoadedRow
  MfString input;
  uint32_t epoch, order;
  uint32_t n_judged; // targets with costs that are judged
  char without[600]; // names of those without
} Budget;

// One module of the program on a target.
typedef struct {
  MfString name;
  const LoadedRow *loaded; // NULL: there is no import-closure, every module counts
} Module;

enum { WHAT_HEAP, WHAT_RAM, WHAT_FLASH, WHAT_STACK, N_WHATS };

typedef struct {
  Budget *self;
  MfString name;
  const MfTargetFacts *facts;
  bool is_judged, is_named; // named: not by a pattern

  Module *modules;
  MfNeedModule *needs;  // beside each module
  struct Place *places; // by id of the name
  uint32_t n_modules, n_costs, n_not_judged;
  MfNeedOfModules of_modules;
  MfNeed dearest, stack, files, program;
  const CostRow *dearest_row, *stack_row;
  bool has_files, has_stack;
} Program;

// What the rows amount to on a target (cost-rows.c). False: failed, said.
bool budget_keep (Budget *self, Rows *rows, const void *row, size_t size);
bool budget_add_up (Budget *self, Program *program);
void budget_forget (Program *program);
// MF_NO_MODULE: not part of the program.
uint32_t budget_module (const Program *program, MfString name);

// A limit, what is needed, and how the two compare (limits.c).
typedef struct {
  const char *what, *basis;
  MfNeed need;
  MfSize limit; // MF_SIZE_NONE: none is known
  uint64_t allowed, judged;
  uint32_t result; // MF_BUDGET_*
} Judgement;

Judgement budget_judge (const Program *program, uint32_t what);
bool budget_has (const Program *program, uint32_t what);
// Of all modules that the limit's name matches; *matches: how many.
Judgement budget_judge_limit (const Program *program, const MfLimit *limit, uint32_t *matches);
// The headroom as a number; false: failed, said.
bool budget_read_headroom (Budget *self);
static inline uint64_t
budget_figure (const Budget *self, MfNeed need)
{
  return self->judge == JUDGE_LIKELY ? need.likely : need.high;
}

// What is published (budget-report.c).
bool budget_report (Program *program);
// After all targets: those without costs. False: it failed, or none that is to be judged has any.
bool budget_report_without (Budget *self);
