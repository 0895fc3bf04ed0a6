// SPDX-License-Identifier: Apache-2.0
// An option that would be written behind the instance.
#include "sound.h"

SOUND_DESCRIPTOR (.options = (const MfOption[]) { SOUND_OPTION (.offset = sizeof (Sound)), { 0 } });
SOUND_MODULE ();
