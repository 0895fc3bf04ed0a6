// SPDX-License-Identifier: Apache-2.0
// How many events a second the trace behind hotspots takes on one core, beside a plain loop that adds up
// the sizes. Usage: bench-hotspots-rate EVENTS LIVE-BLOCKS LIMIT, all in thousands but LIMIT (millions a second).
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "allocation-trace.h"

enum { BATCH = 512, BATCHES = 8, STACKS = 2000, THREADS = 4 };

static size_t held, most_held;

static size_t
size_of (const void *memory)
{
  return memory ? ((const size_t *) memory)[-2] : 0;
}

// Counts what is held, so that the memory of a run can be told.
static void *
counted_resize (void *user, void *old, size_t bytes)
{
  (void) user;
  held += bytes - size_of (old);
  most_held = held > most_held ? held : most_held;
  size_t *memory = old ? (size_t *) old - 2 : NULL;
  if (bytes == 0) {
    free (memory);
    return NULL;
  }
  memory = realloc (memory, bytes + 2 * sizeof *memory);
  if (!memory)
    abort ();
  memory[0] = bytes;
  return memory + 2;
}

static double
now (void)
{
  struct timespec time;
  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

// A program in its steady state: two thirds of the blocks are freed soon, the others replace any of those
// that live long.
typedef struct {
  uint64_t state, next_address, event;
  uint64_t *kept, n_kept;
  uint64_t recent;
} Program;

static uint64_t
draw (Program *program)
{
  program->state = program->state * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
  return program->state >> 33;
}

static MfAlloc
base_row (Program *program)
{
  uint64_t random = draw (program);
  return (MfAlloc) { .time = { (int64_t) (program->event++ * 33) }, .old_address = MF_ADDRESS_NONE,
    .granted = MF_SIZE_NONE, .stack = { 1 + (uint32_t) ((random & 0xffff) * (random >> 16 & 0xffff) >> 16) % STACKS },
    .process = 1, .thread = 1 + (uint32_t) (random & (THREADS - 1)) };
}

static void
fill (Program *program, MfAlloc *rows)
{
  for (uint32_t i = 0; i < BATCH; i += 2) {
    MfAlloc *made = &rows[i], *freed = &rows[i + 1];
    *made = base_row (program);
    made->op = MF_OP_ALLOC;
    made->size.bytes = 16 + (draw (program) & 511);
    made->address.at = UINT64_C (0x7f0000000000) + program->next_address++ % (UINT64_C (1) << 28) * 48;
    *freed = *made;
    freed->op = MF_OP_FREE;
    freed->time.ns += 20;
    uint64_t *place = draw (program) % 3 ? &program->recent : &program->kept[draw (program) % program->n_kept];
    freed->address.at = *place;
    *place = made->address.at;
  }
}

static uint64_t
add_up (const MfAlloc *rows)
{
  uint64_t sum = 0;
  for (uint32_t i = 0; i < BATCH; i++)
    sum += rows[i].size.bytes + rows[i].address.at;
  return sum;
}

int
main (int argc, char **argv)
{
  if (argc < 4)
    return 2;
  uint64_t events = strtoull (argv[1], NULL, 10) * 1000, live = strtoull (argv[2], NULL, 10) * 1000, sum = 0;
  double limit = strtod (argv[3], NULL), taken = 0, plain = 0;
  static MfAlloc rows[BATCHES * BATCH];
  MfAllocationTrace trace;
  Program program = { .state = 1, .n_kept = live, .kept = calloc (live, sizeof (uint64_t)) };
  if (!program.kept || !mf_allocation_trace_init (&trace, (MfTraceMemory) { NULL, counted_resize }, 1))
    return 1;
  for (uint64_t done = 0; done < events; done += BATCHES * BATCH) {
    for (uint32_t i = 0; i < BATCHES; i++)
      fill (&program, rows + i * BATCH);
    double begun = now ();
    for (uint32_t i = 0; i < BATCHES; i++)
      sum += add_up (rows + i * BATCH);
    double added = now ();
    for (uint32_t i = 0; i < BATCHES; i++)
      if (!mf_allocation_trace_take (&trace, rows + i * BATCH, BATCH, sizeof *rows))
        return 1;
    taken += now () - added;
    plain += added - begun;
  }
  double rate = (double) trace.totals.events / taken / 1e6;
  printf ("%.1f million events a second, %.1f ns each, beside %.1f for a plain sum (%llx)\n", rate, 1e3 / rate,
    (double) trace.totals.events / plain / 1e6, (unsigned long long) sum);
  printf ("%llu blocks live at the peak, %u stacks, %zu B of memory\n", (unsigned long long) trace.water.peak_blocks,
    trace.sites.n, most_held);
  printf ("# measured hotspots-rate %.1f Mevents/s >= %g\n", rate, limit);
  printf ("# measured hotspots-memory-per-block %.1f B <= 200\n", (double) most_held / (double) trace.water.peak_blocks);
  bool small = most_held <= 200 * trace.water.peak_blocks + (1 << 20);
  mf_allocation_trace_free (&trace);
  free (program.kept);
  return rate >= limit && small ? 0 : 1;
}
