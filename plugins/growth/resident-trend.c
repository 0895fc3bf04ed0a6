// SPDX-License-Identifier: Apache-2.0
// The floor of the first of eight windows of equal time is compared with that of the last one.
#include "resident-trend.h"

enum { FEWEST_LOOKS = MF_TREND_WINDOWS, LEAST_NOISE = 256 << 10, NOISE_PER_MILLE = 5 };

static uint64_t
lower (uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static uint64_t
higher (uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

// ---- taking looks

static void
join_pairs (MfResidentTrend *trend)
{
  for (uint32_t i = 0; i < MF_TREND_SPANS / 2; i++) {
    const MfTrendSpan *a = &trend->spans[2 * i], *b = a + 1;
    trend->spans[i] = (MfTrendSpan) { a->from, b->to, lower (a->lowest, b->lowest), higher (a->highest, b->highest) };
  }
  trend->n = MF_TREND_SPANS / 2;
  trend->per_span *= 2;
}

static void
begin_span (MfResidentTrend *trend, int64_t time, uint64_t resident)
{
  if (trend->n == MF_TREND_SPANS)
    join_pairs (trend);
  trend->spans[trend->n++] = (MfTrendSpan) { time, time, resident, resident };
  trend->in_last = 0;
}

void
mf_trend_look (MfResidentTrend *trend, int64_t time, uint64_t resident)
{
  if (!trend->looks) {
    trend->first = trend->lowest = resident;
    trend->per_span = 1;
  }
  if (!trend->n || trend->in_last == trend->per_span)
    begin_span (trend, time, resident);
  MfTrendSpan *span = &trend->spans[trend->n - 1];
  *span = (MfTrendSpan) { span->from, time, lower (span->lowest, resident), higher (span->highest, resident) };
  trend->in_last++;
  trend->looks++;
  trend->last = resident;
  trend->lowest = lower (trend->lowest, resident);
  trend->highest = higher (trend->highest, resident);
}

// ---- what they say

static unsigned
window_of (const MfTrendFindings *found, int64_t time)
{
  double part = (double) (time - found->from) / (double) (found->to - found->from);
  unsigned window = (unsigned) (part * MF_TREND_WINDOWS);
  return window < MF_TREND_WINDOWS ? window : MF_TREND_WINDOWS - 1;
}

// Of a window without a look, that of the one before it.
static void
find_floors (const MfResidentTrend *trend, const MfTrendFindings *found, uint64_t *floors)
{
  for (unsigned i = 0; i < MF_TREND_WINDOWS; i++)
    floors[i] = UINT64_MAX;
  for (uint32_t i = 0; i < trend->n; i++) {
    unsigned window = window_of (found, trend->spans[i].from);
    floors[window] = lower (floors[window], trend->spans[i].lowest);
  }
  for (unsigned i = 1; i < MF_TREND_WINDOWS; i++)
    if (floors[i] == UINT64_MAX)
      floors[i] = floors[i - 1];
}

// The deepest way down from a height that was reached before; what falls in the first quarter belongs to the beginning.
static uint64_t
deepest_fall (const MfResidentTrend *trend, const MfTrendFindings *found)
{
  uint64_t height = 0, fall = 0;
  for (uint32_t i = 0; i < trend->n; i++) {
    const MfTrendSpan *span = &trend->spans[i];
    if (window_of (found, span->from) < MF_TREND_WINDOWS / 4)
      continue;
    if (span->lowest < height)
      fall = higher (fall, height - span->lowest);
    height = higher (height, span->highest);
  }
  return fall;
}

static void
find_period (const MfResidentTrend *trend, MfTrendFindings *found, uint64_t end_level)
{
  found->since = found->from;
  found->until = found->to;
  for (uint32_t i = 0; i < trend->n; i++)
    if (trend->spans[i].lowest <= found->level + found->noise)
      found->since = trend->spans[i].to;
  for (uint32_t i = trend->n; i-- > 0 && trend->spans[i].lowest + found->noise >= end_level;)
    found->until = trend->spans[i].from;
  if (found->until < found->since)
    found->since = found->from;
  double seconds = (double) (found->until - found->since) / 1e9;
  found->per_second = seconds > 0 ? (double) found->growth / seconds : 0;
}

MfTrendFindings
mf_trend_find (const MfResidentTrend *trend)
{
  uint64_t floors[MF_TREND_WINDOWS];
  MfTrendFindings found = { .state = MF_TREND_TOO_SHORT };
  if (!trend->n)
    return found;
  found.from = trend->spans[0].from;
  found.to = trend->spans[trend->n - 1].to;
  if (trend->looks < FEWEST_LOOKS || found.to <= found.from)
    return found;
  find_floors (trend, &found, floors);
  found.level = floors[0];
  found.growth = (int64_t) (floors[MF_TREND_WINDOWS - 1] - floors[0]);
  found.noise = higher (higher (LEAST_NOISE, found.level * NOISE_PER_MILLE / 1000), deepest_fall (trend, &found));
  if (found.growth > (int64_t) found.noise) {
    find_period (trend, &found, floors[MF_TREND_WINDOWS - 1]);
    bool went_on = floors[MF_TREND_WINDOWS - 1] > floors[MF_TREND_WINDOWS - 3] + LEAST_NOISE / 4;
    found.state = went_on ? MF_TREND_GROWING : MF_TREND_GREW;
  } else
    found.state = -found.growth > (int64_t) found.noise ? MF_TREND_SHRINKING : MF_TREND_STEADY;
  return found;
}
