// SPDX-License-Identifier: Apache-2.0
// An instance without room for the host's part.
#include "sound.h"

SOUND_DESCRIPTOR (.instance_size = 4);
SOUND_MODULE ();
