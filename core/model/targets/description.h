// SPDX-License-Identifier: Apache-2.0
// A target as its file describes it: the group [target] of configs/targets/*.ini.
#pragma once

#include <memflow/plugin.h>

#include "config/config.h"
#include "model/objects/target.h"

typedef struct {
  MfTarget target;
  MfTargetFacts facts; // `name` is the caller's
} MfTargetDescription;

// Reads the group [target] of `config`. False: every error was reported, also of a target that the
// object model does not cover. The strings live as long as `arena`, an array that frees with
// g_free; the facts point to `description->target`.
bool mf_target_describe (const MfConfig *config, MfTargetDescription *description, GPtrArray *arena,
    MfDiagnostics *diagnostics);

// The same for a file.
bool mf_target_load (const char *path, MfTargetDescription *description, GPtrArray *arena,
    MfDiagnostics *diagnostics);
