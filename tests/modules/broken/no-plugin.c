// SPDX-License-Identifier: Apache-2.0
// A module without plugins.
#include "sound.h"

SOUND_DESCRIPTOR ();
SOUND_MODULE (.descriptors = NULL);
