// SPDX-License-Identifier: Apache-2.0
// Brings the agent into a running process: as a file in memory that the process itself makes, so that it needs no path, no
// rights on files and no common file system.
#pragma once

#include <glib.h>

#include "process.h"

typedef struct {
  void *user;
  // Called with the descriptor of the new, empty memory of the rings: makes a region of it. NULL = done; otherwise what failed
  // (errno says why). The descriptor is the callee's.
  const char *(*make_region) (void *user, int fd);
} MfInjectorRegion;

typedef struct {
  int64_t held_ns;     // that the thread was kept from its work
  int32_t thread;
  unsigned tries;      // threads that were looked at, because they could not be interrupted where they were
} MfInjection;

// By calls that a thread is made to do. False = the error says why; the process goes on as if nothing had been. `limit` in ns.
bool mf_inject (MfProcess *process, const char *agent, int64_t limit, const MfInjectorRegion *region, MfInjection *injection,
    GError **error);
// By a script that the main thread runs, as sys.remote_exec has it (CPython 3.14): no thread is stopped, but the main thread has
// to come to run bytecode within the limit.
bool mf_inject_by_script (MfProcess *process, const char *agent, int64_t limit, const MfInjectorRegion *region, GError **error);
