// SPDX-License-Identifier: Apache-2.0
// The tables of one process: its lines by what they held at the peak, by bytes, by calls, by what
// they held at the end; its files; its threads.
#include "hotspots.h"

#include <inttypes.h>
#include <stdio.h>

double
mf_hot_percent (uint64_t part, uint64_t whole)
{
  return whole ? 100.0 * (double) part / (double) whole : 0.0;
}

bool
mf_hot_is_growing (const HotReport *report, const MfSiteSum *sum)
{
  return report->trace->marks >= 2 && sum->earlier < sum->middle && sum->middle < sum->live;
}

// ---- names

// "decoder.py", but "json/__init__.py": the name of a package says more than that of its file.
static const char *
short_file (const char *file)
{
  const char *slash = strrchr (file, '/');
  if (!slash || strcmp (slash, "/__init__.py") != 0)
    return slash ? slash + 1 : file;
  while (slash > file && slash[-1] != '/')
    slash--;
  return slash;
}

MfString
mf_hot_site_name (Hotspots *self, const MfCallSite *site)
{
  char text[512], line[16] = "";
  const char *file = mf_string_text (self, site->file);
  const char *function = mf_string_text (self, site->function);
  if (!*file && !*function)
    return mf_string (self, "(no stack)");
  if (site->line)
    snprintf (line, sizeof line, ":%" PRIu32, site->line);
  snprintf (text, sizeof text, "%s%s%s%s", short_file (file), line, *function ? " " : "", function);
  return mf_string (self, text);
}

// ---- rows

typedef bool (*EmitSite) (Hotspots *self, const HotReport *report, const MfCallSite *site);

static bool
emit_by_peak (Hotspots *self, const HotReport *report, const MfCallSite *site)
{
  const MfSiteSum *sum = &site->sum;
  HotSite row = { .of = report->of,
    .site = mf_hot_site_name (self, site),
    .at_peak = { sum->peak },
    .share = mf_hot_percent (sum->peak, report->trace->water.peak),
    .blocks = sum->peak_blocks,
    .total = { sum->total },
    .calls = sum->calls,
    .live = { sum->live },
    .live_blocks = sum->blocks,
    .temporaries = sum->temporaries,
    .failed = sum->failed,
    .file = site->file,
    .function = site->function,
    .line = site->line };
  return mf_emit (&self->by_peak, &row);
}

static bool
emit_by_bytes (Hotspots *self, const HotReport *report, const MfCallSite *site)
{
  HotTraffic row = { .of = report->of,
    .site = mf_hot_site_name (self, site),
    .total = { site->sum.total },
    .share = mf_hot_percent (site->sum.total, report->trace->totals.bytes),
    .calls = site->sum.calls };
  return mf_emit (&self->by_bytes, &row);
}

static bool
emit_by_calls (Hotspots *self, const HotReport *report, const MfCallSite *site)
{
  const MfTraceTotals *totals = &report->trace->totals;
  HotCalls row = { .of = report->of,
    .site = mf_hot_site_name (self, site),
    .calls = site->sum.calls,
    .temporaries = site->sum.temporaries,
    .total = { site->sum.total },
    .share = mf_hot_percent (site->sum.calls, totals->allocs + totals->reallocs) };
  return mf_emit (&self->by_calls, &row);
}

static bool
emit_leak (Hotspots *self, const HotReport *report, const MfCallSite *site)
{
  const MfSiteSum *sum = &site->sum;
  bool marked = report->trace->marks >= 2;
  HotLeak row = { .of = report->of,
    .site = mf_hot_site_name (self, site),
    .live = { sum->live },
    .middle = marked ? (MfSize){ sum->middle } : MF_SIZE_NONE,
    .earlier = marked ? (MfSize){ sum->earlier } : MF_SIZE_NONE,
    .blocks = sum->blocks,
    .trend = mf_hot_is_growing (report, sum) };
  return mf_emit (&self->leaks, &row);
}

static bool
emit_module (Hotspots *self, const HotReport *report, const MfCallSite *site)
{
  const MfSiteSum *sum = &site->sum;
  const char *file = mf_string_text (self, site->file);
  HotModule row = { .of = report->of,
    .file = *file ? site->file : mf_string (self, "(no file)"),
    .at_peak = { sum->peak },
    .share = mf_hot_percent (sum->peak, report->trace->water.peak),
    .total = { sum->total },
    .calls = sum->calls,
    .live = { sum->live } };
  return mf_emit (&self->modules, &row);
}

// A ranking: rows without a value are left out, unless all are wanted.
typedef struct {
  size_t value;
  EmitSite emit;
  bool all;
} Ranking;

static bool
emit_ranking (Hotspots *self, const HotReport *report, MfCallSites *sites, const Ranking *ranking)
{
  mf_call_sites_sort (sites, ranking->value);
  uint32_t most = self->sites && self->sites < sites->n ? self->sites : sites->n;
  for (uint32_t i = 0; i < most; i++) {
    const MfCallSite *site = &sites->sites[i];
    if (!ranking->all && mf_site_value (&site->sum, ranking->value) == 0)
      return true;
    if (!ranking->emit (self, report, site))
      return false;
  }
  return true;
}

static bool
publish_modules (Hotspots *self, const HotReport *report)
{
  static const Ranking by_peak = { offsetof (MfSiteSum, peak), emit_module, true };
  MfTraceNames names = mf_hot_names (self);
  MfCallSites files;
  bool done = mf_call_sites_init (&files, report->trace, &names, MF_BY_FILE)
                  ? emit_ranking (self, report, &files, &by_peak)
                  : mf_fail (self, "there is no memory for the files of %s",
                      mf_string_text (self, report->of));
  mf_call_sites_free (&files);
  return done;
}

static bool
publish_threads (Hotspots *self, const HotReport *report)
{
  const MfAllocationTrace *trace = report->trace;
  for (uint32_t i = 0; i < trace->n_threads; i++) {
    const MfTraceThread *thread = &trace->threads[i];
    const MfTally *tally = &thread->tally;
    HotThread row = { .of = report->of,
      .thread = i,
      .at_peak = { mf_tally_peak (tally, &trace->water) },
      .total = { tally->total },
      .calls = tally->calls,
      .frees = thread->frees,
      .temporaries = tally->temporaries,
      .failed = thread->failed,
      .lost = thread->lost,
      .live = { tally->live } };
    bool idle = tally->calls + thread->frees + thread->failed == 0;
    if (!idle && !mf_emit (&self->threads, &row))
      return false;
  }
  return true;
}

bool
mf_hot_publish_tables (Hotspots *self, const HotReport *report)
{
  static const Ranking rankings[] = {
    { offsetof (MfSiteSum, total), emit_by_bytes, false },
    { offsetof (MfSiteSum, calls), emit_by_calls, false },
    { offsetof (MfSiteSum, live), emit_leak, false },
    { offsetof (MfSiteSum, peak), emit_by_peak, true },
  };
  for (size_t i = 0; i < sizeof rankings / sizeof rankings[0]; i++)
    if (!emit_ranking (self, report, report->sites, &rankings[i]))
      return false;
  return publish_modules (self, report) && publish_threads (self, report);
}
