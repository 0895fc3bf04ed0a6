// SPDX-License-Identifier: Apache-2.0
// A matcher of some sixty lines in place of sscanf: bounded, without locale, every overflow
// checked.
#include "line-pattern.h"

#include <string.h>

const char *
mf_line_find (const MfLine *line, const char *key)
{
  return memmem (line->text, line->length, key, strlen (key));
}

static int
digit_value (char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static const char *
read_number (const char *text, const char *end, unsigned base, uint64_t *value)
{
  const char *start;
  uint64_t sum = 0;

  if (base == 16 && end - text > 2 && text[0] == '0' && text[1] == 'x')
    text += 2;
  for (start = text; text < end; text++) {
    unsigned digit = (unsigned) digit_value (*text);

    if (digit >= base)
      break;
    if (__builtin_mul_overflow (sum, base, &sum) || __builtin_add_overflow (sum, digit, &sum))
      return NULL;
  }
  *value = sum;
  return text > start && sum != MF_ABSENT ? text : NULL;
}

typedef struct {
  const char *text;
  const char *end;
  uint64_t *figures;
  unsigned n_figures;
} Match;

// One character of a pattern against the text.
static bool
match_one (Match *self, char c)
{
  if (c == '%' || c == '#') {
    self->text
        = read_number (self->text, self->end, c == '%' ? 10 : 16, &self->figures[self->n_figures]);
    self->n_figures++;
    return self->text != NULL;
  }
  if (self->text == self->end || *self->text != c)
    return false;
  self->text++;
  return true;
}

static unsigned
count_figures (const char *pattern, const char *end)
{
  unsigned n = 0;

  for (; pattern < end; pattern++)
    n += *pattern == '%' || *pattern == '#';
  return n;
}

// `part` stands behind a '['. Returns its ']'. A part that does not match leaves the text where it
// was.
static const char *
match_optional (Match *self, const char *part)
{
  const char *close = strchr (part, ']');
  unsigned n_figures = self->n_figures + count_figures (part, close);
  Match attempt = *self;
  bool matched = true;

  for (const char *p = part; matched && p < close; p++)
    matched = match_one (&attempt, *p);
  if (matched)
    *self = attempt;
  for (; self->n_figures < n_figures; self->n_figures++)
    self->figures[self->n_figures] = MF_ABSENT;
  return close;
}

const char *
mf_pattern_match (const char *pattern, const char *text, const char *end, uint64_t *figures)
{
  Match match = { .text = text, .end = end, .figures = figures };

  for (; *pattern; pattern++) {
    if (*pattern == '[')
      pattern = match_optional (&match, pattern + 1);
    else if (!match_one (&match, *pattern))
      return NULL;
  }
  return match.text;
}

const char *
mf_line_trimmed_end (const MfLine *line)
{
  const char *end = mf_line_end (line);

  while (end > line->text && (unsigned char) end[-1] <= ' ')
    end--;
  return end;
}

bool
mf_pattern_match_line (const char *pattern, const char *text, const MfLine *line, uint64_t *figures)
{
  const char *end = mf_pattern_match (pattern, text, mf_line_end (line), figures);

  return end && end >= mf_line_trimmed_end (line) && !line->unterminated && !line->cut;
}
