// SPDX-License-Identifier: Apache-2.0
// Intervals of 2^shift ns: 1 ms at first, twice as long each time that the last one is passed.
#include "timeline.h"

enum { FIRST_SHIFT = 20 };

void
mf_timeline_close (MfTimeline *timeline, const MfInterval *now)
{
  if (timeline->n == 0)
    return;
  MfInterval *open = &timeline->intervals[timeline->n - 1];
  *open = (MfInterval){ timeline->highest, now->live, now->total, now->calls };
}

static void
join_pairs (MfTimeline *timeline)
{
  uint32_t joined = (timeline->n + 1) / 2;
  for (uint32_t i = 0; i < joined; i++) {
    const MfInterval *first = &timeline->intervals[2 * i];
    const MfInterval *last = 2 * i + 1 < timeline->n ? first + 1 : first;
    uint64_t highest = first->highest > last->highest ? first->highest : last->highest;
    timeline->intervals[i] = (MfInterval){ highest, last->live, last->total, last->calls };
  }
  timeline->n = joined;
  timeline->shift++;
}

static void
begin (MfTimeline *timeline, int64_t time, const MfInterval *now)
{
  uint64_t highest = timeline->highest > now->live ? timeline->highest : now->live;
  *timeline = (MfTimeline){ .start = time, .shift = FIRST_SHIFT, .n = 1, .highest = highest };
  timeline->open_end = UINT64_C (1) << FIRST_SHIFT;
}

void
mf_timeline_turn (MfTimeline *timeline, int64_t time, const MfInterval *now)
{
  if (timeline->n == 0) {
    begin (timeline, time, now);
    return;
  }
  uint64_t since = (uint64_t) time - (uint64_t) timeline->start;
  mf_timeline_close (timeline, now);
  while (since >> timeline->shift >= MF_TIMELINE_MAX)
    join_pairs (timeline);
  uint32_t place = (uint32_t) (since >> timeline->shift);
  while (timeline->n <= place)
    timeline->intervals[timeline->n++]
        = (MfInterval){ now->live, now->live, now->total, now->calls };
  timeline->highest = timeline->intervals[timeline->n - 1].highest;
  unsigned shift = timeline->shift;
  bool last = (uint64_t) place + 1 > UINT64_MAX >> shift;
  timeline->open_end = last ? UINT64_MAX : ((uint64_t) place + 1) << shift;
}
