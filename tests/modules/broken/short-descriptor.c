// SPDX-License-Identifier: Apache-2.0
// Its descriptor ends too early.
#include "sound.h"

SOUND_DESCRIPTOR (.size = 16);
SOUND_MODULE ();
