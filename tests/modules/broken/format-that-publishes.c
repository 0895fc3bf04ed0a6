// SPDX-License-Identifier: Apache-2.0
// A format that would publish.
#include "sound.h"

SOUND_DESCRIPTOR (.kind = MF_FORMAT);
SOUND_MODULE ();
