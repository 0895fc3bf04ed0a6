// SPDX-License-Identifier: Apache-2.0
// Call stacks as small numbers: the hash of a whole stack finds its slot; only a stack that the ring does not know yet
// is written, as frames above frames.
#include "agent.h"

static bool
write_node (MfThread *thread, uint32_t slot, uint32_t caller, uint32_t code, int32_t instruction)
{
  MfNodeRecord *record = mf_stream_room (thread, sizeof *record);
  if (!record)
    return false;
  *record = (MfNodeRecord) { .head = { .kind = MF_RECORD_NODE, .value = slot }, .caller = caller, .code = code,
    .instruction = instruction };
  mf_stream_add (thread, sizeof *record);
  mf_stream_publish (thread);
  return true;
}

// Defines the stack whose innermost frame is `frame`, called from slot `caller`.
static uint32_t
define_node (MfThread *thread, uint32_t caller, const MfSeenFrame *frame)
{
  uint64_t *nodes = thread->defined->nodes;
  uint32_t slot = mf_stack_new_slot (nodes, frame->hash), code = MF_NO_SLOT;
  bool is_cut = frame->hash == MF_HASH_CUT;
  if (!is_cut && (code = mf_code_slot (thread, frame->code)) == MF_NO_SLOT)
    return MF_NO_SLOT;
  if (!write_node (thread, slot, caller, code, is_cut ? 0 : mf_code_instruction (frame)))
    return MF_NO_SLOT;
  nodes[slot] = frame->hash;
  return slot;
}

static MF_COLD void
forget (MfDefined *defined, uint32_t epoch)
{
  memset (defined->nodes, 0, sizeof defined->nodes);
  memset (defined->codes, 0, sizeof defined->codes);
  mf_walk_forget (&defined->walk);
  defined->epoch = epoch;
}

// Defines what is above the innermost part of the stack that is defined already.
static MF_COLD uint32_t
define_stack (MfThread *thread, const MfSeenFrame *innermost)
{
  MfDefined *defined = thread->defined;
  const MfSeenFrame *frame = innermost;
  uint32_t slot = MF_NO_SLOT;
  while (frame->hash > MF_HASH_CUT && (slot = mf_stack_known_slot (defined->nodes, frame->hash)) == MF_NO_SLOT)
    frame--;
  bool told = frame->hash != MF_HASH_CUT || (slot = define_node (thread, MF_NO_SLOT, frame)) != MF_NO_SLOT;
  while (told && ++frame <= innermost)
    if (frame->code)
      told = (slot = define_node (thread, slot, frame)) != MF_NO_SLOT;
  if (told)
    return slot;
  mf_walk_forget (&defined->walk);  // nobody would notice that a code object is freed which no ring knows
  return MF_NO_SLOT;
}

static inline uint32_t
python_slot (MfThread *thread, unsigned domain, uint64_t *hash)
{
  const uint8_t *state = mf_python_thread_state (domain);
  MfDefined *defined = thread->defined;
  if (MF_UNLIKELY (!state || !defined))
    return MF_NO_STACK;
  uint32_t epoch = atomic_load_explicit (&mf_code_epoch, memory_order_acquire);
  if (MF_UNLIKELY (defined->epoch != epoch))
    forget (defined, epoch);
  const MfSeenFrame *innermost = mf_walk (&defined->walk, state);
  *hash = innermost->hash;
  if (MF_UNLIKELY (!innermost->hash))
    return MF_NO_STACK;
  uint32_t slot = mf_stack_known_slot (defined->nodes, innermost->hash);
  return MF_LIKELY (slot != MF_NO_SLOT) ? slot : define_stack (thread, innermost);
}

uint32_t
mf_stack_slot (MfThread *thread, unsigned domain)
{
  uint64_t hash = 0;
  uint32_t slot = python_slot (thread, domain, &hash);
  return MF_LIKELY (!(mf_agent.options & MF_RING_NATIVE)) ? slot : mf_native_slot (thread, slot, hash);
}
