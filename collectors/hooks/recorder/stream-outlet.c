// SPDX-License-Identifier: Apache-2.0
// A machine of a few states that never waits: each step does what can be done now.
#include "stream-outlet.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "ring-clock.h"

#define MS INT64_C (1000000)
enum { FIRST_DELAY = 100, LONGEST_DELAY = 5000, GREETING_MOST = 10000 };  // ms
enum { BYTES_A_BLOCK = 512, SPARE_BLOCKS = 16, MARGIN_BLOCKS = 4, PIPE_CHUNK = 4096, LINE_CHUNK = 65536 };

static void step (MfStreamOutlet *stream, int64_t now);

static uint32_t
most_blocks (size_t queue)
{
  return (uint32_t) (queue / BYTES_A_BLOCK + SPARE_BLOCKS);
}

size_t
mf_stream_outlet_bytes (size_t queue)
{
  return queue + 8 + most_blocks (queue) * sizeof (MfBlockEnd);
}

// ---- the queue

static size_t
room (const MfStreamOutlet *stream)
{
  return stream->size - (size_t) (stream->end - stream->base);
}

static void
append (MfStreamOutlet *stream, const uint8_t *bytes, size_t n)
{
  size_t at = (size_t) (stream->end % stream->size), first = stream->size - at;
  first = first < n ? first : n;
  if (n)
    memcpy (stream->queue + at, bytes, first);
  if (n > first)
    memcpy (stream->queue, bytes + first, n - first);
  stream->end += n;
}

static MfBlockEnd *
oldest_block (const MfStreamOutlet *stream)
{
  return &stream->blocks[stream->first_block];
}

// Lets blocks go that the receiver has.
static void
release (MfStreamOutlet *stream)
{
  while (stream->n_blocks && oldest_block (stream)->at <= stream->has) {
    stream->base = oldest_block (stream)->at;
    stream->rows_released = oldest_block (stream)->rows;
    stream->first_block = (stream->first_block + 1) % stream->blocks_most;
    stream->n_blocks--;
  }
}

static bool
stream_put (MfOutlet *outlet, const uint8_t *head, size_t n_head, const uint8_t *body, size_t n_body)
{
  MfStreamOutlet *stream = (MfStreamOutlet *) outlet;
  uint64_t rows = outlet->rows - stream->rows_put;
  stream->rows_put = outlet->rows;
  if (!n_body && n_head == sizeof stream->header)
    memcpy (stream->header, head, n_head);
  if (room (stream) < n_head + n_body || stream->n_blocks == stream->blocks_most || stream->state == MF_STREAM_DEAD) {
    outlet->rows_missing += rows;
    return false;
  }
  append (stream, head, n_head);
  append (stream, body, n_body);
  uint32_t place = (stream->first_block + stream->n_blocks++) % stream->blocks_most;
  stream->rows_queued += rows;
  stream->blocks[place] = (MfBlockEnd) { stream->end, stream->rows_queued };
  step (stream, mf_ring_ns ());
  return true;
}

static bool
stream_has_room (MfOutlet *outlet)
{
  const MfStreamOutlet *stream = (const MfStreamOutlet *) outlet;
  return (room (stream) >= stream->margin && stream->n_blocks + MARGIN_BLOCKS < stream->blocks_most)
      || stream->state == MF_STREAM_DEAD;
}

// ---- the connection comes and goes

static void
tell (MfStreamOutlet *stream, bool important, const char *what, const char *why, const char *then)
{
  char text[512];
  snprintf (text, sizeof text, "%s %s%s%s%s", what, stream->outlet.name, *why ? ": " : "", why, then);
  stream->outlet.say (important, text);
}

static void
disconnect (MfStreamOutlet *stream, int64_t now, const char *why)
{
  if (stream->fd >= 0 && !stream->is_pipe)
    close (stream->fd);
  stream->fd = -1;
  if (stream->is_pipe) {
    snprintf (stream->outlet.failure, sizeof stream->outlet.failure, "cannot write the capture to the standard output: %s", why);
    stream->state = MF_STREAM_DEAD;
    return;
  }
  bool another = stream->state != MF_STREAM_UP && ++stream->address % stream->endpoint.n_addresses;
  if (!another && strncmp (stream->trouble, why, sizeof stream->trouble - 1))
    tell (stream, true, stream->state == MF_STREAM_UP ? "lost the connection to" : "cannot reach", why, "; trying again");
  if (!another)
    snprintf (stream->trouble, sizeof stream->trouble, "%s", why);
  stream->state = MF_STREAM_DOWN;
  stream->retry = another ? now : now + stream->delay * MS;
  if (!another)
    stream->delay = stream->delay * 2 < LONGEST_DELAY ? stream->delay * 2 : LONGEST_DELAY;
}

static void
come_up (MfStreamOutlet *stream)
{
  if (*stream->trouble || !stream->cut)
    tell (stream, *stream->trouble, stream->cut ? "connected again to" : "connected to", "", "");
  stream->state = MF_STREAM_UP;
  stream->trouble[0] = 0;
  stream->cut = true;
  stream->delay = FIRST_DELAY;
}

static void
connect_now (MfStreamOutlet *stream, int64_t now)
{
  stream->fd = mf_endpoint_connect (&stream->endpoint, stream->address);
  if (stream->fd < 0) {
    disconnect (stream, now, strerror (errno));
    return;
  }
  stream->state = MF_STREAM_CONNECTING;
  stream->deadline = now + GREETING_MOST * MS;
  stream->n_in = stream->n_out = stream->out_at = 0;
  if (!stream->greets) {
    stream->sent = stream->base;  // what was sent in part begins again
    come_up (stream);
  }
}

static void
finish_connecting (MfStreamOutlet *stream, int64_t now)
{
  struct pollfd ready = { stream->fd, POLLOUT, 0 };
  int error = 0;
  socklen_t n = sizeof error;
  if (poll (&ready, 1, 0) < 1)
    return;
  if (getsockopt (stream->fd, SOL_SOCKET, SO_ERROR, &error, &n) || error) {
    disconnect (stream, now, strerror (error));
    return;
  }
  if (stream->endpoint.kind == MF_ENDPOINT_TCP)
    mf_endpoint_watch (stream->fd);
  if (stream->endpoint.kind == MF_ENDPOINT_UNIX && !mf_endpoint_is_own (stream->fd))
    disconnect (stream, now, "it belongs to another user");
  else
    stream->state = MF_STREAM_GREETED;
}

// ---- moving bytes

// Reads what is missing of an expected message. True = it is whole.
static bool
read_message (MfStreamOutlet *stream, size_t n, int64_t now)
{
  while (stream->n_in < n) {
    ssize_t got = recv (stream->fd, stream->in + stream->n_in, n - stream->n_in, 0);
    if (got > 0)
      stream->n_in += (size_t) got;
    else if (got < 0 && (errno == EAGAIN || errno == EINTR))
      return false;
    else {
      disconnect (stream, now, got ? strerror (errno) : "it has closed the connection");
      return false;
    }
  }
  stream->n_in = 0;
  return true;
}

static bool
may_write (const MfStreamOutlet *stream)
{
  struct pollfd ready = { stream->fd, POLLOUT, 0 };
  return !stream->is_pipe || poll (&ready, 1, 0) == 1;
}

// How many bytes were taken; 0 = none now, or the connection is gone.
static size_t
push (MfStreamOutlet *stream, const uint8_t *bytes, size_t n, int64_t now)
{
  size_t most = stream->is_pipe ? PIPE_CHUNK : LINE_CHUNK;
  if (!may_write (stream))
    return 0;
  ssize_t put = write (stream->fd, bytes, n < most ? n : most);
  if (put < 0 && errno != EAGAIN && errno != EINTR)
    disconnect (stream, now, strerror (errno));
  if (put > 0)
    stream->progress = now;
  return put > 0 ? (size_t) put : 0;
}

static bool
push_message (MfStreamOutlet *stream, int64_t now)
{
  if (stream->out_at < stream->n_out)
    stream->out_at += push (stream, stream->out + stream->out_at, stream->n_out - stream->out_at, now);
  return stream->out_at == stream->n_out && stream->state != MF_STREAM_DOWN;
}

static void
push_capture (MfStreamOutlet *stream, int64_t now)
{
  while (stream->state == MF_STREAM_UP && stream->sent < stream->end) {
    size_t at = (size_t) (stream->sent % stream->size), n = stream->size - at, left = (size_t) (stream->end - stream->sent);
    size_t put = push (stream, stream->queue + at, n < left ? n : left, now);
    if (!put)
      break;
    stream->sent += put;
  }
  if (!stream->greets && stream->has < stream->sent) {
    stream->has = stream->sent;
    release (stream);
  }
}

static void
take_receipts (MfStreamOutlet *stream, int64_t now)
{
  bool done = stream->outlet.ending && stream->has == stream->end;  // it may close now
  while (!done && stream->state == MF_STREAM_UP && stream->greets && read_message (stream, MF_RECEIPT_BYTES, now)) {
    uint64_t has = mf_load64 (stream->in);
    if (has < stream->has || has > stream->sent) {
      disconnect (stream, now, "it says that it has what it cannot have");
      return;
    }
    stream->progress = has > stream->has ? now : stream->progress;
    stream->has = has;
    release (stream);
    done = stream->outlet.ending && has == stream->end;
  }
}

// ---- greetings

static void
expect (MfStreamOutlet *stream, size_t n, MfStreamState state)
{
  stream->n_out = n;
  stream->out_at = 0;
  stream->state = state;
}

static void
take_hello (MfStreamOutlet *stream, int64_t now)
{
  if (!read_message (stream, MF_HELLO_BYTES, now))
    return;
  stream->claim.oldest = stream->base;
  stream->claim.end = stream->end;
  if (!mf_hello_load (&stream->hello, stream->in))
    disconnect (stream, now, "it is no memflow that listens");
  else if (stream->hello.wants_proof && !stream->secret.n)
    disconnect (stream, now, "it asks for a secret: give --secret FILE");
  else if (!mf_nonce (stream->claim.nonce))
    disconnect (stream, now, "there are no random numbers yet");
  else {
    mf_claim_store (&stream->claim, &stream->hello, &stream->secret, stream->out);
    expect (stream, MF_CLAIM_BYTES, MF_STREAM_CLAIMED);
  }
}

// A receiver that has nothing gets a file header and the oldest block that is left.
static void
start_at (MfStreamOutlet *stream, uint64_t has)
{
  bool fresh = has < stream->base;
  MfStart start = { fresh ? stream->base : has, fresh ? sizeof stream->header : 0 };
  mf_start_store (&start, stream->out);
  memcpy (stream->out + MF_START_BYTES, stream->header, (size_t) start.preamble);
  stream->sent = stream->has = start.from;
  expect (stream, MF_START_BYTES + (size_t) start.preamble, MF_STREAM_UP);
  release (stream);
  come_up (stream);
}

static void
take_answer (MfStreamOutlet *stream, int64_t now)
{
  static const char *const refusals[] = { [MF_ANSWER_BUSY] = "it receives another recording",
    [MF_ANSWER_REFUSED] = "it has another secret" };
  MfAnswer answer;
  bool proven;
  if (!push_message (stream, now) || !read_message (stream, MF_ANSWER_BYTES, now))
    return;
  if (!mf_answer_load (&answer, &stream->hello, &stream->claim, &stream->secret, stream->in, &proven))
    disconnect (stream, now, "it is no memflow that listens");
  else if (answer.kind != MF_ANSWER_WELCOME)
    disconnect (stream, now, refusals[answer.kind]);
  else if (!proven)
    disconnect (stream, now, "it does not know the secret");
  else if (answer.has > stream->end || (answer.has && answer.has < stream->base))
    disconnect (stream, now, "it says that it has what it cannot have");
  else
    start_at (stream, answer.has);
}

// ---- steps

static void
step (MfStreamOutlet *stream, int64_t now)
{
  if (stream->state == MF_STREAM_DOWN && now >= stream->retry)
    connect_now (stream, now);
  if (stream->state == MF_STREAM_CONNECTING)
    finish_connecting (stream, now);
  if (stream->state == MF_STREAM_GREETED)
    take_hello (stream, now);
  if (stream->state == MF_STREAM_CLAIMED)
    take_answer (stream, now);
  if (stream->state == MF_STREAM_UP && push_message (stream, now)) {
    take_receipts (stream, now);
    push_capture (stream, now);
  }
  bool greeting = stream->state == MF_STREAM_CONNECTING || stream->state == MF_STREAM_GREETED || stream->state == MF_STREAM_CLAIMED;
  if (greeting && now > stream->deadline)
    disconnect (stream, now, "it does not answer");
}

static void
stream_attend (MfOutlet *outlet, int64_t now)
{
  step ((MfStreamOutlet *) outlet, now);
}

static void
await (const MfStreamOutlet *stream)
{
  struct pollfd ready = { stream->fd, (short) (POLLIN | (stream->sent < stream->end ? POLLOUT : 0)), 0 };
  poll (&ready, stream->fd >= 0 && !stream->is_pipe, stream->is_pipe ? 2 : 20);
}

static bool
is_given_up (const MfStreamOutlet *stream, int64_t now)
{
  return now - stream->progress > stream->linger || stream->outlet.is_impatient ();
}

static bool
stream_make_room (MfOutlet *outlet)
{
  MfStreamOutlet *stream = (MfStreamOutlet *) outlet;
  stream->progress = mf_ring_ns ();
  for (int64_t now = stream->progress; !stream_has_room (outlet); now = mf_ring_ns ()) {
    if (is_given_up (stream, now))
      return false;
    step (stream, now);
    await (stream);
  }
  return true;
}

static bool
stream_settle (MfOutlet *outlet)
{
  MfStreamOutlet *stream = (MfStreamOutlet *) outlet;
  stream->progress = mf_ring_ns ();
  for (int64_t now = stream->progress; stream->has < stream->end && stream->state != MF_STREAM_DEAD; now = mf_ring_ns ()) {
    if (is_given_up (stream, now))
      break;
    step (stream, now);
    if (stream->has < stream->end)
      await (stream);
  }
  outlet->rows_missing += stream->rows_queued - stream->rows_released;
  if (stream->has < stream->end && !outlet->failure[0])
    snprintf (outlet->failure, sizeof outlet->failure, "%.200s did not take the end of the capture", outlet->name);
  return stream->has == stream->end && !outlet->rows_missing;
}

// A byte behind the end tells the receiver that its last receipt has arrived.
static void
stream_close (MfOutlet *outlet)
{
  MfStreamOutlet *stream = (MfStreamOutlet *) outlet;
  if (stream->greets && stream->state == MF_STREAM_UP && stream->has == stream->end)
    send (stream->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (stream->fd >= 0)
    close (stream->fd);
  stream->fd = -1;
}

static const MfOutletKind stream_kind = { stream_put, stream_has_room, stream_make_room, stream_attend, stream_settle, stream_close };

// ---- life

static void
init (MfStreamOutlet *stream, const char *name, void *memory, size_t queue, size_t longest, int64_t linger)
{
  *stream = (MfStreamOutlet) { .outlet = { .kind = &stream_kind, .name = name }, .fd = -1, .delay = FIRST_DELAY,
    .linger = linger, .blocks = memory, .blocks_most = most_blocks (queue), .size = queue, .margin = 3 * longest };
  stream->queue = (uint8_t *) (stream->blocks + stream->blocks_most);
}

bool
mf_stream_outlet_open (MfStreamOutlet *stream, const MfEndpoint *endpoint, const MfSecret *secret, void *memory,
    size_t queue, size_t longest, int64_t linger)
{
  init (stream, "", memory, queue, longest, linger);
  stream->endpoint = *endpoint;
  stream->outlet.name = stream->endpoint.name;
  stream->secret = *secret;
  stream->greets = endpoint->kind != MF_ENDPOINT_SERIAL;
  return mf_nonce (stream->claim.recording);
}

bool
mf_pipe_outlet_open (MfStreamOutlet *stream, void *memory, size_t queue, size_t longest, int64_t linger)
{
  init (stream, "the standard output", memory, queue, longest, linger);
  stream->is_pipe = true;
  stream->fd = STDOUT_FILENO;
  stream->state = MF_STREAM_UP;
  return !isatty (STDOUT_FILENO);
}
