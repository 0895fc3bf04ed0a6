// SPDX-License-Identifier: Apache-2.0
// An option whose own default is not understood.
#include "sound.h"

SOUND_DESCRIPTOR (.options = (const MfOption[]) { SOUND_OPTION (.fallback = "64K"), { 0 } });
SOUND_MODULE ();
