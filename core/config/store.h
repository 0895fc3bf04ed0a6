// SPDX-License-Identifier: Apache-2.0
// What a configuration is made of, for the files that build one.
#pragma once

#include "config.h"
#include "lexer.h"

struct MfConfig {
  GPtrArray *groups; // of MfConfigGroup
  GPtrArray *memory; // groups, entries and texts: places point into the latter
  GStringChunk *strings;
  unsigned n_files;
};

// Copies that live as long as the configuration. keep_memory takes what g_malloc has given.
const char *mf_config_keep (MfConfig *config, const char *text, size_t n);
void *mf_config_keep_memory (MfConfig *config, void *memory);
// Keys are kept with `-` for `_`.
const char *mf_config_keep_key (MfConfig *config, MfSpan key);

// A group that belongs to nothing yet; `name` may be empty.
MfConfigGroup *mf_config_group_new (
    MfConfig *config, MfSpan kind, MfSpan name, const MfPlace *place);
void mf_config_group_free (void *group);
MfConfigGroup *mf_config_find_group (const GPtrArray *groups, const char *name);
// Takes the place of an entry with the same key, or comes last.
void mf_config_put_entry (MfConfigGroup *group, const MfConfigEntry *entry);
// An empty configuration.
MfConfig *mf_config_new (void);
