// SPDX-License-Identifier: Apache-2.0
// How long it takes to read the heap of pymalloc of a large process that runs on, and that the figures are those of a walk while
// it stands. Prints the least of some rounds: a machine that is shared with others adds, it never takes away.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pymalloc.h"
#include "standstill.h"

enum { ROUNDS = 10, NOT_HERE = 77 };

// About 180 MB of small objects; a third of the pools have holes, a part of these at random. Busy: half of that is made again
// and again.
static const char target[] =
  "import random, sys\n"
  "random.seed(7)\n"
  "kept = [(i, str(i), bytes(i & 255)) for i in range(540000)]\n"
  "for i in range(180000):\n"
  "    if random.random() < 0.4:\n"
  "        kept[i] = None\n"
  "print(flush=True)\n"
  "while sys.argv[1] == 'busy':\n"
  "    for i in range(100000):\n"
  "        kept[i] = (i, str(i), bytes(i & 255)) if i % 5 else None\n"
  "sys.stdin.readline()\n";

typedef struct {
  pid_t pid;
  int told, ask;
} Target;

static void
run_target (const char *python, const char *how, const int *in, const int *out)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  dup2 (in[0], STDIN_FILENO);
  dup2 (out[1], STDOUT_FILENO);
  close (in[1]);
  execl (python, python, "-c", target, how, NULL);
  _exit (127);
}

static bool
start (const char *python, const char *how, Target *its)
{
  int in[2], out[2];
  char line;
  if (pipe (in) || pipe (out))
    return false;
  its->pid = fork ();
  if (its->pid == 0)
    run_target (python, how, in, out);
  close (in[0]);
  close (out[1]);
  its->told = out[0];
  its->ask = in[1];
  return read (its->told, &line, 1) == 1;
}

static void
stop (Target *its)
{
  kill (its->pid, SIGKILL);
  waitpid (its->pid, NULL, 0);
  close (its->told);
  close (its->ask);
}

static double
now_ms (void)
{
  struct timespec now;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

typedef struct {
  MfPymallocStats stats;
  double find_ms, walk_ms;
  uint64_t bytes_read;
  uint32_t pools, retried, inconsistent;
} Look;

static bool
look (MfProcess *process, const MfPythonRuntime *runtime, Look *its)
{
  MfArenaVector vector;
  MfPymallocHeap heap = { 0 };
  uint64_t interpreter = mf_python_next_interpreter (process, runtime, 0);
  double begin = now_ms ();
  bool read = mf_pymalloc_find (process, runtime, interpreter, &vector, NULL);
  its->find_ms = now_ms () - begin;
  begin = now_ms ();
  read = read && mf_pymalloc_walk (process, runtime, &vector, &heap, NULL);
  its->walk_ms = now_ms () - begin;
  if (read) {
    mf_pymalloc_stats (&heap, &its->stats);
    its->bytes_read = heap.bytes_read;
    its->pools = heap.pools->len;
    its->retried = heap.retried;
    its->inconsistent = heap.inconsistent;
  }
  mf_pymalloc_heap_clear (&heap);
  return read;
}

static uint64_t
used_blocks (const MfPymallocStats *stats)
{
  uint64_t n = 0;
  for (uint32_t i = 0; i < stats->n_classes; i++)
    n += stats->classes[i].used;
  return n;
}

static bool
look_often (MfProcess *process, const MfPythonRuntime *runtime, const char *how, Look *best, double most_ms)
{
  for (int i = 0; i < ROUNDS; i++) {
    Look now = { 0 };
    if (!look (process, runtime, &now))
      return false;
    if (i == 0 || now.walk_ms < best->walk_ms)
      *best = now;
  }
  printf ("# %s: %u pools in %u arenas, %llu blocks in use, %.1f MB read, %u pools read again, %u inconsistent, found in %.2f ms\n", how,
      best->pools, (unsigned) best->stats.arenas, (unsigned long long) used_blocks (&best->stats), (double) best->bytes_read / 1e6,
      best->retried, best->inconsistent, best->find_ms);
  printf ("# measured %s-walk %.1f ms <= %.0f\n", how, best->walk_ms, most_ms);
  return best->walk_ms <= most_ms;
}

// The same process, standing.
static bool
compare (MfProcess *process, const MfPythonRuntime *runtime, const Look *running, bool same)
{
  Look standing = { 0 };
  MfStandstill *standstill = mf_standstill_begin (process, NULL);
  bool read = standstill && look (process, runtime, &standing);
  int64_t stood_ns = standstill ? mf_standstill_end (standstill) : 0;
  double differs = (double) used_blocks (&running->stats) / (double) used_blocks (&standing.stats) - 1;
  printf ("# standing: %.1f ms, stood still for %.1f ms, %u pools read again, blocks in use differ by %+.4f %%\n", standing.walk_ms,
      (double) stood_ns / 1e6, standing.retried, differs * 100);
  return read && !standing.retried && !standing.inconsistent
      && (!same || memcmp (&running->stats, &standing.stats, sizeof standing.stats) == 0);
}

static int
measure (const char *python, const char *how, double most_ms)
{
  g_autoptr (GError) error = NULL;
  Target its = { 0 };
  MfPythonRuntime runtime = { 0 };
  Look running = { 0 };
  int status = NOT_HERE;
  bool started = start (python, how, &its);
  g_autoptr (MfProcess) process = started ? mf_process_open (its.pid, &error) : NULL;
  if (process && mf_python_runtime_find (process, &runtime, &error)) {
    bool quick = look_often (process, &runtime, how, &running, most_ms);
    status = compare (process, &runtime, &running, strcmp (how, "quiet") == 0) && quick ? 0 : 1;
  } else
    printf ("# skipped: %s\n", error ? error->message : "no Python");
  mf_python_runtime_clear (&runtime);
  stop (&its);
  return status;
}

int
main (int argc, char **argv)
{
  if (argc != 3)
    return fprintf (stderr, "usage: %s PYTHON MOST_MS\n", argv[0]), 2;
  int quiet = measure (argv[1], "quiet", atof (argv[2])), busy = measure (argv[1], "busy", atof (argv[2]));
  return quiet ? quiet : busy;
}
