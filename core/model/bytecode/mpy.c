// SPDX-License-Identifier: Apache-2.0
// The layout of .mpy files (MicroPython py/persistentcode.c of 1.12 to 1.29). Version 6 has tables
// of names and constants for the module; version 5 has them in each function, and its names in a
// window of those that were met last.
#include "mpy-format.h"

#include "arena.h"
#include "reading.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WINDOW = 32 };
enum {
  VIPER_RELOCATIONS = 0x10,
  VIPER_RODATA = 0x20,
  VIPER_BSS = 0x40
}; // scope flags of viper code

typedef struct {
  MfMpyModule module; // first: what the caller holds
  MfArena arena;
} Held;

typedef struct {
  const uint8_t *bytes;
  size_t n, at;
  Held *held;
  MfMpyHeader header;
  MfCodeError *error;
  MfVector names;                  // MfMpyName
  MfVector codes;                  // MfMpyCode *
  uint32_t window[WINDOW], newest; // version 5: indices of names, the place of the last one
  uint32_t objects_n;              // version 6: of the module
  const MfMpyObject *objects;
  uint32_t depth;
} Reader;

// ---- bytes

static bool refuse (Reader *r, size_t offset, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

static bool
refuse (Reader *r, size_t offset, const char *format, ...)
{
  char text[200];
  va_list arguments;
  va_start (arguments, format);
  vsnprintf (text, sizeof text, format, arguments);
  va_end (arguments);
  return mf_code_fail (r->error, offset, "%s (at offset 0x%zx)", text, offset);
}

static void *
take_memory (Reader *r, size_t n, size_t item)
{
  void *memory = item && n > SIZE_MAX / item ? NULL : mf_arena_take (&r->held->arena, n * item);
  if (!memory) {
    refuse (r, r->at, "it needs more than the %zu bytes of memory that a module may have",
        r->held->arena.from.limit);
    return NULL;
  }
  memset (memory, 0, n * item);
  return memory;
}

static const uint8_t *
take (Reader *r, size_t n)
{
  if (n > r->n - r->at) {
    refuse (r, r->at, "it is cut off: %zu %s expected, %zu left", n,
        n == 1 ? "byte is" : "bytes are", r->n - r->at);
    return NULL;
  }
  r->at += n;
  return r->bytes + r->at - n;
}

// Seven bits a byte, the highest first.
static bool
take_uint (Reader *r, uint32_t *number)
{
  size_t from = r->at;
  for (*number = 0;;) {
    const uint8_t *byte = take (r, 1);
    if (!byte)
      return false;
    if (*number > UINT32_MAX >> 7)
      return refuse (r, from, "a number has more than 32 bits");
    *number = *number << 7 | (*byte & 0x7f);
    if (!(*byte & 0x80))
      return true;
  }
}

// A count of things each of which has at least a byte.
static bool
take_count (Reader *r, uint32_t *count, const char *what)
{
  size_t from = r->at;
  if (!take_uint (r, count))
    return false;
  return *count <= r->n - r->at
         || refuse (r, from, "%u %s are announced, but only %zu bytes are left", *count, what,
             r->n - r->at);
}

// ---- names

static bool
add_name (Reader *r, MfMpyName name, uint32_t *index)
{
  if (!mf_vector_grow (&r->held->arena, &r->names, sizeof name))
    return refuse (r, r->at, "there are more names than its memory holds");
  *index = r->names.n;
  ((MfMpyName *) r->names.items)[r->names.n++] = name;
  return true;
}

static bool
add_firmware_name (Reader *r, size_t offset, uint32_t number, uint32_t *index)
{
  const MfMpyName *name = mf_mpy_firmware_name (number);
  return name ? add_name (r, *name, index)
              : refuse (r, offset, "the firmware has no name with number %u", number);
}

static bool
add_own_name (Reader *r, size_t offset, uint32_t n, uint32_t *index)
{
  const uint8_t *bytes = take (r, n);
  return bytes && add_name (r, (MfMpyName){ bytes, n, (uint32_t) offset, false }, index);
}

static bool
read_name_6 (Reader *r)
{
  size_t from = r->at;
  uint32_t length, index;
  if (!take_uint (r, &length))
    return false;
  if (length & 1)
    return add_firmware_name (r, from, length >> 1, &index);
  return add_own_name (r, from, length >> 1, &index) && take (r, 1); // and a NUL
}

// The name at `back` before the newest becomes the newest.
static uint32_t
pull_name (Reader *r, uint32_t back)
{
  uint32_t place = (r->newest + WINDOW - back) % WINDOW, index = r->window[place];
  for (; place != r->newest; place = (place + 1) % WINDOW)
    r->window[place] = r->window[(place + 1) % WINDOW];
  r->window[r->newest] = index;
  return index;
}

static bool
push_name (Reader *r, uint32_t index)
{
  r->newest = (r->newest + 1) % WINDOW;
  r->window[r->newest] = index;
  return true;
}

static bool
read_name_5 (Reader *r, uint32_t *index)
{
  size_t from = r->at;
  uint32_t length;
  if (!take_uint (r, &length))
    return false;
  if (!length) {
    const uint8_t *number = take (r, 1);
    return number && add_firmware_name (r, from, *number, index);
  }
  if (!(length & 1))
    return add_own_name (r, from, length >> 1, index) && push_name (r, *index);
  if (length >> 1 >= WINDOW)
    return refuse (
        r, from, "a name is %u names back, but only %d are remembered", length >> 1, WINDOW);
  *index = pull_name (r, length >> 1);
  return *index < r->names.n || refuse (r, from, "a name is asked for that was not there yet");
}

// ---- objects

static bool read_object (Reader *r, MfMpyObject *object);

static bool
read_objects (Reader *r, uint32_t n, const MfMpyObject **objects)
{
  if (++r->depth > MF_MPY_DEPTH)
    return refuse (r, r->at, "constants are nested more than %d deep", MF_MPY_DEPTH);
  MfMpyObject *all = take_memory (r, n, sizeof *all);
  if (!all)
    return false;
  *objects = all;
  for (uint32_t i = 0; i < n; i++)
    if (!read_object (r, &all[i]))
      return false;
  r->depth--;
  return true;
}

// Version 5 has letters for the types.
static uint8_t
object_kind (const Reader *r, uint8_t code)
{
  static const char letters[] = "esbifc";
  const char *letter = code ? strchr (letters, code) : NULL;
  if (r->header.version >= 6)
    return code;
  return letter ? (uint8_t) (MF_MPY_ELLIPSIS + (letter - letters)) : MF_MPY_N_OBJECTS;
}

static bool
read_object (Reader *r, MfMpyObject *object)
{
  size_t from = r->at;
  const uint8_t *code = take (r, 1);
  if (!code)
    return false;
  object->kind = object_kind (r, *code);
  object->offset = (uint32_t) from;
  if (object->kind >= MF_MPY_N_OBJECTS)
    return refuse (r, from, "a constant has the unknown type 0x%02x", *code);
  if (object->kind < MF_MPY_STR)
    return true;
  if (!take_count (r, &object->n, object->kind == MF_MPY_TUPLE ? "items" : "bytes"))
    return false;
  if (object->kind == MF_MPY_TUPLE)
    return read_objects (r, object->n, &object->items);
  object->bytes = take (r, object->n);
  bool terminated = r->header.version >= 6 && object->kind <= MF_MPY_BYTES;
  return object->bytes && (!terminated || take (r, 1));
}

// ---- preludes (py/bc.h): bits of six numbers, spread over bytes; then the sizes of what follows

static bool
function_byte (Reader *r, const MfMpyCode *code, uint32_t *at, uint8_t *byte)
{
  if (*at >= code->function_n)
    return refuse (r, code->offset, "the prelude of a function is cut off");
  *byte = code->function[(*at)++];
  return true;
}

static bool
read_signature (Reader *r, MfMpyCode *code, uint32_t *at)
{
  enum { LONGEST = 6 };
  uint8_t z = 0;
  if (!function_byte (r, code, at, &z))
    return false;
  code->n_state = z >> 3 & 0xf;
  code->n_exc_stack = z >> 2 & 1;
  code->n_pos_args = z & 3;
  for (uint32_t n = 0; z & 0x80; n++) {
    if (n > LONGEST)
      return refuse (r, code->offset, "the prelude of a function does not end");
    if (!function_byte (r, code, at, &z))
      return false;
    code->n_state |= (uint32_t) (z & 0x30) << (2 * n);
    code->n_exc_stack |= (uint32_t) (z & 2) << n;
    code->scope_flags |= (uint32_t) (z >> 6 & 1) << n;
    code->n_pos_args |= (uint32_t) (z & 4) << n;
    code->n_kwonly_args |= (uint32_t) (z >> 3 & 1) << n;
    code->n_def_pos_args |= (uint32_t) (z & 1) << n;
  }
  code->n_state++;
  code->n_arguments = code->n_pos_args + code->n_kwonly_args;
  return true;
}

static bool
read_sizes (Reader *r, MfMpyCode *code, uint32_t *at, uint32_t *n_info)
{
  enum { LONGEST = 3 };
  uint8_t z = 0x80;
  *n_info = 0;
  for (uint32_t n = 0; z & 0x80; n++) {
    if (n > LONGEST)
      return refuse (r, code->offset, "the prelude of a function does not end");
    if (!function_byte (r, code, at, &z))
      return false;
    *n_info |= (uint32_t) (z >> 1 & 0x3f) << (6 * n);
    code->n_cells |= (uint32_t) (z & 1) << n;
  }
  return true;
}

static bool
set_places (Reader *r, MfMpyCode *code, uint32_t info, uint32_t n_info)
{
  uint64_t opcodes = (uint64_t) info + n_info + code->n_cells;
  if (opcodes > code->function_n)
    return refuse (r, code->offset, "the prelude of a function is longer than the function");
  code->lines = info;
  code->lines_end = info + n_info;
  code->opcodes = code->kind == MF_MPY_BYTECODE ? (uint32_t) opcodes : code->function_n;
  return true;
}

// ---- names of a function, version 6: numbers in its prelude

static bool
take_prelude_name (Reader *r, MfMpyCode *code, uint32_t *name)
{
  uint32_t index = 0;
  uint8_t byte = 0x80;
  while (byte & 0x80) {
    if (!function_byte (r, code, &code->lines, &byte))
      return false;
    index = index << 7 | (byte & 0x7f);
  }
  if (index >= r->names.n || code->lines > code->lines_end)
    return refuse (r, code->offset, "a function has name %u, but only %u exist", index, r->names.n);
  *name = index;
  return true;
}

static bool
read_prelude_6 (Reader *r, MfMpyCode *code)
{
  uint32_t at = code->prelude, n_info;
  if (!read_signature (r, code, &at) || !read_sizes (r, code, &at, &n_info)
      || !set_places (r, code, at, n_info) || !take_prelude_name (r, code, &code->name))
    return false;
  if (code->n_arguments > n_info)
    return refuse (r, code->offset, "a function has more arguments than names");
  uint32_t *arguments = take_memory (r, code->n_arguments, sizeof *arguments);
  if (!arguments)
    return false;
  for (uint32_t i = 0; i < code->n_arguments; i++)
    if (!take_prelude_name (r, code, &arguments[i]))
      return false;
  code->arguments = arguments;
  code->file = 0; // the first name of a module
  return true;
}

// ---- machine code

static bool
read_relocations (Reader *r, MfMpyCode *code)
{
  enum { END = 0xff, LAST_WITH_COUNT = 5 };
  for (uint32_t ignored;; code->n_links++) {
    const uint8_t *byte = take (r, 1);
    if (!byte || *byte == END)
      return byte;
    uint8_t kind = *byte >> 1;
    if ((*byte & 1 && !take_uint (r, &ignored))
        || (kind <= LAST_WITH_COUNT && kind & 1 && !take_uint (r, &ignored)))
      return false;
  }
}

static bool
read_rodata (Reader *r, MfMpyCode *code, bool bss_first)
{
  if (code->scope_flags & VIPER_RODATA && !take_uint (r, &code->rodata_n))
    return false;
  bool early = bss_first || !(code->scope_flags & VIPER_RODATA) || take (r, code->rodata_n);
  if (!early || (code->scope_flags & VIPER_BSS && !take_uint (r, &code->bss_n)))
    return false;
  return !bss_first || !(code->scope_flags & VIPER_RODATA) || take (r, code->rodata_n);
}

static bool
read_asm (Reader *r, MfMpyCode *code)
{
  uint32_t signature;
  return take_uint (r, &code->n_pos_args) && take_uint (r, &signature);
}

static bool
read_native_6 (Reader *r, MfMpyCode *code)
{
  if (code->kind == MF_MPY_NATIVE)
    return take_uint (r, &code->prelude) && read_prelude_6 (r, code);
  if (!take_uint (r, &code->scope_flags))
    return false;
  if (code->kind == MF_MPY_ASM)
    return read_asm (r, code);
  return read_rodata (r, code, true)
         && (!(code->scope_flags & VIPER_RELOCATIONS) || read_relocations (r, code));
}

// ---- functions

static bool read_code (Reader *r, const MfMpyCode *parent, const MfMpyCode **code);

static bool
read_children (Reader *r, MfMpyCode *code, uint32_t n)
{
  const MfMpyCode **children = take_memory (r, n, sizeof *children);
  if (!children)
    return false;
  code->children = children;
  for (; code->n_children < n; code->n_children++)
    if (!read_code (r, code, &children[code->n_children]))
      return false;
  return true;
}

static bool
read_code_6 (Reader *r, MfMpyCode *code, uint32_t kind_and_length)
{
  uint32_t n_children = 0;
  bool has_children = kind_and_length & 4;
  code->function_n = kind_and_length >> 3;
  code->opcodes = code->function_n;
  code->function = take (r, code->function_n);
  if (!code->function)
    return false;
  if (!(code->kind == MF_MPY_BYTECODE ? read_prelude_6 (r, code) : read_native_6 (r, code)))
    return false;
  code->objects = r->objects;
  code->n_objects = r->objects_n;
  return (!has_children || take_count (r, &n_children, "functions"))
         && read_children (r, code, n_children);
}

// ---- version 5: a function is put together as the device would have it, with two bytes for each
// name

typedef struct {
  Reader *r;
  uint8_t *to;
  uint32_t at, n;
} Assembly;

static bool
copy_bytes (Assembly *a, uint32_t n)
{
  if (n > a->n - a->at)
    return refuse (a->r, a->r->at, "a function is longer than it says");
  const uint8_t *bytes = take (a->r, n);
  if (!bytes)
    return false;
  memcpy (a->to + a->at, bytes, n);
  a->at += n;
  return true;
}

static bool
copy_number (Assembly *a)
{
  do
    if (!copy_bytes (a, 1))
      return false;
  while (a->to[a->at - 1] & 0x80);
  return true;
}

static bool
copy_name (Assembly *a, uint32_t *index)
{
  if (!read_name_5 (a->r, index))
    return false;
  if (*index > UINT16_MAX || a->n - a->at < 2)
    return refuse (a->r, a->r->at, "a function is longer than it says");
  a->to[a->at++] = (uint8_t) *index;
  a->to[a->at++] = (uint8_t) (*index >> 8);
  return true;
}

static bool
copy_instruction (Assembly *a)
{
  uint32_t index;
  if (!copy_bytes (a, 1))
    return false;
  uint8_t opcode = a->to[a->at - 1];
  MfMpyFormat format = mf_mpy_format (opcode);
  bool fine = format == MF_MPY_FORMAT_QSTR     ? copy_name (a, &index)
              : format == MF_MPY_FORMAT_UINT   ? copy_number (a)
              : format == MF_MPY_FORMAT_OFFSET ? copy_bytes (a, 2)
                                               : true;
  return fine && copy_bytes (a, mf_mpy_extra_bytes (&a->r->header, opcode));
}

static bool
copy_prelude_names (Assembly *a, MfMpyCode *code)
{
  if (!copy_name (a, &code->name) || !copy_name (a, &code->file))
    return false;
  code->lines += 4;
  return code->lines <= code->lines_end
         || refuse (a->r, code->offset, "the prelude of a function is cut off");
}

static bool
assemble_bytecode (Assembly *a, MfMpyCode *code)
{
  uint32_t at = 0, n_info;
  if (!copy_number (a) || !copy_number (a))
    return false;
  uint32_t info = a->at;
  if (!read_signature (a->r, code, &at) || !read_sizes (a->r, code, &at, &n_info)
      || !set_places (a->r, code, info, n_info) || !copy_prelude_names (a, code)
      || !copy_bytes (a, code->opcodes - a->at))
    return false;
  while (a->at < a->n)
    if (!copy_instruction (a))
      return false;
  return true;
}

static bool
read_bytecode_5 (Reader *r, MfMpyCode *code)
{
  if (code->function_n / 2 > r->n - r->at)
    return refuse (r, r->at, "a function of %u bytes is announced, but only %zu are left",
        code->function_n, r->n - r->at);
  Assembly a = { r, take_memory (r, code->function_n, 1), 0, code->function_n };
  code->function = a.to;
  return a.to && assemble_bytecode (&a, code);
}

static bool
read_links_5 (Reader *r, MfMpyCode *code)
{
  uint32_t offset, index;
  if (!take_count (r, &code->n_links, "links"))
    return false;
  for (uint32_t i = 0; i < code->n_links; i++)
    if (!take_uint (r, &offset) || !read_name_5 (r, &index))
      return false;
  return true;
}

static bool
read_native_prelude_5 (Reader *r, MfMpyCode *code)
{
  uint32_t n_info;
  if (!take_uint (r, &code->prelude))
    return false;
  uint32_t at = code->prelude;
  return read_signature (r, code, &at) && read_sizes (r, code, &at, &n_info)
         && set_places (r, code, at, n_info) && read_name_5 (r, &code->name)
         && read_name_5 (r, &code->file);
}

static bool
read_native_5 (Reader *r, MfMpyCode *code)
{
  code->function = take (r, code->function_n);
  code->opcodes = code->function_n;
  if (!code->function || (code->kind != MF_MPY_ASM && !read_links_5 (r, code)))
    return false;
  if (code->kind == MF_MPY_NATIVE)
    return read_native_prelude_5 (r, code);
  return take_uint (r, &code->scope_flags) && (code->kind != MF_MPY_ASM || read_asm (r, code));
}

static bool
read_argument_names_5 (Reader *r, MfMpyCode *code)
{
  if (code->n_arguments > r->n - r->at)
    return refuse (r, code->offset, "a function has %u arguments, but only %zu bytes are left",
        code->n_arguments, r->n - r->at);
  uint32_t *arguments = take_memory (r, code->n_arguments, sizeof *arguments);
  code->arguments = arguments;
  for (uint32_t i = 0; arguments && i < code->n_arguments; i++)
    if (!read_name_5 (r, &arguments[i]))
      return false;
  return arguments;
}

static bool
read_table_5 (Reader *r, MfMpyCode *code)
{
  uint32_t n_children;
  if (!take_count (r, &code->n_objects, "constants") || !take_count (r, &n_children, "functions")
      || !read_argument_names_5 (r, code)
      || (code->kind == MF_MPY_VIPER && !read_rodata (r, code, false)))
    return false;
  return read_objects (r, code->n_objects, &code->objects) && read_children (r, code, n_children);
}

static bool
read_code_5 (Reader *r, MfMpyCode *code, uint32_t kind_and_length)
{
  code->function_n = kind_and_length >> 2;
  if (!(code->kind == MF_MPY_BYTECODE ? read_bytecode_5 (r, code) : read_native_5 (r, code)))
    return false;
  if (code->kind != MF_MPY_ASM && !read_table_5 (r, code))
    return false;
  return code->kind != MF_MPY_VIPER || !(code->scope_flags & VIPER_RELOCATIONS)
         || read_relocations (r, code);
}

static bool
add_code (Reader *r, MfMpyCode *code)
{
  if (!mf_vector_grow (&r->held->arena, &r->codes, sizeof code))
    return refuse (r, r->at, "there are more functions than its memory holds");
  code->number = r->codes.n;
  ((MfMpyCode **) r->codes.items)[r->codes.n++] = code;
  return true;
}

static bool
read_code (Reader *r, const MfMpyCode *parent, const MfMpyCode **result)
{
  size_t from = r->at;
  uint32_t kind_and_length;
  if (r->depth >= MF_MPY_DEPTH)
    return refuse (r, from, "functions are nested more than %d deep", MF_MPY_DEPTH);
  MfMpyCode *code = take_uint (r, &kind_and_length) ? take_memory (r, 1, sizeof *code) : NULL;
  if (!code || !add_code (r, code))
    return false;
  code->module = &r->held->module;
  code->parent = parent;
  code->offset = (uint32_t) from;
  code->kind = kind_and_length & 3;
  code->name = code->file = MF_MPY_NO_NAME;
  *result = code;
  r->depth++;
  bool fine = (r->header.version >= 6 ? read_code_6 : read_code_5) (r, code, kind_and_length);
  r->depth--;
  return fine;
}

// ---- the file

static bool
read_header (Reader *r)
{
  const uint8_t *at = take (r, 4);
  uint32_t window;
  if (!at || at[0] != 'M')
    return at ? refuse (r, 0, "it is not a compiled module of MicroPython") : false;
  r->header = (MfMpyHeader){ .version = at[1], .small_int_bits = at[3] };
  if (at[1] != 5 && at[1] != 6)
    return refuse (
        r, 1, "it has version %u; versions 5 and 6 are read (MicroPython 1.12 and later)", at[1]);
  r->header.arch = at[1] == 6 ? at[2] >> 2 & 0xf : at[2] >> 2;
  r->header.sub_version = at[1] == 6 ? at[2] & 3 : 0;
  r->header.map_caches = at[1] == 5 && at[2] & 1;
  if (at[1] == 6)
    return !(at[2] & 0x40) || take_uint (r, &r->header.arch_flags);
  memset (r->window, 0xff, sizeof r->window);
  return take_uint (r, &window)
         && (window <= WINDOW
             || refuse (r, 4, "it remembers %u names; at most %d are possible", window, WINDOW));
}

static bool
read_tables_6 (Reader *r)
{
  uint32_t names, objects;
  if (!take_count (r, &names, "names") || !take_count (r, &objects, "constants"))
    return false;
  for (uint32_t i = 0; i < names; i++)
    if (!read_name_6 (r))
      return false;
  r->objects_n = objects;
  return read_objects (r, objects, &r->objects);
}

// Vectors end with the reading: what the module keeps of them moves to the arena.
static void *
keep (Reader *r, const MfVector *vector, size_t item)
{
  void *kept = take_memory (r, vector->n, item);
  if (kept && vector->n)
    memcpy (kept, vector->items, vector->n * item);
  return kept;
}

static bool
read_module (Reader *r)
{
  MfMpyModule *module = &r->held->module;
  if (!read_header (r))
    return false;
  module->header = r->header;
  if ((r->header.version >= 6 && !read_tables_6 (r)) || !read_code (r, NULL, &module->code))
    return false;
  module->names = keep (r, &r->names, sizeof (MfMpyName));
  module->n_names = r->names.n;
  module->codes = keep (r, &r->codes, sizeof (MfMpyCode *));
  module->n_codes = r->codes.n;
  module->trailing = (uint32_t) (r->n - r->at);
  return module->names && module->codes;
}

MfMpyModule *
mf_mpy_read (const uint8_t *bytes, size_t n, const MfCodeMemory *memory, MfCodeError *error)
{
  MfArena arena;
  mf_arena_init (&arena, memory);
  Held *held = n > INT32_MAX ? NULL : mf_arena_take (&arena, sizeof *held);
  if (!held) {
    mf_code_fail (error, 0,
        n > INT32_MAX ? "it has %zu bytes, more than any module"
                      : "there is no memory for its %zu bytes",
        n);
    return NULL;
  }
  *held = (Held){ .arena = arena };
  Reader r = { .bytes = bytes, .n = n, .held = held, .error = error };
  bool fine = read_module (&r);
  mf_vector_free (&held->arena, &r.names, sizeof (MfMpyName));
  mf_vector_free (&held->arena, &r.codes, sizeof (MfMpyCode *));
  held->module.memory = held->arena.held;
  if (fine)
    return &held->module;
  mf_mpy_module_free (&held->module);
  return NULL;
}

void
mf_mpy_module_free (MfMpyModule *module)
{
  if (module)
    mf_arena_free (&((Held *) module)->arena);
}

int
mf_mpy_probe (const uint8_t *head, size_t n)
{
  return n >= 5 && head[0] == 'M' && (head[1] == 5 || head[1] == 6) && head[3] >= 14
                 && head[3] <= 64
             ? 90
             : 0;
}
