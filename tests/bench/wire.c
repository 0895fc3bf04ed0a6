// SPDX-License-Identifier: Apache-2.0
// How much alloc.event a second of cpu time writes and reads, and how large captures are, by compression.
// Prints figures; nothing is asserted.
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
  return n_rows == (guint64) BATCH * BATCHES ? 0 : 1;
}
