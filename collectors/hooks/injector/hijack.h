// SPDX-License-Identifier: Apache-2.0
// One thread of another process, stopped and made to call functions; then it goes on as if nothing had been. The other
// threads run on meanwhile. If this process dies or gives up, a call that is going on still ends well: the thread returns
// into a signal frame, from which the kernel puts its state back.
#pragma once

#include <glib.h>

#include "process.h"

typedef enum {
  MF_HIJACK_ERROR_BUSY,       // not now: the thread has ended, or is doing what must not be interrupted
  MF_HIJACK_ERROR_FORBIDDEN,
  MF_HIJACK_ERROR_STOPPED,    // the process has been stopped (SIGSTOP, ^Z)
  MF_HIJACK_ERROR_TIME,       // a call takes too long, and ends by itself some time
  MF_HIJACK_ERROR_FAILED
} MfHijackErrorCode;
#define MF_HIJACK_ERROR (mf_hijack_error_quark ())
GQuark mf_hijack_error_quark (void);

typedef struct MfHijack MfHijack;

// Stops the thread. NULL = the error says why; it runs on. `deadline` in ns of mf_ring_ns or g_get_monotonic_time () * 1000.
// All functions have to be called by the thread that called this one.
MfHijack *mf_hijack_begin (const MfProcess *process, int32_t thread, int64_t deadline, GError **error);
// Where it stands and where its stack is; the system call that it waits in, -1 = none.
uint64_t mf_hijack_instruction (const MfHijack *hijack);
uint64_t mf_hijack_stack (const MfHijack *hijack);
long mf_hijack_system_call (const MfHijack *hijack);
// Its registers as DWARF numbers them, at most `most`. Returns how many.
unsigned mf_hijack_registers (const MfHijack *hijack, uint64_t *words, unsigned most);

// From here on calls can be made. `entry` is an address of code that never runs again, of which some bytes are borrowed.
bool mf_hijack_prepare (MfHijack *hijack, uint64_t entry, GError **error);
// Bytes that calls may be given the address of, until the end. 0 = there is no room.
uint64_t mf_hijack_put (MfHijack *hijack, const void *bytes, size_t n);
// Changes memory of the process; n is a multiple of 8.
bool mf_hijack_write (MfHijack *hijack, uint64_t at, const void *bytes, size_t n);
bool mf_hijack_call (MfHijack *hijack, uint64_t function, const uint64_t *arguments, unsigned n, uint64_t *result, GError **error);
// Lets the thread go. Returns how long it was held, ns.
int64_t mf_hijack_end (MfHijack *hijack);
