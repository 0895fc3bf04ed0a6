// SPDX-License-Identifier: Apache-2.0
// What a run lost, summed at constant memory from its core.lost rows, and how it ended, from
// core.run.
#pragma once

#include <memflow/events.h>

enum { MF_LOSSES_MAX = 64 }; // edges told apart; the losses of further ones are summed in the last

typedef struct {
  MfLost entries[MF_LOSSES_MAX]; // one for each (stage, consumer, type, reason), counts summed
  uint32_t n;
  bool incomplete; // a batch said that something upstream of it was lost
  bool ended;      // `end` was seen
  uint64_t total;
  MfRunEnd end;
} MfLosses;

// Looks at any batch; only core.lost, core.run and the batch flags matter.
void mf_losses_see (MfLosses *losses, const MfBatch *batch);

// Nothing was lost, and the run ended well and said so.
bool mf_losses_none (const MfLosses *losses);
