// SPDX-License-Identifier: Apache-2.0
// The maps of a process, or the pieces of its break: what the kernel cuts anywhere becomes calls
// that each are about one whole block. GLib-free.
#pragma once

#include <memflow/event.h>
#include <memflow/events.h>

typedef struct {
  uint64_t address, size;
  MfStack stack;
  uint32_t reserved;
} MfMapBlock;

// Zeroed = empty. `granule` = bytes that the kernel rounds to: a page, or 1 for the break. Memory
// comes from `resize`.
typedef struct {
  MfMapBlock *blocks; // by address; they do not overlap
  uint32_t n, room;
  uint64_t granule;
} MfMapLedger;

// Who learns of the calls. `call` has op, address, old_address, size and stack; false = stop.
typedef struct {
  void *user;
  void *(*resize) (void *user, void *old, size_t bytes);
  bool (*tell) (void *user, const MfAlloc *call);
} MfMapListener;

// Each tells what a call of the kernel means for single blocks, and returns false when the listener
// said stop. Where blocks lay that are not known, or that there was no memory to remember, the call
// is told as it was made.
//
// New pages. What lay there is gone, and told as freed before.
bool mf_map_ledger_map (MfMapLedger *ledger, MfMapBlock block, const MfMapListener *listener);
// Pages are gone. A whole block is freed with the size that was requested for it; a block of which
// a part is gone is told as a realloc to what is left of it, by the stack that it came from; the
// part behind a hole becomes a block of its own.
bool mf_map_ledger_unmap (MfMapLedger *ledger, MfMapBlock range, const MfMapListener *listener);
// Pages moved, grew or shrank: a realloc of a whole block. A part of one leaves it as above and
// becomes a block of its own.
bool mf_map_ledger_remap (MfMapLedger *ledger, uint64_t old, uint64_t old_size, MfMapBlock block,
    const MfMapListener *listener);

// A copy, as a forked child has it. What there is no memory for is left out.
void mf_map_ledger_copy (MfMapLedger *to, const MfMapLedger *from, const MfMapListener *listener);
void mf_map_ledger_clear (MfMapLedger *ledger, const MfMapListener *listener);
