// SPDX-License-Identifier: Apache-2.0
// How the memory of a recording is divided.
#pragma once

#include "settings.h"

enum { MF_RECORDED_TYPES = 16 };  // more than are recorded

typedef struct {
  uint32_t threads, ring;  // geometry of the region
  uint32_t block;          // most bytes of one block of the capture
  int level;               // of its compression
  uint32_t resolution;     // of times, ns; 0 = as they are
  size_t names;            // for function names and stacks
  bool few_stacks;         // the agent is to use few slots for them
  size_t queue;            // for blocks on their way to a receiver; 0 = a file needs none
  size_t held;             // mode live: for blocks and sites; 0 = mode full
  size_t tables;           // for line tables of code objects
  size_t private_most;     // all of it but the shared region
} Plan;

// False: it cannot be done within `memory`; `least` bytes are needed.
bool mf_plan_make (Plan *plan, const Settings *settings, uint64_t *least);
