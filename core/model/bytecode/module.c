// SPDX-License-Identifier: Apache-2.0
// A whole .pyc: its header, its code object, and the memory of both.
#include "marshal.h"
#include "opcodes.h"

#include <string.h>

typedef struct {
  MfPyModule module; // first: what the caller holds
  MfArena arena;
} Held;

static const MfPyCode *const *
keep_codes (MfMarshal *m)
{
  size_t bytes = m->codes.n * sizeof (const MfPyCode *);
  const MfPyCode **codes = mf_arena_take (m->arena, bytes);
  if (codes)
    memcpy (codes, m->codes.items, bytes);
  return codes;
}

static bool
read_module (MfMarshal *m, MfPyModule *module)
{
  const MfPyValue *object = mf_marshal_read (m);
  if (!object)
    return false;
  if (object->kind != MF_CONST_CODE)
    return mf_code_fail (m->error, MF_PYC_HEADER,
        "the object at offset 0x%x is of type %s, not a code object", MF_PYC_HEADER,
        mf_py_kind_name (object->kind));
  module->code = object->code;
  module->codes = keep_codes (m);
  module->n_codes = m->codes.n;
  module->n_references = m->references.n;
  module->n_values = m->n_values;
  module->trailing = (uint32_t) (m->n - m->at);
  return module->codes
         || mf_code_fail (m->error, m->at, "it needs more memory than a module may have");
}

static Held *
new_module (const MfCodeMemory *memory, const MfPycHeader *header, MfCodeError *error)
{
  MfArena arena;
  mf_arena_init (&arena, memory);
  Held *held = mf_arena_take (&arena, sizeof *held);
  if (!held) {
    mf_code_fail (error, 0, "there is no memory for it");
    return NULL;
  }
  *held = (Held){ .module = { .header = *header }, .arena = arena };
  mf_py_opcodes (header->version, held->module.opcodes);
  return held;
}

MfPyModule *
mf_pyc_read (const uint8_t *bytes, size_t n, const MfCodeMemory *memory, MfCodeError *error)
{
  MfPycHeader header;
  if (n > INT32_MAX) {
    mf_code_fail (error, 0, "it has %zu bytes, more than any module", n);
    return NULL;
  }
  Held *held
      = mf_pyc_read_header (bytes, n, &header, error) ? new_module (memory, &header, error) : NULL;
  if (!held)
    return NULL;
  MfMarshal m = { .bytes = bytes,
    .n = n,
    .at = MF_PYC_HEADER,
    .version = header.version,
    .arena = &held->arena,
    .error = error,
    .module = &held->module };
  bool fine = read_module (&m, &held->module);
  mf_marshal_end (&m);
  held->module.memory = held->arena.held;
  if (fine)
    return &held->module;
  mf_py_module_free (&held->module);
  return NULL;
}

void
mf_py_module_free (MfPyModule *module)
{
  if (module)
    mf_arena_free (&((Held *) module)->arena);
}
