// SPDX-License-Identifier: Apache-2.0
// The sentences on one program of a process: whether it grows, what grew, which code ran meanwhile, what to do next.
#include "growth.h"

#include <stdio.h>
#include <string.h>

enum { MENTIONED = 20 };  // percent of the growth that a part has to have
static const double named_bytes = 256 << 10;

// What it means that a part grows, what helps, and the run that shows more: a shipped configuration with the option that names the
// process.
typedef struct {
  const char *what, *next, *run;
} Cause;

static const char recorded[] = "record its allocations from now on to see which lines make them", by_hooks[] = "attach-hooks --set hooks.pid";

static const Cause causes[MF_MEMORY_PARTS] = {
  [MF_MEMORY_PYTHON_OBJECTS] = { "Python objects", recorded, by_hooks },
  [MF_MEMORY_PYMALLOC_FREE] = { "free memory in arenas of pymalloc that a few objects keep",
    "make the objects that stay before or apart from the many that go: an arena is given back only when it is empty. What is in each",
    "attach-heap --set target.pid" },
  [MF_MEMORY_C_USED] = { "blocks of the C heap in use: objects above 512 bytes, and what libraries hold",
    "record what Python asks for from now on to see which lines do; what libraries ask for takes a start by python-hooks with malloc = yes",
    by_hooks },
  [MF_MEMORY_C_FREE] = { "memory that was freed and that the C library keeps",
    "malloc_trim(0) gives it back (ctypes.CDLL(None).malloc_trim(0)); MALLOC_TRIM_THRESHOLD_=131072 and MALLOC_ARENA_MAX=2 keep it "
    "small. What lies between", "attach-heap --set target.pid" },
  [MF_MEMORY_C_MAPPED] = { "large blocks of the C heap in use: each has a mapping of its own", recorded, by_hooks },
  [MF_MEMORY_C_HEAP] = { "the C heap", "read its chunks to see whether they are in use", "attach-growth --set target.pid" },
  [MF_MEMORY_STACKS] = { "stacks of threads", "look for threads that never end; threading.stack_size () makes their stacks smaller. What "
    "they do", "attach --set target.pid" },
  [MF_MEMORY_FILES] = { "mapped files and libraries", "pages of files come and go with their use; nothing has to be freed", NULL },
  [MF_MEMORY_SHARED] = { "memory that processes share (mmap)", "look for mmap, shared memory and memfd that are never closed", NULL },
  [MF_MEMORY_ANONYMOUS] = { "mappings outside of all heaps (mmap)",
    "look for mmap that is never undone: memflow run python-hooks -- PROGRAM records it", NULL },
};

// ---- figures as words

static void
add_number (GString *to, uint64_t number)
{
  g_autofree char *digits = g_strdup_printf ("%" G_GUINT64_FORMAT, (guint64) number);
  size_t n = strlen (digits);
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0)
      g_string_append_c (to, ',');
    g_string_append_c (to, digits[i]);
  }
}

// "15.3 MiB", "700 B"
static void
add_size (GString *to, double bytes)
{
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
  size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < G_N_ELEMENTS (units); unit++)
    bytes /= 1024;
  g_string_append_printf (to, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

// "16,777,216 B (16.0 MiB)"
static void
add_bytes (GString *to, uint64_t bytes)
{
  add_number (to, bytes);
  g_string_append (to, " B");
  if (bytes < 1000)
    return;
  g_string_append (to, " (");
  add_size (to, (double) bytes);
  g_string_append_c (to, ')');
}

static double
seconds (int64_t ns)
{
  return (double) ns / 1e9;
}

static double
percent (double part, double whole)
{
  return whole > 0 ? 100 * part / whole : 0;
}

// Of several processes each sentence but the first says which one it is about.
static bool
say (Growth *self, const GrowthProcess *process, uint32_t severity, const char *subject, GString *text, const char *basis)
{
  if (severity != MF_SAY_VERDICT && self->processes->len > 1)
    g_string_append_printf (text, " (%s)", mf_string_text (self, process->of));
  MfStatement row = { .order = self->order++, .severity = severity, .subject = mf_string (self, subject) };
  row.text = mf_text (&self->statements, text->str, text->len);
  row.basis = mf_text (&self->statements, basis, strlen (basis));
  return mf_emit (&self->statements, &row);
}

// ---- whether it grows

// Above one a second it is told by the second, below by the hour.
static void
add_rate (GString *to, double per_second)
{
  bool slow = per_second < 100 << 10;
  add_size (to, slow ? per_second * 3600 : per_second);
  g_string_append (to, slow ? " an hour" : " a second");
}

static void
add_growing (GString *to, const GrowthProcess *process, const MfTrendFindings *found)
{
  bool goes_on = found->state == MF_TREND_GROWING;
  int64_t net = (int64_t) (process->trend.last - process->trend.first);
  g_string_append (to, goes_on ? " grows: by " : " grew by ");
  add_bytes (to, (uint64_t) MAX (net, found->growth));
  g_string_append_printf (to, " in %.1f s, from ", seconds (found->to - found->from));
  add_size (to, (double) process->trend.first);
  g_string_append (to, " to ");
  add_size (to, (double) process->trend.last);
  if (!goes_on) {
    g_string_append_printf (to, ", until %.1f s after the first look, and has not since", seconds (found->until - found->from));
    return;
  }
  g_string_append (to, "; ");
  add_rate (to, found->per_second);
  if (found->since - found->from > (found->to - found->from) / MF_TREND_WINDOWS)
    g_string_append_printf (to, " since %.1f s after the first look", seconds (found->since - found->from));
}

static void
add_steady (GString *to, const GrowthProcess *process, const MfTrendFindings *found)
{
  g_string_append (to, " does not grow: ");
  add_size (to, (double) process->trend.lowest);
  g_string_append (to, " to ");
  add_size (to, (double) process->trend.highest);
  g_string_append_printf (to, " in %.1f s; less than ", seconds (found->to - found->from));
  add_rate (to, (double) found->noise / seconds (found->to - found->from));
  g_string_append (to, " would not be seen in this time");
}

static void
add_trend (GString *to, const GrowthProcess *process, const MfTrendFindings *found)
{
  switch (found->state) {
  case MF_TREND_GROWING:
  case MF_TREND_GREW:
    add_growing (to, process, found);
    break;
  case MF_TREND_STEADY:
    add_steady (to, process, found);
    break;
  case MF_TREND_SHRINKING:
    g_string_append (to, " shrinks: from ");
    add_size (to, (double) process->trend.first);
    g_string_append (to, " to ");
    add_size (to, (double) process->trend.last);
    break;
  case MF_TREND_TOO_SHORT:
    g_string_append_printf (to, ": %" G_GUINT64_FORMAT " looks are too few to tell whether it grows", (guint64) process->trend.looks);
  }
}

// ---- what grew

static int
compare_changes (const void *a, const void *b, void *memory)
{
  int64_t x = mf_memory_change_of (memory, *(const uint32_t *) a), y = mf_memory_change_of (memory, *(const uint32_t *) b);
  return (x < y) - (x > y);
}

static void
sort_parts (const GrowthProcess *process, uint32_t *parts)
{
  for (uint32_t i = 0; i < MF_MEMORY_PARTS; i++)
    parts[i] = i;
  g_qsort_with_data (parts, MF_MEMORY_PARTS, sizeof *parts, compare_changes, (void *) &process->memory);
}

static bool
has_grown (const GrowthProcess *process, const MfTrendFindings *found)
{
  return found->state == MF_TREND_GROWING || found->state == MF_TREND_GREW
      || (found->state == MF_TREND_TOO_SHORT && (double) mf_memory_change_of (&process->memory, MF_MEMORY_ALL) >= named_bytes);
}

// The part that grew most, if it has to do with the growth of the whole. MF_MEMORY_PARTS = none.
static uint32_t
main_part (const GrowthProcess *process, const MfTrendFindings *found)
{
  uint32_t parts[MF_MEMORY_PARTS];
  sort_parts (process, parts);
  bool named = has_grown (process, found) && (double) mf_memory_change_of (&process->memory, parts[0]) >= named_bytes / 4;
  return named ? parts[0] : MF_MEMORY_PARTS;
}

static void
add_parts (GString *to, const GrowthProcess *process)
{
  const MfMemoryChange *memory = &process->memory;
  int64_t whole = mf_memory_change_of (memory, MF_MEMORY_ALL);
  uint32_t parts[MF_MEMORY_PARTS];
  sort_parts (process, parts);
  for (uint32_t i = 0; i < MF_MEMORY_PARTS; i++) {
    int64_t change = mf_memory_change_of (memory, parts[i]);
    double share = percent ((double) change, (double) whole);
    if (i && (share < MENTIONED || change <= 0))
      return;
    g_string_append (to, i ? "; and " : "");
    g_string_append (to, causes[parts[i]].what);
    g_string_append (to, ", +");
    add_size (to, (double) change);
    if (share <= 0)
      continue;
    g_string_append (to, " of +");
    add_size (to, (double) whole);
    g_string_append_printf (to, " (%.0f %%)", MIN (share, 100));
  }
}

static bool
say_verdict (Growth *self, const GrowthProcess *process, const MfTrendFindings *found)
{
  g_autoptr (GString) text = g_string_new (mf_string_text (self, process->of));
  g_autoptr (GString) basis = g_string_new ("");
  add_trend (text, process, found);
  if (main_part (process, found) < MF_MEMORY_PARTS) {
    g_string_append (text, "\nwhat grew: ");
    add_parts (text, process);
  }
  g_string_append_printf (basis, "%" G_GUINT64_FORMAT " looks", (guint64) process->trend.looks);
  if (found->noise) {
    g_string_append (basis, ", noise ");
    add_size (basis, (double) found->noise);
  }
  if (process->memory.n > 1)
    g_string_append_printf (basis, "; its heap was read %u times, the first and the last are compared", process->memory.n);
  if (process->incomplete)
    g_string_append (basis, "; some looks were lost");
  return say (self, process, MF_SAY_VERDICT, "growth", text, basis->str);
}

// ---- evidence

static bool
say_code (Growth *self, GrowthProcess *process, const MfTrendFindings *found)
{
  MfRiseTotals totals = mf_rising_stacks_totals (process->stacks);
  g_autoptr (GArray) shares = mf_growth_shares (process);
  if (!has_grown (process, found) || !shares->len || !totals.kept)
    return true;
  const GrowthShare *first = &g_array_index (shares, GrowthShare, 0);
  MfString site = mf_growth_site_name (self, &g_array_index (self->site_frames, MfFrame, first->site), true);
  g_autoptr (GString) text = g_string_new ("");
  g_string_append_printf (text, "%.0f %% of it came while ", percent (first->bytes, (double) totals.kept));
  g_string_append_printf (text, "%s ran: ", mf_string_text (self, site));
  add_size (text, first->bytes);
  g_string_append (text, ", at least ");
  add_size (text, (double) first->bounds.least);
  g_string_append (text, " and at most ");
  add_size (text, (double) first->bounds.most);
  return say (self, process, MF_SAY_EVIDENCE, "code", text,
      totals.clocks ? "a rise lies between two looks; divided by the time that threads ran"
                    : "a rise lies between two looks; divided among threads that did not wait");
}

static bool
say_types (Growth *self, const GrowthProcess *process, const MfTrendFindings *found)
{
  g_autoptr (GArray) types = mf_memory_change_types (&process->memory);
  g_autoptr (GString) text = g_string_new ("");
  for (guint i = 0; i < MIN (types->len, 3); i++) {
    const MfTypeChange *type = &g_array_index (types, MfTypeChange, i);
    int64_t bytes = (int64_t) (type->last.bytes - type->first.bytes), count = (int64_t) (type->last.count - type->first.count);
    if ((double) bytes < named_bytes / 4)
      break;
    g_string_append (text, text->len ? "; " : "");
    g_string_append_printf (text, "%s %s", mf_string_text (self, type->type), count < 0 ? "-" : "+");
    add_number (text, (uint64_t) ABS (count));
    g_string_append (text, ", +");
    add_size (text, (double) bytes);
  }
  return !text->len || !has_grown (process, found) || say (self, process, MF_SAY_EVIDENCE, "types", text, "");
}

static const MfMemoryMoment *
last_moment (const GrowthProcess *process)
{
  return process->memory.n > 1 ? &process->memory.last : &process->memory.first;
}

static bool
say_pinned (Growth *self, const GrowthProcess *process)
{
  const MfMemoryMoment *last = last_moment (process);
  uint64_t free = last->parts[MF_MEMORY_PYMALLOC_FREE].resident.bytes, kept = 0;
  if (!last->empty_arenas || (double) free < named_bytes * 4)
    return true;
  MfString keeper = mf_memory_moment_keeper (last, &kept);
  g_autoptr (GString) text = g_string_new ("");
  add_number (text, last->empty_arenas);
  g_string_append (text, " of ");
  add_number (text, last->arenas);
  g_string_append (text, " arenas are at most a quarter full; ");
  add_size (text, (double) free);
  g_string_append (text, " in arenas are resident and free. In ");
  add_number (text, kept);
  g_string_append_printf (text, " of them most is %s", mf_string_text (self, keeper));
  return say (self, process, MF_SAY_EVIDENCE, "arenas", text, "");
}

static bool
say_sum (Growth *self, const GrowthProcess *process)
{
  if (!process->memory.n)
    return true;
  const MfMemoryMoment *last = last_moment (process);
  int64_t residual = mf_memory_moment_residual (last);
  uint64_t all = last->parts[MF_MEMORY_ALL].resident.bytes;
  g_autoptr (GString) text = g_string_new ("the parts add up to ");
  add_number (text, all - (uint64_t) residual);
  g_string_append (text, " B of ");
  add_number (text, all);
  g_string_append (text, " B resident; residual ");
  g_string_append (text, residual < 0 ? "-" : "");
  add_number (text, (uint64_t) ABS (residual));
  g_string_append_printf (text, " B (%.2f %%)", percent ((double) ABS (residual), (double) all));
  return say (self, process, MF_SAY_EVIDENCE, "sum", text,
      last->parts[MF_MEMORY_ALL].basis == MF_MEMORY_BY_PAGES ? "page by page" : "mappings with several parts in proportion");
}

// ---- what to do

// "attach-hooks --set hooks.pid=1234": the collector names a process by its number.
static void
add_run (Growth *self, GString *to, const char *run, const GrowthProcess *process)
{
  uint32_t pid;
  g_string_append_printf (to, ": memflow run %s=", run);
  if (sscanf (mf_string_text (self, process->input), "process %" G_GUINT32_FORMAT ":", &pid) == 1)
    g_string_append_printf (to, "%" G_GUINT32_FORMAT, pid);
  else
    g_string_append (to, "NUMBER");
}

static void
add_cause (Growth *self, GString *to, const Cause *cause, const GrowthProcess *process)
{
  g_string_append (to, cause->next);
  if (cause->run)
    add_run (self, to, cause->run, process);
}

static bool
say_next (Growth *self, const GrowthProcess *process, const MfTrendFindings *found)
{
  uint32_t part = main_part (process, found);
  g_autoptr (GString) text = g_string_new ("");
  if (part < MF_MEMORY_PARTS)
    add_cause (self, text, &causes[part], process);
  else if (has_grown (process, found) && process->memory.n < 2) {
    g_string_append (text, "read its heap more than once to see what grows");
    add_run (self, text, "attach-growth --set target.pid", process);
  }
  else if (found->state == MF_TREND_STEADY || found->state == MF_TREND_TOO_SHORT)
    g_string_append (text, "look longer, or while it works (--for 10m), if it is said to grow");
  return !text->len || say (self, process, MF_SAY_NEXT, "next", text, "");
}

bool
mf_growth_say (Growth *self, GrowthProcess *process)
{
  if (!process->trend.looks && !process->memory.n)
    return true;
  const MfTrendFindings found = mf_trend_find (&process->trend);
  return say_verdict (self, process, &found) && say_code (self, process, &found) && say_types (self, process, &found)
      && say_pinned (self, process) && say_sum (self, process) && say_next (self, process, &found);
}
