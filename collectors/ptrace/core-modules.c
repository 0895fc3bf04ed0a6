// SPDX-License-Identifier: Apache-2.0
// The list is known by what it holds: no file is needed to find it.
#include "core-modules.h"

#include <elf.h>
#include <string.h>

#include "elf-image.h"

enum { PAGE = 4096, MOST_MODULES = 4096, PATH_MOST = 4096, SCANNED_MOST = 16 << 20 };

// Words of struct r_debug and struct link_map.
enum { VERSION, FIRST, BREAK, STATE, LOADER, DEBUG_WORDS };
enum { ADDED, NAME, DYNAMIC, NEXT, PREVIOUS, MODULE_WORDS };

static uint64_t
word_in (const MfCoreFile *core, const uint8_t *bytes, size_t i)
{
  uint64_t word = 0;
  memcpy (&word, bytes + i * core->word, core->word);
  return GUINT64_FROM_LE (word);
}

static bool
read_module (const MfCoreFile *core, uint64_t at, uint64_t words[MODULE_WORDS])
{
  uint8_t bytes[MODULE_WORDS * sizeof (uint64_t)];
  size_t n = (size_t) MODULE_WORDS * core->word;
  if (!at || mf_core_file_read (core, at, bytes, n) != n)
    return false;
  for (size_t i = 0; i < MODULE_WORDS; i++)
    words[i] = word_in (core, bytes, i);
  return true;
}

// ---- finding the list

// The members that are less than a word wide have zeros or nothing of interest behind them.
static bool
may_be_list (const MfCoreFile *core, const uint8_t *bytes, uint64_t *first)
{
  enum { LATEST_VERSION = 2, LAST_STATE = 2 };
  uint32_t version, state;
  memcpy (&version, bytes, sizeof version);
  memcpy (&state, bytes + (size_t) STATE * core->word, sizeof state);
  uint64_t loader = word_in (core, bytes, LOADER);
  *first = word_in (core, bytes, FIRST);
  return GUINT32_FROM_LE (version) - 1 < LATEST_VERSION && GUINT32_FROM_LE (state) <= LAST_STATE && *first && *first % core->word == 0
      && word_in (core, bytes, BREAK) && loader && loader % PAGE == 0;
}

// The first one names nobody before it, and the next one names the first.
static bool
is_chain (const MfCoreFile *core, uint64_t first)
{
  uint64_t module[MODULE_WORDS], next[MODULE_WORDS];
  return read_module (core, first, module) && !module[PREVIOUS] && mf_core_file_segment (core, module[DYNAMIC])
      && read_module (core, module[NEXT], next) && next[PREVIOUS] == first && mf_core_file_segment (core, next[DYNAMIC]);
}

static uint64_t
find_in_segment (const MfCoreFile *core, const MfCoreSegment *segment)
{
  uint64_t first, n = segment->there;
  if (!(segment->flags & PF_W) || n > SCANNED_MOST || n < (uint64_t) DEBUG_WORDS * core->word)
    return 0;
  g_autofree uint8_t *bytes = g_try_malloc (n);
  if (!bytes || mf_core_file_read (core, segment->from, bytes, n) != n)
    return 0;
  for (uint64_t i = 0; i <= n - (uint64_t) DEBUG_WORDS * core->word; i += core->word)
    if (may_be_list (core, bytes + i, &first) && is_chain (core, first))
      return first;
  return 0;
}

static uint64_t
find_first (const MfCoreFile *core)
{
  for (guint i = 0; i < core->segments->len; i++) {
    uint64_t first = find_in_segment (core, &g_array_index (core->segments, MfCoreSegment, i));
    if (first)
      return first;
  }
  return 0;
}

// ---- its modules

// NULL = it is not all there.
static char *
read_text (const MfCoreFile *core, uint64_t at)
{
  char text[PATH_MOST];
  size_t n = at ? mf_core_file_read (core, at, text, sizeof text) : 0;
  return memchr (text, 0, n) ? g_strdup (text) : NULL;
}

typedef struct {
  MfCoreFile *core;
  const char *root;
} Finder;

static MfElfImage *
open_image (const Finder *finder, const char *path)
{
  g_autofree char *full = g_strconcat (finder->root ? finder->root : "", path, NULL);
  return *path == '/' && g_file_test (full, G_FILE_TEST_IS_REGULAR) ? mf_elf_image_open (full, 0, NULL) : NULL;
}

// Its dynamic section has to be where the list says.
static bool
is_file_of (const Finder *finder, const MfElfImage *image, const uint64_t module[MODULE_WORDS])
{
  uint64_t at = mf_elf_image_dynamic (image) + module[ADDED];
  return mf_elf_image_word (image) == finder->core->word && mf_elf_image_machine (image) == finder->core->machine
      && (finder->core->word == 4 ? (uint32_t) at : at) == module[DYNAMIC];
}

static void
add_mapped (const Finder *finder, const MfCoreMapped *mapped)
{
  MfCoreMapped its = *mapped;
  its.path = g_strdup (mapped->path);
  g_array_append_val (finder->core->notes.files, its);
}

static void
add_parts (const Finder *finder, char *path, const MfElfImage *image, uint64_t added)
{
  MfElfLoad part;
  for (unsigned i = 0; mf_elf_image_load (image, i, &part); i++) {
    uint64_t before = part.at % PAGE, from = part.at - before + added, n = (part.in_file + before + PAGE - 1) / PAGE * PAGE;
    const MfCoreMapped mapped = { from, from + n, part.offset - before, path, false };
    if (part.in_file && part.in_file <= UINT64_MAX / 2 && part.offset >= before && n <= UINT64_MAX - from)
      add_mapped (finder, &mapped);
  }
}

// A file that is not there, or is another one, is known by its name and by a page of it.
static void
add_module (const Finder *finder, char *path, const uint64_t module[MODULE_WORDS])
{
  g_autoptr (MfElfImage) image = open_image (finder, path);
  uint64_t page = module[DYNAMIC] & ~(uint64_t) (PAGE - 1);
  const MfCoreMapped unknown = { page, page + PAGE, PAGE, path, image != NULL };
  if (image && is_file_of (finder, image, module))
    add_parts (finder, path, image, module[ADDED]);
  else
    add_mapped (finder, &unknown);
}

// ---- the program: its name in the list is empty, and may be left out of the core

// Its path stands behind all words that it got; in qemu-user in front of them. If a loader was asked to run it, that is the loader's
// path, and its own is one of the words.
static char *
find_program (const Finder *finder, const uint64_t module[MODULE_WORDS])
{
  enum { WORDS_MOST = 128 << 10 };
  const MfCoreFile *core = finder->core;
  uint64_t name = core->notes.program_name;
  const MfCoreSegment *segment = mf_core_file_segment (core, name);
  uint64_t before = segment ? MIN (name - segment->from, WORDS_MOST) : 0;
  g_autofree char *words = g_malloc0 (2 * WORDS_MOST + 1);
  uint64_t n = mf_core_file_read (core, name - before, words, 2 * WORDS_MOST);
  for (uint64_t at = 0; at < n; at += strlen (words + at) + 1) {
    g_autoptr (MfElfImage) image = open_image (finder, words + at);
    if (image && is_file_of (finder, image, module))
      return g_strdup (words + at);
  }
  return NULL;
}

static char *
name_program (const Finder *finder, const uint64_t module[MODULE_WORDS])
{
  g_autofree char *told = read_text (finder->core, finder->core->notes.program_name);
  g_autoptr (MfElfImage) image = told ? open_image (finder, told) : NULL;
  char *found = image && is_file_of (finder, image, module) ? NULL : find_program (finder, module);
  return found ? found : g_steal_pointer (&told);
}

static int
by_address (const void *a, const void *b)
{
  uint64_t x = ((const MfCoreMapped *) a)->from, y = ((const MfCoreMapped *) b)->from;
  return (x > y) - (x < y);
}

void
mf_core_modules_find (MfCoreFile *core, const char *root)
{
  const Finder finder = { core, root };
  uint64_t module[MODULE_WORDS], at = find_first (core);
  for (int i = 0; i < MOST_MODULES && read_module (core, at, module); i++, at = module[NEXT]) {
    g_autofree char *name = read_text (core, module[NAME]);
    g_autofree char *path = i == 0 && (!name || !*name) ? name_program (&finder, module) : g_steal_pointer (&name);
    if (path && *path == '/')
      add_module (&finder, path, module);
  }
  g_array_sort (core->notes.files, by_address);
}
