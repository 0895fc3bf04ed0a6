// SPDX-License-Identifier: Apache-2.0
// Frames of CPython 3.8 to 3.13 (64-bit) by offsets, measured from debug information of real interpreters. Nothing is
// walked before the interpreter's own answers agree with them.
#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OWNED_BY_C = 3 };  // FRAME_OWNED_BY_CSTACK: the entry frame of a C call, not a Python function

#define LAYOUT_38(minor, lasti, size, table_at, units) \
  { .version = 0x0300 + minor, .top = 24, .current = -1, .previous = 24, .code = 32, .at = lasti, .owner = -1, \
    .globals = 48, .file = 104, .name = 112, .first_line = 40, .table = table_at, .bytecode = -1, .at_size = size, \
    .unit = units, .ascii = 48, .compact = 72 }

static const MfLayout layouts[] = {
  LAYOUT_38 (8, 104, 4, 120, 1),
  LAYOUT_38 (9, 104, 4, 120, 1),
  LAYOUT_38 (10, 96, 4, 120, 2),
  { .version = 0x030b, .top = 56, .current = 8, .previous = 48, .code = 32, .at = 56, .owner = -1, .globals = 8,
    .file = 112, .name = 128, .first_line = 72, .table = 136, .bytecode = 184, .at_size = 8, .ascii = 48, .compact = 72 },
  { .version = 0x030c, .top = 56, .current = 0, .previous = 8, .code = 0, .at = 56, .owner = 70, .globals = 24,
    .file = 112, .name = 128, .first_line = 68, .table = 136, .bytecode = 192, .at_size = 8, .ascii = 40, .compact = 56 },
  { .version = 0x030d, .top = 72, .current = -1, .previous = 8, .code = 0, .at = 56, .owner = 70, .globals = 24,
    .file = 112, .name = 128, .first_line = 68, .table = 136, .bytecode = 200, .at_size = 8, .ascii = 40, .compact = 56 },
};

const MfLayout *mf_layout;
const uint8_t *(*mf_python_state) (void), *(*mf_python_own_state) (void);
static const void *(*get_globals) (void);
static uintptr_t code_type, str_type, bytes_type;
static _Atomic uint32_t verdict = MF_STACKS_NO_PYTHON;
enum { NOT_VERIFIED = 100, MOST_TRIES = 1000 };

// ---- finding the interpreter

// "3.11.2 (main, ...)": final releases only, since layouts may change before them.
static uint16_t
version_of (const char *text)
{
  unsigned major, minor, patch;
  char after;
  if (!text || sscanf (text, "%u.%u.%u%c", &major, &minor, &patch, &after) != 4 || after != ' ' || major != 3 || minor > 99)
    return 0;
  return (uint16_t) (major << 8 | minor);
}

static const MfLayout *
layout_for (uint16_t version)
{
  for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
    if (layouts[i].version == version)
      return &layouts[i];
  return NULL;
}

void
mf_frames_start (void *(*find) (const char *name))
{
  const char *(*get_version) (void) = (const char *(*) (void)) find ("Py_GetVersion");
  void *state = find ("PyThreadState_GetUnchecked");
  mf_python_state = (const uint8_t *(*) (void)) (state ? state : find ("_PyThreadState_UncheckedGet"));
  mf_python_own_state = (const uint8_t *(*) (void)) find ("PyGILState_GetThisThreadState");
  get_globals = (const void *(*) (void)) find ("PyEval_GetGlobals");
  code_type = (uintptr_t) find ("PyCode_Type");
  str_type = (uintptr_t) find ("PyUnicode_Type");
  bytes_type = (uintptr_t) find ("PyBytes_Type");
  mf_agent.version = version_of (get_version ? get_version () : NULL);
  mf_layout = sizeof (void *) == 8 ? layout_for ((uint16_t) mf_agent.version) : NULL;
  if (!mf_layout)
    verdict = MF_STACKS_VERSION;
  else if (!mf_python_state || !mf_python_own_state || !get_globals || !code_type || !str_type || !bytes_type)
    verdict = MF_STACKS_SYMBOLS;
  else
    verdict = NOT_VERIFIED;
}

// ---- walking

static inline uintptr_t
load (const uint8_t *base, int offset)
{
  return *(const uintptr_t *) (base + offset);
}

static const uint8_t *
top_frame (const uint8_t *state)
{
  const uint8_t *frame = (const uint8_t *) load (state, mf_layout->top);
  if (mf_layout->current < 0 || !frame)
    return frame;
  return (const uint8_t *) load (frame, mf_layout->current);
}

static inline uint64_t
instruction (const MfLayout *layout, const uint8_t *frame)
{
  if (layout->at_size == 8)
    return load (frame, layout->at);
  return (uint64_t) (int64_t) *(const int32_t *) (frame + layout->at);
}

uint32_t
mf_frames_walk (const uint8_t *state, uint64_t *hash, MfFrameKey *frames, uint32_t most)
{
  const MfLayout *layout = mf_layout;
  uint64_t sum = 0;
  uint32_t n = 0;
  for (const uint8_t *frame = top_frame (state); frame; frame = (const uint8_t *) load (frame, layout->previous)) {
    if (layout->owner >= 0 && frame[layout->owner] >= OWNED_BY_C)
      continue;
    MfFrameKey key = { load (frame, layout->code), instruction (layout, frame) };
    sum = (sum ^ key.at ^ key.code << 20) * UINT64_C (0x9e3779b97f4a7c15) + key.code;
    if (n < most)
      frames[n] = key;
    n++;
  }
  *hash = sum;
  return n;
}

// ---- verifying: memory is read through the kernel, so that a wrong offset is an error and not a crash

static bool
safe_load (uintptr_t address, void *to, size_t n)
{
  struct iovec into = { to, n }, from = { (void *) address, n };
  return syscall (SYS_process_vm_readv, getpid (), &into, 1UL, &from, 1UL, 0UL) == (long) n;
}

static bool
safe_pointer (uintptr_t base, int offset, uintptr_t *to)
{
  return safe_load (base + (uintptr_t) offset, to, sizeof *to);
}

static bool
has_type (uintptr_t object, uintptr_t type)
{
  uintptr_t at;
  return safe_pointer (object, 8, &at) && at == type;
}

static bool
is_member (uintptr_t object, int offset, uintptr_t type)
{
  uintptr_t member;
  return safe_pointer (object, offset, &member) && has_type (member, type);
}

static bool
is_sane_frame (uintptr_t frame)
{
  const MfLayout *layout = mf_layout;
  uintptr_t code, size, at;
  if (!safe_pointer (frame, layout->code, &code) || !has_type (code, code_type)
      || !is_member (code, layout->file, str_type) || !is_member (code, layout->name, str_type)
      || !is_member (code, layout->table, bytes_type))
    return false;
  if (layout->bytecode < 0)
    return true;
  // ob_size of a code object counts its code units; the first instruction may not have begun yet.
  return safe_pointer (code, 16, &size) && safe_pointer (frame, layout->at, &at)
      && at + 2 - (code + (uintptr_t) layout->bytecode) <= size * 2;
}

static bool
is_entry (uintptr_t frame)
{
  uint8_t owner = 0;
  return mf_layout->owner >= 0 && safe_load (frame + (uintptr_t) mf_layout->owner, &owner, 1) && owner >= OWNED_BY_C;
}

typedef enum { NO_FRAME, AGREED, OTHER_GLOBALS, WRONG } Agreement;

// Whether the frames are where they are expected, and the interpreter names the same globals. It names those of the
// caller while the innermost frame is being made.
static Agreement
agrees (const uint8_t *state)
{
  const MfLayout *layout = mf_layout;
  uintptr_t frame, globals = 0;
  bool found = false;
  if (!safe_pointer ((uintptr_t) state, layout->top, &frame)
      || (layout->current >= 0 && frame && !safe_pointer (frame, layout->current, &frame)))
    return WRONG;
  for (int i = 0; frame && i < 1000; i++) {
    if (!is_entry (frame)) {
      if (!is_sane_frame (frame))
        return WRONG;
      if (!found && !safe_pointer (frame, layout->globals, &globals))
        return WRONG;
      found = true;
    }
    if (!safe_pointer (frame, layout->previous, &frame))
      return WRONG;
  }
  if (!found)
    return NO_FRAME;
  return globals == (uintptr_t) get_globals () ? AGREED : OTHER_GLOBALS;
}

uint32_t
mf_frames_verdict (void)
{
  uint32_t known = atomic_load_explicit (&verdict, memory_order_relaxed);
  if (!(mf_agent.options & MF_RING_STACKS))
    return MF_STACKS_OFF;
  return known == NOT_VERIFIED ? MF_STACKS_ON : known;
}

// Told to the ring of the thread that found out: the reader says why there are no stacks.
static void
tell_verdict (void)
{
  MfThread *thread = &mf_thread;
  MfProgramRecord *record = mf_stream_room (thread, sizeof *record);
  if (!record)
    return;
  *record = (MfProgramRecord) { .head.kind = MF_RECORD_PROGRAM, .version = mf_agent.version, .stacks = mf_frames_verdict () };
  mf_stream_add (thread, sizeof *record);
}

static bool
verify (const uint8_t *state)
{
  static _Atomic uint32_t tries;
  Agreement agreed = agrees (state);
  if (agreed == NO_FRAME || (agreed == OTHER_GLOBALS && atomic_fetch_add (&tries, 1) < MOST_TRIES))
    return false;
  atomic_store (&verdict, agreed == AGREED ? MF_STACKS_ON : MF_STACKS_LAYOUT);
  if (agreed != AGREED)
    tell_verdict ();
  return agreed == AGREED;
}

// Without the interpreter's lock the thread's own state is asked for; with it, the current one, which
// differs in sub-interpreters.
const uint8_t *
mf_python_thread_state (unsigned domain)
{
  uint32_t known = atomic_load_explicit (&verdict, memory_order_relaxed);
  if (MF_UNLIKELY (known != MF_STACKS_ON && known != NOT_VERIFIED))
    return NULL;
  bool locked = domain == MF_MEM || domain == MF_OBJ;
  const uint8_t *state = locked ? mf_python_state () : mf_python_own_state ();
  if (MF_LIKELY (known == MF_STACKS_ON) || !state)
    return state;
  return locked && verify (state) ? state : NULL;
}
