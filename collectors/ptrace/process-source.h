// SPDX-License-Identifier: Apache-2.0
// What a process is read from. A source answers a few questions; process.h asks them for everybody else: a live process, a
// core file, a program inside an emulator, the memory that a test made up.
#pragma once

#include "process.h"

typedef struct {
  bool live;  // it goes on while it is read, and /proc has the rest
  // Copies all spans, or returns false. The only function that may be called very often.
  bool (*gather) (const void *source, const MfRemoteSpan *spans, unsigned n);
  // Appends MfMapping as they are now, in order of address; their paths become the array's.
  bool (*mappings) (const void *source, GArray *mappings, GError **error);
  // Appends MfThreadId, in any order.
  void (*threads) (const void *source, GArray *threads);
  // A path that opens the file of a mapping from here; NULL = there is none any more.
  char *(*open_path) (const void *source, const MfMapping *mapping);
  // The program as the process sees it; NULL = not known.
  char *(*program_path) (const void *source);
  void (*free) (void *source);
} MfProcessSource;

// A process that is read from `source`, which becomes its own and is freed with it, by kind->free. Never NULL.
// `id` is its number, `word` the bytes of a pointer in it, 0 = its memory cannot be read.
MfProcess *mf_process_new (const MfProcessSource *kind, void *source, int32_t id, unsigned word);
void mf_process_set_emulation (MfProcess *process, MfEmulation emulation);
