// SPDX-License-Identifier: Apache-2.0
// Where the text of a board comes from: a file, a pipe, stdin, or a terminal that may disappear
// and come back. Never blocks; one descriptor to wait for.
#pragma once

#include "port.h"

typedef enum {
  MF_SOURCE_FILE,   // of known size
  MF_SOURCE_STREAM, // pipe, FIFO, stdin: ends once
  MF_SOURCE_PORT,   // live: a board behind a terminal
} MfSourceKind;

typedef enum {
  MF_READ_BYTES,
  MF_READ_NOTHING, // not now
  MF_READ_END,
  MF_READ_GONE,   // a port has disappeared: mf_source_reopen until it succeeds
  MF_READ_FAILED, // the error is set
} MfRead;

typedef struct MfSource MfSource;

// Opens `path` ("-" is stdin); `settings` count for ports only. Free with mf_source_close.
// NULL = failed: `error` is a whole sentence.
MfSource *mf_source_open (const char *path, const MfPortSettings *settings, GError **error);
void mf_source_close (MfSource *self);

MfSourceKind mf_source_get_kind (const MfSource *self);
// To be polled for input before mf_source_read; -1 while a port is gone.
int mf_source_get_fd (const MfSource *self);
// Bytes that a file had when it was opened; 0 = not known.
uint64_t mf_source_get_size (const MfSource *self);

// Reads up to `room` bytes; *n of them with MF_READ_BYTES.
MfRead mf_source_read (MfSource *self, void *bytes, size_t room, size_t *n, GError **error);
// Writes what the port takes now and returns how many bytes that were.
size_t mf_source_write (MfSource *self, const char *bytes, size_t n);

// Tries once to open a port that is gone. False: `error` says why, try again later.
bool mf_source_reopen (MfSource *self, GError **error);
// How long to wait before the next attempt, in ns: 250 ms, doubling to 5 s; received bytes reset
// it.
int64_t mf_source_take_delay (MfSource *self);
