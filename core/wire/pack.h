// SPDX-License-Identifier: Apache-2.0
// Compression of one block, in memory that the caller gives. Without MEMFLOW_WIRE_ZSTD: none.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Is compression compiled in?
bool mf_pack_available (void);

// Bytes of working memory, aligned to 8; 0 when nothing is to be done.
size_t mf_pack_bytes (int level);
size_t mf_unpack_bytes (void);

// Makes a packer, an unpacker in that memory.
void *mf_pack_init (void *memory, int level);
void *mf_unpack_init (void *memory);

// Packs n bytes into at most `room`: the packed length; 0 = it does not become shorter than that.
size_t mf_pack (void *packer, int level, const void *from, size_t n, void *to, size_t room);

// Unpacks into exactly n_raw bytes; false = not a packed block of that length.
bool mf_unpack (void *unpacker, const void *from, size_t n, void *to, size_t n_raw);
