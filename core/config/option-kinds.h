// SPDX-License-Identifier: Apache-2.0
// The kinds of options as a table: how wide each is in the instance, how it is parsed, and
// what unset means.
#pragma once

#include "options.h"

// A value on its way into an instance.
typedef struct {
  const MfConfigEntry *entry;
  GPtrArray *arena;
  MfPlace blame;                 // what an error is about: the value, or one word of a list
  const MfTargetSource *targets; // NULL: there are none
  MfDiagnostics *diagnostics;    // for errors in other files
  MfLiteralError error;
} MfOptionValue;

typedef enum {
  MF_UNSET_NEVER, // has no such state
  MF_UNSET_ONES,
  MF_UNSET_NULL,
  MF_UNSET_INT64_MIN
} MfUnset;

typedef struct {
  const char *name;
  uint8_t width, unset; // bytes; MfUnset
  bool takes_empty;     // an empty value is a value
  // Parses entry->value to `to`, which is aligned for the kind. False: blame and error are filled.
  bool (*parse) (const MfOption *option, MfOptionValue *value, void *to);
} MfOptionKindRow;

// NULL for unknown kinds.
const MfOptionKindRow *mf_option_kind (uint16_t kind);
