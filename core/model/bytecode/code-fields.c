// SPDX-License-Identifier: Apache-2.0
// The three orders of fields that code objects have had in files (CPython Python/marshal.c,
// TYPE_CODE).
#include "marshal.h"

#define INT(member)                                                                                \
  {                                                                                                \
#member, NULL, offsetof(MfPyCode, member), MF_FIELD_INT                                        \
  }
#define BYTES(member, name)                                                                        \
  {                                                                                                \
    name, NULL, offsetof (MfPyCode, member), MF_FIELD_BYTES                                        \
  }
#define TEXT(member)                                                                               \
  {                                                                                                \
#member, NULL, offsetof(MfPyCode, member), MF_FIELD_TEXT                                       \
  }
#define TEXTS(member, item)                                                                        \
  {                                                                                                \
#member, item, offsetof(MfPyCode, member), MF_FIELD_TEXTS                                      \
  }
#define TUPLE(member, item)                                                                        \
  {                                                                                                \
#member, item, offsetof(MfPyCode, member), MF_FIELD_TUPLE                                      \
  }

// clang-format off
static const MfCodeField fields_3_8[] = {
  INT (argcount), INT (posonlyargcount), INT (kwonlyargcount), INT (nlocals), INT (stacksize), INT (flags),
  BYTES (bytecode, "bytecode"), TUPLE (consts, "constant"), TEXTS (names, "name"), TEXTS (varnames, "variable name"),
  TEXTS (freevars, "free variable name"), TEXTS (cellvars, "cell variable name"), TEXT (filename), TEXT (name),
  INT (firstlineno), BYTES (linetable, "line table"), { 0 },
};
static const MfCodeField fields_3_11[] = {
  INT (argcount), INT (posonlyargcount), INT (kwonlyargcount), INT (stacksize), INT (flags),
  BYTES (bytecode, "bytecode"), TUPLE (consts, "constant"), TEXTS (names, "name"),
  TEXTS (localsplusnames, "variable name"), BYTES (localspluskinds, "kinds of variables"), TEXT (filename), TEXT (name),
  TEXT (qualname), INT (firstlineno), BYTES (linetable, "line table"), BYTES (exceptiontable, "exception table"), { 0 },
};
// clang-format on

const MfCodeField *
mf_code_fields (uint16_t version)
{
  return version >= 0x030b ? fields_3_11 : fields_3_8;
}

static bool
check_counts (const MfPyCode *code, MfCodeError *error)
{
  const uint32_t counts[] = { code->argcount, code->posonlyargcount, code->kwonlyargcount,
    code->nlocals, code->stacksize };
  for (uint32_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    if (counts[i] > INT32_MAX)
      return mf_code_fail (
          error, code->offset, "the code object at offset 0x%x has a negative count", code->offset);
  uint64_t arguments = (uint64_t) code->argcount + code->kwonlyargcount;
  if (code->posonlyargcount <= code->argcount && arguments <= code->nlocals)
    return true;
  return mf_code_fail (error, code->offset,
      "the code object at offset 0x%x has %u arguments (%u of them by position only), %u by "
      "keyword only, but %u "
      "local variables",
      code->offset, code->argcount, code->posonlyargcount, code->kwonlyargcount, code->nlocals);
}

bool
mf_code_check (MfPyCode *code, MfCodeError *error)
{
  const MfPyValue *kinds = code->localspluskinds;
  if (code->bytecode->n % 2)
    return mf_code_fail (error, code->bytecode->offset,
        "bytecode at offset 0x%x has an odd length of %u bytes", code->bytecode->offset,
        code->bytecode->n);
  if (kinds && kinds->n != code->localsplusnames->n)
    return mf_code_fail (error, kinds->offset,
        "the code object at offset 0x%x has %u variable names, but kinds of %u", code->offset,
        code->localsplusnames->n, kinds->n);
  if (!kinds && code->nlocals != code->varnames->n)
    return mf_code_fail (error, code->offset,
        "the code object at offset 0x%x has %u local variables, but names of %u", code->offset,
        code->nlocals, code->varnames->n);
  if (kinds)
    code->nlocals = mf_py_count_variables (code, MF_VARIABLE_LOCAL);
  return check_counts (code, error);
}
