// SPDX-License-Identifier: Apache-2.0
// The built-in event types. Names are API; the tables are static, so that a plugin carries
// exactly what it was compiled against. docs/events.md is generated from this file.
#pragma once

#include <memflow/event.h>

// ---- allocations, one by one

enum { MF_OP_ALLOC, MF_OP_FREE, MF_OP_REALLOC, MF_OP_FAILED };
enum { MF_DOMAIN_RAW, MF_DOMAIN_MEM, MF_DOMAIN_OBJ, MF_DOMAIN_MALLOC, MF_DOMAIN_MAP, MF_DOMAIN_BREAK };

typedef struct {
  MfTime time;
  MfAddress address, old_address;
  MfSize size, granted;
  MfStack stack;
  MfString object_type;
  uint32_t process, thread;
  uint16_t op, domain;
  uint32_t sequence;
} MfAlloc;
MF_EVENT (MfAlloc, "alloc.event", 1, MF_VIEW_NONE, "One call of an allocator",
  MF_FIELD (MfAlloc, time, "when the call returned; for a free, when it began", .role = MF_ROLE_AT),
  MF_FIELD (MfAlloc, address, "the block: result of an allocation, argument of a free"),
  MF_FIELD (MfAlloc, old_address, "realloc: the block before"),
  MF_FIELD (MfAlloc, size, "requested", .role = MF_ROLE_EXTENT),
  MF_FIELD (MfAlloc, granted, "usable bytes that the allocator gave, where known"),
  MF_FIELD (MfAlloc, stack, "who called"),
  MF_FIELD (MfAlloc, object_type, "type of the Python object in it, where known"),
  MF_FIELD (MfAlloc, process, "process id"),
  MF_FIELD (MfAlloc, thread, "small number of the thread, from 1"),
  MF_FIELD_ENUM (MfAlloc, op, "what was called", MF_LABELS ("alloc", "free", "realloc", "failed")),
  MF_FIELD_ENUM (MfAlloc, domain, "which allocator was asked",
    MF_LABELS ("raw", "mem", "obj", "malloc", "map", "break")),
  MF_FIELD (MfAlloc, sequence, "number of the call in its thread; a hole is a loss"));

// ---- programs that are recorded

enum { MF_PROGRAM_STARTED, MF_PROGRAM_FORKED, MF_PROGRAM_REPLACED, MF_PROGRAM_ATTACHED };

typedef struct {
  MfTime time;
  MfSize sampling;
  MfString executable, python;
  uint32_t process, parent, how, stacks;
} MfProgramStart;
MF_EVENT (MfProgramStart, "program.start", 1, MF_VIEW_NONE,
  "A program began in a process: what was there before is gone",
  MF_FIELD (MfProgramStart, time, "when", .role = MF_ROLE_AT),
  MF_FIELD (MfProgramStart, sampling,
    "mean distance of the recorded allocations in requested bytes; not known = each is recorded"),
  MF_FIELD (MfProgramStart, executable, "its file, where known", .role = MF_ROLE_LABEL),
  MF_FIELD (MfProgramStart, python, "version of its Python, where it is one"),
  MF_FIELD (MfProgramStart, process, "process id"),
  MF_FIELD (MfProgramStart, parent, "process id of the one that started it; 0 = not known"),
  MF_FIELD_ENUM (MfProgramStart, how,
    "a new process, a copy of its parent with all its blocks, another program in the same process, or one that was running "
    "before: what it had is not known",
    MF_LABELS ("started", "forked", "replaced", "attached")),
  MF_FIELD_ENUM (MfProgramStart, stacks, "whether Python stacks are recorded, or why not",
    MF_LABELS ("off", "on", "no-python", "unknown-version", "unknown-layout", "missing-symbols",
      "free-threaded")));

enum { MF_MARK_POINT, MF_MARK_BEGIN, MF_MARK_END, MF_MARK_RESUME, MF_MARK_PAUSE };

typedef struct {
  MfTime time;
  MfString name;
  uint32_t process, thread, kind;
} MfProgramMark;
MF_EVENT (MfProgramMark, "program.mark", 1, MF_VIEW_NONE, "A place in time that the program has named itself",
  MF_FIELD (MfProgramMark, time, "when", .role = MF_ROLE_AT),
  MF_FIELD (MfProgramMark, name, "as the program calls it", .role = MF_ROLE_LABEL),
  MF_FIELD (MfProgramMark, process, "process id"),
  MF_FIELD (MfProgramMark, thread, "small number of the thread, from 1"),
  MF_FIELD_ENUM (MfProgramMark, kind, "a moment, the ends of a phase, or recording going on and off",
    MF_LABELS ("point", "begin", "end", "resume", "pause")));

// ---- allocations by call site, for recordings that keep no single events. The alloc.total row of a process
//      closes the alloc.site rows of its snapshot.

typedef struct {
  MfTime time;
  uint64_t live_blocks, peak_blocks, calls, failed;
  MfSize live, at_peak, allocated;
  MfStack stack;
  uint32_t process, snapshot, domain;
} MfAllocSite;
MF_EVENT (MfAllocSite, "alloc.site", 1, MF_VIEW_NONE, "What one call stack holds and has requested",
  MF_FIELD (MfAllocSite, time, "of the snapshot", .role = MF_ROLE_AT),
  MF_FIELD (MfAllocSite, live_blocks, "blocks that were not freed"),
  MF_FIELD (MfAllocSite, peak_blocks, "blocks of it at the peak of its process so far"),
  MF_FIELD (MfAllocSite, calls, "allocations and reallocations", .unit = MF_UNIT_CALLS),
  MF_FIELD (MfAllocSite, failed, "requests that were refused", .unit = MF_UNIT_CALLS),
  MF_FIELD (MfAllocSite, live, "bytes in live blocks, as requested", .role = MF_ROLE_BAR),
  MF_FIELD (MfAllocSite, at_peak, "bytes of it at the peak of its process so far"),
  MF_FIELD (MfAllocSite, allocated, "bytes of all its calls"),
  MF_FIELD (MfAllocSite, stack, "who called", .role = MF_ROLE_LABEL),
  MF_FIELD (MfAllocSite, process, "process id", .role = MF_ROLE_PART),
  MF_FIELD (MfAllocSite, snapshot, "number of the snapshot, from 1", .role = MF_ROLE_KEY),
  MF_FIELD_ENUM (MfAllocSite, domain, "which allocator was asked",
    MF_LABELS ("raw", "mem", "obj", "malloc", "map", "break")));

typedef struct {
  MfTime time, peak_time;
  uint64_t live_blocks, calls, frees, unknown_frees, untracked;
  MfSize live, peak, allocated;
  uint32_t process, snapshot, sites, reserved;
} MfAllocTotal;
MF_EVENT (MfAllocTotal, "alloc.total", 1, MF_VIEW_NONE, "What a process holds and has requested: closes a snapshot",
  MF_FIELD (MfAllocTotal, time, "of the snapshot", .role = MF_ROLE_AT),
  MF_FIELD (MfAllocTotal, peak_time, "when it held the most"),
  MF_FIELD (MfAllocTotal, live_blocks, "blocks that were not freed"),
  MF_FIELD (MfAllocTotal, calls, "allocations and reallocations", .unit = MF_UNIT_CALLS),
  MF_FIELD (MfAllocTotal, frees, "calls", .unit = MF_UNIT_CALLS),
  MF_FIELD (MfAllocTotal, unknown_frees, "of blocks that are older than the recording", .unit = MF_UNIT_CALLS),
  MF_FIELD (MfAllocTotal, untracked,
    "blocks that are in no figure because the memory of the recorder was used up", .unit = MF_UNIT_BLOCKS),
  MF_FIELD (MfAllocTotal, live, "bytes in live blocks, as requested", .role = MF_ROLE_BAR),
  MF_FIELD (MfAllocTotal, peak, "most bytes that were live at one time"),
  MF_FIELD (MfAllocTotal, allocated, "bytes of all calls"),
  MF_FIELD (MfAllocTotal, process, "process id", .role = MF_ROLE_PART),
  MF_FIELD (MfAllocTotal, snapshot, "number of the snapshot, from 1", .role = MF_ROLE_KEY),
  MF_FIELD (MfAllocTotal, sites, "alloc.site rows of it"),
  MF_FIELD (MfAllocTotal, reserved, "always 0", .role = MF_ROLE_HIDDEN));

// ---- the heap as a whole: one row each time somebody measured it

typedef struct {
  MfTime time;
  MfSize total, used, free, largest_free, min_ever_free, growable, requested, requested_peak;
  MfSize stack_used, stack_limit;
  MfString heap;
  uint32_t ordinal, free_runs, used_blocks, granule, line;
} MfHeapStats;
MF_EVENT (MfHeapStats, "heap.stats", 1, MF_VIEW_SERIES, "Totals of the heap, one dump after the other",
  MF_FIELD (MfHeapStats, time, "when, for sources with a clock"),
  MF_FIELD (MfHeapStats, total, "bytes that the allocator manages"),
  MF_FIELD (MfHeapStats, used, "bytes in allocated blocks, rounding included", .role = MF_ROLE_BAR),
  MF_FIELD (MfHeapStats, free, "bytes in free runs", .role = MF_ROLE_BAR),
  MF_FIELD (MfHeapStats, largest_free, "longest free run", .role = MF_ROLE_BAR),
  MF_FIELD (MfHeapStats, min_ever_free, "lowest free since start, where the device says"),
  MF_FIELD (MfHeapStats, growable, "largest new area that the heap could still get"),
  MF_FIELD (MfHeapStats, requested, "bytes that the program asked for, where the device counts them"),
  MF_FIELD (MfHeapStats, requested_peak, "highest value of requested since start"),
  MF_FIELD (MfHeapStats, stack_used, "bytes of the C stack in use"),
  MF_FIELD (MfHeapStats, stack_limit, "size of the C stack"),
  MF_FIELD (MfHeapStats, heap, "which heap", .role = MF_ROLE_PART),
  MF_FIELD (MfHeapStats, ordinal, "number of the dump in its input, from 1", .role = MF_ROLE_AT),
  MF_FIELD (MfHeapStats, free_runs, "number of free runs", .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (MfHeapStats, used_blocks, "number of allocated blocks", .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (MfHeapStats, granule, "smallest step of the allocator", .unit = MF_UNIT_BYTES,
    .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (MfHeapStats, line, "line of the input where it stands", .flags = MF_FIELD_OPTIONAL));

// ---- the heap block by block. The rows of one snapshot carry its id; its heap.region and heap.block
//      rows come first and the heap.snapshot row closes it: on that row the whole is known to be there.

enum { MF_BLOCK_FREE, MF_BLOCK_USED, MF_BLOCK_MARKED };

typedef struct {
  uint32_t snapshot, region;
  MfSize offset, size;
  MfString kind;
  uint32_t state;
} MfHeapBlock;
MF_EVENT (MfHeapBlock, "heap.block", 1, MF_VIEW_MAP, "The heap, block by block",
  MF_FIELD (MfHeapBlock, snapshot, "id of the snapshot", .role = MF_ROLE_KEY),
  MF_FIELD (MfHeapBlock, region, "number of the region in the snapshot, from 0", .role = MF_ROLE_PART),
  MF_FIELD (MfHeapBlock, offset, "from the start of the region", .role = MF_ROLE_AT),
  MF_FIELD (MfHeapBlock, size, "header and rounding included", .role = MF_ROLE_EXTENT),
  MF_FIELD (MfHeapBlock, kind, "what is in it, as far as the source can tell", .role = MF_ROLE_LABEL),
  MF_FIELD_ENUM (MfHeapBlock, state, "free or not", .role = MF_ROLE_STATE,
    MF_LABELS ("free", "used", "marked")));

typedef struct {
  uint32_t snapshot, region;
  MfAddress address;
  MfSize size;
  MfString name;
  uint32_t blocks;
} MfHeapRegion;
MF_EVENT (MfHeapRegion, "heap.region", 1, MF_VIEW_NONE, "One contiguous area of a heap",
  MF_FIELD (MfHeapRegion, snapshot, "id of the snapshot", .role = MF_ROLE_KEY),
  MF_FIELD (MfHeapRegion, region, "number of the region in the snapshot, from 0", .role = MF_ROLE_PART),
  MF_FIELD (MfHeapRegion, address, "first byte, in the studied machine", .role = MF_ROLE_AT),
  MF_FIELD (MfHeapRegion, size, "bytes"),
  MF_FIELD (MfHeapRegion, name, "what it is called, where it has a name", .role = MF_ROLE_LABEL),
  MF_FIELD (MfHeapRegion, blocks, "heap.block rows in it"));

enum { MF_SNAPSHOT_COLLECTING = 1, MF_SNAPSHOT_UNCHECKED = 2, MF_SNAPSHOT_COLLECTABLE = 4 };

typedef struct {
  MfTime time;
  MfSize total, used, free, growable;
  MfString heap, allocator;
  uint32_t snapshot, ordinal, regions, blocks, granule, block_header, line, last_line;
  uint32_t flags, sequence;
} MfHeapSnapshot;
MF_EVENT (MfHeapSnapshot, "heap.snapshot", 1, MF_VIEW_NONE, "A heap was seen whole: closes its rows",
  MF_FIELD (MfHeapSnapshot, time, "when, for sources with a clock"),
  MF_FIELD (MfHeapSnapshot, total, "bytes that the allocator manages"),
  MF_FIELD (MfHeapSnapshot, used, "bytes in allocated blocks, rounding included"),
  MF_FIELD (MfHeapSnapshot, free, "bytes in free runs"),
  MF_FIELD (MfHeapSnapshot, growable, "largest new area that the heap could still get"),
  MF_FIELD (MfHeapSnapshot, heap, "which heap", .role = MF_ROLE_LABEL),
  MF_FIELD (MfHeapSnapshot, allocator, "which allocator's rules hold"),
  MF_FIELD (MfHeapSnapshot, snapshot, "id of the snapshot", .role = MF_ROLE_KEY),
  MF_FIELD (MfHeapSnapshot, ordinal, "number of the dump in its input, from 1"),
  MF_FIELD (MfHeapSnapshot, regions, "heap.region rows of it"),
  MF_FIELD (MfHeapSnapshot, blocks, "heap.block rows of it"),
  MF_FIELD (MfHeapSnapshot, granule, "smallest step of the allocator", .unit = MF_UNIT_BYTES),
  MF_FIELD (MfHeapSnapshot, block_header, "bytes before each block's payload", .unit = MF_UNIT_BYTES),
  MF_FIELD (MfHeapSnapshot, line, "first line in the input", .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (MfHeapSnapshot, last_line, "last line in the input", .flags = MF_FIELD_OPTIONAL),
  MF_FIELD_FLAGS (MfHeapSnapshot, flags, "what limits its use",
    MF_LABELS ("collecting", "unchecked", "collectable")),
  MF_FIELD (MfHeapSnapshot, sequence, "number among all events of the input, from 1"));

// ---- what a device says of itself

enum { MF_FAULT_MEMORY, MF_FAULT_HEAP_LOCKED, MF_FAULT_RECURSION, MF_FAULT_EXCEPTION };

typedef struct {
  MfTime time;
  MfSize requested;
  MfStack stack;
  uint32_t kind, caught, after_ordinal, line, sequence;
  MfText message;
} MfDeviceFault;
MF_EVENT (MfDeviceFault, "device.fault", 1, MF_VIEW_TABLE, "Failures on the device",
  MF_FIELD (MfDeviceFault, time, "when, for sources with a clock", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfDeviceFault, requested, "bytes of the refused request, where it says"),
  MF_FIELD (MfDeviceFault, stack, "traceback, innermost frame first"),
  MF_FIELD_ENUM (MfDeviceFault, kind, "what went wrong",
    MF_LABELS ("memory", "heap-locked", "recursion", "exception")),
  MF_FIELD_ENUM (MfDeviceFault, caught, "did the program go on", MF_LABELS ("uncaught", "caught")),
  MF_FIELD (MfDeviceFault, after_ordinal, "number of the last dump before it; 0 = none"),
  MF_FIELD (MfDeviceFault, line, "line of the input"),
  MF_FIELD (MfDeviceFault, sequence, "number among all events of the input, from 1",
    .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfDeviceFault, message, "what the device printed", .flags = MF_FIELD_BRIEF));

typedef struct {
  MfTime time;
  MfString version, board, mcu;
  uint32_t epoch, line, soft;
} MfDeviceBoot;
MF_EVENT (MfDeviceBoot, "device.boot", 1, MF_VIEW_NONE, "A device started: a new epoch begins",
  MF_FIELD (MfDeviceBoot, time, "when, for sources with a clock"),
  MF_FIELD (MfDeviceBoot, version, "firmware and version", .role = MF_ROLE_LABEL),
  MF_FIELD (MfDeviceBoot, board, "board, as the banner names it"),
  MF_FIELD (MfDeviceBoot, mcu, "processor, as the banner names it"),
  MF_FIELD (MfDeviceBoot, epoch, "number of the start, from 0"),
  MF_FIELD (MfDeviceBoot, line, "line of the input"),
  MF_FIELD_ENUM (MfDeviceBoot, soft, "kind of start", MF_LABELS ("reset", "soft-reset")));

typedef struct {
  MfTime time;
  uint32_t line, last_line, broke_line, sequence;
  MfString what;
  uint32_t epoch;
  MfText reason;
} MfInputDamage;
MF_EVENT (MfInputDamage, "input.damage", 1, MF_VIEW_TABLE, "Parts of the input that could not be used",
  MF_FIELD (MfInputDamage, time, "when, for sources with a clock", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfInputDamage, line, "first line of it"),
  MF_FIELD (MfInputDamage, last_line, "last line of it"),
  MF_FIELD (MfInputDamage, broke_line, "line where it stopped making sense"),
  MF_FIELD (MfInputDamage, sequence, "number among all events of the input, from 1",
    .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfInputDamage, what, "what it was"),
  MF_FIELD (MfInputDamage, epoch, "starts of the device before it", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfInputDamage, reason, "why it was refused", .role = MF_ROLE_LABEL));

// ---- processes, objects, code

typedef struct {
  MfTime time;
  MfStack stack;
  uint32_t thread;
  MfSize rss, pss;
  MfDuration cpu;
} MfProcessSample;
MF_EVENT (MfProcessSample, "process.sample", 1, MF_VIEW_NONE, "A thread seen at one instant",
  MF_FIELD (MfProcessSample, time, "when", .role = MF_ROLE_AT),
  MF_FIELD (MfProcessSample, stack, "what it ran"),
  MF_FIELD (MfProcessSample, thread, "native thread id", .role = MF_ROLE_PART),
  MF_FIELD (MfProcessSample, rss, "resident set", .role = MF_ROLE_BAR),
  MF_FIELD (MfProcessSample, pss, "proportional share of it, where measured"),
  MF_FIELD (MfProcessSample, cpu, "how long the thread had run on a processor, as known some ms before; -1 ns = not known", .flags = MF_FIELD_OPTIONAL));

// Where the resident set of a process is: a row for each part, in the order of the labels. The row "all" closes the moment; what
// the parts lack of it, or have more, changed while they were read.
enum {
  MF_MEMORY_PYTHON_OBJECTS, MF_MEMORY_PYMALLOC_FREE, MF_MEMORY_C_USED, MF_MEMORY_C_FREE, MF_MEMORY_C_MAPPED, MF_MEMORY_C_HEAP,
  MF_MEMORY_STACKS, MF_MEMORY_FILES, MF_MEMORY_SHARED, MF_MEMORY_ANONYMOUS, MF_MEMORY_ALL
};
enum { MF_MEMORY_BY_PAGES, MF_MEMORY_BY_SHARE };

typedef struct {
  MfTime time;
  uint32_t moment, part;
  MfSize size, resident, own, swapped;
  uint64_t pieces;
  uint32_t basis, reserved;
} MfProcessMemory;
MF_EVENT (MfProcessMemory, "process.memory", 1, MF_VIEW_NONE, "What the memory of a process consists of",
  MF_FIELD (MfProcessMemory, time, "when", .role = MF_ROLE_AT),
  MF_FIELD (MfProcessMemory, moment, "number of the moment, from 1", .role = MF_ROLE_KEY),
  MF_FIELD_ENUM (MfProcessMemory, part, "used blocks of pymalloc; the rest of its arenas; used chunks of the C library's arenas; the "
    "rest of these; its chunks with a mapping of their own; its heap where chunks were not read; stacks of threads; mapped "
    "files; memory that processes share; mappings of no other part; all of them",
    .role = MF_ROLE_LABEL, MF_LABELS ("python-objects", "pymalloc-free", "c-used", "c-free", "c-mapped", "c-heap", "stacks",
      "files", "shared", "anonymous", "all")),
  MF_FIELD (MfProcessMemory, size, "bytes of addresses"),
  MF_FIELD (MfProcessMemory, resident, "bytes in memory", .role = MF_ROLE_BAR),
  MF_FIELD (MfProcessMemory, own, "of them in no other process"),
  MF_FIELD (MfProcessMemory, swapped, "bytes in swap space"),
  MF_FIELD (MfProcessMemory, pieces, "arenas, chunks, stacks or mappings that it consists of"),
  MF_FIELD_ENUM (MfProcessMemory, basis, "how a mapping with several parts was divided: page by page, or in proportion",
    MF_LABELS ("pages", "proportion")),
  MF_FIELD (MfProcessMemory, reserved, "always 0", .role = MF_ROLE_HIDDEN));

typedef struct {
  uint32_t snapshot;
  MfString type;
  uint64_t count;
  MfSize bytes;
  uint64_t large, tracked;
  MfSize large_bytes;
} MfObjectCensus;
MF_EVENT (MfObjectCensus, "object.census", 1, MF_VIEW_TABLE, "Live objects of one type",
  MF_FIELD (MfObjectCensus, snapshot, "id of the snapshot", .role = MF_ROLE_KEY),
  MF_FIELD (MfObjectCensus, type, "name of the type", .role = MF_ROLE_LABEL),
  MF_FIELD (MfObjectCensus, count, "live objects in blocks of the heap"),
  MF_FIELD (MfObjectCensus, bytes, "in their blocks", .role = MF_ROLE_BAR),
  MF_FIELD (MfObjectCensus, large, "live objects that are too large for it, as far as the collector has them"),
  MF_FIELD (MfObjectCensus, tracked, "of both, those that the collector has: what gc.get_objects() lists, and what gc.get_freeze_count() counts"),
  MF_FIELD (MfObjectCensus, large_bytes, "of the large ones, without what they keep elsewhere"));

enum { MF_UNIT_OF_INPUT, MF_UNIT_OF_LIBRARY };

typedef struct {
  MfString heap;
  uint32_t snapshot;
  MfAddress arena;
  uint64_t used_blocks;
  MfSize used;
  double occupancy;
  MfString main_type;
  uint32_t reserved;
  uint64_t main_count;
  MfSize main_bytes;
} MfPymallocArena;
MF_EVENT (MfPymallocArena, "pymalloc.arena", 1, MF_VIEW_TABLE, "What keeps arenas, the emptiest first",
  MF_FIELD (MfPymallocArena, heap, "which interpreter's", .role = MF_ROLE_KEY),
  MF_FIELD (MfPymallocArena, snapshot, "id of the snapshot", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfPymallocArena, arena, "its first byte", .role = MF_ROLE_LABEL),
  MF_FIELD (MfPymallocArena, used_blocks, "blocks in use", .unit = MF_UNIT_BLOCKS),
  MF_FIELD (MfPymallocArena, used, "bytes in them", .role = MF_ROLE_BAR),
  MF_FIELD (MfPymallocArena, occupancy, "used part of the arena", .unit = MF_UNIT_PERCENT),
  MF_FIELD (MfPymallocArena, main_type, "type of the objects that hold the most bytes in it"),
  MF_FIELD (MfPymallocArena, reserved, "always 0", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfPymallocArena, main_count, "objects of that type in it"),
  MF_FIELD (MfPymallocArena, main_bytes, "bytes of them in it"));

typedef struct {
  uint32_t unit, parent;
  MfString name, file;
  MfSize size;
  uint32_t first_line, origin;
  MfString module, runtime;
  uint32_t instructions, constants, stack, locals;
} MfCodeUnit;
MF_EVENT (MfCodeUnit, "code.unit", 1, MF_VIEW_TREE, "One code object of a module",
  MF_FIELD (MfCodeUnit, unit, "number of the code object in the run, from 1", .role = MF_ROLE_KEY),
  MF_FIELD (MfCodeUnit, parent, "the one that contains it; 0 = it is a module's own", .role = MF_ROLE_PARENT),
  MF_FIELD (MfCodeUnit, name, "qualified name", .role = MF_ROLE_LABEL),
  MF_FIELD (MfCodeUnit, file, "source file"),
  MF_FIELD (MfCodeUnit, size, "bytes of its bytecode", .role = MF_ROLE_BAR),
  MF_FIELD (MfCodeUnit, first_line, "first source line"),
  MF_FIELD_ENUM (MfCodeUnit, origin, "read because it was asked for, or because that imports it",
    MF_LABELS ("input", "library")),
  MF_FIELD (MfCodeUnit, module, "dotted name of its module"),
  MF_FIELD (MfCodeUnit, runtime, "what the bytecode is for: CPython 3.11, MicroPython 6.3"),
  MF_FIELD (MfCodeUnit, instructions, "instructions in it, without inline caches"),
  MF_FIELD (MfCodeUnit, constants, "constants of it, code objects included"),
  MF_FIELD (MfCodeUnit, stack, "slots of its value stack"),
  MF_FIELD (MfCodeUnit, locals, "slots of its variables: locals, cells, free ones"));

typedef struct {
  uint32_t unit, line;
  MfString operation;
  uint32_t offset;
  MfSize low, high;
} MfCodeSite;
MF_EVENT (MfCodeSite, "code.site", 1, MF_VIEW_NONE, "An operation in bytecode that needs memory",
  MF_FIELD (MfCodeSite, unit, "number of the code object", .role = MF_ROLE_KEY),
  MF_FIELD (MfCodeSite, line, "source line"),
  MF_FIELD (MfCodeSite, operation, "what it does", .role = MF_ROLE_LABEL),
  MF_FIELD (MfCodeSite, offset, "in the bytecode", .unit = MF_UNIT_BYTES),
  MF_FIELD (MfCodeSite, low, "least bytes each time"),
  MF_FIELD (MfCodeSite, high, "most bytes each time, where bounded"));

typedef struct {
  uint32_t unit, units;
  uint32_t offset, total;
  MfString module, origin;
  uint32_t is_package, reserved;
  MfText content;
} MfCodeContent;
MF_EVENT (MfCodeContent, "code.content", 1, MF_VIEW_BULK,
  "A compiled module as it stands in its file, piece by piece: its instructions and constants",
  MF_FIELD (MfCodeContent, unit, "number of its first code object", .role = MF_ROLE_KEY),
  MF_FIELD (MfCodeContent, units, "how many code objects it has"),
  MF_FIELD (MfCodeContent, offset, "of this piece in the module", .unit = MF_UNIT_BYTES, .role = MF_ROLE_AT),
  MF_FIELD (MfCodeContent, total, "bytes of the module", .unit = MF_UNIT_BYTES),
  MF_FIELD (MfCodeContent, module, "dotted name of the module", .role = MF_ROLE_LABEL),
  MF_FIELD (MfCodeContent, origin, "the file, or the member of an archive"),
  MF_FIELD_ENUM (MfCodeContent, is_package, "a module, or a package", MF_LABELS ("module", "package")),
  MF_FIELD (MfCodeContent, reserved, "always 0", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfCodeContent, content, "the piece in base64; the pieces of a module follow each other",
    .flags = MF_FIELD_BRIEF));

// What code needs on a target, before it runs there. `high` unset: nothing bounds it.
enum { MF_COST_FILE, MF_COST_CODE, MF_COST_IMPORT, MF_COST_RESIDENT, MF_COST_IMPORT_PEAK, MF_COST_CALL, MF_COST_KEPT,
  MF_COST_CALL_PEAK, MF_COST_STACK };

typedef struct {
  MfString target, module, name, basis;
  uint32_t unit, line, quantity, reserved;
  MfSize low, likely, high;
} MfCodeCost;
MF_EVENT (MfCodeCost, "code.cost", 1, MF_VIEW_NONE, "What a module or a function needs on a target",
  MF_FIELD (MfCodeCost, target, "on which target", .role = MF_ROLE_KEY),
  MF_FIELD (MfCodeCost, module, "dotted name of the module"),
  MF_FIELD (MfCodeCost, name, "qualified name of the function; the module's own for the module", .role = MF_ROLE_LABEL),
  MF_FIELD (MfCodeCost, basis, "how it is known, or what it assumes"),
  MF_FIELD (MfCodeCost, unit, "number of the code object"),
  MF_FIELD (MfCodeCost, line, "source line that decides it; 0 = none"),
  MF_FIELD_ENUM (MfCodeCost, quantity, "the file; the code object with its constants; allocated by an import, left of it, most at "
    "one time during it; the same of a call; C stack",
    MF_LABELS ("file", "code", "import", "resident", "import-peak", "call", "kept", "call-peak", "stack")),
  MF_FIELD (MfCodeCost, reserved, "always 0", .role = MF_ROLE_HIDDEN),
  MF_FIELD (MfCodeCost, low, "least bytes"),
  MF_FIELD (MfCodeCost, likely, "most likely bytes", .role = MF_ROLE_BAR),
  MF_FIELD (MfCodeCost, high, "most bytes; none = nothing bounds them"));

enum { MF_IMPORT_AT_ONCE, MF_IMPORT_IN_A_CALL };

typedef struct {
  MfString module, importer;
  MfSize bytes;
  MfString names;
  uint32_t unit, line, when;
} MfModuleImport;
MF_EVENT (MfModuleImport, "module.import", 1, MF_VIEW_TABLE, "One import",
  MF_FIELD (MfModuleImport, module, "what was imported", .role = MF_ROLE_LABEL),
  MF_FIELD (MfModuleImport, importer, "by which module"),
  MF_FIELD (MfModuleImport, bytes, "that it cost, where known", .role = MF_ROLE_BAR),
  MF_FIELD (MfModuleImport, names, "what is taken from it, with commas; they may be modules too"),
  MF_FIELD (MfModuleImport, unit, "number of the code object that has the import; 0 = not known"),
  MF_FIELD (MfModuleImport, line, "source line of the import; 0 = not known"),
  MF_FIELD_ENUM (MfModuleImport, when, "while the importer itself is imported, or when a function of it is called",
    MF_LABELS ("at-once", "in-a-call")));

// ---- results

typedef struct {
  MfString subject, name;
  double value;
  MfString unit, basis;
} MfMetric;
MF_EVENT (MfMetric, "metric", 1, MF_VIEW_NONE, "One figure of a report, for machines",
  MF_FIELD (MfMetric, subject, "of what"),
  MF_FIELD (MfMetric, name, "which figure", .role = MF_ROLE_LABEL),
  MF_FIELD (MfMetric, value, "its value", .role = MF_ROLE_BAR, .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (MfMetric, unit, "its unit"),
  MF_FIELD (MfMetric, basis, "how it is known"));

enum { MF_CONFIDENCE_PROVEN, MF_CONFIDENCE_LIKELY, MF_CONFIDENCE_POSSIBLE };

typedef struct {
  MfString rule, place;
  MfSize saving;
  uint32_t confidence, priority;
  MfText evidence, fix;
} MfFinding;
MF_EVENT (MfFinding, "finding", 1, MF_VIEW_TABLE, "Something that should be changed",
  MF_FIELD (MfFinding, rule, "which rule found it", .role = MF_ROLE_LABEL),
  MF_FIELD (MfFinding, place, "file and line, or block"),
  MF_FIELD (MfFinding, saving, "bytes that the change would save", .role = MF_ROLE_BAR),
  MF_FIELD_ENUM (MfFinding, confidence, "how sure", MF_LABELS ("proven", "likely", "possible")),
  MF_FIELD (MfFinding, priority, "1 = first"),
  MF_FIELD (MfFinding, evidence, "what was seen"),
  MF_FIELD (MfFinding, fix, "what to change"));

typedef struct {
  MfString target, quantity;
  double low, value, high;
  MfString unit, basis;
} MfPrediction;
MF_EVENT (MfPrediction, "prediction", 1, MF_VIEW_TABLE, "A figure for another target",
  MF_FIELD (MfPrediction, target, "which target", .role = MF_ROLE_LABEL),
  MF_FIELD (MfPrediction, quantity, "what is predicted"),
  MF_FIELD (MfPrediction, low, "lower end of the range"),
  MF_FIELD (MfPrediction, value, "most likely value", .role = MF_ROLE_BAR),
  MF_FIELD (MfPrediction, high, "upper end of the range"),
  MF_FIELD (MfPrediction, unit, "unit of the three"),
  MF_FIELD (MfPrediction, basis, "how it is known"));

typedef struct {
  MfString budget, basis;
  MfSize limit, actual;
  uint32_t pass, reserved;
} MfVerdict;
MF_EVENT (MfVerdict, "verdict", 1, MF_VIEW_TABLE, "A limit and whether it is kept; a failed one ends the run with status 5",
  MF_FIELD (MfVerdict, budget, "which limit", .role = MF_ROLE_LABEL),
  MF_FIELD (MfVerdict, basis, "how the actual value is known"),
  MF_FIELD (MfVerdict, limit, "allowed"),
  MF_FIELD (MfVerdict, actual, "needed", .role = MF_ROLE_BAR),
  MF_FIELD_ENUM (MfVerdict, pass, "kept or not", MF_LABELS ("exceeded", "kept")),
  MF_FIELD (MfVerdict, reserved, "always 0", .role = MF_ROLE_HIDDEN));

// What an analyzer says to people. Severity decides the place: verdicts first, next steps last.
enum { MF_SAY_VERDICT, MF_SAY_WARNING, MF_SAY_EVIDENCE, MF_SAY_NEXT };

typedef struct {
  uint32_t order, severity;
  MfString subject, place;
  MfText text, basis;
} MfStatement;
MF_EVENT (MfStatement, "report.statement", 1, MF_VIEW_NONE, "A sentence of the report",
  MF_FIELD (MfStatement, order, "place among those of one severity: lowest first"),
  MF_FIELD_ENUM (MfStatement, severity, "how it is shown",
    MF_LABELS ("verdict", "warning", "evidence", "next")),
  MF_FIELD (MfStatement, subject, "a word or two in front of it"),
  MF_FIELD (MfStatement, place, "file:line that it is about, where there is one"),
  MF_FIELD (MfStatement, text, "the sentence; a line feed starts a new line", .role = MF_ROLE_LABEL),
  MF_FIELD (MfStatement, basis, "how it is known"));

// ---- what core itself tells

enum { MF_LOST_QUEUE_FULL, MF_LOST_STALLED, MF_LOST_DAMAGED, MF_LOST_TRUNCATED, MF_LOST_REFUSED };

typedef struct {
  MfString stage, consumer, type;
  uint32_t reason;
  uint64_t count;
  MfTime from, to;
} MfLost;
MF_EVENT (MfLost, "core.lost", 1, MF_VIEW_TABLE, "Rows that did not arrive",
  MF_FIELD (MfLost, stage, "who published them"),
  MF_FIELD (MfLost, consumer, "who did not get them; empty = nobody did"),
  MF_FIELD (MfLost, type, "which type", .role = MF_ROLE_LABEL),
  MF_FIELD_ENUM (MfLost, reason, "why",
    MF_LABELS ("queue-full", "stalled", "damaged", "truncated", "refused")),
  MF_FIELD (MfLost, count, "how many", .unit = MF_UNIT_ROWS, .role = MF_ROLE_BAR),
  MF_FIELD (MfLost, from, "time of the first, where the type has one"),
  MF_FIELD (MfLost, to, "time of the last, where the type has one"));

typedef struct {
  MfString stage, plugin;
  uint32_t kind, failed;
  uint64_t batches_in, rows_in, batches_out, rows_out, lost;
} MfStageStats;
MF_EVENT (MfStageStats, "core.stage-stats", 1, MF_VIEW_NONE, "What one stage of the run did",
  MF_FIELD (MfStageStats, stage, "name in the configuration", .role = MF_ROLE_LABEL),
  MF_FIELD (MfStageStats, plugin, "which plugin"),
  MF_FIELD_ENUM (MfStageStats, kind, "kind of the stage",
    MF_LABELS ("core", "collector", "analyzer", "format")),
  MF_FIELD_ENUM (MfStageStats, failed, "how it ended", MF_LABELS ("ok", "failed")),
  MF_FIELD (MfStageStats, batches_in, "batches received"),
  MF_FIELD (MfStageStats, rows_in, "rows received", .unit = MF_UNIT_ROWS),
  MF_FIELD (MfStageStats, batches_out, "batches published"),
  MF_FIELD (MfStageStats, rows_out, "rows published", .unit = MF_UNIT_ROWS),
  MF_FIELD (MfStageStats, lost, "rows that it did not get", .unit = MF_UNIT_ROWS));

enum { MF_LOG_NOTE, MF_LOG_WARNING, MF_LOG_ERROR };

typedef struct {
  MfString stage;
  uint32_t severity;
  MfText text;
} MfLog;
MF_EVENT (MfLog, "core.log", 1, MF_VIEW_NONE, "A remark of a stage",
  MF_FIELD (MfLog, stage, "who says it"),
  MF_FIELD_ENUM (MfLog, severity, "how bad", MF_LABELS ("note", "warning", "error")),
  MF_FIELD (MfLog, text, "what it says", .role = MF_ROLE_LABEL));

typedef struct {
  MfString name, configuration, version;
  uint32_t outcome;
  uint64_t lost;
  int32_t program_status, reserved;
} MfRunEnd;
MF_EVENT (MfRunEnd, "core.run", 1, MF_VIEW_NONE, "The last event of a run",
  MF_FIELD (MfRunEnd, name, "of the pipeline", .role = MF_ROLE_LABEL),
  MF_FIELD (MfRunEnd, configuration, "its file"),
  MF_FIELD (MfRunEnd, version, "of memflow"),
  MF_FIELD_ENUM (MfRunEnd, outcome, "how it ended",
    MF_LABELS ("complete", "incomplete", "failed", "interrupted")),
  MF_FIELD (MfRunEnd, lost, "rows lost on all edges", .unit = MF_UNIT_ROWS),
  MF_FIELD (MfRunEnd, program_status, "exit status of the studied program; -1 = none was run"),
  MF_FIELD (MfRunEnd, reserved, "always 0", .role = MF_ROLE_HIDDEN));
