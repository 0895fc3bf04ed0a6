// SPDX-License-Identifier: Apache-2.0
// Bytes as text that every format can print (RFC 4648, with padding). Decoding is strict.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Characters for n bytes.
static inline size_t
mf_base64_length (size_t n)
{
  return (n + 2) / 3 * 4;
}

// Writes mf_base64_length (n) characters, not terminated.
void mf_base64_encode (const uint8_t *bytes, size_t n, char *text);
// Writes at most n / 4 * 3 bytes and says how many. False: this is not base64.
bool mf_base64_decode (const char *text, size_t n, uint8_t *bytes, size_t *written);
