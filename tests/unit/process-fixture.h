// SPDX-License-Identifier: Apache-2.0
// A process made up by a test: areas of memory that the test keeps, threads, no files.
#pragma once

#include <string.h>

#include "process-source.h"

typedef struct {
  uint64_t at, size;
  uint32_t flags;        // MF_MAPPING_*
  const void *bytes;     // stay the test's
  const char *path;      // NULL = none
} MadeArea;

typedef struct {
  GArray *areas;         // of MadeArea, in order of address
  GArray *threads;       // of MfThreadId
  unsigned gathers;      // calls so far
} MadeProcess;

static inline const uint8_t *
made_bytes (const MadeProcess *made, uint64_t at, size_t n)
{
  for (guint i = 0; i < made->areas->len; i++) {
    const MadeArea *area = &g_array_index (made->areas, MadeArea, i);
    if (at >= area->at && at - area->at < area->size && n <= area->size - (at - area->at))
      return (const uint8_t *) area->bytes + (at - area->at);
  }
  return NULL;
}

static inline bool
made_gather (const void *source, const MfRemoteSpan *spans, unsigned n)
{
  ((MadeProcess *) source)->gathers++;
  for (unsigned i = 0; i < n; i++) {
    const uint8_t *bytes = made_bytes (source, spans[i].at, spans[i].n);
    if (spans[i].n && !bytes)
      return false;
    if (spans[i].n)
      memcpy (spans[i].to, bytes, spans[i].n);
  }
  return true;
}

static inline bool
made_mappings (const void *source, GArray *mappings, GError **error)
{
  const MadeProcess *made = source;
  (void) error;
  for (guint i = 0; i < made->areas->len; i++) {
    const MadeArea *area = &g_array_index (made->areas, MadeArea, i);
    const MfMapping mapping = { .from = area->at, .to = area->at + area->size, .inode = area->path != NULL, .flags = area->flags,
      .path = g_strdup (area->path ? area->path : "") };
    g_array_append_val (mappings, mapping);
  }
  return true;
}

static inline void
made_threads (const void *source, GArray *threads)
{
  const MadeProcess *made = source;
  g_array_append_vals (threads, made->threads->data, made->threads->len);
}

static inline char *
made_open_path (const void *source, const MfMapping *mapping)
{
  (void) source;
  return *mapping->path ? g_strdup (mapping->path) : NULL;
}

static inline char *
made_program_path (const void *source)
{
  (void) source;
  return NULL;
}

static inline void
made_free (void *source)
{
  MadeProcess *made = source;
  g_array_unref (made->areas);
  g_array_unref (made->threads);
  g_free (made);
}

static const MfProcessSource made_source = { true, made_gather, made_mappings, made_threads, made_open_path, made_program_path,
  made_free };

// `made` belongs to the process that is returned.
static inline MfProcess *
made_process (unsigned word, MadeProcess **made)
{
  *made = g_new0 (MadeProcess, 1);
  (*made)->areas = g_array_new (FALSE, FALSE, sizeof (MadeArea));
  (*made)->threads = g_array_new (FALSE, FALSE, sizeof (MfThreadId));
  return mf_process_new (&made_source, *made, 77, word);
}

static inline void
made_area (MadeProcess *made, uint64_t at, const void *bytes, size_t n, uint32_t flags, const char *path)
{
  const MadeArea area = { at, n, flags, bytes, path };
  g_array_append_val (made->areas, area);
}

static inline void
made_thread (MadeProcess *made, int32_t here, int32_t inside)
{
  const MfThreadId thread = { here, inside };
  g_array_append_val (made->threads, thread);
}
