// SPDX-License-Identifier: Apache-2.0
// A collector with inputs.
#include "sound.h"

static bool
collect (void *stage)
{
  (void) stage;
  return true;
}

SOUND_DESCRIPTOR (.kind = MF_COLLECTOR, .collect = collect);
SOUND_MODULE ();
