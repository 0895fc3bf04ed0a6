// SPDX-License-Identifier: Apache-2.0
// What a recorder and its receiver say to each other before the capture flows: who they are, and from which byte on.
// Four messages of fixed length; docs/recording.md shows them. Pure: bytes in, bytes out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_NONCE_BYTES = 16, MF_PROOF_BYTES = 32, MF_SECRET_MOST = 256 };

// What both ends share. n = 0: nothing, which is enough on one machine.
typedef struct { uint8_t bytes[MF_SECRET_MOST]; uint32_t n; } MfSecret;

// 1. The receiver: a number that was never there before, and whether a proof is needed.
typedef struct { uint8_t nonce[MF_NONCE_BYTES]; uint32_t wants_proof; } MfHello;

// 2. The recorder: which recording this is, and which of its bytes it still has.
typedef struct {
  uint8_t recording[MF_NONCE_BYTES], nonce[MF_NONCE_BYTES];
  uint64_t oldest, end;
} MfClaim;

// 3. The receiver: how many bytes of that recording it has, or why it takes none.
typedef enum { MF_ANSWER_WELCOME, MF_ANSWER_BUSY, MF_ANSWER_REFUSED, MF_N_ANSWERS } MfAnswerKind;
typedef struct { MfAnswerKind kind; uint64_t has; } MfAnswer;

// 4. The recorder: the place in the capture of the byte that follows, behind `preamble` bytes of a new file header.
typedef struct { uint64_t from, preamble; } MfStart;

// After that, the receiver now and then sends how many bytes it has, as a 64-bit number. When the recorder has been told that
// all have arrived, it says goodbye: one more byte.

enum { MF_HELLO_BYTES = 32, MF_CLAIM_BYTES = 96, MF_ANSWER_BYTES = 56, MF_START_BYTES = 16, MF_RECEIPT_BYTES = 8,
  MF_GREETING_MOST = MF_CLAIM_BYTES };

// Fresh random bytes. False = the system has none yet.
bool mf_nonce (uint8_t nonce[MF_NONCE_BYTES]);

void mf_hello_store (const MfHello *hello, uint8_t to[MF_HELLO_BYTES]);
bool mf_hello_load (MfHello *hello, const uint8_t from[MF_HELLO_BYTES]);

// Claim and answer carry a proof of all that was said so far. Loading returns false when it is not one of ours; when it is,
// `*proven` tells whether the other end knows the secret.
void mf_claim_store (const MfClaim *claim, const MfHello *hello, const MfSecret *secret, uint8_t to[MF_CLAIM_BYTES]);
bool mf_claim_load (MfClaim *claim, const MfHello *hello, const MfSecret *secret, const uint8_t from[MF_CLAIM_BYTES],
    bool *proven);
void mf_answer_store (const MfAnswer *answer, const MfHello *hello, const MfClaim *claim, const MfSecret *secret,
    uint8_t to[MF_ANSWER_BYTES]);
bool mf_answer_load (MfAnswer *answer, const MfHello *hello, const MfClaim *claim, const MfSecret *secret,
    const uint8_t from[MF_ANSWER_BYTES], bool *proven);

void mf_start_store (const MfStart *start, uint8_t to[MF_START_BYTES]);
// False: it does not follow from the answer.
bool mf_start_load (MfStart *start, const MfAnswer *answer, const uint8_t from[MF_START_BYTES]);

// Reads the secret from a file that only its owner can read, or from the variable MEMFLOW_SECRET. Neither: the secret
// is empty. NULL, or what is wrong.
const char *mf_secret_read (MfSecret *secret, const char *path);
