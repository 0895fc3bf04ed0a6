// SPDX-License-Identifier: Apache-2.0
// The native call stack of a thread that stands still, by the call frame information of what is loaded in its process.
#pragma once

#include "hijack.h"

typedef struct MfNativeStack MfNativeStack;

// Without modules at first. NULL = no memory. Free with mf_native_stack_free.
MfNativeStack *mf_native_stack_new (const MfProcess *process);
void mf_native_stack_free (MfNativeStack *stack);
// A program or library: a path that opens it from here, and where its first byte is mapped. mf_native_stack_ready ends the list.
void mf_native_stack_add (MfNativeStack *stack, const char *path, uint64_t from);
void mf_native_stack_ready (MfNativeStack *stack);
// From the innermost frame: `visit` gets where each one stands or returns to, and says whether it goes on. False = the way
// ended at a frame that cannot be followed.
bool mf_native_stack_walk (MfNativeStack *stack, const MfHijack *hijack, bool (*visit) (void *user, uint64_t at), void *user);
