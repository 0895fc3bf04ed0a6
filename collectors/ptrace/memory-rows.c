// SPDX-License-Identifier: Apache-2.0
// What the resident set of a process consists of as rows.
#include "heap-rows.h"

#include <inttypes.h>

bool
mf_publish_memory (MfStage *stage, MfHeapPorts *ports, const MfMemoryDivision *division, uint32_t moment, MfTime time)
{
  const MfMemoryParts *parts = &division->parts;
  MfProcessMemory all = { .time = time, .moment = moment, .part = MF_MEMORY_ALL, .resident = { division->map->resident },
    .pieces = division->map->mappings->len, .basis = division->map->by_pages ? MF_MEMORY_BY_PAGES : MF_MEMORY_BY_SHARE };
  if (parts->mapped_chunks_missed)
    mf_log (stage, MF_LOG_WARNING, "%" PRIu64 " chunks with a mapping of their own were not found: they count as anonymous mappings",
        parts->mapped_chunks_missed);
  for (uint32_t i = 0; i < MF_N_PARTS; i++) {
    const MfMemorySum *sum = &parts->sums[i];
    const MfProcessMemory row = { .time = time, .moment = moment, .part = i, .size = { sum->size }, .resident = { sum->resident },
      .own = { sum->own }, .swapped = { sum->swapped }, .pieces = parts->pieces[i], .basis = all.basis };
    all.size.bytes += sum->size;
    all.own.bytes += sum->own;
    all.swapped.bytes += sum->swapped;
    if (!mf_emit (&ports->memory, &row))
      return false;
  }
  return mf_emit (&ports->memory, &all) && mf_flush (stage);
}
