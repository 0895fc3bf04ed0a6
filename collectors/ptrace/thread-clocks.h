// SPDX-License-Identifier: Apache-2.0
// How long the threads of a process have run: it tells which of them wait. Files of /proc are kept open, so that asking costs one
// short read.
#pragma once

#include "process.h"

typedef struct MfThreadClocks MfThreadClocks;

// The process stays the caller's. Never NULL.
MfThreadClocks *mf_thread_clocks_new (const MfProcess *process);
void mf_thread_clocks_free (MfThreadClocks *clocks);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MfThreadClocks, mf_thread_clocks_free)

// Time on a processor since the thread began, ns; as of the last tick for one that runs just now. -1 = not known. A clock that
// has stood still is asked again after 10 ms, or when the thread's stack is another one.
int64_t mf_thread_clock (MfThreadClocks *clocks, uint64_t thread, uint32_t stack, int64_t now_ns);
