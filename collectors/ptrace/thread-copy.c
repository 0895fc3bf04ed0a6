// SPDX-License-Identifier: Apache-2.0
// Frames of Python functions stand one behind the other in chunks since 3.11; those of generators, those of calls out of C,
// and all of them before 3.11 stand alone, mostly where they stood a moment ago.
#include "thread-copy.h"

enum { CHUNK_MOST = 1 << 20, BYTES_MOST = 1 << 23, PAGE = 4096, SLACK = 512, RANGES_MOST = 1 << 16, BETWEEN = 4 };

MfThreadCopy *
mf_thread_copy_new (uint64_t address, uint64_t interpreter, uint32_t number, bool first)
{
  MfThreadCopy *thread = g_new0 (MfThreadCopy, 1);
  thread->address = address;
  thread->interpreter = interpreter;
  thread->number = number;
  thread->first = first;
  thread->ranges = g_array_new (FALSE, FALSE, sizeof (MfFrameRange));
  thread->innermost = g_array_new (FALSE, TRUE, sizeof (uint64_t));
  return thread;
}

void
mf_thread_copy_free (MfThreadCopy *thread)
{
  g_array_unref (thread->ranges);
  g_array_unref (thread->innermost);
  g_free (thread->copies[0]);
  g_free (thread->copies[1]);
  g_free (thread);
}

static MfFrameRange *
range_at (const MfThreadCopy *thread, guint i)
{
  return &g_array_index (thread->ranges, MfFrameRange, i);
}

// ---- what is copied

void
mf_thread_copy_add_state (MfThreadCopy *thread, const MfPythonOffsets *offsets, GArray *spans)
{
  const MfRemoteSpan head = { thread->interpreter + (uint64_t) offsets->threads, &thread->head, (size_t) offsets->pointer },
    state = { thread->address, thread->state, MIN ((size_t) offsets->thread_size, MF_THREAD_STATE_BYTES) };
  thread->head = 0;
  if (thread->first)
    g_array_append_val (spans, head);
  g_array_append_val (spans, state);
}

static void
add_innermost (const MfThreadCopy *thread, const MfPythonOffsets *offsets, guint *n, GArray *spans)
{
  const MfRemoteSpan span = { thread->frame_at, &g_array_index (thread->innermost, uint64_t, *n), (size_t) offsets->pointer };
  ++*n;
  g_array_append_val (spans, span);
}

// One copy goes from the outermost frames inwards, the other one outwards: a stack that is left or entered at the pace at which
// it is copied deceives one of them, not both.
static void
add_ranges (const MfThreadCopy *thread, const MfPythonOffsets *offsets, int which, guint *n_innermost, GArray *spans)
{
  guint n = thread->ranges->len;
  for (guint i = 0; i < n; i++) {
    const MfFrameRange *range = range_at (thread, which ? i : n - 1 - i);
    const MfRemoteSpan span = { range->at, thread->copies[which] + range->offset, range->n };
    g_array_append_val (spans, span);
    if (i % BETWEEN == BETWEEN - 1)
      add_innermost (thread, offsets, n_innermost, spans);
  }
}

// Over the second copy: the first one stays what it was.
static void
add_calm (MfThreadCopy *thread, const MfPythonOffsets *offsets, GArray *spans)
{
  const MfRemoteSpan span = { thread->frame_at, &thread->innermost_now, (size_t) offsets->pointer };
  thread->innermost_now = 0;
  g_array_append_val (spans, span);
  for (guint i = 0; i < thread->ranges->len; i++) {
    const MfFrameRange *range = range_at (thread, i);
    const MfRemoteSpan its = { range->at, thread->copies[1] + range->offset, range->n };
    g_array_append_val (spans, its);
  }
}

void
mf_thread_copy_add_frames (MfThreadCopy *thread, const MfPythonOffsets *offsets, GArray *spans)
{
  guint n = 0;
  thread->used = 0;
  if (thread->calm && thread->frame_at) {
    add_calm (thread, offsets, spans);
    return;
  }
  thread->next = 0;
  thread->copied = thread->ranges->len;
  g_array_set_size (thread->innermost, 0);
  if (!thread->frame_at)
    return;
  g_array_set_size (thread->innermost, 3 + thread->ranges->len / BETWEEN * 2);
  add_innermost (thread, offsets, &n, spans);
  add_ranges (thread, offsets, 0, &n, spans);
  add_innermost (thread, offsets, &n, spans);
  add_ranges (thread, offsets, 1, &n, spans);
  add_innermost (thread, offsets, &n, spans);
}

// ---- plans

static void
need_room (MfThreadCopy *thread, uint32_t bytes)
{
  thread->bytes = bytes;
  if (bytes <= thread->room)
    return;
  thread->room = MAX (bytes, thread->room * 2);
  for (int i = 0; i < 2; i++)
    thread->copies[i] = g_realloc (thread->copies[i], thread->room);
}

static bool
add_range (MfThreadCopy *thread, uint64_t at, uint32_t n, bool chunk)
{
  if (thread->ranges->len >= RANGES_MOST || n > BYTES_MOST - thread->bytes)
    return false;
  const MfFrameRange range = { at, n, thread->bytes, chunk, 0 };
  need_room (thread, thread->bytes + n);
  g_array_append_val (thread->ranges, range);
  return true;
}

// Where the pointer to the innermost frame stands. 0 = the thread has none.
static uint64_t
frame_pointer_of (const MfThreadCopy *thread, const MfPythonOffsets *offsets)
{
  if (offsets->frame >= 0)
    return thread->address + (uint64_t) offsets->frame;
  uint64_t c_frame = mf_pointer_in (offsets, thread->state, offsets->c_frame);
  return c_frame ? c_frame + (uint64_t) offsets->c_frame_current : 0;
}

// The part of the chunk that is in use. Chunks are whole pages: up to the end of the page it can be read.
static bool
chunk_of (const MfThreadCopy *thread, const MfPythonOffsets *offsets, uint64_t *chunk, uint64_t *top)
{
  if (offsets->chunk < 0 || offsets->chunk_top < 0)
    return false;
  *chunk = mf_pointer_in (offsets, thread->state, offsets->chunk);
  *top = mf_pointer_in (offsets, thread->state, offsets->chunk_top);
  return *chunk && *top > *chunk && *top - *chunk < CHUNK_MOST;
}

static uint64_t
readable_end (uint64_t top)
{
  uint64_t page_end = (top + PAGE - 1) & ~(uint64_t) (PAGE - 1);
  return MIN (page_end, (top + SLACK + 63) & ~(uint64_t) 63);
}

void
mf_thread_copy_plan (MfThreadCopy *thread, const MfPythonOffsets *offsets)
{
  uint64_t chunk, top;
  g_array_set_size (thread->ranges, 0);
  thread->bytes = 0;
  thread->frame_at = frame_pointer_of (thread, offsets);
  if (chunk_of (thread, offsets, &chunk, &top))
    add_range (thread, chunk, (uint32_t) (readable_end (top) - chunk), true);
}

bool
mf_thread_copy_was_right (const MfThreadCopy *thread, const MfPythonOffsets *offsets)
{
  uint64_t chunk, top;
  if (!thread->frame_at || thread->frame_at != frame_pointer_of (thread, offsets))
    return false;
  if (!chunk_of (thread, offsets, &chunk, &top))
    return true;
  const MfFrameRange *range = thread->ranges->len ? range_at (thread, 0) : NULL;
  return range && range->chunk && range->at == chunk && top - chunk <= range->n && range->n <= readable_end (top) - chunk + PAGE;
}

bool
mf_thread_copy_is_as_before (const MfThreadCopy *thread, const MfPythonOffsets *offsets)
{
  return mf_thread_copy_was_right (thread, offsets) && thread->innermost->len
      && thread->innermost_now == g_array_index (thread->innermost, uint64_t, 0)
      && (!thread->bytes || memcmp (thread->copies[0], thread->copies[1], thread->bytes) == 0);
}

static void
drop_unused (MfThreadCopy *thread)
{
  guint kept = 0;
  for (guint i = 0; i < thread->ranges->len; i++)
    if (range_at (thread, i)->used || (i == 0 && range_at (thread, i)->chunk))
      *range_at (thread, kept++) = *range_at (thread, i);
  g_array_set_size (thread->ranges, kept);
}

static int
by_use (const void *a, const void *b)
{
  const MfFrameRange *x = a, *y = b;
  return x->chunk != y->chunk ? (int) y->chunk - (int) x->chunk : (x->used > y->used) - (x->used < y->used);
}

static bool
is_in_order (const MfThreadCopy *thread)
{
  for (guint i = 1; i < thread->ranges->len; i++)
    if (by_use (range_at (thread, i - 1), range_at (thread, i)) > 0)
      return false;
  return true;
}

bool
mf_thread_copy_keep_used (MfThreadCopy *thread)
{
  guint n = thread->copied;
  drop_unused (thread);
  bool kept = n == thread->ranges->len && is_in_order (thread);
  if (!is_in_order (thread))
    g_array_sort (thread->ranges, by_use);
  thread->bytes = 0;
  for (guint i = 0; i < thread->ranges->len; i++) {
    MfFrameRange *range = range_at (thread, i);
    range->offset = thread->bytes;
    range->used = 0;
    thread->bytes += range->n;
  }
  return kept;
}

// ---- frames in it

static bool
holds (const MfFrameRange *range, uint64_t at, uint32_t n)
{
  return at >= range->at && n <= range->n && at - range->at <= range->n - n;
}

static MfFrameRange *
search (MfThreadCopy *thread, guint from, guint to, uint64_t at, uint32_t n)
{
  for (guint i = from; i < to; i++)
    if (holds (range_at (thread, i), at, n)) {
      thread->next = i;
      return range_at (thread, i);
    }
  return NULL;
}

// From the range of the last frame onwards, then the others.
static MfFrameRange *
range_of (MfThreadCopy *thread, uint64_t at, uint32_t n)
{
  guint from = MIN (thread->next, thread->ranges->len);
  MfFrameRange *range = search (thread, from, thread->ranges->len, at, n);
  return range ? range : search (thread, 0, from, at, n);
}

// Adds a range that was not copied with the others.
static MfFrameRange *
read_range (MfThreadCopy *thread, const MfProcess *process, uint64_t at, uint32_t n, bool chunk)
{
  if (!add_range (thread, at, n, chunk))
    return NULL;
  MfFrameRange *range = range_at (thread, thread->ranges->len - 1);
  if (mf_process_read (process, at, thread->copies[0] + range->offset, n)) {
    memcpy (thread->copies[1] + range->offset, thread->copies[0] + range->offset, n);
    return range;
  }
  g_array_set_size (thread->ranges, thread->ranges->len - 1);
  thread->bytes -= n;
  return NULL;
}

// The chunk below the oldest one that was copied (pycore_pystate.h _PyStackChunk: previous, size, words in use, frames), if
// the frame stands in it.
static MfFrameRange *
read_older_chunk (MfThreadCopy *thread, const MfProcess *process, const MfPythonOffsets *offsets, uint64_t at)
{
  const MfFrameRange *newer = NULL;
  uint32_t word = (uint32_t) offsets->pointer;
  uint8_t head[3 * sizeof (uint64_t)];
  for (guint i = 0; i < thread->ranges->len; i++)
    newer = range_at (thread, i)->chunk ? range_at (thread, i) : newer;
  uint64_t chunk = newer && newer->n >= word ? mf_pointer_in (offsets, thread->copies[0] + newer->offset, 0) : 0;
  if (!chunk || at <= chunk || at - chunk > CHUNK_MOST || !mf_process_read (process, chunk, head, 3 * word))
    return NULL;
  uint64_t words = mf_pointer_in (offsets, head, 2 * (int32_t) word);
  if (words > CHUNK_MOST / word || at - chunk >= (words + 3) * word)
    return NULL;
  return read_range (thread, process, chunk, (uint32_t) (words + 3) * word, true);
}

bool
mf_thread_copy_find (MfThreadCopy *thread, const MfProcess *process, const MfPythonOffsets *offsets, uint64_t at, uint32_t n,
    MfFramePlace *place)
{
  MfFrameRange *range = range_of (thread, at, n);
  if (!range)
    range = read_older_chunk (thread, process, offsets, at);
  if (!range || !holds (range, at, n))
    range = read_range (thread, process, at, n, false);
  if (!range)
    return false;
  guint i = (guint) (range - range_at (thread, 0));
  *place = (MfFramePlace) { range->offset + (uint32_t) (at - range->at), i, i >= thread->copied };
  return true;
}

void
mf_thread_copy_use (MfThreadCopy *thread, const MfFramePlace *place)
{
  MfFrameRange *range = range_at (thread, place->range);
  if (!range->used)
    range->used = ++thread->used;
}
