// SPDX-License-Identifier: Apache-2.0
// The receiving end: waits for a recorder, greets it, and hands out the bytes of its capture in their order, also when the
// connection is cut and made again. Never waits itself. One thread at a time.
#pragma once

#include "endpoint.h"
#include "greeting.h"

enum { MF_RECEIVER_PEERS = 8 };

typedef struct {
  int fd;                      // -1 = free
  bool claimed;                // waits until the present recording is over
  size_t n_in;
  int64_t deadline;
  MfHello hello;
  MfClaim claim;
  uint8_t in[MF_CLAIM_BYTES];
} MfPeer;

typedef struct {
  const MfEndpoint *endpoint;
  const MfSecret *secret;
  void *user;
  void (*say) (void *user, bool important, const char *text);  // how the connection fares

  int listener, poller;
  MfPeer peers[MF_RECEIVER_PEERS];

  int fd;                      // of the connection; -1 = none
  bool is_known;               // a recording has begun
  uint8_t recording[MF_NONCE_BYTES];
  uint64_t has;                // bytes of it
  MfAnswer answer;
  uint8_t start[MF_START_BYTES];
  size_t n_start;
  uint64_t preamble;           // bytes of a file header that are still to come
  int64_t retry;               // when a serial line is opened again
} MfReceiver;

typedef enum { MF_RECEIVED_BYTES, MF_RECEIVED_NOTHING, MF_RECEIVED_ANOTHER } MfReceived;

// Listens. NULL, or what has failed (errno says why). Endpoint and secret stay the caller's. Close in any case.
const char *mf_receiver_open (MfReceiver *receiver, const MfEndpoint *endpoint, const MfSecret *secret);
void mf_receiver_close (MfReceiver *receiver);

// Readable when there is something to do; look in any case each 100 ms.
int mf_receiver_fd (const MfReceiver *receiver);

// The next bytes, up to n; `now` is of CLOCK_MONOTONIC, ns. ANOTHER: a recorder waits with another recording, and the one
// before will not go on.
MfReceived mf_receiver_read (MfReceiver *receiver, void *bytes, size_t n, size_t *got, int64_t now);
// Forgets the recording: the next one begins.
void mf_receiver_next (MfReceiver *receiver);
