// SPDX-License-Identifier: Apache-2.0
// The inside of the analyzer: what it keeps of each input and heap, in bounded memory whatever the
// number of dumps. The largest part are three maps for each heap, sized by its blocks.
#pragma once

#include "fragmentation-events.h"
#include "heap-cause.h"
#include "heap-change.h"
#include "heap-map.h"
#include "wording.h"

enum {
  MOST_SOURCES = 64,
  MOST_HEAPS = 16,   // of one source
  MOST_REFUSALS = 8, // different ones of one source
  MOST_REGIONS = 16, // whose address is kept
  MOST_KINDS = 8,    // in a window
  RECENT_DUMPS = 16,
  QUOTE = 160, // bytes kept of a message
};

// What one dump showed. Without a map, the figures that need one are 0.
typedef struct {
  MfHeapFigures figures;
  MfHeapRule rule;
  MfTime time;
  uint64_t growable, requested; // MF_SIZE_NONE = not known
  uint32_t ordinal;             // 0 = no dump
  uint32_t epoch, flags;
  bool has_map, has_largest;
} Dump;

// The cheapest place for a request, and what stands in it.
typedef struct {
  uint64_t request;
  MfHeapWindow at;
  MfKindRow kinds[MOST_KINDS];
  uint64_t used_length; // from the first to the last block that must go
  uint64_t used_offset;
  size_t n_kinds;
  uint32_t ordinal; // of the dump
  bool looked, found, several_regions;
} Window;

typedef struct {
  MfHeapMap map;
  Dump dump; // the one that it is the map of; ordinal 0 = none
  MfAddress addresses[MOST_REGIONS];
} MappedDump;

typedef struct Heap {
  struct Heap *next;
  MfString name, allocator;
  MappedDump last, before; // the last two whole maps
  Dump recent[RECENT_DUMPS];
  uint64_t n_dumps;
  uint32_t headers_only; // dumps without a map
  MfHeapSeries series;   // of the last epoch
  MfHeapStats pending;   // waits whether a map belongs to it; ordinal 0 = none
  uint32_t pending_epoch;
} Heap;

typedef enum { JUDGED_BY_NOTHING, JUDGED_BY_DUMP_BEFORE, JUDGED_BY_DUMP_AFTER } JudgedBy;

// A MemoryError, or several equal ones.
typedef struct {
  uint64_t requested; // MF_SIZE_NONE = it did not say
  uint64_t times;
  MfStack stack;
  uint32_t caught, epoch, line, after_ordinal;
  JudgedBy judged_by;
  MfOomClass class;
  Dump dump;  // that it was judged by
  Dump after; // the first after it; ordinal 0 = none
  Heap *heap; // that it was judged by; NULL = none
  Window window;
} Refusal;

// Other failures of one kind: the first one, and how many.
typedef struct {
  uint64_t times;
  MfStack stack;
  uint32_t line;
  char message[QUOTE];
} OtherFault;

// What was read from one input by one collector.
typedef struct Source {
  struct Source *next;
  MfString stage, input;
  Heap *heaps;
  Heap *latest; // whose dump came last: a refusal is taken to be its
  uint32_t n_heaps;
  uint64_t heaps_left_out;

  MappedDump building; // the snapshot whose blocks arrive
  uint32_t snapshot;   // its id
  uint64_t n_rows;
  bool is_building;
  MfHeapMapStatus status;
  char why[QUOTE];

  Refusal refusals[MOST_REFUSALS];
  uint32_t n_refusals;
  uint64_t refusals_left_out;
  OtherFault others[MF_FAULT_EXCEPTION + 1];

  uint32_t epoch, boots, last_boot_line;
  MfString version, board;
  uint64_t damaged, incomplete;
  uint32_t damage_line, incomplete_ordinal;
  char damage[QUOTE], incompleteness[QUOTE];
} Source;

typedef struct {
  MfStage stage;
  MfSize question;
  uint32_t top;
  bool change;
  MF_OUT (MfStatement) statements;
  MF_OUT (FragmentationSnapshot) snapshots;
  MF_OUT (FragmentationChange) changes;
  MF_OUT (FragmentationFreeRun) free_runs;
  MF_OUT (FragmentationUnusable) unusables;
  MF_OUT (FragmentationWindow) windows;
  MF_OUT (FragmentationPin) pins;
  MF_OUT (MfMetric) metrics;
  Source *sources;
  uint32_t n_sources;
  uint64_t sources_left_out;
  uint32_t order; // of the next statement
} Fragmentation;

// ---- what is kept (heap-history.c). NULL and false: failed, the error is set.

// The source of a batch. NULL and no failure when there are too many: counted.
Source *mf_source_of (Fragmentation *self, const MfBatch *batch, bool *failed);
void mf_source_free (Fragmentation *self, Source *source);

// The rows of a snapshot, and its end. What does not fit together is counted, never analysed.
void mf_source_take_region (Source *source, const MfHeapRegion *row);
bool mf_source_take_block (Fragmentation *self, Source *source, const MfHeapBlock *row);
bool mf_source_close_snapshot (
    Fragmentation *self, Source *source, const MfHeapSnapshot *row, const MfBatch *batch);

// Totals are kept until it is known whether a map belongs to them.
bool mf_source_take_stats (
    Fragmentation *self, Source *source, const MfHeapStats *row, uint32_t epoch);
// No map will come for totals up to that dump: they are all that is known of it.
bool mf_source_settle (Fragmentation *self, Source *source, uint32_t ordinal);

// Robson's bounds for what is live in the last map, up to its largest block; false = none.
bool mf_heap_worst_case (const Heap *heap, MfRobson *robson);
bool mf_heap_has_regions (const MappedDump *mapped); // more than one
const Dump *mf_heap_last_dump (const Heap *heap);    // NULL = none
// The last dump up to `ordinal` in `epoch`; NULL = none.
const Dump *mf_heap_dump_before (const Heap *heap, uint32_t ordinal, uint32_t epoch);

// ---- failures (refusal.c)
void mf_quote (char *quote, const MfBatch *batch, MfText text); // QUOTE bytes, terminated
void mf_source_take_fault (Source *source, const MfBatch *batch, const MfDeviceFault *row);
// Tells the refusals of a new dump: it judges those that saw none, and is the first after others.
void mf_source_show_dump (Source *source, Heap *heap, const Dump *dump);
// The refusal that decides the verdict: uncaught ones first, then the smallest request; NULL =
// none.
const Refusal *mf_source_leading_refusal (const Source *source, const Heap *heap);
Window mf_window_find (const MappedDump *mapped, uint64_t request);

static inline bool
is_known (uint64_t bytes)
{
  return bytes != MF_SIZE_NONE.bytes;
}

// ---- the verdict (verdict.c)
typedef enum {
  VERDICT_OUT_OF_MEMORY,
  VERDICT_FRAGMENTED,
  VERDICT_STALE,
  VERDICT_UNKNOWN,
  VERDICT_NEARLY_FULL,
  VERDICT_GROWING,
  VERDICT_HEALTHY,
} VerdictName;

typedef struct {
  VerdictName name;
  const Refusal *refusal; // that it is about; NULL = none
  const Dump *dump;       // that it rests on; NULL = none
  uint64_t asked;         // the request that it is about; MF_SIZE_NONE = none
  Window window;          // on `dump`, for `asked`; looked = false: there was no map
  MfHeapTrend trend;      // of the heap's last dumps
} Verdict;

Verdict mf_verdict_of (const Fragmentation *self, const Source *source, const Heap *heap);
bool mf_verdict_state (
    Fragmentation *self, const Source *source, const Heap *heap, const Verdict *verdict);
bool mf_verdict_advise (Fragmentation *self, const Verdict *verdict);
// Whether `request` would find room in the last dump, as a sentence.
void mf_say_answer (GString *text, const Heap *heap, uint64_t request);
bool mf_state_unknown (Fragmentation *self, const Source *source);
// The refusals that `heap` explains, or for NULL those that nothing does (remedy.c).
bool mf_state_refusals (Fragmentation *self, const Source *source, const Heap *heap);
bool mf_state_remedy (Fragmentation *self, const Window *window);
bool mf_state_evidence (Fragmentation *self, const Source *source, const Heap *heap,
    const Verdict *verdict); // evidence.c
// Whether a collection or a new heap area could still make more room.
bool mf_dump_is_lower_bound (const Dump *dump);

// ---- what is published
typedef struct {
  uint32_t severity;
  const char *subject, *basis; // NULL = none
  MfString place;
} Saying;
bool mf_say (Fragmentation *self, const Saying *saying, const GString *text); // report.c
bool mf_report_source (Fragmentation *self, const Source *source);
bool mf_publish_snapshot (Fragmentation *self, const Heap *heap, const Dump *dump); // pictures.c
bool mf_publish_pictures (Fragmentation *self, const Heap *heap, const Window *window);
