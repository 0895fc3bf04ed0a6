// SPDX-License-Identifier: Apache-2.0
// Cuts configuration text into group headers and entries, each with its place.
#include "lexer.h"

#include <string.h>

#include "base/glyph.h"
#include "config.h"

static bool
is_blank (char c)
{
  return c == ' ' || c == '\t';
}

static MfSpan
trim (const char *start, const char *end)
{
  while (start < end && is_blank (*start))
    start++;
  while (start < end && is_blank (end[-1]))
    end--;
  return (MfSpan){ start, (size_t) (end - start) };
}

bool
mf_is_name (const char *text, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '-' && text[i] != '_')
      return false;
  return n > 0;
}

const char *
mf_first_forbidden (const char *text, size_t n)
{
  const char *invalid;
  g_utf8_validate (text, (gssize) n, &invalid);
  for (const char *c = text; c < invalid; c++)
    if (g_ascii_iscntrl (*c) && *c != '\t')
      return c;
  return invalid == text + n ? NULL : invalid;
}

MfLexer
mf_lexer (const char *file, const char *text, size_t length, MfDiagnostics *diagnostics)
{
  bool mark = length >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0;
  return (MfLexer){
    .file = file, .at = text + (mark ? 3 : 0), .end = text + length, .diagnostics = diagnostics
  };
}

static MfPlace
place_of (const MfLexer *lexer, MfSpan span)
{
  return (MfPlace){ .kind = MF_PLACE_FILE,
    .line = lexer->line,
    .file = lexer->file,
    .source = lexer->line_start,
    .column = (uint32_t) (span.start - lexer->line_start) + 1,
    .length = (uint32_t) span.length };
}

static bool refuse (const MfLexer *lexer, MfSpan span, const char *hint, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

static bool
refuse (const MfLexer *lexer, MfSpan span, const char *hint, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  MfPlace place = place_of (lexer, span);
  mf_diagnostics_error (lexer->diagnostics, &place, hint, "%s", text);
  return false;
}

// ---- physical lines

static bool
check_characters (MfLexer *lexer, MfSpan line)
{
  const char *bad = mf_first_forbidden (line.start, line.length);
  if (!bad)
    return true;
  MfSpan span = { bad, 1 };
  if (*bad == '\0') {
    lexer->at = lexer->end; // not text: more messages would help nobody
    return refuse (lexer, span, "save it as UTF-8 text", "NUL byte: this is not a text file");
  }
  if (g_ascii_iscntrl (*bad))
    return refuse (lexer, span, "remove it", "control character %s", mf_glyph (bad, 1).text);
  return refuse (lexer, span, "save the file as UTF-8", "invalid UTF-8");
}

// Takes the next line, without its end. False at the end of the text.
static bool
take_line (MfLexer *lexer, MfSpan *line)
{
  if (lexer->at >= lexer->end)
    return false;
  const char *start = lexer->at;
  const char *stop = memchr (start, '\n', (size_t) (lexer->end - start));
  lexer->at = stop ? stop + 1 : lexer->end;
  stop = stop ? stop : lexer->end;
  if (stop > start && stop[-1] == '\r')
    stop--;
  lexer->line++;
  lexer->line_start = start;
  *line = (MfSpan){ start, (size_t) (stop - start) };
  return true;
}

static bool
check_line (MfLexer *lexer, MfSpan line)
{
  if (line.length > MF_CONFIG_MAX_LINE)
    return refuse (lexer, (MfSpan){ line.start, 1 }, NULL,
        "line of %zu bytes: at most %d are allowed", line.length, MF_CONFIG_MAX_LINE);
  return check_characters (lexer, line);
}

// Cuts a comment: `#` at the start or behind a blank.
static MfSpan
without_comment (MfSpan line)
{
  for (size_t i = 0; i < line.length; i++)
    if (line.start[i] == '#' && (i == 0 || is_blank (line.start[i - 1])))
      return trim (line.start, line.start + i);
  return trim (line.start, line.start + line.length);
}

// ---- logical lines

// Splits "kind name" into both words; false when there are more or none.
static bool
split_header (MfSpan inside, MfConfigLine *line)
{
  size_t kind = 0;
  while (kind < inside.length && !is_blank (inside.start[kind]))
    kind++;
  line->left = (MfSpan){ inside.start, kind };
  line->right = trim (inside.start + kind, inside.start + inside.length);
  for (size_t i = 0; i < line->right.length; i++)
    if (is_blank (line->right.start[i]))
      return false;
  return kind > 0;
}

static bool
check_header_word (MfLexer *lexer, MfSpan word)
{
  if (mf_is_name (word.start, word.length))
    return true;
  if (memchr (word.start, '.', word.length))
    return refuse (lexer, word, "write - instead", "names of groups have no dots");
  return refuse (lexer, word, NULL, "names of groups consist of letters, digits, - and _");
}

static bool
read_header (MfLexer *lexer, MfSpan text, MfConfigLine *line)
{
  const char *close = memchr (text.start, ']', text.length);
  if (!close)
    return refuse (
        lexer, (MfSpan){ text.start + text.length, 0 }, "write ]", "the group header has no end");
  MfSpan rest = trim (close + 1, text.start + text.length);
  if (rest.length > 0)
    return refuse (lexer, rest, "a comment begins with #", "text behind a group header");
  MfSpan inside = trim (text.start + 1, close);
  line->place = place_of (lexer, inside);
  if (!split_header (inside, line))
    return refuse (lexer, inside.length ? inside : text, "write [kind name]",
        inside.length ? "more than two words in a group header" : "empty group header");
  return check_header_word (lexer, line->left)
         && (line->right.length == 0 || check_header_word (lexer, line->right));
}

static bool
read_entry (MfLexer *lexer, MfSpan text, MfConfigLine *line)
{
  const char *equals = memchr (text.start, '=', text.length);
  const char *comment = *text.start == ';' ? "a comment begins with #" : NULL;
  if (!equals)
    return refuse (lexer, text, comment ? comment : "write key = value",
        "neither a group, a key nor a comment");
  line->left = trim (text.start, equals);
  line->right = trim (equals + 1, text.start + text.length);
  if (line->left.length == 0)
    return refuse (lexer, (MfSpan){ equals, 1 }, "write key = value", "no key before the =");
  if (!mf_is_name (line->left.start, line->left.length))
    return refuse (lexer, line->left, comment, "keys consist of letters, digits, - and _");
  line->place = place_of (lexer, line->left);
  line->right_place = place_of (lexer, line->right);
  return true;
}

bool
mf_lexer_next (MfLexer *lexer, MfConfigLine *line)
{
  MfSpan physical;
  while (take_line (lexer, &physical)) {
    MfSpan text = without_comment (physical);
    *line = (MfConfigLine){ .left = { "", 0 }, .right = { "", 0 } };
    line->header = text.length > 0 && *text.start == '[';
    bool whole = check_line (lexer, physical);
    if (line->header) {
      line->place = place_of (lexer, text);
      line->broken = !whole || !read_header (lexer, text, line);
      return true;
    }
    if (whole && text.length > 0 && read_entry (lexer, text, line))
      return true;
  }
  return false;
}
