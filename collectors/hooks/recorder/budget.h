// SPDX-License-Identifier: Apache-2.0
// All memory of memflow-record passes here: a request that would exceed the limit is refused.
#pragma once

#include <stddef.h>

typedef struct {
  size_t used, most;  // bytes
} Budget;

// As realloc; 0 bytes frees. The memory is zero where it is new. NULL = refused, the old block stays.
void *mf_budget_resize (Budget *budget, void *old, size_t bytes);
