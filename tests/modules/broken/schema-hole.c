// SPDX-License-Identifier: Apache-2.0
// Rows with padding: what happens to stand there would reach captures.
#include "sound.h"

typedef struct { uint32_t snapshot; uint64_t bytes; } Holed;
MF_EVENT (Holed, "broken.holed", 1, MF_VIEW_TABLE, "Rows with a hole",
  MF_FIELD (Holed, snapshot, "id of the snapshot"),
  MF_FIELD (Holed, bytes, "in it"));

SOUND_DESCRIPTOR (MF_PUBLISHES ({ .type = &Holed_type, .offset = offsetof (Sound, out) }));
SOUND_MODULE ();
