// SPDX-License-Identifier: Apache-2.0
// What loading a .mpy takes on a target that runs MicroPython, and what of it stays. Pure, any
// thread.
#pragma once

#include "bytecode/mpy.h"
#include "model/code-cost/name-pool.h"

// Names that the firmware does not have become part of a pool that is never freed.
typedef struct {
  MfBytes least, likely, most; // see mf_name_pool_bound
  uint32_t n;                  // that are likely to be new
} MfMpyNames;

typedef struct {
  MfBytes all;      // functions, tables and constants as they are loaded
  MfBytes kept;     // of these, what stays when the module has run
  MfMpyNames names; // besides
  uint32_t
      n_native; // functions of machine code, whose memory is counted and whose work is not known
} MfMpyCost;

typedef struct {
  const MfTarget *target;
  const uint8_t
      *kept; // NULL, or for each function, by number, whether something refers to it in the end
  MfBytes *codes;   // NULL, or one for each function, by number, which gets what it takes
  MfNamePool *pool; // of the device, which gets the names
  const char *path; // of the file on the device, which becomes a name, too
} MfMpyQuestion;

// False: the target is not known, or does not run MicroPython, or there is no memory.
bool mf_mpy_cost (const MfMpyQuestion *question, const MfMpyModule *module, MfMpyCost *cost);
