// SPDX-License-Identifier: Apache-2.0
// Messages that end at a place which the user can edit: collected, put in order, printed with the
// line and a caret.
#include "diagnostics.h"

#include <string.h>

#include "base/glyph.h"

enum {
  MAX_MESSAGES = 50,
  WIDE_LINE = 96,  // columns of a source line that are shown …
  LEAD_IN = 40,    // … and bytes before the caret when the line is cut at its start
  NEAREST_MAX = 40 // bytes of a word that has neighbours
};

typedef struct {
  MfPlaceKind kind;
  unsigned file; // rank by first mention
  uint32_t line, column;
  unsigned order;
  char *text; // all lines, rendered
} Message;

struct MfDiagnostics {
  GPtrArray *messages;
  GHashTable *files; // name -> rank
  unsigned errors, warnings;
};

static void
message_free (void *message)
{
  g_free (((Message *) message)->text);
  g_free (message);
}

MfDiagnostics *
mf_diagnostics_new (void)
{
  MfDiagnostics *diagnostics = g_new0 (MfDiagnostics, 1);
  diagnostics->messages = g_ptr_array_new_with_free_func (message_free);
  diagnostics->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return diagnostics;
}

void
mf_diagnostics_free (MfDiagnostics *diagnostics)
{
  if (!diagnostics)
    return;
  g_ptr_array_unref (diagnostics->messages);
  g_hash_table_unref (diagnostics->files);
  g_free (diagnostics);
}

unsigned
mf_diagnostics_errors (const MfDiagnostics *diagnostics)
{
  return diagnostics->errors;
}

unsigned
mf_diagnostics_warnings (const MfDiagnostics *diagnostics)
{
  return diagnostics->warnings;
}

// ---- rendering

static void
append_shown (GString *out, const char *text)
{
  for (size_t n = strlen (text); n > 0;) {
    MfGlyph glyph = mf_glyph (text, n);
    g_string_append (out, glyph.text);
    text += glyph.bytes;
    n -= glyph.bytes;
  }
}

static size_t
source_length (const MfPlace *place)
{
  size_t n = strcspn (place->source, "\n");
  return n > 0 && place->source[n - 1] == '\r' ? n - 1 : n;
}

// Columns are shown in characters, as editors count them.
static unsigned
shown_column (const MfPlace *place)
{
  if (!place->source || place->column <= 1)
    return place->column;
  size_t n = MIN (source_length (place), place->column - 1u);
  unsigned column = 1 + (place->column - 1 - (unsigned) n);
  for (size_t at = 0; at < n; at += mf_glyph (place->source + at, n - at).bytes)
    column++;
  return column;
}

char *
mf_place_name (const MfPlace *place)
{
  if (place->kind == MF_PLACE_NONE)
    return g_strdup ("");
  bool fallback = place->kind == MF_PLACE_FALLBACK;
  g_autoptr (GString) name = g_string_new (fallback ? "the default of " : "");
  append_shown (name, place->file);
  if (place->line > 0)
    g_string_append_printf (name, ":%u:%u", place->line, shown_column (place));
  return g_strdup (name->str);
}

// Where the echo of a long line begins: some way before the caret, at the start of a character.
static size_t
echo_start (const MfPlace *place, size_t caret)
{
  if (caret <= WIDE_LINE - LEAD_IN)
    return 0;
  size_t start = caret - LEAD_IN;
  while (start > 0 && (place->source[start] & 0xc0) == 0x80)
    start--;
  return start;
}

static void
append_mark (GString *marks, bool tab, bool marked, unsigned columns)
{
  if (!marked) {
    for (unsigned i = 0; i < (tab ? 1 : columns); i++)
      g_string_append_c (marks, tab ? '\t' : ' ');
    return;
  }
  bool first = !strchr (marks->str, '^');
  for (unsigned i = 0; i < columns; i++)
    g_string_append_c (marks, first && i == 0 ? '^' : '~');
}

// Appends the source line to `echo` and what stands under it to `marks`.
static void
render_line (const MfPlace *place, GString *echo, GString *marks)
{
  size_t n = source_length (place);
  size_t caret = MIN (place->column ? place->column - 1u : 0, n);
  size_t marked_end = caret + MAX (place->length, 1);
  size_t at = echo_start (place, caret);
  unsigned columns = 0;
  if (at > 0) {
    g_string_append (echo, "...");
    g_string_append (marks, "   ");
  }
  while (at < n && columns < WIDE_LINE) {
    MfGlyph glyph = mf_glyph (place->source + at, n - at);
    bool marked = at >= caret && at < marked_end;
    bool tab = place->source[at] == '\t';
    g_string_append (echo, tab && !marked ? "\t" : tab ? " " : glyph.text);
    if (at < marked_end)
      append_mark (marks, tab && !marked, marked, tab ? 1 : glyph.columns);
    columns += tab ? 8 : glyph.columns;
    at += glyph.bytes;
  }
  if (at < n)
    g_string_append (echo, "...");
  if (caret == n)
    g_string_append_c (marks, '^');
}

static void
append_echo (GString *out, const MfPlace *place, const char *hint)
{
  g_autoptr (GString) echo = g_string_new (NULL);
  g_autoptr (GString) marks = g_string_new (NULL);
  render_line (place, echo, marks);
  g_string_append_printf (out, "%5u | %s\n      | %s", place->line, echo->str, marks->str);
  if (hint) {
    g_string_append_c (out, ' ');
    append_shown (out, hint);
  }
  g_string_append_c (out, '\n');
}

static char *
render (MfSeverity severity, const MfPlace *place, const char *hint, const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *name = place ? mf_place_name (place) : g_strdup ("");
  g_string_append_printf (out, "%s%s%s: ", name, *name ? ": " : "",
      severity == MF_DIAGNOSTIC_ERROR ? "error" : "warning");
  append_shown (out, text);
  g_string_append_c (out, '\n');
  if (place && place->source && place->line > 0)
    append_echo (out, place, hint);
  else if (hint) {
    g_string_append (out, "      | ");
    append_shown (out, hint);
    g_string_append_c (out, '\n');
  }
  return g_strdup (out->str);
}

// ---- collecting

static unsigned
file_rank (MfDiagnostics *diagnostics, const char *file)
{
  void *rank;
  if (!g_hash_table_lookup_extended (diagnostics->files, file, NULL, &rank)) {
    rank = GUINT_TO_POINTER (g_hash_table_size (diagnostics->files));
    g_hash_table_insert (diagnostics->files, g_strdup (file), rank);
  }
  return GPOINTER_TO_UINT (rank);
}

void
mf_diagnostics_add (MfDiagnostics *diagnostics, MfSeverity severity, const MfPlace *place,
    const char *hint, const char *format, ...)
{
  *(severity == MF_DIAGNOSTIC_ERROR ? &diagnostics->errors : &diagnostics->warnings) += 1;
  if (diagnostics->messages->len == MAX_MESSAGES)
    return;
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);

  Message *message = g_new0 (Message, 1);
  message->order = diagnostics->messages->len;
  message->text = render (severity, place, hint && *hint ? hint : NULL, text);
  if (place && place->kind != MF_PLACE_NONE) {
    message->kind = place->kind;
    message->file = file_rank (diagnostics, place->file);
    message->line = place->line;
    message->column = place->column;
  }
  g_ptr_array_add (diagnostics->messages, message);
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int
message_compare (const void *left, const void *right)
{
  const Message *a = *(Message *const *) left, *b = *(Message *const *) right;
  int order = COMPARE (a->kind, b->kind);
  order = order ? order : COMPARE (a->file, b->file);
  order = order ? order : COMPARE (a->line, b->line);
  order = order ? order : COMPARE (a->column, b->column);
  return order ? order : COMPARE (a->order, b->order);
}

static void
append_count (GString *out, unsigned count, const char *noun)
{
  if (count > 0)
    g_string_append_printf (out, "%u %s%s", count, noun, count == 1 ? "" : "s");
}

void
mf_diagnostics_print (const MfDiagnostics *diagnostics, GString *out)
{
  unsigned all = diagnostics->errors + diagnostics->warnings;
  if (all == 0)
    return;
  g_autoptr (GPtrArray) sorted = g_ptr_array_copy (diagnostics->messages, NULL, NULL);
  g_ptr_array_set_free_func (sorted, NULL);
  g_ptr_array_sort (sorted, message_compare);
  for (unsigned i = 0; i < sorted->len; i++)
    g_string_append (out, ((Message *) sorted->pdata[i])->text);
  append_count (out, diagnostics->errors, "error");
  g_string_append (out, diagnostics->errors && diagnostics->warnings ? ", " : "");
  append_count (out, diagnostics->warnings, "warning");
  if (all > sorted->len)
    g_string_append_printf (out, " (%u not shown)", all - sorted->len);
  g_string_append_c (out, '\n');
}

// ---- the nearest name

static char
folded (char c)
{
  return c == '_' ? '-' : g_ascii_tolower (c);
}

// Edit distance in which two neighbours changing places count once.
static unsigned
distance (const char *a, size_t n, const char *b, size_t m)
{
  unsigned rows[3][NEAREST_MAX + 1];
  for (size_t j = 0; j <= m; j++)
    rows[0][j] = (unsigned) j;
  for (size_t i = 1; i <= n; i++) {
    unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
    row[0] = (unsigned) i;
    for (size_t j = 1; j <= m; j++) {
      unsigned change = above[j - 1] + (folded (a[i - 1]) != folded (b[j - 1]));
      row[j] = MIN (change, MIN (above[j], row[j - 1]) + 1);
      bool swapped = i > 1 && j > 1 && folded (a[i - 1]) == folded (b[j - 2])
                     && folded (a[i - 2]) == folded (b[j - 1]);
      if (swapped)
        row[j] = MIN (row[j], two_above[j - 2] + 1);
    }
  }
  return rows[n % 3][m];
}

// How far a candidate is from the word; a word that was cut short is near.
static unsigned
steps_to (const char *word, size_t n, const char *candidate)
{
  size_t m = strlen (candidate);
  if (n >= 3 && g_ascii_strncasecmp (word, candidate, n) == 0)
    return 1;
  unsigned steps = m > NEAREST_MAX ? UINT_MAX : distance (word, n, candidate, m);
  return steps < MAX (m, 2) ? steps : UINT_MAX;
}

const char *
mf_nearest (const char *word, const char *const *candidates)
{
  size_t n = strlen (word);
  unsigned best = (unsigned) (n + 2) / 3 + 1;
  const char *nearest = NULL;
  if (n == 0 || n > NEAREST_MAX)
    return NULL;
  for (; *candidates; candidates++) {
    unsigned steps = steps_to (word, n, *candidates);
    if (steps < best && steps < n) {
      best = steps;
      nearest = *candidates;
    }
  }
  return nearest;
}
