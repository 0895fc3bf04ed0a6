// SPDX-License-Identifier: Apache-2.0
// Which code ran while the resident set rose. What is known of a rise: it lies between two looks, and what the threads ran at both.
// It is divided among the threads by the time that they ran in between, and for each thread among its two stacks, of which one where
// threads mostly wait counts for less. A later fall takes back the latest rises first, so that what is left adds up to what the set
// has grown by for good.
#pragma once

#include <glib.h>
#include <memflow/event.h>

// What one thread did at a look.
typedef struct {
  uint32_t thread;
  MfStack stack;   // 0 = no Python code
  int64_t cpu_ns;  // it had run; -1 = not known
} MfThreadLook;

// Of a stack, with ids of the caller; two stacks of one site have one site.
typedef struct {
  uint32_t (*site) (void *user, MfStack stack);
  bool (*waits) (void *user, MfStack stack);  // by its innermost function: only asked where no time is known
  void *user;
} MfStackSites;

typedef struct {
  MfStack stack;
  uint32_t site;
  uint64_t running, waiting;  // looks of threads at it that ran until the next look, or did not
  double kept;      // bytes of rises that were not taken back: its share
  double risen;     // of all rises
  uint64_t rises;   // in which it had a share
} MfStackSum;

// Kept bytes of a site: while nothing else ran, and of rises in which it ran at all.
typedef struct {
  uint64_t least, most, rises;
} MfSiteBounds;

typedef struct MfRisingStacks MfRisingStacks;

MfRisingStacks *mf_rising_stacks_new (const MfStackSites *sites);
void mf_rising_stacks_free (MfRisingStacks *stacks);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MfRisingStacks, mf_rising_stacks_free)

// One look, in order of time (ns): all threads, and the resident set.
void mf_rising_stacks_look (MfRisingStacks *stacks, int64_t time, const MfThreadLook *threads, guint n, uint64_t resident);
// Another program runs in the process: its memory has nothing to do with that of the one before.
void mf_rising_stacks_restart (MfRisingStacks *stacks);

typedef struct {
  uint64_t risen, fallen, kept;  // bytes
  uint64_t rises, looks, thread_looks;
  bool clocks;                   // it was known which threads ran
} MfRiseTotals;
MfRiseTotals mf_rising_stacks_totals (const MfRisingStacks *stacks);

// Sums of all stacks, in the order in which they were seen first. Free with g_array_unref.
GArray *mf_rising_stacks_sums (const MfRisingStacks *stacks);
// Bounds by site. Keys are GUINT_TO_POINTER (site), values MfSiteBounds. Free with g_hash_table_unref.
GHashTable *mf_rising_stacks_bounds (const MfRisingStacks *stacks);
