// SPDX-License-Identifier: Apache-2.0
// Memory whose size depends on the trace comes from the caller, who may refuse it.
#pragma once

#include <stddef.h>

// `resize` is realloc; NULL = there is none; 0 bytes frees.
typedef struct {
  void *user;
  void *(*resize) (void *user, void *old, size_t bytes);
} MfTraceMemory;

static inline void *
mf_trace_resize (const MfTraceMemory *memory, void *old, size_t bytes)
{
  return memory->resize (memory->user, old, bytes);
}

static inline void
mf_trace_release (const MfTraceMemory *memory, void *old)
{
  if (old)
    memory->resize (memory->user, old, 0);
}
