// SPDX-License-Identifier: Apache-2.0
// Processes that have begun lately. The kernel says which number it gave last, so that a look costs one short file when
// there is nothing new; it need not be built with lists of children, and nothing is traced.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// {0} at first.
typedef struct {
  int32_t newest, before;  // numbers given last at the last two looks; 0 = none yet
} MfProcessTree;

// Called with each process and its parent. True = it belongs to the caller, and its children may, too.
typedef bool (*MfProcessOffer) (void *user, int32_t process, int32_t parent);

// Offers all processes at the first look, later those that may be new: some of them again.
void mf_process_tree_look (MfProcessTree *tree, MfProcessOffer offer, void *user);
