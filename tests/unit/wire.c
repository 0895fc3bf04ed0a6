// SPDX-License-Identifier: Apache-2.0
// The capture format: what was written is read, whatever happened to the bytes in between is told,
// and no row is ever wrong. Rows are compared as text, with the names that their ids stand for.
#include <glib.h>
#include <math.h>
#include <stdlib.h>

#include "bytes.h"
#include "crc32c.h"
#include "exhaustive.h"
#include "layout.h"
#include "pack.h"
#include "rows.h"
#include "schema.h"
#include "wire.h"

// ---- a run: names, stacks and the bytes of a capture

typedef struct { MfFrame frame; MfStack caller; } Site;

typedef struct {
  GPtrArray *names;   // id - 1
  GHashTable *ids;
  GArray *sites;      // of Site, id - 1
  GByteArray *bytes;
  size_t at, chunk;   // reading: where, how much at once
  int allocations, fail_at, live;
  bool full;          // writing: no room
} Run;

static Run *
run_new (void)
{
  Run *run = g_new0 (Run, 1);
  run->names = g_ptr_array_new_with_free_func (g_free);
  run->ids = g_hash_table_new (g_str_hash, g_str_equal);
  run->sites = g_array_new (FALSE, FALSE, sizeof (Site));
  run->bytes = g_byte_array_new ();
  run->chunk = 7001;
  return run;
}

static void
run_free (Run *run)
{
  g_assert_cmpint (run->live, ==, 0);
  g_hash_table_unref (run->ids);
  g_ptr_array_unref (run->names);
  g_array_unref (run->sites);
  g_byte_array_unref (run->bytes);
  g_free (run);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

static MfString
intern_n (void *user, const char *text, size_t n)
{
  Run *run = user;
  g_autofree char *copy = g_strndup (text, n);
  guint id = GPOINTER_TO_UINT (g_hash_table_lookup (run->ids, copy));
  if (id)
    return (MfString) { id };
  g_ptr_array_add (run->names, copy);
  g_hash_table_insert (run->ids, copy, GUINT_TO_POINTER (run->names->len));
  copy = NULL;
  return (MfString) { run->names->len };
}

static MfString
intern (Run *run, const char *text)
{
  return intern_n (run, text, strlen (text));
}

static const char *
name_of (void *user, MfString string, size_t *n)
{
  Run *run = user;
  if (!string.id || string.id > run->names->len)
    return NULL;
  const char *text = run->names->pdata[string.id - 1];
  *n = strlen (text);
  return text;
}

static MfStack
intern_stack (void *user, MfStack caller, MfFrame frame)
{
  Run *run = user;
  Site site = { frame, caller };
  for (guint i = 0; i < run->sites->len; i++)
    if (!memcmp (&g_array_index (run->sites, Site, i), &site, sizeof site))
      return (MfStack) { i + 1 };
  g_array_append_val (run->sites, site);
  return (MfStack) { run->sites->len };
}

static bool
frame_of (void *user, MfStack stack, MfFrame *frame, MfStack *caller)
{
  Run *run = user;
  if (!stack.id || stack.id > run->sites->len)
    return false;
  *frame = g_array_index (run->sites, Site, stack.id - 1).frame;
  *caller = g_array_index (run->sites, Site, stack.id - 1).caller;
  return true;
}

static bool
append (void *user, const void *bytes, size_t n)
{
  Run *run = user;
  if (!run->full)
    g_byte_array_append (run->bytes, bytes, n);
  return !run->full;
}

static int64_t
take (void *user, void *to, size_t n)
{
  Run *run = user;
  n = MIN (n, MIN (run->chunk, run->bytes->len - run->at));
  if (n)
    memcpy (to, run->bytes->data + run->at, n);
  run->at += n;
  return (int64_t) n;
}

static void *
resize (void *user, void *old, size_t n)
{
  Run *run = user;
  if (n && ++run->allocations == run->fail_at)
    return NULL;
  run->live += n && !old ? 1 : !n && old ? -1 : 0;
  if (n)
    return realloc (old, n);
  free (old);
  return NULL;
}

// ---- a writer and what a reader makes of its bytes

static MfWireWriter *
writer_new (Run *run, int level, uint32_t block_bytes, bool swapped)
{
  MfWireWriting writing = { run, append, name_of, frame_of, block_bytes, level, swapped };
  return mf_wire_writer_init (g_malloc (mf_wire_writer_bytes (&writing)), &writing);
}

typedef struct {
  GPtrArray *rows;      // one line each
  GPtrArray *types;
  uint64_t missing, recorded, damages, blocks, first_damage;
  char *reason;         // of the first damage
  GString *facts;
  bool ended, failed;
  char *error;
  uint64_t skipped;
} Seen;

static void
seen_free (Seen *seen)
{
  g_ptr_array_unref (seen->rows);
  g_ptr_array_unref (seen->types);
  g_string_free (seen->facts, TRUE);
  g_free (seen->error);
  g_free (seen->reason);
  g_free (seen);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Seen, seen_free)

static void
print_stack (GString *line, Run *run, MfStack stack)
{
  MfFrame frame;
  size_t n;
  while (frame_of (run, stack, &frame, &stack))
    g_string_append_printf (line, "<%s@%s:%u", name_of (run, frame.function, &n),
        frame.file.id ? name_of (run, frame.file, &n) : "", frame.line);
}

// In hexadecimal, the same on hosts of both byte orders.
static void
append_number (GString *line, const uint8_t *at, int width)
{
  for (int i = 0; i < width; i++) {
    uint8_t byte = at[G_BYTE_ORDER == G_LITTLE_ENDIAN ? width - 1 - i : i];
    g_string_append_c (line, "0123456789abcdef"[byte >> 4]);
    g_string_append_c (line, "0123456789abcdef"[byte & 15]);
  }
}

static void
print_field (GString *line, Run *run, const MfBatch *batch, const MfField *field, const uint8_t *row)
{
  uint32_t id;
  MfText text;
  size_t n;
  const uint8_t *at = row + field->offset;
  g_string_append_c (line, ' ');
  g_string_append (line, field->name);
  g_string_append_c (line, '=');
  if (field->kind == MF_STRING) {
    memcpy (&id, at, 4);
    g_string_append (line, id ? name_of (run, (MfString) { id }, &n) : "-");
  } else if (field->kind == MF_STACK) {
    memcpy (&id, at, 4);
    print_stack (line, run, (MfStack) { id });
  } else if (field->kind == MF_TEXT) {
    memcpy (&text, at, 8);
    g_string_append_len (line, mf_batch_text (batch, text), text.length);
  } else {
    append_number (line, at, field->width);
  }
}

static void
print_rows (GPtrArray *lines, Run *run, const MfBatch *batch)
{
  size_t n;
  for (uint32_t i = 0; i < batch->n_rows; i++) {
    GString *line = g_string_new (NULL);
    g_string_append_printf (line, "%s@%u %s %s %u %u:", batch->type->name, batch->type->major,
        batch->stage.id ? name_of (run, batch->stage, &n) : "-",
        batch->input.id ? name_of (run, batch->input, &n) : "-", batch->epoch, batch->flags);
    for (uint32_t f = 0; f < batch->type->n_fields; f++)
      print_field (line, run, batch, &batch->type->fields[f], batch->rows + (size_t) i * batch->stride);
    g_ptr_array_add (lines, g_string_free (line, FALSE));
  }
}

static void
note (Seen *seen, Run *run, const MfWireItem *item)
{
  if (item->kind == MF_WIRE_BATCH)
    print_rows (seen->rows, run, &item->batch);
  if (item->kind == MF_WIRE_SCHEMA)
    g_ptr_array_add (seen->types, g_strdup (item->type->name));
  if (item->kind == MF_WIRE_MISSING)
    seen->missing += item->loss.count;
  if (item->kind == MF_WIRE_LOSS)
    seen->recorded += item->loss.count;
  if (item->kind == MF_WIRE_FACT)
    g_string_append_printf (seen->facts, "%s=%s;", item->key, item->value);
  if (item->kind == MF_WIRE_DAMAGE && !seen->damages++) {
    seen->first_damage = item->damage.offset;
    seen->reason = g_strdup (item->damage.reason);
  }
  if (item->kind == MF_WIRE_DAMAGE)
    seen->blocks += item->damage.blocks;
  seen->ended |= item->kind == MF_WIRE_END;
  seen->failed |= item->kind == MF_WIRE_FAILED;
}

static Seen *
read_capture (Run *run, bool swapped)
{
  Seen *seen = g_new0 (Seen, 1);
  seen->rows = g_ptr_array_new_with_free_func (g_free);
  seen->types = g_ptr_array_new_with_free_func (g_free);
  seen->facts = g_string_new (NULL);
  MfWireReading reading = { run, take, resize, intern_n, intern_stack, swapped };
  MfWireReader *reader = mf_wire_reader_new (&reading);
  MfWireItem item = { .kind = MF_WIRE_FAILED };
  run->at = 0;
  while (reader && mf_wire_read (reader, &item) < MF_WIRE_DONE) {
    note (seen, run, &item);
    g_assert_cmpuint (mf_wire_reader_offset (reader), <=, run->bytes->len);
  }
  note (seen, run, &item);
  seen->error = g_strdup (reader ? mf_wire_reader_error (reader) : "no reader");
  seen->skipped = reader ? mf_wire_reader_skipped (reader) : 0;
  mf_wire_reader_free (reader);
  return seen;
}

static void
assert_same_rows (const GPtrArray *a, const GPtrArray *b)
{
  for (guint i = 0; i < MIN (a->len, b->len); i++)
    g_assert_cmpstr (a->pdata[i], ==, b->pdata[i]);
  g_assert_cmpuint (a->len, ==, b->len);
}

// ---- samples

static MfStack
some_stack (Run *run, int depth)
{
  MfStack stack = { 0 };
  for (int i = 0; i < depth; i++) {
    g_autofree char *function = g_strdup_printf ("f%d", i % 50);
    stack = intern_stack (run, stack, (MfFrame) { intern (run, function), intern (run, "main.py"), i + 1, 0 });
  }
  return stack;
}

// Writes a batch and notes its rows as they should come out again.
static void
put (MfWireWriter *writer, Run *run, GPtrArray *lines, const MfBatch *batch)
{
  if (lines)
    print_rows (lines, run, batch);
  g_assert_true (mf_wire_write_batch (writer, batch));
}

static MfBatch
batch_of (Run *run, const MfType *type, const void *rows, uint32_t n)
{
  return (MfBatch) { .type = type, .rows = rows, .n_rows = n, .stride = type->row_size,
    .stage = intern (run, "board"), .input = intern (run, "stm32.txt"), .epoch = 1 };
}

static void
put_allocs (MfWireWriter *writer, Run *run, GPtrArray *lines, uint32_t first, uint32_t n)
{
  g_autofree MfAlloc *rows = g_new0 (MfAlloc, n);
  for (uint32_t i = 0; i < n; i++)
    rows[i] = (MfAlloc) { .time = { first + i }, .address = { 0x20000000 + 16 * i }, .size = { i % 77 },
      .granted = MF_SIZE_NONE, .stack = some_stack (run, 1 + i % 9), .object_type = intern (run, "dict"),
      .process = 1, .thread = 1, .sequence = first + i };
  MfBatch batch = batch_of (run, &MfAlloc_type, rows, n);
  put (writer, run, lines, &batch);
}

static void
put_fault (MfWireWriter *writer, Run *run, GPtrArray *lines, uint32_t line)
{
  g_autofree char *text = g_strdup_printf ("memory allocation failed, allocating %u bytes", line);
  MfDeviceFault row = { .time = MF_TIME_NONE, .requested = { 1000 }, .stack = some_stack (run, 3),
    .line = line, .message = { 0, strlen (text) } };
  MfBatch batch = batch_of (run, &MfDeviceFault_type, &row, 1);
  batch.text = text;
  batch.text_size = strlen (text);
  batch.flags = MF_BATCH_INCOMPLETE;
  put (writer, run, lines, &batch);
}

// Six blocks: facts, twice three blocks of rows, totals.
static void
write_sample (Run *run, GPtrArray *lines, int level, bool swapped)
{
  g_autofree MfWireWriter *writer = writer_new (run, level, 0, swapped);
  g_assert_true (mf_wire_write_fact (writer, "pipeline", "stm32"));
  for (uint32_t i = 0; i < 2; i++) {
    put_allocs (writer, run, lines, 10 * i, 4);
    put_fault (writer, run, lines, 3 + i);
    g_assert_true (mf_wire_write_flush (writer));
    put_allocs (writer, run, lines, 10 * i + 4, 3);
    g_assert_true (mf_wire_write_flush (writer));
  }
  MfWireLoss loss = { "heap.block", "board", "", 12, MF_LOST_DAMAGED };
  g_assert_true (mf_wire_write_loss (writer, &loss));
  g_assert_true (mf_wire_write_end (writer));
  g_assert_cmpuint (mf_wire_writer_refused (writer), ==, 0);
}

typedef struct { MfSize size; MfString name; bool used; uint8_t a; uint16_t b; } Example;
MF_EVENT (Example, "demo.block", 1, MF_VIEW_TABLE, "A block",
  MF_FIELD (Example, size, "bytes"),
  MF_FIELD (Example, name, "who", .role = MF_ROLE_LABEL),
  MF_FIELD (Example, used, "or free"),
  MF_FIELD (Example, a, ""),
  MF_FIELD (Example, b, ""));

// A small one, for what is done to each of its bits.
static void
write_small_sample (Run *run, GPtrArray *lines, int level)
{
  g_autofree MfWireWriter *writer = writer_new (run, level, 0, false);
  for (uint32_t i = 0; i < 3; i++) {
    Example rows[2] = { { { i }, intern (run, "main"), true, 0, 0 }, { { 64 }, { 0 }, false, 0, (uint16_t) i } };
    MfBatch batch = batch_of (run, &Example_type, rows, 2);
    put (writer, run, lines, &batch);
    g_assert_true (mf_wire_write_flush (writer));
  }
  g_assert_true (mf_wire_write_end (writer));
}

// ---- tests

static void
test_checksum (void)
{
  MfCrcTable table;
  mf_crc_table_init (&table);
  uint8_t zeros[32] = { 0 }, ones[32];
  memset (ones, 0xff, sizeof ones);
  g_assert_cmphex (mf_crc32c (&table, "123456789", 9), ==, 0xe3069283);
  g_assert_cmphex (mf_crc32c (&table, zeros, 32), ==, 0x8a9136aa);  // RFC 3720 B.4
  g_assert_cmphex (mf_crc32c (&table, ones, 32), ==, 0x62a8ab43);
}

static void
test_round_trip (gconstpointer level)
{
  g_autoptr (Run) run = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  write_sample (run, lines, GPOINTER_TO_INT (level), false);
  g_autoptr (Seen) seen = read_capture (run, false);
  assert_same_rows (seen->rows, lines);
  g_assert_true (seen->ended);
  g_assert_cmpuint (seen->damages + seen->missing + seen->skipped, ==, 0);
  g_assert_cmpuint (seen->recorded, ==, 12);
  g_assert_cmpstr (seen->facts->str, ==, "pipeline=stm32;");
  g_assert_cmpuint (seen->types->len, ==, 2);
  g_assert_cmpstr (seen->types->pdata[0], ==, "alloc.event");
}

static const MfType *const BUILT_IN[] = {
  &MfAlloc_type, &MfHeapStats_type, &MfHeapBlock_type, &MfHeapRegion_type, &MfHeapSnapshot_type,
  &MfDeviceFault_type, &MfProcessSample_type, &MfObjectCensus_type, &MfCodeUnit_type, &MfCodeSite_type,
  &MfModuleImport_type, &MfMetric_type, &MfFinding_type, &MfPrediction_type, &MfVerdict_type,
  &MfStatement_type, &MfLost_type, &MfStageStats_type, &MfLog_type, &MfRunEnd_type,
};

static void
test_built_in_schemas (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (BUILT_IN); i++) {
    g_assert_cmpstr (mf_schema_fault (BUILT_IN[i]), ==, NULL);
    size_t n = mf_schema_bytes (BUILT_IN[i]);
    g_autofree uint8_t *bytes = g_malloc (n);
    mf_schema_store (BUILT_IN[i], bytes);
    for (size_t cut = 0; cut < n; cut++)
      g_assert_cmpuint (mf_schema_measure (bytes, cut, false), ==, 0);
    g_autofree void *memory = g_malloc (mf_schema_measure (bytes, n, false));
    g_assert_true (mf_schema_equal (BUILT_IN[i], mf_schema_load (bytes, n, false, memory)));
  }
}

static void
test_schema_faults (void)
{
  MfField fields[2] = { { "a", "", NULL, 0, MF_U32, 4 }, { "b", "", NULL, 4, MF_U32, 4 } };
  MfType good = { "x.y", "", fields, 2, 8, 1, 0, 0 }, bad;
  g_assert_cmpstr (mf_schema_fault (&good), ==, NULL);
  bad = good, bad.row_size = 16;
  g_assert_nonnull (mf_schema_fault (&bad));
  bad = good, bad.row_size = 12;
  g_assert_nonnull (mf_schema_fault (&bad));
  bad = good, bad.name = "../x";
  g_assert_nonnull (mf_schema_fault (&bad));
  bad = good, bad.n_fields = 1;
  g_assert_nonnull (mf_schema_fault (&bad));
  bad = good, bad.view = MF_N_VIEWS;
  g_assert_nonnull (mf_schema_fault (&bad));
  fields[1].offset = 0;
  g_assert_nonnull (mf_schema_fault (&good));
  fields[1] = (MfField) { "b", "", NULL, 4, MF_U64, 4 };
  g_assert_nonnull (mf_schema_fault (&good));
  fields[1] = (MfField) { "b c", "", NULL, 4, MF_U32, 4 };
  g_assert_nonnull (mf_schema_fault (&good));
  fields[1] = (MfField) { "b", "", NULL, 4, MF_U32, 4, .role = MF_N_ROLES };
  g_assert_nonnull (mf_schema_fault (&good));
}

// ---- properties of random captures

static char *
random_word (GRand *rand, int longest)
{
  int n = g_rand_int_range (rand, 1, longest + 1);
  char *word = g_malloc0 (n + 1);
  for (int i = 0; i < n; i++)
    word[i] = (char) g_rand_int_range (rand, 'a', 'z' + 1);
  return word;
}

typedef struct { GPtrArray *owned; MfType type; MfField fields[64]; } RandomType;

static const char *
owned (RandomType *r, char *text)
{
  g_ptr_array_add (r->owned, text);
  return text;
}

static const char *const *
random_labels (RandomType *r, GRand *rand)
{
  int n = g_rand_int_range (rand, 0, 5);
  const char **labels = g_new0 (const char *, n + 1);
  g_ptr_array_add (r->owned, labels);
  for (int i = 0; i < n; i++)
    labels[i] = owned (r, random_word (rand, 12));
  return n ? labels : NULL;
}

static void
add_field (RandomType *r, GRand *rand, uint16_t kind, uint16_t width)
{
  MfField *field = &r->fields[r->type.n_fields++];
  *field = (MfField) { owned (r, random_word (rand, 20)), owned (r, random_word (rand, 60)), NULL,
    r->type.row_size, kind, width, (uint8_t) g_rand_int_range (rand, 0, MF_N_UNITS),
    (uint8_t) g_rand_int_range (rand, 0, MF_N_ROLES), (uint16_t) g_rand_int_range (rand, 0, 2), 0 };
  if (kind == MF_ENUM || kind == MF_FLAGS)
    field->labels = random_labels (r, rand);
  r->type.row_size += width;
}

static RandomType *
random_type (GRand *rand, int number)
{
  RandomType *r = g_new0 (RandomType, 1);
  r->owned = g_ptr_array_new_with_free_func (g_free);
  r->type = (MfType) { .name = owned (r, g_strdup_printf ("t%d.%s", number, "event")),
    .doc = owned (r, random_word (rand, 40)), .fields = r->fields, .major = 1,
    .view = (uint16_t) g_rand_int_range (rand, 0, MF_N_VIEWS) };
  for (int n = g_rand_int_range (rand, 1, 40); n; n--) {
    uint16_t kind = (uint16_t) g_rand_int_range (rand, MF_BOOL, MF_N_KINDS), width = 1;
    while (!mf_row_kind_fits (kind, width) || (width < 4 && g_rand_boolean (rand)
        && mf_row_kind_fits (kind, width * 2)))
      width *= 2;
    while (r->type.row_size % mf_row_alignment (kind, width))
      add_field (r, rand, MF_U8, 1);
    if (r->type.n_fields > 50)
      break;
    add_field (r, rand, kind, width);
  }
  while (r->type.row_size % 8)
    add_field (r, rand, MF_U8, 1);
  g_assert_cmpstr (mf_schema_fault (&r->type), ==, NULL);
  return r;
}

static void
random_type_free (RandomType *r)
{
  g_ptr_array_unref (r->owned);
  g_free (r);
}

static MfText
random_text (GRand *rand, GString *arena)
{
  g_autofree char *word = random_word (rand, 100);
  MfText text = { (uint32_t) arena->len, g_rand_boolean (rand) ? (uint32_t) strlen (word) : 0 };
  g_string_append_len (arena, word, text.length);
  return text;
}

static void
random_field (Run *run, GRand *rand, const MfField *field, uint8_t *at, GString *arena)
{
  for (int i = 0; i < field->width; i++)
    at[i] = (uint8_t) g_rand_int_range (rand, 0, field->kind == MF_BOOL ? 2 : 256);
  g_autofree char *word = random_word (rand, 3);
  MfString string = intern (run, word);
  MfStack stack = some_stack (run, g_rand_int_range (rand, 0, 12));
  MfText text = field->kind == MF_TEXT ? random_text (rand, arena) : (MfText) { 0, 0 };
  if (field->kind == MF_STRING)
    memcpy (at, &string, 4);
  if (field->kind == MF_STACK)
    memcpy (at, &stack, 4);
  if (field->kind == MF_TEXT)
    memcpy (at, &text, 8);
}

static void
put_random_batch (MfWireWriter *writer, Run *run, GRand *rand, const MfType *type, GPtrArray *lines)
{
  uint32_t n = (uint32_t) g_rand_int_range (rand, 1, 200), stride = type->row_size;
  g_autofree uint8_t *rows = g_malloc0 ((size_t) n * stride);
  g_autoptr (GString) arena = g_string_new ("unused");
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t f = 0; f < type->n_fields; f++)
      random_field (run, rand, &type->fields[f], rows + (size_t) i * stride + type->fields[f].offset, arena);
  MfBatch batch = batch_of (run, type, rows, n);
  batch.text = arena->str;
  batch.text_size = (uint32_t) arena->len;
  batch.epoch = g_rand_int (rand);
  batch.flags = (uint32_t) g_rand_int_range (rand, 0, 4);
  put (writer, run, lines, &batch);
}

static void
test_random (gconstpointer seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (GPOINTER_TO_UINT (seed));
  g_autoptr (Run) run = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  uint32_t block = g_rand_boolean (rand) ? 0 : MF_WIRE_BLOCK_MIN;
  g_autofree MfWireWriter *writer = writer_new (run, g_rand_int_range (rand, 0, 4), block, false);
  RandomType *types[5];
  for (int i = 0; i < 5; i++)
    types[i] = random_type (rand, i);
  for (int i = 0; i < 20; i++)
    put_random_batch (writer, run, rand, &types[g_rand_int_range (rand, 0, 5)]->type, lines);
  g_assert_true (mf_wire_write_end (writer));
  g_assert_cmpuint (mf_wire_writer_rows (writer), ==, lines->len);
  run->chunk = (size_t) g_rand_int_range (rand, 1, 5000);
  g_autoptr (Seen) seen = read_capture (run, false);
  assert_same_rows (seen->rows, lines);
  g_assert_true (seen->ended);
  g_assert_cmpuint (seen->damages, ==, 0);
  for (int i = 0; i < 5; i++)
    random_type_free (types[i]);
}

// ---- damage

// A block made by hand: `records` as they stand.
static void
append_block (Run *run, uint64_t sequence, uint8_t kind, const GByteArray *records)
{
  MfCrcTable table;
  mf_crc_table_init (&table);
  uint8_t header[BLOCK_HEADER] = BLOCK_MAGIC;
  header[BLOCK_KIND_AT] = kind;
  mf_store32 (header + BLOCK_STORED_AT, records->len);
  mf_store32 (header + BLOCK_RAW_AT, records->len);
  mf_store32 (header + BLOCK_CRC_AT, mf_crc32c (&table, records->data, records->len));
  mf_store64 (header + BLOCK_SEQUENCE_AT, sequence);
  mf_store32 (header + BLOCK_HEADER_CRC_AT, mf_crc32c (&table, header, BLOCK_HEADER_CRC_AT));
  g_byte_array_append (run->bytes, header, sizeof header);
  g_byte_array_append (run->bytes, records->data, records->len);
}

static void
append_record (GByteArray *records, uint16_t kind, const void *body, uint32_t n)
{
  uint8_t header[RECORD_HEADER] = { 0 };
  mf_store16 (header + RECORD_KIND_AT, kind);
  mf_store32 (header + RECORD_LENGTH_AT, n);
  g_byte_array_append (records, header, sizeof header);
  g_byte_array_append (records, body, n);
  g_byte_array_set_size (records, (guint) padded (records->len));
}

// The rows that came out are rows that went in, in their order: how many came out.
static guint
assert_in_order (const GPtrArray *some, const GPtrArray *all)
{
  guint next = 0;
  for (guint i = 0; i < some->len; i++) {
    while (next < all->len && strcmp (all->pdata[next], some->pdata[i]))
      next++;
    g_assert_cmpuint (next++, <, all->len);
  }
  return some->len;
}

// Raw bytes of the block at `at` that the first n of its stored bytes hold.
static GByteArray *
raw_of_block (const Run *run, size_t at, uint32_t n)
{
  const uint8_t *block = run->bytes->data + at;
  GByteArray *raw = g_byte_array_new ();
  g_byte_array_append (raw, block + BLOCK_HEADER, n);
  if (!block[BLOCK_FLAGS_AT])
    return raw;
  g_autofree void *memory = g_malloc (mf_unpack_bytes ());
  g_byte_array_set_size (raw, mf_load32 (block + BLOCK_RAW_AT));
  size_t got = mf_unpack (mf_unpack_init (memory), block + BLOCK_HEADER, n, raw->data, raw->len);
  g_byte_array_set_size (raw, (guint) got);
  return raw;
}

typedef struct { guint rows, sealed_rows, seals; size_t sealed, longest_group; } Records;

// Walks over whole records.
static Records
records_of (const GByteArray *raw)
{
  Records records = { 0 };
  for (size_t at = 0; at + RECORD_HEADER <= raw->len;) {
    const uint8_t *record = raw->data + at;
    at += RECORD_HEADER + padded (mf_load32 (record + RECORD_LENGTH_AT));
    if (at > raw->len)
      break;
    if (mf_load16 (record) == RECORD_BATCH || mf_load16 (record) == RECORD_CODED)
      records.rows += mf_load32 (record + RECORD_HEADER + BATCH_ROWS_AT);
    if (mf_load16 (record) != RECORD_SEAL)
      continue;
    records.longest_group = MAX (records.longest_group, at - records.sealed);
    records.sealed = at;
    records.sealed_rows = records.rows;
    records.seals++;
  }
  records.longest_group = MAX (records.longest_group, raw->len - records.sealed);
  return records;
}

// Rows that are to come out of the first n bytes: of whole blocks, and those before a seal of the cut one.
static guint
rows_before_cut (const Run *run, size_t n)
{
  guint rows = 0;
  for (size_t at = FILE_HEADER; at + BLOCK_HEADER <= n;) {
    uint32_t stored = mf_load32 (run->bytes->data + at + BLOCK_STORED_AT);
    uint32_t there = (uint32_t) MIN (stored, n - at - BLOCK_HEADER);
    g_autoptr (GByteArray) raw = raw_of_block (run, at, there);
    Records records = records_of (raw);
    rows += there == stored ? records.rows : records.sealed_rows;
    at += BLOCK_HEADER + stored;
  }
  return rows;
}

static void
assert_every_cut (const Run *whole, const GPtrArray *lines)
{
  guint most = 0;
  for (guint n = 0; n < whole->bytes->len; n += EXHAUSTIVE_STEP) {
    g_autoptr (Run) run = run_new ();
    g_byte_array_append (run->bytes, whole->bytes->data, n);
    g_autoptr (Seen) seen = read_capture (run, false);
    g_assert_false (seen->ended || seen->failed);
    g_assert_cmpuint (seen->damages, >=, 1);
    g_assert_cmpuint (seen->rows->len, ==, rows_before_cut (whole, n));
    g_assert_cmpuint (seen->rows->len, >=, most);
    most = seen->rows->len;
    for (guint i = 0; i < most; i++)
      g_assert_cmpstr (seen->rows->pdata[i], ==, lines->pdata[i]);
  }
}

static void
test_truncation (gconstpointer level)
{
  g_autoptr (Run) whole = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  write_sample (whole, lines, GPOINTER_TO_INT (level), false);
  assert_every_cut (whole, lines);
}

// One block: 24 batches, long enough for several groups when they are compressed.
static void
write_one_block (Run *run, GPtrArray *lines, int level)
{
  g_autofree MfWireWriter *writer = writer_new (run, level, 0, false);
  g_autofree char *text = g_strnfill (level ? 3000 : 30, 'x');
  for (uint32_t i = 0; i < 24; i++) {
    MfDeviceFault row = { .stack = some_stack (run, 1 + (int) i), .line = i, .message = { 0, strlen (text) - i } };
    MfBatch batch = batch_of (run, &MfDeviceFault_type, &row, 1);
    text[i] = (char) ('a' + i);
    batch.text = text;
    batch.text_size = strlen (text);
    put (writer, run, lines, &batch);
  }
  g_assert_true (mf_wire_write_end (writer));
}

// What a cut costs is one group: 4 KiB and a row, or one batch when nothing is compressed.
static void
test_cut_block (gconstpointer level)
{
  g_autoptr (Run) whole = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  write_one_block (whole, lines, GPOINTER_TO_INT (level));
  uint32_t stored = mf_load32 (whole->bytes->data + FILE_HEADER + BLOCK_STORED_AT);
  g_assert_cmpuint (FILE_HEADER + BLOCK_HEADER + stored, ==, whole->bytes->len);
  g_autoptr (GByteArray) raw = raw_of_block (whole, FILE_HEADER, stored);
  Records records = records_of (raw);
  g_assert_cmpuint (records.rows, ==, lines->len);
  g_assert_cmpuint (records.seals, >=, level ? 4 : 24);
  g_assert_cmpuint (records.longest_group, <, level ? 8 * 1024 : 2 * 1024);
  assert_every_cut (whole, lines);
  g_assert_cmpuint (rows_before_cut (whole, whole->bytes->len - 1), >=, level ? 18 : 24);
}

// Sealed records, but of the block before: a seal holds for its own block only.
static void
test_foreign_seal (void)
{
  g_autoptr (Run) run = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  write_small_sample (run, lines, 0);
  guint n = BLOCK_HEADER + mf_load32 (run->bytes->data + FILE_HEADER + BLOCK_STORED_AT);
  g_autoptr (GByteArray) raw = raw_of_block (run, FILE_HEADER, n - BLOCK_HEADER);
  MfCrcTable table;
  mf_crc_table_init (&table);
  for (uint64_t number = 0; number < 2; number++) {
    uint8_t bytes[8], seal[SEAL_BODY] = { 0 };
    mf_store64 (bytes, number);
    g_autoptr (GByteArray) records = g_byte_array_new ();
    g_byte_array_append (records, raw->data, raw->len);
    append_record (records, RECORD_SEAL, seal, SEAL_BODY);
    uint32_t sum = mf_crc32c_more (&table, mf_crc32c (&table, bytes, 8), records->data, records->len - SEAL_BODY);
    mf_store32 (records->data + records->len - SEAL_BODY, sum);
    g_byte_array_set_size (run->bytes, FILE_HEADER);
    append_record (records, RECORD_FACT, "cut", 3);
    append_block (run, 0, BLOCK_RECORDS, records);
    g_byte_array_set_size (run->bytes, run->bytes->len - 1);
    g_autoptr (Seen) seen = read_capture (run, false);
    g_assert_cmpuint (seen->rows->len, ==, number ? 0 : 2);
    g_assert_cmpstr (seen->reason, ==, number ? "a block is cut off" : "a block is cut off; its first records are used");
  }
}

// The middle of a block is overwritten: the groups before are used, and their rows are not told to be missing.
static void
test_damaged_block (gconstpointer level)
{
  g_autoptr (Run) run = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autofree MfWireWriter *writer = writer_new (run, GPOINTER_TO_INT (level), 0, false);
  for (uint32_t i = 0; i < 12; i++) {
    put_allocs (writer, run, lines, 4000 * i, 4000);
    if (i == 5)
      g_assert_true (mf_wire_write_flush (writer));
  }
  g_assert_true (mf_wire_write_end (writer));
  uint32_t stored = mf_load32 (run->bytes->data + FILE_HEADER + BLOCK_STORED_AT);
  memset (run->bytes->data + FILE_HEADER + BLOCK_HEADER + stored / 2, 0x55, 64);
  g_autoptr (Seen) seen = read_capture (run, false);
  assert_in_order (seen->rows, lines);
  g_assert_cmpuint (seen->rows->len, >, 24000 + 6000);
  g_assert_cmpuint (seen->rows->len, <, 24000 + 14000);
  g_assert_cmpuint (seen->rows->len + seen->missing, ==, lines->len);
  g_assert_cmpuint (seen->damages, ==, 1);
  g_assert_cmpuint (seen->blocks, ==, 0);
  g_assert_true (seen->ended);
}

static void
assert_every_flip (const Run *whole, const GPtrArray *lines)
{
  for (guint bit = 0; bit < whole->bytes->len * 8; bit += EXHAUSTIVE_STEP) {
    g_autoptr (Run) run = run_new ();
    g_byte_array_append (run->bytes, whole->bytes->data, whole->bytes->len);
    run->bytes->data[bit / 8] ^= (guint8) (1 << bit % 8);
    g_autoptr (Seen) seen = read_capture (run, false);
    guint rows = assert_in_order (seen->rows, lines);
    g_assert_false (seen->failed);
    g_assert_cmpuint (seen->damages, >=, 1);
    g_assert_cmpuint (seen->first_damage, <=, bit / 8);
    if (seen->ended)
      g_assert_cmpuint (rows + seen->missing, ==, lines->len);
    if (bit / 8 < FILE_HEADER)
      g_assert_cmpuint (rows, ==, lines->len);
  }
}

static void
test_bit_flips (gconstpointer level)
{
  g_autoptr (Run) small = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  write_small_sample (small, lines, GPOINTER_TO_INT (level));
  assert_every_flip (small, lines);
}

static void
test_bit_flips_in_block (gconstpointer level)
{
  g_autoptr (Run) one = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  write_one_block (one, lines, GPOINTER_TO_INT (level));
  assert_every_flip (one, lines);
}

// One block of three is taken out: exactly its rows are missing, wherever its definitions were needed.
static void
test_lost_block (void)
{
  g_autoptr (Run) run = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  write_sample (run, lines, 3, false);
  guint n = BLOCK_HEADER + mf_load32 (run->bytes->data + FILE_HEADER + BLOCK_STORED_AT);
  g_byte_array_remove_range (run->bytes, FILE_HEADER, n);
  g_autoptr (Seen) seen = read_capture (run, false);
  g_assert_cmpuint (seen->rows->len, ==, lines->len - 5);
  g_assert_cmpuint (seen->missing, ==, 5);
  g_assert_cmpuint (seen->blocks, ==, 1);
  g_assert_cmpstr (seen->reason, ==, "numbered blocks are missing");
  g_assert_true (seen->ended);
}

// Bytes are taken out of a block: the next one is found although it begins too early.
static void
test_lost_bytes (void)
{
  g_autoptr (Run) run = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  write_sample (run, lines, 0, false);
  g_byte_array_remove_range (run->bytes, FILE_HEADER + BLOCK_HEADER + 100, 57);
  g_autoptr (Seen) seen = read_capture (run, false);
  g_assert_cmpuint (seen->rows->len, ==, lines->len - 5);
  g_assert_cmpuint (seen->missing, ==, 5);
  g_assert_cmpuint (seen->first_damage, ==, FILE_HEADER);
}

static void
test_trailing_bytes (void)
{
  g_autoptr (Run) run = run_new ();
  write_sample (run, NULL, 0, false);
  guint n = run->bytes->len;
  g_byte_array_append (run->bytes, (const guint8 *) "more", 4);
  g_autoptr (Seen) seen = read_capture (run, false);
  g_assert_true (seen->ended);
  g_assert_cmpuint (seen->damages, ==, 1);
  g_assert_cmpuint (seen->first_damage, ==, n);
}

// ---- byte order

static void
swap_pair (uint8_t *at, uint32_t width)
{
  for (uint32_t i = 0; i < width / 2; i++) {
    uint8_t byte = at[i];
    at[i] = at[width - 1 - i];
    at[width - 1 - i] = byte;
  }
}

// The same rows as the other kind of host holds them.
static void
swap_rows_by_hand (MfDeviceFault *row)
{
  swap_pair ((uint8_t *) &row->time, 8);
  swap_pair ((uint8_t *) &row->requested, 8);
  uint32_t *numbers[] = { &row->stack.id, &row->kind, &row->caught, &row->after_ordinal, &row->line,
    &row->sequence, &row->message.offset, &row->message.length };
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    swap_pair ((uint8_t *) numbers[i], 4);
}

static void
write_fault (Run *run, bool swapped)
{
  g_autofree MfWireWriter *writer = writer_new (run, 0, 0, swapped);
  MfDeviceFault row = { .time = { 0x0102030405060708 }, .requested = { 4096 }, .stack = some_stack (run, 3),
    .line = 7, .message = { 2, 3 } };
  if (swapped)
    swap_rows_by_hand (&row);
  MfBatch batch = batch_of (run, &MfDeviceFault_type, &row, 1);
  batch.text = "__oom";
  batch.text_size = 5;
  g_assert_true (mf_wire_write_batch (writer, &batch));
  g_assert_true (mf_wire_write_end (writer));
  g_assert_cmpuint (mf_wire_writer_refused (writer), ==, 0);
}

static void
test_byte_order (void)
{
  g_autoptr (Run) here = run_new ();
  g_autoptr (Run) there = run_new ();
  write_fault (here, false);
  write_fault (there, true);
  g_assert_cmpmem (here->bytes->data, here->bytes->len, there->bytes->data, there->bytes->len);
  MfWireReading reading = { here, take, resize, NULL, NULL, true };
  MfWireReader *reader = mf_wire_reader_new (&reading);
  MfWireItem item;
  while (mf_wire_read (reader, &item) < MF_WIRE_BATCH);
  g_assert_cmpint (item.kind, ==, MF_WIRE_BATCH);
  MfDeviceFault row;
  memcpy (&row, item.batch.rows, sizeof row);
  swap_rows_by_hand (&row);
  g_assert_cmphex (row.time.ns, ==, 0x0102030405060708);
  g_assert_cmpuint (row.stack.id, ==, 3);
  g_assert_cmpuint (row.message.offset, ==, 0);
  g_assert_cmpuint (row.message.length, ==, 3);
  g_assert_cmpmem (item.batch.text, item.batch.text_size, "oom", 3);
  mf_wire_reader_free (reader);
}

// ---- limits

static void
test_allocation_failures (void)
{
  g_autoptr (Run) run = run_new ();
  write_sample (run, NULL, 3, false);
  int failures = 0;
  for (int n = 1;; n++) {
    run->allocations = 0;
    run->fail_at = n;
    g_autoptr (Seen) seen = read_capture (run, false);
    g_assert_cmpint (run->live, ==, 0);
    if (!seen->failed)
      break;
    g_assert_cmpstr (seen->error, !=, "");
    failures++;
  }
  g_assert_cmpint (failures, ==, 3);  // the reader and two schemas
}

static void
test_full_disk (void)
{
  g_autoptr (Run) run = run_new ();
  g_autofree MfWireWriter *writer = writer_new (run, 0, 0, false);
  run->full = true;
  MfAlloc row = { .sequence = 1 };
  MfBatch batch = batch_of (run, &MfAlloc_type, &row, 1);
  mf_wire_write_batch (writer, &batch);
  g_assert_false (mf_wire_write_end (writer));
}

// Names that fill many blocks: the batch is split, nothing is lost, no block is larger than allowed.
static void
test_long_names (void)
{
  g_autoptr (Run) run = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autofree MfWireWriter *writer = writer_new (run, 0, 0, false);
  MfModuleImport rows[100] = { 0 };
  for (int i = 0; i < 100; i++) {
    g_autofree char *name = g_strnfill (MF_WIRE_STRING_MAX - (gsize) (i + 1) * 5, 'a');
    rows[i].module = rows[i].importer = intern (run, name);
  }
  MfBatch batch = batch_of (run, &MfModuleImport_type, rows, 100);
  put (writer, run, lines, &batch);
  g_assert_true (mf_wire_write_end (writer));
  g_autoptr (Seen) seen = read_capture (run, false);
  assert_same_rows (seen->rows, lines);
  g_assert_cmpuint (seen->damages, ==, 0);
}

static void
test_refused_rows (void)
{
  g_autoptr (Run) run = run_new ();
  g_autofree MfWireWriter *writer = writer_new (run, 0, 0, false);
  g_autofree char *name = g_strnfill (MF_WIRE_STRING_MAX + 1, 'a');
  MfModuleImport rows[3] = { { .bytes = { 1 } }, { .module = intern (run, name) }, { .module = { 999 } } };
  MfBatch batch = batch_of (run, &MfModuleImport_type, rows, 3);
  put (writer, run, NULL, &batch);
  g_assert_true (mf_wire_write_end (writer));
  g_assert_cmpuint (mf_wire_writer_refused (writer), ==, 2);
  g_autoptr (Seen) seen = read_capture (run, false);
  g_assert_cmpuint (seen->rows->len, ==, 1);
  g_assert_cmpuint (seen->recorded, ==, 2);
  g_assert_cmpuint (seen->damages + seen->missing, ==, 0);
}

static void
test_deep_stack (void)
{
  g_autoptr (Run) run = run_new ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autofree MfWireWriter *writer = writer_new (run, 3, 0, false);
  MfAlloc row = { .stack = some_stack (run, 5000) };
  MfBatch batch = batch_of (run, &MfAlloc_type, &row, 1);
  put (writer, run, lines, &batch);
  g_assert_true (mf_wire_write_end (writer));
  g_autoptr (Seen) seen = read_capture (run, false);
  assert_same_rows (seen->rows, lines);
}

// ---- versions

static void
repair_file_header (Run *run, uint16_t major, uint16_t minor)
{
  MfCrcTable table;
  mf_crc_table_init (&table);
  mf_store16 (run->bytes->data + FILE_MAJOR_AT, major);
  mf_store16 (run->bytes->data + FILE_MINOR_AT, minor);
  mf_store32 (run->bytes->data + FILE_CRC_AT, mf_crc32c (&table, run->bytes->data, FILE_CRC_AT));
}

static void
test_newer_major (void)
{
  g_autoptr (Run) run = run_new ();
  write_sample (run, NULL, 0, false);
  repair_file_header (run, MF_WIRE_MAJOR + 1, 3);
  g_autoptr (Seen) seen = read_capture (run, false);
  g_assert_true (seen->failed);
  g_assert_cmpuint (seen->rows->len, ==, 0);
  g_assert_cmpstr (seen->error, ==, "is in capture format 2.3, but this version reads only 1.x: "
      "use the memflow that wrote it, or a newer one");
}

static void
test_newer_minor (void)
{
  g_autoptr (Run) run = run_new ();
  g_autoptr (GByteArray) records = g_byte_array_new ();
  g_autofree MfWireWriter *writer = writer_new (run, 0, 0, false);
  g_assert_true (mf_wire_write_flush (writer));
  repair_file_header (run, MF_WIRE_MAJOR, MF_WIRE_MINOR + 7);
  append_record (records, 200, "from the future", 15);
  append_block (run, 0, BLOCK_RECORDS, records);
  append_block (run, 1, 9, records);
  g_autoptr (Seen) seen = read_capture (run, false);
  g_assert_cmpuint (seen->skipped, ==, 2);
  g_assert_false (seen->failed);
  g_assert_cmpuint (seen->damages, ==, 1);  // no totals
}

// ---- sound blocks with wrong contents

typedef struct { const char *reason; uint16_t kind; uint32_t n; uint8_t body[64]; } Malformed;

static const Malformed MALFORMED[] = {
  { "a schema has a number above 1023", RECORD_SCHEMA, 4, { 0, 4 } },
  { "a schema is cut off", RECORD_SCHEMA, 5, { 0 } },
  { "a string is longer than 64 KiB", RECORD_STRING, 3, { 0 } },
  { "a string is defined twice", RECORD_STRING, 5, { 0 } },
  { "a frame is cut off", RECORD_FRAME, 20, { 1 } },
  { "a frame refers to something that its block does not define", RECORD_FRAME, 24, { 1, [8] = 1 } },
  { "a batch has a schema that was not defined", RECORD_BATCH, 40, { 1 } },
  { "a loss is cut off", RECORD_LOSS, 16, { 0 } },
  { "a fact of the run is cut off", RECORD_FACT, 8, { 1 } },
  { "the totals are cut off", RECORD_END, 8, { 1 } },
  { "the totals are cut off", RECORD_END, 4, { 1 } },
  { "the totals are cut off", RECORD_END, 8, { 255, 255, 255, 255 } },
};

static void
test_malformed (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (MALFORMED); i++) {
    g_autoptr (Run) run = run_new ();
    g_autoptr (GByteArray) records = g_byte_array_new ();
    g_autofree MfWireWriter *writer = writer_new (run, 0, 0, false);
    g_assert_true (mf_wire_write_flush (writer));
    append_record (records, MALFORMED[i].kind, MALFORMED[i].body, MALFORMED[i].n);
    append_block (run, 0, BLOCK_RECORDS, records);
    g_autoptr (Seen) seen = read_capture (run, false);
    g_assert_cmpstr (seen->reason, ==, MALFORMED[i].reason);
    g_assert_cmpuint (seen->first_damage, ==, FILE_HEADER);
  }
}

// Rewrites one number of the only batch, in a block whose checksums are right again.
static Seen *
read_tampered (const MfType *type, const void *rows, uint32_t at, uint32_t value)
{
  g_autoptr (Run) run = run_new ();
  g_autofree MfWireWriter *writer = writer_new (run, 0, 0, false);
  MfBatch batch = batch_of (run, type, rows, 1);
  batch.text = "text";
  batch.text_size = 4;
  put (writer, run, NULL, &batch);
  g_assert_true (mf_wire_write_flush (writer));
  uint8_t *raw = run->bytes->data + FILE_HEADER + BLOCK_HEADER, *record = raw;
  while (mf_load16 (record) != RECORD_BATCH)
    record += RECORD_HEADER + padded (mf_load32 (record + RECORD_LENGTH_AT));
  mf_store32 (record + RECORD_HEADER + at, value);
  g_autoptr (GByteArray) records = g_byte_array_new ();
  g_byte_array_append (records, raw, run->bytes->len - FILE_HEADER - BLOCK_HEADER);
  g_byte_array_set_size (run->bytes, FILE_HEADER);
  append_block (run, 0, BLOCK_RECORDS, records);
  return read_capture (run, false);
}

static void
assert_tampered (uint32_t at, uint32_t value, const char *reason)
{
  MfDeviceFault row = { .message = { 0, 4 } };
  g_autoptr (Seen) seen = read_tampered (&MfDeviceFault_type, &row, at, value);
  g_assert_cmpuint (seen->rows->len, ==, 0);
  g_assert_cmpstr (seen->reason, ==, reason);
}

static void
test_tampered_rows (void)
{
  MfDeviceFault row = { .message = { 0, 4 } };
  g_autoptr (Seen) seen = read_tampered (&MfDeviceFault_type, &row, BATCH_EPOCH_AT, 5);
  g_assert_cmpuint (seen->rows->len, ==, 1);
  const char *undefined = "a row refers to a name that its block does not define";
  assert_tampered (BATCH_BODY + offsetof (MfDeviceFault, stack), 77, undefined);
  assert_tampered (BATCH_BODY + offsetof (MfDeviceFault, message), 1, "a text lies outside of its batch");
  assert_tampered (BATCH_BODY + offsetof (MfDeviceFault, message) + 4, 5, "a text lies outside of its batch");
  assert_tampered (BATCH_ROWS_AT, 0, "the length of a batch does not match its rows");
  assert_tampered (BATCH_ROWS_AT, 2, "the length of a batch does not match its rows");
  assert_tampered (BATCH_TEXT_AT, UINT32_MAX, "the length of a batch does not match its rows");
  assert_tampered (BATCH_STAGE_AT, 99, "a batch refers to a name that its block does not define");
  assert_tampered (BATCH_SCHEMA_AT, UINT32_MAX, "a batch has a schema that was not defined");
}

// ---- the capture of the documentation, and the one that every later version must read

static void
write_example (Run *run)
{
  g_autofree MfWireWriter *writer = writer_new (run, 0, 0, false);
  Example rows[] = { { { 4096 }, intern (run, "main"), true, 0, 0 }, { { 64 }, { 0 }, false, 0, 0 } };
  MfBatch batch = { .type = &Example_type, .rows = (const void *) rows, .n_rows = 2, .stride = sizeof rows[0],
    .stage = intern (run, "board") };
  put (writer, run, NULL, &batch);
  g_assert_true (mf_wire_write_end (writer));
}

// Seven calls, as a coded record: with times in microseconds.
static void
write_coded_example (Run *run)
{
  MfWireWriting writing = { .user = run, .write = append, .string = name_of, .frame = frame_of, .resolution = 1000 };
  g_autofree MfWireWriter *writer = mf_wire_writer_init (g_malloc (mf_wire_writer_bytes (&writing)), &writing);
  const MfAddress none = MF_ADDRESS_NONE;
  const MfSize unknown = MF_SIZE_NONE;
  const uint16_t alloc = MF_OP_ALLOC, release = MF_OP_FREE, obj = MF_DOMAIN_OBJ;
  const MfAlloc rows[] = {
    { { 5000 }, { 0x10010 }, none, { 24 }, unknown, { 0 }, { 0 }, 77, 1, alloc, obj, 0 },
    { { 5400 }, { 0x10030 }, none, { 24 }, unknown, { 0 }, { 0 }, 77, 1, alloc, obj, 1 },
    { { 6200 }, { 0x10030 }, none, unknown, unknown, { 0 }, { 0 }, 77, 1, release, obj, 2 },
    { { 6300 }, { 0x10030 }, none, { 24 }, unknown, { 0 }, { 0 }, 77, 1, alloc, obj, 3 },
    { { 6900 }, { 0x20000 }, { 0x10010 }, { 100 }, unknown, { 0 }, { 0 }, 77, 1, MF_OP_REALLOC, obj, 4 },
    { { INT64_MIN }, none, none, { 1 << 20 }, unknown, { 0 }, { 0 }, 77, 1, MF_OP_FAILED, MF_DOMAIN_MALLOC, 5 },
    { { 8000 }, { 0x30000 }, none, unknown, unknown, { 0 }, { 0 }, 77, 1, release, obj, 7 },
  };
  mf_wire_write_context (writer, intern (run, "board"), (MfString) { 0 }, 0);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    g_assert_true (mf_wire_write_alloc (writer, &rows[i]));
  g_assert_true (mf_wire_write_end (writer));
}

// The bytes of the lines `0000  4d 46 …  | meaning` below this heading of the documentation.
static GByteArray *
bytes_of_documentation (const char *heading)
{
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents ("docs/wire-format.md", &text, NULL, NULL));
  const char *from = strstr (text, heading);
  g_assert_nonnull (from);
  g_auto (GStrv) lines = g_strsplit (from, "\n", -1);
  GByteArray *bytes = g_byte_array_new ();
  for (guint i = 1; lines[i] && !g_str_has_prefix (lines[i], "## "); i++) {
    char *at = lines[i];
    if (strlen (at) < 8 || !g_ascii_isxdigit (at[0]) || !g_ascii_isxdigit (at[3]) || strncmp (at + 4, "  ", 2))
      continue;
    g_assert_cmphex (g_ascii_strtoull (at, NULL, 16), ==, bytes->len);
    for (at += 6; g_ascii_isxdigit (at[0]) && g_ascii_isxdigit (at[1]); at += at[2] ? 3 : 2) {
      guint8 byte = (guint8) (g_ascii_xdigit_value (at[0]) << 4 | g_ascii_xdigit_value (at[1]));
      g_byte_array_append (bytes, &byte, 1);
    }
  }
  return bytes;
}

static void
test_documentation (void)
{
  g_autoptr (Run) run = run_new ();
  write_example (run);
  g_autoptr (GByteArray) bytes = bytes_of_documentation ("## An example");
  g_assert_cmpmem (bytes->data, bytes->len, run->bytes->data, run->bytes->len);
}

static void
test_coded_documentation (void)
{
  g_autoptr (Run) run = run_new ();
  write_coded_example (run);
  g_autoptr (GByteArray) bytes = bytes_of_documentation ("## An example of coded rows");
  const uint8_t *record = run->bytes->data + FILE_HEADER + BLOCK_HEADER;
  while (mf_load16 (record) != RECORD_CODED)
    record += RECORD_HEADER + padded (mf_load32 (record + RECORD_LENGTH_AT));
  g_assert_cmpmem (bytes->data, bytes->len, record, RECORD_HEADER + mf_load32 (record + RECORD_LENGTH_AT));
}

static void
test_golden (gconstpointer path)
{
  g_autofree char *contents = NULL, *text = NULL;
  gsize n;  // the rows of version 1.1 are those of version 1.0
  g_assert_true (g_file_get_contents (path, &contents, &n, NULL));
  g_assert_true (g_file_get_contents ("tests/data/wire/version-1.0.txt", &text, NULL, NULL));
  g_autoptr (Run) run = run_new ();
  g_byte_array_append (run->bytes, (const guint8 *) contents, (guint) n);
  g_autoptr (Seen) seen = read_capture (run, false);
  if (strstr (path, "zstd") && !mf_pack_available ()) {
    g_assert_true (seen->failed);
    g_assert_cmpstr (seen->error, ==, "is compressed, but this build has no zstd: "
        "build it with MEMFLOW_WIRE_ZSTD=ON");
    return;
  }
  g_ptr_array_add (seen->rows, NULL);
  g_autofree char *rows = g_strjoinv ("\n", (char **) seen->rows->pdata);
  g_assert_true (seen->ended);
  g_assert_cmpstr (rows, ==, text);
}

// `--write FOLDER`: the files that test_golden and the fuzzer's corpus start from.
static void
write_files (const char *folder)
{
  for (int level = 0; level < 4; level += 3) {
    g_autoptr (Run) run = run_new ();
    g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
    write_sample (run, lines, level, false);
    g_ptr_array_add (lines, NULL);
    g_autofree char *rows = g_strjoinv ("\n", (char **) lines->pdata);
    g_autofree char *capture = g_strdup_printf ("%s/version-1.1%s.mfc", folder, level ? "-zstd" : "");
    g_autofree char *text = g_build_filename (folder, "version-1.1.txt", NULL);
    g_file_set_contents (capture, (const char *) run->bytes->data, run->bytes->len, NULL);
    g_file_set_contents (text, rows, -1, NULL);
  }
  g_autoptr (Run) run = run_new ();
  write_example (run);
  g_autofree char *example = g_build_filename (folder, "example.mfc", NULL);
  g_file_set_contents (example, (const char *) run->bytes->data, run->bytes->len, NULL);
  g_autoptr (Run) coded = run_new ();
  write_coded_example (coded);
  g_autofree char *coded_example = g_build_filename (folder, "coded.mfc", NULL);
  g_file_set_contents (coded_example, (const char *) coded->bytes->data, coded->bytes->len, NULL);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && !strcmp (argv[1], "--write"))
    return write_files (argv[2]), 0;
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/checksum", test_checksum);
  g_test_add_func ("/wire/schemas/built-in", test_built_in_schemas);
  g_test_add_func ("/wire/schemas/faults", test_schema_faults);
  g_test_add_data_func ("/wire/round-trip/raw", GINT_TO_POINTER (0), test_round_trip);
  g_test_add_data_func ("/wire/round-trip/zstd", GINT_TO_POINTER (3), test_round_trip);
  for (guint seed = 1; seed <= 24; seed += EXHAUSTIVE_STEP) {
    g_autofree char *path = g_strdup_printf ("/wire/random/%u", seed);
    g_test_add_data_func (path, GUINT_TO_POINTER (seed), test_random);
  }
  g_test_add_data_func ("/wire/truncation/raw", GINT_TO_POINTER (0), test_truncation);
  g_test_add_data_func ("/wire/truncation/zstd", GINT_TO_POINTER (3), test_truncation);
  g_test_add_data_func ("/wire/bit-flips/raw", GINT_TO_POINTER (0), test_bit_flips);
  g_test_add_data_func ("/wire/bit-flips/zstd", GINT_TO_POINTER (3), test_bit_flips);
  g_test_add_data_func ("/wire/bit-flips/one-block-raw", GINT_TO_POINTER (0), test_bit_flips_in_block);
  g_test_add_data_func ("/wire/cut-block/raw", GINT_TO_POINTER (0), test_cut_block);
  if (mf_pack_available ()) {
    g_test_add_data_func ("/wire/bit-flips/one-block-zstd", GINT_TO_POINTER (3), test_bit_flips_in_block);
    g_test_add_data_func ("/wire/cut-block/zstd", GINT_TO_POINTER (3), test_cut_block);
  }
  g_test_add_func ("/wire/cut-block/foreign-seal", test_foreign_seal);
  g_test_add_data_func ("/wire/damaged-block/raw", GINT_TO_POINTER (0), test_damaged_block);
  g_test_add_data_func ("/wire/damaged-block/zstd", GINT_TO_POINTER (3), test_damaged_block);
  g_test_add_func ("/wire/lost/block", test_lost_block);
  g_test_add_func ("/wire/lost/bytes", test_lost_bytes);
  g_test_add_func ("/wire/lost/trailing", test_trailing_bytes);
  g_test_add_func ("/wire/byte-order", test_byte_order);
  g_test_add_func ("/wire/limits/allocations", test_allocation_failures);
  g_test_add_func ("/wire/limits/full-disk", test_full_disk);
  g_test_add_func ("/wire/limits/long-names", test_long_names);
  g_test_add_func ("/wire/limits/refused-rows", test_refused_rows);
  g_test_add_func ("/wire/limits/deep-stack", test_deep_stack);
  g_test_add_func ("/wire/version/major", test_newer_major);
  g_test_add_func ("/wire/version/minor", test_newer_minor);
  g_test_add_func ("/wire/malformed/records", test_malformed);
  g_test_add_func ("/wire/malformed/rows", test_tampered_rows);
  g_test_add_func ("/wire/documentation", test_documentation);
  g_test_add_func ("/wire/documentation/coded", test_coded_documentation);
  g_test_add_data_func ("/wire/golden/coded", "tests/data/wire/version-1.1.mfc", test_golden);
  g_test_add_data_func ("/wire/golden/coded-zstd", "tests/data/wire/version-1.1-zstd.mfc", test_golden);
  g_test_add_data_func ("/wire/golden/raw", "tests/data/wire/version-1.0.mfc", test_golden);
  g_test_add_data_func ("/wire/golden/zstd", "tests/data/wire/version-1.0-zstd.mfc", test_golden);
  return g_test_run ();
}
