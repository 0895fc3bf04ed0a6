// SPDX-License-Identifier: Apache-2.0
// Which Python objects are in the used blocks of a heap, by type, and what keeps arenas that are almost empty.
#pragma once

#include "object-types.h"
#include "pymalloc.h"

// What lives in one arena or in all of them. type NULL = memory without an object header: items of lists, tables of dicts.
typedef struct {
  const MfRemoteType *type;
  uint64_t count, bytes;
  uint64_t tracked;             // by the collector, large ones included
  uint64_t large, large_bytes;  // outside of the arenas; only of those that the collector tracks
} MfCensusRow;

typedef struct {
  uint32_t arena;        // index in the heap
  uint64_t used_blocks, used_bytes;
  MfCensusRow main;      // the type with the most bytes in it
} MfArenaTenants;

typedef struct {
  GArray *rows;          // of MfCensusRow, the most bytes first
  GArray *tenants;       // of MfArenaTenants, the fewest bytes first; arenas without a used block are left out
  uint64_t unread_pools; // that could not be read any more
} MfCensus;

// Takes the census of a heap that was walked just now. Clear in any case.
void mf_census_take (const MfProcess *process, const MfPythonRuntime *runtime, const MfPymallocHeap *heap, MfRemoteTypes *types,
    MfCensus *census);
void mf_census_clear (MfCensus *census);
