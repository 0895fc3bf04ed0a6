// SPDX-License-Identifier: Apache-2.0
// The sentences on one process: the peak and who held it, the evidence, what limits it, one next
// step.
#include "hotspots.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { SENTENCE = 768 };

HotNumber
mf_hot_number (uint64_t number)
{
  HotNumber grouped;
  if (number < 1000)
    snprintf (grouped.text, sizeof grouped.text, "%" PRIu64, number);
  else
    snprintf (grouped.text, sizeof grouped.text, "%.20s,%03u", mf_hot_number (number / 1000).text,
        (unsigned) (number % 1000));
  return grouped;
}

// A sentence in the making.
typedef struct {
  char text[SENTENCE];
  size_t n;
} Sentence;

static void __attribute__ ((format (printf, 2, 3)))
add (Sentence *sentence, const char *format, ...)
{
  size_t room = sizeof sentence->text - sentence->n;
  va_list arguments;
  va_start (arguments, format);
  int n = vsnprintf (sentence->text + sentence->n, room, format, arguments);
  va_end (arguments);
  sentence->n += n < 0 ? 0 : (size_t) n < room ? (size_t) n : room - 1;
}

// "1 block", "12,904 blocks"
static void
add_count (Sentence *sentence, uint64_t n, const char *noun)
{
  add (sentence, "%s %s%s", mf_hot_number (n).text, noun, n == 1 ? "" : "s");
}

// "12,904 B"; of a million and more also what people can say: "47,591,493 B (45.4 MiB)".
static void
add_bytes (Sentence *sentence, uint64_t bytes)
{
  static const char *const units[] = { "MiB", "GiB", "TiB", "PiB", "EiB" };
  double rounded = (double) bytes / (1 << 20);
  size_t unit = 0;
  add (sentence, "%s B", mf_hot_number (bytes).text);
  if (bytes < 1 << 20)
    return;
  for (; rounded >= 1000 && unit + 1 < sizeof units / sizeof units[0]; unit++)
    rounded /= 1024;
  add (sentence, " (%.1f %s)", rounded, units[unit]);
}

// "about 12,904 B (+- 210)" where it is an estimate.
static void
add_estimate (Sentence *sentence, const HotReport *report, uint64_t bytes, double variance)
{
  bool estimated = report->trace->sampling > 0;
  add (sentence, "%s", estimated ? "about " : "");
  add_bytes (sentence, bytes);
  if (estimated)
    add (sentence, " +- %s", mf_hot_number (mf_whole (mf_spread_error (variance))).text);
}

static bool
is_by_snapshots (const HotReport *report)
{
  return report->trace->totals.snapshots > 0;
}

static bool
is_whole (const HotReport *report)
{
  const MfTraceTotals *totals = &report->trace->totals;
  return !report->process->incomplete
         && totals->lost + totals->overwritten + totals->unsized + totals->unusable
                    + totals->untracked
                == 0;
}

// Only the verdict tells how it is known: all sentences rest on the same events.
static const char *
basis_of (const HotReport *report, uint32_t severity)
{
  if (severity != MF_SAY_VERDICT)
    return "";
  if (!is_whole (report))
    return "of the events that arrived: some are missing or say too little";
  if (report->trace->sampling)
    return "estimated from a sample: +- holds in 95 of 100 recordings";
  if (report->trace->totals.pauses)
    return "of what was recorded: the recording was paused";
  return is_by_snapshots (report) ? "exact: counted by call site in the program"
                                  : "exact: every event was followed";
}

static bool
say (Hotspots *self, const HotReport *report, uint32_t severity, const char *subject,
    const Sentence *sentence)
{
  if (sentence->n == 0)
    return true;
  const char *basis = basis_of (report, severity);
  MfStatement row
      = { .order = self->order++, .severity = severity, .subject = mf_string (self, subject) };
  row.text = mf_text (&self->statements, sentence->text, sentence->n);
  row.basis = mf_text (&self->statements, basis, strlen (basis));
  return mf_emit (&self->statements, &row);
}

static const char *
site_text (Hotspots *self, const MfCallSite *site)
{
  return mf_string_text (self, mf_hot_site_name (self, site));
}

static const MfCallSite *
first_by (const HotReport *report, size_t value)
{
  mf_call_sites_sort (report->sites, value);
  const MfCallSite *first = report->sites->n ? report->sites->sites : NULL;
  return first && mf_site_value (&first->sum, value) ? first : NULL;
}

// ---- the verdict

static double
seconds_since_start (const MfAllocationTrace *trace, int64_t time)
{
  return ((double) time - (double) trace->first_time) / 1e9;
}

static bool
say_peak (Hotspots *self, const HotReport *report)
{
  const MfAllocationTrace *trace = report->trace;
  const MfCallSite *site = first_by (report, offsetof (MfSiteSum, peak));
  Sentence sentence = { .n = 0 };
  add_estimate (&sentence, report, trace->water.peak, report->sum.variance.peak);
  add (&sentence, " live");
  if (trace->water.peak && trace->water.time != INT64_MIN && trace->first_time != INT64_MIN)
    add (&sentence, " at %.3f s", seconds_since_start (trace, trace->water.time));
  else if (trace->water.peak)
    add (&sentence, " at call %s", mf_hot_number (trace->water.call).text);
  if (site)
    add (&sentence, "; %.1f %% of it held by %s",
        mf_hot_percent (site->sum.peak, trace->water.peak), site_text (self, site));
  if (self->traces.n > 1)
    add (&sentence, " (%s)", mf_string_text (self, report->of));
  return say (self, report, MF_SAY_VERDICT, "peak", &sentence);
}

// ---- evidence

// What the program had requested, in how many calls: a sample knows only about how many.
static void
add_calls (Sentence *sentence, const HotReport *report)
{
  const MfTraceTotals *totals = &report->trace->totals;
  if (report->trace->sampling) {
    add (sentence, "about %s calls (%s were recorded)", mf_hot_number (report->sum.calls).text,
        mf_hot_number (totals->allocs + totals->reallocs).text);
    return;
  }
  add_count (sentence, totals->allocs, "allocation");
  if (is_by_snapshots (report)) {
    add (sentence, " or reallocs");
    return;
  }
  add (sentence, " and ");
  add_count (sentence, totals->reallocs, "realloc");
}

static const char *
end_of (const HotReport *report)
{
  return report->process->state == MF_PROGRAM_EXECUTED ? "live when exec ended the program"
                                                       : "live at the end";
}

static bool
say_totals (Hotspots *self, const HotReport *report)
{
  const MfAllocationTrace *trace = report->trace;
  const MfTraceTotals *totals = &trace->totals;
  Sentence sentence = { .n = 0 };
  add_estimate (&sentence, report, totals->bytes, report->sum.variance.total);
  add (&sentence, " requested by ");
  add_calls (&sentence, report);
  if (trace->first_time != INT64_MIN)
    add (&sentence, " in %.3f s", seconds_since_start (trace, trace->last_time));
  add (&sentence, "; ");
  if (!trace->sampling) {
    add_count (&sentence, totals->frees, "free");
    add (&sentence, "; ");
  }
  add_estimate (&sentence, report, trace->water.live, report->sum.variance.live);
  add (&sentence, " in %s", trace->sampling ? "about " : "");
  add_count (&sentence, mf_trace_count (trace, trace->water.blocks), "block");
  add (&sentence, " %s", end_of (report));
  return say (self, report, MF_SAY_EVIDENCE, "totals", &sentence);
}

static bool
say_temporaries (Hotspots *self, const HotReport *report)
{
  const MfTraceTotals *totals = &report->trace->totals;
  const MfCallSite *site = first_by (report, offsetof (MfSiteSum, temporaries));
  Sentence sentence = { .n = 0 };
  if (!site)
    return true;
  add_count (&sentence, totals->temporaries, "block");
  add (&sentence, " (%.1f %% of all) freed after at most ",
      mf_hot_percent (totals->temporaries, totals->allocs));
  add_count (&sentence, self->between, "other allocation");
  add (&sentence, "; most by %s: %s", site_text (self, site),
      mf_hot_number (site->sum.temporaries).text);
  return say (self, report, MF_SAY_EVIDENCE, "temporaries", &sentence);
}

// The site that grew and held the most: to the end or, since Python frees everything when it ends,
// up to the peak, if it was a good part of it. NULL = none did.
typedef struct {
  const MfCallSite *site;
  uint64_t more; // sites that grew as well
  bool to_the_end;
} Growth;

static bool
grew_to_the_peak (const HotReport *report, const MfSiteSum *sum)
{
  enum { PART = 5 };
  return report->trace->marks >= 2 && sum->earlier < sum->middle && sum->middle < sum->peak
         && sum->peak > report->trace->water.peak / PART;
}

static Growth
find_growth (const HotReport *report)
{
  Growth end = { .to_the_end = true }, peak = { .to_the_end = false };
  mf_call_sites_sort (report->sites, offsetof (MfSiteSum, peak));
  for (uint32_t i = 0; i < report->sites->n; i++) {
    const MfCallSite *site = &report->sites->sites[i];
    bool growing = mf_hot_is_growing (report, &site->sum);
    bool larger = growing && (!end.site || site->sum.kept > end.site->sum.kept);
    end.more += growing && end.site;
    end.site = larger ? site : end.site;
    if (!grew_to_the_peak (report, &site->sum))
      continue;
    peak.more += peak.site != NULL;
    peak.site = peak.site ? peak.site : site;
  }
  return end.site ? end : peak;
}

// Where the sites were looked at: after so many calls, or at such a snapshot.
static void
add_mark (Sentence *sentence, const HotReport *report, unsigned before)
{
  uint64_t snapshots = report->trace->totals.snapshots, last = snapshots ? snapshots - 1 : 0;
  while (last & (last - 1))
    last &= last - 1;
  if (snapshots)
    add (sentence, "at snapshot %s", mf_hot_number (last >> before).text);
  else
    add (sentence, "after %s calls", mf_hot_number (report->trace->next_mark >> 1 >> before).text);
}

static bool
say_growth (Hotspots *self, const HotReport *report)
{
  Growth growth = find_growth (report);
  Sentence sentence = { .n = 0 };
  if (!growth.site)
    return true;
  const MfSiteSum *sum = &growth.site->sum;
  add (
      &sentence, "%s held %s B ", site_text (self, growth.site), mf_hot_number (sum->earlier).text);
  add_mark (&sentence, report, 1);
  add (&sentence, ", %s B ", mf_hot_number (sum->middle).text);
  add_mark (&sentence, report, 0);
  add (&sentence, ", ");
  if (growth.to_the_end)
    add_estimate (&sentence, report, sum->kept, sum->variance.live);
  else
    add_estimate (&sentence, report, sum->peak, sum->variance.peak);
  add (&sentence, growth.to_the_end ? " at the end" : " at the peak, freed later");
  if (growth.more) {
    add (&sentence, "; ");
    add_count (&sentence, growth.more, "more site");
    add (&sentence, " grew each time");
  }
  return say (self, report, MF_SAY_EVIDENCE, "growth", &sentence);
}

// Blocks that no allocator made: they are not part of any other figure.
static bool
say_pages (Hotspots *self, const HotReport *report)
{
  const MfAllocationTrace *pages = report->process->pages;
  Sentence sentence = { .n = 0 };
  if (!pages)
    return true;
  add_bytes (&sentence, pages->water.peak);
  add (&sentence, " mapped at most, ");
  add_bytes (&sentence, pages->water.live);
  add (&sentence, " at the end, by ");
  add_count (&sentence, pages->totals.allocs + pages->totals.reallocs, "call");
  add (&sentence, " of mmap and brk: address space, in which the blocks above may lie; it is in no "
                  "other figure");
  return say (self, report, MF_SAY_EVIDENCE, "address space", &sentence);
}

static bool
say_inherited (Hotspots *self, const HotReport *report)
{
  uint64_t frees = report->trace->totals.inherited_frees;
  Sentence sentence = { .n = 0 };
  if (frees) {
    add_count (&sentence, frees, "free");
    add (&sentence, " of blocks that its parent, process %u, had made before the fork",
        report->process->parent);
  }
  return say (self, report, MF_SAY_EVIDENCE, "inherited", &sentence);
}

static bool
say_ended (Hotspots *self, const HotReport *report)
{
  Sentence sentence = { .n = 0 };
  if (report->process->state == MF_PROGRAM_EXECUTED)
    add (&sentence, "another program took its place (exec): what was live then is no leak");
  return say (self, report, MF_SAY_EVIDENCE, "ended", &sentence);
}

static bool
say_marks (Hotspots *self, const HotReport *report)
{
  const MfPhases *phases = report->trace->phases;
  Sentence sentence = { .n = 0 };
  if (phases && phases->left_out) {
    add_count (&sentence, phases->left_out, "mark");
    add (&sentence,
        " of the program not followed: ends without a beginning, or more than %d names, "
        "%d moments or %d phases at one time",
        MF_PHASES_MAX, MF_POINTS_MAX, MF_PHASES_OPEN);
  }
  return say (self, report, MF_SAY_EVIDENCE, "marks", &sentence);
}

// ---- warnings

static bool
say_failed (Hotspots *self, const HotReport *report)
{
  const MfTraceTotals *totals = &report->trace->totals;
  const MfCallSite *site = first_by (report, offsetof (MfSiteSum, failed));
  Sentence sentence = { .n = 0 };
  if (!site)
    return true;
  add_count (&sentence, totals->failed, "request");
  add (&sentence, " refused, the largest %s B; most by %s",
      mf_hot_number (totals->largest_failed).text, site_text (self, site));
  return say (self, report, MF_SAY_WARNING, "failed", &sentence);
}

static bool
say_missing (Hotspots *self, const HotReport *report)
{
  uint64_t lost = report->trace->totals.lost;
  Sentence sentence = { .n = 0 };
  if (report->process->incomplete)
    add (&sentence, "rows were lost before they arrived here");
  if (lost) {
    add (&sentence, "%s", sentence.n ? "; " : "");
    add_count (&sentence, lost, "call");
    add (&sentence, " missing in the numbering of the threads");
  }
  if (sentence.n)
    add (&sentence, ": all figures are of what arrived");
  return say (self, report, MF_SAY_WARNING, "incomplete", &sentence);
}

// A process that holds next to nothing beside another one needs no advice.
static bool
is_worth_advice (const Hotspots *self, const HotReport *report)
{
  enum { PART = 20 };
  return report->trace->water.peak >= self->highest_peak / PART;
}

static bool
say_sampled (Hotspots *self, const HotReport *report)
{
  Sentence sentence = { .n = 0 };
  if (report->trace->sampling)
    add (&sentence,
        "one block in about %s requested bytes was recorded: all figures are estimates, "
        "small sites may be missing; which blocks were temporary is not known",
        mf_hot_number (report->trace->sampling).text);
  return say (self, report, MF_SAY_WARNING, "sampled", &sentence);
}

static bool
say_untracked (Hotspots *self, const HotReport *report)
{
  uint64_t untracked = report->trace->totals.untracked;
  Sentence sentence = { .n = 0 };
  if (untracked) {
    add_count (&sentence, untracked, "block");
    add (&sentence, " in no figure: the memory of the recorder was used up");
  }
  return say (self, report, MF_SAY_WARNING, "incomplete", &sentence);
}

static bool
say_paused (Hotspots *self, const HotReport *report)
{
  const MfTraceTotals *totals = &report->trace->totals;
  Sentence sentence = { .n = 0 };
  if (!totals->pauses)
    return true;
  add (&sentence, "the recording was paused ");
  add_count (&sentence, totals->pauses, "time");
  add (&sentence, ", %.3f s in all; ", (double) totals->paused / 1e9);
  add_bytes (&sentence, report->sum.unsure);
  add (&sentence, " in ");
  add_count (&sentence, report->sum.unsure_blocks, "block");
  add (&sentence, " may have been freed unseen: they are not called leaks");
  return say (self, report, MF_SAY_WARNING, "paused", &sentence);
}

// Events that mean something only together with what is not in the trace.
static bool
say_odd (Hotspots *self, const HotReport *report)
{
  const MfTraceTotals *totals = &report->trace->totals;
  const struct {
    uint64_t n;
    const char *noun, *what;
  } odd[] = {
    { totals->unknown_frees, "free",
        totals->pauses ? "of blocks older than the recording, or made while it was paused"
                       : "of blocks older than the recording" },
    { totals->unknown_reallocs, "realloc", "of such blocks, counted as allocations" },
    { totals->overwritten, "address", "given out again without a free between" },
    { totals->unsized, "allocation", "of unknown size, counted as 0 B" },
    { totals->unusable, "allocation", "without an address, not counted" },
  };
  Sentence sentence = { .n = 0 };
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
    if (odd[i].n)
      add (&sentence, "%s%s %s%s %s", sentence.n ? "; " : "", mf_hot_number (odd[i].n).text,
          odd[i].noun,
          odd[i].n == 1                                    ? ""
          : odd[i].noun[0] == 'a' && odd[i].noun[1] == 'd' ? "es"
                                                           : "s",
          odd[i].what);
  return say (self, report, MF_SAY_EVIDENCE, "not followed", &sentence);
}

// ---- the next step

static bool
is_at (const MfCallSite *site, const MfFrame *frame)
{
  return site->function.id == frame->function.id && site->file.id == frame->file.id
         && site->line == frame->line;
}

// The stack that makes up the most of a site; 0 = not known.
static MfStack
main_stack_of (Hotspots *self, const HotReport *report, const MfCallSite *site, size_t value)
{
  MfTraceNames names = mf_hot_names (self);
  MfStack found = { 0 };
  uint64_t most = 0;
  for (uint32_t i = 0; i < report->trace->sites.n; i++) {
    MfSiteSum sum = mf_site_sum (report->trace, i);
    MfStack stack = { report->trace->sites.histories[i].stack };
    if (mf_site_value (&sum, value) <= most)
      continue;
    MfFrame frame = mf_call_site_frame (&names, stack);
    if (!is_at (site, &frame))
      continue;
    most = mf_site_value (&sum, value);
    found = stack;
  }
  return found;
}

// " for leak.py:4 handle": whose business it is, where a library allocates.
static void
add_user (Sentence *sentence, Hotspots *self, const HotReport *report, const MfCallSite *site,
    size_t value)
{
  MfTraceNames names = mf_hot_names (self);
  MfStack stack = main_stack_of (self, report, site, value);
  MfFrame frame;
  if (!mf_call_site_user (&names, stack, &frame) || is_at (site, &frame))
    return;
  MfCallSite user = { .function = frame.function, .file = frame.file, .line = frame.line };
  add (sentence, ", called for %s", site_text (self, &user));
}

static bool
say_next (Hotspots *self, const HotReport *report)
{
  Growth growth = find_growth (report);
  size_t value
      = growth.site && growth.to_the_end ? offsetof (MfSiteSum, kept) : offsetof (MfSiteSum, peak);
  const MfCallSite *first = growth.site ? growth.site : first_by (report, value);
  Sentence sentence = { .n = 0 };
  if (!first || !is_worth_advice (self, report))
    return true;
  if (!first->function.id && !first->file.id) {
    add (&sentence, "record with call stacks: without them nobody can tell who holds the bytes");
    return say (self, report, MF_SAY_NEXT, "hotspots", &sentence);
  }
  add (&sentence, "look at %s first", site_text (self, first));
  add_user (&sentence, self, report, first, value);
  if (growth.site)
    add (&sentence, ": what it allocates is kept, and grows with the run");
  else
    add (&sentence, ": the peak falls by up to %s B with it", mf_hot_number (first->sum.peak).text);
  return say (self, report, MF_SAY_NEXT, "hotspots", &sentence);
}

bool
mf_hot_say (Hotspots *self, const HotReport *report)
{
  typedef bool (*Say) (Hotspots * self, const HotReport *report);
  static const Say all[] = { say_peak, say_failed, say_sampled, say_paused, say_missing,
    say_untracked, say_totals, say_temporaries, say_growth, say_marks, say_ended, say_inherited,
    say_odd, say_pages, say_next };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (!all[i](self, report))
      return false;
  return true;
}

bool
mf_hot_say_left_out (Hotspots *self, uint32_t n_unsaid)
{
  Sentence unsaid = { .n = 0 }, left_out = { .n = 0 };
  if (n_unsaid)
    add (&unsaid, "%u more processes with lower peaks stand in the tables only", n_unsaid);
  if (self->traces.left_out)
    add (&left_out, "%s events of further processes were not followed: only %d are",
        mf_hot_number (self->traces.left_out).text, MF_PROCESSES_MAX);
  return say (self, NULL, MF_SAY_EVIDENCE, "processes", &unsaid)
         && say (self, NULL, MF_SAY_WARNING, "incomplete", &left_out);
}

// ---- figures for machines

bool
mf_hot_publish_metrics (Hotspots *self, const HotReport *report)
{
  const MfAllocationTrace *trace = report->trace;
  const MfTraceTotals *totals = &trace->totals;
  const struct {
    const char *name, *unit;
    uint64_t value;
  } figures[] = {
    { "peak", "B", trace->water.peak },
    { "peak-blocks", "blocks", mf_trace_count (trace, trace->water.peak_blocks) },
    { "live-at-end", "B", trace->water.live },
    { "blocks-at-end", "blocks", mf_trace_count (trace, trace->water.blocks) },
    { "requested", "B", totals->bytes },
    { "events", "rows", totals->events },
    { "allocations", "calls", totals->allocs },
    { "reallocations", "calls", totals->reallocs },
    { "frees", "calls", totals->frees },
    { "failed", "calls", totals->failed },
    { "temporaries", "blocks", totals->temporaries },
    { "unknown-frees", "calls", totals->unknown_frees },
    { "inherited-frees", "calls", totals->inherited_frees },
    { "maybe-freed", "B", report->sum.unsure },
    { "mapped-peak", "B", report->process->pages ? report->process->pages->water.peak : 0 },
    { "lost-calls", "calls", totals->lost },
    { "stacks", "", trace->sites.n },
    { "sites", "", report->sites->n },
  };
  MfString basis = mf_string (self, !is_whole (report) ? "of the events that arrived"
                                    : trace->sampling  ? "estimated from a sample"
                                                       : "exact");
  for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
    MfMetric row = { .subject = report->of,
      .name = mf_string (self, figures[i].name),
      .value = (double) figures[i].value,
      .unit = mf_string (self, figures[i].unit),
      .basis = basis };
    if (!mf_emit (&self->metrics, &row))
      return false;
  }
  return true;
}
