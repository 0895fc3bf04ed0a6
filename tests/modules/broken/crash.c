// SPDX-License-Identifier: Apache-2.0
// Dies as of a bad pointer while it is loaded.
#include <signal.h>

#include "sound.h"

__attribute__ ((constructor)) static void
on_load (void)
{
  raise (SIGSEGV);
}

SOUND_DESCRIPTOR ();
SOUND_MODULE ();
