// SPDX-License-Identifier: Apache-2.0
// How many rows a second CSV and JSON Lines write of an alloc.event of ten fields, against a memcpy
// of the same rows in the same run. Prints figures; nothing is asserted.
#include <memflow/events.h>

#include <glib.h>
#include <stdio.h>

#include "csv/csv-cells.h"
#include "json/json-cells.h"

enum { ROWS = MF_BATCH_MAX_ROWS / 8, ROUNDS = 4000, REPEATS = 5, NAMES = 400 };

typedef struct {
  MfTime time;
  MfAddress address, old_address;
  MfSize size;
  MfStack stack;
  MfString object_type;
  uint32_t process, thread;
  uint16_t op, domain;
  uint32_t reserved;
} Alloc;
MF_EVENT (Alloc, "alloc.event", 1, MF_VIEW_NONE, "ten fields",
  MF_FIELD (Alloc, time, "t"), MF_FIELD (Alloc, address, "a"), MF_FIELD (Alloc, old_address, "o"),
  MF_FIELD (Alloc, size, "s"), MF_FIELD (Alloc, stack, "k"), MF_FIELD (Alloc, object_type, "y"),
  MF_FIELD (Alloc, process, "p"), MF_FIELD (Alloc, thread, "r"),
  MF_FIELD_ENUM (Alloc, op, "c", MF_LABELS ("alloc", "free", "realloc", "failed")),
  MF_FIELD_ENUM (Alloc, domain, "d", MF_LABELS ("raw", "mem", "obj", "malloc", "map", "break")));

static char texts[NAMES][16];

static const char *
name_of (void *user, MfString string)
{
  (void) user;
  return texts[string.id % NAMES];
}

static bool
frame_of (void *user, MfStack stack, MfFrame *frame, MfStack *caller)
{
  (void) user;
  *frame = (MfFrame) { { stack.id }, { 1 }, stack.id, 0 };
  *caller = (MfStack) { 0 };
  return true;
}

static const MfNames names = { NULL, name_of, frame_of };

static bool
count_bytes (void *user, const char *bytes, size_t n)
{
  guint64 *total = user;
  *total += n + (guint8) bytes[0] % 2;
  return true;
}

static void
fill (Alloc *rows)
{
  for (guint i = 0; i < ROWS; i++)
    rows[i] = (Alloc) { { 1000000 + i * 731 }, { 0x7f0000001000 + i * 64 }, MF_ADDRESS_NONE,
      { 16 + i * 37 % 4000 }, { 1 + i % 300 }, { 1 + i % 50 }, 4711, 1 + i % 4, (uint16_t) (i % 3),
      (uint16_t) (i % 6), 0 };
}

static double
best_of (void (*round) (void *), void *user)
{
  gint64 best = G_MAXINT64;
  for (guint i = 0; i < REPEATS; i++) {
    gint64 start = g_get_monotonic_time ();
    round (user);
    best = MIN (best, g_get_monotonic_time () - start);
  }
  return (double) ROWS * ROUNDS / (double) best;
}

typedef struct {
  MfCellWriter *writer;
  MfBatch batch;
  MfRowJob job;
  guint64 written;
} Writing;

static void
write_batches (void *user)
{
  Writing *writing = user;
  writing->written = 0;
  for (guint i = 0; i < ROUNDS; i++)
    mf_cell_writer_rows (writing->writer, &writing->batch, &writing->job);
}

static void
copy_batches (void *user)
{
  Writing *writing = user;
  static guint8 copy[ROWS * sizeof (Alloc)];
  for (guint i = 0; i < ROUNDS; i++) {
    memcpy (copy, writing->batch.rows, sizeof copy);
    __asm__ volatile ("" : : "r" (copy) : "memory");
  }
}

static void
measure (const char *what, const MfCellStyle *style, const MfBatch *batch,
  void (*lead) (MfBuffer *to, const MfCellStyle *style, const MfBatch *batch))
{
  MfBuffer out, front;
  MfNameCache cache = { NULL, NULL };
  Writing writing = { .batch = *batch };
  mf_buffer_init (&out, mf_memory_heap ());
  mf_buffer_init (&front, mf_memory_heap ());
  lead (&front, style, batch);
  writing.writer = mf_cell_writer_new (batch->type, style);
  writing.job = (MfRowJob) { &names, &cache, &out, front.bytes, front.length,
    { &writing.written, count_bytes } };
  double rate = best_of (write_batches, &writing), copied = best_of (copy_batches, &writing);
  double row_bytes = (double)writing.written / ROWS / ROUNDS;
  printf ("# measured %s-rows %.2f M/s\n# measured %s-bytes %.0f MB/s\n", what, rate, what,
      rate * row_bytes);
  printf ("# measured memcpy-rows %.0f M/s\n", copied);
  mf_cell_writer_free (writing.writer);
  mf_name_cache_free (&cache, out.memory);
  mf_buffer_free (&out);
  mf_buffer_free (&front);
}

static void
csv_lead (MfBuffer *to, const MfCellStyle *style, const MfBatch *batch)
{
  mf_csv_lead (to, style, &names, batch);
}

static void
json_lead (MfBuffer *to, const MfCellStyle *style, const MfBatch *batch)
{
  (void) style;
  mf_json_lead (to, &names, batch);
}

int
main (void)
{
  static Alloc rows[ROWS];
  MfCellStyle csv = mf_csv_style (',', "\r\n"), json = mf_json_style ("}}\n");
  for (guint i = 0; i < NAMES; i++)
    g_snprintf (texts[i], sizeof texts[i], "name%u", i);
  fill (rows);
  MfBatch batch = { .type = &Alloc_type, .rows = (const void *) rows, .n_rows = ROWS,
    .stride = sizeof (Alloc), .text = "", .stage = { 2 }, .input = { 3 } };
  measure ("csv", &csv, &batch, csv_lead);
  measure ("json-lines", &json, &batch, json_lead);
  return 0;
}
