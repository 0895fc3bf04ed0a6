// SPDX-License-Identifier: Apache-2.0
// One shared object opened and checked: every reason to refuse it has a sentence of its own.
#pragma once

#include <glib.h>
#include <sys/types.h>

#include <memflow/plugin.h>

// Opens the module at `path` and checks all that it declares. NULL: why in `why`. Modules are never
// unloaded.
const MfModule *mf_module_open (const char *path, GString *why);

// Forks while no other thread opens a module: GLib's lock would be held in the child, for ever.
pid_t mf_module_fork (void);

// The checks alone, for a module that is already in memory.
bool mf_module_check (const MfModule *module, GString *why);

const char *mf_stage_kind_name (unsigned kind); // "collector"; NULL for unknown kinds
unsigned mf_stage_kind_from (const char *name); // 0 for unknown names
