// SPDX-License-Identifier: Apache-2.0
// Frames of CPython by the offsets of layouts.c. Nothing is walked before the interpreter's own answers agree with them.
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static MfLayout chosen;
const MfLayout *const mf_layout = &chosen;
const uint8_t *(*mf_python_state) (void), *(*mf_python_own_state) (void);
static const void *(*get_globals) (void);
uintptr_t mf_code_type;
static uintptr_t str_type, bytes_type;
static _Atomic uint32_t verdict = MF_STACKS_NO_PYTHON;
enum { NOT_VERIFIED = 100, MOST_TRIES = 1000 };

// ---- finding the interpreter

void
mf_frames_start (void *(*find) (const char *name))
{
  const char *(*get_version) (void) = (const char *(*) (void)) find ("Py_GetVersion");
  void *state = find ("PyThreadState_GetUnchecked");
  mf_python_state = (const uint8_t *(*) (void)) (state ? state : find ("_PyThreadState_UncheckedGet"));
  mf_python_own_state = (const uint8_t *(*) (void)) find ("PyGILState_GetThisThreadState");
  get_globals = (const void *(*) (void)) find ("PyEval_GetGlobals");
  mf_code_type = (uintptr_t) find ("PyCode_Type");
  str_type = (uintptr_t) find ("PyUnicode_Type");
  bytes_type = (uintptr_t) find ("PyBytes_Type");
  uint32_t choice = mf_layout_choose (&chosen, get_version ? get_version () : NULL, find ("_PyRuntime"),
      mf_agent.options & MF_RING_FORCE);
  bool found = mf_python_state && mf_python_own_state && get_globals && mf_code_type && str_type && bytes_type;
  mf_agent.version = chosen.version;
  verdict = choice != MF_STACKS_ON ? choice : found ? NOT_VERIFIED : MF_STACKS_SYMBOLS;
}

// ---- verifying: memory is read through the kernel, so that a wrong offset is an error and not a crash

// For emulators and kernels without process_vm_readv, and where it is forbidden.
static bool
load_through_pipe (uintptr_t address, void *to, size_t n)
{
  int ends[2];
  if (pipe2 (ends, O_CLOEXEC))
    return false;
  bool loaded = write (ends[1], (const void *) address, n) == (ssize_t) n && read (ends[0], to, n) == (ssize_t) n;
  close (ends[0]);
  close (ends[1]);
  return loaded;
}

bool
mf_safe_load (uintptr_t address, void *to, size_t n)
{
  struct iovec into = { to, n }, from = { (void *) address, n };
  if (syscall (SYS_process_vm_readv, getpid (), &into, 1UL, &from, 1UL, 0UL) == (long) n)
    return true;
  return errno != EFAULT && load_through_pipe (address, to, n);
}

static bool
safe_pointer (uintptr_t base, int offset, uintptr_t *to)
{
  return mf_safe_load (base + (uintptr_t) offset, to, sizeof *to);
}

static bool
has_type (uintptr_t object, uintptr_t type)
{
  uintptr_t at;
  return safe_pointer (object, TYPE_AT, &at) && at == type;
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
  if (!safe_pointer (frame, layout->code, &code) || !has_type (code &= ~(uintptr_t) MF_CODE_TAGS, mf_code_type)
      || !is_member (code, layout->file, str_type) || !is_member (code, layout->name, str_type)
      || !is_member (code, layout->table, bytes_type))
    return false;
  if (layout->bytecode < 0)
    return true;
  // ob_size of a code object counts its code units; the first instruction may not have begun yet.
  return safe_pointer (code, SIZE_AT, &size) && safe_pointer (frame, layout->at, &at)
      && at + 2 - (code + (uintptr_t) layout->bytecode) <= size * 2;
}

static bool
is_entry (uintptr_t frame)
{
  uint8_t owner = 0;
  return mf_layout->owner >= 0 && mf_safe_load (frame + (uintptr_t) mf_layout->owner, &owner, 1) && owner >= MF_OWNED_BY_C;
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

bool
mf_frames_are_settled (void)
{
  return atomic_load_explicit (&verdict, memory_order_relaxed) != NOT_VERIFIED;
}

// Told to the ring of the thread that found out: the reader says why there are no stacks.
static void
tell_verdict (void)
{
  mf_stream_introduce (&mf_thread);
}

// What was read when there was no frame. An interpreter that starts has none at its first some thousand events, and asking
// the kernel at each of them took longer than all else that a short program does.
static struct { const uint8_t *state, *top; } frameless;

static const uint8_t *
word_at (const uint8_t *base, int offset)
{
  return *(const uint8_t *const *) (base + offset);
}

// The state is the current one, so it is still there, and with it what lies inside of it. Nothing else is remembered.
static void
note_frameless (const uint8_t *state)
{
  enum { WITHIN = 512 };
  const uint8_t *top = word_at (state, mf_layout->top);
  bool is_inside = mf_layout->current >= 0 && (uintptr_t) top - (uintptr_t) state < WITHIN;
  if (!top || is_inside) {
    frameless.state = state;
    frameless.top = top;
  }
}

static bool
is_still_frameless (const uint8_t *state)
{
  const uint8_t *top = frameless.top;
  return state == frameless.state && word_at (state, mf_layout->top) == top
      && (!top || !word_at (top, mf_layout->current));
}

static MF_COLD bool
verify (const uint8_t *state)
{
  static _Atomic uint32_t tries;
  if (is_still_frameless (state))
    return false;
  Agreement agreed = agrees (state);
  if (agreed == NO_FRAME)
    note_frameless (state);
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
  bool locked = domain == MF_MEM || domain == MF_OBJ;
  if (MF_LIKELY (known == MF_STACKS_ON))
    return MF_LIKELY (locked) ? mf_python_state () : mf_python_own_state ();
  const uint8_t *state = known == NOT_VERIFIED && locked ? mf_python_state () : NULL;
  return state && verify (state) ? state : NULL;
}
