// SPDX-License-Identifier: Apache-2.0
// The event types that only the collector ptrace publishes.
#pragma once

#include <memflow/event.h>

typedef struct {
  MfString heap;
  uint32_t snapshot;
  MfSize size;
  uint64_t pools, used, available;
  MfSize used_bytes, available_bytes;
  double occupancy;
} MfPymallocClassRow;
MF_EVENT (MfPymallocClassRow, "pymalloc.class", 1, MF_VIEW_TABLE, "Size classes of pymalloc",
  MF_FIELD (MfPymallocClassRow, heap, "which interpreter's", .role = MF_ROLE_KEY),
  MF_FIELD (MfPymallocClassRow, snapshot, "id of the snapshot", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfPymallocClassRow, size, "of a block", .role = MF_ROLE_LABEL),
  MF_FIELD (MfPymallocClassRow, pools, "in use for it"),
  MF_FIELD (MfPymallocClassRow, used, "blocks", .unit = MF_UNIT_BLOCKS),
  MF_FIELD (MfPymallocClassRow, available, "blocks that only this class can use", .unit = MF_UNIT_BLOCKS),
  MF_FIELD (MfPymallocClassRow, used_bytes, "in those blocks", .role = MF_ROLE_BAR),
  MF_FIELD (MfPymallocClassRow, available_bytes, "in those blocks"),
  MF_FIELD (MfPymallocClassRow, occupancy, "used part of its blocks", .unit = MF_UNIT_PERCENT));

typedef struct {
  MfTime time;
  MfString heap;
  uint32_t snapshot;
  uint64_t arenas, empty_pools;
  MfSize used, available, empty, headers, quantization, alignment, total;
  uint32_t retried_pools, inconsistent_pools;
  MfDuration took;
} MfPymallocTotalRow;
MF_EVENT (MfPymallocTotalRow, "pymalloc.total", 1, MF_VIEW_TABLE, "Where the bytes of pymalloc's arenas are",
  MF_FIELD (MfPymallocTotalRow, time, "when", .role = MF_ROLE_AT),
  MF_FIELD (MfPymallocTotalRow, heap, "which interpreter's", .role = MF_ROLE_LABEL),
  MF_FIELD (MfPymallocTotalRow, snapshot, "id of the snapshot", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfPymallocTotalRow, arenas, "that are held"),
  MF_FIELD (MfPymallocTotalRow, empty_pools, "that any class can use"),
  MF_FIELD (MfPymallocTotalRow, used, "in allocated blocks", .role = MF_ROLE_BAR),
  MF_FIELD (MfPymallocTotalRow, available, "in free blocks of pools that are in use"),
  MF_FIELD (MfPymallocTotalRow, empty, "in empty pools"),
  MF_FIELD (MfPymallocTotalRow, headers, "of pools", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfPymallocTotalRow, quantization, "behind the last block of pools", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfPymallocTotalRow, alignment, "in front of the first pool of arenas", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfPymallocTotalRow, total, "of the arenas"),
  MF_FIELD (MfPymallocTotalRow, retried_pools, "read again because they changed", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfPymallocTotalRow, inconsistent_pools, "that changed whenever they were read, or are not whole in a core file; they are in none of the figures"),
  MF_FIELD (MfPymallocTotalRow, took, "time to read it", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfTime time;
  MfString heap;
  uint32_t snapshot;
  uint64_t arenas, free_chunks, fast_chunks, mapped_chunks, cached_chunks;
  MfSize arena, used, free, fast, cached, mapped, top;
  MfDuration stopped;
} MfGlibcTotalRow;
MF_EVENT (MfGlibcTotalRow, "glibc.total", 1, MF_VIEW_TABLE, "Where the bytes of the C library's heap are: what mallinfo2() says",
  MF_FIELD (MfGlibcTotalRow, time, "when", .role = MF_ROLE_AT),
  MF_FIELD (MfGlibcTotalRow, heap, "which one", .role = MF_ROLE_LABEL),
  MF_FIELD (MfGlibcTotalRow, snapshot, "id of the snapshot", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfGlibcTotalRow, arenas, "that threads share"),
  MF_FIELD (MfGlibcTotalRow, free_chunks, "ordblks: free ones in bins, and the top of each arena"),
  MF_FIELD (MfGlibcTotalRow, fast_chunks, "smblks: freed ones in fast bins", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfGlibcTotalRow, mapped_chunks, "hblks: with a mapping of their own"),
  MF_FIELD (MfGlibcTotalRow, cached_chunks, "freed ones in the caches of threads; all bits set = not found",
    .flags = MF_FIELD_OPTIONAL, .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfGlibcTotalRow, arena, "arena: of all arenas"),
  MF_FIELD (MfGlibcTotalRow, used, "uordblks: in used chunks, cached ones included", .role = MF_ROLE_BAR),
  MF_FIELD (MfGlibcTotalRow, free, "fordblks: in free chunks"),
  MF_FIELD (MfGlibcTotalRow, fast, "fsmblks: in fast bins", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfGlibcTotalRow, cached, "in the caches of threads", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfGlibcTotalRow, mapped, "hblkhd: in mappings of their own"),
  MF_FIELD (MfGlibcTotalRow, top, "keepcost: what could be given back at the end of the main arena", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfGlibcTotalRow, stopped, "how long the process stood still for the copy"));

enum { MF_CORE_THREAD_PYTHON, MF_CORE_THREAD_NO_FUNCTION, MF_CORE_THREAD_NO_PYTHON, MF_CORE_THREAD_UNREADABLE };

typedef struct {
  uint32_t thread, state, interpreter, signal, functions;
  MfStack stack;
} MfCoreThread;
MF_EVENT (MfCoreThread, "core.thread", 1, MF_VIEW_TABLE, "What the threads of a core file did",
  MF_FIELD (MfCoreThread, thread, "native thread id, as the process knew it", .role = MF_ROLE_LABEL),
  MF_FIELD_ENUM (MfCoreThread, state, "runs Python functions; is known to Python, but runs none; is not one of Python's; its "
    "stack is not whole in the core", MF_LABELS ("python", "no-function", "no-python", "unreadable")),
  MF_FIELD (MfCoreThread, interpreter, "number of its interpreter, 0 = the main one", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfCoreThread, signal, "that ended the process, with the thread that got it; 0 = none"),
  MF_FIELD (MfCoreThread, functions, "Python functions in its stack"),
  MF_FIELD (MfCoreThread, stack, "what it ran"));

enum { MF_CHAIN_HOLDS, MF_CHAIN_CHANGED, MF_CHAIN_NONE };

typedef struct {
  MfString type;
  uint32_t snapshot;
  uint64_t count;
  MfSize bytes;
  MfAddress address;
  uint32_t state;
  MfString way;
} MfObjectChain;
MF_EVENT (MfObjectChain, "object.chain", 1, MF_VIEW_TABLE, "Why objects are alive: the shortest way to them from modules and frames",
  MF_FIELD (MfObjectChain, type, "of the objects", .role = MF_ROLE_LABEL),
  MF_FIELD (MfObjectChain, snapshot, "id of the snapshot", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfObjectChain, count, "objects that are reached alike"),
  MF_FIELD (MfObjectChain, bytes, "of these objects alone", .role = MF_ROLE_BAR),
  MF_FIELD (MfObjectChain, address, "of the one that the way leads to", .role = MF_ROLE_HIDDEN),
  MF_FIELD_ENUM (MfObjectChain, state, "each pointer of the way was read again and is the same; it has changed meanwhile; no module "
    "and no frame leads to them", MF_LABELS ("holds", "changed", "no-way")),
  MF_FIELD (MfObjectChain, way, "as an expression that starts at a module or a function; numbers and keys are those of one of them"));
