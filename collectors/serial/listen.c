// SPDX-License-Identifier: Apache-2.0
// Reads a file or a stream to its end, and listens to a live board: waits, polls its prompt,
// and comes back when it was unplugged.
#include "serial.h"

#include <poll.h>

#define SECOND INT64_C (1000000000)
#define QUIET SECOND          // a board prints a dump without such a pause
#define SILENCE (5 * SECOND)  // then the user is told what to do
#define FAREWELL (4 * SECOND) // the board has so long to answer the end of a poll

enum { BUFFER_BYTES = 1 << 18 };

static int64_t
now_ns (Serial *self)
{
  return mf_now (self).ns;
}

static bool
ensure_buffer (Serial *self)
{
  if (!self->buffer)
    self->buffer = mf_resize (self, NULL, BUFFER_BYTES);
  return self->buffer
         || mf_fail (
             self, "cannot read %s: no memory for %d bytes", self->device.path, BUFFER_BYTES);
}

static MfRead
read_some (Serial *self, size_t *n)
{
  g_autoptr (GError) error = NULL;
  MfRead result = mf_source_read (self->source, self->buffer, BUFFER_BYTES, n, &error);

  if (result == MF_READ_FAILED)
    mf_fail (self, "%s", error->message);
  return result;
}

// ---- files and streams

static bool
may_go_on (Serial *self)
{
  int fd = mf_source_get_fd (self->source);

  if (mf_serial_has_enough (self))
    return false;
  if (mf_source_get_kind (self->source) == MF_SOURCE_FILE)
    return !mf_stopping (self);
  return mf_wait (self, fd, (MfDuration){ -1 }) == MF_WAIT_READY;
}

bool
mf_serial_read_through (Serial *self)
{
  uint64_t size = mf_source_get_size (self->source), done = 0;
  MfRead result = MF_READ_NOTHING;
  size_t n;

  if (!ensure_buffer (self))
    return false;
  while (result != MF_READ_END && may_go_on (self)) {
    result = read_some (self, &n);
    if (result == MF_READ_FAILED || (n > 0 && !mf_serial_feed (self, self->buffer, n)))
      return false;
    done += n;
    mf_progress (self, done, size);
  }
  return mf_serial_settle (self, MF_END_OF_STREAM);
}

// ---- live boards: polling

static void
start_polling (Serial *self)
{
  const MfReplSettings settings = {
    .interval = self->poll.ns,
    .prompt_timeout = 10 * SECOND,
    .collect = self->collect,
    .soft_reset = self->after == MF_AFTER_SOFT_RESET,
  };

  if (mf_serial_polls (self))
    mf_repl_start (&self->repl, &settings, now_ns (self));
}

static void
send_pending (Serial *self)
{
  int64_t now = now_ns (self);
  size_t n;
  const char *bytes = mf_repl_pending (&self->repl, now, &n);

  if (n > 0)
    mf_repl_sent (&self->repl, now, mf_source_write (self->source, bytes, n));
}

static uint64_t
dumps_seen (const Serial *self)
{
  return self->good_dumps + self->damaged_dumps;
}

// The last line of a traceback is what the board means.
static char *
show_complaint (const char *traceback)
{
  g_autofree char *whole = g_strstrip (g_strdup (traceback));
  const char *end = strrchr (whole, '\n');

  return g_strescape (end ? end + 1 : whole, NULL);
}

// A heap without room for the few bytes of our script is no reason to give up; said once, until it
// has.
static void
report_full_heap (Serial *self, const char *complaint)
{
  if (!self->heap_full)
    mf_log (self, MF_LOG_WARNING,
        "%s: its heap is too full even for the poll (%s); polling goes on, but only the program "
        "itself can print such a heap (memflow inspect serial --snippet)",
        self->device.path, complaint);
  self->heap_full = true;
}

// A poll has run to its end: did it bring a dump?
static bool
judge_poll (Serial *self)
{
  g_autofree char *complaint = show_complaint (mf_repl_get_complaint (&self->repl));
  bool answered = dumps_seen (self) > self->dumps_before_poll || self->complaints > 0;

  self->dumps_before_poll = dumps_seen (self);
  self->complaints = 0;
  self->heap_full &= !answered;
  if (answered)
    return true;
  if (!strstr (complaint, "MemoryError"))
    return mf_fail_option (self, "poll",
        "%s: the board ran micropython.mem_info(1) but printed no heap dump (%s); its firmware may "
        "lack mem_info, as release builds of CircuitPython do",
        self->device.path, complaint[0] ? complaint : "and no error");
  report_full_heap (self, complaint);
  return true;
}

static bool
converse (Serial *self, const char *bytes, size_t n)
{
  uint64_t polls = mf_repl_get_polls (&self->repl);

  self->interrupting = mf_repl_is_interrupting (&self->repl);
  self->asking = mf_repl_is_asking (&self->repl);
  g_string_truncate (self->poll_text, 0);
  mf_repl_receive (&self->repl, now_ns (self), bytes, n, self->poll_text);
  self->asking |= mf_repl_is_asking (&self->repl);
  if (!mf_serial_feed (self, self->poll_text->str, self->poll_text->len))
    return false;
  if (mf_repl_get_polls (&self->repl) == polls)
    return true;
  return mf_serial_settle (self, MF_END_QUIET) && judge_poll (self);
}

static bool
attend_poll (Serial *self)
{
  if (!mf_serial_polls (self) || mf_source_get_fd (self->source) < 0)
    return true;
  mf_repl_tick (&self->repl, now_ns (self));
  if (mf_repl_get_phase (&self->repl) == MF_REPL_FAILED)
    return mf_fail_option (
        self, "poll", "cannot poll %s: %s", self->device.path, mf_repl_get_failure (&self->repl));
  send_pending (self);
  return true;
}

// ---- live boards: time

static void
restart_clock (Serial *self)
{
  self->clock = (MfBoardClock){
    .quiet = MF_SERIAL_NEVER,
    .silence = self->heard || mf_serial_polls (self) ? MF_SERIAL_NEVER : now_ns (self) + SILENCE,
    .reconnect = MF_SERIAL_NEVER,
  };
}

static MfDuration
time_left (Serial *self)
{
  int64_t next = MIN (MIN (self->clock.quiet, self->clock.silence), self->clock.reconnect);

  if (mf_serial_polls (self) && mf_source_get_fd (self->source) >= 0)
    next = MIN (next, mf_repl_get_deadline (&self->repl));
  return (MfDuration){ next == MF_SERIAL_NEVER ? -1 : MAX (next - now_ns (self), 0) };
}

static void
advise (Serial *self)
{
  self->clock.silence = MF_SERIAL_NEVER;
  mf_log (self, MF_LOG_WARNING,
      "%s has sent nothing for 5 s at %u baud: press the board's reset button, check baud, "
      "let the program print its heap (memflow inspect serial --snippet), or set poll = 5s",
      self->device.path, self->baud);
}

// A board that was unplugged has lost its power: what comes next is another life of it.
static bool
lose_board (Serial *self)
{
  mf_log (
      self, MF_LOG_WARNING, "%s has disappeared; waiting for it to come back", self->device.path);
  if (!mf_serial_settle (self, MF_END_OF_STREAM))
    return false;
  mf_serial_begin_epoch (self);
  restart_clock (self);
  self->clock.silence = MF_SERIAL_NEVER;
  self->clock.reconnect = now_ns (self) + mf_source_take_delay (self->source);
  return true;
}

static void
reconnect (Serial *self)
{
  if (!mf_source_reopen (self->source, NULL)) {
    self->clock.reconnect = now_ns (self) + mf_source_take_delay (self->source);
    return;
  }
  mf_log (self, MF_LOG_NOTE, "%s is back", self->device.path);
  restart_clock (self);
  start_polling (self);
}

static bool
attend_clock (Serial *self)
{
  int64_t now = now_ns (self);

  if (now >= self->clock.silence)
    advise (self);
  if (now >= self->clock.reconnect)
    reconnect (self);
  if (now < self->clock.quiet)
    return true;
  self->clock.quiet = MF_SERIAL_NEVER;
  return mf_serial_settle (self, MF_END_QUIET);
}

// ---- live boards: bytes

static bool
hear (Serial *self)
{
  size_t n;
  MfRead result = read_some (self, &n);

  if (result == MF_READ_GONE)
    return lose_board (self);
  if (result != MF_READ_BYTES)
    return result == MF_READ_NOTHING;
  self->heard = true;
  self->clock.silence = MF_SERIAL_NEVER;
  self->clock.quiet = now_ns (self) + QUIET;
  return mf_serial_polls (self) ? converse (self, self->buffer, n)
                                : mf_serial_feed (self, self->buffer, n);
}

// The run is over and mf_wait would not wait any more: the few bytes of a farewell are exchanged
// here.
static void
say_farewell (Serial *self)
{
  int64_t end = now_ns (self) + FAREWELL;
  int64_t now = now_ns (self);

  mf_repl_leave (&self->repl, now);
  while (mf_repl_get_phase (&self->repl) == MF_REPL_TALKING && now < end
         && mf_source_get_fd (self->source) >= 0) {
    struct pollfd fd = { mf_source_get_fd (self->source), POLLIN, 0 };
    int64_t left = MIN (mf_repl_get_deadline (&self->repl), end) - now;
    size_t n = 0;

    send_pending (self);
    if (poll (&fd, 1, (int) (MAX (left, 0) / 1000000 + 1)) > 0
        && mf_source_read (self->source, self->buffer, BUFFER_BYTES, &n, NULL) == MF_READ_GONE)
      break;
    now = now_ns (self);
    mf_repl_receive (&self->repl, now, self->buffer, n, self->poll_text);
    mf_repl_tick (&self->repl, now);
  }
}

static bool
attend (Serial *self)
{
  MfWait event = mf_wait (self, mf_source_get_fd (self->source), time_left (self));

  if (event == MF_WAIT_STOP)
    return true;
  if (event == MF_WAIT_READY && !hear (self))
    return false;
  return attend_clock (self) && attend_poll (self);
}

bool
mf_serial_listen (Serial *self)
{
  bool ok = ensure_buffer (self);

  self->poll_text = g_string_new (NULL);
  restart_clock (self);
  start_polling (self);
  while (ok && !mf_stopping (self) && !mf_serial_has_enough (self))
    ok = attend (self);
  if (mf_serial_polls (self) && self->buffer)
    say_farewell (self);
  return ok && mf_serial_settle (self, MF_END_OF_STREAM);
}
