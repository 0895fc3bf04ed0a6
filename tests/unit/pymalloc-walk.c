// SPDX-License-Identifier: Apache-2.0
// A heap of pymalloc that changes while it is walked: what does not hold together is read again, or counted; no figure is of a
// state that never was. One arena of 3.10 and later on 64 bits, whose blocks a small allocator hands out.
#include <stdio.h>

#include "process-fixture.h"
#include "pymalloc.h"

enum {
  ARENA = 1 << 20, POOL = 16 << 10, HEADER = 48, RECORD = 48, RECORDS = 16, SIZE_INDEX = 3, BLOCK = (SIZE_INDEX + 1) * 16,
  CAPACITY = (POOL - HEADER) / BLOCK, POOLS = 4, FREE_BLOCK = 8, ARENA_INDEX = 32, CLASS = 36, NEXT_OFFSET = 40, LAST_OFFSET = 44,
  VECTOR_AT = 0x10000, ARENA_AT = 0x7f0000100000
};

typedef struct Made Made;
struct Made {
  MadeProcess process;                   // first: what the fixture knows
  uint8_t vector[RECORDS * RECORD], arena[ARENA];
  void (*before_gather) (Made *made, unsigned call);
  unsigned heals_after;                  // calls
  unsigned cut_call;                     // the call in which pool 1 changes while it is copied
  size_t cut;                            // at which of its bytes
};

static void
put (uint8_t *at, uint64_t number, size_t n)
{
  memcpy (at, &number, n);
}

static uint64_t
get (const uint8_t *at, size_t n)
{
  uint64_t number = 0;
  memcpy (&number, at, n);
  return number;
}

// ---- the allocator

static void
make_pool (uint8_t *pool)
{
  memset (pool, 0, HEADER);
  put (pool + CLASS, SIZE_INDEX, 4);
  put (pool + NEXT_OFFSET, HEADER, 4);
  put (pool + LAST_OFFSET, POOL - BLOCK, 4);
}

static uint64_t
address_of (const uint8_t *arena, const uint8_t *block)
{
  return ARENA_AT + (uint64_t) (block - arena);
}

static uint8_t *
allocate (uint8_t *arena, uint8_t *pool)
{
  uint64_t freed = get (pool + FREE_BLOCK, 8), next = get (pool + NEXT_OFFSET, 4);
  if (!freed && next > get (pool + LAST_OFFSET, 4))
    return NULL;
  uint8_t *block = freed ? arena + (freed - ARENA_AT) : pool + next;
  put (pool + FREE_BLOCK, freed ? get (block, 8) : 0, 8);
  put (pool + NEXT_OFFSET, freed ? next : next + BLOCK, 4);
  put (pool, get (pool, 4) + 1, 4);
  return block;
}

static void
release (const uint8_t *arena, uint8_t *pool, uint8_t *block)
{
  put (block, get (pool + FREE_BLOCK, 8), 8);
  put (pool + FREE_BLOCK, address_of (arena, block), 8);
  put (pool, get (pool, 4) - 1, 4);
}

// A pool with some blocks in use; `live` says which. Blocks in use hold anything, also what looks like a pointer.
static void
churn (uint8_t *arena, uint8_t *pool, bool live[CAPACITY], int steps)
{
  for (int i = 0; i < steps; i++) {
    int at = g_test_rand_int_range (0, CAPACITY);
    uint8_t *block = live[at] ? pool + HEADER + at * BLOCK : allocate (arena, pool);
    if (!block)
      continue;
    at = (int) (block - pool - HEADER) / BLOCK;
    if (live[at])
      release (arena, pool, block);
    else if (g_test_rand_bit ())
      put (block, g_test_rand_bit () ? address_of (arena, pool + HEADER + g_test_rand_int_range (0, CAPACITY) * BLOCK)
          : (uint64_t) g_test_rand_int (), 8);
    live[at] = !live[at];
  }
}

// ---- the process

static uint8_t later[POOL];  // what becomes of it

// Copies pool 1 up to the cut; what follows is of a later moment.
static bool
gather_cut (Made *made, const MfRemoteSpan *spans, unsigned n)
{
  bool copied = true;
  for (unsigned i = 0; i < n; i++) {
    if (spans[i].at != ARENA_AT + POOL || spans[i].n == HEADER) {
      copied &= made_gather (made, &spans[i], 1);
      continue;
    }
    size_t cut = MIN (made->cut, spans[i].n);
    memcpy (spans[i].to, made->arena + POOL, cut);
    memcpy (made->arena + POOL, later, POOL);
    memcpy ((uint8_t *) spans[i].to + cut, later + cut, spans[i].n - cut);
  }
  return copied;
}

static bool
gather (const void *source, const MfRemoteSpan *spans, unsigned n)
{
  Made *made = (void *) source;
  if (made->before_gather)
    made->before_gather (made, made->process.gathers);
  if (made->cut_call && made->process.gathers == made->cut_call)
    return gather_cut (made, spans, n);
  return made_gather (source, spans, n);
}

static void
free_made (void *source)
{
  made_free (source);
}

static MfProcess *
start (Made **its)
{
  static MfProcessSource source;
  source = made_source;
  source.gather = gather;
  source.free = free_made;
  Made *made = *its = g_new0 (Made, 1);
  made->process.areas = g_array_new (FALSE, FALSE, sizeof (MadeArea));
  made->process.threads = g_array_new (FALSE, FALSE, sizeof (MfThreadId));
  put (made->vector, ARENA_AT, 8);
  put (made->vector + 8, ARENA_AT + POOLS * POOL, 8);
  put (made->vector + 16, ARENA / POOL - POOLS, 4);
  put (made->vector + 20, ARENA / POOL, 4);
  made_area (&made->process, VECTOR_AT, made->vector, sizeof made->vector, MF_MAPPING_READ | MF_MAPPING_WRITE, NULL);
  made_area (&made->process, ARENA_AT, made->arena, sizeof made->arena, MF_MAPPING_READ | MF_MAPPING_WRITE, NULL);
  for (int i = 0; i < POOLS; i++)
    make_pool (made->arena + i * POOL);
  return mf_process_new (&source, made, 77, 8);
}

static void
walk (const MfProcess *process, MfPymallocHeap *heap)
{
  const MfPythonRuntime runtime = { .offsets = { .pointer = 8, .version = 0x030b } };
  const MfArenaVector vector = { VECTOR_AT, RECORDS, false };
  g_assert_true (mf_pymalloc_walk (process, &runtime, &vector, heap, NULL));
  g_assert_cmpuint (heap->pools->len, ==, POOLS);
}

static const MfPool *
pool_at (const MfPymallocHeap *heap, guint i)
{
  return &g_array_index (heap->pools, MfPool, i);
}

static bool
is_state (const MfPymallocHeap *heap, const MfPool *pool, const bool live[CAPACITY])
{
  for (uint32_t i = 0; i < CAPACITY; i++)
    if (mf_pool_block_is_free (heap, pool, i) == live[i])
      return false;
  return true;
}

// ---- a process that stands

static void
test_standing (void)
{
  Made *made;
  MfPymallocHeap heap;
  g_autoptr (MfProcess) process = start (&made);
  bool live[POOLS][CAPACITY] = { 0 };
  for (int i = 0; i < POOLS; i++)
    churn (made->arena, made->arena + i * POOL, live[i], i * 300);
  walk (process, &heap);
  g_assert_cmpuint (heap.retried + heap.inconsistent, ==, 0);
  g_assert_cmpuint (pool_at (&heap, 0)->state, ==, MF_POOL_EMPTY);
  for (guint i = 1; i < POOLS; i++)
    g_assert_true (is_state (&heap, pool_at (&heap, i), live[i]));
  mf_pymalloc_heap_clear (&heap);
}

// ---- injected tears: what is wrong while it is read, and how long

typedef struct {
  const char *name;
  uint32_t at, n;
  uint64_t number;
} Tear;

// Of pool 1, which has freed blocks, blocks in use and some that were never handed out.
static const Tear tears[] = {
  { "count too small", 0, 4, 1 }, { "count too large", 0, 4, CAPACITY }, { "count beyond the pool", 0, 4, CAPACITY + 1 },
  { "list ends early", FREE_BLOCK, 8, 0 }, { "list leaves the pool", FREE_BLOCK, 8, ARENA_AT + 2 * POOL + HEADER },
  { "list into a block", FREE_BLOCK, 8, ARENA_AT + POOL + HEADER + 8 }, { "list into the header", FREE_BLOCK, 8, ARENA_AT + POOL + 16 },
  { "list to nowhere", FREE_BLOCK, 8, 0xdeadbeef }, { "more handed out", NEXT_OFFSET, 4, POOL - BLOCK + BLOCK },
  { "less handed out", NEXT_OFFSET, 4, HEADER }, { "another class", CLASS, 4, SIZE_INDEX + 1 }, { "no class", CLASS, 4, 99 },
  { "another arena", ARENA_INDEX, 4, 3 }, { "another end", LAST_OFFSET, 4, POOL - 2 * BLOCK },
};

static const Tear *tear;
static uint64_t sound;

// Calls: the vector, the headers, the bodies, then the pool alone.
static void
inject (Made *made, unsigned call)
{
  uint8_t *at = made->arena + POOL + tear->at;
  if (call == 2)
    put (at, tear->number, tear->n);
  if (call == 2 + made->heals_after)
    put (at, sound, tear->n);
}

static void
check_tear (unsigned heals_after, uint32_t inconsistent)
{
  Made *made;
  MfPymallocHeap heap;
  MfPymallocStats stats;
  g_autoptr (MfProcess) process = start (&made);
  bool live[CAPACITY] = { 0 };
  for (int i = 0; i < 40; i++)
    live[(allocate (made->arena, made->arena + POOL) - made->arena - POOL - HEADER) / BLOCK] = true;
  for (int i = 5; i < 30; i += 5) {
    release (made->arena, made->arena + POOL, made->arena + POOL + HEADER + i * BLOCK);
    live[i] = false;
  }
  sound = get (made->arena + POOL + tear->at, tear->n);
  made->before_gather = inject;
  made->heals_after = heals_after;
  walk (process, &heap);
  g_assert_cmpuint (heap.retried, ==, 1);
  g_assert_cmpuint (heap.inconsistent, ==, inconsistent);
  mf_pymalloc_stats (&heap, &stats);
  g_assert_cmpuint (stats.classes[SIZE_INDEX].used, ==, inconsistent ? 0 : 35);
  g_assert_true (inconsistent || is_state (&heap, pool_at (&heap, 1), live));
  mf_pymalloc_heap_clear (&heap);
}

static void
test_tears (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (tears); i++) {
    tear = &tears[i];
    g_test_message ("%s", tear->name);
    check_tear (1, 0);
    check_tear (3, 0);
    check_tear (100, 1);
  }
}

// ---- copies that are half of one moment, half of a later one

static void
test_mixed_copies (void)
{
  enum { ROUNDS = 20000 };
  unsigned torn = 0, silent = 0;
  for (int round = 0; round < ROUNDS; round++) {
    Made *made;
    MfPymallocHeap heap;
    g_autoptr (MfProcess) process = start (&made);
    bool before[CAPACITY] = { 0 }, behind[CAPACITY];
    uint8_t *pool = made->arena + POOL, now[POOL];
    churn (made->arena, pool, before, 400);
    memcpy (behind, before, sizeof behind);
    memcpy (now, pool, POOL);
    churn (made->arena, pool, behind, 1 + round % 40);
    memcpy (later, pool, POOL);
    memcpy (pool, now, POOL);
    made->cut = (size_t) g_test_rand_int_range (0, POOL / 8) * 8;
    made->cut_call = 2;
    walk (process, &heap);
    bool is_one = is_state (&heap, pool_at (&heap, 1), before) || is_state (&heap, pool_at (&heap, 1), behind);
    torn += heap.retried;
    silent += !is_one && !heap.inconsistent;
    mf_pymalloc_heap_clear (&heap);
  }
  printf ("# measured mixed-copies %d\n# measured noticed %u\n# measured unnoticed %u == 0\n", ROUNDS, torn, silent);
  g_assert_cmpuint (torn, >, ROUNDS / 10);
  g_assert_cmpuint (silent, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pymalloc-walk/standing", test_standing);
  g_test_add_func ("/pymalloc-walk/tears", test_tears);
  g_test_add_func ("/pymalloc-walk/mixed-copies", test_mixed_copies);
  return g_test_run ();
}
