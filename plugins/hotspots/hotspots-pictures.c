// SPDX-License-Identifier: Apache-2.0
// The pictures of one process: live bytes over time, lifetimes, the tree of calls at the peak.
#include "hotspots.h"

#include <inttypes.h>
#include <stdio.h>

// ---- over time

static bool
publish_timeline (Hotspots *self, const HotReport *report)
{
  const MfTimeline *timeline = &report->trace->timeline;
  for (uint32_t i = 0; i < timeline->n; i++) {
    const MfInterval *interval = &timeline->intervals[i];
    uint64_t end = (uint64_t) timeline->start + (((uint64_t) i + 1) << timeline->shift);
    bool last = i + 1 == timeline->n;
    HotTimeline row = { .of = report->of,
      .highest = { interval->highest },
      .live = { interval->live },
      .total = { interval->total },
      .calls = interval->calls,
      .time = { last ? report->trace->last_time : (int64_t) end } };
    if (!mf_emit (&self->timeline, &row))
      return false;
  }
  return true;
}

// ---- lifetimes

typedef struct {
  unsigned first, last;
} Bins;

// The bins from the first to the last that has blocks; none when first > last.
static Bins
used_bins (const MfLifetimes *lifetimes)
{
  Bins bins = { MF_LIFETIME_BINS, 0 };
  for (unsigned i = 0; i < MF_LIFETIME_BINS; i++)
    if (lifetimes->bins[i].blocks) {
      bins.first = bins.first < i ? bins.first : i;
      bins.last = i;
    }
  return bins;
}

// Three bins make one row, an eighth of the next: enough for reading.
static bool
publish_lifetimes (Hotspots *self, const HotReport *report)
{
  enum { JOINED = 3 };
  const MfLifetimes *lifetimes = &report->trace->by_time;
  Bins bins = used_bins (lifetimes);
  for (unsigned i = bins.first; i <= bins.last; i += JOINED) {
    HotLifetime row = { .of = report->of, .from = mf_lifetime_low (i) };
    for (unsigned j = i; j < i + JOINED && j < MF_LIFETIME_BINS; j++) {
      row.to = mf_lifetime_high (j);
      row.blocks += lifetimes->bins[j].blocks;
      row.bytes.bytes += lifetimes->bins[j].bytes;
    }
    row.blocks = mf_trace_count (report->trace, row.blocks);
    if (!mf_emit (&self->lifetimes, &row))
      return false;
  }
  return true;
}

static bool
publish_ages (Hotspots *self, const HotReport *report)
{
  const MfLifetimes *lifetimes = &report->trace->by_calls;
  Bins bins = used_bins (lifetimes);
  for (unsigned i = bins.first; i <= bins.last; i++) {
    HotAge row = { .of = report->of,
      .from = mf_lifetime_low (i),
      .to = mf_lifetime_high (i),
      .blocks = lifetimes->bins[i].blocks,
      .bytes = { lifetimes->bins[i].bytes } };
    if (!mf_emit (&self->ages, &row))
      return false;
  }
  return true;
}

// ---- the tree

static MfString
frame_name (Hotspots *self, uint32_t stack)
{
  MfFrame frame = { { 0 }, { 0 }, 0, 0 };
  MfStack caller;
  if (stack)
    mf_stack_frame (self, (MfStack){ stack }, &frame, &caller);
  MfCallSite site = { .function = frame.function, .file = frame.file, .line = frame.line };
  return mf_hot_site_name (self, &site);
}

static bool
emit_nodes (Hotspots *self, MfString of, const MfCallTree *tree)
{
  uint32_t first = self->nodes + 1;
  for (uint32_t i = 0; i < tree->n; i++) {
    const MfCallNode *node = &tree->nodes[i];
    HotCallTree row = { .node = first + i,
      .of = of,
      .parent = node->parent == MF_NO_NODE ? UINT32_MAX : first + node->parent,
      .frame = frame_name (self, node->stack),
      .bytes = { node->bytes },
      .own = { node->own } };
    if (!mf_emit (&self->calls, &row))
      return false;
  }
  self->nodes += tree->n;
  return true;
}

bool
mf_hot_publish_tree (Hotspots *self, const MfProcessTrace *process)
{
  MfTraceNames names = mf_hot_names (self);
  MfString of = mf_hot_process_name (self, process);
  MfCallTree tree;
  mf_context (self, process->input, process->epoch);
  bool done
      = mf_call_tree_init (&tree, &process->trace, &names) && mf_call_tree_prune (&tree, self->tree)
            ? emit_nodes (self, of, &tree)
            : mf_fail (
                self, "there is no memory for the tree of calls of %s", mf_string_text (self, of));
  mf_call_tree_free (&tree);
  return done;
}

bool
mf_hot_publish_pictures (Hotspots *self, const HotReport *report)
{
  return publish_timeline (self, report) && publish_lifetimes (self, report)
         && publish_ages (self, report);
}
