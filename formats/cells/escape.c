// SPDX-License-Identifier: Apache-2.0
// Text from devices and programs, made safe to show.
#include "escape.h"

#include <glib.h>

// Beyond ASCII, what a terminal or an editor would obey instead of showing.
// clang-format off
static const struct { gunichar first, last; } obeyed[] = {
  { 0x80, 0x9f },      // C1 controls: 0x9b starts a terminal sequence
  { 0x200e, 0x200f },  // direction marks
  { 0x2028, 0x202e },  // line separators, direction overrides
  { 0x2066, 0x2069 },  // direction isolates
  { 0xfeff, 0xfeff },  // byte order mark
};
// clang-format on

static bool
is_obeyed (gunichar c)
{
  for (size_t i = 0; i < G_N_ELEMENTS (obeyed); i++)
    if (c >= obeyed[i].first && c <= obeyed[i].last)
      return true;
  return false;
}

static inline bool
is_plain (MfEscape how, unsigned char c)
{
  return c >= 0x20 && c < 0x7f && (how != MF_ESCAPE_JSON || (c != '"' && c != '\\'));
}

static void
put_json_ascii (MfBuffer *to, unsigned char c)
{
  static const char named[128] = {
    ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
  };
  if (named[c])
    mf_buffer_printf (to, "\\%c", named[c]);
  else
    mf_buffer_printf (to, "\\u%04x", c);
}

static void
put_ascii (MfBuffer *to, MfEscape how, unsigned char c)
{
  if (how == MF_ESCAPE_JSON)
    put_json_ascii (to, c);
  else
    mf_buffer_printf (to, "\\x%02x", c);
}

static void
put_invalid (MfBuffer *to, MfEscape how, unsigned char c)
{
  if (how == MF_ESCAPE_JSON)
    mf_buffer_put_text (to, "\\ufffd");
  else
    mf_buffer_printf (to, "\\x%02x", c);
}

// Appends the character that begins at `bytes` (not plain); returns how many bytes it was.
static size_t
put_character (MfBuffer *to, MfEscape how, const char *bytes, size_t n)
{
  unsigned char first = (unsigned char) *bytes;
  if (first < 0x80) {
    put_ascii (to, how, first);
    return 1;
  }
  gunichar c = g_utf8_get_char_validated (bytes, (gssize) MIN (n, 6));
  if (c == (gunichar) -1 || c == (gunichar) -2) {
    put_invalid (to, how, first);
    return 1;
  }
  size_t length = (size_t) (g_utf8_next_char (bytes) - bytes);
  if (is_obeyed (c) || how == MF_ESCAPE_ASCII)
    mf_buffer_printf (to, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
  else
    mf_buffer_put (to, bytes, length);
  return length;
}

void
mf_escape (MfBuffer *to, MfEscape how, const char *bytes, size_t n)
{
  for (size_t i = 0; i < n && !to->failed;) {
    size_t start = i;
    while (i < n && is_plain (how, (unsigned char) bytes[i]))
      i++;
    mf_buffer_put (to, bytes + start, i - start);
    if (i < n)
      i += put_character (to, how, bytes + i, n - i);
  }
}
