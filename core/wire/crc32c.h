// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes at a time, by the processor where it
// can.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t of[8][256];
  bool instruction; // the processor has one for this checksum
} MfCrcTable;

// Fills the table: no global state, so that a target's agent can keep it in its own memory.
void mf_crc_table_init (MfCrcTable *table);

// The checksum of n bytes.
uint32_t mf_crc32c (const MfCrcTable *table, const void *bytes, size_t n);

// The checksum of n bytes that follow those whose checksum is `crc`, together with them.
uint32_t mf_crc32c_more (const MfCrcTable *table, uint32_t crc, const void *bytes, size_t n);
