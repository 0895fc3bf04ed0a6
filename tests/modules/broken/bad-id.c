// SPDX-License-Identifier: Apache-2.0
// An id that cannot be written in a configuration.
#include "sound.h"

SOUND_DESCRIPTOR (.id = "Bad Id");
SOUND_MODULE ();
