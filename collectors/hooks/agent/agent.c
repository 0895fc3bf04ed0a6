// SPDX-License-Identifier: Apache-2.0
// The agent's start: finds the region that its parent has left open, and hooks the allocators of this process.
#include "agent.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

MfAgent mf_agent;

static bool
is_sane (const MfRingRegion *region, size_t size)
{
  uint32_t ring = region->ring_size;
  return region->magic == MF_RING_MAGIC && region->n_slots > 0 && region->n_slots <= MF_RING_MOST_SLOTS
      && ring >= MF_RING_PAGE && !(ring & (ring - 1)) && mf_ring_region_size (region->n_slots, ring) == size;
}

static MfRingRegion *
map_region (int fd)
{
  struct stat about;
  int seals = fcntl (fd, F_GET_SEALS);
  if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat (fd, &about) || about.st_size < MF_RING_PAGE)
    return NULL;
  size_t size = (size_t) about.st_size;
  void *region = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (region == MAP_FAILED)
    return NULL;
  if (is_sane (region, size))
    return region;
  munmap (region, size);
  return NULL;
}

// A Python has its own children started as if there were no agent; what others exec is followed, because it may
// be a Python (a shell script that starts one, for instance).
static void
hide (int fd)
{
  close (fd);
  unsetenv (MF_RING_VARIABLE);
  char *preload = getenv ("LD_PRELOAD"), *rest = preload ? strchr (preload, ':') : NULL;
  if (rest)
    memmove (preload, rest + 1, strlen (rest + 1) + 1);
  else
    unsetenv ("LD_PRELOAD");
}

__attribute__ ((constructor)) static void
start (void)
{
  const char *text = getenv (MF_RING_VARIABLE);
  if (!text || getauxval (AT_SECURE))
    return;
  int fd = atoi (text);
  MfRingRegion *region = map_region (fd);
  if (!region || pthread_key_create (&mf_agent.at_exit, mf_stream_close))
    return;
  mf_agent = (MfAgent) { .n_slots = region->n_slots, .ring_size = region->ring_size, .options = region->options,
    .patience = region->patience, .process = (int32_t) getpid (), .at_exit = mf_agent.at_exit };
  bool python = mf_python_find ();
  pthread_atfork (NULL, NULL, mf_stream_after_fork);
  if (python)
    hide (fd);
  mf_agent.region = region;
  mf_stream_start ();
  if (python)
    mf_python_hook ();
}
