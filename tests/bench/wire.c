// SPDX-License-Identifier: Apache-2.0
// How much alloc.event a second of cpu time writes and reads, and how large captures are, by compression: of rows
// that are nearly random (figures), and of a real program, beside copying the same rows (limits).
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wire.h"

enum { BATCH = 682, BATCHES = 3000, STACKS = 2000, NAMES = 300, LIVE = 4096 };

static char names[NAMES + 1][24];

static const char *
name_of (void *user G_GNUC_UNUSED, MfString string, size_t *n)
{
  const char *text = names[string.id % (NAMES + 1)];
  *n = strlen (text);
  return text;
}

// Stack i is called from stack i / 2: a tree of the depth that programs have.
static bool
frame_of (void *user G_GNUC_UNUSED, MfStack stack, MfFrame *frame, MfStack *caller)
{
  *frame = (MfFrame) { { 1 + stack.id % NAMES }, { 1 + stack.id % 40 }, stack.id, 0 };
  *caller = (MfStack) { stack.id / 2 };
  return stack.id != 0;
}

static bool
append (void *user, const void *bytes, size_t n)
{
  g_byte_array_append (user, bytes, (guint) n);
  return true;
}

typedef struct { const GByteArray *bytes; size_t at; } Source;

static int64_t
take (void *user, void *to, size_t n)
{
  Source *source = user;
  n = MIN (n, source->bytes->len - source->at);
  memcpy (to, source->bytes->data + source->at, n);
  source->at += n;
  return (int64_t) n;
}

static void *
resize (void *user G_GNUC_UNUSED, void *old, size_t n)
{
  if (n)
    return realloc (old, n);
  free (old);
  return NULL;
}

// Blocks live for a while; sizes and call sites are those of a few favourites.
static void
fill (MfAlloc *rows, GRand *rand, guint64 *time, MfAlloc *live)
{
  for (guint i = 0; i < BATCH; i++) {
    guint slot = g_rand_int_range (rand, 0, LIVE), favourite = g_rand_int_range (rand, 0, 1 << 11);
    *time += (guint64) g_rand_int_range (rand, 80, 4000);
    bool frees = live[slot].address.at != 0;
    rows[i] = (MfAlloc) { .time = { (gint64) *time }, .address = { frees ? live[slot].address.at
          : 0x7f0012340000 + 16 * (guint64) g_rand_int_range (rand, 0, 1 << 20) },
      .old_address = MF_ADDRESS_NONE, .size = { frees ? live[slot].size.bytes : 16 + favourite % 37 * 8 },
      .granted = MF_SIZE_NONE, .stack = { 1 + favourite * favourite % STACKS }, .process = 4711, .thread = 1,
      .op = frees ? MF_OP_FREE : MF_OP_ALLOC, .domain = MF_DOMAIN_OBJ, .sequence = (guint32) *time };
    live[slot] = frees ? (MfAlloc) { 0 } : rows[i];
  }
}

static double
write_all (GByteArray *bytes, int level, const MfAlloc *rows)
{
  MfWireWriting writing = { .user = bytes, .write = append, .string = name_of, .frame = frame_of, .level = level };
  g_autofree void *memory = g_malloc (mf_wire_writer_bytes (&writing));
  MfWireWriter *writer = mf_wire_writer_init (memory, &writing);
  clock_t start = clock ();
  for (guint i = 0; i < BATCHES; i++) {
    MfBatch batch = { .type = &MfAlloc_type, .rows = (const void *) (rows + (size_t) i % 100 * BATCH),
      .n_rows = BATCH, .stride = sizeof *rows, .stage = { 1 } };
    mf_wire_write_batch (writer, &batch);
  }
  mf_wire_write_end (writer);
  return (double) (clock () - start) / CLOCKS_PER_SEC;
}

static double
read_all (const GByteArray *bytes, guint64 *n_rows)
{
  Source source = { bytes, 0 };
  MfWireReading reading = { .user = &source, .read = take, .resize = resize };
  MfWireReader *reader = mf_wire_reader_new (&reading);
  clock_t start = clock ();
  MfWireItem item;
  *n_rows = 0;
  while (mf_wire_read (reader, &item) < MF_WIRE_DONE)
    if (item.kind == MF_WIRE_BATCH)
      *n_rows += item.batch.n_rows;
  double seconds = (double) (clock () - start) / CLOCKS_PER_SEC;
  mf_wire_reader_free (reader);
  return seconds;
}

// ---- a real program

enum { REPEATS = 50, ROUNDS = 5 };

static MfAlloc *
rows_of_file (guint *n_rows)
{
  g_autofree char *contents = NULL;
  gsize n;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GByteArray) rows = g_byte_array_new ();
  if (!g_file_get_contents ("tests/data/wire/python-program.mfc", &contents, &n, NULL))
    return NULL;
  g_byte_array_append (bytes, (const guint8 *) contents, (guint) n);
  Source source = { bytes, 0 };
  MfWireReader *reader = mf_wire_reader_new (&(MfWireReading) { .user = &source, .read = take, .resize = resize });
  MfWireItem item;
  while (mf_wire_read (reader, &item) < MF_WIRE_DONE)
    if (item.kind == MF_WIRE_BATCH)
      g_byte_array_append (rows, item.batch.rows, item.batch.n_rows * item.batch.stride);
  mf_wire_reader_free (reader);
  *n_rows = rows->len / sizeof (MfAlloc);
  return (MfAlloc *) g_byte_array_free (g_steal_pointer (&rows), FALSE);
}

static double
since (clock_t start)
{
  return (double) (clock () - start) / CLOCKS_PER_SEC;
}

static double
copy_calls (const MfAlloc *rows, guint n)
{
  static MfAlloc batch[1024];
  clock_t start = clock ();
  for (guint k = 0; k < REPEATS; k++)
    for (guint i = 0; i < n; i++) {
      batch[i % G_N_ELEMENTS (batch)] = rows[i];
      __asm__ volatile ("" : : "r" (batch) : "memory");
    }
  return since (start);
}

static double
write_calls (GByteArray *bytes, int level, uint32_t resolution, const MfAlloc *rows, guint n)
{
  MfWireWriting writing = { .user = bytes, .write = append, .string = name_of, .frame = frame_of, .level = level,
    .resolution = resolution };
  g_autofree void *memory = g_malloc (mf_wire_writer_bytes (&writing));
  g_byte_array_set_size (bytes, 0);
  MfWireWriter *writer = mf_wire_writer_init (memory, &writing);
  mf_wire_write_context (writer, (MfString) { 1 }, (MfString) { 0 }, 0);
  clock_t start = clock ();
  for (guint k = 0; k < REPEATS; k++)
    for (guint i = 0; i < n; i++)
      mf_wire_write_alloc (writer, rows + i);
  mf_wire_write_end (writer);
  return since (start);
}

static bool
measure_ratio (const char *what, double seconds, double baseline, double limit)
{
  printf ("# measured %s %.1f x <= %.0f\n", what, seconds / baseline, limit);
  return seconds <= baseline * limit;
}

// Copying is the least that can be done with a row. Of several rounds the fastest counts.
static bool
measure_program (void)
{
  guint n = 0;
  guint64 n_read = 0;
  g_autofree MfAlloc *rows = rows_of_file (&n);
  g_autoptr (GByteArray) bytes = g_byte_array_sized_new (64 << 20);
  double copying = 1e9, coding = 1e9, packing = 1e9, reading = 1e9;
  for (int i = 0; rows && i < ROUNDS; i++) {
    copying = MIN (copying, copy_calls (rows, n));
    coding = MIN (coding, write_calls (bytes, 0, 1000, rows, n));
    packing = MIN (packing, write_calls (bytes, -1, 1000, rows, n));
    reading = MIN (reading, read_all (bytes, &n_read));
  }
  double calls = (double) n * REPEATS / 1e9;
  printf ("# measured wire-copy %.1f ns/row\n# measured wire-code %.1f ns/row\n# measured wire-code-and-pack %.1f ns/row\n"
          "# measured wire-decode %.0f million rows/s\n", copying / calls, coding / calls, packing / calls,
      calls * 1e3 / reading);
  bool fine = rows && n_read == (guint64) n * REPEATS;
  fine &= measure_ratio ("wire-code-ratio", coding, copying, 40);
  fine &= measure_ratio ("wire-code-and-pack-ratio", packing, copying, 50);
  return measure_ratio ("wire-decode-ratio", reading, copying, 25) && fine;
}

int
main (void)
{
  for (guint i = 0; i <= NAMES; i++)
    snprintf (names[i], sizeof names[i], "function_%u", i);
  g_autofree MfAlloc *rows = g_new (MfAlloc, 100 * BATCH);
  g_autofree MfAlloc *live = g_new0 (MfAlloc, LIVE);
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  guint64 time = 0, n_rows = 0;
  for (guint i = 0; i < 100; i++)
    fill (rows + (size_t) i * BATCH, rand, &time, live);
  const double raw = (double) BATCH * BATCHES * sizeof *rows / 1e6;
  static const int LEVELS[] = { 0, 1, 3, 6 };
  for (guint i = 0; i < G_N_ELEMENTS (LEVELS); i++) {
    g_autoptr (GByteArray) bytes = g_byte_array_sized_new (256 << 20);
    double writing = write_all (bytes, LEVELS[i], rows), reading = read_all (bytes, &n_rows);
    printf ("# measured wire-write-level-%d %.0f MB/s\n# measured wire-read-level-%d %.0f MB/s\n"
            "# measured wire-size-level-%d %.2f B/row\n", LEVELS[i], raw / writing, LEVELS[i], raw / reading,
        LEVELS[i], (double) bytes->len / (double) n_rows);
  }
  return n_rows == (guint64) BATCH * BATCHES && measure_program () ? 0 : 1;
}
