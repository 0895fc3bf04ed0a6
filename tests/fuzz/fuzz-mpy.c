// SPDX-License-Identifier: Apache-2.0
// Any bytes are read as a module of MicroPython; all that comes out is visited. What it takes stays
// below 16 MiB.
#include <malloc.h>
#include <stdlib.h>

#include "bytecode/mpy.h"

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
use_name (const MfMpyModule *module, uint32_t index)
{
  if (index == MF_MPY_NO_NAME)
    return;
  const MfMpyName *name = &module->names[index];
  sum += name->n ? name->bytes[name->n - 1] : 0;
}

static void
use_object (const MfMpyObject *object)
{
  if (object->kind == MF_MPY_TUPLE)
    for (uint32_t i = 0; i < object->n; i++)
      use_object (&object->items[i]);
  else if (object->kind >= MF_MPY_STR && object->n)
    sum += object->bytes[object->n - 1];
}

static void
use_code (const MfMpyCode *code)
{
  MfMpyWalk walk;
  MfMpyInstruction instruction;
  use_name (code->module, code->name);
  use_name (code->module, code->file);
  for (uint32_t i = 0; code->arguments && i < code->n_arguments; i++)
    use_name (code->module, code->arguments[i]);
  for (mf_mpy_walk_begin (&walk, code); mf_mpy_walk_next (&walk, &instruction);)
    sum += (uint64_t) instruction.argument + instruction.line
           + (instruction.name ? instruction.name->n : 0);
}

static void
use_module (const MfMpyModule *module)
{
  for (uint32_t i = 0; i < module->n_codes; i++)
    use_code (module->codes[i]);
  for (uint32_t i = 0; i < module->code->n_objects; i++)
    use_object (&module->code->objects[i]);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  const MfCodeMemory memory = { .resize = resize };
  MfCodeError error = { 0 };
  MfMpyModule *module = mf_mpy_read (bytes, n, &memory, &error);
  if (!module && (!error.text[0] || error.offset > n))
    abort ();
  if (module)
    use_module (module);
  mf_mpy_module_free (module);
  if (held)
    abort ();
  return 0;
}
