// SPDX-License-Identifier: Apache-2.0
// Option tables at work: values of a group into an instance, checks of a stranger's table, and
// all that help and reference pages say about an option.
#pragma once

#include <memflow/plugin.h>

#include "base/units.h"
#include "config.h"

// Where options of targets find what they name.
typedef struct {
  void *user;
  // Valid as long as the arena. NULL: `error` says why, and `diagnostics` what is wrong with its
  // file.
  const MfTargetFacts *(*find) (void *user, const char *name, const char *folder,
      MfLiteralError *error, MfDiagnostics *diagnostics);
  char **(*installed) (void *user); // their names, sorted; free with g_strfreev
} MfTargetSource;

// What is around the options of one stage. Only `arena` and `plugin` are obligatory.
typedef struct {
  const char *kind;             // "analyzer", for messages
  const char *plugin;           // id of the plugin, for messages
  GPtrArray *arena;             // of memory freed with g_free; must live as long as the instance
  const char *const *skip;      // keys that belong to the core, NULL-terminated
  const MfConfigGroup *parent;  // [pipeline]: where the options in `inherited` …
  const char *const *inherited; // … are looked up when the group has none; NULL-terminated
  const char *const *argv;      // the words after `--`
  uint32_t n_argv;
  const MfTargetSource *targets; // NULL: options of targets are refused
} MfOptionContext;

// Writes fallbacks, then the values of `group` (NULL = only fallbacks) into `instance` by offset.
// Every error is reported; false when there was one, and the instance must not be used. Paths
// become relative to the folder of their value; `-` stays.
bool mf_options_apply (const MfOption *options, const MfConfigGroup *group, void *instance,
    const MfOptionContext *context, MfDiagnostics *diagnostics);

// The place to blame for the value of `option` (`_` or `-`): its value, the group when it stands
// nowhere.
const MfPlace *mf_option_place (const MfConfigGroup *group, const char *option);

// Whether a table fits an instance of `instance_size` bytes and makes sense; else one sentence in
// `why`. Options may be NULL: none.
bool mf_options_check_table (const MfOption *options, size_t instance_size, GString *why);

// Ready-to-paste lines with every default, each with its doc as a comment.
void mf_options_print_ini (const MfOption *options, GString *out);

// For help and reference pages: the name as written in configurations; "size", "duration", "yes or
// no"; "12KiB", "required", "unset"; "1 to 64", "a, b or c", "".
MfWord mf_option_name (const MfOption *option);
const char *mf_option_kind_name (uint16_t kind);
void mf_option_print_default (const MfOption *option, GString *out);
void mf_option_print_range (const MfOption *option, GString *out);
