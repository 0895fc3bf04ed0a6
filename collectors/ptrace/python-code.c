// SPDX-License-Identifier: Apache-2.0
// A code object is believed when its type is called "code", its names are str and its table is bytes.
#include "python-code.h"

#include <string.h>

#include "bytecode/code-lines.h"
#include "remote-number.h"

enum { TRUSTED_NS = 20000000, NAME_MOST = 1024, FILE_MOST = 4096, TABLE_MOST = 1 << 20, CODE_MOST = 1 << 26 };

struct MfCodeCache {
  const MfProcess *process;
  const MfPythonRuntime *runtime;
  MfStackNames names;
  GHashTable *codes;  // address -> MfRemoteCode
  uint64_t code_type; // of the first one that was believed
};

// ---- str

// Include/cpython/unicodeobject.h: bits 2 to 4 of the state are the width of a character, 5 is compact, 6 is ASCII.
static bool
text_form (const MfPythonOffsets *offsets, uint32_t state, unsigned *width, int32_t *begin)
{
  *width = state >> 2 & 7;
  *begin = state >> 6 & 1 ? offsets->text_ascii : offsets->text_compact;
  return state >> 5 & 1 && (*width == 1 || *width == 2 || *width == 4);
}

static void
append_character (GString *text, const uint8_t *at, unsigned width)
{
  gunichar c = (gunichar) mf_number_in (at, 0, width);
  g_string_append_unichar (text, g_unichar_validate (c) && c ? c : 0xfffd);
}

char *
mf_remote_text (const MfProcess *process, const MfPythonOffsets *offsets, uint64_t at, size_t most)
{
  uint8_t head[128] = { 0 };
  unsigned width;
  int32_t begin;
  if (!mf_process_read (process, at, head, (size_t) offsets->text_ascii)
      || !text_form (offsets, (uint32_t) mf_number_in (head, offsets->text_state, 4), &width, &begin))
    return NULL;
  uint64_t n = MIN (mf_number_in (head, offsets->text_length, (unsigned) offsets->pointer), most);
  g_autofree uint8_t *characters = g_malloc (n * width + 1);
  if (!mf_process_read (process, at + (uint64_t) begin, characters, n * width))
    return NULL;
  GString *text = g_string_sized_new (n);
  for (uint64_t i = 0; i < n; i++)
    append_character (text, characters + i * width, width);
  return g_string_free (text, FALSE);
}

// ---- code

static bool
is_code_type (MfCodeCache *cache, uint64_t type)
{
  char name[5] = "";
  uint64_t at;
  if (cache->code_type)
    return type == cache->code_type;
  if (!mf_process_pointer (cache->process, type + (uint64_t) cache->runtime->offsets.type_name, &at)
      || !mf_process_read (cache->process, at, name, sizeof name) || memcmp (name, "code", sizeof name) != 0)
    return false;
  cache->code_type = type;
  return true;
}

static bool
intern_text (const MfCodeCache *cache, uint64_t at, size_t most, MfString *string)
{
  g_autofree char *text = mf_remote_text (cache->process, &cache->runtime->offsets, at, most);
  if (text)
    *string = cache->names.string (cache->names.user, text, strlen (text));
  return text != NULL;
}

static bool
read_table (const MfCodeCache *cache, MfRemoteCode *code)
{
  const MfPythonOffsets *offsets = &cache->runtime->offsets;
  uint64_t n;
  if (!mf_process_pointer (cache->process, code->lines_at + (uint64_t) offsets->code_size, &n) || n > TABLE_MOST)
    return false;
  code->lines = g_malloc (n + 1);
  code->lines_size = (uint32_t) n;
  return mf_process_read (cache->process, code->lines_at + (uint64_t) offsets->bytes, code->lines, n);
}

// The members that tell one code object from another.
static bool
read_identity (const MfCodeCache *cache, uint64_t address, MfRemoteCode *code)
{
  const MfPythonOffsets *offsets = &cache->runtime->offsets;
  uint8_t bytes[256];
  size_t n = (size_t) (offsets->bytecode >= 0 ? offsets->bytecode : offsets->lines + offsets->pointer);
  unsigned word = (unsigned) offsets->pointer;
  if (n > sizeof bytes || !mf_process_read (cache->process, address, bytes, n))
    return false;
  code->address = address;
  code->type = mf_number_in (bytes, offsets->type, word);
  code->name_at = mf_number_in (bytes, offsets->name, word);
  code->lines_at = mf_number_in (bytes, offsets->lines, word);
  code->first_line = (uint32_t) mf_number_in (bytes, offsets->first_line, 4);
  uint64_t units = offsets->bytecode >= 0 ? mf_number_in (bytes, offsets->code_size, word) : 0;
  code->length = (uint32_t) MIN (units, CODE_MOST) * 2;
  return true;
}

static void
free_code (void *pointer)
{
  MfRemoteCode *code = pointer;
  g_free (code->lines);
  g_free (code);
}

static MfRemoteCode *
read_code (MfCodeCache *cache, uint64_t address)
{
  MfRemoteCode *code = g_new0 (MfRemoteCode, 1);
  uint64_t file;
  if (read_identity (cache, address, code) && is_code_type (cache, code->type)
      && mf_process_pointer (cache->process, address + (uint64_t) cache->runtime->offsets.file, &file)
      && intern_text (cache, code->name_at, NAME_MOST, &code->function) && intern_text (cache, file, FILE_MOST, &code->file)
      && read_table (cache, code))
    return code;
  free_code (code);
  return NULL;
}

static bool
is_still_there (const MfCodeCache *cache, const MfRemoteCode *code)
{
  MfRemoteCode now = { 0 };
  return read_identity (cache, code->address, &now) && now.type == code->type && now.name_at == code->name_at
      && now.lines_at == code->lines_at && now.first_line == code->first_line && now.length == code->length;
}

const MfRemoteCode *
mf_code_cache_get (MfCodeCache *cache, uint64_t address, int64_t now_ns)
{
  MfRemoteCode *code = g_hash_table_lookup (cache->codes, GSIZE_TO_POINTER (address));
  if (code && now_ns - code->checked_ns < TRUSTED_NS)
    return code;
  if (!code || !is_still_there (cache, code)) {
    code = read_code (cache, address);
    if (code)
      g_hash_table_replace (cache->codes, GSIZE_TO_POINTER (address), code);
    else
      g_hash_table_remove (cache->codes, GSIZE_TO_POINTER (address));
  }
  if (code)
    code->checked_ns = now_ns;
  return code;
}

uint32_t
mf_remote_code_line (const MfCodeCache *cache, const MfRemoteCode *code, int64_t instruction)
{
  return mf_code_line ((uint16_t) (cache->runtime->version >> 16), code->first_line, code->lines, code->lines_size,
      (int32_t) instruction);
}

MfCodeCache *
mf_code_cache_new (const MfProcess *process, const MfPythonRuntime *runtime, const MfStackNames *names)
{
  MfCodeCache *cache = g_new0 (MfCodeCache, 1);
  cache->process = process;
  cache->runtime = runtime;
  cache->names = *names;
  cache->codes = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, free_code);
  return cache;
}

void
mf_code_cache_free (MfCodeCache *cache)
{
  if (!cache)
    return;
  g_hash_table_unref (cache->codes);
  g_free (cache);
}
