// SPDX-License-Identifier: Apache-2.0
// Any bytes through the serial grammars: no crash, and whatever is delivered as a dump agrees with
// itself.
#include <glib.h>

#include "device-text.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t length);

// Assertions that stay in every build, and end in the debugger or in the fuzzer.
#define MUST(condition)                                                                            \
  G_STMT_START                                                                                     \
  {                                                                                                \
    if (!(condition))                                                                              \
      g_error ("%s", #condition);                                                                  \
  }                                                                                                \
  G_STMT_END

typedef struct {
  size_t budget; // bytes that may still be allocated
  uint64_t last_line;
} Fuzz;

static void *
resize (void *user, void *old, size_t bytes)
{
  Fuzz *self = user;

  if (bytes > self->budget)
    return NULL;
  self->budget -= bytes;
  return g_realloc (old, bytes);
}

static void
sum_blocks (const MfHeapDump *dump, MfHeapDump *sum)
{
  MfDumpBlockIter iter = { 0 };
  MfDumpBlock block;

  while (mf_dump_next_block (dump, &iter, &block)) {
    uint64_t granules = block.size / dump->granule;
    bool is_free = block.state == MF_DUMP_BLOCK_FREE;

    MUST (granules > 0 && block.area < dump->n_areas);
    MUST (block.offset / dump->granule + granules <= dump->areas[block.area].granules);
    sum->counts.used += is_free ? 0 : granules;
    sum->counts.free += is_free ? granules : 0;
    sum->counts.marked += block.state == MF_DUMP_BLOCK_MARKED;
    sum->counts.max_free = is_free ? MAX (sum->counts.max_free, granules) : sum->counts.max_free;
  }
}

static void
check_map (const MfHeapDump *dump)
{
  const MfDumpFigures *figures = &dump->figures;
  MfHeapDump sum = { 0 };
  size_t granules = 0;

  sum_blocks (dump, &sum);
  MUST (dump->granule > 0 && dump->n_granules * dump->granule == figures->total);
  MUST (sum.counts.used == dump->counts.used && sum.counts.free == dump->counts.free);
  MUST (sum.counts.used + sum.counts.free == dump->n_granules);
  for (unsigned i = 0; i < dump->n_areas; i++) {
    MUST (dump->areas[i].first_granule == granules);
    granules += dump->areas[i].granules;
  }
  MUST (granules == dump->n_granules);
  if (sum.counts.marked > 0)
    return; // the header counts by other rules
  MUST (figures->used == sum.counts.used * dump->granule);
  MUST (figures->free == sum.counts.free * dump->granule);
  MUST (figures->max_free == MF_ABSENT || figures->max_free == sum.counts.max_free);
}

static void
check_dump (void *user, const MfHeapDump *dump)
{
  Fuzz *self = user;

  MUST (dump->first_line <= dump->last_line);
  MUST (dump->last_line >= self->last_line);
  self->last_line = dump->last_line;
  if (dump->has_map)
    check_map (dump);
  else
    MUST (dump->figures.used + dump->figures.free == dump->figures.total);
}

static void
check_damage (void *user, const MfDumpDamage *damage)
{
  (void)user;
  MUST (damage->reason[0] != '\0');
  MUST (damage->first_line <= damage->last_line && damage->line >= damage->first_line);
}

static void
check_fault (void *user, const MfTextFault *fault)
{
  (void)user;
  MUST (fault->first_line <= fault->last_line && fault->n_frames <= MF_TEXT_FAULT_FRAMES);
}

// The first byte chooses chunks and memory, the rest is the stream.
int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t length)
{
  Fuzz fuzz = { .budget = 8 << 20 };
  MfTextSink sink = { .user = &fuzz,
    .resize = resize,
    .map_limit = 1 << 20,
    .dump = check_dump,
    .damaged = check_damage,
    .fault = check_fault };
  size_t chunk = length > 0 ? (size_t)1 << (bytes[0] & 15) : 1;
  MfDeviceText *reader = mf_device_text_new (&sink);
  bool going = true;

  for (size_t i = 1; going && i < length; i += chunk)
    going = mf_device_text_feed (reader, bytes + i, MIN (chunk, length - i));
  if (going && length > 0 && bytes[0] & 16)
    going = mf_device_text_end (reader, MF_END_QUIET);
  going = going && mf_device_text_end (reader, MF_END_OF_STREAM);
  MUST (going == (mf_device_text_get_error (reader)[0] == '\0'));
  mf_device_text_free (reader);
  return 0;
}
