// SPDX-License-Identifier: Apache-2.0
// Memory whose size depends on input.
#include "base/memory.h"

#include <malloc.h>
#include <stdlib.h>

static void
count (MfMemory *memory, size_t before, size_t after)
{
  uint64_t bytes = atomic_fetch_add_explicit (&memory->bytes, after - before, memory_order_relaxed)
                   + after - before;
  uint64_t peak = atomic_load_explicit (&memory->peak, memory_order_relaxed);
  while (bytes > peak
         && !atomic_compare_exchange_weak_explicit (
             &memory->peak, &peak, bytes, memory_order_relaxed, memory_order_relaxed))
    ;
}

void *
mf_memory_resize (MfMemory *memory, void *old, size_t bytes)
{
  size_t before = malloc_usable_size (old);
  if (bytes == 0) {
    count (memory, before, 0);
    free (old);
    return NULL;
  }
  uint64_t number = atomic_fetch_add_explicit (&memory->requests, 1, memory_order_relaxed) + 1;
  void *new = number == memory->fail_at ? NULL : realloc (old, bytes);
  if (new)
    count (memory, before, malloc_usable_size (new));
  return new;
}
