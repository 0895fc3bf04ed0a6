// SPDX-License-Identifier: Apache-2.0
// The place of the id is the one that holds, for the thread at hand, a number that is a thread of the process.
#include "native-threads.h"

#include <string.h>

enum { RECORD_BYTES = 2048 };

static bool
is_thread (const GArray *threads, uint32_t number)
{
  for (guint i = 0; i < threads->len; i++)
    if ((uint32_t) g_array_index (threads, MfThreadId, i).inside == number)
      return true;
  return false;
}

static int32_t
find_offset (const MfProcess *process, uint64_t record)
{
  uint8_t bytes[RECORD_BYTES];
  g_autoptr (GArray) threads = mf_process_thread_ids (process);
  if (!mf_process_read (process, record, bytes, sizeof bytes))
    return -1;
  for (int32_t at = 0; at + 4 <= RECORD_BYTES; at += 4) {
    uint32_t number;
    memcpy (&number, bytes + at, sizeof number);
    if (is_thread (threads, GUINT32_FROM_LE (number)))
      return at;
  }
  return -1;
}

// ---- numbers inside and here

void
mf_native_threads_clear (MfNativeThreads *threads)
{
  g_clear_pointer (&threads->here, g_hash_table_unref);
}

static void
look_up_all (MfNativeThreads *threads, const MfProcess *process)
{
  g_autoptr (GArray) ids = mf_process_thread_ids (process);
  g_autoptr (GHashTable) here = g_hash_table_new (NULL, NULL);
  bool differ = false;
  for (guint i = 0; i < ids->len; i++) {
    const MfThreadId *id = &g_array_index (ids, MfThreadId, i);
    differ |= id->here != id->inside;
    g_hash_table_insert (here, GINT_TO_POINTER (id->inside), GINT_TO_POINTER (id->here));
  }
  threads->looked = true;
  mf_native_threads_clear (threads);
  threads->here = differ ? g_steal_pointer (&here) : NULL;
}

static uint64_t
number_here (MfNativeThreads *threads, const MfProcess *process, uint64_t inside)
{
  gpointer key = GINT_TO_POINTER ((int32_t) inside);
  if (!threads->looked || (threads->here && !g_hash_table_contains (threads->here, key)))
    look_up_all (threads, process);
  return threads->here ? (uint64_t) GPOINTER_TO_INT (g_hash_table_lookup (threads->here, key)) : inside;
}

uint64_t
mf_native_thread (MfNativeThreads *threads, const MfProcess *process, const MfPythonOffsets *offsets, const uint8_t *state)
{
  uint64_t number = 0, id = 0;
  bool told = offsets->native_thread >= 0;
  memcpy (&number, state + (told ? offsets->native_thread : offsets->pthread), (size_t) offsets->pointer);
  number = GUINT64_FROM_LE (number);
  if (told)
    return number_here (threads, process, number);
  if (!threads->offset)
    threads->offset = find_offset (process, number);
  if (threads->offset > 0)
    mf_process_number (process, number + (uint64_t) threads->offset, 4, &id);
  return id ? number_here (threads, process, id) : 0;
}
