// SPDX-License-Identifier: Apache-2.0
// Allocates, reallocates and frees at random, and prints between two marks what glibc itself says
// is in use: the difference of uordblks and hblkhd of mallinfo2. A mark is a block of a size that is
// asked for nowhere else.
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  BLOCKS = 500,
  STEPS = 20000,
  FIRST_MARK = 77001,
  SECOND_MARK = 77002,
  SMALL = 2000,
  LARGEST = 300000
};

static uint32_t state = 12345;

static uint32_t
next_random (void)
{
  state = state * 1103515245 + 12345;
  return state >> 8;
}

// Most requests are small, a few go to mmap. All chunks are multiples of 64 bytes, so that no chunk
// keeps a rest that is too small to be one itself.
static size_t
next_size (size_t most)
{
  return (next_random () % most | 63) - 7 - next_random () % 16;
}

static size_t
any_size (void)
{
  return next_size (next_random () % 64 ? SMALL : LARGEST);
}

static size_t
in_use (void)
{
  struct mallinfo2 now = mallinfo2 ();
  return now.uordblks + now.hblkhd;
}

// A mapped chunk that is reallocated keeps pages that its size does not need: only small blocks
// are.
static void *
resized (void *block)
{
  if (malloc_usable_size (block) <= SMALL + 64)
    return realloc (block, next_size (SMALL));
  free (block);
  return NULL;
}

static void
step (void **block)
{
  switch (next_random () % 4) {
  case 0:
    free (*block);
    *block = malloc (any_size ());
    break;
  case 1:
    free (*block);
    *block = calloc (1, any_size ());
    break;
  case 2:
    *block = resized (*block);
    break;
  default:
    free (*block);
    *block = NULL;
  }
}

static void
mark (size_t size)
{
  void *volatile block = malloc (size);
  free (block);
}

int
main (void)
{
  static void *blocks[BLOCKS];
  size_t before = in_use ();
  mark (FIRST_MARK);
  for (int i = 0; i < STEPS; i++)
    step (&blocks[next_random () % BLOCKS]);
  mark (SECOND_MARK);
  char text[32];
  int n = snprintf (text, sizeof text, "%zu\n", in_use () - before);
  fwrite (text, 1, (size_t) n, stdout);
  return 0;
}
