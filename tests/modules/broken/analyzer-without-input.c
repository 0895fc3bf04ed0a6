// SPDX-License-Identifier: Apache-2.0
// An analyzer that would never be called.
#include "sound.h"

SOUND_DESCRIPTOR (.consumes = NULL);
SOUND_MODULE ();
