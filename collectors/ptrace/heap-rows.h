// SPDX-License-Identifier: Apache-2.0
// The heap of a process as rows: one snapshot for each interpreter.
#pragma once

#include <memflow/plugin.h>

#include "alive.h"
#include "census.h"
#include "glibc-heap.h"
#include "memory-parts.h"
#include "ptrace-events.h"

// Where the rows of heaps go.
typedef struct {
  MF_OUT (MfHeapRegion) regions;
  MF_OUT (MfHeapBlock) blocks;
  MF_OUT (MfHeapSnapshot) snapshots;
  MF_OUT (MfPymallocClassRow) classes;
  MF_OUT (MfPymallocTotalRow) totals;
  MF_OUT (MfObjectCensus) census;
  MF_OUT (MfPymallocArena) arenas;
  MF_OUT (MfObjectChain) chains;
  MF_OUT (MfGlibcTotalRow) c_totals;
  MF_OUT (MfProcessMemory) memory;
} MfHeapPorts;

typedef struct {
  const char *name;     // of the heap
  uint32_t snapshot;    // its id, from 1
  MfTime time;
  MfDuration took;
} MfHeapMoment;

// Publishes a heap. False = the run is to stop.
bool mf_publish_pymalloc (MfStage *stage, MfHeapPorts *ports, const MfPymallocHeap *heap, const MfHeapMoment *moment);

// Publishes what lives in the heap of that moment. False = the run is to stop.
bool mf_publish_census (MfStage *stage, MfHeapPorts *ports, const MfPymallocHeap *heap, const MfCensus *census,
    const MfHeapMoment *moment);

// Publishes why objects are alive, of MfAliveRow. False = the run is to stop.
bool mf_publish_alive (MfStage *stage, MfHeapPorts *ports, const GArray *rows, const MfHeapMoment *moment);

// Publishes the heap of the C library. `took` of the moment is the time that the process stood still.
bool mf_publish_glibc (MfStage *stage, MfHeapPorts *ports, const MfGlibcHeap *heap, const MfHeapMoment *moment);

// Publishes what the resident set consists of: after the heaps of that moment. False = the run is to stop.
bool mf_publish_memory (MfStage *stage, MfHeapPorts *ports, const MfMemoryDivision *division, uint32_t moment, MfTime time);
