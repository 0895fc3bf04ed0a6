// SPDX-License-Identifier: Apache-2.0
// The core before the files that it names: what it has of a page is what the process had. What it was to have and was cut off is
// never taken from a file.
#include "core-process.h"

#include <elf.h>
#include <string.h>

#include "core-files.h"
#include "core-modules.h"
#include "process-source.h"

typedef struct {
  MfCoreFile file;
  MfCoreFiles *named;
} Core;

// ---- memory

static size_t
read_part (const Core *core, uint64_t at, void *to, size_t n)
{
  const MfCoreSegment *segment = mf_core_file_segment (&core->file, at);
  if (segment && at - segment->from < segment->dumped)
    return mf_core_file_read (&core->file, at, to, n);
  if (segment)
    n = MIN (n, segment->to - at);
  return mf_core_files_read (core->named, at, to, n);
}

// What a file has ends where the core itself goes on.
static size_t
up_to_next_segment (const Core *core, uint64_t at, size_t n)
{
  guint low = 0, high = core->file.segments->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (g_array_index (core->file.segments, MfCoreSegment, middle).from <= at)
      low = middle + 1;
    else
      high = middle;
  }
  return low < core->file.segments->len ? MIN (n, g_array_index (core->file.segments, MfCoreSegment, low).from - at) : n;
}

static bool
core_gather (const void *source, const MfRemoteSpan *spans, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    for (size_t done = 0, now; done < spans[i].n; done += now) {
      uint64_t at = spans[i].at + done;
      now = read_part (source, at, (uint8_t *) spans[i].to + done, up_to_next_segment (source, at, spans[i].n - done));
      if (!now)
        return false;
    }
  return true;
}

// ---- mappings: those that were dumped, and those of files that were not

static uint32_t
flags_of (const MfCoreSegment *segment)
{
  return (segment->flags & PF_R ? MF_MAPPING_READ : 0) | (segment->flags & PF_W ? MF_MAPPING_WRITE : 0)
      | (segment->flags & PF_X ? MF_MAPPING_EXECUTE : 0);
}

static void
add_mapping (const Core *core, uint64_t from, uint64_t to, uint32_t flags, GArray *mappings)
{
  const MfNamedFile *named;
  const MfCoreMapped *mapped = mf_core_files_at (core->named, from, &named);
  const MfMapping mapping = { .from = from, .to = to, .offset = mapped ? mapped->offset + (from - mapped->from) : 0,
    .inode = mapped != NULL, .flags = flags, .path = g_strdup (mapped ? mapped->path : "") };
  g_array_append_val (mappings, mapping);
}

static int
by_address (const void *a, const void *b)
{
  uint64_t x = ((const MfMapping *) a)->from, y = ((const MfMapping *) b)->from;
  return (x > y) - (x < y);
}

static bool
core_mappings (const void *source, GArray *mappings, GError **error)
{
  const Core *core = source;
  (void) error;
  for (guint i = 0; i < core->file.segments->len; i++) {
    const MfCoreSegment *segment = &g_array_index (core->file.segments, MfCoreSegment, i);
    add_mapping (core, segment->from, segment->to, flags_of (segment), mappings);
  }
  for (guint i = 0; i < core->file.notes.files->len; i++) {
    const MfCoreMapped *mapped = &g_array_index (core->file.notes.files, MfCoreMapped, i);
    if (!mf_core_file_segment (&core->file, mapped->from))
      add_mapping (core, mapped->from, mapped->to, MF_MAPPING_READ, mappings);
  }
  g_array_sort (mappings, by_address);
  return true;
}

// The file that was compared, whatever its path leads to by now.
static char *
core_open_path (const void *source, const MfMapping *mapping)
{
  const MfNamedFile *named;
  const MfCoreMapped *mapped = mf_core_files_at (((const Core *) source)->named, mapping->from, &named);
  return mapped && named->fd >= 0 ? g_strdup_printf ("/proc/self/fd/%d", named->fd) : NULL;
}

static char *
core_program_path (const void *source)
{
  const Core *core = source;
  const MfNamedFile *named;
  const MfCoreMapped *mapped = mf_core_files_at (core->named, core->file.notes.program_headers, &named);
  return mapped ? g_strdup (mapped->path) : NULL;
}

// The dump has the numbers by which the process knew its threads itself.
static void
core_threads (const void *source, GArray *threads)
{
  const GArray *numbers = ((const Core *) source)->file.notes.threads;
  for (guint i = 0; i < numbers->len; i++) {
    int32_t number = g_array_index (numbers, int32_t, i);
    const MfThreadId thread = { number, number };
    g_array_append_val (threads, thread);
  }
}

// ---- what is not as it should be

static void
remark_files (const Core *core, GPtrArray *remarks)
{
  const GArray *named = mf_core_files_all (core->named);
  for (guint i = 0; i < named->len; i++) {
    const MfNamedFile *its = &g_array_index (named, MfNamedFile, i);
    if (its->state == MF_NAMED_OTHER || its->state == MF_NAMED_MISSING)
      g_ptr_array_add (remarks, g_strdup_printf ("%s is %s: what the core left out of it is not known", its->path,
          its->state == MF_NAMED_OTHER ? "not the file that the process had mapped" : "not there"));
  }
}

// A dump without the first pages of files has many of these.
static void
remark_unchecked (const Core *core, GPtrArray *remarks)
{
  enum { MOST_NAMES = 3 };
  const GArray *named = mf_core_files_all (core->named);
  g_autoptr (GString) names = g_string_new ("");
  guint n = 0;
  for (guint i = 0; i < named->len; i++) {
    const MfNamedFile *its = &g_array_index (named, MfNamedFile, i);
    if (its->state == MF_NAMED_UNCHECKED && n++ < MOST_NAMES)
      g_string_append_printf (names, "%s%s", n > 1 ? ", " : "", its->path);
  }
  if (n)
    g_ptr_array_add (remarks, g_strdup_printf ("the core has nothing of %u files that could be compared, which are taken as they are now: %s%s",
        n, names->str, n > MOST_NAMES ? ", ..." : ""));
}

static void
summarize (const Core *core, MfCoreSummary *summary)
{
  g_free (summary->program);
  summary->program = g_utf8_make_valid (core->file.notes.name, -1);
  summary->signal = core->file.notes.signal;
  summary->threads = core->file.notes.threads->len;
  summary->first_thread = summary->threads ? g_array_index (core->file.notes.threads, int32_t, 0) : 0;
  if (core->file.missing)
    g_ptr_array_add (summary->remarks, g_strdup_printf ("the core is truncated: %" G_GUINT64_FORMAT " bytes of it are missing%s",
        (guint64) core->file.missing, core->file.notes_missing ? ", among them notes that name threads and files" : ""));
  remark_files (core, summary->remarks);
  remark_unchecked (core, summary->remarks);
}

// ---- life

static void
core_free (void *source)
{
  Core *core = source;
  mf_core_files_free (core->named);
  mf_core_file_clear (&core->file);
  g_free (core);
}

static const MfProcessSource core_source = { false, core_gather, core_mappings, core_threads, core_open_path, core_program_path, core_free };

MfProcess *
mf_process_open_core (const char *path, const char *root, MfCoreSummary *summary, GError **error)
{
  Core *core = g_new0 (Core, 1);
  *summary = (MfCoreSummary) { .program = g_strdup (""), .remarks = g_ptr_array_new_with_free_func (g_free) };
  if (!mf_core_file_open (&core->file, path, error)) {
    g_prefix_error (error, "cannot read the core file %s: ", path);
    core_free (core);
    return NULL;
  }
  if (!core->file.notes.files->len)
    mf_core_modules_find (&core->file, root);
  core->named = mf_core_files_new (&core->file, root);
  summarize (core, summary);
  return mf_process_new (&core_source, core, core->file.notes.process, core->file.word);
}

void
mf_core_summary_clear (MfCoreSummary *summary)
{
  g_clear_pointer (&summary->program, g_free);
  g_clear_pointer (&summary->remarks, g_ptr_array_unref);
}
