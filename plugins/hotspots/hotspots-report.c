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

static bool
is_exact (const HotReport *report)
{
  const MfTraceTotals *totals = &report->trace->totals;
  return !report->process->incomplete
         && totals->lost + totals->overwritten + totals->unsized + totals->unusable == 0;
}

// Only the verdict tells how it is known: all sentences rest on the same events.
static const char *
basis_of (const HotReport *report, uint32_t severity)
{
  if (severity != MF_SAY_VERDICT)
    return "";
  return is_exact (report) ? "exact: every event was followed"
                           : "of the events that arrived: some are missing or say too little";
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
  add (&sentence, "%s B live", mf_hot_number (trace->water.peak).text);
  if (trace->water.time != INT64_MIN && trace->first_time != INT64_MIN)
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

static bool
say_totals (Hotspots *self, const HotReport *report)
{
  const MfAllocationTrace *trace = report->trace;
  const MfTraceTotals *totals = &trace->totals;
  Sentence sentence = { .n = 0 };
  add (&sentence, "%s B requested by ", mf_hot_number (totals->bytes).text);
  add_count (&sentence, totals->allocs, "allocation");
  add (&sentence, " and ");
  add_count (&sentence, totals->reallocs, "realloc");
  if (trace->first_time != INT64_MIN)
    add (&sentence, " in %.3f s", seconds_since_start (trace, trace->last_time));
  add (&sentence, "; ");
  add_count (&sentence, totals->frees, "free");
  add (&sentence, "; %s B in ", mf_hot_number (trace->water.live).text);
  add_count (&sentence, trace->water.blocks, "block");
  add (&sentence, " live at the end");
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

// The growing site that holds the most; NULL = none grows.
static const MfCallSite *
find_growing (const HotReport *report, uint64_t *n)
{
  const MfCallSite *largest = NULL;
  mf_call_sites_sort (report->sites, offsetof (MfSiteSum, live));
  *n = 0;
  for (uint32_t i = report->sites->n; i-- > 0;)
    if (mf_hot_is_growing (report, &report->sites->sites[i].sum)) {
      largest = &report->sites->sites[i];
      ++*n;
    }
  return largest;
}

static bool
say_growth (Hotspots *self, const HotReport *report)
{
  uint64_t n;
  const MfCallSite *site = find_growing (report, &n);
  Sentence sentence = { .n = 0 };
  if (!site)
    return true;
  add_count (&sentence, n, "site");
  add (&sentence,
      " held more each time: at half, at all of the last power of two of calls, at the "
      "end; most by %s: ",
      site_text (self, site));
  add (&sentence, "%s, ", mf_hot_number (site->sum.earlier).text);
  add (&sentence, "%s, ", mf_hot_number (site->sum.middle).text);
  add (&sentence, "%s B", mf_hot_number (site->sum.live).text);
  return say (self, report, MF_SAY_EVIDENCE, "growth", &sentence);
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

// Events that mean something only together with what is not in the trace.
static bool
say_odd (Hotspots *self, const HotReport *report)
{
  const MfTraceTotals *totals = &report->trace->totals;
  const struct {
    uint64_t n;
    const char *noun, *what;
  } odd[] = {
    { totals->unknown_frees, "free", "of blocks older than the recording" },
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
say_next (Hotspots *self, const HotReport *report)
{
  uint64_t n;
  const MfCallSite *growing = find_growing (report, &n);
  const MfCallSite *first = growing ? growing : first_by (report, offsetof (MfSiteSum, peak));
  Sentence sentence = { .n = 0 };
  if (!first)
    return true;
  if (!first->function.id && !first->file.id)
    add (&sentence, "record with call stacks: without them nobody can tell who holds the bytes");
  else if (growing)
    add (&sentence, "look at %s first: what it allocates is kept, and grows with the run",
        site_text (self, first));
  else
    add (&sentence, "look at %s first: the peak falls by up to %s B with it",
        site_text (self, first), mf_hot_number (first->sum.peak).text);
  return say (self, report, MF_SAY_NEXT, "hotspots", &sentence);
}

bool
mf_hot_say (Hotspots *self, const HotReport *report)
{
  return say_peak (self, report) && say_failed (self, report) && say_missing (self, report)
         && say_totals (self, report) && say_temporaries (self, report) && say_growth (self, report)
         && say_odd (self, report) && say_next (self, report);
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
    { "peak-blocks", "blocks", trace->water.peak_blocks },
    { "live-at-end", "B", trace->water.live },
    { "blocks-at-end", "blocks", trace->water.blocks },
    { "requested", "B", totals->bytes },
    { "events", "rows", totals->events },
    { "allocations", "calls", totals->allocs },
    { "reallocations", "calls", totals->reallocs },
    { "frees", "calls", totals->frees },
    { "failed", "calls", totals->failed },
    { "temporaries", "blocks", totals->temporaries },
    { "unknown-frees", "calls", totals->unknown_frees },
    { "lost-calls", "calls", totals->lost },
    { "stacks", "", trace->sites.n },
    { "sites", "", report->sites->n },
  };
  MfString basis = mf_string (self, is_exact (report) ? "exact" : "of the events that arrived");
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
