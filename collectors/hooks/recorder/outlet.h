// SPDX-License-Identifier: Apache-2.0
// Where a capture goes: a file, or a stream to a receiver. It takes whole blocks and loses whole ones; the numbers of blocks
// and the totals at the end of the capture tell a reader exactly what is missing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct MfOutlet MfOutlet;

typedef struct {
  // Takes a block, or the header of the file: all of it or nothing.
  bool (*put) (MfOutlet *outlet, const uint8_t *head, size_t n_head, const uint8_t *body, size_t n_body);
  // Is there room for more blocks? If not, the rings wait.
  bool (*has_room) (MfOutlet *outlet);
  // Waits until there is. False = given up.
  bool (*make_room) (MfOutlet *outlet);
  // Moves what can be moved without waiting; `now` is of CLOCK_MONOTONIC, ns.
  void (*attend) (MfOutlet *outlet, int64_t now);
  // The end of the capture has been put: waits until it has arrived. False = it has not.
  bool (*settle) (MfOutlet *outlet);
  void (*close) (MfOutlet *outlet);
} MfOutletKind;

struct MfOutlet {
  const MfOutletKind *kind;
  const char *name;
  uint8_t head[32];      // of the block whose body comes next
  bool has_head, ending;
  uint64_t rows;         // events in all blocks that were put; set by the owner before each
  uint64_t rows_missing; // those of blocks that were not taken
  uint64_t bytes;        // taken
  char failure[256];     // "" = none
  void (*say) (bool important, const char *text);  // of a stream: how its connection fares
  bool (*is_impatient) (void);                     // the user wants it to end now
};

// The bytes that a writer of the capture writes: a head and a body in turn. What cannot be taken is counted.
void mf_outlet_write (MfOutlet *outlet, const void *bytes, size_t n);

// ---- a file

typedef struct {
  MfOutlet outlet;
  int fd;
  uint64_t at, before;               // ends of the last block and of the one before it
  uint64_t rows_at, rows_before;     // rows up to there
  int64_t retry;                     // when a full disk is tried again
  uint8_t header[32];                // of the capture: what comes first, whenever that is
  size_t n_header;
} MfFileOutlet;

// Opens a file for a capture, with mode 0600, in place of one that is there. False = `failure` says why.
bool mf_file_outlet_open (MfFileOutlet *file, const char *path);
