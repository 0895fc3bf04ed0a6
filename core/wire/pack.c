// SPDX-License-Identifier: Apache-2.0
// One zstd frame for each block. The static contexts keep zstd off the heap, so that a target's
// agent can use it and a refused allocation is seen by the caller.
#include "pack.h"

#include "wire.h"

#ifdef MEMFLOW_WIRE_ZSTD

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

bool
mf_pack_available (void)
{
  return true;
}

size_t
mf_pack_bytes (int level)
{
  return level ? (ZSTD_estimateCCtxSize (level) + 7) & ~(size_t) 7 : 0;
}

size_t
mf_unpack_bytes (void)
{
  return (ZSTD_estimateDCtxSize () + 7) & ~(size_t) 7;
}

// Neither the block nor the packed bytes are copied: both buffers stay where they are. Who asks for
// the fastest level gets a table of 16 KiB, which stays in a processor's first cache.
bool
mf_pack_init (MfPacker *packer, void *memory, int level)
{
  static const ZSTD_cParameter STABLE[] = { ZSTD_c_stableInBuffer, ZSTD_c_stableOutBuffer };
  enum { FASTEST = 1, SMALL_TABLE = 12 };
  packer->zstd = level ? ZSTD_initStaticCCtx (memory, mf_pack_bytes (level)) : NULL;
  bool set
      = packer->zstd
        && !ZSTD_isError (ZSTD_CCtx_setParameter (packer->zstd, ZSTD_c_compressionLevel, level));
  for (size_t i = 0; set && i < sizeof STABLE / sizeof STABLE[0]; i++)
    set = !ZSTD_isError (ZSTD_CCtx_setParameter (packer->zstd, STABLE[i], 1));
  if (set && level == FASTEST)
    set = !ZSTD_isError (ZSTD_CCtx_setParameter (packer->zstd, ZSTD_c_hashLog, SMALL_TABLE));
  return set
         && !ZSTD_isError (
             ZSTD_CCtx_setParameter (packer->zstd, ZSTD_c_srcSizeHint, MF_WIRE_BLOCK_TARGET));
}

void *
mf_unpack_init (void *memory)
{
  return ZSTD_initStaticDCtx (memory, mf_unpack_bytes ());
}

void
mf_pack_begin (MfPacker *packer, const void *from, void *to, size_t room)
{
  *packer = (MfPacker){ .zstd = packer->zstd, .from = from, .to = to, .room = room };
  packer->failed
      = !packer->zstd || ZSTD_isError (ZSTD_CCtx_reset (packer->zstd, ZSTD_reset_session_only));
}

static void
pack (MfPacker *packer, size_t n, ZSTD_EndDirective end)
{
  ZSTD_inBuffer in = { packer->from, n, packer->taken };
  ZSTD_outBuffer out = { packer->to, packer->room, packer->packed };
  if (packer->failed)
    return;
  packer->failed = ZSTD_compressStream2 (packer->zstd, &out, &in, end) != 0;
  packer->taken = in.pos;
  packer->packed = out.pos;
}

void
mf_pack_flush (MfPacker *packer, size_t n)
{
  pack (packer, n, ZSTD_e_flush);
}

size_t
mf_pack_end (MfPacker *packer, size_t n)
{
  pack (packer, n, ZSTD_e_end);
  return packer->failed || packer->packed >= n ? 0 : packer->packed;
}

size_t
mf_unpack (void *unpacker, const void *from, size_t n, void *to, size_t room)
{
  size_t at = 0, done = 0, want;
  if (!unpacker || ZSTD_isError (ZSTD_decompressBegin (unpacker)))
    return 0;
  while ((want = ZSTD_nextSrcSizeToDecompress (unpacker)) && want <= n - at) {
    size_t got = ZSTD_decompressContinue (
        unpacker, (uint8_t *) to + done, room - done, (const uint8_t *) from + at, want);
    if (ZSTD_isError (got))
      break;
    at += want;
    done += got;
  }
  return done;
}

#else

bool
mf_pack_available (void)
{
  return false;
}

size_t
mf_pack_bytes (int level __attribute__ ((unused)))
{
  return 0;
}

size_t
mf_unpack_bytes (void)
{
  return 0;
}

bool
mf_pack_init (
    MfPacker *packer, void *memory __attribute__ ((unused)), int level __attribute__ ((unused)))
{
  packer->zstd = NULL;
  return false;
}

void *
mf_unpack_init (void *memory __attribute__ ((unused)))
{
  return NULL;
}

void
mf_pack_begin (MfPacker *packer __attribute__ ((unused)), const void *from __attribute__ ((unused)),
    void *to __attribute__ ((unused)), size_t room __attribute__ ((unused)))
{
}

void
mf_pack_flush (MfPacker *packer __attribute__ ((unused)), size_t n __attribute__ ((unused)))
{
}

size_t
mf_pack_end (MfPacker *packer __attribute__ ((unused)), size_t n __attribute__ ((unused)))
{
  return 0;
}

size_t
mf_unpack (void *unpacker __attribute__ ((unused)), const void *from __attribute__ ((unused)),
    size_t n __attribute__ ((unused)), void *to __attribute__ ((unused)),
    size_t room __attribute__ ((unused)))
{
  return 0;
}

#endif
