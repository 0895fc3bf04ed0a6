// SPDX-License-Identifier: Apache-2.0
// MicroPython frees nothing until it collects: what nothing refers to any more is counted as allocated, and not at the peak, which
// is what a heap needs that is collected in time.
#include "mpy-import.h"

#include "model/code-cost/mpy-cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
measure (const MfModuleQuestion *question, MfBytes bytes)
{
  return question->requested ? bytes.requested : bytes.granted;
}

static MfAmount
amount_of_names (const MfModuleQuestion *question, const MfMpyNames *names)
{
  return (MfAmount){ measure (question, names->least), measure (question, names->likely), measure (question, names->most) };
}

// py/objmodule.c: the module, its namespace, and its place in the dict of all modules, which grows by two cells of two words.
static MfAmount
import_system (const MfModuleCost *cost, const MfModuleQuestion *question)
{
  const MfTarget *target = question->target;
  MfShape module = { .type = MF_PY_MODULE };
  MfObjectSize size;
  uint64_t place = 2 * (uint64_t) target->pointer, bytes = cost->run.machine.globals_owner->bytes;
  if (mf_object_size (target, &module, &size))
    bytes += question->requested ? size.requested : size.granted;
  return (MfAmount){ bytes, bytes, bytes + place + mf_granted (target, 2 * place) };
}

static void
sum_up (MfModuleCost *cost)
{
  const MfMachine *machine = &cost->run.machine;
  const MfHeapCount *count = &machine->heap.count;
  uint64_t elsewhere = machine->globals_owner->bytes, before = cost->run.before;
  uint64_t live = count->live > elsewhere ? count->live - elsewhere : 0;
  uint64_t peak = count->peak > before ? count->peak - before : 0;
  uint64_t more = machine->unbounded ? MF_UNBOUNDED : machine->vague_high;
  uint64_t less = machine->vague_low < live ? machine->vague_low : live;
  MfAmount allocated = { count->allocated, count->allocated, mf_more (count->allocated, more) };
  MfAmount highest = { peak, peak, mf_more (peak, more) };
  cost->made = (MfAmount){ live - less, live, mf_more (live, more) };
  cost->resident = mf_amount_add (mf_amount_add (cost->load, cost->system), cost->made);
  cost->import = mf_amount_add (mf_amount_add (cost->code, cost->system), allocated);
  cost->peak = mf_amount_add (mf_amount_add (cost->code, cost->system), highest);
}

static void
sum_codes (MfModuleCost *cost, const MfModuleQuestion *question, const MfPyModule *module, const MfBytes *codes)
{
  for (uint32_t i = 0; i < module->n_codes; i++)
    cost->codes[i] = mf_amount (measure (question, codes[i]));
}

// "lib/net.mpy" of lib.net
static void
find_path (const MfModuleQuestion *question, char *path, size_t room)
{
  snprintf (path, room, "%s%s.mpy", question->name, question->is_package ? "/__init__" : "");
  size_t n = strlen (question->name);
  for (size_t i = 0; i < n && i < room - 1; i++)
    path[i] = path[i] == '.' ? '/' : path[i];
}

bool
mf_mpy_import (MfModuleCost *cost, const MfModuleQuestion *question, const MfPyModule *module)
{
  char path[256];
  uint8_t *kept = calloc (module->n_codes, 1);
  MfBytes *codes = calloc (module->n_codes, sizeof *codes);
  MfMpyCost loading = { 0 };
  cost->codes = calloc (module->n_codes, sizeof *cost->codes);
  bool fine = kept && codes && cost->codes;
  if (fine)
    mf_mark_kept_codes (cost, module, kept);
  find_path (question, path, sizeof path);
  const MfMpyQuestion loaded = { .target = question->target, .kept = kept, .codes = codes, .pool = question->pool, .path = path };
  fine = fine && mf_mpy_cost (&loaded, question->mpy, &loading);
  if (fine) {
    MfAmount names = amount_of_names (question, &loading.names);
    cost->code = mf_amount_add (mf_amount (measure (question, loading.all)), names);
    cost->load = mf_amount_add (mf_amount (measure (question, loading.kept)), names);
    cost->loading = measure (question, loading.all);
    cost->system = import_system (cost, question);
    sum_codes (cost, question, module, codes);
    sum_up (cost);
  }
  free (kept);
  free (codes);
  return fine;
}
