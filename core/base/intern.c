// SPDX-License-Identifier: Apache-2.0
// Interned byte strings: entries in pages that never move, an open-addressing index that is
// replaced as a whole when it grows (old ones are kept until the end, because readers may still be
// in them).
#include "base/intern.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BITS = 10, PAGE_ENTRIES = 1 << PAGE_BITS, STORE_BYTES = 16384, FIRST_SLOTS = 256 };

typedef struct {
  const char *bytes;
  uint32_t length, hash;
} Entry;
typedef struct Index {
  struct Index *older;
  uint32_t mask, reserved;
  _Atomic uint32_t slots[];
} Index;
typedef struct Store {
  struct Store *older;
  size_t used, size;
  char bytes[];
} Store;

struct MfIntern {
  MfMemory *memory;
  pthread_mutex_t lock; // for adding
  _Atomic (Index *) index;
  _Atomic (Entry *) *pages;
  uint32_t n_pages, most;
  _Atomic uint32_t count; // ids given
  _Atomic uint64_t refused;
  Store *store;
};

static uint32_t
hash_of (const char *bytes, size_t length)
{
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ (uint8_t) bytes[i]) * 0x100000001b3u;
  return (uint32_t) (hash ^ hash >> 32);
}

static Index *
index_new (MfMemory *memory, uint32_t slots, Index *older)
{
  Index *index = mf_memory_resize (memory, NULL, sizeof *index + slots * sizeof index->slots[0]);
  if (!index)
    return NULL;
  memset (index, 0, sizeof *index + slots * sizeof index->slots[0]);
  index->older = older;
  index->mask = slots - 1;
  return index;
}

MfIntern *
mf_intern_new (MfMemory *memory, uint32_t most)
{
  MfIntern *intern = g_new0 (MfIntern, 1);
  intern->memory = memory;
  intern->most = most;
  intern->n_pages = most / PAGE_ENTRIES + 1;
  intern->pages = g_new0 (_Atomic (Entry *), intern->n_pages);
  pthread_mutex_init (&intern->lock, NULL);
  return intern;
}

void
mf_intern_free (MfIntern *intern)
{
  if (!intern)
    return;
  for (Index *index = intern->index, *older; index; index = older) {
    older = index->older;
    free (index);
  }
  for (Store *store = intern->store, *older; store; store = older) {
    older = store->older;
    free (store);
  }
  for (uint32_t i = 0; i < intern->n_pages; i++)
    free (intern->pages[i]);
  g_free (intern->pages);
  pthread_mutex_destroy (&intern->lock);
  g_free (intern);
}

static const Entry *
entry_of (const MfIntern *intern, uint32_t id)
{
  uint32_t at = id - 1;
  return atomic_load_explicit (&intern->pages[at >> PAGE_BITS], memory_order_acquire)
         + (at & (PAGE_ENTRIES - 1));
}

// The id of the bytes, or 0; `*slot` is where it stands or would stand.
static uint32_t
find (const MfIntern *intern, const Index *index, const char *bytes, uint32_t length, uint32_t hash,
    uint32_t *slot)
{
  for (uint32_t i = hash & index->mask;; i = (i + 1) & index->mask) {
    uint32_t id = atomic_load_explicit (&index->slots[i], memory_order_acquire);
    *slot = i;
    if (!id)
      return 0;
    const Entry *entry = entry_of (intern, id);
    if (entry->hash == hash && entry->length == length && !memcmp (entry->bytes, bytes, length))
      return id;
  }
}

static char *
store_copy (MfIntern *intern, const char *bytes, size_t length)
{
  Store *store = intern->store;
  if (!store || store->size - store->used < length + 1) {
    size_t size = MAX ((size_t) STORE_BYTES, length + 1);
    store = mf_memory_resize (intern->memory, NULL, sizeof *store + size);
    if (!store)
      return NULL;
    *store = (Store){ intern->store, 0, size };
    intern->store = store;
  }
  char *copy = store->bytes + store->used;
  memcpy (copy, bytes, length);
  copy[length] = '\0';
  store->used += length + 1;
  return copy;
}

static bool
grow_index (MfIntern *intern)
{
  Index *old = intern->index;
  uint32_t slots = old ? (old->mask + 1) * 2 : FIRST_SLOTS;
  Index *index = index_new (intern->memory, slots, old);
  if (!index)
    return false;
  for (uint32_t id = 1; id <= intern->count; id++) {
    uint32_t i = entry_of (intern, id)->hash & index->mask;
    while (index->slots[i])
      i = (i + 1) & index->mask;
    index->slots[i] = id;
  }
  atomic_store_explicit (&intern->index, index, memory_order_release);
  return true;
}

static Entry *
new_entry (MfIntern *intern, uint32_t id)
{
  uint32_t at = id - 1;
  Entry *page = intern->pages[at >> PAGE_BITS];
  if (!page) {
    page = mf_memory_resize (intern->memory, NULL, PAGE_ENTRIES * sizeof *page);
    if (!page)
      return NULL;
    atomic_store_explicit (&intern->pages[at >> PAGE_BITS], page, memory_order_release);
  }
  return page + (at & (PAGE_ENTRIES - 1));
}

// With the lock held.
static uint32_t
insert (MfIntern *intern, const char *bytes, uint32_t length, uint32_t hash)
{
  Index *index = intern->index;
  if (!index || intern->count >= index->mask / 2) {
    if (!grow_index (intern))
      return 0;
    index = intern->index;
  }
  uint32_t slot, id = find (intern, index, bytes, length, hash, &slot);
  if (id || intern->count == intern->most)
    return id;
  id = intern->count + 1;
  Entry *entry = new_entry (intern, id);
  char *copy = entry ? store_copy (intern, bytes, length) : NULL;
  if (!copy)
    return 0;
  *entry = (Entry){ copy, length, hash };
  atomic_store_explicit (&intern->count, id, memory_order_release);
  atomic_store_explicit (&index->slots[slot], id, memory_order_release);
  return id;
}

uint32_t
mf_intern_add (MfIntern *intern, const void *bytes, size_t length)
{
  if (length == 0)
    return 0;
  uint32_t used = (uint32_t) MIN (length, (size_t) MF_INTERN_MAX_LENGTH);
  uint32_t slot, hash = hash_of (bytes, used);
  const Index *index = atomic_load_explicit (&intern->index, memory_order_acquire);
  uint32_t id = index ? find (intern, index, bytes, used, hash, &slot) : 0;
  if (id)
    return id;
  pthread_mutex_lock (&intern->lock);
  id = insert (intern, bytes, used, hash);
  pthread_mutex_unlock (&intern->lock);
  if (!id)
    atomic_fetch_add_explicit (&intern->refused, 1, memory_order_relaxed);
  return id;
}

const char *
mf_intern_get (const MfIntern *intern, uint32_t id, size_t *length)
{
  bool known = id && id <= atomic_load_explicit (&intern->count, memory_order_acquire);
  const Entry *entry = known ? entry_of (intern, id) : NULL;
  if (length)
    *length = entry ? entry->length : 0;
  return entry ? entry->bytes : "";
}

uint64_t
mf_intern_refused (const MfIntern *intern)
{
  return atomic_load_explicit (&intern->refused, memory_order_relaxed);
}
