// SPDX-License-Identifier: Apache-2.0
// The reading end of the rings: takes what the threads of a program have recorded, in the order of time, and gives
// the room back. Everything in the region may be changed by the program at any moment: it is copied, then checked.
#pragma once

#include <memflow/event.h>
#include <memflow/events.h>

#include "hooks-events.h"
#include "ring.h"

typedef enum { MF_RING_DROPPED, MF_RING_CUT_SHORT, MF_RING_DAMAGED, MF_RING_HOMELESS } MfRingLoss;

// The reason (MF_LOST_*) under which events that are missing are told.
uint32_t mf_ring_loss_reason (MfRingLoss loss);

// Why a Python has no stacks, by its verdict (MF_STACKS_*); NULL = it has, it was not asked, or there is no Python.
const char *mf_ring_no_stacks (uint32_t verdict);

// What the reader tells, and what it needs. All calls come from the functions below.
typedef struct {
  void *user;
  void *(*resize) (void *user, void *old, size_t bytes);   // NULL = no memory
  MfString (*string) (void *user, const char *text, size_t n);
  MfStack (*stack) (void *user, MfStack caller, MfFrame frame);
  bool (*event) (void *user, const MfAlloc *event);        // false = stop
  void (*program) (void *user, int32_t process, uint32_t version, uint32_t stacks);  // once for each new thread
  // Events that are missing; `why` only with MF_RING_DAMAGED.
  void (*lost) (void *user, MfRingLoss reason, uint64_t count, const char *why);
  // For sinks that keep events: where the next one is to be written, which is done before anything else is asked. NULL =
  // stop. Where it is set, nearly no event is given to `event`.
  MfAlloc *(*row) (void *user);
  // In the order of time with the events; NULL = not of interest. False = stop.
  bool (*start) (void *user, const MfProgramStart *start);  // once for each program
  bool (*mark) (void *user, const MfProgramMark *mark);
  bool (*cost) (void *user, const MfHooksCost *cost);       // when a process has ended, or nobody reads any more
  // For sinks that write many events at once: these as by `event`, in their order. All of them are to be taken, also by a
  // sink that says stop. NULL = not of interest.
  bool (*events) (void *user, const MfAlloc *events, uint32_t n);
} MfRingSink;

// When times of the region were ticks of a clock: two points that give ns = ns0 + (t - t0) * slope.
typedef struct { uint64_t ticks; int64_t ns; } MfRingInstant;

typedef struct MfRingReader MfRingReader;

// A reader of a region of `n_slots` rings, which stays the caller's. `start` is the zero of event times.
// NULL = no memory. Free with mf_ring_reader_free.
MfRingReader *mf_ring_reader_new (MfRingRegion *region, uint32_t n_slots, uint32_t ring_size, MfRingInstant start,
    const MfRingSink *sink);
void mf_ring_reader_free (MfRingReader *reader);

// Reads what has been recorded up to `now`, which is read from the clock before. Returns the number of events; false in
// `*going` once the sink has said stop.
uint64_t mf_ring_reader_drain (MfRingReader *reader, MfRingInstant now, bool *going);

// Reads all that is left and closes all rings: nobody writes any more. Losses are told.
uint64_t mf_ring_reader_finish (MfRingReader *reader, MfRingInstant now, bool *going);

// Closes rings of processes that are gone, as `is_gone` says. Call it now and then.
void mf_ring_reader_reap (MfRingReader *reader, bool (*is_gone) (int32_t process));

// Events read so far, and threads seen.
uint64_t mf_ring_reader_events (const MfRingReader *reader);
uint32_t mf_ring_reader_threads (const MfRingReader *reader);
// Has the process an open ring?
bool mf_ring_reader_has (const MfRingReader *reader, int32_t process);
// Rings that are open now.
uint32_t mf_ring_reader_open (const MfRingReader *reader);
// Processes other than `process` that have an open ring.
uint32_t mf_ring_reader_others (const MfRingReader *reader, int32_t process);

// The names and stacks that the reader knows now: what the sink has to keep. `stack` returns what is to stand for it from
// now on: itself, or another one that says that it was given up.
typedef struct {
  void *user;
  void (*string) (void *user, MfString string);
  MfStack (*stack) (void *user, MfStack stack);
} MfRingNames;
void mf_ring_reader_visit (MfRingReader *reader, const MfRingNames *names);

// Bytes that each open ring needs, its line tables not counted.
size_t mf_ring_reader_stream_bytes (void);
