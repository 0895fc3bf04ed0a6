// SPDX-License-Identifier: Apache-2.0
// The event types that the analyzer hotspots publishes: for each process one picture of each.
#pragma once

#include <memflow/plugin.h>

typedef struct {
  MfString of, site;
  MfSize at_peak;
  double share;
  uint64_t blocks;
  MfSize total;
  uint64_t calls;
  MfSize live;
  uint64_t live_blocks, temporaries, failed;
  MfString file, function;
  uint32_t line, reserved;
} HotSite;
MF_EVENT (HotSite, "hotspots.site", 1, MF_VIEW_TABLE, "Who held the bytes at the peak",
  MF_FIELD (HotSite, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotSite, site, "innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (HotSite, at_peak, "bytes live at the peak", .role = MF_ROLE_BAR),
  MF_FIELD (HotSite, share, "of all bytes live at the peak", .unit = MF_UNIT_PERCENT),
  MF_FIELD (HotSite, blocks, "live at the peak"),
  MF_FIELD (HotSite, total, "requested by all its calls", .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, calls, "allocations and reallocations", .unit = MF_UNIT_CALLS,
    .role = MF_ROLE_HIDDEN),
  MF_FIELD (HotSite, live, "bytes live at the end", .role = MF_ROLE_HIDDEN),
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
  double share;
  uint64_t calls;
} HotTraffic;
MF_EVENT (HotTraffic, "hotspots.traffic", 1, MF_VIEW_TABLE, "Who requested the most bytes",
  MF_FIELD (HotTraffic, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotTraffic, site, "innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (HotTraffic, total, "requested by all its calls", .role = MF_ROLE_BAR),
  MF_FIELD (HotTraffic, share, "of all bytes requested", .unit = MF_UNIT_PERCENT),
  MF_FIELD (HotTraffic, calls, "allocations and reallocations"));

typedef struct {
  MfString of, site;
  uint64_t calls;
  double share;
  uint64_t temporaries;
  MfSize total;
} HotCalls;
MF_EVENT (HotCalls, "hotspots.calls", 1, MF_VIEW_TABLE, "Who called the most",
  MF_FIELD (HotCalls, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotCalls, site, "innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (HotCalls, calls, "allocations and reallocations",
    .role = MF_ROLE_BAR),
  MF_FIELD (HotCalls, share, "of all calls", .unit = MF_UNIT_PERCENT),
  MF_FIELD (HotCalls, temporaries, "blocks freed at once"),
  MF_FIELD (HotCalls, total, "bytes requested"));

typedef struct {
  MfString of, site;
  MfSize live, middle, earlier;
  uint64_t blocks;
  uint32_t trend, reserved;
} HotLeak;
MF_EVENT (HotLeak, "hotspots.leak", 1, MF_VIEW_TABLE, "Who still held bytes at the end",
  MF_FIELD (HotLeak, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotLeak, site, "innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (HotLeak, live, "bytes at the end", .role = MF_ROLE_BAR),
  MF_FIELD (HotLeak, middle, "bytes at the last power of two of calls"),
  MF_FIELD (HotLeak, earlier, "bytes at half as many calls"),
  MF_FIELD (HotLeak, blocks, "at the end"),
  MF_FIELD_ENUM (HotLeak, trend, "whether it grew each time", MF_LABELS ("steady", "growing")),
  MF_FIELD (HotLeak, reserved, "always 0", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of, file;
  MfSize at_peak;
  double share;
  MfSize total;
  uint64_t calls;
  MfSize live;
} HotModule;
MF_EVENT (HotModule, "hotspots.module", 1, MF_VIEW_TABLE, "The same by file",
  MF_FIELD (HotModule, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotModule, file, "of the innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (HotModule, at_peak, "bytes live at the peak", .role = MF_ROLE_BAR),
  MF_FIELD (HotModule, share, "of all bytes live at the peak", .unit = MF_UNIT_PERCENT),
  MF_FIELD (HotModule, total, "requested by all calls"),
  MF_FIELD (HotModule, calls, "allocations and reallocations"),
  MF_FIELD (HotModule, live, "bytes live at the end"));

typedef struct {
  MfString of;
  uint32_t thread;
  MfSize at_peak, total;
  uint64_t calls, frees, temporaries, failed, lost;
  MfSize live;
} HotThread;
MF_EVENT (HotThread, "hotspots.thread", 1, MF_VIEW_TABLE, "The same by the thread that allocated",
  MF_FIELD (HotThread, of, "process and input", .role = MF_ROLE_KEY),
  MF_FIELD (HotThread, thread, "small number; 0 = not told apart", .role = MF_ROLE_LABEL),
  MF_FIELD (HotThread, at_peak, "bytes live at the peak", .role = MF_ROLE_BAR),
  MF_FIELD (HotThread, total, "requested by all its calls"),
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
MF_EVENT (HotAge, "hotspots.age", 1, MF_VIEW_HISTOGRAM,
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
