// SPDX-License-Identifier: Apache-2.0
// Which kinds of blocks fill a heap: a table for each snapshot and a sentence about the largest kind.
#include <stdio.h>

#include <memflow/plugin.h>

// An event type of your own. Every format prints it by this schema alone.
typedef struct {
  uint32_t snapshot;
  MfString kind;
  uint64_t blocks;
  MfSize bytes;
} @Type@Row;
MF_EVENT (@Type@Row, "@ID@.kind", 1, MF_VIEW_TABLE, "Used blocks of one kind",
  MF_FIELD (@Type@Row, snapshot, "id of the snapshot", .role = MF_ROLE_KEY),
  MF_FIELD (@Type@Row, kind, "what is in the blocks", .role = MF_ROLE_LABEL),
  MF_FIELD (@Type@Row, blocks, "how many", .unit = MF_UNIT_BLOCKS),
  MF_FIELD (@Type@Row, bytes, "in all of them", .role = MF_ROLE_BAR));

enum { MOST_KINDS = 64 };

typedef struct {
  MfStage stage;
  MF_OUT (@Type@Row) rows;
  MF_OUT (MfStatement) statements;
  MfSize least;                  // option
  @Type@Row kinds[MOST_KINDS];   // of the snapshot that is being received
  uint32_t n_kinds;
} @Type@;

static @Type@Row *
@function@_kind (@Type@ *self, MfString kind)
{
  for (uint32_t i = 0; i < self->n_kinds; i++)
    if (self->kinds[i].kind.id == kind.id)
      return &self->kinds[i];
  if (self->n_kinds == MOST_KINDS)
    return &self->kinds[MOST_KINDS - 1];
  self->kinds[self->n_kinds] = (@Type@Row) { .kind = kind };
  return &self->kinds[self->n_kinds++];
}

static bool
@function@_take_blocks (void *stage, const MfBatch *batch)
{
  @Type@ *self = stage;
  MF_EACH (batch, MfHeapBlock, block)
    if (block->state != MF_BLOCK_FREE) {
      @Type@Row *kind = @function@_kind (self, block->kind);
      kind->blocks++;
      kind->bytes.bytes += block->size.bytes;
    }
  return true;
}

static bool
@function@_say (@Type@ *self, const @Type@Row *largest, const MfHeapSnapshot *snapshot)
{
  char text[160];
  snprintf (text, sizeof text, "%s fills %llu of %llu used bytes, in %llu blocks",
    mf_string_text (self, largest->kind), (unsigned long long) largest->bytes.bytes,
    (unsigned long long) snapshot->used.bytes, (unsigned long long) largest->blocks);
  return mf_emit (&self->statements, (&(MfStatement) {
    .order = snapshot->snapshot, .severity = MF_SAY_VERDICT, .subject = mf_string (self, "@ID@"),
    .text = mf_text (&self->statements, text, strlen (text)) }));
}

// The row of the snapshot closes it: its blocks have been received.
static bool
@function@_take_snapshots (void *stage, const MfBatch *batch)
{
  @Type@ *self = stage;
  MF_EACH (batch, MfHeapSnapshot, snapshot) {
    const @Type@Row *largest = NULL;
    for (uint32_t i = 0; i < self->n_kinds; i++) {
      @Type@Row *kind = &self->kinds[i];
      kind->snapshot = snapshot->snapshot;
      if (kind->bytes.bytes >= self->least.bytes && !mf_emit (&self->rows, kind))
        return false;
      if (!largest || kind->bytes.bytes > largest->bytes.bytes)
        largest = kind;
    }
    if (largest && !@function@_say (self, largest, snapshot))
      return false;
    self->n_kinds = 0;
  }
  return true;
}

MF_PLUGIN (@Type@, "@ID@", .kind = MF_ANALYZER, .summary = "which kinds of blocks fill the heap",
  MF_OPTIONS (MF_OPTION (@Type@, least, "64B", "smaller sums are not listed")),
  MF_CONSUMES (MF_INPUT (MfHeapBlock, @function@_take_blocks), MF_INPUT (MfHeapSnapshot, @function@_take_snapshots)),
  MF_PUBLISHES (MF_OUTPUT (@Type@, rows, @Type@Row), MF_OUTPUT (@Type@, statements, MfStatement)));
