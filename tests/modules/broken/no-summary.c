// SPDX-License-Identifier: Apache-2.0
// A plugin that does not say what it does.
#include "sound.h"

SOUND_DESCRIPTOR (.summary = NULL);
SOUND_MODULE ();
