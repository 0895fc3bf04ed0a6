// SPDX-License-Identifier: Apache-2.0
// The table of CPython's own modules, measured in real interpreters, and the search in it.
#include "model/modules/runtime-modules.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_MINOR = 8, LAST_MINOR = 13 };

typedef struct {
  const char *name;
  uint8_t loaded, native, python; // a bit for each minor version
} Row;

// clang-format off
static const Row rows[] = { // sorted by name
#include "runtime-modules.inc"
};
// clang-format on

// What is compared is the first `n` bytes of a name.
typedef struct {
  const char *text;
  size_t n;
} Name;

static int
compare (const void *key, const void *element)
{
  const Name *name = key;
  const Row *row = element;
  int order = strncmp (name->text, row->name, name->n);
  return order ? order : row->name[name->n] ? -1 : 0;
}

static const Row *
row_of (const char *text, size_t n)
{
  const Name name = { text, n };
  return bsearch (&name, rows, sizeof rows / sizeof *rows, sizeof *rows, compare);
}

static uint8_t
bit_of (uint16_t version)
{
  unsigned minor = version & 255u;
  unsigned known = minor < FIRST_MINOR ? FIRST_MINOR : minor > LAST_MINOR ? LAST_MINOR : minor;
  return (uint8_t) (1u << (known - FIRST_MINOR));
}

MfModuleKind
mf_runtime_module (const MfTarget *target, const char *name)
{
  if (target->python != MF_PYTHON_CPYTHON)
    return MF_MODULE_STRANGE;
  uint8_t bit = bit_of (target->version);
  const Row *row = row_of (name, strlen (name));
  if (row && row->loaded & bit)
    return MF_MODULE_LOADED;
  if (!row && strchr (name, '.'))
    row = row_of (name, strcspn (name, "."));
  if (!row)
    return MF_MODULE_STRANGE;
  return row->native & bit   ? MF_MODULE_NATIVE
         : row->python & bit ? MF_MODULE_PYTHON
                             : MF_MODULE_STRANGE;
}
