// SPDX-License-Identifier: Apache-2.0
// A sorted array of blocks: a process has few maps, and the kernel limits their number.
#include "map-ledger.h"

#include <string.h>

enum { MOST_BLOCKS = 1 << 17, FIRST_ROOM = 16 };

// ---- arithmetic: ranges come from a program and may wrap around

static uint64_t
end_of (uint64_t address, uint64_t size, uint64_t granule)
{
  uint64_t end, more = granule - 1;
  if (__builtin_add_overflow (address, size, &end) || __builtin_add_overflow (end, more, &end))
    return UINT64_MAX - UINT64_MAX % granule;
  return end / granule * granule;
}

static uint64_t
end_of_block (const MfMapLedger *ledger, const MfMapBlock *block)
{
  return end_of (block->address, block->size, ledger->granule);
}

// ---- the array

// Index of the first block that ends behind an address.
static uint32_t
first_behind (const MfMapLedger *ledger, uint64_t address)
{
  uint32_t low = 0, high = ledger->n;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (end_of_block (ledger, &ledger->blocks[middle]) > address)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static bool
make_room (MfMapLedger *ledger, const MfMapListener *listener)
{
  if (ledger->n < ledger->room)
    return true;
  uint32_t room = ledger->room ? ledger->room * 2 : FIRST_ROOM;
  void *blocks = room <= MOST_BLOCKS
                     ? listener->resize (listener->user, ledger->blocks, room * sizeof (MfMapBlock))
                     : NULL;
  if (!blocks)
    return false;
  ledger->blocks = blocks;
  ledger->room = room;
  return true;
}

// Only what the kernel can have mapped is remembered.
static bool
can_be (const MfMapLedger *ledger, const MfMapBlock *block)
{
  uint64_t last = UINT64_MAX - ledger->granule;
  return block->size && block->address % ledger->granule == 0 && block->address <= last
         && block->size < last - block->address;
}

static void
insert (MfMapLedger *ledger, MfMapBlock block, const MfMapListener *listener)
{
  if (!can_be (ledger, &block) || !make_room (ledger, listener))
    return;
  uint32_t at = first_behind (ledger, block.address);
  memmove (&ledger->blocks[at + 1], &ledger->blocks[at], (ledger->n - at) * sizeof block);
  ledger->blocks[at] = block;
  ledger->n++;
}

static void
take_out (MfMapLedger *ledger, uint32_t at)
{
  ledger->n--;
  memmove (&ledger->blocks[at], &ledger->blocks[at + 1], (ledger->n - at) * sizeof (MfMapBlock));
}

// ---- telling

static bool
tell (const MfMapListener *listener, uint16_t op, uint64_t old, MfMapBlock block)
{
  const MfAlloc call = { .op = op,
    .address = { block.address },
    .size = { block.size },
    .granted = MF_SIZE_NONE,
    .old_address = op == MF_OP_REALLOC ? (MfAddress){ old } : MF_ADDRESS_NONE,
    .stack = block.stack };
  return listener->tell (listener->user, &call);
}

// ---- cutting

// What is left of a block after the pages [from, to) are gone: the part before and the part behind.
static bool
cut_block (MfMapLedger *ledger, uint32_t at, uint64_t from, uint64_t to, MfStack stack,
    const MfMapListener *listener)
{
  MfMapBlock whole = ledger->blocks[at], before = whole, behind = whole;
  take_out (ledger, at);
  before.size = from > whole.address ? from - whole.address : 0;
  behind.address = to;
  behind.size = end_of_block (ledger, &whole) > to ? whole.address + whole.size - to : 0;
  insert (ledger, before, listener);
  insert (ledger, behind, listener);
  if (!before.size && !behind.size) {
    whole.stack = stack;
    return tell (listener, MF_OP_FREE, 0, whole);
  }
  if (before.size && !tell (listener, MF_OP_REALLOC, whole.address, before))
    return false;
  if (!behind.size)
    return true;
  return before.size ? tell (listener, MF_OP_ALLOC, 0, behind)
                     : tell (listener, MF_OP_REALLOC, whole.address, behind);
}

// Takes [from, to) out of all blocks. *n counts those that had a part of it.
static bool
cut (MfMapLedger *ledger, uint64_t from, uint64_t to, MfStack stack, uint32_t *n,
    const MfMapListener *listener)
{
  uint32_t at;
  from -= from % ledger->granule;
  while ((at = first_behind (ledger, from)) < ledger->n && ledger->blocks[at].address < to) {
    ++*n;
    if (!cut_block (ledger, at, from, to, stack, listener))
      return false;
  }
  return true;
}

// ---- the calls

bool
mf_map_ledger_map (MfMapLedger *ledger, MfMapBlock block, const MfMapListener *listener)
{
  uint32_t n = 0;
  if (!cut (ledger, block.address, end_of_block (ledger, &block), block.stack, &n, listener))
    return false;
  insert (ledger, block, listener);
  return tell (listener, MF_OP_ALLOC, 0, block);
}

bool
mf_map_ledger_unmap (MfMapLedger *ledger, MfMapBlock range, const MfMapListener *listener)
{
  uint32_t n = 0;
  bool going
      = cut (ledger, range.address, end_of_block (ledger, &range), range.stack, &n, listener);
  return going && (n || tell (listener, MF_OP_FREE, 0, range));
}

static bool
is_whole_block (const MfMapLedger *ledger, uint32_t at, uint64_t old, uint64_t old_size)
{
  return at < ledger->n && ledger->blocks[at].address == old
         && end_of_block (ledger, &ledger->blocks[at]) == end_of (old, old_size, ledger->granule);
}

bool
mf_map_ledger_remap (MfMapLedger *ledger, uint64_t old, uint64_t old_size, MfMapBlock block,
    const MfMapListener *listener)
{
  uint32_t at = first_behind (ledger, old), parts = 0, overlaid = 0;
  bool whole = is_whole_block (ledger, at, old, old_size), going = true;
  if (whole)
    take_out (ledger, at);
  else
    going
        = cut (ledger, old, end_of (old, old_size, ledger->granule), block.stack, &parts, listener);
  if (!going
      || !cut (
          ledger, block.address, end_of_block (ledger, &block), block.stack, &overlaid, listener))
    return false;
  insert (ledger, block, listener);
  return parts ? tell (listener, MF_OP_ALLOC, 0, block)
               : tell (listener, MF_OP_REALLOC, old, block);
}

void
mf_map_ledger_copy (MfMapLedger *to, const MfMapLedger *from, const MfMapListener *listener)
{
  mf_map_ledger_clear (to, listener);
  to->granule = from->granule;
  to->blocks
      = from->n ? listener->resize (listener->user, NULL, from->n * sizeof (MfMapBlock)) : NULL;
  to->n = to->room = to->blocks ? from->n : 0;
  if (to->n)
    memcpy (to->blocks, from->blocks, to->n * sizeof (MfMapBlock));
}

void
mf_map_ledger_clear (MfMapLedger *ledger, const MfMapListener *listener)
{
  if (ledger->blocks)
    listener->resize (listener->user, ledger->blocks, 0);
  *ledger = (MfMapLedger){ .granule = ledger->granule };
}
