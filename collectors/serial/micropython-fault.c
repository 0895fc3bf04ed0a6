// SPDX-License-Identifier: Apache-2.0
// Source of the words: MicroPython py/obj.c (mp_obj_print_exception), py/runtime.c (m_malloc_fail),
// py/stackctrl.c, py/pystack.c.
#include "micropython-fault.h"

#include <string.h>

#define TRACEBACK "Traceback (most recent call last):"
#define TRACEBACK_SILENCE 4

typedef struct {
  const char *words;
  const char *type;
  MfTextFaultKind kind;
} FaultWords;

// What tells a fault wherever it stands in a line.
// clang-format off
static const FaultWords fault_words[] = {
  { "memory allocation failed, heap is locked", "MemoryError", MF_TEXT_FAULT_LOCKED },
  { "memory allocation failed", "MemoryError", MF_TEXT_FAULT_MEMORY },
  { "maximum recursion depth exceeded", "RuntimeError", MF_TEXT_FAULT_RECURSION },
  { "pystack exhausted", "RuntimeError", MF_TEXT_FAULT_PYSTACK },
};
// clang-format on

#define N_FAULT_WORDS (sizeof fault_words / sizeof fault_words[0])

void
mf_fault_reader_add_keys (MfKeyFilter *filter)
{
  mf_key_filter_add (filter, TRACEBACK);
  mf_key_filter_add (filter, "MemoryError");
  for (size_t i = 0; i < N_FAULT_WORDS; i++)
    mf_key_filter_add (filter, fault_words[i].words);
}

static void
copy_text (char *to, size_t size, const char *text, const char *end)
{
  size_t length = (size_t) (end - text);

  if (length >= size)
    length = size - 1;
  memcpy (to, text, length);
  to[length] = '\0';
}

static void
begin_fault (MfFaultReader *self, const MfLine *line)
{
  MfTextFault *fault = &self->fault;

  fault->kind = MF_TEXT_FAULT_EXCEPTION;
  fault->caught = fault->truncated = false;
  fault->first_line = fault->last_line = line->number;
  fault->offset = line->offset;
  fault->bytes = MF_ABSENT;
  fault->type[0] = fault->text[0] = '\0';
  fault->n_frames = 0;
  fault->lost_frames = 0;
  self->silence = 0;
}

// Digits that end the text may have been cut: only a number with something behind it is believed.
static void
read_bytes (MfTextFault *fault)
{
  const char *words = strstr (fault->text, "allocating ");
  const char *end = fault->text + strlen (fault->text);
  uint64_t bytes;

  if (words && mf_pattern_match ("allocating % ", words, end, &bytes))
    fault->bytes = bytes;
  fault->truncated |= words ? strstr (words, " bytes") == NULL : fault->text[0] == '\0';
}

static const FaultWords *
find_fault_words (const char *text)
{
  for (size_t i = 0; i < N_FAULT_WORDS; i++)
    if (strstr (text, fault_words[i].words))
      return &fault_words[i];
  return NULL;
}

static void
classify (MfTextFault *fault)
{
  const FaultWords *words = find_fault_words (fault->text);

  if (words)
    fault->kind = words->kind;
  else if (strcmp (fault->type, "MemoryError") == 0)
    fault->kind = MF_TEXT_FAULT_MEMORY;
  if (words && fault->type[0] == '\0')
    copy_text (fault->type, sizeof fault->type, words->type, words->type + strlen (words->type));
  if (fault->kind == MF_TEXT_FAULT_MEMORY)
    read_bytes (fault);
}

static void
add_frame (MfTextFault *fault, const MfTextFrame *frame)
{
  if (fault->n_frames == MF_TEXT_FAULT_FRAMES) {
    memmove (fault->frames, fault->frames + 1, (MF_TEXT_FAULT_FRAMES - 1) * sizeof *frame);
    fault->n_frames--;
    fault->lost_frames++;
  }
  fault->frames[fault->n_frames++] = *frame;
}

// File "main.py", line 12, in poll
static bool
take_frame (MfFaultReader *self, const MfLine *line)
{
  const char *end = mf_line_trimmed_end (line);
  const char *file = mf_line_find (line, "File \"");
  const char *quote, *rest;
  MfTextFrame frame = { .function = "" };

  if (!file || line->unterminated || line->cut)
    return false;
  file += strlen ("File \"");
  quote = memmem (file, (size_t) (end - file), "\", line ", strlen ("\", line "));
  rest = quote ? mf_pattern_match ("\", line %", quote, end, &frame.line) : NULL;
  if (!rest)
    return false;
  copy_text (frame.file, sizeof frame.file, file, quote);
  if (end - rest > 5 && memcmp (rest, ", in ", 5) == 0)
    copy_text (frame.function, sizeof frame.function, rest + 5, end);
  add_frame (&self->fault, &frame);
  self->fault.last_line = line->number;
  return true;
}

static bool
is_name (char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
         || c == '.';
}

static const char *
content (const MfFaultReader *self, const MfLine *line)
{
  return line->text + (line->length > self->column ? self->column : 0);
}

// "MemoryError: memory allocation failed, ..." or "KeyboardInterrupt".
static bool
take_exception (MfFaultReader *self, const MfLine *line)
{
  const char *name = content (self, line);
  const char *end = mf_line_trimmed_end (line);
  const char *p = name;
  MfTextFault *fault = &self->fault;

  while (p < end && is_name (*p))
    p++;
  if (p == name || (*name >= '0' && *name <= '9') || (p < end && *p != ':'))
    return false;
  copy_text (fault->type, sizeof fault->type, name, p);
  if (end - p > 2)
    copy_text (fault->text, sizeof fault->text, p + 2, end);
  fault->truncated = line->unterminated || line->cut;
  fault->last_line = line->number;
  classify (fault);
  self->open = false;
  return true;
}

static bool
opens_traceback (const MfLine *line, size_t *column)
{
  const char *found = mf_line_find (line, TRACEBACK);

  if (!found || found + strlen (TRACEBACK) != mf_line_trimmed_end (line))
    return false;
  *column = (size_t) (found - line->text);
  return true;
}

// What is typed at a prompt is source, not a result.
static bool
is_typed (const MfLine *line)
{
  return mf_line_find (line, ">>> ") != NULL
         || (line->length >= 4 && memcmp (line->text, "... ", 4) == 0);
}

// The message of a fault that is printed as "Type('message',)": up to the quote that closes it.
static const char *
message_end (const char *message, const char *end)
{
  char quote = message[-1];
  const char *close;

  if (quote != '\'' && quote != '"')
    return end;
  close = memchr (message, quote, (size_t) (end - message));
  return close ? close : end;
}

static bool
take_words (MfFaultReader *self, const MfLine *line)
{
  const char *found = NULL;
  size_t before;

  for (size_t i = 0; i < N_FAULT_WORDS && !found; i++)
    found = mf_line_find (line, fault_words[i].words);
  if (!found)
    return false;
  begin_fault (self, line);
  before = (size_t) (found - line->text);
  self->fault.caught = before < 7 || memcmp (found - 7, "Error: ", 7) != 0;
  self->fault.truncated = line->unterminated || line->cut;
  copy_text (self->fault.text, sizeof self->fault.text, found,
      before > 0 ? message_end (found, mf_line_trimmed_end (line)) : mf_line_trimmed_end (line));
  classify (&self->fault);
  return true;
}

// A MemoryError without words: no heap was left for them.
static bool
take_wordless (MfFaultReader *self, const MfLine *line)
{
  const char *found = mf_line_find (line, "MemoryError");
  const char *end = mf_line_trimmed_end (line);
  const char *rest = found ? found + strlen ("MemoryError") : NULL;
  bool repr = found && end - rest >= 2 && rest[0] == '(' && strchr (")'\"", rest[1]);

  if (!found || (!repr && (found != line->text || rest == end || *rest != ':')))
    return false;
  begin_fault (self, line);
  self->fault.caught = repr;
  self->fault.truncated = line->unterminated || line->cut;
  copy_text (self->fault.type, sizeof self->fault.type, found, rest);
  if (end - rest > 2)
    copy_text (self->fault.text, sizeof self->fault.text, rest + 2,
        repr ? message_end (rest + 2, end) : end);
  if (repr && rest[1] == ')')
    self->fault.text[0] = '\0';
  classify (&self->fault);
  return true;
}

static bool
take_traceback_line (MfFaultReader *self, const MfLine *line, bool *complete)
{
  if (take_frame (self, line))
    return true;
  *complete = take_exception (self, line);
  if (*complete || ++self->silence < TRACEBACK_SILENCE)
    return *complete;
  self->open = false;
  self->fault.truncated = true;
  *complete = true;
  return false;
}

bool
mf_fault_reader_line (MfFaultReader *self, const MfLine *line, bool *complete)
{
  size_t column;

  *complete = false;
  if (line->length == 0)
    return false;
  if (opens_traceback (line, &column)) {
    if (self->open && self->fault.n_frames == 0)
      return true;
    *complete = self->open;
    self->open = !self->open;
    self->fault.truncated = *complete;
    if (self->open)
      begin_fault (self, line);
    self->column = column;
    return true;
  }
  if (self->open)
    return take_traceback_line (self, line, complete);
  *complete = !is_typed (line) && (take_words (self, line) || take_wordless (self, line));
  return *complete;
}

bool
mf_fault_reader_end (MfFaultReader *self)
{
  bool open = self->open;

  self->fault.truncated |= open;
  self->open = false;
  return open;
}
