// SPDX-License-Identifier: Apache-2.0
// The names (qstrs) that a MicroPython device keeps for good, as they come: each is there once, its
// characters stand in chunks, and what finds them again in pools of which each new one is twice as
// large. One thread at a time.
#pragma once

#include "model/code-cost/price.h"

typedef struct {
  uint32_t hash, n;
  uint8_t bytes[];
} MfPooledName;

// Of a device on which a program has begun that imported nothing yet.
typedef struct {
  const MfTarget *target;
  MfPooledName **names; // hash table
  uint32_t n, mask;
  uint64_t room, left;        // entries of the last pool; those that are free
  uint64_t chunk, chunk_left; // bytes of the last chunk; those that are free
} MfNamePool;

typedef struct {
  MfBytes likely, pools; // of it, pools that were full and had to be followed by another
  uint64_t n, n_firmware,
      firmware_characters; // names that are new, and those that the firmware is taken to have
} MfNamesCost;

void mf_name_pool_init (MfNamePool *pool, const MfTarget *target);
void mf_name_pool_end (MfNamePool *pool);
// Adds what a name takes that is neither there nor in the firmware. False: no memory.
bool mf_name_pool_add (MfNamePool *pool, const uint8_t *bytes, uint32_t n, MfNamesCost *cost);
// Whether a text that is made is a name that exists already, and so takes nothing (py/objstr.c
// mp_obj_new_str_from_vstr).
bool mf_name_pool_has (const MfNamePool *pool, const uint8_t *bytes, uint32_t n);
// How much less and more it may be that was added last.
void mf_name_pool_bound (
    const MfNamePool *pool, const MfNamesCost *cost, MfBytes *least, MfBytes *most);
