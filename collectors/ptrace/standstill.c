// SPDX-License-Identifier: Apache-2.0
// PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH: no signal is sent, and a system call that waits goes on waiting.
#include "standstill.h"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

typedef struct {
  int32_t id;
  bool stands;
  int signal;  // that it was about to get
} Thread;

struct MfStandstill {
  const MfProcess *process;
  GArray *threads;  // of Thread
  int64_t since_us;
};

static Thread *
thread_at (const MfStandstill *standstill, guint i)
{
  return &g_array_index (standstill->threads, Thread, i);
}

static bool
is_known (const MfStandstill *standstill, int32_t id)
{
  for (guint i = 0; i < standstill->threads->len; i++)
    if (thread_at (standstill, i)->id == id)
      return true;
  return false;
}

// Seizes the threads that are there and not yet held. Returns how many; `why` is the errno of the last that could not be.
static guint
seize_new (MfStandstill *standstill, int *why)
{
  guint n = 0;
  g_autoptr (GArray) ids = mf_process_threads (standstill->process);
  for (guint i = 0; i < ids->len; i++) {
    const Thread thread = { .id = g_array_index (ids, int32_t, i) };
    if (is_known (standstill, thread.id))
      continue;
    if (ptrace (PTRACE_SEIZE, thread.id, 0, 0)) {
      *why = errno;
      continue;
    }
    ptrace (PTRACE_INTERRUPT, thread.id, 0, 0);
    g_array_append_val (standstill->threads, thread);
    n++;
  }
  return n;
}

// False = the thread has ended.
static bool
await (Thread *thread)
{
  int status;
  while (waitpid (thread->id, &status, __WALL) < 0)
    if (errno != EINTR)
      return false;
  if (!WIFSTOPPED (status))
    return false;
  thread->signal = status >> 16 ? 0 : WSTOPSIG (status);  // an event of ptrace's own is no signal
  return thread->stands = true;
}

static void
await_all (MfStandstill *standstill)
{
  for (guint i = 0; i < standstill->threads->len;) {
    if (thread_at (standstill, i)->stands || await (thread_at (standstill, i)))
      i++;
    else
      g_array_remove_index_fast (standstill->threads, i);
  }
}

MfStandstill *
mf_standstill_begin (const MfProcess *process, GError **error)
{
  int why = ESRCH;
  MfStandstill *standstill = g_new0 (MfStandstill, 1);
  standstill->process = process;
  standstill->threads = g_array_new (FALSE, FALSE, sizeof (Thread));
  standstill->since_us = g_get_monotonic_time ();
  while (seize_new (standstill, &why))  // one that runs on may start another
    await_all (standstill);
  if (standstill->threads->len)
    return standstill;
  mf_standstill_end (standstill);
  g_set_error (error, MF_PROCESS_ERROR, why == ESRCH ? MF_PROCESS_ERROR_GONE : MF_PROCESS_ERROR_FORBIDDEN,
      "cannot stop process %d: %s%s", mf_process_id (process), g_strerror (why),
      why == EPERM ? " (another debugger holds it, or it is not for this user)" : "");
  return NULL;
}

int64_t
mf_standstill_end (MfStandstill *standstill)
{
  for (guint i = 0; i < standstill->threads->len; i++)
    ptrace (PTRACE_DETACH, thread_at (standstill, i)->id, 0, thread_at (standstill, i)->signal);
  int64_t length = g_get_monotonic_time () - standstill->since_us;
  g_array_unref (standstill->threads);
  g_free (standstill);
  return length * 1000;
}
