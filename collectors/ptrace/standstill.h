// SPDX-License-Identifier: Apache-2.0
// All threads of a process standing still for a moment. Between two standstills the process is not traced, so that its
// signals never wait for us; if this process dies, the kernel lets the other one go.
#pragma once

#include "process.h"

typedef struct MfStandstill MfStandstill;

// Returns when all threads stand. NULL = not possible, the error says why; nothing is left stopped.
MfStandstill *mf_standstill_begin (const MfProcess *process, GError **error);
// Lets all of them go, and hands on the signals that came meanwhile. Returns how long the process stood, ns.
int64_t mf_standstill_end (MfStandstill *standstill);
