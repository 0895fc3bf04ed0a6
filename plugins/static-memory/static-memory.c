// SPDX-License-Identifier: Apache-2.0
// The analyzer static-memory: what code costs on a target before it runs. Glue only: pieces of modules are put
// together, the analysis of one stands in module-cost.c.
#include "static-memory.h"

#include "bytecode/base64.h"

#include <stdlib.h>
#include <string.h>

static const char help[]
    = "Reads compiled modules of CPython (.pyc) and MicroPython (.mpy) without running them, and says what each module\n"
      "and function costs on a target: code and constants, the import, what stays of it, a call and each turn of its loops.\n"
      "\n"
      "The top level of a module is run in the abstract, with the functions that it calls, as far as values are known;\n"
      "objects are priced as the target's Python makes them. Functions are analysed with arguments that are not known:\n"
      "the low figure is that of the cheapest way through them, the high one that of the dearest. Where a loop has no\n"
      "bound that can be proven, nothing bounds the figure, and the line is named.\n"
      "\n"
      "bound = app.py:12 <= 100 says how often the loop that begins there turns at most. bytes = requested counts what\n"
      "objects ask for, as tracemalloc does; granted what the target's allocator takes for them.\n"
      "\n"
      "On MicroPython what nothing refers to any more counts as allocated, not as kept, and not at the peak: that is what\n"
      "a heap needs that is collected in time. Names are counted once for all modules of a run, in their order.";

static bool
parse_bound (StaticMemory *self, const char *text, MfLoopBound *bound)
{
  const char *colon = strrchr (text, ':'), *sign = strstr (text, "<=");
  if (!colon || !sign || sign < colon || colon == text)
    return mf_fail_option (self, "bound", "'%s' is not a bound: write FILE:LINE <= TURNS, as app.py:12 <= 100", text);
  char *end, *after;
  unsigned long line = strtoul (colon + 1, &end, 10);
  unsigned long long turns = strtoull (sign + 2, &after, 10);
  while (*end == ' ')
    end++;
  if (end != sign || !line || line > UINT32_MAX || after == sign + 2 || *after)
    return mf_fail_option (self, "bound", "'%s' is not a bound: write FILE:LINE <= TURNS, as app.py:12 <= 100", text);
  char *file = mf_resize (self, NULL, (size_t) (colon - text) + 1);
  if (!file)
    return mf_fail (self, "there is no memory for the option bound");
  memcpy (file, text, (size_t) (colon - text));
  file[colon - text] = 0;
  *bound = (MfLoopBound){ file, (uint32_t) line, turns };
  return true;
}

static bool
declare (void *stage)
{
  StaticMemory *self = stage;
  self->bounds = self->bound.n ? mf_resize (self, NULL, self->bound.n * sizeof *self->bounds) : NULL;
  if (self->bound.n && !self->bounds)
    return mf_fail (self, "there is no memory for the option bound");
  if (self->bounds)
    memset (self->bounds, 0, self->bound.n * sizeof *self->bounds);
  for (uint32_t i = 0; i < self->bound.n; i++)
    if (!parse_bound (self, self->bound.items[i], &self->bounds[i]))
      return false;
  return true;
}

static bool
start (void *stage)
{
  StaticMemory *self = stage;
  if (!self->target.n)
    return mf_fail_option (self, "target", "say for which machine: target = armhf-py3.11, here or in [pipeline] (memflow targets shows them)");
  self->sums = mf_resize (self, NULL, self->target.n * sizeof *self->sums);
  if (!self->sums)
    return mf_fail (self, "there is no memory for %u targets", self->target.n);
  memset (self->sums, 0, self->target.n * sizeof *self->sums);
  self->n_sums = self->target.n;
  for (uint32_t i = 0; i < self->n_sums; i++) {
    self->sums[i].facts = self->target.items[i];
    self->sums[i].name = mf_string (self, self->target.items[i]->name);
    mf_name_pool_init (&self->sums[i].pool, self->target.items[i]->model);
  }
  return true;
}

// ---- modules, piece by piece

static bool
make_room (StaticMemory *self, uint32_t total)
{
  enum { MOST = 1u << 30 };
  if (total <= self->room)
    return true;
  uint8_t *content = total <= MOST ? mf_resize (self, self->content, total) : NULL;
  if (!content)
    return mf_fail (self, "there is no memory for a module of %u bytes", total);
  self->content = content;
  self->room = total;
  return true;
}

static bool
begin_module (StaticMemory *self, const MfBatch *batch, const MfCodeContent *row)
{
  self->n_lost += self->total != 0;
  self->have = 0;
  self->total = row->total;
  self->unit = row->unit;
  self->module = row->module;
  self->origin = row->origin;
  self->from = batch->stage;
  self->is_package = row->is_package != 0;
  return make_room (self, row->total);
}

static bool
take_piece (StaticMemory *self, const MfBatch *batch, const MfCodeContent *row)
{
  size_t n;
  if (row->offset == 0 && !begin_module (self, batch, row))
    return false;
  bool next = self->total && row->unit == self->unit && row->offset == self->have && row->total == self->total
              && batch->stage.id == self->from.id && row->content.length / 4 * 3 <= self->total - self->have + 2u;
  if (!next || !make_room (self, self->total + 2)
      || !mf_base64_decode (mf_batch_text (batch, row->content), row->content.length, self->content + self->have, &n)) {
    self->n_lost += self->total != 0;
    self->total = 0;
    return true;
  }
  self->have += (uint32_t) n;
  if (self->have < self->total)
    return true;
  bool fine = mf_static_take (self);
  self->total = 0;
  return fine;
}

static bool
on_content (void *stage, const MfBatch *batch)
{
  StaticMemory *self = stage;
  MF_EACH (batch, MfCodeContent, row)
    if (!take_piece (self, batch, row))
      return false;
  return true;
}

static bool
finish (void *stage)
{
  return mf_static_report (stage);
}

static void
stop (void *stage)
{
  StaticMemory *self = stage;
  for (uint32_t i = 0; i < self->n_sums; i++) {
    mf_name_pool_end (&self->sums[i].pool);
    mf_resize (self, self->sums[i].modules.rows, 0);
    mf_resize (self, self->sums[i].functions.rows, 0);
    mf_resize (self, self->sums[i].paths.rows, 0);
    mf_resize (self, self->sums[i].operations.rows, 0);
  }
  for (uint32_t i = 0; self->bounds && i < self->bound.n; i++)
    mf_resize (self, (void *) (uintptr_t) self->bounds[i].file, 0);
  mf_resize (self, self->bounds, 0);
  mf_resize (self, self->sums, 0);
  mf_resize (self, self->content, 0);
}

// clang-format off
MF_PLUGIN (StaticMemory, "static-memory", .kind = MF_ANALYZER,
  .summary = "what code costs on a target, before it runs", .help = help,
  MF_OPTIONS (
    MF_OPTION (StaticMemory, target, NULL, "the machines to price for: names, files, or * for all that are installed"),
    MF_OPTION (StaticMemory, bound, NULL, "how often loops turn at most: FILE:LINE <= TURNS"),
    MF_CHOICE (StaticMemory, bytes, "granted", "what is counted: bytes that the allocator takes, or that objects ask for",
      "granted", "requested"),
    MF_OPTION (StaticMemory, top, "20", "most rows of each table; 0 = all", .low = 0, .high = 100000),
    MF_OPTION (StaticMemory, steps, "300000", "operations of one import that are followed", .low = 1000, .high = 4e9)),
  MF_CONSUMES (MF_INPUT (MfCodeContent, on_content)),
  MF_PUBLISHES (MF_OUTPUT (StaticMemory, costs, MfCodeCost), MF_OUTPUT (StaticMemory, sites, MfCodeSite),
    MF_OUTPUT (StaticMemory, modules, StaticModule), MF_OUTPUT (StaticMemory, functions, StaticFunction),
    MF_OUTPUT (StaticMemory, paths, StaticPath), MF_OUTPUT (StaticMemory, operations, StaticOperation),
    MF_OUTPUT (StaticMemory, refused, StaticRefused), MF_OUTPUT (StaticMemory, statements, MfStatement)),
  .declare = declare, .start = start, .finish = finish, .stop = stop);
// clang-format on
