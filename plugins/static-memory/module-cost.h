// SPDX-License-Identifier: Apache-2.0
// All that static-memory says of one module on one target: what its import costs, and each of its functions.
#pragma once

#include "bytecode/mpy.h"
#include "function-cost.h"
#include "model/code-cost/import-cost.h"
#include "model/code-cost/load-cost.h"
#include "model/code-cost/name-pool.h"

// A module of CPython, or of MicroPython, whose `mpy` is then there too.
typedef struct {
  const MfTarget *target;
  const MfMpyModule *mpy;
  MfNamePool *pool; // of the device, where there is `mpy`
  const MfLowering *lowering; // of CPython's version
  bool requested; // bytes as asked for, not as granted
  const char *name, *origin;
  uint32_t file;  // bytes of it
  bool is_package;
  MfFlowQuestion flow;
  uint64_t most_steps;
  size_t memory;
  uint32_t library_used; // see MfModuleRunning
} MfModuleQuestion;

typedef struct {
  MfAmount file, code, import, resident, peak;
  MfAmount load, system, made; // parts of resident: code and constants that stay, the import system's, the module's own
  uint64_t loading;            // most at one time while the code is loaded
  uint64_t frames_gone;        // bytes of frames that went with the code of the module and its class bodies
  uint32_t n_functions;        // of `functions`
  MfFunctionCost *functions;
  MfAmount *codes; // of each code object, its constants included
  MfModuleRun run;
  bool whole;
} MfModuleCost;

// Which code objects something refers to when the module has run, by number.
void mf_mark_kept_codes (const MfModuleCost *cost, const MfPyModule *module, uint8_t *kept);
// False: the target does not fit the module, or there is no memory; end it in any case.
bool mf_module_cost (MfModuleCost *cost, const MfModuleQuestion *question, const MfPyModule *module);
void mf_module_cost_end (MfModuleCost *cost);
