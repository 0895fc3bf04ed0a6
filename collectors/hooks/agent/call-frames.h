// SPDX-License-Identifier: Apache-2.0
// Call frame information: what the tables of a module say of the frame of one instruction (Linux Standard Base 5.0,
// chapter 10.6; DWARF 4, section 6.4).
#pragma once

#include "native-unwind.h"

// Where a module lies in memory and where its index of frames (.eh_frame_hdr) begins.
typedef struct {
  const uint8_t *start, *end, *index;
} MfModuleFrames;

// The function of an instruction. False = the index knows none.
bool mf_call_frame_function (const MfModuleFrames *module, uintptr_t instruction, uintptr_t *start, uintptr_t *end);
// False = there is nothing usable about this instruction.
bool mf_call_frame (const MfModuleFrames *module, uintptr_t instruction, MfUnwindRow *row);


