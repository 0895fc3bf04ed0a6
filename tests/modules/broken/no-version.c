// SPDX-License-Identifier: Apache-2.0
// Does not say which version it is.
#include "sound.h"

SOUND_DESCRIPTOR ();
SOUND_MODULE (.version = NULL);
