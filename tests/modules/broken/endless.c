// SPDX-License-Identifier: Apache-2.0
// Never comes back while it is loaded.
#include <unistd.h>

#include "sound.h"

__attribute__ ((constructor)) static void
on_load (void)
{
  for (;;)
    pause ();
}

SOUND_DESCRIPTOR ();
SOUND_MODULE ();
