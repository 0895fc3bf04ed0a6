// SPDX-License-Identifier: Apache-2.0
// Starting a program with posix_spawn; the region is a sealed memfd that only it and its children inherit.
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex.h"
#include "pid-space.h"

extern char **environ;

const char *
mf_program_take (MfProgram *program, const MfRingRegion *how, int ring_fd)
{
  *program = (MfProgram) { .exit_fd = -1, .ring_fd = ring_fd };
  program->region_size = mf_ring_region_size (how->n_slots, how->ring_size);
  if (ftruncate (program->ring_fd, (off_t) program->region_size)
      || fcntl (program->ring_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
    return "cannot size the shared memory of the rings";
  void *region = mmap (NULL, program->region_size, PROT_READ | PROT_WRITE, MAP_SHARED, program->ring_fd, 0);
  if (region == MAP_FAILED)
    return "cannot map the shared memory of the rings";
  program->region = region;
  memcpy (region, how, sizeof *how);
  program->region->space = mf_pid_space ();
  return NULL;
}

const char *
mf_program_prepare (MfProgram *program, const MfRingRegion *how)
{
  int fd = memfd_create ("memflow-rings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  *program = (MfProgram) { .exit_fd = -1, .ring_fd = -1 };
  return fd < 0 ? "cannot create the shared memory of the rings" : mf_program_take (program, how, fd);
}

// ---- starting

static bool
is_ours (const char *variable)
{
  return !strncmp (variable, "LD_PRELOAD=", 11) || !strncmp (variable, MF_RING_VARIABLE "=", sizeof MF_RING_VARIABLE);
}

// The environment with the agent in front of what is preloaded already.
static char **
environment_with (char *preload, char *ring)
{
  size_t n = 0;
  while (environ[n])
    n++;
  char **copy = calloc (n + 3, sizeof *copy);
  if (!copy)
    return NULL;
  size_t k = 0;
  for (size_t i = 0; i < n; i++)
    if (!is_ours (environ[i]))
      copy[k++] = environ[i];
  copy[k++] = preload;
  copy[k] = ring;
  return copy;
}

// memflow blocks and handles signals; the program starts with none of that. What ends programs and was ignored before
// memflow began (nohup, jobs of a script) stays so.
static void
choose_defaults (sigset_t *defaults)
{
  static const int ends[] = { SIGHUP, SIGINT, SIGQUIT };
  struct sigaction action;
  sigfillset (defaults);
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
    if (!sigaction (ends[i], NULL, &action) && action.sa_handler == SIG_IGN)
      sigdelset (defaults, ends[i]);
}

static int
spawn_with (MfProgram *program, char *const *words, char **environment)
{
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  sigemptyset (&none);
  choose_defaults (&defaults);
  posix_spawn_file_actions_init (&files);
  posix_spawnattr_init (&attributes);
  posix_spawn_file_actions_adddup2 (&files, program->ring_fd, program->ring_fd);  // keeps it open across exec
  if (program->output)
    posix_spawn_file_actions_adddup2 (&files, program->output, STDOUT_FILENO);
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setsigdefault (&attributes, &defaults);
  posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int error = posix_spawnp (&program->process, words[0], &files, &attributes, words, environment);
  posix_spawn_file_actions_destroy (&files);
  posix_spawnattr_destroy (&attributes);
  return error;
}

static int
spawn_words (MfProgram *program, const char *const *words, uint32_t n, const char *agent)
{
  const char *others = getenv ("LD_PRELOAD");
  char *preload, ring[80], **environment = NULL;
  if (asprintf (&preload, "LD_PRELOAD=%s%s%s", agent, others && *others ? ":" : "", others ? others : "") < 0)
    return ENOMEM;
  snprintf (ring, sizeof ring, MF_RING_VARIABLE "=%d:%d:%d", program->ring_fd, (int) getpid (), program->ring_fd);
  char **arguments = calloc (n + 1, sizeof *arguments);
  environment = environment_with (preload, ring);
  for (uint32_t i = 0; arguments && i < n; i++)
    arguments[i] = (char *) words[i];
  int error = arguments && environment ? spawn_with (program, arguments, environment) : ENOMEM;
  free (environment);
  free (arguments);
  free (preload);
  return error;
}

const char *
mf_program_start (MfProgram *program, const char *const *words, uint32_t n, const char *agent)
{
  int error = spawn_words (program, words, n, agent);
  if (error) {
    program->process = 0;
    errno = error;
    return "cannot start the program";
  }
  program->exit_fd = (int) syscall (SYS_pidfd_open, program->process, 0U);
  return NULL;
}

// ---- watching

bool
mf_program_is_gone (int32_t process)
{
  return kill (process, 0) != 0 && errno == ESRCH;
}

static bool
has_ended_elsewhere (MfProgram *program)
{
  struct pollfd end = { .fd = program->exit_fd, .events = POLLIN };
  program->ended = program->exit_fd >= 0 ? poll (&end, 1, 0) > 0 : mf_program_is_gone (program->process);
  return program->ended;
}

bool
mf_program_has_ended (MfProgram *program)
{
  siginfo_t about = { 0 };
  if (program->ended || !program->process)
    return true;
  if (program->was_running)
    return has_ended_elsewhere (program);
  if (waitid (P_PID, (id_t) program->process, &about, WEXITED | WNOHANG) || !about.si_pid)
    return false;
  program->ended = true;
  program->status = about.si_code == CLD_EXITED ? about.si_status : 128 + about.si_status;
  return true;
}

void
mf_program_sleep (MfProgram *program, uint32_t bell, uint32_t microseconds)
{
  atomic_store (&program->region->asleep, 1);
  mf_futex_wait (&program->region->bell, bell, microseconds * 1000);
  atomic_store (&program->region->asleep, 0);
}

void
mf_program_clear (MfProgram *program)
{
  if (program->process && !program->was_running && !mf_program_has_ended (program)) {
    kill (program->process, SIGKILL);
    while (waitpid (program->process, NULL, 0) < 0 && errno == EINTR)
      continue;
  }
  if (program->region)
    munmap (program->region, program->region_size);
  if (program->ring_fd > 0)
    close (program->ring_fd);
  if (program->exit_fd > 0)
    close (program->exit_fd);
  *program = (MfProgram) { .exit_fd = -1, .ring_fd = -1 };
}
