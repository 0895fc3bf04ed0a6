// SPDX-License-Identifier: Apache-2.0
// Rows of a module of MicroPython: its functions and what they import.
#include "pyc.h"

#include "module-name.h"

typedef struct {
  Pyc *self;
  const MfMpyModule *module;
  const char *name; // dotted
  bool is_package;
  uint32_t first; // number of its first unit
  MfString runtime;
  uint32_t problems;
  MfMpyInstruction first_problem;
} Publishing;

static char *
name_text (const MfMpyName *name)
{
  return g_utf8_make_valid ((const char *) name->bytes, name->n);
}

static char *
name_at (const MfMpyModule *module, uint32_t index)
{
  static const char nameless[] = "<native>";
  return index == MF_MPY_NO_NAME ? g_strdup (nameless) : name_text (&module->names[index]);
}

// "Logger.average.<listcomp>": MicroPython keeps only the last part.
static char *
full_name (const MfMpyCode *code)
{
  g_autoptr (GString) name = g_string_new (NULL);
  for (; code->parent; code = code->parent) {
    g_autofree char *part = name_at (code->module, code->name);
    g_string_prepend (name, name->len ? "." : "");
    g_string_prepend (name, part);
  }
  return g_strdup (name->len ? name->str : "<module>");
}

// ---- imports: the number of dots, the names as strings and their tuple stand before IMPORT_NAME

typedef struct {
  guint dots;
  GString *names;
} Before;

static void
remember (Before *before, const MfMpyInstruction *instruction)
{
  if (instruction->kind == MF_MPY_ARG_SMALL_INT) {
    before->dots = instruction->argument > 0 && instruction->argument < 256
                       ? (guint) instruction->argument
                       : 0;
    g_string_truncate (before->names, 0);
  } else if (instruction->name && !strcmp (instruction->opcode, "LOAD_CONST_STRING")) {
    g_autofree char *name = name_text (instruction->name);
    g_string_append_printf (before->names, "%s%s", before->names->len ? "," : "", name);
  }
}

// The body of a class cannot be told from a function: it is taken for one.
static bool
publish_import (
    Publishing *p, const MfMpyCode *code, const MfMpyInstruction *at, const Before *before)
{
  g_autofree char *name = name_text (at->name);
  const PycImport import = { .importer = p->name,
    .is_package = p->is_package,
    .name = name,
    .names = before->names->str,
    .dots = before->dots,
    .unit = p->first + code->number,
    .line = at->line,
    .at_once = !code->parent };
  return pyc_publish_import (p->self, &import);
}

static bool
publish_imports (Publishing *p, const MfMpyCode *code, uint32_t *instructions)
{
  g_autoptr (GString) names = g_string_new (NULL);
  Before before = { 0, names };
  MfMpyWalk walk;
  MfMpyInstruction instruction;
  mf_mpy_walk_begin (&walk, code);
  for (*instructions = 0; mf_mpy_walk_next (&walk, &instruction); ++*instructions) {
    if (instruction.bad && !p->problems++)
      p->first_problem = instruction;
    bool import = instruction.name && !strcmp (instruction.opcode, "IMPORT_NAME");
    if (import && !publish_import (p, code, &instruction, &before))
      return false;
    remember (&before, &instruction);
  }
  return true;
}

// ---- units

static uint32_t
first_line (const MfMpyCode *code)
{
  MfMpyWalk walk;
  MfMpyInstruction instruction;
  mf_mpy_walk_begin (&walk, code);
  return mf_mpy_walk_next (&walk, &instruction) ? instruction.line : 0;
}

static bool
publish_unit (Publishing *p, const MfMpyCode *code)
{
  uint32_t instructions;
  if (!publish_imports (p, code, &instructions))
    return false;
  g_autofree char *name = full_name (code);
  g_autofree char *file
      = code->file == MF_MPY_NO_NAME ? g_strdup ("") : name_at (p->module, code->file);
  const MfCodeUnit row = { .unit = p->first + code->number,
    .parent = code->parent ? p->first + code->parent->number : 0,
    .name = mf_string (p->self, name),
    .file = mf_string (p->self, file),
    .size = { code->function_n },
    .first_line = first_line (code),
    .module = mf_string (p->self, p->name),
    .origin = p->self->in_library ? MF_UNIT_OF_LIBRARY : MF_UNIT_OF_INPUT,
    .runtime = p->runtime,
    .instructions = instructions,
    .constants = code->n_objects,
    .stack = code->n_state,
    .locals = code->n_arguments };
  return mf_emit (&p->self->units, &row);
}

static MfString
runtime_of (Pyc *self, const MfMpyHeader *header)
{
  bool native = header->arch != MF_MPY_NO_ARCH;
  g_autofree char *text = g_strdup_printf ("MicroPython bytecode %u.%u%s%s", header->version,
      header->sub_version, native ? " " : "", native ? mf_mpy_arch_name (header->arch) : "");
  return mf_string (self, text);
}

bool
pyc_publish_mpy (Pyc *self, const PycSource *source, const MfMpyModule *module)
{
  g_autofree char *name = pyc_module_name (source->module);
  Publishing p = { .self = self,
    .module = module,
    .name = name,
    .is_package = pyc_is_package (source->module),
    .first = self->n_units + 1,
    .runtime = runtime_of (self, &module->header) };
  if (self->on_demand)
    pyc_library_has (self->on_demand, name);
  self->n_units += module->n_codes;
  for (uint32_t i = 0; i < module->n_codes; i++)
    if (!publish_unit (&p, module->codes[i]))
      return false;
  if (!pyc_publish_content (self, source, name, p.first, module->n_codes))
    return false;
  g_autofree char *first = g_strdup_printf (
      "opcode %u at byte %u of its code", p.first_problem.number, p.first_problem.offset);
  return pyc_tell_problems (self, source->input, p.problems, first);
}
