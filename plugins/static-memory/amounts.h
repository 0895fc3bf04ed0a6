// SPDX-License-Identifier: Apache-2.0
// Bytes as a range: at least, most likely, at most; nothing bounds the latter when it is MF_UNBOUNDED.
#pragma once

#include <stdint.h>

#define MF_UNBOUNDED UINT64_MAX

typedef struct {
  uint64_t low, likely, high;
} MfAmount;

static inline uint64_t
mf_more (uint64_t a, uint64_t b)
{
  uint64_t sum;
  return __builtin_add_overflow (a, b, &sum) ? MF_UNBOUNDED : sum;
}

static inline MfAmount
mf_amount (uint64_t bytes)
{
  return (MfAmount){ bytes, bytes, bytes };
}

static inline MfAmount
mf_amount_add (MfAmount a, MfAmount b)
{
  return (MfAmount){ mf_more (a.low, b.low), mf_more (a.likely, b.likely), mf_more (a.high, b.high) };
}

static inline uint64_t
mf_times (uint64_t a, uint64_t b)
{
  uint64_t product;
  if (a == 0 || b == 0)
    return 0;
  return a == MF_UNBOUNDED || b == MF_UNBOUNDED || __builtin_mul_overflow (a, b, &product) ? MF_UNBOUNDED : product;
}

static inline MfAmount
mf_amount_times (MfAmount a, MfAmount n)
{
  return (MfAmount){ mf_times (a.low, n.low), mf_times (a.likely, n.likely), mf_times (a.high, n.high) };
}
