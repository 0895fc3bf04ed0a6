// SPDX-License-Identifier: Apache-2.0
// An event type whose name no glob could match.
#include "sound.h"

typedef struct { uint64_t bytes; } Shouting;
MF_EVENT (Shouting, "Broken Name", 1, MF_VIEW_TABLE, "A type with an odd name",
  MF_FIELD (Shouting, bytes, "in it"));

SOUND_DESCRIPTOR (MF_PUBLISHES ({ .type = &Shouting_type, .offset = offsetof (Sound, out) }));
SOUND_MODULE ();
