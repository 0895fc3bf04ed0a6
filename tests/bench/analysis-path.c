// SPDX-License-Identifier: Apache-2.0
// From a capture file to the report: replay, hotspots and size-classes in one pass, in cpu time, beside the replay
// alone and beside a plain look-up of each event in a table, which any analysis needs at least. Usage: bench-analysis-path EVENTS(thousands) FILE LIMIT.
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <memflow/events.h>
#include <memflow/memflow.h>

#include "wire.h"

enum { BATCH = 1024, STACKS = 2000, NAMES = 300, SIZES = 32, LIVE = 20000, TABLE = 1 << 16 };

static char names[NAMES + 1][24];

static const char *
name_of (void *user G_GNUC_UNUSED, MfString string, size_t *n)
{
  const char *text = names[string.id % (NAMES + 1)];
  *n = strlen (text);
  return text;
}

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
  return fwrite (bytes, 1, n, user) == n;
}

// ---- a program: classes of sizes whose last freed address is given out first, most blocks short-lived

typedef struct { uint64_t address, size; } Block;
typedef struct {
  uint64_t state, time, fresh, live;
  uint32_t sequence;
  Block recent, kept[LIVE];
  uint64_t vacant[SIZES];  // one freed address of each class
} Program;

static uint64_t
draw (Program *program)
{
  program->state = program->state * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
  return program->state >> 33;
}

static MfAlloc
base_row (Program *program, uint16_t op, const Block *block)
{
  program->time += 20 + draw (program) % 60;
  return (MfAlloc) { .time = { (int64_t) program->time }, .address = { block->address }, .op = op,
    .size = { op == MF_OP_FREE ? MF_SIZE_NONE.bytes : block->size }, .old_address = MF_ADDRESS_NONE,
    .granted = MF_SIZE_NONE, .process = 4711, .thread = 1, .domain = MF_DOMAIN_OBJ, .sequence = ++program->sequence };
}

static MfAlloc
make_block (Program *program, Block *block)
{
  uint64_t class = draw (program) % SIZES, *vacant = &program->vacant[class];
  *block = (Block) { *vacant ? *vacant : UINT64_C (0x7f0000000000) + program->fresh, (class + 1) * 16 - 3 };
  program->fresh += *vacant ? 0 : (class + 1) * 16;
  *vacant = 0;
  MfAlloc row = base_row (program, MF_OP_ALLOC, block);
  row.stack.id = 1 + (uint32_t) (draw (program) * draw (program) % STACKS);
  return row;
}

static MfAlloc
free_block (Program *program, const Block *block)
{
  program->vacant[(block->size + 3) / 16 - 1] = block->address;
  return base_row (program, MF_OP_FREE, block);
}

static void
fill (Program *program, MfAlloc *rows)
{
  for (uint32_t i = 0; i < BATCH; i += 2) {
    Block made;
    rows[i] = make_block (program, &made);
    Block *place = draw (program) % 3 || !program->recent.address ? &program->recent
      : &program->kept[draw (program) % LIVE];
    if (place->address)
      rows[i + 1] = free_block (program, place);
    else
      rows[i + 1] = make_block (program, &program->kept[program->live++ % LIVE]);
    *place = made;
  }
}

static uint64_t
write_capture (const char *path, uint64_t events)
{
  FILE *file = fopen (path, "wb");
  if (!file)
    return 0;
  MfWireWriting writing = { .user = file, .write = append, .string = name_of, .frame = frame_of, .level = 1 };
  g_autofree void *memory = g_malloc (mf_wire_writer_bytes (&writing));
  MfWireWriter *writer = mf_wire_writer_init (memory, &writing);
  g_autofree Program *program = g_new0 (Program, 1);
  g_autofree MfAlloc *rows = g_new (MfAlloc, BATCH);
  uint64_t done = 0;
  for (program->state = 1; done < events; done += BATCH) {
    fill (program, rows);
    MfBatch batch = { .type = &MfAlloc_type, .rows = (const void *) rows, .n_rows = BATCH, .stride = sizeof *rows,
      .stage = { 1 }, .input = { 2 } };
    mf_wire_write_batch (writer, &batch);
  }
  mf_wire_write_end (writer);
  return fclose (file) == 0 ? done : 0;
}

// ---- reading

static double
now (void)
{
  struct timespec time;
  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static bool
count_rows (void *user, const MfBatch *batch)
{
  *(uint64_t *) user += batch->n_rows;
  return true;
}

// Cpu seconds of a look-up for each of so many events.
static double
look_up (uint64_t events)
{
  enum { BATCHES = 64 };
  g_autofree uint64_t *table = g_new0 (uint64_t, TABLE * 4);
  g_autofree Program *program = g_new0 (Program, 1);
  g_autofree MfAlloc *rows = g_new (MfAlloc, BATCHES * BATCH);
  for (uint32_t i = program->state = 0; i < BATCHES; i++)
    fill (program, rows + i * BATCH);
  double begun = now ();
  for (uint64_t i = 0; i < events; i++) {
    const MfAlloc *row = &rows[i % (BATCHES * BATCH)];
    uint64_t *place = &table[(row->address.at * UINT64_C (0x9e3779b97f4a7c15) >> 48) % TABLE * 4];
    place[0] = row->op ? 0 : row->address.at;
    place[1] += (uint64_t) row->time.ns;
    place[2] += row->size.bytes;
  }
  return now () - begun;
}

// Cpu seconds of a pipeline over the capture; negative = it failed.
static double
run (const char *stages, const char *capture, MfSink sink, void *user)
{
  MfPipeline *pipeline = mf_pipeline_new ();
  g_autofree char *text = g_strconcat ("[pipeline]\nname = path\n[collector capture]\nplugin = replay\n", stages, NULL);
  mf_pipeline_set_input (pipeline, capture);
  mf_pipeline_set_deterministic (pipeline, true);
  mf_pipeline_add_sink (pipeline, "alloc.event", sink, user);
  bool fine = mf_pipeline_load_text (pipeline, text) == MF_STATUS_OK;
  double begun = now ();
  fine = fine && mf_pipeline_run (pipeline) == MF_STATUS_OK;
  double taken = now () - begun;
  if (!fine)
    fprintf (stderr, "%s", mf_pipeline_errors (pipeline));
  mf_pipeline_free (pipeline);
  return fine ? taken : -1;
}

int
main (int argc, char **argv)
{
  if (argc < 4)
    return 2;
  for (guint i = 0; i <= NAMES; i++)
    snprintf (names[i], sizeof names[i], "function_%u.py", i);
  uint64_t events = write_capture (argv[2], strtoull (argv[1], NULL, 10) * 1000), rows = 0;
  double replay = run ("", argv[2], count_rows, &rows), plain = look_up (events);
  double whole = run ("[analyzer hotspots]\n[analyzer size-classes]\n", argv[2], count_rows, &rows);
  double limit = strtod (argv[3], NULL), millions = (double) events / 1e6;
  unlink (argv[2]);
  if (!events || replay < 0 || whole < 0 || rows != 2 * events)
    return 1;
  double ratio = (whole - replay) / MAX (plain, 1e-9);
  printf ("# measured analysis-path %.1f Mevents/s\n", millions / whole);
  printf ("# measured analysis-replay-alone %.1f Mevents/s\n", millions / replay);
  printf ("# measured analysis-alone %.1f Mevents/s\n", millions / (whole - replay));
  printf ("# measured analysis-per-look-up %.1f <= %g\n", ratio, limit);
  return ratio <= limit ? 0 : 1;
}
