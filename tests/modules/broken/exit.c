// SPDX-License-Identifier: Apache-2.0
// Ends the process while it is loaded.
#include <unistd.h>

#include "sound.h"

__attribute__ ((constructor)) static void
on_load (void)
{
  _exit (7);
}

SOUND_DESCRIPTOR ();
SOUND_MODULE ();
