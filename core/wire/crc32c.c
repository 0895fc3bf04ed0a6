// SPDX-License-Identifier: Apache-2.0
// CRC-32C by tables: table k holds the effect of a byte that k further bytes follow.
#include "crc32c.h"

#include "bytes.h"

#include <string.h>

enum { POLYNOMIAL = (int) 0x82f63b78 }; // 0x1edc6f41, bits reversed

static uint32_t
crc_of_byte (uint32_t byte)
{
  for (int bit = 0; bit < 8; bit++)
    byte = byte >> 1 ^ (byte & 1 ? (uint32_t) POLYNOMIAL : 0);
  return byte;
}

#if defined __x86_64__

static bool
has_instruction (void)
{
  return __builtin_cpu_supports ("sse4.2");
}

__attribute__ ((target ("sse4.2"))) static uint32_t
whole_words (uint32_t crc, const uint8_t *at, size_t n)
{
  uint64_t sum = crc;
  for (; n >= 8; n -= 8, at += 8) {
    uint64_t word;
    memcpy (&word, at, sizeof word);
    sum = __builtin_ia32_crc32di (sum, word);
  }
  return (uint32_t) sum;
}

#else

static bool
has_instruction (void)
{
  return false;
}

static uint32_t
whole_words (
    uint32_t crc, const uint8_t *at __attribute__ ((unused)), size_t n __attribute__ ((unused)))
{
  return crc;
}

#endif

void
mf_crc_table_init (MfCrcTable *table)
{
  table->instruction = has_instruction ();
  for (uint32_t i = 0; i < 256; i++)
    table->of[0][i] = crc_of_byte (i);
  for (int k = 1; k < 8; k++)
    for (uint32_t i = 0; i < 256; i++)
      table->of[k][i] = table->of[k - 1][i] >> 8 ^ table->of[0][table->of[k - 1][i] & 0xff];
}

static uint32_t
eight_bytes (const MfCrcTable *t, uint32_t crc, const uint8_t *at)
{
  uint32_t low = mf_load32 (at) ^ crc, high = mf_load32 (at + 4);
  return t->of[7][low & 0xff] ^ t->of[6][low >> 8 & 0xff] ^ t->of[5][low >> 16 & 0xff]
         ^ t->of[4][low >> 24] ^ t->of[3][high & 0xff] ^ t->of[2][high >> 8 & 0xff]
         ^ t->of[1][high >> 16 & 0xff] ^ t->of[0][high >> 24];
}

uint32_t
mf_crc32c_more (const MfCrcTable *table, uint32_t crc, const void *bytes, size_t n)
{
  const uint8_t *at = bytes;
  size_t words = table->instruction ? n / 8 * 8 : 0;
  crc = whole_words (~crc, at, words);
  for (at += words, n -= words; n >= 8; n -= 8, at += 8)
    crc = eight_bytes (table, crc, at);
  for (; n; n--)
    crc = crc >> 8 ^ table->of[0][(crc ^ *at++) & 0xff];
  return ~crc;
}

uint32_t
mf_crc32c (const MfCrcTable *table, const void *bytes, size_t n)
{
  return mf_crc32c_more (table, 0, bytes, n);
}
