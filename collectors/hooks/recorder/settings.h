// SPDX-License-Identifier: Apache-2.0
// The command line of memflow-record.
#pragma once

#include "recording-options.h"

typedef struct {
  const char *program;    // as it was called, for messages
  MF_RECORDING_MEMBERS
  const char *output, *to, *secret;
  MfSize memory, rotate;  // MF_SIZE_NONE = no limit; never
  MfDuration for_;        // negative = until the program ends
  MfDuration flush, linger, resolution;
  uint32_t compression;
  int level;              // of zstd, as it follows
  bool quiet;
  const char *const *command;
  uint32_t n_words;
} Settings;

// Reads the command line. Returns -1, or the exit status: what was wrong, or the help, has been printed.
int mf_settings_read (Settings *settings, int argc, char **argv);
// Was the option left out? For those without a default.
static inline bool
mf_is_unset (uint32_t choice)
{
  return choice == UINT32_MAX;
}
