// SPDX-License-Identifier: Apache-2.0
// Questions about constants and variables.
#include "pyc.h"
#include "reading.h"

#include <string.h>

const char *
mf_py_kind_name (MfPyKind kind)
{
  static const char *const names[MF_CONST_N_KINDS] = { "NoneType", "bool", "bool", "ellipsis",
    "StopIteration", "int", "int", "float", "complex", "bytes", "str", "tuple", "list", "set",
    "frozenset", "dict", "frozendict", "slice", "code" };
  return kind < MF_CONST_N_KINDS ? names[kind] : "unknown";
}

// The text was checked when it was read.
static uint32_t
next_character (const uint8_t *at, uint32_t *size)
{
  static const uint8_t sizes[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4 };
  static const uint8_t masks[5] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
  *size = sizes[at[0] >> 4];
  uint32_t code = at[0] & masks[*size];
  for (uint32_t i = 1; i < *size; i++)
    code = code << 6 | (at[i] & 0x3f);
  return code;
}

uint32_t
mf_py_text_length (const MfPyValue *text, uint32_t *highest)
{
  bool bytewise = text->flags & MF_PY_LATIN1;
  uint32_t length = 0;
  *highest = 0;
  for (uint32_t i = 0, size = 1; i < text->n; i += size, length++) {
    uint32_t code = bytewise ? text->bytes[i] : next_character (text->bytes + i, &size);
    *highest = code > *highest ? code : *highest;
  }
  return length;
}

bool
mf_py_text_is (const MfPyValue *text, const char *other)
{
  return text->kind == MF_CONST_TEXT && text->n == strlen (other)
         && !memcmp (text->bytes, other, text->n);
}

static uint32_t
bits_of (uint64_t number)
{
  return number ? 64 - (uint32_t) __builtin_clzll (number) : 0;
}

uint32_t
mf_py_int_bits (const MfPyValue *integer)
{
  enum { DIGIT_BITS = 15 };
  if (integer->kind == MF_CONST_LONG)
    return (integer->n - 1) * DIGIT_BITS
           + bits_of (mf_code_u16 (integer->digits + 2 * (size_t) (integer->n - 1)));
  int64_t number = integer->integer;
  return bits_of (number < 0 ? 0 - (uint64_t) number : (uint64_t) number);
}

uint32_t
mf_py_variables (const MfPyCode *code)
{
  if (code->localsplusnames)
    return code->localsplusnames->n;
  return code->varnames->n + code->cellvars->n + code->freevars->n;
}

static MfPyVariable
variable_3_8 (const MfPyCode *code, uint32_t i)
{
  const struct {
    const MfPyValue *names;
    uint32_t kind;
  } parts[] = { { code->varnames, MF_VARIABLE_LOCAL }, { code->cellvars, MF_VARIABLE_CELL },
    { code->freevars, MF_VARIABLE_FREE } };
  uint32_t part = 0;
  for (; part < 2 && i >= parts[part].names->n; part++)
    i -= parts[part].names->n;
  return (MfPyVariable){ parts[part].names->items[i], parts[part].kind };
}

MfPyVariable
mf_py_variable (const MfPyCode *code, uint32_t i)
{
  if (!code->localsplusnames)
    return variable_3_8 (code, i);
  return (MfPyVariable){ code->localsplusnames->items[i], code->localspluskinds->bytes[i] };
}

uint32_t
mf_py_count_variables (const MfPyCode *code, uint32_t kind)
{
  uint32_t count = 0;
  for (uint32_t i = 0, n = mf_py_variables (code); i < n; i++)
    count += (mf_py_variable (code, i).kind & kind) != 0;
  return count;
}

const MfPyValue *
mf_py_full_name (const MfPyCode *code)
{
  return code->qualname ? code->qualname : code->name;
}
