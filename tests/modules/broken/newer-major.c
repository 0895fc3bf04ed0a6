// SPDX-License-Identifier: Apache-2.0
// Built against the headers of a later, different ABI.
#include "sound.h"

SOUND_DESCRIPTOR ();
SOUND_MODULE (.major = MF_ABI_MAJOR + 1, .minor = 0);
