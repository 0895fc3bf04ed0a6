// SPDX-License-Identifier: Apache-2.0
// A schema that does not fit its own rows.
#include "sound.h"

typedef struct { uint64_t bytes; } Narrow;
MF_EVENT (Narrow, "broken.narrow", 1, MF_VIEW_TABLE, "Rows of another width",
  MF_FIELD (Narrow, bytes, "in it", .width = 4));

SOUND_DESCRIPTOR (MF_PUBLISHES ({ .type = &Narrow_type, .offset = offsetof (Sound, out) }));
SOUND_MODULE ();
