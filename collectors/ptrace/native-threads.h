// SPDX-License-Identifier: Apache-2.0
// Native thread ids of Python's threads. Before 3.11 the interpreter knows only the address of the C library's own record
// of a thread; the id stands somewhere in it. In a container that is another number than the one that the thread has here.
#pragma once

#include "process.h"
#include "python-offsets.h"

typedef struct {
  int32_t offset;   // of the id in the record; 0 = not looked for yet, -1 = not found
  GHashTable *here; // inside -> here, of a process in which these differ
  bool looked;
} MfNativeThreads;

// The id, here, of a thread whose state was copied to `state`. 0 = not known.
uint64_t mf_native_thread (MfNativeThreads *threads, const MfProcess *process, const MfPythonOffsets *offsets, const uint8_t *state);
void mf_native_threads_clear (MfNativeThreads *threads);
