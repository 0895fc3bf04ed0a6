// SPDX-License-Identifier: Apache-2.0
// The table of Python's own functions, for the machine.
#pragma once

#include "machine.h"

enum { MF_BUILTIN_PLACES = 512, MF_MOST_BUILTINS = 256 };

typedef struct MfBuiltins {
  uint16_t places[MF_BUILTIN_PLACES];
  MfThing *things[MF_MOST_BUILTINS];
} MfBuiltins;

void mf_builtins_init (MfBuiltins *builtins);
