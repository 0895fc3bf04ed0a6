// SPDX-License-Identifier: Apache-2.0
// Call stacks as small numbers: the whole stack is hashed at each event; only one that the ring does not know yet is
// written, as frames above frames.
#include "agent.h"

static uint64_t
mixed (uint64_t hash)
{
  hash ^= hash >> 32;
  hash *= UINT64_C (0xd6e8feb86659fd93);
  return hash ^ hash >> 32;
}

static uint64_t
prefix_hash (uint64_t caller, const MfFrameKey *frame)
{
  uint64_t hash = mixed (caller * UINT64_C (0x9e3779b97f4a7c15) + mixed (frame->code * UINT64_C (0xff51afd7ed558ccd) + frame->at));
  return hash ? hash : 1;
}

static bool
write_node (MfThread *thread, uint32_t slot, uint32_t caller, uint32_t code, int32_t instruction)
{
  MfNodeRecord *record = mf_stream_room (thread, sizeof *record);
  if (!record)
    return false;
  *record = (MfNodeRecord) { .head = { .kind = MF_RECORD_NODE, .value = slot }, .caller = caller, .code = code,
    .instruction = instruction };
  mf_stream_add (thread, sizeof *record);
  atomic_store_explicit (&thread->ring->head, thread->head, memory_order_release);
  return true;
}

// The slot of the stack whose innermost frame is `frame`, called from slot `caller`. Either of two places.
static uint32_t
node_slot (MfThread *thread, uint32_t caller, uint64_t hash, const MfFrameKey *frame)
{
  uint64_t *nodes = thread->defined->nodes;
  uint32_t slot = (uint32_t) (hash % MF_STACK_SLOTS);
  if (nodes[slot] == hash)
    return slot;
  if (nodes[slot ^ 1] == hash)
    return slot ^ 1;
  if (nodes[slot] && !nodes[slot ^ 1])
    slot ^= 1;
  uint32_t code = frame ? mf_code_slot (thread, frame->code) : MF_NO_SLOT;
  if ((frame && code == MF_NO_SLOT)
      || !write_node (thread, slot, caller, code, frame ? mf_code_instruction (frame) : 0))
    return MF_NO_SLOT;
  nodes[slot] = hash;
  return slot;
}

static void
forget_stale (MfDefined *defined)
{
  uint32_t epoch = atomic_load_explicit (&mf_code_epoch, memory_order_acquire);
  if (MF_LIKELY (defined->epoch == epoch))
    return;
  memset (defined->stacks, 0, sizeof defined->stacks);
  memset (defined->nodes, 0, sizeof defined->nodes);
  memset (defined->codes, 0, sizeof defined->codes);
  defined->epoch = epoch;
}

static uint32_t
define_stack (MfThread *thread, const uint8_t *state, MfStackEntry *entry, uint64_t whole)
{
  MfFrameKey *frames = thread->defined->frames;
  uint64_t hash = 0, same;
  uint32_t slot = MF_NO_SLOT, n = mf_frames_walk (state, &same, frames, MF_MOST_FRAMES);
  if (n > MF_MOST_FRAMES) {
    n = MF_MOST_FRAMES;
    slot = node_slot (thread, MF_NO_SLOT, hash = 1, NULL);
  }
  while (n--) {
    hash = prefix_hash (hash, &frames[n]);
    slot = node_slot (thread, slot, hash, &frames[n]);
    if (slot == MF_NO_SLOT)
      return MF_NO_SLOT;
  }
  *entry = (MfStackEntry) { whole, slot, (uint32_t) hash };
  return slot;
}

uint32_t
mf_stack_slot (MfThread *thread, unsigned domain)
{
  const uint8_t *state = mf_python_thread_state (domain);
  MfDefined *defined = thread->defined;
  if (!state || !defined)
    return MF_NO_SLOT;
  uint64_t hash;
  if (!mf_frames_walk (state, &hash, NULL, 0))
    return MF_NO_SLOT;
  hash = mixed (hash);
  forget_stale (defined);
  MfStackEntry *entry = &defined->stacks[hash % MF_STACK_ENTRIES];
  if (MF_LIKELY (entry->hash == hash) && MF_LIKELY ((uint32_t) defined->nodes[entry->slot] == entry->check))
    return entry->slot;
  return define_stack (thread, state, entry, hash);
}
