// SPDX-License-Identifier: Apache-2.0
// Which objects are asked for, and the ways to them, put together.
#pragma once

#include "object-graph.h"

typedef struct {
  char *way;            // to one of them; NULL = reached from no module and no frame
  const MfRemoteType *type;
  uint64_t address;     // of that one, 0 = none
  uint64_t count, bytes;
  bool holds;           // the way was still there when it was read again
} MfAliveRow;

// By `wanted`: a type's name ("Session", "collections.deque"), an address ("0x7f…"), or "arenas": all that is in arenas of which less than
// a quarter is used, which it keeps from being given back. The ways with the most bytes come first, at
// most `most`; the last row has those of no way. Of MfAliveRow; free with g_array_unref.
GArray *mf_alive_rows (const MfObjectGraph *graph, const MfPymallocHeap *heap, const char *wanted, uint32_t most, uint32_t *ways);
