// SPDX-License-Identifier: Apache-2.0
// A sink for the tests of the serial grammars: keeps a copy of everything that it is told, counts
// memory, and refuses the allocation it is asked to refuse.
#pragma once

#include <glib.h>

#include "device-text.h"

typedef struct {
  MfHeapDump dump; // `map` and `areas` point to copies
} RecordedDump;

typedef struct {
  MfDumpDamage damage; // `reason` points to a copy
} RecordedDamage;

typedef struct {
  GArray *dumps;   // RecordedDump
  GArray *damages; // RecordedDamage
  GArray *faults;  // MfTextFault
  GArray *boots;   // MfTextBoot
  GArray *pools;   // MfQstrPools
  GArray *layouts; // MfMemoryLayout
  GString *order;  // D dump, d damage, F fault, B boot, Q qstr, L layout
  MfTextCounts counts;
  char *error;
  // memory
  GHashTable *sizes;
  size_t held, peak;
  unsigned allocations;
  unsigned refuse; // the n-th allocation, from 1; 0 none
  size_t map_limit;
} Recorder;

Recorder *recorder_new (void);
void recorder_free (Recorder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Recorder, recorder_free)

// Feeds `text` in chunks of `chunk` bytes (0: all at once) and ends the stream. Returns whether all
// of it was read.
bool recorder_read (Recorder *self, const char *text, size_t length, size_t chunk);
Recorder *recorder_new_for_text (const char *text);

MfTextSink recorder_get_sink (Recorder *self);

const MfHeapDump *recorder_get_dump (Recorder *self, unsigned i);
const MfDumpDamage *recorder_get_damage (Recorder *self, unsigned i);
const MfTextFault *recorder_get_fault (Recorder *self, unsigned i);
const MfTextBoot *recorder_get_boot (Recorder *self, unsigned i);

// Everything that was recorded as text: equal texts, equal results.
char *recorder_describe (Recorder *self);
char *describe_dump (const MfHeapDump *dump);
