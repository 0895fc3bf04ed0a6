// SPDX-License-Identifier: Apache-2.0
// The memory of a heap for many small reads: arenas are copied whole when they are first needed, everything else is read as it
// stands. Copies and what lies outside of them may be of different moments.
#pragma once

#include "object-types.h"
#include "pymalloc.h"

typedef struct MfGraphMemory MfGraphMemory;

// What an address is in.
typedef enum { MF_PLACE_OUTSIDE, MF_PLACE_FREE, MF_PLACE_OBJECT, MF_PLACE_PLAIN } MfPlaceKind;
typedef struct {
  MfPlaceKind kind;          // free: also headers of pools, and what was never used
  uint64_t block;            // where its block begins, behind the notes of the allocator's debug mode
  uint32_t size;             // of the block from there on
  uint64_t object;           // where the object in it begins
  const MfRemoteType *type;
} MfPlace;

// All stay the caller's and have to live as long. Never NULL. The types are read through the process, too.
MfGraphMemory *mf_graph_memory_new (
    MfProcess *process, const MfPythonRuntime *runtime, const MfPymallocHeap *heap, MfRemoteTypes *types);
void mf_graph_memory_free (MfGraphMemory *memory);

const MfPythonOffsets *mf_graph_offsets (const MfGraphMemory *memory);
// False = not all of it can be read.
bool mf_graph_read (MfGraphMemory *memory, uint64_t at, void *to, size_t n);
// 0 = cannot be read, or is 0.
uint64_t mf_graph_pointer (MfGraphMemory *memory, uint64_t at);
// As it stands in the process now, not in the copies.
uint64_t mf_graph_pointer_now (const MfGraphMemory *memory, uint64_t at);
// For what is read of each type once: type -> what g_free frees.
GHashTable *mf_graph_of_types (const MfGraphMemory *memory);
// NULL = no type is there.
const MfRemoteType *mf_graph_type (MfGraphMemory *memory, uint64_t address);
// Text of a str; free with g_free, NULL = it is none.
char *mf_graph_text (MfGraphMemory *memory, uint64_t at, size_t most);

// An address outside of the arenas is an object's when its type is one, and its memory may be written.
MfPlace mf_graph_place (MfGraphMemory *memory, uint64_t at);
