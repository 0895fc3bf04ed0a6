// SPDX-License-Identifier: Apache-2.0
// Tells in one pass that a line holds none of many keys, by a set of the four bytes that each
// begins with: ten million lines of noise must not be searched for twenty words each.
#pragma once

#include "line-reader.h"

// Set it to zero, then add keys.
typedef struct {
  uint64_t bits[1024];
} MfKeyFilter;

// `key` has at least four bytes.
void mf_key_filter_add (MfKeyFilter *self, const char *key);

// False: the line holds none of the keys. True: it may.
bool mf_key_filter_may_match (const MfKeyFilter *self, const MfLine *line);
