// SPDX-License-Identifier: Apache-2.0
// Heap maps written as text: one letter is 16 bytes, '.' free, '=' goes on, '|' the next region.
#pragma once

#include "heap-map.h"

#include <glib.h>
#include <string.h>

#define CELL 16

// Refuses the allocation number `refuse` (0 = the first); -1 refuses none.
typedef struct {
  int calls;
  int refuse;
} Memory;

static inline void *
memory_resize (void *user, void *old, size_t bytes)
{
  Memory *memory = user;

  if (bytes == 0) {
    g_free (old);
    return NULL;
  }
  return memory->calls++ == memory->refuse ? NULL : g_realloc (old, bytes);
}

static inline MfHeapMapStatus
append_text (MfHeapMap *map, const char *text)
{
  MfHeapMapStatus status = MF_HEAP_MAP_OK;
  MfMapBlock block = { 0 };

  while (*text != '\0' && status == MF_HEAP_MAP_OK) {
    size_t length = 1 + strspn (text + 1, "=");
    block.size = length * CELL;
    block.kind = *text == '.' ? MF_HEAP_FREE : (uint32_t)*text;
    status = mf_heap_map_append (map, &block);
    block.offset += block.size;
    text += length;
    if (*text == '|')
      block = (MfMapBlock){ .region = block.region + 1 }, text++;
  }
  return status;
}

static inline void
map_from_text (MfHeapMap *map, const char *text)
{
  static Memory memory = { .refuse = -1 };

  mf_heap_map_init (map, memory_resize, &memory);
  g_assert_cmpint (append_text (map, text), ==, MF_HEAP_MAP_OK);
}

// Expands the rows of a recorded map, "00000400: h==..." and "  (10 lines all free)".
static inline void
map_from_recording (MfHeapMap *map, const char *name)
{
  g_autofree char *path = g_build_filename ("tests", "data", "heap", name, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GString) cells = g_string_new (NULL);

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_auto (GStrv) rows = g_strsplit (text, "\n", -1);
  for (char **row = rows; *row != NULL; row++) {
    const char *letters = strstr (*row, ": "), *skip = strchr (*row, '(');
    if (skip != NULL)
      for (guint64 i = 64 * g_ascii_strtoull (skip + 1, NULL, 10); i > 0; i--)
        g_string_append_c (cells, '.');
    else if (letters != NULL)
      g_string_append (cells, letters + 2);
  }
  map_from_text (map, cells->str);
}

// A random map of `n_cells` cells in up to three regions: fragmented enough to be interesting.
static inline char *
random_text (GRand *random, int n_cells)
{
  GString *text = g_string_new ("A");

  for (int i = 1; i < n_cells; i++) {
    char before = text->str[text->len - 1];
    gint32 dice = g_rand_int_range (random, 0, 24);
    if (dice == 0 && i < n_cells - 1 && before != '|')
      g_string_append_c (text, '|');
    else if (dice < 10 || (dice < 18 && before == '.'))
      g_string_append_c (text, '.');
    else if (dice < 18 && before != '|')
      g_string_append_c (text, '=');
    else
      g_string_append_c (text, "ABh"[dice % 3]);
  }
  return g_string_free (text, FALSE);
}
