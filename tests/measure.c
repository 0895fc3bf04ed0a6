// SPDX-License-Identifier: Apache-2.0
// measure [-o FILE] COMMAND...: runs a test and says what it cost, in the lines that scripts/report.py collects.
// In C because a child's peak memory includes its parent's before exec: a Python parent would hide all below 10 MiB.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double
seconds (struct timeval t)
{
  return (double) t.tv_sec + (double) t.tv_usec / 1e6;
}

static pid_t
spawn (char **command)
{
  pid_t child = fork ();
  if (child != 0)
    return child;
  prctl (PR_SET_PDEATHSIG, SIGKILL);  // ctest ends a test that takes too long by killing us
  execvp (command[0], command);
  fprintf (stderr, "measure: cannot run %s: %s\n", command[0], strerror (errno));
  _exit (127);
}

static int
print_cost (const char *path, const struct rusage *cost)
{
  FILE *out = path ? fopen (path, "w") : stdout;
  if (!out) {
    fprintf (stderr, "measure: cannot write %s: %s\n", path, strerror (errno));
    return -1;
  }
  fprintf (out, "# measured peak-memory %ld KiB\n# measured cpu-time %.3f s\n", cost->ru_maxrss,
      seconds (cost->ru_utime) + seconds (cost->ru_stime));
  return out == stdout ? fflush (out) : fclose (out);
}

// The command's own end becomes ours, so that ctest sees a crash as a crash.
static int
end_like (int status)
{
  if (WIFSIGNALED (status)) {
    signal (WTERMSIG (status), SIG_DFL);
    setrlimit (RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    raise (WTERMSIG (status));
  }
  return WEXITSTATUS (status);
}

int
main (int argc, char **argv)
{
  int has_path = argc > 2 && strcmp (argv[1], "-o") == 0;
  char **command = argv + (has_path ? 3 : 1);
  if (!command[0]) {
    fprintf (stderr, "usage: measure [-o FILE] COMMAND...\n");
    return 2;
  }

  pid_t child = spawn (command);
  int status;
  struct rusage cost;
  if (child < 0 || wait4 (child, &status, 0, &cost) < 0) {
    fprintf (stderr, "measure: cannot run %s: %s\n", command[0], strerror (errno));
    return 1;
  }
  if (print_cost (has_path ? argv[2] : NULL, &cost) != 0)
    return 1;
  return end_like (status);
}
