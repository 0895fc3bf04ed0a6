// SPDX-License-Identifier: Apache-2.0
// What names a program or library for ever: the build-id that linkers write into it (gnu_build_id of ld). It is read from a
// file as well as from what a core has of one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_BUILD_ID_MOST = 64 };
typedef struct {
  uint8_t bytes[MF_BUILD_ID_MOST];
  uint32_t size;           // 0 = it has none
  uint16_t machine;        // EM_* of elf.h, of the file
  uint16_t word;           // bytes of a pointer
} MfBuildId;

typedef enum {
  MF_ELF_NONE,             // no ELF file
  MF_ELF_UNREADABLE,       // one, but where its notes should be cannot be read
  MF_ELF_READ
} MfElfReading;

// Copies `n` bytes from an offset of the file on; false = not all are there.
typedef bool (*MfBytesAt) (void *user, uint64_t offset, void *to, size_t n);

MfElfReading mf_build_id_read (MfBytesAt bytes_at, void *user, MfBuildId *id);
