// SPDX-License-Identifier: Apache-2.0
// Blocks of known sizes behind known functions, without frame pointers.
#include <stdlib.h>

static void *volatile kept;

__attribute__ ((noinline)) void
inner_function (size_t size)
{
  kept = malloc (size);
  free (kept);
}

__attribute__ ((noinline)) int
outer_function (int depth)
{
  volatile int n = depth;  // read behind the call: no tail call
  if (depth == 0)
    inner_function (4242);
  else
    outer_function (depth - 1);
  return n;
}

static int
by_nothing (const void *a, const void *b)
{
  inner_function (2424);
  return *(const int *) a - *(const int *) b;
}

int
main (void)
{
  int values[] = { 2, 1 };
  qsort (values, 2, sizeof values[0], by_nothing);
  return outer_function (20);
}
