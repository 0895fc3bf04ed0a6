// SPDX-License-Identifier: Apache-2.0
// Drives a MicroPython prompt to make it print its heap: a pure machine. Bytes and the time go in,
// bytes to send and the next deadline come out; it does no input or output and never sleeps.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  int64_t interval;       // from poll to poll, in ns
  int64_t prompt_timeout; // how long to ask for a prompt before giving up, in ns
  bool collect;           // gc.collect () before each map
  bool soft_reset;        // how it ends: soft reset, or at the friendly prompt
} MfReplSettings;

typedef enum {
  MF_REPL_RESTING, // nothing to do before the deadline
  MF_REPL_TALKING,
  MF_REPL_LEFT,   // after mf_repl_leave: the board has been left as wished, or does not answer
  MF_REPL_FAILED, // see mf_repl_get_failure
} MfReplPhase;

// Fixed size, no heap but `failure`'s own array: embed it. Members are private.
typedef struct {
  MfReplSettings settings;
  unsigned step;
  int64_t limit; // when the present step gives up
  int64_t next_send;
  int64_t next_poll;
  int64_t give_up;   // when seeking a prompt has taken too long
  unsigned attempts; // to get through the present poll
  const char *sending;
  size_t left;            // bytes of `sending` still to go
  unsigned char tail[48]; // the last bytes received, for markers and for messages
  size_t n_tail;
  uint64_t polls;
  char complaint[256]; // what the board said against the last script
  size_t n_complaint;
  char failure[384];
} MfRepl;

// Starts with a poll at `now` (ns of any monotonic clock, the same in all calls).
void mf_repl_start (MfRepl *self, const MfReplSettings *settings, int64_t now);

// Takes what the board sent. Appends to `text` what belongs to the readers of dumps: everything but
// the frame of the raw mode, each script's output on lines of its own.
void mf_repl_receive (MfRepl *self, int64_t now, const char *bytes, size_t n, GString *text);

// What to write now: *n bytes (0 = nothing); report with mf_repl_sent how many of them went out.
// Small pieces with pauses, because not all boards have flow control.
const char *mf_repl_pending (MfRepl *self, int64_t now, size_t *n);
void mf_repl_sent (MfRepl *self, int64_t now, size_t n);

// Time has passed: call at mf_repl_get_deadline or later; earlier calls do no harm.
void mf_repl_tick (MfRepl *self, int64_t now);
int64_t mf_repl_get_deadline (const MfRepl *self);

// Ends the conversation as the settings say; go on until the phase is MF_REPL_LEFT.
void mf_repl_leave (MfRepl *self, int64_t now);

MfReplPhase mf_repl_get_phase (const MfRepl *self);
// Scripts that ran to their end, with a complaint or without.
uint64_t mf_repl_get_polls (const MfRepl *self);
// Whether the board is answering an interrupt of ours: what it prints now it would not print
// otherwise.
bool mf_repl_is_interrupting (const MfRepl *self);
// Whether a script of ours is running: what fails now is ours.
bool mf_repl_is_asking (const MfRepl *self);
// One sentence, "" if the machine has not failed.
const char *mf_repl_get_failure (const MfRepl *self);
// What the board said against the last script in raw mode, "" if nothing. Bytes of the device.
const char *mf_repl_get_complaint (const MfRepl *self);
