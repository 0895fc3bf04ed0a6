// SPDX-License-Identifier: Apache-2.0
// From rows of costs and imports to the needs of one target.
#include "budget.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

struct Place {
  uint32_t id, at; // of a name, and of its module
};

bool
budget_keep (Budget *self, Rows *rows, const void *row, size_t size)
{
  if (rows->n == rows->room) {
    uint32_t room = rows->room ? 2 * rows->room : FIRST_ROOM;
    void *larger = room > rows->room ? mf_resize (self, rows->rows, room * size) : NULL;
    if (!larger)
      return mf_fail (self, "no memory for the costs of this program");
    rows->rows = larger;
    rows->room = room;
  }
  memcpy ((char *) rows->rows + rows->n++ * size, row, size);
  return true;
}

// ---- modules

static int
by_id (const void *a, const void *b)
{
  const struct Place *x = a, *y = b;
  if (x->id != y->id)
    return x->id < y->id ? -1 : 1;
  return x->at < y->at ? -1 : x->at > y->at;
}

uint32_t
budget_module (const Program *program, MfString name)
{
  uint32_t low = 0, high = program->n_modules;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (program->places[middle].id < name.id)
      low = middle + 1;
    else
      high = middle;
  }
  bool found = low < program->n_modules && program->places[low].id == name.id;
  return found ? program->places[low].at : MF_NO_MODULE;
}

static bool
make_room (Budget *self, Program *program, uint32_t n)
{
  program->modules = mf_resize (self, NULL, (n + 1) * sizeof *program->modules);
  program->needs = mf_resize (self, NULL, (n + 1) * sizeof *program->needs);
  program->places = mf_resize (self, NULL, (n + 1) * sizeof *program->places);
  return (program->modules && program->needs && program->places)
         || mf_fail (self, "no memory for the costs of %u modules", n);
}

static void
add_module (Program *program, MfString name, const LoadedRow *loaded, uint32_t parent)
{
  uint32_t at = program->n_modules++;
  program->modules[at] = (Module){ .name = name, .loaded = loaded };
  program->needs[at]
      = (MfNeedModule){ .parent = parent, .later = loaded && loaded->when == MF_LOADED_IN_A_CALL };
  program->places[at] = (struct Place){ name.id, at };
}

// The target whose imports count: another one's where import-closure was not asked for this one.
// Who imports whom is the same everywhere.
static uint32_t
target_of_imports (const Budget *self, const Program *program)
{
  const LoadedRow *rows = self->loaded.rows;
  for (uint32_t i = 0; i < self->loaded.n; i++)
    if (rows[i].target.id == program->name.id)
      return program->name.id;
  return self->loaded.n ? rows[0].target.id : 0;
}

// Rows of a target come in the order of loading, with ascending numbers.
static bool
take_loaded (Budget *self, Program *program)
{
  const LoadedRow *rows = self->loaded.rows;
  uint32_t target = target_of_imports (self, program), first = 0, n = 0;
  for (uint32_t i = 0; i < self->loaded.n; i++)
    n += rows[i].target.id == target;
  if (!make_room (self, program, n))
    return false;
  for (uint32_t i = 0; i < self->loaded.n; i++) {
    if (rows[i].target.id != target)
      continue;
    first = program->n_modules ? first : rows[i].node;
    uint32_t parent = rows[i].parent - first; // wraps when there is none
    add_module (
        program, rows[i].module, &rows[i], parent < program->n_modules ? parent : MF_NO_MODULE);
  }
  return true;
}

static bool
is_of_module (const CostRow *row)
{
  return row->name.id == row->module.id;
}

// Without an import closure, every module that has a cost.
static bool
take_priced (Budget *self, Program *program)
{
  const CostRow *rows = self->costs.rows;
  uint32_t n = 0;
  budget_forget (program);
  for (uint32_t i = 0; i < self->costs.n; i++)
    n += is_of_module (&rows[i]) && rows[i].target.id == program->name.id;
  if (!make_room (self, program, n))
    return false;
  for (uint32_t i = 0; i < self->costs.n; i++)
    if (is_of_module (&rows[i]) && rows[i].target.id == program->name.id)
      program->places[program->n_modules++]
          = (struct Place){ rows[i].module.id, program->n_modules };
  qsort (program->places, program->n_modules, sizeof *program->places, by_id);
  uint32_t several = program->n_modules, last = 0;
  program->n_modules = 0;
  for (uint32_t i = 0; i < several; i++) {
    uint32_t id = program->places[i].id;
    if (!i || id != last)
      add_module (program, (MfString){ id }, NULL, MF_NO_MODULE);
    last = id;
  }
  return true;
}

// ---- costs

static void
take_module_cost (Program *program, const CostRow *row, uint32_t at)
{
  const Module *module = &program->modules[at];
  bool loaded_already = module->loaded && module->loaded->origin == MF_ORIGIN_LOADED;
  if (row->quantity == MF_COST_RESIDENT && !loaded_already)
    program->needs[at].stays = row->need;
  if (row->quantity == MF_COST_IMPORT_PEAK && !loaded_already)
    program->needs[at].peak = row->need;
}

static void
take_larger (MfNeed *most, const CostRow **most_row, const CostRow *row)
{
  if (!*most_row || row->need.likely > (*most_row)->need.likely)
    *most_row = row;
  *most = mf_need_larger (*most, row->need);
}

static void
take_cost (Program *program, const CostRow *row)
{
  if (row->quantity == MF_COST_FILE) {
    program->files = mf_need_add (program->files, row->need);
    program->has_files = true;
  }
  uint32_t at = budget_module (program, row->module);
  if (at == MF_NO_MODULE)
    return;
  if (is_of_module (row))
    take_module_cost (program, row, at);
  if (row->quantity == MF_COST_CALL_PEAK)
    take_larger (&program->dearest, &program->dearest_row, row);
  if (row->quantity == MF_COST_STACK) {
    take_larger (&program->stack, &program->stack_row, row);
    program->has_stack = true;
  }
}

bool
budget_add_up (Budget *self, Program *program)
{
  const CostRow *rows = self->costs.rows;
  if (!take_loaded (self, program) || (!program->n_modules && !take_priced (self, program)))
    return false;
  qsort (program->places, program->n_modules, sizeof *program->places, by_id);
  for (uint32_t i = 0; i < self->costs.n; i++)
    if (rows[i].target.id == program->name.id) {
      program->n_costs++;
      take_cost (program, &rows[i]);
    }
  program->of_modules = mf_needs_of_modules (program->needs, program->n_modules);
  program->program = mf_needs_of_program (&program->of_modules, program->dearest);
  return true;
}

void
budget_forget (Program *program)
{
  void *all[] = { program->modules, program->needs, program->places };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i])
      mf_resize (program->self, all[i], 0);
  program->modules = NULL;
  program->needs = NULL;
  program->places = NULL;
  program->n_modules = 0;
}
