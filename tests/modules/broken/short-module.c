// SPDX-License-Identifier: Apache-2.0
// Its module record ends too early.
#include "sound.h"

SOUND_DESCRIPTOR ();
SOUND_MODULE (.size = 8);
