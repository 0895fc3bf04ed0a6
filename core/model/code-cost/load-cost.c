// SPDX-License-Identifier: Apache-2.0
// Walks the objects of a module once and adds up their prices.
#include "model/code-cost/load-cost.h"

#include <stdlib.h>
#include <string.h>

// What an object is there for decides what it is counted as.
typedef enum { AS_TABLE, AS_NAMES, AS_CONSTANT } Purpose;

typedef struct {
  const MfLoadQuestion *question;
  const MfPyModule *module;
  MfPriceList prices;
  uint8_t *seen;             // of each value, by number
  const MfPyValue **waiting; // values whose items are still to be looked at
  uint32_t n_waiting;
  const MfPyValue **interned; // hash table of texts
  uint32_t mask;
  uint32_t code;
  MfLoadCost *part, *sum;
} Walk;

// ---- interned strings

// True when it is the first of its kind. The table has room for all values of the module.
static bool
note_interned (Walk *walk, const MfPyValue *text)
{
  uint64_t i = mf_bytes_hash (text->bytes, text->n) & walk->mask;
  for (; walk->interned[i]; i = (i + 1) & walk->mask) {
    const MfPyValue *other = walk->interned[i];
    if (other->n == text->n && !memcmp (other->bytes, text->bytes, text->n))
      return false;
  }
  walk->interned[i] = text;
  return true;
}

// Objects/codeobject.c all_name_chars
static bool
looks_like_a_name (const MfPyValue *text)
{
  for (uint32_t i = 0; i < text->n; i++) {
    uint8_t c = text->bytes[i], letter = c | 0x20;
    if (c != '_' && !(c >= '0' && c <= '9') && !(letter >= 'a' && letter <= 'z'))
      return false;
  }
  return true;
}

// The file says it, or the code object does so with its names and constants when it is made.
static bool
is_interned (const MfPyValue *value, Purpose purpose)
{
  return value->kind == MF_CONST_TEXT
         && (value->flags & MF_PY_INTERNED || purpose == AS_NAMES || looks_like_a_name (value));
}

// ---- sums

static MfBytes *
purse_of (MfLoadCost *cost, Purpose purpose)
{
  return purpose == AS_TABLE   ? &cost->tables
         : purpose == AS_NAMES ? &cost->names
                               : &cost->constants;
}

static bool
count_interned (Walk *walk, const MfPyValue *text, MfBytes price)
{
  if (!price.requested || !note_interned (walk, text)) // single characters exist already
    return true;
  walk->part->n_interned++;
  if (walk->question->interned)
    walk->question->interned (text, walk->code, price, walk->question->user);
  return mf_bytes_add (&walk->part->interned, price);
}

static bool
count (Walk *walk, const MfPyValue *value, Purpose purpose)
{
  MfBytes price;
  if (!mf_price_constant (&walk->prices, value, &price)) {
    walk->part->n_unknown++;
    return true;
  }
  return is_interned (value, purpose) ? count_interned (walk, value, price)
                                      : mf_bytes_add (purse_of (walk->part, purpose), price);
}

// ---- the walk: each value once, code objects in their own turn

static bool
has_items (const MfPyValue *value)
{
  return value->kind >= MF_CONST_TUPLE && value->kind <= MF_CONST_SLICE;
}

static bool
meet (Walk *walk, const MfPyValue *value, Purpose purpose)
{
  if (value->kind == MF_CONST_CODE || walk->seen[value->number])
    return true;
  walk->seen[value->number] = 1;
  if (has_items (value))
    walk->waiting[walk->n_waiting++] = value;
  return count (walk, value, purpose);
}

static bool
meet_all (Walk *walk, const MfPyValue *value, Purpose purpose)
{
  if (!value)
    return true;
  bool fine = meet (walk, value, purpose);
  while (fine && walk->n_waiting) {
    const MfPyValue *container = walk->waiting[--walk->n_waiting];
    for (uint32_t i = 0; fine && i < container->n; i++)
      fine = meet (walk, container->items[i], purpose);
  }
  return fine;
}

// From 3.11 on the bytecode stands in the code object itself, and the bytes are gone after loading.
static bool
meet_code (Walk *walk, const MfPyCode *code)
{
  bool inside = mf_target_from (walk->question->target, 11);
  const MfPyValue *tables[] = { inside ? NULL : code->bytecode, code->linetable,
    code->exceptiontable, code->localspluskinds };
  const MfPyValue *names[]
      = { code->names, code->varnames, code->freevars, code->cellvars, code->localsplusnames };
  const MfPyValue *others[] = { code->consts, code->filename, code->name, code->qualname };
  MfBytes price;
  bool fine = true;
  if (mf_price_code (&walk->prices, code, &price))
    fine = mf_bytes_add (&walk->part->code, price);
  else
    walk->part->n_unknown++;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    fine = fine && meet_all (walk, names[i], AS_NAMES);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    fine = fine && meet_all (walk, others[i], AS_CONSTANT);
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    fine = fine && meet_all (walk, tables[i], AS_TABLE);
  return fine;
}

static bool
add_part (MfLoadCost *sum, const MfLoadCost *part)
{
  sum->n_interned += part->n_interned;
  sum->n_unknown += part->n_unknown;
  return mf_bytes_add (&sum->code, part->code) && mf_bytes_add (&sum->tables, part->tables)
         && mf_bytes_add (&sum->names, part->names)
         && mf_bytes_add (&sum->constants, part->constants)
         && mf_bytes_add (&sum->interned, part->interned);
}

static bool
walk_codes (Walk *walk)
{
  bool fine = true;
  for (uint32_t i = 0; fine && i < walk->module->n_codes; i++) {
    MfLoadCost part = { 0 };
    walk->code = i;
    walk->part = &part;
    if (!walk->question->kept || walk->question->kept[i])
      fine = meet_code (walk, walk->module->codes[i]) && add_part (walk->sum, &part);
    if (walk->question->parts)
      walk->question->parts[i] = part;
  }
  return fine;
}

static bool
walk_begin (Walk *walk)
{
  size_t n = (size_t) walk->module->n_values + 1, places = 4;
  while (places < 2 * n)
    places *= 2;
  walk->mask = (uint32_t) (places - 1);
  walk->seen = calloc (n, 1);
  walk->waiting = malloc (n * sizeof *walk->waiting);
  walk->interned = calloc (places, sizeof *walk->interned);
  mf_price_list_init (&walk->prices, walk->question->target);
  return walk->seen && walk->waiting && walk->interned;
}

static void
walk_end (Walk *walk)
{
  free (walk->seen);
  free (walk->waiting);
  free (walk->interned);
}

bool
mf_load_cost (const MfLoadQuestion *question, const MfPyModule *module, MfLoadCost *sum)
{
  const MfTarget *target = question->target;
  Walk walk = { .question = question, .module = module, .sum = sum };
  *sum = (MfLoadCost){ 0 };
  if (mf_target_doubt (target) || target->python != MF_PYTHON_CPYTHON
      || target->version != module->header.version)
    return false;
  bool fine = walk_begin (&walk) && walk_codes (&walk);
  walk_end (&walk);
  return fine;
}

MfBytes
mf_load_cost_alone (const MfLoadCost *cost)
{
  MfBytes all = { 0 };
  const MfBytes parts[] = { cost->code, cost->tables, cost->names, cost->constants };
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    all.requested += parts[i].requested;
    all.granted += parts[i].granted;
  }
  return all;
}
