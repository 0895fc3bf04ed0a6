// SPDX-License-Identifier: Apache-2.0
// Memory whose size depends on input: may be refused, and lets tests refuse the n-th request.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  _Atomic uint64_t requests; // so far
  uint64_t fail_at;          // number of the request that is refused; 0 = none
  _Atomic uint64_t bytes;    // held now, as the allocator rounds them
  _Atomic uint64_t peak;     // the most that was held at one time
} MfMemory;

// As realloc, but size 0 frees and returns NULL, and there are no other surprises. Any thread.
void *mf_memory_resize (MfMemory *memory, void *old, size_t bytes);
