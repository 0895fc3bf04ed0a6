// SPDX-License-Identifier: Apache-2.0
// The program or library that an address belongs to, as the loader lists it. C11, libc only.
#pragma once

#include <link.h>

#include "call-frames.h"

typedef struct {
  uintptr_t address;            // that was asked for
  MfModuleFrames frames;        // where it lies; index NULL = it has no call frame information
  struct dl_phdr_info headers;
} MfLoadedModule;

// False = nothing is loaded there. Takes the loader's lock for a moment.
bool mf_loaded_module_find (uintptr_t address, MfLoadedModule *module);
