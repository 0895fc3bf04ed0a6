// SPDX-License-Identifier: Apache-2.0
// The price of an object as marshal makes it: what it asks for, and what the allocator takes.
#pragma once

#include "bytecode/pyc.h"
#include "model/objects/objects.h"

// `granted` is 0 where the model does not know the allocator.
typedef struct {
  uint64_t requested, granted;
} MfBytes;

// FNV-1a of names and texts, for tables of them.
static inline uint64_t
mf_bytes_hash (const uint8_t *bytes, size_t n)
{
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < n; i++)
    hash = (hash ^ bytes[i]) * 0x100000001b3;
  return hash ^ hash >> 32;
}

enum { MF_PRICES = 1024 }; // a power of two

// Prices that were computed before: a module has few shapes and many objects.
typedef struct {
  const MfTarget *target;
  struct {
    uint64_t key; // 0 = none
    MfBytes price;
  } prices[MF_PRICES];
} MfPriceList;

void mf_price_list_init (MfPriceList *list, const MfTarget *target);

// Of the object alone, without what it refers to; nothing for what exists already. False: unknown.
bool mf_price_constant (MfPriceList *list, const MfPyValue *value, MfBytes *price);
// The same of a code object, without its tables.
bool mf_price_code (MfPriceList *list, const MfPyCode *code, MfBytes *price);

// Adds as long as the sum stays far below what 64 bits hold.
static inline bool
mf_bytes_add (MfBytes *sum, MfBytes more)
{
  if (sum->requested + more.requested > MF_MOST_BYTES)
    return false;
  sum->requested += more.requested;
  sum->granted += more.granted;
  return true;
}
