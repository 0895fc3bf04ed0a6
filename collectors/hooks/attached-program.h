// SPDX-License-Identifier: Apache-2.0
// A program that was running already, as an MfProgram: the agent is brought into it, and leaves it in peace afterwards.
#pragma once

#include <glib.h>

#include "injector/injector.h"
#include "process.h"
#include "program.h"

typedef struct {
  MfProcess *process;
  uint64_t program;    // which one it runs: another one has no agent
  int64_t limit;       // ns
  bool filtered;       // also where system calls are filtered
  bool by_script;      // as sys.remote_exec does
  MfInjection told;
} MfAttachedProgram;

// Whether it can be attached to. False = the error says why, and what to do.
bool mf_attached_program_open (MfAttachedProgram *attached, int32_t process, GError **error);
// Brings in the agent at `agent`; `how` is the beginning of the region. Has to be called by the thread that ends it.
bool mf_attached_program_begin (MfAttachedProgram *attached, MfProgram *program, const MfRingRegion *how, const char *agent,
    GError **error);
// Whether the process runs another program by now.
bool mf_attached_program_was_replaced (const MfAttachedProgram *attached);
// Tells the agent that nobody reads any more. The next call of an allocator puts the program's own ones back.
void mf_attached_program_end (MfProgram *program);
// Gives the memory of the rings back, when all has been read.
void mf_attached_program_empty (MfProgram *program);
void mf_attached_program_clear (MfAttachedProgram *attached);
