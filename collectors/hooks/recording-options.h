// SPDX-License-Identifier: Apache-2.0
// What can be said about recording a program: the same words for the collector hooks and for memflow-record.
#pragma once

#include <memflow/plugin.h>

#include "ring.h"

enum { MF_FULL_RING_BLOCK, MF_FULL_RING_DROP };
enum { MF_FOLLOW_FORK, MF_FOLLOW_EXEC };
enum { MF_START_RECORDING, MF_START_PAUSED };
enum { MF_MODE_FULL, MF_MODE_LIVE, MF_MODE_SAMPLE };
enum { MF_NO_STACKS, MF_WITH_STACKS, MF_FORCE_STACKS };

#define MF_RECORDING_MEMBERS \
  MfSize ring; \
  MfSize live_memory, sample_every; \
  uint32_t threads, full_ring, follow, start, stacks, mode; \
  MfDuration patience, snapshot_every; \
  bool python, malloc, maps, free_stacks, types, native; \
  MfPath agent;

#define MF_RECORDING_OPTIONS(Self, when_full) \
  MF_OPTION (Self, ring, "256KiB", "shared memory of each thread; a power of two", .low = 4096, .high = 1 << 28), \
  MF_OPTION (Self, threads, "256", "most threads that have a ring at one time", .low = 1, .high = 4096), \
  MF_CHOICE (Self, full_ring, when_full, "what a full ring does", "block", "drop"), \
  MF_OPTION (Self, patience, "10s", "longest time that a full ring stops a thread", .low = 0, .high = 3.6e12), \
  MF_CHOICE (Self, mode, "full", "each call; only what each call site holds, as a snapshot now and then; or a sample of the " \
    "requests", "full", "live", "sample"), \
  MF_OPTION (Self, sample_every, "512KiB", "mode sample: mean requested bytes from one sample to the next", .low = 1024, \
    .high = 1 << 30), \
  MF_OPTION (Self, snapshot_every, "10s", "mode live: time between two snapshots", .low = 1e8, .high = 3.6e12), \
  MF_OPTION (Self, live_memory, "16MiB", "mode live: memory for blocks and call sites; what does not fit is counted", \
    .low = 16384, .high = 1e15), \
  MF_OPTION (Self, python, "yes", "record the allocators of Python; no leaves malloc and the maps, at nearly no cost"), \
  MF_OPTION (Self, malloc, "no", "record malloc and its family"), \
  MF_OPTION (Self, maps, "no", "record what is asked of the kernel: mmap, munmap, mremap, brk, sbrk"), \
  MF_CHOICE (Self, follow, "fork", "which children of a Python are recorded: its copies, or what they exec, too", "fork", \
    "exec"), \
  MF_CHOICE (Self, start, "recording", "how the program begins", "recording", "paused"), \
  MF_CHOICE (Self, stacks, "yes", "record which Python functions led to an allocation; force tries it with untested " \
    "versions of Python, too", "no", "yes", "force"), \
  MF_OPTION (Self, free_stacks, "no", "and to a free"), \
  MF_OPTION (Self, native, "no", "and the native frames above the innermost Python function"), \
  MF_OPTION (Self, types, "no", "read the type of each object when its block is freed"), \
  MF_OPTION (Self, agent, NULL, "the library to preload, for a program behind an emulator; the one for the machine and C " \
    "library of the program when not set")

// The options of a region (MF_RING_*).
#define MF_RECORDING_FLAGS(self, tsc) \
  (((self)->stacks ? MF_RING_STACKS : 0u) | ((self)->stacks && (self)->free_stacks ? MF_RING_FREE_STACKS : 0u) \
      | ((self)->malloc ? MF_RING_MALLOC : 0u) | ((self)->full_ring == MF_FULL_RING_DROP ? MF_RING_DROP : 0u) \
      | ((self)->maps ? MF_RING_MAPS : 0u) | ((self)->follow == MF_FOLLOW_EXEC ? MF_RING_FOLLOW : 0u) \
      | ((self)->mode == MF_MODE_SAMPLE ? MF_RING_SAMPLE : 0u) | ((self)->types ? MF_RING_TYPES : 0u) \
      | ((self)->start == MF_START_PAUSED ? MF_RING_PAUSED : 0u) \
      | ((self)->python ? 0u : MF_RING_NO_PYTHON) | ((self)->stacks && (self)->native ? MF_RING_NATIVE : 0u) \
      | ((self)->stacks == MF_FORCE_STACKS ? MF_RING_FORCE : 0u) | ((tsc) ? MF_RING_TSC : 0u))
