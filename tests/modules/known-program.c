// SPDX-License-Identifier: Apache-2.0
// A collector that publishes the allocations of a small program whose every byte is known: it loads records, keeps an index
// of them, formats lines that are freed at once, forks, and is refused one request. `records` tells how many. With
// `sampling` it says that only some were recorded.
#include <memflow/plugin.h>

typedef struct {
  MfStage stage;
  MF_OUT (MfProgramStart) starts;
  MF_OUT (MfAlloc) out;
  uint32_t records;
  MfSize sampling;
  MfStack main, load, index, format, worker;
  uint32_t sequence[3];
  int64_t time;
  uint32_t process;
} KnownProgram;

static bool
put (KnownProgram *self, uint32_t thread, MfAlloc row)
{
  row.time.ns = self->time += 250000;
  row.process = self->process;
  row.thread = thread;
  row.sequence = self->sequence[thread]++;
  row.domain = MF_DOMAIN_OBJ;
  return mf_emit (&self->out, &row);
}

static bool
make (KnownProgram *self, uint32_t thread, MfStack stack, uint64_t address, uint64_t size)
{
  return put (self, thread, (MfAlloc) { .op = MF_OP_ALLOC, .address = { address }, .size = { size },
    .granted = { (size + 15) / 16 * 16 }, .old_address = MF_ADDRESS_NONE, .stack = stack });
}

static bool
drop (KnownProgram *self, uint32_t thread, uint64_t address)
{
  return put (self, thread, (MfAlloc) { .op = MF_OP_FREE, .address = { address }, .size = MF_SIZE_NONE,
    .granted = MF_SIZE_NONE, .old_address = MF_ADDRESS_NONE });
}

static bool
grow_index (KnownProgram *self, uint64_t from, uint64_t to, uint64_t size)
{
  return put (self, 1, (MfAlloc) { .op = MF_OP_REALLOC, .address = { to }, .old_address = { from }, .size = { size },
    .granted = MF_SIZE_NONE, .stack = self->index });
}

static MfStack
frame (KnownProgram *self, MfStack caller, const char *function, const char *file, uint32_t line)
{
  return mf_stack (self, caller, ((MfFrame) { mf_string (self, function), mf_string (self, file), line, 0 }));
}

static bool
load_records (KnownProgram *self)
{
  const uint64_t heap = 0x7f1200000000, lines = 0x7f1300000000;
  uint64_t index = 0x7f1400000000;
  if (!make (self, 1, self->index, index, 64))
    return false;
  for (uint32_t i = 0; i < self->records; i++) {
    uint32_t thread = 1 + i % 2;
    if (!make (self, thread, self->load, heap + i * 512, 300 + i % 7) || !make (self, thread, self->format, lines, 80)
        || !drop (self, thread, lines))
      return false;
    if (i % 100 == 99 && !grow_index (self, index, index + 0x10000, 64 + i * 8))
      return false;
    index += i % 100 == 99 ? 0x10000 : 0;
  }
  return put (self, 1, (MfAlloc) { .op = MF_OP_FAILED, .size = { 64000000 }, .granted = MF_SIZE_NONE, .stack = self->main,
    .old_address = MF_ADDRESS_NONE });
}

// Every second record goes; then a child is forked, which frees what it never allocated.
static bool
end (KnownProgram *self)
{
  for (uint32_t i = 0; i < self->records; i += 2)
    if (!drop (self, 1, 0x7f1200000000 + i * 512))
      return false;
  self->process = 4243;
  self->sequence[1] = 0;
  return drop (self, 1, 0x7f1200000000 + 512) && make (self, 1, self->worker, 0x7f1200000000 + 512, 4096);
}

static bool
collect (void *stage)
{
  KnownProgram *self = stage;
  self->process = 4242;
  self->main = frame (self, (MfStack) { 0 }, "<module>", "/srv/app/app.py", 3);
  self->load = frame (self, self->main, "load", "/srv/app/app.py", 88);
  self->index = frame (self, self->load, "Index.add", "/srv/app/index/__init__.py", 17);
  self->format = frame (self, self->load, "format_line", "/srv/app/text.py", 9);
  self->worker = frame (self, self->main, "work", "/srv/app/pool.py", 5);
  MfProgramStart start = { .process = self->process, .sampling = self->sampling };
  return (self->sampling.bytes == MF_SIZE_NONE.bytes || (mf_emit (&self->starts, &start) && mf_flush (self)))
    && load_records (self) && end (self);
}

MF_PLUGIN (KnownProgram, "known-program", .kind = MF_COLLECTOR, .summary = "allocations of a known program",
  MF_OPTIONS (MF_OPTION (KnownProgram, records, "2000", "how many records it loads"),
    MF_OPTION (KnownProgram, sampling, NULL, "mean bytes between the blocks that were recorded")),
  MF_PUBLISHES (MF_OUTPUT (KnownProgram, starts, MfProgramStart), MF_OUTPUT (KnownProgram, out, MfAlloc)),
  .collect = collect);
