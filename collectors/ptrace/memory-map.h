// SPDX-License-Identifier: Apache-2.0
// Which memory of a process is resident, mapping by mapping (smaps) and, where nothing of a file is mapped, page by page
// (pagemap): the kernel joins neighbours, so that one mapping may hold arenas, stacks and blocks of a C library at once.
#pragma once

#include "process.h"

typedef enum {
  MF_MAPPED_NOTHING,  // of this process alone, or shared with what was forked
  MF_MAPPED_BREAK,      // the area that grows by brk
  MF_MAPPED_STACK,      // of the first thread
  MF_MAPPED_FILE,
  MF_MAPPED_SHARED      // memory without a file on a disk that other processes may map
} MfMappedKind;

typedef struct {
  uint64_t size, resident, swapped;
  uint64_t own;         // resident in no other process
} MfMemorySum;

typedef struct {
  uint64_t from, to;
  uint32_t kind, flags; // MfMappedKind; MF_MAPPING_*
  uint64_t page;        // of its first page in the array of pages; UINT64_MAX = they are not known
  MfMemorySum sum;      // what the kernel says of it
  MfMemorySum taken;    // what mf_memory_map_take was asked for
} MfMemoryMapping;

typedef struct {
  GArray *mappings;     // of MfMemoryMapping, by address
  GByteArray *pages;
  uint64_t page_size, resident;  // resident: the set as the kernel counts it for /proc/PID/statm, at that moment
  bool by_pages;        // pages of all anonymous mappings are known
} MfMemoryMap;

// False = it cannot be read. Clear in any case.
bool mf_memory_map_read (const MfProcess *process, MfMemoryMap *map, GError **error);
void mf_memory_map_clear (MfMemoryMap *map);

// Adds the bytes from `from` on to `sum`, and marks them as taken. What is not mapped counts for nothing. Where pages are not
// known, a part of a mapping is as resident as the whole. Asked for in order of address it is fast.
void mf_memory_map_take (MfMemoryMap *map, uint64_t from, uint64_t size, MfMemorySum *sum);
// Adds what is left of a mapping once all that is known was taken from it.
void mf_memory_map_take_rest (MfMemoryMapping *mapping, MfMemorySum *sum);

// The mapping with an address, or the first one behind it; NULL = there is none.
MfMemoryMapping *mf_memory_map_at (const MfMemoryMap *map, uint64_t address);
// Whether the page is there now, or was and is swapped out. True where pages are not known.
bool mf_memory_map_was_used (const MfMemoryMap *map, const MfMemoryMapping *mapping, uint64_t address);
