// SPDX-License-Identifier: Apache-2.0
// Stacks of a running process that was looked at now and then: how often each was seen, and what the resident set grew by
// meanwhile, as the analyzer growth found. GLib; one thread at a time.
#pragma once

#include <glib.h>
#include <memflow/event.h>

typedef enum {
  MF_SAMPLED_LOOKS,    // looks of threads at it
  MF_SAMPLED_RUNNING,  // of those, by threads that ran
  MF_SAMPLED_GROWTH,   // bytes
  MF_N_SAMPLED
} MfSampledWeight;

// One program of a process.
typedef struct {
  MfString input;
  uint32_t epoch;
  bool judged;         // the analyzer growth has told of it
  GArray *stacks;      // of MfSampledStack, in the order in which they were seen
  GHashTable *places;  // stack id -> index + 1
} MfSampledProgram;

typedef struct {
  MfStack stack;
  uint64_t weights[MF_N_SAMPLED];
} MfSampledStack;

typedef struct {
  GPtrArray *programs;  // of MfSampledProgram, in the order in which they were seen
} MfSampledStacks;

void mf_sampled_stacks_init (MfSampledStacks *sampled);
void mf_sampled_stacks_clear (MfSampledStacks *sampled);

// Takes rows of process.sample.
void mf_sampled_stacks_take_looks (MfSampledStacks *sampled, const MfBatch *batch);
// Takes rows of growth.stack, whose fields are known by their names. False = it has not the fields that it should have.
bool mf_sampled_stacks_take_growth (MfSampledStacks *sampled, const MfBatch *batch);
