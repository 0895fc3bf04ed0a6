// SPDX-License-Identifier: Apache-2.0
// The instance of the serial collector, shared by its three rooms: serial.c (options and texts),
// listen.c (where bytes come from and when) and publish.c (what they say, as rows).
#pragma once

#include <memflow/plugin.h>

#include "device-text.h"
#include "repl.h"
#include "source.h"

enum { MF_AFTER_LEAVE, MF_AFTER_SOFT_RESET };

#define MF_SERIAL_NEVER INT64_MAX

// When something is due on a live board; ns of mf_now.
typedef struct {
  int64_t quiet;     // it has paused: what is whole can be published
  int64_t silence;   // it has never said anything: tell the user what to do
  int64_t reconnect; // it is gone: try to open it again
} MfBoardClock;

typedef struct {
  MfStage stage;

  MfPath device;
  uint32_t baud, data_bits, parity, stop_bits, flow, dtr, rts;
  MfDuration poll;
  bool collect;
  uint32_t after, dumps;

  MF_OUT (MfDeviceBoot) boots;
  MF_OUT (MfHeapStats) stats;
  MF_OUT (MfHeapRegion) regions;
  MF_OUT (MfHeapBlock) blocks;
  MF_OUT (MfHeapSnapshot) snapshots;
  MF_OUT (MfDeviceFault) faults;
  MF_OUT (MfInputDamage) damages;

  MfSource *source;
  MfDeviceText *reader;
  char *buffer;
  bool halted; // a row was refused: the run is to stop

  // live boards
  MfBoardClock clock;
  MfRepl repl;
  GString *poll_text;
  bool heard, interrupting, asking, heap_full;
  uint64_t complaints, dumps_before_poll;

  // publishing
  MfTime time; // of the present event
  MfString input, allocator, heap, dump_name, kinds[128];
  uint32_t epoch, sequence, ordinal, snapshot;
  uint64_t good_dumps, damaged_dumps, n_faults, new_names;
  uint32_t newest_name;
  uint64_t published_in_epoch;
  bool version_known, boot_pending;
  MfTextBoot boot;
  char first_damage[256];
} Serial;

// publish.c. Both are called on the collector's thread.
bool mf_serial_open_reader (Serial *self);
// Everything before this is of an earlier start of the board.
void mf_serial_begin_epoch (Serial *self);
// Publishes what waits for more text to come. False as of mf_serial_feed.
bool mf_serial_settle (Serial *self, MfTextEnd why);
// Feeds text of the board. False = the run is to stop, or memory could not be had (mf_fail was
// called).
bool mf_serial_feed (Serial *self, const char *bytes, size_t n);

// listen.c: runs until the source has ended, the run is to stop, or `dumps` were seen.
bool mf_serial_read_through (Serial *self);
bool mf_serial_listen (Serial *self);

static inline bool
mf_serial_polls (const Serial *self)
{
  return self->poll.ns > 0;
}

static inline bool
mf_serial_is_live (const Serial *self)
{
  return mf_source_get_kind (self->source) == MF_SOURCE_PORT;
}

static inline bool
mf_serial_has_enough (const Serial *self)
{
  return self->dumps > 0 && self->good_dumps >= self->dumps;
}
