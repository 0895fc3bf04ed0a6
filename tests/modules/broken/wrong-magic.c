// SPDX-License-Identifier: Apache-2.0
// A module of another program.
#include "sound.h"

SOUND_DESCRIPTOR ();
SOUND_MODULE (.magic = 0x12345678);
