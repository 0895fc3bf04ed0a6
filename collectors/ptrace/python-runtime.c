// SPDX-License-Identifier: Apache-2.0
// By symbol, by section, by the cookie of the debug offsets; then the first interpreter and thread have to point to each
// other, or nothing is believed.
#include "python-runtime.h"

#include <stdio.h>
#include <string.h>

G_DEFINE_QUARK (memflow-python-error, mf_python_error)

// ---- the file with the interpreter in it

// "libpython3.11.so.1.0", "python3.11": the minor version; 0 = another name, -1 = one of Python's without it.
static int
minor_of_name (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  const char *at = strstr (name, "python3");
  int minor = -1;
  if (!at || (at != name && !g_str_has_prefix (name, "lib")))
    return 0;
  sscanf (at, "python3.%d", &minor);
  return minor;
}

// The mapping of the first byte of a file that may hold the interpreter: a libpython, else a python3, else the program itself. A
// loader or an emulator may be what the system takes for the program.
static const MfMapping *
find_mapping (const GArray *mappings, const char *program)
{
  const MfMapping *by_name = NULL, *by_path = NULL;
  for (guint i = 0; i < mappings->len; i++) {
    const MfMapping *mapping = &g_array_index (mappings, MfMapping, i);
    if (mapping->offset || !mapping->inode)
      continue;
    g_autofree char *name = g_path_get_basename (mapping->path);
    if (g_str_has_prefix (name, "libpython3"))
      return mapping;
    if (!by_name && g_str_has_prefix (name, "python3"))
      by_name = mapping;
    if (!by_path && strcmp (mapping->path, program) == 0)
      by_path = mapping;
  }
  return by_name ? by_name : by_path;
}

static bool
open_image (MfProcess *process, MfPythonRuntime *runtime, GError **error)
{
  g_autofree char *program = mf_process_program_path (process);
  const GArray *mappings = mf_process_mappings (process, error);
  if (!mappings)
    return false;
  const MfMapping *mapping = find_mapping (mappings, program ? program : "");
  if (!mapping) {
    g_set_error (error, MF_PYTHON_ERROR, MF_PYTHON_ERROR_NONE, "process %d has no program in memory that could be a Python",
        mf_process_id (process));
    return false;
  }
  runtime->path = g_strdup (mapping->path);
  g_autofree char *path = mf_process_open_path (process, mapping);
  if (!path && !mf_process_is_live (process)) {
    g_set_error (error, MF_PYTHON_ERROR, MF_PYTHON_ERROR_NO_FILE, "the Python of process %d cannot be read without its file %s",
        mf_process_id (process), mapping->path);
    return false;
  }
  runtime->image = mf_elf_image_open (path ? path : mapping->path, mapping->from, error);
  return runtime->image != NULL;
}

// ---- the runtime state and the version

static bool
find_state (const MfProcess *process, MfPythonRuntime *runtime, GError **error)
{
  MfElfPart part;
  if (!mf_elf_image_symbol (runtime->image, "_PyRuntime", &part) && !mf_elf_image_section (runtime->image, ".PyRuntime", &part)) {
    g_set_error (error, MF_PYTHON_ERROR, MF_PYTHON_ERROR_NONE, "process %d runs no Python: %s has no _PyRuntime in it",
        mf_process_id (process), runtime->path);
    return false;
  }
  runtime->state = part.at;
  return true;
}

static uint32_t
version_of_symbol (const MfProcess *process, const MfPythonRuntime *runtime)
{
  MfElfPart part;
  uint64_t version = 0;
  if (mf_elf_image_symbol (runtime->image, "Py_Version", &part))
    mf_process_number (process, part.at, 4, &version);
  return (uint32_t) version;
}

static bool
find_version (const MfProcess *process, MfPythonRuntime *runtime, const uint8_t *start, GError **error)
{
  MfDebugOffsets debug = { 0 };
  int minor = minor_of_name (runtime->path);
  if (mf_debug_offsets_read (start, MF_DEBUG_OFFSETS_BYTES, &debug))
    runtime->version = debug.version;
  else if (!(runtime->version = version_of_symbol (process, runtime)) && minor > 0)
    runtime->version = 0x03000000 | (uint32_t) minor << 16;
  if (debug.free_threaded)
    g_set_error (error, MF_PYTHON_ERROR, MF_PYTHON_ERROR_FREE_THREADED,
        "process %d runs a free-threaded Python, whose frames and allocator are others", mf_process_id (process));
  return !debug.free_threaded;
}

static bool
find_offsets (const MfProcess *process, MfPythonRuntime *runtime, GError **error)
{
  uint8_t start[MF_DEBUG_OFFSETS_BYTES] = { 0 };
  mf_process_read (process, runtime->state, start, sizeof start);
  if (!find_version (process, runtime, start, error))
    return false;
  const MfPythonOffsets *row = mf_python_offsets_of ((uint16_t) (runtime->version >> 16),
      mf_elf_image_machine (runtime->image), mf_process_word (process));
  if (!row) {
    g_set_error (error, MF_PYTHON_ERROR, MF_PYTHON_ERROR_VERSION,
        "process %d runs Python %u.%u, which is not one of those that can be read (3.8 to 3.14; on 32 bits for i386 and arm)",
        mf_process_id (process), runtime->version >> 24, runtime->version >> 16 & 0xff);
    return false;
  }
  runtime->offsets = *row;
  runtime->told = mf_python_offsets_refine (&runtime->offsets, start, sizeof start);
  return true;
}

// ---- proof

uint64_t
mf_python_next_interpreter (const MfProcess *process, const MfPythonRuntime *runtime, uint64_t before)
{
  const MfPythonOffsets *offsets = &runtime->offsets;
  uint64_t at = before ? before + (uint64_t) offsets->interpreter_next : runtime->state + (uint64_t) offsets->interpreters;
  uint64_t next = 0;
  mf_process_pointer (process, at, &next);
  return next;
}

// The first thread of the first interpreter names that interpreter.
static bool
points_back (const MfProcess *process, const MfPythonRuntime *runtime, GError **error)
{
  const MfPythonOffsets *offsets = &runtime->offsets;
  uint64_t interpreter = mf_python_next_interpreter (process, runtime, 0), thread = 0, back = 0;
  if (!interpreter || !mf_process_pointer (process, interpreter + (uint64_t) offsets->threads, &thread) || !thread) {
    g_set_error (error, MF_PYTHON_ERROR, MF_PYTHON_ERROR_NOT_READY, "the Python of process %d is not running yet, or not any more%s",
        mf_process_id (process), mf_process_is_live (process) ? "" : ", or its state is not in the core");
    return false;
  }
  if (mf_process_pointer (process, thread + (uint64_t) offsets->thread_interpreter, &back) && back == interpreter)
    return true;
  g_set_error (error, MF_PYTHON_ERROR, MF_PYTHON_ERROR_LAYOUT, "the Python %u.%u of process %d does not look as one of its version should",
      runtime->version >> 24, runtime->version >> 16 & 0xff, mf_process_id (process));
  return false;
}

bool
mf_python_runtime_find (MfProcess *process, MfPythonRuntime *runtime, GError **error)
{
  *runtime = (MfPythonRuntime) { 0 };
  return open_image (process, runtime, error) && find_state (process, runtime, error) && find_offsets (process, runtime, error)
      && points_back (process, runtime, error);
}

void
mf_python_runtime_clear (MfPythonRuntime *runtime)
{
  mf_elf_image_free (runtime->image);
  g_free (runtime->path);
  *runtime = (MfPythonRuntime) { 0 };
}
