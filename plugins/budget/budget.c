// SPDX-License-Identifier: Apache-2.0
// The analyzer budget: does the program fit onto the device, before it is there?
#include "budget.h"

#include <string.h>

static const char help[] = "Adds up what the modules of a program leave on a target, what their "
                           "import takes for a while and the dearest\n"
                           "call, and compares it with the limits of the target (its heap, stack "
                           "and storage) or with those given here.\n"
                           "When a limit is exceeded, memflow ends with status 5.\n"
                           "\n"
                           "The figures come from code.cost (static-memory), the modules that "
                           "count from import-closure; without the\n"
                           "latter all modules count. What the interpreter itself uses before the "
                           "program begins belongs to the sum, where\n"
                           "the target's file knows it.\n"
                           "\n"
                           "heap = loading at its peak, or the loaded program and its dearest "
                           "call. ram = the same, and what the firmware or\n"
                           "the interpreter takes besides. flash = the files. stack = the deepest "
                           "call. judge = high compares the most that\n"
                           "is possible, likely the most likely. A function whose need nothing "
                           "bounds is listed and not judged; with\n"
                           "strict = yes it fails the budget.\n"
                           "\n"
                           "targets = * shows the program on every installed target beside the one "
                           "that is judged; the analyzer that prices\n"
                           "needs the same list.";

static MfNeed
need_of (const MfCodeCost *row)
{
  MfNeed need = { .unbounded = row->high.bytes == MF_SIZE_NONE.bytes };
  need.low = row->low.bytes == MF_SIZE_NONE.bytes ? 0 : row->low.bytes;
  need.likely = row->likely.bytes == MF_SIZE_NONE.bytes ? need.low : row->likely.bytes;
  need.high = need.unbounded ? need.likely : row->high.bytes;
  return need;
}

static bool
on_costs (void *stage, const MfBatch *batch)
{
  Budget *self = stage;
  self->input = batch->input;
  self->epoch = batch->epoch;
  MF_EACH (batch, MfCodeCost, row) {
    const CostRow kept = { row->target, row->module, row->name, row->basis, row->line,
      row->quantity, need_of (row) };
    if (!budget_keep (self, &self->costs, &kept, sizeof kept))
      return false;
  }
  return true;
}

static bool
on_modules (void *stage, const MfBatch *batch)
{
  Budget *self = stage;
  MF_EACH (batch, ImportedModule, row) {
    const LoadedRow kept = { row->target, row->module, row->importer, row->node, row->parent,
      row->when, row->origin, row->line, row->importers, row->saved };
    if (!budget_keep (self, &self->loaded, &kept, sizeof kept))
      return false;
  }
  return true;
}

static bool
declare (void *stage)
{
  return budget_read_headroom (stage);
}

static bool
report_on (Budget *self, const MfTargetFacts *facts, bool is_judged, bool is_named)
{
  Program program = {
    .self = self, .name = mf_string (self, facts->name), .facts = facts, .is_judged = is_judged, .is_named = is_named
  };
  bool fine = budget_add_up (self, &program) && budget_report (&program);
  budget_forget (&program);
  return fine;
}

static bool
is_among (const MfTargets *targets, const MfTargetFacts *facts)
{
  for (uint32_t i = 0; i < targets->n; i++)
    if (targets->items[i] == facts)
      return true;
  return false;
}

static bool
finish (void *stage)
{
  Budget *self = stage;
  if (!self->target.n && !self->targets.n)
    return mf_fail_option (self, "target",
        "there is no target to judge: name one here or in [pipeline] (memflow targets shows what "
        "there is)");
  mf_context (self, self->input, self->epoch);
  for (uint32_t i = 0; i < self->target.n; i++)
    if (!report_on (self, self->target.items[i], true, i < self->target.n_named))
      return false;
  for (uint32_t i = 0; i < self->targets.n; i++)
    if (!is_among (&self->target, self->targets.items[i])
        && !report_on (self, self->targets.items[i], false, false))
      return false;
  return budget_report_without (self);
}

static void
stop (void *stage)
{
  Budget *self = stage;
  if (self->costs.rows)
    mf_resize (self, self->costs.rows, 0);
  if (self->loaded.rows)
    mf_resize (self, self->loaded.rows, 0);
}

// clang-format off
MF_PLUGIN (Budget, "budget", .kind = MF_ANALYZER,
  .summary = "whether a program fits onto a device, before it is there", .help = help,
  MF_OPTIONS (
    MF_OPTION (Budget, target, NULL, "targets that are judged; by default [pipeline] says it"),
    MF_OPTION (Budget, targets, NULL, "further targets to show, not judged; * = all"),
    MF_OPTION (Budget, heap, NULL, "bytes of the heap, instead of the target's"),
    MF_OPTION (Budget, ram, NULL, "bytes of RAM, instead of the target's"),
    MF_OPTION (Budget, flash, NULL, "bytes for the program's files, instead of the target's storage"),
    MF_OPTION (Budget, stack, NULL, "bytes of the stack, instead of the target's"),
    MF_OPTION (Budget, limit, "", "what modules may leave, as app.net <= 12KiB; * and ? match"),
    MF_OPTION (Budget, headroom, "0 %", "part of each limit that has to stay free"),
    MF_CHOICE (Budget, judge, "high", "which figure is compared", "likely", "high"),
    MF_OPTION (Budget, strict, "no", "what nothing bounds fails the budget")),
  MF_CONSUMES (MF_INPUT (MfCodeCost, on_costs), MF_INPUT (ImportedModule, on_modules)),
  MF_PUBLISHES (MF_OUTPUT (Budget, verdicts, MfVerdict), MF_OUTPUT (Budget, statements, MfStatement),
    MF_OUTPUT (Budget, needs, BudgetNeed), MF_OUTPUT (Budget, table, BudgetTarget),
    MF_OUTPUT (Budget, not_judged, NotJudged)),
  .declare = declare, .finish = finish, .stop = stop);
// clang-format on
