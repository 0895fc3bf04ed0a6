// SPDX-License-Identifier: Apache-2.0
// A library is brought into a process that has no Python, which goes on as if nothing had been. The target is a child.
#include "injector.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "program.h"

typedef struct { _Atomic uint64_t rounds, wrong; _Atomic bool stop; } Shared;
static Shared *shared;
static const char *agent;

static pid_t
start (void)
{
  memset (shared, 0, sizeof *shared);
  pid_t child = fork ();
  if (child == 0) {
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    errno = ERANGE;
    while (!atomic_load (&shared->stop)) {
      atomic_fetch_add (&shared->rounds, 1);
      atomic_fetch_add (&shared->wrong, errno != ERANGE);
    }
    _exit (0);
  }
  g_usleep (20000);
  return child;
}

static void
end (pid_t child)
{
  int status;
  uint64_t rounds = atomic_load (&shared->rounds);
  for (int i = 0; i < 1000 && atomic_load (&shared->rounds) < rounds + 1000; i++)
    g_usleep (10000);
  atomic_store (&shared->stop, true);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  g_assert_cmpuint (atomic_load (&shared->wrong), ==, 0);
}

static const char *
make_region (void *user, int fd)
{
  const MfRingRegion how = { .magic = MF_RING_MAGIC, .n_slots = 4, .ring_size = 4096, .options = MF_RING_ATTACHED, .life_at = 0 };
  mf_program_clear (user);
  const char *failed = mf_program_take (user, &how, fd);
  return failed;
}

static char *
inject (pid_t child, const char *library)
{
  MfProgram program = { .exit_fd = -1, .ring_fd = -1 };
  const MfInjectorRegion region = { &program, make_region };
  MfInjection told;
  g_autoptr (GError) error = NULL;
  g_autoptr (MfProcess) process = mf_process_open (child, NULL);
  g_assert_false (mf_inject (process, library, INT64_C (10000000000), &region, &told, &error));
  mf_program_clear (&program);
  return g_strdup (error->message);
}

static unsigned
times_mapped (pid_t child, const char *words)
{
  unsigned n = 0;
  g_autoptr (MfProcess) process = mf_process_open (child, NULL);
  const GArray *mappings = mf_process_mappings (process, NULL);
  for (guint i = 0; i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    n += !mapping->offset && strstr (mapping->path, words);
  }
  return n;
}

static unsigned
open_files (pid_t child)
{
  unsigned n = 0;
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", child);
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  while (g_dir_read_name (folder))
    n++;
  return n;
}

static void
test_no_python (void)
{
  pid_t child = start ();
  unsigned files = open_files (child);
  for (int i = 0; i < 3; i++) {
    g_autofree char *said = inject (child, agent);
    g_assert_cmpstr (said, ==, "there is no Python in it that the agent can find");
  }
  g_assert_cmpuint (times_mapped (child, "memflow-agent"), ==, 1);
  g_assert_cmpuint (times_mapped (child, "memflow-rings"), ==, 0);
  g_assert_cmpuint (open_files (child), ==, files);
  end (child);
}

// What the loader says comes from it.
static void
test_no_library (void)
{
  pid_t child = start ();
  unsigned files = open_files (child);
  g_autofree char *said = inject (child, "/proc/version");
  g_assert_nonnull (strstr (said, "refuses the agent"));
  g_assert_nonnull (strstr (said, "/proc/self/fd/"));
  g_assert_cmpuint (open_files (child), ==, files);
  end (child);
}

// A call that fails changes errno, which the thread was about to read.
static void
test_no_descriptor (void)
{
  pid_t child = start ();
  const struct rlimit none = { 0, 0 };
  g_assert_cmpint (prlimit (child, RLIMIT_NOFILE, &none, NULL), ==, 0);
  g_autofree char *said = inject (child, agent);
  g_assert_nonnull (strstr (said, "could not make a file in memory"));
  end (child);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  agent = AGENT;
  if (!mf_machine ()) {
    g_print ("threads of this machine cannot be hijacked\n");
    return 77;
  }
  shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert_true (shared != MAP_FAILED);
  g_test_add_func ("/injector/no-python", test_no_python);
  g_test_add_func ("/injector/no-library", test_no_library);
  g_test_add_func ("/injector/no-descriptor", test_no_descriptor);
  return g_test_run ();
}
