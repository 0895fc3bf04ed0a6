// SPDX-License-Identifier: Apache-2.0
// The agent's start: finds the region that its parent has left open, and hooks the allocators of this process.
#include "agent.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"

MfAgent mf_agent;

extern char __bss_start[] __attribute__ ((visibility ("hidden")));  // of the linker: the agent's zeroed memory
extern char _end[] __attribute__ ((visibility ("hidden")));

static bool
is_sane (const MfRingRegion *region, size_t size)
{
  uint32_t ring = region->ring_size;
  bool has_clock = MF_CLOCK_HAS_COUNTER || !(region->options & MF_RING_TSC);
  return region->magic == MF_RING_MAGIC && has_clock && region->n_slots > 0 && region->n_slots <= MF_RING_MOST_SLOTS
      && ring >= MF_RING_PAGE && !(ring & (ring - 1)) && mf_ring_region_size (region->n_slots, ring) == size;
}

MfRingRegion *
mf_agent_map (int fd)
{
  int seals = fcntl (fd, F_GET_SEALS);
  // By now the number may be that of any file, whose position is the program's: only that of a region is touched.
  off_t end = seals >= 0 && seals & F_SEAL_SHRINK ? lseek (fd, 0, SEEK_END) : -1;
  if (end < MF_RING_PAGE || (uintmax_t) end > SIZE_MAX)
    return NULL;
  size_t size = (size_t) end;
  void *region = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (region == MAP_FAILED)
    return NULL;
  if (is_sane (region, size))
    return region;
  munmap (region, size);
  return NULL;
}

// By the descriptor that was inherited, or, where a parent closes what it does not know, by that of the reader.
static MfRingRegion *
find_region (int *fd)
{
  const char *text = getenv (MF_RING_VARIABLE);
  int reader, theirs;
  char path[64];
  if (!text || sscanf (text, "%d:%d:%d", fd, &reader, &theirs) != 3)
    return NULL;
  MfRingRegion *region = mf_agent_map (*fd);
  if (region)
    return region;
  snprintf (path, sizeof path, "/proc/%d/fd/%d", reader, theirs);
  *fd = -1;
  int again = open (path, O_RDWR | O_CLOEXEC);
  if (again < 0)
    return NULL;
  region = mf_agent_map (again);
  close (again);
  return region;
}

static void
name_file (void)
{
  ssize_t n = readlink ("/proc/self/exe", mf_agent.file, sizeof mf_agent.file);
  mf_agent.file_length = n > 0 ? (uint16_t) n : 0;
}

// A program that replaces another one is told even if it records nothing: what was there before is gone.
static void
announce (void)
{
  MfThread *thread = &mf_thread;
  thread->inside = true;
  mf_stream_room (thread, sizeof (MfTimeRecord));
  thread->inside = false;
}

// A Python has its own children started as if there were no agent; what others exec is followed, because it may
// be a Python (a shell script that starts one, for instance).
static void
hide (int fd)
{
  if (fd >= 0)
    close (fd);
  unsetenv (MF_RING_VARIABLE);
  char *preload = getenv ("LD_PRELOAD"), *rest = preload ? strchr (preload, ':') : NULL;
  if (rest)
    memmove (preload, rest + 1, strlen (rest + 1) + 1);
  else
    unsetenv ("LD_PRELOAD");
}

bool
mf_agent_set (const MfRingRegion *region, int32_t process)
{
  if (!mf_agent.has_key && pthread_key_create (&mf_agent.at_exit, mf_stream_close))
    return false;
  mf_agent.has_key = true;
  mf_agent.n_slots = region->n_slots;
  mf_agent.ring_size = region->ring_size;
  mf_agent.options = region->options;
  mf_agent.stack_mask = (region->options & MF_RING_FEW_STACKS ? MF_FEW_STACK_SLOTS : MF_STACK_SLOTS) - 1;
  mf_agent.patience = region->patience;
  mf_agent.process = process;
  mf_agent.parent = (int32_t) getppid ();
  mf_agent.own = (uint32_t) (_end - __bss_start);
  mf_agent.sampling = 0;
  mf_agent.began = mf_now ();
  mf_cost_start ();
  if (region->options & MF_RING_SAMPLE && mf_sample_start ())
    mf_agent.sampling = region->sampling;
  name_file ();
  return true;
}

__attribute__ ((constructor)) static void
start (void)
{
  int fd = -1;
  uint64_t since = mf_clock_ns ();
  MfRingRegion *region = getauxval (AT_SECURE) ? NULL : find_region (&fd);
  if (!region || !mf_agent_set (region, (int32_t) getpid ()))
    return;
  bool python = mf_python_find ();
  if (region->options & MF_RING_NATIVE)
    mf_native_start ();
  pthread_atfork (NULL, NULL, mf_stream_after_fork);
  if (python && !(region->options & MF_RING_FOLLOW))
    hide (fd);
  mf_agent.region = region;
  mf_agent.foreign = mf_stream_is_foreign ();
  mf_stream_start ();
  if (python)
    mf_python_hook ();
  mf_agent.start_up = mf_clock_ns () - since;
  if (region->options & MF_RING_FOLLOW && !mf_agent.foreign)
    announce ();
}
