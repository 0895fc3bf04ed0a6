// SPDX-License-Identifier: Apache-2.0
// Live bytes over time in a fixed number of equal intervals; when the time runs past the last one,
// pairs are joined. Constant memory for any length.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { MF_TIMELINE_MAX = 128 };

// One interval. Totals are of all events up to its end.
typedef struct {
  uint64_t highest, live, total, calls;
} MfInterval;

typedef struct {
  int64_t start;     // ns
  unsigned shift;    // an interval is 2^shift ns
  uint32_t n;        // intervals so far, the open one included; 0 = nothing yet
  uint64_t open_end; // ns since start; an event at or behind it opens another interval
  uint64_t highest;  // of the open interval, as far as it was told
  MfInterval intervals[MF_TIMELINE_MAX];
} MfTimeline;

// Closes the open interval with what is known before the event at `time`, and opens that of `time`.
void mf_timeline_turn (MfTimeline *timeline, int64_t time, const MfInterval *now);

// Times that go back (threads are merged nearly in order) stay in the open interval.
static inline bool
mf_timeline_is_over (const MfTimeline *timeline, int64_t time)
{
  return timeline->n == 0
         || (time > timeline->start
             && (uint64_t) time - (uint64_t) timeline->start >= timeline->open_end);
}

static inline void
mf_timeline_see (MfTimeline *timeline, uint64_t live)
{
  timeline->highest = live > timeline->highest ? live : timeline->highest;
}

// Writes what the open interval ends with. May be called again.
void mf_timeline_close (MfTimeline *timeline, const MfInterval *now);
