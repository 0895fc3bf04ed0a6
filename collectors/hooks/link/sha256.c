// SPDX-License-Identifier: Apache-2.0
// FIPS 180-4, section 6.2, word by word.
#include "sha256.h"

#include <string.h>

static const uint32_t constants[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
  0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
  0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
  0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
  0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t
rotated (uint32_t x, unsigned n)
{
  return x >> n | x << (32 - n);
}

static uint32_t
big_endian (const uint8_t *at)
{
  return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static void
store_big_endian (uint8_t *at, uint32_t value)
{
  for (int i = 0; i < 4; i++)
    at[i] = (uint8_t) (value >> (24 - 8 * i));
}

static void
schedule (uint32_t w[64], const uint8_t *block)
{
  for (int t = 0; t < 16; t++)
    w[t] = big_endian (block + 4 * t);
  for (int t = 16; t < 64; t++) {
    uint32_t s0 = rotated (w[t - 15], 7) ^ rotated (w[t - 15], 18) ^ w[t - 15] >> 3;
    uint32_t s1 = rotated (w[t - 2], 17) ^ rotated (w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
}

static void
compress (uint32_t state[8], const uint8_t *block)
{
  enum { A, B, C, D, E, F, G, H };
  uint32_t w[64], v[8];
  schedule (w, block);
  memcpy (v, state, sizeof v);
  for (int t = 0; t < 64; t++) {
    uint32_t s1 = rotated (v[E], 6) ^ rotated (v[E], 11) ^ rotated (v[E], 25);
    uint32_t t1 = v[H] + s1 + ((v[E] & v[F]) ^ (~v[E] & v[G])) + constants[t] + w[t];
    uint32_t s0 = rotated (v[A], 2) ^ rotated (v[A], 13) ^ rotated (v[A], 22);
    uint32_t t2 = s0 + ((v[A] & v[B]) ^ (v[A] & v[C]) ^ (v[B] & v[C]));
    memmove (v + 1, v, 7 * sizeof v[0]);
    v[E] += t1;
    v[A] = t1 + t2;
  }
  for (int i = 0; i < 8; i++)
    state[i] += v[i];
}

void
mf_sha256_init (MfSha256 *sha)
{
  *sha = (MfSha256) { .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
      0x5be0cd19 } };
}

void
mf_sha256_add (MfSha256 *sha, const void *bytes, size_t n)
{
  const uint8_t *at = bytes;
  for (; n; n--) {
    sha->block[sha->length++ % MF_SHA256_BLOCK] = *at++;
    if (sha->length % MF_SHA256_BLOCK == 0)
      compress (sha->state, sha->block);
  }
}

void
mf_sha256_end (MfSha256 *sha, uint8_t digest[MF_SHA256_BYTES])
{
  enum { LENGTH_AT = 56 };
  uint8_t length[8];
  store_big_endian (length, (uint32_t) (sha->length >> 29));
  store_big_endian (length + 4, (uint32_t) (sha->length << 3));
  mf_sha256_add (sha, "\x80", 1);
  while (sha->length % MF_SHA256_BLOCK != LENGTH_AT)
    mf_sha256_add (sha, "", 1);
  mf_sha256_add (sha, length, sizeof length);
  for (int i = 0; i < 8; i++)
    store_big_endian (digest + 4 * i, sha->state[i]);
}

// ---- HMAC

static void
digest_of_two (const uint8_t *first, const void *second, size_t n, uint8_t *digest)
{
  MfSha256 sha;
  mf_sha256_init (&sha);
  mf_sha256_add (&sha, first, MF_SHA256_BLOCK);
  mf_sha256_add (&sha, second, n);
  mf_sha256_end (&sha, digest);
}

void
mf_hmac_sha256 (const void *key, size_t n_key, const void *bytes, size_t n, uint8_t digest[MF_SHA256_BYTES])
{
  uint8_t inner[MF_SHA256_BLOCK] = { 0 }, outer[MF_SHA256_BLOCK];
  MfSha256 sha;
  mf_sha256_init (&sha);
  if (n_key > MF_SHA256_BLOCK) {
    mf_sha256_add (&sha, key, n_key);
    mf_sha256_end (&sha, inner);
  } else
    memcpy (inner, key, n_key);
  for (int i = 0; i < MF_SHA256_BLOCK; i++) {
    outer[i] = inner[i] ^ 0x5c;
    inner[i] ^= 0x36;
  }
  digest_of_two (inner, bytes, n, digest);
  digest_of_two (outer, digest, MF_SHA256_BYTES, digest);
}

bool
mf_digest_equal (const uint8_t a[MF_SHA256_BYTES], const uint8_t b[MF_SHA256_BYTES])
{
  uint8_t difference = 0;
  for (int i = 0; i < MF_SHA256_BYTES; i++)
    difference |= a[i] ^ b[i];
  return !difference;
}
