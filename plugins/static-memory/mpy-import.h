// SPDX-License-Identifier: Apache-2.0
// What importing a .mpy costs once its top level has been run.
#pragma once

#include "module-cost.h"

// Sets all amounts of `cost` but those of functions. False: the target does not run MicroPython, or there is no memory.
bool mf_mpy_import (MfModuleCost *cost, const MfModuleQuestion *question, const MfPyModule *module);
