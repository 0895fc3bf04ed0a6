// SPDX-License-Identifier: Apache-2.0
// What was requested and held between the marks that a program sets: by name, over all the times
// that a phase was entered. A bounded number of names, and of phases that are open at one time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { MF_PHASES_MAX = 256, MF_PHASES_OPEN = 64, MF_POINTS_MAX = 256 };

// Where the program is: what it holds and what it has requested.
typedef struct {
  int64_t time;
  uint64_t live, total, calls;
} MfMoment;

typedef struct {
  uint32_t name, times, open; // open: not yet left
  uint64_t total, calls;
  uint64_t growth;   // of live bytes, over all times; read it as an int64_t
  uint64_t highest;  // most live bytes within it
  uint64_t duration; // ns
} MfPhase;

typedef struct {
  int64_t time;
  uint32_t name, kind;
  uint64_t live;
} MfPoint;

typedef struct {
  uint32_t phase, thread;
  MfMoment entered;
  uint64_t highest;
} MfOpenPhase;

typedef struct {
  MfPhase phases[MF_PHASES_MAX];
  MfOpenPhase open[MF_PHASES_OPEN];
  MfPoint points[MF_POINTS_MAX]; // the first ones, in their order
  uint32_t n, n_open, n_points;
  uint64_t left_out; // marks for which there was no room, and ends without a beginning
} MfPhases;

// Each open phase has seen so many live bytes.
void mf_phases_see (MfPhases *phases, uint64_t highest);

// An end closes the innermost open phase of this name, of this thread if there is one.
void mf_phases_begin (MfPhases *phases, uint32_t name, uint32_t thread, const MfMoment *now);
void mf_phases_end (MfPhases *phases, uint32_t name, uint32_t thread, const MfMoment *now);
void mf_phases_point (MfPhases *phases, uint32_t name, uint32_t kind, const MfMoment *now);

// Closes what is still open, for reading.
void mf_phases_close (MfPhases *phases, const MfMoment *now);
