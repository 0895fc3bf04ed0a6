// SPDX-License-Identifier: Apache-2.0
// Prints what the reader knows of .pyc files, one JSON document a line, for scripts that compare it
// with what an interpreter says. Texts and bytes are hex of UTF-8 and of bytes; floats are hex of
// their bits.
#include "bytecode/instructions.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

static void
put_hex (GString *out, const uint8_t *bytes, uint32_t n)
{
  static const char digits[] = "0123456789abcdef";
  g_string_append_c (out, '"');
  for (uint32_t i = 0; i < n; i++) {
    g_string_append_c (out, digits[bytes[i] >> 4]);
    g_string_append_c (out, digits[bytes[i] & 15]);
  }
  g_string_append_c (out, '"');
}

static void
put_text (GString *out, const MfPyValue *text)
{
  if (!text) {
    g_string_append (out, "null");
    return;
  }
  if (!(text->flags & MF_PY_LATIN1)) {
    put_hex (out, text->bytes, text->n);
    return;
  }
  g_autoptr (GByteArray) utf8 = g_byte_array_new ();
  for (uint32_t i = 0; i < text->n; i++) {
    char bytes[6];
    g_byte_array_append (utf8, (guint8 *) bytes, (guint) g_unichar_to_utf8 (text->bytes[i], bytes));
  }
  put_hex (out, utf8->data, utf8->len);
}

static void
put_integer (GString *out, const MfPyValue *value)
{
  if (value->kind == MF_CONST_INT) {
    g_string_append_printf (out, "%" G_GINT64_FORMAT, value->integer);
    return;
  }
  // Digits of base 2^15, the highest first, for the reader of this to put together.
  g_string_append_printf (out, "[%d", value->flags & MF_PY_NEGATIVE ? -1 : 1);
  for (uint32_t i = value->n; i-- > 0;)
    g_string_append_printf (out, ",%d", value->digits[2 * i] | value->digits[2 * i + 1] << 8);
  g_string_append_c (out, ']');
}

static void
put_bits (GString *out, double real)
{
  guint64 bits;
  memcpy (&bits, &real, sizeof bits);
  g_string_append_printf (out, "\"%016" G_GINT64_MODIFIER "x\"", bits);
}

static void
put_value (GString *out, const MfPyValue *value)
{
  g_string_append_printf (out, "[\"%s\"", mf_py_kind_name (value->kind));
  if (value->kind == MF_CONST_INT || value->kind == MF_CONST_LONG) {
    g_string_append_c (out, ',');
    put_integer (out, value);
    g_string_append_printf (out, ",%u", mf_py_int_bits (value));
  } else if (value->kind == MF_CONST_FALSE || value->kind == MF_CONST_TRUE)
    g_string_append (out, value->kind == MF_CONST_TRUE ? ",true" : ",false");
  else if (value->kind == MF_CONST_FLOAT || value->kind == MF_CONST_COMPLEX) {
    g_string_append_c (out, ',');
    put_bits (out, value->complex.real);
    if (value->kind == MF_CONST_COMPLEX) {
      g_string_append_c (out, ',');
      put_bits (out, value->complex.imaginary);
    }
  } else if (value->kind == MF_CONST_TEXT) {
    uint32_t highest, length = mf_py_text_length (value, &highest);
    g_string_append_c (out, ',');
    put_text (out, value);
    g_string_append_printf (out, ",%u,%u,%u", length, highest, value->flags & MF_PY_INTERNED);
  } else if (value->kind == MF_CONST_BYTES) {
    g_string_append_c (out, ',');
    put_hex (out, value->bytes, value->n);
  } else if (value->kind == MF_CONST_CODE)
    g_string_append_printf (out, ",%u", value->code->number);
  else
    for (uint32_t i = 0; i < value->n; i++) {
      g_string_append_c (out, ',');
      put_value (out, value->items[i]);
    }
  g_string_append_c (out, ']');
}

static void
put_variables (GString *out, const char *key, const MfPyCode *code, uint32_t kind)
{
  const char *comma = "";
  g_string_append_printf (out, "\"%s\":[", key);
  for (uint32_t i = 0; i < mf_py_variables (code); i++) {
    MfPyVariable variable = mf_py_variable (code, i);
    if (!(variable.kind & kind))
      continue;
    g_string_append (out, comma);
    put_text (out, variable.name);
    comma = ",";
  }
  g_string_append (out, "],");
}

static void
put_line (GString *out, int32_t line)
{
  if (line == MF_PY_NO_LINE)
    g_string_append (out, ",null");
  else
    g_string_append_printf (out, ",%d", line);
}

static void
put_instructions (GString *out, const MfPyCode *code)
{
  MfPyWalk walk;
  MfPyInstruction instruction;
  const char *comma = "";
  g_string_append (out, "\"ins\":[");
  mf_py_walk_begin (&walk, code);
  while (mf_py_walk_next (&walk, &instruction)) {
    g_string_append_printf (out, "%s[%u,%u,\"%s\",%u", comma, instruction.offset,
        instruction.number, instruction.opcode->name, instruction.argument);
    g_string_append_printf (out, ",%s", instruction.opcode->has_argument ? "true" : "false");
    g_string_append_printf (out, ",%d", (int) instruction.target);
    put_line (out, instruction.location.line);
    g_string_append_printf (
        out, ",%u,%u,%u]", instruction.problem, instruction.size, instruction.first);
    comma = ",";
  }
  g_string_append (out, "],");
}

static void
put_lines (GString *out, const MfPyCode *code)
{
  MfPyLines lines;
  MfPyLocation location;
  const char *comma = "";
  g_string_append (out, "\"lines\":[");
  mf_py_lines_begin (&lines, code);
  for (; mf_py_lines_next (&lines, &location); comma = ",") {
    g_string_append_printf (out, "%s[%u,%u", comma, location.start, location.end);
    put_line (out, location.line);
    put_line (out, location.end_line);
    put_line (out, location.column);
    put_line (out, location.end_column);
    g_string_append_c (out, ']');
  }
  g_string_append_printf (out, "],\"bad_lines\":%d,", lines.malformed);
}

static void
put_handlers (GString *out, const MfPyCode *code)
{
  MfPyHandlers handlers;
  MfPyHandler handler;
  const char *comma = "";
  g_string_append (out, "\"exc\":[");
  mf_py_handlers_begin (&handlers, code);
  for (; mf_py_handlers_next (&handlers, &handler); comma = ",")
    g_string_append_printf (out, "%s[%u,%u,%u,%u,%d]", comma, handler.start, handler.end,
        handler.target, handler.depth, handler.lasti);
  g_string_append_printf (out, "],\"bad_exc\":%d,", handlers.malformed);
}

static void
put_code (GString *out, const MfPyCode *code)
{
  g_string_append (out, "{\"name\":");
  put_text (out, code->name);
  g_string_append (out, ",\"qualname\":");
  put_text (out, code->qualname);
  g_string_append (out, ",\"filename\":");
  put_text (out, code->filename);
  g_string_append_printf (out,
      ",\"argcount\":%u,\"posonlyargcount\":%u,\"kwonlyargcount\":%u,\"nlocals\":%u,\"stacksize\":%"
      "u,\"flags\":%u,"
      "\"firstlineno\":%d,\"parent\":%d,",
      code->argcount, code->posonlyargcount, code->kwonlyargcount, code->nlocals, code->stacksize,
      code->flags, code->firstlineno, code->parent ? (int) code->parent->number : -1);
  put_variables (out, "varnames", code, MF_VARIABLE_LOCAL);
  put_variables (out, "cellvars", code, MF_VARIABLE_CELL);
  put_variables (out, "freevars", code, MF_VARIABLE_FREE);
  g_string_append (out, "\"names\":");
  put_value (out, code->names);
  g_string_append (out, ",\"consts\":");
  put_value (out, code->consts);
  g_string_append_c (out, ',');
  put_instructions (out, code);
  put_lines (out, code);
  put_handlers (out, code);
  g_string_append (out, "\"code\":");
  put_hex (out, code->bytecode->bytes, code->bytecode->n);
  g_string_append_c (out, '}');
}

static void *
resize (void *user __attribute__ ((unused)), void *old, size_t bytes)
{
  if (bytes)
    return g_try_realloc (old, bytes);
  g_free (old);
  return NULL;
}

static void
put_module (GString *out, const MfPyModule *module)
{
  g_string_append_printf (out,
      "{\"magic\":%u,\"version\":%u,\"flags\":%u,\"trailing\":%u,\"memory\":%zu,\"codes\":[",
      module->header.magic, module->header.version, module->header.flags, module->trailing,
      module->memory);
  for (uint32_t i = 0; i < module->n_codes; i++) {
    g_string_append (out, i ? "," : "");
    put_code (out, module->codes[i]);
  }
  g_string_append (out, "]}\n");
}

int
main (int argc, char **argv)
{
  const MfCodeMemory memory = { .resize = resize, .limit = 1 << 30 };
  for (int i = 1; i < argc; i++) {
    g_autofree char *contents = NULL;
    g_autoptr (GString) out = g_string_new (NULL);
    gsize n;
    if (!g_file_get_contents (argv[i], &contents, &n, NULL))
      g_error ("cannot read %s", argv[i]);
    MfCodeError error;
    MfPyModule *module = mf_pyc_read ((const uint8_t *) contents, n, &memory, &error);
    if (module)
      put_module (out, module);
    else
      g_string_printf (out, "{\"error\":\"%s\",\"offset\":%u}\n", error.text, error.offset);
    mf_py_module_free (module);
    fputs (out->str, stdout);
  }
  return 0;
}
