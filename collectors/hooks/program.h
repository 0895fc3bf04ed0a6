// SPDX-License-Identifier: Apache-2.0
// The studied program: started with the agent preloaded and the rings open, watched until it ends.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ring.h"

typedef struct {
  pid_t process;       // 0 = not started
  int exit_fd;         // readable once it has ended
  int ring_fd;
  int output;          // where its standard output goes; 0 = as it is
  MfRingRegion *region;
  size_t region_size;
  bool ended;
  bool was_running;    // memflow has attached to it: it is neither waited for nor killed
  int status;          // its exit status, or 128 + signal
} MfProgram;

// Makes the region; `how` gives its geometry, options and patience. Returns NULL, or what has failed (errno says why).
const char *mf_program_prepare (MfProgram *program, const MfRingRegion *how);
// The same in a file that is given, whose owner `program` becomes.
const char *mf_program_take (MfProgram *program, const MfRingRegion *how, int ring_fd);
// Starts the command with the agent at `agent`. NULL, or what has failed (errno says why).
const char *mf_program_start (MfProgram *program, const char *const *words, uint32_t n, const char *agent);
// Whether there is no such process any more.
bool mf_program_is_gone (int32_t process);
// Looks whether it has ended, without waiting.
bool mf_program_has_ended (MfProgram *program);
// Waits until a ring is half full, at most that long. `bell` was read from the region before the rings were.
void mf_program_sleep (MfProgram *program, uint32_t bell, uint32_t microseconds);
// Kills it if it still runs and memflow has started it, and frees everything.
void mf_program_clear (MfProgram *program);
