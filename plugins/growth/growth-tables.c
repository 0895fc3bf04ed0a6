// SPDX-License-Identifier: Apache-2.0
// The tables of one program of a process.
#include "growth.h"

#include <stdio.h>
#include <string.h>

const char *const mf_growth_part_names[MF_MEMORY_PARTS] = {
  [MF_MEMORY_PYTHON_OBJECTS] = "Python objects", [MF_MEMORY_PYMALLOC_FREE] = "arenas of pymalloc, free",
  [MF_MEMORY_C_USED] = "C heap, used",           [MF_MEMORY_C_FREE] = "C heap, free",
  [MF_MEMORY_C_MAPPED] = "C heap, large blocks", [MF_MEMORY_C_HEAP] = "C heap, not read",
  [MF_MEMORY_STACKS] = "stacks of threads",      [MF_MEMORY_FILES] = "files and libraries",
  [MF_MEMORY_SHARED] = "shared memory",          [MF_MEMORY_ANONYMOUS] = "other mappings",
};

// ---- names

// The file and its folder: enough to know it by.
static const char *
short_file (const char *file)
{
  const char *slash = strrchr (file, '/');
  while (slash && slash > file && slash[-1] != '/')
    slash--;
  return slash ? slash : file;
}

MfString
mf_growth_site_name (Growth *self, const MfFrame *frame, bool with_line)
{
  char text[512], line[16] = "";
  const char *file = mf_string_text (self, frame->file), *function = mf_string_text (self, frame->function);
  if (!*file && !*function)
    return mf_string (self, "(no Python code)");
  if (with_line && frame->line)
    snprintf (line, sizeof line, ":%u", frame->line);
  snprintf (text, sizeof text, "%s%s%s%s", short_file (file), line, *function ? " " : "", function);
  return mf_string (self, text);
}

static double
percent (double part, double whole)
{
  return whole > 0 ? 100 * part / whole : 0;
}

// ---- parts and types

static const char *
basis_of (const MfProcessMemory *all)
{
  return all->basis == MF_MEMORY_BY_PAGES ? "page by page" : "mappings with several parts were divided in proportion";
}

static GrowthPart
part_row (Growth *self, const GrowthProcess *process, const char *name, uint32_t part)
{
  const MfMemoryChange *memory = &process->memory;
  bool twice = memory->n > 1;
  const MfMemoryMoment *last = twice ? &memory->last : &memory->first;
  const MfProcessMemory *now = &last->parts[part], *all = &last->parts[MF_MEMORY_ALL];
  return (GrowthPart) { .of = process->of, .part = mf_string (self, name), .first = twice ? memory->first.parts[part].resident : MF_SIZE_NONE,
    .last = now->resident, .change = mf_memory_change_of (memory, part),
    .share = percent ((double) now->resident.bytes, (double) all->resident.bytes),
    .first_pieces = memory->first.parts[part].pieces, .pieces = now->pieces, .swapped = now->swapped,
    .basis = mf_string (self, basis_of (all)) };
}

// What the parts lack of the whole. Where they have more, it shows as a change below zero of nothing.
static GrowthPart
residual_row (Growth *self, const GrowthProcess *process)
{
  const MfMemoryChange *memory = &process->memory;
  GrowthPart row = part_row (self, process, "residual", MF_MEMORY_ALL);
  int64_t first = mf_memory_moment_residual (&memory->first);
  int64_t last = memory->n > 1 ? mf_memory_moment_residual (&memory->last) : first;
  row.share = percent ((double) last, (double) row.last.bytes);
  row.first.bytes = memory->n > 1 ? (uint64_t) MAX (first, 0) : UINT64_MAX;
  row.last.bytes = (uint64_t) MAX (last, 0);
  row.change = memory->n > 1 ? last - first : 0;
  row.pieces = row.first_pieces = 0;
  row.swapped.bytes = 0;
  row.basis = mf_string (self, "changed between the readings, or counted late by the kernel");
  return row;
}

static bool
publish_parts (Growth *self, const GrowthProcess *process)
{
  if (!process->memory.n)
    return true;
  for (uint32_t i = 0; i < MF_MEMORY_PARTS; i++) {
    const GrowthPart row = part_row (self, process, mf_growth_part_names[i], i);
    if ((row.last.bytes || row.change) && !mf_emit (&self->parts, &row))
      return false;
  }
  const GrowthPart residual = residual_row (self, process);
  const GrowthPart all = part_row (self, process, "resident set", MF_MEMORY_ALL);
  return mf_emit (&self->parts, &residual) && mf_emit (&self->parts, &all);
}

static bool
publish_types (Growth *self, const GrowthProcess *process)
{
  g_autoptr (GArray) types = mf_memory_change_types (&process->memory);
  for (guint i = 0; i < types->len && i < self->sites; i++) {
    const MfTypeChange *type = &g_array_index (types, MfTypeChange, i);
    int64_t change = (int64_t) (type->last.bytes - type->first.bytes);
    const GrowthType row = { .of = process->of, .type = type->type, .change = change, .first = { type->first.bytes },
      .last = { type->last.bytes }, .first_count = type->first.count, .count = type->last.count };
    if (change && !mf_emit (&self->types, &row))
      return false;
  }
  return true;
}

// ---- code

static int
most_bytes_first (const void *a, const void *b)
{
  const GrowthShare *x = a, *y = b;
  if (x->bytes != y->bytes)
    return x->bytes < y->bytes ? 1 : -1;
  return (x->site > y->site) - (x->site < y->site);
}

GArray *
mf_growth_shares (GrowthProcess *process)
{
  g_autoptr (GArray) sums = mf_rising_stacks_sums (process->stacks);
  g_autoptr (GHashTable) bounds = mf_rising_stacks_bounds (process->stacks);
  g_autoptr (GHashTable) places = g_hash_table_new (g_direct_hash, g_direct_equal);
  GArray *shares = g_array_new (FALSE, TRUE, sizeof (GrowthShare));
  for (guint i = 0; i < sums->len; i++) {
    const MfStackSum *sum = &g_array_index (sums, MfStackSum, i);
    gpointer key = GUINT_TO_POINTER (sum->site);
    const MfSiteBounds *its = g_hash_table_lookup (bounds, key);
    guint place = GPOINTER_TO_UINT (g_hash_table_lookup (places, key));
    if (!its)
      continue;
    if (!place) {
      const GrowthShare share = { .site = sum->site, .bounds = *its };
      g_array_append_val (shares, share);
      g_hash_table_insert (places, key, GUINT_TO_POINTER (place = shares->len));
    }
    g_array_index (shares, GrowthShare, place - 1).bytes += sum->kept;
  }
  g_array_sort (shares, most_bytes_first);
  return shares;
}

static bool
publish_sites (Growth *self, GrowthProcess *process)
{
  MfRiseTotals totals = mf_rising_stacks_totals (process->stacks);
  g_autoptr (GArray) shares = mf_growth_shares (process);
  for (guint i = 0; i < shares->len && i < self->sites; i++) {
    const GrowthShare *share = &g_array_index (shares, GrowthShare, i);
    const GrowthSite row = { .of = process->of,
      .site = mf_growth_site_name (self, &g_array_index (self->site_frames, MfFrame, share->site), true),
      .bytes = { (uint64_t) (share->bytes + 0.5) }, .least = { share->bounds.least }, .most = { share->bounds.most },
      .share = percent (share->bytes, (double) totals.kept), .rises = share->bounds.rises };
    if (!mf_emit (&self->by_site, &row))
      return false;
  }
  return true;
}

static bool
publish_stacks (Growth *self, GrowthProcess *process)
{
  g_autoptr (GArray) sums = mf_rising_stacks_sums (process->stacks);
  for (guint i = 0; i < sums->len; i++) {
    const MfStackSum *sum = &g_array_index (sums, MfStackSum, i);
    const GrowthStack row = { .of = process->of, .stack = sum->stack, .bytes = { (uint64_t) (sum->kept + 0.5) },
      .risen = { (uint64_t) (sum->risen + 0.5) }, .rises = sum->rises, .running = sum->running, .waiting = sum->waiting };
    if (!mf_emit (&self->by_stack, &row))
      return false;
  }
  return true;
}

// ---- functions

typedef struct {
  MfFrame frame;
  uint64_t self, total, waiting;
  guint last_stack;  // that counted it, + 1: a recursive function counts once
} FunctionSum;

static FunctionSum *
function_sum (GHashTable *functions, const MfFrame *frame)
{
  g_autofree char *key = g_strdup_printf ("%u %u", frame->file.id, frame->function.id);
  FunctionSum *sum = g_hash_table_lookup (functions, key);
  if (sum)
    return sum;
  sum = g_new0 (FunctionSum, 1);
  sum->frame = *frame;
  g_hash_table_insert (functions, g_steal_pointer (&key), sum);
  return sum;
}

static uint64_t
add_stack (Growth *self, GHashTable *functions, const MfStackSum *stack, guint number)
{
  MfFrame frame = { { 0 }, { 0 }, 0, 0 };
  MfStack at = stack->stack, caller;
  for (bool inner = true; mf_stack_frame (self, at, &frame, &caller); at = caller, inner = false) {
    FunctionSum *sum = function_sum (functions, &frame);
    sum->self += inner ? stack->running : 0;
    sum->waiting += inner ? stack->waiting : 0;
    sum->total += sum->last_stack == number ? 0 : stack->running;
    sum->last_stack = number;
  }
  return stack->stack.id ? stack->running : 0;
}

static int
most_self_first (const void *a, const void *b)
{
  const FunctionSum *x = *(FunctionSum *const *) a, *y = *(FunctionSum *const *) b;
  if (x->self != y->self)
    return x->self < y->self ? 1 : -1;
  if (x->total != y->total)
    return x->total < y->total ? 1 : -1;
  return (x->frame.function.id > y->frame.function.id) - (x->frame.function.id < y->frame.function.id);
}

static bool
publish_functions (Growth *self, GrowthProcess *process)
{
  g_autoptr (GArray) sums = mf_rising_stacks_sums (process->stacks);
  g_autoptr (GHashTable) functions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  uint64_t all = 0;
  for (guint i = 0; i < sums->len; i++)
    all += add_stack (self, functions, &g_array_index (sums, MfStackSum, i), i + 1);
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();
  GHashTableIter each;
  gpointer value;
  g_hash_table_iter_init (&each, functions);
  while (g_hash_table_iter_next (&each, NULL, &value))
    g_ptr_array_add (sorted, value);
  g_ptr_array_sort (sorted, most_self_first);
  for (guint i = 0; i < sorted->len && i < self->sites; i++) {
    const FunctionSum *sum = g_ptr_array_index (sorted, i);
    const GrowthFunction row = { .of = process->of, .function = mf_growth_site_name (self, &sum->frame, false), .self = sum->self,
      .total = sum->total, .self_share = percent ((double) sum->self, (double) all),
      .total_share = percent ((double) sum->total, (double) all), .waiting = sum->waiting };
    if (!mf_emit (&self->functions, &row))
      return false;
  }
  return true;
}

// ---- time

static bool
publish_times (Growth *self, const GrowthProcess *process)
{
  for (uint32_t i = 0; i < process->n_times; i++) {
    const GrowthStretch *stretch = &process->times[i];
    const GrowthTime row = { .time = { stretch->time }, .rss = { stretch->rss }, .pss = { stretch->pss }, .of = process->of,
      .looks = stretch->looks };
    if (!mf_emit (&self->times, &row))
      return false;
  }
  return true;
}

bool
mf_growth_publish_tables (Growth *self, GrowthProcess *process)
{
  return publish_parts (self, process) && publish_types (self, process) && publish_sites (self, process)
      && publish_functions (self, process) && publish_times (self, process) && publish_stacks (self, process);
}
