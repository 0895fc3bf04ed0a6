// SPDX-License-Identifier: Apache-2.0
// Strangers are heard one message each, within a time limit, and never keep the recorder waiting.
#include "receiver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bytes.h"

#define MS INT64_C (1000000)
enum { GREETING_MOST = 5000, RETRY_AFTER = 500 };  // ms

static void
tell (const MfReceiver *receiver, bool important, const char *what, const char *why)
{
  char text[512];
  snprintf (text, sizeof text, "%s: %s%s%s", receiver->endpoint->name, what, *why ? ": " : "", why);
  receiver->say (receiver->user, important, text);
}

static void
watch (const MfReceiver *receiver, int fd)
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
  epoll_ctl (receiver->poller, EPOLL_CTL_ADD, fd, &event);
}

// ---- the connection

static void
cut (MfReceiver *receiver, const char *why)
{
  close (receiver->fd);
  receiver->fd = -1;
  tell (receiver, true, "the connection was cut, waiting for the recorder", why);
}

static void
send_receipt (const MfReceiver *receiver)
{
  uint8_t receipt[MF_RECEIPT_BYTES];
  mf_store64 (receipt, receiver->has);
  // One that finds no room is not missed: the next one says the same and more. A partial one cannot be: 8 bytes go whole.
  send (receiver->fd, receipt, sizeof receipt, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// The place where the capture goes on. False = not there yet, or wrong.
static bool
take_start (MfReceiver *receiver)
{
  MfStart start;
  while (receiver->n_start < MF_START_BYTES) {
    ssize_t n = recv (receiver->fd, receiver->start + receiver->n_start, MF_START_BYTES - receiver->n_start, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return false;
    if (n <= 0) {
      cut (receiver, n ? strerror (errno) : "");
      return false;
    }
    receiver->n_start += (size_t) n;
    if (receiver->n_start < MF_START_BYTES)
      continue;
    if (!mf_start_load (&start, &receiver->answer, receiver->start)) {
      cut (receiver, "it begins at a place that was not agreed upon");
      return false;
    }
    receiver->has = start.from;
    receiver->preamble = start.preamble;
  }
  return true;
}

static void
count_bytes (MfReceiver *receiver, size_t n)
{
  size_t preamble = n < receiver->preamble ? n : (size_t) receiver->preamble;
  receiver->preamble -= preamble;
  receiver->has += n - preamble;
  if (receiver->endpoint->kind != MF_ENDPOINT_SERIAL)
    send_receipt (receiver);
}

static bool
read_connection (MfReceiver *receiver, void *bytes, size_t n, size_t *got)
{
  bool serial = receiver->endpoint->kind == MF_ENDPOINT_SERIAL;
  if (receiver->fd < 0 || (!serial && !take_start (receiver)))
    return false;
  ssize_t some = read (receiver->fd, bytes, n);
  if (some < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  if (some <= 0) {
    cut (receiver, some ? strerror (errno) : "");
    return false;
  }
  *got = (size_t) some;
  count_bytes (receiver, *got);
  return true;
}

// ---- peers: those who have not proven who they are

static void
forget_peer (MfPeer *peer)
{
  if (peer->fd >= 0)
    close (peer->fd);
  *peer = (MfPeer) { .fd = -1 };
}

static MfPeer *
place_for_peer (MfReceiver *receiver)
{
  MfPeer *oldest = &receiver->peers[0];
  for (int i = 0; i < MF_RECEIVER_PEERS; i++) {
    if (receiver->peers[i].fd < 0)
      return &receiver->peers[i];
    if (receiver->peers[i].deadline < oldest->deadline)
      oldest = &receiver->peers[i];
  }
  forget_peer (oldest);
  return oldest;
}

static void
greet (MfReceiver *receiver, int fd, int64_t now)
{
  MfHello hello = { .wants_proof = receiver->secret->n > 0 };
  uint8_t message[MF_HELLO_BYTES];
  bool is_own = receiver->endpoint->kind != MF_ENDPOINT_UNIX || mf_endpoint_is_own (fd);
  if (!is_own || !mf_nonce (hello.nonce)) {
    close (fd);
    return;
  }
  if (receiver->endpoint->kind == MF_ENDPOINT_TCP)
    mf_endpoint_watch (fd);
  mf_hello_store (&hello, message);
  MfPeer *peer = place_for_peer (receiver);
  *peer = (MfPeer) { .fd = fd, .deadline = now + GREETING_MOST * MS, .hello = hello };
  watch (receiver, fd);
  if (send (fd, message, sizeof message, MSG_NOSIGNAL) != sizeof message)
    forget_peer (peer);
}

static void
accept_peers (MfReceiver *receiver, int64_t now)
{
  for (int fd; (fd = accept4 (receiver->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;)
    greet (receiver, fd, now);
}

static void
answer_peer (MfReceiver *receiver, MfPeer *peer, MfAnswer answer)
{
  uint8_t message[MF_ANSWER_BYTES];
  mf_answer_store (&answer, &peer->hello, &peer->claim, receiver->secret, message);
  bool sent = send (peer->fd, message, sizeof message, MSG_NOSIGNAL) == sizeof message;
  if (!sent || answer.kind != MF_ANSWER_WELCOME)
    forget_peer (peer);
}

static void
welcome (MfReceiver *receiver, MfPeer *peer)
{
  bool again = receiver->is_known;
  MfAnswer answer = { MF_ANSWER_WELCOME, receiver->has };
  answer_peer (receiver, peer, answer);
  if (peer->fd < 0)
    return;
  if (receiver->fd >= 0)
    close (receiver->fd);
  memcpy (receiver->recording, peer->claim.recording, MF_NONCE_BYTES);
  receiver->is_known = true;
  receiver->answer = answer;
  receiver->fd = peer->fd;
  receiver->n_start = 0;
  receiver->preamble = 0;
  *peer = (MfPeer) { .fd = -1 };
  tell (receiver, again, again ? "the recorder is connected again" : "a recorder is connected", "");
}

static bool
read_claim (MfPeer *peer)
{
  while (peer->n_in < MF_CLAIM_BYTES) {
    ssize_t n = recv (peer->fd, peer->in + peer->n_in, MF_CLAIM_BYTES - peer->n_in, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return false;
    if (n <= 0) {
      forget_peer (peer);
      return false;
    }
    peer->n_in += (size_t) n;
  }
  return true;
}

// The recorder of the present recording takes its place again; another one has to wait until that one is over.
static void
judge (MfReceiver *receiver, MfPeer *peer)
{
  bool proven;
  if (!mf_claim_load (&peer->claim, &peer->hello, receiver->secret, peer->in, &proven)) {
    forget_peer (peer);
    return;
  }
  if (receiver->secret->n && !proven) {
    tell (receiver, true, "a recorder was refused, it does not know the secret", "");
    answer_peer (receiver, peer, (MfAnswer) { MF_ANSWER_REFUSED, 0 });
    return;
  }
  bool same = receiver->is_known && !memcmp (peer->claim.recording, receiver->recording, MF_NONCE_BYTES);
  if (same && (peer->claim.end < receiver->has || (receiver->has && peer->claim.oldest > receiver->has)))
    forget_peer (peer);  // it is not what it says
  else if (same || !receiver->is_known)
    welcome (receiver, peer);
  else if (receiver->fd >= 0)
    answer_peer (receiver, peer, (MfAnswer) { MF_ANSWER_BUSY, 0 });
  else
    peer->claimed = true;
}

static bool
attend_peers (MfReceiver *receiver, int64_t now)
{
  bool another = false;
  accept_peers (receiver, now);
  for (int i = 0; i < MF_RECEIVER_PEERS; i++) {
    MfPeer *peer = &receiver->peers[i];
    if (peer->fd >= 0 && (peer->claimed || read_claim (peer)))
      judge (receiver, peer);
    if (peer->fd >= 0 && !peer->claimed && now > peer->deadline)
      forget_peer (peer);
    another |= peer->fd >= 0 && peer->claimed;
  }
  return another;
}

// ---- serial lines

static void
attend_line (MfReceiver *receiver, int64_t now)
{
  if (receiver->fd >= 0 || now < receiver->retry)
    return;
  receiver->retry = now + RETRY_AFTER * MS;
  receiver->fd = mf_endpoint_connect (receiver->endpoint, 0);
  if (receiver->fd >= 0)
    watch (receiver, receiver->fd);
}

// ---- life

const char *
mf_receiver_open (MfReceiver *receiver, const MfEndpoint *endpoint, const MfSecret *secret)
{
  receiver->endpoint = endpoint;
  receiver->secret = secret;
  receiver->fd = receiver->listener = -1;
  for (int i = 0; i < MF_RECEIVER_PEERS; i++)
    receiver->peers[i].fd = -1;
  receiver->poller = epoll_create1 (EPOLL_CLOEXEC);
  if (receiver->poller < 0)
    return "cannot wait for several connections";
  if (endpoint->kind == MF_ENDPOINT_SERIAL) {
    attend_line (receiver, 0);
    return receiver->fd < 0 ? "cannot open the serial line" : NULL;
  }
  receiver->listener = mf_endpoint_listen (endpoint);
  if (receiver->listener < 0)
    return "cannot listen there";
  watch (receiver, receiver->listener);
  return NULL;
}

void
mf_receiver_close (MfReceiver *receiver)
{
  for (int i = 0; i < MF_RECEIVER_PEERS; i++)
    forget_peer (&receiver->peers[i]);
  if (receiver->endpoint->kind == MF_ENDPOINT_UNIX && receiver->listener >= 0)
    unlink (receiver->endpoint->name);
  const int fds[] = { receiver->fd, receiver->listener, receiver->poller };
  for (int i = 0; i < 3; i++)
    if (fds[i] >= 0)
      close (fds[i]);
  receiver->fd = receiver->listener = receiver->poller = -1;
}

int
mf_receiver_fd (const MfReceiver *receiver)
{
  return receiver->poller;
}

MfReceived
mf_receiver_read (MfReceiver *receiver, void *bytes, size_t n, size_t *got, int64_t now)
{
  if (read_connection (receiver, bytes, n, got))
    return MF_RECEIVED_BYTES;
  if (receiver->endpoint->kind == MF_ENDPOINT_SERIAL) {
    attend_line (receiver, now);
    return MF_RECEIVED_NOTHING;
  }
  bool another = attend_peers (receiver, now);
  return another && receiver->fd < 0 ? MF_RECEIVED_ANOTHER : MF_RECEIVED_NOTHING;
}

void
mf_receiver_next (MfReceiver *receiver)
{
  receiver->is_known = false;
  receiver->has = 0;
}
