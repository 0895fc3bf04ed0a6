// SPDX-License-Identifier: Apache-2.0
// Where the parts of maps begin in the studied machine. Known from rows that have the key and the
// part of a map and an address as their place, such as heap.region.
#pragma once

#include "cells/fields.h"

enum { MF_PLACES = 64 }; // the latest ones are kept

typedef struct {
  const MfField *key_field; // borrowed
  uint64_t key, part, address;
  MfString stage, input;
} MfPlace;

typedef struct {
  MfPlace kept[MF_PLACES];
  uint64_t n; // seen; zeroed = none
} MfPlaces;

// Takes a batch of any type.
void mf_places_take (MfPlaces *places, const MfBatch *batch);

// The address where a part begins, of the same stage and input and by the same key; false = not
// known. Of `wanted` all but the address is read.
bool mf_places_find (const MfPlaces *places, const MfPlace *wanted, uint64_t *address);
