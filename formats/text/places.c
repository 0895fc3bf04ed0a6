// SPDX-License-Identifier: Apache-2.0
// Where the parts of maps begin.
#include "places.h"

void
mf_places_take (MfPlaces *places, const MfBatch *batch)
{
  const MfField *key = mf_field_by_role (batch->type, MF_ROLE_KEY);
  const MfField *part = mf_field_by_role (batch->type, MF_ROLE_PART);
  const MfField *at = mf_field_by_role (batch->type, MF_ROLE_AT);
  const uint8_t *row = batch->rows;
  if (!key || !part || !at || at->kind != MF_ADDRESS || batch->stride < batch->type->row_size)
    return;
  for (uint32_t i = 0; i < batch->n_rows; i++, row += batch->stride)
    if (!mf_field_unknown (at, row))
      places->kept[places->n++ % MF_PLACES] = (MfPlace){ key, mf_field_bits (key, row),
        mf_field_bits (part, row), mf_field_bits (at, row), batch->stage, batch->input };
}

static bool
is_same (const MfPlace *a, const MfPlace *b)
{
  return a->key == b->key && a->part == b->part && a->stage.id == b->stage.id
         && a->input.id == b->input.id && strcmp (a->key_field->name, b->key_field->name) == 0;
}

bool
mf_places_find (const MfPlaces *places, const MfPlace *wanted, uint64_t *address)
{
  for (uint64_t back = 1; wanted->key_field && back <= places->n && back <= MF_PLACES; back++) {
    const MfPlace *place = &places->kept[(places->n - back) % MF_PLACES];
    if (is_same (place, wanted)) {
      *address = place->address;
      return true;
    }
  }
  return false;
}
