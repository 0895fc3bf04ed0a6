// SPDX-License-Identifier: Apache-2.0
// What analyzers say to people.
#include "statements.h"

typedef struct {
  uint32_t order, severity;
  MfString subject, place;
  char *text, *basis; // of the memory, terminated, as they came
} Statement;

struct MfStatements {
  const MfPage *page;
  MfMemory memory;
  GArray *all;
  uint64_t left_out;
};

MfStatements *
mf_statements_new (const MfPage *page, MfMemory memory)
{
  MfStatements *statements = g_new0 (MfStatements, 1);
  *statements = (MfStatements){ page, memory, g_array_new (FALSE, FALSE, sizeof (Statement)), 0 };
  return statements;
}

static Statement *
statement_at (const MfStatements *statements, guint i)
{
  return &g_array_index (statements->all, Statement, i);
}

static void
release (const MfStatements *statements, char *text)
{
  if (text)
    statements->memory.resize (statements->memory.user, text, 0);
}

void
mf_statements_free (MfStatements *statements)
{
  for (guint i = 0; i < statements->all->len; i++) {
    release (statements, statement_at (statements, i)->text);
    release (statements, statement_at (statements, i)->basis);
  }
  g_array_unref (statements->all);
  g_free (statements);
}

static char *
copy_text (const MfStatements *statements, const MfBatch *batch, MfText text)
{
  size_t n = mf_text_inside (batch, text) ? MIN (text.length, (uint32_t) MF_STATEMENT_TEXT) : 0;
  char *copy = statements->memory.resize (statements->memory.user, NULL, n + 1);
  if (!copy)
    return NULL;
  memcpy (copy, mf_batch_text (batch, text), n);
  copy[n] = 0;
  return copy;
}

static bool
take (MfStatements *statements, const MfBatch *batch, const MfStatement *row)
{
  if (statements->all->len == MF_STATEMENTS_MAX) {
    statements->left_out++;
    return true;
  }
  Statement statement
      = { row->order, MIN (row->severity, (uint32_t) MF_SAY_NEXT), row->subject, row->place,
          copy_text (statements, batch, row->text), copy_text (statements, batch, row->basis) };
  if (!statement.text || !statement.basis) {
    release (statements, statement.text);
    release (statements, statement.basis);
    return false;
  }
  g_array_append_val (statements->all, statement);
  return true;
}

bool
mf_statements_take (MfStatements *statements, const MfBatch *batch)
{
  if (batch->stride < sizeof (MfStatement) || batch->type->row_size < sizeof (MfStatement))
    return true;
  MF_EACH (batch, MfStatement, row)
    if (!take (statements, batch, row))
      return false;
  return true;
}

guint
mf_statements_n (const MfStatements *statements)
{
  return statements->all->len;
}

// ---- drawing

static int
compare_orders (const void *a, const void *b)
{
  const Statement *left = *(const Statement *const *) a, *right = *(const Statement *const *) b;
  if (left->order != right->order)
    return left->order < right->order ? -1 : 1;
  return (left > right) - (left < right);
}

static GPtrArray *
of_severity (const MfStatements *statements, uint32_t severity)
{
  GPtrArray *chosen = g_ptr_array_new ();
  for (guint i = 0; i < statements->all->len; i++)
    if (statement_at (statements, i)->severity == severity)
      g_ptr_array_add (chosen, statement_at (statements, i));
  if (chosen->len > 1)
    qsort (chosen->pdata, chosen->len, sizeof *chosen->pdata, compare_orders);
  return chosen;
}

// Cleans each line for itself: its line feeds are meant.
static void
append_clean (GString *to, const MfPage *page, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    g_autofree char *clean = mf_page_clean (page, lines[i], strlen (lines[i]), MF_STATEMENT_TEXT);
    g_string_append_printf (to, "%s%s", i > 0 ? "\n" : "", clean);
  }
}

static char *
sentence_of (const MfPage *page, const Statement *statement)
{
  GString *sentence = g_string_new (NULL);
  g_autofree char *place = mf_page_clean_name (page, statement->place);
  append_clean (sentence, page, statement->text);
  if (*place)
    g_string_append_printf (sentence, " (%s)", place);
  if (*statement->basis) {
    g_string_append (sentence, " [");
    append_clean (sentence, page, statement->basis);
    g_string_append_c (sentence, ']');
  }
  return g_string_free (sentence, FALSE);
}

// A further verdict or next step without a subject goes on with the one before.
static char *
subject_of (const MfPage *page, const Statement *statement, bool first)
{
  static const char *const usual[] = { "verdict", "warning", "", "next" };
  char *subject = mf_page_clean_name (page, statement->subject);
  if (*subject)
    return subject;
  g_free (subject);
  bool named = first || statement->severity == MF_SAY_WARNING;
  return g_strdup (named ? usual[statement->severity] : "");
}

unsigned
mf_statements_draw (const MfStatements *statements, uint32_t severity, MfPage *page)
{
  static const MfInk inks[] = { MF_INK_STRONG, MF_INK_ALARM, MF_INK_PLAIN, MF_INK_STRONG };
  g_autoptr (GPtrArray) chosen = of_severity (statements, severity);
  for (guint i = 0; i < chosen->len; i++) {
    const Statement *statement = g_ptr_array_index (chosen, i);
    g_autofree char *subject = subject_of (page, statement, i == 0);
    g_autofree char *sentence = sentence_of (page, statement);
    mf_page_paragraph (page, inks[severity], subject, sentence);
  }
  if (severity == MF_SAY_EVIDENCE && statements->left_out > 0)
    mf_page_printf (page, "%s %" G_GUINT64_FORMAT " more statements",
        mf_page_sign (page, "…", "..."), statements->left_out);
  return chosen->len;
}
