// SPDX-License-Identifier: Apache-2.0
// Starting a program with posix_spawn; the region is a sealed memfd that only it and its children inherit.
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

const char *
mf_program_prepare (MfProgram *program, const MfRingRegion *how)
{
  *program = (MfProgram) { .exit_fd = -1, .ring_fd = memfd_create ("memflow-rings", MFD_CLOEXEC | MFD_ALLOW_SEALING) };
  if (program->ring_fd < 0)
    return "cannot create the shared memory of the rings";
  program->region_size = mf_ring_region_size (how->n_slots, how->ring_size);
  if (ftruncate (program->ring_fd, (off_t) program->region_size)
      || fcntl (program->ring_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
    return "cannot size the shared memory of the rings";
  void *region = mmap (NULL, program->region_size, PROT_READ | PROT_WRITE, MAP_SHARED, program->ring_fd, 0);
  if (region == MAP_FAILED)
    return "cannot map the shared memory of the rings";
  program->region = region;
  memcpy (region, how, sizeof *how);
  return NULL;
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

// memflow blocks and handles signals; the program starts with none of that.
static int
spawn_with (MfProgram *program, char *const *words, char **environment)
{
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset (&none);
  sigfillset (&all);
  posix_spawn_file_actions_init (&files);
  posix_spawnattr_init (&attributes);
  posix_spawn_file_actions_adddup2 (&files, program->ring_fd, program->ring_fd);  // keeps it open across exec
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setsigdefault (&attributes, &all);
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
  char *preload, ring[48], **environment = NULL;
  if (asprintf (&preload, "LD_PRELOAD=%s%s%s", agent, others && *others ? ":" : "", others ? others : "") < 0)
    return ENOMEM;
  snprintf (ring, sizeof ring, MF_RING_VARIABLE "=%d", program->ring_fd);
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
  if (access (agent, R_OK))
    return "cannot read the agent";
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
mf_program_has_ended (MfProgram *program)
{
  siginfo_t about = { 0 };
  if (program->ended || !program->process)
    return true;
  if (waitid (P_PID, (id_t) program->process, &about, WEXITED | WNOHANG) || !about.si_pid)
    return false;
  program->ended = true;
  program->status = about.si_code == CLD_EXITED ? about.si_status : 128 + about.si_status;
  return true;
}

void
mf_program_sleep (MfProgram *program, uint32_t bell, uint32_t microseconds)
{
  const struct timespec most = { 0, (long) microseconds * 1000 };
  atomic_store (&program->region->asleep, 1);
  syscall (SYS_futex, &program->region->bell, FUTEX_WAIT, bell, &most, NULL, 0);
  atomic_store (&program->region->asleep, 0);
}

void
mf_program_clear (MfProgram *program)
{
  if (program->process && !mf_program_has_ended (program)) {
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
