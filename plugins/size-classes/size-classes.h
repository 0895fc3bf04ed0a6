// SPDX-License-Identifier: Apache-2.0
// The inside of the analyzer: for each input a tally that is being filled, and one for each heap
// that holds its last whole snapshot. About 54 KiB each, whatever the number of blocks.
#pragma once

#include "size-classes-events.h"
#include "size-tally.h"

enum {
  MOST_SOURCES = 64,
  MOST_HEAPS = 16, // of one source
};

// The last whole snapshot of one heap.
typedef struct Heap {
  struct Heap *next;
  MfString name;
  MfSizeTally tally;
  uint64_t granule;
  uint32_t ordinal, epoch; // ordinal 0 = none
} Heap;

typedef struct Source {
  struct Source *next;
  MfString stage, input;
  Heap *heaps;
  uint32_t n_heaps, epoch;

  MfSizeTally building; // the snapshot whose blocks arrive
  uint32_t snapshot;
  uint64_t n_rows;
  bool is_building, is_damaged;

  MfSizeTally *calls; // of alloc.event; NULL = none came
  uint64_t failed_calls, frees, calls_without_grant;
  uint64_t incomplete; // snapshots that were not whole
  uint64_t left_out;   // snapshots of further heaps
  uint64_t uncounted;  // calls for 0 bytes
  uint64_t sampling;   // mean bytes between the calls that were recorded; 0 = all were
} Source;

typedef struct {
  MfStage stage;
  MfSizes edges;
  uint32_t exact;
  MF_OUT (MfStatement) statements;
  MF_OUT (SizeClassRow) classes;
  MF_OUT (ExactSizeRow) exact_sizes;
  Source *sources;
  uint32_t n_sources, order;
  uint64_t sources_left_out;
} SizeClasses;

// What is kept (size-sources.c). NULL without *failed: there are too many, counted.
Source *mf_size_source_of (SizeClasses *self, const MfBatch *batch, bool *failed);
void mf_size_source_free (SizeClasses *self, Source *source);
bool mf_size_edges_are_sane (const MfSizes *edges);
void mf_size_source_take_block (SizeClasses *self, Source *source, const MfHeapBlock *row);
bool mf_size_source_close_snapshot (
    SizeClasses *self, Source *source, const MfHeapSnapshot *row, uint32_t epoch);
void mf_size_source_begin_program (Source *source, const MfProgramStart *row);
bool mf_size_source_take_calls (SizeClasses *self, Source *source, const MfBatch *batch);

// What is published (size-report.c).
bool mf_size_report (SizeClasses *self, const Source *source);
