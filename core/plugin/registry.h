// SPDX-License-Identifier: Apache-2.0
// Where plugins are found: the search path, loading by id, and the scan that shows also what is
// broken.
#pragma once

#include <glib.h>

#include <memflow/plugin.h>

typedef struct MfRegistry MfRegistry;

// A plugin that was loaded and checked. Owned by the registry.
typedef struct {
  const MfDescriptor *descriptor;
  const MfModule *module;
  const char *path;
} MfPlugin;

// Folders in the order in which they count: `first` (may be NULL), MEMFLOW_PLUGIN_PATH, the user's
// data folder, the system's. With raised privileges only the last.
MfRegistry *mf_registry_new (const char *const *first);
void mf_registry_free (MfRegistry *registry);
const GPtrArray *mf_registry_folders (const MfRegistry *registry); // of const char *
bool mf_registry_folder_is_system (const MfRegistry *registry, const char *folder);

// The plugin of that kind and id; NULL: why in `why`, `*broken` tells a module that cannot be
// loaded from none at all.
const MfPlugin *mf_registry_find (
    MfRegistry *registry, unsigned kind, const char *id, GString *why, bool *broken);

// A plugin of a module that is in memory already, checked by the caller: it is found before those
// on the path.
void mf_registry_add (MfRegistry *registry, const MfModule *module, const MfDescriptor *plugin);

// With raised privileges a module runs with them: it must belong to root and others must not be
// able to write it. Always true without.
bool mf_registry_trusts (const MfRegistry *registry, const char *path, GString *why);

typedef enum { MF_FOUND_OK, MF_FOUND_BROKEN, MF_FOUND_SHADOWED, MF_FOUND_CRASHED } MfFoundState;

// One line of `memflow list-plugins`. `kind` is 0 and the texts are "" where nothing is known.
typedef struct {
  MfFoundState state;
  unsigned kind;
  char *id, *version, *licence, *summary, *path, *reason;
} MfFound;
void mf_found_free (MfFound *found);

// Every plugin of every module on the path, sorted by kind and id. Modules are opened in child
// processes, so that a broken one cannot hurt. Transfer full, of MfFound.
GPtrArray *mf_registry_scan (const MfRegistry *registry);

// Opens one module in a child process: false, and why, when it is broken, ends the process or never
// comes back.
bool mf_module_try (const char *path, GString *why);

// The folder of libmemflow itself, for what is installed beside it.
const char *mf_installation_folder (void);
