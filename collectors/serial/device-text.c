// SPDX-License-Identifier: Apache-2.0
// Offers each line to every grammar, after what is not output of the board (paste echo) or was
// printed before (a console that doubles lines) has been taken out.
#include "grammar.h"

#include <stdio.h>
#include <string.h>

// clang-format off
static const MfGrammar *const grammars[] = {
  &mf_micropython_grammar,
};
// clang-format on

#define N_GRAMMARS (sizeof grammars / sizeof grammars[0])
// So many different lines twice in a row are no coincidence; so many single ones end it.
#define DOUBLED_AFTER 3
#define SINGLE_AFTER 8

typedef struct {
  size_t length; // of `text`, MF_LINE_LIMIT + 1 if there is none
  bool repeated; // `text` came twice
  unsigned pairs, singles;
  bool on;
  uint64_t dropped;
  char text[MF_LINE_LIMIT];
} Doubling;

struct MfDeviceText {
  MfGrammarContext context;
  MfTextSink sink;
  MfLineReader reader;
  Doubling doubling;
  uint64_t echo_lines, recognised_lines;
  void *instances[N_GRAMMARS];
};

static void
doubling_remember (Doubling *self, const MfLine *line, bool third)
{
  if (!self->repeated)
    self->singles++;
  if (!self->repeated || third) // a run of equal lines, such as a deep recursion, proves nothing
    self->pairs = 0;
  self->on &= self->singles < SINGLE_AFTER;
  self->repeated = false;
  self->length = line->length;
  memcpy (self->text, line->text, line->length);
}

// Whether the line is the second of a pair in a stream of pairs. A line that comes three times was
// printed twice.
static bool
doubling_takes (Doubling *self, const MfLine *line)
{
  bool equal = line->length == self->length && memcmp (line->text, self->text, line->length) == 0;

  if (line->length == 0)
    return false;
  if (!equal || self->repeated) {
    doubling_remember (self, line, equal);
    return false;
  }
  self->repeated = true;
  self->singles = 0;
  self->pairs++;
  self->on |= self->pairs >= DOUBLED_AFTER;
  self->dropped += self->on;
  return self->on;
}

// "=== " is what paste mode puts before the source that it echoes.
static bool
is_paste_echo (const MfLine *line)
{
  return line->length >= 3 && memcmp (line->text, "===", 3) == 0
         && (line->length == 3 || line->text[3] == ' ');
}

static bool
take_line (void *user, const MfLine *line)
{
  MfDeviceText *self = user;
  bool taken = false;

  if (is_paste_echo (line)) {
    self->echo_lines++;
    return true;
  }
  if (doubling_takes (&self->doubling, line))
    return true;
  for (size_t i = 0; i < N_GRAMMARS; i++) {
    MfLineVerdict verdict = grammars[i]->line (self->instances[i], &self->context, line);

    if (verdict == MF_LINE_FAILED)
      return false;
    taken |= verdict == MF_LINE_TAKEN;
  }
  self->recognised_lines += taken;
  return true;
}

MfDeviceText *
mf_device_text_new (const MfTextSink *sink)
{
  MfDeviceText *self = sink->resize (sink->user, NULL, sizeof *self);

  if (!self)
    return NULL;
  memset (self, 0, sizeof *self);
  self->sink = *sink;
  self->context.sink = &self->sink;
  self->reader.deliver = take_line;
  self->reader.user = self;
  self->doubling.length = MF_LINE_LIMIT + 1;
  for (size_t i = 0; i < N_GRAMMARS; i++) {
    self->instances[i] = sink->resize (sink->user, NULL, grammars[i]->size);
    if (!self->instances[i]) {
      mf_device_text_free (self);
      return NULL;
    }
    memset (self->instances[i], 0, grammars[i]->size);
    grammars[i]->start (self->instances[i]);
  }
  return self;
}

void
mf_device_text_free (MfDeviceText *self)
{
  MfTextSink sink;

  if (!self)
    return;
  sink = self->sink;
  for (size_t i = 0; i < N_GRAMMARS && self->instances[i]; i++) {
    grammars[i]->clear (self->instances[i], &self->context);
    sink.resize (sink.user, self->instances[i], 0);
  }
  sink.resize (sink.user, self, 0);
}

bool
mf_device_text_feed (MfDeviceText *self, const void *bytes, size_t length)
{
  return self->context.error[0] == '\0' && mf_line_reader_feed (&self->reader, bytes, length);
}

bool
mf_device_text_end (MfDeviceText *self, MfTextEnd why)
{
  if (self->context.error[0] != '\0')
    return false;
  if (why == MF_END_OF_STREAM && !mf_line_reader_end (&self->reader))
    return false;
  for (size_t i = 0; i < N_GRAMMARS; i++)
    if (!grammars[i]->end (self->instances[i], &self->context, why))
      return false;
  return true;
}

const char *
mf_device_text_get_error (const MfDeviceText *self)
{
  return self->context.error;
}

MfTextCounts
mf_device_text_get_counts (const MfDeviceText *self)
{
  return (MfTextCounts){
    .input = self->reader.counts,
    .echo_lines = self->echo_lines,
    .doubled_lines = self->doubling.dropped,
    .recognised_lines = self->recognised_lines,
  };
}

const char *
mf_device_text_borrow_partial (const MfDeviceText *self, size_t *length)
{
  return mf_line_reader_borrow_partial (&self->reader, length);
}
