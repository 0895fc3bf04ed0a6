// SPDX-License-Identifier: Apache-2.0
// The sound beginning of a block that is cut off or damaged: what its seals prove, and nothing
// else.
#include "reader.h"

#include "bytes.h"
#include "pack.h"

// Bytes of r->raw, of which n are there, up to the last seal before the first wrong one.
static uint32_t
sealed_bytes (const MfWireReader *r, uint64_t sequence, uint32_t n)
{
  uint8_t number[8];
  mf_store64 (number, sequence);
  uint32_t sum = mf_crc32c (&r->crc, number, sizeof number), sealed = 0, at = 0;
  while (n - at >= RECORD_HEADER) {
    const uint8_t *from = r->raw + sealed, *body = r->raw + at + RECORD_HEADER;
    uint32_t room = n - at - RECORD_HEADER, length = mf_load32 (r->raw + at + RECORD_LENGTH_AT);
    if (length > room || padded (length) > room)
      break;
    bool seals = mf_load16 (r->raw + at + RECORD_KIND_AT) == RECORD_SEAL;
    at += RECORD_HEADER + (uint32_t) padded (length);
    if (!seals)
      continue;
    sum = mf_crc32c_more (&r->crc, sum, from, (size_t) (body - from));
    if (length != SEAL_BODY || mf_load32 (body + SEAL_CRC_AT) != sum)
      break;
    sealed = at;
  }
  return sealed;
}

uint32_t
mf_wire_salvage (MfWireReader *r, const BlockHeader *header, const uint8_t *stored, size_t n)
{
  bool packed = header->flags == BLOCK_ZSTD;
  if (header->kind != BLOCK_RECORDS
      || (!packed && (header->flags || header->stored != header->raw)))
    return 0;
  if (packed)
    n = mf_unpack (r->unpacker, stored, n, r->raw, header->raw);
  else
    memcpy (r->raw, stored, n);
  return sealed_bytes (r, header->sequence, (uint32_t) n);
}
