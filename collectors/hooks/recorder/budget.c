// SPDX-License-Identifier: Apache-2.0
// Each block begins with its size.
#include "budget.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD = 16 };
_Static_assert (sizeof (size_t) <= HEAD && _Alignof (max_align_t) <= HEAD, "a block stays aligned behind its size");

static size_t
size_of (const void *block)
{
  size_t size = 0;
  if (block)
    memcpy (&size, (const char *) block - HEAD, sizeof size);
  return size;
}

void *
mf_budget_resize (Budget *budget, void *old, size_t bytes)
{
  size_t had = size_of (old);
  char *head = old ? (char *) old - HEAD : NULL;
  if (bytes > had && (bytes - had > budget->most || budget->used > budget->most - (bytes - had)))
    return NULL;
  if (!bytes) {
    budget->used -= had;
    free (head);
    return NULL;
  }
  // A new block comes from calloc: pages that are never used cost nothing.
  head = head ? realloc (head, HEAD + bytes) : calloc (1, HEAD + bytes);
  if (!head)
    return NULL;
  if (old && bytes > had)
    memset (head + HEAD + had, 0, bytes - had);
  memcpy (head, &bytes, sizeof bytes);
  budget->used += bytes - had;
  return head + HEAD;
}
