// SPDX-License-Identifier: Apache-2.0
// Rows of a module of CPython: its code objects and what they import.
#include "pyc.h"

#include "module-name.h"

// One module while its rows are made.
typedef struct {
  Pyc *self;
  const MfPyModule *module;
  const char *name; // dotted
  bool is_package;
  uint32_t first; // number of its first unit
  MfString name_id, runtime;
  uint32_t problems; // instructions that make no sense
  MfPyInstruction first_problem;
} Publishing;

// ---- names

// Interned as valid UTF-8: surrogates and other strange bytes become U+FFFD.
static MfString
intern (Pyc *self, const MfPyValue *text)
{
  const char *bytes = (const char *) text->bytes;
  if (text->flags & MF_PY_LATIN1) {
    g_autofree char *utf8 = g_convert (bytes, text->n, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);
    return mf_string (self, utf8 ? utf8 : "?");
  }
  g_autofree char *valid = g_utf8_make_valid (bytes, text->n);
  return mf_string (self, valid);
}

static char *
join_names (const MfPyValue *names)
{
  g_autoptr (GString) joined = g_string_new (NULL);
  for (uint32_t i = 0; names && names->kind == MF_CONST_TUPLE && i < names->n; i++) {
    const MfPyValue *name = names->items[i];
    if (name->kind != MF_CONST_TEXT)
      continue;
    g_string_append (joined, joined->len ? "," : "");
    g_string_append_len (joined, (const char *) name->bytes, name->n);
  }
  return g_utf8_make_valid (joined->str, (gssize) joined->len);
}

// ---- imports: IMPORT_NAME takes the number of dots and the names from the stack; the compiler
// puts both right before it

typedef struct {
  const MfPyValue *constant;
  uint32_t small; // when there is no constant
} Loaded;

static Loaded
loaded_by (const MfPyCode *code, const MfPyInstruction *instruction)
{
  if (instruction->problem == MF_PY_FINE && instruction->opcode->argument == MF_PY_ARG_CONST)
    return (Loaded){ code->consts->items[instruction->index], 0 };
  return (Loaded){ NULL,
    instruction->opcode->argument == MF_PY_ARG_SMALL_INT ? instruction->argument : 0 };
}

static guint
number_of_dots (const Loaded *level)
{
  if (!level->constant)
    return level->small;
  bool sane = level->constant->kind == MF_CONST_INT && level->constant->integer > 0
              && level->constant->integer < 256;
  return sane ? (guint) level->constant->integer : 0;
}

// Functions run when they are called, modules and bodies of classes at once (CPython CO_OPTIMIZED).
static bool
runs_at_once (const MfPyCode *code)
{
  enum { OPTIMIZED = 1 };
  for (; code; code = code->parent)
    if (code->flags & OPTIMIZED)
      return false;
  return true;
}

// Functions of a library that import something are not taken to be called. What is taken from a
// package may be a module of it.
static void
want (PycLibrary *library, const char *module, const char *names)
{
  g_auto (GStrv) taken = g_strsplit (names ? names : "", ",", -1);
  pyc_library_wants (library, module);
  for (char **name = taken; *name; name++) {
    g_autofree char *submodule = g_strconcat (module, ".", *name, NULL);
    pyc_library_wants (library, submodule);
  }
}

bool
pyc_publish_import (Pyc *self, const PycImport *import)
{
  g_autofree char *module
      = pyc_absolute_name (import->importer, import->is_package, import->dots, import->name);
  if (self->on_demand && (import->at_once || !self->in_library))
    want (self->on_demand, module, import->names);
  const MfModuleImport row = { .module = mf_string (self, module),
    .importer = mf_string (self, import->importer),
    .bytes = MF_SIZE_NONE,
    .names = import->names && *import->names ? mf_string (self, import->names) : (MfString){ 0 },
    .unit = import->unit,
    .line = import->line,
    .when = import->at_once ? MF_IMPORT_AT_ONCE : MF_IMPORT_IN_A_CALL };
  return mf_emit (&self->imports, &row);
}

static bool
publish_import (Publishing *p, const MfPyCode *code, const MfPyInstruction *at, const Loaded *level,
    const Loaded *names)
{
  const MfPyValue *text = code->names->items[at->index];
  g_autofree char *name = g_utf8_make_valid ((const char *) text->bytes, text->n);
  g_autofree char *joined = join_names (names->constant);
  const PycImport import = { .importer = p->name,
    .is_package = p->is_package,
    .name = name,
    .names = joined,
    .dots = number_of_dots (level),
    .unit = p->first + code->number,
    .line = at->location.line > 0 ? (uint32_t) at->location.line : 0,
    .at_once = runs_at_once (code) };
  return pyc_publish_import (p->self, &import);
}

static bool
is_import (const MfPyInstruction *instruction)
{
  return instruction->problem == MF_PY_FINE && !strcmp (instruction->opcode->name, "IMPORT_NAME");
}

static void
note_problem (Publishing *p, const MfPyInstruction *instruction)
{
  if (!p->problems++)
    p->first_problem = *instruction;
}

// All instructions of a code object: counts them, publishes its imports.
static bool
publish_imports (Publishing *p, const MfPyCode *code, uint32_t *instructions)
{
  Loaded level = { 0 }, names = { 0 };
  MfPyWalk walk;
  MfPyInstruction instruction;
  mf_py_walk_begin (&walk, code);
  for (*instructions = 0; mf_py_walk_next (&walk, &instruction); ++*instructions) {
    if (instruction.problem)
      note_problem (p, &instruction);
    if (instruction.opcode->argument == MF_PY_ARG_EXTENSION)
      continue;
    if (is_import (&instruction) && !publish_import (p, code, &instruction, &level, &names))
      return false;
    level = names;
    names = loaded_by (code, &instruction);
  }
  return true;
}

// ---- units

static bool
publish_unit (Publishing *p, const MfPyCode *code)
{
  uint32_t instructions;
  if (!publish_imports (p, code, &instructions))
    return false;
  const MfCodeUnit row = { .unit = p->first + code->number,
    .parent = code->parent ? p->first + code->parent->number : 0,
    .name = intern (p->self, mf_py_full_name (code)),
    .file = intern (p->self, code->filename),
    .size = { code->bytecode->n },
    .first_line = code->firstlineno > 0 ? (uint32_t) code->firstlineno : 0,
    .module = p->name_id,
    .origin = p->self->in_library ? MF_UNIT_OF_LIBRARY : MF_UNIT_OF_INPUT,
    .runtime = p->runtime,
    .instructions = instructions,
    .constants = code->consts->n,
    .stack = code->stacksize,
    .locals = mf_py_variables (code) };
  return mf_emit (&p->self->units, &row);
}

static MfString
runtime_of (Pyc *self, const MfPyModule *module)
{
  g_autofree char *text = g_strdup_printf (
      "CPython %u.%u", module->header.version >> 8, module->header.version & 255u);
  return mf_string (self, text);
}

bool
pyc_tell_problems (Pyc *self, const char *input, uint32_t problems, const char *first)
{
  if (!problems)
    return true;
  g_autofree char *why = g_strdup_printf ("%u %s not understood: the first, %s", problems,
      problems == 1 ? "instruction is" : "instructions are", first);
  mf_log (self, MF_LOG_WARNING, "%s: %s", input, why);
  return pyc_tell_damage (self, input, why);
}

static char *
describe_problem (const MfPyInstruction *first)
{
  return g_strdup_printf ("opcode %u at byte %u of its code, %s", first->number, first->offset,
      mf_py_problem_text (first->problem));
}

static void
tell_library (PycLibrary *library, const MfPyModule *module, const char *name)
{
  g_autofree char *tag = g_strdup_printf (
      "cpython-%u%u", module->header.version >> 8, module->header.version & 255u);
  pyc_library_has (library, name);
  pyc_library_prefer (library, tag);
}

bool
pyc_publish_module (Pyc *self, const PycSource *source, const MfPyModule *module)
{
  g_autofree char *name = pyc_module_name (source->module);
  Publishing p = { .self = self,
    .module = module,
    .name = name,
    .is_package = pyc_is_package (source->module),
    .first = self->n_units + 1,
    .name_id = mf_string (self, name),
    .runtime = runtime_of (self, module) };
  if (self->on_demand)
    tell_library (self->on_demand, module, name);
  self->n_units += module->n_codes;
  for (uint32_t i = 0; i < module->n_codes; i++)
    if (!publish_unit (&p, module->codes[i]))
      return false;
  if (!pyc_publish_content (self, source, name, p.first, module->n_codes))
    return false;
  if (module->trailing)
    mf_log (self, MF_LOG_NOTE, "%s has %u bytes behind its code object, which Python ignores",
        source->input, module->trailing);
  g_autofree char *first = describe_problem (&p.first_problem);
  return pyc_tell_problems (self, source->input, p.problems, first);
}
