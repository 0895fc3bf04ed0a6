// SPDX-License-Identifier: Apache-2.0
// Little-endian numbers at fixed places, and proofs by HMAC-SHA256 over what was said before them.
#include "greeting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "sha256.h"

#define MAGIC "MFLINK1\n"
enum { MAGIC_BYTES = sizeof MAGIC - 1 };
enum { HELLO_NONCE_AT = 8, HELLO_PROOF_AT = 24 };
enum { CLAIM_RECORDING_AT = 8, CLAIM_NONCE_AT = 24, CLAIM_OLDEST_AT = 40, CLAIM_END_AT = 48, CLAIM_PROOF_AT = 64 };
enum { ANSWER_KIND_AT = 8, ANSWER_HAS_AT = 16, ANSWER_PROOF_AT = 24 };
enum { START_FROM_AT = 0, START_PREAMBLE_AT = 8, PREAMBLE_MOST = 4096 };
_Static_assert (CLAIM_PROOF_AT + MF_PROOF_BYTES == MF_CLAIM_BYTES, "a claim ends in its proof");
_Static_assert (ANSWER_PROOF_AT + MF_PROOF_BYTES == MF_ANSWER_BYTES, "an answer ends in its proof");

bool
mf_nonce (uint8_t nonce[MF_NONCE_BYTES])
{
  return getrandom (nonce, MF_NONCE_BYTES, 0) == MF_NONCE_BYTES;
}

static bool
has_magic (const uint8_t *bytes)
{
  return !memcmp (bytes, MAGIC, MAGIC_BYTES);
}

// ---- hello

void
mf_hello_store (const MfHello *hello, uint8_t to[MF_HELLO_BYTES])
{
  memset (to, 0, MF_HELLO_BYTES);
  memcpy (to, MAGIC, MAGIC_BYTES);
  memcpy (to + HELLO_NONCE_AT, hello->nonce, MF_NONCE_BYTES);
  mf_store32 (to + HELLO_PROOF_AT, hello->wants_proof);
}

bool
mf_hello_load (MfHello *hello, const uint8_t from[MF_HELLO_BYTES])
{
  memcpy (hello->nonce, from + HELLO_NONCE_AT, MF_NONCE_BYTES);
  hello->wants_proof = mf_load32 (from + HELLO_PROOF_AT);
  return has_magic (from) && hello->wants_proof <= 1;
}

// ---- proofs

// Of a message up to its proof, and of the nonces and the claim that it follows.
static void
prove (const MfSecret *secret, const MfHello *hello, const uint8_t *claim, const uint8_t *message, size_t n,
    uint8_t proof[MF_PROOF_BYTES])
{
  uint8_t said[MF_NONCE_BYTES + CLAIM_PROOF_AT + MF_CLAIM_BYTES];
  size_t at = 0;
  memcpy (said, hello->nonce, MF_NONCE_BYTES);
  at += MF_NONCE_BYTES;
  if (claim) {
    memcpy (said + at, claim, CLAIM_PROOF_AT);
    at += CLAIM_PROOF_AT;
  }
  memcpy (said + at, message, n);
  mf_hmac_sha256 (secret->bytes, secret->n, said, at + n, proof);
}

static void
store_claim (const MfClaim *claim, uint8_t to[CLAIM_PROOF_AT])
{
  memset (to, 0, CLAIM_PROOF_AT);
  memcpy (to, MAGIC, MAGIC_BYTES);
  memcpy (to + CLAIM_RECORDING_AT, claim->recording, MF_NONCE_BYTES);
  memcpy (to + CLAIM_NONCE_AT, claim->nonce, MF_NONCE_BYTES);
  mf_store64 (to + CLAIM_OLDEST_AT, claim->oldest);
  mf_store64 (to + CLAIM_END_AT, claim->end);
}

void
mf_claim_store (const MfClaim *claim, const MfHello *hello, const MfSecret *secret, uint8_t to[MF_CLAIM_BYTES])
{
  store_claim (claim, to);
  prove (secret, hello, NULL, to, CLAIM_PROOF_AT, to + CLAIM_PROOF_AT);
}

bool
mf_claim_load (MfClaim *claim, const MfHello *hello, const MfSecret *secret, const uint8_t from[MF_CLAIM_BYTES],
    bool *proven)
{
  uint8_t proof[MF_PROOF_BYTES];
  memcpy (claim->recording, from + CLAIM_RECORDING_AT, MF_NONCE_BYTES);
  memcpy (claim->nonce, from + CLAIM_NONCE_AT, MF_NONCE_BYTES);
  claim->oldest = mf_load64 (from + CLAIM_OLDEST_AT);
  claim->end = mf_load64 (from + CLAIM_END_AT);
  prove (secret, hello, NULL, from, CLAIM_PROOF_AT, proof);
  *proven = mf_digest_equal (proof, from + CLAIM_PROOF_AT);
  return has_magic (from) && claim->oldest <= claim->end;
}

void
mf_answer_store (const MfAnswer *answer, const MfHello *hello, const MfClaim *claim, const MfSecret *secret,
    uint8_t to[MF_ANSWER_BYTES])
{
  uint8_t said[CLAIM_PROOF_AT];
  memset (to, 0, MF_ANSWER_BYTES);
  memcpy (to, MAGIC, MAGIC_BYTES);
  mf_store32 (to + ANSWER_KIND_AT, answer->kind);
  mf_store64 (to + ANSWER_HAS_AT, answer->has);
  store_claim (claim, said);
  prove (secret, hello, said, to, ANSWER_PROOF_AT, to + ANSWER_PROOF_AT);
}

bool
mf_answer_load (MfAnswer *answer, const MfHello *hello, const MfClaim *claim, const MfSecret *secret,
    const uint8_t from[MF_ANSWER_BYTES], bool *proven)
{
  uint8_t said[CLAIM_PROOF_AT], proof[MF_PROOF_BYTES];
  uint32_t kind = mf_load32 (from + ANSWER_KIND_AT);
  *answer = (MfAnswer) { kind < MF_N_ANSWERS ? (MfAnswerKind) kind : MF_ANSWER_REFUSED, mf_load64 (from + ANSWER_HAS_AT) };
  store_claim (claim, said);
  prove (secret, hello, said, from, ANSWER_PROOF_AT, proof);
  *proven = mf_digest_equal (proof, from + ANSWER_PROOF_AT);
  return has_magic (from) && kind < MF_N_ANSWERS;
}

// ---- start

void
mf_start_store (const MfStart *start, uint8_t to[MF_START_BYTES])
{
  mf_store64 (to + START_FROM_AT, start->from);
  mf_store64 (to + START_PREAMBLE_AT, start->preamble);
}

// A preamble is for receivers that have nothing yet; all others go on where they stopped.
bool
mf_start_load (MfStart *start, const MfAnswer *answer, const uint8_t from[MF_START_BYTES])
{
  start->from = mf_load64 (from + START_FROM_AT);
  start->preamble = mf_load64 (from + START_PREAMBLE_AT);
  if (answer->has)
    return start->from == answer->has && !start->preamble;
  return start->preamble <= PREAMBLE_MOST && !start->from == !start->preamble;
}

// ---- the secret

static const char *
take_secret (MfSecret *secret, const uint8_t *text, size_t n)
{
  while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
    n--;
  if (n < 16 || n > MF_SECRET_MOST)
    return "a secret has 16 to 256 bytes: make one with  head -c 24 /dev/urandom | base64";
  memcpy (secret->bytes, text, n);
  secret->n = (uint32_t) n;
  return NULL;
}

static const char *
read_secret_file (MfSecret *secret, int fd)
{
  uint8_t text[MF_SECRET_MOST + 2];
  struct stat about;
  if (fstat (fd, &about))
    return strerror (errno);
  if (about.st_mode & 077)
    return "others can read the secret: take their permissions away with  chmod 600";
  ssize_t n = read (fd, text, sizeof text);
  return n < 0 ? strerror (errno) : take_secret (secret, text, (size_t) n);
}

const char *
mf_secret_read (MfSecret *secret, const char *path)
{
  const char *variable = getenv ("MEMFLOW_SECRET"), *wrong = NULL;
  secret->n = 0;
  if (path) {
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    wrong = fd < 0 ? strerror (errno) : read_secret_file (secret, fd);
    if (fd >= 0)
      close (fd);
  } else if (variable && *variable)
    wrong = take_secret (secret, (const uint8_t *) variable, strlen (variable));
  return wrong;
}
