// SPDX-License-Identifier: Apache-2.0
// What the program says itself: names for places in time, and when to record. memflow.py is built
// on these two functions.
#include "agent.h"

#include <errno.h>

#define MF_EXPORT __attribute__ ((visibility ("default")))

// Both return 1 when there is an agent that has recorded it, and leave errno alone.
MF_EXPORT int memflow_mark (const char *name, unsigned kind);
MF_EXPORT int memflow_record (int on);

// A program that was running already has not asked for the library: what it may have found of it comes and goes.
static bool
is_there (void)
{
  return mf_agent.region && !mf_agent.life;
}

static bool
mark (unsigned kind, const char *name)
{
  MfThread *thread = &mf_thread;
  if (!is_there () || thread->inside)
    return false;
  int error = errno;
  thread->inside = true;
  bool done = mf_record_mark (thread, kind, name, (uint32_t) strnlen (name, MF_MARK_MOST));
  thread->inside = false;
  errno = error;
  return done;
}

// A moment, or one end of a phase: MF_RING_POINT, MF_RING_BEGIN, MF_RING_END.
int
memflow_mark (const char *name, unsigned kind)
{
  return name && kind <= MF_RING_END && mark (kind, name);
}

static bool
is_paused (void)
{
  return __atomic_load_n (&mf_agent.options, __ATOMIC_RELAXED) & MF_RING_PAUSED;
}

// Nothing is recorded between the two marks but what had begun before: off before the first one, on
// after the second.
int
memflow_record (int on)
{
  if (!is_there () || !on == is_paused ())
    return is_there ();
  if (!on)
    __atomic_fetch_or (&mf_agent.options, MF_RING_PAUSED, __ATOMIC_SEQ_CST);
  bool done = mark (on ? MF_RING_RESUME : MF_RING_PAUSE, "");
  if (on)
    __atomic_fetch_and (&mf_agent.options, ~(uint32_t) MF_RING_PAUSED, __ATOMIC_SEQ_CST);
  return done;
}
