// SPDX-License-Identifier: Apache-2.0
// Divides the resident set of a process: what is in Python's arenas, in the C library's heap, in stacks, in files, in mappings
// of other kinds. Each byte is in one part.
#pragma once

#include <memflow/events.h>

#include "glibc-heap.h"
#include "memory-map.h"
#include "pymalloc.h"

enum { MF_N_PARTS = MF_MEMORY_ALL };  // numbered as in the event process.memory

typedef struct {
  MfMemorySum sums[MF_N_PARTS];
  uint64_t pieces[MF_N_PARTS];    // arenas, areas, chunks, stacks, mappings
  uint64_t mapped_chunks_missed;  // that the C library counts and that were not found: they are in the last part
} MfMemoryParts;

// Call for each heap that was read, then for the rest. The map must have been read at the same time as the heaps.
typedef struct {
  const MfProcess *process;
  MfMemoryMap *map;
  GArray *known;           // of MfMemoryRange: what the heaps hold
  MfMemoryParts parts;
} MfMemoryDivision;

void mf_memory_division_init (MfMemoryDivision *division, const MfProcess *process, MfMemoryMap *map);
void mf_memory_division_pymalloc (MfMemoryDivision *division, const MfPymallocHeap *heap);
// `glibc` NULL = it was not read.
void mf_memory_division_rest (MfMemoryDivision *division, const MfGlibcHeap *glibc);
void mf_memory_division_clear (MfMemoryDivision *division);
