// SPDX-License-Identifier: Apache-2.0
// Cuts a byte stream of any chunking into logical lines: LF, CR LF, CR CR LF and lone CR end a
// line, NUL bytes are dropped and counted, and no line is longer than MF_LINE_LIMIT.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MF_LINE_LIMIT 4096

// One logical line without its end. `text` is not terminated by NUL and lives until the callback
// returns.
typedef struct {
  const char *text;
  size_t length;     // bytes
  uint64_t number;   // from 1
  uint64_t offset;   // of the first byte in the stream, in bytes
  bool unterminated; // the stream ended before the line did: its last number may be cut
  bool cut;          // longer than MF_LINE_LIMIT: the rest was dropped
} MfLine;

typedef struct {
  uint64_t bytes;         // received
  uint64_t lines;         // delivered
  uint64_t nul_bytes;     // dropped
  uint64_t cut_lines;     // lines longer than MF_LINE_LIMIT
  uint64_t dropped_bytes; // their rest
} MfLineCounts;

// Returns false to stop the reader: mf_line_reader_feed then returns false at once.
typedef bool (*MfLineFunc) (void *user, const MfLine *line);

// Fixed size, no heap: embed it, set it to zero, give it `deliver` and `user`.
typedef struct {
  MfLineFunc deliver;
  void *user;
  MfLineCounts counts;
  uint64_t number;      // of the line being collected, less one
  uint64_t line_offset; // where the line being collected begins
  size_t length;        // of `text`
  size_t returns;       // CRs since the line that the first of them ended
  bool begun;           // a byte of it has come, if only a NUL
  bool cut;
  char text[MF_LINE_LIMIT];
} MfLineReader;

// Feeds `length` bytes; lines that are whole in `bytes` are delivered without being copied.
bool mf_line_reader_feed (MfLineReader *self, const char *bytes, size_t length);

// Delivers what is left as an unterminated line. Afterwards the reader can be fed again.
bool mf_line_reader_end (MfLineReader *self);

// The line that is being received, as a prompt (">>> ") is: valid until the next feed.
const char *mf_line_reader_borrow_partial (const MfLineReader *self, size_t *length);
