// SPDX-License-Identifier: Apache-2.0
// An input and nobody who takes it.
#include "sound.h"

SOUND_DESCRIPTOR (MF_CONSUMES (MF_INPUT (MfHeapBlock, NULL)));
SOUND_MODULE ();
