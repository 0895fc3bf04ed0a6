// SPDX-License-Identifier: Apache-2.0
// Little-endian numbers in memory of any alignment, on hosts of any byte order.
#pragma once

#include <stdint.h>

static inline uint16_t
mf_load16 (const uint8_t *at)
{
  return (uint16_t) (at[0] | at[1] << 8);
}

static inline uint32_t
mf_load32 (const uint8_t *at)
{
  return at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 | (uint32_t) at[3] << 24;
}

static inline uint64_t
mf_load64 (const uint8_t *at)
{
  return mf_load32 (at) | (uint64_t) mf_load32 (at + 4) << 32;
}

static inline void
mf_store16 (uint8_t *at, uint16_t value)
{
  at[0] = (uint8_t) value;
  at[1] = (uint8_t) (value >> 8);
}

static inline void
mf_store32 (uint8_t *at, uint32_t value)
{
  mf_store16 (at, (uint16_t) value);
  mf_store16 (at + 2, (uint16_t) (value >> 16));
}

static inline void
mf_store64 (uint8_t *at, uint64_t value)
{
  mf_store32 (at, (uint32_t) value);
  mf_store32 (at + 4, (uint32_t) (value >> 32));
}
