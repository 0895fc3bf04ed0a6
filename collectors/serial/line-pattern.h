// SPDX-License-Identifier: Apache-2.0
// Reads the printf lines of firmware by a pattern that looks like the format string:
// '%' an unsigned decimal, '#' hexadecimal with or without 0x, '[...]' an optional part.
#pragma once

#include "line-reader.h"

// A figure that was not printed.
#define MF_ABSENT UINT64_MAX

// Finds `key` in the line: at the start, or after whatever a viewer or a prompt put before it.
// Returns where it begins, or NULL.
const char *mf_line_find (const MfLine *line, const char *key);

// Matches `pattern` at `text`. Each '%' and '#' of the pattern has one place in `figures`, counted
// from the left; those of absent optional parts become MF_ABSENT. Returns the end of the match, or
// NULL.
const char *mf_pattern_match (
    const char *pattern, const char *text, const char *end, uint64_t *figures);

// The same, and nothing but blanks and control characters may follow up to the end of the line. A
// line that was cut does not match: its last number may be short of digits.
bool mf_pattern_match_line (
    const char *pattern, const char *text, const MfLine *line, uint64_t *figures);

// The end of the line without trailing blanks and control characters.
const char *mf_line_trimmed_end (const MfLine *line);

static inline const char *
mf_line_end (const MfLine *line)
{
  return line->text + line->length;
}
