// SPDX-License-Identifier: Apache-2.0
// The report on one input: a verdict for each heap, warnings, evidence, and one next step.
#include "fragmentation.h"

#include <inttypes.h>

static bool
emit_statement (Fragmentation *self, const Saying *saying, const GString *text)
{
  const char *subject = saying->subject ? saying->subject : "";
  const char *basis = saying->basis ? saying->basis : "";
  MfStatement row = {
    .order = self->order++,
    .severity = saying->severity,
    .subject = mf_string (self, subject),
    .place = saying->place,
  };

  row.text = mf_text (&self->statements, text->str, text->len);
  row.basis = mf_text (&self->statements, basis, strlen (basis));
  return mf_emit (&self->statements, &row);
}

bool
mf_say (Fragmentation *self, const Saying *saying, const GString *text)
{
  return text->len == 0 || emit_statement (self, saying, text);
}

// ---- warnings

static void
warn_of_damage (GString *text, const Source *source)
{
  if (source->damaged == 0)
    return;
  mf_say_count (text, source->damaged, "damaged part", "damaged parts");
  g_string_append_printf (text, " of the input left out; the first at line %u: %s",
      source->damage_line, source->damage);
}

static void
warn_of_incompleteness (GString *text, const Source *source)
{
  if (source->incomplete == 0)
    return;
  mf_say_count (text, source->incomplete, "snapshot is", "snapshots are");
  g_string_append (text, " incomplete and not analysed");
  if (source->incomplete_ordinal)
    g_string_append_printf (text, "; the last: snapshot %u is incomplete: %s",
        source->incomplete_ordinal, source->incompleteness);
}

static void
warn_of_limits (GString *text, const Source *source)
{
  if (source->refusals_left_out)
    g_string_append_printf (text,
        "%" PRIu64 " more MemoryErrors are not shown: only %d different ones are kept",
        source->refusals_left_out, MOST_REFUSALS);
  if (source->heaps_left_out)
    g_string_append_printf (text,
        "%s%" PRIu64 " dumps of further heaps are left out: only %d heaps are followed",
        text->len ? "; " : "", source->heaps_left_out, MOST_HEAPS);
}

static void (*const warnings[]) (GString *text, const Source *source)
    = { warn_of_damage, warn_of_incompleteness, warn_of_limits };

static bool
state_warnings (Fragmentation *self, const Source *source)
{
  for (size_t i = 0; i < G_N_ELEMENTS (warnings); i++) {
    g_autoptr (GString) text = g_string_new (NULL);
    warnings[i](text, source);
    if (!mf_say (self, &(Saying){ .severity = MF_SAY_WARNING, .subject = "incomplete" }, text))
      return false;
  }
  return true;
}

// ---- failures that are no shortage of memory

// clang-format off
static const struct {
  const char *one, *many, *remark;
} others[] = {
  [MF_FAULT_HEAP_LOCKED] = { "allocation", "allocations",
      " while the heap was locked (as in an interrupt handler): no shortage of memory" },
  [MF_FAULT_RECURSION]
  = { "recursion", "recursions", " too deep: the stack was full, not the heap" },
  [MF_FAULT_EXCEPTION] = { "other exception", "other exceptions", "" },
};
// clang-format on

static bool
state_others (Fragmentation *self, const Source *source)
{
  for (size_t i = MF_FAULT_HEAP_LOCKED; i < G_N_ELEMENTS (others); i++) {
    g_autoptr (GString) text = g_string_new (NULL);
    const OtherFault *other = &source->others[i];
    if (other->times == 0)
      continue;
    mf_say_count (text, other->times, others[i].one, others[i].many);
    g_string_append (text, others[i].remark);
    g_string_append_printf (text, "; line %u: %s", other->line, other->message);
    if (!mf_say (self, &(Saying){ .severity = MF_SAY_EVIDENCE, .subject = "other faults" }, text))
      return false;
  }
  return true;
}

// ---- the whole

static bool
report_heap (Fragmentation *self, const Source *source, const Heap *heap)
{
  Verdict verdict = mf_verdict_of (self, source, heap);

  return mf_verdict_state (self, source, heap, &verdict)
         && mf_state_evidence (self, source, heap, &verdict)
         && mf_publish_pictures (self, heap, verdict.window.looked ? &verdict.window : NULL)
         && mf_verdict_advise (self, &verdict);
}

bool
mf_report_source (Fragmentation *self, const Source *source)
{
  bool unexplained = source->n_refusals > 0 && mf_source_leading_refusal (source, NULL);
  uint32_t n_reports = 0;

  mf_context (self, source->input, source->epoch);
  for (const Heap *heap = source->heaps; heap; heap = heap->next)
    if (heap->n_dumps > 0) {
      n_reports++;
      if (!report_heap (self, source, heap))
        return false;
    }
  if ((unexplained || n_reports == 0) && !mf_state_unknown (self, source))
    return false;
  return state_warnings (self, source) && state_others (self, source);
}
