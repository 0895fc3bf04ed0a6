// SPDX-License-Identifier: Apache-2.0
// Finds the sound blocks of a capture, whatever stands between them, and accounts for every byte.
#include "reader.h"

#include "bytes.h"
#include "pack.h"
#include "rows.h"

#include <stdio.h>

typedef enum { BLOCK_OPEN, BLOCK_SKIPPED, BLOCK_ITEM, BLOCK_FAILED } BlockResult;

// ---- memory

static size_t
reader_bytes (void)
{
  return padded (sizeof (MfWireReader)) + padded (INPUT_BYTES) + MF_WIRE_BLOCK_MAX
         + sizeof (MfIdPair) * (STRING_SLOTS + STACK_SLOTS) + sizeof (AllocReader)
         + mf_unpack_bytes ();
}

MfWireReader *
mf_wire_reader_new (const MfWireReading *reading)
{
  MfWireReader *r = reading->resize (reading->user, NULL, reader_bytes ());
  if (!r)
    return NULL;
  memset (r, 0, sizeof *r);
  r->from = *reading;
  r->foreign = mf_row_foreign (reading->swapped);
  r->input = (uint8_t *) r + padded (sizeof *r);
  r->raw = r->input + padded (INPUT_BYTES);
  r->strings.slots = (MfIdPair *) (r->raw + MF_WIRE_BLOCK_MAX);
  r->stacks.slots = r->strings.slots + STRING_SLOTS;
  r->allocs = (AllocReader *) (r->stacks.slots + STACK_SLOTS);
  r->unpacker = mf_unpack_init (r->allocs + 1);
  mf_crc_table_init (&r->crc);
  return r;
}

void
mf_wire_reader_free (MfWireReader *r)
{
  if (!r)
    return;
  for (uint32_t i = 0; i < MF_WIRE_SCHEMAS_MAX; i++)
    if (r->streams[i].type)
      r->from.resize (r->from.user, r->streams[i].type, 0);
  r->from.resize (r->from.user, r, 0);
}

// ---- the stream

static size_t
available (const MfWireReader *r)
{
  return r->input_end - r->input_at;
}

static const uint8_t *
unread (const MfWireReader *r)
{
  return r->input + r->input_at;
}

static void
make_room (MfWireReader *r, size_t n)
{
  if (r->input_at + n <= INPUT_BYTES)
    return;
  memmove (r->input, unread (r), available (r));
  r->input_end -= r->input_at;
  r->input_at = 0;
}

// Reads until n bytes are unread or the capture ends; false = it cannot be read.
static bool
fill (MfWireReader *r, size_t n)
{
  make_room (r, n);
  while (available (r) < n && !r->at_eof) {
    int64_t got = r->from.read (r->from.user, r->input + r->input_end, INPUT_BYTES - r->input_end);
    if (got < 0 || (uint64_t) got > INPUT_BYTES - r->input_end) {
      strcpy (r->error, "cannot be read");
      return false;
    }
    r->at_eof = !got;
    r->input_end += (size_t) got;
  }
  return true;
}

static void
advance (MfWireReader *r, size_t n)
{
  r->input_at += n;
  r->offset += n;
}

// The next n bytes are of no use. The first reason of a damaged stretch is the one that is told.
static BlockResult
skip_damage (MfWireReader *r, size_t n, const char *reason)
{
  if (!r->damaged) {
    r->damaged = true;
    r->damage_at = r->offset;
    r->damage_reason = reason;
  }
  advance (r, n);
  return BLOCK_SKIPPED;
}

static BlockResult
damage_item (
    MfWireItem *item, uint64_t offset, uint64_t length, uint64_t blocks, const char *reason)
{
  *item = (MfWireItem){ .kind = MF_WIRE_DAMAGE, .damage = { offset, length, blocks, reason } };
  return BLOCK_ITEM;
}

// Tells of the damaged stretch that ends here; `sequence` is the number of the block that follows.
static BlockResult
tell_damage (MfWireReader *r, MfWireItem *item, uint64_t sequence)
{
  uint64_t from = r->damaged ? r->damage_at : r->offset, blocks = sequence - r->sequence;
  const char *reason = r->damaged ? r->damage_reason : "numbered blocks are missing";
  r->damaged = false;
  r->sequence = sequence;
  return damage_item (item, from, r->offset - from, blocks, reason);
}

// ---- headers

static BlockResult
read_file_header (MfWireReader *r)
{
  r->begun = true;
  if (!fill (r, FILE_HEADER))
    return BLOCK_FAILED;
  const uint8_t *at = unread (r);
  if (!available (r))
    return BLOCK_SKIPPED;
  if (available (r) < FILE_HEADER || memcmp (at, FILE_MAGIC, FILE_MAJOR_AT)
      || mf_load32 (at + FILE_CRC_AT) != mf_crc32c (&r->crc, at, FILE_CRC_AT))
    return skip_damage (r, 1, "the file header is damaged");
  uint16_t major = mf_load16 (at + FILE_MAJOR_AT), minor = mf_load16 (at + FILE_MINOR_AT);
  r->newer = minor > MF_WIRE_MINOR;
  advance (r, FILE_HEADER);
  if (major == MF_WIRE_MAJOR)
    return BLOCK_SKIPPED;
  snprintf (r->error, sizeof r->error,
      "is in capture format %u.%u, but this version reads only %d.x: "
      "use the memflow that wrote it, or a newer one",
      major, minor, MF_WIRE_MAJOR);
  return BLOCK_FAILED;
}

static bool
parse_block_header (const MfWireReader *r, const uint8_t *at, size_t n, BlockHeader *header)
{
  if (n < BLOCK_HEADER || memcmp (at, BLOCK_MAGIC, BLOCK_KIND_AT)
      || mf_load32 (at + BLOCK_HEADER_CRC_AT) != mf_crc32c (&r->crc, at, BLOCK_HEADER_CRC_AT))
    return false;
  *header = (BlockHeader){ at[BLOCK_KIND_AT], at[BLOCK_FLAGS_AT], mf_load32 (at + BLOCK_STORED_AT),
    mf_load32 (at + BLOCK_RAW_AT), mf_load32 (at + BLOCK_CRC_AT),
    mf_load64 (at + BLOCK_SEQUENCE_AT) };
  return header->stored && header->stored <= MF_WIRE_BLOCK_MAX && header->raw
         && header->raw <= MF_WIRE_BLOCK_MAX && header->sequence < UINT64_MAX;
}

// To the next place where a block could begin.
static BlockResult
skip_to_magic (MfWireReader *r)
{
  const uint8_t *at = unread (r);
  size_t n = available (r), keep = sizeof BLOCK_MAGIC - 2;
  const uint8_t *found = n > 1 ? memmem (at + 1, n - 1, BLOCK_MAGIC, sizeof BLOCK_MAGIC - 1) : NULL;
  size_t useless = r->at_eof || n <= keep ? n : n - keep;
  return skip_damage (r, found ? (size_t) (found - at) : useless, "no block begins here");
}

// ---- blocks

static void
open_records (MfWireReader *r, const BlockHeader *header, uint32_t raw_end)
{
  r->sequence++;
  r->block_at = r->offset;
  r->block_bytes = BLOCK_HEADER + header->stored;
  r->raw_at = 0;
  r->raw_end = raw_end;
  mf_alloc_reader_restart (r->allocs);
  mf_id_map_open (&r->strings, header->raw / 16);
  mf_id_map_open (&r->stacks, header->raw / (RECORD_HEADER + FRAME_BODY));
}

// Opens the sealed records at the beginning of a damaged block: are there any?
static bool
open_salvaged (MfWireReader *r, const BlockHeader *header)
{
  size_t there = available (r) - BLOCK_HEADER;
  there = there < header->stored ? there : header->stored;
  uint32_t sealed = mf_wire_salvage (r, header, unread (r) + BLOCK_HEADER, there);
  if (sealed)
    open_records (r, header, sealed);
  return sealed;
}

static BlockResult
skip_cut_block (MfWireReader *r, const BlockHeader *header)
{
  return skip_damage (r, 1,
      open_salvaged (r, header) ? "a block is cut off; its first records are used"
                                : "a block is cut off");
}

// A block whose contents are damaged: its length is to be believed if something sensible follows
// it.
static BlockResult
skip_damaged_block (MfWireReader *r, const BlockHeader *header)
{
  size_t whole = BLOCK_HEADER + (size_t) header->stored;
  if (!fill (r, whole + BLOCK_HEADER))
    return BLOCK_FAILED;
  BlockHeader next;
  bool sensible = available (r) == whole
                  || parse_block_header (r, unread (r) + whole, available (r) - whole, &next);
  return skip_damage (r, sensible ? whole : 1,
      open_salvaged (r, header)
          ? "the checksum of a block does not match its bytes; its first records are used"
          : "the checksum of a block does not match its bytes");
}

static bool
unpack (MfWireReader *r, const BlockHeader *header, const uint8_t *stored)
{
  if (header->flags & BLOCK_ZSTD)
    return mf_unpack (r->unpacker, stored, header->stored, r->raw, header->raw) == header->raw;
  if (header->stored == header->raw)
    memcpy (r->raw, stored, header->raw);
  return header->stored == header->raw;
}

static BlockResult
open_block (MfWireReader *r, const BlockHeader *header)
{
  const uint8_t *stored = unread (r) + BLOCK_HEADER;
  size_t whole = BLOCK_HEADER + (size_t) header->stored;
  if (header->kind != BLOCK_RECORDS || header->flags & ~BLOCK_ZSTD) {
    r->sequence++;
    r->skipped++;
    advance (r, whole);
    return BLOCK_SKIPPED;
  }
  if (header->flags & BLOCK_ZSTD && !mf_pack_available ()) {
    strcpy (
        r->error, "is compressed, but this build has no zstd: build it with MEMFLOW_WIRE_ZSTD=ON");
    return BLOCK_FAILED;
  }
  if (!unpack (r, header, stored))
    return skip_damage (r, whole, "a block cannot be unpacked");
  open_records (r, header, header->raw);
  advance (r, whole);
  return BLOCK_OPEN;
}

static BlockResult
next_block (MfWireReader *r, MfWireItem *item)
{
  BlockHeader header;
  if (!parse_block_header (r, unread (r), available (r), &header))
    return skip_to_magic (r);
  if (header.sequence < r->sequence)
    return skip_damage (r, 1, "a block has a number that was there before");
  if (r->damaged || header.sequence > r->sequence)
    return tell_damage (r, item, header.sequence);
  if (!fill (r, BLOCK_HEADER + (size_t) header.stored))
    return BLOCK_FAILED;
  if (available (r) < BLOCK_HEADER + (size_t) header.stored)
    return skip_cut_block (r, &header);
  if (header.crc != mf_crc32c (&r->crc, unread (r) + BLOCK_HEADER, header.stored))
    return skip_damaged_block (r, &header);
  return open_block (r, &header);
}

static BlockResult
find_block (MfWireReader *r, MfWireItem *item)
{
  if (!r->begun)
    return read_file_header (r);
  if (!fill (r, BLOCK_HEADER))
    return BLOCK_FAILED;
  if (available (r))
    return r->ended ? skip_damage (r, available (r), "bytes follow the totals")
                    : next_block (r, item);
  if (r->damaged)
    return tell_damage (r, item, r->sequence);
  if (!r->ended && !r->told_end) {
    r->told_end = true;
    return damage_item (
        item, r->offset, 0, 0, "the capture stops before its totals: its end is missing");
  }
  *item = (MfWireItem){ .kind = MF_WIRE_DONE };
  return BLOCK_ITEM;
}

// ---- items

static bool
read_record (MfWireReader *r, MfWireItem *item)
{
  RecordResult result = mf_wire_decode (r, item);
  if (result == RECORD_FAILED)
    *item = (MfWireItem){ .kind = MF_WIRE_FAILED };
  if (result == RECORD_MALFORMED) {
    damage_item (item, r->block_at, r->block_bytes, 0, r->malformed);
    r->raw_at = r->raw_end;
  }
  return result != RECORD_DONE;
}

MfWireItemKind
mf_wire_read (MfWireReader *r, MfWireItem *item)
{
  if (r->error[0]) {
    *item = (MfWireItem){ .kind = MF_WIRE_FAILED };
    return item->kind;
  }
  for (;;) {
    if (r->raw_at < r->raw_end) {
      if (read_record (r, item))
        return item->kind;
      continue;
    }
    BlockResult result = find_block (r, item);
    if (result == BLOCK_FAILED)
      *item = (MfWireItem){ .kind = MF_WIRE_FAILED };
    if (result == BLOCK_FAILED || result == BLOCK_ITEM)
      return item->kind;
  }
}

uint64_t
mf_wire_reader_offset (const MfWireReader *r)
{
  return r->offset;
}

const char *
mf_wire_reader_error (const MfWireReader *r)
{
  return r->error;
}

uint64_t
mf_wire_reader_skipped (const MfWireReader *r)
{
  return r->skipped;
}

int
mf_wire_probe (const uint8_t *head, size_t n)
{
  return n >= FILE_MAJOR_AT && !memcmp (head, FILE_MAGIC, FILE_MAJOR_AT) ? 100 : 0;
}
