// SPDX-License-Identifier: Apache-2.0
// elfutils reads the files; each module is opened once.
#include "native-symbols.h"

#include <elfutils/libdwfl.h>
#include <glib.h>
#include <string.h>

#include "native-frame.h"

typedef struct {
  Dwfl_Module *module;  // NULL = see answer
  GElf_Addr bias;
  MfNativeAnswer answer;
} Module;

struct MfNativeSymbols {
  char *sysroot, *debug_path;
  Dwfl_Callbacks callbacks;
  Dwfl *dwfl;
  GHashTable *modules;  // "build-id path" -> Module
  GStringChunk *texts;  // of frames without a name
};

MfNativeSymbols *
mf_native_symbols_new (const char *sysroot)
{
  MfNativeSymbols *symbols = g_new0 (MfNativeSymbols, 1);
  symbols->sysroot = g_strdup (sysroot ? sysroot : "");
  symbols->debug_path = g_strdup_printf ("-:.debug:%s/usr/lib/debug", symbols->sysroot);
  symbols->callbacks = (Dwfl_Callbacks) { .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo, .section_address = dwfl_offline_section_address,
    .debuginfo_path = &symbols->debug_path };
  symbols->dwfl = dwfl_begin (&symbols->callbacks);
  symbols->texts = g_string_chunk_new (1024);
  symbols->modules = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return symbols;
}

void
mf_native_symbols_free (MfNativeSymbols *symbols)
{
  if (!symbols)
    return;
  g_hash_table_unref (symbols->modules);
  g_string_chunk_free (symbols->texts);
  if (symbols->dwfl)
    dwfl_end (symbols->dwfl);
  g_free (symbols->debug_path);
  g_free (symbols->sysroot);
  g_free (symbols);
}

// ---- modules

static bool
has_build_id (Dwfl_Module *module, const char *wanted)
{
  const unsigned char *bits = NULL;
  GElf_Addr at;
  int n = dwfl_module_build_id (module, &bits, &at);
  if (!*wanted || n <= 0)
    return true;
  g_autoptr (GString) hex = g_string_new (NULL);
  for (int i = 0; i < n; i++)
    g_string_append_printf (hex, "%02x", bits[i]);
  return g_ascii_strcasecmp (hex->str, wanted) == 0;
}

static Module
open_module (MfNativeSymbols *symbols, const char *path, const char *build_id)
{
  Module found = { .answer = MF_NATIVE_NO_FILE };
  if (!symbols->dwfl)
    return found;
  g_autofree char *file = g_strconcat (symbols->sysroot, path, NULL);
  dwfl_report_begin_add (symbols->dwfl);
  Dwfl_Module *module = dwfl_report_offline (symbols->dwfl, path, file, -1);
  dwfl_report_end (symbols->dwfl, NULL, NULL);
  if (!module || !dwfl_module_getelf (module, &found.bias))
    return found;
  bool same = has_build_id (module, build_id);
  found.module = same ? module : NULL;
  found.answer = same ? MF_NATIVE_FOUND : MF_NATIVE_OTHER_FILE;
  return found;
}

static const Module *
module_of (MfNativeSymbols *symbols, const char *path, const char *build_id)
{
  g_autofree char *key = g_strconcat (build_id, " ", path, NULL);
  const Module *known = g_hash_table_lookup (symbols->modules, key);
  if (known)
    return known;
  Module *module = g_new (Module, 1);
  *module = open_module (symbols, path, build_id);
  g_hash_table_insert (symbols->modules, g_steal_pointer (&key), module);
  return module;
}

// ---- addresses

// The symbol that covers an address. One without a size, as hand-written assembly has it, covers what follows it.
static const char *
name_of (const Module *module, GElf_Addr address)
{
  GElf_Off offset;
  GElf_Sym symbol;
  const char *name = dwfl_module_addrinfo (module->module, address, &offset, &symbol, NULL, NULL, NULL);
  return name && (!symbol.st_size || offset < symbol.st_size) ? name : NULL;
}

// Compilers other than gcc leave out the index of addresses (.debug_aranges): each unit is asked then.
static Dwarf_Line *
find_in_units (Dwfl_Module *module, Dwarf_Addr address)
{
  Dwarf_Addr bias;
  for (Dwarf_Die *unit = NULL; (unit = dwfl_module_nextcu (module, unit, &bias));)
    if (dwarf_haspc (unit, address - bias) > 0)
      return dwarf_getsrc_die (unit, address - bias);
  return NULL;
}

static void
find_line (const Module *module, GElf_Addr address, MfNativePlace *place)
{
  int line = 0;
  Dwfl_Line *indexed = dwfl_module_getsrc (module->module, address);
  Dwarf_Line *found = indexed ? NULL : find_in_units (module->module, address);
  const char *file = indexed ? dwfl_lineinfo (indexed, NULL, &line, NULL, NULL, NULL)
      : found && dwarf_lineno (found, &line) == 0 ? dwarf_linesrc (found, NULL, NULL) : NULL;
  if (!file || line <= 0)
    return;
  place->file = file;
  place->line = (uint32_t) line;
}

MfNativeAnswer
mf_native_symbols_find (MfNativeSymbols *symbols, const char *path, const char *build_id, uint64_t address,
    MfNativePlace *place)
{
  *place = (MfNativePlace) { 0 };
  const Module *module = module_of (symbols, path, build_id);
  if (!module->module)
    return module->answer;
  GElf_Addr at = address + module->bias;
  place->function = name_of (module, at);
  if (!place->function)
    return MF_NATIVE_NO_SYMBOL;
  find_line (module, at, place);
  return MF_NATIVE_FOUND;
}

// ---- frames

bool
mf_native_symbols_name (MfNativeSymbols *symbols, const char *function, const char *file, MfNamedFrame *named)
{
  uint64_t address;
  char path[MF_NATIVE_FILE_MOST];
  const char *build_id;
  MfNativePlace place;
  if (!mf_native_frame_parse (function, file, &address, path, &build_id))
    return false;
  named->file = g_string_chunk_insert_const (symbols->texts, path);
  if (mf_native_symbols_find (symbols, path, build_id, address, &place) == MF_NATIVE_FOUND) {
    *named = (MfNamedFrame) { place.function, place.file ? place.file : named->file, place.line };
    return true;
  }
  g_autofree char *module = g_path_get_basename (path);
  g_autofree char *text = g_strconcat (module, function, NULL);
  *named = (MfNamedFrame) { g_string_chunk_insert_const (symbols->texts, text), named->file, 0 };
  return true;
}
