// SPDX-License-Identifier: Apache-2.0
// CPython's own allocator (pymalloc) in a running process: its arenas, pools and blocks, by reading memory alone. The
// process may go on meanwhile: what does not hold together is read again, and counted when it never does.
// Layout: CPython Include/internal/pycore_obmalloc.h, Objects/obmalloc.c; the same from 3.8 to 3.14.
#pragma once

#include "python-runtime.h"

// Where the list of arenas of an interpreter is.
typedef struct {
  uint64_t arenas;      // address of the vector of arena objects
  uint32_t n;           // of them, most unused
  bool guessed;         // found by its contents, not by a symbol or the interpreter's state
} MfArenaVector;

typedef enum {
  MF_POOL_EMPTY,        // was used and is free as a whole, or was never used
  MF_POOL_USED,
  MF_POOL_INCONSISTENT  // changed whenever it was read, or is not whole in a core
} MfPoolState;

typedef struct {
  uint64_t address;
  uint32_t arena;       // index in MfPymallocHeap.arenas
  uint32_t block_size;  // 0 = an empty pool
  uint32_t used, capacity;
  uint32_t reached;     // bytes from its begin on that were ever handed out; what lies behind may never have been touched
  uint32_t free_bits;   // first of `capacity` bits in MfPymallocHeap.bits, 1 = free; UINT32_MAX = all blocks are used
  uint32_t state;       // MfPoolState
} MfPool;

typedef struct {
  uint64_t address, pool_address;  // of its memory; where pools begin that were never used
  uint32_t index;                  // in the vector
  uint32_t free_pools, all_pools;
} MfArena;

typedef struct {
  uint32_t arena_size, pool_size, pool_header, alignment;
  GArray *arenas;       // of MfArena, by address
  GArray *pools;        // of MfPool, by address
  GByteArray *bits;
  uint32_t retried, inconsistent;  // pools
  uint32_t front;       // bytes of each block in front of what was asked for: the allocator's debug mode keeps notes there
  uint64_t bytes_read;
} MfPymallocHeap;

// The vector of an interpreter. False = not found: PYTHONMALLOC=malloc, for instance; the error says what it may be.
bool mf_pymalloc_find (MfProcess *process, const MfPythonRuntime *runtime, uint64_t interpreter, MfArenaVector *vector,
    GError **error);

// Takes the heap as it is. False = it cannot be read. Clear in any case.
bool mf_pymalloc_walk (const MfProcess *process, const MfPythonRuntime *runtime, const MfArenaVector *vector, MfPymallocHeap *heap,
    GError **error);
void mf_pymalloc_heap_clear (MfPymallocHeap *heap);
// The index of the arena that an address lies in; UINT32_MAX: in none.
uint32_t mf_pymalloc_arena_at (const MfPymallocHeap *heap, uint64_t address);

static inline bool
mf_pool_block_is_free (const MfPymallocHeap *heap, const MfPool *pool, uint32_t i)
{
  uint32_t bit = pool->free_bits + i;
  return pool->free_bits != UINT32_MAX && heap->bits->data[bit / 8] >> bit % 8 & 1;
}

// The figures that sys._debugmallocstats() prints, from a heap.
enum { MF_PYMALLOC_CLASSES = 64 };
typedef struct {
  uint64_t pools, used, available;
} MfPymallocClass;

typedef struct {
  MfPymallocClass classes[MF_PYMALLOC_CLASSES];  // by (size / alignment - 1)
  uint32_t n_classes;
  uint64_t arenas, used_bytes, available_bytes, empty_pools, empty_bytes, header_bytes, quantization_bytes, alignment_bytes;
} MfPymallocStats;
void mf_pymalloc_stats (const MfPymallocHeap *heap, MfPymallocStats *stats);
