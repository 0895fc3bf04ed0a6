// SPDX-License-Identifier: Apache-2.0
// Lists what passed by: each event type, how many rows and bytes of it, and the first stage that published it.
#include <stdio.h>

#include <memflow/plugin.h>

enum { MOST_TYPES = 128 };

typedef struct { const MfType *type; MfString stage; uint64_t rows, bytes; } @Type@Line;

typedef struct {
  MfStage stage;
  MfOutputName path;              // option
  MfOutput *output;
  @Type@Line lines[MOST_TYPES];
  uint32_t n_lines;
} @Type@;

static bool
@function@_start (void *stage)
{
  @Type@ *self = stage;
  self->output = mf_output (self, self->path.name);
  return self->output;
}

static @Type@Line *
@function@_line (@Type@ *self, const MfBatch *batch)
{
  for (uint32_t i = 0; i < self->n_lines; i++)
    if (strcmp (self->lines[i].type->name, batch->type->name) == 0)
      return &self->lines[i];
  if (self->n_lines == MOST_TYPES)
    return NULL;
  self->lines[self->n_lines] = (@Type@Line) { .type = batch->type, .stage = batch->stage };
  return &self->lines[self->n_lines++];
}

static bool
@function@_take (void *stage, const MfBatch *batch)
{
  @Type@ *self = stage;
  @Type@Line *line = @function@_line (self, batch);
  if (!line)
    return mf_fail (self, "more than %d event types", MOST_TYPES);
  line->rows += batch->n_rows;
  line->bytes += (uint64_t) batch->n_rows * batch->stride + batch->text_size;
  return true;
}

// Runs only when nothing failed; the file gets its final name afterwards.
static bool
@function@_finish (void *stage)
{
  @Type@ *self = stage;
  for (uint32_t i = 0; i < self->n_lines; i++) {
    const @Type@Line *line = &self->lines[i];
    char text[256];
    int n = snprintf (text, sizeof text, "%-20s %8llu rows %10llu bytes, from %.32s\n", line->type->name,
      (unsigned long long) line->rows, (unsigned long long) line->bytes, mf_string_text (self, line->stage));
    if (!mf_write (self, self->output, text, (size_t) n))
      return false;
  }
  mf_output_count (self, self->output, self->n_lines);
  return true;
}

MF_PLUGIN (@Type@, "@ID@", .kind = MF_FORMAT, .summary = "which event types passed by, and how much of each",
  MF_OPTIONS (MF_OPTION (@Type@, path, "@ID@.txt", "where to write; - is the standard output")),
  MF_CONSUMES (MF_INPUT_ANY ("*", @function@_take)),
  .start = @function@_start, .finish = @function@_finish);
