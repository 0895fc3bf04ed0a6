// SPDX-License-Identifier: Apache-2.0
// Stacks with a number each, as existing viewers read them: folded text (a line for each stack,
// frames from the outermost on, joined by semicolons) and speedscope's JSON.
#pragma once

#include <memflow/event.h>

#include "cells/buffer.h"
#include "cells/names.h"

typedef enum { MF_PROFILE_FOLDED, MF_PROFILE_SPEEDSCOPE } MfProfileStyle;

typedef struct MfStackProfile MfStackProfile;

// What is written, and how it is called. Strings are borrowed for the life of the profile.
typedef struct {
  MfProfileStyle style;
  const char *name, *exporter;
  const char *unit;   // of speedscope: "bytes" or "none"
  const char *weight; // for the name of a profile: "bytes at the peak"
  bool processes;     // folded: the process is the outermost frame
} MfProfileOptions;

// Writes to `out`, which the caller empties between the calls as he likes. Never NULL.
MfStackProfile *mf_stack_profile_new (
    const MfProfileOptions *options, const MfNames *names, MfBuffer *out);
void mf_stack_profile_free (MfStackProfile *profile);

// What the stacks of the processes to come are weighed by: for documents with several weights.
void mf_stack_profile_weigh (MfStackProfile *profile, const char *weight, const char *unit);
// Begins the stacks of one process; ends those of the one before.
void mf_stack_profile_process (MfStackProfile *profile, const char *process);
// A stack (0 = not known) with a weight above 0. The total must stay below 2^64.
void mf_stack_profile_add (MfStackProfile *profile, MfStack stack, uint64_t weight);
// Ends the document.
void mf_stack_profile_end (MfStackProfile *profile);
