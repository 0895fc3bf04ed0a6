// SPDX-License-Identifier: Apache-2.0
// The stage of the collector ptrace: what is set, where rows go, and the processes that it looks at.
#pragma once

#include <memflow/plugin.h>

#include "heap-rows.h"
#include "process-tree.h"

enum { NEVER, BRIEF };                            // stop
enum { HEAP_NO, HEAP_ONCE, HEAP_REPEATEDLY };     // heap

typedef struct {
  MfStage stage;
  uint32_t pid, stop, heap, chains;
  MfTexts alive;        // types and addresses
  MfPath core, core_root;
  MfDuration interval, pss_every, heap_every;
  bool census, c_heap, tree;
  MF_OUT (MfProcessSample) out;
  MF_OUT (MfCoreThread) core_threads;
  MfHeapPorts heaps;

  GPtrArray *targets;   // of MfTarget, in the order in which they were found
  int exits;            // readable when one of them ends
  uint32_t snapshots;   // of all of them
  bool seen;            // one of them was
  bool unannounced;     // the end of one of them is not told by the kernel
  bool fading;          // one has no memory any more: it ends
  uint64_t late;        // looks that were left out
  int64_t handed_on_ns; // when what was seen went on to other stages
  MfProcessTree family;
  int64_t children_ns;  // when new children are looked for next
} Ptrace;
