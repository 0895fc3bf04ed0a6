// SPDX-License-Identifier: Apache-2.0
// A program that calls everything that the agent stands in front of, and prints what has to be
// recorded of it: op, domain, size, one line a call. Sizes are odd and its own, so that libc's
// calls are not taken for them.
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, KIND = 77 };
#define HUGE (SIZE_MAX / 2 - 77777)

static char said[8192];
static size_t n_said;

// Printed at the end: printf allocates.
static void
expect (const char *op, const char *domain, size_t size)
{
  n_said
      += (size_t) snprintf (said + n_said, sizeof said - n_said, "%s %s %zu\n", op, domain, size);
}

static void
check (int holds, const char *what)
{
  if (holds)
    return;
  fprintf (stderr, "%s\n", what);
  exit (9);
}

static void *
got (void *block, size_t size)
{
  check (block != NULL, "an allocation failed");
  expect ("alloc", "malloc", size);
  return block;
}

static void
give (void *block)
{
  errno = KIND;
  free (block);
  check (errno == KIND, "free changed errno");
}

static void
call_malloc (void)
{
  void *(*volatile get) (size_t) = malloc;
  volatile size_t many = SIZE_MAX / 2;
  void *block = got (get (70001), 70001);
  block = realloc (block, 70003);
  expect ("realloc", "malloc", 70003);
  block = reallocarray (block, 3, 23335);
  expect ("realloc", "malloc", 70005);
  check (!reallocarray (block, many, 3) && errno == ENOMEM, "reallocarray overflows");
  check (!realloc (block, HUGE) && errno == ENOMEM, "realloc of too much");
  expect ("failed", "malloc", HUGE);
  give (block);
  give (got (calloc (7, 10001), 70007));
  check (!get (HUGE + 1) && errno == ENOMEM, "malloc of too much");
  expect ("failed", "malloc", HUGE + 1);
}

static void
call_aligned (void)
{
  void *block = NULL;
  check (!posix_memalign (&block, 64, 70011), "posix_memalign");
  give (got (block, 70011));
  check (posix_memalign (&block, 64, HUGE + 2) == ENOMEM, "posix_memalign of too much");
  expect ("failed", "malloc", HUGE + 2);
  give (got (aligned_alloc (64, 70016), 70016));
  give (got (memalign (128, 70013), 70013));
  give (got (valloc (70015), 70015));
  give (got (pvalloc (70017), 70017));
}

static void
call_sized (void)
{
  void (*sized) (void *, size_t) = (void (*) (void *, size_t)) dlsym (RTLD_DEFAULT, "free_sized");
  void (*aligned) (void *, size_t, size_t)
      = (void (*) (void *, size_t, size_t)) dlsym (RTLD_DEFAULT, "free_aligned_sized");
  check (sized && aligned, "free_sized is not there");
  sized (got (malloc (70019), 70019), 70019);
  aligned (got (aligned_alloc (64, 70080), 70080), 64, 70080);
}

static char *
map (size_t size, int flags, void *at)
{
  char *pages = mmap (at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  check (pages != MAP_FAILED, "mmap");
  expect ("alloc", "map", size);
  return pages;
}

static void
call_maps (void)
{
  char *pages = map (70021, 0, NULL);
  pages = mremap (pages, 70021, 170001, MREMAP_MAYMOVE);
  expect ("realloc", "map", 170001);
  check (munmap (pages + 1, 10) && errno == EINVAL, "munmap of what is no page");
  munmap (pages, 170001);
  expect ("free", "map", 170001);
  check (mmap (NULL, HUGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
             && errno == ENOMEM,
      "mmap of too much");
  expect ("failed", "map", HUGE);
  check (mremap (NULL, PAGE, HUGE, MREMAP_MAYMOVE) == MAP_FAILED, "mremap of nothing");
  expect ("failed", "map", HUGE);
}

// A hole in the middle, another map over the end, and all that is left at once.
static void
cut_maps (void)
{
  char *pages = map (9 * PAGE + 1, 0, NULL);
  munmap (pages + 2 * PAGE, 3 * PAGE);
  expect ("realloc", "map", 2 * PAGE);
  expect ("alloc", "map", 4 * PAGE + 1);
  expect ("realloc", "map", 3 * PAGE);
  map (2 * PAGE - 1, MAP_FIXED, pages + 8 * PAGE);
  munmap (pages, 10 * PAGE);
  expect ("free", "map", 2 * PAGE);
  expect ("free", "map", 3 * PAGE);
  expect ("free", "map", 2 * PAGE - 1);
}

static void
move_the_break (void)
{
  char *end = sbrk (0);
  check (sbrk (5001) == end, "sbrk");
  expect ("alloc", "break", 5001);
  check (sbrk (-1001) == end + 5001, "sbrk back");
  expect ("realloc", "break", 4000);
  check (!brk (end + 9001), "brk");
  expect ("alloc", "break", 5001);
  check (!brk (end), "brk back");
  expect ("free", "break", 4000);
  expect ("free", "break", 5001);
  check (sbrk (INTPTR_MAX) == (void *) -1, "sbrk of too much");
  expect ("failed", "break", INTPTR_MAX);
}

int
main (void)
{
  call_malloc ();
  call_aligned ();
  call_sized ();
  call_maps ();
  cut_maps ();
  move_the_break ();
  fputs (said, stdout);
  return 0;
}
