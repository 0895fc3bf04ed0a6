// SPDX-License-Identifier: Apache-2.0
// Needs a function that nobody has.
#include "sound.h"

int function_of_a_newer_libc (void);

static bool
start (void *stage)
{
  (void) stage;
  return function_of_a_newer_libc ();
}

SOUND_DESCRIPTOR (.start = start);
SOUND_MODULE ();
