// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a recorder says to a receiver that waits for one: its claim, its start, its capture.
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "receiver.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

static void
say (void *user, bool important, const char *text)
{
  (void) important;
  *(size_t *) user += strlen (text);
}

// The bytes go through a socket whose other end is a peer that was greeted with a nonce of zeros.
static void
converse (const uint8_t *bytes, size_t n, const MfSecret *secret)
{
  enum { ROUNDS = 8, MOST = 65536 };
  static const MfEndpoint endpoint = { .kind = MF_ENDPOINT_TCP, .name = "fuzz" };
  size_t said = 0, got, sum = 0;
  uint8_t some[64];
  int ends[2];
  MfReceiver receiver = { .endpoint = &endpoint, .secret = secret, .user = &said, .say = say, .fd = -1, .listener = -1,
    .poller = -1 };
  for (int i = 0; i < MF_RECEIVER_PEERS; i++)
    receiver.peers[i].fd = -1;
  if (n > MOST || socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends))
    return;
  receiver.peers[0].fd = ends[1];
  receiver.peers[0].deadline = INT64_MAX;
  if (write (ends[0], bytes, n) == (ssize_t) n)
    for (int i = 0; i < ROUNDS; i++)
      if (mf_receiver_read (&receiver, some, sizeof some, &got, 0) == MF_RECEIVED_BYTES)
        sum += got;
  if (sum > n || (secret->n && sum))
    abort ();
  close (ends[0]);
  mf_receiver_close (&receiver);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  static const MfSecret nothing, secret = { "nobody knows it", 15 };
  converse (bytes, n, &nothing);
  converse (bytes, n, &secret);
  return 0;
}
