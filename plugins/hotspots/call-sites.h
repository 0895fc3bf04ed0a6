// SPDX-License-Identifier: Apache-2.0
// Stacks joined to what people know: the line that asked, the file it stands in, the tree of calls.
#pragma once

#include "allocation-trace.h"

// Where names and frames are looked up; as the functions of MfHost.
typedef struct {
  void *user;
  const char *(*text) (void *user, MfString string);
  bool (*frame) (void *user, MfStack stack, MfFrame *frame, MfStack *caller);
} MfTraceNames;

// The sums over some stacks, in bytes and numbers. `unsure` is that part of `live` which may have
// been freed while the recording was paused. Variances are those of estimates; of exact figures
// they are 0.
typedef struct {
  uint64_t peak, peak_blocks, live, blocks, total, calls, temporaries, failed, earlier, middle;
  uint64_t unsure, unsure_blocks, kept; // kept: live and sure
  struct {
    double peak, peak_blocks, live, blocks, total, calls;
  } variance;
} MfSiteSum;

typedef enum { MF_BY_LINE, MF_BY_FILE } MfGrouping;

// A line of a program, or a whole file. Function and file 0, line 0: not known.
typedef struct {
  MfString function, file;
  uint32_t line, order; // order: of first appearance, from 0
  MfSiteSum sum;
} MfCallSite;

typedef struct {
  MfTraceMemory memory;
  MfCallSite *sites;
  uint32_t n, room;
} MfCallSites;

// Sums a stack of a trace; or adds the sum of another one.
void mf_site_sum_add (MfSiteSum *to, const MfSiteSum *more);
MfSiteSum mf_site_sum (const MfAllocationTrace *trace, uint32_t index);

// The frame that a stack counts for.
MfFrame mf_call_site_frame (const MfTraceNames *names, MfStack stack);

// The innermost Python frame that is not of the standard library or of an installed package. False
// = there is none.
bool mf_call_site_user (const MfTraceNames *names, MfStack stack, MfFrame *frame);

// Groups the stacks by their innermost Python frame, in order of appearance; frames of the
// machinery of imports are passed over, and a stack without any other counts for its innermost
// frame. False = there is no memory. Free in any case.
bool mf_call_sites_init (MfCallSites *sites, const MfAllocationTrace *trace,
    const MfTraceNames *names, MfGrouping grouping);
void mf_call_sites_free (MfCallSites *sites);

// Sorts by the sum at `offset` (of a uint64_t in MfSiteSum), the largest first, then by appearance.
void mf_call_sites_sort (MfCallSites *sites, size_t offset);

static inline uint64_t
mf_site_value (const MfSiteSum *sum, size_t offset)
{
  return *(const uint64_t *) (const void *) ((const char *) sum + offset);
}

// ---- the tree of calls

#define MF_NO_NODE UINT32_MAX

// A frame with all its callers. `bytes` include those of the calls below it.
typedef struct {
  uint64_t bytes, own;
  uint32_t stack, parent, children, depth; // parent: index of its caller, MF_NO_NODE for a root
} MfCallNode;

typedef struct {
  MfTraceMemory memory;
  MfCallNode *nodes;
  uint32_t *places; // index + 1 by hash of the stack
  uint32_t n, room, mask;
} MfCallTree;

// The tree of the bytes that were live at the peak. Node 0 is the unknown stack, if it held any.
// False = there is no memory. Free in any case.
bool mf_call_tree_init (
    MfCallTree *tree, const MfAllocationTrace *trace, const MfTraceNames *names);
void mf_call_tree_free (MfCallTree *tree);

// Keeps the `most` nodes with the most bytes, callers before callees of the same size, and puts
// them in the order of reading: each caller, then what it called, the largest first. False = no
// memory.
bool mf_call_tree_prune (MfCallTree *tree, uint32_t most);
