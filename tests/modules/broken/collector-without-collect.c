// SPDX-License-Identifier: Apache-2.0
// A collector that cannot collect.
#include "sound.h"

SOUND_DESCRIPTOR (.kind = MF_COLLECTOR, .consumes = NULL);
SOUND_MODULE ();
