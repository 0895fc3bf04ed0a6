// SPDX-License-Identifier: Apache-2.0
// The tables of one process: its lines by what they held at the peak, by bytes, by calls, by what
// they held at the end; its files; its threads.
#include "hotspots.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

double
mf_hot_percent (uint64_t part, uint64_t whole)
{
  return whole ? 100.0 * (double) part / (double) whole : 0.0;
}

bool
mf_hot_is_growing (const HotReport *report, const MfSiteSum *sum)
{
  return report->trace->marks >= 2 && sum->earlier < sum->middle && sum->middle < sum->kept
         && (double) (sum->kept - sum->earlier) > mf_spread_error (sum->variance.live);
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

// Half the width of the interval around an estimate. An exact figure has none: not known.
static MfSize
bytes_error (const HotReport *report, double variance)
{
  if (!report->trace->sampling)
    return MF_SIZE_NONE;
  return (MfSize){ mf_whole (mf_spread_error (variance)) };
}

static uint64_t
count_error (const HotReport *report, double variance)
{
  return bytes_error (report, variance).bytes;
}

typedef bool (*EmitSite) (Hotspots *self, const HotReport *report, const MfCallSite *site);

static bool
emit_by_peak (Hotspots *self, const HotReport *report, const MfCallSite *site)
{
  const MfSiteSum *sum = &site->sum;
  HotSite row = { .of = report->of,
    .site = mf_hot_site_name (self, site),
    .at_peak = { sum->peak },
    .at_peak_error = bytes_error (report, sum->variance.peak),
    .share = mf_hot_percent (sum->peak, report->trace->water.peak),
    .blocks = sum->peak_blocks,
    .blocks_error = count_error (report, sum->variance.peak_blocks),
    .total = { sum->total },
    .total_error = bytes_error (report, sum->variance.total),
    .calls = sum->calls,
    .calls_error = count_error (report, sum->variance.calls),
    .live = { sum->live },
    .live_error = bytes_error (report, sum->variance.live),
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
    .total_error = bytes_error (report, site->sum.variance.total),
    .share = mf_hot_percent (site->sum.total, report->trace->totals.bytes),
    .calls = site->sum.calls,
    .calls_error = count_error (report, site->sum.variance.calls) };
  return mf_emit (&self->by_bytes, &row);
}

static bool
emit_by_calls (Hotspots *self, const HotReport *report, const MfCallSite *site)
{
  HotCalls row = { .of = report->of,
    .site = mf_hot_site_name (self, site),
    .calls = site->sum.calls,
    .calls_error = count_error (report, site->sum.variance.calls),
    .temporaries = site->sum.temporaries,
    .total = { site->sum.total },
    .share = mf_hot_percent (site->sum.calls, report->sum.calls) };
  return mf_emit (&self->by_calls, &row);
}

static bool
emit_leak (Hotspots *self, const HotReport *report, const MfCallSite *site)
{
  const MfSiteSum *sum = &site->sum;
  bool marked = report->trace->marks >= 2;
  HotLeak row = { .of = report->of,
    .site = mf_hot_site_name (self, site),
    .live = { sum->kept },
    .live_error = bytes_error (report, sum->variance.live),
    .unsure = report->trace->totals.pauses ? (MfSize){ sum->unsure } : MF_SIZE_NONE,
    .middle = marked ? (MfSize){ sum->middle } : MF_SIZE_NONE,
    .earlier = marked ? (MfSize){ sum->earlier } : MF_SIZE_NONE,
    .blocks = sum->blocks - sum->unsure_blocks,
    .trend = mf_hot_is_growing (report, sum) };
  return mf_emit (&self->leaks, &row);
}

// The part of a path that tells one module from another: behind the folder of its library, or its
// last names.
static const char *
module_of (const char *file)
{
  static const char *const libraries[] = { "/site-packages/", "/dist-packages/", "/lib/python" };
  for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
    const char *found = strstr (file, libraries[i]), *end = NULL;
    if (found)
      end = strchr (found + strlen (libraries[i]) - 1, '/');
    if (end)
      return end + 1;
  }
  const char *start = file + strlen (file);
  for (int slashes = 0; start > file; start--)
    if (start[-1] == '/' && ++slashes == 3)
      break;
  return start;
}

static bool
emit_module (Hotspots *self, const HotReport *report, const MfCallSite *site)
{
  const MfSiteSum *sum = &site->sum;
  const char *file = mf_string_text (self, site->file);
  HotModule row = { .of = report->of,
    .module = mf_string (self, *file ? module_of (file) : "(no file)"),
    .file = site->file,
    .at_peak = { sum->peak },
    .at_peak_error = bytes_error (report, sum->variance.peak),
    .share = mf_hot_percent (sum->peak, report->trace->water.peak),
    .total = { sum->total },
    .total_error = bytes_error (report, sum->variance.total),
    .calls = sum->calls,
    .live = { sum->live },
    .live_error = bytes_error (report, sum->variance.live) };
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
    MfSpread none = { 0 }, *spread = trace->thread_spreads ? &trace->thread_spreads[i] : &none;
    bool kept = spread->seen == trace->water.number;
    HotThread row = { .of = report->of,
      .thread = i,
      .at_peak = { mf_tally_peak (tally, &trace->water) },
      .at_peak_error = bytes_error (report, kept ? spread->kept_live : spread->live),
      .total = { tally->total },
      .total_error = bytes_error (report, spread->total),
      .calls = mf_trace_count (trace, tally->calls),
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

// ---- address space

static bool
emit_pages (Hotspots *self, const HotReport *report, const MfCallSite *site)
{
  const MfSiteSum *sum = &site->sum;
  HotPages row = { .of = report->of,
    .site = mf_hot_site_name (self, site),
    .at_peak = { sum->peak },
    .share = mf_hot_percent (sum->peak, report->trace->water.peak),
    .total = { sum->total },
    .calls = sum->calls,
    .live = { sum->live } };
  return mf_emit (&self->pages, &row);
}

// A report like that of the blocks, of the other trace.
static bool
publish_pages (Hotspots *self, const HotReport *report)
{
  static const Ranking by_peak = { offsetof (MfSiteSum, peak), emit_pages, true };
  MfTraceNames names = mf_hot_names (self);
  HotReport of_pages
      = { .process = report->process, .trace = report->process->pages, .of = report->of };
  MfCallSites sites;
  if (!of_pages.trace)
    return true;
  bool done = mf_call_sites_init (&sites, of_pages.trace, &names, MF_BY_LINE)
                  ? emit_ranking (self, &of_pages, &sites, &by_peak)
                  : mf_fail (self, "there is no memory for the maps of %s",
                      mf_string_text (self, report->of));
  mf_call_sites_free (&sites);
  return done;
}

// ---- what the program marked

static bool
publish_phases (Hotspots *self, const HotReport *report)
{
  const MfPhases *phases = report->trace->phases;
  for (uint32_t i = 0; phases && i < phases->n; i++) {
    const MfPhase *phase = &phases->phases[i];
    HotPhase row = { .of = report->of,
      .phase = { phase->name },
      .requested = { phase->total },
      .growth = (int64_t) phase->growth,
      .highest = { phase->highest },
      .times = phase->times,
      .calls = phase->calls,
      .time = { (int64_t) (phase->duration < INT64_MAX ? phase->duration : INT64_MAX) },
      .open = phase->open };
    if (!mf_emit (&self->phases, &row))
      return false;
  }
  return true;
}

static bool
publish_marks (Hotspots *self, const HotReport *report)
{
  const MfPhases *phases = report->trace->phases;
  for (uint32_t i = 0; phases && i < phases->n_points; i++) {
    const MfPoint *point = &phases->points[i];
    HotMark row = { .of = report->of,
      .mark = { point->name },
      .time = { point->time },
      .live = { point->live },
      .kind = point->kind };
    if (!mf_emit (&self->marks, &row))
      return false;
  }
  return true;
}

// ---- types of freed objects

static int
by_bytes (const void *a, const void *b)
{
  const MfFreedType *first = a, *second = b;
  if (first->bytes != second->bytes)
    return first->bytes < second->bytes ? 1 : -1;
  return first->type < second->type ? -1 : first->type > second->type;
}

static bool
emit_type (Hotspots *self, const HotReport *report, const MfFreedType *type, uint64_t bytes)
{
  HotType row = { .of = report->of,
    .type = type->type ? (MfString){ type->type } : mf_string (self, "(further types)"),
    .bytes = { type->bytes },
    .share = mf_hot_percent (type->bytes, bytes),
    .blocks = mf_trace_count (report->trace, type->blocks),
    .mean_life = type->timed ? (uint64_t) (type->lives / (double) type->timed) : UINT64_MAX,
    .longest_life = type->timed ? type->longest : UINT64_MAX };
  return type->blocks == 0 || mf_emit (&self->types, &row);
}

// Sorts the table of types in place: nothing is looked up any more.
static bool
publish_types (Hotspots *self, const HotReport *report)
{
  MfFreedTypes *types = report->trace->types;
  if (!types)
    return true;
  uint64_t bytes = types->others.bytes;
  for (uint32_t i = 0; i < MF_FREED_PLACES; i++)
    bytes += types->places[i].bytes;
  qsort (types->places, MF_FREED_PLACES, sizeof *types->places, by_bytes);
  for (uint32_t i = 0; i < types->n && (!self->sites || i < self->sites); i++)
    if (!emit_type (self, report, &types->places[i], bytes))
      return false;
  return emit_type (self, report, &types->others, bytes);
}

bool
mf_hot_publish_tables (Hotspots *self, const HotReport *report)
{
  static const Ranking rankings[] = {
    { offsetof (MfSiteSum, total), emit_by_bytes, false },
    { offsetof (MfSiteSum, calls), emit_by_calls, false },
    { offsetof (MfSiteSum, kept), emit_leak, false },
    { offsetof (MfSiteSum, peak), emit_by_peak, true },
  };
  for (size_t i = 0; i < sizeof rankings / sizeof rankings[0]; i++)
    if (!emit_ranking (self, report, report->sites, &rankings[i]))
      return false;
  return publish_modules (self, report) && publish_threads (self, report)
         && publish_types (self, report) && publish_phases (self, report)
         && publish_marks (self, report) && publish_pages (self, report);
}
