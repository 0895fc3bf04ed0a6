// SPDX-License-Identifier: Apache-2.0
// memflow targets: the machines that memory is predicted for, and what common objects cost there.
#include "cli/cli.h"

#include <stdio.h>

#include "base/units.h"
#include "model/objects/objects.h"
#include "model/targets/description.h"

typedef struct {
  const char *name;
  MfShape shape;
} Sample;

// What engineers ask for first.
static const Sample samples[] = {
  { "an int of 60 bits", { .type = MF_PY_INT, .length = 60 } },
  { "a float", { .type = MF_PY_FLOAT } },
  { "a str of 10 ASCII characters", { .type = MF_PY_STR, .length = 10 } },
  { "bytes of 100", { .type = MF_PY_BYTES, .length = 100 } },
  { "a tuple of 3", { .type = MF_PY_TUPLE, .length = 3 } },
  { "a list of 100, appended", { .type = MF_PY_LIST, .length = 100, .made = MF_MADE_APPENDED } },
  { "a dict of 4 str keys", { .type = MF_PY_DICT, .length = 4 } },
  { "a dict of 100 str keys, inserted",
      { .type = MF_PY_DICT, .length = 100, .made = MF_MADE_APPENDED } },
  { "a set of 10", { .type = MF_PY_SET, .length = 10, .made = MF_MADE_APPENDED } },
  { "an instance with 3 attributes",
      { .type = MF_PY_INSTANCE, .length = 3, .flags = MF_SHAPE_HAS_DICT | MF_SHAPE_HAS_WEAKREF } },
  { "the first instance of its class", { .type = MF_PY_INSTANCE,
                                           .length = 3,
                                           .nth = 1,
                                           .flags = MF_SHAPE_HAS_DICT | MF_SHAPE_HAS_WEAKREF } },
  { "an instance with 3 slots", { .type = MF_PY_INSTANCE, .slots = 3 } },
  { "a function", { .type = MF_PY_FUNCTION } },
};

static void
print_size (const char *name, MfSize size)
{
  if (size.bytes != MF_SIZE_NONE.bytes)
    printf ("  %-12s %s\n", name, mf_size_print (size).text);
}

// MicroPython's shapes hold the bits, CPython's the digits.
static MfShape
int_of_bits (const MfTarget *target, uint64_t bits)
{
  uint64_t digits = mf_int_digits (target, bits);
  return (MfShape){ .type = MF_PY_INT,
    .made = MF_MADE_CAPACITY,
    .length = digits,
    .capacity = target->python == MF_PYTHON_MICROPYTHON ? bits : digits };
}

static void
print_samples (const MfTarget *target)
{
  printf ("\n  %-34s %9s %9s\n", "bytes of", "requested", "granted");
  for (gsize i = 0; i < G_N_ELEMENTS (samples); i++) {
    MfShape shape = samples[i].shape;
    MfObjectSize size;
    if (shape.type == MF_PY_INT)
      shape = int_of_bits (target, shape.length);
    if (!mf_object_size (target, &shape, &size))
      printf ("  %-34s %9s\n", samples[i].name, "not known");
    else
      printf ("  %-34s %9" G_GUINT64_FORMAT " %9" G_GUINT64_FORMAT "\n", samples[i].name,
          size.requested, size.granted);
  }
}

static void
print_target (const char *name, const MfTargetDescription *description)
{
  const MfTarget *target = &description->target;
  printf ("%s: %s, %s\n", name, description->facts.title, description->facts.python);
  printf ("  %-12s %s, %s-endian, pointers of %u bytes, 8-byte numbers aligned to %u\n", "machine",
      description->facts.architecture, target->big_endian ? "big" : "little", target->pointer,
      target->align8);
  print_size ("RAM", description->facts.ram);
  print_size ("heap", description->facts.heap);
  print_size ("stack", description->facts.stack);
  print_size ("flash", description->facts.flash);
  print_size ("storage", description->facts.storage);
  print_size ("baseline", description->facts.baseline);
  print_samples (target);
}

static const char *
short_size (MfSize size, MfWord *word)
{
  *word = mf_size_print (size);
  return size.bytes == MF_SIZE_NONE.bytes ? "-" : word->text;
}

static void
print_row (const char *name, const MfTargetDescription *description)
{
  MfWord heap, ram;
  printf ("%-24s %-17s %4u bit %9s %10s  %s\n", name, description->facts.python,
      8u * description->target.pointer, short_size (description->facts.heap, &heap),
      short_size (description->facts.ram, &ram), description->facts.title);
}

static MfStatus
each_target (char **names, void (*print) (const char *name, const MfTargetDescription *))
{
  g_autoptr (MfDiagnostics) diagnostics = mf_diagnostics_new ();
  g_autoptr (GPtrArray) arena = g_ptr_array_new_with_free_func (g_free);
  MfStatus status = MF_STATUS_OK;
  for (char **name = names; *name; name++) {
    MfTargetDescription description;
    g_autofree char *path = mf_cli_find_target (*name);
    if (!path)
      status
          = mf_cli_usage ("there is no target '%s' (memflow targets shows what there is)", *name);
    else if (!mf_target_load (path, &description, arena, diagnostics))
      status = MF_STATUS_CONFIGURATION;
    else
      print (*name, &description);
  }
  g_autoptr (GString) text = g_string_new (NULL);
  mf_diagnostics_print (diagnostics, text);
  g_printerr ("%s", text->str);
  return status;
}

int
mf_cli_targets (MfCommandLine *line)
{
  if (!mf_cli_parse (line, NULL, "[TARGET...]",
          "Shows the machines that memory is predicted for. With names or files of targets: the "
          "machine, and what common objects cost there.",
          NULL))
    return MF_STATUS_CONFIGURATION;
  if (line->argc > 1)
    return each_target (line->argv + 1, print_target);
  g_auto (GStrv) names = mf_cli_targets_installed ();
  if (!*names)
    return mf_cli_usage ("no targets are installed: install memflow's configs folder");
  printf (
      "%-24s %-17s %8s %9s %10s  %s\n", "target", "Python", "pointer", "heap", "RAM", "machine");
  return each_target (names, print_row);
}
