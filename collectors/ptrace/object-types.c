// SPDX-License-Identifier: Apache-2.0
// A type is what has a type whose type, or whose type's type, is its own type; and a name that can be printed.
#include "object-types.h"

#include <string.h>

enum { NAME_MOST = 256, READY = 1 << 12 /* Py_TPFLAGS_READY */, DEEPEST_META = 4, MOST_REFUSED = 1 << 16 };

struct MfRemoteTypes {
  const MfProcess *process;
  const MfPythonOffsets *offsets;
  GHashTable *known;    // address -> MfRemoteType
  GHashTable *refused;  // addresses that are none
  uint64_t type_type;   // of `type` itself, found through the first type
};

static void
free_type (void *pointer)
{
  MfRemoteType *type = pointer;
  g_free (type->name);
  g_free (type);
}

MfRemoteTypes *
mf_remote_types_new (const MfProcess *process, const MfPythonOffsets *offsets)
{
  MfRemoteTypes *types = g_new0 (MfRemoteTypes, 1);
  types->process = process;
  types->offsets = offsets;
  types->known = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, free_type);
  types->refused = g_hash_table_new (g_direct_hash, g_direct_equal);
  return types;
}

void
mf_remote_types_free (MfRemoteTypes *types)
{
  if (!types)
    return;
  g_hash_table_unref (types->known);
  g_hash_table_unref (types->refused);
  g_free (types);
}

static uint64_t
type_of (const MfRemoteTypes *types, uint64_t object)
{
  uint64_t type = 0;
  mf_process_pointer (types->process, object + (uint64_t) types->offsets->type, &type);
  return type;
}

// Metaclasses lead to `type`, which is its own type.
static bool
leads_to_type (MfRemoteTypes *types, uint64_t address)
{
  for (int i = 0; i < DEEPEST_META && address; i++) {
    uint64_t meta = type_of (types, address);
    if (meta && (meta == types->type_type || (!types->type_type && meta == address))) {
      types->type_type = meta;
      return true;
    }
    address = meta;
  }
  return false;
}

// Identifiers may hold letters of any language; tp_name is UTF-8.
static char *
read_name (const MfRemoteTypes *types, uint64_t address)
{
  char text[NAME_MOST + 1] = "";
  uint64_t at;
  if (!mf_process_pointer (types->process, address + (uint64_t) types->offsets->type_name, &at))
    return NULL;
  for (size_t n = NAME_MOST; n >= 16 && !mf_process_read (types->process, at, text, n); n /= 2)
    memset (text, 0, sizeof text);
  size_t length = strnlen (text, NAME_MOST);
  bool good = length && length < NAME_MOST && g_utf8_validate (text, (gssize) length, NULL);
  for (size_t i = 0; i < length; i++)
    good &= (unsigned char) text[i] > ' ';
  return good ? g_strdup (text) : NULL;
}

static MfRemoteType *
read_type (MfRemoteTypes *types, uint64_t address)
{
  uint64_t flags;
  if (!leads_to_type (types, address)
      || !mf_process_pointer (types->process, address + (uint64_t) types->offsets->type_flags, &flags) || !(flags & READY))
    return NULL;
  char *name = read_name (types, address);
  if (!name)
    return NULL;
  uint64_t word = (uint64_t) types->offsets->pointer, sizes = address + (uint64_t) types->offsets->type_name + word, basic = 0, item = 0;
  mf_process_pointer (types->process, sizes, &basic);
  mf_process_pointer (types->process, sizes + word, &item);
  MfRemoteType *type = g_new (MfRemoteType, 1);
  *type = (MfRemoteType) { name, flags, address, (int64_t) basic, (int64_t) item };
  return type;
}

const MfRemoteType *
mf_remote_type (MfRemoteTypes *types, uint64_t address)
{
  gpointer key = GSIZE_TO_POINTER (address);
  MfRemoteType *type = g_hash_table_lookup (types->known, key);
  if (type || address < 4096 || address % (uint64_t) types->offsets->pointer || g_hash_table_contains (types->refused, key))
    return type;
  type = read_type (types, address);
  if (type)
    g_hash_table_insert (types->known, key, type);
  else if (g_hash_table_size (types->refused) < MOST_REFUSED)
    g_hash_table_add (types->refused, key);
  return type;
}

// Two pointers of a table are no object: nobody counts that many references, immortal ones have patterns of their own (Include/refcount.h;
// since 3.14 flags stand in the highest 16 bits).
static bool
is_count (uint64_t count, uint32_t word)
{
  enum { MOST_NARROW = 1 << 27, IMMORTAL_NARROW = 0x3fffffff, LOW_BITS = 0x0fffffff };
  if (word == 8)
    return count && (count >> 32 & 0xffff) == 0;
  return count && (count < MOST_NARROW || count == IMMORTAL_NARROW || (count & LOW_BITS) == 0);
}

// The collector's words are addresses with flags in their lowest bits.
static bool
is_collectors (const uint8_t *words, uint32_t word)
{
  enum { ADDRESS_BITS = 48 };
  uint64_t both[2] = { 0 };
  memcpy (&both[0], words, word);
  memcpy (&both[1], words + word, word);
  return GUINT64_FROM_LE (both[0]) >> ADDRESS_BITS == 0 && GUINT64_FROM_LE (both[1]) >> ADDRESS_BITS == 0;
}

// In front of an object: nothing; the collector's two words, only if its type has any to do with the collector; two more words since
// 3.11, for the dictionary and weak references of instances.
const MfRemoteType *
mf_type_in_block (
    MfTypeLookup lookup, void *user, const MfPythonOffsets *offsets, const uint8_t *block, uint32_t size, uint32_t *front)
{
  uint32_t word = (uint32_t) offsets->pointer;
  for (*front = 0; *front <= 4 * word && *front + 2 * word <= size; *front += 2 * word) {
    uint64_t count = 0, at = 0;
    memcpy (&count, block + *front, word);
    memcpy (&at, block + *front + offsets->type, word);
    const MfRemoteType *type = is_count (GUINT64_FROM_LE (count), word) ? lookup (user, GUINT64_FROM_LE (at)) : NULL;
    if (type && (*front > 0) == ((type->flags & MF_TYPE_HAS_GC) != 0) && (!*front || is_collectors (block + *front - 2 * word, word)))
      return type;
  }
  return NULL;
}
