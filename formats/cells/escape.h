// SPDX-License-Identifier: Apache-2.0
// Text from devices and programs, made safe to show: control characters, characters that reorder a
// line and bytes that are no UTF-8 are spelled out, so that every output is valid UTF-8.
#pragma once

#include "buffer.h"

typedef enum {
  MF_ESCAPE_PLAIN, // \x1b for bytes, \u202e for characters; a backslash stays
  MF_ESCAPE_ASCII, // the same, and everything beyond ASCII is spelled out too
  MF_ESCAPE_JSON   // the inside of a JSON string; a byte that is no UTF-8 becomes U+FFFD
} MfEscape;

// Appends n bytes; a failure shows in `to->failed`.
void mf_escape (MfBuffer *to, MfEscape how, const char *bytes, size_t n);
