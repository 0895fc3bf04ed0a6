// SPDX-License-Identifier: Apache-2.0
// Inside of the .mpy reader: how long instructions are, and the names that all firmware has.
#pragma once

#include "bytecode/mpy.h"

typedef enum {
  MF_MPY_FORMAT_BYTE,
  MF_MPY_FORMAT_QSTR,
  MF_MPY_FORMAT_UINT,
  MF_MPY_FORMAT_OFFSET
} MfMpyFormat;

MfMpyFormat mf_mpy_format (uint8_t opcode);
// Bytes behind the argument of an instruction.
uint32_t mf_mpy_extra_bytes (const MfMpyHeader *header, uint8_t opcode);
// NULL = there is none with this number.
const MfMpyName *mf_mpy_firmware_name (uint32_t number);
