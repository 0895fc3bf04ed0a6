// SPDX-License-Identifier: Apache-2.0
// A plugin that no format has ever heard of: a map, a table, a histogram, a series, a tree and raw
// facts of its own, to be printed by schema alone.
#include <memflow/plugin.h>

typedef struct {
  uint32_t scan, on;
  MfString pool;
  uint32_t reserved;
  MfSize at, length;
} Slab;
MF_EVENT (Slab, "stranger.slab", 1, MF_VIEW_MAP, "Slabs of two pools",
  MF_FIELD (Slab, scan, "number of the scan", .role = MF_ROLE_KEY),
  MF_FIELD_ENUM (Slab, on, "in use or not", .role = MF_ROLE_STATE, MF_LABELS ("idle", "taken")),
  MF_FIELD (Slab, pool, "which pool", .role = MF_ROLE_PART),
  MF_FIELD (Slab, reserved, "always 0", .role = MF_ROLE_HIDDEN),
  MF_FIELD (Slab, at, "from the start of the pool", .role = MF_ROLE_AT),
  MF_FIELD (Slab, length, "bytes", .role = MF_ROLE_EXTENT));

typedef struct {
  MfString stage, type;  // names that the columns of every format use too
  double share;
  MfAddress where;
  MfStack stack;
  uint32_t traits;
  MfText note;
} Guest;
MF_EVENT (Guest, "stranger.guest", 7, MF_VIEW_TABLE, "Guests in the heap",
  MF_FIELD (Guest, stage, "a stage of its own", .role = MF_ROLE_LABEL),
  MF_FIELD (Guest, type, "a type of its own"),
  MF_FIELD (Guest, share, "of the heap", .unit = MF_UNIT_PERCENT),
  MF_FIELD (Guest, where, "address"), MF_FIELD (Guest, stack, "who invited it"),
  MF_FIELD_FLAGS (Guest, traits, "traits", MF_LABELS ("quiet", "large")),
  MF_FIELD (Guest, note, "a remark"));

typedef struct {
  MfTime at;
  MfSize level;
} Tide;
MF_EVENT (Tide, "stranger.tide", 1, MF_VIEW_SERIES, "How high it stands",
  MF_FIELD (Tide, at, "when", .role = MF_ROLE_AT), MF_FIELD (Tide, level, "how high", .role = MF_ROLE_BAR));

typedef struct {
  MfStage stage;
  MF_OUT (Slab) slabs;
  MF_OUT (Guest) guests;
  MF_OUT (Tide) tides;
} Stranger;

static bool
emit_slabs (Stranger *self)
{
  MfString dma = mf_string (self, "dma"), tcm = mf_string (self, "tcm");
  const Slab slabs[] = { { 1, 1, dma, 0, { 0 }, { 512 } }, { 2, 1, dma, 0, { 0 }, { 96 } },
    { 2, 0, dma, 0, { 96 }, { 32 } }, { 2, 0, tcm, 0, { 0 }, { 4096 } } };
  for (size_t i = 0; i < sizeof slabs / sizeof *slabs; i++)
    if (!mf_emit (&self->slabs, &slabs[i]))
      return false;
  return true;
}

static bool
emit_guests (Stranger *self)
{
  static const char note[] = "=1+1, \x1b[31m \xff";
  MfFrame outer = { mf_string (self, "main"), mf_string (self, "main.py"), 7, 0 };
  MfFrame inner = { mf_string (self, "invite"), mf_string (self, "party.py"), 12, 0 };
  MfStack stack = mf_stack (self, mf_stack (self, (MfStack) { 0 }, outer), inner);
  Guest guest = { mf_string (self, "lounge"), mf_string (self, "tall"), 12.5, { 0x20000400 }, stack,
    3, mf_text (&self->guests, note, sizeof note - 1) };
  if (!mf_emit (&self->guests, &guest))
    return false;
  guest = (Guest) { { 0 }, { 0 }, __builtin_nan (""), MF_ADDRESS_NONE, { 0 }, 0, { 0, 0 } };
  return mf_emit (&self->guests, &guest);
}

static bool
stranger_collect (void *stage)
{
  Stranger *self = stage;
  for (int64_t i = 0; i < 300; i++) {
    Tide tide = { { i * 1000 }, { (uint64_t) (i == 150 ? 9999 : i) } };
    if (!mf_emit (&self->tides, &tide))
      return false;
  }
  return emit_slabs (self) && emit_guests (self);
}

MF_PLUGIN (Stranger, "stranger", .kind = MF_COLLECTOR,
  .summary = "event types that nobody knows",
  MF_PUBLISHES (MF_OUTPUT (Stranger, slabs, Slab), MF_OUTPUT (Stranger, guests, Guest),
    MF_OUTPUT (Stranger, tides, Tide)),
  .collect = stranger_collect);
