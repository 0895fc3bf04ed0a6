// SPDX-License-Identifier: Apache-2.0
// The stack of a thread as an array from its root, kept from one event to the next. Every frame is compared at every
// event, but not one after the other: see docs/decisions/the-agent-and-its-rings.md.
#include "agent.h"

// Where bytecode lies in the code object (3.11 and later), the address of the instruction tells both; before, the
// instruction is an index. Each has a walk of its own.
typedef enum { BY_INDEX, BY_ADDRESS } Instructions;

static inline uintptr_t
load (const uint8_t *base, int offset)
{
  return *(const uintptr_t *) (base + offset);
}

static inline const uint8_t *
load_frame (const uint8_t *base, int offset)
{
  return (const uint8_t *) load (base, offset);
}

static inline const uint8_t *
top_frame (const MfLayout *layout, const uint8_t *state)
{
  const uint8_t *frame = load_frame (state, layout->top);
  return layout->current < 0 || !frame ? frame : load_frame (frame, layout->current);
}

static inline uint64_t
instruction (const MfLayout *layout, Instructions how, const uint8_t *frame)
{
  return how == BY_ADDRESS ? load (frame, layout->at) : (uint64_t) (int64_t) *(const int32_t *) (frame + layout->at);
}

static inline bool
is_as_seen (const MfLayout *layout, Instructions how, const uint8_t *frame, const MfSeenFrame *seen)
{
  return instruction (layout, how, frame) == seen->at
      && (how == BY_ADDRESS || load (frame, layout->code) == seen->code);
}

// ---- where the stack joins that of the last event

static inline uint16_t *
place_of (MfWalk *walk, const uint8_t *frame)
{
  return &walk->places[((uintptr_t) frame >> 6) % MF_FRAME_PLACES];
}

// Index of the frame that lay there at the last event; 0 = none.
static inline uint32_t
index_of (MfWalk *walk, const uint8_t *frame)
{
  if (MF_LIKELY (walk->frames[walk->n].frame == frame))
    return walk->n;
  uint32_t i = *place_of (walk, frame);
  return i <= walk->n && walk->frames[i].frame == frame ? i : 0;
}

typedef struct {
  const uint8_t *caller;         // of the outermost frame that was compared; NULL = it is the root
  const MfSeenFrame *outermost;  // that frame
  const MfSeenFrame *moved;      // the outermost one that has moved on
} Compared;

// Compares a frame that is known to lie where `seen` says, and those that call it, for as long as they lie where they
// did.
static inline Compared
compare (const MfLayout *layout, Instructions how, const MfSeenFrame *seen)
{
  const MfSeenFrame *moved = seen + 1;
  for (const uint8_t *frame = seen->frame;; seen--) {
    if (!is_as_seen (layout, how, frame, seen))
      moved = seen;
    const uint8_t *caller = load_frame (frame, layout->previous), *expected = seen[-1].frame;
    // A remembered frame may lie in memory that is gone, so it is read only after the frame above it has named it. The
    // processor expects the name to be right and does not wait for it; the compiler must not make one value of the two.
    frame = expected;
    __asm__ ("" : "+r"(frame));
    if (MF_UNLIKELY (caller != expected))
      return (Compared) { caller, seen, moved };
  }
}

typedef struct { uint32_t above, joint, moved; } Joint;

// How many frames are above the innermost one that lies where it did, with all that are below it. Its index is 0 when
// there is none; `moved` is that of the outermost frame below it that has moved on.
static inline Joint
find_joint (MfWalk *walk, const MfLayout *layout, Instructions how, const uint8_t *frame)
{
  const MfSeenFrame *frames = walk->frames;
  uint32_t above = 0;
  while (frame) {
    uint32_t i = index_of (walk, frame);
    if (MF_UNLIKELY (!i)) {
      frame = load_frame (frame, layout->previous);
      above++;
      continue;
    }
    Compared same = compare (layout, how, &frames[i]);
    if (MF_LIKELY (!same.caller && same.outermost == &frames[1]))
      return (Joint) { above, i, (uint32_t) (same.moved - frames) };
    frame = same.caller;
    above += (uint32_t) (&frames[i] - same.outermost) + 1;
  }
  return (Joint) { above, 0, 1 };
}

// ---- bringing the array up to date

static inline void
set_hash (Instructions how, MfSeenFrame *frame)
{
  uint64_t caller = frame[-1].hash, hash = caller + frame->at;
  if (how == BY_INDEX)
    hash += frame->code * UINT64_C (0x9e3779b97f4a7c15);
  hash ^= hash >> 32;
  hash *= UINT64_C (0xd6e8feb86659fd93);
  hash ^= hash >> 32;
  frame->hash = frame->code ? hash | (MF_HASH_CUT + 1) : caller;
}

static inline void
see (const MfLayout *layout, Instructions how, MfSeenFrame *seen, const uint8_t *frame)
{
  bool is_entry = layout->owner >= 0 && frame[layout->owner] >= MF_OWNED_BY_C;
  seen->frame = frame;
  seen->at = instruction (layout, how, frame);
  seen->code = is_entry ? 0 : load (frame, layout->code) & ~(uintptr_t) MF_CODE_TAGS;
}

// The `n` innermost frames but those up to the joint.
static void
see_new (MfWalk *walk, const MfLayout *layout, Instructions how, const uint8_t *frame, uint32_t joint, uint32_t n)
{
  for (uint32_t i = n; i > joint; i--, frame = load_frame (frame, layout->previous)) {
    see (layout, how, &walk->frames[i], frame);
    *place_of (walk, frame) = (uint16_t) i;
  }
}

// Outer frames beyond the most are left out; then nothing is remembered.
static MF_COLD const MfSeenFrame *
walk_cut (MfWalk *walk, const MfLayout *layout, Instructions how, const uint8_t *top)
{
  enum { N = MF_MOST_FRAMES - 1 };
  see_new (walk, layout, how, top, 0, N);
  walk->frames[0].hash = MF_HASH_CUT;
  for (uint32_t i = 1; i <= N; i++)
    set_hash (how, &walk->frames[i]);
  walk->n = 0;
  return &walk->frames[N];
}

static __attribute__ ((noinline)) const MfSeenFrame *
walk_changed (MfWalk *walk, const MfLayout *layout, Instructions how, const uint8_t *top)
{
  MfSeenFrame *frames = walk->frames;
  Joint at = find_joint (walk, layout, how, top);
  uint32_t n = at.joint + at.above;
  if (MF_UNLIKELY (n >= MF_MOST_FRAMES))
    return walk_cut (walk, layout, how, top);
  frames[0].hash = 0;
  see_new (walk, layout, how, top, at.joint, n);
  for (uint32_t i = at.moved; i <= at.joint; i++)
    see (layout, how, &frames[i], frames[i].frame);
  for (uint32_t i = at.moved; i <= n; i++)
    set_hash (how, &frames[i]);
  walk->n = n;
  return &frames[n];
}

// Mostly the same frames are there, and only the innermost one has moved on.
static inline const MfSeenFrame *
walk_from (MfWalk *walk, const MfLayout *layout, Instructions how, const uint8_t *top)
{
  MfSeenFrame *last = &walk->frames[walk->n];
  if (MF_UNLIKELY (last->frame != top))
    return walk_changed (walk, layout, how, top);
  Compared same = compare (layout, how, last);
  if (MF_UNLIKELY (same.caller || same.outermost != &walk->frames[1] || same.moved < last))
    return walk_changed (walk, layout, how, top);
  if (same.moved == last) {
    see (layout, how, last, top);
    set_hash (how, last);
  }
  return last;
}

const MfSeenFrame *
mf_walk (MfWalk *walk, const uint8_t *state)
{
  const MfLayout *layout = mf_layout;
  const uint8_t *top = top_frame (layout, state);
  return layout->bytecode < 0 ? walk_from (walk, layout, BY_INDEX, top) : walk_from (walk, layout, BY_ADDRESS, top);
}

void
mf_walk_forget (MfWalk *walk)
{
  walk->n = 0;
  walk->frames[0] = (MfSeenFrame) { .frame = (const uint8_t *) walk };  // no frame lies here
}
