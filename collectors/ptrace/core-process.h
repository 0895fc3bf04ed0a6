// SPDX-License-Identifier: Apache-2.0
// A core file as a process: what it had in memory when it was dumped.
#pragma once

#include "process.h"

typedef struct {
  char *program;        // its name, cut after 15 letters; "" = not told
  int32_t signal;       // that ended it, 0 = none
  int32_t first_thread; // the one that it was dumped for
  uint32_t threads;
  GPtrArray *remarks;   // of char *: what is not as it should be
} MfCoreSummary;

// `root` is the folder that stands for the root of the machine on which the core was made; NULL = this machine. NULL = not possible,
// the error says why. Free with mf_process_close; clear the summary in any case.
MfProcess *mf_process_open_core (const char *path, const char *root, MfCoreSummary *summary, GError **error);
void mf_core_summary_clear (MfCoreSummary *summary);
