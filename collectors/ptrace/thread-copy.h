// SPDX-License-Identifier: Apache-2.0
// What is copied of a Python thread in one call of the system: its state, and twice the memory in which its frames stood when
// it was looked at last, with the pointer to the innermost frame again and again in between.
#pragma once

#include <string.h>

#include "python-runtime.h"

enum { MF_THREAD_STATE_BYTES = 1024 };

// A stretch of the other memory, and where it is in both copies.
typedef struct {
  uint64_t at;
  uint32_t n, offset;
  bool chunk;      // many frames stand in it
  uint32_t used;   // place in the order in which the last walk came to it, from 1; 0 = it did not
} MfFrameRange;

typedef struct {
  uint64_t address, interpreter;
  uint32_t number;           // of the interpreter
  bool first;                // it was its first thread
  uint64_t head;             // if so: which one is now
  uint8_t state[MF_THREAD_STATE_BYTES];
  uint64_t frame_at;         // where the pointer to the innermost frame stands; 0 = not known yet
  GArray *innermost;         // of uint64_t: that pointer before, in and behind the copies
  GArray *ranges;            // of MfFrameRange: chunks first, the newest of them in front; each kind from the innermost outwards
  uint8_t *copies[2];
  uint32_t bytes, room;      // of each
  guint copied;              // ranges that were copied together
  guint next;                // where the next frame is expected in `ranges`
  uint32_t used;             // ranges by this walk
  bool calm;                 // the next copy is made once, to be compared with the first of the last one
  uint64_t innermost_now;    // that pointer, then
} MfThreadCopy;

MfThreadCopy *mf_thread_copy_new (uint64_t address, uint64_t interpreter, uint32_t number, bool first);
void mf_thread_copy_free (MfThreadCopy *thread);

// A pointer in bytes of the other process. Its width is one of two, so that each is one load.
static inline uint64_t
mf_pointer_in (const MfPythonOffsets *offsets, const uint8_t *bytes, int32_t at)
{
  uint64_t wide;
  uint32_t narrow;
  if (offsets->pointer == sizeof narrow) {
    memcpy (&narrow, bytes + at, sizeof narrow);
    return GUINT32_FROM_LE (narrow);
  }
  memcpy (&wide, bytes + at, sizeof wide);
  return GUINT64_FROM_LE (wide);
}

// Appends the spans of a copy: of the state and the interpreter's first thread, if wanted; of the frames as they are planned.
void mf_thread_copy_add_state (MfThreadCopy *thread, const MfPythonOffsets *offsets, GArray *spans);
void mf_thread_copy_add_frames (MfThreadCopy *thread, const MfPythonOffsets *offsets, GArray *spans);
// Whether the state that came with the copy says that the frames are where they were copied from.
bool mf_thread_copy_was_right (const MfThreadCopy *thread, const MfPythonOffsets *offsets);
// Whether a calm copy shows what the last one did: then the stack is still that.
bool mf_thread_copy_is_as_before (const MfThreadCopy *thread, const MfPythonOffsets *offsets);
// Plans the next copy by the state alone, or by what the last walk used: true = that is what was copied.
void mf_thread_copy_plan (MfThreadCopy *thread, const MfPythonOffsets *offsets);
bool mf_thread_copy_keep_used (MfThreadCopy *thread);

// Where a frame of `n` bytes stands in both copies. One that is in neither is read now, which is `late`: it may be of another
// moment than the rest, and is copied with the rest the next time. False = it cannot be read.
typedef struct {
  uint32_t at, range;
  bool late;
} MfFramePlace;
bool mf_thread_copy_find (MfThreadCopy *thread, const MfProcess *process, const MfPythonOffsets *offsets, uint64_t at, uint32_t n,
    MfFramePlace *place);
// The frame belongs to the stack: its range is kept.
void mf_thread_copy_use (MfThreadCopy *thread, const MfFramePlace *place);
