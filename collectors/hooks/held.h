// SPDX-License-Identifier: Apache-2.0
// What each call site holds and has requested, in a fixed amount of memory: for recordings that keep no single events. What
// does not fit is counted. Pure C; one thread at a time.
#pragma once

#include <memflow/events.h>

#include "ring-reader.h"

typedef struct MfHeld MfHeld;

// Makes it in the caller's memory of that size, at least MF_HELD_LEAST and aligned for any type; three quarters are for live
// blocks, 16 bytes each, the rest for sites.
enum { MF_HELD_LEAST = 16 * 1024 };
MfHeld *mf_held_init (void *memory, size_t bytes);

// Calls of sites that there is no room for are counted at this stack.
void mf_held_set_others (MfHeld *held, MfStack others);

// Takes an event.
void mf_held_take (MfHeld *held, const MfAlloc *event);

typedef struct {
  void *user;
  bool (*site) (void *user, const MfAllocSite *row);    // false = stop
  bool (*total) (void *user, const MfAllocTotal *row);  // closes the sites of its process
} MfHeldSink;

// Tells the state of each process, one after the other; the snapshot's number is counted up. False = the sink has said stop.
bool mf_held_publish (MfHeld *held, MfTime now, const MfHeldSink *sink);

// Events since the last call that are in no figure, because there were too many processes at one time.
uint64_t mf_held_take_homeless (MfHeld *held);

// Makes room: a process that is gone holds nothing any more. Publish before.
void mf_held_forget (MfHeld *held, uint32_t process);
// The same for all that are gone and whose rings have been read.
void mf_held_forget_gone (MfHeld *held, const MfRingReader *reader);
// The processes that are known: how many, up to `most`.
uint32_t mf_held_processes (const MfHeld *held, uint32_t *processes, uint32_t most);

// Calls for each stack that is in use.
void mf_held_visit (const MfHeld *held, void *user, void (*stack) (void *user, MfStack stack));
