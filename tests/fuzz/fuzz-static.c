// SPDX-License-Identifier: Apache-2.0
// Any bytes are taken for a compiled module of CPython or MicroPython, whose import and functions are analysed and priced: it ends,
// amounts are in order, and nothing is held afterwards.
#include <stdlib.h>

#include "bytecode/mpy-module.h"
#include "module-cost.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

enum { PER_MODULE = 16 * 1024 * 1024, PER_ANALYSIS = 8 * 1024 * 1024, STEPS = 20000 };

static size_t held;

static void *
resize (void *user __attribute__ ((unused)), void *old, size_t bytes)
{
  held -= old != NULL;
  if (!bytes) {
    free (old);
    return NULL;
  }
  void *new = realloc (old, bytes);
  held += new != NULL;
  return new;
}

static void
check (MfAmount amount)
{
  if (amount.low > amount.likely || amount.likely > amount.high)
    abort ();
}

static void
analyse (const MfModuleQuestion *question, const MfPyModule *module)
{
  MfModuleCost cost;
  if (mf_module_cost (&cost, question, module)) {
    check (cost.resident);
    check (cost.import);
    check (cost.code);
    for (uint32_t i = 0; i < cost.n_functions; i++)
      if (cost.functions[i].unit >= module->n_codes)
        abort ();
  }
  mf_module_cost_end (&cost);
}

static void
analyse_pyc (const uint8_t *bytes, size_t n, const MfCodeMemory *memory)
{
  MfCodeError error;
  MfPyModule *module = mf_pyc_read (bytes, n, memory, &error);
  if (!module)
    return;
  uint16_t version = module->header.version;
  MfTarget target = mf_target_cpython (version >> 8, version & 255, 0, n % 2 ? 4 : 8);
  MfLowering lowering;
  mf_lowering_init (&lowering, version);
  const MfModuleQuestion question = { .target = &target, .lowering = &lowering, .name = "fuzzed", .origin = "", .file = (uint32_t) n,
    .most_steps = STEPS, .memory = PER_ANALYSIS };
  if (!mf_target_doubt (&target))
    analyse (&question, module);
  mf_py_module_free (module);
}

static void
analyse_mpy (const uint8_t *bytes, size_t n, const MfCodeMemory *memory)
{
  static const uint8_t minors[] = { 9, 18, 25, 28 };
  MfCodeError error;
  MfArena arena;
  MfMpyModule *mpy = mf_mpy_read (bytes, n, memory, &error);
  MfTarget target = mf_target_micropython (1, minors[n % 4], n % 2 ? 4 : 8);
  target.representation = n % 3 && target.pointer == 4 ? MF_REPR_D : MF_REPR_A;
  MfNamePool pool;
  mf_name_pool_init (&pool, &target);
  mf_arena_init (&arena, memory);
  MfPyModule *module = mpy ? mf_mpy_as_py (mpy, &arena) : NULL;
  const MfModuleQuestion question = { .target = &target, .mpy = mpy, .pool = &pool, .name = "fuzzed", .origin = "", .file = (uint32_t) n,
    .most_steps = STEPS, .memory = PER_ANALYSIS };
  if (module)
    analyse (&question, module);
  mf_arena_free (&arena);
  mf_name_pool_end (&pool);
  mf_mpy_module_free (mpy);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  const MfCodeMemory memory = { .resize = resize, .limit = PER_MODULE };
  if (mf_mpy_probe (bytes, n))
    analyse_mpy (bytes, n, &memory);
  else
    analyse_pyc (bytes, n, &memory);
  if (held)
    abort ();
  return 0;
}
