// SPDX-License-Identifier: Apache-2.0
// The sentences behind the verdict: the requests that were refused, and what would make room.
#include "fragmentation.h"

// ---- the refused requests

// The file and line follow as the statement's `place`.
static void
say_function (Fragmentation *self, GString *text, MfStack stack)
{
  MfFrame frame;
  MfStack caller;

  if (mf_stack_frame (self, stack, &frame, &caller) && frame.function.id)
    g_string_append_printf (text, " in %s", mf_string_text (self, frame.function));
}

static void
say_requested (GString *text, const Refusal *refusal)
{
  if (is_known (refusal->requested))
    mf_say_bytes (text, refusal->requested);
  else
    g_string_append (text, "A request of unknown size");
}

static void
say_circumstances (GString *text, const Refusal *refusal)
{
  g_string_append_printf (
      text, " (MemoryError, %s, line %u", refusal->caught ? "caught" : "not caught", refusal->line);
  if (refusal->after_ordinal)
    g_string_append_printf (text, ", after dump %u", refusal->after_ordinal);
  if (refusal->times > 1)
    g_string_append_printf (text, ", %" G_GUINT64_FORMAT " times", (guint64) refusal->times);
  g_string_append_c (text, ')');
}

static MfString
site_of (Fragmentation *self, MfStack stack)
{
  MfFrame frame;
  MfStack caller;
  g_autofree char *place = NULL;

  if (!mf_stack_frame (self, stack, &frame, &caller))
    return (MfString){ 0 };
  place = g_strdup_printf ("%s:%u", mf_string_text (self, frame.file), frame.line);
  return mf_string (self, place);
}

static bool
state_refusal (Fragmentation *self, const Refusal *refusal)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Saying saying = {
    .severity = MF_SAY_VERDICT, .subject = "refused", .place = site_of (self, refusal->stack)
  };

  say_requested (text, refusal);
  g_string_append (text, is_known (refusal->requested) ? " were refused" : " was refused");
  say_circumstances (text, refusal);
  say_function (self, text, refusal->stack);
  return mf_say (self, &saying, text);
}

// Refusals that were caught at the same point tell no place: they share a line.
static bool
is_listed (const Refusal *refusal, const Heap *heap)
{
  return refusal->heap == heap && refusal->caught && refusal->stack.id == 0
         && is_known (refusal->requested);
}

typedef struct {
  GString *sizes;
  uint32_t n, first_after, last_after;
  bool all_fragmented;
} List;

static void
add_to_list (List *list, const Refusal *refusal)
{
  if (list->n++ > 0)
    g_string_append (list->sizes, "   ");
  else
    list->first_after = refusal->after_ordinal;
  list->last_after = refusal->after_ordinal;
  list->all_fragmented
      &= refusal->judged_by != JUDGED_BY_NOTHING && refusal->class == MF_OOM_FRAGMENTED;
  mf_say_bytes (list->sizes, refusal->requested);
  if (refusal->times > 1)
    g_string_append_printf (
        list->sizes, " (%" G_GUINT64_FORMAT " times)", (guint64) refusal->times);
}

static void
say_list (GString *text, const List *list)
{
  mf_say_count (text, list->n, "request was", "requests were");
  g_string_append (text, " refused");
  if (list->all_fragmented)
    g_string_append (text, " with more than that free");
  g_string_append_printf (text, ":\n  %s   (caught", list->sizes->str);
  if (list->first_after && list->first_after == list->last_after)
    g_string_append_printf (text, ", after dump %u", list->first_after);
  g_string_append_c (text, ')');
}

static bool
state_list (Fragmentation *self, const Source *source, const Heap *heap)
{
  g_autoptr (GString) text = g_string_new (NULL), sizes = g_string_new (NULL);
  List list = { .sizes = sizes, .all_fragmented = true };

  for (uint32_t i = 0; i < source->n_refusals; i++)
    if (is_listed (&source->refusals[i], heap))
      add_to_list (&list, &source->refusals[i]);
  if (list.n == 0)
    return true;
  say_list (text, &list);
  return mf_say (self, &(Saying){ .severity = MF_SAY_VERDICT, .subject = "refused" }, text);
}

bool
mf_state_refusals (Fragmentation *self, const Source *source, const Heap *heap)
{
  for (uint32_t i = 0; i < source->n_refusals; i++) {
    const Refusal *refusal = &source->refusals[i];
    if (refusal->heap == heap && !is_listed (refusal, heap) && !state_refusal (self, refusal))
      return false;
  }
  return state_list (self, source, heap);
}

// ---- what would make room

// Objects of MicroPython such as a bytearray have their contents in a second block, of kind data.
static bool
say_objects_and_data (Fragmentation *self, GString *text, const Window *window)
{
  const MfKindRow *rows = window->kinds;
  size_t data = 0;

  if (window->n_kinds != 2 || rows[0].blocks != rows[1].blocks)
    return false;
  while (data < 2 && strcmp (mf_string_text (self, (MfString){ rows[data].kind }), "data") != 0)
    data++;
  if (data == 2 || rows[1 - data].kind == 0)
    return false;
  mf_say_number (text, rows[0].blocks);
  g_string_append_printf (
      text, " %s with their data", mf_string_text (self, (MfString){ rows[1 - data].kind }));
  return true;
}

static void
say_kinds (Fragmentation *self, GString *text, const Window *window)
{
  if (say_objects_and_data (self, text, window))
    return;
  for (size_t i = 0; i < window->n_kinds; i++) {
    const MfKindRow *row = &window->kinds[i];
    const char *kind = mf_string_text (self, (MfString){ row->kind });
    g_string_append (text, i == 0 ? "" : i + 1 == window->n_kinds ? " and " : ", ");
    mf_say_number (text, row->blocks);
    g_string_append_printf (text, " %s", *kind ? kind : "of unknown kind");
  }
}

static void
say_window (Fragmentation *self, GString *text, const Window *window)
{
  g_string_append (text, "To get ");
  mf_say_bytes (text, window->request);
  g_string_append (text, " in one piece, ");
  mf_say_count (text, window->at.used_blocks, "block", "blocks");
  g_string_append (text, " of ");
  mf_say_bytes (text, window->at.used_bytes);
  g_string_append (text, " in all must go: ");
  say_kinds (self, text, window);
  g_string_append (text, ", at ");
  mf_say_place (text, window->at.region, window->used_offset, window->several_regions);
  g_string_append (text, "..");
  mf_say_place (text, 0, window->used_offset + window->used_length, false);
  g_string_append (text, " (then ");
  mf_say_place (text, 0, window->at.offset, false);
  g_string_append (text, "..");
  mf_say_place (text, 0, window->at.offset + window->at.length, false);
  g_string_append (text, " is one free run).");
}

bool
mf_state_remedy (Fragmentation *self, const Window *window)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (!window->looked || (window->found && window->at.used_blocks == 0))
    return true;
  if (window->found)
    say_window (self, text, window);
  else {
    mf_say_bytes (text, window->request);
    g_string_append (text, " can never be had in one piece: no area of this heap is that large.");
  }
  return mf_say (self, &(Saying){ .severity = MF_SAY_VERDICT, .subject = "remedy" }, text);
}
