// SPDX-License-Identifier: Apache-2.0
// The stage of the analyzer growth, and one program of a process that it follows.
#pragma once

#include <memflow/plugin.h>

#include "growth-events.h"
#include "memory-change.h"
#include "resident-trend.h"
#include "rising-stacks.h"

typedef struct Growth Growth;

enum { MF_GROWTH_TIMES = 256 };

// A stretch of looks of the timeline.
typedef struct {
  int64_t time;
  uint64_t rss, pss;  // most; last, UINT64_MAX = not measured
  uint32_t looks;
} GrowthStretch;

typedef struct {
  int64_t time;
  uint64_t rss, pss;    // UINT64_MAX = not measured
} GrowthLook;

typedef struct {
  Growth *growth;
  MfString input, of;
  uint32_t epoch;
  bool incomplete;      // rows of it were lost
  MfResidentTrend trend;
  MfRisingStacks *stacks;
  MfMemoryChange memory;
  GrowthLook look;      // whose rows are coming
  GArray *threads;      // of MfThreadLook: what they were at that look
  bool looking;
  GArray *idle;         // of GrowthLook: those since Python code was seen last
  uint64_t busy_rss;    // at that look; 0 = there was none
  GrowthStretch times[MF_GROWTH_TIMES];
  uint32_t n_times, per_time;
} GrowthProcess;

struct Growth {
  MfStage stage;
  uint32_t sites;
  MF_OUT (MfStatement) statements;
  MF_OUT (GrowthTime) times;
  MF_OUT (GrowthPart) parts;
  MF_OUT (GrowthType) types;
  MF_OUT (GrowthSite) by_site;
  MF_OUT (GrowthStack) by_stack;
  MF_OUT (GrowthFunction) functions;
  GPtrArray *processes;   // of GrowthProcess, in the order in which they were seen
  uint64_t left_out;      // rows of further processes
  GHashTable *site_ids;   // MfFrame -> index + 1
  GArray *site_frames;    // of MfFrame
  uint32_t order;
};

// A share of the growth by call site, the most bytes first.
typedef struct {
  uint32_t site;
  double bytes;
  MfSiteBounds bounds;
} GrowthShare;

// The name of a site or a function as it stands in tables: "function (file.py:12)".
MfString mf_growth_site_name (Growth *self, const MfFrame *frame, bool with_line);
GArray *mf_growth_shares (GrowthProcess *process);  // of GrowthShare; free with g_array_unref

bool mf_growth_publish_tables (Growth *self, GrowthProcess *process);
bool mf_growth_say (Growth *self, GrowthProcess *process);

extern const char *const mf_growth_part_names[MF_MEMORY_PARTS];
