// SPDX-License-Identifier: Apache-2.0
// Which line of a program each stack counts for, and the sums by line and by file.
#include "call-sites.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 32, DEEPEST = 65536 }; // frames looked through for a Python one

static void
sum_spread (MfSiteSum *sum, const MfSpread *spread, const MfHighWater *water)
{
  bool kept = spread->seen == water->number;
  sum->variance.peak = kept ? spread->kept_live : spread->live;
  sum->variance.peak_blocks = kept ? spread->kept_blocks : spread->blocks;
  sum->variance.live = spread->live;
  sum->variance.blocks = spread->blocks;
  sum->variance.total = spread->total;
  sum->variance.calls = spread->calls;
}

MfSiteSum
mf_site_sum (const MfAllocationTrace *trace, uint32_t index)
{
  const MfTally *tally = &trace->sites.tallies[index];
  const MfSiteHistory *history = &trace->sites.histories[index];
  MfSiteSum sum = { .peak = mf_tally_peak (tally, &trace->water),
    .peak_blocks = mf_trace_count (trace, mf_tally_peak_blocks (tally, &trace->water)),
    .live = tally->live,
    .blocks = mf_trace_count (trace, tally->blocks),
    .total = tally->total,
    .calls = mf_trace_count (trace, tally->calls),
    .temporaries = tally->temporaries,
    .failed = history->failed,
    .earlier = history->earlier,
    .middle = history->middle,
    .unsure = history->unsure,
    .unsure_blocks = history->unsure_blocks,
    .kept = tally->live - history->unsure };
  if (trace->sites.spreads)
    sum_spread (&sum, &trace->sites.spreads[index], &trace->water);
  return sum;
}

void
mf_site_sum_add (MfSiteSum *to, const MfSiteSum *more)
{
  enum { COUNTERS = offsetof (MfSiteSum, variance) / sizeof (uint64_t) };
  uint64_t *counters = (uint64_t *) to;
  double *variances = (double *) &to->variance;
  for (size_t i = 0; i < COUNTERS; i++)
    counters[i] += ((const uint64_t *) more)[i];
  for (size_t i = 0; i < sizeof to->variance / sizeof (double); i++)
    variances[i] += ((const double *) &more->variance)[i];
}

// ---- the innermost Python frame

static bool
ends_with (const char *text, const char *end)
{
  size_t n = strlen (text), m = strlen (end);
  return n >= m && strcmp (text + n - m, end) == 0;
}

// "<string>", "<frozen importlib._bootstrap>" and "<stdin>" are Python's too.
static bool
is_python (const char *file)
{
  return file[0] == '<' || ends_with (file, ".py") || ends_with (file, ".pyc")
         || ends_with (file, ".pyw");
}

// What a module needs counts for the line that imports it, not for the machinery of imports.
static bool
imports (const char *file)
{
  static const char machinery[] = "<frozen importlib._bootstrap";
  return strncmp (file, machinery, sizeof machinery - 1) == 0;
}

MfFrame
mf_call_site_frame (const MfTraceNames *names, MfStack stack)
{
  MfFrame fallback = { { 0 }, { 0 }, 0, 0 }, frame;
  bool fallback_is_python = false;
  MfStack caller;
  for (uint32_t depth = 0; stack.id && depth < DEEPEST; depth++, stack = caller) {
    if (!names->frame (names->user, stack, &frame, &caller))
      break;
    const char *file = names->text (names->user, frame.file);
    bool python = is_python (file);
    if (python && !imports (file))
      return frame;
    if (depth == 0 || (python && !fallback_is_python))
      fallback = frame;
    fallback_is_python |= python;
  }
  return fallback;
}

// The standard library, installed packages, and what is frozen into the interpreter.
static bool
is_of_library (const char *file)
{
  static const char *const places[] = { "/lib/python", "/site-packages/", "/dist-packages/" };
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
    if (strstr (file, places[i]))
      return true;
  return strncmp (file, "<frozen ", 8) == 0;
}

bool
mf_call_site_user (const MfTraceNames *names, MfStack stack, MfFrame *frame)
{
  MfStack caller;
  for (uint32_t depth = 0; stack.id && depth < DEEPEST; depth++, stack = caller) {
    if (!names->frame (names->user, stack, frame, &caller))
      return false;
    const char *file = names->text (names->user, frame->file);
    if (is_python (file) && !is_of_library (file))
      return true;
  }
  return false;
}

// ---- groups

// A hash table of indices into the sites, for building them.
typedef struct {
  uint32_t *places, mask;
} Index;

static uint32_t
hash_site (const MfCallSite *site)
{
  uint64_t hash
      = ((uint64_t) site->file.id << 32 | site->function.id) * UINT64_C (0x9e3779b97f4a7c15);
  hash = (hash ^ site->line) * UINT64_C (0xd6e8feb86659fd93);
  return (uint32_t) (hash >> 32);
}

static bool
is_same (const MfCallSite *a, const MfCallSite *b)
{
  return a->file.id == b->file.id && a->function.id == b->function.id && a->line == b->line;
}

static uint32_t
find_place (const MfCallSites *sites, const Index *index, const MfCallSite *site)
{
  uint32_t i = hash_site (site) & index->mask;
  while (index->places[i] && !is_same (&sites->sites[index->places[i] - 1], site))
    i = (i + 1) & index->mask;
  return i;
}

static bool
grow (MfCallSites *sites, Index *index)
{
  uint32_t room = sites->room ? sites->room * 2 : FIRST_ROOM;
  MfCallSite *more = mf_trace_resize (&sites->memory, sites->sites, room * sizeof *more);
  if (!more)
    return false;
  sites->sites = more;
  sites->room = room;
  uint32_t *places = mf_trace_resize (&sites->memory, index->places, room * 2 * sizeof *places);
  if (!places)
    return false;
  *index = (Index){ memset (places, 0, room * 2 * sizeof *places), room * 2 - 1 };
  for (uint32_t i = 0; i < sites->n; i++)
    index->places[find_place (sites, index, &sites->sites[i])] = i + 1;
  return true;
}

static bool
add_stack (MfCallSites *sites, Index *index, const MfCallSite *site)
{
  if (sites->n == sites->room && !grow (sites, index))
    return false;
  uint32_t place = find_place (sites, index, site);
  if (index->places[place]) {
    mf_site_sum_add (&sites->sites[index->places[place] - 1].sum, &site->sum);
    return true;
  }
  sites->sites[sites->n] = *site;
  sites->sites[sites->n].order = sites->n;
  index->places[place] = ++sites->n;
  return true;
}

bool
mf_call_sites_init (MfCallSites *sites, const MfAllocationTrace *trace, const MfTraceNames *names,
    MfGrouping grouping)
{
  *sites = (MfCallSites){ .memory = trace->memory };
  Index index = { 0 };
  bool whole = true;
  for (uint32_t i = 0; whole && i < trace->sites.n; i++) {
    MfFrame frame = mf_call_site_frame (names, (MfStack){ trace->sites.histories[i].stack });
    MfCallSite site = { .file = frame.file, .sum = mf_site_sum (trace, i) };
    if (grouping == MF_BY_LINE) {
      site.function = frame.function;
      site.line = frame.line;
    }
    whole = add_stack (sites, &index, &site);
  }
  mf_trace_release (&sites->memory, index.places);
  return whole;
}

void
mf_call_sites_free (MfCallSites *sites)
{
  mf_trace_release (&sites->memory, sites->sites);
  sites->sites = NULL;
  sites->n = sites->room = 0;
}

static int
by_value (const void *a, const void *b, void *user)
{
  const MfCallSite *first = a, *second = b;
  size_t offset = *(const size_t *) user;
  uint64_t x = mf_site_value (&first->sum, offset), y = mf_site_value (&second->sum, offset);
  if (x != y)
    return x < y ? 1 : -1;
  return first->order < second->order ? -1 : first->order > second->order;
}

// A heap sort would move rows of equal value; comparing their order makes any sort a stable one.
void
mf_call_sites_sort (MfCallSites *sites, size_t offset)
{
  if (sites->n > 1)
    qsort_r (sites->sites, sites->n, sizeof *sites->sites, by_value, &offset);
}
