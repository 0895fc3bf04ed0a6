// SPDX-License-Identifier: Apache-2.0
// A format that takes its time for each batch and writes what it got: rows of ticker.*, losses told by core.lost, and
// whether numbers ever came in the wrong order.
#include <stdio.h>
#include <time.h>

#include <memflow/plugin.h>

#include "ticker.h"

typedef struct {
  MfStage stage;
  MfDuration pause;      // options
  MfOutputName path;
  bool fail;
  MfOutput *output;
  uint64_t received, told, disorder;
  struct { uint32_t stage; const char *type; uint64_t next; } last[32];
} Slow;

static bool
slow_start (void *stage)
{
  Slow *self = stage;
  self->output = mf_output (self, self->path.name);
  return self->output;
}

static uint64_t *
slow_next (Slow *self, const MfBatch *batch)
{
  uint32_t i = 0;
  while (self->last[i].type && (self->last[i].stage != batch->stage.id || self->last[i].type != batch->type->name))
    i++;
  self->last[i].stage = batch->stage.id;
  self->last[i].type = batch->type->name;
  return &self->last[i].next;
}

static bool
slow_take (void *stage, const MfBatch *batch)
{
  Slow *self = stage;
  uint64_t *next = slow_next (self, batch);
  nanosleep (&(struct timespec) { 0, (long) self->pause.ns }, NULL);
  self->received += batch->n_rows;
  MF_EACH (batch, Tick, row) {  // both types begin with the number
    self->disorder += row->number < *next;
    *next = row->number + 1;
  }
  return true;
}

static bool
slow_take_losses (void *stage, const MfBatch *batch)
{
  Slow *self = stage;
  MF_EACH (batch, MfLost, row)
    self->told += row->count;
  return true;
}

static bool
slow_finish (void *stage)
{
  Slow *self = stage;
  char text[128];
  int n = snprintf (text, sizeof text, "%llu received %llu lost %llu disordered\n", (unsigned long long) self->received,
      (unsigned long long) self->told, (unsigned long long) self->disorder);
  return mf_write (self, self->output, text, (size_t) n) && (!self->fail || mf_fail_option (self, "fail", "as asked"));
}

MF_PLUGIN (Slow, "slow", .kind = MF_FORMAT, .summary = "takes its time",
  MF_OPTIONS (MF_OPTION (Slow, pause, "0", "time for each batch", .low = 0, .high = 9e8),
    MF_OPTION (Slow, path, "slow.txt", "where to write"), MF_OPTION (Slow, fail, "no", "fail at the end")),
  MF_CONSUMES (MF_INPUT_ANY ("ticker.*", slow_take), MF_INPUT (MfLost, slow_take_losses)),
  .start = slow_start, .finish = slow_finish);
