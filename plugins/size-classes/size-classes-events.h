// SPDX-License-Identifier: Apache-2.0
// The event types that the analyzer size-classes publishes: one input's blocks by size.
#pragma once

#include <memflow/plugin.h>

typedef struct {
  MfString class_name, of;
  uint64_t blocks;
  MfSize bytes;
  double share;
  MfSize up_to, waste_low, waste_high;
} SizeClassRow;
MF_EVENT (SizeClassRow, "size-class.class", 1, MF_VIEW_TABLE, "Blocks by size class",
    MF_FIELD (SizeClassRow, class_name, "which class", .role = MF_ROLE_LABEL),
    MF_FIELD (SizeClassRow, of, "heap, or 'calls' for allocations one by one", .role = MF_ROLE_KEY),
    MF_FIELD (SizeClassRow, blocks, "how many blocks, or calls"),
    MF_FIELD (SizeClassRow, bytes, "in them", .role = MF_ROLE_BAR),
    MF_FIELD (SizeClassRow, share, "of all bytes", .unit = MF_UNIT_PERCENT),
    MF_FIELD (SizeClassRow, up_to, "largest size of the class; empty: no limit"),
    MF_FIELD (SizeClassRow, waste_low, "lost to rounding, at least", .role = MF_ROLE_HIDDEN),
    MF_FIELD (SizeClassRow, waste_high, "lost to rounding, at most; empty: not known"));

typedef struct {
  MfSize size;
  uint64_t blocks;
  MfSize bytes;
  double share;
  MfString of;
  uint32_t others;
} ExactSizeRow;
MF_EVENT (ExactSizeRow, "size-class.exact", 1, MF_VIEW_TABLE,
    "The exact sizes that take the most bytes",
    MF_FIELD (ExactSizeRow, size, "of each block; empty: all other sizes"),
    MF_FIELD (ExactSizeRow, blocks, "how many blocks, or calls"),
    MF_FIELD (ExactSizeRow, bytes, "in them", .role = MF_ROLE_BAR),
    MF_FIELD (ExactSizeRow, share, "of all bytes", .unit = MF_UNIT_PERCENT),
    MF_FIELD (ExactSizeRow, of, "heap, or 'calls' for allocations one by one", .role = MF_ROLE_KEY),
    MF_FIELD_ENUM (ExactSizeRow, others, "one size, or the rest of them", .role = MF_ROLE_HIDDEN,
        MF_LABELS ("one", "rest")));
