// SPDX-License-Identifier: Apache-2.0
// Zip archives (PKWARE APPNOTE 4.3): the central directory says what there is, local headers where
// it begins.
#include "zip.h"

#include <string.h>
#include <zlib.h>

enum { END_BYTES = 22, COMMENT_MAX = 65535, ENTRY_BYTES = 46, LOCAL_BYTES = 30 };
enum { END_MARK = 0x06054b50, ENTRY_MARK = 0x02014b50, LOCAL_MARK = 0x04034b50 };
enum { STORED = 0, DEFLATED = 8, ENCRYPTED = 1 };

static uint32_t
u16_at (const uint8_t *at)
{
  return at[0] | (uint32_t) at[1] << 8;
}

static uint32_t
u32_at (const uint8_t *at)
{
  return u16_at (at) | u16_at (at + 2) << 16;
}

static bool
fail (PycZip *zip, const char *why)
{
  zip->error = why;
  return false;
}

// The end record stands last; only a comment may follow it, whose length it tells.
static const uint8_t *
find_end (const uint8_t *bytes, size_t n)
{
  for (size_t back = END_BYTES; back <= n && back <= END_BYTES + COMMENT_MAX; back++) {
    const uint8_t *at = bytes + n - back;
    if (u32_at (at) == END_MARK && u16_at (at + 20) == back - END_BYTES)
      return at;
  }
  return NULL;
}

bool
pyc_zip_open (PycZip *zip, const uint8_t *bytes, size_t n)
{
  *zip = (PycZip){ .bytes = bytes, .n = n };
  const uint8_t *end = find_end (bytes, n);
  if (!end)
    return fail (zip, "it is not a zip archive, or was cut off (no end of its directory)");
  uint32_t size = u32_at (end + 12), offset = u32_at (end + 16);
  zip->left = u16_at (end + 10);
  if (zip->left == UINT16_MAX || offset == UINT32_MAX)
    return fail (zip, "it is an archive of the form zip64, which is not read");
  if (u16_at (end + 4) || u16_at (end + 8) != zip->left)
    return fail (zip, "it is one part of an archive in several");
  zip->end = (size_t) (end - bytes);
  if (offset > zip->end || size > zip->end - offset)
    return fail (zip, "its directory lies outside of it");
  zip->at = offset;
  return true;
}

// Where the bytes of the entry are: behind a header of its own with a name and extra fields.
static bool
find_packed (PycZip *zip, uint32_t offset, PycZipEntry *entry)
{
  if (zip->n < LOCAL_BYTES || offset > zip->n - LOCAL_BYTES
      || u32_at (zip->bytes + offset) != LOCAL_MARK)
    return fail (zip, "a member is not where its directory says");
  const uint8_t *local = zip->bytes + offset;
  size_t start = offset + LOCAL_BYTES + u16_at (local + 26) + u16_at (local + 28);
  if (start > zip->n || entry->packed_n > zip->n - start)
    return fail (zip, "a member is cut off");
  entry->packed = zip->bytes + start;
  return true;
}

bool
pyc_zip_next (PycZip *zip, PycZipEntry *entry)
{
  if (!zip->left || zip->error)
    return false;
  const uint8_t *at = zip->bytes + zip->at;
  if (zip->end - zip->at < ENTRY_BYTES || u32_at (at) != ENTRY_MARK)
    return fail (zip, "its directory is damaged");
  size_t name_n = u16_at (at + 28),
         size = ENTRY_BYTES + name_n + u16_at (at + 30) + u16_at (at + 32);
  if (size > zip->end - zip->at)
    return fail (zip, "its directory is cut off");
  *entry = (PycZipEntry){ .name = (const char *) at + ENTRY_BYTES,
    .name_n = name_n,
    .packed_n = u32_at (at + 20),
    .n = u32_at (at + 24),
    .crc = u32_at (at + 16),
    .method = (uint16_t) u16_at (at + 10),
    .encrypted = u16_at (at + 8) & ENCRYPTED };
  zip->at += size;
  zip->left--;
  return find_packed (zip, u32_at (at + 42), entry);
}

// Without the headers of zlib; ends exactly where the entry does.
static bool
inflate_to (const PycZipEntry *entry, uint8_t *to)
{
  z_stream stream = { .next_in = (Bytef *) entry->packed,
    .avail_in = (uInt) entry->packed_n,
    .next_out = to,
    .avail_out = (uInt) entry->n };
  if (inflateInit2 (&stream, -MAX_WBITS) != Z_OK)
    return false;
  int result = inflate (&stream, Z_FINISH);
  inflateEnd (&stream);
  return result == Z_STREAM_END && !stream.avail_out;
}

const char *
pyc_zip_unpack (const PycZipEntry *entry, uint8_t *to)
{
  if (entry->encrypted)
    return "it is encrypted";
  if (entry->method != STORED && entry->method != DEFLATED)
    return "it is compressed in a way that is not read (only deflate is)";
  if (entry->method == STORED && entry->packed_n != entry->n)
    return "its two sizes differ although it is not compressed";
  if (entry->method == STORED && entry->n)
    memcpy (to, entry->packed, entry->n);
  if (entry->method == DEFLATED && !inflate_to (entry, to))
    return "it is damaged: it does not unpack to the size that it states";
  return crc32 (0, to, (uInt) entry->n) == entry->crc ? NULL
                                                      : "it is damaged: its checksum is wrong";
}
