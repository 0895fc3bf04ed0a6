// SPDX-License-Identifier: Apache-2.0
// Rules of event types: a sane schema, compatible versions, names by glob.
#pragma once

#include <glib.h>

#include <memflow/event.h>

enum { MF_TYPE_MAX_FIELDS = 256, MF_TYPE_MAX_NAME = 96 };

// True when fields tile the row, kinds and widths agree and names are well-formed;
// otherwise says why in one sentence.
bool mf_type_check (const MfType *type, GString *why);

// True when every row of `longer` begins with a row of `shorter`: same name, major and leading
// fields.
bool mf_type_is_prefix (const MfType *shorter, const MfType *longer);

// "heap.*" matches heap.block; "*" matches everything; no other wildcards.
bool mf_type_matches (const char *glob, const char *name);

// Names as `memflow events` prints them; NULL for values out of range.
const char *mf_kind_name (unsigned kind);
const char *mf_unit_symbol (unsigned unit); // "B", "%", "" …
const char *mf_view_name (unsigned view);
const char *mf_role_name (unsigned role);

// The built-in types, NULL-terminated.
extern const MfType *const mf_builtin_types[];
const MfType *mf_builtin_type (const char *name);
