// SPDX-License-Identifier: Apache-2.0
// Reads a log of heap figures, one line for each measurement: milliseconds, used bytes, free bytes.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <memflow/plugin.h>

#define FIRST_LINE "# heap log"

typedef struct {
  MfStage stage;
  MF_OUT (MfHeapStats) stats;
  MfPath path;          // option
  FILE *file;
} @Type@;

// What is read may be damaged: a number that is none, or too large, ends in an error and not in a wrong figure.
static bool
@function@_number (char **at, uint64_t *number)
{
  char *from = *at;
  errno = 0;
  *number = strtoull (from, at, 10);
  return *at != from && !errno && !strchr (from, '-') && *number <= INT64_MAX / 1000000;
}

static bool
@function@_take_line (@Type@ *self, char *text, uint32_t line)
{
  uint64_t ms, used, free;
  if (text[0] == '#' || text[0] == '\n')
    return true;
  if (!@function@_number (&text, &ms) || !@function@_number (&text, &used) || !@function@_number (&text, &free))
    return mf_fail_option (self, "path", "%s:%u: a line is three numbers: milliseconds, used bytes, free bytes",
      self->path.path, line);
  return mf_emit (&self->stats, (&(MfHeapStats) {
    .time = { (int64_t) ms * 1000000 }, .used = { used }, .free = { free }, .total = { used + free },
    .largest_free = MF_SIZE_NONE, .min_ever_free = MF_SIZE_NONE, .growable = MF_SIZE_NONE,
    .requested = MF_SIZE_NONE, .requested_peak = MF_SIZE_NONE, .stack_used = MF_SIZE_NONE,
    .stack_limit = MF_SIZE_NONE, .ordinal = line, .free_runs = UINT32_MAX, .used_blocks = UINT32_MAX,
    .granule = UINT32_MAX, .line = line }));
}

static bool
@function@_start (void *stage)
{
  @Type@ *self = stage;
  self->file = fopen (self->path.path, "r");
  return self->file || mf_fail_option (self, "path", "cannot read %s: %s", self->path.path, strerror (errno));
}

static bool
@function@_collect (void *stage)
{
  @Type@ *self = stage;
  char text[256];
  mf_context (self, mf_string (self, self->path.path), 0);
  for (uint32_t line = 1; !mf_stopping (self) && fgets (text, sizeof text, self->file); line++)
    if (!@function@_take_line (self, text, line))
      return false;
  return true;
}

static void
@function@_stop (void *stage)
{
  @Type@ *self = stage;
  if (self->file)
    fclose (self->file);
}

// Is this file mine? So that `memflow run CONFIG FILE` chooses this collector.
static int
@function@_probe (const char *path, const uint8_t *head, size_t n)
{
  (void) path;
  return n >= strlen (FIRST_LINE) && memcmp (head, FIRST_LINE, strlen (FIRST_LINE)) == 0 ? 100 : 0;
}

MF_PLUGIN (@Type@, "@ID@", .kind = MF_COLLECTOR, .summary = "a log of heap figures, line by line",
  MF_OPTIONS (MF_OPTION (@Type@, path, NULL, "the log", .flags = MF_OPTION_REQUIRED)),
  MF_PUBLISHES (MF_OUTPUT (@Type@, stats, MfHeapStats)),
  .start = @function@_start, .collect = @function@_collect, .stop = @function@_stop,
  .input_option = "path", .probe = @function@_probe);
