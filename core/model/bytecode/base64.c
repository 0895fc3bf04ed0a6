// SPDX-License-Identifier: Apache-2.0
// Base64, three bytes at a time.
#include "base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
encode_group (const uint8_t *bytes, size_t n, char *text)
{
  uint32_t bits
      = (uint32_t) bytes[0] << 16 | (n > 1 ? (uint32_t) bytes[1] << 8 : 0) | (n > 2 ? bytes[2] : 0);
  text[0] = letters[bits >> 18];
  text[1] = letters[bits >> 12 & 63];
  text[2] = n > 1 ? letters[bits >> 6 & 63] : '=';
  text[3] = n > 2 ? letters[bits & 63] : '=';
}

void
mf_base64_encode (const uint8_t *bytes, size_t n, char *text)
{
  for (; n >= 3; n -= 3, bytes += 3, text += 4)
    encode_group (bytes, 3, text);
  if (n)
    encode_group (bytes, n, text);
}

#define NO 255
// clang-format off
static const uint8_t values[128] = {
  NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
  NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO, NO, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO,
  NO,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, NO,
  NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
};
// clang-format on

static inline uint8_t
value_of (char letter)
{
  return (uint8_t) letter < 128 ? values[(uint8_t) letter] : NO;
}

static bool
decode_group (const char *text, size_t wanted, uint8_t *bytes)
{
  uint8_t value[4] = { value_of (text[0]), value_of (text[1]), 0, 0 };
  for (size_t i = 2; i <= wanted; i++)
    value[i] = value_of (text[i]);
  if ((value[0] | value[1] | value[2] | value[3]) & 0xc0)
    return false;
  uint32_t bits = (uint32_t) value[0] << 18 | (uint32_t) value[1] << 12 | (uint32_t) value[2] << 6
                  | value[3];
  for (size_t i = 0; i < wanted; i++)
    bytes[i] = (uint8_t) (bits >> (16 - 8 * i));
  return (bits & (0xffffffu >> (8 * wanted))) == 0;
}

bool
mf_base64_decode (const char *text, size_t n, uint8_t *bytes, size_t *written)
{
  *written = 0;
  if (n % 4)
    return false;
  for (; n; n -= 4, text += 4) {
    size_t wanted = n > 4 || text[3] != '=' ? 3 : text[2] != '=' ? 2 : 1;
    if (!decode_group (text, wanted, bytes + *written))
      return false;
    *written += wanted;
  }
  return true;
}
