// SPDX-License-Identifier: Apache-2.0
// The event types that the analyzer growth publishes: for each program of each process one table of each.
#pragma once

#include <memflow/plugin.h>

typedef struct {
  MfTime time;
  MfSize rss, pss;
  MfString of;
  uint32_t looks;
} GrowthTime;
MF_EVENT (GrowthTime, "growth.time", 1, MF_VIEW_SERIES, "The resident set over time",
  MF_FIELD (GrowthTime, time, "of the first look", .role = MF_ROLE_AT),
  MF_FIELD (GrowthTime, rss, "most in a stretch of looks", .role = MF_ROLE_BAR),
  MF_FIELD (GrowthTime, pss, "proportional share, where it was measured in that stretch", .role = MF_ROLE_BAR),
  MF_FIELD (GrowthTime, of, "process", .role = MF_ROLE_PART),
  MF_FIELD (GrowthTime, looks, "in the stretch", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of, part;
  MfSize first, last;
  int64_t change;
  double share;
  uint64_t first_pieces, pieces;
  MfSize swapped;
  MfString basis;
  uint32_t reserved;
} GrowthPart;
MF_EVENT (GrowthPart, "growth.part", 1, MF_VIEW_TABLE, "What the resident set consists of",
  MF_FIELD (GrowthPart, of, "process", .role = MF_ROLE_KEY),
  MF_FIELD (GrowthPart, part, "of the resident set", .role = MF_ROLE_LABEL),
  MF_FIELD (GrowthPart, first, "resident when the heap was read first"),
  MF_FIELD (GrowthPart, last, "resident when it was read last", .role = MF_ROLE_BAR),
  MF_FIELD (GrowthPart, change, "from the first to the last", .unit = MF_UNIT_BYTES),
  MF_FIELD (GrowthPart, share, "of the resident set at the last", .unit = MF_UNIT_PERCENT),
  MF_FIELD (GrowthPart, first_pieces, "arenas, chunks, stacks or mappings at the first", .role = MF_ROLE_HIDDEN),
  MF_FIELD (GrowthPart, pieces, "the same at the last", .role = MF_ROLE_HIDDEN),
  MF_FIELD (GrowthPart, swapped, "in swap space at the last", .role = MF_ROLE_HIDDEN),
  MF_FIELD (GrowthPart, basis, "how it is known", .role = MF_ROLE_HIDDEN),
  MF_FIELD (GrowthPart, reserved, "always 0", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfString of, type;
  int64_t change;
  MfSize first, last;
  uint64_t first_count, count;
} GrowthType;
MF_EVENT (GrowthType, "growth.type", 1, MF_VIEW_TABLE, "Which types of objects grew, in pymalloc's blocks",
  MF_FIELD (GrowthType, of, "process", .role = MF_ROLE_KEY),
  MF_FIELD (GrowthType, type, "of the objects", .role = MF_ROLE_LABEL),
  MF_FIELD (GrowthType, change, "of the bytes in their blocks", .unit = MF_UNIT_BYTES),
  MF_FIELD (GrowthType, first, "bytes when they were counted first", .role = MF_ROLE_HIDDEN),
  MF_FIELD (GrowthType, last, "bytes when they were counted last", .role = MF_ROLE_BAR),
  MF_FIELD (GrowthType, first_count, "objects when they were counted first"),
  MF_FIELD (GrowthType, count, "objects when they were counted last"));

typedef struct {
  MfString of, site;
  MfSize bytes, least, most;
  double share;
  uint64_t rises;
} GrowthSite;
MF_EVENT (GrowthSite, "growth.site", 1, MF_VIEW_TABLE, "Which code ran while the resident set grew",
  MF_FIELD (GrowthSite, of, "process", .role = MF_ROLE_KEY),
  MF_FIELD (GrowthSite, site, "innermost Python line", .role = MF_ROLE_LABEL),
  MF_FIELD (GrowthSite, bytes, "its share of what the set grew by and did not give back", .role = MF_ROLE_BAR),
  MF_FIELD (GrowthSite, least, "what it grew by while nothing else was seen to run"),
  MF_FIELD (GrowthSite, most, "what it grew by while this was seen to run at all"),
  MF_FIELD (GrowthSite, share, "of the growth", .unit = MF_UNIT_PERCENT),
  MF_FIELD (GrowthSite, rises, "between two looks at one of which it ran"));

typedef struct {
  MfString of;
  MfStack stack;
  MfSize bytes, risen;
  uint64_t rises, running, waiting;
} GrowthStack;
MF_EVENT (GrowthStack, "growth.stack", 1, MF_VIEW_NONE, "Each stack that was seen, and what the resident set grew by while it ran",
  MF_FIELD (GrowthStack, of, "process", .role = MF_ROLE_KEY),
  MF_FIELD (GrowthStack, stack, "what ran", .role = MF_ROLE_LABEL),
  MF_FIELD (GrowthStack, bytes, "its share of what the set grew by and did not give back", .role = MF_ROLE_BAR),
  MF_FIELD (GrowthStack, risen, "its share of all rises, also of those that were given back"),
  MF_FIELD (GrowthStack, rises, "between two looks at one of which it ran"),
  MF_FIELD (GrowthStack, running, "looks of a thread at it that ran until the next look"),
  MF_FIELD (GrowthStack, waiting, "looks of a thread at it that did not"));

typedef struct {
  MfString of, function;
  uint64_t self, total;
  double self_share, total_share;
  uint64_t waiting;
} GrowthFunction;
MF_EVENT (GrowthFunction, "growth.function", 1, MF_VIEW_TABLE, "Which functions ran",
  MF_FIELD (GrowthFunction, of, "process", .role = MF_ROLE_KEY),
  MF_FIELD (GrowthFunction, function, "name and file", .role = MF_ROLE_LABEL),
  MF_FIELD (GrowthFunction, self, "looks of running threads that were in it", .role = MF_ROLE_BAR),
  MF_FIELD (GrowthFunction, total, "that were in it or in what it called"),
  MF_FIELD (GrowthFunction, self_share, "of all looks of running threads", .unit = MF_UNIT_PERCENT),
  MF_FIELD (GrowthFunction, total_share, "of all looks of running threads", .unit = MF_UNIT_PERCENT, .role = MF_ROLE_HIDDEN),
  MF_FIELD (GrowthFunction, waiting, "looks of threads that waited in it"));
