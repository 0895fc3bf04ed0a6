// SPDX-License-Identifier: Apache-2.0
// A robust mutex in the region is the sign of life of the reader: the kernel itself tells the agent when it dies.
#include "attached-program.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "injector/target-state.h"
#include "python-runtime.h"

// ---- the sign of life

_Static_assert (sizeof (pthread_mutex_t) <= sizeof ((MfRingRegion *) 0)->life, "a mutex finds room in a region");

// A mutex that is held contains the number of the thread that holds it.
static uint32_t
place_of_holder (const MfRingRegion *region)
{
  enum { NUMBER = 0x3fffffff };  // FUTEX_TID_MASK
  uint32_t holder = (uint32_t) syscall (SYS_gettid), word;
  for (uint32_t at = offsetof (MfRingRegion, life); at < sizeof *region; at += sizeof word) {
    memcpy (&word, (const uint8_t *) region + at, sizeof word);
    if ((word & NUMBER) == holder)
      return at;
  }
  return 0;
}

static int
hold_life (MfRingRegion *region)
{
  pthread_mutexattr_t how;
  pthread_mutex_t *mutex = (pthread_mutex_t *) region->life;
  pthread_mutexattr_init (&how);
  pthread_mutexattr_setpshared (&how, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust (&how, PTHREAD_MUTEX_ROBUST);
  int failed = pthread_mutex_init (mutex, &how);
  pthread_mutexattr_destroy (&how);
  if (!failed)
    failed = pthread_mutex_lock (mutex);
  region->life_at = failed ? 0 : place_of_holder (region);
  return failed ? failed : region->life_at ? 0 : ENOTSUP;
}

static void
let_life_go (MfRingRegion *region)
{
  if (region && region->life_at)
    pthread_mutex_unlock ((pthread_mutex_t *) region->life);
}

// ---- attaching

static bool
is_python (MfProcess *process, GError **error)
{
  MfPythonRuntime runtime;
  GError *why = NULL;
  bool found = mf_python_runtime_find (process, &runtime, &why);
  mf_python_runtime_clear (&runtime);
  // What the agent can do without is not asked for: it may know more, and says itself what it does not know.
  bool needed = why && (g_error_matches (why, MF_PYTHON_ERROR, MF_PYTHON_ERROR_NONE)
      || g_error_matches (why, MF_PYTHON_ERROR, MF_PYTHON_ERROR_NOT_READY));
  if (needed)
    g_propagate_error (error, why);
  else
    g_clear_error (&why);
  return found || !needed;
}

bool
mf_attached_program_open (MfAttachedProgram *attached, int32_t process, GError **error)
{
  attached->process = mf_process_open (process, error);
  if (!attached->process || !mf_target_check (attached->process, attached->filtered, attached->by_script, error) || !is_python (attached->process, error))
    return false;
  attached->program = mf_process_program (attached->process);
  return true;
}

typedef struct { MfProgram *program; const MfRingRegion *how; int32_t process; } Making;

// May be called again, when a thread could not go on: what it had is let go.
static const char *
make_region (void *user, int fd)
{
  Making *making = user;
  if (making->program->region)
    mf_attached_program_end (making->program);
  mf_program_clear (making->program);
  const char *failed = mf_program_take (making->program, making->how, fd);
  making->program->process = making->process;
  making->program->was_running = true;
  if (failed)
    return failed;
  errno = hold_life (making->program->region);
  return errno ? "cannot make the sign of life" : NULL;
}

bool
mf_attached_program_begin (MfAttachedProgram *attached, MfProgram *program, const MfRingRegion *how, const char *agent,
    GError **error)
{
  int32_t process = mf_process_id (attached->process);
  Making making = { program, how, process };
  const MfInjectorRegion region = { &making, make_region };
  bool done = attached->by_script ? mf_inject_by_script (attached->process, agent, attached->limit, &region, error)
      : mf_inject (attached->process, agent, attached->limit, &region, &attached->told, error);
  if (!done)
    return false;
  program->exit_fd = (int) syscall (SYS_pidfd_open, process, 0U);
  return true;
}

bool
mf_attached_program_was_replaced (const MfAttachedProgram *attached)
{
  uint64_t now = mf_process_program (attached->process);
  return now && now != attached->program;
}

void
mf_attached_program_end (MfProgram *program)
{
  if (!program->region || !program->was_running)
    return;
  atomic_store (&program->region->detached, 1);
  let_life_go (program->region);
  program->region->life_at = 0;
}

void
mf_attached_program_empty (MfProgram *program)
{
  if (program->region && program->was_running)
    madvise ((uint8_t *) program->region + MF_RING_PAGE, program->region_size - MF_RING_PAGE, MADV_REMOVE);
}

void
mf_attached_program_clear (MfAttachedProgram *attached)
{
  g_clear_pointer (&attached->process, mf_process_close);
}
