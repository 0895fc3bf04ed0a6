// SPDX-License-Identifier: Apache-2.0
// A bit for each hash of four bytes.
#include "key-filter.h"

#include <string.h>

static uint32_t
hash_four (const char *text)
{
  uint32_t four;

  memcpy (&four, text, sizeof four);
  return four * 2654435769u >> 16;
}

void
mf_key_filter_add (MfKeyFilter *self, const char *key)
{
  uint32_t hash = hash_four (key);

  self->bits[hash / 64] |= (uint64_t) 1 << hash % 64;
}

bool
mf_key_filter_may_match (const MfKeyFilter *self, const MfLine *line)
{
  for (size_t i = 0; i + 4 <= line->length; i++) {
    uint32_t hash = hash_four (line->text + i);

    if (self->bits[hash / 64] >> hash % 64 & 1)
      return true;
  }
  return false;
}
