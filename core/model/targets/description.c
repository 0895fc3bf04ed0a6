// SPDX-License-Identifier: Apache-2.0
// The options of a target, as one table, and how they become a target of the object model.
#include "model/targets/description.h"

#include <memflow/plugin.h>
#include <string.h>

#include "config/options.h"

typedef struct {
  const char *title, *architecture, *version;
  uint32_t python, byte_order, allocator, representation;
  uint8_t pointer, align8, digit_bits;
  bool pymalloc, free_threaded, debug_hooks;
  MfSize heap, ram, flash, stack, storage, baseline;
  const char *baseline_basis;
  MfTexts modules;
} Options;

enum { CPYTHON, MICROPYTHON };

// In the order of MfAllocator.
#define ALLOCATORS "unknown", "glibc", "musl", "newlib-nano", "picolibc", "dlmalloc", "micropython"

// clang-format off
static const MfOption options[] = {
  MF_OPTION (Options, title, NULL, "What it is, in a few words", .flags = MF_OPTION_REQUIRED),
  MF_OPTION (Options, architecture, NULL, "The processor's architecture", .flags = MF_OPTION_REQUIRED),
  MF_OPTION (Options, pointer, NULL, "Bytes of a pointer", .low = 4, .high = 8, .flags = MF_OPTION_REQUIRED),
  MF_OPTION (Options, align8, "8", "How 8-byte numbers are aligned inside a struct; 4 on i386", .low = 4, .high = 8),
  MF_CHOICE (Options, byte_order, "little", "Byte order", "little", "big"),
  MF_CHOICE (Options, python, "cpython", "The implementation of Python", "cpython", "micropython"),
  MF_OPTION (Options, version, NULL, "Its version, as 3.11.2", .flags = MF_OPTION_REQUIRED),
  MF_OPTION (Options, digit_bits, "0", "Bits in a digit of int: 15 or 30; 0 = as that version's usual build", .low = 0, .high = 30),
  MF_OPTION (Options, free_threaded, "no", "Built without the global lock"),
  MF_OPTION (Options, debug_hooks, "no", "Runs under PYTHONMALLOC=debug"),
  MF_OPTION (Options, pymalloc, "yes", "CPython's small blocks come from pymalloc"),
  MF_CHOICE (Options, representation, "A", "How MicroPython represents objects", "A", "B", "C", "D"),
  MF_CHOICE (Options, allocator, "unknown", "What grants memory: the C library's malloc, or MicroPython's heap", ALLOCATORS),
  MF_OPTION (Options, heap, NULL, "Bytes of the heap, where it is fixed, its tables left out"),
  MF_OPTION (Options, ram, NULL, "Bytes of RAM"),
  MF_OPTION (Options, flash, NULL, "Bytes of flash"),
  MF_OPTION (Options, stack, NULL, "Bytes of the stack"),
  MF_OPTION (Options, storage, NULL, "Bytes of flash for the program's files"),
  MF_OPTION (Options, baseline, NULL, "Bytes in use before the first line of a program: of the heap, or of RAM where the heap is not fixed"),
  MF_OPTION (Options, baseline_basis, NULL, "How the baseline is known"),
  MF_OPTION (Options, modules, NULL, "Modules that are part of the firmware; those of CPython are known"),
  { 0 }
};
// clang-format on

// "3.11.2" or "1.25"; each part below 256.
static bool
parse_version (const char *text, unsigned parts[3])
{
  g_auto (GStrv) words = g_strsplit (text, ".", -1);
  guint n = g_strv_length (words);
  memset (parts, 0, 3 * sizeof *parts);
  for (guint i = 0; i < n && i < 3; i++) {
    uint64_t value;
    if (!mf_natural_parse (words[i], strlen (words[i]), &value, NULL) || value > UINT8_MAX)
      return false;
    parts[i] = (unsigned) value;
  }
  return n == 2 || n == 3;
}

static MfTarget
target_of (const Options *from, const unsigned version[3])
{
  MfTarget target = from->python == MICROPYTHON
                        ? mf_target_micropython (version[0], version[1], from->pointer)
                        : mf_target_cpython (version[0], version[1], version[2], from->pointer);
  target.align8 = from->align8;
  target.big_endian = from->byte_order;
  target.representation = (MfRepresentation) from->representation;
  target.allocator = (MfAllocator) from->allocator;
  target.free_threaded = from->free_threaded;
  target.debug_hooks = from->debug_hooks;
  target.pymalloc = from->python == CPYTHON && from->pymalloc;
  if (from->digit_bits)
    target.digit_bits = from->digit_bits;
  return target;
}

static bool
refuse (const MfConfigGroup *group, const char *option, const char *why, MfDiagnostics *diagnostics)
{
  mf_diagnostics_error (diagnostics, mf_option_place (group, option), NULL, "%s", why);
  return false;
}

bool
mf_target_describe (const MfConfig *config, MfTargetDescription *description, GPtrArray *arena,
    MfDiagnostics *diagnostics)
{
  const MfConfigGroup *group = mf_config_group (config, "target");
  MfOptionContext context = { .kind = "target", .arena = arena };
  Options read = { 0 };
  unsigned version[3];
  if (!group) {
    mf_diagnostics_error (diagnostics, NULL, NULL, "there is no group [target] in this file");
    return false;
  }
  if (!mf_options_apply (options, group, &read, &context, diagnostics))
    return false;
  if (!parse_version (read.version, version))
    return refuse (group, "version", "a version is two or three numbers, as 3.11.2", diagnostics);
  *description = (MfTargetDescription){ .target = target_of (&read, version),
    .facts = { .size = sizeof (MfTargetFacts),
        .title = read.title,
        .architecture = read.architecture,
        .python = g_strdup_printf (
            "%s %s", read.python == MICROPYTHON ? "MicroPython" : "CPython", read.version),
        .heap = read.heap,
        .ram = read.ram,
        .flash = read.flash,
        .stack = read.stack,
        .storage = read.storage,
        .baseline = read.baseline,
        .baseline_basis = read.baseline_basis,
        .modules = read.modules,
        .model = &description->target } };
  g_ptr_array_add (arena, (gpointer) description->facts.python);
  const char *doubt = mf_target_doubt (&description->target);
  return !doubt || refuse (group, "version", doubt, diagnostics);
}

bool
mf_target_load (const char *path, MfTargetDescription *description, GPtrArray *arena,
    MfDiagnostics *diagnostics)
{
  static const MfConfigKind kinds[] = { { "target", false }, { "defaults", true }, { 0 } };
  g_autoptr (MfConfig) config = mf_config_load (path, diagnostics);
  return config && mf_config_check_kinds (config, kinds, diagnostics)
         && mf_diagnostics_errors (diagnostics) == 0
         && mf_target_describe (config, description, arena, diagnostics);
}
