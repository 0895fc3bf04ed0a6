// SPDX-License-Identifier: Apache-2.0
// Numbers as digits, without printf: the inner loop of every row that is written.
#pragma once

#include <stdint.h>
#include <string.h>

enum { MF_DIGITS_MAX = 24 }; // bytes that one number may take, sign or 0x included

static const char mf_digit_pairs[]
    = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
      "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
      "8081828384858687888990919293949596979899";

static inline unsigned
mf_count_digits (uint64_t n)
{
  static const uint64_t powers[] = { 1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u,
    100000000u, 1000000000u, 10000000000u, 100000000000u, 1000000000000u, 10000000000000u,
    100000000000000u, 1000000000000000u, 10000000000000000u, 100000000000000000u,
    1000000000000000000u, 10000000000000000000u };
  unsigned bits = 64 - (unsigned) __builtin_clzll (n | 1);
  unsigned guess = bits * 1233 >> 12; // log10 (2) = 1233 / 4096, never too high by more than one
  return guess + (n >= powers[guess]) + (n == 0);
}

// Writes the decimal digits of n; returns the byte behind them.
static inline char *
mf_put_u64 (char *to, uint64_t n)
{
  char *end = to + mf_count_digits (n), *p = end;
  while (n >= 100) {
    p -= 2;
    memcpy (p, mf_digit_pairs + n % 100 * 2, 2);
    n /= 100;
  }
  if (n >= 10)
    memcpy (p - 2, mf_digit_pairs + n * 2, 2);
  else
    p[-1] = (char) ('0' + n);
  return end;
}

static inline char *
mf_put_i64 (char *to, int64_t n)
{
  if (n >= 0)
    return mf_put_u64 (to, (uint64_t) n);
  *to = '-';
  return mf_put_u64 (to + 1, -(uint64_t) n);
}

// Writes 0x and the hexadecimal digits of n, no leading zeros.
static inline char *
mf_put_hex (char *to, uint64_t n)
{
  unsigned digits = (67 - (unsigned) __builtin_clzll (n | 1)) / 4;
  memcpy (to, "0x", 2);
  to += 2;
  for (unsigned i = digits; i > 0; i--, n >>= 4)
    to[i - 1] = "0123456789abcdef"[n & 15];
  return to + digits;
}
