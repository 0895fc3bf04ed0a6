// SPDX-License-Identifier: Apache-2.0
// A page of plain text of a given width.
#include "page.h"

#include <math.h>

#include "cells/escape.h"

static unsigned
columns_of (gunichar c)
{
  if (g_unichar_iszerowidth (c))
    return 0;
  return g_unichar_iswide (c) ? 2 : 1;
}

unsigned
mf_columns (const char *clean)
{
  unsigned columns = 0;
  for (; *clean; clean = g_utf8_next_char (clean))
    columns += columns_of (g_utf8_get_char (clean));
  return columns;
}

// The longest beginning of clean text that takes at most `columns`.
static const char *
end_of_columns (const char *clean, unsigned columns)
{
  unsigned used = 0;
  for (; *clean; clean = g_utf8_next_char (clean)) {
    used += columns_of (g_utf8_get_char (clean));
    if (used > columns)
      break;
  }
  return clean;
}

const char *
mf_page_sign (const MfPage *page, const char *unicode, const char *ascii)
{
  return page->ascii ? ascii : unicode;
}

// ---- text from outside

char *
mf_page_clean (const MfPage *page, const char *bytes, size_t n, size_t limit)
{
  MfBuffer clean;
  mf_buffer_init (&clean, mf_memory_heap ());
  size_t taken = MIN (n, limit);
  while (taken < n && taken > 0 && ((guchar) bytes[taken] & 0xc0) == 0x80)
    taken--;
  mf_escape (&clean, page->ascii ? MF_ESCAPE_ASCII : MF_ESCAPE_PLAIN, bytes, taken);
  if (taken < n)
    mf_buffer_put_text (&clean, mf_page_sign (page, "…", "..."));
  char *text = g_strndup (clean.length ? clean.bytes : "", clean.length);
  mf_buffer_free (&clean);
  return text;
}

char *
mf_page_clean_name (const MfPage *page, MfString name)
{
  const char *text = mf_names_string (page->names, name);
  return mf_page_clean (page, text, strlen (text), 256);
}

// ---- lines

static void
put_inked (MfPage *page, MfInk ink, const char *text, size_t n)
{
  static const char *const inks[MF_N_INKS] = { "", "\x1b[1m", "\x1b[1;31m" };
  bool coloured = page->colour && ink != MF_INK_PLAIN && n > 0;
  if (coloured)
    mf_buffer_put_text (page->out, inks[ink]);
  mf_buffer_put (page->out, text, n);
  if (coloured)
    mf_buffer_put_text (page->out, "\x1b[0m");
}

void
mf_page_line (MfPage *page, const char *clean)
{
  size_t n = strlen (clean);
  while (n > 0 && clean[n - 1] == ' ')
    n--;
  g_autofree char *line = g_strndup (clean, n);
  if (mf_columns (line) > page->width) {
    mf_buffer_put (page->out, line, (size_t) (end_of_columns (line, page->width - 1) - line));
    mf_buffer_put_text (page->out, mf_page_sign (page, "…", "~"));
  } else
    mf_buffer_put (page->out, line, n);
  mf_buffer_put_char (page->out, '\n');
}

void
mf_page_printf (MfPage *page, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *line = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  mf_page_line (page, line);
}

void
mf_page_blank (MfPage *page)
{
  mf_buffer_put_char (page->out, '\n');
}

// ---- paragraphs

// A word that says nothing without the number in front of it.
static bool
is_unit (const char *word)
{
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "%", "ns", "ms", "s" };
  size_t n = strcspn (word, " ,.;:)]");
  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (n == strlen (units[i]) && strncmp (word, units[i], n) == 0)
      return true;
  return false;
}

static bool
is_in_short_parentheses (const char *clean, const char *blank)
{
  enum { SHORT = 20 };
  const char *open = blank;
  while (open > clean && blank - open < SHORT && *open != '(' && *open != ')')
    open--;
  const char *close = *open == '(' ? strchr (open, ')') : NULL;
  return close && close > blank && close - open < SHORT;
}

// A sign in front of what it means, as in the legend of a map.
static bool
is_single (const char *clean, const char *blank)
{
  return blank >= clean + 2 && blank[-2] == ' ' && !is_unit (blank - 1);
}

// "2)": the end of parentheses must not begin a line.
static bool
is_tail (const char *word)
{
  size_t n = strcspn (word, " ");
  return n <= 4 && memchr (word, ')', n);
}

static bool
holds_together (const char *clean, const char *blank)
{
  return (blank > clean && g_ascii_isdigit (blank[-1]) && is_unit (blank + 1))
         || is_single (clean, blank) || is_tail (blank + 1)
         || is_in_short_parentheses (clean, blank);
}

// The last gap between columns of a sentence, unless the line would be less than half full.
static const char *
last_gap (const char *first, const char *end)
{
  for (const char *gap = end; gap > first + (end - first) / 2; gap--)
    if (g_str_has_prefix (gap, "   ") && gap[-1] != ' ')
      return gap;
  return NULL;
}

const char *
mf_break_line (const char *clean, unsigned room)
{
  const char *end = end_of_columns (clean, MAX (room, 2)), *first = clean + strspn (clean, " ");
  const char *gap = *end == 0 ? end : last_gap (first, end), *last = NULL;
  if (gap)
    return gap;
  for (const char *blank = end; blank > first; blank--) {
    if (*blank != ' ' || blank[-1] == ' ')
      continue;
    if (!holds_together (clean, blank))
      return blank;
    last = last ? last : blank;
  }
  return last ? last : end;
}

void
mf_page_wrap (MfPage *page, const char *clean, unsigned hang)
{
  unsigned indent = 0;
  do {
    const char *end = mf_break_line (clean, page->width - indent);
    g_autofree char *line
        = g_strdup_printf ("%*s%.*s", (int) indent, "", (int) (end - clean), clean);
    mf_page_line (page, line);
    clean = end + strspn (end, " ");
    indent = hang;
  } while (*clean);
}

typedef struct {
  MfPage *page;
  MfInk ink;
  const char *left; // for the next line; "" once it was written
} Paragraph;

static void
put_line (Paragraph *paragraph, unsigned indent, const char *text, size_t n)
{
  MfPage *page = paragraph->page;
  size_t left = strlen (paragraph->left);
  put_inked (page, paragraph->ink, paragraph->left, left);
  for (unsigned column = mf_columns (paragraph->left); n > 0 && column < indent; column++)
    mf_buffer_put_char (page->out, ' ');
  mf_buffer_put (page->out, text, n);
  mf_buffer_put_char (page->out, '\n');
  paragraph->left = "";
}

// One line of the text as as many of the page as it needs; the further ones hang below its indent.
static void
put_wrapped (Paragraph *paragraph, const char *text)
{
  unsigned hang = (unsigned) MIN (strspn (text, " "), 8), indent = MF_PAGE_LEFT;
  do {
    const char *end = mf_break_line (text, paragraph->page->width - indent);
    put_line (paragraph, indent, text, (size_t) (end - text));
    text = end + strspn (end, " ");
    indent = MF_PAGE_LEFT + hang;
  } while (*text);
}

void
mf_page_paragraph (MfPage *page, MfInk ink, const char *left, const char *clean)
{
  g_auto (GStrv) lines = g_strsplit (clean, "\n", -1);
  Paragraph paragraph = { page, ink, left };
  g_autofree char *cut = NULL;
  if (mf_columns (left) >= MF_PAGE_LEFT) { // stands above the text
    cut = g_strndup (left, (gsize) (end_of_columns (left, page->width) - left));
    paragraph.left = cut;
    put_line (&paragraph, 0, "", 0);
  }
  for (char **line = lines; *line; line++)
    put_wrapped (&paragraph, g_strchomp (*line));
}

// ---- numbers

void
mf_put_grouped (GString *to, uint64_t n)
{
  char digits[32];
  int count = g_snprintf (digits, sizeof digits, "%" G_GUINT64_FORMAT, n);
  for (int i = 0; i < count; i++) {
    if (i > 0 && (count - i) % 3 == 0)
      g_string_append_c (to, ',');
    g_string_append_c (to, digits[i]);
  }
}

void
mf_put_grouped_signed (GString *to, int64_t n)
{
  if (n < 0)
    g_string_append_c (to, '-');
  mf_put_grouped (to, n < 0 ? -(uint64_t) n : (uint64_t) n);
}

void
mf_put_grouped_real (GString *to, double value, unsigned decimals)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE], format[] = "%.0f";
  if (!isfinite (value)) {
    g_string_append_c (to, '-');
    return;
  }
  if (fabs (value) >= 1e15) {
    g_string_append (to, g_ascii_formatd (digits, sizeof digits, "%.6g", value));
    return;
  }
  format[2] = (char) ('0' + MIN (decimals, 9));
  g_ascii_formatd (digits, sizeof digits, format, value);
  char *point = strchr (digits, '.');
  mf_put_grouped_signed (to, g_ascii_strtoll (digits, NULL, 10));
  if (digits[0] == '-' && g_ascii_strtoll (digits, NULL, 10) == 0)
    g_string_insert_c (to, (gssize) to->len - 1, '-');
  if (point)
    g_string_append (to, point);
}

static const char *const binary_units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

void
mf_put_size (GString *to, uint64_t bytes)
{
  unsigned unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < G_N_ELEMENTS (binary_units)) {
    bytes /= 1024;
    unit++;
  }
  mf_put_grouped (to, bytes);
  g_string_append_printf (to, " %s", binary_units[unit]);
}

void
mf_put_size_both (GString *to, uint64_t bytes)
{
  double rounded = (double) bytes;
  unsigned unit = 0;
  mf_put_grouped (to, bytes);
  g_string_append (to, " B");
  if (bytes < 10240)
    return;
  for (; rounded >= 1024 && unit + 1 < G_N_ELEMENTS (binary_units); unit++)
    rounded /= 1024;
  g_string_append (to, " (");
  mf_put_grouped_real (to, rounded, bytes % (UINT64_C (1) << 10 * unit) == 0 ? 0 : 1);
  g_string_append_printf (to, " %s)", binary_units[unit]);
}

void
mf_put_padded (GString *to, const MfPage *page, const char *clean, unsigned columns, bool right)
{
  unsigned needed = mf_columns (clean);
  unsigned blanks = needed < columns ? columns - needed : 0;
  if (needed > columns) {
    const char *end = end_of_columns (clean, columns > 0 ? columns - 1 : 0);
    g_string_append_len (to, clean, end - clean);
    g_string_append (to, columns > 0 ? mf_page_sign (page, "…", "~") : "");
    return;
  }
  if (right)
    g_string_append_printf (to, "%*s", (int) blanks, "");
  g_string_append (to, clean);
  if (!right)
    g_string_append_printf (to, "%*s", (int) blanks, "");
}
