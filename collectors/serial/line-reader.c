// SPDX-License-Identifier: Apache-2.0
// The line reader: memchr finds the ends, and only lines that straddle chunks or hold NULs are
// copied.
#include "line-reader.h"

#include <string.h>

static bool
deliver (MfLineReader *self, const char *text, size_t length, bool unterminated)
{
  MfLine line = {
    .text = text,
    .length = length,
    .number = ++self->number,
    .offset = self->line_offset,
    .unterminated = unterminated,
    .cut = self->cut,
  };

  self->counts.lines++;
  self->counts.cut_lines += self->cut;
  self->length = 0;
  self->begun = self->cut = false;
  return self->deliver (self->user, &line);
}

static void
append (MfLineReader *self, const char *bytes, size_t length)
{
  size_t room = MF_LINE_LIMIT - self->length;
  size_t kept = length < room ? length : room;

  if (kept > 0)
    memcpy (self->text + self->length, bytes, kept);
  self->length += kept;
  self->counts.dropped_bytes += length - kept;
  self->cut |= kept < length;
}

static void
append_without_nuls (MfLineReader *self, const char *bytes, size_t length)
{
  const char *end = bytes + length;

  while (bytes < end) {
    const char *nul = memchr (bytes, '\0', (size_t) (end - bytes));
    const char *stop = nul ? nul : end;

    append (self, bytes, (size_t) (stop - bytes));
    self->counts.nul_bytes += nul != NULL;
    bytes = nul ? nul + 1 : end;
  }
}

// A piece without line ends; `whole` if a line end follows it.
static bool
take_piece (MfLineReader *self, const char *bytes, size_t length, bool whole)
{
  bool plain = memchr (bytes, '\0', length) == NULL;

  if (whole && plain && self->length == 0 && !self->cut && length <= MF_LINE_LIMIT)
    return deliver (self, bytes, length, false);
  self->begun = true;
  append_without_nuls (self, bytes, length);
  return whole ? deliver (self, self->text, self->length, false) : true;
}

// CRs before an LF belong to that one line end; of other CRs each ends a line, empty but for the
// first.
static bool
settle_returns (MfLineReader *self, bool newline)
{
  bool going = true;

  while (!newline && going && self->returns > 1) {
    self->returns--;
    going = deliver (self, self->text, 0, false);
  }
  self->returns = 0;
  return going;
}

static bool
take_end (MfLineReader *self, const char *bytes, size_t length, char end)
{
  if (end == '\r') {
    if (self->returns++ > 0 && length == 0)
      return true;
    return take_piece (self, bytes, length, true);
  }
  if (self->returns > 0 && length == 0)
    return settle_returns (self, true);
  return take_piece (self, bytes, length, true);
}

// The end of the line that begins at `bytes`: the first LF, unless a CR stands before it.
static const char *
find_end (const char *bytes, const char *end, const char *newline)
{
  const char *stop = newline ? newline : end;
  const char *cr = memchr (bytes, '\r', (size_t) (stop - bytes));

  return cr ? cr : newline;
}

bool
mf_line_reader_feed (MfLineReader *self, const char *bytes, size_t length)
{
  const char *end = bytes + length;
  const char *newline = length ? memchr (bytes, '\n', length) : NULL;
  uint64_t base = self->counts.bytes;
  const char *start = bytes;

  self->counts.bytes += length;
  while (start < end) {
    const char *stop;

    if (newline && newline < start)
      newline = memchr (start, '\n', (size_t) (end - start));
    if (self->returns > 0 && *start != '\r' && *start != '\n' && !settle_returns (self, false))
      return false;
    if (!self->begun)
      self->line_offset = base + (uint64_t) (start - bytes);

    stop = find_end (start, end, newline);
    if (!stop)
      return take_piece (self, start, (size_t) (end - start), false);
    if (!take_end (self, start, (size_t) (stop - start), *stop))
      return false;
    start = stop + 1;
  }
  return true;
}

bool
mf_line_reader_end (MfLineReader *self)
{
  bool going = settle_returns (self, false);

  if (!going || (self->length == 0 && !self->cut))
    return going;
  return deliver (self, self->text, self->length, true);
}

const char *
mf_line_reader_borrow_partial (const MfLineReader *self, size_t *length)
{
  *length = self->length;
  return self->text;
}
