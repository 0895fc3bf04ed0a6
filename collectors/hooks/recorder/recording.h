// SPDX-License-Identifier: Apache-2.0
// One recording: what the rings of a program hold becomes a capture. Knows neither where the capture goes nor when to stop.
#pragma once

#include "budget.h"
#include "held.h"
#include "interner.h"
#include "outlet.h"
#include "plan.h"
#include "ring-clock.h"
#include "ring-reader.h"
#include "wire.h"

enum { MF_N_RING_LOSSES = MF_RING_HOMELESS + 1, MF_RECENT_NAMES = 4, MF_SITE_ROWS = 16 };

typedef struct {
  const Plan *plan;
  Budget *budget;
  MfOutlet *outlet;
  MfRingReader *reader;
  MfInterner *names;
  MfHeld *held;                    // mode live; NULL = each event is written
  MfWireWriter *writer;
  MfWireWriting writing;
  bool tsc;

  MfString stage, input;
  MfStack unknown;                 // stands for stacks that there was no room for
  MfString recent[MF_RECENT_NAMES];  // in no slot yet
  uint32_t next_recent;
  MfStack caller, touched;         // of the stack that is being made; of the last event
  bool is_full;                    // the outlet has no room for more
  bool finishing;                  // take what is left, whether there is room or not
  bool crowded;                    // a collection has freed too little: none until the block ends

  MfAllocSite sites[MF_SITE_ROWS]; // not written yet
  uint32_t n_sites;
  int64_t zero, flushed, snapped;  // ns: the zero of times; when the last block was closed; the last snapshot
  uint64_t losses[MF_N_RING_LOSSES];  // not written yet

  uint64_t written;                // events, since the capture began
  uint64_t lost, stackless, damaged;
  uint32_t stacks;                 // MF_STACKS_*, of the last thread that had none
  uint32_t version;                // of the Python whose stacks are not known
  bool python;
} MfRecording;

// Makes a recording of the region; `command` names it. False = there is no memory.
bool mf_recording_init (MfRecording *recording, const Plan *plan, Budget *budget, MfRingRegion *region, bool tsc,
    const char *command);
// Where the capture goes; begins a new one.
void mf_recording_begin (MfRecording *recording, MfOutlet *outlet);
void mf_recording_free (MfRecording *recording);

// Takes what the rings hold: how many events. Less than all if the outlet has no more room.
uint64_t mf_recording_drain (MfRecording *recording);
// Closes the open block if something has waited that long, ns.
void mf_recording_flush (MfRecording *recording, int64_t after);
// Mode live: a snapshot, if the last one is that old, ns.
void mf_recording_snap (MfRecording *recording, int64_t after);
// The program has ended: takes what is left.
void mf_recording_finish (MfRecording *recording);
// Ends the capture with its totals.
void mf_recording_end (MfRecording *recording);
