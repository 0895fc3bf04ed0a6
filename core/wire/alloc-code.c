// SPDX-License-Identifier: Apache-2.0
// Which rows may be coded: those whose schema has the fields of MfAlloc and no others.
#include "alloc-code.h"

static bool
same_place (const MfField *a, const MfField *b)
{
  return a->kind == b->kind && a->width == b->width && a->offset == b->offset
         && !strcmp (a->name, b->name);
}

bool
mf_alloc_is_codable (const MfType *type)
{
  if (strcmp (type->name, MfAlloc_type.name) || type->major != MfAlloc_type.major
      || type->row_size != sizeof (MfAlloc) || type->n_fields != MfAlloc_type.n_fields)
    return false;
  for (uint32_t i = 0; i < type->n_fields; i++)
    if (!same_place (&type->fields[i], &MfAlloc_type.fields[i]))
      return false;
  return true;
}
