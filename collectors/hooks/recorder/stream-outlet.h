// SPDX-License-Identifier: Apache-2.0
// A capture on its way to a receiver: through a connection that is made again when it was cut, a serial line, or a pipe.
// Blocks wait in a queue until the receiver has them.
#pragma once

#include "endpoint.h"
#include "greeting.h"
#include "outlet.h"

typedef enum { MF_STREAM_DOWN, MF_STREAM_CONNECTING, MF_STREAM_GREETED, MF_STREAM_CLAIMED, MF_STREAM_UP, MF_STREAM_DEAD } MfStreamState;

// The end of a block in the capture, and how many rows there are up to it.
typedef struct { uint64_t at, rows; } MfBlockEnd;

typedef struct {
  MfOutlet outlet;
  MfEndpoint endpoint;
  MfSecret secret;
  bool is_pipe, greets;       // greets: the other end answers
  MfStreamState state;
  int fd;
  uint32_t address;           // which one is tried
  int64_t retry, delay, deadline, linger, progress;
  bool cut;                   // it was connected once
  char trouble[64];           // that has been told; "" = none

  // Bytes of the capture from `base` on; `sent` of them are on their way, `has` are with the receiver.
  uint8_t *queue;
  size_t size, margin;
  uint64_t base, sent, has, end;
  MfBlockEnd *blocks;         // a ring
  uint32_t blocks_most, first_block, n_blocks;
  uint64_t rows_put, rows_queued, rows_released;

  uint8_t header[32];         // of the file, for a receiver that begins in the middle
  MfHello hello;
  MfClaim claim;
  uint8_t in[MF_GREETING_MOST], out[MF_GREETING_MOST];
  size_t n_in, n_out, out_at; // read of the message that is expected; to be sent before the capture
} MfStreamOutlet;

// Bytes of memory for a queue of that size.
size_t mf_stream_outlet_bytes (size_t queue);

// To an endpoint, or to the standard output. `longest` is the most bytes of one block; `linger`, ns. The memory is the caller's.
bool mf_stream_outlet_open (MfStreamOutlet *stream, const MfEndpoint *endpoint, const MfSecret *secret, void *memory,
    size_t queue, size_t longest, int64_t linger);
bool mf_pipe_outlet_open (MfStreamOutlet *stream, void *memory, size_t queue, size_t longest, int64_t linger);
