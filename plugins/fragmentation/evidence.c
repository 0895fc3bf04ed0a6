// SPDX-License-Identifier: Apache-2.0
// The evidence on one heap, from its last dump. Each line is a function of a table; an empty text
// is not said.
#include "fragmentation.h"

#include <inttypes.h>

typedef struct {
  Fragmentation *self;
  const Source *source;
  const Heap *heap;
  const Verdict *verdict;
  const Dump *dump; // the last one
  GString *subject, *basis;
} Evidence;

static void
say_heap (GString *text, const Evidence *evidence)
{
  const MfHeapFigures *figures = &evidence->dump->figures;

  mf_say_bytes (text, figures->capacity);
  g_string_append (text, "   used ");
  mf_say_number (text, figures->used);
  g_string_append (text, " (");
  mf_say_share (text, figures->used, figures->capacity);
  g_string_append (text, ")   free ");
  mf_say_number (text, figures->free);
  g_string_append (text, " (");
  mf_say_share (text, figures->free, figures->capacity);
  g_string_append_c (text, ')');
  if (!evidence->dump->has_map)
    return;
  g_string_append (text, " in ");
  mf_say_count (text, figures->runs, "run", "runs");
}

static void
say_largest (GString *text, const Evidence *evidence)
{
  const MfHeapFigures *figures = &evidence->dump->figures;

  if (!evidence->dump->has_largest)
    return;
  mf_say_bytes (text, figures->largest);
  if (evidence->dump->has_map && figures->free > 0) {
    g_string_append (text, " at ");
    mf_say_place (text, figures->largest_region, figures->largest_offset,
        mf_heap_has_regions (&evidence->heap->last));
  }
  g_string_append (text, "   ext_frag ");
  mf_say_permille (text, figures->ext_frag);
  if (evidence->dump->has_map) {
    g_string_append (text, "   hole_frag ");
    mf_say_permille (text, figures->hole_frag);
  }
}

static void
say_known_overhead (GString *text, const Evidence *evidence)
{
  const Dump *dump = evidence->dump;
  uint64_t overhead = dump->figures.used - dump->requested;

  mf_say_bytes (text, overhead);
  g_string_append (text, " (");
  mf_say_share (text, overhead, dump->figures.used);
  g_string_append (text, " of used): the program asked for ");
  mf_say_bytes (text, dump->requested);
  g_string_assign (evidence->basis, "as the device counts requests");
}

// From what is known of each block: its header exactly, its rounding as a range.
static void
say_overhead_range (GString *text, const Evidence *evidence)
{
  const Dump *dump = evidence->dump;
  uint64_t granule = dump->rule.granule ? dump->rule.granule : 1;
  uint64_t headers = dump->rule.header * dump->figures.used_blocks;
  uint64_t rounding = (granule - 1) * dump->figures.used_blocks;

  if (headers > 0) {
    g_string_append (text, "headers ");
    mf_say_bytes (text, headers);
    g_string_append (text, "   ");
  }
  g_string_append (text, "rounding 0 to ");
  mf_say_bytes (text, rounding);
  g_string_append (text, " (at most ");
  mf_say_share (text, rounding, dump->figures.used);
  g_string_append (text, " of used)");
  mf_say_count (evidence->basis, dump->figures.used_blocks, "block", "blocks");
  g_string_append_printf (
      evidence->basis, ", each rounded up to %" PRIu64 " B; requests unknown", granule);
}

static void
say_overhead (GString *text, const Evidence *evidence)
{
  const Dump *dump = evidence->dump;

  if (dump->requested <= dump->figures.used)
    say_known_overhead (text, evidence);
  else if (dump->has_map)
    say_overhead_range (text, evidence);
}

static void
say_unusable_for (GString *text, const MappedDump *last, uint64_t request)
{
  uint64_t need = mf_heap_need (&last->dump.rule, request);

  if (text->len)
    g_string_append (text, "   ");
  mf_say_size (text, request);
  g_string_append_c (text, ' ');
  mf_say_share (text, mf_heap_map_unusable (&last->map, need), last->dump.figures.free);
}

static void
say_unusable (GString *text, const Evidence *evidence)
{
  static const uint64_t requests[] = { 64, 256, 1024, 4096 };
  uint64_t asked = evidence->verdict->asked;

  if (!evidence->dump->has_map)
    return;
  for (size_t i = 0; i < G_N_ELEMENTS (requests); i++)
    say_unusable_for (text, &evidence->heap->last, requests[i]);
  if (asked != MF_SIZE_NONE.bytes)
    say_unusable_for (text, &evidence->heap->last, asked);
}

// clang-format off
static const char *const trends[] = {
  [MF_TREND_UNKNOWN] = "",
  [MF_TREND_FREED_NOT_JOINED] = "freed, not joined",
  [MF_TREND_FRAGMENTATION] = "fragmentation: the largest piece shrinks, free does not",
  [MF_TREND_LEAK_SUSPECT] = "a leak, perhaps: used keeps growing",
  [MF_TREND_GARBAGE] = "garbage: used grows and falls again",
  [MF_TREND_GREW] = "more is used",
  [MF_TREND_SHRANK] = "less is used",
  [MF_TREND_STABLE] = "stable",
};
// clang-format on

// The dump `back` dumps before the last one; the series is never longer than what is kept.
static uint32_t
ordinal_before (const Heap *heap, size_t back)
{
  return heap->recent[(heap->n_dumps - 1 - back) % RECENT_DUMPS].ordinal;
}

static void
say_trend (GString *text, const Evidence *evidence)
{
  MfHeapTrend trend;

  mf_heap_series_trend (&evidence->heap->series, &trend);
  if (trend.name == MF_TREND_UNKNOWN)
    return;
  g_string_printf (evidence->subject, "since dump %" PRIu32,
      ordinal_before (evidence->heap, trend.snapshots - 1));
  g_string_append (text, "used ");
  mf_say_change (text, trend.used);
  g_string_append (text, "   free ");
  mf_say_change (text, trend.free);
  if (trend.has_largest)
    g_string_append (text, "   largest free ");
  if (trend.has_largest && trend.largest == 0)
    g_string_append (text, "unchanged");
  else if (trend.has_largest)
    mf_say_change (text, trend.largest);
  g_string_append_printf (text, ": %s", trends[trend.name]);
}

static void
say_checkerboard (Fragmentation *self, GString *text, const MfHeapPattern *pattern)
{
  const char *kind
      = pattern->kind == MF_HEAP_FREE ? "" : mf_string_text (self, (MfString){ pattern->kind });

  g_string_append (text, "checkerboard: ");
  mf_say_number (text, pattern->holes);
  g_string_append (text, " holes of ");
  mf_say_bytes (text, pattern->hole_size);
  g_string_append (text, " alternate with ");
  mf_say_number (text, *kind ? pattern->kind_groups : pattern->groups);
  if (*kind)
    g_string_append_printf (text, " blocks of kind %s", kind);
  else
    g_string_append (text, " groups of blocks");
}

// clang-format off
static const char *const patterns[] = {
  [MF_PATTERN_NONE] = "",
  [MF_PATTERN_FULL] = "full: less than 5 % is free",
  [MF_PATTERN_COMPACT] = "compact: one run holds at least 95 % of the free bytes",
  [MF_PATTERN_RUN_AND_DUST] = "one large run, and dust",
  [MF_PATTERN_SCATTERED] = "scattered: many runs, none of them large",
};
// clang-format on

static void
say_pattern (GString *text, const Evidence *evidence)
{
  MfHeapPattern pattern;

  if (!evidence->dump->has_map)
    return;
  mf_heap_map_recognise (&evidence->heap->last.map, &evidence->dump->figures, &pattern);
  if (pattern.name == MF_PATTERN_CHECKERBOARD)
    say_checkerboard (evidence->self, text, &pattern);
  else
    g_string_append (text, patterns[pattern.name]);
}

static void
say_pins (GString *text, const Evidence *evidence)
{
  MfKindTally tally = { 0 };

  if (!evidence->dump->has_map || evidence->dump->figures.runs < 2)
    return;
  mf_heap_map_tally_pins (&evidence->heap->last.map, &tally);
  for (size_t i = 0; i < tally.n_rows && i < 3; i++) {
    const char *kind = mf_string_text (evidence->self, (MfString){ tally.rows[i].kind });
    g_string_append_printf (text, "%s%s ", i ? "   " : "", *kind ? kind : "unknown");
    mf_say_share (text, tally.rows[i].bytes, evidence->dump->figures.free);
  }
}

static void
say_worst_case (GString *text, const Evidence *evidence)
{
  uint64_t granule = evidence->heap->last.dump.rule.granule;
  uint64_t bytes;
  MfRobson robson;

  if (!evidence->dump->has_map || !mf_heap_worst_case (evidence->heap, &robson)
      || __builtin_mul_overflow (robson.first_fit, granule ? granule : 1, &bytes))
    return;
  mf_say_bytes (text, bytes);
  g_string_append (text, " of heap would always be enough for what is live now");
  g_string_append (evidence->basis, "Robson, for first fit, today's live bytes and largest block");
}

static void
say_dump (GString *text, const Dump *dump)
{
  g_string_append_printf (text, "dump %u: ", dump->ordinal);
  mf_say_bytes (text, dump->figures.free);
  g_string_append (text, " free");
  if (!dump->has_largest)
    return;
  g_string_append (text, ", ");
  mf_say_bytes (text, dump->figures.max_alloc);
  g_string_append (text, " of them in one piece");
}

// The dump that the verdict rests on is told by it.
static void
say_after (GString *text, const Evidence *evidence)
{
  const Refusal *refusal = evidence->verdict->refusal;

  if (refusal && refusal->after.ordinal && refusal->after.ordinal != refusal->dump.ordinal)
    say_dump (text, &refusal->after);
}

// Without a failure the verdict itself is the answer.
static void
say_question (GString *text, const Evidence *evidence)
{
  MfSize question = evidence->self->question;

  if (question.bytes != MF_SIZE_NONE.bytes && evidence->verdict->refusal)
    mf_say_answer (text, evidence->heap, question.bytes);
}

static void
say_limits_of_dump (GString *text, const Evidence *evidence)
{
  uint32_t flags = evidence->dump->flags;

  if (flags & MF_SNAPSHOT_COLLECTING)
    g_string_append (text, "taken in the middle of a collection: what is marked counts as used");
  if (flags & MF_SNAPSHOT_UNCHECKED)
    g_string_append_printf (
        text, "%sthe map has no totals that it could be checked against", text->len ? "; " : "");
}

static void
say_starts (GString *text, const Evidence *evidence)
{
  const Source *source = evidence->source;

  if (source->boots == 0)
    return;
  g_string_append (text, "the device started again ");
  mf_say_count (text, source->boots, "time", "times");
  g_string_append_printf (text, ", last at line %u", source->last_boot_line);
  if (evidence->dump->epoch < source->epoch)
    g_string_append (text, "; these figures are from before that: no whole dump came after");
  else
    g_string_append (text, "; only dumps since then are compared");
}

// The verdict names its dump; this is said where the other figures are of another.
static void
say_figures (GString *text, const Evidence *evidence)
{
  const Heap *heap = evidence->heap;
  const Dump *dump = evidence->dump, *judged = evidence->verdict->dump;

  if (heap->headers_only == 0 && judged->ordinal == dump->ordinal && judged->epoch == dump->epoch)
    return;
  g_string_append_printf (text, "of dump %" PRIu32, dump->ordinal);
  if (heap->headers_only == 0)
    return;
  g_string_append (text, "; ");
  mf_say_number (text, heap->headers_only);
  g_string_append (text, " of ");
  mf_say_count (text, heap->n_dumps, "dump", "dumps");
  g_string_append (text, " came without a map");
}

// clang-format off
static const struct {
  const char *subject;
  void (*say) (GString *text, const Evidence *evidence);
} lines[] = {
  { "figures", say_figures },
  { "heap", say_heap },
  { "largest free", say_largest },
  { "unusable for", say_unusable },
  { "overhead", say_overhead },
  { "since", say_trend },
  { "dump after", say_after },
  { "question", say_question },
  { "pattern", say_pattern },
  { "pinned by", say_pins },
  { "worst case", say_worst_case },
  { "restarts", say_starts },
  { "note", say_limits_of_dump },
};
// clang-format on

bool
mf_state_evidence (
    Fragmentation *self, const Source *source, const Heap *heap, const Verdict *verdict)
{
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_autoptr (GString) text = g_string_new (NULL), basis = g_string_new (NULL);
    g_autoptr (GString) subject = g_string_new (lines[i].subject);
    Evidence evidence = { self, source, heap, verdict, mf_heap_last_dump (heap), subject, basis };
    lines[i].say (text, &evidence);
    if (!mf_say (self,
            &(Saying){ .severity = MF_SAY_EVIDENCE, .subject = subject->str, .basis = basis->str },
            text))
      return false;
  }
  return true;
}
