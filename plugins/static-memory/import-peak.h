// SPDX-License-Identifier: Apache-2.0
// What the import of a module holds beyond what it leaves: the file while it is read, what loading makes besides the code,
// and what the import system keeps while the top level runs.
#pragma once

#include "module-cost.h"

// The most that exists at one time while the code is loaded, interned strings apart. `parts` has the load cost of each code
// object by number, as `question` measures it.
uint64_t mf_loading_peak (const MfModuleQuestion *question, const MfPyModule *module, const uint64_t *parts);
// The most of reading, loading and running: `loading` is the above, `run` what the top level holds at most. `code` and
// `system` of the cost are there; code.low is without interned strings.
MfAmount mf_import_peak (const MfModuleCost *cost, const MfModuleQuestion *question, uint64_t loading, MfAmount run);
