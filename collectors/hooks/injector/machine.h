// SPDX-License-Identifier: Apache-2.0
// What is different on each machine when a thread of another process is made to call a function. All of it is plain
// computing on copies: nothing here stops or changes a thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_STATE_MOST = 16384, MF_STUB_BYTES = 16, MF_FRAME_MOST = MF_STATE_MOST + 1024, MF_CALL_ARGUMENTS = 6 };

// All that a thread computes with: general registers, and the extended state as the kernel tells it.
typedef struct {
  _Alignas (16) uint8_t registers[512];
  size_t n_registers;
  _Alignas (64) uint8_t extended[MF_STATE_MOST];
  size_t n_extended;   // 0 = there is none
} MfThreadState;

// What a frame on the stack of the thread is for: the kernel's sigreturn puts the thread's state back from it, so that the
// call ends well even if nobody watches it any more.
typedef struct {
  uint64_t at;         // where the frame lies: also the stack pointer at the call
  uint64_t result;     // where the stub writes what the function returned
  size_t n;
  _Alignas (64) uint8_t bytes[MF_FRAME_MOST];
} MfCallFrame;

typedef struct {
  const char *name;
  uint16_t machine;                // EM_* of elf.h
  int extended_set;                // NT_* of the extended state
  // Calls a function, writes what it returned, and asks for sigreturn, again and again if that is not given.
  uint8_t stub[MF_STUB_BYTES];
  uint64_t stub_end;               // offset of the instruction pointer when it has asked
  unsigned red_zone;               // bytes below the stack pointer that the thread may use
  long sigreturn;
  uint8_t trampoline[MF_STUB_BYTES];  // what a handler of a signal returns to
  size_t n_trampoline;

  uint64_t (*instruction) (const MfThreadState *state);
  uint64_t (*stack) (const MfThreadState *state);
  // The system call in which the thread waits; -1 = it is in none.
  long (*system_call) (const MfThreadState *state);
  // All of them as DWARF numbers them, at most `most`; the last one is the instruction. Returns how many; 0 = they do not fit.
  unsigned (*registers) (const MfThreadState *state, uint64_t *words, unsigned most);
  // Makes the frame below `top`. False = the state is not understood.
  bool (*frame) (const MfThreadState *state, uint64_t mask, uint64_t top, MfCallFrame *frame);
  // Changes a state so that the stub at `stub` calls the function.
  void (*call) (MfThreadState *state, const MfCallFrame *frame, uint64_t stub, uint64_t function,
      const uint64_t arguments[MF_CALL_ARGUMENTS]);
  // Changes a state so that the system call that has just been asked for is not made.
  void (*skip) (MfThreadState *state);
  bool (*asks) (const MfThreadState *state, long number);  // whether it asks for that one, at a stop for system calls
  // Bytes of the instruction before a return address that is read from `before`, which holds the 8 bytes in front of it;
  // 0 = no call stands there.
  unsigned (*call_before) (const uint8_t before[8]);
} MfMachine;

// That of this program; NULL = threads of this machine cannot be made to call a function.
const MfMachine *mf_machine (void);
