// SPDX-License-Identifier: Apache-2.0
// Turns what the grammars recognise into rows. A dump becomes rows only when it is whole:
// its blocks first, then the snapshot row that closes it.
#include "serial.h"

#include <inttypes.h>
#include <stdio.h>

enum {
  MAX_NAMES = 10000, // new texts of a device that are interned: it may invent one for each line
  MAX_DAMAGE_LOGS = 20
};

// clang-format off
static const struct {
  char code;
  const char *kind;
} kinds[] = {
  { 'T', "tuple" },
  { 'L', "list" },
  { 'D', "dict" },
  { 'S', "str/bytes" },
  { 'A', "bytearray/array" },
  { 'F', "float" },
  { 'B', "function" },
  { 'M', "module" },
  { 'h', "data" },
  { 'm', "marked" },
  { 'Q', "qstr" },
  { 'q', "qstr" },
};
// clang-format on

static void
stamp (Serial *self)
{
  self->time = mf_serial_is_live (self) ? mf_now (self) : MF_TIME_NONE;
}

static MfSize
size_or_none (uint64_t bytes)
{
  return bytes == MF_ABSENT ? MF_SIZE_NONE : (MfSize){ bytes };
}

// All bits set means "not known" in the rows, too.
static uint32_t
small (uint64_t n)
{
  return n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}

static MfSize
granules (uint64_t n, uint32_t granule)
{
  uint64_t bytes;

  if (n == MF_ABSENT || granule == 0 || __builtin_mul_overflow (n, granule, &bytes))
    return MF_SIZE_NONE;
  return (MfSize){ bytes };
}

// A name that the device chose. Interned names stay for the whole run, hence the limit.
static MfString
device_name (Serial *self, const char *text)
{
  MfString name = { 0 };

  if (self->new_names >= MAX_NAMES || text[0] == '\0')
    return name;
  name = mf_string (self, text);
  if (name.id > self->newest_name) {
    self->newest_name = name.id;
    self->new_names++;
  }
  if (self->new_names == MAX_NAMES)
    mf_log (self, MF_LOG_WARNING,
        "%s: the device has used %d different names: further ones are left out", self->device.path,
        MAX_NAMES);
  return name;
}

static bool
is_done (const Serial *self)
{
  return self->halted || mf_serial_has_enough (self);
}

// ---- starts of the device

static void
publish_boot (Serial *self)
{
  g_autofree char *version = NULL;
  MfDeviceBoot row = {
    .time = self->time,
    .epoch = self->epoch,
    .line = small (self->boot.line),
    .soft = self->boot.soft,
  };

  self->boot_pending = false;
  self->version_known |= self->boot.has_banner;
  if (self->boot.has_banner) {
    version = g_strdup_printf ("%s %s", self->boot.firmware, self->boot.version);
    row.version = device_name (self, version);
    row.board = device_name (self, self->boot.board);
    row.mcu = device_name (self, self->boot.mcu);
  }
  self->halted |= !mf_emit (&self->boots, &row);
  self->published_in_epoch++;
}

static void
settle_boot (Serial *self)
{
  if (self->boot_pending)
    publish_boot (self);
}

void
mf_serial_begin_epoch (Serial *self)
{
  settle_boot (self);
  if (self->published_in_epoch == 0)
    return;
  self->epoch++;
  self->published_in_epoch = 0;
  self->version_known = false;
  mf_context (self, self->input, self->epoch);
}

// "soft reboot" waits for its banner, so that one start is one row. A banner that is no start (at
// the end of a raw prompt, or after our own Ctrl-C) still tells the version, once.
static void
take_boot (void *user, const MfTextBoot *boot)
{
  Serial *self = user;
  bool starts = boot->rebooted && !self->interrupting;
  bool completes = !starts && self->boot_pending;
  MfTextBoot announced = self->boot;

  if (is_done (self) || (!starts && !completes && self->version_known))
    return;
  if (starts)
    mf_serial_begin_epoch (self);
  stamp (self);
  self->boot = *boot;
  if (completes) {
    self->boot.line = announced.line;
    self->boot.soft = announced.soft;
  }
  self->boot_pending = !boot->has_banner;
  if (boot->has_banner)
    publish_boot (self);
}

// ---- dumps

static bool
publish_regions (Serial *self, const MfHeapDump *dump, const uint32_t *blocks)
{
  for (unsigned i = 0; i < dump->n_areas; i++) {
    const MfDumpArea *area = &dump->areas[i];
    MfHeapRegion row = {
      .snapshot = self->snapshot,
      .region = i,
      .address = area->base == MF_ABSENT ? MF_ADDRESS_NONE : (MfAddress){ area->base },
      .size = granules (area->granules, dump->granule),
      .blocks = blocks[i],
    };

    if (!mf_emit (&self->regions, &row))
      return false;
  }
  return true;
}

static bool
publish_blocks (Serial *self, const MfHeapDump *dump, uint32_t *blocks)
{
  MfDumpBlockIter iter = { 0 };
  MfDumpBlock block;

  while (mf_dump_next_block (dump, &iter, &block)) {
    MfHeapBlock *row = mf_reserve (&self->blocks);

    if (!row)
      return false;
    *row = (MfHeapBlock){ .snapshot = self->snapshot,
      .region = block.area,
      .offset = { block.offset },
      .size = { block.size },
      .kind = self->kinds[block.code & 0x7f],
      .state = block.state };
    mf_commit (&self->blocks);
    blocks[block.area]++;
  }
  return true;
}

// After a collection of ours nothing is left to collect; of others' we cannot be certain.
static uint32_t
flags_of (const Serial *self, const MfHeapDump *dump)
{
  bool collected = self->asking && self->collect;

  return (dump->counts.marked > 0 ? MF_SNAPSHOT_COLLECTING : 0)
         | (dump->headerless ? MF_SNAPSHOT_UNCHECKED : 0)
         | (collected ? 0 : MF_SNAPSHOT_COLLECTABLE);
}

static bool
close_snapshot (Serial *self, const MfHeapDump *dump, uint32_t n_blocks)
{
  MfHeapSnapshot row = {
    .time = self->time,
    .total = granules (dump->n_granules, dump->granule),
    .used = granules (dump->counts.used, dump->granule),
    .free = granules (dump->counts.free, dump->granule),
    .growable = size_or_none (dump->figures.max_new_split),
    .heap = self->heap,
    .allocator = self->allocator,
    .snapshot = self->snapshot,
    .ordinal = self->ordinal,
    .regions = dump->n_areas,
    .blocks = n_blocks,
    .granule = dump->granule,
    .line = small (dump->first_line),
    .last_line = small (dump->last_line),
    .flags = flags_of (self, dump),
    .sequence = self->sequence,
  };

  return mf_flush (self) && mf_emit (&self->snapshots, &row) && mf_flush (self);
}

static bool
publish_map (Serial *self, const MfHeapDump *dump)
{
  uint32_t *blocks = mf_resize (self, NULL, dump->n_areas * sizeof *blocks);
  uint32_t n_blocks = 0;
  bool published;

  if (!blocks)
    return mf_fail (self, "cannot publish the heap dump at %s:%" PRIu64 ": no memory for %u areas",
        self->device.path, dump->first_line, dump->n_areas);
  memset (blocks, 0, dump->n_areas * sizeof *blocks);
  self->snapshot++;
  published = publish_blocks (self, dump, blocks) && publish_regions (self, dump, blocks);
  for (unsigned i = 0; i < dump->n_areas; i++)
    n_blocks += blocks[i];
  mf_resize (self, blocks, 0);
  return published && close_snapshot (self, dump, n_blocks);
}

// wasm builds up to 1.26 print a negative stack as a huge number and no limit.
static MfSize
stack_used (const MfDumpFigures *figures)
{
  bool plausible = figures->stack_limit == MF_ABSENT ? figures->stack_used <= INT32_MAX
                                                     : figures->stack_used <= figures->stack_limit;

  return plausible ? size_or_none (figures->stack_used) : MF_SIZE_NONE;
}

static bool
publish_stats (Serial *self, const MfHeapDump *dump)
{
  const MfDumpFigures *figures = &dump->figures;
  MfHeapStats row = {
    .time = self->time,
    .total = size_or_none (figures->total),
    .used = size_or_none (figures->used),
    .free = size_or_none (figures->free),
    .largest_free = granules (figures->max_free, dump->granule),
    .min_ever_free = MF_SIZE_NONE,
    .growable = size_or_none (figures->max_new_split),
    .requested = size_or_none (figures->mem_current),
    .requested_peak = size_or_none (figures->mem_peak),
    .stack_used = stack_used (figures),
    .stack_limit = size_or_none (figures->stack_limit),
    .heap = self->heap,
    .ordinal = self->ordinal,
    .free_runs = dump->has_map ? small (dump->counts.free_runs) : UINT32_MAX,
    .used_blocks = dump->has_map ? small (dump->counts.blocks) : UINT32_MAX,
    .granule = dump->granule ? dump->granule : UINT32_MAX,
    .line = small (dump->first_line),
  };

  return mf_emit (&self->stats, &row);
}

static void
begin_event (Serial *self)
{
  settle_boot (self);
  stamp (self);
  self->sequence++;
  self->published_in_epoch++;
}

static void
take_dump (void *user, const MfHeapDump *dump)
{
  Serial *self = user;

  if (is_done (self))
    return;
  begin_event (self);
  self->ordinal++;
  self->good_dumps++;
  self->halted = !publish_stats (self, dump)
                 || (dump->has_map && dump->granule > 0 && !publish_map (self, dump));
}

static void
log_damage (Serial *self, const MfDumpDamage *damage)
{
  if (self->damaged_dumps == 0)
    snprintf (self->first_damage, sizeof self->first_damage, "line %" PRIu64 ": %s", damage->line,
        damage->reason);
  if (self->damaged_dumps < MAX_DAMAGE_LOGS)
    mf_log (self, MF_LOG_WARNING,
        "%s:%" PRIu64 ": heap dump (lines %" PRIu64 " to %" PRIu64 ") is damaged and left out: %s",
        self->device.path, damage->line, damage->first_line, damage->last_line, damage->reason);
  else if (self->damaged_dumps == MAX_DAMAGE_LOGS)
    mf_log (self, MF_LOG_WARNING, "%s: further damaged dumps are counted, not named",
        self->device.path);
}

static void
take_damage (void *user, const MfDumpDamage *damage)
{
  Serial *self = user;
  MfInputDamage row;

  if (is_done (self))
    return;
  begin_event (self);
  self->ordinal++;
  log_damage (self, damage);
  self->damaged_dumps++;
  mf_lost (self, "heap.snapshot", 1, MF_LOST_DAMAGED);
  row = (MfInputDamage){
    .time = self->time,
    .line = small (damage->first_line),
    .last_line = small (damage->last_line),
    .broke_line = small (damage->line),
    .sequence = self->sequence,
    .what = self->dump_name,
    .epoch = self->epoch,
    .reason = mf_text (&self->damages, damage->reason, strlen (damage->reason)),
  };
  self->halted = !mf_emit (&self->damages, &row);
}

// ---- faults

static MfStack
intern_traceback (Serial *self, const MfTextFault *fault)
{
  MfStack stack = { 0 };

  for (unsigned i = 0; i < fault->n_frames && self->new_names < MAX_NAMES; i++) {
    const MfTextFrame *from = &fault->frames[i];
    MfFrame frame = { device_name (self, from->function), device_name (self, from->file),
      small (from->line), 0 };

    stack = mf_stack (self, stack, frame);
  }
  return stack;
}

// clang-format off
static const uint32_t fault_kinds[] = {
  [MF_TEXT_FAULT_MEMORY] = MF_FAULT_MEMORY,
  [MF_TEXT_FAULT_LOCKED] = MF_FAULT_HEAP_LOCKED,
  [MF_TEXT_FAULT_RECURSION] = MF_FAULT_RECURSION,
  [MF_TEXT_FAULT_PYSTACK] = MF_FAULT_RECURSION,
  [MF_TEXT_FAULT_EXCEPTION] = MF_FAULT_EXCEPTION,
};
// clang-format on

static void
log_refusal (Serial *self, const MfTextFault *fault)
{
  g_autofree char *text = g_strescape (fault->text, NULL);

  mf_log (self, MF_LOG_WARNING, "%s: the board refused to be polled: %s: %s", self->device.path,
      fault->type, text);
}

// What our own poll provokes says nothing about the program: the Ctrl-C, or a script that found no
// room.
static bool
is_ours (Serial *self, const MfTextFault *fault)
{
  if (!mf_serial_polls (self))
    return false;
  if (self->asking && self->complaints++ == 0)
    log_refusal (self, fault);
  return self->asking || strcmp (fault->type, "KeyboardInterrupt") == 0;
}

static void
take_fault (void *user, const MfTextFault *fault)
{
  Serial *self = user;
  char message[sizeof fault->type + sizeof fault->text + 2];
  int n;
  MfDeviceFault row;

  if (is_done (self) || is_ours (self, fault))
    return;
  begin_event (self);
  self->n_faults++;
  n = snprintf (
      message, sizeof message, fault->text[0] ? "%s: %s" : "%s%s", fault->type, fault->text);
  row = (MfDeviceFault){
    .time = self->time,
    .requested = size_or_none (fault->bytes),
    .stack = intern_traceback (self, fault),
    .kind = fault_kinds[fault->kind],
    .caught = fault->caught,
    .after_ordinal = self->ordinal,
    .line = small (fault->last_line),
    .sequence = self->sequence,
    .message = mf_text (&self->faults, message, (size_t) n),
  };
  self->halted = !mf_emit (&self->faults, &row);
}

// ---- feeding

static void *
resize (void *user, void *old, size_t bytes)
{
  return mf_resize ((Serial *) user, old, bytes);
}

bool
mf_serial_open_reader (Serial *self)
{
  const MfTextSink sink = {
    .user = self,
    .resize = resize,
    .dump = take_dump,
    .damaged = take_damage,
    .fault = take_fault,
    .boot = take_boot,
  };

  self->input = mf_string (self, self->device.path);
  self->allocator = mf_string (self, "micropython-gc");
  self->heap = mf_string (self, "gc");
  self->dump_name = mf_string (self, "heap dump");
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    self->kinds[(unsigned char) kinds[i].code] = mf_string (self, kinds[i].kind);
  mf_context (self, self->input, self->epoch);
  self->reader = mf_device_text_new (&sink);
  return self->reader
         || mf_fail (self, "cannot read %s: no memory for its lines", self->device.path);
}

static bool
report_reader (Serial *self, bool ok)
{
  if (ok)
    return !self->halted;
  return mf_fail (
      self, "cannot read %s: %s", self->device.path, mf_device_text_get_error (self->reader));
}

bool
mf_serial_feed (Serial *self, const char *bytes, size_t n)
{
  return report_reader (self, mf_device_text_feed (self->reader, bytes, n));
}

bool
mf_serial_settle (Serial *self, MfTextEnd why)
{
  bool ok = mf_device_text_end (self->reader, why);

  if (why == MF_END_OF_STREAM)
    settle_boot (self);
  return report_reader (self, ok);
}
