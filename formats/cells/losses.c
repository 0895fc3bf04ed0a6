// SPDX-License-Identifier: Apache-2.0
// What a run lost, summed at constant memory.
#include "losses.h"

static bool
carries (const MfBatch *batch, const MfType *type)
{
  return strcmp (batch->type->name, type->name) == 0 && batch->type->major == type->major
         && batch->type->row_size >= type->row_size && batch->stride >= type->row_size;
}

static bool
same_edge (const MfLost *a, const MfLost *b)
{
  return a->stage.id == b->stage.id && a->consumer.id == b->consumer.id && a->type.id == b->type.id
         && a->reason == b->reason;
}

static uint64_t
sum (uint64_t a, uint64_t b)
{
  uint64_t result;
  return __builtin_add_overflow (a, b, &result) ? UINT64_MAX : result;
}

static void
widen (MfLost *entry, const MfLost *lost)
{
  entry->count = sum (entry->count, lost->count);
  if (lost->from.ns != MF_TIME_NONE.ns
      && (entry->from.ns == MF_TIME_NONE.ns || lost->from.ns < entry->from.ns))
    entry->from = lost->from;
  if (lost->to.ns > entry->to.ns) // MF_TIME_NONE is the least
    entry->to = lost->to;
}

static void
add (MfLosses *losses, const MfLost *lost)
{
  losses->total = sum (losses->total, lost->count);
  for (uint32_t i = 0; i < losses->n; i++)
    if (same_edge (&losses->entries[i], lost)) {
      widen (&losses->entries[i], lost);
      return;
    }
  if (losses->n < MF_LOSSES_MAX) {
    losses->entries[losses->n++] = *lost;
    return;
  }
  MfLost *others = &losses->entries[MF_LOSSES_MAX - 1];
  others->stage = others->consumer = others->type = (MfString){ 0 };
  widen (others, lost);
}

void
mf_losses_see (MfLosses *losses, const MfBatch *batch)
{
  losses->incomplete |= (batch->flags & MF_BATCH_INCOMPLETE) != 0;
  if (carries (batch, &MfLost_type))
    MF_EACH (batch, MfLost, lost)
      add (losses, lost);
  if (carries (batch, &MfRunEnd_type))
    MF_EACH (batch, MfRunEnd, end) {
      losses->end = *end;
      losses->ended = true;
    }
}

bool
mf_losses_none (const MfLosses *losses)
{
  return losses->ended && losses->end.outcome == 0 && losses->end.lost == 0 && losses->n == 0
         && !losses->incomplete;
}
