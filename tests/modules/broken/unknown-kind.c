// SPDX-License-Identifier: Apache-2.0
// A plugin of a kind that there is not.
#include "sound.h"

SOUND_DESCRIPTOR (.kind = 9);
SOUND_MODULE ();
