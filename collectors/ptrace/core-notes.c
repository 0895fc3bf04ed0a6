// SPDX-License-Identifier: Apache-2.0
// Notes are read at offsets of tables: they differ by the width of a pointer alone.
#include "core-notes.h"

#include <elf.h>
#include <string.h>

G_DEFINE_QUARK (memflow-core-error, mf_core_error)

enum { MOST_THREADS = 1 << 20 };

void
mf_core_notes_clear (MfCoreNotes *notes)
{
  g_clear_pointer (&notes->threads, g_array_unref);
  g_clear_pointer (&notes->files, g_array_unref);
}

static bool
damaged (GError **error, const char *what)
{
  g_set_error (error, MF_CORE_ERROR, MF_CORE_ERROR_DAMAGED, "its notes are damaged: %s", what);
  return false;
}

// ---- one note

static uint32_t
padded (uint32_t n)
{
  return (n + 3) & ~UINT32_C (3);
}

bool
mf_elf_note_next (const uint8_t *bytes, size_t n, size_t *at, MfElfNote *note)
{
  enum { HEAD = 12, LARGEST = 1 << 30 };
  uint32_t head[3];
  if (n < HEAD || *at > n - HEAD)
    return false;
  memcpy (head, bytes + *at, HEAD);
  uint32_t owner = GUINT32_FROM_LE (head[0]), size = GUINT32_FROM_LE (head[1]);
  size_t room = n - *at - HEAD;
  if (owner > LARGEST || size > LARGEST || padded (owner) > room || size > room - padded (owner))
    return false;
  *note = (MfElfNote) { GUINT32_FROM_LE (head[2]), (const char *) bytes + *at + HEAD, bytes + *at + HEAD + padded (owner), owner, size };
  *at += HEAD + padded (owner) + MIN (padded (size), room - padded (owner));
  return true;
}

static uint64_t
number_in (const MfElfNote *note, size_t at, unsigned width)
{
  uint64_t number = 0;
  if (at <= note->size && width <= note->size - at)
    memcpy (&number, note->bytes + at, width);
  return GUINT64_FROM_LE (number);
}

// ---- threads and the process

static bool
take_thread (MfCoreNotes *notes, const MfElfNote *note, unsigned word, GError **error)
{
  enum { SIGNAL = 12, BEHIND_SIGNALS = 16 };
  size_t number_at = BEHIND_SIGNALS + 2 * word;
  if (note->size < number_at + 4 || notes->threads->len >= MOST_THREADS)
    return damaged (error, "the state of a thread is too short");
  int32_t thread = (int32_t) number_in (note, number_at, 4);
  if (!notes->threads->len)
    notes->signal = (int32_t) number_in (note, SIGNAL, 2);
  g_array_append_val (notes->threads, thread);
  return true;
}

// Users have 16 bits on some machines of 32 bits: the size of the whole tells.
static bool
take_process (MfCoreNotes *notes, const MfElfNote *note, unsigned word, GError **error)
{
  static const struct { unsigned word; uint32_t size, process, name; } forms[] = { { 8, 136, 24, 40 }, { 4, 124, 12, 28 }, { 4, 128, 16, 32 } };
  for (size_t i = 0; i < G_N_ELEMENTS (forms); i++) {
    if (forms[i].word != word || forms[i].size != note->size)
      continue;
    notes->process = (int32_t) number_in (note, forms[i].process, 4);
    memcpy (notes->name, note->bytes + forms[i].name, sizeof notes->name - 1);
    return true;
  }
  return damaged (error, "the record of the process has a size that is not known");
}

// The value of a type among pairs that begin at `from`; 0 = it has none.
static uint64_t
auxiliary (const MfElfNote *note, size_t from, unsigned word, uint64_t type)
{
  for (size_t at = from; at + 2 * word <= note->size; at += 2 * word)
    if (number_in (note, at, word) == type)
      return number_in (note, at + word, word);
  return 0;
}

// qemu-user 7.2 leaves out the first word: the size of a page tells where pairs begin.
static bool
take_auxiliary (MfCoreNotes *notes, const MfElfNote *note, unsigned word, GError **error)
{
  enum { LEAST_PAGE = 4096 };
  (void) error;
  for (size_t from = 0; from <= word; from += word) {
    uint64_t page = auxiliary (note, from, word, AT_PAGESZ);
    if (page < LEAST_PAGE || page & (page - 1))
      continue;
    notes->program_headers = auxiliary (note, from, word, AT_PHDR);
    notes->program_name = auxiliary (note, from, word, AT_EXECFN);
    return true;
  }
  return true;
}

// ---- files

static void
clear_mapped (void *mapped)
{
  g_free (((MfCoreMapped *) mapped)->path);
}

static int
by_address (const void *a, const void *b)
{
  uint64_t x = ((const MfCoreMapped *) a)->from, y = ((const MfCoreMapped *) b)->from;
  return (x > y) - (x < y);
}

// count, bytes of a page, {from, to, offset in pages}..., names in the same order.
static bool
take_files (MfCoreNotes *notes, const MfElfNote *note, unsigned word, GError **error)
{
  uint64_t n = number_in (note, 0, word), page = number_in (note, word, word);
  if (note->size < 2 * word || n > (note->size - 2 * word) / (3 * word) || !page || page > 1 << 24)
    return damaged (error, "the list of mapped files is too short");
  size_t name_at = 2 * word + n * 3 * word;
  for (uint64_t i = 0; i < n; i++) {
    size_t at = 2 * word + i * 3 * word, length = strnlen ((const char *) note->bytes + name_at, note->size - name_at);
    MfCoreMapped mapped = { number_in (note, at, word), number_in (note, at + word, word), number_in (note, at + 2 * word, word), NULL,
      false };
    if (length == note->size - name_at || mapped.from >= mapped.to || mapped.offset > (UINT64_MAX >> 1) / page)
      return damaged (error, "the list of mapped files names what cannot be");
    mapped.offset *= page;
    mapped.path = g_strndup ((const char *) note->bytes + name_at, length);
    name_at += length + 1;
    g_array_append_val (notes->files, mapped);
  }
  g_array_sort (notes->files, by_address);
  return true;
}

// ---- all of them

static bool
take_note (MfCoreNotes *notes, const MfElfNote *note, unsigned word, GError **error)
{
  static const struct {
    uint32_t type;
    bool (*take) (MfCoreNotes *notes, const MfElfNote *note, unsigned word, GError **error);
  } kinds[] = { { NT_PRSTATUS, take_thread }, { NT_PRPSINFO, take_process }, { NT_AUXV, take_auxiliary }, { NT_FILE, take_files } };
  if (note->owner_size != sizeof "CORE" || memcmp (note->owner, "CORE", sizeof "CORE") != 0)
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i].type == note->type)
      return kinds[i].take (notes, note, word, error);
  return true;
}

bool
mf_core_notes_read (MfCoreNotes *notes, const uint8_t *bytes, size_t n, unsigned word, GError **error)
{
  MfElfNote note;
  size_t at = 0;
  if (!notes->threads) {
    notes->threads = g_array_new (FALSE, FALSE, sizeof (int32_t));
    notes->files = g_array_new (FALSE, FALSE, sizeof (MfCoreMapped));
    g_array_set_clear_func (notes->files, clear_mapped);
  }
  while (mf_elf_note_next (bytes, n, &at, &note))
    if (!take_note (notes, &note, word, error))
      return false;
  return at == n || damaged (error, "they are cut off");
}
