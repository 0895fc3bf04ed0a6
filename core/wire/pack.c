// SPDX-License-Identifier: Apache-2.0
// One zstd frame for each block. The static contexts keep zstd off the heap, so that a target's agent
// can use it and a refused allocation is seen by the caller.
#include "pack.h"

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

void *
mf_pack_init (void *memory, int level)
{
  return level ? ZSTD_initStaticCCtx (memory, mf_pack_bytes (level)) : NULL;
}

void *
mf_unpack_init (void *memory)
{
  return ZSTD_initStaticDCtx (memory, mf_unpack_bytes ());
}

size_t
mf_pack (void *packer, int level, const void *from, size_t n, void *to, size_t room)
{
  size_t packed = packer ? ZSTD_compressCCtx (packer, to, room, from, n, level) : 0;
  return ZSTD_isError (packed) ? 0 : packed;
}

bool
mf_unpack (void *unpacker, const void *from, size_t n, void *to, size_t n_raw)
{
  return unpacker && ZSTD_decompressDCtx (unpacker, to, n_raw, from, n) == n_raw;
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

void *
mf_pack_init (void *memory __attribute__ ((unused)), int level __attribute__ ((unused)))
{
  return NULL;
}

void *
mf_unpack_init (void *memory __attribute__ ((unused)))
{
  return NULL;
}

size_t
mf_pack (void *packer __attribute__ ((unused)), int level __attribute__ ((unused)),
    const void *from __attribute__ ((unused)), size_t n __attribute__ ((unused)),
    void *to __attribute__ ((unused)), size_t room __attribute__ ((unused)))
{
  return 0;
}

bool
mf_unpack (void *unpacker __attribute__ ((unused)), const void *from __attribute__ ((unused)),
    size_t n __attribute__ ((unused)), void *to __attribute__ ((unused)),
    size_t n_raw __attribute__ ((unused)))
{
  return false;
}

#endif
