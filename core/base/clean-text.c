// SPDX-License-Identifier: Apache-2.0
#include "base/clean-text.h"

#include <glib.h>
#include <string.h>

char *
mf_clean_text (const char *text)
{
  char *clean = g_utf8_make_valid (text, -1);
  for (char *at = clean; *at; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);
    if (c != '\n' && g_unichar_iscntrl (c))
      memset (at, '?', (size_t) g_utf8_skip[(guchar) *at]);
  }
  return clean;
}
