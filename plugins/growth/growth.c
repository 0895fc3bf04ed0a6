// SPDX-License-Identifier: Apache-2.0
// The analyzer growth: whether a running process grows, by what, and which code ran meanwhile. Glue only; the algorithms stand in
// resident-trend.c, rising-stacks.c and memory-change.c.
#include "growth.h"

#include <string.h>

enum { MOST_PROCESSES = 256 };

static const char help[]
    = "Follows the looks at a running process (process.sample) and, where its heap was read, what its resident set\n"
      "consisted of (process.memory) and which objects were in it (object.census).\n\n"
      "A set grows if its floor in the last eighth of the time is above that in the first one by more than the noise:\n"
      "its deepest fall in between, at least 256 KiB and 0.5 %. What grew is told from the first moment at which the\n"
      "heap was read to the last: two are needed (heap = repeatedly). The parts add up to the resident set but for a\n"
      "residual, which is named.\n\n"
      "Which code ran while it grew: a rise lies between two looks; it is divided among the threads by the time that\n"
      "they ran in between, and for each thread among its stacks at both looks, of which one where threads mostly wait\n"
      "counts for less. A fall takes back the latest rises. The\n"
      "bytes of a line are an estimate; least and most bound it: what the set rose by while nothing else was seen to\n"
      "run, and while the line was seen at all. Where the time of threads is not known, those that stand in a function\n"
      "that waits count as waiting.";

// ---- call sites

static guint
hash_frame (gconstpointer key)
{
  const MfFrame *frame = key;
  return (frame->file.id * 31 + frame->function.id) * 31 + frame->line;
}

static gboolean
same_frame (gconstpointer a, gconstpointer b)
{
  const MfFrame *x = a, *y = b;
  return x->file.id == y->file.id && x->function.id == y->function.id && x->line == y->line;
}

// The innermost line that is of a file: the machinery of imports has none.
static MfFrame
innermost (Growth *self, MfStack stack)
{
  MfFrame frame = { { 0 }, { 0 }, 0, 0 }, first = frame;
  MfStack caller;
  for (bool inner = true; mf_stack_frame (self, stack, &frame, &caller); stack = caller, inner = false) {
    if (inner)
      first = frame;
    if (!g_str_has_prefix (mf_string_text (self, frame.file), "<frozen "))
      return frame;
  }
  return first;
}

static uint32_t
site_of (void *user, MfStack stack)
{
  Growth *self = user;
  const MfFrame frame = innermost (self, stack);
  guint known = GPOINTER_TO_UINT (g_hash_table_lookup (self->site_ids, &frame));
  if (known)
    return known - 1;
  g_array_append_val (self->site_frames, frame);
  g_hash_table_insert (self->site_ids, g_memdup2 (&frame, sizeof frame), GUINT_TO_POINTER (self->site_frames->len));
  return self->site_frames->len - 1;
}

static bool
is_waiting (void *user, MfStack stack)
{
  static const char *const functions[] = { "wait", "_wait_for_tstate_lock", "select", "poll", "accept", "get", "join", "acquire",
    "recv", "recv_into", "readinto", "sleep", "_recv", "_poll" };
  static const char *const files[] = { "threading.py", "selectors.py", "socket.py", "queue.py", "subprocess.py", "connection.py" };
  Growth *self = user;
  const MfFrame frame = innermost (self, stack);
  const char *function = strrchr (mf_string_text (self, frame.function), '.');
  const char *file = strrchr (mf_string_text (self, frame.file), '/');
  bool known_function = !stack.id, known_file = !stack.id;
  function = function ? function + 1 : mf_string_text (self, frame.function);
  for (size_t i = 0; i < G_N_ELEMENTS (functions); i++)
    known_function |= strcmp (function, functions[i]) == 0;
  for (size_t i = 0; file && i < G_N_ELEMENTS (files); i++)
    known_file |= strcmp (file + 1, files[i]) == 0;
  return known_function && known_file;
}

// ---- processes

static void
free_process (void *pointer)
{
  GrowthProcess *process = pointer;
  mf_rising_stacks_free (process->stacks);
  mf_memory_change_clear (&process->memory);
  g_array_unref (process->threads);
  g_array_unref (process->idle);
  g_free (process);
}

static MfString
name_of (Growth *self, const MfBatch *batch)
{
  if (!batch->epoch)
    return batch->input;
  g_autofree char *name = g_strdup_printf ("%s, program %u", mf_string_text (self, batch->input), batch->epoch + 1);
  return mf_string (self, name);
}

static GrowthProcess *
new_process (Growth *self, const MfBatch *batch)
{
  const MfStackSites sites = { site_of, is_waiting, self };
  GrowthProcess *process = g_new0 (GrowthProcess, 1);
  *process = (GrowthProcess) { .growth = self, .input = batch->input, .epoch = batch->epoch, .of = name_of (self, batch),
    .stacks = mf_rising_stacks_new (&sites), .threads = g_array_new (FALSE, FALSE, sizeof (MfThreadLook)),
    .idle = g_array_new (FALSE, FALSE, sizeof (GrowthLook)) };
  mf_memory_change_init (&process->memory);
  g_ptr_array_add (self->processes, process);
  return process;
}

// The latest are the likeliest. NULL = there are too many.
static GrowthProcess *
process_of (Growth *self, const MfBatch *batch)
{
  for (guint i = self->processes->len; i-- > 0;) {
    GrowthProcess *process = g_ptr_array_index (self->processes, i);
    if (process->input.id != batch->input.id || process->epoch != batch->epoch)
      continue;
    process->incomplete |= (batch->flags & MF_BATCH_INCOMPLETE) != 0;
    return process;
  }
  if (self->processes->len < MOST_PROCESSES)
    return new_process (self, batch);
  self->left_out += batch->n_rows;
  return NULL;
}

// ---- looks

static void
join_times (GrowthProcess *process)
{
  for (uint32_t i = 0; i < MF_GROWTH_TIMES / 2; i++) {
    const GrowthStretch *a = &process->times[2 * i], *b = a + 1;
    process->times[i] = (GrowthStretch) { a->time, MAX (a->rss, b->rss), b->pss == UINT64_MAX ? a->pss : b->pss, a->looks + b->looks };
  }
  process->n_times = MF_GROWTH_TIMES / 2;
  process->per_time *= 2;
}

static void
add_time (GrowthProcess *process, const GrowthLook *look)
{
  GrowthStretch *last = process->n_times ? &process->times[process->n_times - 1] : NULL;
  if (!last || last->looks >= process->per_time) {
    if (process->n_times == MF_GROWTH_TIMES)
      join_times (process);
    process->per_time = MAX (process->per_time, 1);
    process->times[process->n_times++] = (GrowthStretch) { look->time, 0, UINT64_MAX, 0 };
    last = &process->times[process->n_times - 1];
  }
  last->rss = MAX (last->rss, look->rss);
  last->pss = look->pss == UINT64_MAX ? last->pss : look->pss;
  last->looks++;
}

static void
take_look (GrowthProcess *process, const GrowthLook *look, const GArray *threads)
{
  mf_trend_look (&process->trend, look->time, look->rss);
  mf_rising_stacks_look (process->stacks, look->time, (const MfThreadLook *) (void *) threads->data, threads->len, look->rss);
  add_time (process, look);
}

static bool
runs_code (const GArray *threads)
{
  for (guint i = 0; i < threads->len; i++)
    if (g_array_index (threads, MfThreadLook, i).stack.id)
      return true;
  return false;
}

static void
take_idle_looks (GrowthProcess *process)
{
  g_autoptr (GArray) nobody = g_array_new (FALSE, FALSE, sizeof (MfThreadLook));
  for (guint i = 0; i < process->idle->len; i++)
    take_look (process, &g_array_index (process->idle, GrowthLook, i), nobody);
  g_array_set_size (process->idle, 0);
}

// An interpreter that ends frees what it has, and runs no code meanwhile: what comes behind the last look with code waits for
// more, and is no part of the growth if nothing comes.
static void
close_look (GrowthProcess *process)
{
  bool code = runs_code (process->threads);
  if (!process->looking)
    return;
  process->looking = false;
  if (process->busy_rss && !code && process->idle->len <= process->trend.looks / 8) {
    g_array_append_val (process->idle, process->look);
    return;
  }
  take_idle_looks (process);
  take_look (process, &process->look, process->threads);
  process->busy_rss = code ? process->look.rss : process->busy_rss;
}

static void
close_last_look (GrowthProcess *process)
{
  close_look (process);
  if (process->idle->len && g_array_index (process->idle, GrowthLook, process->idle->len - 1).rss >= process->busy_rss)
    take_idle_looks (process);
}

static void
open_look (GrowthProcess *process, const MfProcessSample *row)
{
  g_array_set_size (process->threads, 0);
  process->looking = true;
  process->look = (GrowthLook) { row->time.ns, row->rss.bytes, UINT64_MAX };
}

static bool
on_samples (void *stage, const MfBatch *batch)
{
  GrowthProcess *process = process_of (stage, batch);
  MF_EACH (batch, MfProcessSample, row) {
    if (!process || row->rss.bytes == UINT64_MAX)
      continue;
    if (process->looking && row->time.ns != process->look.time)
      close_look (process);
    if (!process->looking)
      open_look (process, row);
    const MfThreadLook look = { row->thread, row->stack, row->cpu.ns };
    if (row->pss.bytes != UINT64_MAX)
      process->look.pss = row->pss.bytes;
    if (row->thread)
      g_array_append_val (process->threads, look);
  }
  return true;
}

// ---- moments

static bool
on_census (void *stage, const MfBatch *batch)
{
  GrowthProcess *process = process_of (stage, batch);
  MF_EACH (batch, MfObjectCensus, row)
    if (process)
      mf_memory_change_type (&process->memory, row);
  return true;
}

static bool
on_arenas (void *stage, const MfBatch *batch)
{
  GrowthProcess *process = process_of (stage, batch);
  MF_EACH (batch, MfPymallocArena, row)
    if (process)
      mf_memory_change_arena (&process->memory, row);
  return true;
}

static bool
on_memory (void *stage, const MfBatch *batch)
{
  GrowthProcess *process = process_of (stage, batch);
  MF_EACH (batch, MfProcessMemory, row)
    if (process)
      mf_memory_change_part (&process->memory, row);
  return true;
}

// ---- the run

static bool
start (void *stage)
{
  Growth *self = stage;
  self->processes = g_ptr_array_new_with_free_func (free_process);
  self->site_frames = g_array_new (FALSE, FALSE, sizeof (MfFrame));
  self->site_ids = g_hash_table_new_full (hash_frame, same_frame, g_free, NULL);
  return true;
}

static int64_t
growth_of (const GrowthProcess *process)
{
  return (int64_t) (process->trend.last - process->trend.first);
}

static int
least_grown_first (const void *a, const void *b)
{
  int64_t x = growth_of (*(GrowthProcess *const *) a), y = growth_of (*(GrowthProcess *const *) b);
  return (x > y) - (x < y);
}

// Of tables with several keys the last one is shown: that of the process that grew most.
static bool
finish (void *stage)
{
  Growth *self = stage;
  for (guint i = 0; i < self->processes->len; i++)
    close_last_look (g_ptr_array_index (self->processes, i));
  g_ptr_array_sort (self->processes, least_grown_first);
  for (guint i = 0; i < self->processes->len; i++) {
    GrowthProcess *process = g_ptr_array_index (self->processes, i);
    mf_context (self, process->input, process->epoch);
    self->order = (self->processes->len - i) * 100;
    if (!mf_growth_publish_tables (self, process) || !mf_growth_say (self, process))
      return false;
  }
  if (self->left_out)
    mf_log (self, MF_LOG_WARNING, "more than %d programs: %" G_GUINT64_FORMAT " rows of further ones were left out", MOST_PROCESSES,
        (guint64) self->left_out);
  return true;
}

static void
stop (void *stage)
{
  Growth *self = stage;
  g_clear_pointer (&self->processes, g_ptr_array_unref);
  g_clear_pointer (&self->site_frames, g_array_unref);
  g_clear_pointer (&self->site_ids, g_hash_table_unref);
}

// clang-format off
MF_PLUGIN (Growth, "growth", .kind = MF_ANALYZER,
  .summary = "whether a running process grows, by what, and which code ran meanwhile", .help = help,
  MF_OPTIONS (MF_OPTION (Growth, sites, "1000", "most rows of each table of a process", .low = 1, .high = 1000000)),
  MF_CONSUMES (MF_INPUT (MfProcessSample, on_samples), MF_INPUT (MfObjectCensus, on_census),
    MF_INPUT (MfPymallocArena, on_arenas), MF_INPUT (MfProcessMemory, on_memory)),
  MF_PUBLISHES (MF_OUTPUT (Growth, statements, MfStatement), MF_OUTPUT (Growth, parts, GrowthPart),
    MF_OUTPUT (Growth, types, GrowthType), MF_OUTPUT (Growth, by_site, GrowthSite), MF_OUTPUT (Growth, functions, GrowthFunction),
    MF_OUTPUT (Growth, times, GrowthTime), MF_OUTPUT (Growth, by_stack, GrowthStack)),
  .start = start, .finish = finish, .stop = stop);
// clang-format on
