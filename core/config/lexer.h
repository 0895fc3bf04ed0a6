// SPDX-License-Identifier: Apache-2.0
// Cuts configuration text into group headers and entries, each with its place. Broken lines are
// reported and skipped, so that one run finds all of them.
#pragma once

#include "diagnostics.h"

// Bytes of the text, not terminated.
typedef struct {
  const char *start;
  size_t length;
} MfSpan;

typedef struct {
  bool header;  // a group header, else an entry
  bool broken;  // a group header that was refused: what follows belongs to no known group
  MfSpan left;  // kind of the group, or key
  MfSpan right; // name of the group ("" without one), or value
  MfPlace place, right_place; // of the inside of the header or the key; of the value
} MfConfigLine;

typedef struct {
  const char *file;     // for places
  const char *at, *end; // the rest of the text, terminated beyond `end`
  uint32_t line;        // number of the line that was read last
  const char *line_start;
  MfDiagnostics *diagnostics;
} MfLexer;

// `text` must be terminated at `text[length]` and live as long as the places.
MfLexer mf_lexer (const char *file, const char *text, size_t length, MfDiagnostics *diagnostics);
// The next header or entry; false at the end of the text.
bool mf_lexer_next (MfLexer *lexer, MfConfigLine *line);

// Letters, digits, - and _: what names and keys are made of.
bool mf_is_name (const char *text, size_t n);
// The first byte that no configuration may hold (control characters but tabs, invalid UTF-8), or
// NULL.
const char *mf_first_forbidden (const char *text, size_t n);
