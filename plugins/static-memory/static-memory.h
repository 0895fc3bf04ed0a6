// SPDX-License-Identifier: Apache-2.0
// The instance of the analyzer static-memory.
#pragma once

#include "module-cost.h"
#include "static-memory-events.h"

// The rows with the most bytes, in no order until they are sorted.
typedef struct {
  void *rows;
  uint32_t n, room, made;
} KeptRows;

// What is known of one target when all modules have been read.
typedef struct {
  const MfTargetFacts *facts;
  MfString name;
  KeptRows modules, functions, paths, operations;
  MfNamePool pool; // of a target that runs MicroPython
  uint32_t library_used; // by the modules so far, a bit each by MfMaking
  MfAmount resident, code;
  uint32_t n_modules, n_functions, n_unbounded, n_cut_short, n_other_version;
} TargetSum;

typedef struct {
  MfStage stage;
  MfTargets target;
  MfTexts bound;
  uint32_t bytes, top, steps;
  MF_OUT (MfCodeCost) costs;
  MF_OUT (MfCodeSite) sites;
  MF_OUT (StaticModule) modules;
  MF_OUT (StaticFunction) functions;
  MF_OUT (StaticPath) paths;
  MF_OUT (StaticOperation) operations;
  MF_OUT (StaticRefused) refused;
  MF_OUT (MfStatement) statements;

  MfLoopBound *bounds;
  MfLowering lowerings[8]; // by minor version from 3.8 on; version 0: not made yet
  TargetSum *sums;
  uint32_t n_sums;
  MfModuleCost cost; // of the module and target at hand
  // the module that is being put together
  uint8_t *content;
  uint32_t have, total, room, unit;
  MfString module, origin, from;
  bool is_package;
  uint32_t n_lost, n_broken, order;
} StaticMemory;

enum { MF_BYTES_GRANTED, MF_BYTES_REQUESTED };

// Analyses the module that has been put together, for each target. False: the run is to stop, or has failed.
bool mf_static_take (StaticMemory *self);
// Publishes tables and sentences. False as above.
bool mf_static_report (StaticMemory *self);
bool mf_static_keep (StaticMemory *self, KeptRows *rows, const void *row, size_t size, uint64_t key, uint32_t most);
