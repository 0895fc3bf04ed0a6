// SPDX-License-Identifier: Apache-2.0
// The agent's library: its bytes here, and where it lies in a process that has it already. The name of its file there has a
// hash of the bytes, so that the same library is not loaded twice.
#pragma once

#include <glib.h>

#include "elf-image.h"
#include "process.h"

typedef struct {
  const char *path;
  char *bytes;
  size_t n;
  char *name;          // of its file in the process
  MfElfImage *image;   // as it lies there; NULL = not yet
} MfAgentImage;

// Reads it. False = the error says why. Clear in any case.
bool mf_agent_image_read (MfAgentImage *agent, const char *path, GError **error);
// Looks for it in the process.
bool mf_agent_image_find (MfAgentImage *agent, MfProcess *process);
// Address of memflow_attach in the process, where it has been found. 0 = this is no agent that can be attached.
uint64_t mf_agent_image_attach (const MfAgentImage *agent);
void mf_agent_image_clear (MfAgentImage *agent);

// Why an agent did not attach, by its answer (MF_ATTACH_*).
const char *mf_agent_answer (int64_t answer);
