// SPDX-License-Identifier: Apache-2.0
// A look at a program while it runs: what it holds, what it requests, who holds the most.
#include "hotspots.h"

#include <stdio.h>

enum { NAMED = 2, TOP = 240 };

// The stacks that hold the most, joined by line only among themselves: a glance, not a table.
typedef struct {
  MfCallSite sites[NAMED];
  uint32_t n;
} Top;

static void
consider (Top *top, const MfCallSite *site)
{
  uint32_t place = top->n;
  while (place > 0 && site->sum.live > top->sites[place - 1].sum.live)
    place--;
  if (place == NAMED)
    return;
  top->n += top->n < NAMED;
  for (uint32_t i = top->n - 1; i > place; i--)
    top->sites[i] = top->sites[i - 1];
  top->sites[place] = *site;
}

static bool
find_top (Hotspots *self, const MfProcessTrace *process, Top *top)
{
  MfTraceNames names = mf_hot_names (self);
  MfCallSites sites;
  bool found = mf_call_sites_init (&sites, &process->trace, &names, MF_BY_LINE);
  for (uint32_t i = 0; found && i < sites.n; i++)
    if (sites.sites[i].sum.live)
      consider (top, &sites.sites[i]);
  mf_call_sites_free (&sites);
  return found;
}

static size_t
write_top (Hotspots *self, const MfProcessTrace *process, const Top *top, char *text)
{
  size_t n = 0;
  for (uint32_t i = 0; i < top->n && n < TOP; i++) {
    const MfCallSite *site = &top->sites[i];
    n += (size_t) snprintf (text + n, TOP - n, "%s%.0f %% %.60s", i ? ", " : "",
        mf_hot_percent (site->sum.live, process->trace.water.live),
        mf_string_text (self, mf_hot_site_name (self, site)));
  }
  return n < TOP ? n : TOP - 1;
}

static bool
publish_look (Hotspots *self, MfProcessTrace *process, int64_t since)
{
  const MfAllocationTrace *trace = &process->trace;
  Top top = { .n = 0 };
  char text[TOP];
  if (!find_top (self, process, &top))
    return mf_fail (self, "there is no memory for a look at process %u", process->process);
  uint64_t bytes = trace->totals.bytes - process->looked_bytes;
  size_t n = write_top (self, process, &top, text);
  HotNow row = { .time = { trace->last_time },
    .live = { trace->water.live },
    .peak = { trace->water.peak },
    .per_second = { mf_whole ((double) bytes * 1e9 / (double) since) },
    .of = mf_hot_process_name (self, process),
    .top = mf_text (&self->now, text, n) };
  return mf_emit (&self->now, &row);
}

bool
mf_hot_look (Hotspots *self, const MfBatch *batch)
{
  (void) batch;
  MfProcessTrace *process = self->traces.current;
  if (self->every.ns <= 0 || !process)
    return true;
  int64_t now = process->trace.last_time, from = process->looked;
  if (now == INT64_MIN)
    return true;
  if (from == INT64_MIN)
    process->looked = from = process->trace.first_time;
  uint64_t since = (uint64_t) now - (uint64_t) from;
  if (since < (uint64_t) self->every.ns)
    return true;
  bool published = publish_look (self, process, since > INT64_MAX ? INT64_MAX : (int64_t) since);
  process->looked = now;
  process->looked_bytes = process->trace.totals.bytes;
  return published;
}
