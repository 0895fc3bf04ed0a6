// SPDX-License-Identifier: Apache-2.0
// The collector pyc: compiled modules of CPython and MicroPython, read without running them.
#include "pyc.h"

bool
pyc_tell_damage (Pyc *self, const char *input, const char *why)
{
  const MfInputDamage row = { .time = MF_TIME_NONE,
    .sequence = ++self->n_damages,
    .what = mf_string (self, input),
    .reason = mf_text (&self->damage, why, strlen (why)) };
  return mf_emit (&self->damage, &row);
}

static gboolean
tell_unreadable (void *user, const char *input, const char *why)
{
  Pyc *self = user;
  self->n_unreadable++;
  mf_log (self, MF_LOG_WARNING, "cannot read %s: %s", input, why);
  return pyc_tell_damage (self, input, why);
}

static void *
resize (void *user, void *old, size_t bytes)
{
  return mf_resize (user, old, bytes);
}

static gboolean
use_cpython (Pyc *self, const PycSource *source, const MfCodeMemory *memory)
{
  MfCodeError error;
  MfPyModule *module = mf_pyc_read (source->bytes, source->n, memory, &error);
  if (!module)
    return tell_unreadable (self, source->input, error.text);
  self->n_modules++;
  bool on = pyc_publish_module (self, source, module);
  mf_py_module_free (module);
  return on;
}

static gboolean
use_micropython (Pyc *self, const PycSource *source, const MfCodeMemory *memory)
{
  MfCodeError error;
  MfMpyModule *module = mf_mpy_read (source->bytes, source->n, memory, &error);
  if (!module)
    return tell_unreadable (self, source->input, error.text);
  self->n_modules++;
  bool on = pyc_publish_mpy (self, source, module);
  mf_mpy_module_free (module);
  return on;
}

// A .mpy begins with an M; a .pyc has it nowhere near.
static gboolean
use_source (void *user, const PycSource *source)
{
  Pyc *self = user;
  const MfCodeMemory memory = { self, resize, self->module_limit.bytes };
  if (mf_stopping (self))
    return FALSE;
  bool micropython
      = g_str_has_suffix (source->module, ".mpy") || mf_mpy_probe (source->bytes, source->n);
  return (micropython ? use_micropython : use_cpython) (self, source, &memory);
}

static bool
pyc_start (void *stage)
{
  Pyc *self = stage;
  for (uint32_t i = 0; i < self->library.n; i++)
    if (!g_file_test (self->library.items[i], G_FILE_TEST_IS_DIR))
      return mf_fail_option (self, "library", "%s is no folder", self->library.items[i]);
  if (self->library.n)
    self->on_demand = pyc_library_new (self->library.items, self->library.n);
  return true;
}

static void
pyc_stop (void *stage)
{
  Pyc *self = stage;
  pyc_library_free (self->on_demand);
}

static bool
pyc_collect (void *stage)
{
  Pyc *self = stage;
  const PycReading reading = { .user = self,
    .found = use_source,
    .unreadable = tell_unreadable,
    .limit = self->file_limit.bytes,
    .compile = self->compile,
    .compiler = self->compiler };
  if (!self->path.path)
    return mf_fail_option (self, "path",
        "there is nothing to read: set path to a compiled module, a folder, a wheel or a zip, or "
        "name one on the "
        "command line");
  mf_context (self, mf_string (self, self->path.path), 0);
  bool whole = pyc_read_sources (self->path.path, &reading);
  uint32_t own = self->n_modules;
  self->in_library = true;
  if (whole && own && self->on_demand)
    whole = pyc_library_read (self->on_demand, &reading);
  if (!whole || self->n_modules)
    return true;
  return mf_fail_option (self, "path", "no module of %s could be read%s", self->path.path,
      self->n_unreadable ? "" : ": there is no .pyc, .mpy or .py in it");
}

static int
pyc_probe (const char *path, const uint8_t *head, size_t n)
{
  const char *dot = strrchr (path, '.');
  if (dot && (!strcmp (dot, ".whl") || !strcmp (dot, ".py")))
    return 80;
  if (n >= 4 && !memcmp (head, "PK\003\004", 4))
    return 50;
  int score = mf_pyc_probe (head, n);
  return score ? score : mf_mpy_probe (head, n);
}

static const char help[] = "Reads compiled modules of CPython 3.8 to 3.15 (.pyc) and of "
                           "MicroPython 1.12 and later (.mpy): a file, a folder\n"
                           "with all that is below it, a wheel or a zip. Nothing is executed, and "
                           "no interpreter of that version is needed.\n"
                           "\n"
                           "Sources (.py) that have no compiled file beside them are compiled by "
                           "the python3 at hand, out of process and\n"
                           "into a temporary folder; their bytecode is then that of this Python. "
                           "With `compile = python` all sources are\n"
                           "compiled, also those that have been, with `compile = mpy-cross` for "
                           "MicroPython; `compile = never` leaves\n"
                           "sources out.\n"
                           "\n"
                           "Of the folders in `library` only what is imported is read: by the "
                           "input at any time, by\n"
                           "what was read of them only while that is imported itself.\n"
                           "\n"
                           "A file that is damaged, or of a version that is not known, is reported "
                           "with the place where reading stopped;\n"
                           "the others are read.";

// clang-format off
MF_PLUGIN (Pyc, "pyc", .kind = MF_COLLECTOR,
  .summary = "compiled Python modules, without running them",
  .help = help,
  MF_OPTIONS (
    MF_OPTION (Pyc, path, NULL, "a compiled module, a folder, a wheel, a zip or a source"),
    MF_CHOICE (Pyc, compile, "auto", "which sources are compiled, and by what", "auto", "never", "python", "mpy-cross"),
    MF_OPTION (Pyc, compiler, NULL, "the python3 or mpy-cross to run; by default the one that PATH finds"),
    MF_OPTION (Pyc, library, NULL, "folders of which only modules that are imported are read: /usr/lib/python3.11"),
    MF_OPTION (Pyc, file_limit, "64MiB", "the largest file, or member of an archive, that is read",
      .low = 1024, .high = 1024.0 * 1024 * 1024),
    MF_OPTION (Pyc, module_limit, "16MiB", "memory that the reading of one module may take",
      .low = 65536, .high = 1024.0 * 1024 * 1024)),
  MF_PUBLISHES (MF_OUTPUT (Pyc, units, MfCodeUnit), MF_OUTPUT (Pyc, imports, MfModuleImport),
    MF_OUTPUT (Pyc, contents, MfCodeContent), MF_OUTPUT (Pyc, damage, MfInputDamage)),
  .input_option = "path", .probe = pyc_probe, .start = pyc_start, .collect = pyc_collect, .stop = pyc_stop);
// clang-format on
