// SPDX-License-Identifier: Apache-2.0
// A port behind the end of the instance.
#include "sound.h"

SOUND_DESCRIPTOR (MF_PUBLISHES (SOUND_PORT (.offset = sizeof (Sound))));
SOUND_MODULE ();
