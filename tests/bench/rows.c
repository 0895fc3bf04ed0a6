// SPDX-License-Identifier: Apache-2.0
// The two ends of the bench: a collector that emits allocation events one by one, an analyzer that adds up a field.
#include <memflow/plugin.h>

typedef struct { MfStage stage; MF_OUT (MfAlloc) out; uint64_t rows; } Rows;

static bool
rows_collect (void *stage)
{
  Rows *self = stage;
  MfAlloc row = { .old_address = MF_ADDRESS_NONE, .granted = MF_SIZE_NONE, .process = 1, .thread = 1 };
  for (uint64_t i = 0; i < self->rows; i++) {
    row.time.ns = (int64_t) i;
    row.address.at = 0x20000000 + (i & 0xffff) * 16;
    row.size.bytes = 16 + (i & 255);
    row.sequence = (uint32_t) i;
    if (!mf_emit (&self->out, &row))
      return false;
  }
  return true;
}

MF_DESCRIPTOR (Rows, "rows", .kind = MF_COLLECTOR, .summary = "allocation events, as fast as possible",
  MF_OPTIONS (MF_OPTION (Rows, rows, "1000000", "how many")),
  MF_PUBLISHES (MF_OUTPUT (Rows, out, MfAlloc)),
  .collect = rows_collect);

typedef struct { MfStage stage; MF_OUT (MfMetric) out; uint64_t sum, rows; } Sum;

static bool
sum_rows (void *stage, const MfBatch *batch)
{
  Sum *self = stage;
  uint64_t sum = 0;
  MF_EACH (batch, MfAlloc, row)
    sum += row->size.bytes;
  self->sum += sum;
  self->rows += batch->n_rows;
  return true;
}

static bool
sum_finish (void *stage)
{
  Sum *self = stage;
  MfMetric metric = { .subject = mf_string (self, "sum"), .name = mf_string (self, "bytes"), .value = (double) self->sum };
  return mf_emit (&self->out, &metric);
}

MF_DESCRIPTOR (Sum, "sum", .kind = MF_ANALYZER, .summary = "adds up the sizes of allocation events",
  MF_CONSUMES (MF_INPUT (MfAlloc, sum_rows)),
  MF_PUBLISHES (MF_OUTPUT (Sum, out, MfMetric)),
  .finish = sum_finish);

MF_MODULE ("rows", &Rows_descriptor, &Sum_descriptor);
