// SPDX-License-Identifier: Apache-2.0
// The inside of the analyzer: the traces of all processes, and what is published of each.
#pragma once

#include "call-sites.h"
#include "hotspots-events.h"
#include "process-traces.h"

typedef struct {
  MfStage stage;
  uint32_t between, sites, tree;
  MfDuration every;
  MF_OUT (MfStatement) statements;
  MF_OUT (MfMetric) metrics;
  MF_OUT (HotSite) by_peak;
  MF_OUT (HotTraffic) by_bytes;
  MF_OUT (HotCalls) by_calls;
  MF_OUT (HotLeak) leaks;
  MF_OUT (HotModule) modules;
  MF_OUT (HotThread) threads;
  MF_OUT (HotTimeline) timeline;
  MF_OUT (HotLifetime) lifetimes;
  MF_OUT (HotAge) ages;
  MF_OUT (HotCallTree) calls;
  MF_OUT (HotPhase) phases;
  MF_OUT (HotMark) marks;
  MF_OUT (HotPages) pages;
  MF_OUT (HotType) types;
  MF_OUT (HotNow) now;
  MfProcessTraces traces;
  uint32_t order, nodes; // statements and nodes of trees so far
  uint64_t highest_peak; // of all processes
} Hotspots;

// A process while it is reported, with its stacks joined by line.
typedef struct {
  const MfProcessTrace *process;
  const MfAllocationTrace *trace;
  MfCallSites *sites;
  MfString of;
  MfSiteSum sum; // over all sites
} HotReport;

// A number in groups of three digits: "1,234,567".
typedef struct {
  char text[28];
} HotNumber;
HotNumber mf_hot_number (uint64_t number);

double mf_hot_percent (uint64_t part, uint64_t whole);

// "app.py:88 load"; "(no stack)" where nothing is known.
MfString mf_hot_site_name (Hotspots *self, const MfCallSite *site);

// Whether a site held more at each mark of the trace than at the one before, and more at the end; of
// estimates by more than their error.
bool mf_hot_is_growing (const HotReport *report, const MfSiteSum *sum);

MfTraceNames mf_hot_names (Hotspots *self);

// "process 42", and what else tells it from the others.
MfString mf_hot_process_name (Hotspots *self, const MfProcessTrace *process);

// Publishes hotspots.now for the process whose events came last, if it is time.
bool mf_hot_look (Hotspots *self, const MfBatch *batch); // hotspots-now.c

// Each returns false when the run is to stop or has failed.
bool mf_hot_publish_tables (Hotspots *self, const HotReport *report);   // hotspots-tables.c
bool mf_hot_publish_pictures (Hotspots *self, const HotReport *report); // hotspots-pictures.c
bool mf_hot_publish_tree (Hotspots *self, const MfProcessTrace *process);
bool mf_hot_say (Hotspots *self, const HotReport *report); // hotspots-report.c
bool mf_hot_say_left_out (Hotspots *self, uint32_t n_unsaid);
bool mf_hot_publish_metrics (Hotspots *self, const HotReport *report);
