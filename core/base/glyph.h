// SPDX-License-Identifier: Apache-2.0
// One character of hostile text, made fit to be shown: terminals and logs never see control
// characters, invalid UTF-8 or marks that turn the reading direction.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
  char text[14];   // what to show, terminated: the character itself, or "\x1b", "\u202e"
  uint8_t bytes;   // consumed from the input, at least 1
  uint8_t columns; // that `text` takes in a terminal
} MfGlyph;

// The first glyph of `text[0 … n)`, n > 0. Any thread, no allocation.
MfGlyph mf_glyph (const char *text, size_t n);
