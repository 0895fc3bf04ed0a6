// SPDX-License-Identifier: Apache-2.0
// What the rows of tests/data/object-sizes measured, in shapes of the object model.
#pragma once

#include "model/objects/objects.h"

typedef struct {
  const char *id, *category, *params;
  uint64_t n;   // the last number in the id
  const char *machine; // multiarch name, "" if it is not known
  bool emscripten;
} MfMeasuredRow;

// False: the model does not know, or nothing is known of this kind of row.
bool mf_expect_row (const MfTarget *target, const MfMeasuredRow *row, MfObjectSize *size);

// Code lengths that each version's compiler makes of the modules measured: code.csv.
void mf_expect_read_code (const char *path);
