// SPDX-License-Identifier: Apache-2.0
// What one look at the stack of a busy thread costs, 31 frames deep, beside bare copies: of one word, and of as many bytes from as
// many places. Prints the least of some rounds: a machine that is shared with others adds, it never takes away.
#include <memflow/event.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "python-stacks.h"

enum { DEPTH = 31, LOOKS = 200, ROUNDS = 300, CHUNK = 4096, STATE = 360, PLACES = 7, NOT_HERE = 77 };
// The limit holds where a copy of one word takes so long (15 us for 34 of them); a slower machine has more.
static const double usual_word_ns = 440;

// A frame for each call, the module and the function that never returns.
static const char target[] =
  "def work(n):\n"
  "    return work(n - 1) if n else spin()\n"
  "def spin():\n"
  "    while True:\n"
  "        sum((1, 2, 3))\n"
  "print(flush=True)\n"
  "work(28)\n";

// ---- the target

static pid_t
start (const char *python, int *told)
{
  int ends[2];
  if (pipe (ends))
    return -1;
  pid_t child = fork ();
  if (child == 0) {
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    dup2 (ends[1], STDOUT_FILENO);
    execl (python, python, "-c", target, NULL);
    _exit (127);
  }
  close (ends[1]);
  *told = ends[0];
  return child;
}

static bool
is_ready (int told)
{
  char line;
  bool ready = read (told, &line, 1) == 1;
  g_usleep (100000);
  return ready;
}

// ---- one look

static MfString
intern (void *user, const char *text, size_t n)
{
  (void) user;
  g_autofree char *name = g_strndup (text, n);
  return (MfString) { g_quark_from_string (name) };
}

static MfStack
intern_stack (void *user, MfStack caller, MfFrame frame)
{
  (void) user, (void) frame;
  return (MfStack) { caller.id + 1 };
}

static double
now_ns (void)
{
  struct timespec now;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

static double
looks (MfStackReader *reader, uint32_t *frames)
{
  double from = now_ns ();
  for (int i = 0; i < LOOKS; i++) {
    const GArray *stacks = mf_stack_reader_take (reader, (int64_t) from + i * 1000000);  // as at 1 kHz: names are checked as often
    if (!stacks || !stacks->len)
      return 0;
    *frames = g_array_index (stacks, MfThreadStack, 0).frames;
  }
  return (now_ns () - from) / LOOKS;
}

static double
bare_copies (pid_t pid, uint64_t at, unsigned places)
{
  static char room[2 * CHUNK + STATE];
  const size_t sizes[PLACES] = { 8, STATE, 8, CHUNK, 8, CHUNK, 8 };
  struct iovec into[PLACES], from[PLACES];
  for (int i = 0; i < PLACES; i++) {
    into[i] = (struct iovec) { room, sizes[i] };
    from[i] = (struct iovec) { (void *) (uintptr_t) at, sizes[i] };
  }
  double begin = now_ns ();
  for (int i = 0; i < LOOKS; i++)
    if (process_vm_readv (pid, into, places, from, places, 0) < 8)
      return 0;
  return (now_ns () - begin) / LOOKS;
}

// ---- the comparison

static int
compare (MfProcess *process, const MfPythonRuntime *runtime, double most_ns, double most_ratio)
{
  const MfStackNames names = { NULL, intern, intern_stack };
  g_autoptr (MfStackReader) reader = mf_stack_reader_new (process, runtime, &names);
  double look = 1e18, bare = 1e18, word = 1e18;
  uint32_t frames = 0;
  for (int i = 0; i < ROUNDS; i++) {
    word = MIN (word, bare_copies (mf_process_id (process), runtime->state, 1));
    bare = MIN (bare, bare_copies (mf_process_id (process), runtime->state, PLACES));
    look = MIN (look, looks (reader, &frames));
  }
  MfStackCounts counts = mf_stack_reader_counts (reader);
  most_ns *= MAX (word / usual_word_ns, 1);
  printf ("# measured depth %u frames >= %d\n", frames, DEPTH);
  printf ("# measured word-copy %.0f ns\n# measured bare-copy %.0f ns\n# measured sample %.0f ns <= %.0f\n", word, bare, look, most_ns);
  printf ("# measured sample-to-copy %.2f ratio <= %.2f\n", look / bare, most_ratio);
  printf ("# measured torn %.4f ratio\n", (double) counts.torn / (double) MAX (counts.stacks, 1));
  return look > 0 && bare > 0 && frames >= DEPTH - 1 && look <= most_ns && look / bare <= most_ratio ? 0 : 1;
}

static int
measure (pid_t pid, double most_ns, double most_ratio)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MfProcess) process = mf_process_open (pid, &error);
  MfPythonRuntime runtime = { 0 };
  int status = NOT_HERE;
  if (process && mf_python_runtime_find (process, &runtime, &error))
    status = compare (process, &runtime, most_ns, most_ratio);
  else
    printf ("# skipped: %s\n", error->message);
  mf_python_runtime_clear (&runtime);
  return status;
}

int
main (int argc, char **argv)
{
  int told;
  if (argc != 4)
    return fprintf (stderr, "usage: %s PYTHON MOST_NS MOST_RATIO\n", argv[0]), 2;
  pid_t pid = start (argv[1], &told);
  int status = pid > 0 && is_ready (told) ? measure (pid, atof (argv[2]), atof (argv[3])) : NOT_HERE;
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  return status;
}
