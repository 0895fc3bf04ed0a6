// SPDX-License-Identifier: Apache-2.0
// The smallest sound module, built in two versions to tell which of two folders counts.
#include <memflow/plugin.h>

typedef struct { MfStage stage; } Sound;

static bool
sound_take (void *stage, const MfBatch *batch)
{
  (void) stage;
  (void) batch;
  return true;
}

MF_PLUGIN (Sound, "sound", .kind = MF_ANALYZER, .summary = "takes blocks and says nothing",
  MF_CONSUMES (MF_INPUT (MfHeapBlock, sound_take)));
