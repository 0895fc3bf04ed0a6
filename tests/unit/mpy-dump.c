// SPDX-License-Identifier: Apache-2.0
// Prints what the reader knows of .mpy files, one JSON document a line, for comparison with what
// MicroPython's own tool says. Texts and bytes are hex.
#include "bytecode/mpy.h"

#include <glib.h>
#include <stdio.h>

static void
put_hex (GString *out, const uint8_t *bytes, uint32_t n)
{
  g_string_append_c (out, '"');
  for (uint32_t i = 0; i < n; i++)
    g_string_append_printf (out, "%02x", bytes[i]);
  g_string_append_c (out, '"');
}

static void
put_name (GString *out, const MfMpyModule *module, uint32_t index)
{
  if (index == MF_MPY_NO_NAME)
    g_string_append (out, "null");
  else
    put_hex (out, module->names[index].bytes, module->names[index].n);
}

static void
put_object (GString *out, const MfMpyObject *object)
{
  g_string_append_printf (out, "[%u", object->kind);
  for (uint32_t i = 0; object->kind == MF_MPY_TUPLE && i < object->n; i++) {
    g_string_append_c (out, ',');
    put_object (out, &object->items[i]);
  }
  if (object->kind >= MF_MPY_STR && object->kind < MF_MPY_TUPLE) {
    g_string_append_c (out, ',');
    put_hex (out, object->bytes, object->n);
  }
  g_string_append_c (out, ']');
}

static void
put_instructions (GString *out, const MfMpyCode *code)
{
  MfMpyWalk walk;
  MfMpyInstruction instruction;
  const char *comma = "";
  g_string_append (out, "\"ins\":[");
  for (mf_mpy_walk_begin (&walk, code); mf_mpy_walk_next (&walk, &instruction); comma = ",") {
    g_string_append_printf (out, "%s[%u,%u,\"%s\",%u,%" G_GINT64_FORMAT ",", comma,
        instruction.offset, instruction.number, instruction.opcode, instruction.kind,
        instruction.argument);
    if (instruction.name)
      put_hex (out, instruction.name->bytes, instruction.name->n);
    else
      g_string_append (out, "null");
    g_string_append_printf (out, ",%u,%u,%u,%d]", instruction.extra, instruction.size,
        instruction.line, instruction.bad);
  }
  g_string_append_c (out, ']');
}

static void
put_code (GString *out, const MfMpyCode *code)
{
  g_string_append_printf (out,
      "{\"kind\":%u,\"parent\":%d,\"function_n\":%u,\"prelude\":[%u,%u,%u,%u,%u,%u],\"cells\":%u,"
      "\"links\":%u,\"name\":",
      code->kind, code->parent ? (int) code->parent->number : -1, code->function_n, code->n_state,
      code->n_exc_stack, code->scope_flags, code->n_pos_args, code->n_kwonly_args,
      code->n_def_pos_args, code->n_cells, code->n_links);
  put_name (out, code->module, code->name);
  g_string_append (out, ",\"file\":");
  put_name (out, code->module, code->file);
  g_string_append (out, ",\"arguments\":[");
  for (uint32_t i = 0; i < code->n_arguments; i++) {
    g_string_append (out, i ? "," : "");
    put_name (out, code->module, code->arguments[i]);
  }
  g_string_append (out, "],\"objects\":[");
  for (uint32_t i = 0; i < code->n_objects; i++) {
    g_string_append (out, i ? "," : "");
    put_object (out, &code->objects[i]);
  }
  g_string_append (out, "],");
  put_instructions (out, code);
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
put_module (GString *out, const MfMpyModule *module)
{
  g_string_append_printf (out,
      "{\"version\":[%u,%u],\"arch\":%u,\"small_int_bits\":%u,\"trailing\":%u,\"codes\":[",
      module->header.version, module->header.sub_version, module->header.arch,
      module->header.small_int_bits, module->trailing);
  for (uint32_t i = 0; i < module->n_codes; i++) {
    g_string_append (out, i ? "," : "");
    put_code (out, module->codes[i]);
  }
  g_string_append (out, "]}\n");
}

int
main (int argc, char **argv)
{
  const MfCodeMemory memory = { .resize = resize };
  for (int i = 1; i < argc; i++) {
    g_autofree char *contents = NULL;
    g_autoptr (GString) out = g_string_new (NULL);
    gsize n;
    if (!g_file_get_contents (argv[i], &contents, &n, NULL))
      g_error ("cannot read %s", argv[i]);
    MfCodeError error;
    MfMpyModule *module = mf_mpy_read ((const uint8_t *) contents, n, &memory, &error);
    if (module)
      put_module (out, module);
    else
      g_string_printf (out, "{\"error\":\"%s\",\"offset\":%u}\n", error.text, error.offset);
    mf_mpy_module_free (module);
    fputs (out->str, stdout);
  }
  return 0;
}
