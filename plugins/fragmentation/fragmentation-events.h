// SPDX-License-Identifier: Apache-2.0
// The event types that the analyzer fragmentation publishes. A dump is known by its input, epoch
// and ordinal; sizes are bytes as the heap holds them.
#pragma once

#include <memflow/plugin.h>

typedef struct {
  MfTime time;
  MfSize total, used, free, largest_free, max_alloc;
  double ext_frag, hole_frag;
  MfString heap;
  uint32_t ordinal, free_runs, used_blocks;
} FragmentationSnapshot;
MF_EVENT (FragmentationSnapshot, "fragmentation.snapshot", 1, MF_VIEW_SERIES,
    "How broken up it is, one dump after the other",
    MF_FIELD (FragmentationSnapshot, time, "when, for sources with a clock"),
    MF_FIELD (FragmentationSnapshot, total, "bytes that the allocator manages"),
    MF_FIELD (FragmentationSnapshot, used, "in allocated blocks"),
    MF_FIELD (FragmentationSnapshot, free, "in free runs"),
    MF_FIELD (FragmentationSnapshot, largest_free, "longest free run"),
    MF_FIELD (FragmentationSnapshot, max_alloc, "largest request that succeeds"),
    MF_FIELD (FragmentationSnapshot, ext_frag, "100 x (1 - largest free / free)",
        .unit = MF_UNIT_PERCENT, .flags = MF_FIELD_OPTIONAL, .role = MF_ROLE_BAR),
    MF_FIELD (FragmentationSnapshot, hole_frag,
        "100 x (1 - square root of the sum of squared runs / free); needs a map",
        .unit = MF_UNIT_PERCENT, .flags = MF_FIELD_OPTIONAL, .role = MF_ROLE_BAR),
    MF_FIELD (FragmentationSnapshot, heap, "which heap", .role = MF_ROLE_PART),
    MF_FIELD (FragmentationSnapshot, ordinal, "number of the dump in its input, from 1",
        .role = MF_ROLE_AT),
    MF_FIELD (FragmentationSnapshot, free_runs, "free runs; needs a map",
        .flags = MF_FIELD_OPTIONAL),
    MF_FIELD (FragmentationSnapshot, used_blocks, "allocated blocks; needs a map",
        .flags = MF_FIELD_OPTIONAL));

typedef struct {
  MfSize length, longest;
  uint64_t runs;
  MfSize bytes;
  double share;
  MfString heap;
  uint32_t ordinal;
} FragmentationFreeRun;
MF_EVENT (FragmentationFreeRun, "fragmentation.free-run", 1, MF_VIEW_HISTOGRAM,
    "Free runs by length",
    MF_FIELD (FragmentationFreeRun, length, "shortest run of the bin", .role = MF_ROLE_AT),
    MF_FIELD (FragmentationFreeRun, longest, "longest run of the bin", .role = MF_ROLE_EXTENT),
    MF_FIELD (FragmentationFreeRun, runs, "how many"),
    MF_FIELD (FragmentationFreeRun, bytes, "in these runs", .role = MF_ROLE_BAR),
    MF_FIELD (FragmentationFreeRun, share, "of all free bytes", .unit = MF_UNIT_PERCENT,
        .role = MF_ROLE_HIDDEN),
    MF_FIELD (FragmentationFreeRun, heap, "which heap", .role = MF_ROLE_KEY),
    MF_FIELD (
        FragmentationFreeRun, ordinal, "number of the dump in its input", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfSize request, free;
  double unusable;
  MfString heap;
  uint32_t ordinal;
} FragmentationUnusable;
MF_EVENT (FragmentationUnusable, "fragmentation.unusable", 1, MF_VIEW_NONE,
    "How much of the free memory cannot serve a request of one size (Gorman's unusable index)",
    MF_FIELD (FragmentationUnusable, request, "size of the request"),
    MF_FIELD (FragmentationUnusable, free, "in runs that are too short for it"),
    MF_FIELD (FragmentationUnusable, unusable, "their share of all free bytes",
        .unit = MF_UNIT_PERCENT, .role = MF_ROLE_BAR),
    MF_FIELD (FragmentationUnusable, heap, "which heap", .role = MF_ROLE_KEY),
    MF_FIELD (FragmentationUnusable, ordinal, "number of the dump in its input"));

typedef struct {
  MfSize request;
  MfString kind, heap;
  uint64_t blocks;
  MfSize bytes, offset, length;
  uint32_t region, ordinal;
} FragmentationWindow;
MF_EVENT (FragmentationWindow, "fragmentation.window", 1, MF_VIEW_NONE,
    "What stands in the way of a request, at its cheapest place",
    MF_FIELD (FragmentationWindow, request, "size of the request"),
    MF_FIELD (FragmentationWindow, kind, "what is in the blocks", .role = MF_ROLE_LABEL),
    MF_FIELD (FragmentationWindow, heap, "which heap", .role = MF_ROLE_KEY),
    MF_FIELD (FragmentationWindow, blocks, "used blocks that must go"),
    MF_FIELD (FragmentationWindow, bytes, "in these blocks", .role = MF_ROLE_BAR),
    MF_FIELD (FragmentationWindow, offset, "of the free run that appears, in its region",
        .role = MF_ROLE_HIDDEN),
    MF_FIELD (FragmentationWindow, length, "of that run", .role = MF_ROLE_HIDDEN),
    MF_FIELD (FragmentationWindow, region, "number of the region", .role = MF_ROLE_HIDDEN),
    MF_FIELD (
        FragmentationWindow, ordinal, "number of the dump in its input", .role = MF_ROLE_HIDDEN));

typedef struct {
  MfSize offset;
  MfString kind, heap;
  MfSize size, pinned, gain, bridge;
  uint32_t region, ordinal;
} FragmentationPin;
MF_EVENT (FragmentationPin, "fragmentation.pin", 1, MF_VIEW_TABLE,
    "Blocks that keep free memory apart",
    MF_FIELD (FragmentationPin, offset, "of the block, in its region", .role = MF_ROLE_AT),
    MF_FIELD (FragmentationPin, kind, "what is in the block", .role = MF_ROLE_LABEL),
    MF_FIELD (FragmentationPin, heap, "which heap", .role = MF_ROLE_KEY),
    MF_FIELD (FragmentationPin, size, "of the block"),
    MF_FIELD (FragmentationPin, pinned, "its half of the free runs beside it",
        .role = MF_ROLE_BAR),
    MF_FIELD (FragmentationPin, gain, "run that appears when it goes"),
    MF_FIELD (FragmentationPin, bridge, "the two runs that it keeps apart; 0 = only one"),
    MF_FIELD (FragmentationPin, region, "number of the region", .role = MF_ROLE_PART),
    MF_FIELD (
        FragmentationPin, ordinal, "number of the dump in its input", .role = MF_ROLE_HIDDEN));

enum { CHANGE_FREE, CHANGE_USED, CHANGE_FREED, CHANGE_TAKEN };

typedef struct {
  MfSize offset, size;
  uint32_t region, state, since, ordinal;
  MfString heap;
  uint32_t epoch;
} FragmentationChange;
MF_EVENT (FragmentationChange, "fragmentation.change", 1, MF_VIEW_MAP,
    "What the last dump changed",
    MF_FIELD (FragmentationChange, offset, "from the start of the region", .role = MF_ROLE_AT),
    MF_FIELD (FragmentationChange, size, "of the stretch", .role = MF_ROLE_EXTENT),
    MF_FIELD (FragmentationChange, region, "number of the region", .role = MF_ROLE_PART),
    MF_FIELD_ENUM (FragmentationChange, state, "what became of it", .role = MF_ROLE_STATE,
        MF_LABELS ("free", "used", "freed", "taken")),
    MF_FIELD (FragmentationChange, since, "number of the earlier dump"),
    MF_FIELD (FragmentationChange, ordinal, "number of the later dump"),
    MF_FIELD (FragmentationChange, heap, "which heap", .role = MF_ROLE_KEY),
    MF_FIELD (FragmentationChange, epoch, "starts of the device before it"));
