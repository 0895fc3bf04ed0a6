// SPDX-License-Identifier: Apache-2.0
// Runs a pipeline inside another program: how large is the largest free run of the last heap dump?
//   cc embed.c $(pkg-config --cflags --libs memflow) -o embed && ./embed configs/stm32.ini
#include <inttypes.h>
#include <stdio.h>

#include <memflow/memflow.h>

typedef struct { uint32_t snapshot; MfSize largest; uint64_t free_runs; } Heap;

// Called for each batch of heap.block, on the thread that runs the pipeline.
static bool
look_at_blocks (void *user, const MfBatch *batch)
{
  Heap *heap = user;
  MF_EACH (batch, MfHeapBlock, block) {
    if (block->snapshot != heap->snapshot)
      *heap = (Heap) { .snapshot = block->snapshot };
    if (block->state != MF_BLOCK_FREE)
      continue;
    heap->free_runs++;
    if (block->size.bytes > heap->largest.bytes)
      heap->largest = block->size;
  }
  return true;
}

int
main (int argc, char **argv)
{
  if (argc != 3) {
    fprintf (stderr, "usage: %s CONFIG OUTPUT-FOLDER\n", argv[0]);
    return MF_STATUS_CONFIGURATION;
  }
  Heap heap = { 0 };
  MfPipeline *pipeline = mf_pipeline_new ();
  mf_pipeline_set_output (pipeline, argv[2]);
  mf_pipeline_add_sink (pipeline, "heap.block", look_at_blocks, &heap);
  MfStatus status = mf_pipeline_load (pipeline, argv[1]);
  if (status == MF_STATUS_OK)
    status = mf_pipeline_run (pipeline);
  fputs (mf_pipeline_errors (pipeline), stderr);
  if (status == MF_STATUS_OK)
    printf ("largest free run: %" PRIu64 " B of %" PRIu64 " runs\n", heap.largest.bytes, heap.free_runs);
  mf_pipeline_free (pipeline);
  return status;
}
