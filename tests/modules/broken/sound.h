// SPDX-License-Identifier: Apache-2.0
// A module in which everything is right. Each file beside this one changes one thing of it; BROKEN_ID is the name of
// that file, so that the plugin is found by it.
#pragma once

#include <memflow/plugin.h>

typedef struct { uint32_t snapshot, blocks; } Tally;
MF_EVENT (Tally, "broken.tally", 1, MF_VIEW_TABLE, "Blocks of a snapshot",
  MF_FIELD (Tally, snapshot, "id of the snapshot"),
  MF_FIELD (Tally, blocks, "heap.block rows of it"));

typedef struct { MfStage stage; MF_OUT (Tally) out; MfSize least; } Sound;

__attribute__ ((unused)) static bool
sound_take (void *stage, const MfBatch *batch)
{
  Sound *self = stage;
  return mf_emit (&self->out, &((Tally) { 0, batch->n_rows }));
}

#define SOUND_OPTION(...) { .name = "least", .fallback = "64B", .doc = "smallest block that counts", \
  .kind = MF_SIZE, .offset = offsetof (Sound, least), __VA_ARGS__ }
#define SOUND_PORT(...) { .type = &Tally_type, .offset = offsetof (Sound, out), __VA_ARGS__ }

// The descriptor and the module, with members that differ.
#define SOUND_DESCRIPTOR(...) __attribute__ ((unused)) static const MfDescriptor sound = { \
  .size = sizeof (MfDescriptor), .kind = MF_ANALYZER, .id = BROKEN_ID, .summary = "a plugin of the tests", \
  .instance_size = sizeof (Sound), MF_CONSUMES (MF_INPUT (MfHeapBlock, sound_take)), \
  MF_PUBLISHES (SOUND_PORT ()), __VA_ARGS__ }
#define SOUND_MODULE(...) \
  static const MfDescriptor *const all[] = { &sound, NULL }; \
  static const MfModule module = { .magic = MF_MAGIC, .size = sizeof (MfModule), .major = MF_ABI_MAJOR, \
    .minor = MF_ABI_MINOR, .name = BROKEN_ID, .version = "1.0", .licence = "Apache-2.0", .descriptors = all, \
    __VA_ARGS__ }; \
  __attribute__ ((visibility ("default"))) const MfModule *memflow_module (void); \
  const MfModule *memflow_module (void) { return &module; } \
  _Static_assert (1, "")
