// SPDX-License-Identifier: Apache-2.0
// One copy of memory for all threads together, planned by what the last one found: thread states, and all frames twice with
// the pointer to the innermost one before and behind them. A stack is believed as far as both copies agree: where they do
// not, the frames below were left and others entered in between, so that the stack did end there for a moment.
#include "python-stacks.h"

#include <string.h>

#include "native-threads.h"
#include "python-code.h"
#include "thread-copy.h"

enum {
  MOST_THREADS = 4096, MOST_INTERPRETERS = 256, MOST_FRAMES = 1 << 16, LISTINGS = 4, TRIES = 6,
  CALM_LOOKS = 3,      // with the same stack: a thread that probably waits
  RESTLESS_LOOKS = 32,  // at least, before one that did not wait is thought to wait again
  OWNED_BY_C = 3,  // FRAME_OWNED_BY_CSTACK and higher: entries of C calls, not Python functions
  FRAME_BYTES = 128, TRUSTED_NS = 20000000
};

typedef struct {
  uint64_t address, code;  // code: 0 = no Python function: the entry of a call out of C
  int64_t instruction;
  MfFramePlace place;
} Frame;

// Innermost first.
typedef struct {
  Frame *frames;
  uint32_t depth, room;
} Chain;

// A frame whose code was named not long ago, and the stack from the outermost one to it.
typedef struct {
  uint64_t code;
  int64_t instruction;
  MfStack stack;
  uint32_t frames;      // Python functions in that stack
} Named;

typedef struct {
  MfThreadCopy *copy;
  GArray *named;        // of Named, outermost first: the stack of the last look
  int64_t named_ns;     // when all of it was
  MfThreadStack last;   // as it was told
  int alike;            // looks that told the same; 0 = the last one was none of a whole stack, below = it was not calm
} Thread;

struct MfStackReader {
  const MfProcess *process;
  const MfPythonRuntime *runtime;
  MfStackNames names;
  MfCodeCache *codes;
  MfNativeThreads native;
  GPtrArray *threads;   // of Thread
  GArray *spans;        // of MfRemoteSpan, of the copy that is being made
  Chain chains[2];      // of the stack that is being read, as it is in each copy
  GArray *stacks;       // of MfThreadStack
  MfStackCounts counts;
};

static const MfPythonOffsets *
offsets_of (const MfStackReader *reader)
{
  return &reader->runtime->offsets;
}

static uint64_t
pointer_at (const MfStackReader *reader, uint64_t address, int32_t offset)
{
  uint64_t pointer = 0;
  mf_process_pointer (reader->process, address + (uint64_t) offset, &pointer);
  return pointer;
}

// ---- which threads there are

static void
free_thread (void *pointer)
{
  Thread *thread = pointer;
  mf_thread_copy_free (thread->copy);
  g_array_unref (thread->named);
  g_free (thread);
}

static Thread *
new_thread (uint64_t address, uint64_t interpreter, uint32_t number, bool first)
{
  Thread *thread = g_new0 (Thread, 1);
  thread->copy = mf_thread_copy_new (address, interpreter, number, first);
  thread->named = g_array_new (FALSE, FALSE, sizeof (Named));
  return thread;
}

static void
add_threads_of (MfStackReader *reader, uint64_t interpreter, uint32_t number)
{
  const MfPythonOffsets *offsets = offsets_of (reader);
  uint64_t head = pointer_at (reader, interpreter, offsets->threads);
  for (uint64_t at = head; at && reader->threads->len < MOST_THREADS; at = pointer_at (reader, at, offsets->thread_next))
    g_ptr_array_add (reader->threads, new_thread (at, interpreter, number, at == head));
}

static void
list_threads (MfStackReader *reader)
{
  g_ptr_array_set_size (reader->threads, 0);
  uint64_t interpreter = 0;
  for (int i = 0; i < MOST_INTERPRETERS; i++) {
    interpreter = mf_python_next_interpreter (reader->process, reader->runtime, interpreter);
    if (!interpreter)
      return;
    add_threads_of (reader, interpreter, (uint32_t) pointer_at (reader, interpreter, offsets_of (reader)->interpreter_id));
  }
}

static Thread *
thread_at (const MfStackReader *reader, guint i)
{
  return g_ptr_array_index (reader->threads, i);
}

// ---- copies

static bool
gather (MfStackReader *reader)
{
  return mf_process_gather (reader->process, (const void *) reader->spans->data, reader->spans->len);
}

// Whether the states are those of a chain: each names the next of its interpreter, the last one nobody.
static bool
is_chain (const MfStackReader *reader)
{
  for (guint i = 0; i < reader->threads->len; i++) {
    const MfThreadCopy *copy = thread_at (reader, i)->copy;
    const MfThreadCopy *next = i + 1 < reader->threads->len ? thread_at (reader, i + 1)->copy : NULL;
    uint64_t expected = next && next->interpreter == copy->interpreter ? next->address : 0;
    if (mf_pointer_in (offsets_of (reader), copy->state, offsets_of (reader)->thread_next) != expected
        || (copy->first && copy->head != copy->address))
      return false;
  }
  return reader->threads->len > 0;
}

// States, and frames where they are expected.
static bool
copy_all (MfStackReader *reader)
{
  g_array_set_size (reader->spans, 0);
  for (guint i = 0; i < reader->threads->len; i++) {
    mf_thread_copy_add_state (thread_at (reader, i)->copy, offsets_of (reader), reader->spans);
    mf_thread_copy_add_frames (thread_at (reader, i)->copy, offsets_of (reader), reader->spans);
  }
  return gather (reader) && is_chain (reader);
}

static bool
find_threads (MfStackReader *reader)
{
  for (int i = 0; i < LISTINGS; i++) {
    if (copy_all (reader))
      return true;
    list_threads (reader);
  }
  return false;
}

static bool
copy_frames (MfStackReader *reader, MfThreadCopy *copy)
{
  g_array_set_size (reader->spans, 0);
  mf_thread_copy_add_frames (copy, offsets_of (reader), reader->spans);
  return gather (reader);
}

// One thread, planned by what the last walk used.
static bool
copy_thread (MfStackReader *reader, MfThreadCopy *copy)
{
  if (copy->used)
    mf_thread_copy_keep_used (copy);
  g_array_set_size (reader->spans, 0);
  mf_thread_copy_add_state (copy, offsets_of (reader), reader->spans);
  mf_thread_copy_add_frames (copy, offsets_of (reader), reader->spans);
  return gather (reader) && mf_thread_copy_was_right (copy, offsets_of (reader));
}

// The same; where that has moved, planned by its state as it is now.
static bool
copy_again (MfStackReader *reader, MfThreadCopy *copy)
{
  if (copy_thread (reader, copy))
    return true;
  g_array_set_size (reader->spans, 0);
  mf_thread_copy_add_state (copy, offsets_of (reader), reader->spans);
  if (!gather (reader))
    return false;
  mf_thread_copy_plan (copy, offsets_of (reader));
  return copy_frames (reader, copy);
}

// ---- a walk

static int64_t
instruction_of (const MfPythonOffsets *offsets, const uint8_t *bytes, uint64_t code)
{
  if (offsets->bytecode >= 0)
    return (int64_t) (mf_pointer_in (offsets, bytes, offsets->frame_instruction) - code - (uint64_t) offsets->bytecode);
  int32_t at;
  memcpy (&at, bytes + offsets->frame_instruction, sizeof at);
  return (int64_t) (int32_t) GUINT32_FROM_LE ((uint32_t) at) * (offsets->version == 0x030a ? 2 : 1);
}

static bool
is_entry (const MfPythonOffsets *offsets, const uint8_t *bytes)
{
  return offsets->frame_owner >= 0 && bytes[offsets->frame_owner] >= OWNED_BY_C;
}

// 3.14 keeps tags in the lowest bits of the pointer to the code.
static inline void
take_frame (const MfPythonOffsets *offsets, const uint8_t *bytes, Frame *frame)
{
  bool entry = is_entry (offsets, bytes);
  frame->code = entry ? 0 : mf_pointer_in (offsets, bytes, offsets->frame_code) & ~UINT64_C (3);
  frame->instruction = entry ? 0 : instruction_of (offsets, bytes, frame->code);
}

// Bytes of a frame that are of use.
static uint32_t
frame_size (const MfPythonOffsets *offsets)
{
  uint32_t n = offsets->bytecode >= 0 ? (uint32_t) offsets->frame_size : (uint32_t) offsets->frame_instruction + 4;
  return MIN (n, FRAME_BYTES);
}

static bool
need_frame (Chain *chain)
{
  if (chain->depth < chain->room)
    return true;
  if (chain->room >= MOST_FRAMES)
    return false;
  chain->room = MAX (chain->room * 2, 64);
  chain->frames = g_renew (Frame, chain->frames, chain->room);
  return true;
}

// Follows the frames from the innermost one through one of the copies. `*late` counts those that are not in it.
static bool
walk (MfStackReader *reader, MfThreadCopy *copy, int which, uint64_t innermost, uint32_t *late)
{
  const MfPythonOffsets *offsets = offsets_of (reader);
  Chain *chain = &reader->chains[which];
  uint32_t n = frame_size (offsets);
  chain->depth = *late = 0;
  for (uint64_t at = innermost; at;) {
    if (!need_frame (chain))
      return false;
    Frame *frame = &chain->frames[chain->depth++];
    if (!mf_thread_copy_find (copy, reader->process, offsets, at, n, &frame->place))
      return false;
    const uint8_t *bytes = copy->copies[which] + frame->place.at;
    frame->address = at;
    take_frame (offsets, bytes, frame);
    *late += frame->place.late;
    at = mf_pointer_in (offsets, bytes, offsets->frame_back);
  }
  return true;
}

static uint64_t
innermost_at (const MfThreadCopy *copy, guint i)
{
  return i < copy->innermost->len ? g_array_index (copy->innermost, uint64_t, i) : 0;
}

// The frames of a thread as the first copy has them. What was not where it was expected was read later than the rest: all of it
// is copied once more.
static bool
read_frames (MfStackReader *reader, MfThreadCopy *copy)
{
  const Chain *chain = &reader->chains[0];
  uint32_t late;
  if (!walk (reader, copy, 0, innermost_at (copy, 0), &late)
      || (late && (!copy_frames (reader, copy) || !walk (reader, copy, 0, innermost_at (copy, 0), &late))))
    return false;
  for (uint32_t i = 0; i < chain->depth; i++)
    mf_thread_copy_use (copy, &chain->frames[i].place);
  return true;
}

// ---- whether it was so at one moment

// One that is called goes on from instruction to instruction, its callers stand.
static inline bool
agrees (const MfPythonOffsets *offsets, const MfThreadCopy *copy, const Frame *frame, bool *stands)
{
  const uint8_t *first = copy->copies[0] + frame->place.at, *second = copy->copies[1] + frame->place.at;
  Frame again;
  take_frame (offsets, second, &again);
  *stands = again.instruction == frame->instruction;
  return again.code == frame->code && !frame->place.late
      && mf_pointer_in (offsets, first, offsets->frame_back) == mf_pointer_in (offsets, second, offsets->frame_back);
}

static bool
held_still (const MfStackReader *reader, const MfThreadCopy *copy)
{
  const Chain *chain = &reader->chains[0];
  bool stands;
  for (guint i = 1; i < copy->innermost->len; i++)
    if (innermost_at (copy, i) != innermost_at (copy, 0))
      return false;
  for (uint32_t i = 0; i < chain->depth; i++)
    if (!agrees (offsets_of (reader), copy, &chain->frames[i], &stands) || (i && !stands))
      return false;
  return true;
}

// How many of the outermost frames are those of both copies.
static uint32_t
count_common (const MfStackReader *reader, const MfThreadCopy *copy)
{
  const Chain *first = &reader->chains[0], *second = &reader->chains[1];
  uint32_t most = MIN (first->depth, second->depth);
  bool stands = true;
  for (uint32_t n = 0; n < most; n++) {
    const Frame *frame = &first->frames[first->depth - 1 - n];
    if (!stands || second->frames[second->depth - 1 - n].address != frame->address
        || !agrees (offsets_of (reader), copy, frame, &stands))
      return n;
  }
  return most;
}

// Cuts the stack where it changed: between a frame that was left and one that was entered, the caller of both was the innermost.
static bool
keep_common (MfStackReader *reader, MfThreadCopy *copy)
{
  Chain *chain = &reader->chains[0];
  uint32_t late, common = chain->depth;
  for (guint i = 1; i < copy->innermost->len && common; i++) {
    bool new = innermost_at (copy, i) != innermost_at (copy, i - 1) || i == copy->innermost->len - 1;
    if (new && !walk (reader, copy, 1, innermost_at (copy, i), &late))
      return false;
    common = new ? MIN (common, count_common (reader, copy)) : common;
  }
  memmove (chain->frames, chain->frames + (chain->depth - common), common * sizeof *chain->frames);
  chain->depth = common;
  return common > 0;
}

// ---- from frames to a stack

static bool
is_inside (const MfRemoteCode *code, int64_t instruction)
{
  return instruction >= -8 && (!code->length || instruction <= (int64_t) code->length);
}

// How many of the outermost frames are those of the last look.
static uint32_t
count_named (const MfStackReader *reader, Thread *thread, int64_t now_ns)
{
  if (now_ns - thread->named_ns >= TRUSTED_NS) {
    thread->named_ns = now_ns;
    return 0;
  }
  const Named *named = (const void *) thread->named->data;
  const Frame *frame = reader->chains[0].frames + reader->chains[0].depth;
  uint32_t n = 0, most = MIN (thread->named->len, reader->chains[0].depth);
  while (n < most && (--frame, named[n].code == frame->code && named[n].instruction == frame->instruction))
    n++;
  return n;
}

static bool
name_frame (MfStackReader *reader, const Frame *frame, Named *named, int64_t now_ns)
{
  named->code = frame->code;
  named->instruction = frame->instruction;
  if (!frame->code)
    return true;
  const MfRemoteCode *code = mf_code_cache_get (reader->codes, frame->code, now_ns);
  if (!code || !is_inside (code, frame->instruction))
    return false;
  const MfFrame its = { code->function, code->file, mf_remote_code_line (reader->codes, code, frame->instruction), 0 };
  named->stack = reader->names.stack (reader->names.user, named->stack, its);
  named->frames++;
  return true;
}

static bool
name_frames (MfStackReader *reader, Thread *thread, MfThreadStack *into, int64_t now_ns)
{
  const Chain *chain = &reader->chains[0];
  uint32_t n = count_named (reader, thread, now_ns);
  Named named = n ? g_array_index (thread->named, Named, n - 1) : (Named) { 0 };
  g_array_set_size (thread->named, n);
  for (; n < chain->depth; n++) {
    if (!name_frame (reader, &chain->frames[chain->depth - 1 - n], &named, now_ns))
      return false;
    g_array_append_val (thread->named, named);
  }
  into->stack = named.stack;
  into->frames = named.frames;
  return true;
}

// The whole stack; after the first try also as much of it as held still.
static bool
try_stack (MfStackReader *reader, Thread *thread, bool first, MfThreadStack *stack, int64_t now_ns)
{
  MfThreadCopy *copy = thread->copy;
  if (!read_frames (reader, copy))
    return false;
  if (held_still (reader, copy))
    return name_frames (reader, thread, stack, now_ns);
  if (first || !keep_common (reader, copy) || !name_frames (reader, thread, stack, now_ns))
    return false;
  stack->shortened = true;
  reader->counts.shortened++;
  return true;
}

static bool
find_stack (MfStackReader *reader, Thread *thread, MfThreadStack *stack, int64_t now_ns)
{
  bool copied = !thread->copy->calm && mf_thread_copy_was_right (thread->copy, offsets_of (reader));
  thread->copy->calm = false;
  for (int i = 0; i < TRIES; i++) {
    reader->counts.retried += i == 1;
    if (!copied && !copy_again (reader, thread->copy))
      return false;
    if (try_stack (reader, thread, i == 0, stack, now_ns))
      return true;
    copied = false;
  }
  return false;
}

// Remembers a stack: the copy that it was read from is compared with the next one, if both are laid out alike.
static void
remember (Thread *thread, const MfThreadStack *stack)
{
  bool kept = !stack->torn && mf_thread_copy_keep_used (thread->copy);
  bool alike = kept && !stack->shortened && stack->stack.id == thread->last.stack.id;
  thread->alike = alike || thread->alike < 0 ? MIN (thread->alike + 1, CALM_LOOKS) : 0;
  thread->last = *stack;
}

// Copies of threads that probably wait cost half. Names are trusted no longer for that.
static void
expect_calm (MfStackReader *reader, int64_t now_ns)
{
  for (guint i = 0; i < reader->threads->len; i++) {
    Thread *thread = thread_at (reader, i);
    thread->copy->calm = thread->alike >= CALM_LOOKS && now_ns - thread->named_ns < TRUSTED_NS;
  }
}

static void
read_stack (MfStackReader *reader, Thread *thread, int64_t now_ns)
{
  MfThreadCopy *copy = thread->copy;
  MfThreadStack stack = { .thread = mf_native_thread (&reader->native, reader->process, offsets_of (reader), copy->state),
    .interpreter = copy->number };
  reader->counts.stacks++;
  if (copy->calm && mf_thread_copy_is_as_before (copy, offsets_of (reader))) {
    stack.stack = thread->last.stack;
    stack.frames = thread->last.frames;
    g_array_append_val (reader->stacks, stack);
    return;
  }
  if (copy->calm)
    thread->alike = -RESTLESS_LOOKS;
  stack.torn = !find_stack (reader, thread, &stack, now_ns);
  remember (thread, &stack);
  reader->counts.torn += stack.torn;
  g_array_append_val (reader->stacks, stack);
}

const GArray *
mf_stack_reader_take (MfStackReader *reader, int64_t now_ns)
{
  expect_calm (reader, now_ns);
  if (!find_threads (reader))
    return NULL;
  g_array_set_size (reader->stacks, 0);
  for (guint i = 0; i < reader->threads->len; i++)
    read_stack (reader, thread_at (reader, i), now_ns);
  return reader->stacks;
}

MfStackCounts
mf_stack_reader_counts (const MfStackReader *reader)
{
  return reader->counts;
}

// ---- life

MfStackReader *
mf_stack_reader_new (const MfProcess *process, const MfPythonRuntime *runtime, const MfStackNames *names)
{
  MfStackReader *reader = g_new0 (MfStackReader, 1);
  reader->process = process;
  reader->runtime = runtime;
  reader->names = *names;
  reader->codes = mf_code_cache_new (process, runtime, names);
  reader->threads = g_ptr_array_new_with_free_func (free_thread);
  reader->spans = g_array_new (FALSE, FALSE, sizeof (MfRemoteSpan));
  reader->stacks = g_array_new (FALSE, FALSE, sizeof (MfThreadStack));
  return reader;
}

void
mf_stack_reader_free (MfStackReader *reader)
{
  if (!reader)
    return;
  mf_code_cache_free (reader->codes);
  mf_native_threads_clear (&reader->native);
  g_ptr_array_unref (reader->threads);
  g_array_unref (reader->spans);
  for (int i = 0; i < 2; i++)
    g_free (reader->chains[i].frames);
  g_array_unref (reader->stacks);
  g_free (reader);
}
