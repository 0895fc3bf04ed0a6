// SPDX-License-Identifier: Apache-2.0
// How many bytes a program needs at one time: what its modules leave, what their import takes for a
// while, and the dearest call. Plain C, no allocation.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes. `unbounded`: nothing bounds `high`, which then is as `likely`.
typedef struct {
  uint64_t low, likely, high;
  bool unbounded;
} MfNeed;

#define MF_NEED_NOTHING ((MfNeed){ 0, 0, 0, false })

// UINT64_MAX where it would overflow.
MfNeed mf_need_add (MfNeed a, MfNeed b);
MfNeed mf_need_larger (MfNeed a, MfNeed b); // each of the three
// What `a` is beyond `b`, at least 0.
MfNeed mf_need_beyond (MfNeed a, MfNeed b);
// The same percentage less, rounded down: what of a limit may be used when some of it has to stay
// free.
uint64_t mf_need_allowed (uint64_t limit, double headroom_percent);

enum { MF_NO_MODULE = UINT32_MAX };

// A module of the program, behind the one that imports it.
typedef struct {
  uint32_t parent; // its importer's place; MF_NO_MODULE
  bool later;      // loaded when a function is called
  MfNeed stays, peak;
  uint64_t above; // scratch: what importers above need while they wait for it
} MfNeedModule;

typedef struct {
  MfNeed start;      // what stays of the modules that are loaded at the start
  MfNeed later;      // and of those that are loaded in calls
  MfNeed start_peak; // most at one time until the program is loaded
} MfNeedOfModules;

MfNeedOfModules mf_needs_of_modules (MfNeedModule *modules, uint32_t n);

// Most at one time: loading, or the dearest call of the loaded program. Only `high` has what calls
// load.
MfNeed mf_needs_of_program (const MfNeedOfModules *modules, MfNeed dearest_call);
