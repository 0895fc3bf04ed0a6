// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) and HMAC (RFC 2104) with it. A library for these would be many times the size of memflow-record.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_SHA256_BYTES = 32, MF_SHA256_BLOCK = 64 };

typedef struct {
  uint32_t state[8];
  uint64_t length;  // bytes so far
  uint8_t block[MF_SHA256_BLOCK];
} MfSha256;

void mf_sha256_init (MfSha256 *sha);
void mf_sha256_add (MfSha256 *sha, const void *bytes, size_t n);
void mf_sha256_end (MfSha256 *sha, uint8_t digest[MF_SHA256_BYTES]);

void mf_hmac_sha256 (const void *key, size_t n_key, const void *bytes, size_t n, uint8_t digest[MF_SHA256_BYTES]);

// Compares in a time that does not depend on the contents.
bool mf_digest_equal (const uint8_t a[MF_SHA256_BYTES], const uint8_t b[MF_SHA256_BYTES]);
