// SPDX-License-Identifier: Apache-2.0
// The analyzer fragmentation: how broken up is the free memory, why, and what stands in the way.
#include "fragmentation.h"

static const char help[]
    = "Builds the map of a heap from each whole dump and says whether a request would find room: "
      "what is free, in how many pieces, how large the largest is, what changed since the dump "
      "before, and which blocks stand in the way of a larger piece.\n"
      "\n"
      "The verdict is about the MemoryErrors of the device, uncaught ones first, then the "
      "smallest request; without any, about `question`; without that, about the last dump:\n"
      "  OUT OF MEMORY  less is free than was asked for\n"
      "  FRAGMENTED     enough is free, but not in one piece; of a dump alone: hole_frag is 50 % "
      "or more, as with four equal holes, and ext_frag is 50 % or more\n"
      "  STALE          the dump before the failure shows room enough: the heap has changed since\n"
      "  UNKNOWN        no heap dump tells why\n"
      "  NEARLY FULL    less than 5 % is free\n"
      "  GROWING        used grew in each of the last three dumps or more, or what remains after "
      "collections did, by over 1 % of the heap: a leak, perhaps\n"
      "  HEALTHY        none of these\n"
      "\n"
      "`At least` stands before a figure where a garbage collection or a new heap area could "
      "still make more room. ext_frag = 1 - largest / free. hole_frag = 1 - square root of the "
      "sum of the squared runs / free. unusable for N = the share of free bytes in runs that are "
      "too short for N. The worst case (Robson) is a bound on what fragmentation can cost, not a "
      "forecast.";

typedef bool (*TakeBatch) (Fragmentation *self, Source *source, const MfBatch *batch);

static bool
take (void *stage, const MfBatch *batch, TakeBatch take_batch)
{
  Fragmentation *self = stage;
  bool failed = false;
  Source *source = mf_source_of (self, batch, &failed);

  if (!source)
    return !failed;
  source->epoch = batch->epoch;
  return take_batch (self, source, batch);
}

static bool
take_regions (Fragmentation *self, Source *source, const MfBatch *batch)
{
  (void) self;
  MF_EACH (batch, MfHeapRegion, row)
    mf_source_take_region (source, row);
  return true;
}

static bool
take_blocks (Fragmentation *self, Source *source, const MfBatch *batch)
{
  MF_EACH (batch, MfHeapBlock, row)
    if (!mf_source_take_block (self, source, row))
      return false;
  return true;
}

static bool
take_snapshots (Fragmentation *self, Source *source, const MfBatch *batch)
{
  MF_EACH (batch, MfHeapSnapshot, row)
    if (!mf_source_close_snapshot (self, source, row, batch))
      return false;
  return true;
}

static bool
take_stats (Fragmentation *self, Source *source, const MfBatch *batch)
{
  MF_EACH (batch, MfHeapStats, row)
    if (!mf_source_take_stats (self, source, row, batch->epoch))
      return false;
  return true;
}

// Totals of a dump before the fault that still wait have no map. Those of a later one may get it:
// the rows of a dump and the faults before it can arrive in any order.
static bool
take_faults (Fragmentation *self, Source *source, const MfBatch *batch)
{
  MF_EACH (batch, MfDeviceFault, row) {
    if (!mf_source_settle (self, source, row->after_ordinal))
      return false;
    mf_source_take_fault (source, batch, row);
  }
  return true;
}

static bool
take_boots (Fragmentation *self, Source *source, const MfBatch *batch)
{
  (void) self;
  MF_EACH (batch, MfDeviceBoot, row) {
    source->boots += row->epoch > 0;
    source->last_boot_line = row->line;
    source->version = row->version.id ? row->version : source->version;
    source->board = row->board.id ? row->board : source->board;
  }
  return true;
}

static bool
take_damages (Fragmentation *self, Source *source, const MfBatch *batch)
{
  (void) self;
  MF_EACH (batch, MfInputDamage, row)
    if (source->damaged++ == 0) {
      source->damage_line = row->broke_line;
      mf_quote (source->damage, batch, row->reason);
    }
  return true;
}

#define HANDLER(name)                                                                              \
  static bool on_##name (void *stage, const MfBatch *batch)                                        \
  {                                                                                                \
    return take (stage, batch, take_##name);                                                       \
  }
HANDLER (regions)
HANDLER (blocks)
HANDLER (snapshots)
HANDLER (stats)
HANDLER (faults)
HANDLER (boots)
HANDLER (damages)

static bool
finish (void *stage)
{
  Fragmentation *self = stage;

  for (Source *source = self->sources; source; source = source->next)
    if (!mf_source_settle (self, source, UINT32_MAX) || !mf_report_source (self, source))
      return false;
  if (self->sources_left_out)
    mf_log (self, MF_LOG_WARNING, "more than %d inputs: %llu rows of further ones were left out",
        MOST_SOURCES, (unsigned long long) self->sources_left_out);
  return true;
}

static void
stop (void *stage)
{
  Fragmentation *self = stage;

  while (self->sources) {
    Source *next = self->sources->next;
    mf_source_free (self, self->sources);
    self->sources = next;
  }
}

// clang-format off
MF_PLUGIN (Fragmentation, "fragmentation", .kind = MF_ANALYZER,
    .summary = "how broken up is the free memory, and why", .help = help,
    MF_OPTIONS (MF_OPTION (Fragmentation, question, NULL,
                    "would a request of this size find room, and what stands in its way", .low = 1,
                    .high = 1e15),
        MF_OPTION (Fragmentation, top, "5", "blocks to list that keep the most free bytes apart",
            .low = 0, .high = 64),
        MF_OPTION (Fragmentation, change, "yes", "publish a map of what the last dump changed")),
    MF_CONSUMES (MF_INPUT (MfDeviceBoot, on_boots), MF_INPUT (MfHeapStats, on_stats),
        MF_INPUT (MfHeapRegion, on_regions), MF_INPUT (MfHeapBlock, on_blocks),
        MF_INPUT (MfHeapSnapshot, on_snapshots), MF_INPUT (MfDeviceFault, on_faults),
        MF_INPUT (MfInputDamage, on_damages)),
    MF_PUBLISHES (MF_OUTPUT (Fragmentation, snapshots, FragmentationSnapshot),
        MF_OUTPUT (Fragmentation, statements, MfStatement),
        MF_OUTPUT (Fragmentation, changes, FragmentationChange),
        MF_OUTPUT (Fragmentation, free_runs, FragmentationFreeRun),
        MF_OUTPUT (Fragmentation, unusables, FragmentationUnusable),
        MF_OUTPUT (Fragmentation, windows, FragmentationWindow),
        MF_OUTPUT (Fragmentation, pins, FragmentationPin),
        MF_OUTPUT (Fragmentation, metrics, MfMetric)),
    .finish = finish, .stop = stop);
// clang-format on
