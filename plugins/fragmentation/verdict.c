// SPDX-License-Identifier: Apache-2.0
// The verdict on one heap: which word, the sentences that explain it, and what to do next.
#include "fragmentation.h"

enum { NEARLY_FULL = 50, MUCH = 500 }; // per mille; documented in the help

bool
mf_dump_is_lower_bound (const Dump *dump)
{
  return (dump->flags & MF_SNAPSHOT_COLLECTABLE)
         || (is_known (dump->growable) && dump->growable > 0);
}

// ---- choosing it

// clang-format off
static const VerdictName names[] = {
  [MF_OOM_OUT_OF_MEMORY] = VERDICT_OUT_OF_MEMORY,
  [MF_OOM_FRAGMENTED] = VERDICT_FRAGMENTED,
  [MF_OOM_STALE] = VERDICT_STALE,
};
// clang-format on

static VerdictName
name_of_dump (const Dump *dump)
{
  const MfHeapFigures *figures = &dump->figures;

  if (mf_permille (figures->free, figures->capacity) < NEARLY_FULL)
    return VERDICT_NEARLY_FULL;
  if (!dump->has_largest)
    return VERDICT_UNKNOWN;
  if (figures->ext_frag >= MUCH && (!dump->has_map || figures->hole_frag >= MUCH))
    return VERDICT_FRAGMENTED;
  return VERDICT_HEALTHY;
}

static VerdictName
name_of_question (const Dump *dump, uint64_t question)
{
  uint64_t need = mf_heap_need (&dump->rule, question);
  MfOomClass class;
  int index;

  if (!dump->has_largest && need <= dump->figures.free)
    return VERDICT_UNKNOWN;
  class = mf_heap_classify_oom (&dump->figures, need, &index);
  return class == MF_OOM_STALE ? VERDICT_HEALTHY : names[class];
}

// A heap in which most requests find room does not tell why one of unknown size did not.
static VerdictName
name_of_unknown_request (const Dump *dump)
{
  VerdictName name = name_of_dump (dump);

  return name == VERDICT_HEALTHY ? VERDICT_UNKNOWN : name;
}

static Verdict
verdict_on_refusal (const Refusal *refusal)
{
  Verdict verdict = { .name = VERDICT_UNKNOWN,
    .refusal = refusal,
    .dump = &refusal->dump,
    .asked = refusal->requested,
    .window = refusal->window };

  if (refusal->judged_by != JUDGED_BY_NOTHING)
    verdict.name = names[refusal->class];
  else if (!is_known (refusal->requested))
    verdict.name = name_of_unknown_request (&refusal->dump);
  return verdict;
}

// By more than the few bytes that a dump itself leaves behind.
static bool
grows (const Dump *last, const MfHeapTrend *trend)
{
  return trend->name == MF_TREND_LEAK_SUSPECT
         && (uint64_t) trend->used > last->figures.capacity / 100;
}

Verdict
mf_verdict_of (const Fragmentation *self, const Source *source, const Heap *heap)
{
  const Refusal *refusal = mf_source_leading_refusal (source, heap);
  const Dump *last = mf_heap_last_dump (heap);
  Verdict verdict = { .dump = last, .asked = self->question.bytes };

  if (refusal)
    return verdict_on_refusal (refusal);
  verdict.name
      = is_known (verdict.asked) ? name_of_question (last, verdict.asked) : name_of_dump (last);
  mf_heap_series_trend (&heap->series, &verdict.trend);
  if (!is_known (verdict.asked) && verdict.name == VERDICT_HEALTHY && grows (last, &verdict.trend))
    verdict.name = VERDICT_GROWING;
  if (is_known (verdict.asked) && last->has_map)
    verdict.window = mf_window_find (&heap->last, verdict.asked);
  return verdict;
}

// ---- saying it

static void
say_largest (GString *text, const Verdict *verdict)
{
  if (mf_dump_is_lower_bound (verdict->dump))
    g_string_append (text, "At least ");
  mf_say_bytes (text, verdict->dump->figures.max_alloc);
}

static void
say_out_of_memory (GString *text, const Verdict *verdict)
{
  mf_say_bytes (text, verdict->asked);
  g_string_append (text, verdict->refusal ? " were asked for, but only " : " do not fit: only ");
  mf_say_bytes (text, verdict->dump->figures.free);
  g_string_append (text, verdict->refusal ? " were free in all." : " are free in all.");
}

static void
say_fragmented (GString *text, const Verdict *verdict)
{
  say_largest (text, verdict);
  g_string_append (text, " can be allocated in one piece although ");
  mf_say_bytes (text, verdict->dump->figures.free);
  g_string_append (text, " are free.");
}

static void
say_stale (GString *text, const Verdict *verdict)
{
  bool before = verdict->refusal->judged_by == JUDGED_BY_DUMP_BEFORE;

  mf_say_bytes (text, verdict->asked);
  g_string_append_printf (text,
      " were refused, but dump %u, the %s it, shows room enough: ", verdict->dump->ordinal,
      before ? "last before" : "first after");
  mf_say_bytes (text, verdict->dump->figures.max_alloc);
  g_string_append (text, " in one piece. The heap was different when the request failed.");
}

static void
say_unknown (GString *text, const Verdict *verdict)
{
  mf_say_bytes (text, verdict->dump->figures.free);
  if (verdict->dump->has_largest) {
    g_string_append (text, " are free, ");
    mf_say_bytes (text, verdict->dump->figures.max_alloc);
    g_string_append (text, " of them in one piece; the device did not say how much was refused.");
  } else
    g_string_append (text, " are free, but the dump does not tell the largest piece.");
}

static void
say_nearly_full (GString *text, const Verdict *verdict)
{
  const MfHeapFigures *figures = &verdict->dump->figures;

  g_string_append (text, "Only ");
  mf_say_bytes (text, figures->free);
  g_string_append (text, " (");
  mf_say_share (text, figures->free, figures->capacity);
  g_string_append (text, ") are free");
  if (verdict->dump->has_largest) {
    g_string_append (text, ", ");
    mf_say_bytes (text, figures->max_alloc);
    g_string_append (text, " of them in one piece");
  }
  g_string_append_c (text, '.');
}

static void
say_growing (GString *text, const Verdict *verdict)
{
  g_string_append (text, "Used memory grew by ");
  mf_say_bytes (text, (uint64_t) verdict->trend.used);
  g_string_append_printf (text, " over the last %zu dumps, to ", verdict->trend.snapshots);
  mf_say_bytes (text, verdict->dump->figures.used);
  g_string_append (text, ": a leak, or garbage that was never collected.");
}

static void
say_healthy (GString *text, const Verdict *verdict)
{
  if (is_known (verdict->asked)) {
    mf_say_bytes (text, verdict->asked);
    g_string_append (text, " would find room. ");
  }
  say_largest (text, verdict);
  g_string_append (text, " can be allocated in one piece; ");
  mf_say_bytes (text, verdict->dump->figures.free);
  g_string_append (text, " are free.");
}

// clang-format off
static const struct {
  const char *word;
  void (*say) (GString *text, const Verdict *verdict);
} words[] = {
  [VERDICT_OUT_OF_MEMORY] = { "OUT OF MEMORY", say_out_of_memory },
  [VERDICT_FRAGMENTED] = { "FRAGMENTED", say_fragmented },
  [VERDICT_STALE] = { "STALE", say_stale },
  [VERDICT_UNKNOWN] = { "UNKNOWN", say_unknown },
  [VERDICT_NEARLY_FULL] = { "NEARLY FULL", say_nearly_full },
  [VERDICT_GROWING] = { "GROWING", say_growing },
  [VERDICT_HEALTHY] = { "HEALTHY", say_healthy },
};
// clang-format on

// How the verdict is known, and why it may be a lower bound.
static void
say_basis (GString *basis, const Verdict *verdict)
{
  const Dump *dump = verdict->dump;

  g_string_append_printf (basis, "%s of dump %u", dump->has_map ? "map" : "totals", dump->ordinal);
  if (verdict->refusal && verdict->refusal->judged_by == JUDGED_BY_DUMP_AFTER)
    g_string_append (basis, ", the first after the failure: there was none before it");
  if (verdict->refusal && dump->ordinal < verdict->refusal->after_ordinal)
    g_string_append_printf (basis, "; dump %u, the last before the failure, could not be used",
        verdict->refusal->after_ordinal);
  if (dump->flags & MF_SNAPSHOT_COLLECTABLE)
    g_string_append (basis, "; garbage in it could still be collected");
  if (is_known (dump->growable) && dump->growable > 0) {
    g_string_append (basis, "; the heap could still grow by an area of ");
    mf_say_bytes (basis, dump->growable);
  }
}

bool
mf_verdict_state (
    Fragmentation *self, const Source *source, const Heap *heap, const Verdict *verdict)
{
  g_autoptr (GString) text = g_string_new (NULL), basis = g_string_new (NULL);
  Saying saying = { .severity = MF_SAY_VERDICT, .subject = words[verdict->name].word };

  words[verdict->name].say (text, verdict);
  say_basis (basis, verdict);
  saying.basis = basis->str;
  return mf_say (self, &saying, text) && mf_state_refusals (self, source, heap)
         && mf_state_remedy (self, &verdict->window);
}

// ---- a question beside the failures

void
mf_say_answer (GString *text, const Heap *heap, uint64_t request)
{
  const Dump *last = mf_heap_last_dump (heap);
  VerdictName name = name_of_question (last, request);
  Window window = { 0 };

  if (last->has_map)
    window = mf_window_find (&heap->last, request);
  mf_say_size (text, request);
  g_string_append (text, name == VERDICT_HEALTHY   ? " would find room"
                         : name == VERDICT_UNKNOWN ? " may find room: the dump does not tell"
                                                   : " would be refused");
  if (!window.found || window.at.used_blocks == 0)
    return;
  g_string_append (text, "; nearest: ");
  mf_say_count (text, window.at.used_blocks, "block", "blocks");
  g_string_append (text, " of ");
  mf_say_bytes (text, window.at.used_bytes);
  g_string_append (text, " in all at ");
  mf_say_place (text, window.at.region, window.used_offset, window.several_regions);
}

// ---- the next step

static void
advise_on_dump (GString *text, const Verdict *verdict)
{
  if (is_known (verdict->asked))
    g_string_append (text, "dump the heap again when the program has run for a while: memory "
                           "breaks up with time");
  else
    g_string_append (text, "ask about the largest buffer of your program: set question = 4KiB in "
                           "[analyzer fragmentation]");
}

static void
advise_on_growth (GString *text, const Verdict *verdict)
{
  (void) verdict;
  g_string_append (text,
      "call gc.collect() before each micropython.mem_info(1): what still grows "
      "then is a leak; compare the kinds of blocks of the first and the last map");
}

static void
advise_on_pieces (GString *text, const Verdict *verdict)
{
  if (!is_known (verdict->asked)) {
    advise_on_dump (text, verdict);
    return;
  }
  if (verdict->dump->flags & MF_SNAPSHOT_COLLECTABLE)
    g_string_append (text, "call gc.collect() right before the request; if it is still refused, ");
  g_string_append (text, "allocate the ");
  mf_say_bytes (text, verdict->asked);
  g_string_append (text, " once, at the start of the program, and keep them");
}

static void
advise_on_shortage (GString *text, const Verdict *verdict)
{
  const MfHeapFigures *figures = &verdict->dump->figures;

  if (!is_known (verdict->asked) || verdict->asked <= figures->free) {
    g_string_append (text, "see which blocks fill the heap: the size classes and the map below");
    return;
  }
  g_string_append (text, "free at least ");
  mf_say_bytes (text, verdict->asked - figures->free);
  g_string_append (text, " more before the request, or ask for less at a time");
}

static void
advise_on_stale (GString *text, const Verdict *verdict)
{
  if (!verdict->refusal) {
    g_string_append (text, "print the map too: micropython.mem_info(1) instead of mem_info()");
    return;
  }
  g_string_append (text, "dump the heap right before the failing line: "
                         "import micropython; micropython.mem_info(1)");
}

static void (*const advices[]) (GString *text, const Verdict *verdict) = {
  [VERDICT_OUT_OF_MEMORY] = advise_on_shortage,
  [VERDICT_FRAGMENTED] = advise_on_pieces,
  [VERDICT_STALE] = advise_on_stale,
  [VERDICT_UNKNOWN] = advise_on_stale,
  [VERDICT_NEARLY_FULL] = advise_on_shortage,
  [VERDICT_GROWING] = advise_on_growth,
  [VERDICT_HEALTHY] = advise_on_dump,
};

bool
mf_verdict_advise (Fragmentation *self, const Verdict *verdict)
{
  g_autoptr (GString) text = g_string_new (NULL);

  advices[verdict->name](text, verdict);
  return mf_say (self, &(Saying){ .severity = MF_SAY_NEXT }, text);
}

// ---- refusals that no dump tells anything about

static const char *
absence_of_maps (const Source *source)
{
  if (source->n_refusals == 0)
    return "No heap map was seen.";
  return source->heaps
             ? "No heap map was seen between the start of the device and the failure: why "
               "memory was short cannot be told."
             : "No heap map was seen: why memory was short cannot be told.";
}

bool
mf_state_unknown (Fragmentation *self, const Source *source)
{
  Saying verdict = { .severity = MF_SAY_VERDICT, .subject = words[VERDICT_UNKNOWN].word };
  g_autoptr (GString) text = g_string_new (absence_of_maps (source));
  g_autoptr (GString) next = g_string_new ("dump the heap right before the failing line: "
                                           "import micropython; micropython.mem_info(1)");

  return mf_say (self, &verdict, text) && mf_state_refusals (self, source, NULL)
         && mf_say (self, &(Saying){ .severity = MF_SAY_NEXT }, next);
}
