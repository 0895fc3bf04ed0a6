// SPDX-License-Identifier: Apache-2.0
// Coded rows of alloc.event: what goes in comes out, to the bit, but for the resolution of its time;
// whatever is done to the bytes, no wrong row comes out of a sound capture and nothing crashes.
#include <glib.h>
#include <stdlib.h>

#include "alloc-code.h"
#include "bytes.h"
#include "crc32c.h"
#include "exhaustive.h"
#include "layout.h"
#include "pack.h"
#include "wire.h"

// ---- captures in memory. Names and stacks are made of their ids, so that equal ids mean equal rows.

enum { STACKS = 1000, NAMES = 300 };

static const char *
name_of (void *user G_GNUC_UNUSED, MfString string, size_t *n)
{
  static char names[NAMES + 1][16];
  if (!string.id || string.id > NAMES)
    return NULL;
  *n = (size_t) g_snprintf (names[string.id], sizeof names[0], "name-%u", string.id);
  return names[string.id];
}

static bool
frame_of (void *user G_GNUC_UNUSED, MfStack stack, MfFrame *frame, MfStack *caller)
{
  *frame = (MfFrame) { { 1 + stack.id % NAMES }, { 1 + stack.id % 7 }, stack.id, 0 };
  *caller = (MfStack) { stack.id / 2 };
  return stack.id && stack.id <= STACKS;
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
  if (n)
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

typedef struct { int level; uint32_t block_bytes, resolution; } Writing;

static MfWireWriter *
writer_new (GByteArray *bytes, Writing how)
{
  MfWireWriting writing = { .user = bytes, .write = append, .string = name_of, .frame = frame_of,
    .block_bytes = how.block_bytes, .level = how.level, .resolution = how.resolution };
  return mf_wire_writer_init (g_malloc (mf_wire_writer_bytes (&writing)), &writing);
}

static MfBatch
batch_of (const MfAlloc *rows, uint32_t n)
{
  return (MfBatch) { .type = &MfAlloc_type, .rows = (const void *) rows, .n_rows = n, .stride = sizeof *rows,
    .stage = { 1 }, .input = { 2 }, .epoch = 3 };
}

// Half of the rows in batches, half one by one.
static GByteArray *
write_rows (const GArray *rows, Writing how)
{
  GByteArray *bytes = g_byte_array_new ();
  g_autofree MfWireWriter *writer = writer_new (bytes, how);
  const MfAlloc *row = (const void *) rows->data;
  guint half = rows->len / 2;
  for (guint i = 0; i < half; i += 300) {
    MfBatch batch = batch_of (row + i, MIN (300, half - i));
    g_assert_true (mf_wire_write_batch (writer, &batch));
  }
  mf_wire_write_context (writer, (MfString) { 1 }, (MfString) { 2 }, 3);
  for (guint i = half; i < rows->len; i++)
    g_assert_true (mf_wire_write_alloc (writer, row + i));
  g_assert_cmpuint (mf_wire_writer_rows (writer), ==, rows->len);
  g_assert_cmpuint (mf_wire_writer_refused (writer), ==, 0);
  g_assert_true (mf_wire_write_end (writer));
  return bytes;
}

typedef struct {
  GArray *rows;  // of MfAlloc
  uint64_t missing, damages, recorded;
  const char *reason;
  bool ended;
} Seen;

static void
note (Seen *seen, const MfWireItem *item)
{
  if (item->kind == MF_WIRE_BATCH) {
    g_assert_cmpstr (item->batch.type->name, ==, "alloc.event");
    g_assert_cmpuint (item->batch.stride, ==, sizeof (MfAlloc));
    g_array_append_vals (seen->rows, item->batch.rows, item->batch.n_rows);
  }
  if (item->kind == MF_WIRE_MISSING)
    seen->missing += item->loss.count;
  if (item->kind == MF_WIRE_LOSS)
    seen->recorded += item->loss.count;
  if (item->kind == MF_WIRE_DAMAGE && !seen->damages++)
    seen->reason = item->damage.reason;
  seen->ended |= item->kind == MF_WIRE_END;
}

static Seen *
read_rows (const GByteArray *bytes)
{
  Seen *seen = g_new0 (Seen, 1);
  seen->rows = g_array_new (FALSE, FALSE, sizeof (MfAlloc));
  Source source = { bytes, 0 };
  MfWireReader *reader = mf_wire_reader_new (&(MfWireReading) { .user = &source, .read = take, .resize = resize });
  MfWireItem item;
  while (mf_wire_read (reader, &item) < MF_WIRE_DONE)
    note (seen, &item);
  g_assert_cmpint (item.kind, ==, MF_WIRE_DONE);
  mf_wire_reader_free (reader);
  return seen;
}

static void
seen_free (Seen *seen)
{
  g_array_unref (seen->rows);
  g_free (seen);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Seen, seen_free)

// The rows are the same, except that times may be earlier by less than the resolution.
static void
assert_rows (const GArray *got, const GArray *rows, guint n, uint32_t resolution)
{
  g_assert_cmpuint (got->len, ==, n);
  for (guint i = 0; i < n; i++) {
    MfAlloc is = g_array_index (got, MfAlloc, i), was = g_array_index (rows, MfAlloc, i);
    if (is.time.ns != was.time.ns) {
      g_assert_true (is.time.ns != MF_TIME_NONE.ns && was.time.ns != MF_TIME_NONE.ns);
      g_assert_cmpint (is.time.ns, <, was.time.ns);
      g_assert_cmpuint ((uint64_t) was.time.ns - (uint64_t) is.time.ns, <, resolution);
      is.time = was.time;
    }
    g_assert_cmpmem (&is, sizeof is, &was, sizeof was);
  }
}

static void
assert_round_trip (const GArray *rows, Writing how)
{
  g_autoptr (GByteArray) bytes = write_rows (rows, how);
  g_autoptr (Seen) seen = read_rows (bytes);
  g_assert_true (seen->ended);
  g_assert_cmpuint (seen->damages + seen->missing, ==, 0);
  assert_rows (seen->rows, rows, rows->len, MAX (how.resolution, 1));
}

// ---- programs that never were

typedef struct {
  GRand *rand;
  int hostile;  // of 100 fields, how many are nonsense
  int64_t time;
  uint32_t sequence[5];
  GArray *live;  // of MfAlloc
} Program;

static uint64_t
any_number (GRand *rand)
{
  static const uint64_t EDGES[] = { 0, 1, 8, 223, 224, 6367, 6368, 65535, UINT32_MAX, INT64_MAX, 1ull << 63, UINT64_MAX - 1,
    UINT64_MAX };
  if (g_rand_boolean (rand))
    return EDGES[g_rand_int_range (rand, 0, G_N_ELEMENTS (EDGES))];
  return ((uint64_t) g_rand_int (rand) << 32 | g_rand_int (rand)) >> g_rand_int_range (rand, 0, 64);
}

static bool
nonsense (Program *program)
{
  return g_rand_int_range (program->rand, 0, 100) < program->hostile;
}

// Spoils some members of a row; ids stay those of names that exist.
static void
spoil (Program *program, MfAlloc *row)
{
  GRand *rand = program->rand;
  uint64_t *numbers[] = { (uint64_t *) &row->time.ns, &row->address.at, &row->old_address.at, &row->size.bytes,
    &row->granted.bytes };
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (nonsense (program))
      *numbers[i] = any_number (rand);
  uint32_t *small[] = { &row->process, &row->thread, &row->sequence };
  for (guint i = 0; i < G_N_ELEMENTS (small); i++)
    if (nonsense (program))
      *small[i] = (uint32_t) any_number (rand);
  if (nonsense (program))
    row->stack.id = (uint32_t) g_rand_int_range (rand, 0, STACKS + 1);
  if (nonsense (program))
    row->object_type.id = (uint32_t) g_rand_int_range (rand, 0, NAMES + 1);
  if (nonsense (program))
    row->op = (uint16_t) (g_rand_int (rand) >> g_rand_int_range (rand, 16, 32));
  if (nonsense (program))
    row->domain = (uint16_t) (g_rand_int (rand) >> g_rand_int_range (rand, 16, 32));
}

static MfAlloc
new_block (Program *program)
{
  GRand *rand = program->rand;
  uint32_t site = (uint32_t) g_rand_int_range (rand, 0, 40);
  uint64_t reused = program->live->len ? g_array_index (program->live, MfAlloc, 0).address.at : 0;
  return (MfAlloc) { .op = MF_OP_ALLOC, .domain = (uint16_t) (site % 4), .size = { site * site % 700 },
    .address = { g_rand_int_range (rand, 0, 4) ? 0x7f0012340000 + 16 * (uint64_t) g_rand_int_range (rand, 0, 9999)
        : reused + site }, .old_address = MF_ADDRESS_NONE, .granted = MF_SIZE_NONE, .stack = { 1 + site * 7 } };
}

// What happens to a block that is there: it is freed or resized, now and then in vain.
static MfAlloc
end_of_block (Program *program)
{
  guint at = (guint) g_rand_int_range (program->rand, 0, (gint32) MIN (program->live->len, 90));
  MfAlloc row = g_array_index (program->live, MfAlloc, program->live->len - 1 - at);
  g_array_remove_index_fast (program->live, program->live->len - 1 - at);
  int kind = g_rand_int_range (program->rand, 0, 20);
  if (kind == 1)
    return (MfAlloc) { .op = MF_OP_FAILED, .address = MF_ADDRESS_NONE, .old_address = row.address,
      .size = { UINT32_MAX }, .granted = MF_SIZE_NONE, .domain = row.domain, .stack = row.stack };
  if (kind > 3)
    return (MfAlloc) { .op = MF_OP_FREE, .address = row.address, .old_address = MF_ADDRESS_NONE,
      .size = MF_SIZE_NONE, .granted = MF_SIZE_NONE, .domain = row.domain, .object_type = { kind == 4 ? 9 : 0 } };
  row.op = MF_OP_REALLOC;
  row.old_address = row.address;
  row.size.bytes += (uint64_t) kind * 8;
  row.address.at += kind == 3 ? 4096 : 0;
  return row;
}

static void
call (Program *program, GArray *rows)
{
  GRand *rand = program->rand;
  bool grows = program->live->len < 20 || (g_rand_boolean (rand) && program->live->len < 3000);
  uint32_t thread = g_rand_int_range (rand, 0, 30) ? 1 : (uint32_t) g_rand_int_range (rand, 0, 5);
  MfAlloc row = grows ? new_block (program) : end_of_block (program);
  program->time += g_rand_int_range (rand, 0, 40) ? g_rand_int_range (rand, 0, 300) : g_rand_int_range (rand, -9999, 99999);
  row.time.ns = program->time;
  row.process = 4711;
  row.thread = thread;
  row.sequence = program->sequence[thread]++;
  if (row.op == MF_OP_ALLOC || row.op == MF_OP_REALLOC)
    g_array_append_val (program->live, row);
  spoil (program, &row);
  g_array_append_val (rows, row);
}

static GArray *
rows_of_program (guint seed, guint n, int hostile)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (GArray) live = g_array_new (FALSE, FALSE, sizeof (MfAlloc));
  Program program = { .rand = rand, .hostile = hostile, .time = 1000000, .live = live };
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (MfAlloc));
  while (rows->len < n)
    call (&program, rows);
  return rows;
}

// ---- what goes in comes out

static const Writing WAYS[] = { { 0, 0, 1 }, { 1, 0, 1000 }, { 0, MF_WIRE_BLOCK_MIN, 1000 },
  { -1, MF_WIRE_BLOCK_MIN, 1 }, { 3, 65536, 1000000000 } };

static void
test_programs (gconstpointer seed)
{
  static const int HOSTILE[] = { 0, 1, 10, 60 };
  for (guint i = 0; i < G_N_ELEMENTS (HOSTILE); i++) {
    g_autoptr (GArray) rows = rows_of_program (GPOINTER_TO_UINT (seed) * 10 + i, 9000, HOSTILE[i]);
    for (guint way = 0; way < G_N_ELEMENTS (WAYS); way++)
      if (!WAYS[way].level || mf_pack_available ())
        assert_round_trip (rows, WAYS[way]);
  }
}

static const MfAlloc NOTHING = { .old_address = MF_ADDRESS_NONE, .granted = MF_SIZE_NONE };

static GArray *
rows_at_times (const int64_t *times, guint n)
{
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (MfAlloc));
  for (guint i = 0; i < n; i++) {
    MfAlloc row = NOTHING;
    row.time.ns = times[i];
    row.sequence = i;
    g_array_append_val (rows, row);
  }
  return rows;
}

// Rounding is downwards to whole steps and keeps the order; the unknown time is no time.
static void
test_resolution (void)
{
  static const int64_t TIMES[] = { 0, 999, 1000, 1999, 5000, 4999, -1, -1000, INT64_MIN, 77777, INT64_MAX, 3 };
  static const int64_t ROUNDED[] = { 0, 0, 1000, 1000, 5000, 4000, -1000, -1000, INT64_MIN, 77000,
    INT64_MAX / 1000 * 1000, 0 };
  g_autoptr (GArray) rows = rows_at_times (TIMES, G_N_ELEMENTS (TIMES));
  g_autoptr (GByteArray) bytes = write_rows (rows, (Writing) { 0, 0, 1000 });
  g_autoptr (Seen) seen = read_rows (bytes);
  g_assert_cmpuint (seen->rows->len, ==, G_N_ELEMENTS (TIMES));
  for (guint i = 0; i < seen->rows->len; i++)
    g_assert_cmpint (g_array_index (seen->rows, MfAlloc, i).time.ns, ==, ROUNDED[i]);
}

// The ends of time: nothing overflows, and no time becomes the unknown one.
static void
test_extreme_times (void)
{
  static const int64_t TIMES[] = { INT64_MIN + 1, INT64_MAX, INT64_MIN + 1, INT64_MIN, 0, INT64_MAX - 1, INT64_MIN + 2 };
  g_autoptr (GArray) rows = rows_at_times (TIMES, G_N_ELEMENTS (TIMES));
  for (guint way = 0; way < 3; way += 2) {
    g_autoptr (GByteArray) bytes = write_rows (rows, WAYS[way]);
    g_autoptr (Seen) seen = read_rows (bytes);
    assert_rows (seen->rows, rows, rows->len, 1000);
  }
}

// Rows of a type that has more members, or another order of them, are not coded, and come out all the same.
typedef struct { MfAlloc alloc; uint64_t extra; } Longer;

static void
test_other_schemas (void)
{
  MfField fields[G_N_ELEMENTS (MfAlloc_fields) + 1];
  memcpy (fields, MfAlloc_fields, sizeof MfAlloc_fields);
  fields[G_N_ELEMENTS (MfAlloc_fields)]
    = (MfField) { .name = "extra", .doc = "", .offset = sizeof (MfAlloc), .kind = MF_U64, .width = 8 };
  MfType type = MfAlloc_type;
  type.fields = fields;
  type.n_fields++;
  type.row_size = sizeof (Longer);
  g_assert_false (mf_alloc_is_codable (&type));
  g_assert_true (mf_alloc_is_codable (&MfAlloc_type));
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree MfWireWriter *writer = writer_new (bytes, WAYS[0]);
  Longer row = { NOTHING, 0x1234567 };
  MfBatch batch = { .type = &type, .rows = (const void *) &row, .n_rows = 1, .stride = sizeof row };
  g_assert_true (mf_wire_write_batch (writer, &batch) && mf_wire_write_flush (writer));
  g_assert_nonnull (memmem (bytes->data, bytes->len, &row, sizeof row));
}

// ---- what the recorder relies on

static GArray *
rows_of_file (void)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree char *contents = NULL;
  gsize n;
  g_assert_true (g_file_get_contents ("tests/data/wire/python-program.mfc", &contents, &n, NULL));
  g_byte_array_append (bytes, (const guint8 *) contents, (guint) n);
  Seen *seen = read_rows (bytes);
  GArray *rows = g_array_ref (seen->rows);
  g_assert_true (seen->ended);
  seen_free (seen);
  for (guint i = 0; i < rows->len; i++) {  // names of this test
    MfAlloc *row = &g_array_index (rows, MfAlloc, i);
    row->stack.id %= STACKS + 1;
  }
  return rows;
}

static double
bytes_per_row (const GArray *rows, Writing how)
{
  g_autoptr (GByteArray) bytes = write_rows (rows, how);
  g_autoptr (Seen) seen = read_rows (bytes);
  assert_rows (seen->rows, rows, rows->len, how.resolution);
  return (double) bytes->len / rows->len;
}

static void
measure (const char *what, double value, double limit)
{
  g_print ("# measured %s %.3f B/row <= %.1f\n", what, value, limit);
  g_assert_cmpfloat (value, <=, limit);
}

// The promises, on 20,000 events of a program with threads that makes and parses JSON.
static void
test_size (void)
{
  g_autoptr (GArray) rows = rows_of_file ();
  g_assert_cmpuint (rows->len, ==, 20000);
  measure ("coded-row", bytes_per_row (rows, (Writing) { 0, 0, 1 }), 4.0);
  measure ("coded-row-1us", bytes_per_row (rows, (Writing) { 0, 0, 1000 }), 3.0);
  if (!mf_pack_available ())
    return;
  measure ("packed-row", bytes_per_row (rows, (Writing) { 1, 0, 1 }), 2.0);
  measure ("packed-row-1us", bytes_per_row (rows, (Writing) { 1, 0, 1000 }), 1.0);
}

// A recorder on a small device: everything that the writer will ever use.
static void
test_small_writer (void)
{
  MfWireWriting writing = { .block_bytes = MF_WIRE_BLOCK_MIN };
  size_t n = mf_wire_writer_bytes (&writing);
  g_print ("# measured small-writer %zu B <= 131072\n", n);
  g_assert_cmpuint (n, <=, 128 * 1024);
}

// A disk that becomes full is told, and not only at the end.
static bool
refuse (void *user G_GNUC_UNUSED, const void *bytes G_GNUC_UNUSED, size_t n G_GNUC_UNUSED)
{
  return false;
}

static void
test_full_disk (void)
{
  MfWireWriting writing = { .write = refuse, .string = name_of, .frame = frame_of, .block_bytes = MF_WIRE_BLOCK_MIN };
  g_autofree void *memory = g_malloc (mf_wire_writer_bytes (&writing));
  MfWireWriter *writer = mf_wire_writer_init (memory, &writing);
  g_autoptr (GArray) rows = rows_of_program (1, 20000, 0);
  guint taken = 0;
  while (taken < rows->len && mf_wire_write_alloc (writer, &g_array_index (rows, MfAlloc, taken)))
    taken++;
  g_assert_cmpuint (taken, <, rows->len);
  g_assert_false (mf_wire_write_alloc (writer, &g_array_index (rows, MfAlloc, 0)));
  g_assert_false (mf_wire_write_end (writer));
}

// A row whose names do not exist is refused, and neither the rows before nor after it suffer.
static void
test_refused (void)
{
  g_autoptr (GArray) rows = rows_of_program (2, 100, 0);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree MfWireWriter *writer = writer_new (bytes, WAYS[0]);
  MfAlloc bad = g_array_index (rows, MfAlloc, 0);
  bad.stack.id = STACKS + 1;
  for (guint i = 0; i < rows->len; i++) {
    if (i == 50)
      g_assert_true (mf_wire_write_alloc (writer, &bad));
    g_assert_true (mf_wire_write_alloc (writer, &g_array_index (rows, MfAlloc, i)));
  }
  g_assert_true (mf_wire_write_end (writer));
  g_assert_cmpuint (mf_wire_writer_refused (writer), ==, 1);
  g_autoptr (Seen) seen = read_rows (bytes);
  assert_rows (seen->rows, rows, rows->len, 1);
  g_assert_cmpuint (seen->recorded, ==, 1);
  g_assert_cmpuint (seen->damages + seen->missing, ==, 0);
}

// Other records keep their place between coded rows.
static void
test_order (void)
{
  g_autoptr (GArray) rows = rows_of_program (3, 10, 0);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree MfWireWriter *writer = writer_new (bytes, WAYS[0]);
  for (guint i = 0; i < rows->len; i++) {
    g_assert_true (mf_wire_write_alloc (writer, &g_array_index (rows, MfAlloc, i)));
    if (i == 6)
      g_assert_true (mf_wire_write_fact (writer, "here", "after seven"));
  }
  g_assert_true (mf_wire_write_end (writer));
  Source source = { bytes, 0 };
  MfWireReader *reader = mf_wire_reader_new (&(MfWireReading) { .user = &source, .read = take, .resize = resize });
  MfWireItem item;
  uint32_t n = 0;
  while (mf_wire_read (reader, &item) < MF_WIRE_DONE) {
    n += item.kind == MF_WIRE_BATCH ? item.batch.n_rows : 0;
    g_assert_true (item.kind != MF_WIRE_FACT || n == 7);
  }
  g_assert_cmpuint (n, ==, 10);
  mf_wire_reader_free (reader);
}

// ---- damage

static void
assert_prefix (const GByteArray *bytes, guint n, const GArray *rows)
{
  g_autoptr (GByteArray) cut = g_byte_array_new ();
  g_byte_array_append (cut, bytes->data, n);
  g_autoptr (Seen) seen = read_rows (cut);
  g_assert_false (seen->ended);
  g_assert_cmpuint (seen->damages, >=, 1);
  assert_rows (seen->rows, rows, seen->rows->len, 1);
}

static void
test_truncation (gconstpointer level)
{
  g_autoptr (GArray) rows = rows_of_program (4, 400, 2);
  g_autoptr (GByteArray) bytes = write_rows (rows, (Writing) { GPOINTER_TO_INT (level), 0, 1 });
  for (guint n = 0; n < bytes->len; n += EXHAUSTIVE_STEP)
    assert_prefix (bytes, n, rows);
}

// A cut costs the group that it cuts: 16 KiB and a record.
static void
test_cut (void)
{
  g_autoptr (GArray) rows = rows_of_program (5, 40000, 0);
  g_autoptr (GByteArray) bytes = write_rows (rows, (Writing) { 1, MF_WIRE_BLOCK_MAX, 1 });
  guint stored = mf_load32 (bytes->data + FILE_HEADER + BLOCK_STORED_AT);
  guint raw = mf_load32 (bytes->data + FILE_HEADER + BLOCK_RAW_AT);
  g_byte_array_set_size (bytes, FILE_HEADER + BLOCK_HEADER + stored - 1);
  g_autoptr (Seen) seen = read_rows (bytes);
  g_assert_cmpuint (raw, >, 100000);
  assert_rows (seen->rows, rows, seen->rows->len, 1);
  g_autoptr (GByteArray) all = write_rows (rows, (Writing) { 1, MF_WIRE_BLOCK_MAX, 1 });
  g_byte_array_set_size (all, FILE_HEADER + BLOCK_HEADER + stored);
  g_autoptr (Seen) whole = read_rows (all);
  guint lost = whole->rows->len - seen->rows->len;
  g_print ("# measured rows-lost-by-a-cut %u rows <= 12000\n", lost);
  g_assert_cmpuint (lost, <=, 12000);
  g_assert_cmpuint (lost, >, 0);
}

// The first coded record of the only block, which is not compressed.
static uint8_t *
coded_record (GByteArray *bytes)
{
  uint8_t *record = bytes->data + FILE_HEADER + BLOCK_HEADER;
  while (mf_load16 (record) != RECORD_CODED)
    record += RECORD_HEADER + padded (mf_load32 (record + RECORD_LENGTH_AT));
  return record;
}

static void
repair (GByteArray *bytes)
{
  MfCrcTable table;
  mf_crc_table_init (&table);
  uint8_t *block = bytes->data + FILE_HEADER;
  uint32_t stored = mf_load32 (block + BLOCK_STORED_AT);
  mf_store32 (block + BLOCK_CRC_AT, mf_crc32c (&table, block + BLOCK_HEADER, stored));
  mf_store32 (block + BLOCK_HEADER_CRC_AT, mf_crc32c (&table, block, BLOCK_HEADER_CRC_AT));
}

// Each bit of a coded record is turned around in a block whose checksum is right again: rows come out or a reason.
static void
test_hostile_bits (void)
{
  g_autoptr (GArray) rows = rows_of_program (6, 300, 5);
  g_autoptr (GByteArray) sound = write_rows (rows, WAYS[0]);
  guint at = (guint) (coded_record (sound) - sound->data), n = RECORD_HEADER + mf_load32 (sound->data + at + RECORD_LENGTH_AT);
  for (guint bit = 8 * at; bit < 8 * (at + n); bit += EXHAUSTIVE_STEP) {
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    g_byte_array_append (bytes, sound->data, sound->len);
    bytes->data[bit / 8] ^= (guint8) (1 << bit % 8);
    repair (bytes);
    g_autoptr (Seen) seen = read_rows (bytes);
    g_assert_cmpuint (seen->rows->len, <=, rows->len);
  }
}

typedef struct { const char *reason; int stream; uint32_t bytes; uint8_t token, number[10]; } Wrong;

// One row of this token, with these bytes in one of the streams.
static const Wrong WRONG[] = {
  { "a coded batch refers to an allocation that its block does not have", STREAM_SHAPES, 0, TOKEN_FREE, { 0 } },
  { "a coded batch refers to an allocation that its block does not have", STREAM_ADDRESSES, 9, TOKEN_FREE_OLDER,
    { 255, 255, 255, 255, 255, 255, 255, 255, 255 } },
  { "a coded batch refers to a shape that its block does not define", STREAM_SHAPES, 0, 5, { 0 } },
  { "a coded batch has a token that does not exist", STREAM_SHAPES, 0, TOKEN_END, { 0 } },
  { "a coded batch has a token that does not exist", STREAM_SHAPES, 0, 255, { 0 } },
  { "a coded batch has fewer tokens than rows", STREAM_SHAPES, 0, TOKEN_NEXT, { 0 } },
  { "a number of a coded batch is cut off", STREAM_SHAPES, 0, TOKEN_THREAD, { 0 } },
  { "a number of a coded batch is cut off", STREAM_ADDRESSES, 3, TOKEN_FREE_AT, { 251, 1, 2 } },
  { "a number of a coded batch is cut off", STREAM_ADDRESSES, 0, TOKEN_FREE_NEAR, { 0 } },
  { "a thread has a number above 63", STREAM_SHAPES, 1, TOKEN_THREAD, { 64 } },
  { "a shape has a number above 127", STREAM_SHAPES, 1, TOKEN_NEW_SHAPE, { 128 } },
  { "a row refers to a name that its block does not define", STREAM_SHAPES, 3, TOKEN_NEW_SHAPE, { 0, SHAPE_STACK, 7 } },
  { "a row refers to a name that its block does not define", STREAM_SHAPES, 3, TOKEN_NEW_SHAPE, { 0, SHAPE_TYPE, 7 } },
  { "an id of a coded batch is too large", STREAM_SHAPES, 8, TOKEN_NEW_SHAPE, { 0, SHAPE_TYPE, 252, 0, 0, 0, 0, 1 } },
  { "the streams of a coded batch do not end with its rows", STREAM_ADDRESSES, 2, TOKEN_FREE_AT, { 1, 2 } },
};

static GByteArray *
capture_with (const uint8_t *head, const uint32_t *lengths, const void *streams, uint32_t n)
{
  GByteArray *bytes = g_byte_array_new ();
  MfAlloc row = NOTHING;
  g_autofree MfWireWriter *writer = writer_new (bytes, WAYS[0]);
  g_assert_true (mf_wire_write_alloc (writer, &row) && mf_wire_write_flush (writer));
  uint8_t body[CODED_BODY + 64] = { 0 }, record[RECORD_HEADER] = { RECORD_CODED };
  memcpy (body, head, CODED_BODY);
  for (int i = 0; i < CODED_STREAMS; i++)
    mf_store32 (body + CODED_STREAMS_AT + 4 * i, lengths[i]);
  memcpy (body + CODED_BODY, streams, n);
  mf_store32 (record + RECORD_LENGTH_AT, CODED_BODY + n);
  g_byte_array_set_size (bytes, (guint) (coded_record (bytes) - bytes->data));
  g_byte_array_append (bytes, record, sizeof record);
  g_byte_array_append (bytes, body, (guint) padded (CODED_BODY + n));
  guint stored = bytes->len - FILE_HEADER - BLOCK_HEADER;
  mf_store32 (bytes->data + FILE_HEADER + BLOCK_STORED_AT, stored);
  mf_store32 (bytes->data + FILE_HEADER + BLOCK_RAW_AT, stored);
  repair (bytes);
  return bytes;
}

static void
assert_wrong (const uint8_t *head, const Wrong *wrong)
{
  uint32_t lengths[CODED_STREAMS] = { [STREAM_TOKENS] = 1 };
  uint8_t streams[12] = { 0, wrong->token };
  lengths[wrong->stream] = wrong->bytes;
  memcpy (streams + 2, wrong->number, sizeof wrong->number);
  g_autoptr (GByteArray) bytes = capture_with (head, lengths, streams, 2 + wrong->bytes);
  g_autoptr (Seen) seen = read_rows (bytes);
  g_assert_cmpstr (seen->reason, ==, wrong->reason);
  g_assert_cmpuint (seen->rows->len, ==, 0);
}

static void
test_wrong (void)
{
  uint8_t head[CODED_BODY] = { [BATCH_ROWS_AT] = 1, [CODED_CODING_AT] = CODING_ALLOC, [CODED_RESOLUTION_AT] = 1 };
  for (guint i = 0; i < G_N_ELEMENTS (WRONG); i++)
    assert_wrong (head, &WRONG[i]);
  Wrong length = { "the length of a coded batch does not match its streams", STREAM_ADDRESSES, 1, TOKEN_FREE_AT, { 9 } };
  head[CODED_RESOLUTION_AT] = 0;
  assert_wrong (head, &length);
  head[CODED_RESOLUTION_AT] = 1;
  head[BATCH_ROWS_AT] = 9;
  assert_wrong (head, &length);
}

// Rows in a coding that is newer than this reader are missing, nothing else is.
static void
test_newer_coding (void)
{
  g_autoptr (GArray) rows = rows_of_program (7, 50, 0);
  g_autoptr (GByteArray) bytes = write_rows (rows, WAYS[0]);
  coded_record (bytes)[RECORD_HEADER + CODED_CODING_AT] = CODING_ALLOC + 1;
  repair (bytes);
  g_autoptr (Seen) seen = read_rows (bytes);
  g_assert_true (seen->ended);
  g_assert_cmpuint (seen->missing, ==, 50);
  g_assert_cmpuint (seen->damages, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint seed = 1; seed <= 6; seed++) {
    g_autofree char *path = g_strdup_printf ("/wire-alloc/programs/%u", seed);
    g_test_add_data_func (path, GUINT_TO_POINTER (seed), test_programs);
  }
  g_test_add_func ("/wire-alloc/resolution", test_resolution);
  g_test_add_func ("/wire-alloc/extreme-times", test_extreme_times);
  g_test_add_func ("/wire-alloc/other-schemas", test_other_schemas);
  g_test_add_func ("/wire-alloc/size", test_size);
  g_test_add_func ("/wire-alloc/small-writer", test_small_writer);
  g_test_add_func ("/wire-alloc/full-disk", test_full_disk);
  g_test_add_func ("/wire-alloc/refused", test_refused);
  g_test_add_func ("/wire-alloc/order", test_order);
  g_test_add_data_func ("/wire-alloc/truncation/raw", GINT_TO_POINTER (0), test_truncation);
  g_test_add_func ("/wire-alloc/hostile-bits", test_hostile_bits);
  g_test_add_func ("/wire-alloc/wrong", test_wrong);
  g_test_add_func ("/wire-alloc/newer-coding", test_newer_coding);
  if (mf_pack_available ()) {
    g_test_add_data_func ("/wire-alloc/truncation/zstd", GINT_TO_POINTER (1), test_truncation);
    g_test_add_func ("/wire-alloc/cut", test_cut);
  }
  return g_test_run ();
}
