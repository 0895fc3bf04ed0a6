// SPDX-License-Identifier: Apache-2.0
// Any bytes are read as a compiled module; all that comes out is visited and priced. What it takes
// stays below 16 MiB. A second reading has a header that is right, of each version in turn.
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "bytecode/instructions.h"
#include "model/code-cost/load-cost.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

enum { LIMIT = 16 * 1024 * 1024 };

static volatile uint64_t sum;
static size_t held;

static void *
resize (void *user __attribute__ ((unused)), void *old, size_t bytes)
{
  held -= malloc_usable_size (old);
  if (!bytes) {
    free (old);
    return NULL;
  }
  void *new = realloc (old, bytes);
  held += malloc_usable_size (new);
  if (held > LIMIT + LIMIT / 16)
    abort ();
  return new;
}

static void
use_value (const MfPyValue *value, uint8_t *visited)
{
  sum += value->kind + mf_py_kind_name (value->kind)[0];
  if (visited[value->number]++)
    return;
  uint32_t highest;
  if (value->kind == MF_CONST_TEXT)
    sum += mf_py_text_length (value, &highest);
  else if (value->kind == MF_CONST_INT || value->kind == MF_CONST_LONG)
    sum += mf_py_int_bits (value);
  else if (value->kind == MF_CONST_BYTES && value->n)
    sum += value->bytes[value->n - 1];
  else if (value->kind >= MF_CONST_TUPLE && value->kind <= MF_CONST_SLICE)
    for (uint32_t i = 0; i < value->n; i++)
      use_value (value->items[i], visited);
}

static void
use_code (const MfPyCode *code, uint8_t *visited)
{
  MfPyWalk walk;
  MfPyInstruction instruction;
  MfPyHandlers handlers;
  MfPyHandler handler;
  for (uint32_t i = 0; i < mf_py_variables (code); i++)
    use_value (mf_py_variable (code, i).name, visited);
  use_value (code->consts, visited);
  use_value (code->names, visited);
  for (mf_py_walk_begin (&walk, code); mf_py_walk_next (&walk, &instruction);)
    sum += instruction.index + instruction.target + (uint64_t) instruction.location.line;
  for (mf_py_handlers_begin (&handlers, code); mf_py_handlers_next (&handlers, &handler);)
    sum += handler.target;
}

// The parts of the code objects are the whole.
static void
use_prices (const MfPyModule *module)
{
  MfTarget target = mf_target_cpython (3, module->header.version & 0xff, 0, 8);
  MfLoadCost *parts = calloc (module->n_codes, sizeof *parts), cost;
  uint64_t all = 0;
  const MfLoadQuestion question = { .target = &target, .parts = parts };
  if (mf_load_cost (&question, module, &cost)) {
    for (uint32_t i = 0; i < module->n_codes; i++)
      all += mf_load_cost_alone (&parts[i]).requested;
    if (all != mf_load_cost_alone (&cost).requested)
      abort ();
  }
  free (parts);
}

static void
read_module (const uint8_t *bytes, size_t n)
{
  const MfCodeMemory memory = { .resize = resize };
  MfCodeError error = { 0 };
  MfPyModule *module = mf_pyc_read (bytes, n, &memory, &error);
  if (!module && (!error.text[0] || error.offset > n))
    abort ();
  if (module) {
    uint8_t *visited = calloc (module->n_values, 1);
    for (uint32_t i = 0; i < module->n_codes; i++)
      use_code (module->codes[i], visited);
    free (visited);
    use_prices (module);
  }
  mf_py_module_free (module);
  if (held)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  static const uint16_t magics[] = { 3413, 3425, 3439, 3495, 3531, 3571, 3627, 3666 };
  read_module (bytes, n);
  if (n < MF_PYC_HEADER)
    return 0;
  uint8_t *copy = malloc (n);
  memcpy (copy, bytes, n);
  uint16_t magic = magics[bytes[0] % 8];
  const uint8_t header[8] = { (uint8_t) magic, (uint8_t) (magic >> 8), '\r', '\n' };
  memcpy (copy, header, sizeof header);
  read_module (copy, n);
  free (copy);
  return 0;
}
