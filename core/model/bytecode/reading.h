// SPDX-License-Identifier: Apache-2.0
// What all readers of compiled code share: numbers of any host's byte order, and how they fail.
#pragma once

#include "bytecode/pyc.h"

// Little-endian, at any address, on any host.
static inline uint16_t
mf_code_u16 (const uint8_t *at)
{
  return (uint16_t) (at[0] | at[1] << 8);
}

static inline uint32_t
mf_code_u32 (const uint8_t *at)
{
  return at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 | (uint32_t) at[3] << 24;
}

static inline uint64_t
mf_code_u64 (const uint8_t *at)
{
  return mf_code_u32 (at) | (uint64_t) mf_code_u32 (at + 4) << 32;
}

// Writes the error; always false.
bool mf_code_fail (MfCodeError *error, size_t offset, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
