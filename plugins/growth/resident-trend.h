// SPDX-License-Identifier: Apache-2.0
// Whether a resident set grows: its floor counts, not its peaks, and what it falls by on its own is no growth. Constant memory
// for any length.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { MF_TREND_SPANS = 512, MF_TREND_WINDOWS = 8 };

// Looks that stand together: pairs are joined when there are too many.
typedef struct {
  int64_t from, to;  // times of the first and last look in it, ns
  uint64_t lowest, highest;
} MfTrendSpan;

typedef struct {
  MfTrendSpan spans[MF_TREND_SPANS];
  uint32_t n, in_last;   // spans; looks in the last one
  uint32_t per_span;     // looks in a full one
  uint64_t looks, first, last, lowest, highest;
} MfResidentTrend;

typedef enum {
  MF_TREND_TOO_SHORT,
  MF_TREND_STEADY,   // within the noise
  MF_TREND_GROWING,  // until the end
  MF_TREND_GREW,     // and then no more
  MF_TREND_SHRINKING
} MfTrendState;

typedef struct {
  MfTrendState state;
  int64_t from, to;    // of the looks, ns
  int64_t since;       // growing, grew: when it left the level of the beginning
  int64_t until;       // grew: when it reached that of the end
  uint64_t level;      // floor at the beginning
  int64_t growth;      // of the floor, from the first window to the last; negative = it shrank
  uint64_t noise;      // what it has to grow by to count: its deepest fall, at least 256 KiB and 0.5 %
  double per_second;   // bytes; growing, grew: while it did
} MfTrendFindings;

void mf_trend_look (MfResidentTrend *trend, int64_t time, uint64_t resident);
MfTrendFindings mf_trend_find (const MfResidentTrend *trend);
