// SPDX-License-Identifier: Apache-2.0
// Whether a thread that was stopped may be made to load a library. It may not where it holds a lock that loading takes, or has
// left something half done that loading uses: in the allocator, the loader, fork, a handler of a signal.
#pragma once

#include "hijack.h"

typedef struct MfSafePlaces MfSafePlaces;

// Looks at what is loaded in the process. Free with mf_safe_places_free.
MfSafePlaces *mf_safe_places_new (MfProcess *process);
void mf_safe_places_free (MfSafePlaces *places);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MfSafePlaces, mf_safe_places_free)

// NULL = it may; otherwise where it is, in words.
const char *mf_safe_places_refuse (const MfSafePlaces *places, const MfHijack *hijack);
// Whether a system call waits for something outside of the process, so that nothing is half done.
bool mf_safe_places_is_wait (long system_call);
