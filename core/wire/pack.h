// SPDX-License-Identifier: Apache-2.0
// Compression of blocks, in memory that the caller gives. Without MEMFLOW_WIRE_ZSTD: none.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A block on its way into a zstd frame.
typedef struct {
  void *zstd; // NULL = nothing is packed
  const uint8_t *from;
  uint8_t *to;
  size_t taken, packed, room;
  bool failed; // it does not fit into `room`
} MfPacker;

// A level below zstd's first: half the time, and half as many bytes again.
enum { MF_PACK_FAST = -8 };

// Is compression compiled in?
bool mf_pack_available (void);

// Bytes of working memory, aligned to 8; 0 when nothing is to be done.
size_t mf_pack_bytes (int level);
size_t mf_unpack_bytes (void);

// Makes a packer, an unpacker in that memory. False = level 0, or there is no such level.
bool mf_pack_init (MfPacker *packer, void *memory, int level);
void *mf_unpack_init (void *memory);

// Begins a frame of the bytes at `from`, which do not move, into at most `room` bytes at `to`.
void mf_pack_begin (MfPacker *packer, const void *from, void *to, size_t room);

// Packs the first n bytes of `from`, so that they can be unpacked even if nothing follows.
void mf_pack_flush (MfPacker *packer, size_t n);

// Packs what is left of the n bytes: the packed length; 0 = it did not become shorter.
size_t mf_pack_end (MfPacker *packer, size_t n);

// Unpacks as many bytes as can be had from these: how many.
size_t mf_unpack (void *unpacker, const void *from, size_t n, void *to, size_t room);
