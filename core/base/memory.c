// SPDX-License-Identifier: Apache-2.0
// Memory whose size depends on input.
#include "base/memory.h"

#include <stdlib.h>

void *
mf_memory_resize (MfMemory *memory, void *old, size_t bytes)
{
  if (bytes == 0) {
    free (old);
    return NULL;
  }
  uint64_t number = atomic_fetch_add_explicit (&memory->requests, 1, memory_order_relaxed) + 1;
  return number == memory->fail_at ? NULL : realloc (old, bytes);
}
