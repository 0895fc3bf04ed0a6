// SPDX-License-Identifier: Apache-2.0
// The event types that the analyzer hotspots publishes: for each process one picture of each.
#pragma once

#include <memflow/plugin.h>

typedef struct {
  MfString of, site;
  MfSize at_peak;
  MfSize at_peak_error;
  double share;
  uint64_t blocks;
  uint64_t blocks_error;
  MfSize total;
  MfSize total_error;
  uint64_t calls;
  uint64_t calls_error;
  MfSize live;
  MfSize live_error;
  uint64_t live_blocks, temporaries, failed;
  MfString file, function;
  uint32_t line, reserved;
} HotSite;
MF_EVENT (HotSite, "hotspots.site", 1, MF_VIEW_TABLE, "Who held the bytes at the peak",
  MF_FIELD (HotSite, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotSite, site, "innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (HotSite, at_peak, "bytes live at the peak", .role = MF_ROLE_BAR),
  MF_FIELD (HotSite, at_peak_error, "of an estimate: plus or minus, in 95 of 100 recordings"),
  MF_FIELD (HotSite, share, "of all bytes live at the peak", .unit = MF_UNIT_PERCENT),
  MF_FIELD (HotSite, blocks, "live at the peak"),
  MF_FIELD (HotSite, blocks_error, "of an estimate: plus or minus, in 95 of 100 recordings", .flags = MF_FIELD_OPTIONAL, .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, total, "requested by all its calls", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, total_error, "of an estimate: plus or minus, in 95 of 100 recordings", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, calls, "allocations and reallocations", .unit = MF_UNIT_CALLS,
    .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, calls_error, "of an estimate: plus or minus, in 95 of 100 recordings", .flags = MF_FIELD_OPTIONAL, .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, live, "bytes live at the end", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, live_error, "of an estimate: plus or minus, in 95 of 100 recordings", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, live_blocks, "live at the end", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, temporaries, "blocks freed at once",
    .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, failed, "requests that were refused",
    .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, file, "whole path, as recorded", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, function, "name", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, line, "number; 0 = not known", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, reserved, "always 0", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of, site;
  MfSize total;
  MfSize total_error;
  double share;
  uint64_t calls;
  uint64_t calls_error;
} HotTraffic;
MF_EVENT (HotTraffic, "hotspots.traffic", 1, MF_VIEW_TABLE, "Who requested the most bytes",
  MF_FIELD (HotTraffic, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotTraffic, site, "innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (HotTraffic, total, "requested by all its calls", .role = MF_ROLE_BAR),
  MF_FIELD (HotTraffic, total_error, "of an estimate: plus or minus, in 95 of 100 recordings"),
  MF_FIELD (HotTraffic, share, "of all bytes requested", .unit = MF_UNIT_PERCENT),
  MF_FIELD (HotTraffic, calls, "allocations and reallocations"),
  MF_FIELD (HotTraffic, calls_error, "of an estimate: plus or minus, in 95 of 100 recordings", .flags = MF_FIELD_OPTIONAL));

typedef struct {
  MfString of, site;
  uint64_t calls;
  uint64_t calls_error;
  double share;
  uint64_t temporaries;
  MfSize total;
} HotCalls;
MF_EVENT (HotCalls, "hotspots.calls", 1, MF_VIEW_TABLE, "Who called the most",
  MF_FIELD (HotCalls, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotCalls, site, "innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (HotCalls, calls, "allocations and reallocations",
    .role = MF_ROLE_BAR),
  MF_FIELD (HotCalls, calls_error, "of an estimate: plus or minus, in 95 of 100 recordings", .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (HotCalls, share, "of all calls", .unit = MF_UNIT_PERCENT),
  MF_FIELD (HotCalls, temporaries, "blocks freed at once"),
  MF_FIELD (HotCalls, total, "bytes requested"));

typedef struct {
  MfString of, site;
  MfSize live;
  MfSize live_error;
  MfSize unsure;
  MfSize middle, earlier;
  uint64_t blocks;
  uint32_t trend, reserved;
} HotLeak;
MF_EVENT (HotLeak, "hotspots.leak", 1, MF_VIEW_TABLE, "Who still held bytes at the end",
  MF_FIELD (HotLeak, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotLeak, site, "innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (HotLeak, live, "bytes at the end", .role = MF_ROLE_BAR),
  MF_FIELD (HotLeak, live_error, "of an estimate: plus or minus, in 95 of 100 recordings"),
  MF_FIELD (HotLeak, unsure, "more that may have been freed while the recording was paused"),
  MF_FIELD (HotLeak, middle, "bytes at the last power of two of calls"),
  MF_FIELD (HotLeak, earlier, "bytes at half as many calls"),
  MF_FIELD (HotLeak, blocks, "at the end"),
  MF_FIELD_ENUM (HotLeak, trend, "whether it grew each time", MF_LABELS ("steady", "growing")),
  MF_FIELD (HotLeak, reserved, "always 0", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of, module;
  MfSize at_peak;
  MfSize at_peak_error;
  double share;
  MfSize total;
  MfSize total_error;
  uint64_t calls;
  MfSize live;
  MfSize live_error;
  MfString file;
  uint32_t reserved;
} HotModule;
MF_EVENT (HotModule, "hotspots.module", 1, MF_VIEW_TABLE, "The same by file",
  MF_FIELD (HotModule, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotModule, module, "end of the path of the file", .role = MF_ROLE_LABEL),
  MF_FIELD (HotModule, at_peak, "bytes live at the peak", .role = MF_ROLE_BAR),
  MF_FIELD (HotModule, at_peak_error, "of an estimate: plus or minus, in 95 of 100 recordings"),
  MF_FIELD (HotModule, share, "of all bytes live at the peak", .unit = MF_UNIT_PERCENT),
  MF_FIELD (HotModule, total, "requested by all calls"),
  MF_FIELD (HotModule, total_error, "of an estimate: plus or minus, in 95 of 100 recordings", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotModule, calls, "allocations and reallocations"),
  MF_FIELD (HotModule, live, "bytes live at the end"),
  MF_FIELD (HotModule, live_error, "of an estimate: plus or minus, in 95 of 100 recordings", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotModule, file, "of the innermost Python line", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotModule, reserved, "always 0", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of;
  uint32_t thread;
  MfSize at_peak;
  MfSize at_peak_error;
  MfSize total;
  MfSize total_error;
  uint64_t calls, frees, temporaries, failed, lost;
  MfSize live;
} HotThread;
MF_EVENT (HotThread, "hotspots.thread", 1, MF_VIEW_TABLE, "The same by the thread that allocated",
  MF_FIELD (HotThread, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotThread, thread, "small number; 0 = not told apart", .role = MF_ROLE_LABEL),
  MF_FIELD (HotThread, at_peak, "bytes live at the peak", .role = MF_ROLE_BAR),
  MF_FIELD (HotThread, at_peak_error, "of an estimate: plus or minus, in 95 of 100 recordings"),
  MF_FIELD (HotThread, total, "requested by all its calls"),
  MF_FIELD (HotThread, total_error, "of an estimate: plus or minus, in 95 of 100 recordings", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotThread, calls, "allocations and reallocations"),
  MF_FIELD (HotThread, frees, "calls of it"),
  MF_FIELD (HotThread, temporaries, "blocks freed at once"),
  MF_FIELD (HotThread, failed, "requests that were refused",
    .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotThread, lost, "calls missing in its numbering",
    .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotThread, live, "bytes live at the end", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of;
  uint32_t reserved;
  MfTime time;
  MfSize highest, live, total;
  uint64_t calls;
} HotTimeline;
MF_EVENT (HotTimeline, "hotspots.timeline", 1, MF_VIEW_SERIES, "Live bytes over time",
  MF_FIELD (HotTimeline, of, "process and input", .role = MF_ROLE_PART),
  MF_FIELD (HotTimeline, reserved, "always 0", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotTimeline, time, "end of the interval", .role = MF_ROLE_AT),
  MF_FIELD (HotTimeline, highest, "most live bytes in the interval", .role = MF_ROLE_BAR),
  MF_FIELD (HotTimeline, live, "at its end", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotTimeline, total, "bytes requested up to its end", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotTimeline, calls, "allocations and reallocations up to its end", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of;
  uint32_t reserved;
  uint64_t from, to, blocks;
  MfSize bytes;
} HotLifetime;
MF_EVENT (HotLifetime, "hotspots.lifetime", 1, MF_VIEW_HISTOGRAM, "How long freed blocks had lived",
  MF_FIELD (HotLifetime, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotLifetime, reserved, "always 0", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotLifetime, from, "shortest", .unit = MF_UNIT_NANOSECONDS, .role = MF_ROLE_AT),
  MF_FIELD (HotLifetime, to, "longest", .unit = MF_UNIT_NANOSECONDS, .role = MF_ROLE_EXTENT),
  MF_FIELD (HotLifetime, blocks, "freed after that time",
    .role = MF_ROLE_BAR),
  MF_FIELD (HotLifetime, bytes, "in them"));

typedef struct {
  MfString of;
  uint32_t reserved;
  uint64_t from, to, blocks;
  MfSize bytes;
} HotAge;
MF_EVENT (HotAge, "hotspots.age", 1, MF_VIEW_NONE,
  "How many allocations were made while freed blocks lived",
  MF_FIELD (HotAge, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotAge, reserved, "always 0", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotAge, from, "fewest", .role = MF_ROLE_AT),
  MF_FIELD (HotAge, to, "most", .role = MF_ROLE_EXTENT),
  MF_FIELD (HotAge, blocks, "freed after so many", .role = MF_ROLE_BAR),
  MF_FIELD (HotAge, bytes, "in them"));

typedef struct {
  uint32_t node, parent;
  MfString frame, of;
  MfSize bytes, own;
} HotCallTree;
MF_EVENT (HotCallTree, "hotspots.call-tree", 1, MF_VIEW_TREE, "Calls that held bytes at the peak",
  MF_FIELD (HotCallTree, node, "number of the node", .role = MF_ROLE_KEY),
  MF_FIELD (HotCallTree, parent, "the caller", .role = MF_ROLE_PARENT, .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (HotCallTree, frame, "function and line of the call", .role = MF_ROLE_LABEL),
  MF_FIELD (HotCallTree, of, "process and input", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotCallTree, bytes, "held by it and what it called", .role = MF_ROLE_BAR),
  MF_FIELD (HotCallTree, own, "held by it alone", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of, site;
  MfSize at_peak;
  double share;
  MfSize total;
  uint64_t calls;
  MfSize live;
} HotPages;
MF_EVENT (HotPages, "hotspots.pages", 1, MF_VIEW_TABLE,
  "Who mapped address space: not part of the figures of allocated blocks",
  MF_FIELD (HotPages, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotPages, site, "innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (HotPages, at_peak, "bytes mapped when most were", .role = MF_ROLE_BAR),
  MF_FIELD (HotPages, share, "of all bytes mapped then", .unit = MF_UNIT_PERCENT),
  MF_FIELD (HotPages, total, "mapped by all its calls"),
  MF_FIELD (HotPages, calls, "of mmap, mremap, brk and sbrk"),
  MF_FIELD (HotPages, live, "bytes mapped at the end"));

typedef struct {
  MfString of, phase;
  MfSize requested;
  int64_t growth;
  MfSize highest;
  uint64_t times, calls;
  MfDuration time;
  uint32_t open, reserved;
} HotPhase;
MF_EVENT (HotPhase, "hotspots.phase", 1, MF_VIEW_TABLE, "Phases that the program marked, all threads together",
  MF_FIELD (HotPhase, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotPhase, phase, "its name", .role = MF_ROLE_LABEL),
  MF_FIELD (HotPhase, requested, "within it", .role = MF_ROLE_BAR),
  MF_FIELD (HotPhase, growth, "of live bytes from its begin to its end", .unit = MF_UNIT_BYTES),
  MF_FIELD (HotPhase, highest, "most live bytes within it"),
  MF_FIELD (HotPhase, times, "how often it was entered"),
  MF_FIELD (HotPhase, calls, "allocations and reallocations within it"),
  MF_FIELD (HotPhase, time, "spent in it"),
  MF_FIELD (HotPhase, open, "how often it was not left", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotPhase, reserved, "always 0", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of, mark;
  MfTime time;
  MfSize live;
  uint32_t kind, reserved;
} HotMark;
MF_EVENT (HotMark, "hotspots.mark", 1, MF_VIEW_TABLE, "Moments that the program marked",
  MF_FIELD (HotMark, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotMark, mark, "its name", .role = MF_ROLE_LABEL),
  MF_FIELD (HotMark, time, "when"),
  MF_FIELD (HotMark, live, "bytes live then", .role = MF_ROLE_BAR),
  MF_FIELD_ENUM (HotMark, kind, "what it is", MF_LABELS ("point", "begin", "end", "resume", "pause")),
  MF_FIELD (HotMark, reserved, "always 0", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of, type;
  MfSize bytes;
  double share;
  uint64_t blocks, mean_life, longest_life;
} HotType;
MF_EVENT (HotType, "hotspots.type", 1, MF_VIEW_TABLE, "Freed blocks by the type of the object in them",
  MF_FIELD (HotType, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotType, type, "name of the type", .role = MF_ROLE_LABEL),
  MF_FIELD (HotType, bytes, "freed", .role = MF_ROLE_BAR),
  MF_FIELD (HotType, share, "of all bytes freed with a known type", .unit = MF_UNIT_PERCENT),
  MF_FIELD (HotType, blocks, "freed"),
  MF_FIELD (HotType, mean_life, "from allocation to free", .unit = MF_UNIT_NANOSECONDS,
    .flags = MF_FIELD_OPTIONAL),
  MF_FIELD (HotType, longest_life, "the same, of the oldest one", .unit = MF_UNIT_NANOSECONDS,
    .flags = MF_FIELD_OPTIONAL));

typedef struct {
  MfTime time;
  MfSize live, peak, per_second;
  MfString of;
  uint32_t reserved;
  MfText top;
} HotNow;
MF_EVENT (HotNow, "hotspots.now", 1, MF_VIEW_NONE, "Where the bytes are while the program runs",
  MF_FIELD (HotNow, time, "of the events, not of the clock", .role = MF_ROLE_AT),
  MF_FIELD (HotNow, live, "bytes now", .role = MF_ROLE_BAR),
  MF_FIELD (HotNow, peak, "most bytes so far"),
  MF_FIELD (HotNow, per_second, "bytes requested since the last such row, in each second"),
  MF_FIELD (HotNow, of, "process and input", .role = MF_ROLE_PART),
  MF_FIELD (HotNow, reserved, "always 0", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotNow, top, "who holds the most", .role = MF_ROLE_LABEL));
