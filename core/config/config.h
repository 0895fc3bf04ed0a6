// SPDX-License-Identifier: Apache-2.0
// INI files that know where everything in them stands: groups, keys and values with places,
// variables, includes, and the command line's --set as a second layer.
#pragma once

#include "diagnostics.h"

enum {
  MF_CONFIG_MAX_FILE = 1024 * 1024, // bytes
  MF_CONFIG_MAX_LINE = 4096,        // bytes, without the line end
  MF_CONFIG_MAX_GROUPS = 256,
  MF_CONFIG_MAX_KEYS = 256, // in one group
  MF_CONFIG_MAX_DEPTH = 8,  // of includes
  MF_CONFIG_MAX_FILES = 64
};

typedef struct {
  const char *key;    // `_` is read as `-`
  const char *value;  // variables expanded, surrounding blanks removed
  const char *folder; // paths in the value are relative to it; NULL = to the working directory
  MfPlace key_place, value_place;
  bool broken; // the value was refused already, `value` is ""
} MfConfigEntry;

typedef struct {
  const char *kind;   // "pipeline", "collector", …
  const char *name;   // unique; the kind again for groups without a name
  bool named;         // a name was written
  MfPlace place;      // of the header, without the brackets
  GPtrArray *entries; // of const MfConfigEntry, in file order
} MfConfigGroup;

typedef struct MfConfig MfConfig;

// Reads `path` and what it includes. Errors and warnings go to `diagnostics`; what could be
// understood is returned nevertheless, so that the caller can check it too: mf_diagnostics_errors
// decides. NULL only if the file cannot be read at all. Free with mf_config_free.
MfConfig *mf_config_load (const char *path, MfDiagnostics *diagnostics);
// The same for text in memory; never NULL. `label` stands for the file's name; `folder` is what
// includes and paths are relative to; NULL: includes are refused, paths are relative to the working
// directory.
MfConfig *mf_config_parse (const char *text, size_t length, const char *label, const char *folder,
    MfDiagnostics *diagnostics);
void mf_config_free (MfConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MfConfig, mf_config_free)

// Applies one `stage.key=value` of the command line over what the files say. A later one wins.
// Values are taken literally: the shell has expanded variables already. False: reported.
bool mf_config_set (MfConfig *config, const char *assignment, MfDiagnostics *diagnostics);

// What kinds of groups there may be, ended by { NULL }. Unknown kinds, missing names and
// superfluous names are reported; false when there was one.
typedef struct {
  const char *kind;
  bool named;
} MfConfigKind;
bool mf_config_check_kinds (
    const MfConfig *config, const MfConfigKind *kinds, MfDiagnostics *diagnostics);

// The groups, of const MfConfigGroup: those of included files first, else in file order.
const GPtrArray *mf_config_groups (const MfConfig *config);
// NULL when there is none.
const MfConfigGroup *mf_config_group (const MfConfig *config, const char *name);
const MfConfigEntry *mf_config_entry (const MfConfigGroup *group, const char *key);
// "" stands for a value that is not there.
const char *mf_config_value (const MfConfigGroup *group, const char *key, const char *otherwise);

// A list with commas as single words, blanks around them removed, each with its own place.
// Transfer full: an array of MfConfigWord with `text` owned by it. An empty value is an empty list;
// an empty word in between is kept as "" for the caller to refuse.
typedef struct {
  char *text;
  MfPlace place;
} MfConfigWord;
GArray *mf_config_words (const MfConfigEntry *entry);

// A path as written in a value, relative to the folder of its entry (NULL or "." = the working
// directory). Transfer full.
char *mf_config_path (const char *folder, const char *name);

// INI files are code: why a file with this owner and mode is not to be trusted by `user`, or NULL.
const char *mf_config_owner_warning (uint32_t owner, uint32_t mode, uint32_t user);
