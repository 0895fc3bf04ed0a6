// SPDX-License-Identifier: Apache-2.0
// One character of hostile text, made fit to be shown.
#include "base/glyph.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned
character_columns (gunichar c)
{
  if (g_unichar_iszerowidth (c))
    return 0;
  return g_unichar_iswide (c) ? 2 : 1;
}

MfGlyph
mf_glyph (const char *text, size_t n)
{
  MfGlyph glyph = { .bytes = 1 };
  gunichar c = *text ? g_utf8_get_char_validated (text, (gssize) MIN (n, 6)) : 0;
  bool valid = c != (gunichar) -1 && c != (gunichar) -2;
  if (valid && c)
    glyph.bytes = (uint8_t) g_unichar_to_utf8 (c, NULL);
  if (valid && g_unichar_isprint (c)) {
    memcpy (glyph.text, text, glyph.bytes);
    glyph.columns = (uint8_t) character_columns (c);
    return glyph;
  }
  if (!valid || c < 0x80)
    snprintf (glyph.text, sizeof glyph.text, "\\x%02x", (uint8_t) *text);
  else
    snprintf (glyph.text, sizeof glyph.text, "\\u%04x", c);
  glyph.columns = (uint8_t) strlen (glyph.text);
  return glyph;
}
