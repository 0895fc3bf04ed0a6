// SPDX-License-Identifier: Apache-2.0
// Any bytes as a heap of Python with its types: what is alive and why is asked of it. The memory is this process's own, at fixed
// addresses, so that the bytes can hold pointers. The first byte is the version, the next three the sizes of blocks.
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alive.h"
#include "census.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

enum { HEAD = 4, POOL = 4096, POOLS = 3, ARENA = POOL * POOLS, TYPES = 8192, POOL_HEADER = 48 };
#define ARENA_AT ((uint8_t *) 0x550000000000)
#define TYPES_AT ((uint8_t *) 0x550100000000)

static void
map_once (void)
{
  static bool mapped;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  if (!mapped && (mmap (ARENA_AT, ARENA, PROT_READ | PROT_WRITE, flags, -1, 0) != ARENA_AT
      || mmap (TYPES_AT, TYPES, PROT_READ | PROT_WRITE, flags, -1, 0) != TYPES_AT))
    _exit (1);
  mapped = true;
}

static void
fill (uint8_t *to, size_t room, const uint8_t **bytes, size_t *n)
{
  size_t here = MIN (*n, room);
  memset (to, 0, room);
  memcpy (to, *bytes, here);
  *bytes += here;
  *n -= here;
}

static MfPymallocHeap
make_heap (const uint8_t *sizes)
{
  MfPymallocHeap heap = { .arena_size = ARENA, .pool_size = POOL, .pool_header = POOL_HEADER, .alignment = 16,
    .arenas = g_array_new (FALSE, FALSE, sizeof (MfArena)), .pools = g_array_new (FALSE, FALSE, sizeof (MfPool)),
    .bits = g_byte_array_new () };
  g_array_append_val (heap.arenas, ((MfArena) { .address = (uint64_t) (uintptr_t) ARENA_AT, .all_pools = POOLS }));
  for (uint32_t i = 0; i < POOLS; i++) {
    uint32_t size = 16 + sizes[i] % 32 * 16, capacity = (POOL - POOL_HEADER) / size;
    MfPool pool = { .address = (uint64_t) (uintptr_t) ARENA_AT + i * POOL, .block_size = size, .used = capacity, .capacity = capacity,
      .reached = POOL, .free_bits = UINT32_MAX, .state = MF_POOL_USED };
    g_array_append_val (heap.pools, pool);
  }
  return heap;
}

static void
ask (MfGraphMemory *memory, MfProcess *process, const MfPythonRuntime *runtime, const MfPymallocHeap *heap)
{
  static const char *const questions[] = { "dict", "arenas", "0x550000000040" };
  MfObjectGraph graph;
  mf_object_graph_take (&graph, memory, process, runtime, heap);
  for (size_t i = 0; i < G_N_ELEMENTS (questions); i++) {
    uint32_t ways;
    g_array_unref (mf_alive_rows (&graph, heap, questions[i], 10, &ways));
  }
  mf_object_graph_clear (&graph);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  if (n < HEAD)
    return 0;
  const uint8_t *sizes = bytes + 1;
  uint16_t version = (uint16_t) (0x0308 + bytes[0] % 7);
  MfPythonRuntime runtime = { .offsets = *mf_python_offsets_of (version, EM_X86_64, 8), .version = (uint32_t) version << 16 };
  map_once ();
  // no interpreter: the words in front of the types stand for the list of them
  runtime.state = (uint64_t) (uintptr_t) TYPES_AT;
  g_autoptr (MfProcess) process = mf_process_open (getpid (), NULL);
  MfPymallocHeap heap = make_heap (sizes);
  MfCensus census;
  bytes += HEAD;
  n -= HEAD;
  fill (ARENA_AT, ARENA, &bytes, &n);
  fill (TYPES_AT, TYPES, &bytes, &n);
  if (process) {
    g_autoptr (MfRemoteTypes) types = mf_remote_types_new (process, &runtime.offsets);
    MfGraphMemory *memory = mf_graph_memory_new (process, &runtime, &heap, types);
    mf_census_take (process, &runtime, &heap, types, &census);
    mf_census_clear (&census);
    ask (memory, process, &runtime, &heap);
    mf_graph_memory_free (memory);
  }
  mf_pymalloc_heap_clear (&heap);
  return 0;
}
