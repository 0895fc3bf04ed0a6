// SPDX-License-Identifier: Apache-2.0
// The event types that the analyzer budget publishes: what a program needs on a target, and what
// there is.
#pragma once

#include <memflow/plugin.h>

enum { MF_BUDGET_EXCEEDED, MF_BUDGET_KEPT, MF_BUDGET_NO_LIMIT };
#define MF_BUDGET_RESULTS MF_LABELS ("exceeded", "kept", "no-limit")

typedef struct {
  MfString target, what, basis;
  uint32_t result;
  MfSize low, likely, high, limit;
} BudgetNeed;
MF_EVENT (BudgetNeed, "budget.need", 1, MF_VIEW_TABLE, "What the program needs on a target",
    MF_FIELD (BudgetNeed, target, "on which target", .role = MF_ROLE_KEY),
    MF_FIELD (BudgetNeed, what, "of what, or of which modules", .role = MF_ROLE_LABEL),
    MF_FIELD (BudgetNeed, basis, "what is counted", .role = MF_ROLE_HIDDEN),
    MF_FIELD_ENUM (BudgetNeed, result, "the judged figure against the limit", MF_BUDGET_RESULTS),
    MF_FIELD (BudgetNeed, low, "at least"),
    MF_FIELD (BudgetNeed, likely, "most likely", .role = MF_ROLE_BAR),
    MF_FIELD (BudgetNeed, high, "at most; empty: nothing bounds it"),
    MF_FIELD (BudgetNeed, limit, "that there are, without the headroom; empty: no limit is known"));

typedef struct {
  MfString target;
  uint32_t result;
  MfSize needed, limit, left;
  double share;
  MfSize start;
  uint32_t not_judged, reserved;
} BudgetTarget;
MF_EVENT (BudgetTarget, "budget.target", 1, MF_VIEW_TABLE, "The program on each target",
    MF_FIELD (BudgetTarget, target, "on which target", .role = MF_ROLE_LABEL),
    MF_FIELD_ENUM (BudgetTarget, result, "all its limits, as judged", MF_BUDGET_RESULTS),
    MF_FIELD (BudgetTarget, needed, "at one time, as judged", .role = MF_ROLE_BAR),
    MF_FIELD (BudgetTarget, limit, "that there are: the heap, or RAM where the heap is not fixed"),
    MF_FIELD (BudgetTarget, left, "free at that time; empty: no limit, or nothing left"),
    MF_FIELD (
        BudgetTarget, share, "of them needed", .unit = MF_UNIT_PERCENT, .flags = MF_FIELD_OPTIONAL),
    MF_FIELD (BudgetTarget, start, "in use once the program is loaded, likely"),
    MF_FIELD (BudgetTarget, not_judged, "functions that nothing bounds"),
    MF_FIELD (BudgetTarget, reserved, "always 0", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString target, module, name, why;
  uint32_t line, reserved;
  MfSize likely;
} NotJudged;
MF_EVENT (NotJudged, "budget.not-judged", 1, MF_VIEW_TABLE, "What nothing bounds",
    MF_FIELD (NotJudged, target, "on which target", .role = MF_ROLE_KEY),
    MF_FIELD (NotJudged, module, "in which module"),
    MF_FIELD (NotJudged, name, "which function, or the module itself", .role = MF_ROLE_LABEL),
    MF_FIELD (NotJudged, why, "what grows, and with what"),
    MF_FIELD (NotJudged, line, "source line that decides it"),
    MF_FIELD (NotJudged, reserved, "always 0", .role = MF_ROLE_HIDDEN),
    MF_FIELD (NotJudged, likely, "bytes that were taken for it", .role = MF_ROLE_BAR));
