// SPDX-License-Identifier: Apache-2.0
// MicroPython py/persistentcode.c load_raw_code, py/emitglue.h mp_raw_code_t, py/bc.c
// mp_module_context_alloc_tables, py/qstr.c. Up to 1.18 each function has a table of its constants;
// since 1.19 the module has one for all.
#include "model/code-cost/mpy-cost.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  const MfMpyQuestion *question;
  const MfMpyModule *module;
  bool tables_apart; // of each function
  bool fine;
} Walk;

static void
add (Walk *walk, MfBytes *sum, uint64_t bytes)
{
  if (bytes)
    walk->fine
        &= mf_bytes_add (sum, (MfBytes){ bytes, mf_granted (walk->question->target, bytes) });
}

static void
add_bytes (Walk *walk, MfBytes *sum, MfBytes bytes)
{
  walk->fine &= mf_bytes_add (sum, bytes);
}

// ---- objects

static void
add_shape (Walk *walk, MfBytes *sum, const MfShape *shape)
{
  MfObjectSize size;
  if (mf_object_size (walk->question->target, shape, &size))
    add_bytes (walk, sum, (MfBytes){ size.requested, size.granted });
}

// py/mpz.c mpz_set_from_str: a byte of digits for each character, two digits at least
static void
add_int (Walk *walk, MfBytes *sum, const MfMpyObject *object)
{
  enum { MOST_SMALL = 18, MOST_SMALL_32 = 9 }; // characters that always fit a small int
  const MfTarget *target = walk->question->target;
  uint64_t digit = target->pointer == 8 ? 4 : 2, digits = object->n / digit + 1;
  if (object->n <= (target->pointer == 8 ? MOST_SMALL : MOST_SMALL_32))
    return;
  MfShape header = { .type = MF_PY_INT, .length = 0, .capacity = 1000 };
  MfObjectSize size;
  if (mf_object_size (target, &header, &size) && size.n_blocks)
    add (walk, sum, size.blocks[0].size);
  add (walk, sum, (digits < 2 ? 2 : digits) * digit);
}

static void
add_object (Walk *walk, MfBytes *sum, const MfMpyObject *object)
{
  static const uint8_t types[MF_MPY_N_OBJECTS] = { [MF_MPY_STR] = MF_PY_STR,
    [MF_MPY_BYTES] = MF_PY_BYTES,
    [MF_MPY_FLOAT] = MF_PY_FLOAT,
    [MF_MPY_COMPLEX] = MF_PY_COMPLEX,
    [MF_MPY_TUPLE] = MF_PY_TUPLE };
  if (object->kind == MF_MPY_INT)
    add_int (walk, sum, object);
  bool is_name = object->kind == MF_MPY_STR
                 && mf_name_pool_has (walk->question->pool, object->bytes, object->n);
  if (object->kind < MF_MPY_STR || object->kind == MF_MPY_INT || is_name)
    return;
  MfShape shape = { .type = (MfPyType) types[object->kind] };
  if (object->kind == MF_MPY_STR || object->kind == MF_MPY_BYTES || object->kind == MF_MPY_TUPLE)
    shape.length = object->n;
  add_shape (walk, sum, &shape);
  for (uint32_t i = 0; object->kind == MF_MPY_TUPLE && i < object->n; i++)
    add_object (walk, sum, &object->items[i]);
}

static void
add_objects (Walk *walk, MfBytes *sum, const MfMpyCode *code)
{
  for (uint32_t i = 0; i < code->n_objects; i++)
    add_object (walk, sum, &code->objects[i]);
}

// ---- functions

typedef struct {
  uint32_t names, objects;
} Uses;

static Uses
count_uses (const MfMpyCode *code)
{
  MfMpyWalk walk;
  MfMpyInstruction in;
  Uses uses = { 0, 0 };
  mf_mpy_walk_begin (&walk, code);
  while (mf_mpy_walk_next (&walk, &in)) {
    uses.names += in.kind == MF_MPY_ARG_NAME;
    uses.objects += in.kind == MF_MPY_ARG_OBJECT;
  }
  return uses;
}

// The bytes of the function, the pointers to those inside of it, and up to 1.18 the table of its
// constants.
static MfBytes
price_function (Walk *walk, const MfMpyCode *code)
{
  uint64_t word = walk->question->target->pointer, bytes = code->function_n;
  bool newer = walk->module->header.version >= 6;
  MfBytes price = { 0, 0 };
  if (walk->tables_apart) {
    Uses uses = count_uses (code);
    bytes += newer ? uses.names : 0; // a name took two bytes
    add (walk, &price,
        (code->n_arguments + (newer ? uses.objects : code->n_objects) + (uint64_t) code->n_children)
            * word);
  } else
    add (walk, &price, (uint64_t) code->n_children * word);
  add (walk, &price, bytes);
  add (walk, &price, (uint64_t) code->rodata_n + code->bss_n);
  if (!newer)
    add_objects (walk, &price, code);
  return price;
}

static MfBytes
price_raw_code (Walk *walk)
{
  uint64_t asked = mf_sizeof (walk->question->target, "4BPP");
  return (MfBytes){ asked, mf_granted (walk->question->target, asked) };
}

static void
add_function (Walk *walk, MfMpyCost *cost, const MfMpyCode *code)
{
  const uint8_t *kept = walk->question->kept;
  MfBytes price = price_function (walk, code), raw = price_raw_code (walk), all = price;
  add_bytes (walk, &all, raw);
  add_bytes (walk, &cost->all, all);
  cost->n_native += code->kind != MF_MPY_BYTECODE;
  if (walk->question->codes)
    walk->question->codes[code->number] = all;
  if (kept && !kept[code->number])
    return;
  add_bytes (walk, &cost->kept, price);
  // a function does without what it was made from; the function around it needs it to make the next
  // one
  if (!kept || (code->parent && kept[code->parent->number]))
    add_bytes (walk, &cost->kept, raw);
}

// Names in two bytes each, then the constants, in one block.
static void
add_tables (Walk *walk, MfMpyCost *cost)
{
  uint64_t word = walk->question->target->pointer,
           object = walk->question->target->representation == MF_REPR_D ? 8 : word;
  MfBytes tables = { 0, 0 };
  if (walk->module->header.version < 6)
    return;
  if (!walk->tables_apart)
    add (walk, &tables,
        mf_round_up (2ull * walk->module->n_names, word) + object * walk->module->code->n_objects);
  add_objects (walk, &tables, walk->module->code);
  add_bytes (walk, &cost->all, tables);
  add_bytes (walk, &cost->kept, tables);
}

// ---- names

static bool
add_names (Walk *walk, MfMpyNames *names)
{
  MfNamePool *pool = walk->question->pool;
  MfNamesCost cost = { 0 };
  const char *path = walk->question->path;
  bool fine = mf_name_pool_add (pool, (const uint8_t *) path, (uint32_t) strlen (path), &cost);
  for (uint32_t i = 0; fine && i < walk->module->n_names; i++) {
    const MfMpyName *name = &walk->module->names[i];
    fine = name->in_firmware || mf_name_pool_add (pool, name->bytes, name->n, &cost);
  }
  names->n = (uint32_t) cost.n;
  names->likely = cost.likely;
  mf_name_pool_bound (pool, &cost, &names->least, &names->most);
  return fine;
}

bool
mf_mpy_cost (const MfMpyQuestion *question, const MfMpyModule *module, MfMpyCost *cost)
{
  Walk walk = { .question = question, .module = module, .fine = true };
  *cost = (MfMpyCost){ 0 };
  if (mf_target_doubt (question->target) || !mf_target_is_micropython (question->target))
    return false;
  walk.tables_apart = question->target->version < MF_PYTHON_VERSION (1, 19);
  if (!add_names (&walk, &cost->names)) // they come first, and texts that are names are those
    return false;
  for (uint32_t i = 0; i < module->n_codes; i++)
    add_function (&walk, cost, module->codes[i]);
  add_tables (&walk, cost);
  return walk.fine;
}
