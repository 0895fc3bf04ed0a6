// SPDX-License-Identifier: Apache-2.0
// Built against newer headers of the same ABI.
#include "sound.h"

SOUND_DESCRIPTOR ();
SOUND_MODULE (.minor = MF_ABI_MINOR + 1);
