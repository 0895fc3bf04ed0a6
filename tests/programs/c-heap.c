// SPDX-License-Identifier: Apache-2.0
// Threads that leave chunks of all kinds behind: used, free, in fast bins, in caches, mapped. Prints what mallinfo2() says and
// stops itself.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 4, BLOCKS = 2000, STEPS = 20000, LARGEST = 3000 };

static void *kept[THREADS][BLOCKS];
static pthread_barrier_t done;

static void
churn (uint32_t thread)
{
  uint32_t state = thread * 77 + 5;
  for (int i = 0; i < STEPS; i++) {
    state = state * 1103515245 + 12345;
    void **block = &kept[thread][(state >> 8) % BLOCKS];
    free (*block);
    *block = (state >> 20) % 3 ? malloc ((state >> 10) % LARGEST) : NULL;
  }
}

static void *
run (void *number)
{
  churn ((uint32_t) (uintptr_t) number);
  pthread_barrier_wait (&done);
  pause ();
  return NULL;
}

// More small chunks of one size than a cache takes: the others go to a fast bin.
static void
fill_fast_bin (void)
{
  void *volatile small[50];
  for (int i = 0; i < 50; i++)
    small[i] = malloc (40);
  for (int i = 0; i < 50; i++)
    free (small[i]);
}

int
main (void)
{
  pthread_barrier_init (&done, NULL, THREADS);
  for (uintptr_t i = 1; i < THREADS; i++) {
    pthread_t thread;
    pthread_create (&thread, NULL, run, (void *) i);
  }
  churn (0);
  void *volatile mapped[] = { malloc (300000), malloc (350000), malloc (400000) };
  free (mapped[1]);
  pthread_barrier_wait (&done);
  fill_fast_bin ();
  struct mallinfo2 now = mallinfo2 ();
  char text[256];
  int n = snprintf (text, sizeof text, "%zu %zu %zu %zu %zu %zu %zu %zu %zu\n", now.arena, now.ordblks, now.smblks, now.hblks,
      now.hblkhd, now.fsmblks, now.uordblks, now.fordblks, now.keepcost);
  if (write (STDOUT_FILENO, text, (size_t) n) == n)
    kill (getpid (), SIGSTOP);
  return 0;
}
