// SPDX-License-Identifier: Apache-2.0
// The native call stack of the calling thread, by the call frame information of its modules (.eh_frame). What an
// instruction says of its frame is looked up once; from then on a frame costs a few loads. C11, libc only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_UNWIND_ROWS = 2048, MF_UNWIND_SAME = INT16_MIN };

// How to leave the frame of an instruction: the caller's stack pointer (CFA) from one of two registers, and where the
// caller's frame pointer and the return address were saved, from there.
typedef struct {
  uintptr_t address;  // of the instruction; 0 = an empty place
  int32_t cfa;
  int16_t frame_pointer, return_address;  // in words from the CFA; MF_UNWIND_SAME = still in its register
  uint8_t from_frame_pointer, end;        // end: nobody called, or nobody knows who
} MfUnwindRow;

// Rows that one thread has looked up. All zero = none. Forget them when a module is unloaded.
typedef struct {
  MfUnwindRow rows[MF_UNWIND_ROWS];
} MfUnwindRows;

typedef enum {
  MF_UNWIND_WHOLE,    // up to the frame that was called by nobody
  MF_UNWIND_CUT,      // more than `most` frames
  MF_UNWIND_UNKNOWN,  // a frame without usable information: code that was made at run time, for instance
  MF_UNWIND_FOREIGN   // not on the stack that this thread was started with
} MfUnwindEnd;

// Call it once before anything else.
void mf_unwind_start (void);

// Where the function of an instruction begins and ends. False = its module does not say.
bool mf_unwind_function (uintptr_t instruction, uintptr_t *start, uintptr_t *end);

// Fills `addresses` with the addresses behind the calls, innermost first, beginning with the caller of this function.
// Returns how many. Neither locks nor allocates where the C library has _dl_find_object (glibc 2.35); elsewhere a
// lookup takes the loader's own lock for a moment.
uint32_t mf_unwind (MfUnwindRows *rows, uintptr_t *addresses, uint32_t most, MfUnwindEnd *end);
