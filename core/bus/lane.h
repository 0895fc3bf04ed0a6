// SPDX-License-Identifier: Apache-2.0
// Bounded queues of batches between threads: an inbox has one reader and a lane for each writer.
// What a full lane drops is counted by type and handed over in its place in the order.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "event/batch.h"

typedef struct MfInbox MfInbox;
typedef struct MfLane MfLane;

typedef enum { MF_FULL_BLOCK, MF_FULL_DROP_OLDEST, MF_FULL_DROP_NEWEST } MfFullPolicy;

// Rows of one type that were lost before an entry (or at the end). A chain, by type.
typedef struct MfLoss {
  struct MfLoss *next;
  uint64_t count;
  int64_t from, to; // times of the first and the last, INT64_MIN where unknown
  uint32_t reason;  // MF_LOST_*
  char type[];
} MfLoss;
void mf_loss_free (MfLoss *loss);

// What a reader gets: a batch (owned by the reader), losses before it, or the end of its lane.
typedef struct {
  MfLane *lane;
  void *tag;          // as given to mf_lane_push
  MfOpenBatch *batch; // NULL: only losses, or the end
  MfLoss *losses;     // owned by the reader
  bool ended;         // the lane was closed and is now empty; comes once
} MfArrival;

typedef struct {
  size_t most_bytes;
  uint32_t most_batches;
  MfFullPolicy policy;
  int64_t stall_ns; // blocked that long without any progress of the reader: stalled; < 0 = never
} MfLaneLimits;

typedef enum { MF_PUSH_OK, MF_PUSH_STALLED, MF_PUSH_CLOSED } MfPush;

MfInbox *mf_inbox_new (void);
void mf_inbox_free (MfInbox *inbox); // frees its lanes and what is left in them

// Before the threads start. Owned by the inbox.
MfLane *mf_inbox_add_lane (MfInbox *inbox, MfLaneLimits limits, void *owner);
void *mf_lane_owner (const MfLane *lane);

// Writer: takes over the reference. Waits, drops or fails as the policy says.
MfPush mf_lane_push (MfLane *lane, void *tag, MfOpenBatch *batch);

// Writer: a loss that happened before it came here. Any policy; never waits.
void mf_lane_lose (MfLane *lane, const char *type, uint64_t count, uint32_t reason);

// Writer: nothing more will come.
void mf_lane_close (MfLane *lane);

// Either side, any thread: what is queued is counted as lost, pushes return MF_PUSH_CLOSED at once.
void mf_lane_abandon (MfLane *lane);

// Reader: waits at most `timeout_ns` (< 0 = for ever) and takes the next arrival, lanes in turn.
// False: timed out.
bool mf_inbox_take (MfInbox *inbox, int64_t timeout_ns, MfArrival *arrival);

// Rows that this lane has lost so far. Any thread.
uint64_t mf_lane_lost (MfLane *lane);
