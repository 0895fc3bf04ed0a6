// SPDX-License-Identifier: Apache-2.0
// The Python stacks of all threads of a running process, without stopping it. A stack that changed while it was read is
// noticed and read again; one that never holds still is told as far as it did, or called torn. One thread at a time.
#pragma once

#include <memflow/event.h>

#include "python-runtime.h"

// Where names and stacks are interned.
typedef struct {
  void *user;
  MfString (*string) (void *user, const char *text, size_t n);
  MfStack (*stack) (void *user, MfStack caller, MfFrame frame);
} MfStackNames;

typedef struct {
  uint64_t thread;       // native id; 0 = not found
  MfStack stack;         // 0 = it runs no Python code now, or is torn
  uint32_t frames;       // Python functions in it
  uint32_t interpreter;  // number of the interpreter, 0 = the main one
  bool torn, shortened;  // shortened: told only up to the innermost frame that held still
} MfThreadStack;

typedef struct {
  uint64_t stacks;     // read
  uint64_t retried;    // of these: more than once, because they changed meanwhile
  uint64_t shortened;  // of these: told only up to the innermost frame that was the same all the time
  uint64_t torn;       // of these: given up
} MfStackCounts;

typedef struct MfStackReader MfStackReader;

// Both stay the caller's and have to live as long. Never NULL.
MfStackReader *mf_stack_reader_new (const MfProcess *process, const MfPythonRuntime *runtime, const MfStackNames *names);
void mf_stack_reader_free (MfStackReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MfStackReader, mf_stack_reader_free)

// The stacks now, in the order in which the interpreter keeps its threads, the newest first. NULL = the process or its
// interpreter has gone. Valid until the next call. `now_ns` is any clock that runs forward.
const GArray *mf_stack_reader_take (MfStackReader *reader, int64_t now_ns);
MfStackCounts mf_stack_reader_counts (const MfStackReader *reader);
