// SPDX-License-Identifier: Apache-2.0
// A stranger's analyzer: it counts blocks in pictures of its own, a histogram and a tree, for each snapshot.
#include <memflow/plugin.h>

typedef struct { uint32_t snapshot, blocks; MfSize low, high; } Bin;
MF_EVENT (Bin, "visitor.bin", 1, MF_VIEW_HISTOGRAM, "Used blocks by size",
  MF_FIELD (Bin, snapshot, "id of the snapshot", .role = MF_ROLE_KEY),
  MF_FIELD (Bin, blocks, "how many", .role = MF_ROLE_BAR),
  MF_FIELD (Bin, low, "from", .role = MF_ROLE_AT),
  MF_FIELD (Bin, high, "below", .role = MF_ROLE_EXTENT));

typedef struct { MfString room, inside; MfSize bytes; } Room;
MF_EVENT (Room, "visitor.room", 1, MF_VIEW_TREE, "Where the bytes live",
  MF_FIELD (Room, room, "what it is called", .role = MF_ROLE_LABEL),
  MF_FIELD (Room, inside, "the larger one", .role = MF_ROLE_PARENT),
  MF_FIELD (Room, bytes, "in it", .role = MF_ROLE_BAR));

enum { BINS = 4 };
static const uint64_t edges[BINS + 1] = { 0, 32, 128, 512, 1 << 20 };

typedef struct {
  MfStage stage;
  MF_OUT (Bin) bins;
  MF_OUT (Room) rooms;
  uint32_t blocks[BINS];
  uint64_t used, free;
} Visitor;

static bool
visitor_take_blocks (void *stage, const MfBatch *batch)
{
  Visitor *self = stage;
  MF_EACH (batch, MfHeapBlock, block) {
    *(block->state == MF_BLOCK_FREE ? &self->free : &self->used) += block->size.bytes;
    for (uint32_t i = 0; i < BINS && block->state != MF_BLOCK_FREE; i++)
      self->blocks[i] += block->size.bytes >= edges[i] && block->size.bytes < edges[i + 1];
  }
  return true;
}

static bool
visitor_take_snapshots (void *stage, const MfBatch *batch)
{
  Visitor *self = stage;
  MF_EACH (batch, MfHeapSnapshot, snapshot) {
    for (uint32_t i = 0; i < BINS; i++)
      if (!mf_emit (&self->bins, (&(Bin) { snapshot->snapshot, self->blocks[i], { edges[i] }, { edges[i + 1] } })))
        return false;
    memset (self->blocks, 0, sizeof self->blocks);
  }
  return true;
}

static bool
visitor_finish (void *stage)
{
  Visitor *self = stage;
  MfString heap = mf_string (self, "heap"), used = mf_string (self, "used"), free = mf_string (self, "free");
  return mf_emit (&self->rooms, (&(Room) { heap, { 0 }, { self->used + self->free } }))
      && mf_emit (&self->rooms, (&(Room) { used, heap, { self->used } }))
      && mf_emit (&self->rooms, (&(Room) { free, heap, { self->free } }));
}

MF_PLUGIN (Visitor, "visitor", .kind = MF_ANALYZER, .summary = "draws pictures of its own",
  MF_CONSUMES (MF_INPUT (MfHeapBlock, visitor_take_blocks), MF_INPUT (MfHeapSnapshot, visitor_take_snapshots)),
  MF_PUBLISHES (MF_OUTPUT (Visitor, bins, Bin), MF_OUTPUT (Visitor, rooms, Room)),
  .finish = visitor_finish);
