// SPDX-License-Identifier: Apache-2.0
// A collector that counts: as fast as it can, or with a pause after each row; to an end, or for ever.
#include "ticker.h"

#include <stdio.h>

#include <memflow/plugin.h>

typedef struct {
  MfStage stage;
  MF_OUT (Tick) ticks;
  MF_OUT (Tock) tocks;
  uint64_t rows, fail_at;   // options
  MfDuration pause;
} Ticker;

static bool
ticker_count (Ticker *self, uint64_t number)
{
  char word[24];
  int n = snprintf (word, sizeof word, "%llu", (unsigned long long) number);
  return mf_emit (&self->ticks, (&(Tick) { number }))
      && mf_emit (&self->tocks, (&(Tock) { number, mf_text (&self->tocks, word, (size_t) n) }));
}

static bool
ticker_collect (void *stage)
{
  Ticker *self = stage;
  for (uint64_t number = 0; number < self->rows && !mf_stopping (self); number++) {
    if (number == self->fail_at)
      return mf_fail_option (self, "fail_at", "the number %llu is too much", (unsigned long long) number);
    if (!ticker_count (self, number))
      return false;
    if (self->pause.ns && mf_wait (self, -1, self->pause) == MF_WAIT_STOP)
      return true;
  }
  return true;
}

MF_PLUGIN (Ticker, "ticker", .kind = MF_COLLECTOR, .summary = "counts",
  MF_OPTIONS (MF_OPTION (Ticker, rows, NULL, "numbers of each type; for ever when not given"),
    MF_OPTION (Ticker, fail_at, NULL, "the number at which it fails"),
    MF_OPTION (Ticker, pause, "0", "time after each number")),
  MF_PUBLISHES (MF_OUTPUT (Ticker, ticks, Tick), MF_OUTPUT (Ticker, tocks, Tock)),
  .collect = ticker_collect);
