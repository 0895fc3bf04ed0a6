// SPDX-License-Identifier: Apache-2.0
// The questions that all sources of a process answer alike.
#include "process-source.h"

struct MfProcess {
  const MfProcessSource *kind;
  void *source;
  int32_t id;
  unsigned word;
  MfEmulation emulation;
  GArray *mappings;
};

G_DEFINE_QUARK (memflow-process-error, mf_process_error)

MfProcess *
mf_process_new (const MfProcessSource *kind, void *source, int32_t id, unsigned word)
{
  MfProcess *process = g_new0 (MfProcess, 1);
  *process = (MfProcess) { .kind = kind, .source = source, .id = id, .word = word };
  return process;
}

void
mf_process_close (MfProcess *process)
{
  if (!process)
    return;
  process->kind->free (process->source);
  g_clear_pointer (&process->mappings, g_array_unref);
  g_free (process);
}

int32_t
mf_process_id (const MfProcess *process)
{
  return process->id;
}

unsigned
mf_process_word (const MfProcess *process)
{
  return process->word;
}

bool
mf_process_is_live (const MfProcess *process)
{
  return process->kind->live;
}

void
mf_process_set_emulation (MfProcess *process, MfEmulation emulation)
{
  process->emulation = emulation;
}

MfEmulation
mf_process_emulation (const MfProcess *process)
{
  return process->emulation;
}

// ---- memory

bool
mf_process_gather (const MfProcess *process, const MfRemoteSpan *spans, unsigned n)
{
  return process->kind->gather (process->source, spans, n);
}

bool
mf_process_read (const MfProcess *process, uint64_t at, void *to, size_t n)
{
  const MfRemoteSpan span = { at, to, n };
  return mf_process_gather (process, &span, 1);
}

bool
mf_process_number (const MfProcess *process, uint64_t at, unsigned width, uint64_t *number)
{
  *number = 0;
  bool read = width <= sizeof *number && mf_process_read (process, at, number, width);
  *number = GUINT64_FROM_LE (*number);
  return read;
}

bool
mf_process_pointer (const MfProcess *process, uint64_t at, uint64_t *pointer)
{
  return mf_process_number (process, at, process->word, pointer);
}

// ---- what is loaded, and what runs

static void
clear_mapping (void *mapping)
{
  g_free (((MfMapping *) mapping)->path);
}

const GArray *
mf_process_mappings (MfProcess *process, GError **error)
{
  g_autoptr (GArray) mappings = g_array_new (FALSE, FALSE, sizeof (MfMapping));
  g_array_set_clear_func (mappings, clear_mapping);
  if (!process->kind->mappings (process->source, mappings, error))
    return NULL;
  g_clear_pointer (&process->mappings, g_array_unref);
  process->mappings = g_steal_pointer (&mappings);
  return process->mappings;
}

char *
mf_process_open_path (const MfProcess *process, const MfMapping *mapping)
{
  return process->kind->open_path (process->source, mapping);
}

char *
mf_process_program_path (const MfProcess *process)
{
  return process->kind->program_path (process->source);
}

static int
by_number_here (const void *a, const void *b)
{
  int32_t x = ((const MfThreadId *) a)->here, y = ((const MfThreadId *) b)->here;
  return (x > y) - (x < y);
}

GArray *
mf_process_thread_ids (const MfProcess *process)
{
  GArray *threads = g_array_new (FALSE, FALSE, sizeof (MfThreadId));
  process->kind->threads (process->source, threads);
  g_array_sort (threads, by_number_here);
  return threads;
}

GArray *
mf_process_threads (const MfProcess *process)
{
  g_autoptr (GArray) both = mf_process_thread_ids (process);
  GArray *threads = g_array_sized_new (FALSE, FALSE, sizeof (int32_t), both->len);
  for (guint i = 0; i < both->len; i++)
    g_array_append_val (threads, g_array_index (both, MfThreadId, i).here);
  return threads;
}
