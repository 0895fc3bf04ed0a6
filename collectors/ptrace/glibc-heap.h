// SPDX-License-Identifier: Apache-2.0
// The heap of the C library (ptmalloc of glibc 2.26 to 2.43) in another process: arenas, chunks, caches. The
// process has to stand still while the copy is made; it is looked through afterwards.
// Layout: glibc malloc/malloc.c and malloc/arena.c.
#pragma once

#include "process.h"

typedef enum {
  MF_CHUNK_USED,
  MF_CHUNK_FREE,        // in a bin
  MF_CHUNK_TOP,         // the end of an arena, from which new chunks are cut
  MF_CHUNK_FAST,        // freed, kept in a fast bin
  MF_CHUNK_CACHED,      // freed, kept in the cache of a thread
  MF_CHUNK_MAPPED,      // used, with a mapping of its own
  MF_CHUNK_HEADER       // the C library's own records in front of the chunks
} MfChunkState;

typedef struct {
  uint64_t at, size;    // of the chunk, header included
  uint32_t area, state; // index in areas; MfChunkState
} MfChunk;

// A contiguous piece of memory that belongs to an arena.
typedef struct {
  uint64_t from, size;
  uint32_t arena;       // number, 0 = the main one; UINT32_MAX = a chunk with a mapping of its own
  uint8_t *copy;
} MfGlibcArea;

// What mallinfo2() says of the same moment.
typedef struct {
  uint64_t arena, ordblks, smblks, hblks, hblkhd, fsmblks, uordblks, fordblks, keepcost;
} MfMallinfo;

typedef struct {
  GArray *areas, *chunks;
  MfMallinfo figures;
  uint64_t cached, cached_bytes;
  uint32_t arenas, alignment, chunk_overhead;  // bytes: of blocks; in front of each that is in use
  bool caches_known;    // the caches of threads were understood
} MfGlibcHeap;

typedef enum {
  MF_GLIBC_ERROR_NONE,    // no glibc, or nothing of it is on a heap yet
  MF_GLIBC_ERROR_LAYOUT,  // it does not look as it should
  MF_GLIBC_ERROR_BROKEN   // the chunks do not lead from one to the next
} MfGlibcErrorCode;
#define MF_GLIBC_ERROR (mf_glibc_error_quark ())
GQuark mf_glibc_error_quark (void);

typedef struct {
  const struct MfGlibcLayout *layout;
  uint64_t main_arena;
  uint64_t n_mmaps, mapped;     // where mp_ counts chunks with a mapping of their own, and their bytes
  uint64_t heap_from, heap_to;  // the area that grows by brk
} MfGlibcPlace;

// Finds the records of the C library; nothing has to stand still. False = the error says why.
bool mf_glibc_find (MfProcess *process, MfGlibcPlace *place, GError **error);

// Copies all areas: while the process stands still. Then mf_glibc_read makes sense of the copy. Clear in any case.
bool mf_glibc_copy (MfProcess *process, const MfGlibcPlace *place, MfGlibcHeap *heap, GError **error);
bool mf_glibc_read (const MfProcess *process, const MfGlibcPlace *place, MfGlibcHeap *heap, GError **error);
void mf_glibc_heap_clear (MfGlibcHeap *heap);
