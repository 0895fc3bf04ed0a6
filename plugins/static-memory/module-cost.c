// SPDX-License-Identifier: Apache-2.0
// Puts together what loading takes, what the import system keeps, what the top level makes, and the functions.
#include "import-peak.h"
#include "model/code-cost/known-names.h"
#include "mpy-import.h"

#include <stdlib.h>
#include <string.h>

enum { OPTIMIZED = 1 }; // CO_OPTIMIZED: of functions, not of class bodies

static uint64_t
measure (const MfModuleQuestion *question, MfBytes bytes)
{
  return question->requested ? bytes.requested : bytes.granted;
}

// Strings that the interpreter has anyway are not new: names with two underscores, builtins.
typedef struct {
  const MfModuleQuestion *question;
  MfMachine *machine;
  uint64_t all, likely;
} Interned;

// The module in C whose functions replace those of this one has had their names before.
static bool
is_replaced_name (const MfMachine *machine, const MfPyValue *text)
{
  return machine->accelerated && mf_map_find_text (machine->globals, (const char *) text->bytes, text->n);
}

static void
count_interned (const MfPyValue *text, uint32_t code, MfBytes price, void *user)
{
  Interned *interned = user;
  uint64_t bytes = measure (interned->question, price);
  (void) code;
  interned->all += bytes;
  bool known = text->n > 4 && text->bytes[0] == '_' && text->bytes[1] == '_';
  known = known || mf_python_starts_with_name (text->bytes, text->n) || is_replaced_name (interned->machine, text)
          || mf_builtin_find (interned->machine, (const char *) text->bytes, text->n);
  interned->likely += known ? 0 : bytes;
}

// The code of a function stays as long as the function; that of the module and of class bodies is gone when it has
// run. What is inside of code that stays, stays.
void
mf_mark_kept_codes (const MfModuleCost *cost, const MfPyModule *module, uint8_t *kept)
{
  MfThing *const *constants = cost->run.machine.constants;
  for (uint32_t i = 0; i < module->n_values; i++)
    if (constants[i] && constants[i]->kind == MF_V_CODE && mf_thing_is_used (constants[i]))
      kept[constants[i]->code->number] = 1;
  for (uint32_t i = 0; i < module->n_codes; i++)
    kept[i] |= module->codes[i]->parent && kept[module->codes[i]->parent->number];
}

// ---- constants of code that is gone, to which something refers that stays: texts of documentation, tables

static void
mark_inside (const MfPyValue *value, uint8_t *seen, unsigned depth)
{
  enum { DEEPEST = 200 };
  if (value->kind == MF_CONST_CODE || seen[value->number] || depth > DEEPEST)
    return;
  seen[value->number] = 1;
  if (value->kind >= MF_CONST_TUPLE && value->kind <= MF_CONST_SLICE)
    for (uint32_t i = 0; i < value->n; i++)
      mark_inside (value->items[i], seen, depth + 1);
}

typedef struct {
  const MfModuleQuestion *question;
  MfPriceList prices;
  uint8_t *seen;
  uint64_t bytes;
} Survivors;

static bool
is_name (const MfPyValue *value)
{
  if (value->kind != MF_CONST_TEXT)
    return false;
  for (uint32_t i = 0; i < value->n; i++) {
    uint8_t byte = value->bytes[i], letter = byte | 0x20;
    if (byte != '_' && !(byte >= '0' && byte <= '9') && !(letter >= 'a' && letter <= 'z'))
      return (value->flags & MF_PY_INTERNED) != 0;
  }
  return true;
}

static void
count_survivor (Survivors *s, const MfPyValue *value, unsigned depth)
{
  enum { DEEPEST = 200 };
  MfBytes price;
  if (value->kind == MF_CONST_CODE || s->seen[value->number] || depth > DEEPEST)
    return;
  s->seen[value->number] = 1;
  if (!is_name (value) && mf_price_constant (&s->prices, value, &price))
    s->bytes += measure (s->question, price);
  if (value->kind >= MF_CONST_TUPLE && value->kind <= MF_CONST_SLICE)
    for (uint32_t i = 0; i < value->n; i++)
      count_survivor (s, value->items[i], depth + 1);
}

// Of a tuple that nothing refers to, what is inside of it may stay: the keys of a dict up to 3.9, what was unpacked.
static void
count_used (Survivors *s, const MfThing *thing, const MfPyValue *value, unsigned depth)
{
  enum { DEEPEST = 20 };
  if (mf_thing_is_used (thing)) {
    count_survivor (s, value, 0);
    return;
  }
  bool tuple = thing->kind == MF_V_LIST && value->kind == MF_CONST_TUPLE && depth < DEEPEST;
  for (uint32_t i = 0; tuple && i < value->n && i < thing->list.n; i++)
    count_used (s, thing->list.items[i], value->items[i], depth + 1);
}

static uint64_t
surviving_constants (const MfModuleCost *cost, const MfModuleQuestion *question, const MfPyModule *module, const uint8_t *kept)
{
  const MfMachine *machine = &cost->run.machine;
  Survivors *s = calloc (1, sizeof *s);
  uint8_t *seen = calloc (module->n_values + 1ull, 1);
  uint64_t bytes = 0;
  if (s && seen) {
    *s = (Survivors){ .question = question, .seen = seen };
    mf_price_list_init (&s->prices, question->target);
    for (uint32_t i = 0; i < module->n_codes; i++)
      if (kept[i])
        mark_inside (module->codes[i]->consts, seen, 0);
    for (uint32_t i = 0; i < module->n_values; i++)
      if (machine->constants[i])
        count_used (s, machine->constants[i], machine->values[i], 0);
    bytes = s->bytes;
  }
  free (seen);
  free (s);
  return bytes;
}

static uint64_t
load_bytes (const MfModuleQuestion *question, const MfLoadCost *load)
{
  return measure (question, mf_load_cost_alone (load));
}

static bool
price_loading (MfModuleCost *cost, const MfModuleQuestion *question, const MfPyModule *module)
{
  Interned interned = { question, &cost->run.machine, 0, 0 };
  uint8_t *kept = calloc (module->n_codes, 1);
  MfLoadCost *parts = calloc (module->n_codes, sizeof *parts), whole, stays;
  uint64_t *bytes = calloc (module->n_codes, sizeof *bytes);
  cost->codes = calloc (module->n_codes, sizeof *cost->codes);
  bool fine = kept && parts && bytes && cost->codes;
  if (fine)
    mf_mark_kept_codes (cost, module, kept);
  MfLoadQuestion all = { question->target, count_interned, &interned, NULL, parts };
  MfLoadQuestion some = { question->target, NULL, NULL, kept, NULL };
  fine = fine && mf_load_cost (&all, module, &whole) && mf_load_cost (&some, module, &stays);
  if (fine) {
    uint64_t all_bytes = load_bytes (question, &whole), stay_bytes = load_bytes (question, &stays);
    stay_bytes += surviving_constants (cost, question, module, kept);
    cost->code = (MfAmount){ all_bytes, all_bytes + interned.likely, all_bytes + interned.all };
    cost->load = (MfAmount){ stay_bytes, stay_bytes + interned.likely, stay_bytes + interned.all };
    for (uint32_t i = 0; i < module->n_codes; i++)
      cost->frames_gone += kept[i] ? 0 : cost->run.machine.bodies[i].frame;
    for (uint32_t i = 0; i < module->n_codes; i++)
      cost->codes[i] = mf_amount (bytes[i] = load_bytes (question, &parts[i]));
    cost->loading = mf_loading_peak (question, module, bytes);
  }
  free (kept);
  free (parts);
  free (bytes);
  return fine;
}

static void
price_system (MfModuleCost *cost, const MfModuleQuestion *question, const MfPyModule *module)
{
  const MfMachine *machine = &cost->run.machine;
  uint64_t names = machine->globals ? mf_map_length (machine->globals) : 0, first = MF_MODULE_NAMES + question->is_package;
  const MfPyValue *file = module->code->filename;
  const char *dot = strrchr (question->name, '.');
  MfImportShape shape = { .path = file ? file->n : 20,
    .name = dot ? (uint32_t) strlen (question->name) : 0,
    .package = question->is_package,
    .names = names > first ? (uint32_t) (names - first) : 0 };
  MfBytes bytes = { 0 };
  mf_import_cost (question->target, &shape, &bytes);
  uint64_t kept = measure (question, bytes);
  cost->system = (MfAmount){ kept, kept, mf_more (kept, kept / 8) };
}

static void
sum_up (MfModuleCost *cost, const MfModuleQuestion *question)
{
  const MfMachine *machine = &cost->run.machine;
  const MfHeapCount *count = &machine->heap.count;
  const MfThing *owner = machine->globals_owner;
  // the namespace itself is in the import system's part, frames go with their code
  uint64_t elsewhere = (owner ? owner->bytes : 0) + cost->frames_gone;
  uint64_t live = count->live > elsewhere ? count->live - elsewhere : 0, before = cost->run.before;
  uint64_t peak = count->peak > before ? count->peak - before : 0;
  uint64_t more = machine->unbounded ? MF_UNBOUNDED : machine->vague_high;
  uint64_t less = machine->vague_low < live ? machine->vague_low : live;
  // what CPython parks in its free lists is no more than about 3 % of what it keeps
  enum { FREE_LISTS = 32 };
  uint64_t parked = live / FREE_LISTS;
  cost->made = (MfAmount){ live - less - (live - less) / FREE_LISTS, live, mf_more (live + parked, more) };
  cost->resident = mf_amount_add (mf_amount_add (cost->load, cost->system), cost->made);
  MfAmount allocated = { count->allocated, count->allocated, mf_more (count->allocated, more) };
  cost->import = mf_amount_add (mf_amount_add (cost->code, cost->system), allocated);
  MfAmount highest = { peak, peak, mf_more (peak, more) };
  cost->peak = mf_import_peak (cost, question, cost->loading, highest);
}

static bool
is_function (const MfPyCode *code)
{
  return code->flags & OPTIMIZED && code->parent;
}

static bool
price_functions (MfModuleCost *cost, const MfModuleQuestion *question, const MfPyModule *module)
{
  cost->functions = malloc ((module->n_codes + 1ull) * sizeof *cost->functions);
  if (!cost->functions)
    return false;
  for (uint32_t i = 0; i < module->n_codes && !cost->run.machine.heap.exhausted; i++)
    if (is_function (module->codes[i])
        && mf_function_cost (&cost->run, &question->flow, module->codes[i], &cost->functions[cost->n_functions]))
      cost->n_functions++;
  return true;
}

bool
mf_module_cost (MfModuleCost *cost, const MfModuleQuestion *question, const MfPyModule *module)
{
  MfModuleRunning how = { question->target, question->lowering, question->requested, question->is_package, question->name,
    question->most_steps, question->library_used, question->memory };
  cost->functions = NULL;
  cost->codes = NULL;
  cost->n_functions = 0;
  cost->frames_gone = 0;
  cost->file = mf_amount (question->file);
  if (!mf_module_run (&cost->run, &how, module))
    return false;
  cost->whole = cost->run.whole;
  if (question->mpy) {
    if (!mf_mpy_import (cost, question, module))
      return false;
  } else {
    if (!price_loading (cost, question, module))
      return false;
    price_system (cost, question, module);
    sum_up (cost, question);
  }
  return price_functions (cost, question, module);
}

void
mf_module_cost_end (MfModuleCost *cost)
{
  free (cost->functions);
  free (cost->codes);
  mf_module_run_end (&cost->run);
}
