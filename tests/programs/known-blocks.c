// SPDX-License-Identifier: Apache-2.0
// Asks the malloc family for blocks that a test knows, in two threads; built for other machines and C libraries.
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 1000 };
static void *kept[BLOCKS];
static const volatile size_t too_much = SIZE_MAX - 99999;

static void *
work (void *unused)
{
  (void) unused;
  for (int i = 0; i < BLOCKS; i++)
    free (malloc (10002));
  return NULL;
}

int
main (void)
{
  pthread_t thread;
  void *block;
  pthread_create (&thread, NULL, work, NULL);
  for (int i = 0; i < BLOCKS; i++)
    kept[i] = malloc (10001);
  for (int i = 0; i < BLOCKS / 2; i++)
    free (kept[i]);
  for (int i = 0; i < BLOCKS; i++)
    free (calloc (3, 3337));
  for (int i = 0; i < BLOCKS; i++)
    free (realloc (malloc (10003), 20003));
  if (posix_memalign (&block, 256, 10005) || (uintptr_t) block % 256)
    return 1;
  free (block);
  free (aligned_alloc (64, 10048));
  free (memalign (64, 10007));
  free (malloc (too_much));
  pthread_join (thread, NULL);
  puts ("done");
  return 0;
}
