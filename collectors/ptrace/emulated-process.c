// SPDX-License-Identifier: Apache-2.0
// The base is not told anywhere. It follows from what the program's loader wrote: a word that holds an address of the program, in a
// file of which it is known where the emulator mapped it, gives the difference. Many words vote.
#include "emulated-process.h"

#include <elf.h>
#include <string.h>

#include "elf-image.h"
#include "process-source.h"

enum { PAGE = 4096, SPANS_AT_ONCE = 128 };

typedef struct {
  MfProcess *host;
  MfEmulation place;
  uint16_t machine;        // of the emulator
  unsigned word;           // of its pointers
  GHashTable *own_files;   // path -> whether it is the emulator's own: a program or library for its machine
} Emulated;

// ---- files of the program

// EM_NONE = it is no ELF file.
static uint16_t
machine_of (const MfProcess *host, const MfMapping *mapping, unsigned *word, MfElfImage **image)
{
  g_autofree char *path = mf_process_open_path (host, mapping);
  *image = path ? mf_elf_image_open (path, mapping->from, NULL) : NULL;
  *word = *image ? mf_elf_image_word (*image) : 0;
  return *image ? mf_elf_image_machine (*image) : EM_NONE;
}

static bool
is_own (const Emulated *emulated, const MfMapping *mapping)
{
  gpointer own;
  if (g_hash_table_lookup_extended (emulated->own_files, mapping->path, NULL, &own))
    return GPOINTER_TO_INT (own);
  MfElfImage *image;
  unsigned word;
  uint16_t machine = machine_of (emulated->host, mapping, &word, &image);
  mf_elf_image_free (image);
  own = GINT_TO_POINTER (machine == emulated->machine && word == emulated->word);
  g_hash_table_insert (emulated->own_files, g_strdup (mapping->path), own);
  return GPOINTER_TO_INT (own);
}

static bool
is_within (const MfEmulation *place, uint64_t at)
{
  return at >= place->base && at - place->base < place->size;
}

// ---- the source

// At the same places, moved.
static bool
emulated_gather (const void *source, const MfRemoteSpan *spans, unsigned n)
{
  const Emulated *emulated = source;
  MfRemoteSpan moved[SPANS_AT_ONCE];
  for (unsigned done = 0, now; done < n; done += now) {
    now = MIN (n - done, SPANS_AT_ONCE);
    for (unsigned i = 0; i < now; i++) {
      moved[i] = spans[done + i];
      if (moved[i].at >= emulated->place.size || moved[i].n > emulated->place.size - moved[i].at)
        return false;
      moved[i].at += emulated->place.base;
    }
    if (!mf_process_gather (emulated->host, moved, now))
      return false;
  }
  return true;
}

static bool
emulated_mappings (const void *source, GArray *mappings, GError **error)
{
  const Emulated *emulated = source;
  const GArray *all = mf_process_mappings (emulated->host, error);
  for (guint i = 0; all && i < all->len; i++) {
    MfMapping mapping = g_array_index (all, MfMapping, i);
    if (!is_within (&emulated->place, mapping.from) || (mapping.inode && is_own (emulated, &mapping)))
      continue;
    mapping.from -= emulated->place.base;
    mapping.to = MIN (mapping.to - emulated->place.base, emulated->place.size);
    mapping.path = g_strdup (mapping.path);
    g_array_append_val (mappings, mapping);
  }
  return all != NULL;
}

static void
emulated_threads (const void *source, GArray *threads)
{
  g_autoptr (GArray) all = mf_process_thread_ids (((const Emulated *) source)->host);
  g_array_append_vals (threads, all->data, all->len);
}

static char *
emulated_open_path (const void *source, const MfMapping *mapping)
{
  const Emulated *emulated = source;
  MfMapping moved = *mapping;
  moved.from += emulated->place.base;
  moved.to += emulated->place.base;
  return mf_process_open_path (emulated->host, &moved);
}

// The emulator is what the kernel knows.
static char *
emulated_program_path (const void *source)
{
  (void) source;
  return NULL;
}

static void
emulated_free (void *source)
{
  Emulated *emulated = source;
  mf_process_close (emulated->host);
  g_hash_table_unref (emulated->own_files);
  g_free (emulated);
}

static const MfProcessSource emulated_source = { true, emulated_gather, emulated_mappings, emulated_threads, emulated_open_path,
  emulated_program_path, emulated_free };

// ---- the base

typedef struct {
  uint64_t base;
  unsigned votes;
} Candidate;

static void
vote (GArray *candidates, uint64_t base, unsigned votes)
{
  for (guint i = 0; i < candidates->len; i++)
    if (g_array_index (candidates, Candidate, i).base == base) {
      g_array_index (candidates, Candidate, i).votes += votes;
      return;
    }
  const Candidate candidate = { base, votes };
  g_array_append_val (candidates, candidate);
}

static void
ask_words (const MfProcess *host, const MfMapping *mapping, const MfElfImage *image, GArray *candidates)
{
  enum { MOST_WORDS = 200 };
  uint64_t loaded;
  MfElfPointer pointers[MOST_WORDS];
  unsigned n = mf_elf_image_pointers (image, pointers, MOST_WORDS);
  for (unsigned i = 0; i < n; i++) {
    if (!mf_process_number (host, pointers[i].at, mf_elf_image_word (image), &loaded))
      continue;
    // It is to hold pointers[i].to as an address of the process; as one of the program that is less by the base.
    uint64_t base = pointers[i].to - loaded;
    if (base % PAGE == 0 && base <= mapping->from)
      vote (candidates, base, 1);
  }
}

static void
ask_image (const MfProcess *host, const MfMapping *mapping, const MfElfImage *image, GArray *candidates)
{
  enum { CERTAIN = 1000 };
  uint64_t wanted;
  if (mf_elf_image_fixed (image, &wanted) && mapping->from >= wanted)
    vote (candidates, mapping->from - wanted, CERTAIN);
  else
    ask_words (host, mapping, image, candidates);
}

// Asks all files that are for another machine than the emulator; false = there are none, or they do not agree.
static bool
find_place (Emulated *emulated, const GArray *mappings, unsigned *word)
{
  enum { LEAST_VOTES = 4 };
  Candidate best = { 0 };
  g_autoptr (GArray) candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));
  for (guint i = 0; i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    MfElfImage *image = NULL;
    unsigned its = 0;
    uint16_t machine = mapping->offset || !mapping->inode ? EM_NONE : machine_of (emulated->host, mapping, &its, &image);
    if (machine != EM_NONE && (machine != emulated->machine || its != emulated->word)) {
      ask_image (emulated->host, mapping, image, candidates);
      *word = its;
    }
    mf_elf_image_free (image);
  }
  for (guint i = 0; i < candidates->len; i++)
    if (g_array_index (candidates, Candidate, i).votes > best.votes)
      best = g_array_index (candidates, Candidate, i);
  emulated->place = (MfEmulation) { best.base, *word == 4 ? UINT64_C (1) << 32 : UINT64_C (1) << 48 };
  return best.votes >= LEAST_VOTES;
}

// ---- opening

static bool
is_emulator (const MfProcess *host)
{
  g_autofree char *path = mf_process_program_path (host), *name = path ? g_path_get_basename (path) : NULL;
  return name && g_str_has_prefix (name, "qemu-") && !g_str_has_prefix (name, "qemu-system-");
}

static MfProcess *
refuse (Emulated *emulated, GError **error)
{
  g_autofree char *path = mf_process_program_path (emulated->host);
  g_set_error (error, MF_PROCESS_ERROR, MF_PROCESS_ERROR_UNREADABLE,
      "process %d is an emulator (%s), and where in it its program begins was not found: it may be one for this machine, a big-endian one, "
      "or not loaded yet",
      mf_process_id (emulated->host), path ? path : "?");
  emulated_free (emulated);
  return NULL;
}

MfProcess *
mf_process_emulated (MfProcess *host, GError **error)
{
  if (!is_emulator (host))
    return host;
  Emulated *emulated = g_new0 (Emulated, 1);
  *emulated = (Emulated) { .host = host, .word = mf_process_word (host),
    .own_files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  g_autofree char *program = g_strdup_printf ("/proc/%d/exe", mf_process_id (host));
  g_autoptr (MfElfImage) image = mf_elf_image_open (program, 0, NULL);
  const GArray *mappings = mf_process_mappings (host, NULL);
  unsigned word = 0;
  emulated->machine = image ? mf_elf_image_machine (image) : EM_NONE;
  if (!image || !mappings || !find_place (emulated, mappings, &word))
    return refuse (emulated, error);
  MfProcess *process = mf_process_new (&emulated_source, emulated, mf_process_id (host), word);
  mf_process_set_emulation (process, emulated->place);
  return process;
}
