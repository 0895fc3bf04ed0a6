// SPDX-License-Identifier: Apache-2.0
// What importing a module does to the heap: its top level is run abstractly, with all that it calls.
#pragma once

#include "builtins.h"

typedef struct {
  const MfTarget *target;
  const MfLowering *lowering; // of the module's version
  bool requested;             // see MfHeap
  bool is_package;
  const char *name; // dotted
  uint64_t most_steps;
  uint32_t library_used; // by MfMaking, a bit each: by modules before
  size_t memory; // bytes that the analysis of one module may take
} MfModuleRunning;

// The machine as it is after the import: its heap holds what stays.
typedef struct {
  MfMachine machine;
  MfBuiltins builtins;
  MfArena arena;
  uint64_t before; // bytes in the namespace before the first line
  bool whole;      // the end was reached
  MfActivation *top;
} MfModuleRun;

// False: there is no memory for it. End it in any case.
bool mf_module_run (MfModuleRun *run, const MfModuleRunning *how, const MfPyModule *module);
void mf_module_run_end (MfModuleRun *run);
