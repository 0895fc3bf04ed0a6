// SPDX-License-Identifier: Apache-2.0
// The analyzer size-classes: which sizes fill a heap, and how much of it is rounding.
#include "size-classes.h"

static const char help[]
    = "Counts the used blocks of the last whole snapshot of each heap by size class and by exact "
      "size, as granted, rounding included. Of allocations one by one (alloc.event) it counts the "
      "calls, by the size that was granted, where known: what was freed again is counted too, but "
      "not mmap and brk, which "
      "give address space. Of a sampled recording only the recorded calls are counted.\n"
      "\n"
      "A class holds the sizes above the edge before it, up to its own; the last one holds the "
      "rest. With three edges they are called tiny, small, medium and large. The waste is a range "
      "where only the granted size of a block is known: 0 to one byte less than the granule.";

typedef bool (*TakeBatch) (SizeClasses *self, Source *source, const MfBatch *batch);

static bool
take (void *stage, const MfBatch *batch, TakeBatch take_batch)
{
  SizeClasses *self = stage;
  bool failed = false;
  Source *source = mf_size_source_of (self, batch, &failed);

  if (!source)
    return !failed;
  source->epoch = batch->epoch;
  return take_batch (self, source, batch);
}

static bool
take_blocks (SizeClasses *self, Source *source, const MfBatch *batch)
{
  MF_EACH (batch, MfHeapBlock, row)
    mf_size_source_take_block (self, source, row);
  return true;
}

static bool
take_snapshots (SizeClasses *self, Source *source, const MfBatch *batch)
{
  MF_EACH (batch, MfHeapSnapshot, row)
    if (!mf_size_source_close_snapshot (self, source, row, batch->epoch))
      return false;
  return true;
}

static bool
on_blocks (void *stage, const MfBatch *batch)
{
  return take (stage, batch, take_blocks);
}

static bool
on_snapshots (void *stage, const MfBatch *batch)
{
  return take (stage, batch, take_snapshots);
}

static bool
take_programs (SizeClasses *self, Source *source, const MfBatch *batch)
{
  (void) self;
  MF_EACH (batch, MfProgramStart, row)
    mf_size_source_begin_program (source, row);
  return true;
}

static bool
on_programs (void *stage, const MfBatch *batch)
{
  return take (stage, batch, take_programs);
}

static bool
on_calls (void *stage, const MfBatch *batch)
{
  return take (stage, batch, mf_size_source_take_calls);
}

// `declare` runs also under `memflow check`, which so finds bad edges without a run.
static bool
declare (void *stage)
{
  SizeClasses *self = stage;

  if (mf_size_edges_are_sane (&self->edges))
    return true;
  return mf_fail_option (self, "edges",
      "give 1 to %d edges of at least 1 B, each larger than the one before", MF_SIZE_EDGES);
}

static bool
finish (void *stage)
{
  SizeClasses *self = stage;

  for (Source *source = self->sources; source; source = source->next)
    if (!mf_size_report (self, source))
      return false;
  if (self->sources_left_out)
    mf_log (self, MF_LOG_WARNING, "more than %d inputs: %llu rows of further ones were left out",
        MOST_SOURCES, (unsigned long long) self->sources_left_out);
  return true;
}

static void
stop (void *stage)
{
  SizeClasses *self = stage;

  while (self->sources) {
    Source *next = self->sources->next;
    mf_size_source_free (self, self->sources);
    self->sources = next;
  }
}

// clang-format off
MF_PLUGIN (SizeClasses, "size-classes", .kind = MF_ANALYZER,
    .summary = "which sizes fill a heap, and what rounding costs", .help = help,
    MF_OPTIONS (MF_OPTION (SizeClasses, edges, "64B, 512B, 4096B",
                    "largest size of each class but the last, ascending"),
        MF_OPTION (SizeClasses, exact, "8", "exact sizes to list, those with the most bytes",
            .low = 0, .high = 384)),
    MF_CONSUMES (MF_INPUT (MfHeapBlock, on_blocks), MF_INPUT (MfHeapSnapshot, on_snapshots),
        MF_INPUT (MfAlloc, on_calls), MF_INPUT (MfProgramStart, on_programs)),
    MF_PUBLISHES (MF_OUTPUT (SizeClasses, statements, MfStatement),
        MF_OUTPUT (SizeClasses, classes, SizeClassRow),
        MF_OUTPUT (SizeClasses, exact_sizes, ExactSizeRow)),
    .declare = declare, .finish = finish, .stop = stop);
// clang-format on
