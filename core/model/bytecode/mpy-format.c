// SPDX-License-Identifier: Apache-2.0
// Formats, opcodes and names of MicroPython's bytecode, versions 5 and 6 (MicroPython 1.12 to 1.29:
// py/bc0.h, py/bc.c, static_qstr_list of py/makeqstrdata.py). The numbers are the same in both
// versions.
#include "mpy-format.h"

#include "reading.h"

enum { UNWIND_JUMP = 0x40, JUMP = 0x42, POP_JUMP_IF_FALSE = 0x44, JUMP_IF_FALSE_OR_POP = 0x46 };

// Two bits for each sixteen opcodes.
MfMpyFormat
mf_mpy_format (uint8_t opcode)
{
  return (MfMpyFormat) (0x000003a4u >> (2 * (opcode >> 4)) & 3);
}

// Closures and UNWIND_JUMP have a byte more; in version 5 so has what looks names up in a map that
// may be cached.
uint32_t
mf_mpy_extra_bytes (const MfMpyHeader *header, uint8_t opcode)
{
  enum {
    NO_EXTRA = 0x9e,
    LOAD_NAME = 0x11,
    LOAD_GLOBAL = 0x12,
    LOAD_ATTR = 0x13,
    STORE_ATTR = 0x18
  };
  if (mf_mpy_format (opcode) != MF_MPY_FORMAT_QSTR)
    return !(opcode & NO_EXTRA);
  bool cached
      = opcode == LOAD_NAME || opcode == LOAD_GLOBAL || opcode == LOAD_ATTR || opcode == STORE_ATTR;
  return header->map_caches && cached;
}

// clang-format off
#define N(text) { (const uint8_t *) text, sizeof text - 1, 0, true }
static const MfMpyName firmware_names[] = {
  { NULL, 0, 0, true },  // the number 0 is no name
  N (""), N ("__dir__"), N ("\n"), N (" "), N ("*"), N ("/"), N ("<module>"), N ("_"),
  N ("__call__"), N ("__class__"), N ("__delitem__"), N ("__enter__"), N ("__exit__"),
  N ("__getattr__"), N ("__getitem__"), N ("__hash__"), N ("__init__"), N ("__int__"),
  N ("__iter__"), N ("__len__"), N ("__main__"), N ("__module__"), N ("__name__"), N ("__new__"),
  N ("__next__"), N ("__qualname__"), N ("__repr__"), N ("__setitem__"), N ("__str__"),
  N ("ArithmeticError"), N ("AssertionError"), N ("AttributeError"), N ("BaseException"),
  N ("EOFError"), N ("Ellipsis"), N ("Exception"), N ("GeneratorExit"), N ("ImportError"),
  N ("IndentationError"), N ("IndexError"), N ("KeyError"), N ("KeyboardInterrupt"),
  N ("LookupError"), N ("MemoryError"), N ("NameError"), N ("NoneType"), N ("NotImplementedError"),
  N ("OSError"), N ("OverflowError"), N ("RuntimeError"), N ("StopIteration"), N ("SyntaxError"),
  N ("SystemExit"), N ("TypeError"), N ("ValueError"), N ("ZeroDivisionError"), N ("abs"),
  N ("all"), N ("any"), N ("append"), N ("args"), N ("bool"), N ("builtins"), N ("bytearray"),
  N ("bytecode"), N ("bytes"), N ("callable"), N ("chr"), N ("classmethod"), N ("clear"),
  N ("close"), N ("const"), N ("copy"), N ("count"), N ("dict"), N ("dir"), N ("divmod"),
  N ("end"), N ("endswith"), N ("eval"), N ("exec"), N ("extend"), N ("find"), N ("format"),
  N ("from_bytes"), N ("get"), N ("getattr"), N ("globals"), N ("hasattr"), N ("hash"), N ("id"),
  N ("index"), N ("insert"), N ("int"), N ("isalpha"), N ("isdigit"), N ("isinstance"),
  N ("islower"), N ("isspace"), N ("issubclass"), N ("isupper"), N ("items"), N ("iter"),
  N ("join"), N ("key"), N ("keys"), N ("len"), N ("list"), N ("little"), N ("locals"),
  N ("lower"), N ("lstrip"), N ("main"), N ("map"), N ("micropython"), N ("next"), N ("object"),
  N ("open"), N ("ord"), N ("pop"), N ("popitem"), N ("pow"), N ("print"), N ("range"), N ("read"),
  N ("readinto"), N ("readline"), N ("remove"), N ("replace"), N ("repr"), N ("reverse"),
  N ("rfind"), N ("rindex"), N ("round"), N ("rsplit"), N ("rstrip"), N ("self"), N ("send"),
  N ("sep"), N ("set"), N ("setattr"), N ("setdefault"), N ("sort"), N ("sorted"), N ("split"),
  N ("start"), N ("startswith"), N ("staticmethod"), N ("step"), N ("stop"), N ("str"),
  N ("strip"), N ("sum"), N ("super"), N ("throw"), N ("to_bytes"), N ("tuple"), N ("type"),
  N ("update"), N ("upper"), N ("utf-8"), N ("value"), N ("values"), N ("write"), N ("zip"),
};

typedef struct { const char *name; uint8_t kind; } Opcode;

static const Opcode opcodes[] = {
  [0x10] = { "LOAD_CONST_STRING", MF_MPY_ARG_NAME },
  [0x11] = { "LOAD_NAME", MF_MPY_ARG_NAME },
  [0x12] = { "LOAD_GLOBAL", MF_MPY_ARG_NAME },
  [0x13] = { "LOAD_ATTR", MF_MPY_ARG_NAME },
  [0x14] = { "LOAD_METHOD", MF_MPY_ARG_NAME },
  [0x15] = { "LOAD_SUPER_METHOD", MF_MPY_ARG_NAME },
  [0x16] = { "STORE_NAME", MF_MPY_ARG_NAME },
  [0x17] = { "STORE_GLOBAL", MF_MPY_ARG_NAME },
  [0x18] = { "STORE_ATTR", MF_MPY_ARG_NAME },
  [0x19] = { "DELETE_NAME", MF_MPY_ARG_NAME },
  [0x1a] = { "DELETE_GLOBAL", MF_MPY_ARG_NAME },
  [0x1b] = { "IMPORT_NAME", MF_MPY_ARG_NAME },
  [0x1c] = { "IMPORT_FROM", MF_MPY_ARG_NAME },
  [0x20] = { "MAKE_CLOSURE", MF_MPY_ARG_CHILD },
  [0x21] = { "MAKE_CLOSURE_DEFARGS", MF_MPY_ARG_CHILD },
  [0x22] = { "LOAD_CONST_SMALL_INT", MF_MPY_ARG_SMALL_INT },
  [0x23] = { "LOAD_CONST_OBJ", MF_MPY_ARG_OBJECT },
  [0x24] = { "LOAD_FAST_N", MF_MPY_ARG_LOCAL },
  [0x25] = { "LOAD_DEREF", MF_MPY_ARG_LOCAL },
  [0x26] = { "STORE_FAST_N", MF_MPY_ARG_LOCAL },
  [0x27] = { "STORE_DEREF", MF_MPY_ARG_LOCAL },
  [0x28] = { "DELETE_FAST", MF_MPY_ARG_LOCAL },
  [0x29] = { "DELETE_DEREF", MF_MPY_ARG_LOCAL },
  [0x2a] = { "BUILD_TUPLE", MF_MPY_ARG_NUMBER },
  [0x2b] = { "BUILD_LIST", MF_MPY_ARG_NUMBER },
  [0x2c] = { "BUILD_MAP", MF_MPY_ARG_NUMBER },
  [0x2d] = { "BUILD_SET", MF_MPY_ARG_NUMBER },
  [0x2e] = { "BUILD_SLICE", MF_MPY_ARG_NUMBER },
  [0x2f] = { "STORE_COMP", MF_MPY_ARG_NUMBER },
  [0x30] = { "UNPACK_SEQUENCE", MF_MPY_ARG_NUMBER },
  [0x31] = { "UNPACK_EX", MF_MPY_ARG_NUMBER },
  [0x32] = { "MAKE_FUNCTION", MF_MPY_ARG_CHILD },
  [0x33] = { "MAKE_FUNCTION_DEFARGS", MF_MPY_ARG_CHILD },
  [0x34] = { "CALL_FUNCTION", MF_MPY_ARG_NUMBER },
  [0x35] = { "CALL_FUNCTION_VAR_KW", MF_MPY_ARG_NUMBER },
  [0x36] = { "CALL_METHOD", MF_MPY_ARG_NUMBER },
  [0x37] = { "CALL_METHOD_VAR_KW", MF_MPY_ARG_NUMBER },
  [0x40] = { "UNWIND_JUMP", MF_MPY_ARG_JUMP },
  [0x42] = { "JUMP", MF_MPY_ARG_JUMP },
  [0x43] = { "POP_JUMP_IF_TRUE", MF_MPY_ARG_JUMP },
  [0x44] = { "POP_JUMP_IF_FALSE", MF_MPY_ARG_JUMP },
  [0x45] = { "JUMP_IF_TRUE_OR_POP", MF_MPY_ARG_JUMP },
  [0x46] = { "JUMP_IF_FALSE_OR_POP", MF_MPY_ARG_JUMP },
  [0x47] = { "SETUP_WITH", MF_MPY_ARG_JUMP },
  [0x48] = { "SETUP_EXCEPT", MF_MPY_ARG_JUMP },
  [0x49] = { "SETUP_FINALLY", MF_MPY_ARG_JUMP },
  [0x4a] = { "POP_EXCEPT_JUMP", MF_MPY_ARG_JUMP },
  [0x4b] = { "FOR_ITER", MF_MPY_ARG_JUMP },
  [0x50] = { "LOAD_CONST_FALSE", MF_MPY_ARG_NONE },
  [0x51] = { "LOAD_CONST_NONE", MF_MPY_ARG_NONE },
  [0x52] = { "LOAD_CONST_TRUE", MF_MPY_ARG_NONE },
  [0x53] = { "LOAD_NULL", MF_MPY_ARG_NONE },
  [0x54] = { "LOAD_BUILD_CLASS", MF_MPY_ARG_NONE },
  [0x55] = { "LOAD_SUBSCR", MF_MPY_ARG_NONE },
  [0x56] = { "STORE_SUBSCR", MF_MPY_ARG_NONE },
  [0x57] = { "DUP_TOP", MF_MPY_ARG_NONE },
  [0x58] = { "DUP_TOP_TWO", MF_MPY_ARG_NONE },
  [0x59] = { "POP_TOP", MF_MPY_ARG_NONE },
  [0x5a] = { "ROT_TWO", MF_MPY_ARG_NONE },
  [0x5b] = { "ROT_THREE", MF_MPY_ARG_NONE },
  [0x5c] = { "WITH_CLEANUP", MF_MPY_ARG_NONE },
  [0x5d] = { "END_FINALLY", MF_MPY_ARG_NONE },
  [0x5e] = { "GET_ITER", MF_MPY_ARG_NONE },
  [0x5f] = { "GET_ITER_STACK", MF_MPY_ARG_NONE },
  [0x62] = { "STORE_MAP", MF_MPY_ARG_NONE },
  [0x63] = { "RETURN_VALUE", MF_MPY_ARG_NONE },
  [0x64] = { "RAISE_LAST", MF_MPY_ARG_NONE },
  [0x65] = { "RAISE_OBJ", MF_MPY_ARG_NONE },
  [0x66] = { "RAISE_FROM", MF_MPY_ARG_NONE },
  [0x67] = { "YIELD_VALUE", MF_MPY_ARG_NONE },
  [0x68] = { "YIELD_FROM", MF_MPY_ARG_NONE },
  [0x69] = { "IMPORT_STAR", MF_MPY_ARG_NONE },
};
// clang-format on

// Opcodes that have a small number in themselves.
typedef struct {
  uint8_t first, last, kind;
  int8_t bias;
  const char *name;
} Range;

static const Range ranges[] = {
  { 0x70, 0xaf, MF_MPY_ARG_SMALL_INT, -16, "LOAD_CONST_SMALL_INT" },
  { 0xb0, 0xbf, MF_MPY_ARG_LOCAL, 0, "LOAD_FAST" },
  { 0xc0, 0xcf, MF_MPY_ARG_LOCAL, 0, "STORE_FAST" },
  { 0xd0, 0xd6, MF_MPY_ARG_OPERATOR, 0, "UNARY_OP" },
  { 0xd7, 0xf9, MF_MPY_ARG_OPERATOR, 0, "BINARY_OP" },
};

const MfMpyName *
mf_mpy_firmware_name (uint32_t number)
{
  bool there = number && number < sizeof firmware_names / sizeof firmware_names[0];
  return there ? &firmware_names[number] : NULL;
}

const char *
mf_mpy_arch_name (MfMpyArch arch)
{
  static const char *const names[MF_MPY_N_ARCHS] = { "none", "x86", "x64", "armv6", "armv6m",
    "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin", "rv32imc", "rv64imc" };
  return arch < MF_MPY_N_ARCHS ? names[arch] : "unknown";
}

// ---- lines: steps of b bytes of code and l lines

static void
step_line (MfMpyWalk *walk)
{
  const MfMpyCode *code = walk->code;
  const uint8_t *at = code->function + walk->lines_at;
  uint32_t left = code->lines_end - walk->lines_at, bytes = left && at[0] & 0x80 ? 2 : 1;
  if (bytes > left) { // no more steps
    walk->lines_at = code->lines_end;
    walk->lines_until = UINT32_MAX;
    return;
  }
  walk->lines_at += bytes;
  walk->lines_until += bytes == 1 ? at[0] & 0x1f : at[0] & 0xf;
}

// Lines that the step before lines_at adds.
static uint32_t
lines_of_step (const uint8_t *at)
{
  return at[0] & 0x80 ? ((uint32_t) at[0] << 4 & 0x700) | at[1] : at[0] >> 5;
}

static void
find_line (MfMpyWalk *walk, uint32_t offset)
{
  while (walk->lines_until != UINT32_MAX) {
    MfMpyWalk next = *walk;
    const uint8_t *at = walk->code->function + walk->lines_at;
    step_line (&next);
    if (next.lines_until > offset)
      return;
    next.line += lines_of_step (at);
    *walk = next;
  }
}

// ---- arguments

typedef struct {
  const MfMpyCode *code;
  uint32_t at, end; // in the function
  bool cut_off;
} Cursor;

static uint8_t
take_byte (Cursor *cursor)
{
  if (cursor->at < cursor->end)
    return cursor->code->function[cursor->at++];
  cursor->cut_off = true;
  return 0;
}

// Seven bits a byte, the highest first; bit 6 of the first is the sign of a signed one.
static int64_t
take_number (Cursor *cursor, bool is_signed)
{
  uint8_t byte = take_byte (cursor);
  uint64_t number = is_signed && byte & 0x40 ? UINT64_MAX : 0;
  for (uint32_t i = 0;; i++, byte = take_byte (cursor)) {
    number = number << 7 | (byte & 0x7f);
    if (!(byte & 0x80) || i > 9)
      break;
  }
  return (int64_t) number;
}

// A jump counts from the end of its distance. Those that may lead back are stored with an excess.
static int64_t
take_target (Cursor *cursor, uint8_t opcode)
{
  bool newer = cursor->code->module->header.version >= 6;
  bool both_ways
      = opcode == UNWIND_JUMP
        || (opcode >= JUMP && opcode <= (newer ? POP_JUMP_IF_FALSE : JUMP_IF_FALSE_OR_POP));
  uint8_t low = take_byte (cursor);
  int64_t distance;
  if (newer && !(low & 0x80))
    distance = low - (both_ways ? 0x40 : 0);
  else if (newer)
    distance = ((low & 0x7f) | take_byte (cursor) << 7) - (both_ways ? 0x4000 : 0);
  else
    distance = (low | take_byte (cursor) << 8) - (both_ways ? 0x8000 : 0);
  return distance + cursor->at - cursor->code->opcodes;
}

static void
take_name (Cursor *cursor, MfMpyInstruction *instruction)
{
  const MfMpyModule *module = cursor->code->module;
  uint64_t index
      = module->header.version >= 6 ? (uint64_t) take_number (cursor, false) : take_byte (cursor);
  if (module->header.version < 6)
    index |= (uint64_t) take_byte (cursor) << 8;
  instruction->bad |= index >= module->n_names;
  instruction->name = instruction->bad ? NULL : &module->names[index];
  instruction->argument = (int64_t) index;
}

static void
take_argument (Cursor *cursor, MfMpyInstruction *instruction)
{
  MfMpyFormat format = mf_mpy_format (instruction->number);
  if (format == MF_MPY_FORMAT_QSTR)
    take_name (cursor, instruction);
  else if (format == MF_MPY_FORMAT_UINT)
    instruction->argument = take_number (cursor, instruction->kind == MF_MPY_ARG_SMALL_INT);
  else if (format == MF_MPY_FORMAT_OFFSET)
    instruction->argument = take_target (cursor, instruction->number);
  for (uint32_t extra = mf_mpy_extra_bytes (&cursor->code->module->header, instruction->number);
       extra; extra--)
    instruction->extra = take_byte (cursor);
}

// In version 5 one table has the names of the arguments, the objects and the children.
static void
check_argument (const MfMpyCode *code, MfMpyInstruction *instruction)
{
  bool one_table = code->module->header.version < 6;
  if (instruction->kind == MF_MPY_ARG_OBJECT || instruction->kind == MF_MPY_ARG_CHILD)
    instruction->argument -= one_table ? code->n_arguments : 0;
  if (instruction->kind == MF_MPY_ARG_CHILD)
    instruction->argument -= one_table ? code->n_objects : 0;
  uint64_t argument = (uint64_t) instruction->argument;
  instruction->bad
      |= (instruction->kind == MF_MPY_ARG_OBJECT && argument >= code->n_objects)
         || (instruction->kind == MF_MPY_ARG_CHILD && argument >= code->n_children)
         || (instruction->kind == MF_MPY_ARG_LOCAL && argument >= code->n_state)
         || (instruction->kind == MF_MPY_ARG_JUMP && argument >= code->function_n - code->opcodes);
}

// ---- opcodes

static void
name_opcode (MfMpyInstruction *instruction)
{
  uint8_t number = instruction->number;
  instruction->opcode = "unknown";
  if (number < sizeof opcodes / sizeof opcodes[0] && opcodes[number].name) {
    instruction->opcode = opcodes[number].name;
    instruction->kind = opcodes[number].kind;
    return;
  }
  for (uint32_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
    if (number >= ranges[i].first && number <= ranges[i].last) {
      instruction->opcode = ranges[i].name;
      instruction->kind = ranges[i].kind;
      instruction->argument = number - ranges[i].first + ranges[i].bias;
      return;
    }
  instruction->bad = true;
}

void
mf_mpy_walk_begin (MfMpyWalk *walk, const MfMpyCode *code)
{
  *walk = (MfMpyWalk){ .code = code, .at = code->opcodes, .lines_at = code->lines, .line = 1 };
}

bool
mf_mpy_walk_next (MfMpyWalk *walk, MfMpyInstruction *instruction)
{
  const MfMpyCode *code = walk->code;
  if (walk->at >= code->function_n)
    return false;
  Cursor cursor = { code, walk->at + 1, code->function_n, false };
  *instruction = (MfMpyInstruction){ .offset = walk->at - code->opcodes,
    .number = code->function[walk->at] };
  name_opcode (instruction);
  take_argument (&cursor, instruction);
  check_argument (code, instruction);
  instruction->bad |= cursor.cut_off;
  instruction->size = cursor.at - walk->at;
  find_line (walk, instruction->offset);
  instruction->line = walk->line;
  walk->at = cursor.at;
  return true;
}
